//! From the forge's answers and the repository's objects to the judge's input.
//!
//! | module | subject |
//! |---|---|
//! | [`calls`] | the script that asks |
//! | [`trust`] | the policy's files |
//!
//! What is asked, and what the answers say, is [`countersign_core::collect`].

pub(crate) mod calls;
mod trust;

use std::collections::BTreeSet;
use std::path::Path;

use countersign_core::change::Oid;
use countersign_core::changeset::ObjectFormat;
use countersign_core::collect::{self, Collected};
use countersign_core::policy::Extended;
use countersign_core::reason::{Fault, Reason};
use countersign_core::verify::Objects as _;
use serde_json::{Value, json};

use crate::git::Git;

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
    let collected = Collected::read(documents)?;
    let members = match subject {
        Subject::Change(_) => Vec::new(),
        Subject::Group(end) => collected.members(end)?,
    };
    let number = match (subject, members.last()) {
        (Subject::Change(number), _) | (Subject::Group(_), Some((number, _))) => *number,
        (Subject::Group(_), None) => return Err(Reason::InputMissing.because("the merge group is empty")),
    };
    let (head, _) = collected.ends(number)?;
    let git = Git::open(folder, ObjectFormat::of(&head))?;
    let twins = collected.twins(number)?;
    let one = |number: u64| one(&collected, number, &git);
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
    let tips = Collected::read(documents)?.target_tips()?;
    let Some(one) = tips.first() else {
        return Ok(BTreeSet::new());
    };
    trust::extended(&Git::open(folder, ObjectFormat::of(one))?, &tips)
}

fn one(collected: &Collected, number: u64, git: &Git) -> Result<Value, Fault> {
    let (head, tip) = collected.ends(number)?;
    collected.document(
        number,
        trust::trust(git, &tip, collected)?,
        content(git, &head, &tip)?,
    )
}

/// What the change does, by the repository's objects.
fn content(git: &Git, head: &Oid, tip: &Oid) -> Result<Value, Fault> {
    let bases = git.merge_bases(head, tip)?;
    let changed = match bases.as_slice() {
        [base] => Some(git.changed(base, head)?),
        _ => None,
    };
    Ok(collect::content(
        "git",
        [head, &git.tree(head)?, tip],
        &bases,
        changed.as_deref(),
    ))
}
