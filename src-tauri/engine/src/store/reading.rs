//! What the user opened, viewed and acknowledged, each at a head: a new head starts with nothing.

use countersign_core::change::{ChangeId, Oid};
use jiff::Timestamp;
use rusqlite::params;

use super::{Held, Store, StoreError, oid, timestamp};

/// When the user last opened a change, and at which head.
#[derive(Debug, Clone)]
pub struct Looked {
    /// The head that was shown.
    pub head: Oid,
    /// The commits it had.
    pub commits: Vec<Oid>,
    /// Digest of what was shown.
    pub seen: String,
}

/// A finding that the user acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The finding's id.
    pub finding: String,
    /// When.
    pub at: Timestamp,
    /// What the user noted; empty for nothing.
    pub note: String,
}

impl Store {
    /// Remembers that the user opened the change as it is held now.
    pub fn look(&self, held: &Held, now: Timestamp) -> Result<(), StoreError> {
        let commits: Vec<&str> = held
            .change
            .commits
            .iter()
            .map(|commit| commit.oid.as_str())
            .collect();
        self.db.execute(
            "INSERT INTO looked (change, head, commits, seen, at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (change, head) DO UPDATE SET commits = ?3, seen = ?4, at = ?5",
            params![
                held.change.id.to_string(),
                held.change.head.oid.as_str(),
                commits.join(" "),
                held.seen,
                now.to_string()
            ],
        )?;
        Ok(())
    }

    /// The heads at which the user opened the change, latest first.
    pub fn looked(&self, id: &ChangeId) -> Result<Vec<Looked>, StoreError> {
        let mut query = self
            .db
            .prepare_cached("SELECT head, commits, seen FROM looked WHERE change = ?1 ORDER BY at DESC")?;
        let rows = query.query_map([id.to_string()], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, String>(2)?,
            ))
        })?;
        rows.map(|row| {
            let (head, commits, seen) = row?;
            let commits = commits.split_whitespace().map(oid).collect::<Result<_, _>>()?;
            Ok(Looked {
                head: oid(&head)?,
                commits,
                seen,
            })
        })
        .collect()
    }

    /// Marks a file as viewed at a head, or takes the mark away.
    pub fn set_viewed(&self, id: &ChangeId, head: &Oid, path: &str, viewed: bool) -> Result<(), StoreError> {
        let key = params![id.to_string(), head.as_str(), path];
        if viewed {
            self.db.execute(
                "INSERT OR IGNORE INTO viewed (change, head, path) VALUES (?1, ?2, ?3)",
                key,
            )?;
        } else {
            self.db.execute(
                "DELETE FROM viewed WHERE change = ?1 AND head = ?2 AND path = ?3",
                key,
            )?;
        }
        Ok(())
    }

    /// The files viewed at a head.
    pub fn viewed(&self, id: &ChangeId, head: &Oid) -> Result<Vec<String>, StoreError> {
        let mut query = self
            .db
            .prepare_cached("SELECT path FROM viewed WHERE change = ?1 AND head = ?2")?;
        let rows = query.query_map([id.to_string(), head.to_string()], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Acknowledges a finding at a head. A note that is there stays unless another is given.
    pub fn acknowledge(
        &self,
        id: &ChangeId,
        head: &Oid,
        finding: &str,
        at: Timestamp,
        note: Option<&str>,
    ) -> Result<(), StoreError> {
        self.db.execute(
            "INSERT INTO acknowledged (change, head, finding, at, note) VALUES (?1, ?2, ?3, ?4, coalesce(?5, ''))
             ON CONFLICT (change, head, finding) DO UPDATE SET note = coalesce(?5, note)",
            params![id.to_string(), head.as_str(), finding, at.to_string(), note],
        )?;
        Ok(())
    }

    /// Takes an acknowledgement back, and its note with it.
    pub fn take_back_acknowledgement(
        &self,
        id: &ChangeId,
        head: &Oid,
        finding: &str,
    ) -> Result<(), StoreError> {
        self.db.execute(
            "DELETE FROM acknowledged WHERE change = ?1 AND head = ?2 AND finding = ?3",
            params![id.to_string(), head.as_str(), finding],
        )?;
        Ok(())
    }

    /// The findings acknowledged at a head.
    pub fn acknowledged(&self, id: &ChangeId, head: &Oid) -> Result<Vec<Acknowledgement>, StoreError> {
        let mut query = self
            .db
            .prepare_cached("SELECT finding, at, note FROM acknowledged WHERE change = ?1 AND head = ?2")?;
        let rows = query.query_map([id.to_string(), head.to_string()], |row| {
            let text = |index| row.get::<_, String>(index);
            Ok((text(0)?, text(1)?, text(2)?))
        })?;
        rows.map(|row| {
            let (finding, at, note) = row?;
            Ok(Acknowledgement {
                finding,
                at: timestamp(&at)?,
                note,
            })
        })
        .collect()
    }
}
