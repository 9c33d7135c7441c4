//! What a search goes through: the changes that were ever read, one after the other.

use countersign_core::change::ChangeId;
use rusqlite::params;

use super::{Store, StoreError, outbox};

/// Where a search stands: at this change. What waits comes first, then what the forge touched last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub(crate) waits: bool,
    pub(crate) updated_at: String,
    pub(crate) id: ChangeId,
}

impl Store {
    /// Up to `most` changes that come after `place`, from the first on without one.
    pub fn changes_after(&self, place: Option<&Place>, most: usize) -> Result<Vec<Place>, StoreError> {
        // No column behind `held` is asked for: to get there SQLite would read all of it.
        let mut query = self.db.prepare_cached(
            "SELECT waits, updated_at, id FROM change WHERE ?1 IS NULL OR (waits, updated_at, id) < (?1, ?2, ?3)
             ORDER BY waits DESC, updated_at DESC, id DESC LIMIT ?4",
        )?;
        let (waits, updated_at, id) = match place {
            Some(place) => (
                Some(place.waits),
                Some(&place.updated_at),
                Some(place.id.to_string()),
            ),
            None => (None, None, None),
        };
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = query.query_map(params![waits, updated_at, id, most], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?))
        })?;
        rows.map(|row| {
            let (waits, updated_at, id) = row?;
            Ok(Place {
                waits,
                updated_at,
                id: outbox::change_id(&id)?,
            })
        })
        .collect()
    }

    /// The layout that the database has.
    pub fn layout(&self) -> Result<i64, StoreError> {
        Ok(self.db.query_row("PRAGMA user_version", [], |row| row.get(0))?)
    }

    /// Bytes of the database's file, without what was written last.
    pub fn bytes(&self) -> Result<i64, StoreError> {
        let size = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
        Ok(self.db.query_row(size, [], |row| row.get(0))?)
    }

    /// How many changes were ever read and are held still.
    pub fn changes(&self) -> Result<u64, StoreError> {
        let count: i64 = self
            .db
            .query_row("SELECT count(*) FROM change", [], |row| row.get(0))?;
        Ok(u64::try_from(count).unwrap_or_default())
    }
}
