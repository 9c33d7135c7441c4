//! What each confirmed decision is judged by, kept when the forge confirmed it: years later nobody can ask for it.

use countersign_core::changeset::sha256_hex;
use countersign_core::verify::Input;
use countersign_core::verify::input::{File, TrustFiles};
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{Store, StoreError, json, pack, unpack};

/// The gate's input of a decision, or in words why it could not be had.
pub type KeptInput = Result<Input, String>;

/// Keeps it.
pub(super) fn put(tx: &Transaction<'_>, entry: &str, kept: &KeptInput) -> Result<(), StoreError> {
    let (bytes, why) = match kept {
        Err(why) => (None, Some(why)),
        Ok(input) => {
            let mut input = input.clone();
            for file in files(&mut input.trust) {
                let name = sha256_hex(file.text.as_bytes());
                tx.execute(
                    "INSERT OR IGNORE INTO policy_file (sha256, bytes) VALUES (?1, ?2)",
                    params![name, pack(file.text.as_bytes())?],
                )?;
                file.text = name;
            }
            (Some(pack(json(&input)?.as_bytes())?), None)
        }
    };
    tx.execute(
        "INSERT INTO input (entry, bytes, why) VALUES (?1, ?2, ?3)",
        params![entry, bytes, why],
    )?;
    Ok(())
}

fn files(trust: &mut TrustFiles) -> impl Iterator<Item = &mut File> {
    let own = [
        &mut trust.policy,
        &mut trust.allowed_signers,
        &mut trust.revoked_keys,
    ];
    let theirs = trust.organisation.as_mut().into_iter().flat_map(|theirs| {
        [
            &mut theirs.policy,
            &mut theirs.allowed_signers,
            &mut theirs.revoked_keys,
        ]
    });
    own.into_iter().chain(theirs).flatten()
}

impl Store {
    /// What a decision is judged by; `None` where nothing was kept of it.
    pub fn input(&self, entry: &str) -> Result<Option<KeptInput>, StoreError> {
        let mut query = self
            .db
            .prepare_cached("SELECT bytes, why FROM input WHERE entry = ?1")?;
        let row: Option<(Option<Vec<u8>>, Option<String>)> = query
            .query_row([entry], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        match row {
            None => Ok(None),
            Some((Some(bytes), _)) => self.unpack_input(&bytes).map(|input| Some(Ok(input))),
            Some((None, why)) => Ok(Some(Err(why.unwrap_or_default()))),
        }
    }

    fn unpack_input(&self, bytes: &[u8]) -> Result<Input, StoreError> {
        let damaged = |error: &dyn std::fmt::Display| StoreError::Damaged(format!("a kept input: {error}"));
        let mut input: Input = serde_json::from_slice(&unpack(bytes)?).map_err(|error| damaged(&error))?;
        for file in files(&mut input.trust) {
            let packed: Option<Vec<u8>> = self
                .db
                .query_row(
                    "SELECT bytes FROM policy_file WHERE sha256 = ?1",
                    [&file.text],
                    |row| row.get(0),
                )
                .optional()?;
            let packed = packed.ok_or_else(|| damaged(&format!("the text of {} is gone", file.path)))?;
            file.text = String::from_utf8(unpack(&packed)?).map_err(|error| damaged(&error))?;
        }
        Ok(input)
    }
}
