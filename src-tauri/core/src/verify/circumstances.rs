//! One approval by itself, steps 4 to 12: its signature, the key, and what it is bound to. The other steps need all
//! reviews or all people of the change.
//!
//! The gate asks it of every review; the app asks it again of the approvals that its user has given, so that both say
//! the same.

use jiff::{SignedDuration, Timestamp};

use super::input::{Change, Forge, Person, Review};
use crate::change::Oid;
use crate::decision::{Decision, Statement};
use crate::policy::{Bind, Presence, Requirement, Rulebook, Senior};
use crate::reason::{Fault, Reason};
use crate::signature::{Envelope, SshSig, extract, pae};

/// How far a signer's or a forge's clock may be ahead.
pub const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// What an approval is held against.
pub struct Circumstances<'a> {
    /// Where the change lives.
    pub forge: &'a Forge,
    /// The change as it is now.
    pub change: &'a Change,
    /// Its head's tree, recomputed.
    pub head_tree: &'a Oid,
    /// All merge bases of its head and the target's tip.
    pub merge_bases: &'a [Oid],
    /// The changeset recomputed from there, or why there is none.
    pub changeset: Result<String, Fault>,
    /// The policy and its keys at the target's tip, tightened by the organisation's.
    pub rules: &'a Rulebook,
    /// What they ask of this change.
    pub requirement: &'a Requirement,
    /// The clock by which keys and approvals expire.
    pub now: Timestamp,
}

/// A review that carries a statement which is signed, current and bound to this change.
pub struct Signed<'a> {
    /// Who signed, by the policy.
    pub senior: &'a Senior,
    /// What carried it.
    pub envelope: Envelope,
    /// The signature.
    pub sshsig: SshSig,
    /// What was signed.
    pub statement: Statement,
}

impl<'a> Circumstances<'a> {
    /// Judges the review of an account by itself, which is to carry this decision. The policy asks for presence of
    /// approvals only.
    ///
    /// # Errors
    /// The first reason of steps 4 to 12 why it does not count.
    pub fn judge(
        &self,
        review: &Review,
        account: &Person,
        decision: Decision,
        notes: &mut Vec<String>,
    ) -> Result<Signed<'a>, Fault> {
        // 4
        let envelope = extract(&review.body)?;
        // 5
        let (senior, sshsig) = self.signature(account, &envelope)?;
        // 6
        self.key_now(senior, &sshsig)?;
        // 7
        if decision == Decision::Approve {
            self.presence(senior, &sshsig)?;
        }
        // 8
        let statement = Statement::from_payload(envelope.payload())?;
        if statement.predicate.decision != decision {
            return Err(Reason::Decision.because(format!(
                "the signed decision is {:?}",
                statement.predicate.decision
            )));
        }
        // 9
        if statement.predicate.reviewer.id != senior.id {
            let found = &statement.predicate.reviewer.id;
            return Err(Reason::ReviewerMismatch
                .because(format!("account {found} signed, account {} posted", senior.id)));
        }
        // 10
        self.context(&statement)?;
        // 11
        self.content(&statement)?;
        match &review.commit {
            Some(commit) if *commit != statement.subject[0].digest.git_commit => {
                return Err(Reason::ReviewCommit.because(format!("the forge attributes it to {commit}")));
            }
            Some(_) => {}
            None => notes.push(format!("Review {}: the forge names no commit for it.", review.id)),
        }
        // 12
        self.time(review, &statement)?;
        Ok(Signed {
            senior,
            envelope,
            sshsig,
            statement,
        })
    }

    /// The beginning of step 14: that the signer was a senior, and is one.
    ///
    /// # Errors
    /// [`Reason::Role`].
    pub fn role(&self, signer: &Senior, statement: &Statement) -> Result<(), Fault> {
        let role = &statement.predicate.policy.role;
        if role != "senior" {
            return Err(Reason::Role.because(format!("signed as {role:?}")));
        }
        if self.rules.policy.senior(&signer.id).is_none() {
            let who = &signer.login;
            return Err(Reason::Role.because(format!("{who} may break the glass and is no senior")));
        }
        Ok(())
    }

    /// Up to when what was judged holds if nothing else moves: it expires, or its key does.
    pub fn holds_until(&self, signed: &Signed<'_>) -> Timestamp {
        let key = signed.sshsig.key();
        let of_key = self
            .rules
            .signers
            .of(&signed.senior.principal)
            .filter(|signer| signer.key == *key)
            .filter_map(|signer| signer.valid_before);
        of_key.fold(signed.statement.predicate.expires_at, Timestamp::min)
    }

    /// Step 5.
    pub(super) fn signature(
        &self,
        account: &Person,
        envelope: &Envelope,
    ) -> Result<(&'a Senior, SshSig), Fault> {
        let sshsig = envelope.sshsig()?;
        sshsig.check_purpose()?;
        let signatory = account
            .id
            .as_deref()
            .and_then(|id| self.rules.policy.signatory(id));
        let senior = signatory
            .ok_or_else(|| Reason::SignerUnknown.because(format!("{:?} is not a senior", account.login)))?;
        let mut known = self.rules.signers.of(&senior.principal);
        if !known.any(|signer| signer.key == *sshsig.key()) {
            let detail = format!(
                "{} is not a key of {}",
                sshsig.key().fingerprint(),
                senior.principal
            );
            return Err(Reason::SignerUnknown.because(detail));
        }
        sshsig.verify(&pae(envelope.payload()))?;
        Ok((senior, sshsig))
    }

    /// Step 6. The bounds are OpenSSH's: a key is good at the very second of both dates.
    fn key_now(&self, senior: &Senior, sshsig: &SshSig) -> Result<(), Fault> {
        let key = sshsig.key();
        for signer in self
            .rules
            .signers
            .of(&senior.principal)
            .filter(|signer| signer.key == *key)
        {
            if let Some(from) = signer.valid_after.filter(|from| self.now < *from) {
                return Err(Reason::KeyNotYetValid
                    .because(format!("{} is allowed from {from} on", key.fingerprint())));
            }
            if let Some(to) = signer.valid_before.filter(|to| self.now > *to) {
                return Err(
                    Reason::KeyExpired.because(format!("{} was allowed up to {to}", key.fingerprint()))
                );
            }
        }
        if self.rules.revoked.contains(key) {
            return Err(Reason::KeyRevoked.because(key.fingerprint()));
        }
        Ok(())
    }

    /// Step 7.
    fn presence(&self, senior: &Senior, sshsig: &SshSig) -> Result<(), Fault> {
        let wanted = self.requirement.presence;
        if wanted == Presence::None {
            return Ok(());
        }
        let fingerprint = sshsig.key().fingerprint();
        let flags = sshsig
            .flags()
            .filter(|_| senior.hardware_keys.contains(&fingerprint));
        let Some(flags) = flags else {
            return Err(
                Reason::PresenceMissing.because(format!("{fingerprint} is not enrolled as a security key"))
            );
        };
        if !flags.touched() {
            return Err(Reason::PresenceMissing.because(format!("{fingerprint} was not touched")));
        }
        if wanted == Presence::Verified && !flags.verified() {
            return Err(Reason::UvMissing.because(format!("{fingerprint} did not ask who touched it")));
        }
        Ok(())
    }

    /// Step 10.
    fn context(&self, statement: &Statement) -> Result<(), Fault> {
        let (signed, forge, change) = (&statement.predicate.forge, self.forge, self.change);
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
    fn content(&self, statement: &Statement) -> Result<(), Fault> {
        let digest = &statement.subject[0].digest;
        let differs = |reason: Reason, signed: &Oid, here: &Oid| {
            if signed == here {
                Ok(())
            } else {
                Err(reason.because(format!("signed {signed}, now {here}")))
            }
        };
        if self.requirement.bind == Bind::Head {
            differs(Reason::HeadMoved, &digest.git_commit, &self.change.head)?;
            differs(Reason::TreeMismatch, &digest.git_tree, self.head_tree)?;
        }
        if self.merge_bases.len() != 1 {
            return Err(Reason::ChangesetMismatch.because(format!("{} merge bases", self.merge_bases.len())));
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
    fn time(&self, review: &Review, statement: &Statement) -> Result<(), Fault> {
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
