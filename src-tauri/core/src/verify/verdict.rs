//! What the judge answers.

use jiff::Timestamp;
use serde::Serialize;

use super::input::Input;
use crate::policy::Requirement;
use crate::reason::{Fault, Reason};

/// Name of the output's format.
pub const FORMAT: &str = "countersign-verdict-v1";

/// The answer in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Signed off as the policy asks.
    Accepted,
    /// Not signed off.
    Rejected,
    /// The policy asks for no sign-off.
    NotRequired,
    /// It could not be judged: the policy or the input is missing or unreadable, or asks for what is not judged.
    Undecided,
}

impl Outcome {
    /// Exit status of the gate: 0 lets the change pass.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Accepted | Self::NotRequired => 0,
            Self::Rejected => 1,
            Self::Undecided => 2,
        }
    }

    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::NotRequired => "not_required",
            Self::Undecided => "undecided",
        }
    }
}

/// The whole answer. Field names are part of the format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// [`FORMAT`].
    pub format: &'static str,
    /// In one word.
    pub verdict: Outcome,
    /// Why not; `null` when accepted or not required.
    pub reason: Option<Reason>,
    /// In a sentence. Quotes hostile text.
    pub detail: String,
    /// What helps.
    pub hint: Option<&'static str>,
    /// The verifier's clock: expiry and revocation were judged as of then.
    pub as_of: Timestamp,
    /// What was judged.
    pub change: JudgedChange,
    /// By which policy; `null` if there is none.
    pub policy: Option<JudgedPolicy>,
    /// What the policy asks of this change; `null` where that was not reached.
    pub requirement: Option<Requirement>,
    /// Whose approvals count: distinct people.
    pub signers: Vec<SignedBy>,
    /// The change passes because two people have broken the glass, not because it was signed off; else `null`.
    pub break_glass: Option<BrokenGlass>,
    /// Each decisive review, oldest first.
    pub reviews: Vec<JudgedReview>,
    /// What else a reader should know.
    pub notes: Vec<String>,
}

/// The change in the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JudgedChange {
    /// Forge.
    pub host: String,
    /// `owner/name`.
    pub repo: String,
    /// Its number.
    pub number: String,
    /// Its head.
    pub head: String,
    /// Its target.
    pub target_ref: String,
}

/// The policy in the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JudgedPolicy {
    /// Its path.
    pub path: String,
    /// Its blob.
    pub blob: String,
    /// The tip of the target branch that it was read from.
    pub target_tip: String,
    /// The organisation's, which it tightens; `null` if it extends none.
    pub extends: Option<JudgedExtended>,
}

/// The organisation's policy in the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JudgedExtended {
    /// `owner/name`.
    pub repo: String,
    /// Its path there.
    pub path: String,
    /// Its blob.
    pub blob: String,
    /// The tip of the default branch that it was read from.
    pub tip: String,
}

/// A person whose approval counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignedBy {
    /// Login, as the policy has it.
    pub login: String,
    /// Account id.
    pub id: String,
    /// Name in the allowed signers.
    pub principal: String,
    /// Fingerprint of the key.
    pub key: String,
    /// The review.
    pub review: String,
    /// When it was signed, by the signer's clock.
    pub issued_at: Timestamp,
    /// Up to when it holds.
    pub expires_at: Timestamp,
}

/// An emergency: who let the change pass without the sign-off that the policy asks for, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BrokenGlass {
    /// In their words, as they stand beside each other in `people`. Hostile text.
    pub reasons: Vec<String>,
    /// The two.
    pub people: Vec<SignedBy>,
    /// Up to when this holds.
    pub until: Timestamp,
}

/// What became of one review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JudgedReview {
    /// Its id.
    pub review: String,
    /// Its author's login; `null` where the account was deleted.
    pub reviewer: Option<String>,
    /// Whether it counts.
    pub accepted: bool,
    /// It counts as one of two that break the glass, and not as an approval.
    pub breaks_glass: bool,
    /// Why not.
    pub reason: Option<Reason>,
    /// In a sentence.
    pub detail: Option<String>,
    /// What helps.
    pub hint: Option<&'static str>,
}

impl Verdict {
    pub(super) fn new(input: &Input, now: Timestamp) -> Self {
        Self {
            format: FORMAT,
            verdict: Outcome::Undecided,
            reason: Some(Reason::NotJudged),
            detail: String::new(),
            hint: None,
            as_of: now,
            change: JudgedChange {
                host: input.forge.host.clone(),
                repo: input.forge.repo.clone(),
                number: input.change.number.clone(),
                head: input.change.head.to_string(),
                target_ref: input.change.target_ref.clone(),
            },
            policy: None,
            requirement: None,
            signers: Vec::new(),
            break_glass: None,
            reviews: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// What nobody may overlook stands first.
    pub(super) fn loud(&mut self, note: String) {
        self.notes.insert(0, format!("BREAK GLASS: {note}"));
    }

    /// Ends with a reason: undecided where the judge itself was in the dark, else rejected.
    pub(super) fn against(mut self, fault: Fault) -> Self {
        self.verdict = if fault.reason.is_in_the_dark() {
            Outcome::Undecided
        } else {
            Outcome::Rejected
        };
        // Whatever let it pass before does not any more.
        self.break_glass = None;
        self.reason = Some(fault.reason);
        self.hint = Some(fault.reason.hint());
        self.detail = fault.detail;
        self
    }

    pub(super) fn pass(mut self, outcome: Outcome, detail: String) -> Self {
        self.verdict = outcome;
        self.reason = None;
        self.hint = None;
        self.detail = detail;
        self
    }
}
