//! What a CI job collects for the judge (`countersign-verify`), from the forge's own state and git's own plumbing, so
//! that the judge's digests are held against something that the app did not compute.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::git::{Git, Signature, TreeEntry};
use super::world::{Account, Change, Happened, Kind, Life, Repo, World};

/// The judge's input for one change: the document that `countersign_core::verify::Input` reads.
///
/// # Errors
/// The change is unknown, or git cannot tell what it does to the tree.
pub fn input(world: &World, repo_name: &str, number: u64) -> Result<Value> {
    let repo = world
        .find(repo_name)
        .with_context(|| format!("the forge has no repository {repo_name}"))?;
    let change = repo
        .changes
        .get(&number)
        .with_context(|| format!("{repo_name} has no change {number}"))?;
    let twins = repo
        .changes
        .values()
        .filter(|other| other.number != number && other.life == Life::Open && other.head() == change.head());
    let twins: Vec<Value> = twins
        .map(|twin| document(world, repo, twin, Vec::new()))
        .collect::<Result<_>>()?;
    document(world, repo, change, twins)
}

fn document(world: &World, repo: &Repo, change: &Change, twins: Vec<Value>) -> Result<Value> {
    let tip = repo.target_tip(change);
    let commits = repo.commits(change)?;
    let commits: Vec<Value> = commits
        .iter()
        .map(|facts| {
            json!({
                "oid": facts.oid, "tree": facts.tree, "message": facts.message,
                "author": identity(world, &facts.author), "committer": identity(world, &facts.committer),
                "committed_at": facts.committer.at,
            })
        })
        .collect();
    let submitted = change
        .reviews
        .iter()
        .filter_map(|review| Some((review, review.submitted_at?)));
    let reviews: Vec<Value> = submitted
        .map(|(review, at)| {
            json!({
                "id": review.id.to_string(), "author": by_login(world, &review.author),
                "state": review.state.to_lowercase(), "submitted_at": at, "edited_at": review.edited_at,
                "commit": review.commit, "body": review.body,
            })
        })
        .collect();
    let dismissed = change
        .reviews
        .iter()
        .filter_map(|review| Some((review, review.dismissed.as_ref()?, review.was?)));
    let dismissals: Vec<Value> = dismissed
        .map(|(review, (at, by, _), was)| {
            json!({
                "review_id": review.id.to_string(), "by": by_login(world, by), "at": at,
                "was": was.to_lowercase(),
            })
        })
        .collect();
    Ok(json!({
        "version": 1,
        "forge": {
            "kind": "github", "host": world.host(), "repo": repo.full_name(),
            "repo_id": repo.id.to_string(),
        },
        "change": {
            "number": change.number.to_string(), "change_id": change.id.to_string(), "state": life(change),
            "draft": change.draft, "author": by_login(world, &change.author),
            "target_ref": format!("refs/heads/{}", change.base), "target_protected": repo.protected,
            "head": change.head(), "head_branch": change.branch, "body": change.body,
        },
        "trust": trust(repo, &tip)?,
        "commits": { "source": "git", "total": commits.len(), "items": commits },
        "mails": [],
        "reviews": { "source": "reviews", "total": reviews.len(), "items": reviews },
        "dismissals": { "source": "timeline", "total": dismissals.len(), "items": dismissals },
        "content": content(&repo.git, &tip, change.head())?,
        "pushes": pushes(world, repo, change),
        "operators": operators(world, change),
        "same_head": { "source": "changes", "total": twins.len(), "items": twins },
        "merge_group": null,
    }))
}

fn life(change: &Change) -> &'static str {
    match change.life {
        Life::Open => "open",
        Life::Closed => "closed",
        Life::Merged => "merged",
    }
}

fn person(account: &Account) -> Value {
    let kind = match account.kind {
        Kind::User => "user",
        Kind::Bot => "bot",
        Kind::Organization => "other",
    };
    json!({ "login": account.login, "id": account.id.to_string(), "kind": kind })
}

fn by_login(world: &World, login: &str) -> Value {
    world.account(login).map_or(Value::Null, person)
}

fn identity(world: &World, who: &Signature) -> Value {
    let account = world.account_by_email(&who.email).map_or(Value::Null, person);
    json!({ "name": who.name, "email": who.email, "account": account })
}

/// Every movement of the change's branch, oldest first.
fn pushes(world: &World, repo: &Repo, change: &Change) -> Vec<Value> {
    let branch = format!("refs/heads/{}", change.branch);
    let moves = repo.activity.iter().filter(|one| one.reference == branch);
    moves
        .map(|one| {
            json!({
                "source": "activity", "before": one.before, "after": one.after,
                "actor": by_login(world, &one.actor),
            })
        })
        .collect()
}

/// Where an app opened the change, everybody who was ever assigned: the people who set it to work.
fn operators(world: &World, change: &Change) -> Value {
    let by_a_person = (world.account(&change.author)).is_some_and(|account| account.kind == Kind::User);
    let assigned = change.events.iter().filter_map(|event| match &event.what {
        Happened::Assigned(login) => Some(login.as_str()),
        Happened::ReviewRequested(_)
        | Happened::Closed
        | Happened::Merged
        | Happened::Reopened
        | Happened::ForcePushed => None,
    });
    let assigned: BTreeSet<&str> = assigned.filter(|_| !by_a_person).collect();
    let items: Vec<Value> = assigned
        .into_iter()
        .map(|login| json!({ "source": "timeline", "account": by_login(world, login) }))
        .collect();
    json!({ "total": items.len(), "items": items })
}

/// The policy and its keys, from the target branch's tip and never from the change.
fn trust(repo: &Repo, tip: &str) -> Result<Value> {
    let read = |path: &str| -> Result<Option<(TreeEntry, String)>> {
        let Some(entry) = repo.git.entry(tip, path) else {
            return Ok(None);
        };
        let bytes = repo
            .git
            .blob(&entry.oid)
            .with_context(|| format!("{path} cannot be read"))?;
        let text = String::from_utf8(bytes).with_context(|| format!("{path} is not UTF-8"))?;
        Ok(Some((entry, text)))
    };
    let file = |path: &str| -> Result<Value> {
        Ok(read(path)?.map_or(
            Value::Null,
            |(entry, text)| json!({ "path": path, "mode": entry.mode, "blob": entry.oid, "text": text }),
        ))
    };
    // The policy names its files; a line that cannot be understood is for the judge to refuse.
    let policy = read(".github/countersign.toml")?.map_or_else(String::new, |(_, text)| text);
    let named = |key: &str| -> Option<String> {
        let line = policy
            .lines()
            .find(|line| line.split('=').next().is_some_and(|name| name.trim() == key))?;
        Some(line.split('"').nth(1)?.to_owned())
    };
    let of = |key: &str| named(key).map_or(Ok(Value::Null), |path| file(&path));
    Ok(json!({
        "source": "git", "target_tip": tip, "gate_files": [], "policy": file(".github/countersign.toml")?,
        "allowed_signers": of("allowed_signers")?, "revoked_keys": of("revoked_keys")?,
    }))
}

fn content(git: &Git, tip: &str, head: &str) -> Result<Value> {
    let bases = String::from_utf8(git.run(&["merge-base", "--all", tip, head])?)?;
    let bases: Vec<&str> = bases.split_whitespace().collect();
    let base = bases
        .first()
        .context("the change and its target have no common commit")?;
    let raw = git.run(&[
        "diff-tree",
        "-r",
        "-z",
        "--no-renames",
        "--raw",
        "--no-abbrev",
        base,
        head,
    ])?;
    let mut fields = raw.split(|byte| *byte == 0).filter(|field| !field.is_empty());
    let mut changed = Vec::new();
    while let (Some(facts), Some(path)) = (fields.next(), fields.next()) {
        let facts = std::str::from_utf8(facts)?;
        let parts: Vec<&str> = facts.trim_start_matches(':').split(' ').collect();
        ensure!(parts.len() == 5, "git diff-tree printed {facts:?}");
        let text = std::str::from_utf8(path).ok();
        let hex = text.is_none().then(|| super::server::hex(path));
        changed.push(json!({
            "path": text, "path_hex": hex, "old_mode": parts[0], "new_mode": parts[1], "old_oid": parts[2],
            "new_oid": parts[3],
        }));
    }
    let format = String::from_utf8(git.run(&["rev-parse", "--show-object-format"])?)?;
    Ok(json!({
        "source": "git", "head": head, "head_tree": git.commit(head)?.tree, "target_tip": tip,
        "object_format": format.trim(), "merge_bases": bases, "total": changed.len(), "changed": changed,
    }))
}
