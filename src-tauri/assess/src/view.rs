//! A file's changed lines with what stands around them: hunks, comments, enclosing blocks, down sections.

use std::cell::OnceCell;
use std::sync::LazyLock;

use countersign_core::finding::Side;
use countersign_core::patch::{FilePatch, Line, LineKind};
use regex::bytes::Regex;

/// How far around a line its surroundings are searched: bounds the work on a hostile file.
const REACH: usize = 200;

/// One line and the hunk it stands in.
#[derive(Clone, Copy)]
pub(crate) struct Row<'p> {
    pub(crate) line: &'p Line<'p>,
    pub(crate) hunk: usize,
}

/// A file of the diff.
pub(crate) struct View<'p> {
    pub(crate) file: &'p FilePatch<'p>,
    pub(crate) path: String,
    pub(crate) rows: Vec<Row<'p>>,
    comments: OnceCell<Vec<(bool, bool)>>,
    down: OnceCell<Vec<bool>>,
}

/// What opens a block around a line.
#[derive(Clone, Copy)]
pub(crate) struct Opening<'p> {
    pub(crate) text: &'p [u8],
    /// Its row; `None` where only the hunk's header shows it.
    pub(crate) row: Option<usize>,
}

impl<'p> View<'p> {
    pub(crate) fn new(file: &'p FilePatch<'p>) -> Self {
        let rows = file.hunks.iter().enumerate();
        let rows = rows
            .flat_map(|(hunk, lines)| lines.lines.iter().map(move |line| Row { line, hunk }))
            .collect();
        Self {
            file,
            path: file.display_path(),
            rows,
            comments: OnceCell::new(),
            down: OnceCell::new(),
        }
    }

    pub(crate) fn text(&self, row: usize) -> &'p [u8] {
        self.rows[row].line.text
    }

    /// The folder of the file; empty at the root.
    pub(crate) fn dir(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(dir, _)| dir)
    }

    pub(crate) fn name(&self) -> &str {
        self.path
            .rsplit_once('/')
            .map_or(self.path.as_str(), |(_, name)| name)
    }

    /// Whether the line is nothing but a comment on that side.
    pub(crate) fn is_comment(&self, row: usize, side: Side) -> bool {
        let (old, new) = self.comments.get_or_init(|| self.find_comments())[row];
        match side {
            Side::Old => old,
            Side::New => new,
        }
    }

    fn find_comments(&self) -> Vec<(bool, bool)> {
        let blocks = has_block_comments(self.name());
        let mut found = Vec::with_capacity(self.rows.len());
        let (mut open, mut hunk) = ([false; 2], usize::MAX);
        for row in &self.rows {
            if row.hunk != hunk {
                (open, hunk) = ([false; 2], row.hunk);
            }
            let text = row.line.text.trim_ascii_start();
            let mut is = [false; 2];
            for side in [0, 1] {
                if !on_side(row.line, if side == 0 { Side::Old } else { Side::New }) {
                    continue;
                }
                if open[side] || blocks && text.starts_with(b"/*") {
                    is[side] = true;
                    open[side] = !contains(text, b"*/");
                } else {
                    is[side] = is_line_comment(text);
                }
            }
            found.push((is[0], is[1]));
        }
        found
    }

    /// Whether the line belongs to what undoes a migration.
    pub(crate) fn is_down(&self, row: usize) -> bool {
        self.down.get_or_init(|| self.find_down())[row]
    }

    fn find_down(&self) -> Vec<bool> {
        let name = self.name().to_ascii_lowercase();
        let stem = name.strip_suffix(".sql").unwrap_or(&name);
        let undone = |suffix| stem.ends_with(suffix);
        let whole =
            stem == "down" || undone(".down") || undone("_down") || undone("-down") || undone(".undo");
        let mut down = whole;
        let mut hunk = usize::MAX;
        let mut found = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            if row.hunk != hunk {
                hunk = row.hunk;
                down = whole || DOWN.is_match(self.file.hunks[hunk].section);
            }
            if DOWN.is_match(row.line.text) {
                down = true;
            } else if UP.is_match(row.line.text) {
                down = whole;
            }
            found.push(down);
        }
        found
    }

    /// The braced blocks around a line on one side, innermost first.
    pub(crate) fn blocks(&self, row: usize, side: Side) -> Vec<Opening<'p>> {
        let hunk = self.rows[row].hunk;
        let mut found = Vec::new();
        let mut closed = 0usize;
        for at in (row.saturating_sub(REACH)..row).rev() {
            let other = self.rows[at];
            if other.hunk != hunk {
                break;
            }
            if !on_side(other.line, side) {
                continue;
            }
            let text = other.line.text;
            let (opens, closes) = braces(text);
            if opens > closes {
                if closed >= opens - closes {
                    closed -= opens - closes;
                } else {
                    closed = 0;
                    found.push(Opening { text, row: Some(at) });
                }
            } else {
                closed += closes - opens;
            }
        }
        let section = self.file.hunks[hunk].section;
        // git shows the last line at the margin above the hunk: the outermost block, unless it was closed since.
        let at_margin = found
            .last()
            .is_some_and(|last| !last.text.starts_with(b" ") && !last.text.starts_with(b"\t"));
        if closed == 0 && !at_margin && !section.is_empty() {
            found.push(Opening {
                text: section,
                row: None,
            });
        }
        found
    }

    /// The lines with less and less indentation above a line on one side, nearest first.
    pub(crate) fn parents(&self, row: usize, side: Side) -> Vec<&'p [u8]> {
        let hunk = self.rows[row].hunk;
        let mut least = indentation(self.text(row));
        let mut found = Vec::new();
        for at in (row.saturating_sub(REACH)..row).rev() {
            let other = self.rows[at];
            if other.hunk != hunk || least == 0 {
                break;
            }
            let text = other.line.text;
            if on_side(other.line, side) && !text.trim_ascii().is_empty() && indentation(text) < least {
                least = indentation(text);
                found.push(text);
            }
        }
        found
    }

    /// Rows of the same hunk at most `reach` away, the line itself left out, nearest first.
    pub(crate) fn near(&self, row: usize, reach: usize) -> impl Iterator<Item = usize> + '_ {
        let hunk = self.rows[row].hunk;
        (1..=reach)
            .flat_map(move |step| [row.checked_sub(step), Some(row + step)])
            .flatten()
            .filter(move |at| self.rows.get(*at).is_some_and(|other| other.hunk == hunk))
    }

    /// The rows of one side from a block's opening to its end, at most a screen or four.
    pub(crate) fn inside(&self, opening: usize, side: Side) -> Vec<usize> {
        let hunk = self.rows[opening].hunk;
        let mut depth = 0i64;
        let mut found = Vec::new();
        for at in opening..self.rows.len().min(opening + REACH) {
            let row = self.rows[at];
            if row.hunk != hunk {
                break;
            }
            if !on_side(row.line, side) {
                continue;
            }
            let (opens, closes) = braces(row.line.text);
            depth += opens as i64 - closes as i64;
            found.push(at);
            if depth <= 0 {
                break;
            }
        }
        found
    }
}

/// Whether a line exists on that side.
pub(crate) fn on_side(line: &Line<'_>, side: Side) -> bool {
    match side {
        Side::Old => line.kind != LineKind::Added,
        Side::New => line.kind != LineKind::Removed,
    }
}

pub(crate) fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn indentation(text: &[u8]) -> usize {
    text.iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count()
}

/// Opening and closing braces of a line, those behind `#` and `//` left out.
fn braces(text: &[u8]) -> (usize, usize) {
    let trimmed = text.trim_ascii_start();
    if trimmed.starts_with(b"#") || trimmed.starts_with(b"//") {
        return (0, 0);
    }
    let count = |brace| text.iter().filter(|byte| **byte == brace).count();
    (count(b'{'), count(b'}'))
}

fn is_line_comment(text: &[u8]) -> bool {
    // `* ` as inside a block comment; a lone `*` begins a glob or a pointer.
    [&b"--"[..], b"#", b"//", b"* ", b"<!--", b";;"]
        .iter()
        .any(|sign| text.starts_with(sign))
        && !text.starts_with(b"#[")
        && !text.starts_with(b"#!")
}

fn has_block_comments(name: &str) -> bool {
    let Some((_, extension)) = name.rsplit_once('.') else {
        return false;
    };
    matches!(
        extension,
        "sql"
            | "tf"
            | "tofu"
            | "hcl"
            | "js"
            | "jsx"
            | "ts"
            | "tsx"
            | "go"
            | "java"
            | "kt"
            | "rs"
            | "c"
            | "cpp"
            | "cs"
            | "php"
            | "scala"
            | "swift"
            | "css"
    )
}

static DOWN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^\s*--\s*(?:\+goose\s+down|\+migrate\s+down|migrate:down|rollback\b|down\b|@undo)|^\s*def\s+(?:self\.)?(?:down|downgrade|reverse\w*)\b|\b(?:function|async)\s+down\b|^\s*(?:public\s+)?(?:async\s+)?down\s*\(|\bexports\.down\b|\bfunction\s+down\b",
    )
});
static UP: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^\s*--\s*(?:\+goose\s+up|\+migrate\s+up|migrate:up|up\b)|^\s*def\s+(?:self\.)?(?:up|upgrade|change|forward\w*)\b|\b(?:function|async)\s+up\b|^\s*(?:public\s+)?(?:async\s+)?up\s*\(|\bexports\.up\b",
    )
});

/// Compiles a pattern of this crate's own code, over bytes with ASCII classes as the rules' are.
pub(crate) fn pattern(text: &str) -> Regex {
    regex::bytes::RegexBuilder::new(text)
        .unicode(false)
        .build()
        .expect("a pattern that the tests compile")
}
