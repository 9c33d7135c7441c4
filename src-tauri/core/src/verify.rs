//! The judge: whether a change is signed off as the policy on its target branch asks.
//!
//! Sixteen steps in their order, each with its named reasons ([`crate::reason`]); what cannot be judged is never
//! accepted. `APPROVAL-FORMAT.md` beside this crate describes them for a second implementation.
//!
//! | module | subject |
//! |---|---|
//! | [`input`] | what CI collects |
//! | `trust` | step 1 |
//! | `need` | whether a sign-off is needed: step 2 |
//! | `people` | who had a part in the change: steps 2 and 14 |
//! | `review` | one review: steps 3 to 14 |
//! | [`circumstances`] | one approval by itself: steps 4 to 12 |
//! | `replay` | step 13 |
//! | `glass` | an emergency: the end of step 14 |
//! | `group` | step 16 |
//! | [`objects`] | what a repository says, where there is one |
//! | [`verdict`] | the answer |

pub mod circumstances;
mod glass;
mod group;
pub mod input;
mod need;
pub mod objects;
mod people;
mod replay;
mod review;
mod trust;
pub mod verdict;

use std::collections::BTreeMap;

use jiff::Timestamp;

use input::Dismissal;
pub use input::Input;
pub use objects::Objects;
pub use people::may_be_address_of;
pub use verdict::{Outcome, SignedBy, Verdict};

use crate::change::{ChangeState, ReviewState};
use crate::changeset::{self, Changed};
use crate::decision::Decision;
use crate::policy::{Requirement, Touched};
use crate::reason::{Fault, Reason};
use people::People;
use review::{Accepted, Bench, Judged};
use trust::Trust;

/// Judges a change as of `now`, which must be the verifier's own clock: keys and approvals expire by it. The collector is
/// believed what the change does to the tree.
pub fn judge(input: &Input, now: Timestamp) -> Verdict {
    judge_with(input, None, now)
}

/// As [`judge`]. Where there are the repository's `objects`, what was collected is held against them; without them no
/// merge group can be judged.
pub fn judge_with(input: &Input, objects: Option<&dyn Objects>, now: Timestamp) -> Verdict {
    let mut verdict = judge_alone(input, objects, now);
    match verdict.verdict {
        // A status belongs to a commit: letting this change pass lets every change with this head pass.
        Outcome::Accepted | Outcome::NotRequired => match beyond_itself(input, objects, now, &mut verdict) {
            Err(fault) => verdict.against(fault),
            Ok(()) => verdict,
        },
        Outcome::Rejected | Outcome::Undecided => verdict,
    }
}

/// Steps 15 and 16.
fn beyond_itself(
    input: &Input,
    objects: Option<&dyn Objects>,
    now: Timestamp,
    verdict: &mut Verdict,
) -> Result<(), Fault> {
    no_twin_fails(input, objects, now, verdict)?;
    match (&input.merge_group, objects) {
        (None, _) => Ok(()),
        (Some(group), Some(objects)) => group::replay(input, group, objects, now, verdict),
        (Some(_), None) => {
            Err(Reason::NotJudged
                .because("a merge group is judged from the repository's objects (--git) only"))
        }
    }
}

/// Step 15.
fn no_twin_fails(
    input: &Input,
    objects: Option<&dyn Objects>,
    now: Timestamp,
    verdict: &mut Verdict,
) -> Result<(), Fault> {
    let twins = input
        .same_head
        .whole("changes with this head", |twin| &twin.change.change_id)?;
    for twin in twins {
        let number = &twin.change.number;
        let here = twin.forge.host == input.forge.host && twin.forge.repo_id == input.forge.repo_id;
        let other = twin.change.change_id != input.change.change_id;
        if twin.change.head != input.change.head || !here || !other {
            return Err(Reason::InputMissing.because(format!(
                "#{number} was collected as another change with this head and is none"
            )));
        }
        if twin.change.state != ChangeState::Open || !twin.change.target_protected {
            continue;
        }
        let alone = judge_alone(twin, objects, now);
        match alone.verdict {
            Outcome::Accepted | Outcome::NotRequired => glass::elsewhere(verdict, &alone),
            Outcome::Rejected | Outcome::Undecided => {
                let why = alone.reason.map(Reason::code).unwrap_or_default();
                let detail = format!(
                    "#{number} has the same head and is {}: {why}",
                    alone.verdict.word()
                );
                return Err(Reason::HeadShared.because(detail));
            }
        }
    }
    Ok(())
}

/// Steps 1 to 14.
fn judge_alone(input: &Input, objects: Option<&dyn Objects>, now: Timestamp) -> Verdict {
    let mut verdict = Verdict::new(input, now);
    match steps(input, objects, now, &mut verdict) {
        Ok((outcome, detail)) => verdict.pass(outcome, detail),
        Err(fault) => verdict.against(fault),
    }
}

fn steps(
    input: &Input,
    objects: Option<&dyn Objects>,
    now: Timestamp,
    verdict: &mut Verdict,
) -> Result<(Outcome, String), Fault> {
    // 1
    let trust = Trust::read(input, verdict)?;
    input.check()?;
    if let Some(objects) = objects {
        objects::compare(input, objects)?;
        verdict.notes.push(
            "Tree, merge base, paths, commits and the policy's files are those of the repository.".to_owned(),
        );
    }
    let changes = changes(input);
    if changes.is_err() {
        verdict
            .notes
            .push("The list of changed paths could not be read whole: every rule applies.".to_owned());
    }
    let requirement = requirement(input, &trust, &changes);
    verdict.requirement = Some(requirement.clone());

    // 2
    if input.change.state != ChangeState::Open || input.change.draft {
        let what = if input.change.draft { "a draft" } else { "not open" };
        return Err(Reason::ChangeState.because(format!("#{} is {what}", input.change.number)));
    }
    let people = People::of(input);
    verdict.notes.extend(people.notes());
    if let Some(why) = need::exemption(input, &people, &trust, &requirement, &changes, objects)? {
        return Ok((Outcome::NotRequired, why));
    }

    // 3 to 14, one review after the other
    let bench = Bench::new(input, &trust, &requirement, &people, digest(changes), now);
    let judged = bench.judge_all(verdict)?;
    let accepted = &judged.accepted;
    verdict
        .signers
        .extend(accepted.iter().map(|one| one.signer.clone()));
    open_change_request(input, &trust, &people, accepted)?;
    if let Err(fault) = enough(&requirement, &people, &judged) {
        if judged.broken.is_empty() {
            return Err(fault);
        }
        // It is not signed off, so it is an emergency or nothing.
        let broken = glass::broken(&trust.rules.policy, &judged.broken)?;
        let detail = glass::detail(&broken);
        verdict.loud(detail.clone());
        verdict.break_glass = Some(broken);
        return Ok((Outcome::Accepted, detail));
    }
    if !judged.broken.is_empty() {
        verdict
            .notes
            .push("The glass was broken, and need not have been: the change is signed off.".to_owned());
    }
    let names: Vec<&str> = accepted.iter().map(|one| one.signer.login.as_str()).collect();
    Ok((Outcome::Accepted, format!("signed off by {}", names.join(", "))))
}

/// Who signed the decision that a review carries, whatever it is, as of `now`: the rules about the envelope, the key and what
/// a statement is bound to (steps 4 to 12), and nothing of whether the change may pass.
///
/// # Errors
/// The first of these steps that fails; [`Reason::ReviewState`] where there is no such review.
pub fn signed_by(input: &Input, review: &str, decision: Decision, now: Timestamp) -> Result<SignedBy, Fault> {
    let trust = Trust::read(input, &mut Verdict::new(input, now))?;
    input.check()?;
    let review = input.reviews.items.iter().find(|one| one.id == review);
    let review = review.ok_or_else(|| Reason::ReviewState.because("there is no such review"))?;
    let changes = changes(input);
    let requirement = requirement(input, &trust, &changes);
    let people = People::of(input);
    Bench::new(input, &trust, &requirement, &people, digest(changes), now).signed_by(review, decision)
}

/// Every changed path and their digest, or why there is none.
type Changes = Result<(Vec<Changed>, String), Fault>;

fn digest(changes: Changes) -> Result<String, Fault> {
    changes.map(|(_, digest)| digest)
}

/// What the policy asks of the change.
fn requirement(input: &Input, trust: &Trust, changes: &Changes) -> Requirement {
    let touched: Option<Vec<Touched<'_>>> = changes
        .as_ref()
        .ok()
        .map(|(changed, _)| changed.iter().map(touched).collect());
    let gate_files = [&*input.trust.gate_files, &*trust.guarded].concat();
    trust
        .rules
        .policy
        .requirement_for(touched.as_deref(), &gate_files)
}

/// What the change does, path by path, and its digest.
///
/// # Errors
/// [`Reason::InputMissing`] where the list is not whole or cannot be git's. Then nobody knows what was touched.
fn changes(input: &Input) -> Changes {
    let content = &input.content;
    let changed = content
        .whole()
        .ok_or_else(|| Reason::InputMissing.because("the changed paths, to recompute the changeset"))?;
    let changed: Vec<Changed> = changed
        .iter()
        .map(input::ChangedPath::read)
        .collect::<Result<_, _>>()?;
    let digest = changeset::digest(content.object_format, &changed).map_err(|error| {
        Reason::InputMissing.because(format!("content.changed cannot be digested: {error}"))
    })?;
    Ok((changed, digest))
}

fn touched(changed: &Changed) -> Touched<'_> {
    let sides = [&changed.old, &changed.new].into_iter().flatten();
    Touched::new(&changed.path, sides.map(|blob| blob.mode))
}

/// The end of step 3. A senior's change request stands until that senior signs an approval *afterwards* (so that an
/// old one that is posted again lifts nothing) or another senior, who had no part in the change, dismisses it.
fn open_change_request(
    input: &Input,
    trust: &Trust,
    people: &People,
    accepted: &[Accepted],
) -> Result<(), Fault> {
    let dismissals: BTreeMap<&str, &Dismissal> = input
        .dismissals
        .items
        .iter()
        .map(|dismissal| (dismissal.review_id.as_str(), dismissal))
        .collect();
    for review in &input.reviews.items {
        let Some(senior) = review.author_id().and_then(|id| trust.heard(id)) else {
            continue;
        };
        let dismissed_by_another = match review.state {
            ReviewState::ChangesRequested => false,
            ReviewState::Dismissed => {
                let dismissal = dismissals.get(review.id.as_str());
                if dismissal.is_some_and(|dismissal| dismissal.was == ReviewState::Approved) {
                    continue;
                }
                dismissal
                    .and_then(|dismissal| dismissal.by.as_ref())
                    .is_some_and(|by| {
                        let other = by.id.as_deref().and_then(|id| trust.rules.policy.senior(id));
                        other.is_some_and(|other| {
                            other.id != senior.id && !people.had_a_part(other, &by.login)
                        })
                    })
            }
            ReviewState::Approved | ReviewState::Commented | ReviewState::Pending => continue,
        };
        let signed_since = accepted
            .iter()
            .any(|one| one.signer.id == senior.id && one.birth.is_after(review.submitted_at));
        if !dismissed_by_another && !signed_since {
            return Err(Reason::ChangesRequested.because(format!(
                "{} asked for changes in review {}",
                senior.login, review.id
            )));
        }
    }
    Ok(())
}

/// The end of step 14.
fn enough(requirement: &Requirement, people: &People, judged: &Judged) -> Result<(), Fault> {
    let count = judged.accepted.len();
    let needed = usize::try_from(requirement.approvals).unwrap_or(usize::MAX);
    if count < needed {
        // With nobody accepted, the reason of one approval says more than a count.
        if let (0, Some(fault)) = (count, &judged.headline) {
            return Err(fault.clone());
        }
        let more = if requirement.guarded {
            " (the change touches the policy or what guards it)"
        } else {
            ""
        };
        return Err(Reason::Quorum.because(format!("{count} of {needed} approvals{more}")));
    }
    for (known, reason, what) in [
        (people.pushers_known, Reason::PusherUnknown, "who pushed"),
        (
            people.writers_known,
            Reason::CoauthorUnknown,
            "who wrote all of it",
        ),
        (
            people.operators_known,
            Reason::OperatorUnknown,
            "who set the agent to work",
        ),
    ] {
        if count < 2 && !known {
            return Err(reason.because(format!("one senior has approved, and nobody can tell {what}")));
        }
    }
    Ok(())
}
