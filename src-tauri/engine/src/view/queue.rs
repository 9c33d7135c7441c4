//! The queue: its sections, rows and banners, and what became of each decision.

use serde::{Deserialize, Serialize};

use super::{DecisionView, HoldingView, InvolvementView, Message, SeverityView};

/// Badge of a row: involvement and, where known, the tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Badge {
    /// The involvement.
    pub involvement: InvolvementView,
    /// Tool name, e.g. `Claude Code`.
    pub tool: Option<String>,
}

/// How many checks ended how. Shown as one short text with one shape.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CheckCounts {
    /// Succeeded.
    pub passed: u32,
    /// Failed.
    pub failed: u32,
    /// Queued or running.
    pub running: u32,
    /// Skipped or neutral.
    pub skipped: u32,
}

/// Sections of the queue, in the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum SectionKind {
    /// Asked by name or assigned.
    NeedsYou,
    /// Asked through a team or CODEOWNERS.
    YourTeams,
    /// Decided by the user, then the head moved; or approved, and the approval no longer holds.
    CameBack,
    /// Signed, not yet confirmed by the forge, or handed back.
    Outbox,
    /// Approved by the user before today, and still open.
    Approvals,
    /// Decided today and confirmed.
    DoneToday,
}

/// The queue as a whole, with what is not known about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Queue {
    /// Grows with every change to anything that the UI shows.
    pub revision: u64,
    /// Non-empty sections only, in order.
    pub sections: Vec<Section>,
    /// What the user should know about completeness: hidden organisations, cut lists, a failing forge.
    pub banners: Vec<Banner>,
    /// Nothing was ever fetched for this account.
    pub first_sync: bool,
    /// How many of all that wait are left out because they need no sign-off.
    pub hidden: u32,
}

/// Which changes the queue lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum QueueFilter {
    /// AI-assisted, suspected, and undeclared where the policy wants it.
    NeedsSignOff,
    /// All that waits for the user.
    All,
}

/// One section of the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Section {
    /// Which.
    pub kind: SectionKind,
    /// Quiet words at the right of its heading: "asked by name".
    pub why: String,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// One change (or, in the outbox, one decision) in the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Row {
    /// `account:host/owner/name#number`: names the change, as the account sees it, in every command.
    pub id: String,
    /// Whose row it is: names the account in commands.
    pub account: String,
    /// `owner/name`.
    pub repo: String,
    /// Number within the repository.
    pub number: u64,
    /// Title. Hostile text.
    pub title: String,
    /// Login of the person for whom or by whom it was opened.
    pub author: String,
    /// When it was opened, or in the outbox decided; RFC 3339.
    pub since: String,
    /// Involvement and tool.
    pub badge: Badge,
    /// Worst severity.
    pub severity: SeverityView,
    /// Components that it touches.
    pub components: Vec<String>,
    /// Checks on the head.
    pub checks: CheckCounts,
    /// Lines added.
    pub additions: u64,
    /// Lines deleted.
    pub deletions: u64,
    /// Not looked at since it last moved.
    pub unread: bool,
    /// Draft at the forge.
    pub draft: bool,
    /// Words in place of the size: "2 new commits".
    pub note: Option<String>,
    /// In the outbox and in *Done today*: the decision, and how far it got.
    pub decision: Option<DecisionRow>,
}

/// What the user decided, and how far it got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DecisionRow {
    /// Names the entry in `discard`.
    pub entry: String,
    /// Which decision.
    pub decision: DecisionView,
    /// How far it got.
    pub state: OutboxStateView,
    /// The head that was signed, whole.
    pub head: String,
    /// When it was signed; RFC 3339.
    pub signed_at: String,
    /// The words that were written with it.
    pub words: String,
    /// What happened, what was kept and what to do, where it did not simply go through.
    pub message: Option<Message>,
    /// The forge's address of the review, once it has one.
    pub url: Option<String>,
    /// For a confirmed approval on a change that is open still, the latest there: whether it holds.
    pub holding: Option<HoldingView>,
}

/// How far a decision got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum OutboxStateView {
    /// Signed, nothing sent.
    Queued,
    /// A pending review is at the forge, seen by its author only.
    Pending,
    /// Submitted; the forge has not been read back yet.
    Submitted,
    /// Read back and as signed.
    Confirmed,
    /// The head moved: not sent, or dismissed.
    Superseded,
    /// Older than the policy allows: not sent.
    Expired,
    /// The change was closed, merged or can no longer be read: not sent.
    HandedBack,
    /// The forge said no.
    Refused,
    /// It was confirmed, and its review was dismissed since: it does not count any more.
    Withdrawn,
}

/// What a banner is about: decides its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum BannerKind {
    /// Something is hidden or cut: the list is not complete.
    Hidden,
    /// No connection, or the forge does not answer.
    Offline,
    /// Keychain, notices or the disk need the user.
    Attention,
    /// The token is not at hand: what was read can be read, the forge cannot be asked.
    SignIn,
}

/// A banner over the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Banner {
    /// What it is about.
    pub kind: BannerKind,
    /// The message.
    pub message: Message,
    /// An address at a configured forge, opened by `open_link`.
    pub link: Option<String>,
    /// The account that it is about, where it is about one.
    pub account: Option<String>,
}
