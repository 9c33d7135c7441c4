//! A file beside the database that says that there is one: a profile whose database was deleted while the app did not
//! run must not look like a new one, because what waited in the outbox went with it.

use std::fs;
use std::path::{Path, PathBuf};

use super::StoreError;

const TEXT: &str = "The database of this profile, countersign.db, is in this folder. This file is how Countersign knows that it \
                    was there, should it be missing. Nothing secret is in either.\n";

fn marker(database: &Path) -> PathBuf {
    database.with_extension("was-here")
}

/// Whether the database may be made where it is not there.
///
/// # Errors
/// [`StoreError::Lost`] where there was one. Told once: then the marker is gone too.
pub(super) fn look(database: &Path) -> Result<(), StoreError> {
    let marker = marker(database);
    if database.exists() || !marker.exists() {
        return Ok(());
    }
    fs::remove_file(&marker).map_err(|error| StoreError::Unwritable(error.to_string()))?;
    Err(StoreError::Lost)
}

/// Notes that it is there. Where that fails, a loss would go unnoticed, which is no reason to refuse the database.
pub(super) fn mark(database: &Path) {
    let marker = marker(database);
    if !marker.exists()
        && let Err(error) = fs::write(&marker, TEXT)
    {
        tracing::warn!(%error, "it could not be noted that the profile has a database");
    }
}

/// The database is about to be erased on purpose.
pub(super) fn forget(database: &Path) -> std::io::Result<()> {
    match fs::remove_file(marker(database)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::*;

    #[test]
    fn a_database_that_was_deleted_is_told_once_and_nothing_is_made_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("countersign.db");
        Store::open(&path).unwrap().set_meta("a", Some("b")).unwrap();
        assert!(Store::open(&path).is_ok(), "there it is used as ever");
        fs::remove_file(&path).unwrap();
        assert!(matches!(Store::open(&path), Err(StoreError::Lost)));
        assert!(!path.exists());
        assert_eq!(Store::open(&path).unwrap().meta("a").unwrap(), None);
        fs::remove_file(&path).unwrap();
        assert!(
            matches!(Store::open(&path), Err(StoreError::Lost)),
            "each loss is told"
        );
        let mut store = Store::open(&path).unwrap();
        store.erase().unwrap();
        drop(store);
        assert!(Store::open(&path).is_ok(), "what is erased on purpose is no loss");
    }
}
