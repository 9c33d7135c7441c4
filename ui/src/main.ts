import { mount } from "svelte";
import App from "./App.svelte";
import { appBackend, inApp, type Backend } from "./lib/backend";
import { Desk } from "./lib/desk.svelte";
import "./styles/tokens.css";
import "./styles/base.css";

const query = new URLSearchParams(location.search);
const theme = query.get("theme");
if (theme === "dark" || theme === "light") document.documentElement.dataset["theme"] = theme;

const sample = query.get("fake");

async function sampleBackend(variant: string): Promise<Backend> {
  const { fakeBackend } = await import("./lib/fake/fake");
  if (!query.has("slow")) return fakeBackend(variant);
  return (await import("./lib/fake/slow")).slowed(fakeBackend(variant));
}

const backend = inApp() && sample === null ? await appBackend() : await sampleBackend(sample ?? "");
const desk = new Desk(backend);
const target = document.getElementById("app");
if (target !== null) mount(App, { target, props: { desk } });
