//! What the forge's state is made of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};

use crate::forge::git::{CommitFacts, Edit, Git};

/// What kind of account it is: GraphQL's `__typename`, REST's `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A person.
    User,
    /// An app's account; its login ends in `[bot]` in REST and lacks that in GraphQL.
    Bot,
    /// An organisation.
    Organization,
}

/// An SSH key that an account has enrolled for signing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Database id.
    pub id: u64,
    /// Algorithm and base64, without a comment.
    pub key: String,
    /// Its owner's name for it.
    pub title: String,
    /// When it was enrolled.
    pub created_at: Timestamp,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Login as REST writes it.
    pub login: String,
    /// Database id.
    pub id: u64,
    /// What kind of account it is.
    pub kind: Kind,
    /// Display name.
    pub name: String,
    /// Address that maps commits to the account, besides its noreply address.
    pub email: String,
    /// Enrolled signing keys.
    pub signing_keys: Vec<SigningKey>,
}

impl Account {
    /// Login as GraphQL writes it: an app's without `[bot]`.
    pub fn graphql_login(&self) -> &str {
        self.login.strip_suffix("[bot]").unwrap_or(&self.login)
    }

    /// The opaque id.
    pub fn node_id(&self) -> String {
        let prefix = match self.kind {
            Kind::User => "U",
            Kind::Bot => "BOT",
            Kind::Organization => "O",
        };
        format!("{prefix}_kgDO{:08x}", self.id)
    }

    /// The address that GitHub gives out instead of the private one.
    pub fn noreply(&self) -> String {
        format!("{}+{}@users.noreply.github.com", self.id, self.login)
    }
}

/// A team of an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// The organisation's login.
    pub org: String,
    /// Name in addresses.
    pub slug: String,
    /// Database id.
    pub id: u64,
    /// Members' logins.
    pub members: BTreeSet<String>,
}

/// What a token may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scopes {
    /// A classic token or an OAuth token with these scopes.
    Classic(Vec<String>),
    /// A fine-grained token: no scopes, no notifications, the resources of one owner.
    FineGrained {
        /// The owner whose repositories it sees.
        owner: String,
        /// `true` for pull requests: write; `false` for read only.
        write: bool,
    },
}

/// A token and what has been used of its quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The secret.
    pub secret: String,
    /// Whose it is.
    pub login: String,
    /// What it may do.
    pub scopes: Scopes,
    /// `github-authentication-token-expiration`; past it the token is refused.
    pub expires_at: Option<Timestamp>,
    /// Organisations (logins) that it cannot see until single sign-on is renewed.
    pub sso_missing: BTreeSet<String>,
    /// REST requests used this hour.
    pub core_used: u64,
    /// GraphQL points used this hour.
    pub points_used: u64,
}

/// The hourly quota of REST requests and of GraphQL points. Source: GitHub's documentation of rate limits.
pub const QUOTA: u64 = 5_000;

/// Outcome of a check run on a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Database id.
    pub id: u64,
    /// Name as shown.
    pub name: String,
    /// `queued`, `in_progress` or `completed`.
    pub status: String,
    /// REST's word: `success`, `failure`, `skipped` …; `None` until completed.
    pub conclusion: Option<String>,
}

/// A commit status. The latest of a context is what counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Database id.
    pub id: u64,
    /// Its name.
    pub context: String,
    /// REST's word: `pending`, `success`, `failure`, `error`.
    pub state: String,
    /// What it says.
    pub description: Option<String>,
    /// Where it leads.
    pub target_url: Option<String>,
    /// Who set it, by login.
    pub creator: String,
    /// When.
    pub at: Timestamp,
}

/// A change in a merge queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Database id.
    pub id: u64,
    /// The change.
    pub number: u64,
    /// Its target branch, whose queue it is in.
    pub branch: String,
    /// What the queue has built: the target with all changes up to this one.
    pub commit: String,
    /// Who put it in, by login.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Who is asked to review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A person, by login.
    User(String),
    /// A team, by `org/slug`.
    Team(String),
}

/// An open review request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Database id.
    pub id: u64,
    /// Who is asked.
    pub who: Asked,
    /// CODEOWNERS asked, not a person.
    pub code_owner: bool,
    /// Who asked, by login.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A review as the forge stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Database id.
    pub id: u64,
    /// Author's login.
    pub author: String,
    /// REST's word: `PENDING`, `APPROVED`, `CHANGES_REQUESTED`, `COMMENTED`, `DISMISSED`.
    pub state: &'static str,
    /// Its text.
    pub body: String,
    /// The commit it is attributed to.
    pub commit: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was submitted; `None` while pending.
    pub submitted_at: Option<Timestamp>,
    /// When its body was last changed after submission.
    pub edited_at: Option<Timestamp>,
    /// Its state before it was dismissed.
    pub was: Option<&'static str>,
    /// When, by whom and why it was dismissed.
    pub dismissed: Option<(Timestamp, String, String)>,
}

/// One thing that happened to a change and that the timeline shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Database id.
    pub id: u64,
    /// When.
    pub at: Timestamp,
    /// Who did it, by login.
    pub actor: String,
    /// What.
    pub what: Happened,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// A review was requested.
    ReviewRequested(Asked),
    /// Somebody was assigned, by login.
    Assigned(String),
    /// Closed without merging.
    Closed,
    /// Merged.
    Merged,
    /// Opened again.
    Reopened,
    /// The head was replaced by a commit that does not descend from it.
    ForcePushed,
}

/// Life of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Open.
    Open,
    /// Closed without merging.
    Closed,
    /// Merged.
    Merged,
}

/// A change (GitHub: pull request).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Number in its repository.
    pub number: u64,
    /// Database id.
    pub id: u64,
    /// Title.
    pub title: String,
    /// Description.
    pub body: String,
    /// Who opened it, by login.
    pub author: String,
    /// Its life.
    pub life: Life,
    /// Not ready.
    pub draft: bool,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When anything last happened to it.
    pub updated_at: Timestamp,
    /// When it was closed or merged.
    pub closed_at: Option<Timestamp>,
    /// Target branch.
    pub base: String,
    /// The target's tip when the change last moved.
    pub base_oid: String,
    /// Head branch.
    pub branch: String,
    /// Every head it has had, the present one last.
    pub heads: Vec<String>,
    /// Label names.
    pub labels: Vec<String>,
    /// Assignees' logins.
    pub assignees: Vec<String>,
    /// Open review requests.
    pub requests: Vec<Request>,
    /// All reviews, in the order of creation.
    pub reviews: Vec<Review>,
    /// What happened.
    pub events: Vec<Event>,
    /// Left out by search, as a lagging index does.
    pub unindexed: bool,
}

impl Change {
    /// The present head.
    pub fn head(&self) -> &str {
        self.heads.last().map_or("", String::as_str)
    }

    /// The opaque id.
    pub fn node_id(&self) -> String {
        format!("PR_kwDO{:010x}", self.id)
    }
}

/// One movement of a branch. Source: REST's `activity`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// Database id.
    pub id: u64,
    /// Full ref name.
    pub reference: String,
    /// Tip before; zeros for a new branch.
    pub before: String,
    /// Tip after.
    pub after: String,
    /// When.
    pub at: Timestamp,
    /// REST's word: `push`, `force_push`, `branch_creation`, `pr_merge`.
    pub kind: &'static str,
    /// Who pushed, by login.
    pub actor: String,
}

/// A repository.
pub struct Repo {
    /// Database id.
    pub id: u64,
    /// Owner's login.
    pub owner: String,
    /// Name without the owner.
    pub name: String,
    /// What it was called before, as `owner/name`: where nothing else has that name now, it leads here.
    pub formerly: Vec<String>,
    /// Only accounts in `access` see it.
    pub private: bool,
    /// Read only for all.
    pub archived: bool,
    /// Logins and what they may do: `READ`, `TRIAGE`, `WRITE`, `MAINTAIN` or `ADMIN`.
    pub access: BTreeMap<String, &'static str>,
    /// The default branch demands an approving review.
    pub protected: bool,
    /// A ruleset for the default branch says whether a push dismisses approvals; `None` without one.
    pub dismisses_stale: Option<bool>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its objects.
    pub git: Git,
    /// Its changes by number.
    pub changes: BTreeMap<u64, Change>,
    /// Check runs by commit.
    pub checks: BTreeMap<String, Vec<Check>>,
    /// Statuses by commit, oldest first.
    pub statuses: BTreeMap<String, Vec<Status>>,
    /// The merge queues of its branches, each in its order.
    pub queue: Vec<Queued>,
    /// Movements of its branches, oldest first.
    pub activity: Vec<Activity>,
}

impl Repo {
    /// `owner/name`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// The opaque id.
    pub fn node_id(&self) -> String {
        format!("R_kgDO{:08x}", self.id)
    }

    /// The latest status of each context on a commit.
    pub fn latest_statuses(&self, oid: &str) -> Vec<&Status> {
        let mut latest: BTreeMap<&str, &Status> = BTreeMap::new();
        for status in self.statuses.get(oid).into_iter().flatten() {
            latest.insert(&status.context, status);
        }
        latest.into_values().collect()
    }

    /// Tip of a change's target now; the recorded one where the branch is gone.
    pub fn target_tip(&self, change: &Change) -> String {
        self.git
            .tip(&change.base)
            .unwrap_or_else(|| change.base_oid.clone())
    }

    /// Where a change's head left its target.
    pub fn merge_base(&self, change: &Change) -> String {
        self.git
            .merge_base(&change.base_oid, change.head())
            .unwrap_or_else(|| change.base_oid.clone())
    }

    /// The change's commits, oldest first.
    pub fn commits(&self, change: &Change) -> Result<Arc<Vec<Arc<CommitFacts>>>> {
        self.git.range(&change.base_oid, change.head())
    }
}

/// A notification thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Database id.
    pub id: u64,
    /// Whose it is, by login.
    pub login: String,
    /// `owner/name`.
    pub repo: String,
    /// The change's number.
    pub number: u64,
    /// REST's word: `review_requested`, `assign`, `author` …
    pub reason: &'static str,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// One call as it arrived, for tests that count them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// HTTP method.
    pub method: String,
    /// Path with its query.
    pub target: String,
    /// What a GraphQL query calls itself.
    pub operation: Option<String>,
    /// The answer's status; 0 where the connection was broken instead.
    pub status: u16,
}

/// One commit of a change to be opened or pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCommit {
    /// The whole message.
    pub message: String,
    /// Author: a login, or `Name <mail>` as git writes it.
    pub author: String,
    /// Committer, likewise; the author where empty.
    pub committer: String,
    /// How long before the forge's time it was made.
    pub age: SignedDuration,
    /// What it writes and deletes.
    pub edits: Vec<Edit>,
}

/// A change to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewChange {
    /// `owner/name`.
    pub repo: String,
    /// Its number, or `None` for the next one.
    pub number: Option<u64>,
    /// Title.
    pub title: String,
    /// Description.
    pub body: String,
    /// Who opens it, by login.
    pub author: String,
    /// Head branch, to be made from the target's tip.
    pub branch: String,
    /// Target branch.
    pub base: String,
    /// Commits, oldest first.
    pub commits: Vec<NewCommit>,
    /// Label names.
    pub labels: Vec<String>,
    /// Assignees' logins.
    pub assignees: Vec<String>,
    /// Who is asked.
    pub asked: Vec<Asked>,
    /// Not ready.
    pub draft: bool,
    /// How long before the forge's time it was opened.
    pub age: SignedDuration,
}
