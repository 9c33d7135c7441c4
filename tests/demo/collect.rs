//! What CI collects for the gate, from the test forge: one JSON document, each part with its source. The git part is
//! read with git's own plumbing, so that the gate's digests are held against something that the app did not compute.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use countersign_tests::forge::git::{Git, Signature};
use countersign_tests::forge::world::{Account, Happened, Kind, Life, Repo, World};
use serde_json::{Value, json};

/// The gate's input for one change.
pub(crate) fn input(world: &World, repo_name: &str, number: u64) -> Result<Value> {
    let repo = world.find(repo_name).context("no such repository")?;
    let change = world.change(repo_name, number).context("no such change")?;
    let (head, tip) = (change.head(), repo.target_tip(change));
    let by_login = |login: &str| world.account(login).map_or(Value::Null, person);
    let commits = repo.commits(change)?;
    let identity = |who: &Signature| {
        let account = world.account_by_email(&who.email).map_or(Value::Null, person);
        json!({"name": who.name, "email": who.email, "account": account})
    };
    let commits: Vec<Value> = commits
        .iter()
        .map(|commit| {
            json!({"oid": commit.oid, "tree": commit.tree, "message": commit.message,
                "author": identity(&commit.author), "committer": identity(&commit.committer),
                "committed_at": commit.committer.at})
        })
        .collect();
    let submitted = change
        .reviews
        .iter()
        .filter_map(|review| Some((review, review.submitted_at?)));
    let reviews: Vec<Value> = submitted
        .map(|(review, at)| {
            json!({"id": review.id.to_string(), "author": by_login(&review.author),
                "state": review.state.to_lowercase(), "submitted_at": at, "edited_at": review.edited_at,
                "commit": review.commit, "body": review.body})
        })
        .collect();
    let dismissed = change
        .reviews
        .iter()
        .filter_map(|review| Some((review, review.dismissed.as_ref()?)));
    let dismissals: Vec<Value> = dismissed
        .map(|(review, (at, by, _))| {
            json!({"review_id": review.id.to_string(), "by": by_login(by), "at": at, "was": "approved"})
        })
        .collect();
    let branch = format!("refs/heads/{}", change.branch);
    let pushes: Vec<Value> = repo
        .activity
        .iter()
        .filter(|one| one.reference == branch)
        .map(|one| {
            json!({"source": "activity", "before": one.before, "after": one.after, "actor": by_login(&one.actor)})
        })
        .collect();
    let assigned = change.events.iter().filter_map(|event| match &event.what {
        Happened::Assigned(login) => Some(login.as_str()),
        Happened::ReviewRequested(_)
        | Happened::Closed
        | Happened::Merged
        | Happened::Reopened
        | Happened::ForcePushed => None,
    });
    let assigned: BTreeSet<&str> = assigned.collect();
    let operators: Vec<Value> = assigned
        .into_iter()
        .map(|login| json!({"source": "assignees", "account": by_login(login)}))
        .collect();
    let state = match change.life {
        Life::Open => "open",
        Life::Closed => "closed",
        Life::Merged => "merged",
    };
    Ok(json!({
        "version": 1,
        "forge": {"kind": "github", "host": world.base_url.trim_start_matches("http://"), "repo": repo_name,
            "repo_id": repo.id.to_string()},
        "change": {"number": number.to_string(), "change_id": change.id.to_string(), "state": state,
            "draft": change.draft, "author": by_login(&change.author),
            "target_ref": format!("refs/heads/{}", change.base), "target_protected": repo.protected, "head": head,
            "head_branch": change.branch, "body": change.body},
        "trust": trust(repo, &tip)?,
        "commits": {"source": "git", "total": commits.len(), "items": commits},
        "mails": [],
        "reviews": {"source": "forge", "total": reviews.len(), "items": reviews},
        "dismissals": {"source": "timeline", "total": dismissals.len(), "items": dismissals},
        "content": content(&repo.git, &tip, head)?,
        "pushes": pushes,
        "operators": {"total": operators.len(), "items": operators},
        "same_head": {"source": "forge", "total": 0, "items": []},
        "merge_group": null,
    }))
}

fn person(account: &Account) -> Value {
    let kind = match account.kind {
        Kind::User => "user",
        Kind::Bot => "bot",
        Kind::Organization => "other",
    };
    json!({"login": account.login, "id": account.id.to_string(), "kind": kind})
}

/// The policy and its keys, from the target branch's tip and never from the change.
fn trust(repo: &Repo, tip: &str) -> Result<Value> {
    let file = |path: &str| -> Result<Value> {
        let Some(entry) = repo.git.entry(tip, path) else {
            return Ok(Value::Null);
        };
        let bytes = repo
            .git
            .blob(&entry.oid)
            .with_context(|| format!("{path} cannot be read"))?;
        Ok(json!({"path": path, "mode": entry.mode, "blob": entry.oid, "text": String::from_utf8(bytes)?}))
    };
    Ok(json!({"source": "git", "target_tip": tip, "gate_files": [],
        "policy": file(".github/countersign.toml")?, "allowed_signers": file(".github/allowed_signers")?,
        "revoked_keys": null}))
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
        let [old_mode, new_mode, old_oid, new_oid, _] = parts[..] else {
            anyhow::bail!("git diff-tree printed {facts:?}");
        };
        let text = std::str::from_utf8(path).ok();
        let hex = text
            .is_none()
            .then(|| path.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        changed.push(
            json!({"path": text, "path_hex": hex, "old_mode": old_mode, "new_mode": new_mode,
            "old_oid": old_oid, "new_oid": new_oid}),
        );
    }
    let format = String::from_utf8(git.run(&["rev-parse", "--show-object-format"])?)?;
    Ok(
        json!({"source": "git", "head": head, "head_tree": git.commit(head)?.tree, "target_tip": tip,
        "object_format": format.trim(), "merge_bases": bases, "total": changed.len(), "changed": changed}),
    )
}
