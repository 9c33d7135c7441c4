//! A change in the graph, with all that hangs on it.

use std::sync::Arc;

use jiff::Timestamp;

use super::graph::{Seen, actor, actor_named, branch, commit, commit_by_id, no_more, repository, team};
use super::node::{Asked as Field, Node, Val, connection};
use super::reads_teams;
use crate::forge::git::{CommitFacts, FileFacts};
use crate::forge::shape;
use crate::forge::world::{Account, Asked, Change, Event, Happened, Kind, Life, Repo, Request, Review, Team};

pub(super) fn life(change: &Change) -> &'static str {
    match change.life {
        Life::Open => "OPEN",
        Life::Closed => "CLOSED",
        Life::Merged => "MERGED",
    }
}

/// Each person's latest review that says yes or no, in the order of submission.
fn opinions(change: &Change) -> Vec<&Review> {
    let mut latest: Vec<&Review> = Vec::new();
    for review in &change.reviews {
        if matches!(review.state, "APPROVED" | "CHANGES_REQUESTED" | "DISMISSED") {
            latest.retain(|one| one.author != review.author);
            latest.push(review);
        }
    }
    latest
}

fn decision(repo: &Repo, change: &Change) -> Option<&'static str> {
    if !repo.protected {
        return None;
    }
    let opinions = opinions(change);
    let any = |state: &str| {
        opinions
            .iter()
            .any(|one| one.state == state && repo.access.contains_key(&one.author))
    };
    Some(if any("CHANGES_REQUESTED") {
        "CHANGES_REQUESTED"
    } else if any("APPROVED") {
        "APPROVED"
    } else {
        "REVIEW_REQUIRED"
    })
}

pub(super) fn change<'w>(seen: Seen<'w>, repo: &'w Repo, one: &'w Change) -> Node<'w> {
    Node::new("PullRequest", move |asked| change_field(seen, repo, one, asked))
}

fn change_field<'w>(seen: Seen<'w>, repo: &'w Repo, one: &'w Change, asked: &Field<'_>) -> Option<Val<'w>> {
    let files = || {
        repo.git
            .files(&repo.merge_base(one), one.head())
            .unwrap_or_default()
    };
    let path = format!("/{}/pull/{}", repo.full_name(), one.number);
    Some(match asked.name {
        "id" => Val::leaf(one.node_id()),
        "databaseId" => Val::leaf(one.id),
        "fullDatabaseId" => Val::leaf(one.id.to_string()),
        "number" => Val::leaf(one.number),
        "title" => Val::leaf(&one.title),
        "body" | "bodyText" => Val::leaf(&one.body),
        "url" | "permalink" => seen.url(path),
        "resourcePath" => Val::leaf(path),
        "state" => Val::leaf(life(one)),
        "isDraft" => Val::leaf(one.draft),
        "closed" => Val::leaf(one.life != Life::Open),
        "merged" => Val::leaf(one.life == Life::Merged),
        "locked" | "isCrossRepository" => Val::leaf(false),
        "createdAt" => Val::leaf(one.created_at),
        "updatedAt" => Val::leaf(one.updated_at),
        "closedAt" => Val::leaf(one.closed_at),
        "mergedAt" => Val::leaf(one.closed_at.filter(|_| one.life == Life::Merged)),
        "mergeable" => Val::leaf(
            if repo.git.merges(
                &repo.git.tip(&one.base).unwrap_or_else(|| one.base_oid.clone()),
                one.head(),
            ) {
                "MERGEABLE"
            } else {
                "CONFLICTING"
            },
        ),
        "additions" => Val::leaf(files().iter().map(|file| file.additions).sum::<u64>()),
        "deletions" => Val::leaf(files().iter().map(|file| file.deletions).sum::<u64>()),
        "changedFiles" => Val::leaf(files().len()),
        "baseRefName" => Val::leaf(&one.base),
        "baseRefOid" => Val::leaf(&one.base_oid),
        "headRefName" => Val::leaf(&one.branch),
        "headRefOid" => Val::leaf(one.head()),
        "baseRef" => branch(seen, repo, &one.base),
        "headRef" => branch(seen, repo, &one.branch),
        "repository" | "baseRepository" | "headRepository" => Val::Node(repository(seen, repo)),
        "headRepositoryOwner" => actor_named(seen, &repo.owner),
        "author" => actor_named(seen, &one.author),
        "authorAssociation" => Val::leaf(shape::association(repo, &one.author)),
        "viewerDidAuthor" => Val::leaf(one.author == seen.viewer),
        "reviewDecision" => Val::leaf(decision(repo, one)),
        "viewerLatestReview" => {
            let latest = one
                .reviews
                .iter()
                .rev()
                .find(|one| one.author == seen.viewer && one.state != "PENDING");
            Val::maybe(latest.map(|latest| review(seen, repo, one, latest)))
        }
        "viewerLatestReviewRequest" => {
            let mine = |request: &&Request| match &request.who {
                Asked::User(login) => login == seen.viewer,
                Asked::Team(team) => seen.world.is_member(team, seen.viewer),
            };
            Val::maybe(
                one.requests
                    .iter()
                    .rev()
                    .find(mine)
                    .map(|request| asked_for(seen, repo, one, request)),
            )
        }
        _ => return change_list(seen, repo, one, asked, files),
    })
}

fn change_list<'w>(
    seen: Seen<'w>,
    repo: &'w Repo,
    one: &'w Change,
    asked: &Field<'_>,
    files: impl Fn() -> Arc<Vec<FileFacts>>,
) -> Option<Val<'w>> {
    let show_review = move |item: &&'w Review| Val::Node(review(seen, repo, one, item));
    Some(match asked.name {
        "assignees" => {
            // The schema lists people here: an assigned app shows in `assignedActors` only.
            let people = one.assignees.iter().filter_map(|login| seen.world.account(login));
            let people: Vec<&Account> = people.filter(|account| account.kind == Kind::User).collect();
            connection(
                "UserConnection",
                people,
                asked,
                move |account| Val::Node(actor(seen, account)),
                no_more,
            )
        }
        "labels" => connection(
            "LabelConnection",
            one.labels.iter().collect(),
            asked,
            |name: &&'w String| Val::Node(label(name)),
            no_more,
        ),
        "reviewRequests" => connection(
            "ReviewRequestConnection",
            one.requests.iter().collect(),
            asked,
            move |request: &&'w Request| Val::Node(asked_for(seen, repo, one, request)),
            no_more,
        ),
        "latestOpinionatedReviews" => connection(
            "PullRequestReviewConnection",
            opinions(one),
            asked,
            show_review,
            no_more,
        ),
        "latestReviews" => {
            let mut latest: Vec<&Review> = Vec::new();
            for review in one.reviews.iter().filter(|review| review.state != "PENDING") {
                latest.retain(|known| known.author != review.author);
                latest.push(review);
            }
            connection("PullRequestReviewConnection", latest, asked, show_review, no_more)
        }
        "reviews" => {
            let states = asked.texts("states");
            let author = asked.text("author").map(str::to_owned);
            let list = one
                .reviews
                .iter()
                .filter(|review| review.state != "PENDING" || review.author == seen.viewer)
                .filter(|review| states.is_empty() || states.iter().any(|state| state == review.state))
                .filter(|review| author.as_ref().is_none_or(|login| *login == review.author));
            connection(
                "PullRequestReviewConnection",
                list.collect(),
                asked,
                show_review,
                no_more,
            )
        }
        "commits" => {
            let list = repo.commits(one).map(|list| list.to_vec()).unwrap_or_default();
            let show = move |facts: &Arc<CommitFacts>| {
                let facts = facts.clone();
                Val::Node(Node::new("PullRequestCommit", move |asked| {
                    Some(match asked.name {
                        "commit" => Val::Node(commit(seen, repo, facts.clone())),
                        "id" => Val::leaf(format!("PRC_{}", facts.oid)),
                        "pullRequest" => Val::Node(change(seen, repo, one)),
                        _ => return None,
                    })
                }))
            };
            connection("PullRequestCommitConnection", list, asked, show, no_more)
        }
        "timelineItems" => timeline(seen, repo, one, asked),
        "files" => {
            let list: Vec<FileFacts> = files().to_vec();
            connection(
                "PullRequestChangedFileConnection",
                list,
                asked,
                |file: &FileFacts| Val::Node(changed_file(file.clone())),
                no_more,
            )
        }
        _ => return None,
    })
}

/// One item of a timeline.
#[derive(Clone, Copy)]
enum Item<'w> {
    Assigned(&'w Event, &'w str),
    Dismissed(&'w Review, &'w str),
}

/// Assignments and dismissals: other items are not served, and a query that wants them is told so.
fn timeline<'w>(seen: Seen<'w>, repo: &'w Repo, one: &'w Change, asked: &Field<'_>) -> Val<'w> {
    let wanted = asked.texts("itemTypes");
    let served = ["ASSIGNED_EVENT", "REVIEW_DISMISSED_EVENT"];
    if wanted.is_empty() || wanted.iter().any(|kind| !served.contains(&kind.as_str())) {
        return Val::leaf("the test forge serves assignments and dismissals only");
    }
    let wants = |kind: &str| wanted.iter().any(|one| one == kind);
    let mut list: Vec<(Timestamp, Item<'w>)> = Vec::new();
    for event in one.events.iter().filter(|_| wants("ASSIGNED_EVENT")) {
        if let Happened::Assigned(login) = &event.what {
            list.push((event.at, Item::Assigned(event, login)));
        }
    }
    for review in one.reviews.iter().filter(|_| wants("REVIEW_DISMISSED_EVENT")) {
        if let Some((at, by, _)) = &review.dismissed {
            list.push((*at, Item::Dismissed(review, by)));
        }
    }
    list.sort_by_key(|(at, _)| *at);
    let updated = one.updated_at;
    let show = move |(at, item): &(Timestamp, Item<'w>)| Val::Node(item_of(seen, repo, one, *at, *item));
    connection(
        "PullRequestTimelineItemsConnection",
        list,
        asked,
        show,
        move |name, total| match name {
            "filteredCount" => Some(Val::leaf(total)),
            "updatedAt" => Some(Val::leaf(updated)),
            _ => None,
        },
    )
}

fn item_of<'w>(seen: Seen<'w>, repo: &'w Repo, one: &'w Change, at: Timestamp, item: Item<'w>) -> Node<'w> {
    match item {
        Item::Assigned(event, login) => Node::new("AssignedEvent", move |asked| {
            Some(match asked.name {
                "id" => Val::leaf(format!("AE_{:010x}", event.id)),
                "createdAt" => Val::leaf(at),
                "actor" => actor_named(seen, &event.actor),
                "assignee" => actor_named(seen, login),
                _ => return None,
            })
        }),
        Item::Dismissed(dismissed, by) => Node::new("ReviewDismissedEvent", move |asked| {
            Some(match asked.name {
                "id" => Val::leaf(format!("RDE_{:010x}", dismissed.id)),
                "createdAt" => Val::leaf(at),
                "actor" => actor_named(seen, by),
                "previousReviewState" => Val::leaf(dismissed.was.unwrap_or("COMMENTED")),
                "pullRequest" => Val::Node(change(seen, repo, one)),
                "review" => Val::Node(review(seen, repo, one, dismissed)),
                _ => return None,
            })
        }),
    }
}

fn changed_file<'w>(file: FileFacts) -> Node<'w> {
    Node::new("PullRequestChangedFile", move |asked| {
        Some(match asked.name {
            "path" => Val::leaf(&file.path),
            "additions" => Val::leaf(file.additions),
            "deletions" => Val::leaf(file.deletions),
            "changeType" => Val::leaf(match file.status {
                "added" => "ADDED",
                "removed" => "DELETED",
                "renamed" => "RENAMED",
                "copied" => "COPIED",
                _ => "MODIFIED",
            }),
            "viewerViewedState" => Val::leaf("UNVIEWED"),
            _ => return None,
        })
    })
}

fn label<'w>(name: &'w str) -> Node<'w> {
    Node::new("Label", move |asked| {
        Some(match asked.name {
            "name" => Val::leaf(name),
            "color" => Val::leaf(shape::label_color(name)),
            "description" => Val::null(),
            "id" => Val::leaf(format!("LA_{name}")),
            _ => return None,
        })
    })
}

fn asked_for<'w>(seen: Seen<'w>, repo: &'w Repo, one: &'w Change, request: &'w Request) -> Node<'w> {
    Node::new("ReviewRequest", move |asked| {
        Some(match asked.name {
            "id" => Val::leaf(format!("RR_kwDO{:010x}", request.id)),
            "databaseId" => Val::leaf(request.id),
            "asCodeOwner" => Val::leaf(request.code_owner),
            "pullRequest" => Val::Node(change(seen, repo, one)),
            "requestedReviewer" => match &request.who {
                Asked::User(login) => actor_named(seen, login),
                // Without a scope for organisations GitHub hides which team it is.
                Asked::Team(_) if !reads_teams(&seen.world.tokens[seen.token].scopes) => Val::null(),
                Asked::Team(name) => {
                    let named = |one: &&Team| format!("{}/{}", one.org, one.slug) == *name;
                    Val::maybe(seen.world.teams.iter().find(named).map(|one| team(seen, one)))
                }
            },
            _ => return None,
        })
    })
}

fn review<'w>(seen: Seen<'w>, repo: &'w Repo, one: &'w Change, item: &'w Review) -> Node<'w> {
    Node::new("PullRequestReview", move |asked| {
        Some(match asked.name {
            "id" => Val::leaf(shape::review_node_id(item)),
            "databaseId" => Val::leaf(item.id),
            "fullDatabaseId" => Val::leaf(item.id.to_string()),
            "state" => Val::leaf(item.state),
            "body" | "bodyText" => Val::leaf(&item.body),
            "createdAt" => Val::leaf(item.created_at),
            "updatedAt" => Val::leaf(item.edited_at.or(item.submitted_at).unwrap_or(item.created_at)),
            "submittedAt" => Val::leaf(item.submitted_at),
            "lastEditedAt" => Val::leaf(item.edited_at),
            "author" => actor_named(seen, &item.author),
            "authorAssociation" => Val::leaf(shape::association(repo, &item.author)),
            "viewerDidAuthor" => Val::leaf(item.author == seen.viewer),
            "commit" => commit_by_id(seen, repo, &item.commit),
            "pullRequest" => Val::Node(change(seen, repo, one)),
            "repository" => Val::Node(repository(seen, repo)),
            "url" => seen.url(format_args!(
                "/{}/pull/{}#pullrequestreview-{}",
                repo.full_name(),
                one.number,
                item.id
            )),
            _ => return None,
        })
    })
}
