//! Repositories and changes, read only.

use serde_json::{Value, json};

use super::{Ctx, Handled, page};
use crate::forge::server::Answer;
use crate::forge::shape;
use crate::forge::world::{Change, Life, Repo, World};

/// GitHub serves no diff of more files or lines. Source: the message of its 406 answers.
const MOST_FILES: usize = 300;
const MOST_LINES: usize = 20_000;

pub(super) fn found<'w>(world: &'w World, ctx: &Ctx<'_>) -> Option<(&'w Repo, &'w Change)> {
    let repo = world.find(&ctx.repo_name())?;
    Some((repo, repo.changes.get(&ctx.number("pull_number"))?))
}

pub(super) fn not_found() -> Answer {
    Answer::error(404, "Not Found")
}

pub(super) fn repository(world: &World, ctx: &Ctx<'_>) -> Handled {
    let Some(repo) = world.find(&ctx.repo_name()) else {
        return Ok(not_found());
    };
    Ok(Answer::ok(&shape::full_repository(world, repo, ctx.viewer)))
}

pub(super) fn list(world: &World, ctx: &Ctx<'_>) -> Handled {
    let Some(repo) = world.find(&ctx.repo_name()) else {
        return Ok(not_found());
    };
    let state = ctx.req.query("state").unwrap_or("open");
    let wanted = |change: &&Change| match state {
        "all" => true,
        "closed" => change.life != Life::Open,
        _ => change.life == Life::Open,
    };
    let branch = |change: &&Change| {
        ctx.req
            .query("head")
            .is_none_or(|head| head == format!("{}:{}", repo.owner, change.branch))
            && ctx.req.query("base").is_none_or(|base| base == change.base)
    };
    let mut list: Vec<&Change> = repo.changes.values().filter(wanted).filter(branch).collect();
    let sort = ctx.req.query("sort").unwrap_or("created");
    match sort {
        "updated" => list.sort_by_key(|change| change.updated_at),
        _ => list.sort_by_key(|change| change.created_at),
    }
    let default = if sort == "created" { "desc" } else { "asc" };
    if ctx.req.query("direction").unwrap_or(default) == "desc" {
        list.reverse();
    }
    Ok(page(
        world,
        ctx,
        list.into_iter()
            .map(|change| shape::change_simple(world, repo, change))
            .collect(),
    ))
}

pub(super) fn get(world: &World, ctx: &Ctx<'_>) -> Handled {
    let Some((repo, change)) = found(world, ctx) else {
        return Ok(not_found());
    };
    let media = ctx.media();
    if media.contains("diff") {
        return diff(repo, &repo.merge_base(change), change.head());
    }
    if media.contains("patch") {
        let range = format!("{}..{}", repo.merge_base(change), change.head());
        let patch = repo.git.run(&["format-patch", "--stdout", &range])?;
        return Ok(Answer::bytes("application/vnd.github.patch", patch));
    }
    Ok(Answer::ok(&shape::change_full(world, repo, change)?))
}

/// A diff, or 406 where GitHub would give none.
pub(super) fn diff(repo: &Repo, from: &str, to: &str) -> Handled {
    let too_large = |what: String| {
        let words = format!(
            "Sorry, the diff exceeded the maximum number of {what}. Consider using 'List pull requests files' API or locally cloning the repository instead."
        );
        let error = json!({ "resource": "PullRequest", "field": "diff", "code": "too_large" });
        let documentation = "https://docs.github.com/rest/pulls/pulls#list-pull-requests-files";
        Answer::json(
            406,
            &json!({ "message": words, "errors": [error], "documentation_url": documentation, "status": "406" }),
        )
    };
    let files = repo.git.files(from, to)?;
    if files.len() > MOST_FILES {
        return Ok(too_large(format!("files ({MOST_FILES})")));
    }
    let bytes = repo.git.diff(from, to)?;
    if bytes.iter().filter(|byte| **byte == b'\n').count() > MOST_LINES {
        return Ok(too_large(format!("lines ({MOST_LINES})")));
    }
    Ok(Answer::bytes("application/vnd.github.diff", bytes))
}

/// At most 250, the oldest first. Source: GitHub's reference page of the operation.
pub(super) fn commits(world: &World, ctx: &Ctx<'_>) -> Handled {
    let Some((repo, change)) = found(world, ctx) else {
        return Ok(not_found());
    };
    let commits = repo.commits(change)?;
    let list: Vec<Value> = commits
        .iter()
        .take(250)
        .map(|facts| shape::commit(world, repo, facts))
        .collect();
    Ok(page(world, ctx, list))
}

/// At most 3,000. Source: GitHub's reference page of the operation.
pub(super) fn files(world: &World, ctx: &Ctx<'_>) -> Handled {
    let Some((repo, change)) = found(world, ctx) else {
        return Ok(not_found());
    };
    let files = repo.git.files(&repo.merge_base(change), change.head())?;
    let list = files
        .iter()
        .take(3_000)
        .map(|file| shape::file(world, repo, change.head(), file))
        .collect();
    Ok(page(world, ctx, list))
}

pub(super) fn timeline(world: &World, ctx: &Ctx<'_>) -> Handled {
    let Some(repo) = world.find(&ctx.repo_name()) else {
        return Ok(not_found());
    };
    let Some(change) = repo.changes.get(&ctx.number("issue_number")) else {
        return Ok(not_found());
    };
    let mut list = Vec::new();
    for facts in repo.commits(change)?.iter() {
        let mut value = shape::git_commit(world, repo, facts);
        value["event"] = json!("committed");
        list.push((facts.committer.at, value));
    }
    for event in &change.events {
        list.push((event.at, shape::event(world, repo, event)));
    }
    for review in &change.reviews {
        if let Some(at) = review.submitted_at {
            let mut value = shape::review(world, repo, change, review);
            value["event"] = json!("reviewed");
            value["state"] = json!(review.state.to_lowercase());
            list.push((at, value));
        }
    }
    list.sort_by_key(|(at, _)| *at);
    Ok(page(
        world,
        ctx,
        list.into_iter().map(|(_, value)| value).collect(),
    ))
}

pub(super) fn activity(world: &World, ctx: &Ctx<'_>) -> Handled {
    let Some(repo) = world.find(&ctx.repo_name()) else {
        return Ok(not_found());
    };
    let wanted = ctx
        .req
        .query("ref")
        .map(|name| format!("refs/heads/{}", name.trim_start_matches("refs/heads/")));
    let actor = ctx.req.query("actor");
    let kind = ctx.req.query("activity_type");
    let list = repo
        .activity
        .iter()
        .rev()
        .filter(|one| wanted.as_ref().is_none_or(|name| one.reference == *name))
        .filter(|one| actor.is_none_or(|login| one.actor == login))
        .filter(|one| kind.is_none_or(|kind| one.kind == kind))
        .map(|one| {
            json!({
                "id": one.id, "node_id": format!("PSH_{:010x}", one.id), "before": one.before, "after": one.after,
                "ref": one.reference, "timestamp": one.at, "activity_type": one.kind,
                "actor": shape::user(world, &one.actor),
            })
        });
    let list: Vec<Value> = list.collect();
    Ok(page(world, ctx, list))
}

/// Whoever may read the repository may read them.
pub(super) fn rules(world: &World, ctx: &Ctx<'_>) -> Handled {
    let Some(repo) = world.find(&ctx.repo_name()) else {
        return Ok(not_found());
    };
    let ruled = repo.dismisses_stale.filter(|_| ctx.parameter("branch") == "main");
    let rule = |dismisses: bool| {
        json!({
            "type": "pull_request", "ruleset_id": 7, "ruleset_source": repo.full_name(),
            "ruleset_source_type": "Repository",
            "parameters": {
                "dismiss_stale_reviews_on_push": dismisses, "require_code_owner_review": false,
                "require_last_push_approval": false, "required_approving_review_count": 1,
                "required_review_thread_resolution": false,
            },
        })
    };
    Ok(Answer::ok(&Value::Array(ruled.map(rule).into_iter().collect())))
}

/// Administrators alone may read it; for others GitHub pretends that there is none.
pub(super) fn protection(world: &World, ctx: &Ctx<'_>) -> Handled {
    let Some(repo) = world.find(&ctx.repo_name()) else {
        return Ok(not_found());
    };
    if repo.access.get(ctx.viewer).copied() != Some("ADMIN") {
        return Ok(not_found());
    }
    if !repo.protected || ctx.parameter("branch") != "main" {
        return Ok(Answer::error(404, "Branch not protected"));
    }
    let url = format!(
        "{}/api/v3/repos/{}/branches/main/protection",
        world.base_url,
        repo.full_name()
    );
    let off = json!({ "enabled": false });
    Ok(Answer::ok(&json!({
        "url": url,
        "required_pull_request_reviews": {
            "url": format!("{url}/required_pull_request_reviews"), "dismiss_stale_reviews": false,
            "require_code_owner_reviews": true, "required_approving_review_count": 1,
        },
        "enforce_admins": { "url": format!("{url}/enforce_admins"), "enabled": true },
        "required_linear_history": off, "allow_force_pushes": off, "allow_deletions": off, "block_creations": off,
        "required_conversation_resolution": off,
    })))
}
