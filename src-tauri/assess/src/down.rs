//! The parts of a migration that undo it: no rule about data reads them.
//!
//! Whatever is taken for such a part is silent, so only what the tools themselves define counts: the markers of
//! goose, sql-migrate, dbmate and their like, methods called `down`, and files beside one that goes up.

use std::sync::LazyLock;

use countersign_core::finding::Side;
use regex::bytes::Regex;

use crate::view::{View, indentation, on_side, pattern};

/// A marker of a tool, which means nothing else.
static MARKED_DOWN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^\s*--\s*(?:\+(?:goose|migrate|micrate)\s+down\b|migrate:down\b|(?://)?@undo\s*$|down\s+migration\s*$)",
    )
});
static MARKED_UP: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)^\s*--\s*(?:\+(?:goose|migrate|micrate)\s+up\b|migrate:up\b|up(?:\s+migration)?\s*$)")
});
/// A plain word: a marker only below its counterpart.
static SAID_DOWN: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)^\s*--\s*down\s*:?\s*$"));
static DOWN_METHOD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^\s*(?:(?:async\s+)?def\s+(?:self\.)?(?:down|downgrade|backwards?|reverse(?:_(?:code|func|migration))?)\b|(?:export\s+)?(?:public\s+|protected\s+|override\s+)*(?:async\s+)?(?:fun(?:ction)?\s+|void\s+)?(?:down|Down)\s*\(|(?:module\.)?exports\.down\s*=|export\s+const\s+down\s*=)",
    )
});

/// For each row of a file, whether it belongs to what undoes a migration on that side.
pub(crate) fn rows(view: &View<'_>, side: Side) -> Vec<bool> {
    let name = view.name().to_ascii_lowercase();
    let stem = name.strip_suffix(".sql").unwrap_or(&name);
    if view.undoes || stem == "down" || stem.ends_with(".down") || stem.ends_with(".undo") {
        return vec![true; view.rows.len()];
    }
    let mut found = Vec::with_capacity(view.rows.len());
    let (mut marked, mut up, mut method, mut hunk) = (false, false, None, usize::MAX);
    for (at, row) in view.rows.iter().enumerate() {
        if row.hunk != hunk {
            hunk = row.hunk;
            marked = false;
            let inside = indentation(view.text(at));
            // The method named above the hunk reaches into it only if the hunk begins deeper than its margin.
            let named = DOWN_METHOD.is_match(view.file.hunks[hunk].section);
            method = (named && inside > 0).then(|| inside - 1);
        }
        if on_side(row.line, side) {
            let text = view.text(at);
            if MARKED_DOWN.is_match(text) || (up && SAID_DOWN.is_match(text)) {
                marked = true;
            } else if MARKED_UP.is_match(text) {
                (marked, up) = (false, true);
            }
            if DOWN_METHOD.is_match(text) {
                method = Some(indentation(text));
            } else if method.is_some_and(|margin| ends(text, margin)) {
                method = None;
            }
        }
        found.push(marked || method.is_some());
    }
    found
}

/// Whether a method at that margin is over: a line that is no deeper, and no part of its head.
fn ends(text: &[u8], margin: usize) -> bool {
    let trimmed = text.trim_ascii();
    let head = trimmed.starts_with(b"{") || trimmed.starts_with(b")");
    !trimmed.is_empty() && !head && indentation(text) <= margin
}

/// The path of the script that makes what this one undoes, where the names differ by the word alone.
pub(crate) fn counterpart(path: &str) -> Option<String> {
    ["_down.sql", "-down.sql"].iter().find_map(|end| {
        let stem = path.strip_suffix(end)?;
        Some(format!("{stem}{}", end.replace("down", "up")))
    })
}
