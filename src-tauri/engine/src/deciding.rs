//! Deciding: the head read again, the question outside the webview, the signature, the outbox.

use countersign_core::change::ChangeState;
use countersign_core::decision::{OutboxState, nonce};
use countersign_core::{ledger, signature};
use jiff::{SignedDuration, Timestamp};

use crate::engine::Engine;
use crate::ports::{Desktop, Forge};
use crate::queue_view::decision_row;
use crate::ready::Ready;
use crate::rows::visible;
use crate::sheet::question;
use crate::signer;
use crate::statement::MAX_AGE;
use crate::store::NewEntry;
use crate::view::{Code, Decided, DecisionView, Failure, KeyView};

/// How late a decision may be sent without a policy: what a policy that names no delay means.
const MAX_DELAY: SignedDuration = SignedDuration::from_hours(72);

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// Signs and puts it into the outbox, after the user has confirmed outside the webview.
    pub async fn decide(
        &self,
        id: String,
        head: String,
        seen: String,
        decision: DecisionView,
        words: String,
    ) -> Result<Decided, Failure> {
        let account = self.signed_in()?;
        // One question at a time: a second call while the dialog is open must not sign behind it.
        let Ok(_deciding) = self.inner.options.deciding.try_lock() else {
            return Err(Failure::coded(
                Code::CannotSign,
                "Another decision is being confirmed. This one was not signed.",
                "Answer the open question first.",
            ));
        };
        let ready = self.ready(&account, &id, &head, &seen, decision, &words)?;
        if let Some(blocker) = ready.blockers.first() {
            return Err(Failure::coded(
                Code::CannotSign,
                format!("Not signed: {}", blocker.what),
                &blocker.todo,
            ));
        }
        self.check_head(&ready).await?;
        let Some(key) = ready.key.clone() else {
            return Err(Failure::coded(
                Code::Keys,
                "Not signed: no key is chosen.",
                "Choose a key first.",
            ));
        };
        if !self.inner.desktop.confirm(question(&ready)).await {
            return Ok(Decided {
                signed: false,
                entry: None,
            });
        }
        self.prompt_to_sign().await?;
        // The world may have moved while the questions stood open.
        let ready = self.ready(&account, &id, &head, &seen, decision, &words)?;
        if let Some(blocker) = ready.blockers.first() {
            return Err(Failure::coded(
                Code::CannotSign,
                format!("Not signed: {}", blocker.what),
                &blocker.todo,
            ));
        }
        let mut random = [0u8; 16];
        getrandom::fill(&mut random)
            .map_err(|error| Failure::other(format!("Not signed: no random numbers ({error})."), ""))?;
        let name = nonce(random);
        let at = self.now();
        let statement = self.statement(&account, &ready, at, &name).map_err(|blocker| {
            Failure::coded(
                Code::CannotSign,
                format!("Not signed: {}", blocker.what),
                blocker.todo,
            )
        })?;
        let payload = statement.to_payload();
        let signed = signer::sign(
            &self.inner.vault,
            self.inner.options.agent.as_deref(),
            &key.fingerprint,
            &signature::to_be_signed(&payload),
        )
        .await
        .map_err(|error| Failure::coded(Code::Keys, format!("Not signed: {error}"), ""))?;
        let not_signed = |fault: countersign_core::reason::Fault| {
            Failure::coded(Code::CannotSign, format!("Not signed: {}", fault.detail), "")
        };
        let envelope = signature::assemble(&signed.key, &signed.signature, &payload).map_err(not_signed)?;
        let body = signature::envelope_body(&statement.readable_line(), &ready.message, &envelope)
            .map_err(not_signed)?;
        let entry = self.keep(
            &ready,
            name,
            at,
            &words,
            body,
            &key,
            &envelope,
            account.viewer_id(),
        )?;
        self.inner.wake.notify_one();
        self.changed();
        Ok(Decided {
            signed: true,
            entry: Some(decision_row(&entry, &account, None)),
        })
    }

    /// Puts away a decision that came to its end, or takes back one that was not sent.
    pub async fn discard(&self, entry: String) -> Result<(), Failure> {
        // Held until the end: what is not being sent now does not begin to be.
        let sending = self.sending();
        let found = self.store().decision(&entry)?;
        let Some(mut found) = found else { return Ok(()) };
        if found.state.is_final() {
            found.hidden = true;
            self.store().note_decision(&found)?;
        } else {
            let under_way = sending.as_deref() == Some(entry.as_str());
            if under_way || found.review.is_some() || found.state != OutboxState::Queued {
                return Err(Failure::other(
                    "It is on its way: the forge may have it already. Nothing was taken back.",
                    "Wait until it is confirmed; dismiss it at the forge if need be.",
                ));
            }
            self.take_back(&mut found)?;
        }
        drop(sending);
        self.changed();
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "each is one column of the outbox")]
    fn keep(
        &self,
        ready: &Ready,
        name: String,
        at: Timestamp,
        words: &str,
        body: String,
        key: &KeyView,
        envelope: &signature::Envelope,
        reviewer: &str,
    ) -> Result<crate::store::Entry, Failure> {
        let change = &ready.held.change;
        let delay = ready
            .requirement
            .as_ref()
            .map_or(MAX_DELAY, |asked| asked.max_delay);
        let age = ready.requirement.as_ref().map_or(MAX_AGE, |asked| asked.max_age);
        let new = NewEntry {
            entry: name.clone(),
            change: change.id.clone(),
            head: change.head.oid.clone(),
            target: change.target.branch.clone(),
            reviewer: reviewer.to_owned(),
            title: change.title.clone(),
            decision: ready.decision,
            words: words.to_owned(),
            body,
            signed_at: at,
            not_after: at.saturating_add(delay.min(age)).unwrap_or(Timestamp::MAX),
        };
        let mut store = self.store();
        let head = store.ledger_head()?;
        let (line, hash) = ledger::Line {
            previous: head.unwrap_or_else(|| ledger::START.to_owned()),
            at,
            entry: name.clone(),
            change: change.id.clone(),
            head: change.head.oid.clone(),
            decision: ready.decision,
            state: OutboxState::Queued,
            key: key.fingerprint.clone(),
            envelope: Some(envelope.to_json()),
            review: None,
            why: None,
            input: None,
        }
        .seal();
        store.queue_decision(&new, &line, &hash)?;
        store
            .decision(&name)?
            .ok_or_else(|| Failure::other("The outbox lost what was just written.", "Try again."))
    }

    /// Where the forge can be reached, a head that moved is said before anything is signed. Offline, the outbox
    /// compares again before it sends.
    async fn check_head(&self, ready: &Ready) -> Result<(), Failure> {
        let change = &ready.held.change;
        let Some(online) = self.online() else {
            return Ok(());
        };
        let Ok(now) = online.forge.head(&change.id).await else {
            return Ok(());
        };
        if now.change_id != change.change_id || now.repo_id != change.repo_id {
            self.nudge();
            return Err(Failure::coded(
                Code::Moved,
                "Under its name the forge now has another change than the one you read. Nothing was signed.",
                "Look at it at the forge; Countersign reads again what waits for you.",
            ));
        }
        if now.target_branch != change.target.branch {
            self.nudge();
            return Err(Failure::coded(
                Code::Moved,
                format!(
                    "It is bound for {} now, and was for {} when you read it. Nothing was signed.",
                    visible(&now.target_branch),
                    visible(&change.target.branch)
                ),
                "Read it again, then decide.",
            ));
        }
        if now.head != change.head.oid {
            self.nudge();
            return Err(Failure::coded(
                Code::Moved,
                format!(
                    "The head moved to {} after you had read {}. Nothing was signed.",
                    now.head.short(),
                    change.head.oid.short()
                ),
                "Read what changed, then decide again.",
            ));
        }
        if now.state != ChangeState::Open {
            self.nudge();
            return Err(Failure::coded(
                Code::Moved,
                "The change is no longer open. Nothing was signed.",
                "",
            ));
        }
        Ok(())
    }
}
