//! A change as GraphQL gives it, and what its parts mean.

use countersign_core::change::{
    AccountKind, Check, CheckState, Commit, Identity, Oid, Person, Review, ReviewState,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::person::{Actor, GraphUser};

/// A commit status, or the sum of all. Source: GraphQL `StatusState`.
pub(super) fn status(state: &str) -> CheckState {
    match state {
        "SUCCESS" => CheckState::Passed,
        "PENDING" | "EXPECTED" => CheckState::Running,
        _ => CheckState::Failed,
    }
}

impl From<Context> for Check {
    fn from(context: Context) -> Self {
        match context {
            Context::Run { name, status, .. } if status != "COMPLETED" => Check {
                name,
                state: CheckState::Running,
            },
            // Source: GraphQL `CheckConclusionState`. What is not known is not a success.
            Context::Run { name, conclusion, .. } => Check {
                name,
                state: match conclusion.as_deref() {
                    Some("SUCCESS") => CheckState::Passed,
                    Some("NEUTRAL" | "SKIPPED" | "STALE") => CheckState::Skipped,
                    _ => CheckState::Failed,
                },
            },
            Context::Status { context, state } => Check {
                name: context,
                state: status(&state),
            },
            Context::Other => Check {
                name: "a check of an unknown kind".into(),
                state: CheckState::Failed,
            },
        }
    }
}

/// A list of nodes. GraphQL allows any of them to be null.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct List<T> {
    #[serde(default, rename = "totalCount")]
    pub(super) total: u64,
    #[serde(default = "Vec::new")]
    pub(super) nodes: Vec<Option<T>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Node {
    #[serde(rename = "fullDatabaseId")]
    pub(super) id: Option<Number>,
    pub(super) number: u64,
    pub(super) url: String,
    pub(super) title: String,
    pub(super) body: String,
    pub(super) state: String,
    #[serde(rename = "isDraft")]
    pub(super) draft: bool,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) additions: u64,
    pub(super) deletions: u64,
    pub(super) changed_files: u64,
    #[serde(rename = "baseRefName")]
    pub(super) base_branch: String,
    #[serde(rename = "baseRefOid")]
    pub(super) base_oid: Oid,
    #[serde(rename = "headRefName")]
    pub(super) head_branch: String,
    #[serde(rename = "headRefOid")]
    pub(super) head_oid: Oid,
    pub(super) base_ref: Option<Ref>,
    pub(super) repository: Repository,
    #[serde(rename = "headRepository")]
    pub(super) head_repo: Option<HeadRepository>,
    pub(super) author: Option<Actor>,
    pub(super) labels: Option<List<Label>>,
    pub(super) assignees: List<GraphUser>,
    #[serde(default)]
    pub(super) mergeable: String,
    #[serde(default, rename = "timelineItems")]
    pub(super) assignments: Option<List<Assignment>>,
    #[serde(rename = "reviewRequests")]
    pub(super) requests: Option<List<Request>>,
    #[serde(rename = "viewerLatestReview")]
    pub(super) own: Option<Opinion>,
    #[serde(rename = "latestOpinionatedReviews")]
    pub(super) opinions: Option<List<Opinion>>,
    pub(super) commits: List<CommitNode>,
    pub(super) tip: List<CommitNode>,
}

/// `BigInt` is written as a string, `Int` as a number.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Number {
    Int(u64),
    Big(String),
}

impl Number {
    pub(super) fn text(self) -> Result<String, String> {
        match self {
            Self::Int(number) => Ok(number.to_string()),
            Self::Big(text) if text.parse::<u64>().is_ok() => Ok(text),
            Self::Big(text) => Err(format!("{text:?} is not a number")),
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Tip {
    pub(super) oid: Oid,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Ref {
    pub(super) target: Option<Tip>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Repository {
    #[serde(rename = "databaseId")]
    pub(super) id: Option<u64>,
    #[serde(rename = "nameWithOwner")]
    pub(super) name: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct HeadRepository {
    #[serde(rename = "nameWithOwner")]
    pub(super) name: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Label {
    pub(super) name: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Request {
    #[serde(default, rename = "asCodeOwner")]
    pub(super) code_owner: bool,
    #[serde(rename = "requestedReviewer")]
    pub(super) reviewer: Option<Reviewer>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "__typename")]
pub(super) enum Reviewer {
    User(GraphUser),
    Team {
        slug: Option<String>,
        organization: Option<Organization>,
    },
    #[serde(other)]
    Other,
}

/// Somebody was assigned.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Assignment {
    actor: Option<Value>,
    assignee: Option<Value>,
}

/// The people who set an agent to work, each once: see [`Change::operators`](countersign_core::change::Change::operators).
pub(super) fn operators(assignments: Vec<Option<Assignment>>, author: Option<&Person>) -> Vec<Person> {
    let by_a_person = author.is_some_and(|author| author.kind == AccountKind::User);
    let mut found: Vec<Person> = Vec::new();
    for Assignment { actor, assignee } in assignments.into_iter().flatten() {
        // An account of a kind without a login set nobody to work.
        let account = |one: Option<Value>| one.and_then(|one| Actor::deserialize(one).ok()).map(Person::from);
        let [actor, assignee] = [actor, assignee].map(account);
        let is_app = |who: &Option<Person>| who.as_ref().is_some_and(|who| who.kind == AccountKind::Bot);
        let (to_an_app, asked) = (is_app(&assignee), by_a_person && !is_app(&actor));
        let people = [actor.filter(|_| to_an_app), assignee.filter(|_| !asked)];
        for person in people.into_iter().flatten() {
            if person.kind == AccountKind::User && !found.contains(&person) {
                found.push(person);
            }
        }
    }
    found
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Organization {
    pub(super) login: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Opinion {
    #[serde(rename = "fullDatabaseId")]
    pub(super) id: Option<Number>,
    pub(super) state: String,
    pub(super) submitted_at: Option<Timestamp>,
    pub(super) last_edited_at: Option<Timestamp>,
    pub(super) commit: Option<Tip>,
    pub(super) author: Option<Actor>,
}

impl TryFrom<Opinion> for Review {
    type Error = String;

    fn try_from(opinion: Opinion) -> Result<Self, String> {
        Ok(Review {
            id: opinion.id.ok_or("a review has no number at the forge")?.text()?,
            author: opinion.author.map(Into::into),
            state: review_state(&opinion.state)?,
            submitted_at: opinion.submitted_at,
            edited_at: opinion.last_edited_at,
            commit: opinion.commit.map(|commit| commit.oid),
            body: String::new(),
        })
    }
}

/// Both interfaces use the same words. Source: GraphQL `PullRequestReviewState`.
pub(super) fn review_state(text: &str) -> Result<ReviewState, String> {
    Ok(match text {
        "PENDING" => ReviewState::Pending,
        "APPROVED" => ReviewState::Approved,
        "CHANGES_REQUESTED" => ReviewState::ChangesRequested,
        "COMMENTED" => ReviewState::Commented,
        "DISMISSED" => ReviewState::Dismissed,
        other => return Err(format!("{other:?} is not a state of a review")),
    })
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct CommitNode {
    pub(super) commit: CommitFields,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct CommitFields {
    pub(super) oid: Oid,
    #[serde(default)]
    pub(super) message: String,
    #[serde(rename = "committedDate")]
    pub(super) committed_at: Option<Timestamp>,
    pub(super) tree: Option<Tip>,
    pub(super) author: Option<GitActor>,
    pub(super) committer: Option<GitActor>,
    #[serde(rename = "statusCheckRollup")]
    pub(super) rollup: Option<Rollup>,
}

impl From<CommitFields> for Commit {
    fn from(fields: CommitFields) -> Self {
        Commit {
            oid: fields.oid,
            tree: fields.tree.map(|tree| tree.oid),
            message: fields.message.replace("\r\n", "\n"),
            author: identity(fields.author),
            committer: identity(fields.committer),
            committed_at: fields.committed_at,
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct GitActor {
    pub(super) name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) user: Option<GraphUser>,
}

pub(super) fn identity(actor: Option<GitActor>) -> Identity {
    let (name, email, user) = actor
        .map(|one| (one.name, one.email, one.user))
        .unwrap_or_default();
    Identity {
        name: name.unwrap_or_default(),
        email: email.unwrap_or_default(),
        account: user.map(Into::into),
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Rollup {
    pub(super) state: String,
    pub(super) contexts: List<Context>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "__typename")]
pub(super) enum Context {
    #[serde(rename = "CheckRun")]
    Run {
        name: String,
        status: String,
        conclusion: Option<String>,
    },
    #[serde(rename = "StatusContext")]
    Status { context: String, state: String },
    #[serde(other)]
    Other,
}
