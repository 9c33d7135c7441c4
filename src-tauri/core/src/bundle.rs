//! A bundle: the ledger, and for each decision the judge's input as it stood when the forge confirmed it. It is judged
//! again with no forge at all ([`check`]).
//!
//! What ties the parts together: each line holds the hash of the line before; the line of a confirmed decision holds the
//! hash of its input; each signed statement names the ledger's newest line of its time (`claims.ledger`). So nothing before
//! the last signature can be changed by somebody who does not hold the keys. Who holds all of them could have made all of
//! it, and nothing shows when.

mod check;

use serde::{Deserialize, Serialize};

use crate::change::{ChangeId, Oid};
use crate::decision::{Decision, OutboxState};
use crate::reason::{Fault, Reason};
use crate::strict_json;
use crate::verify::{SignedBy, Verdict, input};
pub use check::check;
use jiff::Timestamp;

/// Name of the format.
pub const FORMAT: &str = "countersign-bundle-v2";
/// Largest bundle that is read, in bytes.
pub const MAX_BYTES: usize = input::MAX_BYTES;
/// Name of the answer's format.
pub const VERDICT_FORMAT: &str = "countersign-bundle-verdict-v2";

/// A ledger and what its decisions were judged by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// [`FORMAT`].
    pub format: String,
    /// The ledger's lines, each as its exact text.
    pub ledger: Vec<String>,
    /// One for each decision that the ledger names: none is left out.
    pub inputs: Vec<Kept>,
}

/// What was kept of one decision: either its input, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// The decision's nonce.
    pub entry: String,
    /// The judge's input ([`crate::verify::Input`]) as its exact text, whose SHA-256 is in the ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// Why there is none, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Bundle {
    /// Reads one.
    ///
    /// # Errors
    /// [`Reason::InputMissing`] where it cannot be read.
    pub fn from_json(json: &[u8]) -> Result<Self, Fault> {
        let missing = |detail: String| Reason::InputMissing.because(format!("the bundle: {detail}"));
        if json.len() > MAX_BYTES {
            return Err(missing(format!("it is larger than {MAX_BYTES} bytes")));
        }
        let value = strict_json::parse(json).map_err(|fault| missing(fault.detail))?;
        let bundle = Self::deserialize(value).map_err(|error| missing(error.to_string()))?;
        if bundle.format != FORMAT {
            return Err(missing(format!("expected {FORMAT}, found {:?}", bundle.format)));
        }
        if let Some(kept) = (bundle.inputs.iter()).find(|kept| kept.input.is_some() == kept.why.is_some()) {
            return Err(missing(format!("{:?} needs either input or why", kept.entry)));
        }
        Ok(bundle)
    }
}

/// In which way the parts do not fit together. The names are part of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Contradiction {
    /// A line is none, or does not follow the line before it.
    LedgerBroken,
    /// A signed statement names a line that is not there before it, or the lines of one decision disagree.
    LedgerRewritten,
    /// An envelope is not what was signed, or not about what its line says.
    EnvelopeChanged,
    /// The input does not have the decision's envelope in its review.
    EnvelopeElsewhere,
    /// An input is not the one that the ledger names.
    InputChanged,
    /// There is not exactly one input, or word of why there is none, for each decision.
    InputsDiffer,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// [`VERDICT_FORMAT`].
    pub format: &'static str,
    /// No part contradicts another. It does not say that every decision counted, nor that each can be judged.
    pub consistent: bool,
    /// What is wrong with the bundle as a whole.
    pub reason: Option<Contradiction>,
    /// In a sentence. Quotes hostile text.
    pub detail: Option<String>,
    /// The ledger.
    pub ledger: FoundLedger,
    /// How many decisions came to which end.
    pub counts: Counts,
    /// Each decision, in the ledger's order; none where the ledger is broken.
    pub decisions: Vec<Judged>,
    /// What else a reader should know.
    pub notes: Vec<String>,
}

/// The ledger in the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FoundLedger {
    /// How many lines it has.
    pub lines: usize,
    /// Hash of its last line, to compare with another export; `null` where the chain is broken.
    pub end: Option<String>,
}

/// How many decisions came to which end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// [`Standing::Accepted`].
    pub accepted: usize,
    /// [`Standing::NotCounted`].
    pub not_counted: usize,
    /// [`Standing::NotProvable`].
    pub not_provable: usize,
    /// [`Standing::Contradicted`].
    pub contradicted: usize,
}

/// What can be said of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Signed by a person of the policy of its time, for the change as it was; an approval counted. Whether it was enough
    /// for the change to pass is `then`.
    Accepted,
    /// Its parts fit together, and the gate did not count it then.
    NotCounted,
    /// Its signature fits its statement; whose it is by the policy of its time cannot be told from this bundle.
    NotProvable,
    /// Its parts do not fit together.
    Contradicted,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// Its nonce.
    pub entry: String,
    /// The change.
    pub change: ChangeId,
    /// The head that was signed.
    pub head: Oid,
    /// What was decided.
    pub decision: Decision,
    /// When it was signed, by the signer's clock; `null` where that was on another machine.
    pub decided_at: Option<Timestamp>,
    /// How it ended.
    pub ended: OutboxState,
    /// It was confirmed, and its review dismissed since.
    pub withdrawn: bool,
    /// Fingerprint of the key.
    pub key: String,
    /// The forge's id of the review.
    pub review: Option<String>,
    /// What can be said of it.
    pub standing: Standing,
    /// Why not accepted: a [`Contradiction`], or one of the gate's reasons; `null` where it is not provable.
    pub reason: Option<String>,
    /// In a sentence. Quotes hostile text.
    pub detail: Option<String>,
    /// Who signed it, by the policy of its time.
    pub signer: Option<SignedBy>,
    /// As of when it was judged: when the forge had confirmed it, by the ledger; `null` where it was not judged.
    pub as_of: Option<Timestamp>,
    /// The gate's verdict on the change then.
    pub then: Option<Verdict>,
}
