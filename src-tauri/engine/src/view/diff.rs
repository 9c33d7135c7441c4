//! One file's diff, row by row.

use serde::{Deserialize, Serialize};

/// What a row of a file's diff is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum RowKind {
    /// A hunk header.
    Hunk,
    /// Unchanged.
    Context,
    /// Added.
    Added,
    /// Removed.
    Removed,
    /// "No newline at end of file".
    Note,
}

/// A piece of a line with its highlighting class (`""` = plain; `hidden-char` = an invisible or bidirectional
/// character, shown as its code point).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Piece {
    /// The text.
    pub text: String,
    /// Class name.
    pub class: String,
}

/// One row of a file's diff: one line, fixed height.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DiffRow {
    /// What it is.
    pub kind: RowKind,
    /// Line number before.
    pub old: Option<u32>,
    /// Line number after.
    pub new: Option<u32>,
    /// The line's pieces.
    pub pieces: Vec<Piece>,
    /// The line was longer than what is shown (2,000 characters); how many are left out.
    pub cut: Option<u32>,
    /// The line was not added or removed yet when the user last looked at the change.
    pub fresh: bool,
}

/// One file's diff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FileView {
    /// Index into `ChangeView::files`.
    pub index: u32,
    /// The head it belongs to.
    pub head: String,
    /// All its rows; the window shows a part at a time.
    pub rows: Vec<DiffRow>,
}
