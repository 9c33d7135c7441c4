//! What a repository's objects say, held against what was collected.
//!
//! Where somebody can read the repository, the judge need not take the collector's word for the head's tree, the merge
//! base, the changed paths, the list of commits and the policy's files: all of them follow from object names.

use std::collections::BTreeSet;

use super::changes;
use super::input::Input;
use super::input::{File, TrustFiles};
use crate::change::Oid;
use crate::changeset::{self, Blob, Changed};
use crate::reason::{Fault, Reason};

/// The notes in which tools write down which lines of a commit an agent wrote.
pub const AI_NOTES: &str = "refs/notes/ai";

/// A repository, as far as its objects go. Every answer must follow from them alone: no attributes, no configuration,
/// no replaced objects. What is not there is [`Reason::InputMissing`].
pub trait Objects {
    /// The tree of a commit.
    ///
    /// # Errors
    /// It is not there.
    fn tree(&self, commit: &Oid) -> Result<Oid, Fault>;
    /// All merge bases of two commits.
    ///
    /// # Errors
    /// A part of the history is not there.
    fn merge_bases(&self, one: &Oid, other: &Oid) -> Result<Vec<Oid>, Fault>;
    /// The paths that differ between two commits, renames off.
    ///
    /// # Errors
    /// A tree is not there.
    fn changed(&self, base: &Oid, head: &Oid) -> Result<Vec<Changed>, Fault>;
    /// How two commits differ at `paths`, as git writes it, renames off; a file's lines also where it does not look like
    /// text.
    ///
    /// # Errors
    /// A tree or a file is not there.
    fn diff(&self, base: &Oid, head: &Oid, paths: &[&[u8]]) -> Result<Vec<u8>, Fault>;
    /// The commits that `head` has and none of `without`.
    ///
    /// # Errors
    /// A part of the history is not there.
    fn commits(&self, head: &Oid, without: &[&Oid]) -> Result<Vec<Oid>, Fault>;
    /// What a commit's tree has at a path.
    ///
    /// # Errors
    /// A tree is not there.
    fn entry(&self, commit: &Oid, path: &str) -> Result<Option<Blob>, Fault>;
    /// What agents have noted on commits ([`AI_NOTES`]), with the commit that each is about. Empty where the repository has
    /// no such notes.
    ///
    /// # Errors
    /// There are notes, and an object is not there.
    fn ai_notes(&self, commits: &[&Oid]) -> Result<Vec<(Oid, String)>, Fault> {
        let _ = commits;
        Ok(Vec::new())
    }
    /// The tree that merging two commits gives; `None` where that takes a person.
    ///
    /// # Errors
    /// An object is not there.
    fn merge(&self, ours: &Oid, theirs: &Oid) -> Result<Option<Oid>, Fault>;
}

/// Holds what was collected against the objects.
pub(super) fn compare(input: &Input, objects: &dyn Objects) -> Result<(), Fault> {
    trust(&input.trust, objects)?;
    let (content, head) = (&input.content, &input.change.head);
    let tree = objects.tree(head)?;
    if tree != content.head_tree {
        return Err(Reason::TreeMismatch.because(format!(
            "the head's tree is {tree}, collected was {}",
            content.head_tree
        )));
    }
    let bases: BTreeSet<Oid> = objects
        .merge_bases(head, &content.target_tip)?
        .into_iter()
        .collect();
    if bases != content.merge_bases.iter().cloned().collect() {
        let listed = |oids: &mut dyn Iterator<Item = &Oid>| {
            oids.map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        return Err(Reason::ChangesetMismatch.because(format!(
            "the merge bases are {}; collected was {}",
            listed(&mut bases.iter()),
            listed(&mut content.merge_bases.iter())
        )));
    }
    commits(input, objects)?;
    // A list that is not whole says nothing, and a signed changeset is compared with a whole one only.
    let (Some(base), Ok((_, collected))) = (bases.first(), changes(input)) else {
        return Ok(());
    };
    let found = changeset::digest(content.object_format, &objects.changed(base, head)?)
        .map_err(|error| Reason::InputMissing.because(format!("the objects cannot be digested: {error}")))?;
    if found == collected {
        return Ok(());
    }
    Err(Reason::ChangesetMismatch.because(format!(
        "the changeset is {found}, the collected paths give {collected}"
    )))
}

/// The policy's files are those of the target's tip, and the organisation's those of its own.
fn trust(files: &TrustFiles, objects: &dyn Objects) -> Result<(), Fault> {
    let named = [&files.policy, &files.allowed_signers, &files.revoked_keys];
    those_of(&files.target_tip, named, objects)?;
    let Some(theirs) = &files.organisation else {
        return Ok(());
    };
    let named = [&theirs.policy, &theirs.allowed_signers, &theirs.revoked_keys];
    those_of(&theirs.tip, named, objects)
}

fn those_of(tip: &Oid, named: [&Option<File>; 3], objects: &dyn Objects) -> Result<(), Fault> {
    for File { path, mode, blob, .. } in named.into_iter().flatten() {
        let found = objects.entry(tip, path)?;
        let same = found
            .as_ref()
            .is_some_and(|found| found.oid == *blob && format!("{:06o}", found.mode) == *mode);
        if !same {
            let found = found.map_or("nothing".to_owned(), |found| {
                format!("{:06o} {}", found.mode, found.oid)
            });
            return Err(Reason::InputMissing
                .because(format!("{path} at {tip} is {found}, collected was {mode} {blob}")));
        }
    }
    Ok(())
}

/// No commit was left out, and with it somebody who had a part in the change. The forge may list more: those that came
/// to the target by another way since.
fn commits(input: &Input, objects: &dyn Objects) -> Result<(), Fault> {
    let collected: BTreeSet<&Oid> = input.commits.items.iter().map(|commit| &commit.oid).collect();
    let found = objects.commits(&input.change.head, &[&input.content.target_tip])?;
    match found.iter().find(|commit| !collected.contains(commit)) {
        None => Ok(()),
        Some(commit) => Err(Reason::InputMissing.because(format!(
            "{commit} is a commit of the change and was not collected"
        ))),
    }
}
