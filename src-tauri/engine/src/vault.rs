//! Secrets: in the keychain of the operating system, or in memory for this session. Never in a file.
//!
//! The keychain can block (a locked collection waits for its prompt, for ever), vanish and come back. So every call
//! has a time limit, calls go one after the other (a second one would only open a second prompt), and a store that
//! fails is built anew once before the failure counts. A secret that the keychain does not take is held in memory
//! and given to it as soon as [`Vault::probe`] finds it usable.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keyring_core::{CredentialStore, Entry, Error};
use secrecy::zeroize::Zeroize;
use secrecy::{ExposeSecret, SecretString};

use crate::limited::{self, Outcome};
use crate::view::KeychainState;

/// Longest wait for the keychain.
pub const LIMIT: Duration = Duration::from_secs(5);

/// Entry that [`Vault::examine`] writes, reads and removes.
const SELF_TEST: &str = "self-test";

/// Where a secret was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// In the keychain: there after a restart.
    Keychain,
    /// In this process's memory only.
    SessionOnly {
        /// Why the keychain did not take it, as a whole sentence.
        why: String,
    },
}

/// Why the keychain did not do what was asked. Each says what happened, what was kept, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// It is there and locked, or did not answer in time.
    #[error(
        "{why} What it holds is untouched. Unlock it (its own window asks for the password), then try again."
    )]
    Locked {
        /// What was seen, as a whole sentence.
        why: String,
    },
    /// There is none, or none that can be used.
    #[error(
        "{why} Nothing was written anywhere else. Start a keychain (GNOME Keyring, KWallet), then try again; until \
         then, secrets are held for this session only."
    )]
    Absent {
        /// What was seen, as a whole sentence.
        why: String,
    },
    /// It answered, and refused this entry.
    #[error(
        "The keychain refused the entry {name:?}: {why}. Nothing was changed. Look at it with the keychain's own tool."
    )]
    Refused {
        /// The entry.
        name: String,
        /// The keychain's words.
        why: String,
    },
}

impl VaultError {
    /// What was seen, without what to do about it.
    fn why(&self) -> String {
        match self {
            Self::Locked { why } | Self::Absent { why } => why.clone(),
            Self::Refused { .. } => self.to_string(),
        }
    }
}

/// Makes the platform's store. With `true`, afresh: the one in use has failed.
type Open = dyn Fn(bool) -> keyring_core::Result<Arc<CredentialStore>> + Send + Sync;

struct Inner {
    service: String,
    limit: Duration,
    open: Box<Open>,
    store: Mutex<Option<Arc<CredentialStore>>>,
    session: Mutex<HashMap<String, SecretString>>,
    /// Held by the call that is at the keychain, however long that takes.
    lane: Arc<tokio::sync::Mutex<()>>,
}

/// The secrets of one service; clones are the same vault.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault")
            .field("service", &self.0.service)
            .finish_non_exhaustive()
    }
}

/// Every change under these locks is one step, so a holder that panicked left nothing half done.
fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Vault {
    /// The vault in the platform's keychain, with entries under `service`. Nothing is opened yet.
    pub fn new(service: &str) -> Self {
        Self::build(service, LIMIT, Box::new(platform_store))
    }

    /// A vault in a given store, such as keyring-core's mock.
    pub fn with_store(service: &str, store: Arc<CredentialStore>) -> Self {
        Self::build(service, LIMIT, Box::new(move |_| Ok(Arc::clone(&store))))
    }

    fn build(service: &str, limit: Duration, open: Box<Open>) -> Self {
        Self(Arc::new(Inner {
            service: service.to_owned(),
            limit,
            open,
            store: Mutex::new(None),
            session: Mutex::new(HashMap::new()),
            lane: Arc::default(),
        }))
    }

    /// A secret; `None` only where the keychain itself says that it has no such entry.
    ///
    /// # Errors
    /// The keychain could not be asked.
    pub async fn get(&self, name: &str) -> Result<Option<SecretString>, VaultError> {
        if let Some(secret) = held(&self.0.session).get(name) {
            return Ok(Some(secret.clone()));
        }
        let read = self.at_keychain(name, |_, entry| match entry.get_secret() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(error),
        });
        let Some(bytes) = read.await? else { return Ok(None) };
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(SecretString::from(text))),
            Err(error) => {
                error.into_bytes().zeroize();
                Err(VaultError::Refused {
                    name: name.to_owned(),
                    why: "what stands there is not text".into(),
                })
            }
        }
    }

    /// Keeps a secret in the keychain or, where that cannot be used, for this session.
    ///
    /// # Errors
    /// Only [`VaultError::Refused`]: the keychain works and does not take this one. Then it is not kept at all.
    pub async fn set(&self, name: &str, secret: SecretString) -> Result<Kept, VaultError> {
        held(&self.0.session).insert(name.to_owned(), secret.clone());
        match self.write(name, secret).await {
            Ok(()) => Ok(Kept::Keychain),
            Err(error @ (VaultError::Locked { .. } | VaultError::Absent { .. })) => {
                Ok(Kept::SessionOnly { why: error.why() })
            }
            Err(error @ VaultError::Refused { .. }) => {
                held(&self.0.session).remove(name);
                Err(error)
            }
        }
    }

    /// Removes a secret from memory and from the keychain. Removing what is not there is no error.
    ///
    /// # Errors
    /// The keychain could not be asked and may still hold the entry. Without any keychain, a secret that was held
    /// for this session only is gone, and that is all there was.
    pub async fn delete(&self, name: &str) -> Result<(), VaultError> {
        let in_memory = held(&self.0.session).remove(name).is_some();
        let removed = self.at_keychain(name, |_, entry| match entry.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(error),
        });
        match removed.await {
            Err(VaultError::Absent { .. }) if in_memory => Ok(()),
            other => other,
        }
    }

    /// As [`Self::delete`], where what it is for is given up whatever comes of it: `false` where there is no keychain to
    /// be asked now, and one that was there before may hold it still.
    ///
    /// # Errors
    /// The keychain is there and does not let it go: it is locked, or refuses.
    pub async fn give_up(&self, name: &str) -> Result<bool, VaultError> {
        match self.delete(name).await {
            Ok(()) => Ok(true),
            Err(VaultError::Absent { .. }) => Ok(false),
            Err(error @ (VaultError::Locked { .. } | VaultError::Refused { .. })) => Err(error),
        }
    }

    /// Whether a secret is held in memory only and will be gone after a restart.
    pub fn is_session_only(&self, name: &str) -> bool {
        held(&self.0.session).contains_key(name)
    }

    /// Tries the keychain: writes an entry, reads it back and removes it.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub async fn examine(&self) -> Result<(), VaultError> {
        self.at_keychain(SELF_TEST, |_, entry| {
            let sample = format!("{:?}", std::time::SystemTime::now());
            entry.set_secret(sample.as_bytes())?;
            let read = entry.get_secret()?;
            entry.delete_credential()?;
            if read == sample.as_bytes() {
                Ok(())
            } else {
                Err(Error::BadStoreFormat(
                    "it gives back other bytes than it was given".into(),
                ))
            }
        })
        .await
    }

    /// How the keychain is. Where it is usable, it is given what was held in memory until now.
    pub async fn probe(&self) -> KeychainState {
        match self.examine().await {
            Ok(()) => {
                self.settle().await;
                KeychainState::Unlocked
            }
            Err(VaultError::Locked { .. }) => KeychainState::Locked,
            Err(VaultError::Absent { .. } | VaultError::Refused { .. }) => KeychainState::Absent,
        }
    }

    async fn settle(&self) {
        let waiting: Vec<_> = held(&self.0.session)
            .iter()
            .map(|(name, secret)| (name.clone(), secret.clone()))
            .collect();
        for (name, secret) in waiting {
            if let Err(error) = self.write(&name, secret).await {
                tracing::warn!(%error, "a secret is still held for this session only");
            }
        }
    }

    async fn write(&self, name: &str, secret: SecretString) -> Result<(), VaultError> {
        let key = name.to_owned();
        self.at_keychain(name, move |inner, entry| {
            entry.set_secret(secret.expose_secret().as_bytes())?;
            // Here and not after the answer: a locked keychain may take it long after the time limit.
            let mut session = held(&inner.session);
            if session
                .get(&key)
                .is_some_and(|now| now.expose_secret() == secret.expose_secret())
            {
                session.remove(&key);
            }
            Ok(())
        })
        .await
    }

    /// Does something with one entry, in the keychain's own time but no longer than the limit.
    async fn at_keychain<T, F>(&self, name: &str, action: F) -> Result<T, VaultError>
    where
        T: Send + 'static,
        F: Fn(&Inner, &Entry) -> keyring_core::Result<T> + Send + 'static,
    {
        let inner = Arc::clone(&self.0);
        let entry = name.to_owned();
        let late = || VaultError::Locked {
            why: format!(
                "The keychain did not answer within {} seconds: it is probably locked.",
                self.0.limit.as_secs()
            ),
        };
        let began = tokio::time::Instant::now();
        let lane = tokio::time::timeout(self.0.limit, Arc::clone(&self.0.lane).lock_owned());
        let Ok(lane) = lane.await else { return Err(late()) };
        let left = self.0.limit.saturating_sub(began.elapsed());
        let outcome = limited::run("keychain", left, move || {
            let _lane = lane;
            inner.with_entry(&entry, &action)
        });
        match outcome.await {
            Outcome::Done(result) => result,
            Outcome::TimedOut => Err(late()),
            Outcome::Broken => Err(VaultError::Absent {
                why: "The keychain's client broke down.".into(),
            }),
        }
    }
}

impl Inner {
    fn with_entry<T>(
        &self,
        name: &str,
        action: &dyn Fn(&Inner, &Entry) -> keyring_core::Result<T>,
    ) -> Result<T, VaultError> {
        let mut afresh = false;
        loop {
            let store = self.store(afresh).map_err(|error| absent(&error))?;
            let result = store
                .build(&self.service, name, None)
                .and_then(|entry| action(self, &entry));
            match result {
                Ok(value) => return Ok(value),
                // A keychain that was restarted knows nothing of the old session: only a new store works.
                Err(Error::PlatformFailure(error)) if !afresh => {
                    tracing::debug!(%error, "the keychain's store is built anew");
                    afresh = true;
                }
                Err(error) => return Err(fault(name, &error)),
            }
        }
    }

    fn store(&self, afresh: bool) -> keyring_core::Result<Arc<CredentialStore>> {
        if !afresh && let Some(store) = &*held(&self.store) {
            return Ok(Arc::clone(store));
        }
        *held(&self.store) = None;
        // Without the lock: this one can block.
        let store = (self.open)(afresh)?;
        *held(&self.store) = Some(Arc::clone(&store));
        Ok(store)
    }
}

fn absent(error: &Error) -> VaultError {
    VaultError::Absent {
        why: format!("No keychain can be reached ({error})."),
    }
}

fn fault(name: &str, error: &Error) -> VaultError {
    match error {
        Error::NoStorageAccess(cause) if format!("{cause:?}") == "NoResult" => VaultError::Absent {
            // The Secret Service runs and has no default collection; making one would ask for a new password.
            why: "The keychain service runs, but holds no keyring.".into(),
        },
        Error::NoStorageAccess(cause) => VaultError::Locked {
            why: format!("The keychain is locked, and was not unlocked ({cause})."),
        },
        Error::PlatformFailure(_) | Error::NoDefaultStore | Error::BadStoreFormat(_) => absent(error),
        Error::Ambiguous(found) => VaultError::Refused {
            name: name.to_owned(),
            why: format!("it stands there {} times", found.len()),
        },
        Error::NoEntry
        | Error::BadEncoding(_)
        | Error::BadDataFormat(..)
        | Error::TooLong(..)
        | Error::Invalid(..)
        | Error::NotSupportedByStore(_) => VaultError::Refused {
            name: name.to_owned(),
            why: error.to_string(),
        },
        _ => VaultError::Refused {
            name: name.to_owned(),
            why: error.to_string(),
        },
    }
}

/// keyring opens the platform's store once and keeps the outcome for ever, a failure too: where that failed, or what
/// it opened has died since, the store is made here.
fn platform_store(afresh: bool) -> keyring_core::Result<Arc<CredentialStore>> {
    if !afresh
        && keyring::Entry::store_status().is_ok()
        && let Some(store) = keyring_core::get_default_store()
    {
        return Ok(store);
    }
    new_platform_store()
}

#[cfg(all(unix, not(target_os = "macos")))]
fn new_platform_store() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(zbus_secret_service_keyring_store::Store::new()?)
}

/// The stores of macOS and Windows hold no connection that could die.
#[cfg(not(all(unix, not(target_os = "macos"))))]
fn new_platform_store() -> keyring_core::Result<Arc<CredentialStore>> {
    keyring_core::get_default_store().ok_or(Error::NoDefaultStore)
}

#[cfg(test)]
#[path = "vault_tests.rs"]
mod tests;
