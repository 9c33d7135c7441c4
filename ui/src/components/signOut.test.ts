import { fireEvent, render, screen } from "@testing-library/svelte";
import { expect, test, vi } from "vitest";
import { Desk } from "../lib/desk.svelte";
import { fakeBackend } from "../lib/fake/fake";
import SignOut from "./SignOut.svelte";

test("what a sign-out may have left behind is said over the window, where the account no longer is", async () => {
  const backend = fakeBackend("");
  const desk = new Desk(backend);
  await desk.start();
  const account = desk.accounts[0];
  if (account === undefined) throw new Error("the sample has an account");
  const signOut = backend.sign_out.bind(backend);
  vi.spyOn(backend, "sign_out").mockImplementation(async (args) => {
    await signOut(args);
    return { what: "Signed out.", kept: "", todo: "Remove it from the keychain." };
  });
  render(SignOut, { desk, account });
  await fireEvent.click(screen.getByText("Sign out"));
  await vi.waitFor(() => expect(desk.failure?.hint).toBe("Remove it from the keychain."), 10_000);
  expect(desk.status?.account).toBeNull();
}, 30_000);
