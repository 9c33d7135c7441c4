//! Whose a database is, noted in a file beside it too: where the database cannot be opened, its token can still be
//! named, and its owner is not taken for somebody new.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use countersign_core::change::Person;
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::ports::Address;
use crate::view::TokenState;

/// What is kept of an account besides its token.
#[derive(Serialize, Deserialize)]
pub(crate) struct Kin {
    /// The forge, as it was typed.
    pub(crate) forge: String,
    pub(crate) viewer: Person,
    pub(crate) expires_at: Option<jiff::Timestamp>,
}

impl Kin {
    /// The account, its token not yet at hand.
    pub(crate) fn account(&self) -> Option<Account> {
        Some(Account {
            address: Address::parse(&self.forge).ok()?,
            viewer: self.viewer.clone(),
            expires_at: self.expires_at,
            token: TokenState::Missing,
        })
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join("countersign.whose.json")
}

/// Notes whose the database in this folder is, as it stands in it. Where that fails, the database says it still.
pub(crate) fn note(folder: &Path, kin: &str) {
    let file = file(folder);
    if fs::read_to_string(&file).is_ok_and(|noted| noted == kin) {
        return;
    }
    // In one step: half of it would say nothing.
    let half = file.with_extension("part");
    let written = fs::write(&half, kin).and_then(|()| fs::rename(&half, &file));
    if let Err(error) = written {
        tracing::warn!(%error, "whose the database is could not be noted beside it");
    }
}

/// The account whose the database in this folder is; `None` where that was not noted.
pub(crate) fn read(folder: &Path) -> Option<Account> {
    let text = fs::read_to_string(file(folder)).ok()?;
    serde_json::from_str::<Kin>(&text).ok()?.account()
}

/// The database is about to be erased.
pub(crate) fn forget(folder: &Path) -> io::Result<()> {
    let file = file(folder);
    for one in [file.with_extension("part"), file] {
        match fs::remove_file(one) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}
