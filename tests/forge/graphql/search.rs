//! The search index for changes: the qualifiers that the app uses, and an error for any other.

use crate::forge::world::{Asked, Change, Life, Repo, World};

/// One change that a search found.
#[derive(Clone, Copy)]
pub(super) struct Hit<'w> {
    pub(super) repo: &'w Repo,
    pub(super) change: &'w Change,
}

/// Most results of one search. Source: GitHub's documentation of search.
const MOST: usize = 1_000;

/// What a query finds for a viewer, the most recently touched first.
pub(super) fn changes<'w>(world: &'w World, viewer: &str, query: &str) -> Result<Vec<Hit<'w>>, String> {
    let words: Vec<&str> = query.split_whitespace().collect();
    let mut newest_first = true;
    let mut found: Vec<Hit<'w>> = Vec::new();
    for repo in &world.repos {
        for change in repo.changes.values().filter(|change| !change.unindexed) {
            found.push(Hit { repo, change });
        }
    }
    for word in words {
        if let Some(order) = word.strip_prefix("sort:") {
            match order {
                "updated" | "updated-desc" => {}
                "updated-asc" => newest_first = false,
                _ => return Err(format!("the search does not sort by {order:?}")),
            }
            continue;
        }
        let (word, wanted) = word.strip_prefix('-').map_or((word, true), |rest| (rest, false));
        let (key, value) = word
            .split_once(':')
            .ok_or_else(|| format!("the search takes qualifiers only, not {word:?}"))?;
        let value = value.trim_matches('"');
        let person = if value == "@me" { viewer } else { value };
        let mut unknown = None;
        found.retain(|hit| match holds(world, hit, key, value, person) {
            Some(holds) => holds == wanted,
            None => {
                unknown = Some(format!("the search does not know {key}:{value}"));
                false
            }
        });
        if let Some(unknown) = unknown {
            return Err(unknown);
        }
    }
    found.sort_by_key(|hit| hit.change.updated_at);
    if newest_first {
        found.reverse();
    }
    found.truncate(MOST);
    Ok(found)
}

fn holds(world: &World, hit: &Hit<'_>, key: &str, value: &str, person: &str) -> Option<bool> {
    let change = hit.change;
    let direct = change
        .requests
        .iter()
        .any(|request| request.who == Asked::User(person.to_owned()));
    let in_team = |request: &crate::forge::world::Request| match &request.who {
        Asked::Team(team) => world.is_member(team, person),
        Asked::User(_) => false,
    };
    let yes = value == "true";
    Some(match (key, value) {
        ("review-requested", _) => direct || change.requests.iter().any(in_team),
        ("user-review-requested", _) => direct,
        ("team-review-requested", _) => change
            .requests
            .iter()
            .any(|request| request.who == Asked::Team(value.to_owned())),
        ("assignee", _) => change.assignees.iter().any(|login| login == person),
        ("reviewed-by", _) => change
            .reviews
            .iter()
            .any(|review| review.author == person && review.state != "PENDING"),
        ("author", _) => change.author == person,
        ("is" | "type", "pr") => true,
        ("is" | "state", "open") => change.life == Life::Open,
        ("is" | "state", "closed") => change.life != Life::Open,
        ("is", "merged") => change.life == Life::Merged,
        ("is", "draft") => change.draft,
        ("is", "private") => hit.repo.private,
        ("is", "public") => !hit.repo.private,
        ("draft", "true" | "false") => change.draft == yes,
        ("archived", "true" | "false") => hit.repo.archived == yes,
        ("repo", _) => hit.repo.full_name() == value,
        ("org" | "user", _) => hit.repo.owner == value,
        _ => return None,
    })
}
