//! The copy that is kept of a database before its layout is brought on: should that go wrong, or the older version be
//! wanted back, what was signed is still there as that version wrote it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::types::{ToSqlOutput, ValueRef};

use super::StoreError;

/// Where the copy of a database stands that had this layout: beside it.
fn name(database: &Path, layout: i64) -> PathBuf {
    with_suffix(database, &format!(".layout-{layout}"))
}

/// Where it is written; what stands there is not whole.
fn half(copy: &Path) -> PathBuf {
    with_suffix(copy, ".part")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Keeps a copy of the database, which has this layout, and removes the copies of older ones.
///
/// # Errors
/// The copy cannot be written; then the database is as it was, and so are the copies that were there.
pub(super) fn keep(db: &Connection, database: &Path, layout: i64) -> Result<(), StoreError> {
    // Takes the lock and changes nothing: a second process is told at its start, before it writes to the same copy.
    db.execute_batch("BEGIN IMMEDIATE; ROLLBACK")?;
    let copy = name(database, layout);
    let half = half(&copy);
    let written = write(db, database, &half)
        .and_then(|()| fs::rename(&half, &copy).map_err(|error| unwritable(&copy, &error)))
        .and_then(|()| enter(&copy).map_err(|error| unwritable(&copy, &error)));
    if let Err(error) = written {
        if let Err(error) = remove(&half) {
            tracing::warn!(%error, "what was written of the copy stays");
        }
        return Err(error);
    }
    if let Err(error) = forget(database, layout) {
        tracing::warn!(%error, "an older copy of the database stays");
    }
    Ok(())
}

/// Removes the copies of the layouts before this one, whole or not.
pub(super) fn forget(database: &Path, before: i64) -> io::Result<()> {
    for layout in 1..before {
        let copy = name(database, layout);
        remove(&half(&copy))?;
        remove(&copy)?;
    }
    Ok(())
}

/// Removes the database itself, what SQLite writes beside it, and all copies, those too that a newer version made.
/// Nobody must have it open.
pub(super) fn erase(database: &Path) -> io::Result<()> {
    if let (Some(folder), Some(name)) = (database.parent(), database.file_name()) {
        let mut copies = name.to_owned();
        copies.push(".layout-");
        let here = folder.as_os_str().is_empty();
        for file in fs::read_dir(if here { Path::new(".") } else { folder })? {
            let file = file?;
            let name = file.file_name();
            if name.as_encoded_bytes().starts_with(copies.as_encoded_bytes()) {
                remove(&file.path())?;
            }
        }
    }
    for suffix in ["-wal", "-shm", "-journal", ""] {
        remove(&with_suffix(database, suffix))?;
    }
    Ok(())
}

fn write(db: &Connection, database: &Path, half: &Path) -> Result<(), StoreError> {
    let ready = remove(half).and_then(|()| empty(half, database));
    ready.map_err(|error| unwritable(half, &error))?;
    // Bytes, because a path need not be text. An empty file is taken as if it were not there.
    // Source: https://www.sqlite.org/lang_vacuum.html#vacuum_with_an_into_clause
    let into = ToSqlOutput::Borrowed(ValueRef::Text(half.as_os_str().as_encoded_bytes()));
    db.execute("VACUUM INTO ?1", [into]).map_err(|error| {
        let error = StoreError::from(error);
        if matches!(error, StoreError::Damaged(_)) {
            error
        } else {
            unwritable(half, &error)
        }
    })?;
    let synced = OpenOptions::new()
        .write(true)
        .open(half)
        .and_then(|file| file.sync_all());
    synced.map_err(|error| unwritable(half, &error))
}

/// An empty file that nobody may read who may not read the database, from its first moment on.
fn empty(path: &Path, like: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?;
    fs::set_permissions(path, fs::metadata(like)?.permissions())
}

/// Sees to it that the name outlives a power cut: the steps that follow do.
fn enter(copy: &Path) -> io::Result<()> {
    match copy.parent() {
        // Elsewhere a folder cannot be opened as a file.
        Some(folder) if cfg!(unix) => {
            let here = folder.as_os_str().is_empty();
            File::open(if here { Path::new(".") } else { folder })?.sync_all()
        }
        Some(_) | None => Ok(()),
    }
}

/// Removes a file that may not be there.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn unwritable(path: &Path, why: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unwritable(format!(
        "this version changes its layout and first keeps a copy of it; {} could not be written ({why}), so the \
         database was left as it was",
        path.display()
    ))
}

#[cfg(test)]
mod tests;
