//! Withdrawing an approval: the question outside the webview, the review dismissed at the forge and read back, a line
//! in the ledger.
//!
//! Unlike a decision it does not wait in the outbox: until the review is dismissed the approval counts, and who
//! withdraws it must not believe otherwise. So it is done at once, or it is said that nothing was changed. What was
//! withdrawn stays at its end in the outbox and is never sent again; approving again takes another signature.

use countersign_core::change::{Change, ChangeId, ChangeState, Oid, Review, ReviewState};
use countersign_core::decision::{Decision, OutboxState, Statement};
use countersign_core::ledger;
use countersign_core::signature::extract;

use crate::account::{Account, Online};
use crate::engine::Engine;
use crate::ports::{Desktop, Forge, ForgeError, HeadNow, Question};
use crate::rows::visible;
use crate::store::{Entry, Held, Store, StoreError, Withdrawal};
use crate::view::{ApprovalView, Code, Failure, Message, Withdrawn};
use crate::words;

/// Longest reason, in characters: it stands in one line of the change's history, and in the question.
const LONGEST: usize = 500;

/// What was signed, as a review carries it.
struct Signed {
    nonce: String,
    statement: Statement,
    key: String,
}

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// Dismisses the user's own approval at the forge, after the user has confirmed outside the webview.
    ///
    /// # Errors
    /// Nothing was changed, unless the message says that it cannot be known.
    pub async fn withdraw(&self, id: String, review: String, words: String) -> Result<Withdrawn, Failure> {
        let account = self.signed_in()?;
        let Ok(_deciding) = self.inner.options.deciding.try_lock() else {
            return Err(Failure::other(
                "Another decision is being confirmed. Nothing was withdrawn.",
                "Answer the open question first.",
            ));
        };
        let words = reason(&words)?;
        let held = self.held(&id)?;
        self.on_its_way(&held)?;
        let Some(online) = self.online() else {
            return Err(Failure::coded(
                Code::SignedOut,
                "The token is not at hand, so the forge cannot be asked. Nothing was changed: your approval stands.",
                "Unlock the keychain or sign in again, then withdraw it.",
            ));
        };
        let reviews = online.forge.reviews(&held.change.id).await;
        let reviews = reviews.map_err(|error| self.unchanged(&error))?;
        let found = own(&reviews, &review, &account);
        let Some(found) = found else {
            self.nudge();
            return Err(gone("The forge does not show this approval of yours any more."));
        };
        let Some(signed) = signed(found, &account) else {
            return Err(Failure::other(
                "This approval carries no signature of yours, so it does not count here. Nothing was changed.",
                "Dismiss it at the forge, where it was given.",
            ));
        };
        match found.state {
            ReviewState::Approved => {}
            ReviewState::Dismissed => {
                self.record(&held.change, &review, &signed, None)?;
                return Err(gone(
                    "It was dismissed at the forge already, and does not count any more.",
                ));
            }
            ReviewState::Pending | ReviewState::ChangesRequested | ReviewState::Commented => {
                self.nudge();
                return Err(gone("The forge does not hold it as an approval any more."));
            }
        }
        let head = online.forge.head(&held.change.id).await;
        let head = head.map_err(|error| self.unchanged(&error))?;
        if head.state == ChangeState::Merged {
            self.nudge();
            return Err(Failure::coded(
                Code::Moved,
                "The change was merged: taking the approval away would not undo that. Nothing was changed.",
                "Have the change reverted; the ledger says who approved what.",
            ));
        }
        let question = question(&held.change, &head, &signed, &words);
        if !self.inner.desktop.confirm(question).await {
            return Ok(Withdrawn { withdrawn: false });
        }
        self.dismiss(&online, &held, &review, &words).await?;
        self.record(&held.change, &review, &signed, Some(words))?;
        Ok(Withdrawn { withdrawn: true })
    }

    /// A decision that is not at its end: that one is taken back, or waited for.
    fn on_its_way(&self, held: &Held) -> Result<(), Failure> {
        let decisions = self.store().decisions_on(&held.change.id)?;
        let under_way = decisions
            .iter()
            .find(|entry| entry.decision == Decision::Approve && !entry.state.is_final());
        match under_way {
            None => Ok(()),
            Some(entry) if entry.state == OutboxState::Queued && entry.review.is_none() => {
                Err(Failure::other(
                    "Your approval was not sent yet. Nothing was changed.",
                    "Take it back in the outbox: then the forge never gets it.",
                ))
            }
            Some(_) => Err(Failure::other(
                "Your approval is on its way: the forge may have it already. Nothing was changed.",
                "Withdraw it once it is confirmed.",
            )),
        }
    }

    /// Dismisses, and looks at the forge where the answer does not say how that went.
    async fn dismiss(
        &self,
        online: &Online<F>,
        held: &Held,
        review: &str,
        words: &str,
    ) -> Result<(), Failure> {
        let id = &held.change.id;
        let Err(error) = online.forge.dismiss(id, review, words).await else {
            // The answer showed the review as dismissed.
            return Ok(());
        };
        match &error {
            ForgeError::Forbidden { .. } | ForgeError::NotFound { .. } => {
                return Err(Failure::coded(
                    Code::Refused,
                    format!(
                        "{} Nothing was changed: your approval stands.",
                        words::sentence(&error.to_string())
                    ),
                    "Dismissing takes the right to write. Request changes instead, which stops the gate too, or ask \
                     somebody who may write to dismiss your review.",
                ));
            }
            ForgeError::Unreachable { .. }
            | ForgeError::Proxied { .. }
            | ForgeError::Untrusted { .. }
            | ForgeError::Unauthorised { .. }
            | ForgeError::RateLimited { .. } => return Err(self.unchanged(&error)),
            ForgeError::Interrupted { .. }
            | ForgeError::Server { .. }
            | ForgeError::Garbled { .. }
            | ForgeError::Refused { .. } => {}
        }
        let state = match online.forge.reviews(id).await {
            Ok(reviews) => own(&reviews, review, &online.account).map(|found| found.state),
            Err(_) => None,
        };
        match (state, &error) {
            (Some(ReviewState::Dismissed), _) => Ok(()),
            (_, ForgeError::Refused { message }) => Err(Failure::coded(
                Code::Refused,
                format!(
                    "The forge refuses: {} Nothing was changed: your approval stands.",
                    words::sentence(message)
                ),
                "Request changes instead, which stops the gate too.",
            )),
            (Some(_), _) => Err(self.unchanged(&error)),
            (None, _) => {
                self.hear(&error);
                Err(Failure::other(
                    format!(
                        "{} Whether your approval was withdrawn cannot be told.",
                        words::sentence(&error.to_string())
                    ),
                    "Withdraw it again when the forge answers: it is looked for first, and nothing is done twice.",
                ))
            }
        }
    }

    /// The forge did not do it, and nothing waits to be done.
    fn unchanged(&self, error: &ForgeError) -> Failure {
        self.hear(error);
        let todo = match error {
            ForgeError::Unauthorised { .. } => "Sign in with a new token, then withdraw it.",
            ForgeError::Forbidden { .. } | ForgeError::NotFound { .. } | ForgeError::Refused { .. } => {
                "Check that the token may see the change, then withdraw it."
            }
            ForgeError::Unreachable { .. }
            | ForgeError::Proxied { .. }
            | ForgeError::Untrusted { .. }
            | ForgeError::Interrupted { .. }
            | ForgeError::RateLimited { .. }
            | ForgeError::Server { .. }
            | ForgeError::Garbled { .. } => {
                "Withdraw it when the forge answers: this does not wait in the outbox, because until then your \
                 approval counts."
            }
        };
        Failure::other(
            format!(
                "{} Nothing was changed: your approval stands.",
                words::sentence(&error.to_string())
            ),
            todo,
        )
    }

    /// What the polls found: an approval that was dismissed by somebody, or before it could be recorded here.
    pub(crate) fn note_dismissals(&self, account: &Account) {
        let entries = self.store().decisions(self.recently());
        let mut dismissed = self.found(entries).unwrap_or_default();
        dismissed.retain(|entry| self.was_dismissed(entry, account));
        if dismissed.is_empty() {
            return;
        }
        // A withdrawal that is under way records it itself, with the user's words.
        let Ok(_deciding) = self.inner.options.deciding.try_lock() else {
            return;
        };
        // What was read before that lock may have been erased.
        dismissed.retain(|entry| self.was_dismissed(entry, account));
        for entry in dismissed {
            let recorded = Recorded {
                nonce: entry.entry,
                head: entry.head,
                key: key_of(&entry.body),
            };
            let review = entry.review.unwrap_or_default();
            let written = self.write_withdrawal(&entry.change, &review, recorded, None);
            self.wrote(written);
        }
    }

    fn was_dismissed(&self, entry: &Entry, account: &Account) -> bool {
        if entry.decision != Decision::Approve
            || entry.state != OutboxState::Confirmed
            || entry.withdrawn.is_some()
            || entry.reviewer != account.viewer_id()
        {
            return false;
        }
        let held = self.store().held(&entry.change);
        self.found(held).flatten().is_some_and(|held| {
            opinions(&held.change, account.viewer_id()).any(|review| {
                Some(&review.id) == entry.review.as_ref() && review.state == ReviewState::Dismissed
            })
        })
    }

    fn record(
        &self,
        change: &Change,
        review: &str,
        signed: &Signed,
        words: Option<String>,
    ) -> Result<(), Failure> {
        let known = self.store().withdrawn_on(&change.id)?;
        if !known.iter().any(|one| one == review) {
            let line = Recorded {
                nonce: signed.nonce.clone(),
                head: signed.statement.subject[0].digest.git_commit.clone(),
                key: signed.key.clone(),
            };
            let written = self.write_withdrawal(&change.id, review, line, words);
            written.map_err(|error| {
                let failure = Failure::from(error);
                Failure {
                    message: format!(
                        "The review is dismissed, but the ledger could not take it. {}",
                        failure.message
                    ),
                    ..failure
                }
            })?;
        }
        self.nudge();
        self.changed();
        Ok(())
    }

    fn write_withdrawal(
        &self,
        change: &ChangeId,
        review: &str,
        recorded: Recorded,
        words: Option<String>,
    ) -> Result<(), StoreError> {
        let at = self.now();
        let mut store = self.store();
        let head = store.ledger_head()?;
        let withdrawal = Withdrawal {
            entry: recorded.nonce.clone(),
            change: change.clone(),
            review: review.to_owned(),
            at,
            words,
        };
        let (line, hash) = ledger::Line {
            previous: head.unwrap_or_else(|| ledger::START.to_owned()),
            at,
            entry: recorded.nonce,
            change: change.clone(),
            head: recorded.head,
            decision: Decision::Approve,
            state: OutboxState::Superseded,
            key: recorded.key,
            envelope: None,
            review: Some(review.to_owned()),
            why: Some(message(&withdrawal).what),
            input: None,
        }
        .seal();
        store.withdraw(&withdrawal, &line, &hash)
    }
}

/// What a withdrawal's line in the ledger takes over from what was signed.
struct Recorded {
    nonce: String,
    head: Oid,
    key: String,
}

fn reason(words: &str) -> Result<String, Failure> {
    let words = words.trim();
    if words.is_empty() {
        return Err(Failure::other(
            "No reason is written yet. Nothing was changed.",
            "Say why you withdraw it; the forge shows that beside the dismissed review.",
        ));
    }
    let length = words.chars().count();
    if length > LONGEST {
        return Err(Failure::other(
            format!("The reason has {length} characters, and {LONGEST} fit. Nothing was changed."),
            "Shorten it.",
        ));
    }
    Ok(words.to_owned())
}

fn gone(what: &str) -> Failure {
    Failure::coded(
        Code::Moved,
        format!("{what} Nothing was changed."),
        "The change is read again.",
    )
}

/// The user's own review with this id.
fn own<'a>(reviews: &'a [Review], id: &str, account: &Account) -> Option<&'a Review> {
    reviews
        .iter()
        .find(|review| review.id == id && is_own(review, account.viewer_id()))
}

fn is_own(review: &Review, viewer_id: &str) -> bool {
    review.author.as_ref().and_then(|author| author.id.as_deref()) == Some(viewer_id)
}

/// What the user approved with it; `None` where it carries no approval that the user signed.
fn signed(review: &Review, account: &Account) -> Option<Signed> {
    let envelope = extract(&review.body).ok()?;
    let statement = Statement::from_payload(envelope.payload()).ok()?;
    let predicate = &statement.predicate;
    if predicate.decision != Decision::Approve || predicate.reviewer.id != account.viewer_id() {
        return None;
    }
    Some(Signed {
        nonce: predicate.nonce.clone(),
        key: key_of(&review.body),
        statement,
    })
}

fn key_of(body: &str) -> String {
    extract(body)
        .ok()
        .and_then(|envelope| envelope.sshsig().ok())
        .map(|signature| signature.key().fingerprint())
        .unwrap_or_default()
}

/// The user's reviews that say yes or no, as last read; each may be named twice.
pub(crate) fn opinions<'a>(change: &'a Change, viewer_id: &'a str) -> impl Iterator<Item = &'a Review> {
    change
        .own_review
        .iter()
        .chain(&change.reviews)
        .filter(move |review| is_own(review, viewer_id))
        .filter(|review| match review.state {
            ReviewState::Approved | ReviewState::ChangesRequested | ReviewState::Dismissed => true,
            ReviewState::Commented | ReviewState::Pending => false,
        })
}

/// The approval of the user's own that stands at the forge, by what was last read and what was sent since.
pub(crate) fn standing(
    store: &Store,
    change: &Change,
    account: &Account,
) -> Result<Option<ApprovalView>, StoreError> {
    if change.state == ChangeState::Merged {
        return Ok(None);
    }
    let withdrawn = store.withdrawn_on(&change.id)?;
    let sent = store
        .decisions_on(&change.id)?
        .into_iter()
        .find(|entry| entry.state == OutboxState::Confirmed && entry.decision != Decision::Comment);
    let read = opinions(change, account.viewer_id()).max_by_key(|review| review.submitted_at);
    let newer = match (&sent, read) {
        (Some(sent), Some(read)) => {
            sent.review.as_ref() != Some(&read.id) && read.submitted_at.is_none_or(|at| at < sent.signed_at)
        }
        (Some(_), None) => true,
        (None, _) => false,
    };
    let found = if newer {
        sent.filter(|sent| sent.decision == Decision::Approve)
            .and_then(|sent| {
                Some(ApprovalView {
                    review: sent.review?,
                    head: sent.head.to_string(),
                    at: Some(sent.signed_at.to_string()),
                    holding: None,
                })
            })
    } else {
        read.filter(|read| read.state == ReviewState::Approved)
            .map(|read| ApprovalView {
                review: read.id.clone(),
                head: read.commit.as_ref().map(ToString::to_string).unwrap_or_default(),
                at: read.submitted_at.map(|at| at.to_string()),
                holding: None,
            })
    };
    Ok(found.filter(|found| !withdrawn.contains(&found.review)))
}

/// What became of an approval that was withdrawn.
pub(crate) fn message(withdrawal: &Withdrawal) -> Message {
    Message {
        what: match &withdrawal.words {
            Some(words) => format!("Withdrawn by you: {}", words::sentence(&visible(words))),
            None => "Its review was dismissed at the forge.".into(),
        },
        kept:
            "It does not count any more and is never sent again. The ledger keeps what was signed, and this."
                .into(),
        todo: "To approve after all, read it and sign again.".into(),
    }
}

/// The last question, in plain text: which approval goes, and why.
fn question(change: &Change, now: &HeadNow, signed: &Signed, words: &str) -> Question {
    let approved = &signed.statement.subject[0].digest.git_commit;
    let mut text = format!(
        "Repository: {}\nChange: #{} {}\nHead that you approved: {approved}",
        change.id.repo,
        change.id.number,
        visible(&change.title),
    );
    if now.head != *approved {
        text.push_str(&format!("\nHead now: {}", now.head));
    }
    text.push_str(&format!(
        "\nInto: {}\nDecision: withdraw the approval\nReason: {}\n\nThe review is dismissed. It cannot be posted again.",
        visible(&now.target_branch),
        visible(words),
    ));
    Question {
        title: format!(
            "Withdraw your approval of {} #{}?",
            change.id.repo, change.id.number
        ),
        text,
        confirm: "Withdraw approval".into(),
    }
}
