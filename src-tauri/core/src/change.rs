//! A change (GitHub: pull request; GitLab: merge request) as the forge reports it, normalised.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A git object name: 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Oid(String);

/// The text was not 40 or 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a git object name (40 or 64 lower-case hexadecimal digits)")]
pub struct NotAnOid(pub String);

impl Oid {
    /// All digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// All zeros: git's name for what is not there.
    pub fn is_zero(&self) -> bool {
        self.0.bytes().all(|digit| digit == b'0')
    }

    /// The first twelve digits: enough for a person to compare, never used as an identity.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl FromStr for Oid {
    type Err = NotAnOid;

    fn from_str(text: &str) -> Result<Self, NotAnOid> {
        let hex = text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if hex && (text.len() == 40 || text.len() == 64) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAnOid(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Oid {
    type Error = NotAnOid;

    fn try_from(text: String) -> Result<Self, NotAnOid> {
        text.parse()
    }
}

impl From<Oid> for String {
    fn from(oid: Oid) -> Self {
        oid.0
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Oid({})", self.0)
    }
}

/// Where a change lives: forge host, repository (`owner/name`) and number. Written `host/owner/name#number`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChangeId {
    /// Host name of the forge, with a port where it is not the standard one: `github.com`, `127.0.0.1:8080`.
    pub host: String,
    /// `owner/name`.
    pub repo: String,
    /// The number people use, unique within the repository.
    pub number: u64,
}

/// The text was not `host/owner/name#number`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} does not name a change (expected host/owner/name#number)")]
pub struct NotAChangeId(pub String);

impl fmt::Display for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}#{}", self.host, self.repo, self.number)
    }
}

impl FromStr for ChangeId {
    type Err = NotAChangeId;

    fn from_str(text: &str) -> Result<Self, NotAChangeId> {
        let bad = || NotAChangeId(text.to_owned());
        let (path, number) = text.rsplit_once('#').ok_or_else(bad)?;
        let (host, repo) = path.split_once('/').ok_or_else(bad)?;
        let number = number.parse().map_err(|_| bad())?;
        let whole = repo.split('/').count() == 2 && repo.split('/').all(|part| !part.is_empty());
        if host.is_empty() || !whole {
            return Err(bad());
        }
        Ok(Self {
            host: host.to_owned(),
            repo: repo.to_owned(),
            number,
        })
    }
}

impl TryFrom<String> for ChangeId {
    type Error = NotAChangeId;

    fn try_from(text: String) -> Result<Self, NotAChangeId> {
        text.parse()
    }
}

impl From<ChangeId> for String {
    fn from(id: ChangeId) -> Self {
        id.to_string()
    }
}

/// What kind of account the forge says it is. Source: GraphQL `__typename` of an `Actor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// A person's account (which an agent may use too).
    User,
    /// An app's account.
    Bot,
    /// Anything else, or not said (a deleted account, an organisation, a mannequin).
    Other,
}

/// An account at the forge. Identity is the numeric id; the login can be renamed and re-used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Login as shown; an app's ends in `[bot]` except where the forge leaves it out (`Copilot`).
    pub login: String,
    /// Numeric account id in decimal; absent where the forge does not give one.
    pub id: Option<String>,
    /// What kind of account it is.
    pub kind: AccountKind,
}

/// Author or committer of a commit: what git recorded, and the account that the forge maps the address to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Display name: free text, proves nothing.
    pub name: String,
    /// Mail address as recorded.
    pub email: String,
    /// The account the forge maps the address to, if any.
    pub account: Option<Person>,
}

/// One commit of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Commit id.
    pub oid: Oid,
    /// Tree id; absent where the forge did not give it.
    pub tree: Option<Oid>,
    /// The whole message, trailers included, with `\n` line ends.
    pub message: String,
    /// Who wrote it.
    pub author: Identity,
    /// Who committed it.
    pub committer: Identity,
    /// Committer date.
    pub committed_at: Option<Timestamp>,
}

/// Life of a change at the forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeState {
    /// Can still be reviewed and merged.
    Open,
    /// Closed without merging.
    Closed,
    /// Merged.
    Merged,
}

/// The commit that a review is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Branch name without `refs/heads/`.
    pub branch: String,
    /// Tip commit.
    pub oid: Oid,
    /// `owner/name` of the repository that holds the branch; `None` if it was deleted.
    pub repo: Option<String>,
}

/// The branch that the change is to be merged into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Branch name without `refs/heads/`.
    pub branch: String,
    /// The branch's tip *now* (not the one recorded when the change last moved).
    pub oid: Oid,
}

/// Why the change is in this user's queue. Several can hold at once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// Review requested from the user by name.
    ByName,
    /// Review requested from a team of the user's.
    Team {
        /// `org/slug`.
        team: String,
        /// The forge asked because of CODEOWNERS, not because somebody chose.
        code_owner: bool,
    },
    /// The user is an assignee.
    Assigned,
    /// The user has reviewed it before.
    Reviewed,
}

/// A review that the forge asks for, of the user or of anybody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested {
    /// Login, or `org/slug` of a team; `None` for one that the token may not name.
    pub who: Option<String>,
    /// The forge asked because of CODEOWNERS, not because somebody chose.
    pub code_owner: bool,
}

/// State of a review. Source: GraphQL `PullRequestReviewState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewState {
    /// Written, not submitted; only its author sees it.
    Pending,
    /// Approves.
    Approved,
    /// Asks for changes; blocks.
    ChangesRequested,
    /// Neither.
    Commented,
    /// Was approving or blocking and was dismissed.
    Dismissed,
}

/// One review at the forge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// The forge's id, decimal.
    pub id: String,
    /// Who wrote it; `None` where the account was deleted.
    pub author: Option<Person>,
    /// Its state now.
    pub state: ReviewState,
    /// When it was submitted; `None` while pending.
    pub submitted_at: Option<Timestamp>,
    /// When its body was last edited after submission.
    pub edited_at: Option<Timestamp>,
    /// The commit that the forge attributes it to: attribution, not proof.
    pub commit: Option<Oid>,
    /// The body, where it was read.
    pub body: String,
}

/// Outcome of one check on the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// Succeeded.
    Passed,
    /// Failed, timed out, was cancelled or needs action.
    Failed,
    /// Queued or running.
    Running,
    /// Was skipped or neutral: nobody looked.
    Skipped,
}

/// One check (check run or commit status) on the head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Name as the forge shows it.
    pub name: String,
    /// Its outcome.
    pub state: CheckState,
}

/// A change, normalised: everything that classification, assessment and the queue need, without the diff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Where it lives.
    pub id: ChangeId,
    /// The forge's opaque id, for reading it again (GraphQL node id).
    pub node_id: String,
    /// The change's numeric id at the forge, decimal: survives a rename or transfer of the repository.
    pub change_id: String,
    /// The repository's numeric id, decimal.
    pub repo_id: String,
    /// Address for a person's browser.
    pub url: String,
    /// Title. Hostile text.
    pub title: String,
    /// Description, Markdown. Hostile text.
    pub body: String,
    /// Who opened it; `None` where the account was deleted.
    pub author: Option<Person>,
    /// Its life.
    pub state: ChangeState,
    /// Marked as not ready.
    pub draft: bool,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When the forge last touched it.
    pub updated_at: Timestamp,
    /// What is to be merged.
    pub head: Head,
    /// Into what.
    pub target: Target,
    /// Why the user is asked.
    pub asked: Vec<Asked>,
    /// Whom the forge asks for a review and who has not given one yet, the user or not.
    pub requested: Vec<Requested>,
    /// Label names.
    pub labels: Vec<String>,
    /// Assignees: with some agents, the person who set the agent to work.
    pub assignees: Vec<Person>,
    /// The commits that were read, oldest first.
    pub commits: Vec<Commit>,
    /// How many the forge says there are: more than `commits` means that the list is cut.
    pub commit_count: u64,
    /// Lines added, as the forge counts.
    pub additions: u64,
    /// Lines deleted, as the forge counts.
    pub deletions: u64,
    /// Files changed, as the forge counts.
    pub changed_files: u64,
    /// Checks on the head.
    pub checks: Vec<Check>,
    /// The latest opinionated review of each person.
    pub reviews: Vec<Review>,
    /// The user's own latest submitted review.
    pub own_review: Option<Review>,
    /// Who set an agent to work, as far as the forge tells: whoever assigned an app, whom an app assigned, and where an app
    /// opened the change, everybody who was ever assigned to it.
    #[serde(default)]
    pub operators: Vec<Person>,
    /// The forge says that it cannot be merged as it stands.
    #[serde(default)]
    pub conflicting: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_id_reads_back_what_it_writes() {
        for text in ["github.com/acme/infra#482", "127.0.0.1:8080/acme/web#1"] {
            assert_eq!(
                text.parse::<ChangeId>().map(|id| id.to_string()),
                Ok(text.to_owned())
            );
        }
        for text in [
            "",
            "acme/infra#1",
            "github.com/acme/infra",
            "github.com/acme/infra#x",
            "github.com//x#1",
            "h/a/b/c#1",
        ] {
            assert!(text.parse::<ChangeId>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_oid_is_forty_or_sixty_four_lower_case_digits() {
        assert!("9f1c6c1a9e2b".parse::<Oid>().is_err());
        assert!("A".repeat(40).parse::<Oid>().is_err());
        assert!("a".repeat(40).parse::<Oid>().is_ok());
        assert!("0".repeat(64).parse::<Oid>().is_ok());
    }
}
