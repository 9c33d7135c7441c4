//! What a statement is bound to: the place, the content and the time, steps 10 to 12.

use jiff::SignedDuration;

use super::input::Review;
use super::review::Bench;
use crate::change::Oid;
use crate::decision::Statement;
use crate::policy::Bind;
use crate::reason::{Fault, Reason};

/// How far a signer's or a forge's clock may be ahead.
pub(super) const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

impl Bench<'_> {
    /// Step 10.
    pub(super) fn context(&self, statement: &Statement) -> Result<(), Fault> {
        let (signed, forge, change) = (&statement.predicate.forge, &self.input.forge, &self.input.change);
        let differs = |reason: Reason, signed: &str, here: &str| {
            if signed == here {
                Ok(())
            } else {
                Err(reason.because(format!("signed for {signed:?}, this is {here:?}")))
            }
        };
        differs(Reason::Host, &signed.kind, &forge.kind)?;
        differs(Reason::Host, &signed.host, &forge.host)?;
        differs(Reason::RepoId, &signed.repo_id, &forge.repo_id)?;
        differs(Reason::ChangeId, &signed.change_id, &change.change_id)?;
        differs(Reason::ChangeId, &signed.change, &change.number)?;
        differs(
            Reason::TargetRef,
            &statement.predicate.change.target_ref,
            &change.target_ref,
        )
    }

    /// Step 11, but for the forge's attribution.
    pub(super) fn content(&self, statement: &Statement) -> Result<(), Fault> {
        let (digest, content) = (&statement.subject[0].digest, &self.input.content);
        let differs = |reason: Reason, signed: &Oid, here: &Oid| {
            if signed == here {
                Ok(())
            } else {
                Err(reason.because(format!("signed {signed}, now {here}")))
            }
        };
        if self.requirement.bind == Bind::Head {
            differs(Reason::HeadMoved, &digest.git_commit, &self.input.change.head)?;
            differs(Reason::TreeMismatch, &digest.git_tree, &content.head_tree)?;
        }
        if content.merge_bases.len() != 1 {
            return Err(
                Reason::ChangesetMismatch.because(format!("{} merge bases", content.merge_bases.len()))
            );
        }
        let Some(signed) = &statement.predicate.change.changeset else {
            return match self.requirement.bind {
                Bind::Head => Ok(()),
                Bind::Changeset => Err(Reason::ChangesetAbsent.into()),
            };
        };
        let found = self.changeset.as_ref().map_err(Fault::clone)?;
        if signed.sha256 == *found {
            return Ok(());
        }
        Err(Reason::ChangesetMismatch.because(format!("signed {}, now {found}", signed.sha256)))
    }

    /// Step 12.
    pub(super) fn time(&self, review: &Review, statement: &Statement) -> Result<(), Fault> {
        let (issued, expires) = (statement.predicate.issued_at, statement.predicate.expires_at);
        if issued.duration_since(self.now) > TOLERANCE {
            return Err(Reason::Future.because(format!("issued at {issued}, now it is {}", self.now)));
        }
        if expires <= self.now {
            return Err(Reason::Expired.because(format!("at {expires}")));
        }
        let lifetime = expires.duration_since(issued);
        if lifetime > self.requirement.max_age || lifetime <= SignedDuration::ZERO {
            let (found, most) = (lifetime.as_secs(), self.requirement.max_age.as_secs());
            return Err(Reason::Lifetime.because(format!("{found} seconds, at most {most}")));
        }
        let delay = review.submitted_at.duration_since(issued);
        if delay > self.requirement.max_delay || delay < -TOLERANCE {
            let (found, most) = (delay.as_secs(), self.requirement.max_delay.as_secs());
            return Err(
                Reason::TimeSkew.because(format!("posted {found} seconds after signing, at most {most}"))
            );
        }
        Ok(())
    }
}
