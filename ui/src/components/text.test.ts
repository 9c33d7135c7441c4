import { render, screen } from "@testing-library/svelte";
import { expect, test } from "vitest";
import type { Row } from "../lib/types";
import Evidence from "./Evidence.svelte";
import QueueRow from "./QueueRow.svelte";
import Runs from "./Runs.svelte";

const HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script>{@html 1}';

test("text from the forge is text, wherever it stands", () => {
  const row: Row = {
    id: "first:h/o/r#1",
    account: "first",
    repo: HOSTILE,
    number: 1,
    title: HOSTILE,
    author: HOSTILE,
    since: new Date().toISOString(),
    badge: { involvement: "authored", tool: HOSTILE },
    severity: "high",
    components: [],
    checks: { passed: 1, failed: 0, running: 0, skipped: 0 },
    additions: 1,
    deletions: 2,
    unread: true,
    draft: false,
    note: HOSTILE,
    decision: null,
  };
  const { container } = render(QueueRow, {
    row,
    account: null,
    outbox: false,
    selected: false,
    stop: true,
    onopen: () => undefined,
    onkeydown: () => undefined,
  });
  render(Runs, {
    runs: [
      { text: HOSTILE, strong: true, code: false },
      { text: HOSTILE, strong: false, code: true },
    ],
  });
  render(Evidence, {
    change: {
      badge: row.badge,
      involvement_words: HOSTILE,
      evidence: [{ strength: "weak", role: HOSTILE, text: HOSTILE, place: HOSTILE, tool: HOSTILE }],
    } as never,
  });
  expect(document.querySelector("img, script")).toBeNull();
  expect(container.textContent).toContain(HOSTILE);
});

test("a row says in words what its shapes say", () => {
  render(QueueRow, {
    row: {
      id: "first:h/o/r#1",
      account: "first",
      repo: "o/r",
      number: 1,
      title: "A title",
      author: "mika",
      since: new Date().toISOString(),
      badge: { involvement: "suspected", tool: "Cursor" },
      severity: "critical",
      components: [],
      checks: { passed: 4, failed: 1, running: 0, skipped: 0 },
      additions: 1,
      deletions: 2,
      unread: true,
      draft: true,
      note: null,
      decision: null,
    },
    account: null,
    outbox: false,
    selected: true,
    stop: true,
    onopen: () => undefined,
    onkeydown: () => undefined,
  });
  const option = screen.getByRole("option", { selected: true });
  for (const words of [
    "A title",
    "o/r #1 · mika",
    "Suspected · Cursor",
    "checks: 1 failed, 4 passed",
    "Draft",
  ]) {
    expect(option.textContent).toContain(words);
  }
  expect(screen.getByRole("img", { name: "Critical" })).toBeTruthy();
});
