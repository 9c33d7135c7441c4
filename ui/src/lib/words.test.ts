import { expect, test } from "vitest";
import type { CheckCounts, KeyView, OutboxStateView, Row } from "./types";
import {
  badgeWords,
  checksInFull,
  checkWords,
  count,
  decisionOn,
  fellThrough,
  keyAlgorithm,
  keyPlace,
  matches,
  outcome,
  shortFingerprint,
  stands,
  trail,
} from "./words";

const NO: CheckCounts = { passed: 0, failed: 0, running: 0, skipped: 0 };

test("what is worst about the checks is what a row shows", () => {
  expect(checkWords(NO)).toBeNull();
  expect(checkWords({ ...NO, passed: 12 })).toEqual({ icon: "check", text: "12" });
  expect(checkWords({ ...NO, passed: 4, skipped: 1 })).toEqual({ icon: "skip", text: "4 of 5" });
  expect(checkWords({ ...NO, passed: 4, running: 2, skipped: 1 })).toEqual({ icon: "clock", text: "4 of 7" });
  expect(checkWords({ passed: 4, failed: 2, running: 2, skipped: 1 })).toEqual({ icon: "cross", text: "2" });
  expect(checksInFull({ passed: 4, failed: 1, running: 0, skipped: 2 })).toBe(
    "checks: 1 failed, 2 skipped, 4 passed",
  );
});

test("every state either moves on or is over, and only one step is now", () => {
  const states: OutboxStateView[] = [
    "queued",
    "pending",
    "submitted",
    "confirmed",
    "superseded",
    "expired",
    "handed_back",
    "refused",
    "withdrawn",
  ];
  for (const state of states) {
    const steps = trail(state);
    expect(steps.length === 0).toBe(!stands(state));
    if (fellThrough(state)) expect(stands(state)).toBe(false);
    if (stands(state)) expect(steps.filter((step) => step.now).length).toBe(1);
  }
});

test("an outcome never claims more than its state", () => {
  const row = {
    entry: "e",
    decision: "approve",
    head: "a",
    signed_at: "",
    words: "",
    url: null,
    holding: null,
  } as const;
  expect(outcome({ ...row, state: "queued", message: null }, "github.com", true)).toBe(
    "Signed: approve. Sending…",
  );
  expect(outcome({ ...row, state: "queued", message: null }, "github.com", false)).toBe(
    "Signed: approve. It waits in the outbox.",
  );
  expect(outcome({ ...row, state: "submitted", message: null }, "github.com", true)).not.toContain(
    "Approved",
  );
  expect(outcome({ ...row, state: "confirmed", message: null }, "github.com", true)).toContain("Approved");
  const message = { what: "Not sent, and it will not be.", kept: "", todo: "" };
  expect(outcome({ ...row, state: "superseded", message }, "github.com", true)).toBe(
    "Not sent, and it will not be.",
  );
});

test("keys are named by place, algorithm and both ends of the fingerprint", () => {
  const key: KeyView = {
    fingerprint: "SHA256:Qm4vXk2h0dYb7sJr9uWfLc3nTgA8eZpI5oMqRxVwt9E",
    algorithm: "sk-ssh-ed25519@openssh.com",
    comment: "",
    place: "agent",
    hardware: true,
    chosen: true,
    public_line: "",
  };
  expect(keyPlace(key)).toBe("Security key");
  expect(keyAlgorithm(key)).toBe("ed25519-sk");
  expect(keyAlgorithm({ ...key, algorithm: "ssh-ed25519" })).toBe("ed25519");
  expect(keyPlace({ ...key, hardware: false })).toBe("Key in ssh-agent");
  expect(keyPlace({ ...key, hardware: false, place: "keychain" })).toBe("Key in the keychain");
  expect(shortFingerprint(key.fingerprint)).toBe("SHA256:Qm4v…t9E");
  expect(shortFingerprint("odd")).toBe("odd");
});

test("a search matches where each of its words occurs somewhere", () => {
  const row = {
    repo: "acme/infra",
    number: 482,
    title: "Move prod-eu",
    author: "mika",
    badge: { involvement: "authored", tool: "Kiro" },
    severity: "critical",
  } as Row;
  for (const search of ["", "kiro", "INFRA move", "acme/infra#482", "#482 mika", "critical"]) {
    expect(matches(row, search), search).toBe(true);
  }
  expect(matches(row, "kiro payments")).toBe(false);
});

test("words fit their number", () => {
  expect(count(1, "finding")).toBe("1 finding");
  expect(count(1204, "finding")).toBe("1,204 findings");
  expect(decisionOn("approve", "acme/web", 3)).toBe("Approve acme/web #3");
  expect(decisionOn("request_changes", "acme/web", 3)).toBe("Request changes on acme/web #3");
  expect(badgeWords({ involvement: "undeclared", tool: null })).toBe("Undeclared");
});
