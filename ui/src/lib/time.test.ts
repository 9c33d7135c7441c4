import { expect, test } from "vitest";
import { age, ago, clock, secondsSince, span } from "./time";

const NOW = Date.parse("2026-03-04T12:00:00Z");
const before = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString();

test.each([
  [0, "0 s"],
  [59, "59 s"],
  [60, "1 min"],
  [3_599, "59 min"],
  [3_600, "1 h"],
  [86_399, "23 h"],
  [86_400, "1 d"],
  [13 * 86_400, "13 d"],
  [14 * 86_400, "2 w"],
  [-5, "0 s"],
])("%i seconds are %s", (seconds, words) => {
  expect(span(seconds)).toBe(words);
});

test("a row's age does not count seconds", () => {
  expect(age(before(59), NOW)).toBe("now");
  expect(age(before(26 * 60), NOW)).toBe("26 min");
  expect(age("not a time", NOW)).toBe("");
  expect(ago(before(2), NOW)).toBe("just now");
  expect(ago(before(7_200), NOW)).toBe("2 h ago");
});

test("a time to come is negative, so that a next poll can be counted down", () => {
  expect(secondsSince(before(-20), NOW)).toBe(-20);
});

test("clock time has its date unless it is today's", () => {
  expect(clock(before(60), NOW)).toMatch(/^\d\d:\d\d$/u);
  expect(clock(before(3 * 86_400), NOW)).toMatch(/, \d\d:\d\d$/u);
  expect(clock("nonsense", NOW)).toBe("");
});
