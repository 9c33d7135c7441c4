//! Several accounts of one profile, brought together for the window: each has an [`Engine`] of its own, and with it a
//! database, an outbox, a ledger, a quota and troubles of its own, so that nothing that happens to one touches another.
//!
//! The first is kept in the profile's folder itself, each further one in `accounts/` below it. The window names a
//! change by a [`Handle`], which says whose it is; the account's own engine takes no other's.

mod coming;
mod merging;
mod passing;
mod profile;
mod seat;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinSet;

use crate::diagnosing;
use crate::engine::{Engine, Options};
use crate::handle::{AccountName, Handle};
use crate::network::Network;
use crate::ports::{Desktop, Forge};
use crate::rows::visible;
use crate::vault::Vault;
use crate::view::{
    Code, Diagnostics, Exported, Failure, Found, Message, OtherLedger, Queue, QueueFilter, Status,
};
use profile::{further, lock};
use seat::Board;

pub use seat::Seat;

/// The engine of one account.
type One<F, D> = Engine<F, Seat<D>>;

struct Inner<F, D> {
    options: Options,
    vault: Vault,
    board: Arc<Board<D>>,
    engines: Mutex<BTreeMap<AccountName, One<F, D>>>,
    /// What could not be opened, and why.
    unopened: Mutex<BTreeMap<AccountName, Failure>>,
    /// What the window is to open next.
    open: Mutex<Option<Handle>>,
    /// The diagnostics that were shown last: no others can be saved.
    diagnostics: Mutex<Option<String>>,
    /// Held while an account is added: two sign-ins must not take the same folder.
    adding: tokio::sync::Mutex<()>,
    /// Whether wake-ups and new networks are heard of; also by accounts that are added later.
    listens: AtomicBool,
    /// The whole profile is this process's.
    _lock: File,
}

/// A handle on all accounts of a profile; clones are the same accounts.
pub struct Accounts<F, D> {
    inner: Arc<Inner<F, D>>,
}

impl<F, D> Clone for Accounts<F, D> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

/// Each change under these locks is one step, so a holder that panicked left nothing half done.
fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<F: Forge, D: Desktop> Accounts<F, D> {
    /// Opens the profile and every account in it.
    ///
    /// # Errors
    /// The profile is in use, or none of its accounts can be opened: it is left as it is. One that cannot while another
    /// can is named in the status line instead.
    pub async fn start(options: Options, desktop: D) -> Result<Self, Failure> {
        let vault = Vault::new(&options.service);
        let accounts = Self::start_with(options, vault, desktop).await?;
        accounts.inner.listens.store(true, Ordering::Relaxed);
        for engine in accounts.engines() {
            engine.listen();
        }
        Ok(accounts)
    }

    /// The same with a vault of the caller's, and deaf to what the system says.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with(mut options: Options, vault: Vault, desktop: D) -> Result<Self, Failure> {
        let lock = lock(&options.profile).await?;
        let network = options.network.take();
        options.network = Some(network.unwrap_or_else(|| Network::open(&options.profile)));
        let further = further(&options.profile)?;
        let accounts = Self {
            inner: Arc::new(Inner {
                options,
                vault,
                board: Arc::new(Board::new(desktop)),
                engines: Mutex::default(),
                unopened: Mutex::default(),
                open: Mutex::default(),
                diagnostics: Mutex::default(),
                adding: tokio::sync::Mutex::default(),
                listens: AtomicBool::new(false),
                _lock: lock,
            }),
        };
        for name in std::iter::once(AccountName::First).chain(further) {
            if let Err(failure) = accounts.begin(&name).await {
                tracing::error!(%name, failure.message, "an account cannot be opened");
                held(&accounts.inner.unopened).insert(name, failure);
            }
        }
        let mut unopened = held(&accounts.inner.unopened);
        if held(&accounts.inner.engines).is_empty()
            && let Some((_, failure)) = unopened.pop_first()
        {
            return Err(failure);
        }
        let any = !unopened.is_empty();
        drop(unopened);
        accounts.inner.board.unopened.store(any, Ordering::Relaxed);
        if any {
            // Those that could be opened may have told the tray before.
            for engine in accounts.engines() {
                engine.changed();
            }
        }
        Ok(accounts)
    }

    /// Starts the engine of one account.
    async fn begin(&self, name: &AccountName) -> Result<One<F, D>, Failure> {
        let mut options = self.inner.options.clone();
        options.profile = name.folder(&options.profile);
        options.account = name.clone();
        let seat = Seat {
            name: name.clone(),
            board: Arc::clone(&self.inner.board),
        };
        let engine = Engine::start_with(options, self.inner.vault.clone(), seat).await?;
        if self.inner.listens.load(Ordering::Relaxed) {
            engine.listen();
        }
        held(&self.inner.engines).insert(name.clone(), engine.clone());
        Ok(engine)
    }

    /// Ends all loops. What they were doing is finished or taken up again at the next start.
    pub fn shutdown(&self) {
        for engine in self.engines() {
            engine.shutdown();
        }
    }

    /// Ends all loops and waits until they have ended. Where this was the last handle, the profile is free again.
    pub async fn close(self) {
        let engines = std::mem::take(&mut *held(&self.inner.engines));
        for engine in engines.into_values() {
            engine.close().await;
        }
    }

    fn engines(&self) -> Vec<One<F, D>> {
        held(&self.inner.engines).values().cloned().collect()
    }

    /// The engine of the account with this name, as the window says it.
    fn account(&self, name: &str) -> Result<One<F, D>, Failure> {
        let found = name
            .parse()
            .ok()
            .and_then(|name| held(&self.inner.engines).get(&name).cloned());
        found.ok_or_else(|| {
            Failure::other(
                format!("There is no account {} here. Nothing was changed.", visible(name)),
                "Look at the list of accounts.",
            )
        })
    }

    /// The engine of the account whose this handle is. Whether it knows the change is for that engine to say.
    fn of(&self, id: &str) -> Result<One<F, D>, Failure> {
        let found = id
            .parse()
            .ok()
            .and_then(|handle: Handle| held(&self.inner.engines).get(&handle.account).cloned());
        found.ok_or_else(|| {
            Failure::coded(
                Code::UnknownChange,
                format!("{} is not held on this machine.", visible(id)),
                "Poll again.",
            )
        })
    }

    /// Polls soon: the user asked, or the world may have changed.
    pub fn nudge(&self) {
        for engine in self.engines() {
            engine.nudge();
        }
    }

    /// Asks the window to open the change with this handle (`None`: just to show itself). What is no handle opens
    /// nothing else.
    pub fn open(&self, id: Option<&str>) {
        *held(&self.inner.open) = id.and_then(|id| id.parse().ok());
        self.inner.board.desktop.show();
        self.inner.board.changed();
    }

    /// The status line.
    ///
    /// # Errors
    /// No account's can be read.
    pub async fn status(&self) -> Result<Status, Failure> {
        let labels = self.inner.board.labels();
        let (mut all, mut unread, mut failed) = (Vec::new(), Vec::new(), None);
        for engine in self.engines() {
            match engine.status().await {
                Ok(status) => all.push(status),
                Err(failure) => {
                    let name = engine.name();
                    let label = labels
                        .get(name)
                        .cloned()
                        .unwrap_or_else(|| format!("The account {}", called(name)));
                    unread.push(OtherLedger {
                        account: name.to_string(),
                        label: format!("{label}, which cannot be read"),
                    });
                    failed = Some(failure);
                }
            }
        }
        let merged = merging::status(self.inner.board.revision(), all, &labels);
        let mut status = merged.ok_or_else(|| failed.unwrap_or_else(ended))?;
        status.other_ledgers.append(&mut unread);
        status.open = held(&self.inner.open).take().map(|handle| handle.to_string());
        status.unopened = self.unopened();
        Ok(status)
    }

    fn unopened(&self) -> Vec<Message> {
        let profile = &self.inner.options.profile;
        held(&self.inner.unopened)
            .iter()
            .map(|(name, failure)| Message {
                what: format!(
                    "The account {} could not be opened. {}",
                    called(name),
                    failure.message
                ),
                kept: "The other accounts go on without it; nothing of it was changed.".into(),
                todo: format!(
                    "{} It is in {}.",
                    failure.hint,
                    visible(&name.folder(profile).display().to_string())
                ),
            })
            .collect()
    }

    /// The queues of all accounts as one.
    ///
    /// # Errors
    /// Nobody is signed in, or no account's can be read.
    pub async fn queue(&self, filter: QueueFilter) -> Result<Queue, Failure> {
        let labels = self.inner.board.labels();
        let (mut queues, mut unread, mut signed_out) = (Vec::new(), Vec::new(), None);
        for engine in self.engines() {
            let name = engine.name().clone();
            let label = labels.get(&name).cloned().unwrap_or_default();
            match engine.queue(filter).await {
                Ok(queue) => queues.push((label, queue)),
                Err(failure) if failure.code == Code::SignedOut => signed_out = Some(failure),
                Err(failure) => unread.push((name, label, failure)),
            }
        }
        if queues.is_empty() {
            let failed = unread.into_iter().next().map(|(_, _, failure)| failure);
            return Err(failed.or(signed_out).unwrap_or_else(ended));
        }
        let mut queue = merging::queue(self.inner.board.revision(), queues);
        for (name, label, failure) in unread {
            let what = format!("{label}: {}", failure.message);
            queue.banners.push(merging::unread(&name, what, failure.hint));
        }
        Ok(queue)
    }

    /// *Poll now*, all at once, and waits until those polls have ended.
    ///
    /// # Errors
    /// Nobody is signed in, or a forge asked to wait. The others were polled all the same.
    pub async fn refresh(&self) -> Result<(), Failure> {
        let labels = self.inner.board.labels();
        let mut polls = JoinSet::new();
        for engine in self.engines() {
            polls.spawn(async move { (engine.name().clone(), engine.refresh().await) });
        }
        let (mut polled, mut signed_out, mut failed) = (false, None, None);
        while let Some(poll) = polls.join_next().await {
            match poll {
                Ok((_, Ok(()))) => polled = true,
                // Its banner says so all the time.
                Ok((_, Err(failure))) if failure.code == Code::SignedOut => signed_out = Some(failure),
                Ok((name, Err(mut failure))) => {
                    if let Some(label) = labels.get(&name).filter(|_| labels.len() > 1) {
                        failure.message = format!("{label}: {}", failure.message);
                    }
                    failed = Some(failure);
                }
                Err(error) => tracing::error!(%error, "a poll that was asked for broke"),
            }
        }
        match failed.or(signed_out.filter(|_| !polled)) {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    /// An engine for what is not about one account: network and sign-in.
    fn any(&self) -> Result<One<F, D>, Failure> {
        held(&self.inner.engines)
            .values()
            .next()
            .cloned()
            .ok_or_else(ended)
    }

    /// As [`Engine::search`], through one account after the other.
    pub async fn search(&self, text: String, after: Option<String>) -> Result<Found, Failure> {
        let mut engines = self.engines();
        engines.retain(|engine| engine.account().is_some());
        let mut of = 0u32;
        for engine in &engines {
            of = of.saturating_add(engine.searchable()?);
        }
        let (at, place) = match &after {
            None => (0, None),
            Some(after) => {
                let named = after.split_once(ON).and_then(|(name, place)| {
                    let at = engines
                        .iter()
                        .position(|engine| engine.name().to_string() == name)?;
                    Some((at, Some(place.to_owned()).filter(|place| !place.is_empty())))
                });
                named.ok_or_else(|| Failure::other("The search cannot go on from there.", "Search again."))?
            }
        };
        let Some(engine) = engines.get(at) else {
            return Err(signed_out());
        };
        let mut found = engine.search(text, place).await?;
        let next = match found.next.take() {
            Some(place) => Some(format!("{}{ON}{place}", engine.name())),
            None => engines.get(at + 1).map(|engine| format!("{}{ON}", engine.name())),
        };
        Ok(Found { of, next, ..found })
    }

    /// As [`Engine::diagnostics`], of all accounts.
    pub async fn diagnostics(&self) -> Result<Diagnostics, Failure> {
        let unopened = !held(&self.inner.unopened).is_empty();
        let shown = diagnosing::of_all(&self.engines(), unopened, &self.inner.options.profile).await?;
        *held(&self.inner.diagnostics) = Some(shown.text.clone());
        Ok(shown)
    }

    /// As [`Engine::export_diagnostics`].
    pub async fn export_diagnostics(&self, sha256: String) -> Result<Exported, Failure> {
        let shown = held(&self.inner.diagnostics).clone();
        diagnosing::save(
            shown,
            &sha256,
            &self.inner.board.desktop,
            self.inner.options.clock.now(),
        )
        .await
    }
}

/// Between an account and a place in what a search looks through.
const ON: char = '>';

fn signed_out() -> Failure {
    Failure::coded(
        Code::SignedOut,
        "Nobody is signed in. What was read stays on this machine.",
        "Sign in again.",
    )
}

/// The app is ending.
fn ended() -> Failure {
    Failure::other("Countersign is ending. What was kept is kept.", "Start it again.")
}

/// As a person knows it.
fn called(name: &AccountName) -> String {
    match name {
        AccountName::First => "that was the first here".into(),
        AccountName::Further(name) => name.clone(),
    }
}
