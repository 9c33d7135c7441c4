import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Backend } from "./backend";
import { Searching } from "./searching.svelte";
import type { Found, FoundChange } from "./types";

const one = (number: number): FoundChange => ({
  id: `github.com/acme/web#${number}`,
  repo: "acme/web",
  number,
  title: "",
  state: "open",
  texts: [],
  lines: [],
  more: 0,
});

/** A backend whose steps the test answers one by one. */
function stepwise() {
  const asked: { text: string; after: string | null; answer: (found: Found) => void }[] = [];
  const backend = {
    search: (args: { text: string; after: string | null }) =>
      new Promise<Found>((answer) => asked.push({ ...args, answer })),
  } as unknown as Backend;
  const answer = async (numbers: number[], next: string | null): Promise<void> => {
    const last = asked.at(-1);
    last?.answer({ changes: numbers.map(one), searched: 10, without_diff: 1, of: 30, next });
    await vi.advanceTimersByTimeAsync(0);
  };
  return { asked, answer, search: new Searching(() => backend) };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a search goes step by step to its end, and what it found so far is there", async () => {
  const { asked, answer, search } = stepwise();
  search.want("led");
  search.want("ledger ");
  expect(search.busy).toBe(true);
  expect(asked).toHaveLength(0);
  await vi.advanceTimersByTimeAsync(300);
  expect(asked.map(({ text, after }) => [text, after])).toEqual([["ledger", null]]);
  await answer([1], "a");
  expect([search.found.length, search.searched, search.busy]).toEqual([1, 10, true]);
  await answer([2], null);
  expect(asked[1]?.after).toBe("a");
  expect([search.found.map(({ number }) => number), search.busy, search.withoutDiff]).toEqual([
    [1, 2],
    false,
    2,
  ]);
});

test("an answer to another text is dropped", async () => {
  const { asked, answer, search } = stepwise();
  search.want("one");
  await vi.advanceTimersByTimeAsync(300);
  const first = asked[0];
  search.want("two");
  await vi.advanceTimersByTimeAsync(300);
  await answer([2], null);
  first?.answer({ changes: [one(1)], searched: 1, without_diff: 0, of: 1, next: "x" });
  await vi.advanceTimersByTimeAsync(0);
  expect(search.found.map(({ number }) => number)).toEqual([2]);
  expect(asked).toHaveLength(2);
});

test("one letter is not searched for, and enough is enough until it is asked to go on", async () => {
  const { asked, answer, search } = stepwise();
  search.want("a");
  await vi.advanceTimersByTimeAsync(300);
  expect([asked.length, search.busy]).toEqual([0, false]);
  search.want("ab");
  await vi.advanceTimersByTimeAsync(300);
  await answer(
    Array.from({ length: 50 }, (_, at) => at),
    "more",
  );
  expect([asked.length, search.busy, search.next]).toEqual([1, false, "more"]);
  void search.goOn();
  await answer([99], null);
  expect(search.found).toHaveLength(51);
});
