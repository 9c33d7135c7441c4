//! The outbox and the ledger: written together, so that no decision changes its state without a line in the record.

use countersign_core::change::{ChangeId, Oid};
use countersign_core::decision::{Decision, OutboxState};
use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use serde::de::DeserializeOwned;

use super::{KeptInput, Store, StoreError, inputs, json, oid, timestamp};
use crate::view::Message;

/// A decision on its way to the forge, or at its end.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Names it: the statement's nonce.
    pub entry: String,
    /// Which change.
    pub change: ChangeId,
    /// The head that was signed.
    pub head: Oid,
    /// The branch that it was signed for.
    pub target: String,
    /// Numeric id of the account that decided: no other account may send it.
    pub reviewer: String,
    /// The change's title when it was signed.
    pub title: String,
    /// Which decision.
    pub decision: Decision,
    /// The words written with it.
    pub words: String,
    /// The review's body: words, readable line and envelope, byte for byte as it is sent.
    pub body: String,
    /// How far it got.
    pub state: OutboxState,
    /// The forge's id of the review, once it has one.
    pub review: Option<String>,
    /// What happened, where it did not simply go through.
    pub message: Option<Message>,
    /// When it was signed.
    pub signed_at: Timestamp,
    /// Not sent after this, by the forge's clock: the earlier of expiry and the policy's longest delay.
    pub not_after: Timestamp,
    /// When it came to its end.
    pub settled_at: Option<Timestamp>,
    /// The user has put it away.
    pub hidden: bool,
    /// It was confirmed, and its review was dismissed since.
    pub withdrawn: Option<Withdrawal>,
}

/// An approval of the user's own that no longer stands at the forge: its review was dismissed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawal {
    /// Names what was signed: the statement's nonce.
    pub entry: String,
    /// Which change.
    pub change: ChangeId,
    /// The forge's id of the review.
    pub review: String,
    /// When it was recorded, by the local clock.
    pub at: Timestamp,
    /// Why the user withdrew it; `None` where it was found dismissed.
    pub words: Option<String>,
}

/// A decision just signed.
#[derive(Debug, Clone)]
pub struct NewEntry {
    /// Names it: the statement's nonce.
    pub entry: String,
    /// Which change.
    pub change: ChangeId,
    /// The head that was signed.
    pub head: Oid,
    /// The branch that it was signed for.
    pub target: String,
    /// Numeric id of the account that decided.
    pub reviewer: String,
    /// The change's title.
    pub title: String,
    /// Which decision.
    pub decision: Decision,
    /// The words written with it.
    pub words: String,
    /// The review's body.
    pub body: String,
    /// When it was signed.
    pub signed_at: Timestamp,
    /// Not sent after this.
    pub not_after: Timestamp,
}

const COLUMNS: &str = "entry, change, head, title, decision, words, body, state, review, message, signed_at, \
                       not_after, settled_at, hidden, target, reviewer, \
                       (SELECT at FROM withdrawn WHERE withdrawn.entry = outbox.entry), \
                       (SELECT words FROM withdrawn WHERE withdrawn.entry = outbox.entry)";

/// The changes that are open still.
pub(super) const OPEN: &str = "SELECT id FROM change WHERE open = 1";

/// Every state but the one that is history, as the table has them.
fn unconfirmed() -> String {
    let states = OutboxState::ALL
        .into_iter()
        .filter(|state| *state != OutboxState::Confirmed);
    let quoted: Vec<String> = states
        .filter_map(|state| serde_json::to_string(&state).ok())
        .map(|state| format!("'{state}'"))
        .collect();
    quoted.join(", ")
}

fn parsed<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Damaged(format!("the outbox: {error}")))
}

/// One row as it stands in the table, before it is known to make sense.
struct Raw {
    entry: String,
    change: String,
    head: String,
    title: String,
    decision: String,
    words: String,
    body: String,
    state: String,
    review: Option<String>,
    message: Option<String>,
    signed_at: String,
    not_after: String,
    settled_at: Option<String>,
    hidden: bool,
    target: String,
    reviewer: String,
    withdrawn_at: Option<String>,
    withdrawn_words: Option<String>,
}

fn raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok(Raw {
        entry: row.get(0)?,
        change: row.get(1)?,
        head: row.get(2)?,
        title: row.get(3)?,
        decision: row.get(4)?,
        words: row.get(5)?,
        body: row.get(6)?,
        state: row.get(7)?,
        review: row.get(8)?,
        message: row.get(9)?,
        signed_at: row.get(10)?,
        not_after: row.get(11)?,
        settled_at: row.get(12)?,
        hidden: row.get(13)?,
        target: row.get(14)?,
        reviewer: row.get(15)?,
        withdrawn_at: row.get(16)?,
        withdrawn_words: row.get(17)?,
    })
}

pub(super) fn change_id(text: &str) -> Result<ChangeId, StoreError> {
    text.parse()
        .map_err(|error| StoreError::Damaged(format!("{error}")))
}

fn entry(raw: Raw) -> Result<Entry, StoreError> {
    let change = change_id(&raw.change)?;
    let withdrawn = match raw.withdrawn_at {
        Some(at) => Some(Withdrawal {
            entry: raw.entry.clone(),
            change: change.clone(),
            review: raw.review.clone().unwrap_or_default(),
            at: timestamp(&at)?,
            words: raw.withdrawn_words,
        }),
        None => None,
    };
    Ok(Entry {
        entry: raw.entry,
        change,
        head: oid(&raw.head)?,
        target: raw.target,
        reviewer: raw.reviewer,
        title: raw.title,
        decision: parsed(&raw.decision)?,
        words: raw.words,
        body: raw.body,
        state: parsed(&raw.state)?,
        review: raw.review,
        message: raw.message.as_deref().map(parsed).transpose()?,
        signed_at: timestamp(&raw.signed_at)?,
        not_after: timestamp(&raw.not_after)?,
        settled_at: raw.settled_at.as_deref().map(timestamp).transpose()?,
        hidden: raw.hidden,
        withdrawn,
    })
}

impl Store {
    /// Puts a signed decision into the outbox, with its line in the ledger.
    ///
    /// # Errors
    /// Besides those of the database: its file is gone. What was in the outbox before goes its way all the same.
    pub fn queue_decision(&mut self, new: &NewEntry, line: &str, hash: &str) -> Result<(), StoreError> {
        self.is_there()?;
        let tx = self.db.transaction()?;
        tx.execute(
            "INSERT INTO outbox (entry, change, head, title, decision, words, body, state, signed_at, not_after, target, reviewer)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![
                new.entry,
                new.change.to_string(),
                new.head.as_str(),
                new.title,
                json(&new.decision)?,
                new.words,
                new.body,
                json(&OutboxState::Queued)?,
                new.signed_at.to_string(),
                new.not_after.to_string(),
                new.target,
                new.reviewer
            ],
        )?;
        append(&tx, line, hash)?;
        tx.commit()?;
        Ok(())
    }

    /// Notes a step on the way (`Pending`, `Submitted`), or a message without a step.
    ///
    /// # Errors
    /// Besides those of the database: the decision stands where this step cannot follow.
    pub fn note_decision(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let tx = self.db.transaction()?;
        step(&tx, entry)?;
        tx.commit()?;
        Ok(())
    }

    /// Brings a decision to its end, with its line in the ledger and, where it was confirmed, what it is judged by.
    ///
    /// # Errors
    /// As [`Self::note_decision`].
    pub fn settle_decision(
        &mut self,
        entry: &Entry,
        line: &str,
        hash: &str,
        kept: Option<&KeptInput>,
    ) -> Result<(), StoreError> {
        let tx = self.db.transaction()?;
        step(&tx, entry)?;
        append(&tx, line, hash)?;
        if let Some(kept) = kept {
            inputs::put(&tx, &entry.entry, kept)?;
        }
        tx.commit()?;
        Ok(())
    }

    /// Records that an approval was dismissed at the forge, with its line in the ledger.
    pub fn withdraw(&mut self, withdrawal: &Withdrawal, line: &str, hash: &str) -> Result<(), StoreError> {
        let tx = self.db.transaction()?;
        tx.execute(
            "INSERT INTO withdrawn (entry, change, review, at, words) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                withdrawal.entry,
                withdrawal.change.to_string(),
                withdrawal.review,
                withdrawal.at.to_string(),
                withdrawal.words
            ],
        )?;
        append(&tx, line, hash)?;
        tx.commit()?;
        Ok(())
    }

    /// The reviews on one change that are known to be dismissed: the forge's ids.
    pub fn withdrawn_on(&self, change: &ChangeId) -> Result<Vec<String>, StoreError> {
        let mut query = self
            .db
            .prepare_cached("SELECT review FROM withdrawn WHERE change = ?1")?;
        let rows = query.query_map([change.to_string()], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// All that are under way, or ended otherwise than confirmed and are not put away, latest first.
    pub fn unfinished(&self) -> Result<Vec<Entry>, StoreError> {
        self.select(
            &format!(
                "hidden = 0 AND state IN ({}) ORDER BY signed_at DESC, entry",
                unconfirmed()
            ),
            [],
        )
    }

    /// Those, and the confirmed ones that came to something since, or whose change is open: not the years before.
    pub fn decisions(&self, since: Timestamp) -> Result<Vec<Entry>, StoreError> {
        self.select(
            &format!(
                "hidden = 0 AND (state IN ({}) OR settled_at >= ?1 OR change IN ({OPEN}) \
                 OR entry IN (SELECT entry FROM withdrawn WHERE at >= ?1)) ORDER BY signed_at DESC, entry",
                unconfirmed()
            ),
            [since.to_string()],
        )
    }

    /// The decisions on one change, latest first, those put away too.
    pub fn decisions_on(&self, change: &ChangeId) -> Result<Vec<Entry>, StoreError> {
        self.select("change = ?1 ORDER BY signed_at DESC, entry", [change.to_string()])
    }

    /// The confirmed approvals and requests for changes on changes that are open still, latest first, those put away too.
    pub fn confirmed_on_open(&self) -> Result<Vec<Entry>, StoreError> {
        // The plus keeps the years of confirmed ones from being looked through for the few whose change is open.
        self.select(
            &format!(
                "+state = '\"confirmed\"' AND decision <> '\"comment\"' AND change IN ({OPEN}) \
                 ORDER BY signed_at DESC, entry"
            ),
            [],
        )
    }

    /// When an approval on the change other than in this review was last recorded as withdrawn.
    pub fn other_withdrawn_at(
        &self,
        change: &ChangeId,
        review: &str,
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut query = self
            .db
            .prepare_cached("SELECT at FROM withdrawn WHERE change = ?1 AND review <> ?2")?;
        let rows = query.query_map([&change.to_string(), review], |row| row.get::<_, String>(0))?;
        let times: Vec<Timestamp> = rows.map(|at| timestamp(&at?)).collect::<Result<_, _>>()?;
        Ok(times.into_iter().max())
    }

    /// One decision.
    pub fn decision(&self, entry: &str) -> Result<Option<Entry>, StoreError> {
        Ok(self.select("entry = ?1", [entry.to_owned()])?.pop())
    }

    fn select<const N: usize>(&self, condition: &str, values: [String; N]) -> Result<Vec<Entry>, StoreError> {
        let mut query = self
            .db
            .prepare_cached(&format!("SELECT {COLUMNS} FROM outbox WHERE {condition}"))?;
        let rows = query.query_map(rusqlite::params_from_iter(values), raw)?;
        rows.map(|row| entry(row?)).collect()
    }

    /// Hash of the ledger's last line; `None` while it is empty.
    pub fn ledger_head(&self) -> Result<Option<String>, StoreError> {
        let mut query = self
            .db
            .prepare_cached("SELECT hash FROM ledger ORDER BY seq DESC LIMIT 1")?;
        Ok(query.query_row([], |row| row.get(0)).optional()?)
    }

    /// The ledger's lines, oldest first.
    pub fn ledger(&self) -> Result<Vec<String>, StoreError> {
        let mut query = self.db.prepare_cached("SELECT line FROM ledger ORDER BY seq")?;
        let rows = query.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// Writes where a decision stands, if it may come to stand there.
fn step(tx: &Transaction<'_>, entry: &Entry) -> Result<(), StoreError> {
    let held: String = tx.query_row(
        "SELECT state FROM outbox WHERE entry = ?1",
        [&entry.entry],
        |row| row.get(0),
    )?;
    let held: OutboxState = parsed(&held)?;
    if held != entry.state && !held.may_become(entry.state) {
        return Err(StoreError::Other(format!(
            "a decision that is {held:?} cannot become {:?}",
            entry.state
        )));
    }
    tx.execute(
        "UPDATE outbox SET state = ?2, review = ?3, message = ?4, settled_at = ?5, hidden = ?6 WHERE entry = ?1",
        params![
            entry.entry,
            json(&entry.state)?,
            entry.review,
            entry.message.as_ref().map(json).transpose()?,
            entry.settled_at.map(|at| at.to_string()),
            entry.hidden
        ],
    )?;
    Ok(())
}

fn append(tx: &Transaction<'_>, line: &str, hash: &str) -> Result<(), StoreError> {
    tx.execute("INSERT INTO ledger (line, hash) VALUES (?1, ?2)", [line, hash])?;
    Ok(())
}
