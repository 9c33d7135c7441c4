//! The local database: SQLite in WAL mode, one file in the profile. Forward-only migrations stand in `store/schema.rs`.
//!
//! A profile written by a newer version is refused and not touched; of one written by an older version a copy is kept
//! before its layout is brought on. What is lost here is lost for good, so a write
//! that belongs together is one transaction, and the outbox and the ledger are written with `synchronous=FULL`.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use countersign_core::change::{Change, ChangeId, ChangeState, Oid};
use countersign_core::queue::{Event, Section, Standing};
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Transaction, params};
use serde::Serialize;

mod backup;
mod beside;
mod budget;
mod held;
mod inputs;
mod outbox;
mod reading;
mod schema;
mod searching;

pub use budget::Evicted;
pub use held::{Facts, Held, Known, SideNames};
pub use inputs::KeptInput;
pub use outbox::{Entry, NewEntry, Withdrawal};
pub use reading::{Acknowledgement, Looked};
pub use searching::Place;

/// Set in `meta` once a sync has ended: what was there then is never told as new.
pub(crate) const SYNCED: &str = "synced";

/// When the forge last confirmed what is held, in `meta`: the data's age is honest after a restart too.
pub(crate) const REFRESHED: &str = "refreshed_at";

/// Why the database could not be opened or used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Written by a newer version of the app.
    #[error(
        "this profile was written by a newer version of Countersign (layout {found}, this one knows {known})"
    )]
    Newer {
        /// The layout found.
        found: i64,
        /// The newest that this version knows.
        known: i64,
    },
    /// Another process has it.
    #[error("another Countersign uses this profile")]
    InUse,
    /// The file is damaged.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// The disk is full or cannot be written.
    #[error("the database cannot be written: {0}")]
    Unwritable(String),
    /// Under its name there is nothing, or another file: what is written goes away with this process.
    #[error("the database's file was moved or deleted while Countersign ran")]
    Gone,
    /// The profile had a database, and it is not there any more.
    #[error("the database of this profile is gone")]
    Lost,
    /// Anything else.
    #[error("the database failed: {0}")]
    Other(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::InUse,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(text),
            Some(
                ErrorCode::DiskFull
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
                | ErrorCode::SystemIoFailure,
            ) => Self::Unwritable(text),
            _ => Self::Other(text),
        }
    }
}

/// The database.
pub struct Store {
    db: Connection,
    /// Its file and which one that is; `None` in memory.
    file: Option<(PathBuf, Identity)>,
}

/// Which file it is, whatever its name.
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    let found = path.metadata().ok()?;
    Some((found.dev(), found.ino()))
}

/// Elsewhere an open file can neither be deleted nor replaced.
#[cfg(not(unix))]
fn identity(path: &Path) -> Option<Identity> {
    path.metadata().ok().map(|_| (0, 0))
}

fn change_from(text: &str) -> Result<Held, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Damaged(format!("a held change: {error}")))
}

fn timestamp(text: &str) -> Result<Timestamp, StoreError> {
    text.parse()
        .map_err(|error| StoreError::Damaged(format!("a time: {error}")))
}

fn oid(text: &str) -> Result<Oid, StoreError> {
    text.parse()
        .map_err(|error| StoreError::Damaged(format!("{error}")))
}

impl Store {
    /// Opens (and where it is new, makes) the database at `path`, for this process alone.
    ///
    /// # Errors
    /// It cannot be used, or has an older layout and cannot be copied before that is brought on: it is left as it is.
    /// [`StoreError::Lost`] once, where there was one before: the next time a new one is made.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        beside::look(path)?;
        let mut store = Self::prepare(Connection::open(path)?, Some(path))?;
        store.file = Some((path.to_owned(), identity(path).ok_or(StoreError::Gone)?));
        beside::mark(path);
        Ok(store)
    }

    /// Before what must outlive this process: that its file is still the one that its name names.
    fn is_there(&self) -> Result<(), StoreError> {
        match &self.file {
            Some((path, opened)) if identity(path) != Some(*opened) => Err(StoreError::Gone),
            Some(_) | None => Ok(()),
        }
    }

    /// A database in memory, for tests.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::prepare(Connection::open_in_memory()?, None)
    }

    fn prepare(db: Connection, file: Option<&Path>) -> Result<Self, StoreError> {
        db.busy_timeout(std::time::Duration::from_millis(500))?;
        // Asked before anything is written: a newer profile must stay as it is.
        let found: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if found > schema::KNOWN {
            return Err(StoreError::Newer {
                found,
                known: schema::KNOWN,
            });
        }
        db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        if let Some(path) = file
            && (1..schema::KNOWN).contains(&found)
        {
            backup::keep(&db, path, found)?;
        }
        db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.pragma_update(None, "foreign_keys", true)?;
        let mut store = Self { db, file: None };
        schema::migrate(&mut store.db, found)?;
        // The exclusive lock is taken by the first write and held from then on: so one is made now, and a second
        // process is told at its start instead of at its first decision.
        store.db.pragma_update(None, "user_version", schema::KNOWN)?;
        Ok(store)
    }

    /// A value of the app's own, by name.
    pub fn meta(&self, name: &str) -> Result<Option<String>, StoreError> {
        Ok(self
            .db
            .query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0))
            .optional()?)
    }

    /// Sets a value of the app's own; `None` removes it.
    pub fn set_meta(&self, name: &str, value: Option<&str>) -> Result<(), StoreError> {
        self.is_there()?;
        match value {
            Some(value) => self.db.execute(
                "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
                [name, value],
            )?,
            None => self.db.execute("DELETE FROM meta WHERE name = ?1", [name])?,
        };
        Ok(())
    }

    /// Writes what was made of one change, with its diff where a new one was read, in one transaction.
    pub fn put(&mut self, held: &Held, diff: Option<&[u8]>, now: Timestamp) -> Result<(), StoreError> {
        let tx = self.db.transaction()?;
        follow_rename(&tx, &held.change)?;
        put_one(&tx, held, diff, now)?;
        tx.commit()?;
        Ok(())
    }

    /// A change that came to its end, or that the forge no longer shows to this account (`None`), leaves the queue; what
    /// was read of it is kept.
    pub fn leave(&self, id: &ChangeId, end: Option<ChangeState>) -> Result<(), StoreError> {
        let Some(mut held) = self.held(id)? else {
            return Ok(());
        };
        held.section = None;
        held.change.state = end.unwrap_or(held.change.state);
        self.db.execute(
            "UPDATE change SET waits = 0, open = 0, held = ?2 WHERE id = ?1",
            params![id.to_string(), json(&held)?],
        )?;
        Ok(())
    }

    /// One change.
    pub fn held(&self, id: &ChangeId) -> Result<Option<Held>, StoreError> {
        let text: Option<String> = self
            .db
            .query_row("SELECT held FROM change WHERE id = ?1", [id.to_string()], |row| {
                row.get(0)
            })
            .optional()?;
        text.as_deref().map(change_from).transpose()
    }

    /// When the change was last read, by the local clock.
    pub fn read_at(&self, id: &ChangeId) -> Result<Option<Timestamp>, StoreError> {
        let text: Option<String> = self
            .db
            .query_row(
                "SELECT read_at FROM change WHERE id = ?1",
                [id.to_string()],
                |row| row.get(0),
            )
            .optional()?;
        text.as_deref().map(timestamp).transpose()
    }

    /// All that wait.
    pub fn waiting(&self) -> Result<Vec<Held>, StoreError> {
        let mut query = self
            .db
            .prepare_cached("SELECT held FROM change WHERE waits = 1 ORDER BY id")?;
        let rows = query.query_map([], |row| row.get::<_, String>(0))?;
        rows.map(|text| change_from(&text?)).collect()
    }

    /// All that are open, whether or not they wait, the one that was read last first.
    pub fn open_changes(&self) -> Result<Vec<Held>, StoreError> {
        let mut query = self
            .db
            .prepare_cached("SELECT held FROM change WHERE open = 1 ORDER BY read_at DESC, id")?;
        let rows = query.query_map([], |row| row.get::<_, String>(0))?;
        rows.map(|text| change_from(&text?)).collect()
    }

    /// What a poll compares with, by the node ids that its searches found: those, what waits, and what the user has
    /// decided on and is open still.
    pub fn known(&self, found: &[&str]) -> Result<Vec<Known>, StoreError> {
        let mut query = self.db.prepare_cached(&format!(
            "SELECT id, node_id, head, updated_at, waits, whole FROM change
             WHERE waits = 1 OR node_id IN (SELECT value FROM json_each(?1))
             OR id IN (SELECT change FROM outbox WHERE +state = '\"confirmed\"' AND change IN ({}))",
            outbox::OPEN
        ))?;
        let rows = query.query_map([json(&found)?], |row| {
            let text = |index| row.get::<_, String>(index);
            Ok((text(0)?, text(1)?, text(2)?, text(3)?, row.get(4)?, row.get(5)?))
        })?;
        rows.map(|row| {
            let (id, node_id, head, updated, waits, settled) = row?;
            Ok(Known {
                id: outbox::change_id(&id)?,
                node_id,
                head,
                updated_at: timestamp(&updated)?,
                waits,
                settled,
            })
        })
        .collect()
    }

    /// The id of the change with this node id.
    pub fn id_of(&self, node_id: &str) -> Result<Option<ChangeId>, StoreError> {
        let text: Option<String> = self
            .db
            .query_row("SELECT id FROM change WHERE node_id = ?1", [node_id], |row| {
                row.get(0)
            })
            .optional()?;
        text.map(|text| {
            text.parse()
                .map_err(|error| StoreError::Damaged(format!("{error}")))
        })
        .transpose()
    }

    /// The diff held for (target tip, head), byte for byte.
    pub fn diff(&self, target: &Oid, head: &Oid) -> Result<Option<Vec<u8>>, StoreError> {
        let packed: Option<Vec<u8>> = self
            .db
            .query_row(
                "SELECT bytes FROM diff WHERE target = ?1 AND head = ?2",
                [target.as_str(), head.as_str()],
                |row| row.get(0),
            )
            .optional()?;
        packed.map(|packed| unpack(&packed)).transpose()
    }

    /// A diff held of a head: against this target tip or, where that is not held, against whatever tip it was last read.
    pub fn diff_of(&self, head: &Oid, target: &Oid) -> Result<Option<Vec<u8>>, StoreError> {
        let mut query = self.db.prepare_cached(
            "SELECT bytes FROM diff WHERE head = ?1 ORDER BY target = ?2 DESC, rowid DESC LIMIT 1",
        )?;
        let packed: Option<Vec<u8>> = query
            .query_row([head.as_str(), target.as_str()], |row| row.get(0))
            .optional()?;
        packed.map(|packed| unpack(&packed)).transpose()
    }

    /// A file's content by its name.
    pub fn blob(&self, oid: &Oid) -> Result<Option<Vec<u8>>, StoreError> {
        let packed: Option<Vec<u8>> = self
            .db
            .query_row("SELECT bytes FROM blob WHERE oid = ?1", [oid.as_str()], |row| {
                row.get(0)
            })
            .optional()?;
        packed.map(|packed| unpack(&packed)).transpose()
    }

    /// Whether a file's content is held.
    pub fn has_blob(&self, oid: &Oid) -> Result<bool, StoreError> {
        let found = self
            .db
            .query_row("SELECT 1 FROM blob WHERE oid = ?1", [oid.as_str()], |_| Ok(()))
            .optional()?;
        Ok(found.is_some())
    }

    /// Keeps a file's content by its name.
    pub fn put_blob(&self, oid: &Oid, bytes: &[u8]) -> Result<(), StoreError> {
        self.db.execute(
            "INSERT OR IGNORE INTO blob (oid, bytes) VALUES (?1, ?2)",
            params![oid.as_str(), pack(bytes)?],
        )?;
        Ok(())
    }

    /// Claims the right to tell about this event: `true` exactly once per (change, head, event), restarts included.
    pub fn claim_notice(&self, id: &ChangeId, head: &Oid, event: Event) -> Result<bool, StoreError> {
        let added = self.db.execute(
            "INSERT OR IGNORE INTO told (change, head, event) VALUES (?1, ?2, ?3)",
            params![id.to_string(), head.as_str(), json(&event)?],
        )?;
        Ok(added == 1)
    }

    /// How each change that waits stood when the user was last told of it.
    pub fn told(&self) -> Result<Vec<Standing>, StoreError> {
        let mut query = self.db.prepare_cached(
            "SELECT change, head, event FROM told WHERE rowid IN (SELECT max(rowid) FROM told
             WHERE change IN (SELECT id FROM change WHERE waits = 1) GROUP BY change)",
        )?;
        let rows = query.query_map([], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, String>(2)?,
            ))
        })?;
        rows.map(|row| {
            let (change, head, event) = row?;
            let event: Event = serde_json::from_str(&event)
                .map_err(|error| StoreError::Damaged(format!("a notice: {error}")))?;
            Ok(Standing {
                id: change
                    .parse()
                    .map_err(|error| StoreError::Damaged(format!("{error}")))?,
                head: oid(&head)?,
                section: Some(match event {
                    Event::CameBack => Section::CameBack,
                    Event::Arrived | Event::Moved => Section::NeedsYou,
                }),
                severity: None,
                needs_sign_off: true,
                words: String::new(),
            })
        })
        .collect()
    }

    /// Erases the database with its copies, and begins a new one in its place.
    ///
    /// # Errors
    /// A file cannot be deleted, or the new one cannot be made. Until that is mended nothing is kept.
    pub fn erase(&mut self) -> Result<(), StoreError> {
        let Some((path, _)) = self.file.clone() else {
            *self = Self::in_memory()?;
            return Ok(());
        };
        // Closed first: elsewhere than on Unix an open file cannot be deleted.
        self.db = Connection::open_in_memory()?;
        // First: what is erased on purpose must not be told as lost, wherever this is broken off.
        beside::forget(&path).map_err(|error| StoreError::Unwritable(error.to_string()))?;
        backup::erase(&path, schema::KNOWN).map_err(|error| StoreError::Unwritable(error.to_string()))?;
        *self = Self::open(&path)?;
        Ok(())
    }

    /// Forgets everything that belongs to the signed-out account, a copy of an older layout too. Outbox and ledger
    /// stay: they are the user's record.
    pub fn forget_account(&mut self) -> Result<(), StoreError> {
        if let Some((path, _)) = &self.file {
            backup::forget(path, schema::KNOWN)
                .map_err(|error| StoreError::Unwritable(format!("an older copy of it stays: {error}")))?;
        }
        let tx = self.db.transaction()?;
        for table in [
            "change",
            "diff",
            "blob",
            "looked",
            "viewed",
            "acknowledged",
            "told",
        ] {
            tx.execute(&format!("DELETE FROM {table}"), [])?;
        }
        // The next account's first sync is a first one again, and silent.
        tx.execute("DELETE FROM meta WHERE name IN (?1, ?2)", [SYNCED, REFRESHED])?;
        tx.commit()?;
        Ok(())
    }
}

/// A repository that was renamed or transferred gives its changes new names; the forge's node id stays. What was kept
/// under the old name moves along.
fn follow_rename(tx: &Transaction<'_>, change: &Change) -> Result<(), StoreError> {
    let old: Option<(String, String)> = tx
        .query_row(
            "SELECT id, held FROM change WHERE node_id = ?1 AND id <> ?2",
            [&change.node_id, &change.id.to_string()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let Some((old, held)) = old else { return Ok(()) };
    let before = change_from(&held)?.change;
    if before.change_id != change.change_id || before.repo_id != change.repo_id {
        // Another change under a node id that was used before: what was read and decided is not about this one.
        tx.execute(
            "UPDATE change SET waits = 0, open = 0, node_id = 'formerly of ' || id WHERE id = ?1",
            [&old],
        )?;
        return Ok(());
    }
    tx.execute("DELETE FROM change WHERE id = ?1", [&old])?;
    for table in ["looked", "viewed", "acknowledged", "told", "outbox", "withdrawn"] {
        tx.execute(
            &format!("UPDATE OR REPLACE {table} SET change = ?2 WHERE change = ?1"),
            [&old, &change.id.to_string()],
        )?;
    }
    Ok(())
}

fn put_one(tx: &Transaction<'_>, held: &Held, diff: Option<&[u8]>, now: Timestamp) -> Result<(), StoreError> {
    let change = &held.change;
    tx.execute(
        "INSERT INTO change (id, node_id, head, updated_at, waits, held, read_at, whole, open)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1)
         ON CONFLICT (id) DO UPDATE SET
         node_id = ?2, head = ?3, updated_at = ?4, waits = ?5, held = ?6, read_at = ?7, whole = ?8, open = 1",
        params![
            change.id.to_string(),
            change.node_id,
            change.head.oid.as_str(),
            change.updated_at.to_string(),
            held.section.is_some(),
            json(held)?,
            now.to_string(),
            held.is_settled()
        ],
    )?;
    if let Some(diff) = diff {
        tx.execute(
            "INSERT OR REPLACE INTO diff (target, head, bytes) VALUES (?1, ?2, ?3)",
            params![change.target.oid.as_str(), change.head.oid.as_str(), pack(diff)?],
        )?;
    }
    Ok(())
}

fn pack(bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
    packer
        .write_all(bytes)
        .and_then(|()| packer.finish())
        .map_err(|error| StoreError::Other(error.to_string()))
}

fn unpack(packed: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    ZlibDecoder::new(packed)
        .read_to_end(&mut bytes)
        .map_err(|error| StoreError::Damaged(format!("what is held packed: {error}")))?;
    Ok(bytes)
}

fn json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Other(error.to_string()))
}

#[cfg(test)]
mod tests;
