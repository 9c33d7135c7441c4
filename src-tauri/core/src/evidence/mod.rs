//! Which marks of AI tools a change carries, and what they add up to.
//!
//! Every channel is read, because each alone misses most of some tool: the account that opened the change,
//! the head branch, the description, every commit (author, committer, each `…-by:` line, each line of the
//! message), labels, git notes and the paths of the diff. An address or an account id decides, not a display
//! name and not a vendor's domain: people work there. The marks are data: `markers/*.toml`, with examples.
//!
//! What is no evidence: lines in code fences, quoted blocks, HTML comments (but for marks that live there) and
//! boxes nobody ticked, unless git takes them for trailers; reviews and sign-offs by a bot; automation without AI
//! (`markers/exclusions.toml`), and what its texts quote from others; denials, questions of templates and texts
//! about tools. What is said in words is read, not looked up: `AI usage: none` names no tool, and
//! `Assisted-by: Jules Verne` a person.
//!
//! | module | subject |
//! |---|---|
//! | `custom` | marks that a policy adds and mutes |
//! | `disclosure` | what somebody says about AI |
//! | `letters` | look-alikes, invisible characters, line breaks |
//! | `marks` | where the marks of one surface match |
//! | `names` | what tools are called, and people and things too |
//! | `normal` | which lines are the author's own statement |
//! | `scan` | every channel of a change |
//! | `shown` | how much of a match is shown |
//! | `table` | the table, read and compiled |
//!
//! # What it adds up to
//! The first line that holds decides. *Sure* means definitive or strong.
//!
//! 1. A sure mark of an agent as author on the account, the branch or the description, or in at least half of
//!    the commits that were read: [`Involvement::Authored`].
//! 2. Any other sure mark of an agent as author, or of help: [`Involvement::Assisted`].
//! 3. A sure mark of a reviewer whose suggestion was taken: [`Involvement::SuggestionApplied`].
//! 4. A weak mark of these kinds: [`Involvement::Suspected`].
//! 5. The author says that no AI was used: [`Involvement::DeclaredNone`]. A claim, never a clearance, so any
//!    mark above outweighs it.
//! 6. Otherwise [`Involvement::Undeclared`]: nobody said. No mark does not mean that no AI was used.

pub(crate) mod custom;
mod disclosure;
mod letters;
mod marks;
mod names;
mod normal;
mod scan;
mod shown;
mod table;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::change::{Change, Oid};
use crate::patch::Patch;
pub use custom::Custom;
pub use table::{Markers, TableError};

/// What the evidence adds up to; the rule is in the [module's](self) text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Involvement {
    /// An agent wrote it.
    Authored,
    /// A person wrote it with AI help.
    Assisted,
    /// An AI reviewer's suggestion was taken over.
    SuggestionApplied,
    /// Weak marks only.
    Suspected,
    /// The author says that no AI was used: a claim, never a clearance.
    DeclaredNone,
    /// Nobody said.
    Undeclared,
}

impl Involvement {
    /// Marks that are sure enough to call the change AI-assisted.
    pub fn is_ai(self) -> bool {
        match self {
            Self::Authored | Self::Assisted | Self::SuggestionApplied => true,
            Self::Suspected | Self::DeclaredNone | Self::Undeclared => false,
        }
    }
}

/// How far a mark can be relied on. Ordered: `Definitive` is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// Also seen without AI: a hint.
    Weak,
    /// Rarely wrong.
    Strong,
    /// Not seen without the tool.
    Definitive,
}

/// What a mark says about the tool's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The agent wrote it.
    Author,
    /// A person wrote it with help.
    Assisted,
    /// An AI reviewer's suggestion was taken over.
    Suggestion,
    /// Somebody says that no AI was used.
    Claim,
    /// Says nothing about this change: the repository is set up for agents.
    Context,
}

/// Where a mark stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The account that opened the change.
    Account,
    /// The name of the head branch.
    Branch,
    /// The description.
    Body,
    /// A label.
    Label,
    /// The author of commits.
    CommitAuthor,
    /// The committer of commits.
    Committer,
    /// A `…-by:` line of commit messages, with its key in lower case.
    CommitTrailer(String),
    /// The message of commits.
    CommitMessage,
    /// A git note on commits.
    Note,
    /// The path of a changed file.
    File(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account => f.write_str("the account that opened it"),
            Self::Branch => f.write_str("branch name"),
            Self::Body => f.write_str("description"),
            Self::Label => f.write_str("label"),
            Self::CommitAuthor => f.write_str("commit author"),
            Self::Committer => f.write_str("committer"),
            Self::CommitTrailer(key) => write!(f, "{key} line"),
            Self::CommitMessage => f.write_str("commit message"),
            Self::Note => f.write_str("git note"),
            Self::File(path) => write!(f, "file {path}"),
        }
    }
}

/// In how many commits a mark was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matched {
    /// Commits that carry it.
    pub matched: u32,
    /// Commits that were read.
    pub of: u32,
}

/// One reason to believe that a change is AI-assisted (or, as a claim, that it is not).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Id of the mark in the table: `claude.email`.
    pub marker: String,
    /// Tool it points to, where it points to one.
    pub tool: Option<String>,
    /// What it says about the tool's part.
    pub role: Role,
    /// How far it can be relied on.
    pub strength: Strength,
    /// Where it stands.
    pub place: Place,
    /// The text that matched as it was received, at most 300 characters. Hostile text.
    pub text: String,
    /// In how many commits; `None` for a mark that is not in commits.
    pub commits: Option<Matched>,
}

/// Evidence and what it adds up to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Classification {
    /// What the evidence adds up to.
    pub involvement: Involvement,
    /// The tool that the surest evidence points to.
    pub tool: Option<String>,
    /// Surest first.
    pub evidence: Vec<Evidence>,
    /// The automation without AI whose account opened the change: `dependabot`.
    pub automation: Option<String>,
    /// Commits that the forge counts and that were not read: marks in them are not known.
    pub commits_unread: u64,
}

/// A git note of `refs/notes/ai` on one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note<'a> {
    /// The ref that it was read from.
    pub from: &'a str,
    /// The commit that it is about.
    pub commit: &'a Oid,
    /// Its text. Hostile text.
    pub text: &'a str,
}

/// What a change's own record does not hold, where the caller has it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extra<'a> {
    /// The diff: its paths, and the lines it adds to agents' traces.
    pub patch: Option<&'a Patch<'a>>,
    /// Git notes on the change's commits.
    pub notes: &'a [Note<'a>],
}

/// Classifies a change by the marks that are compiled in.
pub fn classify(change: &Change, extra: Extra<'_>) -> Classification {
    classify_with(Markers::builtin(), change, extra)
}

/// Classifies a change by a table of marks.
pub fn classify_with(markers: &Markers, change: &Change, extra: Extra<'_>) -> Classification {
    let scan = scan::scan(markers, change, extra);
    let of = u32::try_from(change.commits.len()).unwrap_or(u32::MAX);
    let evidence = scan.evidence(of);
    let involvement = involvement(&evidence, scan.commits_by_agents(), change.commits.len());
    Classification {
        involvement,
        tool: tool(&evidence, involvement),
        evidence,
        automation: scan.automation,
        commits_unread: change.commit_count.saturating_sub(u64::from(of)),
    }
}

fn involvement(evidence: &[Evidence], by_agents: usize, commits: usize) -> Involvement {
    let sure = |role: Role| {
        evidence
            .iter()
            .filter(move |one| one.strength > Strength::Weak && one.role == role)
    };
    let whole = |one: &Evidence| matches!(one.place, Place::Account | Place::Branch | Place::Body);
    let weak = |one: &Evidence| matches!(one.role, Role::Author | Role::Assisted | Role::Suggestion);
    if sure(Role::Author).any(whole) || (by_agents > 0 && by_agents * 2 >= commits) {
        Involvement::Authored
    } else if sure(Role::Author).chain(sure(Role::Assisted)).next().is_some() {
        Involvement::Assisted
    } else if sure(Role::Suggestion).next().is_some() {
        Involvement::SuggestionApplied
    } else if evidence.iter().any(weak) {
        Involvement::Suspected
    } else if evidence.iter().any(|one| one.role == Role::Claim) {
        Involvement::DeclaredNone
    } else {
        Involvement::Undeclared
    }
}

/// The tool of the surest mark that takes part in the outcome. The evidence is in that order already.
fn tool(evidence: &[Evidence], involvement: Involvement) -> Option<String> {
    let roles: &[Role] = match involvement {
        Involvement::Authored => &[Role::Author, Role::Assisted],
        Involvement::Assisted => &[Role::Author, Role::Assisted],
        Involvement::SuggestionApplied => &[Role::Suggestion],
        Involvement::Suspected => &[Role::Author, Role::Assisted, Role::Suggestion],
        Involvement::DeclaredNone | Involvement::Undeclared => &[],
    };
    evidence
        .iter()
        .filter(|one| roles.contains(&one.role))
        .find_map(|one| one.tool.clone())
}
