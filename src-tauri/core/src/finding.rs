//! Severities, findings, and the assessment that they add up to. The rules that make them live in the assess crate.

use serde::{Deserialize, Serialize};

/// How bad it is if nobody looks. Ordered: `Critical` is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Context worth knowing.
    Low,
    /// A hint for the reviewer.
    Medium,
    /// Can cause an outage, or weakens a guard.
    High,
    /// Irreversible, or crosses a security boundary.
    Critical,
}

/// Which version of the file a line number counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Before the change: the line was removed.
    Old,
    /// After the change: the line was added (or stands unchanged).
    New,
}

/// One danger in the diff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable within one assessment: `rule:side:line:path`.
    pub id: String,
    /// The rule's id, e.g. `iac.tf.stateful_block_removed`.
    pub rule: String,
    /// The rule's family, e.g. `infrastructure`.
    pub family: String,
    /// How bad.
    pub severity: Severity,
    /// Path on `side`, lossily decoded for people.
    pub path: String,
    /// Which version the line number counts in.
    pub side: Side,
    /// 1-based line; `None` for a finding about the file as a whole.
    pub line: Option<u32>,
    /// What happens, as a short sentence without a full stop: "Destroys the database prod-eu-ledger".
    pub title: String,
    /// What is named by it, where the rule can tell (a resource, a table): shown in strong type.
    pub subject: Option<String>,
    /// Why it matters, one sentence.
    pub why: String,
    /// What to check before accepting it, one sentence.
    pub check: String,
    /// The line that matched, without its end, at most 400 characters.
    pub excerpt: String,
    /// Said where the severity was lowered or raised by context: "in a test path: one lower".
    pub note: Option<String>,
}

/// Something that no rule could look at. Never silent: a reviewer must know what was not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotAssessed {
    /// Path, or empty for the change as a whole.
    pub path: String,
    /// Why, as words: "binary", "larger than 1 MiB", "the forge cut the diff".
    pub reason: String,
}

/// A part of the system that the change touches or that depends on what it touches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Name from the policy or a manifest.
    pub name: String,
    /// 1 is the most critical; `None` where nobody said.
    pub tier: Option<u32>,
    /// Steps away from what was touched: 0 = touched.
    pub distance: u32,
    /// Names of the components it depends on, among those in this list.
    pub depends_on: Vec<String>,
    /// The worst finding inside it, if any.
    pub severity: Option<Severity>,
}

/// Size and spread of a change. Context for the reader, never a finding by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measures {
    /// Changed files.
    pub files: u64,
    /// Folders in which they stand.
    pub folders: u64,
    /// Lines that come.
    pub lines_added: u64,
    /// Lines that go.
    pub lines_removed: u64,
    /// How evenly the changed lines are spread over the files, in percent: 0 for a single file.
    pub entropy: u32,
    /// Code comes, and no test changes with it.
    pub code_without_tests: bool,
}

/// What the change could break: findings, blast radius and what could not be looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// Worst first, then by path and line.
    pub findings: Vec<Finding>,
    /// Touched components first, then by distance and name.
    pub components: Vec<Component>,
    /// Where the components come from: "countersign.toml", "Cargo workspace".
    pub components_from: Option<String>,
    /// What no rule could look at.
    pub not_assessed: Vec<NotAssessed>,
    /// Size and spread; `None` where the diff could not be read, or in what was stored before they were measured.
    #[serde(default)]
    pub measures: Option<Measures>,
}

impl Assessment {
    /// The worst severity among the findings.
    pub fn severity(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}
