//! A signing key that is replaced or was lost, as the window shows it.

use serde::{Deserialize, Serialize};

use super::{DecisionView, HoldingView, Message, OutboxStateView};

/// What it takes to replace a key or to have it refused, and what it signed. Making one changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Rotation {
    /// The keys that this can be asked about, as `SHA256:…`: the chosen one, then those that signed here, the latest first.
    pub keys: Vec<String>,
    /// The one that this is about; `None` where there is none.
    pub old: Option<String>,
    /// What it signed, by this machine's ledger, latest first.
    pub signed: Vec<SignedRow>,
    /// On how many open changes an approval must be given anew once the key is revoked.
    pub again: u32,
    /// When the last approval ends that still holds, or may; now, where none does. RFC 3339.
    pub until: String,
    /// Where the key may sign, by the policies that were last read.
    pub places: Vec<KeyPlaceView>,
    /// The key as a line for the revoked keys; `None` where only its fingerprint is known here.
    pub revoked_line: Option<String>,
    /// The line for `allowed_signers` of the key that signs from now on; `None` while that is the old one, or none.
    pub new_line: Option<String>,
    /// What could not be looked at.
    pub messages: Vec<Message>,
}

/// A key's place in one branch's policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct KeyPlaceView {
    /// `owner/name`.
    pub repo: String,
    /// The branch on which the policy stands. Hostile text, made visible.
    pub branch: String,
    /// The list of allowed signers. Hostile text, made visible.
    pub path: String,
    /// The key's line there, with an end.
    pub line: String,
    /// That end; RFC 3339.
    pub until: String,
    /// The line stands there so already.
    pub ended: bool,
    /// Where revoked keys stand; `None` where the policy names no such file.
    pub revoked_path: Option<String>,
    /// The key is among them already.
    pub revoked: bool,
}

/// A decision that a key signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SignedRow {
    /// `host/owner/name#number`.
    pub change: String,
    /// The head that was signed, whole.
    pub head: String,
    /// Which decision.
    pub decision: DecisionView,
    /// How far it got.
    pub state: OutboxStateView,
    /// When it was signed; RFC 3339.
    pub signed_at: String,
    /// For the user's latest approval on a change that is open still: whether it holds.
    pub holding: Option<HoldingView>,
    /// Its change is open, and without this key there is no approval by the user there that holds.
    pub again: bool,
}
