import { expect, test } from "vitest";
import { columns, height, itemAt, itemOfFinding, layout, NOTE, numberWidth, part, ROW } from "./windowing";

test("a finding stands after its line and takes two rows", () => {
  const column = layout(3, [{ finding: 7, row: 1 }]);
  expect(column.items).toEqual([
    { kind: "line", row: 0 },
    { kind: "line", row: 1 },
    { kind: "note", row: 1, finding: 7 },
    { kind: "line", row: 2 },
  ]);
  expect([...column.tops]).toEqual([0, ROW, 2 * ROW, 2 * ROW + NOTE, 3 * ROW + NOTE]);
  expect(NOTE).toBe(2 * ROW);
});

test("no finding is lost: about the file, beyond its end, twice on a line, in a file without lines", () => {
  const column = layout(2, [
    { finding: 0, row: null },
    { finding: 1, row: 99 },
    { finding: 2, row: 0 },
    { finding: 3, row: 0 },
  ]);
  expect(column.items.flatMap((item) => (item.kind === "note" ? [item.finding] : []))).toEqual([0, 2, 3, 1]);
  expect(column.items[0]).toEqual({ kind: "note", row: null, finding: 0 });
  expect(itemOfFinding(column, 1)).toBe(column.items.length - 1);
  expect(itemOfFinding(column, 9)).toBe(-1);
  expect(layout(0, [{ finding: 4, row: 12 }]).items).toEqual([{ kind: "note", row: null, finding: 4 }]);
});

test("the item at a distance is the one that covers it", () => {
  const column = layout(100, [{ finding: 0, row: 9 }]);
  for (let distance = 0; distance < height(column); distance += 1) {
    const index = itemAt(column, distance);
    expect(column.tops[index]).toBeLessThanOrEqual(distance);
    expect(column.tops[index + 1]).toBeGreaterThan(distance);
  }
});

test("a part of twenty thousand lines is drawn, and it covers what is seen", () => {
  const column = layout(20_000, [{ finding: 0, row: 10_000 }]);
  for (const top of [-300, 0, 12_345, 200_000, height(column) - 500]) {
    const { start, end } = part(column, top, 800, 400);
    expect(end - start).toBeLessThan(90);
    expect(column.tops[start]).toBeLessThanOrEqual(Math.max(0, top));
    expect(column.tops[end]).toBeGreaterThanOrEqual(Math.min(height(column), top + 800));
  }
});

test("nothing is drawn of a diff that is out of sight", () => {
  const column = layout(50, []);
  expect(part(column, -2_000, 800, 400)).toEqual({ start: 0, end: 0 });
  expect(part(column, 5_000, 800, 400)).toEqual({ start: 0, end: 0 });
  expect(part(layout(0, []), 0, 800, 400)).toEqual({ start: 0, end: 0 });
});

test("tabs and wide characters take two columns", () => {
  expect(columns("a\tb")).toBe(4);
  expect(columns("漢字")).toBe(4);
  expect(columns("")).toBe(0);
});

test("long line numbers get the room that they need", () => {
  expect(numberWidth(9_999)).toBe(36);
  expect(numberWidth(20_000)).toBeGreaterThan(numberWidth(9_999));
});
