import type { DiffRow, FileKind, Piece, RowKind } from "../types";

const SIGN: Record<string, RowKind> = { "+": "added", "-": "removed", " ": "context", "\\": "note" };

function pieces(text: string): Piece[] {
  // Enough of a highlighter to see that classes arrive: comments and invisible characters.
  const parts: Piece[] = [];
  for (const part of text.split(/([\u200b-\u200f\u202a-\u202e\u2066-\u2069])/u)) {
    if (part === "") continue;
    const code = part.codePointAt(0) ?? 0;
    if (part.length === 1 && code >= 0x200b && code <= 0x2069) {
      parts.push({ text: `U+${code.toString(16).toUpperCase()}`, class: "hidden-char" });
    } else {
      parts.push({ text: part, class: /^\s*(?:#|\/\/|--)/u.test(part) ? "com" : "" });
    }
  }
  return parts;
}

/** Rows of a unified diff that begins with its hunk header; a line after » is new since one last looked. */
export function rowsOf(diff: string): DiffRow[] {
  let old = 0;
  let now = 0;
  return diff
    .replace(/^\n/u, "")
    .split("\n")
    .map((whole): DiffRow => {
      const fresh = whole.startsWith("»");
      const line = fresh ? whole.slice(1) : whole;
      const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)/u.exec(line);
      if (hunk !== null) {
        old = Number(hunk[1]);
        now = Number(hunk[2]);
        return { kind: "hunk", old: null, new: null, pieces: [{ text: line, class: "" }], cut: null, fresh };
      }
      const kind = SIGN[line[0] ?? " "] ?? "context";
      const row: DiffRow = { kind, old: null, new: null, pieces: pieces(line.slice(1)), cut: null, fresh };
      if (kind === "context" || kind === "removed") row.old = old++;
      if (kind === "context" || kind === "added") row.new = now++;
      return row;
    });
}

/** A file of the sample. */
export interface SampleFile {
  path: string;
  old_path?: string;
  kind?: FileKind;
  note?: string;
  viewed?: boolean;
  rows: DiffRow[];
}

/** Lines added and removed. */
export function counts(rows: DiffRow[]): { additions: number; deletions: number } {
  return {
    additions: rows.filter((row) => row.kind === "added").length,
    deletions: rows.filter((row) => row.kind === "removed").length,
  };
}

/** A file of so many lines, for the windowed rows to prove themselves. */
export function longFile(lines: number): DiffRow[] {
  const rows: DiffRow[] = rowsOf(`@@ -1,${lines} +1,${lines} @@ create table rates`);
  for (let line = 1; line <= lines; line += 1) {
    const kind: RowKind = line % 97 === 0 ? "added" : line % 101 === 0 ? "removed" : "context";
    rows.push({
      kind,
      old: kind === "added" ? null : line,
      new: kind === "removed" ? null : line,
      pieces: [
        {
          text: `  insert into rates values (${line}, 'EUR', 'USD', 1.${String(line * 7919).slice(-4)});`,
          class: "",
        },
      ],
      cut: line === 500 ? 12_431 : null,
      fresh: false,
    });
  }
  return rows;
}
