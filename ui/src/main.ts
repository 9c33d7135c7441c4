import { mount } from "svelte";
import App from "./App.svelte";
import { appBackend, inApp } from "./lib/backend";
import { Desk } from "./lib/desk.svelte";
import "./styles/tokens.css";
import "./styles/base.css";

const query = new URLSearchParams(location.search);
const theme = query.get("theme");
if (theme === "dark" || theme === "light") document.documentElement.dataset["theme"] = theme;

const sample = query.get("fake");
const backend =
  inApp() && sample === null
    ? await appBackend()
    : (await import("./lib/fake/fake")).fakeBackend(sample ?? "");
const desk = new Desk(backend);
const target = document.getElementById("app");
if (target !== null) mount(App, { target, props: { desk } });
