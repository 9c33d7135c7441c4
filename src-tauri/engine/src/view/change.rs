//! A change opened for reading, all but its diff.

use serde::{Deserialize, Serialize};

use super::{Badge, DecisionRow, HoldingView, KeyView, Run, SeverityView, WillCount};

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
