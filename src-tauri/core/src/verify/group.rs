//! Step 16: that a merge group holds what was judged, and nothing else.
//!
//! The queue merges the changes one after the other onto the target's tip. Merging the judged heads again must give the
//! same tree each time, and no other commit may have come in between.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::input::{Input, Member, MergeGroup};
use super::objects::Objects;
use super::verdict::{Outcome, Verdict};
use super::{glass, judge_alone};
use crate::change::Oid;
use crate::reason::{Fault, Reason};

/// Judges the other members, and merges all of them again.
pub(super) fn replay(
    input: &Input,
    group: &MergeGroup,
    objects: &dyn Objects,
    now: Timestamp,
    verdict: &mut Verdict,
) -> Result<(), Fault> {
    let members = group
        .members
        .whole("members of the merge group", |member| &member.commit)?;
    if group.base != input.trust.target_tip {
        return Err(Reason::InputMissing.because(format!(
            "the merge group begins at {}, the policy was read at {}",
            group.base, input.trust.target_tip
        )));
    }
    let heads = heads(input, members)?;
    for member in members.iter().filter_map(|member| member.change.as_ref()) {
        passes(input, member, objects, now, verdict)?;
    }

    let mut tip = &group.base;
    for (member, head) in members.iter().zip(&heads) {
        let (found, commit) = (objects.tree(&member.commit)?, &member.commit);
        let merged = objects.merge(tip, head)?;
        if merged.as_ref() != Some(&found) {
            let merged = merged.map_or("no tree without a person's help".to_owned(), |tree| {
                tree.to_string()
            });
            return Err(Reason::MergeReplay.because(format!(
                "{commit} has the tree {found}; merging {head} into {tip} gives {merged}"
            )));
        }
        tip = commit;
    }

    let mut judged = heads;
    judged.push(&group.base);
    let new: BTreeSet<Oid> = objects.commits(tip, &judged)?.into_iter().collect();
    match new
        .iter()
        .find(|commit| !members.iter().any(|member| member.commit == **commit))
    {
        None => Ok(()),
        Some(commit) => Err(Reason::MergeReplay.because(format!(
            "{commit} came with the merge group and belongs to no change that was judged"
        ))),
    }
}

/// The head of each, in the queue's order. This change is the last: the group was made for it.
fn heads<'a>(input: &'a Input, members: &'a [Member]) -> Result<Vec<&'a Oid>, Fault> {
    let last = members.len().checked_sub(1);
    let own = members.iter().position(|member| member.change.is_none());
    let several = members.iter().filter(|member| member.change.is_none()).count() != 1;
    if several || own != last {
        return Err(
            Reason::InputMissing.because("the last member of a merge group, and no other, is this change")
        );
    }
    let mut ids = BTreeSet::new();
    let mut heads = Vec::new();
    for change in members
        .iter()
        .map(|member| member.change.as_deref().unwrap_or(input))
    {
        if !ids.insert(&change.change.change_id) {
            return Err(Reason::InputMissing.because(format!(
                "#{} stands twice in the merge group",
                change.change.number
            )));
        }
        heads.push(&change.change.head);
    }
    Ok(heads)
}

/// Another member must pass by itself: merging the group merges it too.
fn passes(
    input: &Input,
    member: &Input,
    objects: &dyn Objects,
    now: Timestamp,
    verdict: &mut Verdict,
) -> Result<(), Fault> {
    let number = &member.change.number;
    let here = member.forge.host == input.forge.host
        && member.forge.repo_id == input.forge.repo_id
        && member.change.target_ref == input.change.target_ref
        && member.trust.target_tip == input.trust.target_tip
        && member.trust.organisation == input.trust.organisation;
    if !here || member.merge_group.is_some() {
        return Err(Reason::InputMissing.because(format!(
            "#{number} was collected as a member of this merge group and belongs elsewhere"
        )));
    }
    let alone = judge_alone(member, Some(objects), now);
    match alone.verdict {
        Outcome::Accepted | Outcome::NotRequired => {
            glass::elsewhere(verdict, &alone);
            Ok(())
        }
        Outcome::Rejected | Outcome::Undecided => {
            let why = alone.reason.map(Reason::code).unwrap_or_default();
            Err(Reason::MergeReplay.because(format!(
                "#{number} is in the merge group and is {}: {why}",
                alone.verdict.word()
            )))
        }
    }
}
