//! How much of what was read is held: diffs and whole files up to a budget. What waits, and what a decision still
//! needs, is never given up for it.

use std::collections::BTreeSet;

use countersign_core::change::{ChangeId, Oid};
use rusqlite::{Row, Transaction};

use super::{Held, Store, StoreError};

/// What was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Evicted {
    /// Rows.
    pub rows: usize,
    /// Packed bytes.
    pub bytes: u64,
    /// Packed bytes that are held still. More than the budget only where all of it is needed.
    pub held: u64,
}

/// What must stay.
#[derive(Default)]
struct Needed {
    /// (Target, head) of diffs.
    diffs: BTreeSet<(String, String)>,
    /// Heads whose diffs stay against every target.
    heads: BTreeSet<String>,
    /// Names of whole files.
    blobs: BTreeSet<String>,
}

impl Store {
    /// Gives up what was read longest ago until at most `budget` packed bytes are held, or nothing is left that could
    /// be given up. Whole files go before diffs: what was made of them is kept, and a diff is what one reads.
    pub fn keep_within(&mut self, budget: u64) -> Result<Evicted, StoreError> {
        let mut evicted = Evicted {
            held: self.packed()?,
            ..Evicted::default()
        };
        if evicted.held <= budget {
            return Ok(evicted);
        }
        let needed = self.needed()?;
        let tx = self.db.transaction()?;
        for (table, names) in [("blob", "oid, ''"), ("diff", "target, head")] {
            evict(&tx, table, names, budget, &needed, &mut evicted)?;
        }
        tx.commit()?;
        Ok(evicted)
    }

    /// Whether all that was read of a change is held still: its diff, and the whole files that could be had.
    pub fn is_whole(&self, held: &Held) -> Result<bool, StoreError> {
        let change = &held.change;
        if held.read && !self.has_diff(&change.target.oid, &change.head.oid)? {
            return Ok(false);
        }
        for oid in blobs(held) {
            if !self.has_blob(oid)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn has_diff(&self, target: &Oid, head: &Oid) -> Result<bool, StoreError> {
        let mut query = self
            .db
            .prepare_cached("SELECT 1 FROM diff WHERE target = ?1 AND head = ?2")?;
        Ok(query.exists([target.as_str(), head.as_str()])?)
    }

    /// Packed bytes of diffs and whole files. SQLite knows each length without reading the bytes.
    pub fn packed(&self) -> Result<u64, StoreError> {
        let sum = "SELECT (SELECT coalesce(sum(length(bytes)), 0) FROM diff) +
                          (SELECT coalesce(sum(length(bytes)), 0) FROM blob)";
        Ok(self.db.query_row(sum, [], |row| length(row, 0))?)
    }

    /// What waits, with the diff of the head at which it was last looked at, which shows what changed since; what was
    /// decided and is not confirmed, or came back; and what was approved and is open still, which is judged again.
    fn needed(&self) -> Result<Needed, StoreError> {
        let mut needed = Needed::default();
        for held in self.waiting()? {
            needed.keep(&held);
            needed.looked(self, &held.change.id)?;
        }
        for entry in self.unfinished()? {
            needed.heads.insert(entry.head.to_string());
            needed.looked(self, &entry.change)?;
            if let Some(held) = self.held(&entry.change)? {
                needed.keep(&held);
            }
        }
        for entry in self.confirmed_on_open()? {
            if let Some(held) = self.held(&entry.change)? {
                needed.diff(&held);
            }
        }
        Ok(needed)
    }
}

impl Needed {
    fn keep(&mut self, held: &Held) {
        self.diff(held);
        self.blobs.extend(blobs(held).map(Oid::to_string));
    }

    fn diff(&mut self, held: &Held) {
        let change = &held.change;
        self.diffs
            .insert((change.target.oid.to_string(), change.head.oid.to_string()));
    }

    fn looked(&mut self, store: &Store, id: &ChangeId) -> Result<(), StoreError> {
        let looked = store.looked(id)?;
        // The latest may be of the present head: then what changed is shown against the one before.
        self.heads
            .extend(looked.iter().take(2).map(|looked| looked.head.to_string()));
        Ok(())
    }

    fn has(&self, first: &str, second: &str) -> bool {
        self.blobs.contains(first)
            || self.heads.contains(second)
            || self.diffs.contains(&(first.to_owned(), second.to_owned()))
    }
}

/// The whole files that were read of a change.
fn blobs(held: &Held) -> impl Iterator<Item = &Oid> {
    let facts = &held.facts;
    let sides = facts.sides.iter().filter(|side| side.missing.is_none());
    let sides = sides.flat_map(|side| side.old.iter().chain(&side.new));
    sides.chain(facts.manifests.iter().map(|(_, oid)| oid))
}

/// SQLite counts with signs; a length has none.
fn length(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(index)?.unsigned_abs())
}

/// Deletes from one table, oldest first, what is not needed, until the budget is kept.
fn evict(
    tx: &Transaction<'_>,
    table: &str,
    names: &str,
    budget: u64,
    needed: &Needed,
    evicted: &mut Evicted,
) -> Result<(), StoreError> {
    let mut query = tx.prepare(&format!(
        "SELECT rowid, length(bytes), {names} FROM {table} ORDER BY rowid"
    ))?;
    let mut delete = tx.prepare(&format!("DELETE FROM {table} WHERE rowid = ?1"))?;
    let rows = query.query_map([], |row| {
        let text = |index| row.get::<_, String>(index);
        Ok((row.get::<_, i64>(0)?, length(row, 1)?, text(2)?, text(3)?))
    })?;
    // Read to its end before the first row goes: what a query would still find of a table that shrinks is not said.
    let rows: Vec<_> = rows.collect::<Result<_, _>>()?;
    for (row, length, first, second) in rows {
        if evicted.held <= budget {
            break;
        }
        if needed.has(&first, &second) {
            continue;
        }
        delete.execute([row])?;
        evicted.rows += 1;
        evicted.bytes += length;
        evicted.held -= length;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use countersign_core::change::Asked;
    use countersign_core::decision::{Decision, OutboxState};
    use jiff::Timestamp;

    use super::*;
    use crate::assessing;
    use crate::example;
    use crate::store::{Facts, NewEntry, SideNames};
    use crate::whole::Whole;

    fn oid(digit: char) -> Oid {
        digit.to_string().repeat(40).parse().unwrap()
    }

    /// A change whose head, target and one whole file have these digits.
    async fn held(number: u8, target: char, head: char, blob: char, waits: bool) -> Held {
        let mut change = example::change();
        change.id = format!("github.com/acme/infra#{number}").parse().unwrap();
        change.node_id = number.to_string();
        change.head.oid = oid(head);
        change.target.oid = oid(target);
        change.asked = if waits { vec![Asked::ByName] } else { Vec::new() };
        let facts = Facts {
            sides: vec![SideNames {
                path: "x.yaml".into(),
                old: None,
                new: Some(oid(blob)),
                missing: None,
            }],
            ..Facts::default()
        };
        let diff = Some(b"diff --git a/x b/x\n".to_vec());
        assessing::make(change, facts, diff, Whole::default(), "7").await
    }

    fn put(store: &mut Store, held: &Held) {
        let at = Timestamp::UNIX_EPOCH;
        store.put(held, Some(b"diff --git a/x b/x\n"), at).unwrap();
        for blob in blobs(held) {
            store.put_blob(blob, b"contents").unwrap();
        }
    }

    fn has(store: &Store, held: &Held) -> (bool, bool) {
        let change = &held.change;
        let blob = blobs(held).next().unwrap();
        (
            store.has_diff(&change.target.oid, &change.head.oid).unwrap(),
            store.has_blob(blob).unwrap(),
        )
    }

    fn entry(held: &Held, name: &str) -> NewEntry {
        NewEntry {
            entry: name.into(),
            change: held.change.id.clone(),
            head: held.change.head.oid.clone(),
            target: "main".into(),
            reviewer: "7".into(),
            title: String::new(),
            decision: Decision::Approve,
            words: String::new(),
            body: String::new(),
            signed_at: Timestamp::UNIX_EPOCH,
            not_after: Timestamp::MAX,
        }
    }

    #[tokio::test]
    async fn what_was_read_longest_ago_goes_first_and_files_before_diffs() {
        let mut store = Store::in_memory().unwrap();
        let (old, new) = (
            held(1, '1', 'a', 'c', false).await,
            held(2, '1', 'b', 'd', false).await,
        );
        put(&mut store, &old);
        put(&mut store, &new);
        let all = store.packed().unwrap();
        assert_eq!(
            store.keep_within(all).unwrap(),
            Evicted {
                rows: 0,
                bytes: 0,
                held: all
            }
        );
        assert!(store.is_whole(&old).unwrap());

        let one = store.keep_within(all - 1).unwrap();
        assert_eq!((one.rows, one.bytes + one.held), (1, all));
        assert_eq!(
            (has(&store, &old), has(&store, &new)),
            ((true, false), (true, true))
        );
        assert!(!store.is_whole(&old).unwrap());
        store.keep_within(one.held - 1).unwrap();
        assert_eq!(
            (has(&store, &old), has(&store, &new)),
            ((true, false), (true, false))
        );
        let next = store.keep_within(1).unwrap();
        assert_eq!((next.rows, next.held), (2, 0));
        assert_eq!(
            store.held(&old.change.id).unwrap().unwrap().seen,
            old.seen,
            "what was made of it stays"
        );
    }

    #[tokio::test]
    async fn what_waits_or_a_decision_needs_is_never_given_up() {
        let mut store = Store::in_memory().unwrap();
        // The same change against an older tip of its target, and at an older head that was looked at.
        let stale = held(1, '1', 'a', 'c', true).await;
        let looked = held(1, '2', 'b', 'd', true).await;
        let waits = held(1, '2', 'e', 'f', true).await;
        put(&mut store, &stale);
        put(&mut store, &looked);
        store.look(&looked, Timestamp::UNIX_EPOCH).unwrap();
        put(&mut store, &waits);
        // Decided: not sent, handed back, put away, confirmed.
        let mut decided = Vec::new();
        for (number, head, state, hidden) in [
            (2, '3', OutboxState::Queued, false),
            (3, '4', OutboxState::HandedBack, false),
            (4, '5', OutboxState::HandedBack, true),
            (5, '6', OutboxState::Confirmed, false),
        ] {
            let one = held(number, '2', head, head, false).await;
            put(&mut store, &one);
            let name = number.to_string();
            store.queue_decision(&entry(&one, &name), "line", "hash").unwrap();
            let mut kept = store.decision(&name).unwrap().unwrap();
            (kept.state, kept.hidden) = (state, hidden);
            store.note_decision(&kept).unwrap();
            decided.push(one);
        }
        // The last one is closed: nothing is judged again.
        let closed = decided.last().unwrap().change.id.clone();
        store
            .leave(&closed, Some(countersign_core::change::ChangeState::Closed))
            .unwrap();

        let evicted = store.keep_within(0).unwrap();
        assert!(evicted.held > 0, "more than the budget, because it is needed");
        assert_eq!(has(&store, &waits), (true, true));
        assert_eq!(
            has(&store, &looked),
            (true, false),
            "what changed since is shown against it"
        );
        assert_eq!(
            has(&store, &stale),
            (false, false),
            "nothing shows an older tip's diff"
        );
        let rest: Vec<(bool, bool)> = decided.iter().map(|one| has(&store, one)).collect();
        assert_eq!(rest, [(true, true), (true, true), (false, false), (false, false)]);
        let again = store.keep_within(0).unwrap();
        assert_eq!((again.rows, again.held), (0, evicted.held));
    }
}
