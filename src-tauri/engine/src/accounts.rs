//! Several accounts of one profile, brought together for the window: each has an [`Engine`] of its own, and with it a
//! database, an outbox, a ledger, a quota and troubles of its own, so that nothing that happens to one touches another.
//!
//! The first is kept in the profile's folder itself, each further one in `accounts/` below it. The window names a
//! change by a [`Handle`], which says whose it is; the account's own engine takes no other's.

mod merging;
mod seat;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::account::Account;
use crate::device::{confirmed, unconfirmed};
use crate::diagnosing;
use crate::engine::{Engine, Options};
use crate::erasing::{Unopened, erase_all};
use crate::handle::{AccountName, Handle};
use crate::network::Network;
use crate::ports::{Address, Desktop, Forge};
use crate::rows::visible;
use crate::session::{examine, refused, typed};
use crate::vault::Vault;
use crate::view::{
    ChangeView, Code, Decided, DecisionView, DeviceView, Diagnostics, ExportForm, Exported, Failure,
    FileView, Found, KeyProposal, KeyView, Keys, Message, NetworkView, ProxyMode, Queue, QueueFilter,
    Rotation, Sheet, SignInResult, SignInStep, Status, Withdrawn,
};
use crate::whose;
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
        let (mut all, mut failed) = (Vec::new(), None);
        for engine in self.engines() {
            match engine.status().await {
                Ok(status) => all.push(status),
                Err(failure) => failed = Some(failure),
            }
        }
        let merged = merging::status(self.inner.board.revision(), all, &self.inner.board.labels());
        let mut status = merged.ok_or_else(|| failed.unwrap_or_else(ended))?;
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

    /// As [`Engine::change`].
    pub async fn change(&self, id: String) -> Result<ChangeView, Failure> {
        self.of(&id)?.change(id).await
    }

    /// As [`Engine::file`].
    pub async fn file(&self, id: String, head: String, index: u32) -> Result<FileView, Failure> {
        self.of(&id)?.file(id, head, index).await
    }

    /// As [`Engine::mark_viewed`].
    pub async fn mark_viewed(
        &self,
        id: String,
        head: String,
        index: u32,
        viewed: bool,
    ) -> Result<(), Failure> {
        self.of(&id)?.mark_viewed(id, head, index, viewed).await
    }

    /// As [`Engine::acknowledge`].
    pub async fn acknowledge(
        &self,
        id: String,
        head: String,
        finding: String,
        acknowledged: bool,
        note: Option<String>,
    ) -> Result<(), Failure> {
        let engine = self.of(&id)?;
        engine.acknowledge(id, head, finding, acknowledged, note).await
    }

    /// As [`Engine::preflight`].
    pub async fn preflight(
        &self,
        id: String,
        head: String,
        seen: String,
        decision: DecisionView,
        words: String,
    ) -> Result<Sheet, Failure> {
        self.of(&id)?.preflight(id, head, seen, decision, words).await
    }

    /// As [`Engine::decide`]: signed for, and sent by, the account whose handle this is.
    pub async fn decide(
        &self,
        id: String,
        head: String,
        seen: String,
        decision: DecisionView,
        words: String,
    ) -> Result<Decided, Failure> {
        self.of(&id)?.decide(id, head, seen, decision, words).await
    }

    /// As [`Engine::discard`], in the outbox of the account whose change this is.
    pub async fn discard(&self, id: &str, entry: String) -> Result<(), Failure> {
        self.of(id)?.discard(entry).await
    }

    /// As [`Engine::withdraw`].
    pub async fn withdraw(&self, id: String, review: String, words: String) -> Result<Withdrawn, Failure> {
        self.of(&id)?.withdraw(id, review, words).await
    }

    /// As [`Engine::propose_key`].
    pub async fn propose_key(&self, id: &str) -> Result<Option<KeyProposal>, Failure> {
        self.of(id)?.propose_key(id).await
    }

    /// As [`Engine::export_ledger`], of one account.
    pub async fn export_ledger(&self, account: &str, form: ExportForm) -> Result<Exported, Failure> {
        self.account(account)?.export_ledger(form).await
    }

    /// As [`Engine::keys`], of one account.
    pub async fn keys(&self, account: &str) -> Result<Keys, Failure> {
        self.account(account)?.keys().await
    }

    /// As [`Engine::choose_key`], for one account.
    pub async fn choose_key(&self, account: &str, fingerprint: String) -> Result<(), Failure> {
        self.account(account)?.choose_key(fingerprint).await
    }

    /// As [`Engine::make_key`], for one account.
    pub async fn make_key(&self, account: &str) -> Result<KeyView, Failure> {
        self.account(account)?.make_key().await
    }

    /// As [`Engine::register_key`], for one account.
    pub async fn register_key(&self, account: &str) -> Result<Option<String>, Failure> {
        self.account(account)?.register_key().await
    }

    /// As [`Engine::rotation`], of one account.
    pub async fn rotation(&self, account: &str, fingerprint: Option<String>) -> Result<Rotation, Failure> {
        self.account(account)?.rotation(fingerprint).await
    }

    /// As [`Engine::set_prompted`], for one account.
    pub async fn set_prompted(&self, account: &str, on: bool) -> Result<(), Failure> {
        self.account(account)?.set_prompted(on).await
    }

    /// Answers with `url` if it is at the forge of one of the accounts.
    ///
    /// # Errors
    /// It is somewhere else, or nobody is signed in.
    pub async fn open_link(&self, url: String) -> Result<String, Failure> {
        let mut refused = None;
        for engine in self.engines() {
            match engine.open_link(url.clone()).await {
                Ok(url) => return Ok(url),
                // That an address is elsewhere says more than that somebody is signed out.
                Err(failure) if refused.is_none() || failure.code != Code::SignedOut => {
                    refused = Some(failure);
                }
                Err(_) => {}
            }
        }
        Err(refused.unwrap_or_else(ended))
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

    /// Signs in with a token. A person who is here already gets the new token in place of the old one, with everything
    /// else as it was; anybody else is added beside those who are here.
    ///
    /// # Errors
    /// The disk does not take the new account.
    pub async fn sign_in(&self, forge: String, token: String) -> Result<SignInResult, Failure> {
        self.take_in(&forge, typed(&token), Vec::new()).await
    }

    async fn take_in(
        &self,
        forge: &str,
        token: SecretString,
        mut steps: Vec<SignInStep>,
    ) -> Result<SignInResult, Failure> {
        let any = self.any()?;
        let Some(accepted) = examine(forge, token, any.network(), &mut steps).await else {
            return Ok(refused(steps));
        };
        let _adding = self.inner.adding.lock().await;
        let engine = match self.place(&accepted.account)? {
            Place::Here(engine) => engine,
            Place::New(name) => self.begin(&name).await?,
            Place::Unopened(failure) => {
                steps.push(SignInStep {
                    name: "Its place on this machine".into(),
                    ok: false,
                    detail: format!(
                        "This account was here before, and what it has cannot be opened. {} {}",
                        failure.message, failure.hint
                    ),
                });
                return Ok(refused(steps));
            }
            Place::Unowned(failure) => {
                steps.push(SignInStep {
                    name: "Its place on this machine".into(),
                    ok: false,
                    detail: format!(
                        "It may be the account that was the first here, and that cannot be opened. Nobody new is added \
                         until it is. {} {}",
                        failure.message, failure.hint
                    ),
                });
                return Ok(refused(steps));
            }
        };
        engine.admit(accepted, steps).await
    }

    /// An engine for what is not about one account: network and sign-in.
    fn any(&self) -> Result<One<F, D>, Failure> {
        held(&self.inner.engines)
            .values()
            .next()
            .cloned()
            .ok_or_else(ended)
    }

    /// As [`Engine::network_settings`].
    pub async fn network_settings(&self, forge: String) -> Result<NetworkView, Failure> {
        self.any()?.network_settings(forge).await
    }

    /// As [`Engine::set_proxy`], for all accounts.
    pub async fn set_proxy(
        &self,
        forge: String,
        proxy: ProxyMode,
        address: String,
        user: String,
        password: String,
    ) -> Result<bool, Failure> {
        let set = self
            .any()?
            .set_proxy(forge, proxy, address, user, password)
            .await?;
        self.tried_anew();
        Ok(set)
    }

    /// As [`Engine::add_authority`], for all accounts.
    pub async fn add_authority(&self) -> Result<bool, Failure> {
        let added = self.any()?.add_authority().await?;
        self.tried_anew();
        Ok(added)
    }

    /// As [`Engine::remove_authority`], for all accounts.
    pub async fn remove_authority(&self, fingerprint: String) -> Result<(), Failure> {
        self.any()?.remove_authority(fingerprint).await?;
        self.tried_anew();
        Ok(())
    }

    fn tried_anew(&self) {
        for engine in self.engines() {
            engine.tried_anew();
        }
    }

    /// As [`Engine::test_connection`]; without a token, with that of an account at this forge, where there is one.
    pub async fn test_connection(&self, forge: String, token: String) -> Result<SignInResult, Failure> {
        let address = Address::parse(&forge).ok();
        let there = |engine: &One<F, D>| {
            let account = engine.account();
            account.is_some_and(|account| Some(&account.address) == address.as_ref())
        };
        let engine = self.engines().into_iter().find(there);
        let engine = engine.map_or_else(|| self.any(), Ok)?;
        engine.test_connection(forge, token).await
    }

    /// As [`Engine::set_client_id`].
    pub async fn set_client_id(&self, forge: String, id: String) -> Result<(), Failure> {
        self.any()?.set_client_id(forge, id).await
    }

    /// As [`Engine::device_start`].
    pub async fn device_start(&self, forge: String) -> Result<DeviceView, Failure> {
        self.any()?.device_start(forge).await
    }

    /// As [`Engine::device_wait`]; whose the token is decides where it goes, as with [`Self::sign_in`].
    pub async fn device_wait(&self) -> Result<SignInResult, Failure> {
        match self.any()?.device_confirmed().await? {
            Ok((forge, token)) => self.take_in(&forge, token, vec![confirmed()]).await,
            Err(why) => Ok(refused(vec![unconfirmed(why)])),
        }
    }

    /// As [`Engine::device_cancel`].
    pub async fn device_cancel(&self) -> Result<(), Failure> {
        self.any()?.device_cancel().await
    }

    /// As [`Engine::device_page`].
    pub async fn device_page(&self) -> Result<String, Failure> {
        self.any()?.device_page().await
    }

    /// Where an account is, or is to be.
    fn place(&self, account: &Account) -> Result<Place<F, D>, Failure> {
        let mut free = None;
        for engine in self.engines() {
            match engine.owner()? {
                Some(owner) if owner.is(account) => return Ok(Place::Here(engine)),
                Some(_) => {}
                None => free = free.or(Some(engine)),
            }
        }
        let engines = held(&self.inner.engines);
        let unopened = held(&self.inner.unopened);
        for (name, failure) in unopened.iter() {
            match whose::read(&name.folder(&self.inner.options.profile)) {
                Some(owner) if owner.is(account) => return Ok(Place::Unopened(failure.clone())),
                Some(_) => {}
                // A further one is known by its name.
                None if *name == AccountName::First => return Ok(Place::Unowned(failure.clone())),
                None => {}
            }
        }
        let mut number = 1;
        loop {
            let name = AccountName::further(&account.viewer.login, &account.address.host, number);
            if let Some(failure) = unopened.get(&name) {
                return Ok(Place::Unopened(failure.clone()));
            }
            if !engines.contains_key(&name) {
                // Nobody ever signed in there: at the first start of all, or where a sign-in broke off.
                return Ok(free.map_or(Place::New(name), Place::Here));
            }
            number += 1;
        }
    }

    /// Forgets the token of one account; with `forget` also what was read with it. The others are not touched.
    ///
    /// # Errors
    /// As [`Engine::sign_out`].
    pub async fn sign_out(&self, account: &str, forget: bool) -> Result<Option<Message>, Failure> {
        self.account(account)?.sign_out(forget).await
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
        let shown = diagnosing::of_all(&self.engines(), &self.inner.options.profile).await?;
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

    /// As [`Engine::erase`], of all accounts, those too that could not be opened. Their folders go as well, and the first
    /// account is begun anew.
    ///
    /// # Errors
    /// As [`Engine::erase`].
    pub async fn erase(&self) -> Result<Option<Message>, Failure> {
        let _adding = self.inner.adding.lock().await;
        let profile = &self.inner.options.profile;
        let unopened: Vec<Unopened> = held(&self.inner.unopened)
            .keys()
            .map(|name| Unopened {
                called: called(name),
                folder: name.folder(profile),
            })
            .collect();
        let desktop = &self.inner.board.desktop;
        let erased = erase_all(&self.engines(), &unopened, profile, desktop).await?;
        let Some(mut message) = erased else {
            return Ok(None);
        };
        *held(&self.inner.diagnostics) = None;
        *held(&self.inner.open) = None;
        let further: Vec<AccountName> = held(&self.inner.engines)
            .keys()
            .filter(|name| **name != AccountName::First)
            .cloned()
            .collect();
        for name in &further {
            let engine = held(&self.inner.engines).remove(name);
            if let Some(engine) = engine {
                engine.close().await;
            }
            self.inner.board.forget(name);
        }
        held(&self.inner.unopened).clear();
        let first = held(&self.inner.engines).contains_key(&AccountName::First);
        if !first && let Err(failure) = self.begin(&AccountName::First).await {
            message.todo = format!("{} {} {}", message.todo, failure.message, failure.hint);
            held(&self.inner.unopened).insert(AccountName::First, failure);
        }
        self.inner
            .board
            .unopened
            .store(!held(&self.inner.unopened).is_empty(), Ordering::Relaxed);
        let folder = AccountName::further_below(profile);
        if let Err(error) = std::fs::remove_dir_all(&folder)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            message.todo = format!(
                "{} {} could not be deleted: {error}. Delete it by hand.",
                message.todo,
                visible(&folder.display().to_string())
            );
        }
        for engine in self.engines() {
            // The tray too: nothing is unopened any more.
            engine.changed();
        }
        Ok(Some(message))
    }
}

/// Longest wait for the profile's lock, as long as a database is waited for.
const LOCK_LIMIT: Duration = Duration::from_millis(500);
/// Between two tries at it.
const GLANCE: Duration = Duration::from_millis(20);

/// Between an account and a place in what a search looks through.
const ON: char = '>';

fn signed_out() -> Failure {
    Failure::coded(
        Code::SignedOut,
        "Nobody is signed in. What was read stays on this machine.",
        "Sign in again.",
    )
}

/// Where an account that signs in goes.
enum Place<F, D> {
    Here(One<F, D>),
    New(AccountName),
    /// It is here, and its database cannot be opened.
    Unopened(Failure),
    /// It may be here: there is an account that cannot be opened, and whose that is was not noted.
    Unowned(Failure),
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

/// One process for a profile, whatever becomes of its databases. Waited for a moment: a program that this process just
/// started holds all that is open here until it has become itself.
async fn lock(profile: &Path) -> Result<File, Failure> {
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
fn further(profile: &Path) -> Result<Vec<AccountName>, Failure> {
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
