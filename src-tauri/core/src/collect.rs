//! From the forge's answers to the judge's input: what is asked, and what is made of the answers.
//!
//! | module | subject |
//! |---|---|
//! | `answers` | what is answered |
//! | `document` | the input, from the answers and what the objects say |
//!
//! The document that comes out is read by the judge as any other: nothing here decides, and what is missing is left for
//! the judge to name, or named here. CI asks with `gh` and has the repository's objects; the app asks by itself, and what
//! the objects say by the forge's word.

mod answers;
mod document;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use crate::change::Oid;
use crate::reason::{Fault, Reason};
use answers::{Activity, Commit, Document, Event, Itself, MergeQueue, Movement, Page, Repository, Review};
pub use document::content;

/// The queries about one change, in the order in which they are sent: `$owner`, `$name`, `$number`. All but the first are
/// paged by `$endCursor`.
pub const QUERIES: [&str; 4] = [
    include_str!("collect/queries/change.graphql"),
    include_str!("collect/queries/commits.graphql"),
    include_str!("collect/queries/reviews.graphql"),
    include_str!("collect/queries/timeline.graphql"),
];

/// Where the change's branch is.
pub const HEAD: &str = "query($owner: String!, $name: String!, $number: Int!) { repository(owner: $owner, name: $name) { \
     pullRequest(number: $number) { headRefName headRepository { nameWithOwner } } } }";

/// What a merge queue holds.
pub const QUEUE: &str = include_str!("collect/queries/queue.graphql");

/// Where an organisation's policy is. A repository that was renamed is not followed: its old name is anybody's.
pub const ORGANISATION: &str = include_str!("collect/queries/organisation.graphql");

/// The answers, by the change's number.
#[derive(Default)]
pub struct Collected {
    answers: BTreeMap<u64, Answers>,
    queue: Option<MergeQueue>,
    organisations: BTreeMap<String, Organisation>,
}

/// All that was answered about one change.
#[derive(Default)]
struct Answers {
    itself: Option<(Repository, Itself)>,
    commits: Listed<Commit>,
    reviews: Listed<Review>,
    events: Listed<Event>,
    movements: Option<Vec<Movement>>,
}

/// A list put together from its pages.
struct Listed<T> {
    total: Option<u64>,
    items: Vec<T>,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self {
            total: None,
            items: Vec::new(),
        }
    }
}

impl<T> Listed<T> {
    /// A page more. Should the forge's count have changed between two pages, the larger one shows that some are missing.
    fn add(&mut self, total: u64, items: impl IntoIterator<Item = T>) {
        self.total = self.total.max(Some(total));
        self.items.extend(items);
    }
}

/// The tip of a default branch, by the forge's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// `owner/name`, as the forge has it.
    pub repo: String,
    /// The repository's numeric id.
    pub repo_id: u64,
    /// The tip.
    pub tip: Oid,
}

/// Other open changes with a change's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twins {
    /// Their numbers.
    pub numbers: BTreeSet<u64>,
    /// How many there are besides that were not read: each may be one.
    pub unread: u64,
}

impl Collected {
    /// Reads them: JSON documents, one after the other.
    ///
    /// # Errors
    /// [`Reason::InputMissing`] where one is not understood, has errors, or contradicts another.
    pub fn read(documents: &[u8]) -> Result<Self, Fault> {
        let mut read = Self::default();
        let mut values = serde_json::Deserializer::from_slice(documents).into_iter::<Value>();
        while let Some(value) = values.next() {
            let place = values.byte_offset();
            let at =
                |error: serde_json::Error| missing(&format!("the answer that ends at byte {place}: {error}"));
            let Document { data, activity } = Document::deserialize(value.map_err(at)?).map_err(at)?;
            if let Some(Activity { number, items }) = activity {
                read.answers
                    .entry(number)
                    .or_default()
                    .movements
                    .get_or_insert_default()
                    .extend(items);
            }
            let Some(data) = data else { continue };
            let mut repository = data.repository;
            read.queue = repository.merge_queue.take().or(read.queue);
            read.organisation_of(&repository)?;
            let Some(mut pull) = repository.pull_request.take() else {
                continue;
            };
            let change = read.answers.entry(pull.number).or_default();
            if let Some(page) = pull.commits.take() {
                change
                    .commits
                    .add(page.total_count, page.nodes.into_iter().map(|node| node.commit));
            }
            if let Some(page) = pull.reviews.take() {
                change.reviews.add(page.total_count, page.nodes);
            }
            if let Some(page) = pull.timeline_items.take() {
                change.events.add(page.total_count, page.nodes);
            }
            if let Some(itself) = pull.itself.take() {
                change.itself = Some((repository, itself));
            }
        }
        Ok(read)
    }

    /// Takes an answer that has a default branch.
    fn organisation_of(&mut self, answer: &Repository) -> Result<(), Fault> {
        let Some(branch) = &answer.default_branch_ref else {
            return Ok(());
        };
        let (Some(repo), Some(repo_id)) = (answer.name_with_owner.clone(), answer.database_id) else {
            return Err(missing("a default branch came without its repository"));
        };
        let tip = oid(&branch.target.oid)?;
        let key = repo.to_ascii_lowercase();
        match self.organisations.get(&key) {
            // Then it was not one policy that all were judged by.
            Some(known) if known.tip != tip => Err(missing(&format!("{repo:?} moved meanwhile"))),
            _ => {
                self.organisations
                    .insert(key, Organisation { repo, repo_id, tip });
                Ok(())
            }
        }
    }

    /// The default branch of a repository that was asked for, by its name in any case.
    pub fn organisation(&self, repo: &str) -> Option<&Organisation> {
        self.organisations.get(&repo.to_ascii_lowercase())
    }

    /// A change's head and the tip of its target branch.
    ///
    /// # Errors
    /// [`Reason::InputMissing`] where the change was not collected, or the branch is gone.
    pub fn ends(&self, number: u64) -> Result<(Oid, Oid), Fault> {
        let (_, itself) = self.itself(number)?;
        let target = itself
            .base_ref
            .as_ref()
            .ok_or_else(|| missing("the target branch is gone"))?;
        Ok((oid(&itself.head_ref_oid)?, oid(&target.target.oid)?))
    }

    /// The tips of all target branches.
    ///
    /// # Errors
    /// [`Reason::InputMissing`] where one is no commit.
    pub fn target_tips(&self) -> Result<BTreeSet<Oid>, Fault> {
        let targets = self
            .answers
            .values()
            .filter_map(|one| one.itself.as_ref()?.1.base_ref.as_ref());
        targets.map(|target| oid(&target.target.oid)).collect()
    }

    fn answers(&self, number: u64) -> Result<&Answers, Fault> {
        self.answers
            .get(&number)
            .ok_or_else(|| missing(&format!("#{number} has a part in this and was not collected")))
    }

    fn itself(&self, number: u64) -> Result<(&Repository, &Itself), Fault> {
        let answers = self.answers(number)?.itself.as_ref();
        let (repository, itself) =
            answers.ok_or_else(|| missing(&format!("#{number} has a part in this and was not collected")))?;
        Ok((repository, itself))
    }

    /// The other open changes with a change's head.
    ///
    /// # Errors
    /// [`Reason::InputMissing`] where they were not collected.
    pub fn twins(&self, number: u64) -> Result<Twins, Fault> {
        let (repository, itself) = self.itself(number)?;
        let [tip] = itself.tip.nodes.as_slice() else {
            return Err(missing("the changes with this head were not collected"));
        };
        let Page { total_count, nodes } = &tip.commit.associated_pull_requests;
        let others = nodes.iter().filter(|twin| {
            twin.number != number
                && twin.state == "OPEN"
                && twin.head_ref_oid == itself.head_ref_oid
                && Some(twin.repository.database_id) == repository.database_id
        });
        Ok(Twins {
            numbers: others.map(|twin| twin.number).collect(),
            unread: total_count.saturating_sub(nodes.len() as u64),
        })
    }

    /// The numbers and commits of the merge group that ends at a commit, in the queue's order.
    ///
    /// # Errors
    /// [`Reason::InputMissing`] where the queue was not collected whole, or no group ends there.
    pub fn members(&self, end: &Oid) -> Result<Vec<(u64, Oid)>, Fault> {
        let entries = &self
            .queue
            .as_ref()
            .ok_or_else(|| missing("the merge queue was not collected"))?
            .entries;
        if entries.total_count != entries.nodes.len() as u64 {
            return Err(missing("the merge queue was cut"));
        }
        let mut nodes: Vec<_> = entries.nodes.iter().collect();
        nodes.sort_by_key(|entry| entry.position);
        let mut members = Vec::new();
        for entry in nodes {
            let (Some(commit), Some(change)) = (&entry.head_commit, &entry.pull_request) else {
                return Err(missing(
                    "the merge queue has an entry that is not built before this group",
                ));
            };
            let commit = oid(&commit.oid)?;
            let last = commit == *end;
            members.push((change.number, commit));
            if last {
                return Ok(members);
            }
        }
        Err(missing(&format!("no merge group ends at {end}")))
    }
}

fn oid(text: &str) -> Result<Oid, Fault> {
    text.parse()
        .map_err(|_| missing(&format!("{text:?} is not a commit")))
}

fn missing(detail: &str) -> Fault {
    Reason::InputMissing.because(format!("the collected answers: {detail}"))
}
