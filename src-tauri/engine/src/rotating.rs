//! A signing key is replaced, or was lost: what it signed, and the lines by which the policy's files say so.
//!
//! Nothing is changed here or at the forge. By the gate's clock a key that has an end signs for nothing after it, and one
//! that is revoked for nothing from then on, whenever it signed.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::decision::{Decision, OutboxState, Statement};
use countersign_core::ledger;
use countersign_core::policy::enrolment::{bare, with_end};
use countersign_core::policy::{Policy, Unreadable};
use countersign_core::signature::{Envelope, Key};
use jiff::Timestamp;

use crate::account::Account;
use crate::counting::rulebook;
use crate::engine::{Engine, beside};
use crate::holding::{self, Approval, Holding};
use crate::ports::{Desktop, Forge};
use crate::queue_view::{decision_view, state_view};
use crate::rows::visible;
use crate::session::KEY;
use crate::signer::{self, PublicKey};
use crate::store::Held;
use crate::view::{Failure, HoldingView, KeyPlaceView, Message, OutboxStateView, Rotation, SignedRow};

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// What it takes to replace the key with this fingerprint or to have it revoked, and what it signed. Without one, or
    /// with one that is not known here, of the chosen key, else of the one that signed last. Needs neither the forge nor
    /// the key itself: what it signed names it.
    ///
    /// # Errors
    /// Nobody is signed in, or what is kept cannot be read.
    pub async fn rotation(&self, fingerprint: Option<String>) -> Result<Rotation, Failure> {
        let account = self.signed_in()?;
        let enrol_line = self.keys().await?.enrol_line;
        let (usable, _) = signer::keys(&self.inner.vault, self.inner.options.agent.as_deref()).await;
        let engine = self.clone();
        beside(move || {
            let (online, at) = (engine.is_answered(), engine.now());
            let store = engine.store();
            let chosen = store.meta(KEY)?;
            let (lines, given) = (store.ledger()?, holding::approvals(&store, &account, at)?);
            let open = store.open_changes()?;
            drop(store);
            let ledger = Signed::read(&lines);
            let mut keys: Vec<String> = chosen.iter().cloned().collect();
            for decision in &ledger.decisions {
                if !keys.contains(&decision.first.key) {
                    keys.push(decision.first.key.clone());
                }
            }
            let asked = fingerprint.filter(|asked| keys.contains(asked));
            let old = asked.or_else(|| keys.first().cloned());
            let of_old = || {
                ledger
                    .decisions
                    .iter()
                    .filter(|one| Some(&one.first.key) == old.as_ref())
            };
            let judged: Vec<(&Signing, Option<&Approval>)> = of_old()
                .map(|one| {
                    let given = given.iter().find(|given| given.entry.entry == one.first.entry);
                    (one, given)
                })
                .collect();
            let signed: Vec<SignedRow> = judged
                .iter()
                .map(|(one, given)| one.row(given.map(|given| (given, given.view(online, at)))))
                .collect();
            let again: BTreeSet<&str> = (signed.iter().filter(|row| row.again))
                .map(|row| row.change.as_str())
                .collect();
            let ends = judged.iter().filter_map(|(one, given)| one.ends(*given));
            let until = ends.fold(at, Timestamp::max);
            let key = of_old()
                .find_map(Signing::key)
                .or_else(|| in_hand(&usable, old.as_deref()));
            let mut messages: Vec<Message> = ledger.trouble.into_iter().collect();
            let places = match &key {
                Some(key) => places(&open, &account, key, until, &mut messages),
                None => Vec::new(),
            };
            if old.is_some() && key.is_none() {
                messages.push(Message {
                    what: "Only the fingerprint of this key is known here, not the key.".into(),
                    kept: String::new(),
                    todo: "Find its line in your team's allowed_signers by: ssh-keygen -lf FILE.".into(),
                });
            }
            Ok(Rotation {
                again: u32::try_from(again.len()).unwrap_or(u32::MAX),
                until: until.to_string(),
                revoked_line: key.as_ref().map(bare),
                new_line: enrol_line.filter(|_| chosen != old),
                signed,
                places,
                messages,
                keys,
                old,
            })
        })
        .await
    }
}

/// The key with this fingerprint, if it can sign now.
fn in_hand(usable: &[PublicKey], fingerprint: Option<&str>) -> Option<Key> {
    let found = (usable.iter()).find(|key| Some(key.fingerprint.as_str()) == fingerprint);
    found.map(|found| found.key.clone())
}

/// What the ledger says was signed.
struct Signed {
    /// Latest first.
    decisions: Vec<Signing>,
    /// The ledger contradicts itself, or cannot be read to its end.
    trouble: Option<Message>,
}

impl Signed {
    /// Every line that is one counts, also in a chain that is broken: who lost a key looks for all that it signed.
    fn read(lines: &[String]) -> Self {
        let trouble = ledger::check(lines.iter().map(String::as_str))
            .err()
            .map(|broken| Message {
                what: format!("The ledger is broken, {broken}: this list may not be all of it."),
                kept: "The lines that can be read are listed.".into(),
                todo: "Compare it with your reviews at the forge, and with an earlier export.".into(),
            });
        let mut decisions: Vec<Signing> = Vec::new();
        for line in lines
            .iter()
            .filter_map(|line| serde_json::from_str::<ledger::Line>(line).ok())
        {
            match decisions.iter_mut().find(|one| one.first.entry == line.entry) {
                Some(one) => one.then(line.state),
                None => decisions.push(Signing {
                    state: line.state,
                    withdrawn: false,
                    first: line,
                }),
            }
        }
        decisions.reverse();
        Self { decisions, trouble }
    }
}

/// One decision in the ledger.
struct Signing {
    /// The line written when it was signed.
    first: ledger::Line,
    state: OutboxState,
    withdrawn: bool,
}

impl Signing {
    fn then(&mut self, state: OutboxState) {
        self.withdrawn |= self.state == OutboxState::Confirmed && state == OutboxState::Superseded;
        self.state = state;
    }

    fn envelope(&self) -> Option<Envelope> {
        Envelope::from_json(self.first.envelope.as_ref()?.as_bytes()).ok()
    }

    /// The key that signed, from the signature, if it is the one that the line names.
    fn key(&self) -> Option<Key> {
        let signature = self.envelope()?.sshsig().ok()?;
        let key = signature.key();
        (key.fingerprint() == self.first.key).then(|| key.clone())
    }

    /// An approval that the forge does not have yet.
    fn on_its_way(&self) -> bool {
        self.first.decision == Decision::Approve && !self.state.is_final()
    }

    /// When it ends by itself, if it holds, or may. `given`: what is known of it where it is the user's latest approval
    /// on an open change.
    fn ends(&self, given: Option<&Approval>) -> Option<Timestamp> {
        match given.map(|given| &given.holding) {
            Some(Holding::Holds { until, .. }) => Some(*until),
            Some(Holding::Ended(_)) => None,
            None if !self.on_its_way() => None,
            Some(Holding::Unknown(_)) | None => {
                let statement = Statement::from_payload(self.envelope()?.payload()).ok()?;
                Some(statement.predicate.expires_at)
            }
        }
    }

    fn row(&self, given: Option<(&Approval, HoldingView)>) -> SignedRow {
        let again = match given.as_ref().map(|(given, _)| &given.holding) {
            Some(Holding::Ended(ended)) => ended.again,
            Some(Holding::Holds { .. } | Holding::Unknown(_)) => true,
            None => self.on_its_way(),
        };
        let line = &self.first;
        SignedRow {
            change: line.change.to_string(),
            head: line.head.to_string(),
            decision: decision_view(line.decision),
            state: if self.withdrawn {
                OutboxStateView::Withdrawn
            } else {
                state_view(self.state)
            },
            signed_at: line.at.to_string(),
            holding: given.map(|(_, view)| view),
            again,
        }
    }
}

/// Where the key may sign for the user, one place a branch: by what was read last. What cannot be looked at is said.
fn places(
    open: &[Held],
    account: &Account,
    key: &Key,
    until: Timestamp,
    messages: &mut Vec<Message>,
) -> Vec<KeyPlaceView> {
    let mut branches: BTreeMap<(&str, &str), &Held> = BTreeMap::new();
    for held in open
        .iter()
        .filter(|held| held.change.id.host == account.address.host)
    {
        let change = &held.change;
        branches
            .entry((&change.id.repo, &change.target.branch))
            .or_insert(held);
    }
    let mut places = Vec::new();
    for ((repo, branch), held) in branches {
        match place(repo, branch, held, account, key, until) {
            Ok(found) => places.extend(found),
            Err(mut why) => {
                why.what = format!("{repo}, {}: {}", visible(branch), why.what);
                messages.push(why);
            }
        }
    }
    places
}

/// `None` where there is no policy, or it does not let this key sign for the user.
fn place(
    repo: &str,
    branch: &str,
    held: &Held,
    account: &Account,
    key: &Key,
    until: Timestamp,
) -> Result<Option<KeyPlaceView>, Message> {
    let facts = &held.facts;
    let Some(text) = &facts.policy else {
        return Ok(None);
    };
    let rules = rulebook(text, facts).map_err(|unread| unread.why)?;
    let unreadable = |error: Unreadable| Message {
        what: format!("The policy or its list of keys cannot be read: {error}."),
        kept: String::new(),
        todo: "Ask whoever keeps it.".into(),
    };
    let policy = Policy::parse(text).map_err(unreadable)?;
    let (Some(senior), Some(list)) = (policy.signatory(account.viewer_id()), &facts.allowed_signers) else {
        return Ok(None);
    };
    let ended = with_end(list, &senior.principal, key, until).map_err(unreadable)?;
    Ok(ended.map(|ended| KeyPlaceView {
        repo: repo.to_owned(),
        branch: visible(branch),
        path: visible(&policy.allowed_signers),
        until: ended.until.to_string(),
        ended: ended.list == *list,
        line: ended.line,
        revoked_path: policy.revoked_keys.as_deref().map(visible),
        revoked: rules.revoked.contains(key),
    }))
}

#[cfg(test)]
#[path = "rotating_tests.rs"]
mod tests;
