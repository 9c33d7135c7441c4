import { render, screen } from "@testing-library/svelte";
import { expect, test } from "vitest";
import type { DecisionRow, HoldingView, Row } from "../lib/types";
import OutboxEntry from "./OutboxEntry.svelte";
import QueueRow from "./QueueRow.svelte";
import SignOffBar from "./SignOffBar.svelte";

const ENDED: HoldingView = {
  state: "ended",
  words: "No longer holds: the head moved to 9f1c6c1a; you approved 2ab84f0e.",
  todo: "Read what was pushed since and approve again.",
  as_of: "2026-11-24T10:00:00Z",
};
const HOLDS: HoldingView = { ...ENDED, state: "holds", words: "Holds until 1 Dec 2026, 14:24.", todo: "" };

function decision(holding: HoldingView | null): DecisionRow {
  return {
    entry: "e",
    decision: "approve",
    state: "confirmed",
    head: "2ab84f0e".repeat(5),
    signed_at: "2026-11-24T09:00:00Z",
    words: "",
    message: null,
    url: null,
    holding,
  };
}

function row(holding: HoldingView | null): Row {
  return {
    id: "first:h/o/r#1",
    account: "first",
    repo: "o/r",
    number: 1,
    title: "A title",
    author: "mika",
    since: "2026-11-24T09:00:00Z",
    badge: { involvement: "authored", tool: null },
    severity: "none",
    components: [],
    checks: { passed: 0, failed: 0, running: 0, skipped: 0 },
    additions: 0,
    deletions: 0,
    unread: false,
    draft: false,
    note: null,
    decision: decision(holding),
  };
}

test("a row of the queue says of an approval what it is now, not what it was", () => {
  const words = (holding: HoldingView | null): string => {
    const { container, unmount } = render(QueueRow, {
      row: row(holding),
      account: null,
      outbox: true,
      selected: false,
      stop: true,
      onopen: () => undefined,
      onkeydown: () => undefined,
    });
    const text = `${container.querySelector(".meta")?.textContent} ${container.querySelector(".good, .warn, .soft")?.classList[0]}`;
    unmount();
    return text;
  };
  expect(words(null)).toBe("Confirmed · o/r #1 good");
  expect(words(HOLDS)).toBe("Holds · o/r #1 good");
  expect(words(ENDED)).toBe("No longer holds · o/r #1 warn");
  expect(words({ ...HOLDS, state: "unknown" })).toBe("May not hold · o/r #1 soft");
});

test("the list says why an approval ended and what to do", () => {
  render(OutboxEntry, {
    desk: { label: () => "ghe.example.com" } as never,
    row: row(ENDED),
    decision: decision(ENDED),
    current: false,
    discard: async () => undefined,
  });
  const item = screen.getByRole("listitem");
  for (const words of ["No longer holds", ENDED.words, ENDED.todo]) expect(item.textContent).toContain(words);
  expect(item.textContent).toContain("ghe.example.com");
  expect(item.textContent).not.toContain("Confirmed");
});

function bar(change: object): HTMLElement {
  const shown = {
    head: "9f1c6c1a".repeat(5),
    target: "main",
    host: "github.com",
    findings: [],
    since_last: null,
    as_of: null,
    will_count: { answer: "yes", short: "as the 1st of 1", reasons: [] },
    key: null,
    decided: null,
    approval: null,
    ...change,
  };
  const { container } = render(SignOffBar, {
    desk: { sending: () => true } as never,
    change: shown as never,
  });
  return container;
}

test("beside the decision it is said whether the approval holds, and one that ended can be given again", () => {
  const ended = bar({ decided: decision(ENDED) });
  expect(ended.textContent).toContain(ENDED.words);
  expect(ended.textContent).toContain(ENDED.todo);
  expect(ended.textContent).toContain("Approve…");
  expect(ended.querySelector(".outcome .warn")).not.toBeNull();

  const holds = bar({ decided: decision(HOLDS) });
  expect(holds.textContent).toContain(`Approved. ${HOLDS.words}`);
  expect(holds.textContent).not.toContain("Approve…");

  const older = bar({ approval: { review: "9", head: "2ab84f0e".repeat(5), at: null, holding: ENDED } });
  expect(older.textContent).toContain(ENDED.words);
  expect(older.textContent).not.toContain("stands");
});

test("while a decision waits in the outbox it is taken back there, and later no more", () => {
  const queued: DecisionRow = { ...decision(null), state: "queued" };
  expect(bar({ decided: queued }).textContent).toContain("Take it back in the outbox");
  for (const state of ["pending", "submitted", "confirmed"] as const) {
    expect(bar({ decided: { ...queued, state } }).textContent).not.toContain("Take it back in the outbox");
  }
});
