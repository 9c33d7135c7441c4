//! Signing: the keys, the sheet before it and what came of it.

use serde::{Deserialize, Serialize};

use super::{DecisionRow, DecisionView, FindingView, Message, Run};

/// Whether an approval by this user, with this key, now, will count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct WillCount {
    /// `yes`, `no` or `unknown`.
    pub answer: String,
    /// "as the 1st of 2".
    pub short: String,
    /// Each reason, with what to do.
    pub reasons: Vec<Message>,
    /// Among them that the policy does not know the key: `propose_key` may help.
    pub enrol: bool,
}

/// Where a signing key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum KeyPlace {
    /// In ssh-agent.
    Agent,
    /// Made by the app, in the OS keychain.
    Keychain,
}

/// A signing key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct KeyView {
    /// `SHA256:…`: names the key in `choose_key`.
    pub fingerprint: String,
    /// `ssh-ed25519`, `sk-ssh-ed25519@openssh.com`, …
    pub algorithm: String,
    /// Comment of the key. Hostile text.
    pub comment: String,
    /// Where it is kept.
    pub place: KeyPlace,
    /// A security key: the agent asks for a touch.
    pub hardware: bool,
    /// This is the one that signs.
    pub chosen: bool,
    /// The public key as one OpenSSH line.
    pub public_line: String,
}

/// The keys that could sign, and why others cannot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Keys {
    /// The keys.
    pub keys: Vec<KeyView>,
    /// What is wrong with agent or keychain, if anything.
    pub messages: Vec<Message>,
    /// The line for `allowed_signers` for the chosen key.
    pub enrol_line: Option<String>,
    /// The system's own check is asked before each signature.
    pub prompted: bool,
}

/// What became of opening a change that allows the chosen key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct KeyProposal {
    /// In whole sentences.
    pub said: String,
    /// The change's page at the forge; `None` where none is needed.
    pub url: Option<String>,
}

/// What is about to be signed. Making one changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Sheet {
    /// The decision.
    pub decision: DecisionView,
    /// "I, priya-n, have read 5 of 6 files at head … and approve it into main of acme/infra, knowing that it …".
    pub sentence: Vec<Run>,
    /// The findings that must be acknowledged.
    pub findings: Vec<FindingView>,
    /// How many of those are.
    pub acknowledged: u32,
    /// Files not viewed and things not assessed, in words.
    pub not_looked_at: Vec<String>,
    /// Whether it will count.
    pub will_count: WillCount,
    /// The key; `None` = none chosen.
    pub key: Option<KeyView>,
    /// The system's own check is asked before it is signed. No proof: the gate learns nothing of it.
    pub prompted: bool,
    /// "For this head only, until 1 Dec 2026, 14:24."
    pub valid: String,
    /// The statement as it would be signed now (its time and nonce are set again when it is).
    pub statement: String,
    /// Why it cannot be signed yet, each with what to do; empty = it can.
    pub blockers: Vec<Message>,
}

/// How a decision went at once. Its further way is in the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Decided {
    /// The user confirmed in the native dialog, and it was signed. `false`: they did not; nothing was signed.
    pub signed: bool,
    /// The outbox entry.
    pub entry: Option<DecisionRow>,
}

/// How a withdrawal went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Withdrawn {
    /// The user confirmed in the native dialog, and the review is dismissed. `false`: they did not; nothing was changed.
    pub withdrawn: bool,
}
