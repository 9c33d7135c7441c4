//! From the forge's answers and the repository's objects to the judge's input.
//!
//! | module | subject |
//! |---|---|
//! | [`calls`] | what is asked |
//! | [`answers`] | what is answered |
//! | [`trust`] | the policy's files |
//!
//! The document that comes out is read by the judge as any other: nothing here decides, and what is missing is left for
//! the judge to name, or named here.

mod answers;
pub(crate) mod calls;
mod trust;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use countersign_core::change::Oid;
use countersign_core::changeset::{Changed, ObjectFormat};
use countersign_core::policy::Extended;
use countersign_core::reason::{Fault, Reason};
use countersign_core::verify::Objects;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::git::Git;
use answers::{
    Activity, Actor, Commit, Document, Event, GitActor, Itself, MergeQueue, Movement, Page, Repository,
    RestAccount, Review,
};
use trust::Organisations;

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

    fn read(&self, what: &str) -> Result<(u64, &[T]), Fault> {
        let total = self
            .total
            .ok_or_else(|| missing(&format!("the {what} were not collected")))?;
        Ok((total, &self.items))
    }
}

/// Which of those that were collected is judged.
#[derive(Clone)]
pub(crate) enum Subject {
    /// The change with that number.
    Change(u64),
    /// The merge group with that commit at its end.
    Group(Oid),
}

/// The input for a change or a merge group, from the forge's answers (JSON, one after the other).
///
/// # Errors
/// [`Reason::InputMissing`] with what was not collected, not understood or is not among the objects.
pub(crate) fn assemble(documents: &[u8], subject: &Subject, folder: &Path) -> Result<Value, Fault> {
    let Collected {
        answers,
        queue,
        organisations,
    } = read(documents)?;
    let members = match subject {
        Subject::Change(_) => Vec::new(),
        Subject::Group(end) => members(queue, end)?,
    };
    let number = match (subject, members.last()) {
        (Subject::Change(number), _) => *number,
        (Subject::Group(_), last) => last.ok_or_else(|| missing("the merge group is empty"))?.0,
    };
    let (_, itself) = answers
        .get(&number)
        .and_then(|answers| answers.itself.as_ref())
        .ok_or_else(|| missing(&format!("#{number} was not collected")))?;
    let git = Git::open(folder, ObjectFormat::of(&oid(&itself.head_ref_oid)?))?;
    let twins = twins(itself, number, &answers)?;
    let one = |number: u64| one(&answers, number, &git, &organisations);
    let mut document = one(number)?;
    document["same_head"] = twins
        .numbers
        .iter()
        .map(|twin| one(*twin))
        .collect::<Result<Vec<_>, _>>()
        .map(
            |items| json!({"source": "graphql", "total": items.len() as u64 + twins.unread, "items": items}),
        )?;
    if matches!(subject, Subject::Group(_)) {
        let items: Vec<Value> = members
            .iter()
            .map(|(member, commit)| {
                let change = if *member == number {
                    Value::Null
                } else {
                    one(*member)?
                };
                Ok(json!({"commit": commit, "change": change}))
            })
            .collect::<Result<_, Fault>>()?;
        let list = json!({"source": "queue", "total": items.len(), "items": items});
        document["merge_group"] = json!({"base": document["trust"]["target_tip"], "members": list});
    }
    Ok(document)
}

/// Which policies are extended by those of the changes' target branches.
///
/// # Errors
/// As [`assemble`].
pub(crate) fn extended(documents: &[u8], folder: &Path) -> Result<BTreeSet<Extended>, Fault> {
    let answers = read(documents)?.answers;
    let targets = answers
        .values()
        .filter_map(|one| one.itself.as_ref()?.1.base_ref.as_ref());
    let tips: BTreeSet<Oid> = targets
        .map(|target| oid(&target.target.oid))
        .collect::<Result<_, _>>()?;
    let Some(one) = tips.first() else {
        return Ok(BTreeSet::new());
    };
    trust::extended(&Git::open(folder, ObjectFormat::of(one))?, &tips)
}

/// The numbers and commits of a merge group, in the queue's order.
fn members(queue: Option<MergeQueue>, end: &Oid) -> Result<Vec<(u64, String)>, Fault> {
    let mut entries = queue
        .ok_or_else(|| missing("the merge queue was not collected"))?
        .entries;
    if entries.total_count != entries.nodes.len() as u64 {
        return Err(missing("the merge queue was cut"));
    }
    entries.nodes.sort_by_key(|entry| entry.position);
    let mut members = Vec::new();
    for entry in entries.nodes {
        let (Some(commit), Some(change)) = (entry.head_commit, entry.pull_request) else {
            return Err(missing(
                "the merge queue has an entry that is not built before this group",
            ));
        };
        let last = commit.oid == end.as_str();
        members.push((change.number, commit.oid));
        if last {
            return Ok(members);
        }
    }
    Err(missing(&format!("no merge group ends at {end}")))
}

/// The answers by the change's number.
struct Collected {
    answers: BTreeMap<u64, Answers>,
    queue: Option<MergeQueue>,
    organisations: Organisations,
}

fn read(documents: &[u8]) -> Result<Collected, Fault> {
    let mut changes: BTreeMap<u64, Answers> = BTreeMap::new();
    let mut queue = None;
    let mut organisations = Organisations::default();
    let mut values = serde_json::Deserializer::from_slice(documents).into_iter::<Value>();
    while let Some(value) = values.next() {
        let place = values.byte_offset();
        let at =
            |error: serde_json::Error| missing(&format!("the answer that ends at byte {place}: {error}"));
        let Document { data, activity } = Document::deserialize(value.map_err(at)?).map_err(at)?;
        if let Some(Activity { number, items }) = activity {
            changes
                .entry(number)
                .or_default()
                .movements
                .get_or_insert_default()
                .extend(items);
        }
        let Some(data) = data else { continue };
        let mut repository = data.repository;
        queue = repository.merge_queue.take().or(queue);
        organisations.add(&repository)?;
        let Some(mut pull) = repository.pull_request.take() else {
            continue;
        };
        let change = changes.entry(pull.number).or_default();
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
    Ok(Collected {
        answers: changes,
        queue,
        organisations,
    })
}

/// Other open changes with this head.
struct Twins {
    numbers: BTreeSet<u64>,
    unread: u64,
}

fn twins(itself: &Itself, number: u64, answers: &BTreeMap<u64, Answers>) -> Result<Twins, Fault> {
    let repository = answers
        .get(&number)
        .and_then(|one| one.itself.as_ref()?.0.database_id);
    let [tip] = itself.tip.nodes.as_slice() else {
        return Err(missing("the changes with this head were not collected"));
    };
    let Page { total_count, nodes } = &tip.commit.associated_pull_requests;
    let others = nodes.iter().filter(|twin| {
        twin.number != number
            && twin.state == "OPEN"
            && twin.head_ref_oid == itself.head_ref_oid
            && Some(twin.repository.database_id) == repository
    });
    Ok(Twins {
        numbers: others.map(|twin| twin.number).collect(),
        unread: total_count.saturating_sub(nodes.len() as u64),
    })
}

fn one(
    answers: &BTreeMap<u64, Answers>,
    number: u64,
    git: &Git,
    organisations: &Organisations,
) -> Result<Value, Fault> {
    let nothing = || missing(&format!("#{number} has a part in this and was not collected"));
    let change = answers.get(&number).ok_or_else(nothing)?;
    let (repository, itself) = change.itself.as_ref().ok_or_else(nothing)?;
    let head = oid(&itself.head_ref_oid)?;
    let target = itself
        .base_ref
        .as_ref()
        .ok_or_else(|| missing("the target branch is gone"))?;
    let tip = oid(&target.target.oid)?;
    let url = repository
        .url
        .as_deref()
        .and_then(|url| url.split("://").nth(1)?.split('/').next());
    let (commit_count, commits) = change.commits.read("commits")?;
    let (review_count, reviews) = change.reviews.read("reviews")?;
    let (event_count, events) = change.events.read("events")?;
    let dismissals: Vec<Value> = events.iter().filter_map(dismissal).collect();
    let by_a_person = itself.author.as_ref().is_some_and(|author| author.kind == "User");
    let operators = operators(events, by_a_person);
    // An event that was not read may be of either kind.
    let unread = event_count.saturating_sub(events.len() as u64);
    let mails: Vec<Value> = commits
        .iter()
        .flat_map(|commit| &commit.authors.nodes)
        .filter_map(|author| {
            Some(json!({"email": author.email.as_ref()?, "account": user(author.user.as_ref()?)}))
        })
        .collect();
    Ok(json!({
        "version": 1,
        "forge": {
            "kind": "github", "host": url, "repo": repository.name_with_owner,
            "repo_id": repository.database_id.map(|id| id.to_string()),
        },
        "change": {
            "number": number.to_string(), "change_id": itself.full_database_id.text(),
            "state": itself.state.to_lowercase(), "draft": itself.is_draft,
            "author": itself.author.as_ref().map(actor), "target_ref": format!("refs/heads/{}", itself.base_ref_name),
            // Rulesets protect branches too, and not everybody may see them: the stricter reading.
            "target_protected": true,
            "head": head, "head_branch": itself.head_ref_name, "body": itself.body,
        },
        "trust": trust::trust(git, &tip, organisations)?,
        "commits": {"source": "graphql", "total": commit_count, "items": commits.iter().map(commit).collect::<Vec<_>>()},
        "mails": mails,
        "reviews": {"source": "graphql", "total": review_count, "items": reviews.iter().map(review).collect::<Vec<_>>()},
        "dismissals": {"source": "timeline", "total": dismissals.len() as u64 + unread, "items": dismissals},
        "content": content(git, &head, &tip)?,
        "pushes": change.movements.as_deref().map(pushes),
        "operators": {"total": operators.len() as u64 + unread, "items": operators},
        "same_head": {"source": "graphql", "total": 0, "items": []},
        "merge_group": null,
    }))
}

/// What the change does, by the repository's objects.
fn content(git: &Git, head: &Oid, tip: &Oid) -> Result<Value, Fault> {
    let bases = git.merge_bases(head, tip)?;
    let changed = match bases.as_slice() {
        [base] => Some(git.changed(base, head)?),
        _ => None,
    };
    let format = ObjectFormat::of(head);
    let paths = changed
        .as_ref()
        .map(|changed| changed.iter().map(|one| path(one, format)).collect::<Vec<_>>());
    Ok(json!({
        "source": "git", "head": head, "head_tree": git.tree(head)?, "target_tip": tip,
        "object_format": format, "merge_bases": bases, "total": changed.as_ref().map(Vec::len), "changed": paths,
    }))
}

fn path(changed: &Changed, format: ObjectFormat) -> Value {
    let zeros = "0".repeat(format.digits());
    let sides = [&changed.old, &changed.new];
    let [old_mode, new_mode] = sides.map(|side| format!("{:06o}", side.as_ref().map_or(0, |blob| blob.mode)));
    let [old_oid, new_oid] =
        sides.map(|side| side.as_ref().map_or(zeros.clone(), |blob| blob.oid.to_string()));
    let mut path =
        json!({"old_mode": old_mode, "new_mode": new_mode, "old_oid": old_oid, "new_oid": new_oid});
    match std::str::from_utf8(&changed.path) {
        // A path that holds U+FFFD itself must not look like one that lost bytes.
        Ok(text) if !text.contains('\u{fffd}') => path["path"] = json!(text),
        _ => {
            path["path_hex"] = json!(
                changed
                    .path
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect::<String>()
            )
        }
    }
    path
}

fn commit(commit: &Commit) -> Value {
    let identity = |who: &GitActor| {
        json!({
            "name": who.name.as_deref().unwrap_or_default(), "email": who.email.as_deref().unwrap_or_default(),
            "account": who.user.as_ref().map(user),
        })
    };
    json!({
        "oid": commit.oid, "tree": commit.tree.oid, "message": commit.message,
        "author": identity(&commit.author), "committer": identity(&commit.committer),
        "committed_at": commit.committed_date,
    })
}

fn review(review: &Review) -> Value {
    json!({
        "id": review.full_database_id.text(), "author": review.author.as_ref().map(actor),
        "state": review.state.to_lowercase(), "submitted_at": review.submitted_at,
        "edited_at": review.last_edited_at, "commit": review.commit.as_ref().map(|commit| &commit.oid),
        "body": review.body,
    })
}

fn dismissal(event: &Event) -> Option<Value> {
    let Event::ReviewDismissedEvent {
        created_at,
        previous_review_state,
        actor: by,
        review,
    } = event
    else {
        return None;
    };
    // A dismissal whose review is gone explains nothing.
    let id = review.as_ref()?.full_database_id.text();
    let by = by.as_ref().map(actor);
    Some(json!({"review_id": id, "by": by, "at": created_at, "was": previous_review_state.to_lowercase()}))
}

/// The people who set an agent to work: whoever assigned an app, whom an app assigned, and where an app opened the change,
/// everybody who was ever assigned to it. To be assigned by a person to a person's change means to be asked.
fn operators(events: &[Event], by_a_person: bool) -> Vec<Value> {
    let mut found: BTreeMap<(&str, String), Value> = BTreeMap::new();
    for event in events {
        let Event::AssignedEvent { actor: by, assignee } = event else {
            continue;
        };
        let is_app = |who: &Option<Actor>| who.as_ref().is_some_and(|who| who.kind == "Bot");
        let (to_an_app, asked) = (is_app(assignee), by_a_person && !is_app(by));
        let people = [
            ("assigner", by.as_ref().filter(|_| to_an_app)),
            ("assignee", assignee.as_ref().filter(|_| !asked)),
        ];
        for (source, who) in people {
            if let Some(who) = who.filter(|who| who.kind == "User") {
                found.insert(
                    (source, who.login.clone()),
                    json!({"source": source, "account": actor(who)}),
                );
            }
        }
    }
    found.into_values().collect()
}

/// Oldest first.
fn pushes(movements: &[Movement]) -> Vec<Value> {
    movements
        .iter()
        .rev()
        .map(|one| {
            json!({
                "source": "activity", "before": one.before, "after": one.after,
                "actor": one.actor.as_ref().map(|RestAccount { login, id, kind }| account(login, Some(*id), kind)),
            })
        })
        .collect()
}

fn actor(actor: &Actor) -> Value {
    account(&actor.login, actor.database_id, &actor.kind)
}

/// The account that the forge maps an address to is always a user's.
fn user(actor: &Actor) -> Value {
    account(&actor.login, actor.database_id, "User")
}

fn account(login: &str, id: Option<u64>, kind: &str) -> Value {
    let kind = match kind {
        "User" => "user",
        "Bot" => "bot",
        _ => "other",
    };
    json!({"login": login, "id": id.map(|id| id.to_string()), "kind": kind})
}

fn oid(text: &str) -> Result<Oid, Fault> {
    text.parse()
        .map_err(|_| missing(&format!("{text:?} is not a commit")))
}

fn missing(detail: &str) -> Fault {
    Reason::InputMissing.because(format!("the collected answers: {detail}"))
}
