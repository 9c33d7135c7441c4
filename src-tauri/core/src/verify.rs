//! The judge: whether a change is signed off as the policy on its target branch asks.
//!
//! Sixteen steps in their order, each with its named reasons ([`crate::reason`]); what cannot be judged is never
//! accepted. `APPROVAL-FORMAT.md` beside this crate describes them for a second implementation.
//!
//! | module | subject |
//! |---|---|
//! | [`input`] | what CI collects |
//! | `trust` | step 1 |
//! | `people` | who had a part in the change: steps 2 and 14 |
//! | `review` | one review: steps 3 to 14 |
//! | [`verdict`] | the answer |

pub mod input;
mod people;
mod review;
mod trust;
pub mod verdict;

use jiff::Timestamp;

pub use input::Input;
pub use verdict::{Outcome, Verdict};

use crate::change::{ChangeState, ReviewState};
use crate::policy::{Requirement, Undeclared};
use crate::reason::{Fault, Reason};
use people::People;
use review::{Accepted, Bench};
use trust::Trust;

/// Judges a change as of `now`, which must be the verifier's own clock: keys and approvals expire by it.
pub fn judge(input: &Input, now: Timestamp) -> Verdict {
    let verdict = judge_alone(input, now);
    match verdict.verdict {
        // A status belongs to a commit: letting this change pass lets every change with this head pass.
        Outcome::Accepted | Outcome::NotRequired => match twin_that_fails(input, now) {
            Some(fault) => verdict.against(fault),
            None => verdict,
        },
        Outcome::Rejected | Outcome::Undecided => verdict,
    }
}

/// Step 15.
fn twin_that_fails(input: &Input, now: Timestamp) -> Option<Fault> {
    for twin in &input.same_head.changes {
        let number = &twin.change.number;
        if twin.change.head != input.change.head || twin.forge.repo_id != input.forge.repo_id {
            return Some(Reason::InputMissing.because(format!(
                "#{number} was collected as sharing this head and does not"
            )));
        }
        if twin.change.state != ChangeState::Open || !twin.change.target_protected {
            continue;
        }
        let alone = judge_alone(twin, now);
        match alone.verdict {
            Outcome::Accepted | Outcome::NotRequired => {}
            Outcome::Rejected | Outcome::Undecided => {
                let why = alone.reason.map(Reason::code).unwrap_or_default();
                let detail = format!(
                    "#{number} has the same head and is {}: {why}",
                    alone.verdict.word()
                );
                return Some(Reason::HeadShared.because(detail));
            }
        }
    }
    None
}

/// Steps 1 to 14.
fn judge_alone(input: &Input, now: Timestamp) -> Verdict {
    let mut verdict = Verdict::new(input, now);
    match steps(input, now, &mut verdict) {
        Ok((outcome, detail)) => verdict.pass(outcome, detail),
        Err(fault) => verdict.against(fault),
    }
}

fn steps(input: &Input, now: Timestamp, verdict: &mut Verdict) -> Result<(Outcome, String), Fault> {
    // 1
    let trust = Trust::read(&input.trust, verdict)?;
    check_input(input)?;
    let paths = changed_paths(input);
    if paths.is_none() {
        verdict
            .notes
            .push("The list of changed paths could not be read whole: every rule applies.".to_owned());
    }
    let requirement = trust
        .policy
        .requirement_for(paths.as_deref(), input.trust.gate_workflow.as_deref());
    verdict.requirement = Some(requirement.clone());

    // 2
    if input.change.state != ChangeState::Open || input.change.draft {
        let what = if input.change.draft { "a draft" } else { "not open" };
        return Err(Reason::ChangeState.because(format!("#{} is {what}", input.change.number)));
    }
    let people = People::of(input);
    verdict.notes.extend(people.notes());
    if let Some(why) = people.exempt(&trust.policy, &requirement) {
        return Ok((Outcome::NotRequired, why));
    }
    if requirement.undeclared == Undeclared::Allow {
        verdict.notes.push(
            "Whether AI helped is not judged by this version: the change counts as AI-assisted.".to_owned(),
        );
    }

    // 3 to 14, one review after the other
    let bench = Bench {
        input,
        trust: &trust,
        requirement: &requirement,
        people: &people,
        now,
    };
    let accepted = bench.judge_all(verdict)?;
    for one in &accepted {
        verdict.signers.push(one.signer.clone());
    }
    open_change_request(input, &trust, &accepted)?;
    enough(&requirement, &people, &accepted, verdict)?;
    let names: Vec<&str> = accepted.iter().map(|one| one.signer.login.as_str()).collect();
    Ok((Outcome::Accepted, format!("signed off by {}", names.join(", "))))
}

/// The rest of step 1: that the parts of the input belong together and are whole.
fn check_input(input: &Input) -> Result<(), Fault> {
    let missing = |detail: String| Err(Reason::InputMissing.because(detail));
    if input.merge_group.is_some() {
        return Err(Reason::NotJudged.because("merge groups are not judged by this version"));
    }
    let commits = input.commits.whole("commits")?;
    input.reviews.whole("reviews")?;
    let dismissals = input.dismissals.whole("dismissals")?;
    if !commits.iter().any(|commit| commit.oid == input.change.head) {
        return missing(format!("the head {} is not among the commits", input.change.head));
    }
    if input.content.head != input.change.head {
        return missing(format!(
            "the content was collected for {}, the head is {}",
            input.content.head, input.change.head
        ));
    }
    if input.content.merge_bases.is_empty() {
        return missing("no merge base was collected".to_owned());
    }
    for review in &input.reviews.items {
        let explained = dismissals
            .iter()
            .any(|dismissal| dismissal.review_id == review.id);
        if review.state == ReviewState::Dismissed && !explained {
            return missing(format!(
                "review {} is dismissed and its dismissal was not collected",
                review.id
            ));
        }
    }
    Ok(())
}

/// The raw paths; `None` if one of them cannot be read.
fn changed_paths(input: &Input) -> Option<Vec<Vec<u8>>> {
    input
        .content
        .changed
        .as_ref()?
        .iter()
        .map(|one| one.read().ok().map(|changed| changed.path))
        .collect()
}

/// The end of step 3. A senior's change request stands until that senior signs an approval *afterwards* (so that an
/// old one that is posted again lifts nothing) or another senior dismisses it.
fn open_change_request(input: &Input, trust: &Trust, accepted: &[Accepted]) -> Result<(), Fault> {
    for review in &input.reviews.items {
        let author = review.author.as_ref().and_then(|author| author.id.as_deref());
        let Some(senior) = author.and_then(|id| trust.policy.senior(id)) else {
            continue;
        };
        let dismissal = input
            .dismissals
            .items
            .iter()
            .filter(|dismissal| dismissal.review_id == review.id);
        let dismissal = dismissal.max_by_key(|dismissal| dismissal.at);
        let dismissed_by_another = match review.state {
            ReviewState::ChangesRequested => false,
            ReviewState::Dismissed => {
                let Some(dismissal) =
                    dismissal.filter(|dismissal| dismissal.was == ReviewState::ChangesRequested)
                else {
                    continue;
                };
                let by = dismissal.by.as_ref().and_then(|by| by.id.as_deref());
                by.is_some_and(|by| by != senior.id && trust.policy.senior(by).is_some())
            }
            ReviewState::Approved | ReviewState::Commented | ReviewState::Pending => continue,
        };
        let signed_since = accepted
            .iter()
            .any(|one| one.signer.id == senior.id && one.signer.issued_at > review.submitted_at);
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
fn enough(
    requirement: &Requirement,
    people: &People,
    accepted: &[Accepted],
    verdict: &Verdict,
) -> Result<(), Fault> {
    let count = accepted.len();
    let needed = usize::try_from(requirement.approvals).unwrap_or(usize::MAX);
    if count < needed {
        // With nobody accepted, the reason of the latest approval says more than a count.
        let latest = verdict.reviews.iter().rev().find(|review| {
            !matches!(
                review.reason,
                None | Some(Reason::ReviewState | Reason::Superseded)
            )
        });
        if let (0, Some(review), Some(reason)) = (count, latest, latest.and_then(|review| review.reason)) {
            let detail = review.detail.clone().unwrap_or_default();
            return Err(reason.because(format!("review {}: {detail}", review.review)));
        }
        let more = if requirement.guarded {
            " (the change touches the policy or what guards it)"
        } else {
            ""
        };
        return Err(Reason::Quorum.because(format!("{count} of {needed} approvals{more}")));
    }
    if count < 2 && !people.pushers_known {
        return Err(Reason::PusherUnknown.because("one senior has approved, and nobody can tell who pushed"));
    }
    if count < 2 && !people.operators_known {
        return Err(Reason::OperatorUnknown
            .because("one senior has approved, and nobody can tell who set the agent to work"));
    }
    Ok(())
}
