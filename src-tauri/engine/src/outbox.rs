//! From signed to confirmed: the only place that writes to the forge, one step at a time, each noted on disk.
//!
//! ```text
//! Queued ── head as signed? ── list reviews: is ours there? ── create pending ──> Pending
//! Pending ── head as signed? ── submit by id ──> Submitted ── read back, head as signed? ──> Confirmed
//! ```
//! A call whose answer was lost is never repeated blindly: the next round lists the reviews first and looks for the
//! same envelope. What cannot be sent any more ends as `Superseded`, `Expired`, `HandedBack` or `Refused`, with what
//! was written kept; nothing is ever signed again by itself.

use countersign_core::change::{ChangeState, Review, ReviewState};
use countersign_core::decision::{Decision, OutboxState};
use countersign_core::ledger;
use countersign_core::signature::{extract, is_carried_by};

use crate::engine::{Account, Engine, now};
use crate::ports::{Desktop, Forge, ForgeError, HeadNow};
use crate::store::Entry;
use crate::view::Message;
use crate::words;

/// How a step ended: on to the next, or wait for the next round.
enum Went {
    On,
    Wait,
}

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// Takes every decision that is under way as far as it will go now.
    pub(crate) async fn send_outbox(&self) {
        let Some(account) = self.account() else { return };
        let mut entries = match self.store().decisions() {
            Ok(entries) => entries,
            Err(error) => {
                tracing::error!(%error, "the outbox cannot be read");
                return;
            }
        };
        entries.retain(|entry| !entry.state.is_final() && entry.change.host == account.address.host);
        entries.reverse();
        for mut entry in entries {
            loop {
                let before = entry.state;
                let went = self.step(&account, &mut entry).await;
                self.changed();
                match went {
                    Ok(Went::On) if !entry.state.is_final() && entry.state != before => {}
                    Ok(_) => break,
                    Err(error) => {
                        self.held_up(&mut entry, &error);
                        self.changed();
                        break;
                    }
                }
            }
        }
    }

    async fn step(&self, account: &Account<F>, entry: &mut Entry) -> Result<Went, ForgeError> {
        match entry.state {
            OutboxState::Queued => self.prepare(account, entry).await,
            OutboxState::Pending => self.submit(account, entry).await,
            OutboxState::Submitted => self.read_back(account, entry).await,
            OutboxState::Confirmed
            | OutboxState::Superseded
            | OutboxState::Expired
            | OutboxState::HandedBack
            | OutboxState::Refused => Ok(Went::Wait),
        }
    }

    /// Queued → Pending, or found further on, or handed back.
    async fn prepare(&self, account: &Account<F>, entry: &mut Entry) -> Result<Went, ForgeError> {
        // Looked for before anything else: an answer that was lost must not lead to a second review.
        let reviews = match account.forge.reviews(&entry.change).await {
            Err(ForgeError::NotFound { .. }) => {
                return Ok(self.hand_back(entry, "the change can no longer be read"));
            }
            other => other?,
        };
        if let Some(review) = find(&reviews, entry) {
            entry.review = Some(review.id.clone());
            let next = if review.state == ReviewState::Pending {
                OutboxState::Pending
            } else {
                OutboxState::Submitted
            };
            return Ok(self.note(entry, next, None));
        }
        let Some(_) = self.still_good(account, entry).await? else {
            return Ok(Went::Wait);
        };
        let own = |review: &&Review| {
            review.author.as_ref().and_then(|a| a.id.as_deref()) == account.viewer.id.as_deref()
        };
        if let Some(other) = reviews
            .iter()
            .filter(own)
            .find(|review| review.state == ReviewState::Pending)
        {
            let message = Message {
                what: format!(
                    "A pending review of your own (number {}) is in the way: the forge allows one.",
                    other.id
                ),
                kept: "Your signed decision waits here; the other review was not touched.".into(),
                todo: "Submit or discard that review at the forge; then this one is sent.".into(),
            };
            return Ok(self.note(entry, OutboxState::Queued, Some(message)));
        }
        let created = account
            .forge
            .create_pending(&entry.change, &entry.head, &entry.body)
            .await;
        match created {
            Ok(review) => {
                entry.review = Some(review.id.clone());
                if review.commit.as_ref().is_some_and(|commit| *commit != entry.head) {
                    account.forge.delete_pending(&entry.change, &review.id).await?;
                    return Ok(self.supersede(entry, "The forge filed it under another commit."));
                }
                Ok(self.note(entry, OutboxState::Pending, None))
            }
            Err(error) => self.refused(entry, error),
        }
    }

    /// Pending → Submitted.
    async fn submit(&self, account: &Account<F>, entry: &mut Entry) -> Result<Went, ForgeError> {
        let Some(review) = entry.review.clone() else {
            return Ok(self.note(entry, OutboxState::Queued, None));
        };
        let reviews = match account.forge.reviews(&entry.change).await {
            Err(ForgeError::NotFound { .. }) => {
                return Ok(self.hand_back(entry, "the change can no longer be read"));
            }
            other => other?,
        };
        match find(&reviews, entry) {
            None => {
                entry.review = None;
                return Ok(self.note(entry, OutboxState::Queued, None));
            }
            Some(found) if found.state != ReviewState::Pending => {
                entry.review = Some(found.id.clone());
                return Ok(self.note(entry, OutboxState::Submitted, None));
            }
            Some(_) => {}
        }
        if self.still_good(account, entry).await?.is_none() {
            // It was handed back or overtaken: what only its author sees goes away again.
            if let Err(error) = account.forge.delete_pending(&entry.change, &review).await {
                tracing::warn!(%error, "a pending review stays at the forge");
            }
            return Ok(Went::Wait);
        }
        match account
            .forge
            .submit(&entry.change, &review, entry.decision, &entry.body)
            .await
        {
            Ok(_) => Ok(self.note(entry, OutboxState::Submitted, None)),
            Err(error) => {
                let went = self.refused(entry, error)?;
                if entry.state == OutboxState::Refused
                    && let Err(error) = account.forge.delete_pending(&entry.change, &review).await
                {
                    tracing::warn!(%error, "a pending review stays at the forge");
                }
                Ok(went)
            }
        }
    }

    /// Submitted → Confirmed, or dismissed because the head moved meanwhile.
    async fn read_back(&self, account: &Account<F>, entry: &mut Entry) -> Result<Went, ForgeError> {
        let reviews = match account.forge.reviews(&entry.change).await {
            Err(ForgeError::NotFound { .. }) => {
                return Ok(self.hand_back(
                    entry,
                    "the change can no longer be read; it was submitted before that",
                ));
            }
            other => other?,
        };
        let Some(review) = find(&reviews, entry) else {
            let message = Message {
                what: "The forge does not show the review that it took.".into(),
                kept: "Your signed decision is kept.".into(),
                todo: "It is looked for again at the next poll.".into(),
            };
            return Ok(self.note(entry, OutboxState::Submitted, Some(message)));
        };
        let id = review.id.clone();
        entry.review = Some(id.clone());
        if review.state == ReviewState::Dismissed {
            return Ok(self.supersede(entry, "The review was dismissed at the forge."));
        }
        let moved = match account.forge.head(&entry.change).await {
            Err(ForgeError::NotFound { .. }) => None,
            other => Some(other?).filter(|head| head.head != entry.head && head.state == ChangeState::Open),
        };
        if let Some(head) = moved {
            let words = format!("The head moved to {} while it was submitted.", head.head.short());
            match entry.decision {
                Decision::Approve | Decision::RequestChanges => {
                    let why = "The head moved while this was submitted: it is about a commit that is no longer the head.";
                    match account.forge.dismiss(&entry.change, &id, why).await {
                        Ok(()) => {
                            return Ok(self.supersede(entry, &format!("{words} The review was dismissed.")));
                        }
                        Err(error) if error.is_passing() => return Err(error),
                        Err(error) => {
                            let also = format!(
                                "{words} It could not be dismissed ({error}): dismiss it at the forge."
                            );
                            return Ok(self.supersede(entry, &also));
                        }
                    }
                }
                Decision::Comment => {
                    return Ok(self.supersede(entry, &format!("{words} The comment stays at the forge.")));
                }
            }
        }
        entry.message = None;
        Ok(self.settle(entry, OutboxState::Confirmed))
    }

    /// Where the change stands, if the decision still fits; otherwise the decision is ended and `None`.
    async fn still_good(
        &self,
        account: &Account<F>,
        entry: &mut Entry,
    ) -> Result<Option<HeadNow>, ForgeError> {
        let head = match account.forge.head(&entry.change).await {
            Err(ForgeError::NotFound { .. }) => {
                self.hand_back(entry, "the change can no longer be read");
                return Ok(None);
            }
            other => other?,
        };
        match head.state {
            ChangeState::Closed => {
                self.hand_back(entry, "the change was closed");
                return Ok(None);
            }
            ChangeState::Merged => {
                self.hand_back(entry, "the change was merged");
                return Ok(None);
            }
            ChangeState::Open => {}
        }
        if head.head != entry.head {
            self.supersede(
                entry,
                &format!("The head moved to {} after you had read it.", head.head.short()),
            );
            return Ok(None);
        }
        let clock = head
            .forge_time
            .unwrap_or_else(|| now().saturating_add(self.live().skew).unwrap_or_else(|_| now()));
        if clock > entry.not_after {
            entry.message = Some(Message {
                what: format!(
                    "Not sent, and it will not be: it is older than the policy allows (until {}).",
                    entry.not_after
                ),
                kept: "Your words and the signed statement are kept in the ledger.".into(),
                todo: "Read the change again and decide anew; nothing is re-signed for you.".into(),
            });
            self.settle(entry, OutboxState::Expired);
            return Ok(None);
        }
        Ok(Some(head))
    }

    fn supersede(&self, entry: &mut Entry, what: &str) -> Went {
        let sent = entry.state == OutboxState::Submitted;
        entry.message = Some(Message {
            what: if sent {
                what.to_owned()
            } else {
                format!("Not sent, and it will not be: {}", lower(what))
            },
            kept: "Your words and the signed statement are kept in the ledger.".into(),
            todo: "Read what changed and decide again; nothing is re-signed for you.".into(),
        });
        self.settle(entry, OutboxState::Superseded)
    }

    fn hand_back(&self, entry: &mut Entry, why: &str) -> Went {
        let sent = entry.state == OutboxState::Submitted;
        entry.message = Some(Message {
            what: if sent {
                words::sentence(why)
            } else {
                format!("Not sent, and it will not be: {why}.")
            },
            kept: "Your words and the signed statement are kept in the ledger.".into(),
            todo: "Nothing, unless it is opened again.".into(),
        });
        self.settle(entry, OutboxState::HandedBack)
    }

    /// The user takes a decision back before anything of it was sent.
    pub(crate) fn take_back(&self, entry: &mut Entry) {
        entry.message = Some(Message {
            what: "Taken back by you before it was sent.".into(),
            kept: "Your words and the signed statement are kept in the ledger.".into(),
            todo: String::new(),
        });
        entry.hidden = true;
        self.settle(entry, OutboxState::HandedBack);
    }

    /// What a write that failed means for the decision.
    fn refused(&self, entry: &mut Entry, error: ForgeError) -> Result<Went, ForgeError> {
        let ForgeError::Refused { message } = &error else {
            return Err(error);
        };
        let text = message.to_lowercase();
        if text.contains("commit") && !text.contains("pull request") {
            return Ok(self.supersede(
                entry,
                &format!("The forge no longer takes a review of that commit ({message})."),
            ));
        }
        entry.message = Some(Message {
            what: format!("The forge refused it: {message}"),
            kept: "Your words and the signed statement are kept in the ledger.".into(),
            todo: "Settle what the forge says, then decide again.".into(),
        });
        Ok(self.settle(entry, OutboxState::Refused))
    }

    /// The forge cannot be asked now: the decision waits, and says why.
    fn held_up(&self, entry: &mut Entry, error: &ForgeError) {
        let trouble = words::forge_trouble(error);
        let kept = match entry.state {
            OutboxState::Queued => {
                "Your signed decision waits here; it is sent once, and only if the head is still the one you read."
            }
            OutboxState::Pending
            | OutboxState::Submitted
            | OutboxState::Confirmed
            | OutboxState::Superseded
            | OutboxState::Expired
            | OutboxState::HandedBack
            | OutboxState::Refused => "Before anything is sent again, the forge is asked whether it has it.",
        };
        entry.message = Some(Message {
            what: trouble.what,
            kept: kept.into(),
            todo: trouble.todo,
        });
        if let Err(error) = self.store().note_decision(entry) {
            tracing::error!(%error, "the outbox cannot be written");
        }
    }

    fn note(&self, entry: &mut Entry, state: OutboxState, message: Option<Message>) -> Went {
        let same = entry.state == state;
        entry.state = state;
        entry.message = message;
        match self.store().note_decision(entry) {
            Ok(()) if !same => Went::On,
            Ok(()) => Went::Wait,
            Err(error) => {
                tracing::error!(%error, "the outbox cannot be written");
                Went::Wait
            }
        }
    }

    fn settle(&self, entry: &mut Entry, state: OutboxState) -> Went {
        entry.state = state;
        entry.settled_at = Some(now());
        let mut store = self.store();
        let written = store.ledger_head().and_then(|head| {
            let key = extract(&entry.body)
                .ok()
                .and_then(|envelope| envelope.sshsig().ok())
                .map(|signature| signature.key().fingerprint())
                .unwrap_or_default();
            let (line, hash) = ledger::Line {
                previous: head.unwrap_or_else(|| ledger::START.to_owned()),
                at: now(),
                entry: entry.entry.clone(),
                change: entry.change.clone(),
                head: entry.head.clone(),
                decision: entry.decision,
                state,
                key,
                envelope: None,
                review: entry.review.clone(),
                why: entry.message.as_ref().map(|message| message.what.clone()),
            }
            .seal();
            store.settle_decision(entry, &line, &hash)
        });
        if let Err(error) = written {
            // The state on disk is the one before: the next round finds the review at the forge and ends the same way.
            tracing::error!(%error, "the outbox cannot be written");
            return Went::Wait;
        }
        Went::On
    }
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// The review that carries exactly this decision's envelope.
fn find<'a>(reviews: &'a [Review], entry: &Entry) -> Option<&'a Review> {
    let envelope = extract(&entry.body).ok()?;
    reviews
        .iter()
        .find(|review| is_carried_by(&envelope, &review.body))
}
