//! What the calls answer. Only the fields that are asked for, and an answer with errors is none.

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) data: Option<Data>,
    pub(super) activity: Option<Activity>,
}

#[derive(Deserialize)]
pub(super) struct Data {
    pub(super) repository: Repository,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Repository {
    pub(super) database_id: Option<u64>,
    pub(super) name_with_owner: Option<String>,
    pub(super) url: Option<String>,
    pub(super) pull_request: Option<PullRequest>,
    pub(super) merge_queue: Option<MergeQueue>,
    pub(super) default_branch_ref: Option<BaseRef>,
}

#[derive(Deserialize)]
pub(super) struct MergeQueue {
    pub(super) entries: Page<Entry>,
}

/// A change in the merge queue.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    pub(super) position: u64,
    pub(super) head_commit: Option<Oid>,
    pub(super) pull_request: Option<Number>,
}

#[derive(Deserialize)]
pub(super) struct Number {
    pub(super) number: u64,
}

/// One page of one list of a change, or the change itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PullRequest {
    pub(super) number: u64,
    #[serde(flatten)]
    pub(super) itself: Option<Itself>,
    pub(super) commits: Option<Page<CommitNode>>,
    pub(super) reviews: Option<Page<Review>>,
    pub(super) timeline_items: Option<Page<Event>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Itself {
    pub(super) full_database_id: Id,
    pub(super) state: String,
    pub(super) is_draft: bool,
    pub(super) author: Option<Actor>,
    pub(super) body: String,
    pub(super) base_ref_name: String,
    pub(super) base_ref: Option<BaseRef>,
    pub(super) head_ref_name: String,
    pub(super) head_ref_oid: String,
    pub(super) tip: Nodes<TipNode>,
}

/// A branch: that of a change's target, or a repository's default one.
#[derive(Deserialize)]
pub(super) struct BaseRef {
    pub(super) target: Oid,
}

#[derive(Deserialize)]
pub(super) struct Oid {
    pub(super) oid: String,
}

#[derive(Deserialize)]
pub(super) struct Nodes<T> {
    pub(super) nodes: Vec<T>,
}

#[derive(Deserialize)]
pub(super) struct TipNode {
    pub(super) commit: Tip,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tip {
    pub(super) associated_pull_requests: Page<Twin>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Twin {
    pub(super) number: u64,
    pub(super) state: String,
    pub(super) head_ref_oid: String,
    pub(super) repository: RepositoryId,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RepositoryId {
    pub(super) database_id: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page<T> {
    #[serde(alias = "filteredCount")]
    pub(super) total_count: u64,
    pub(super) nodes: Vec<T>,
}

/// GraphQL writes large numbers as text, and older servers as numbers.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Id {
    Text(String),
    Number(u64),
}

impl Id {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
        }
    }
}

/// An account, in GraphQL's words.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Actor {
    #[serde(rename = "__typename", default)]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) login: String,
    pub(super) database_id: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct CommitNode {
    pub(super) commit: Commit,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Commit {
    pub(super) oid: String,
    pub(super) message: String,
    pub(super) committed_date: String,
    pub(super) tree: Oid,
    pub(super) author: GitActor,
    pub(super) committer: GitActor,
    pub(super) authors: Nodes<GitActor>,
}

#[derive(Deserialize)]
pub(super) struct GitActor {
    pub(super) name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) user: Option<Actor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Review {
    pub(super) full_database_id: Id,
    pub(super) author: Option<Actor>,
    pub(super) state: String,
    pub(super) submitted_at: Option<String>,
    pub(super) last_edited_at: Option<String>,
    pub(super) commit: Option<Oid>,
    pub(super) body: String,
}

#[derive(Deserialize)]
#[serde(tag = "__typename")]
pub(super) enum Event {
    #[serde(rename_all = "camelCase")]
    ReviewDismissedEvent {
        created_at: String,
        previous_review_state: String,
        actor: Option<Actor>,
        review: Option<ReviewId>,
    },
    AssignedEvent {
        actor: Option<Actor>,
        assignee: Option<Actor>,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReviewId {
    pub(super) full_database_id: Id,
}

/// The movements of the change's branch, newest first.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Activity {
    pub(super) number: u64,
    pub(super) items: Vec<Movement>,
}

#[derive(Deserialize)]
pub(super) struct Movement {
    pub(super) before: String,
    pub(super) after: String,
    pub(super) actor: Option<RestAccount>,
}

/// An account, in REST's words.
#[derive(Deserialize)]
pub(super) struct RestAccount {
    pub(super) login: String,
    pub(super) id: u64,
    #[serde(rename = "type")]
    pub(super) kind: String,
}
