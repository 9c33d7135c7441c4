//! One review: steps 3 to 14.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::circumstances::{Circumstances, Signed};
use super::glass::Broken;
use super::input::{Input, Person, Review};
use super::people::People;
use super::replay::{Birth, Posts};
use super::trust::Trust;
use super::verdict::{JudgedReview, SignedBy, Verdict};
use crate::change::{AccountKind, ReviewState};
use crate::decision::{Decision, Statement};
use crate::policy::{Policy, Requirement, Senior};
use crate::reason::{Fault, Reason};
use crate::signature::Envelope;

/// An approval that counts.
pub(super) struct Accepted {
    pub(super) signer: SignedBy,
    pub(super) birth: Birth,
}

/// What a review that has passed every step is.
enum Passed {
    Approval(Accepted),
    BreaksGlass(Broken),
}

/// What became of all reviews.
pub(super) struct Judged {
    /// At most one approval a person.
    pub(super) accepted: Vec<Accepted>,
    /// Those that break the glass. None of them is an approval.
    pub(super) broken: Vec<Broken>,
    /// What a reader wants to know first if nobody was accepted: why the latest approval of a senior failed, else that
    /// of anybody.
    pub(super) headline: Option<Fault>,
}

/// What every review of the change is judged with.
pub(super) struct Bench<'a> {
    input: &'a Input,
    trust: &'a Trust,
    people: &'a People,
    /// What each is held against.
    pub(super) circumstances: Circumstances<'a>,
    /// The latest decisive review of each account.
    latest: BTreeMap<&'a str, &'a Review>,
    /// When reviews were dismissed, by review.
    dismissals: BTreeMap<&'a str, Timestamp>,
    /// The reviews of each person whose signature can count.
    posts: BTreeMap<&'a str, Posts<'a>>,
}

impl<'a> Bench<'a> {
    pub(super) fn new(
        input: &'a Input,
        trust: &'a Trust,
        requirement: &'a Requirement,
        people: &'a People,
        changeset: Result<String, Fault>,
        now: Timestamp,
    ) -> Self {
        let mut latest: BTreeMap<&str, &Review> = BTreeMap::new();
        for review in input.reviews.items.iter().filter(|review| is_decisive(review)) {
            if let Some(id) = review.author_id() {
                let newest = latest.entry(id).or_insert(review);
                if age(review) > age(newest) {
                    *newest = review;
                }
            }
        }
        let dismissals = input.dismissals.items.iter();
        let signatories = trust.rules.policy.signatories().map(|one| one.id.as_str());
        Self {
            input,
            trust,
            people,
            circumstances: Circumstances {
                forge: &input.forge,
                change: &input.change,
                head_tree: &input.content.head_tree,
                merge_bases: &input.content.merge_bases,
                changeset,
                rules: &trust.rules,
                requirement,
                now,
            },
            dismissals: dismissals.map(|one| (one.review_id.as_str(), one.at)).collect(),
            posts: signatories
                .filter(|id| latest.contains_key(id))
                .map(|id| (id, Posts::of(input, id)))
                .collect(),
            latest,
        }
    }

    pub(super) fn policy(&self) -> &'a Policy {
        &self.trust.rules.policy
    }

    /// Judges every decisive review, oldest first; at most one approval a person counts.
    ///
    /// # Errors
    /// [`Reason::InputMissing`] where a review could not be judged for want of input: that is not the reviewer's fault,
    /// and more input could reject what looks acceptable.
    pub(super) fn judge_all(&self, verdict: &mut Verdict) -> Result<Judged, Fault> {
        let reviews = self.input.reviews.items.iter();
        let mut reviews: Vec<&Review> = reviews.filter(|review| is_decisive(review)).collect();
        reviews.sort_by(|a, b| age(a).cmp(&age(b)));
        let (mut accepted, mut broken, mut counted) = (Vec::new(), Vec::new(), BTreeSet::new());
        let (mut of_senior, mut of_anybody) = (None, None);
        for review in reviews {
            let outcome = self.judge(review, &mut verdict.notes);
            let fault = outcome.as_ref().err().cloned();
            verdict.reviews.push(JudgedReview {
                review: review.id.clone(),
                reviewer: review.author.as_ref().map(|author| author.login.clone()),
                accepted: fault.is_none(),
                breaks_glass: matches!(outcome, Ok(Passed::BreaksGlass(_))),
                reason: fault.as_ref().map(|fault| fault.reason),
                detail: fault.as_ref().map(|fault| fault.detail.clone()),
                hint: fault.as_ref().map(|fault| fault.reason.hint()),
            });
            match outcome {
                Ok(Passed::Approval(one)) => {
                    if counted.insert(one.signer.id.clone()) {
                        accepted.push(one);
                    }
                }
                Ok(Passed::BreaksGlass(one)) => broken.push(one),
                Err(fault) if matches!(fault.reason, Reason::InputMissing | Reason::NotJudged) => {
                    return Err(fault);
                }
                Err(fault) if matches!(fault.reason, Reason::ReviewState | Reason::Superseded) => {}
                Err(fault) => {
                    let of_a_senior = review.author_id().is_some_and(|id| self.posts.contains_key(id));
                    let place = if of_a_senior {
                        &mut of_senior
                    } else {
                        &mut of_anybody
                    };
                    *place = Some(
                        fault
                            .reason
                            .because(format!("review {}: {}", review.id, fault.detail)),
                    );
                }
            }
        }
        Ok(Judged {
            accepted,
            broken,
            headline: of_senior.or(of_anybody),
        })
    }

    fn judge(&self, review: &Review, notes: &mut Vec<String>) -> Result<Passed, Fault> {
        // 3
        let account = self.standing(review)?;
        // 4 to 12
        let signed = self
            .circumstances
            .judge(review, account, Decision::Approve, notes)?;
        let (senior, statement) = (signed.senior, &signed.statement);
        // 13
        let birth = self.replay(review, account, &signed.envelope, statement)?;
        // 14
        let signer = signer(&signed, review);
        if let Some(glass) = &statement.predicate.break_glass {
            self.may_break(senior, statement)?;
            return Ok(Passed::BreaksGlass(Broken {
                signer,
                reason: glass.reason.clone(),
                had_a_part: self.people.had_a_part(senior, &account.login),
            }));
        }
        self.authority(senior, account, statement)?;
        Ok(Passed::Approval(Accepted { signer, birth }))
    }

    /// Who signed a review that carries this decision, for this change as it is: steps 4 to 12.
    pub(super) fn signed_by(&self, review: &Review, decision: Decision) -> Result<SignedBy, Fault> {
        let account = person(review)?;
        let signed = self
            .circumstances
            .judge(review, account, decision, &mut Vec::new())?;
        Ok(signer(&signed, review))
    }

    /// Step 3, but for change requests, which need all reviews judged first.
    fn standing<'r>(&self, review: &'r Review) -> Result<&'r Person, Fault> {
        if review.state != ReviewState::Approved {
            return Err(Reason::ReviewState.because(format!("the review is {:?}", review.state)));
        }
        let latest = review.author_id().and_then(|id| self.latest.get(id));
        if let Some(later) = latest.filter(|latest| latest.id != review.id) {
            return Err(Reason::Superseded.because(format!("by review {}", later.id)));
        }
        if let Some(at) = review.edited_at {
            return Err(Reason::ReviewEdited.because(format!("at {at}")));
        }
        person(review)
    }

    /// Step 13. For a nonce only envelopes that this person really signed are looked at: nobody else can void an approval
    /// by posting rubbish under it.
    fn replay(
        &self,
        review: &Review,
        account: &Person,
        envelope: &Envelope,
        statement: &Statement,
    ) -> Result<Birth, Fault> {
        let posts = account.id.as_deref().and_then(|id| self.posts.get(id));
        let posts = posts
            .ok_or_else(|| Reason::SignerUnknown.because("the account's signatures count for nothing"))?;
        let birth = posts.birth(review, envelope, statement.predicate.issued_at);
        posts.not_withdrawn(envelope, birth, |other| {
            self.dismissals.get(other.id.as_str()).copied()
        })?;
        for (other, carried) in posts.others(envelope) {
            let Ok(nonce) = Statement::from_payload(carried.payload()).map(|other| other.predicate.nonce)
            else {
                continue;
            };
            if nonce == statement.predicate.nonce && self.circumstances.signature(account, carried).is_ok() {
                return Err(
                    Reason::NonceReused.because(format!("review {} has it too, with other bytes", other.id))
                );
            }
        }
        Ok(birth)
    }

    /// Step 14 for one signer.
    fn authority(&self, senior: &Senior, account: &Person, statement: &Statement) -> Result<(), Fault> {
        let who = &senior.login;
        self.circumstances.role(senior, statement)?;
        if self.people.brought(senior, &account.login) {
            return Err(Reason::SelfApproval.because(format!("{who} opened or pushed it")));
        }
        if self.people.wrote(senior, &account.login) {
            return Err(Reason::Coauthor.because(format!("{who} wrote or committed a part of it")));
        }
        if self.people.prompted(senior, &account.login) {
            return Err(Reason::Operator.because(format!("{who} set the agent to work")));
        }
        Ok(())
    }
}

fn signer(signed: &Signed<'_>, review: &Review) -> SignedBy {
    let (senior, predicate) = (signed.senior, &signed.statement.predicate);
    SignedBy {
        login: senior.login.clone(),
        id: senior.id.clone(),
        principal: senior.principal.clone(),
        key: signed.sshsig.key().fingerprint(),
        review: review.id.clone(),
        issued_at: predicate.issued_at,
        expires_at: predicate.expires_at,
    }
}

/// Whose it is, which must be a person's account.
fn person(review: &Review) -> Result<&Person, Fault> {
    match &review.author {
        Some(account) if account.kind == AccountKind::User && account.id.is_some() => Ok(account),
        Some(account) => {
            Err(Reason::ReviewerBot.because(format!("{:?} is not a person's account", account.login)))
        }
        None => Err(Reason::ReviewerBot.because("the account was deleted")),
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
pub(super) fn age(review: &Review) -> (Timestamp, usize, &str) {
    (review.submitted_at, review.id.len(), &review.id)
}
