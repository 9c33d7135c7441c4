//! Breaking the glass: an emergency in which two people whom the policy names let a change pass without the sign-off that
//! it asks for. Each signs a statement of their own with the reason. Of the steps for a review it lifts only that of who
//! may approve, and nothing about the signature, the place, the content or the time. It is never silent.

use jiff::{SignedDuration, Timestamp};

use super::review::Bench;
use super::verdict::{BrokenGlass, SignedBy, Verdict};
use crate::decision::Statement;
use crate::policy::{Policy, Senior};
use crate::reason::{Fault, Reason};

/// How many distinct people it takes.
const PEOPLE: usize = 2;

/// A statement that breaks the glass, with everything right but for that it takes two.
pub(super) struct Broken {
    pub(super) signer: SignedBy,
    pub(super) reason: String,
    /// The signer opened, pushed, wrote or prompted the change: that is allowed to one of the two.
    pub(super) had_a_part: bool,
}

impl Bench<'_> {
    /// Step 14 for one signer who breaks the glass.
    pub(super) fn may_break(&self, signer: &Senior, statement: &Statement) -> Result<(), Fault> {
        let no = |why: String| Err(Reason::BreakGlass.because(why));
        let Some(glass) = &self.policy().break_glass else {
            return no("the policy has no [break_glass]: nobody can break the glass".to_owned());
        };
        if !glass.who.iter().any(|one| one.id == signer.id) {
            return no(format!("[break_glass] does not name {}", signer.login));
        }
        if self.circumstances.requirement.guarded {
            return no("the change touches the policy or what guards it".to_owned());
        }
        let since = self
            .circumstances
            .now
            .duration_since(statement.predicate.issued_at);
        if since > glass.window {
            return no(format!(
                "signed {} seconds ago, at most {}",
                since.as_secs(),
                glass.window.as_secs()
            ));
        }
        Ok(())
    }
}

/// Whether those who broke the glass are enough. Of several pairs the one that holds longest.
///
/// # Errors
/// [`Reason::BreakGlass`] with what is missing.
pub(super) fn broken(policy: &Policy, broken: &[Broken]) -> Result<BrokenGlass, Fault> {
    let window = policy
        .break_glass
        .as_ref()
        .map_or(SignedDuration::ZERO, |glass| glass.window);
    let mut why = format!("{} of {PEOPLE} people have broken the glass", broken.len());
    let mut best: Option<BrokenGlass> = None;
    for (at, one) in broken.iter().enumerate() {
        for other in &broken[at + 1..] {
            if one.signer.id == other.signer.id || one.signer.key == other.signer.key {
                continue;
            }
            if one.had_a_part && other.had_a_part {
                why = format!(
                    "{} and {} both had a part in the change, at most one of them may",
                    one.signer.login, other.signer.login
                );
                continue;
            }
            let apart = one.signer.issued_at.duration_since(other.signer.issued_at).abs();
            if apart > window {
                why = format!(
                    "signed {} seconds apart, at most {}",
                    apart.as_secs(),
                    window.as_secs()
                );
                continue;
            }
            let pair = pair(one, other, window);
            if best.as_ref().is_none_or(|best| best.until < pair.until) {
                best = Some(pair);
            }
        }
    }
    best.ok_or_else(|| Reason::BreakGlass.because(why))
}

/// The emergency in a sentence, with what each of the two says.
pub(super) fn detail(broken: &BrokenGlass) -> String {
    let said: Vec<String> = broken
        .people
        .iter()
        .zip(&broken.reasons)
        .map(|(signer, reason)| format!("{} ({reason:?})", signer.login))
        .collect();
    format!(
        "not signed off; the glass was broken until {} by {}",
        broken.until,
        said.join(" and ")
    )
}

/// Another change passes together with this one because somebody broke the glass there: that is said here too.
pub(super) fn elsewhere(verdict: &mut Verdict, other: &Verdict) {
    if let Some(broken) = &other.break_glass {
        verdict.loud(format!("#{}: {}", other.change.number, detail(broken)));
    }
}

fn pair(one: &Broken, other: &Broken, window: SignedDuration) -> BrokenGlass {
    let until = |one: &Broken| {
        let window = one.signer.issued_at.saturating_add(window);
        window.unwrap_or(Timestamp::MAX).min(one.signer.expires_at)
    };
    BrokenGlass {
        reasons: vec![one.reason.clone(), other.reason.clone()],
        people: vec![one.signer.clone(), other.signer.clone()],
        until: until(one).min(until(other)),
    }
}
