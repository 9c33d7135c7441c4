//! Read models: what the window shows, in the form in which it shows it. Every type here crosses to the UI, whose
//! TypeScript is generated from it (`ui/src/lib/types.ts`).
//!
//! Texts that a person wrote at the forge are plain strings, to be rendered as text and never as markup. The one
//! exception is a field called `html`, which has been through `markdown` and is safe under the window's CSP.

mod change;
mod diff;
mod holding;
mod network;
mod queue;
mod record;
mod rotation;
mod searching;
mod signing;
mod status;

use serde::{Deserialize, Serialize};

pub use change::{
    ApprovalView, ChangeView, CheckView, ComponentView, EvidenceView, FileEntry, FileKind, FindingView,
    GroundView, NotAssessedView, ReviewView, VerdictView,
};
pub use diff::{DiffRow, FileView, Piece, RowKind};
pub use holding::{HoldingState, HoldingView};
pub use network::{AuthorityView, DeviceView, NetworkView, ProxyMode};
pub use queue::{
    Badge, Banner, BannerKind, CheckCounts, DecisionRow, OutboxStateView, Queue, QueueFilter, Row, Section,
    SectionKind,
};
pub use record::{Diagnostics, ExportForm, Exported};
pub use rotation::{KeyPlaceView, Rotation, SignedRow};
pub use searching::{Excerpt, Found, FoundChange, FoundLine, FoundText};
pub use signing::{Decided, KeyPlace, KeyProposal, KeyView, Keys, Sheet, WillCount, Withdrawn};
pub use status::{
    AccountView, Connection, KeychainState, OtherLedger, SignInResult, SignInStep, Status, TokenState,
};

/// How bad a finding or a change is. `none`: nothing was found (which is not a clearance).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum SeverityView {
    /// Nothing found.
    None,
    /// Context worth knowing.
    Low,
    /// A hint for the reviewer.
    Medium,
    /// Outage-capable, or weakens a guard.
    High,
    /// Irreversible, or crosses a security boundary.
    Critical,
}

/// What the evidence adds up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum InvolvementView {
    /// An agent wrote it.
    Authored,
    /// A person with AI help.
    Assisted,
    /// An AI reviewer's line was accepted.
    SuggestionApplied,
    /// Weak marks only.
    Suspected,
    /// The author says that no AI was used: a claim, never a clearance.
    DeclaredNone,
    /// Nobody said.
    Undeclared,
}

/// A decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum DecisionView {
    /// Approve.
    Approve,
    /// Request changes.
    RequestChanges,
    /// Comment.
    Comment,
}

/// A message to the user, in three parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Message {
    /// What happened.
    pub what: String,
    /// What was kept; may be empty.
    pub kept: String,
    /// What to do; may be empty.
    pub todo: String,
}

/// A run of text in a sentence; `strong` runs are shown in strong type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Run {
    /// The text.
    pub text: String,
    /// Shown in strong type.
    pub strong: bool,
    /// Shown as code: a head, a branch.
    pub code: bool,
}

impl Run {
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            strong: false,
            code: false,
        }
    }

    pub(crate) fn strong(text: impl Into<String>) -> Self {
        Self {
            strong: true,
            ..Self::plain(text)
        }
    }

    pub(crate) fn code(text: impl Into<String>) -> Self {
        Self {
            code: true,
            ..Self::plain(text)
        }
    }
}

/// What a command answers when it cannot do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Failure {
    /// For the UI to act on.
    pub code: Code,
    /// What happened and what was kept.
    pub message: String,
    /// What to do; may be empty.
    pub hint: String,
}

/// Codes that the UI acts on; everything else is `Other`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// Nobody is signed in.
    SignedOut,
    /// The change is not (or no longer) held.
    UnknownChange,
    /// What was shown is not what is held now: read it again.
    Moved,
    /// A precondition of signing does not hold.
    CannotSign,
    /// Keychain or agent.
    Keys,
    /// The forge says no: trying again as it is changes nothing.
    Refused,
    /// Anything else.
    Other,
}
