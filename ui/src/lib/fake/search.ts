import type { DiffRow, Excerpt, FoundChange, FoundLine } from "../types";
import { ownerOf } from "./account";
import type { SampleChange } from "./build";

/** As many lines as the app lists of one change. */
const LINES = 5;

function excerpt(text: string, wanted: string): Excerpt | null {
  const at = text.toLowerCase().indexOf(wanted);
  if (at < 0) return null;
  const end = at + wanted.length;
  return { before: text.slice(0, at).trimStart(), hit: text.slice(at, end), after: text.slice(end) };
}

function textOf(row: DiffRow): string {
  return row.pieces.map((piece) => piece.text).join("");
}

/** What of a sample change has the text; null where nothing has. */
export function foundIn(id: string, change: SampleChange, wanted: string): FoundChange | null {
  const title = excerpt(change.title, wanted);
  const present = change.files.flatMap((file, index): FoundLine[] => {
    const base = { file: index, path: file.path };
    const path = excerpt(file.path, wanted);
    const ofPath: FoundLine[] =
      path === null ? [] : [{ ...base, row: null, number: null, kind: null, excerpt: path }];
    return file.rows.reduce<FoundLine[]>((found, row, at) => {
      const there = row.kind === "hunk" || row.kind === "note" ? null : excerpt(textOf(row), wanted);
      return there === null
        ? found
        : [...found, { ...base, row: at, number: row.new ?? row.old, kind: row.kind, excerpt: there }];
    }, ofPath);
  });
  const earlier = (change.earlier ?? []).flatMap(({ text, ...line }): FoundLine[] => {
    const there = excerpt(text, wanted);
    return there === null ? [] : [{ ...line, file: null, row: null, excerpt: there }];
  });
  const lines = present.length > 0 ? present : earlier;
  if (title === null && lines.length === 0) return null;
  return {
    id,
    account: ownerOf(id).account,
    repo: change.repo,
    number: change.number,
    title: change.title,
    state: "waits for you",
    texts: title === null ? [] : [{ place: "title", excerpt: title }],
    lines: lines.slice(0, LINES),
    more: Math.max(0, lines.length - LINES),
  };
}
