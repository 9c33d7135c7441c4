//! The judge's input, put together.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::answers::{Actor, Commit, Event, GitActor, Movement, RestAccount, Review};
use super::{Collected, Listed};
use crate::change::Oid;
use crate::changeset::{Changed, ObjectFormat};
use crate::reason::Fault;

impl<T> Listed<T> {
    fn read(&self, what: &str) -> Result<(u64, &[T]), Fault> {
        let total = self
            .total
            .ok_or_else(|| super::missing(&format!("the {what} were not collected")))?;
        Ok((total, &self.items))
    }
}

impl Collected {
    /// The input for one change, which is taken to share its head with no other and to stand in no merge group. `trust`
    /// are the policy's files at its target's tip, `content` what it does to the tree ([`content`]).
    ///
    /// # Errors
    /// [`Reason::InputMissing`](crate::reason::Reason::InputMissing) with what was not collected.
    pub fn document(&self, number: u64, trust: Value, content: Value) -> Result<Value, Fault> {
        let answers = self.answers(number)?;
        let (repository, itself) = self.itself(number)?;
        let (head, _) = self.ends(number)?;
        let url = repository
            .url
            .as_deref()
            .and_then(|url| url.split("://").nth(1)?.split('/').next());
        let (commit_count, commits) = answers.commits.read("commits")?;
        let (review_count, reviews) = answers.reviews.read("reviews")?;
        let (event_count, events) = answers.events.read("events")?;
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
            "trust": trust,
            "commits": {"source": "graphql", "total": commit_count, "items": commits.iter().map(commit).collect::<Vec<_>>()},
            "mails": mails,
            "reviews": {"source": "graphql", "total": review_count, "items": reviews.iter().map(review).collect::<Vec<_>>()},
            "dismissals": {"source": "timeline", "total": dismissals.len() as u64 + unread, "items": dismissals},
            "content": content,
            "pushes": answers.movements.as_deref().map(pushes),
            "operators": {"total": operators.len() as u64 + unread, "items": operators},
            "same_head": {"source": "graphql", "total": 0, "items": []},
            "merge_group": null,
        }))
    }
}

/// What a change does to the tree, as whoever read the objects found it. `changed` is `None` where nobody can tell.
pub fn content(
    source: &str,
    [head, head_tree, target_tip]: [&Oid; 3],
    merge_bases: &[Oid],
    changed: Option<&[Changed]>,
) -> Value {
    let format = ObjectFormat::of(head);
    let paths = changed.map(|changed| changed.iter().map(|one| path(one, format)).collect::<Vec<_>>());
    json!({
        "source": source, "head": head, "head_tree": head_tree, "target_tip": target_tip,
        "object_format": format, "merge_bases": merge_bases, "total": changed.map(<[_]>::len), "changed": paths,
    })
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
