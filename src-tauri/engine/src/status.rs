//! The status line and the tray: what needs the user now, and how the connection is.

use countersign_core::decision::OutboxState;

use crate::engine::Engine;
use crate::ports::{Desktop, Forge, TrayState, Who};
use crate::rows::visible;
use crate::view::{
    AccountView, Connection, Failure, OtherLedger, QueueFilter, Row, SectionKind, SeverityView, Status,
};

/// Changes that need the user: how many, the worst, and the first few as lines for the tray.
#[derive(Default)]
struct Pending {
    count: u32,
    critical: bool,
    first: Vec<(String, String)>,
}

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// The status line, for this account alone.
    pub async fn status(&self) -> Result<Status, Failure> {
        let outbox = self
            .store()
            .unfinished()?
            .iter()
            .filter(|entry| !entry.state.is_final())
            .count();
        let outbox = u32::try_from(outbox).unwrap_or(u32::MAX);
        let pending = self.pending()?.count;
        let account = self.account();
        let other = match account {
            None => self.ledger_of_who_signed_out()?,
            Some(_) => None,
        };
        let live = self.live();
        let account = account.map(|account| AccountView {
            name: self.inner.options.account.to_string(),
            label: account.address.host.clone(),
            session_only: self.inner.vault.is_session_only(&account.token_name()),
            host: account.address.host,
            login: account.viewer.login,
            token_expires_at: account.expires_at.map(|at| at.to_string()),
            token: account.token,
            connection: live.connection,
            offline_since: live.offline_since.map(|at| at.to_string()),
            trouble: live.trouble.clone(),
            data_at: live.refreshed_at.map(|at| at.to_string()),
            next_poll_at: live.poller.due().map(|at| at.to_string()),
            quota_left: live.quota.map(|quota| quota.left),
            quota_limit: live.quota.map(|quota| quota.limit),
            outbox,
            pending,
            key: live.key.clone(),
        });
        Ok(Status {
            revision: live.revision,
            accounts: account.iter().cloned().collect(),
            account,
            unopened: Vec::new(),
            other_ledgers: other.into_iter().filter(|_| !live.restoring).collect(),
            connection: live.connection,
            offline_since: live.offline_since.map(|at| at.to_string()),
            data_at: live.refreshed_at.map(|at| at.to_string()),
            next_poll_at: live.poller.due().map(|at| at.to_string()),
            quota_left: live.quota.map(|quota| quota.left),
            quota_limit: live.quota.map(|quota| quota.limit),
            outbox,
            keychain: live.keychain,
            key: live.key.clone(),
            pending,
            restoring: live.restoring,
            open: None,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }

    /// If it has lines.
    fn ledger_of_who_signed_out(&self) -> Result<Option<OtherLedger>, Failure> {
        if self.store().ledger_head()?.is_none() {
            return Ok(None);
        }
        let owner = self.owner()?;
        let whose = owner.map_or_else(
            || "An account".to_owned(),
            |owner| format!("{} at {}", visible(&owner.viewer.login), owner.address.host),
        );
        Ok(Some(OtherLedger {
            account: self.name().to_string(),
            label: format!("{whose}, signed out"),
        }))
    }

    /// What needs the user now.
    fn pending(&self) -> Result<Pending, Failure> {
        let Some(account) = self.account() else {
            return Ok(Pending::default());
        };
        let queue = self.queue_of(&account, QueueFilter::NeedsSignOff)?;
        let waiting = queue.sections.iter().filter(|section| match section.kind {
            SectionKind::NeedsYou | SectionKind::YourTeams | SectionKind::CameBack => true,
            SectionKind::Outbox | SectionKind::Approvals | SectionKind::DoneToday => false,
        });
        let rows: Vec<_> = waiting.flat_map(|section| &section.rows).collect();
        let line = |row: &&Row| {
            (
                row.id.clone(),
                format!("{} #{}: {}", row.repo, row.number, row.title),
            )
        };
        Ok(Pending {
            count: u32::try_from(rows.len()).unwrap_or(u32::MAX),
            critical: rows.iter().any(|row| row.severity == SeverityView::Critical),
            first: rows.iter().take(5).map(line).collect(),
        })
    }

    /// Something that the UI or the tray shows has changed.
    pub(crate) fn changed(&self) {
        let pending = self.pending();
        let decisions = self.store().unfinished();
        // A store that cannot be read must not look as if nothing waited.
        let unread = pending.is_err() || decisions.is_err();
        let (pending, decisions) = (pending.unwrap_or_default(), decisions.unwrap_or_default());
        let outbox = decisions.iter().filter(|entry| !entry.state.is_final()).count();
        let handed_back = decisions
            .iter()
            .any(|entry| entry.state.is_final() && entry.state != OutboxState::Confirmed);
        let who = self.account().map(|account| Who {
            login: account.viewer.login,
            host: account.address.host,
        });
        let (revision, state) = {
            let mut live = self.live();
            live.revision += 1;
            let state = TrayState {
                pending: pending.count,
                critical: pending.critical,
                offline: live.connection == Connection::Offline,
                offline_at: Vec::new(),
                attention: who.is_none()
                    || handed_back
                    || unread
                    || live.keychain_message.is_some()
                    || live.store_message.is_some(),
                first: pending.first,
                outbox: u32::try_from(outbox).unwrap_or(u32::MAX),
                who,
            };
            (live.revision, state)
        };
        self.inner.desktop.tray(state);
        self.inner.desktop.changed(revision);
    }
}
