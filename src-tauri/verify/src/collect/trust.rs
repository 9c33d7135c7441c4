//! The policy's files, from the objects: those of the target's tip, and those of the organisation's repository.

use std::collections::BTreeSet;

use countersign_core::change::Oid;
use countersign_core::collect::{Collected, Organisation};
use countersign_core::policy::{self, Extended, Policy};
use countersign_core::reason::Fault;
use countersign_core::verify::Objects as _;
use serde_json::{Value, json};

use crate::git::Git;

/// The policy and the files that it names, from the target's tip, and what it extends. One that cannot be read is for the
/// judge to refuse.
pub(super) fn trust(git: &Git, tip: &Oid, collected: &Collected) -> Result<Value, Fault> {
    let (read, mut trust) = named(git, tip, policy::PATH)?;
    trust["source"] = json!("git");
    trust["target_tip"] = json!(tip);
    trust["gate_files"] = json!([]);
    let extended = read.and_then(|policy| policy.extended());
    let found = extended.and_then(|extended| {
        let found = collected.organisation(&extended.repo)?;
        Some((extended, found))
    });
    if let Some((extended, Organisation { repo, repo_id, tip })) = found {
        let (_, mut theirs) = named(git, tip, &extended.path)?;
        theirs["source"] = json!("graphql defaultBranchRef, git");
        theirs["repo"] = json!(repo);
        theirs["repo_id"] = json!(repo_id.to_string());
        theirs["tip"] = json!(tip);
        trust["organisation"] = theirs;
    }
    Ok(trust)
}

/// What the policies at those commits extend.
pub(super) fn extended(git: &Git, tips: &BTreeSet<Oid>) -> Result<BTreeSet<Extended>, Fault> {
    let mut found = BTreeSet::new();
    for tip in tips {
        let (policy, _) = named(git, tip, policy::PATH)?;
        found.extend(policy.and_then(|policy| policy.extended()));
    }
    Ok(found)
}

/// A policy, if it can be read, and its files as the judge takes them.
fn named(git: &Git, tip: &Oid, path: &str) -> Result<(Option<Policy>, Value), Fault> {
    let file = |path: &str| -> Result<Value, Fault> {
        Ok(match git.entry(tip, path)? {
            None => Value::Null,
            Some(blob) => json!({
                "path": path, "mode": format!("{:06o}", blob.mode), "blob": blob.oid, "text": git.text(&blob.oid)?,
            }),
        })
    };
    let policy = file(path)?;
    let read = policy["text"].as_str().and_then(|text| Policy::parse(text).ok());
    let named = |path: Option<&str>| path.map_or(Ok(Value::Null), file);
    let files = json!({
        "allowed_signers": named(read.as_ref().map(|policy| policy.allowed_signers.as_str()))?,
        "revoked_keys": named(read.as_ref().and_then(|policy| policy.revoked_keys.as_deref()))?,
        "policy": policy,
    });
    Ok((read, files))
}
