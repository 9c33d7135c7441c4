//! A file's diff as rows of one line each, nothing in them invisible.

use countersign_core::patch::{FilePatch, Hunk, Line, LineKind};

pub use crate::hidden::visible;
use crate::hidden::{is_hidden, name};
use crate::highlight::Highlighter;
use crate::since::Fresh;
use crate::view::{DiffRow, Piece, RowKind};

/// Characters of a line that are shown; such a line is not coloured either.
const MAX_CHARS: usize = 2_000;
/// Rows of a file beyond which it is not coloured.
const MAX_COLOURED_ROWS: usize = 5_000;

/// Rows of a file that are shown: more than this is data, and would only choke the window.
const MAX_ROWS: usize = 50_000;

/// Class of a piece that stands for something invisible.
const HIDDEN: &str = "hidden-char";

/// All rows of a file: for each hunk its header, then its lines; a line that ends the file without a line end is
/// followed by a note.
pub(crate) fn rows<'p>(file: &FilePatch<'p>, mut fresh: Fresh<'p>) -> Vec<DiffRow> {
    let lines = file.lines().count();
    let mut highlighter = if lines > MAX_COLOURED_ROWS {
        None
    } else {
        Highlighter::for_path(&file.display_path())
    };
    let mut rows = Vec::with_capacity(lines + file.hunks.len());
    for hunk in &file.hunks {
        if let Some(highlighter) = &mut highlighter {
            highlighter.restart();
        }
        rows.push(header(hunk));
        for line in &hunk.lines {
            if rows.len() >= MAX_ROWS {
                let shown = rows.iter().filter(|row| is_line(row)).count();
                rows.push(note(format!(
                    "{} more changed and unchanged lines are not shown: this file is too large for the window. Read it at the forge.",
                    lines - shown
                )));
                return rows;
            }
            rows.push(DiffRow {
                fresh: fresh.takes(line),
                ..row(line, highlighter.as_mut())
            });
            if line.no_newline {
                rows.push(note("No newline at end of file".into()));
            }
        }
    }
    rows
}

fn note(text: String) -> DiffRow {
    DiffRow {
        kind: RowKind::Note,
        old: None,
        new: None,
        pieces: vec![Piece {
            text,
            class: String::new(),
        }],
        cut: None,
        fresh: false,
    }
}

fn is_line(row: &DiffRow) -> bool {
    row.old.is_some() || row.new.is_some()
}

fn header(hunk: &Hunk<'_>) -> DiffRow {
    let mut text = format!(
        "@@ -{},{} +{},{} @@",
        hunk.old_start, hunk.old_count, hunk.new_start, hunk.new_count
    )
    .into_bytes();
    if !hunk.section.is_empty() {
        text.push(b' ');
        text.extend(hunk.section);
    }
    let (pieces, cut) = pieces(&text, None);
    DiffRow {
        kind: RowKind::Hunk,
        old: None,
        new: None,
        pieces,
        cut,
        fresh: false,
    }
}

fn row(line: &Line<'_>, highlighter: Option<&mut Highlighter>) -> DiffRow {
    let (pieces, cut) = pieces(line.text, highlighter.map(|highlighter| (highlighter, line.kind)));
    let kind = match line.kind {
        LineKind::Context => RowKind::Context,
        LineKind::Added => RowKind::Added,
        LineKind::Removed => RowKind::Removed,
    };
    DiffRow {
        kind,
        old: line.old,
        new: line.new,
        pieces,
        cut,
        fresh: false,
    }
}

/// A line's pieces, and how many characters are left out.
fn pieces(bytes: &[u8], highlighter: Option<(&mut Highlighter, LineKind)>) -> (Vec<Piece>, Option<u32>) {
    let (text, wrong) = decode(bytes);
    let length = text.chars().count();
    let runs = match highlighter {
        Some((highlighter, kind)) if length <= MAX_CHARS => highlighter.line(kind, &text),
        Some(_) | None => Vec::new(),
    };
    let mut pieces: Vec<Piece> = Vec::new();
    let mut runs = runs.into_iter().peekable();
    let mut wrong = wrong.into_iter().peekable();
    for (at, c) in text.char_indices().take(MAX_CHARS) {
        while runs.next_if(|(end, _)| *end <= at).is_some() {}
        let class = runs.peek().map_or("", |(_, class)| class);
        let byte = wrong.next_if(|(place, _)| *place == at);
        let hidden = match byte {
            Some((_, byte)) => Some(format!("\\x{byte:02X}")),
            None if c != '\t' && is_hidden(c) => Some(name(c)),
            None => None,
        };
        match (hidden, pieces.last_mut()) {
            (Some(text), _) => pieces.push(Piece {
                text,
                class: HIDDEN.into(),
            }),
            (None, Some(last)) if last.class == class => last.text.push(c),
            (None, _) => pieces.push(Piece {
                text: c.into(),
                class: class.into(),
            }),
        }
    }
    let cut = length.checked_sub(MAX_CHARS).filter(|left| *left > 0);
    (pieces, cut.map(|left| u32::try_from(left).unwrap_or(u32::MAX)))
}

/// The text with U+FFFD for each byte that is not UTF-8, and where those stand and which they are.
fn decode(bytes: &[u8]) -> (String, Vec<(usize, u8)>) {
    let mut text = String::with_capacity(bytes.len());
    let mut wrong = Vec::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            wrong.push((text.len(), *byte));
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    (text, wrong)
}

#[cfg(test)]
mod tests {
    use countersign_core::patch::Patch;

    use super::*;

    fn rows_of(path: &str, body: &[u8], header: &str) -> Vec<DiffRow> {
        let mut diff = format!(
            "diff --git a/{path} b/{path}\nindex 1111111..2222222 100644\n--- a/{path}\n+++ b/{path}\n{header}\n"
        )
        .into_bytes();
        diff.extend(body);
        let patch = Patch::parse(&diff).unwrap();
        rows(&patch.files[0], Fresh::default())
    }

    fn text(row: &DiffRow) -> String {
        row.pieces.iter().map(|piece| piece.text.as_str()).collect()
    }

    fn hidden(row: &DiffRow) -> Vec<&str> {
        row.pieces
            .iter()
            .filter(|piece| piece.class == HIDDEN)
            .map(|piece| piece.text.as_str())
            .collect()
    }

    #[test]
    fn headers_lines_numbers_and_the_missing_line_end() {
        let body = b" fn a() {\n-    1\n+    2\n }\n\\ No newline at end of file\n";
        let rows = rows_of("a.rs", body, "@@ -7,3 +7,3 @@ impl B");
        let kinds: Vec<_> = rows.iter().map(|row| (row.kind, row.old, row.new)).collect();
        assert_eq!(
            kinds,
            [
                (RowKind::Hunk, None, None),
                (RowKind::Context, Some(7), Some(7)),
                (RowKind::Removed, Some(8), None),
                (RowKind::Added, None, Some(8)),
                (RowKind::Context, Some(9), Some(9)),
                (RowKind::Note, None, None),
            ]
        );
        assert_eq!(text(&rows[0]), "@@ -7,3 +7,3 @@ impl B");
        assert_eq!(text(&rows[2]), "    1");
        assert!(
            rows[1].pieces.contains(&Piece {
                text: "a".into(),
                class: "fn".into()
            }),
            "{:?}",
            rows[1]
        );
        assert!(
            rows[3].pieces.contains(&Piece {
                text: "2".into(),
                class: "num".into()
            }),
            "{:?}",
            rows[3]
        );
    }

    #[test]
    fn what_cannot_be_seen_is_named_and_nothing_is_lost() {
        let mut body = "+if access\u{202e}\u{2066} x\u{200b}y\tz\u{1b}[0m\r\n"
            .as_bytes()
            .to_vec();
        body.extend(b"+caf\xe9 \xff\xfe ok\n");
        let rows = rows_of("a.rs", &body, "@@ -1,0 +2,2 @@");
        assert_eq!(
            hidden(&rows[1]),
            ["U+202E", "U+2066", "U+200B", "U+001B", "U+000D"]
        );
        assert_eq!(text(&rows[1]), "if accessU+202EU+2066 xU+200By\tzU+001B[0mU+000D");
        assert_eq!(hidden(&rows[2]), ["\\xE9", "\\xFF", "\\xFE"]);
        assert_eq!(text(&rows[2]), "caf\\xE9 \\xFF\\xFE ok");
        let shown: String = rows.iter().map(text).collect();
        assert!(!shown.chars().any(|c| c != '\t' && is_hidden(c)));
    }

    #[test]
    fn a_character_that_spells_a_replacement_is_itself() {
        let rows = rows_of("a.rs", "+\u{fffd}\n".as_bytes(), "@@ -1,0 +2 @@");
        assert_eq!((text(&rows[1]).as_str(), hidden(&rows[1]).len()), ("\u{fffd}", 0));
    }

    #[test]
    fn long_lines_are_cut_plain_and_counted() {
        let line = format!("+fn {}\n", "ß".repeat(2_500));
        let rows = rows_of("a.rs", line.as_bytes(), "@@ -1,0 +2 @@");
        assert_eq!(text(&rows[1]).chars().count(), MAX_CHARS);
        assert_eq!(rows[1].cut, Some(503));
        assert_eq!(rows[1].pieces.len(), 1);
    }

    #[test]
    fn what_goes_to_the_window_is_bounded_and_what_is_left_out_is_counted() {
        let lines = MAX_ROWS + 300_000;
        let rows = rows_of(
            "a.rs",
            "+\0\n".repeat(lines).as_bytes(),
            &format!("@@ -1,0 +2,{lines} @@"),
        );
        assert_eq!(rows.len(), MAX_ROWS + 1);
        let last = rows.last().unwrap();
        // The first row is the header.
        let left = lines + 1 - MAX_ROWS;
        assert!(
            last.kind == RowKind::Note && text(last).starts_with(&format!("{left} more ")),
            "{last:?}"
        );
        let long = format!("+{}\n", "\u{202e}x".repeat(2_500_000));
        let rows = rows_of("a.rs", long.as_bytes(), "@@ -1,0 +2 @@");
        let told = serde_json::to_vec(&rows).unwrap().len();
        assert!(told < 200_000, "{told} bytes of a line of {}", long.len());
        assert!(rows[1].cut.is_some());
    }

    #[test]
    fn long_files_are_whole_and_plain() {
        let body = "+fn a() {}\n".repeat(MAX_COLOURED_ROWS + 1);
        let rows = rows_of(
            "a.rs",
            body.as_bytes(),
            &format!("@@ -1,0 +2,{} @@", MAX_COLOURED_ROWS + 1),
        );
        assert_eq!(rows.len(), MAX_COLOURED_ROWS + 2);
        assert!(
            rows.iter()
                .flat_map(|row| &row.pieces)
                .all(|piece| piece.class.is_empty())
        );
    }
}
