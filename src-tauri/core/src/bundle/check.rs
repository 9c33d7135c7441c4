//! Whether a bundle's parts fit together, and what each decision was worth when the forge confirmed it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Bundle, Contradiction, Counts, Found, FoundLedger, Judged, Kept, Standing, VERDICT_FORMAT};
use crate::change::ChangeId;
use crate::changeset::sha256_hex;
use crate::decision::{Decision, OutboxState, Statement};
use crate::ledger::{self, Line};
use crate::reason::{Fault, Reason};
use crate::signature::{Envelope, extract, pae};
use crate::verify::{Input, Outcome, Verdict, judge, signed_by};

/// What does not fit, and how.
type Contradicts = (Contradiction, String);

/// Where in the ledger a line follows the one with this hash.
type Places<'a> = BTreeMap<&'a str, usize>;

/// Checks a bundle. Each decision is judged as of the moment that its input describes: when the forge had confirmed it, as
/// the ledger has it. Never a gate: there is no clock in it that anybody else vouches for.
pub fn check(bundle: &Bundle) -> Found {
    let mut found = Found {
        format: VERDICT_FORMAT,
        consistent: false,
        reason: None,
        detail: None,
        ledger: FoundLedger {
            lines: bundle.ledger.len(),
            end: None,
        },
        counts: Counts::default(),
        decisions: Vec::new(),
        notes: vec![
            "Without a trusted timestamp this shows that the parts fit together, not when they were made.".to_owned(),
            "Lines behind the last signature are held by the chain alone: compare the ledger's end with another export."
                .to_owned(),
        ],
    };
    let (lines, end) = match ledger::check(bundle.ledger.iter().map(String::as_str)) {
        Ok(read) => read,
        Err(broken) => {
            found.reason = Some(Contradiction::LedgerBroken);
            found.detail = Some(broken.to_string());
            return found;
        }
    };
    found.ledger.end = Some(end);
    let decisions = decisions(&lines);
    let kept: BTreeMap<&str, &Kept> = (bundle.inputs.iter())
        .map(|kept| (kept.entry.as_str(), kept))
        .collect();
    if let Err(detail) = one_for_each(&decisions, bundle, &kept) {
        found.reason = Some(Contradiction::InputsDiffer);
        found.detail = Some(detail);
    }
    let places: Places<'_> = (lines.iter().enumerate())
        .map(|(at, line)| (line.previous.as_str(), at))
        .collect();
    for lines in &decisions {
        let judged = lines.judged(kept.get(lines.entry()).copied(), &places);
        let count = match judged.standing {
            Standing::Accepted => &mut found.counts.accepted,
            Standing::NotCounted => &mut found.counts.not_counted,
            Standing::NotProvable => &mut found.counts.not_provable,
            Standing::Contradicted => &mut found.counts.contradicted,
        };
        *count += 1;
        found.decisions.push(judged);
    }
    found.consistent = found.reason.is_none() && found.counts.contradicted == 0;
    found
}

fn one_for_each(
    decisions: &[Lines<'_>],
    bundle: &Bundle,
    kept: &BTreeMap<&str, &Kept>,
) -> Result<(), String> {
    let named: BTreeSet<&str> = decisions.iter().map(Lines::entry).collect();
    if let Some(left_out) = named.iter().find(|entry| !kept.contains_key(*entry)) {
        return Err(format!("of the decision {left_out:?} there is nothing"));
    }
    if let Some(unknown) = kept.keys().find(|entry| !named.contains(*entry)) {
        return Err(format!("the ledger has no decision {unknown:?}"));
    }
    if bundle.inputs.len() > kept.len() {
        return Err("one decision stands twice".to_owned());
    }
    Ok(())
}

/// The lines of one decision, oldest first; never empty.
struct Lines<'a> {
    first: &'a Line,
    rest: Vec<&'a Line>,
    /// The first line's place in the ledger.
    at: usize,
}

/// In the order of their first lines.
fn decisions(lines: &[Line]) -> Vec<Lines<'_>> {
    let mut found: Vec<Lines<'_>> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, line) in lines.iter().enumerate() {
        match places.get(line.entry.as_str()) {
            Some(place) => found[*place].rest.push(line),
            None => {
                places.insert(&line.entry, found.len());
                found.push(Lines {
                    first: line,
                    rest: Vec::new(),
                    at,
                });
            }
        }
    }
    found
}

impl<'a> Lines<'a> {
    fn entry(&self) -> &'a str {
        &self.first.entry
    }

    fn all(&self) -> impl Iterator<Item = &'a Line> {
        std::iter::once(self.first).chain(self.rest.iter().copied())
    }

    fn confirmed(&self) -> Option<&'a Line> {
        self.all().find(|line| line.state == OutboxState::Confirmed)
    }

    fn judged(&self, kept: Option<&Kept>, places: &Places<'_>) -> Judged {
        let first = self.first;
        let ended = self.rest.last().map_or(first.state, |line| line.state);
        let confirmed = self.confirmed();
        let mut judged = Judged {
            entry: first.entry.clone(),
            change: first.change.clone(),
            head: first.head.clone(),
            decision: first.decision,
            decided_at: first.envelope.as_ref().map(|_| first.at),
            ended,
            withdrawn: confirmed.is_some() && ended != OutboxState::Confirmed,
            key: first.key.clone(),
            review: self.all().filter_map(|line| line.review.clone()).last(),
            standing: Standing::NotProvable,
            reason: None,
            detail: None,
            signer: None,
            as_of: None,
            then: None,
        };
        if let Err((contradiction, detail)) = self.judge(kept, places, &mut judged) {
            judged.standing = Standing::Contradicted;
            judged.reason = serde_json::to_value(contradiction)
                .ok()
                .and_then(|name| Some(name.as_str()?.to_owned()));
            judged.detail = Some(detail);
            judged.signer = None;
        }
        judged
    }

    fn judge(
        &self,
        kept: Option<&Kept>,
        places: &Places<'_>,
        judged: &mut Judged,
    ) -> Result<(), Contradicts> {
        self.agree()?;
        let envelope = self.envelope(places)?;
        let input = kept.and_then(|kept| kept.input.as_deref());
        judged.detail = kept.and_then(|kept| kept.why.clone());
        let Some(text) = input else { return Ok(()) };
        let changed = |detail: &str| (Contradiction::InputChanged, detail.to_owned());
        let confirmed = self
            .confirmed()
            .ok_or_else(|| changed("the forge did not confirm it, so nothing was kept of it"))?;
        match &confirmed.input {
            Some(hash) if *hash == sha256_hex(text.as_bytes()) => {}
            Some(_) => return Err(changed("its hash is not the one in the ledger")),
            None => return Err(changed("the ledger names none")),
        }
        let input = Input::from_json(text.as_bytes()).map_err(|fault| changed(&fault.detail))?;
        let review = confirmed.review.clone().unwrap_or_default();
        let carried = (input.reviews.items.iter())
            .find(|one| one.id == review)
            .and_then(|one| extract(&one.body).ok());
        if carried.is_none() || carried != envelope {
            let detail = format!("review {review:?} does not carry what the ledger has");
            return Err((Contradiction::EnvelopeElsewhere, detail));
        }
        let verdict = judge(&input, confirmed.at);
        judged.as_of = Some(confirmed.at);
        let signer = signed_by(&input, &review, self.first.decision, confirmed.at);
        let outcome = signer.and_then(|signer| match self.first.decision {
            Decision::Approve => counted(&verdict, &review).map(|()| signer),
            Decision::RequestChanges | Decision::Comment => Ok(signer),
        });
        judged.then = Some(verdict);
        match outcome {
            Ok(signer) => {
                judged.standing = Standing::Accepted;
                judged.signer = Some(signer);
            }
            Err(fault) => {
                if !fault.reason.is_in_the_dark() {
                    judged.standing = Standing::NotCounted;
                }
                judged.reason = Some(fault.reason.code().to_owned());
                judged.detail = Some(fault.detail);
            }
        }
        Ok(())
    }

    /// The lines are about one thing.
    fn agree(&self) -> Result<(), Contradicts> {
        let about = |line: &'a Line| (&line.head, line.decision, &line.key);
        if self.rest.iter().all(|line| about(line) == about(self.first)) {
            return Ok(());
        }
        let detail = format!("the lines of {:?} are not about the same", self.entry());
        Err((Contradiction::LedgerRewritten, detail))
    }

    /// What was signed: that it was, with the line's key, and about what the line says. `None` where it was signed on
    /// another machine.
    fn envelope(&self, places: &Places<'_>) -> Result<Option<Envelope>, Contradicts> {
        let line = self.first;
        let Some(json) = &line.envelope else {
            return Ok(None);
        };
        let changed = |detail: String| (Contradiction::EnvelopeChanged, detail);
        let (envelope, statement, key) =
            signed(json).map_err(|fault| changed(format!("{}: {}", fault.reason.code(), fault.detail)))?;
        let (signed, digest) = (&statement.predicate, &statement.subject[0].digest);
        let change = signed.forge.change.parse().map(|number| ChangeId {
            host: signed.forge.host.clone(),
            repo: signed.forge.repo.clone(),
            number,
        });
        let same = key == line.key
            && signed.nonce == line.entry
            && signed.decision == line.decision
            && digest.git_commit == line.head
            && change.as_ref() == Ok(&line.change);
        if !same {
            return Err(changed("it is about something else than its line".to_owned()));
        }
        let behind = places.get(signed.claims.ledger.as_str());
        if behind.is_none_or(|behind| *behind > self.at) {
            let detail = format!(
                "{:?} was signed behind the line {}, which is not before it",
                line.entry, signed.claims.ledger
            );
            return Err((Contradiction::LedgerRewritten, detail));
        }
        Ok(Some(envelope))
    }
}

/// An envelope whose signature fits, its statement, and the fingerprint of the key that it names itself.
fn signed(json: &str) -> Result<(Envelope, Statement, String), Fault> {
    let envelope = Envelope::from_json(json.as_bytes())?;
    let sshsig = envelope.sshsig()?;
    sshsig.check_purpose()?;
    sshsig.verify(&pae(envelope.payload()))?;
    let statement = Statement::from_payload(envelope.payload())?;
    let key = sshsig.key().fingerprint();
    Ok((envelope, statement, key))
}

/// Whether the gate counted that approval.
fn counted(verdict: &Verdict, review: &str) -> Result<(), Fault> {
    let fault =
        |reason: Option<Reason>, detail: &str| Err(reason.unwrap_or(Reason::NotJudged).because(detail));
    match verdict.reviews.iter().find(|one| one.review == review) {
        Some(one) if one.accepted => Ok(()),
        Some(one) => fault(one.reason, one.detail.as_deref().unwrap_or_default()),
        // The change needed none.
        None if verdict.verdict == Outcome::NotRequired => Ok(()),
        None => fault(verdict.reason, &verdict.detail),
    }
}
