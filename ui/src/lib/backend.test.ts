import { clearMocks, mockIPC } from "@tauri-apps/api/mocks";
import { emit } from "@tauri-apps/api/event";
import { afterEach, expect, test, vi } from "vitest";
import { appBackend, asFailure, type Backend } from "./backend";

afterEach(() => clearMocks());

test("each method is the shell's command of the same name, with its arguments as they are", async () => {
  const calls: [string, unknown][] = [];
  mockIPC((command, args) => {
    calls.push([command, args]);
    return null;
  });
  const backend = await appBackend();
  const shown = { id: "h/o/r#1", head: "aa", seen: "ss" };
  const asked: [keyof Backend, object | undefined][] = [
    ["status", undefined],
    ["queue", { filter: "all" }],
    ["change", { id: "h/o/r#1" }],
    ["file", { id: "h/o/r#1", head: "aa", index: 2 }],
    ["mark_viewed", { id: "h/o/r#1", head: "aa", index: 2, viewed: true }],
    ["acknowledge", { id: "h/o/r#1", head: "aa", finding: "f", acknowledged: true, note: "seen" }],
    ["preflight", { ...shown, decision: "approve", words: "" }],
    ["decide", { ...shown, decision: "comment", words: "w" }],
    ["discard", { entry: "e" }],
    ["withdraw", { id: "h/o/r#1", review: "7", words: "w" }],
    ["search", { text: "ledger", after: null }],
    ["export_ledger", { form: "bundle" }],
    ["refresh", undefined],
    ["sign_in", { forge: "github.com", token: "t" }],
    ["network_settings", { forge: "github.com" }],
    ["set_proxy", { forge: "github.com", proxy: "at", address: "http://p:1", user: "u", password: "p" }],
    ["add_authority", undefined],
    ["remove_authority", { fingerprint: "AA:BB" }],
    ["test_connection", { forge: "github.com", token: "" }],
    ["set_client_id", { forge: "github.com", id: "Iv1.x" }],
    ["device_start", { forge: "github.com" }],
    ["device_wait", undefined],
    ["device_cancel", undefined],
    ["device_page", undefined],
    ["sign_out", { forget: true }],
    ["erase", undefined],
    ["diagnostics", undefined],
    ["export_diagnostics", { sha256: "ab" }],
    ["keys", undefined],
    ["choose_key", { fingerprint: "SHA256:x" }],
    ["make_key", undefined],
    ["register_key", undefined],
    ["propose_key", { id: "h/o/r#1" }],
    ["rotation", { fingerprint: "SHA256:x" }],
    ["set_prompted", { on: true }],
    ["open_link", { url: "https://github.com/" }],
  ];
  for (const [name, args] of asked) await (backend[name] as (args?: object) => Promise<unknown>)(args);
  expect(calls).toEqual(asked.map(([name, args]) => [name, args ?? {}]));
});

test("the event of the shell reaches the window", async () => {
  mockIPC(() => null, { shouldMockEvents: true });
  const backend = await appBackend();
  const told = vi.fn();
  const stop = await backend.onChanged(told);
  await emit("queue-changed", { revision: 7 });
  expect(told).toHaveBeenCalledExactlyOnceWith(7);
  stop();
});

test("a failure keeps its code; anything else is said to be ours", () => {
  const failure = { code: "moved", message: "m", hint: "h" };
  expect(asFailure(failure)).toBe(failure);
  expect(asFailure(new Error("x is undefined"))).toMatchObject({
    code: "other",
    message: expect.stringMatching(/x is undefined/u) as string,
  });
  expect(asFailure("text").message).toContain("text");
});
