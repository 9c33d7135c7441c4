//! One review: steps 3 to 14.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::input::{Input, Review};
use super::people::People;
use super::trust::Trust;
use super::verdict::{JudgedReview, SignedBy, Verdict};
use crate::change::{AccountKind, Oid, Person, ReviewState};
use crate::changeset::{self, Changed};
use crate::decision::{Decision, Statement};
use crate::policy::{Bind, Presence, Requirement, Senior};
use crate::reason::{Fault, Reason};
use crate::signature::{Envelope, SshSig, extract, pae};

/// How far a signer's or a forge's clock may be ahead.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// An approval that counts.
pub(super) struct Accepted {
    pub(super) signer: SignedBy,
}

/// What every review of the change is judged with.
pub(super) struct Bench<'a> {
    pub(super) input: &'a Input,
    pub(super) trust: &'a Trust,
    pub(super) requirement: &'a Requirement,
    pub(super) people: &'a People,
    pub(super) now: Timestamp,
}

impl Bench<'_> {
    /// Judges every decisive review, oldest first; at most one approval a person counts.
    ///
    /// # Errors
    /// [`Reason::InputMissing`] where a review could not be judged for want of input: that is not the reviewer's fault,
    /// and more input could reject what looks acceptable.
    pub(super) fn judge_all(&self, verdict: &mut Verdict) -> Result<Vec<Accepted>, Fault> {
        let mut reviews: Vec<&Review> = self
            .input
            .reviews
            .items
            .iter()
            .filter(|review| is_decisive(review))
            .collect();
        reviews.sort_by(|a, b| age(a).cmp(&age(b)));
        let mut accepted: Vec<Accepted> = Vec::new();
        let mut counted = BTreeSet::new();
        for review in &reviews {
            let outcome = self.judge(review, &reviews, &mut verdict.notes);
            let fault = outcome.as_ref().err().cloned();
            verdict.reviews.push(JudgedReview {
                review: review.id.clone(),
                reviewer: review.author.as_ref().map(|author| author.login.clone()),
                accepted: fault.is_none(),
                reason: fault.as_ref().map(|fault| fault.reason),
                detail: fault.as_ref().map(|fault| fault.detail.clone()),
                hint: fault.as_ref().map(|fault| fault.reason.hint()),
            });
            match outcome {
                Ok(one) if counted.insert(one.signer.id.clone()) => accepted.push(one),
                Ok(_) => {}
                Err(fault) if matches!(fault.reason, Reason::InputMissing | Reason::NotJudged) => {
                    return Err(fault);
                }
                Err(_) => {}
            }
        }
        Ok(accepted)
    }

    fn judge(
        &self,
        review: &Review,
        reviews: &[&Review],
        notes: &mut Vec<String>,
    ) -> Result<Accepted, Fault> {
        // 3
        let account = self.standing(review, reviews)?;
        // 4
        let envelope = extract(&review.body)?;
        // 5
        let (senior, sshsig) = self.signature(account, &envelope)?;
        // 6
        self.key_now(senior, &sshsig)?;
        // 7
        self.presence(senior, &sshsig)?;
        // 8
        let statement = Statement::from_payload(envelope.payload())?;
        if statement.predicate.decision != Decision::Approve {
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
        // 13
        self.replay(account, &envelope, &statement)?;
        // 14
        self.authority(senior, account, &statement)?;
        Ok(Accepted {
            signer: SignedBy {
                login: senior.login.clone(),
                id: senior.id.clone(),
                principal: senior.principal.clone(),
                key: sshsig.key().fingerprint(),
                review: review.id.clone(),
                issued_at: statement.predicate.issued_at,
                expires_at: statement.predicate.expires_at,
            },
        })
    }

    /// Step 3, but for change requests, which need all reviews judged first.
    fn standing<'r>(&self, review: &'r Review, reviews: &[&Review]) -> Result<&'r Person, Fault> {
        if review.state != ReviewState::Approved {
            return Err(Reason::ReviewState.because(format!("the review is {:?}", review.state)));
        }
        let id = review.author.as_ref().and_then(|author| author.id.as_ref());
        let same = |other: &Review| other.author.as_ref().and_then(|author| author.id.as_ref()) == id;
        if let Some(later) = reviews
            .iter()
            .find(|other| id.is_some() && same(other) && age(other) > age(review))
        {
            return Err(Reason::Superseded.because(format!("by review {}", later.id)));
        }
        if let Some(at) = review.edited_at {
            return Err(Reason::ReviewEdited.because(format!("at {at}")));
        }
        match &review.author {
            Some(account) if account.kind == AccountKind::User && account.id.is_some() => Ok(account),
            Some(account) => {
                Err(Reason::ReviewerBot.because(format!("{:?} is not a person's account", account.login)))
            }
            None => Err(Reason::ReviewerBot.because("the account was deleted")),
        }
    }

    /// Step 5.
    fn signature(&self, account: &Person, envelope: &Envelope) -> Result<(&Senior, SshSig), Fault> {
        let sshsig = envelope.sshsig()?;
        sshsig.check_purpose()?;
        let senior = account.id.as_deref().and_then(|id| self.trust.policy.senior(id));
        let senior = senior
            .ok_or_else(|| Reason::SignerUnknown.because(format!("{:?} is not a senior", account.login)))?;
        if !self
            .trust
            .signers
            .of(&senior.principal)
            .any(|signer| signer.key == *sshsig.key())
        {
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
            .trust
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
        if self.trust.revoked.contains(key) {
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
    fn content(&self, statement: &Statement) -> Result<(), Fault> {
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
        let Some(signed) = &statement.predicate.change.changeset else {
            return match self.requirement.bind {
                Bind::Head => Ok(()),
                Bind::Changeset => Err(Reason::ChangesetAbsent.into()),
            };
        };
        if content.merge_bases.len() > 1 {
            return Err(
                Reason::ChangesetMismatch.because(format!("{} merge bases", content.merge_bases.len()))
            );
        }
        let found = self.changeset()?;
        if signed.sha256 == found {
            return Ok(());
        }
        Err(Reason::ChangesetMismatch.because(format!("signed {}, now {found}", signed.sha256)))
    }

    fn changeset(&self) -> Result<String, Fault> {
        let content = &self.input.content;
        let changed = content.changed.as_ref();
        let changed = changed
            .ok_or_else(|| Reason::InputMissing.because("the changed paths, to recompute the changeset"))?;
        let changed: Vec<Changed> = changed
            .iter()
            .map(super::input::ChangedPath::read)
            .collect::<Result<_, _>>()?;
        changeset::digest(content.object_format, &changed).map_err(|error| {
            Reason::InputMissing.because(format!("content.changed cannot be digested: {error}"))
        })
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

    /// Step 13. Only envelopes that this person really signed are looked at: nobody else can void an approval by
    /// posting rubbish under its nonce.
    fn replay(&self, account: &Person, envelope: &Envelope, statement: &Statement) -> Result<(), Fault> {
        let own = |review: &&Review| {
            review
                .author
                .as_ref()
                .is_some_and(|author| author.id == account.id)
        };
        for review in self.input.reviews.items.iter().filter(own) {
            let mut dismissals = self
                .input
                .dismissals
                .items
                .iter()
                .filter(|dismissal| dismissal.review_id == review.id);
            if let Some(dismissal) =
                dismissals.find(|dismissal| statement.predicate.issued_at <= dismissal.at)
            {
                let detail = format!("review {} was dismissed at {}", review.id, dismissal.at);
                return Err(Reason::WithdrawnReplay.because(detail));
            }
            let Ok(other) = extract(&review.body) else {
                continue;
            };
            if other == *envelope || self.signature(account, &other).is_err() {
                continue;
            }
            let nonce = Statement::from_payload(other.payload()).map(|other| other.predicate.nonce);
            if nonce.is_ok_and(|nonce| nonce == statement.predicate.nonce) {
                return Err(
                    Reason::NonceReused.because(format!("review {} has it too, with other bytes", review.id))
                );
            }
        }
        Ok(())
    }

    /// Step 14 for one signer.
    fn authority(&self, senior: &Senior, account: &Person, statement: &Statement) -> Result<(), Fault> {
        let who = &senior.login;
        if statement.predicate.policy.role != "senior" {
            return Err(Reason::Role.because(format!("signed as {:?}", statement.predicate.policy.role)));
        }
        if self.people.brought(senior, &account.login) {
            return Err(Reason::SelfApproval.because(format!("{who} opened or pushed it")));
        }
        if self.people.wrote(senior, &account.login) {
            return Err(Reason::Coauthor.because(format!("{who} wrote a part of it")));
        }
        if self.people.prompted(senior, &account.login) {
            return Err(Reason::Operator.because(format!("{who} set the agent to work")));
        }
        Ok(())
    }
}

/// Reviews that say yes or no, or did.
fn is_decisive(review: &Review) -> bool {
    match review.state {
        ReviewState::Approved | ReviewState::ChangesRequested | ReviewState::Dismissed => true,
        ReviewState::Commented | ReviewState::Pending => false,
    }
}

/// Order of reviews: by time, then by the forge's rising ids.
fn age(review: &Review) -> (Timestamp, usize, &str) {
    (review.submitted_at, review.id.len(), &review.id)
}
