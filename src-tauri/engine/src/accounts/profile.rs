//! The profile's folder: whose process it is, and which accounts are in it.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use crate::handle::AccountName;
use crate::view::Failure;

/// Longest wait for the profile's lock, as long as a database is waited for.
const LOCK_LIMIT: Duration = Duration::from_millis(500);
/// Between two tries at it.
const GLANCE: Duration = Duration::from_millis(20);

/// One process for a profile, whatever becomes of its databases. Waited for a moment: a program that this process just
/// started holds all that is open here until it has become itself.
pub(super) async fn lock(profile: &Path) -> Result<File, Failure> {
    let unusable = |error: &std::io::Error| {
        Failure::other(
            format!(
                "The profile folder {} cannot be used: {error}.",
                profile.display()
            ),
            "Check that the folder can be written, or name another with --profile.",
        )
    };
    std::fs::create_dir_all(profile).map_err(|error| unusable(&error))?;
    let file = File::create(profile.join("lock")).map_err(|error| unusable(&error))?;
    let until = Instant::now() + LOCK_LIMIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < until => tokio::time::sleep(GLANCE).await,
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::other(
                    "Another Countersign uses this profile.",
                    "Close the other Countersign first.",
                ));
            }
            Err(TryLockError::Error(error)) => {
                // Some file systems lock nothing; the databases, which lock themselves, are then all there is.
                tracing::warn!(%error, "the profile cannot be locked as a whole");
                return Ok(file);
            }
        }
    }
}

/// The further accounts of a profile, by their folders. What is no account's folder is left alone.
pub(super) fn further(profile: &Path) -> Result<Vec<AccountName>, Failure> {
    let folder = AccountName::further_below(profile);
    let unreadable = |error: &std::io::Error| {
        Failure::other(
            format!("The accounts in {} cannot be listed: {error}.", folder.display()),
            "Check that the folder can be read; nothing was changed.",
        )
    };
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(&error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(&error))?;
        let name = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some(name @ AccountName::Further(_)) = name
            && entry.path().is_dir()
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
