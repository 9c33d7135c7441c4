//! Whether an approval that was given still holds, as the window shows it.

use serde::{Deserialize, Serialize};

/// Whether an approval of the user's own still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum HoldingState {
    /// The gate would count it.
    Holds,
    /// The gate would not.
    Ended,
    /// It cannot be told here.
    Unknown,
}

/// Whether an approval of the user's own still holds, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct HoldingView {
    /// Whether it does.
    pub state: HoldingState,
    /// "Holds until 5 Dec 2026, 14:24.", "No longer holds: the head moved to 9f1c6c1a; you approved 2ab84f0e."
    pub words: String,
    /// What to do; may be empty.
    pub todo: String,
    /// When the forge was last asked about the change; RFC 3339.
    pub as_of: String,
}
