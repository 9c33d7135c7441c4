//! Read models: what the window shows, in the form in which it shows it. Every type here crosses to the UI, whose
//! TypeScript is generated from it (`ui/src/lib/types.ts`).
//!
//! Texts that a person wrote at the forge are plain strings, to be rendered as text and never as markup. The one
//! exception is a field called `html`, which has been through `markdown` and is safe under the window's CSP.

mod holding;
mod network;
mod rotation;
mod searching;

use serde::{Deserialize, Serialize};

pub use holding::{HoldingState, HoldingView};
pub use network::{AuthorityView, DeviceView, NetworkView, ProxyMode};
pub use rotation::{KeyPlaceView, Rotation, SignedRow};
pub use searching::{Excerpt, Found, FoundChange, FoundLine, FoundText};

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

/// The verdict: a sentence, its quieter second, and the severity that fills its block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct VerdictView {
    /// Worst severity.
    pub severity: SeverityView,
    /// Who wrote it, for whom, what it does, who is hit.
    pub lead: Vec<Run>,
    /// What follows from it, or what the title leaves out; may be empty.
    pub second: String,
}

/// One reason to believe that a change is AI-assisted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct EvidenceView {
    /// `certain`, `strong` or `weak`.
    pub strength: String,
    /// What it says of the tool's part: "wrote it", "helped", "suggested a line", "claims no AI", "context only".
    pub role: String,
    /// The exact text that matched. Hostile text.
    pub text: String,
    /// Where it stands: "author of 3 of 3 commits", "branch name".
    pub place: String,
    /// Tool that it points to; empty where it names none.
    pub tool: String,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FindingView {
    /// Names the finding in `acknowledge`.
    pub id: String,
    /// The rule's id.
    pub rule: String,
    /// How bad.
    pub severity: SeverityView,
    /// "Destroys the database **prod-eu-ledger**".
    pub title: Vec<Run>,
    /// Quiet words after the place: the family, "guard removed".
    pub family: String,
    /// Why it matters.
    pub why: String,
    /// What to check.
    pub check: String,
    /// Where context changed the severity.
    pub note: Option<String>,
    /// Path as shown.
    pub path: String,
    /// Index into `ChangeView::files`; `None` where the file is not in the diff.
    pub file: Option<u32>,
    /// Index into that file's `FileView::rows`; `None` for a finding about the file as a whole.
    pub row: Option<u32>,
    /// Line number on its side.
    pub line: Option<u32>,
    /// Must be acknowledged before an approval (critical and high).
    pub must_acknowledge: bool,
    /// When the user acknowledged it at this head; RFC 3339.
    pub acknowledged_at: Option<String>,
    /// What the user noted on acknowledging it; posted with the review. Empty for nothing.
    pub noted: String,
}

/// A node of the blast-radius graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ComponentView {
    /// Name.
    pub name: String,
    /// 1 is the most critical.
    pub tier: Option<u32>,
    /// 0 = touched, 1 = depends on it, 2 and more = through those.
    pub distance: u32,
    /// Names it depends on, among the nodes.
    pub depends_on: Vec<String>,
    /// Worst finding inside it.
    pub severity: SeverityView,
}

/// Something that no rule could look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct NotAssessedView {
    /// Path; empty for the change as a whole.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CheckView {
    /// Its name. Hostile text.
    pub name: String,
    /// `passed`, `failed`, `running` or `skipped`.
    pub state: String,
}

/// One review by somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ReviewView {
    /// Login.
    pub author: String,
    /// Words: "approved this head", "approved an older head, so it does not count", "asks for changes".
    pub words: String,
}

/// Whose ground some of the touched files are, and whether an owner was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GroundView {
    /// "Owned by **@acme/platform**, who was asked."
    pub words: Vec<Run>,
    /// An owner was asked or has reviewed; `None` where nobody owns it or it cannot be told.
    pub asked: Option<bool>,
}

/// How a file was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// New.
    Added,
    /// Deleted.
    Deleted,
    /// Changed in place.
    Modified,
    /// Renamed, perhaps changed too.
    Renamed,
    /// Copied.
    Copied,
}

/// One file of the change, without its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FileEntry {
    /// Path after the change (before it, for a deleted file), invisible characters made visible.
    pub path: String,
    /// Path before, where it was renamed or copied.
    pub old_path: Option<String>,
    /// How it was changed.
    pub kind: FileKind,
    /// Lines added.
    pub additions: u32,
    /// Lines removed.
    pub deletions: u32,
    /// Said in place of rows: "binary", "submodule".
    pub note: Option<String>,
    /// Worst finding in it.
    pub severity: SeverityView,
    /// Viewed by the user at this head.
    pub viewed: bool,
    /// Another than when the user last looked at the change; `false` the first time.
    pub fresh: bool,
}

/// A change opened for reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ChangeView {
    /// `account:host/owner/name#number`.
    pub id: String,
    /// Whose it is: names the account in commands.
    pub account: String,
    /// `owner/name`.
    pub repo: String,
    /// Number within the repository.
    pub number: u64,
    /// Address, opened by `open_link`.
    pub url: String,
    /// Host of the forge.
    pub host: String,
    /// Title. Hostile text.
    pub title: String,
    /// "kiro-agent[bot] for mika", or a login.
    pub author: String,
    /// Target branch.
    pub target: String,
    /// When it was opened; RFC 3339.
    pub created_at: String,
    /// Head commit, whole.
    pub head: String,
    /// Digest of the patch and assessment shown: goes back with `preflight` and `decide`.
    pub seen: String,
    /// Description as safe HTML.
    pub html: String,
    /// The verdict.
    pub verdict: VerdictView,
    /// Involvement and tool.
    pub badge: Badge,
    /// Why the policy wants a sign-off or does not: "nobody said whether AI helped; the policy asks for a sign-off".
    pub involvement_words: String,
    /// The evidence, surest first.
    pub evidence: Vec<EvidenceView>,
    /// Findings, worst first.
    pub findings: Vec<FindingView>,
    /// The blast radius; may be empty.
    pub components: Vec<ComponentView>,
    /// "6 services, 4 of them tier 1 (T1). Source: countersign.toml."; empty without components.
    pub components_words: String,
    /// What no rule could look at.
    pub not_assessed: Vec<NotAssessedView>,
    /// Size, spread and where the author is new, as context: "12 files in 5 folders; 340 lines added, 25 removed."; empty
    /// where nothing is known.
    pub measures: String,
    /// Checks on the head.
    pub checks: Vec<CheckView>,
    /// Reviews of others.
    pub reviews: Vec<ReviewView>,
    /// Whose ground it is by CODEOWNERS; empty without such a file.
    pub ground: Vec<GroundView>,
    /// Files in the order of the diff. Empty only together with an entry in `not_assessed`.
    pub files: Vec<FileEntry>,
    /// What changed since the user last decided or looked: "1 commit, 2 files"; `None` the first time. Which files is
    /// in each of these, which lines in each row.
    pub since_last: Option<String>,
    /// A line on whether an approval will count: see `Sheet::will_count`.
    pub will_count: WillCount,
    /// Which key would sign; `None` = none chosen yet.
    pub key: Option<KeyView>,
    /// A decision on this head is in the outbox or confirmed already.
    pub decided: Option<DecisionRow>,
    /// An approval of the user's own stands at the forge, on this head or on an older one, and can be withdrawn.
    pub approval: Option<ApprovalView>,
    /// Draft at the forge.
    pub draft: bool,
    /// "28 Nov, 14:02": it could not be read again since, and others could; `None` where it is as old as the rest.
    pub as_of: Option<String>,
}

/// An approval of the user's own that stands at the forge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ApprovalView {
    /// Names the review in `withdraw`.
    pub review: String,
    /// The head that it is about, whole; empty where the forge does not say.
    pub head: String,
    /// When it was given; RFC 3339.
    pub at: Option<String>,
    /// Whether it holds; `None` where that was not signed on this machine.
    pub holding: Option<HoldingView>,
}

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

/// Is the forge reached?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Connection {
    /// The last call was answered.
    Online,
    /// The last call was not.
    Offline,
    /// A poll is under way and none has ended yet.
    Connecting,
}

/// Is the keychain usable?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum KeychainState {
    /// Read and written.
    Unlocked,
    /// There, but locked or not answering in time.
    Locked,
    /// No keychain service: secrets are held for this session only.
    Absent,
}

/// Is the account's token at hand?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum TokenState {
    /// The forge can be asked.
    Held,
    /// It is in the keychain, which does not give it now.
    Locked,
    /// It is nowhere: the user must sign in again.
    Missing,
}

/// An account that is signed in, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AccountView {
    /// Names it in commands.
    pub name: String,
    /// What tells it from the other accounts, for people: its host, or `login@host` where two are at one.
    pub label: String,
    /// Host of the forge.
    pub host: String,
    /// Login.
    pub login: String,
    /// When the token ends, if the forge said; RFC 3339.
    pub token_expires_at: Option<String>,
    /// The token is held for this session only.
    pub session_only: bool,
    /// Is its token at hand?
    pub token: TokenState,
    /// Is the forge reached?
    pub connection: Connection,
    /// Since when it is not; RFC 3339.
    pub offline_since: Option<String>,
    /// What keeps the forge from being read as it should be, if anything does.
    pub trouble: Option<Message>,
    /// When its data was last confirmed by the forge; RFC 3339.
    pub data_at: Option<String>,
    /// When its next poll is due; RFC 3339.
    pub next_poll_at: Option<String>,
    /// Points left.
    pub quota_left: Option<u64>,
    /// Points an hour.
    pub quota_limit: Option<u64>,
    /// Its decisions signed and not yet confirmed.
    pub outbox: u32,
    /// Its changes that need the user.
    pub pending: u32,
    /// The key that signs for it.
    pub key: Option<KeyView>,
}

/// The status line. Where there are several accounts, connection, age, quota and key are those of the one that stands
/// worst; counts are of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Status {
    /// Same as `Queue::revision`.
    pub revision: u64,
    /// The account of the last session is still being taken up; `account` is not yet known.
    pub restoring: bool,
    /// The account that stands worst; `None` = signed out: the window shows the sign-in.
    pub account: Option<AccountView>,
    /// All that are signed in, the first of the profile first.
    pub accounts: Vec<AccountView>,
    /// Accounts of the profile that could not be opened. What they hold was not touched.
    pub unopened: Vec<Message>,
    /// Is the forge reached?
    pub connection: Connection,
    /// Since when it is not; RFC 3339.
    pub offline_since: Option<String>,
    /// When the data on screen was last confirmed by the forge; RFC 3339.
    pub data_at: Option<String>,
    /// When the next poll is due; RFC 3339.
    pub next_poll_at: Option<String>,
    /// Points left.
    pub quota_left: Option<u64>,
    /// Points an hour.
    pub quota_limit: Option<u64>,
    /// Decisions signed and not yet confirmed.
    pub outbox: u32,
    /// The keychain.
    pub keychain: KeychainState,
    /// The key that signs.
    pub key: Option<KeyView>,
    /// Changes that need the user: what the tray counts.
    pub pending: u32,
    /// A change that a notice or a second start asked to be opened; the UI opens it once.
    pub open: Option<String>,
    /// Version of the app.
    pub version: String,
}

/// One step of the sign-in, as it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SignInStep {
    /// What was checked: "github.com answers", "The token is accepted", "repo".
    pub name: String,
    /// Whether it holds.
    pub ok: bool,
    /// What was seen, or what to do.
    pub detail: String,
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

/// How the sign-in went: every step, and whether the account is now signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SignInResult {
    /// Signed in.
    pub ok: bool,
    /// Names the account then.
    pub account: Option<String>,
    /// The steps, in order; the first that is not ok says why not.
    pub steps: Vec<SignInStep>,
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
