//! Git's objects: comparisons, commits, trees, blobs, refs, files, and the checks on a commit.

use serde_json::{Value, json};

use super::changes::{diff, not_found};
use super::{Ctx, Handled, page};
use crate::forge::git::CommitFacts;
use crate::forge::server::Answer;
use crate::forge::shape;
use crate::forge::world::{Repo, Status, World};

/// A commit by branch, tag, pull ref or id. Source: GitHub's reference page of `compare`.
fn resolve(repo: &Repo, name: &str) -> Option<String> {
    // `owner:branch` names a branch of a fork's; here that is the one repository.
    let name = name.split_once(':').map_or(name, |(_, branch)| branch);
    repo.git.tip(name).or_else(|| repo.git.resolve(name))
}

pub(super) fn compare(world: &World, ctx: &Ctx<'_>) -> Handled {
    let Some(repo) = world.find(&ctx.repo_name()) else {
        return Ok(not_found());
    };
    let Some((base, head)) = ctx.parameter("basehead").split_once("...") else {
        return Ok(not_found());
    };
    let (Some(base), Some(head)) = (resolve(repo, base), resolve(repo, head)) else {
        return Ok(not_found());
    };
    let Some(merge_base) = repo.git.merge_base(&base, &head) else {
        return Ok(Answer::error(
            404,
            &format!("No common ancestor between {base} and {head}."),
        ));
    };
    let media = ctx.media();
    if media.contains("diff") {
        return diff(repo, &merge_base, &head);
    }
    if media.contains("patch") {
        let patch = repo
            .git
            .run(&["format-patch", "--stdout", &format!("{merge_base}..{head}")])?;
        return Ok(Answer::bytes("application/vnd.github.patch", patch));
    }
    let ahead = repo.git.range(&base, &head)?;
    let behind = repo.git.range(&head, &base)?;
    let status = match (ahead.is_empty(), behind.is_empty()) {
        (true, true) => "identical",
        (true, false) => "behind",
        (false, true) => "ahead",
        (false, false) => "diverged",
    };
    let files = repo.git.files(&merge_base, &head)?;
    let web = format!("{}/{}/compare/{base}...{head}", world.base_url, repo.full_name());
    let first = ctx.req.query("page").is_none_or(|page| page == "1");
    // 250 commits without paging, else what the page holds; files (300 at most) only on the first page.
    let per_page = ctx.req.query("per_page").and_then(|text| text.parse().ok());
    let per_page = per_page
        .unwrap_or(if ctx.req.query("page").is_some() { 100 } else { 250 })
        .clamp(1, 250);
    let number = ctx
        .req
        .query("page")
        .and_then(|text| text.parse().ok())
        .unwrap_or(1_usize)
        .max(1);
    let commits = ahead.iter().skip((number - 1) * per_page).take(per_page);
    let commits: Vec<Value> = commits.map(|facts| shape::commit(world, repo, facts)).collect();
    let mut value = json!({
        "url": format!("{}/api/v3/repos/{}/compare/{base}...{head}", world.base_url, repo.full_name()),
        "html_url": web, "permalink_url": web, "diff_url": format!("{web}.diff"), "patch_url": format!("{web}.patch"),
        "base_commit": shape::commit(world, repo, &*repo.git.commit(&base)?),
        "merge_base_commit": shape::commit(world, repo, &*repo.git.commit(&merge_base)?),
        "status": status, "ahead_by": ahead.len(), "behind_by": behind.len(), "total_commits": ahead.len(),
        "commits": commits,
    });
    if first {
        let shown = files
            .iter()
            .take(300)
            .map(|file| shape::file(world, repo, &head, file));
        value["files"] = shown.collect();
    }
    Ok(Answer::ok(&value))
}

/// The commits that lead to one, of an author or below a path where these are named. Source: GitHub's reference page of
/// the operation: `author` is a login or an address.
pub(super) fn commits(world: &World, ctx: &Ctx<'_>) -> Handled {
    let Some(repo) = world.find(&ctx.repo_name()) else {
        return Ok(not_found());
    };
    let from = ctx.req.query("sha").unwrap_or("main");
    let Some(oid) = resolve(repo, from) else {
        return Ok(not_found());
    };
    let written = |facts: &CommitFacts| match ctx.req.query("author") {
        None => true,
        Some(who) if who.contains('@') => facts.author.email == who,
        Some(who) => world
            .account_by_email(&facts.author.email)
            .is_some_and(|account| account.login == who),
    };
    let list = repo.git.below(&oid, ctx.req.query("path").unwrap_or(""))?;
    let list = list.iter().filter(|facts| written(facts));
    let list = list.map(|facts| shape::commit(world, repo, facts)).collect();
    Ok(page(world, ctx, list))
}

pub(super) fn commit(world: &World, ctx: &Ctx<'_>) -> Handled {
    let Some(repo) = world.find(&ctx.repo_name()) else {
        return Ok(not_found());
    };
    let Some(oid) = resolve(repo, ctx.parameter("ref")) else {
        return Ok(Answer::error(
            422,
            &format!("No commit found for SHA: {}", ctx.parameter("ref")),
        ));
    };
    let facts = repo.git.commit(&oid)?;
    let empty;
    let parent = match facts.parents.first() {
        Some(parent) => parent.as_str(),
        None => {
            empty = repo.git.empty_tree()?;
            empty.as_str()
        }
    };
    let media = ctx.media();
    if media.contains("diff") {
        return diff(repo, parent, &oid);
    }
    if media.contains("sha") {
        return Ok(Answer::bytes("application/vnd.github.sha", oid.into_bytes()));
    }
    let files = repo.git.files(parent, &oid)?;
    let additions: u64 = files.iter().map(|file| file.additions).sum();
    let deletions: u64 = files.iter().map(|file| file.deletions).sum();
    let mut value = shape::commit(world, repo, &facts);
    value["stats"] =
        json!({ "additions": additions, "deletions": deletions, "total": additions + deletions });
    value["files"] = files
        .iter()
        .take(300)
        .map(|file| shape::file(world, repo, &oid, file))
        .collect();
    Ok(Answer::ok(&value))
}

pub(super) fn git_commit(world: &World, ctx: &Ctx<'_>) -> Handled {
    let Some(repo) = world.find(&ctx.repo_name()) else {
        return Ok(not_found());
    };
    let Some(oid) = repo.git.resolve(ctx.parameter("commit_sha")) else {
        return Ok(not_found());
    };
    Ok(Answer::ok(&shape::git_commit(
        world,
        repo,
        &*repo.git.commit(&oid)?,
    )))
}

pub(super) fn statuses(world: &World, ctx: &Ctx<'_>) -> Handled {
    let Some(repo) = world.find(&ctx.repo_name()) else {
        return Ok(not_found());
    };
    let Some(oid) = resolve(repo, ctx.parameter("ref")) else {
        return Ok(not_found());
    };
    let statuses = repo.statuses.get(&oid).map_or(&[][..], Vec::as_slice);
    let list = statuses
        .iter()
        .rev()
        .map(|status| shape::status(world, repo, &oid, status));
    Ok(page(world, ctx, list.collect()))
}

/// Longest text of a status, in characters. Source: GitHub answers 422 above it.
const MOST_WORDS: usize = 140;

/// Only who may push sets a status. Source: GitHub's reference page of the operation.
pub(super) fn set_status(world: &mut World, ctx: &Ctx<'_>) -> Handled {
    let (id, at) = (world.fresh_id(), world.now());
    let Some(repo) = world.find(&ctx.repo_name()) else {
        return Ok(not_found());
    };
    if !matches!(
        repo.access.get(ctx.viewer).copied(),
        Some("WRITE" | "MAINTAIN" | "ADMIN")
    ) {
        return Ok(not_found());
    }
    let sha = ctx.parameter("sha").to_owned();
    // The whole name of a commit, and nothing else that git would understand.
    if repo.git.resolve(&sha).is_none_or(|oid| oid != sha) {
        return Ok(Answer::error(422, &format!("No commit found for SHA: {sha}")));
    }
    let body = ctx.body();
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    let description = text("description");
    if description
        .as_ref()
        .is_some_and(|words| words.chars().count() > MOST_WORDS)
    {
        let words =
            format!("Validation failed: Description is too long (maximum is {MOST_WORDS} characters)");
        return Ok(Answer::error(422, &words));
    }
    let status = Status {
        id,
        context: text("context").unwrap_or_else(|| "default".to_owned()),
        state: text("state").unwrap_or_default(),
        description,
        target_url: text("target_url"),
        creator: ctx.viewer.to_owned(),
        at,
    };
    let answer = Answer::json(201, &shape::status(world, repo, &sha, &status));
    let repo = world.find_mut(&ctx.repo_name())?;
    repo.statuses.entry(sha).or_default().push(status);
    Ok(answer)
}

pub(super) fn check_runs(world: &World, ctx: &Ctx<'_>) -> Handled {
    let Some(repo) = world.find(&ctx.repo_name()) else {
        return Ok(not_found());
    };
    let Some(oid) = resolve(repo, ctx.parameter("ref")) else {
        return Ok(not_found());
    };
    let checks = repo.checks.get(&oid).map_or(&[][..], Vec::as_slice);
    let list = checks
        .iter()
        .map(|check| shape::check_run(world, repo, &oid, check));
    let list: Vec<Value> = list.collect();
    Ok(Answer::ok(
        &json!({ "total_count": list.len(), "check_runs": list }),
    ))
}

/// A tree of a tree, commit, branch or tag. GitHub cuts at 100,000 entries and says so.
pub(super) fn tree(world: &World, ctx: &Ctx<'_>) -> Handled {
    let Some(repo) = world.find(&ctx.repo_name()) else {
        return Ok(not_found());
    };
    let name = ctx.parameter("tree_sha");
    let oid = match repo.git.kind(name).as_deref() {
        Some("tree") => name.to_owned(),
        _ => match resolve(repo, name) {
            Some(commit) => repo.git.commit(&commit)?.tree.clone(),
            None => return Ok(not_found()),
        },
    };
    // Any value of `recursive` switches it on, 0 and false too: so says GitHub's reference page.
    let recursive = ctx.req.query("recursive").is_some();
    let Some(mut entries) = repo.git.tree(&oid, recursive) else {
        return Ok(not_found());
    };
    let truncated = entries.len() > 100_000;
    entries.truncate(100_000);
    let base = format!("{}/api/v3/repos/{}/git", world.base_url, repo.full_name());
    let list = entries.into_iter().map(|entry| {
        let mut value =
            json!({ "path": entry.path, "mode": entry.mode, "type": entry.kind, "sha": entry.oid });
        let below = if entry.kind == "tree" { "trees" } else { "blobs" };
        if entry.kind != "commit" {
            value["url"] = json!(format!("{base}/{below}/{}", entry.oid));
        }
        if let Some(size) = entry.size {
            value["size"] = json!(size);
        }
        value
    });
    let list: Vec<Value> = list.collect();
    Ok(Answer::ok(
        &json!({ "sha": oid, "url": format!("{base}/trees/{oid}"), "tree": list, "truncated": truncated }),
    ))
}

/// Base64 in lines of 60 characters, as GitHub wraps it.
fn base64(bytes: &[u8]) -> String {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    let text = BASE64_STANDARD.encode(bytes);
    let mut wrapped = String::with_capacity(text.len() + text.len() / 60 + 1);
    for chunk in text.as_bytes().chunks(60) {
        wrapped.extend(chunk.iter().map(|byte| char::from(*byte)));
        wrapped.push('\n');
    }
    wrapped
}

pub(super) fn blob(world: &World, ctx: &Ctx<'_>) -> Handled {
    let Some(repo) = world.find(&ctx.repo_name()) else {
        return Ok(not_found());
    };
    let oid = ctx.parameter("file_sha");
    let Some(bytes) = repo.git.blob(oid) else {
        return Ok(not_found());
    };
    if ctx.media().contains("raw") {
        return Ok(Answer::bytes("application/vnd.github.raw+json", bytes));
    }
    Ok(Answer::ok(&json!({
        "sha": oid, "node_id": format!("B_{oid}"), "size": bytes.len(), "encoding": "base64",
        "url": format!("{}/api/v3/repos/{}/git/blobs/{oid}", world.base_url, repo.full_name()),
        "content": base64(&bytes),
    })))
}

/// All refs at or below a name: name, object, its type.
fn references(repo: &Repo, pattern: &str) -> anyhow::Result<Vec<[String; 3]>> {
    let format = "--format=%(refname) %(objectname) %(objecttype)";
    let shown = String::from_utf8(repo.git.run(&["for-each-ref", format, pattern])?)?;
    let parts = shown.lines().map(|line| {
        let mut words = line.split(' ').map(str::to_owned);
        std::array::from_fn(|_| words.next().unwrap_or_default())
    });
    Ok(parts.collect())
}

pub(super) fn reference_shape(world: &World, repo: &Repo, name: &str, oid: &str, kind: &str) -> Value {
    let base = format!("{}/api/v3/repos/{}/git", world.base_url, repo.full_name());
    json!({
        "ref": name, "node_id": format!("REF_{}", &oid[..12]), "url": format!("{base}/{name}"),
        "object": { "type": kind, "sha": oid, "url": format!("{base}/{kind}s/{oid}") },
    })
}

pub(super) fn reference(world: &World, ctx: &Ctx<'_>) -> Handled {
    let Some(repo) = world.find(&ctx.repo_name()) else {
        return Ok(not_found());
    };
    let name = format!("refs/{}", ctx.parameter("ref"));
    // What lies below the name is listed too.
    let found = references(repo, &name)?;
    let Some([_, oid, kind]) = found.iter().find(|one| one[0] == name) else {
        return Ok(not_found());
    };
    Ok(Answer::ok(&reference_shape(world, repo, &name, oid, kind)))
}

/// Every ref whose name begins so, a whole step or not. Source: GitHub's reference page of the operation.
pub(super) fn matching_references(world: &World, ctx: &Ctx<'_>) -> Handled {
    let Some(repo) = world.find(&ctx.repo_name()) else {
        return Ok(not_found());
    };
    let begin = format!("refs/{}", ctx.parameter("ref"));
    let all = references(repo, "refs/")?;
    let list = all.iter().filter(|one| one[0].starts_with(&begin));
    let list: Vec<Value> = list
        .map(|[name, oid, kind]| reference_shape(world, repo, name, oid, kind))
        .collect();
    Ok(page(world, ctx, list))
}

pub(super) fn content(world: &World, ctx: &Ctx<'_>) -> Handled {
    let Some(repo) = world.find(&ctx.repo_name()) else {
        return Ok(not_found());
    };
    let path = ctx.parameter("path").trim_end_matches('/');
    let Some(commit) = resolve(repo, ctx.req.query("ref").unwrap_or("main")) else {
        return Ok(Answer::error(
            404,
            &format!(
                "No commit found for the ref {}",
                ctx.req.query("ref").unwrap_or("main")
            ),
        ));
    };
    let Some(entry) = repo.git.entry(&commit, path) else {
        return Ok(not_found());
    };
    let name = path.rsplit('/').next().unwrap_or(path);
    let full = repo.full_name();
    let shown = shape::encoded_path(path);
    let url = format!(
        "{}/api/v3/repos/{full}/contents/{shown}?ref={commit}",
        world.base_url
    );
    let git_url = |kind: &str, oid: &str| format!("{}/api/v3/repos/{full}/git/{kind}s/{oid}", world.base_url);
    let html = format!("{}/{full}/blob/{commit}/{shown}", world.base_url);
    if entry.kind == "tree" {
        let below = repo.git.tree(&entry.oid, false).unwrap_or_default();
        let list = below.into_iter().map(|one| {
            let url = format!("{}/api/v3/repos/{full}/contents/{shown}/{}?ref={commit}", world.base_url, shape::encoded_path(&one.path));
            let (kind, own) = match one.kind.as_str() {
                "tree" => ("dir", git_url("tree", &one.oid)),
                _ => ("file", git_url("blob", &one.oid)),
            };
            json!({
                "type": kind, "size": one.size.unwrap_or(0), "name": one.path, "path": format!("{path}/{}", one.path),
                "sha": one.oid, "url": url, "git_url": own, "html_url": html, "download_url": null,
                "_links": { "self": url, "git": own, "html": html },
            })
        });
        return Ok(Answer::ok(&list.collect::<Vec<_>>().into()));
    }
    let Some(bytes) = repo.git.blob(&entry.oid) else {
        return Ok(not_found());
    };
    if ctx.media().contains("raw") {
        return Ok(Answer::bytes("application/vnd.github.raw+json", bytes));
    }
    // Above 1 MB GitHub leaves the content out and says encoding "none".
    let small = bytes.len() <= 1_048_576;
    let own = git_url("blob", &entry.oid);
    Ok(Answer::ok(&json!({
        "type": "file", "encoding": if small { "base64" } else { "none" }, "size": bytes.len(), "name": name, "path": path,
        "content": if small { base64(&bytes) } else { String::new() }, "sha": entry.oid, "url": url, "git_url": own,
        "html_url": html, "download_url": format!("{}/{full}/raw/{commit}/{shown}", world.base_url),
        "_links": { "self": url, "git": own, "html": html },
    })))
}
