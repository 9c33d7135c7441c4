import { fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { expect, test, vi } from "vitest";
import type { Rotation } from "../lib/types";
import KeyRotation from "./KeyRotation.svelte";

const OLD = "SHA256:old";
const ROTATION: Rotation = {
  keys: [OLD, "SHA256:other"],
  old: OLD,
  signed: [
    {
      change: "github.com/acme/web#7",
      head: "2ab84f0e".repeat(5),
      decision: "approve",
      state: "confirmed",
      signed_at: "2026-11-24T09:00:00Z",
      holding: { state: "holds", words: "Holds until 1 Dec 2026.", todo: "", as_of: "2026-11-24T10:00:00Z" },
      again: true,
    },
    {
      change: "github.com/acme/api#3",
      head: "9f1c6c1a".repeat(5),
      decision: "request_changes",
      state: "confirmed",
      signed_at: "2026-11-20T09:00:00Z",
      holding: null,
      again: false,
    },
  ],
  again: 1,
  until: "2026-12-01T14:24:00Z",
  places: [
    {
      repo: "acme/web",
      branch: "main",
      path: ".github/allowed_signers",
      line: 'priya valid-before="20261201142400Z" ssh-ed25519 AAAA',
      until: "2026-12-01T14:24:00Z",
      ended: false,
      revoked_path: null,
      revoked: false,
    },
  ],
  revoked_line: "ssh-ed25519 AAAA",
  new_line: null,
  messages: [],
};

async function unfolded(rotation: Rotation) {
  const ask = vi.fn(async (_: { account: string; fingerprint: string | null }) => rotation);
  const view = render(KeyRotation, {
    desk: { status: {}, backend: { rotation: ask } } as never,
    account: "first",
  });
  expect(ask).not.toHaveBeenCalled();
  await fireEvent.click(screen.getByText("Replace or revoke a key…"));
  await screen.findByText("What happened to it?");
  return { ask, ...view };
}

function lines(container: HTMLElement): string[] {
  return [...container.querySelectorAll("textarea")].map((field) => field.value);
}

test("what the key signed is listed, with what must be approved again", async () => {
  const { container } = await unfolded(ROTATION);
  expect(container.querySelector("h3")?.textContent).toContain("It signed 2 decisions");
  const [first, second] = container.querySelectorAll("ul > li");
  for (const words of ["Holds", "Approve acme/web #7", "2ab84f0e", "approved again"])
    expect(first?.textContent).toContain(words);
  expect(second?.textContent).toContain("Request changes on acme/api #3");
  expect(second?.textContent).not.toContain("again");
});

test("a key at hand gets an end, and a lost one is revoked, each with its lines in order", async () => {
  const { container, rerender } = await unfolded(ROTATION);
  expect(lines(container)).toEqual([]);
  await fireEvent.click(screen.getByLabelText(/I have it still/u));
  expect(lines(container)).toEqual([ROTATION.places[0]?.line]);
  expect(container.textContent).toContain("Choose or make the key that signs from now on");

  await fireEvent.click(screen.getByLabelText(/lost or stolen/u));
  expect(lines(container)).toEqual([ROTATION.revoked_line]);
  expect(container.textContent).toContain("names no such file yet");
  expect(container.textContent).toContain("Approve 1 open change again");

  const later: Rotation = {
    ...ROTATION,
    new_line: "priya ssh-ed25519 BBBB",
    places: ROTATION.places.map((place) => ({ ...place, revoked_path: ".github/revoked" })),
  };
  const ask = vi.fn(async () => later);
  await rerender({ desk: { status: {}, backend: { rotation: ask } } as never });
  await waitFor(() => expect(lines(container)).toEqual([ROTATION.revoked_line, later.new_line]));
  expect(ask).toHaveBeenCalledWith({ account: "first", fingerprint: OLD });
  expect(container.textContent).toContain(".github/revoked");
  expect(container.textContent).not.toContain("names no such file");
});

test("another key can be asked about", async () => {
  const { ask } = await unfolded(ROTATION);
  await fireEvent.change(screen.getByLabelText(/Which key/u), { target: { value: "SHA256:other" } });
  await waitFor(() =>
    expect(ask).toHaveBeenLastCalledWith({ account: "first", fingerprint: "SHA256:other" }),
  );
});
