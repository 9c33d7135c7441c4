//! Writing to a repository: branches, files, changes. Only who may push does the first two.

use anyhow::anyhow;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use jiff::SignedDuration;
use serde_json::json;

use super::changes::not_found;
use super::objects::reference_shape;
use super::{Ctx, Handled};
use crate::forge::git::Edit;
use crate::forge::server::Answer;
use crate::forge::shape;
use crate::forge::world::{Life, NewChange, Repo, World};

fn may_push(repo: &Repo, login: &str) -> bool {
    matches!(
        repo.access.get(login).copied(),
        Some("WRITE" | "MAINTAIN" | "ADMIN")
    )
}

fn failed(resource: &str, message: &str) -> Answer {
    let error = json!({ "resource": resource, "code": "custom", "message": message });
    let documentation = "https://docs.github.com/rest";
    Answer::json(
        422,
        &json!({ "message": "Validation Failed", "errors": [error], "documentation_url": documentation }),
    )
}

/// A branch that is new, at a commit that is there.
pub(super) fn create_reference(world: &mut World, ctx: &Ctx<'_>) -> Handled {
    let name = ctx.repo_name();
    let Some(repo) = world.find(&name).filter(|repo| may_push(repo, ctx.viewer)) else {
        return Ok(not_found());
    };
    let body = ctx.body();
    let (full, sha) = (
        body["ref"].as_str().unwrap_or(""),
        body["sha"].as_str().unwrap_or(""),
    );
    let Some(branch) = full.strip_prefix("refs/heads/") else {
        return Ok(Answer::error(422, "Reference name must start with 'refs/'"));
    };
    if repo.git.tip(branch).is_some() {
        return Ok(Answer::error(422, "Reference already exists"));
    }
    if repo.git.resolve(sha).is_none_or(|oid| oid != sha) {
        return Ok(Answer::error(422, "Object does not exist"));
    }
    world.make_branch(&name, branch, sha, ctx.viewer)?;
    let repo = world.find(&name).ok_or_else(|| anyhow!("no {name}"))?;
    Ok(Answer::json(
        201,
        &reference_shape(world, repo, full, sha, "commit"),
    ))
}

/// Writes a file onto a branch; one that is there must be named by what it holds. Source: GitHub's reference page of the
/// operation: 409 where it holds something else, 422 where it is not named.
pub(super) fn put_content(world: &mut World, ctx: &Ctx<'_>) -> Handled {
    let name = ctx.repo_name();
    let Some(repo) = world.find(&name).filter(|repo| may_push(repo, ctx.viewer)) else {
        return Ok(not_found());
    };
    let body = ctx.body();
    let text = |field: &str| body[field].as_str();
    let (path, branch) = (ctx.parameter("path"), text("branch").unwrap_or("main"));
    let Some(tip) = repo.git.tip(branch) else {
        return Ok(Answer::error(404, &format!("Branch {branch} not found")));
    };
    let Ok(bytes) = BASE64_STANDARD.decode(text("content").unwrap_or("")) else {
        return Ok(Answer::error(422, "content is not valid Base64"));
    };
    let before = repo.git.entry(&tip, path);
    match (&before, text("sha")) {
        (Some(entry), Some(sha)) if entry.oid != sha => {
            return Ok(Answer::error(409, &format!("{path} does not match {sha}")));
        }
        (Some(_), None) => {
            return Ok(Answer::error(422, "Invalid request.\n\n\"sha\" wasn't supplied."));
        }
        _ => {}
    }
    let message = text("message").unwrap_or("").to_owned();
    let edit = Edit::bytes(path, &bytes);
    let made = world.commit_edit(&name, branch, &message, ctx.viewer, edit)?;
    let repo = world.find(&name).ok_or_else(|| anyhow!("no {name}"))?;
    let facts = repo.git.commit(&made)?;
    let status = if before.is_some() { 200 } else { 201 };
    let commit = shape::git_commit(world, repo, &facts);
    Ok(Answer::json(
        status,
        &json!({ "content": null, "commit": commit }),
    ))
}

/// Opens a change from a branch of the repository itself. Source: GitHub's answers of the operation.
pub(super) fn open(world: &mut World, ctx: &Ctx<'_>) -> Handled {
    let name = ctx.repo_name();
    let Some(repo) = world.find(&name) else {
        return Ok(not_found());
    };
    let body = ctx.body();
    let text = |field: &str| body[field].as_str().unwrap_or("").to_owned();
    let (head, base) = (text("head"), text("base"));
    let branch = head.split_once(':').map_or(head.as_str(), |(_, branch)| branch);
    let (Some(tip), Some(base_oid)) = (repo.git.tip(branch), repo.git.tip(&base)) else {
        return Ok(failed("PullRequest", "head or base is no branch"));
    };
    let same = |one: &&_| {
        let one: &crate::forge::world::Change = one;
        one.life == Life::Open && one.branch == branch && one.base == base
    };
    if repo.changes.values().any(|one| same(&one)) {
        let words = format!("A pull request already exists for {}:{branch}.", repo.owner);
        return Ok(failed("PullRequest", &words));
    }
    if repo.git.range(&base_oid, &tip)?.is_empty() {
        return Ok(failed(
            "PullRequest",
            &format!("No commits between {base} and {branch}"),
        ));
    }
    let new = NewChange {
        repo: name.clone(),
        number: None,
        title: text("title"),
        body: text("body"),
        author: ctx.viewer.to_owned(),
        branch: branch.to_owned(),
        base,
        commits: Vec::new(),
        labels: Vec::new(),
        assignees: Vec::new(),
        asked: Vec::new(),
        draft: body["draft"].as_bool().unwrap_or(false),
        age: SignedDuration::ZERO,
    };
    let number = world.open_at(new, &base_oid, &tip, None)?;
    let repo = world.find(&name).ok_or_else(|| anyhow!("no {name}"))?;
    let change = &repo.changes[&number];
    Ok(Answer::json(201, &shape::change_full(world, repo, change)?))
}
