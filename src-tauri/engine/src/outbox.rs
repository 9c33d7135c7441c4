//! From signed to confirmed: the only place that posts to the forge, one step at a time, each noted on disk.
//!
//! ```text
//! Queued ── list reviews: is ours there? ── stands as signed? ── create pending ──> Pending
//! Pending ── stands as signed? ── submit by id ──> Submitted ── read back, stands as signed? ──> Confirmed
//! ```
//! A call whose answer was lost is never repeated blindly: the next round lists the reviews first and looks for the
//! same envelope. Nor is a refusal believed before that was looked for: a proxy may have sent the call twice. What cannot be sent any more ends as `Superseded`, `Expired`, `HandedBack` or `Refused`, with what
//! was written kept; nothing is ever signed again by itself. What only its author sees at the forge is taken away
//! before the decision is ended, so that a failure on the way leaves a decision to be taken up again, not a draft.

use countersign_core::change::{ChangeState, Oid, Review, ReviewState};
use countersign_core::changeset::sha256_hex;
use countersign_core::decision::{Decision, OutboxState, Predicate, Statement};
use countersign_core::ledger;
use countersign_core::signature::{extract, is_carried_by};
use countersign_core::verify::circumstances::TOLERANCE;
use jiff::{SignedDuration, Timestamp};

use crate::account::Online;
use crate::engine::Engine;
use crate::ports::{Desktop, Forge, ForgeError, HeadNow};
use crate::store::{Entry, KeptInput, StoreError};
use crate::view::Message;
use crate::words;

mod ending;
pub(crate) mod keeping;

use ending::{End, KEPT, Refusal, UNREADABLE, ending, gone_commit, moved};

/// How a step ended: on to the next, or wait for the next round.
enum Went {
    On,
    Wait,
}

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// Takes every decision that is under way as far as it will go now.
    pub(crate) async fn send_outbox(&self) {
        let Some(online) = self.online().filter(|_| !self.live().token.is_unproven()) else {
            return;
        };
        for name in self.to_be_sent(&online) {
            if !self.live().poller.may_ask(self.now()) || !self.is_current(&online) {
                return;
            }
            let Some(entry) = self.take_up(&online, &name) else {
                continue;
            };
            self.send(&online, entry).await;
            *self.sending() = None;
            self.changed();
        }
    }

    /// Whether a decision is under way.
    pub(crate) fn is_to_be_sent(&self) -> bool {
        self.online()
            .is_some_and(|online| !self.to_be_sent(&online).is_empty())
    }

    /// The decisions that are under way to this forge, oldest first.
    fn to_be_sent(&self, online: &Online<F>) -> Vec<String> {
        let entries = self.store().unfinished();
        let entries = self.found(entries).unwrap_or_default();
        let host = &online.account.address.host;
        entries
            .into_iter()
            .rev()
            .filter(|entry| !entry.state.is_final() && entry.change.host == *host)
            .map(|entry| entry.entry)
            .collect()
    }

    /// Marks a decision as being sent: from now on the user cannot take it back.
    fn take_up(&self, online: &Online<F>, name: &str) -> Option<Entry> {
        let mut sending = self.sending();
        // Who erases has let the account go before they look whether something is being sent.
        if !self.is_current(online) {
            return None;
        }
        let entry = self.store().decision(name);
        let entry = self.found(entry).flatten()?;
        if entry.state.is_final() {
            return None;
        }
        *sending = Some(entry.entry.clone());
        Some(entry)
    }

    async fn send(&self, online: &Online<F>, mut entry: Entry) {
        if entry.reviewer != online.account.viewer_id() {
            let message = Message {
                what: "It was signed by another account than the one that is signed in.".into(),
                kept: "Your signed decision waits here.".into(),
                todo: "Take it back, and decide again as that account.".into(),
            };
            let state = entry.state;
            self.note(&mut entry, state, Some(message));
            return;
        }
        loop {
            let before = entry.state;
            let went = self.step(online, &mut entry).await;
            self.changed();
            match went {
                Ok(Went::On) if !entry.state.is_final() && entry.state != before => {}
                Ok(_) => return,
                // Another token is here now: the next round asks with it.
                Err(_) if !self.is_current(online) => return,
                Err(error) => {
                    self.held_up(&mut entry, &error);
                    return;
                }
            }
        }
    }

    async fn step(&self, online: &Online<F>, entry: &mut Entry) -> Result<Went, ForgeError> {
        match entry.state {
            OutboxState::Queued => self.prepare(online, entry).await,
            OutboxState::Pending => self.submit(online, entry).await,
            OutboxState::Submitted => self.read_back(online, entry).await,
            OutboxState::Confirmed
            | OutboxState::Superseded
            | OutboxState::Expired
            | OutboxState::HandedBack
            | OutboxState::Refused => Ok(Went::Wait),
        }
    }

    /// Queued → Pending, or found further on, or ended.
    async fn prepare(&self, online: &Online<F>, entry: &mut Entry) -> Result<Went, ForgeError> {
        // Looked for before anything else: an answer that was lost must not lead to a second review.
        let Some(reviews) = readable(online.forge.reviews(&entry.change).await)? else {
            gone(online, entry).await?;
            return Ok(self.end(entry, End::HandedBack(UNREADABLE)));
        };
        if let Some(review) = find(&reviews, entry) {
            return Ok(self.is_there(entry, review));
        }
        let head = self.head_now(online, entry).await?;
        if let Some(end) = self.stands(entry, &head) {
            return Ok(self.end(entry, end));
        }
        if let Some(other) = own_pending(&reviews, entry) {
            return Ok(self.in_the_way(entry, Some(&other.id)));
        }
        match online
            .forge
            .create_pending(&entry.change, &entry.head, &entry.body)
            .await
        {
            Ok(review) => {
                entry.review = Some(review.id.clone());
                Ok(self.note(entry, OutboxState::Pending, None))
            }
            Err(ForgeError::Refused { message }) => {
                // A call that a proxy sends twice is refused the second time, and has been done.
                let reviews = online.forge.reviews(&entry.change).await?;
                if let Some(review) = find(&reviews, entry) {
                    return Ok(self.is_there(entry, review));
                }
                match Refusal::of(&message) {
                    Refusal::PendingInTheWay => Ok(self.in_the_way(entry, None)),
                    Refusal::Commit => Ok(self.end(entry, gone_commit(&message))),
                    Refusal::Other => Ok(self.end(entry, End::Refused(message))),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// The forge holds this decision's review already.
    fn is_there(&self, entry: &mut Entry, review: &Review) -> Went {
        entry.review = Some(review.id.clone());
        let next = if review.state == ReviewState::Pending {
            OutboxState::Pending
        } else {
            OutboxState::Submitted
        };
        self.note(entry, next, None)
    }

    /// Pending → Submitted, or ended with nothing left at the forge.
    async fn submit(&self, online: &Online<F>, entry: &mut Entry) -> Result<Went, ForgeError> {
        let Some(reviews) = readable(online.forge.reviews(&entry.change).await)? else {
            gone(online, entry).await?;
            return Ok(self.end(entry, End::HandedBack(UNREADABLE)));
        };
        let listed = find(&reviews, entry).cloned();
        let found = match (listed, entry.review.clone()) {
            // A list that leaves it out must not lead to a second one.
            (None, Some(known)) => {
                let known = online.forge.review(&entry.change, &known).await?;
                known.filter(|review| is_ours(review, entry))
            }
            (listed, _) => listed,
        };
        let Some(found) = found else {
            entry.review = None;
            return Ok(self.note(entry, OutboxState::Queued, None));
        };
        entry.review = Some(found.id.clone());
        if found.state != ReviewState::Pending {
            return Ok(self.note(entry, OutboxState::Submitted, None));
        }
        let review = found.id.clone();
        if is_elsewhere(found.commit.as_ref(), entry) {
            let end = End::Superseded("The forge filed it under another commit.".into());
            return self.end_pending(online, entry, &review, end).await;
        }
        let head = self.head_now(online, entry).await?;
        if let Some(end) = self.stands(entry, &head) {
            return self.end_pending(online, entry, &review, end).await;
        }
        match online
            .forge
            .submit(&entry.change, &review, entry.decision, &entry.body)
            .await
        {
            Ok(_) => Ok(self.note(entry, OutboxState::Submitted, None)),
            Err(ForgeError::Refused { message }) => {
                // As in `prepare`: it may have been submitted by the first of two calls.
                let reviews = online.forge.reviews(&entry.change).await?;
                if find(&reviews, entry).is_some_and(|found| found.state != ReviewState::Pending) {
                    return Ok(self.note(entry, OutboxState::Submitted, None));
                }
                let end = match Refusal::of(&message) {
                    Refusal::Commit => gone_commit(&message),
                    Refusal::PendingInTheWay | Refusal::Other => End::Refused(message),
                };
                self.end_pending(online, entry, &review, end).await
            }
            Err(error) => Err(error),
        }
    }

    /// Submitted → Confirmed, or dismissed because the change moved meanwhile.
    async fn read_back(&self, online: &Online<F>, entry: &mut Entry) -> Result<Went, ForgeError> {
        let Some(reviews) = readable(online.forge.reviews(&entry.change).await)? else {
            gone(online, entry).await?;
            return Ok(self.end(
                entry,
                End::HandedBack("the change can no longer be read; it was submitted before that"),
            ));
        };
        let review = find(&reviews, entry);
        if let Some(review) = review.filter(|review| review.state == ReviewState::Pending) {
            // It said that it was submitted and it is not: with the next round it is submitted again, by its id.
            let message = Message {
                what: "The forge said that it took the review, and holds it as pending.".into(),
                kept: "Your signed decision waits here.".into(),
                todo: "It is submitted again with the next poll.".into(),
            };
            entry.review = Some(review.id.clone());
            self.note(entry, OutboxState::Pending, Some(message));
            return Ok(Went::Wait);
        }
        let Some(review) = review else {
            let message = Message {
                what: "The forge does not show the review that it took.".into(),
                kept: "Your signed decision is kept.".into(),
                todo: "It is looked for again at the next poll.".into(),
            };
            return Ok(self.note(entry, OutboxState::Submitted, Some(message)));
        };
        let id = review.id.clone();
        entry.review = Some(id.clone());
        let expected = match entry.decision {
            Decision::Approve => ReviewState::Approved,
            Decision::RequestChanges => ReviewState::ChangesRequested,
            Decision::Comment => ReviewState::Commented,
        };
        // What would end it is not believed of a list alone.
        let alone = if review.state == expected && !is_elsewhere(review.commit.as_ref(), entry) {
            None
        } else {
            online.forge.review(&entry.change, &id).await?
        };
        let review = alone
            .as_ref()
            .filter(|review| is_ours(review, entry))
            .unwrap_or(review);
        if review.state == ReviewState::Dismissed {
            let end = End::Superseded("The review was dismissed at the forge.".into());
            return Ok(self.end(entry, end));
        }
        if review.state != expected {
            let end = End::Superseded(format!(
                "The forge holds it as {}: it was submitted there in another way.",
                match review.state {
                    ReviewState::Approved => "an approval",
                    ReviewState::ChangesRequested => "a request for changes",
                    ReviewState::Commented | ReviewState::Pending | ReviewState::Dismissed => "a comment",
                }
            ));
            return Ok(self.end(entry, end));
        }
        let moved = if is_elsewhere(review.commit.as_ref(), entry) {
            Some("The forge filed it under another commit.".to_owned())
        } else {
            readable(online.forge.head(&entry.change).await)?
                .filter(|head| head.state == ChangeState::Open)
                .and_then(|head| moved(entry, &head, "while it was submitted"))
        };
        let Some(moved) = moved else {
            let kept = self.judged_by(online, entry).await?;
            entry.message = None;
            return Ok(self.settle(entry, OutboxState::Confirmed, Some(&kept)));
        };
        if entry.decision == Decision::Comment {
            let end = End::Superseded(format!("{moved} The comment stays at the forge."));
            return Ok(self.end(entry, end));
        }
        let why = "The change moved while this was submitted: it is about a state that is no longer there.";
        let mut dismissed = online.forge.dismiss(&entry.change, &id, why).await;
        if let Err(ForgeError::Refused { .. }) = dismissed {
            // As in `prepare`: the first of two calls may have done it.
            let reviews = online.forge.reviews(&entry.change).await?;
            if find(&reviews, entry).is_some_and(|found| found.state == ReviewState::Dismissed) {
                dismissed = Ok(());
            }
        }
        match dismissed {
            Ok(()) => Ok(self.end(
                entry,
                End::Superseded(format!("{moved} The review was dismissed.")),
            )),
            Err(error) if error.is_passing() => Err(error),
            Err(error) => {
                let also = format!("{moved} It could not be dismissed ({error}): dismiss it at the forge.");
                Ok(self.end(entry, End::Superseded(also)))
            }
        }
    }

    /// Where the change stands, whose reviews were shown just now.
    async fn head_now(&self, online: &Online<F>, entry: &Entry) -> Result<HeadNow, ForgeError> {
        let ask = async || {
            let head = readable(online.forge.head(&entry.change).await)?;
            head.ok_or_else(|| contradiction(entry))
        };
        let head = ask().await?;
        // What would end it for good is not believed of one clock that may be off.
        if self.ahead(entry, &head).is_some() {
            return ask().await;
        }
        Ok(head)
    }

    /// The forge's clock, or where it did not say, what that was found to be when it last did.
    fn clock_of(&self, head: &HeadNow) -> Timestamp {
        head.forge_time.unwrap_or_else(|| {
            self.now()
                .saturating_add(self.live().skew)
                .unwrap_or_else(|_| self.now())
        })
    }

    /// By how much it was signed ahead of the forge's clock, where that is more than the gate allows.
    fn ahead(&self, entry: &Entry, head: &HeadNow) -> Option<SignedDuration> {
        let by = signed(entry)?.issued_at.duration_since(self.clock_of(head));
        (by > TOLERANCE).then_some(by)
    }

    /// Why the decision no longer fits where the change stands; `None` while it does.
    fn stands(&self, entry: &Entry, head: &HeadNow) -> Option<End> {
        if let Some(signed) = signed(entry).map(|signed| signed.forge)
            && (signed.change_id != head.change_id || signed.repo_id != head.repo_id)
        {
            return Some(End::HandedBack("under its name the forge now has another change"));
        }
        match head.state {
            ChangeState::Closed => return Some(End::HandedBack("the change was closed")),
            ChangeState::Merged => return Some(End::HandedBack("the change was merged")),
            ChangeState::Open => {}
        }
        if let Some(moved) = moved(entry, head, "after you had read it") {
            return Some(End::Superseded(moved));
        }
        if let Some(by) = self.ahead(entry, head) {
            return Some(End::Ahead(by));
        }
        (self.clock_of(head) > entry.not_after).then_some(End::Expired)
    }

    /// Ends a decision whose pending review is at the forge: that goes first.
    async fn end_pending(
        &self,
        online: &Online<F>,
        entry: &mut Entry,
        review: &str,
        end: End,
    ) -> Result<Went, ForgeError> {
        match online.forge.delete_pending(&entry.change, review).await {
            Ok(()) | Err(ForgeError::NotFound { .. }) => Ok(self.end(entry, end)),
            Err(error) if error.is_passing() => Err(error),
            Err(error) => {
                tracing::warn!(%error, "a pending review stays at the forge");
                let (state, mut message) = ending(entry, end);
                message.todo = format!(
                    "A pending review (number {review}) stays at the forge, where only you see it: discard it \
                     there. {}",
                    message.todo
                );
                entry.message = Some(message);
                Ok(self.settle(entry, state, None))
            }
        }
    }

    fn in_the_way(&self, entry: &mut Entry, other: Option<&str>) -> Went {
        let number = other.map_or_else(String::new, |id| format!(" (number {id})"));
        let message = Message {
            what: format!("A pending review of your own{number} is in the way: the forge allows one."),
            kept: "Your signed decision waits here; the other review was not touched.".into(),
            todo: "Submit or discard that review at the forge; then this one is sent.".into(),
        };
        self.note(entry, OutboxState::Queued, Some(message))
    }

    fn end(&self, entry: &mut Entry, end: End) -> Went {
        let (state, message) = ending(entry, end);
        entry.message = Some(message);
        self.settle(entry, state, None)
    }

    /// The user takes a decision back before anything of it was sent.
    ///
    /// # Errors
    /// The store cannot be written: then it was not taken back.
    pub(crate) fn take_back(&self, entry: &mut Entry) -> Result<(), StoreError> {
        entry.message = Some(Message {
            what: "Taken back by you before it was sent.".into(),
            kept: KEPT.into(),
            todo: String::new(),
        });
        entry.hidden = true;
        entry.state = OutboxState::HandedBack;
        entry.settled_at = Some(self.now());
        self.write_end(entry, None)
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
        // First: who sees the message must not ask a forge that asked to wait.
        self.hear(error);
        let written = self.store().note_decision(entry);
        self.wrote(written);
    }

    fn note(&self, entry: &mut Entry, state: OutboxState, message: Option<Message>) -> Went {
        let same = entry.state == state;
        entry.state = state;
        entry.message = message;
        let written = self.store().note_decision(entry);
        if self.wrote(written) && !same {
            Went::On
        } else {
            Went::Wait
        }
    }

    fn settle(&self, entry: &mut Entry, state: OutboxState, kept: Option<&KeptInput>) -> Went {
        entry.state = state;
        entry.settled_at = Some(self.now());
        let written = self.write_end(entry, kept);
        // Where it failed, the state on disk is the one before: the next round ends the same way.
        if self.wrote(written) { Went::On } else { Went::Wait }
    }

    fn write_end(&self, entry: &Entry, kept: Option<&KeptInput>) -> Result<(), StoreError> {
        let mut store = self.store();
        let head = store.ledger_head()?;
        let key = extract(&entry.body)
            .ok()
            .and_then(|envelope| envelope.sshsig().ok())
            .map(|signature| signature.key().fingerprint())
            .unwrap_or_default();
        let (line, hash) = ledger::Line {
            previous: head.unwrap_or_else(|| ledger::START.to_owned()),
            at: self.now(),
            entry: entry.entry.clone(),
            change: entry.change.clone(),
            head: entry.head.clone(),
            decision: entry.decision,
            state: entry.state,
            key,
            envelope: None,
            review: entry.review.clone(),
            why: entry.message.as_ref().map(|message| message.what.clone()),
            input: match kept {
                Some(Ok(input)) => Some(sha256_hex(keeping::text(input)?.as_bytes())),
                Some(Err(_)) | None => None,
            },
        }
        .seal();
        store.settle_decision(entry, &line, &hash, kept)
    }
}

/// `None`: the forge no longer shows it to this account.
fn readable<T>(answer: Result<T, ForgeError>) -> Result<Option<T>, ForgeError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(ForgeError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the change is out of reach, by a second answer: one may be wrong.
async fn gone<F: Forge>(online: &Online<F>, entry: &Entry) -> Result<(), ForgeError> {
    match readable(online.forge.head(&entry.change).await)? {
        None => Ok(()),
        Some(_) => Err(contradiction(entry)),
    }
}

fn contradiction(entry: &Entry) -> ForgeError {
    ForgeError::Garbled {
        host: entry.change.host.clone(),
        why: "it shows the change and says that it is not there".into(),
    }
}

/// The forge attributes the review to another commit than the one that was signed.
fn is_elsewhere(commit: Option<&Oid>, entry: &Entry) -> bool {
    commit.is_some_and(|commit| *commit != entry.head)
}

fn by_reviewer(review: &Review, entry: &Entry) -> bool {
    review.author.as_ref().and_then(|author| author.id.as_deref()) == Some(entry.reviewer.as_str())
}

fn is_ours(review: &Review, entry: &Entry) -> bool {
    let signed = extract(&entry.body);
    by_reviewer(review, entry) && signed.is_ok_and(|signed| is_carried_by(&signed, &review.body))
}

/// What was signed.
fn signed(entry: &Entry) -> Option<Predicate> {
    let envelope = extract(&entry.body).ok()?;
    let statement = Statement::from_payload(envelope.payload()).ok()?;
    Some(statement.predicate)
}

/// A pending review of the user's own that is not this decision.
fn own_pending<'a>(reviews: &'a [Review], entry: &Entry) -> Option<&'a Review> {
    reviews
        .iter()
        .find(|review| review.state == ReviewState::Pending && by_reviewer(review, entry))
}

/// The user's review that carries exactly this decision's envelope. Anybody can paste the same bytes.
fn find<'a>(reviews: &'a [Review], entry: &Entry) -> Option<&'a Review> {
    reviews.iter().find(|review| is_ours(review, entry))
}
