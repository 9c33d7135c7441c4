//! What leaves the machine as a file: the ledger, the diagnostics.

use serde::{Deserialize, Serialize};

use super::Message;

/// In which form the ledger is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ExportForm {
    /// Its lines, JSON each.
    Lines,
    /// With what each decision was judged by, for `countersign-verify bundle`.
    Bundle,
}

/// How an export went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Exported {
    /// A file was written. `false`: the user chose none.
    pub saved: bool,
    /// What was written where, and whether the chain is whole.
    pub message: Message,
}

/// Diagnostics as they are shown before they are saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Diagnostics {
    /// All that would be saved.
    pub text: String,
    /// Names it for `export_diagnostics`.
    pub sha256: String,
}
