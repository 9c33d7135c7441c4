//! What each account sees of the one desktop. What several say of themselves is brought together here; a question or a
//! notice says whose it is where that could be mistaken.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_prompt::{Purpose, Unprompted};

use super::merging;
use crate::handle::AccountName;
use crate::ports::{Desktop, Notice, Question, TrayState, Who};

/// The desktop that the accounts share.
pub(super) struct Board<D> {
    pub(super) desktop: D,
    revision: AtomicU64,
    trays: Mutex<BTreeMap<AccountName, TrayState>>,
    /// An account of the profile could not be opened.
    pub(super) unopened: AtomicBool,
}

impl<D: Desktop> Board<D> {
    pub(super) fn new(desktop: D) -> Self {
        Self {
            desktop,
            revision: AtomicU64::new(1),
            trays: Mutex::default(),
            unopened: AtomicBool::new(false),
        }
    }

    fn trays(&self) -> MutexGuard<'_, BTreeMap<AccountName, TrayState>> {
        // Each change is one step, so a holder that panicked left nothing half done.
        self.trays.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn revision(&self) -> u64 {
        self.revision.load(Ordering::Relaxed)
    }

    pub(super) fn changed(&self) {
        let revision = self.revision.fetch_add(1, Ordering::Relaxed) + 1;
        self.desktop.changed(revision);
    }

    /// What tells each signed-in account from the others.
    pub(super) fn labels(&self) -> BTreeMap<AccountName, String> {
        merging::labels(&self.trays())
    }

    /// The account is no more.
    pub(super) fn forget(&self, name: &AccountName) {
        self.trays().remove(name);
    }

    /// Takes in what one account says.
    fn tray(&self, name: &AccountName, state: TrayState) {
        let mut trays = self.trays();
        trays.insert(name.clone(), state);
        let unopened = self.unopened.load(Ordering::Relaxed);
        // Under the lock: what was brought together earlier must not be shown later.
        self.desktop.tray(merging::tray(&trays, unopened));
    }
}

/// The desktop as one account sees it.
pub struct Seat<D> {
    pub(super) name: AccountName,
    pub(super) board: Arc<Board<D>>,
}

impl<D: Desktop> Seat<D> {
    /// What tells the account from the others; `None` where there are no others.
    fn label(&self) -> Option<String> {
        let mut labels = self.board.labels();
        if labels.len() > 1 {
            labels.remove(&self.name)
        } else {
            None
        }
    }
}

impl<D: Desktop> Desktop for Seat<D> {
    async fn notify(&self, mut notice: Notice) -> Result<(), String> {
        if let Some(label) = self.label() {
            // Before what strangers wrote, which could pass for it.
            notice.body = format!("{label}\n{}", notice.body);
        }
        self.board.desktop.notify(notice).await
    }

    fn changed(&self, _revision: u64) {
        self.board.changed();
    }

    fn show(&self) {
        self.board.desktop.show();
    }

    fn tray(&self, state: TrayState) {
        self.board.tray(&self.name, state);
    }

    async fn confirm(&self, mut question: Question) -> bool {
        if self.label().is_some() {
            let who = self
                .board
                .trays()
                .get(&self.name)
                .and_then(|tray| tray.who.clone());
            if let Some(Who { login, host }) = who {
                question.text = format!("As {login} at {host}\n{}", question.text);
            }
        }
        self.board.desktop.confirm(question).await
    }

    async fn prompt(&self, purpose: Purpose) -> Result<(), Unprompted> {
        self.board.desktop.prompt(purpose).await
    }

    async fn save_as(&self, title: String, name: String) -> Option<PathBuf> {
        self.board.desktop.save_as(title, name).await
    }

    async fn open_file(&self, title: String) -> Option<PathBuf> {
        self.board.desktop.open_file(title).await
    }
}
