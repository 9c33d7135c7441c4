//! What a search found in all that is on this machine.

use serde::{Deserialize, Serialize};

use super::RowKind;

/// One step of a search: the changes that it looked at and that have what is searched for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Found {
    /// In the order of looking: what waits first, then what the forge touched last.
    pub changes: Vec<FoundChange>,
    /// How many changes this step looked at.
    pub searched: u32,
    /// Of these, whose diff is not on this machine (any more): only what is known of them without it was searched.
    pub without_diff: u32,
    /// How many changes there are in all.
    pub of: u32,
    /// For the next step; `None` where all was looked at.
    pub next: Option<String>,
}

/// A change that has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FoundChange {
    /// Names the change in `change`.
    pub id: String,
    /// Whose it is: names the account in commands.
    pub account: String,
    /// `owner/name`.
    pub repo: String,
    /// Its number.
    pub number: u64,
    /// Title. Hostile text.
    pub title: String,
    /// "waits for you", "open", "merged", "closed", and what the user decided last.
    pub state: String,
    /// Where else than in the diff it stands.
    pub texts: Vec<FoundText>,
    /// Lines and paths of the diff, the first few; where that has none, of the diff at the head that was looked at or
    /// decided on last and has some.
    pub lines: Vec<FoundLine>,
    /// Lines and paths that have it and are not listed.
    pub more: u32,
}

/// Text around a place that matches. Hostile text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Excerpt {
    /// What stands before it.
    pub before: String,
    /// What matches.
    pub hit: String,
    /// What stands after it.
    pub after: String,
}

/// A text of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FoundText {
    /// "change", "title", "author", "branch", "description", "commit message", "your words".
    pub place: String,
    /// The place in it.
    pub excerpt: Excerpt,
}

/// A line of a change's diff, or a file's path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FoundLine {
    /// Index into `ChangeView::files`; `None` where it stands in the diff at an earlier head.
    pub file: Option<u32>,
    /// The file's path. Hostile text.
    pub path: String,
    /// Index into `FileView::rows`; `None` where the path itself matches, and at an earlier head.
    pub row: Option<u32>,
    /// Line number after the change, before it for a removed line.
    pub number: Option<u32>,
    /// Added, removed or around; `None` for a path.
    pub kind: Option<RowKind>,
    /// The place in it.
    pub excerpt: Excerpt,
}
