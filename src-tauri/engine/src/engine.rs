//! The engine: shared state, and the one loop that alone polls the forge and writes to it.
//!
//! What the UI asks is answered from the store at once; what is decided goes through the outbox, which only the loop
//! sends. So one decision is at most one review, whatever is clicked, and however often. A withdrawal alone goes to
//! the forge at once: it names one review, and dismissing that a second time changes nothing.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_core::change::ChangeId;
use countersign_core::poller::{INTERVAL, Poller, Step};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::account::{Account, Online};
use crate::clock::Clock;
use crate::device::Waiting;
use crate::handle::{AccountName, Handle};
use crate::network::Network;
use crate::ports::{Desktop, Forge, HiddenOrganisation, Quota};
use crate::prompting::PROMPTED;
use crate::session::ACCOUNT;
use crate::store::{DATABASE, REFRESHED, Store, StoreError};
use crate::token::TokenNow;
use crate::vault::Vault;
use crate::view::{Code, Connection, Failure, KeyView, KeychainState, Message};
use crate::waking::{Allowance, Clocks, GLANCE};
use crate::whose;

/// After the loop broke: long enough not to fill the log, short enough not to be noticed.
const PAUSE: Duration = Duration::from_secs(5);

/// How often a keychain that is locked or gone is looked at unasked: each time it may ask the user for the password.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_mins(5);

/// As much as some thousand changes of the usual size.
const BUDGET: u64 = 500_000_000;

/// What has ended longer ago is history: neither listed nor asked after.
const RECENT: SignedDuration = SignedDuration::from_hours(48);

/// How the engine is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder of the profile, or of the account within it; made where it does not exist.
    pub profile: PathBuf,
    /// What the account is called within the profile.
    pub account: AccountName,
    /// Time between polls.
    pub interval: SignedDuration,
    /// Name under which secrets stand in the keychain.
    pub service: String,
    /// Packed bytes of diffs and whole files that are held, but for what waits or a decision needs.
    pub budget: u64,
    /// Where ssh-agent listens, as the process was told; `None`: no agent.
    pub agent: Option<PathBuf>,
    /// Take back that the system's own check is asked before each signature: for a system that cannot ask any more.
    pub stop_prompting: bool,
    /// Held while the user is asked something. Copies share it: one question at a time, whichever account's.
    pub deciding: Arc<tokio::sync::Mutex<()>>,
    /// How forges are reached, where several engines share it; `None`: as the profile says.
    pub network: Option<Network>,
    /// What tells the time.
    pub clock: Clock,
}

impl Options {
    /// The usual ones, for a profile folder.
    pub fn new(profile: &Path) -> Self {
        Self {
            profile: profile.to_owned(),
            account: AccountName::First,
            interval: INTERVAL,
            service: "Countersign".into(),
            budget: BUDGET,
            agent: None,
            stop_prompting: false,
            deciding: Arc::default(),
            network: None,
            clock: Clock::default(),
        }
    }
}

/// What is known now and not kept over a restart.
pub(crate) struct Live {
    pub(crate) revision: u64,
    pub(crate) connection: Connection,
    pub(crate) offline_since: Option<Timestamp>,
    pub(crate) trouble: Option<Message>,
    pub(crate) quota: Option<Quota>,
    pub(crate) hidden: Vec<HiddenOrganisation>,
    pub(crate) cut: Vec<String>,
    pub(crate) keychain: KeychainState,
    pub(crate) keychain_message: Option<Message>,
    pub(crate) notices_message: Option<Message>,
    /// The disk does not take what is to be kept.
    pub(crate) store_message: Option<Message>,
    pub(crate) key: Option<KeyView>,
    /// The diagnostics that were shown last: no others can be saved.
    pub(crate) diagnostics: Option<String>,
    /// The account of the last session is still being taken up.
    pub(crate) restoring: bool,
    /// When keychain and agent were last looked at.
    pub(crate) looked_at: Option<Timestamp>,
    pub(crate) poller: Poller,
    pub(crate) polling: bool,
    pub(crate) token: TokenNow,
    /// The clocks when they were last compared.
    pub(crate) clocks: Clocks,
    pub(crate) allowance: Allowance,
    /// Forge's clock minus this machine's.
    pub(crate) skew: SignedDuration,
    pub(crate) refreshed_at: Option<Timestamp>,
    /// When the poll began that last read everything again that waits, and was answered whole.
    pub(crate) last_refresh: Option<Timestamp>,
    /// How often the user asked for a poll: it reads all that waits or was approved, because a target that moved
    /// touches no change's update time.
    pub(crate) asked: u64,
    /// How many of these a poll has met that was answered whole.
    pub(crate) met: u64,
}

impl Live {
    /// Nothing is known any more of the account that was signed in.
    pub(crate) fn forget(&mut self) {
        self.connection = Connection::Connecting;
        self.offline_since = None;
        self.trouble = None;
        self.quota = None;
        self.hidden.clear();
        self.cut.clear();
        self.notices_message = None;
        self.store_message = None;
        self.key = None;
        self.diagnostics = None;
        self.refreshed_at = None;
        self.last_refresh = None;
    }
}

pub(crate) struct Inner<F, D> {
    pub(crate) options: Options,
    store: Mutex<Store>,
    live: Mutex<Live>,
    account: Mutex<Option<Account>>,
    forge: Mutex<Option<Arc<F>>>,
    pub(crate) vault: Vault,
    network: Network,
    pub(crate) desktop: D,
    pub(crate) wake: Notify,
    /// The decision that is being sent, which cannot be taken back.
    sending: Mutex<Option<String>>,
    /// The sign-in by a code that waits for the user.
    device: Mutex<Option<Arc<Waiting>>>,
    pub(crate) stop: watch::Sender<bool>,
    running: Mutex<Option<JoinHandle<()>>>,
    /// How many polls have ended; who waits for one is also told when the forge asks to wait.
    pub(crate) polls: watch::Sender<u64>,
}

/// A handle on the running engine; clones are the same engine.
pub struct Engine<F, D> {
    pub(crate) inner: Arc<Inner<F, D>>,
}

impl<F, D> Clone for Engine<F, D> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

/// A lock whose holder panicked still guards whole data: every write to the store is a transaction of its own.
fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Work that takes its time with the processor, beside the threads that wait for the network. Should it break, that
/// is an answer like any other.
pub(crate) async fn beside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "an answer could not be prepared");
        Err(Failure::other(
            "A fault in Countersign kept this from being prepared. What was read is kept.",
            "Look at it at the forge, and please report it.",
        ))
    })
}

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// Opens the profile and starts the loop on the current Tokio runtime.
    ///
    /// # Errors
    /// The profile cannot be used: written by a newer version, in use, damaged or not writable. It is left as it is.
    pub async fn start(options: Options, desktop: D) -> Result<Self, Failure> {
        let vault = Vault::new(&options.service);
        let engine = Self::start_with(options, vault, desktop).await?;
        engine.listen();
        Ok(engine)
    }

    /// The same with a vault of the caller's, and deaf to what the system says.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with(options: Options, vault: Vault, desktop: D) -> Result<Self, Failure> {
        let path = options.profile.join(DATABASE);
        std::fs::create_dir_all(&options.profile).map_err(|error| {
            Failure::other(
                format!(
                    "The profile folder {} cannot be made: {error}.",
                    options.profile.display()
                ),
                "Check that the folder can be written, or name another with --profile.",
            )
        })?;
        let store = Store::open(&path).map_err(Failure::from)?;
        // The first look into it: a file that is damaged here must not look like one without an account.
        let refreshed_at = store.meta(REFRESHED).map_err(Failure::from)?;
        if let Some(kin) = store.meta(ACCOUNT).map_err(Failure::from)? {
            whose::note(&options.profile, &kin);
        }
        if options.stop_prompting {
            store.set_meta(PROMPTED, None).map_err(Failure::from)?;
        }
        let now = options.clock.now();
        let live = Live {
            revision: 1,
            connection: Connection::Connecting,
            offline_since: None,
            trouble: None,
            quota: None,
            hidden: Vec::new(),
            cut: Vec::new(),
            keychain: KeychainState::Unlocked,
            keychain_message: None,
            notices_message: None,
            store_message: None,
            key: None,
            diagnostics: None,
            restoring: true,
            looked_at: None,
            poller: Poller::new(now, options.interval),
            polling: false,
            token: TokenNow::default(),
            clocks: Clocks::of(&options.clock),
            allowance: Allowance::default(),
            skew: SignedDuration::ZERO,
            // The clock was set back while nothing ran: of what stands in the future nobody knows how old it is.
            refreshed_at: (refreshed_at.and_then(|at| at.parse().ok())).filter(|at| *at <= now),
            last_refresh: None,
            asked: 0,
            met: 0,
        };
        let network = options.network.clone();
        let network = network.unwrap_or_else(|| Network::open(&options.profile));
        let (stop, stopped) = watch::channel(false);
        let inner = Inner {
            options,
            store: Mutex::new(store),
            live: Mutex::new(live),
            account: Mutex::new(None),
            forge: Mutex::new(None),
            vault,
            network,
            desktop,
            wake: Notify::new(),
            sending: Mutex::new(None),
            device: Mutex::new(None),
            stop,
            running: Mutex::new(None),
            polls: watch::Sender::new(0),
        };
        let engine = Self {
            inner: Arc::new(inner),
        };
        let running = tokio::spawn(engine.clone().supervised(stopped));
        *held(&engine.inner.running) = Some(running);
        Ok(engine)
    }

    /// Keeps the loop going: should it ever break, that is told and it begins anew.
    async fn supervised(self, mut stopped: watch::Receiver<bool>) {
        while !*stopped.borrow() {
            let Err(broken) = tokio::spawn(self.clone().run(stopped.clone())).await else {
                return;
            };
            tracing::error!(%broken, "the engine's loop broke and begins anew");
            {
                let mut live = self.live();
                live.polling = false;
                live.trouble = Some(Message {
                    what: "A fault in Countersign broke off its last round.".into(),
                    kept: "The queue and the outbox are as they were.".into(),
                    todo: "It goes on by itself; please report what the log says.".into(),
                });
            }
            *self.sending() = None;
            self.changed();
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                _ = stopped.changed() => {}
            }
        }
    }

    async fn run(self, mut stopped: watch::Receiver<bool>) {
        self.look_again().await;
        self.live().restoring = false;
        self.changed();
        while !*stopped.borrow() {
            // Either can be cut off anywhere: what was read is asked for again, what was sent is looked for.
            let wait = tokio::select! {
                wait = self.round() => wait,
                // What a round asks may hang over a sleep, or while the clock is set.
                () = self.wait(Duration::MAX) => continue,
                _ = stopped.changed() => return,
            };
            tokio::select! {
                () = self.wait(wait) => {}
                () = self.inner.wake.notified() => {}
                _ = stopped.changed() => {}
            }
        }
    }

    /// Waits, and looks at the clocks meanwhile.
    async fn wait(&self, time: Duration) {
        let (clock, mut left) = (&self.inner.options.clock, time);
        while !left.is_zero() {
            let part = left.min(GLANCE);
            clock.sleep(part).await;
            self.mind_clock();
            left -= part;
        }
    }

    /// One turn of the loop: how long to sleep after it.
    async fn round(&self) -> Duration {
        const LONGEST: Duration = Duration::from_secs(60);
        // First of all: what follows is planned by the clock on the wall.
        self.mind_clock();
        if !self.is_usual()
            && self
                .live()
                .looked_at
                .is_none_or(|at| self.now().duration_since(at) >= LOOK_AGAIN)
        {
            self.look_again().await;
        }
        self.look_for_another_token().await;
        if self.online().is_none() {
            return LONGEST;
        }
        let is_due = if self.is_answered() {
            // Before the poll, which can take long: a decision is what somebody waits for.
            self.send_outbox().await;
            self.live().poller.next(self.now()) == Step::Poll
        } else {
            // What is told of a decision is told of a change that was read again. So what waits to be sent is a reason
            // to poll, and is tried after that however it went.
            let (waits, now) = (self.is_to_be_sent(), self.now());
            let live = self.live();
            live.poller.next(now) == Step::Poll || waits && live.poller.may_ask(now)
        };
        if is_due {
            {
                let mut live = self.live();
                live.polling = true;
                live.poller.begun(self.now());
            }
            self.poll().await;
            if let Some(account) = self.account() {
                self.note_dismissals(&account);
            }
            self.changed();
            {
                // In one step: who waits for a poll must not take this one for the next.
                let mut live = self.live();
                live.polling = false;
                self.inner.polls.send_modify(|polls| *polls += 1);
            }
            self.send_outbox().await;
        }
        match self.live().poller.next(self.now()) {
            Step::Poll => Duration::ZERO,
            Step::Wait(until) => Duration::try_from(until.duration_since(self.now()))
                .unwrap_or_default()
                .min(LONGEST),
        }
    }

    /// Looks at the keychain, for the token and for the key that signs.
    async fn look_again(&self) {
        self.live().looked_at = Some(self.now());
        self.check_keychain().await;
        self.take_up_proxy_password().await;
        self.restore().await;
        self.refresh_key().await;
    }

    /// The keychain answers, token and proxy's password are held, a key is at hand: nothing to look for again.
    fn is_usual(&self) -> bool {
        let signed_in = self.online().is_some() && !self.network().wants_password();
        let live = self.live();
        live.keychain == KeychainState::Unlocked && live.key.is_some() && signed_in
    }

    /// Ends the loop. What it was doing is finished or taken up again at the next start.
    pub fn shutdown(&self) {
        self.inner.stop.send_replace(true);
    }

    /// Ends the loop and waits until it has ended. Where this was the last handle, the profile is free again.
    pub async fn close(self) {
        self.shutdown();
        let running = held(&self.inner.running).take();
        if let Some(running) = running
            && let Err(error) = running.await
        {
            tracing::error!(%error, "the engine's loop broke");
        }
    }

    /// Polls soon: the user asked, or the world may have changed.
    pub fn nudge(&self) {
        self.live().poller.nudge(self.now());
        self.inner.wake.notify_one();
    }

    /// *Poll now*, and waits until that poll has ended.
    ///
    /// # Errors
    /// Nobody is signed in, or the forge asked to wait.
    pub async fn refresh(&self) -> Result<(), Failure> {
        self.signed_in()?;
        if !self.is_usual() {
            self.look_again().await;
        }
        if self.online().is_none() {
            return Err(Failure::coded(
                Code::SignedOut,
                "The token is not at hand, so the forge was not asked. What was read stays.",
                "Unlock the keychain, or sign in again.",
            ));
        }
        let mut polls = self.inner.polls.subscribe();
        let (mut at, wanted) = {
            let mut live = self.live();
            // A poll that is under way may have asked already; only one that begins now counts.
            let wanted = *polls.borrow_and_update() + if live.polling { 2 } else { 1 };
            live.asked += 1;
            (live.poller.demand(self.now()), wanted)
        };
        let ended = async {
            loop {
                // Also where the forge asks for it while this poll is waited for.
                if at > self.now() {
                    return Err(Failure::other(
                        format!("The forge asked to wait until {at}. What was read stays."),
                        "Countersign polls by itself then.",
                    ));
                }
                self.inner.wake.notify_one();
                if polls.changed().await.is_err() || *polls.borrow_and_update() >= wanted {
                    return Ok(());
                }
                at = self.live().poller.demand(self.now());
            }
        };
        let late = |_| {
            Err(Failure::other(
                "The poll takes longer than a minute; it goes on.",
                "",
            ))
        };
        tokio::time::timeout(Duration::from_secs(60), ended)
            .await
            .unwrap_or_else(late)
    }

    /// What the account is called within the profile.
    pub(crate) fn name(&self) -> &AccountName {
        &self.inner.options.account
    }

    /// How the window names a change of this account.
    pub(crate) fn handle(&self, change: &ChangeId) -> String {
        Handle {
            account: self.inner.options.account.clone(),
            change: change.clone(),
        }
        .to_string()
    }

    /// The ledger's lines, oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn ledger(&self) -> Result<Vec<String>, Failure> {
        Ok(self.store().ledger()?)
    }

    /// The time on the wall.
    pub(crate) fn now(&self) -> Timestamp {
        self.inner.options.clock.now()
    }

    /// Since when what has ended is looked at still: more than a day, wherever its midnight is.
    pub(crate) fn recently(&self) -> Timestamp {
        self.now().saturating_sub(RECENT).unwrap_or(Timestamp::MIN)
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        held(&self.inner.store)
    }

    pub(crate) fn live(&self) -> MutexGuard<'_, Live> {
        held(&self.inner.live)
    }

    /// Locked before the store where both are needed.
    pub(crate) fn sending(&self) -> MutexGuard<'_, Option<String>> {
        held(&self.inner.sending)
    }

    pub(crate) fn device(&self) -> MutexGuard<'_, Option<Arc<Waiting>>> {
        held(&self.inner.device)
    }

    /// Takes in how a write to the store went; tells the user where it failed.
    pub(crate) fn wrote(&self, written: Result<(), StoreError>) -> bool {
        let ok = self.found(written).is_some();
        if ok {
            self.live().store_message = None;
        }
        ok
    }

    /// What the store gave; tells the user where it gave nothing.
    pub(crate) fn found<T>(&self, answer: Result<T, StoreError>) -> Option<T> {
        answer
            .map_err(|error| {
                tracing::error!(%error, "the store cannot be used");
                let failure = Failure::from(error);
                self.live().store_message = Some(Message {
                    what: failure.message,
                    kept: "What was kept before is unchanged.".into(),
                    todo: failure.hint,
                });
            })
            .ok()
    }

    pub(crate) fn network(&self) -> &Network {
        &self.inner.network
    }

    pub(crate) fn account(&self) -> Option<Account> {
        held(&self.inner.account).clone()
    }

    /// The account with the way to its forge, where its token is held.
    pub(crate) fn online(&self) -> Option<Online<F>> {
        let account = held(&self.inner.account);
        let forge = held(&self.inner.forge);
        Some(Online {
            account: account.clone()?,
            forge: forge.clone()?,
        })
    }

    /// Whether the forge would still be asked in the same way: nobody signed in or out meanwhile.
    pub(crate) fn is_current(&self, online: &Online<F>) -> bool {
        let forge = held(&self.inner.forge);
        forge
            .as_ref()
            .is_some_and(|forge| Arc::ptr_eq(forge, &online.forge))
    }

    /// The store, for what this account's forge answered; `None` where somebody signed in or out meanwhile. Who leaves
    /// does so first and then waits for the store: nothing that is written here comes after what they erase.
    pub(crate) fn store_of(&self, online: &Online<F>) -> Option<MutexGuard<'_, Store>> {
        let store = self.store();
        self.is_current(online).then_some(store)
    }

    /// What is known now, for what this account's forge answered; `None` as with [`Self::store_of`].
    pub(crate) fn live_of(&self, online: &Online<F>) -> Option<MutexGuard<'_, Live>> {
        let live = self.live();
        self.is_current(online).then_some(live)
    }

    pub(crate) fn set_account(&self, account: Option<Account>, forge: Option<Arc<F>>) {
        let mut held_account = held(&self.inner.account);
        *held(&self.inner.forge) = forge;
        *held_account = account;
    }

    /// The same, unless somebody signed in or out since this account's forge was asked; whether it was done.
    pub(crate) fn replace_account(
        &self,
        online: &Online<F>,
        account: Account,
        forge: Option<Arc<F>>,
    ) -> bool {
        let mut held_account = held(&self.inner.account);
        let mut held_forge = held(&self.inner.forge);
        let same = (held_forge.as_ref()).is_some_and(|forge| Arc::ptr_eq(forge, &online.forge));
        if same {
            *held_forge = forge;
            *held_account = Some(account);
        }
        same
    }

    pub(crate) fn signed_in(&self) -> Result<Account, Failure> {
        self.account().ok_or_else(|| Failure {
            code: Code::SignedOut,
            message: "Nobody is signed in. What was read stays on this machine.".into(),
            hint: "Sign in again.".into(),
        })
    }
}
