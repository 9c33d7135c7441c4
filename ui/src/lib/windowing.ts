/** Height of a line of the diff in CSS pixels; the style sheet's --row-diff. */
export const ROW = 20;
/** A finding takes exactly two lines, so that no row has to be measured. */
export const NOTE = 2 * ROW;

/** One thing in the diff's column: a line, or a finding that belongs to the line before it. */
export type Item = { kind: "line"; row: number } | { kind: "note"; row: number | null; finding: number };

export interface Layout {
  items: Item[];
  /** Distance from the top, per item; one more entry at the end: the whole height. */
  tops: Float64Array;
}

/** A finding's place: its row, or null where it is about the file as a whole. */
export interface Placed {
  finding: number;
  row: number | null;
}

/**
 * Lines and findings in one column. Findings about the file stand before its first line; a finding whose row is beyond
 * the last line stands after it, so that none is lost.
 */
export function layout(rows: number, findings: Placed[]): Layout {
  const after = new Map<number, number[]>();
  const items: Item[] = [];
  for (const { finding, row } of findings) {
    if (row === null || rows === 0) {
      items.push({ kind: "note", row: null, finding });
      continue;
    }
    const at = Math.min(row, rows - 1);
    const there = after.get(at);
    if (there === undefined) after.set(at, [finding]);
    else there.push(finding);
  }
  for (let row = 0; row < rows; row += 1) {
    items.push({ kind: "line", row });
    for (const finding of after.get(row) ?? []) items.push({ kind: "note", row, finding });
  }
  const tops = new Float64Array(items.length + 1);
  items.forEach((item, index) => {
    tops[index + 1] = (tops[index] ?? 0) + (item.kind === "line" ? ROW : NOTE);
  });
  return { items, tops };
}

/** Whole height in pixels. */
export function height(of: Layout): number {
  return of.tops[of.items.length] ?? 0;
}

/** Index of the item at a distance from the top, kept within the list. */
export function itemAt(of: Layout, distance: number): number {
  let low = 0;
  let high = of.items.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((of.tops[middle] ?? 0) <= distance) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Items to draw, from `start` up to but without `end`, for a view `tall` pixels high that begins at `top`. */
export function part(of: Layout, top: number, tall: number, spare: number): { start: number; end: number } {
  if (of.items.length === 0 || top + tall < 0 || top > height(of)) return { start: 0, end: 0 };
  const start = itemAt(of, Math.max(0, top - spare));
  const end = itemAt(of, Math.max(0, top + tall + spare)) + 1;
  return { start, end };
}

/** Index of a finding's item; -1 where it is not in this file. */
export function itemOfFinding(of: Layout, finding: number): number {
  return of.items.findIndex((item) => item.kind === "note" && item.finding === finding);
}

/** Index of a row's item; -1 where there is no such row. */
export function itemOfRow(of: Layout, row: number): number {
  return of.items.findIndex((item) => item.kind === "line" && item.row === row);
}

/** Columns that a line takes: a tab two, a wide character two. Decides how far the diff scrolls sideways. */
export function columns(text: string): number {
  let sum = 0;
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    const wide = code >= 0x1100 && (code <= 0x115f || (code >= 0x2e80 && code <= 0xffdc) || code >= 0x1f300);
    sum += char === "\t" || wide ? 2 : 1;
  }
  return sum;
}

/** Width in pixels of a column that holds line numbers up to `highest`. Four digits have room in the least. */
export function numberWidth(highest: number): number {
  return Math.max(36, String(highest).length * 7 + 8);
}
