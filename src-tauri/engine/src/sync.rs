//! One poll, from the forge's answer to notices: find, hydrate, read, classify, assess, store, tell.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::change::{Asked, Change, ChangeId, ChangeState};
use countersign_core::poller::Outcome;
use countersign_core::queue::{self, Standing};
use jiff::SignedDuration;

use crate::assessing;
use crate::engine::{Account, Engine, now};
use crate::ports::{Desktop, Forge, ForgeError, Hit, Hydrated, Notice};
use crate::store::{Facts, Held};
use crate::view::{Connection, Message};
use crate::words;

/// Changes a call. Source: github.md, the cost of one hydrate.
const BATCH: usize = 50;
/// Check states need not touch a change's update time, so everything that waits is read again this often.
const REFRESH: SignedDuration = SignedDuration::from_mins(10);
const SYNCED: &str = "synced";

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// One poll. Whatever it could not read stays as it was, and says so.
    pub(crate) async fn poll(&self) {
        let Some(account) = self.account() else { return };
        let outcome = match self.poll_once(&account).await {
            Ok(quota) => {
                let mut live = self.live();
                live.connection = Connection::Online;
                live.offline_since = None;
                live.trouble = None;
                live.refreshed_at = Some(now());
                Outcome::Answered { quota }
            }
            Err(error) => self.poll_failed(&error),
        };
        self.live().poller.heard(now(), outcome);
    }

    fn poll_failed(&self, error: &ForgeError) -> Outcome {
        let mut live = self.live();
        live.trouble = Some(words::forge_trouble(error));
        let gone = match error {
            ForgeError::Unreachable { .. } | ForgeError::Interrupted { .. } => true,
            ForgeError::Unauthorised { .. }
            | ForgeError::Forbidden { .. }
            | ForgeError::NotFound { .. }
            | ForgeError::RateLimited { .. }
            | ForgeError::Server { .. }
            | ForgeError::Garbled { .. }
            | ForgeError::Refused { .. } => false,
        };
        if gone {
            live.connection = Connection::Offline;
            live.offline_since.get_or_insert_with(now);
        } else {
            live.connection = Connection::Online;
            live.offline_since = None;
        }
        match error {
            ForgeError::Unauthorised { .. } => Outcome::Stopped,
            ForgeError::RateLimited { retry_after, .. } => Outcome::Failed {
                retry_after: *retry_after,
            },
            ForgeError::Unreachable { .. }
            | ForgeError::Interrupted { .. }
            | ForgeError::Forbidden { .. }
            | ForgeError::NotFound { .. }
            | ForgeError::Server { .. }
            | ForgeError::Garbled { .. }
            | ForgeError::Refused { .. } => Outcome::Failed { retry_after: None },
        }
    }

    async fn poll_once(&self, account: &Account<F>) -> Result<Option<(u64, jiff::Timestamp)>, ForgeError> {
        let probe = account.forge.probe().await?;
        {
            let mut live = self.live();
            live.quota = probe.quota;
            live.hidden = probe.hidden.clone();
            live.cut = probe.cut.clone();
            if let Some(theirs) = probe.forge_time {
                live.skew = theirs.duration_since(now());
            }
        }
        let hits: BTreeMap<&str, &Hit> = probe.hits.iter().map(|hit| (hit.node_id.as_str(), hit)).collect();
        let wanted = self.wanted(&hits);
        for batch in wanted.chunks(BATCH) {
            for hydrated in account.forge.hydrate(batch).await? {
                match hydrated {
                    Hydrated::Change(change) => self.take_in(account, *change, &hits).await?,
                    Hydrated::Gone { node_id } => self.gone(&node_id),
                    Hydrated::Unreadable { node_id, why } => {
                        tracing::warn!(
                            node_id,
                            why,
                            "a change could not be understood; it stays as it was"
                        );
                        self.live()
                            .cut
                            .push("One change could not be understood and is shown as it was.".into());
                    }
                }
            }
        }
        self.tell().await;
        Ok(probe.quota.map(|quota| (quota.left, quota.resets_at)))
    }

    /// The node ids to read again: new, changed, left out by the search although they wait, not yet read whole, and
    /// from time to time all.
    fn wanted(&self, hits: &BTreeMap<&str, &Hit>) -> Vec<String> {
        let all = {
            let mut live = self.live();
            let due = live
                .last_refresh
                .is_none_or(|last| now().duration_since(last) >= REFRESH);
            if due {
                live.last_refresh = Some(now());
            }
            due
        };
        let store = self.store();
        let known = store.known().unwrap_or_default();
        let mut wanted: BTreeSet<String> = hits.keys().map(|id| (*id).to_owned()).collect();
        for known in known {
            match hits.get(known.node_id.as_str()) {
                Some(hit) => {
                    let same = hit.head.as_str() == known.head && hit.updated_at == known.updated_at;
                    if same && known.settled && !all {
                        wanted.remove(&known.node_id);
                    }
                }
                None if known.waits => {
                    wanted.insert(known.node_id);
                }
                None => {}
            }
        }
        wanted.into_iter().collect()
    }

    fn gone(&self, node_id: &str) {
        let store = self.store();
        let left = store.id_of(node_id).and_then(|id| match id {
            Some(id) => store.leave(&id),
            None => Ok(()),
        });
        if let Err(error) = left {
            tracing::error!(%error, "a change that is gone could not be noted");
        }
    }

    async fn take_in(
        &self,
        account: &Account<F>,
        mut change: Change,
        hits: &BTreeMap<&str, &Hit>,
    ) -> Result<(), ForgeError> {
        if let Some(hit) = hits.get(change.node_id.as_str()) {
            add_asked(&mut change, hit);
        }
        let before = self.store().held(&change.id).ok().flatten();
        if change.state != ChangeState::Open {
            return self.closed(&change);
        }
        let same = before.filter(|held| {
            held.is_settled()
                && held.change.head.oid == change.head.oid
                && held.change.target.oid == change.target.oid
        });
        let viewer = Self::viewer_id(account);
        let (made, new_diff) = match same {
            Some(held) => {
                change.commits.clone_from(&held.change.commits);
                let diff = self
                    .store()
                    .diff(&change.target.oid, &change.head.oid)
                    .ok()
                    .flatten();
                (assessing::make(change, held.facts, diff, viewer).await, None)
            }
            None => match account.forge.read(&change).await {
                Ok(reading) => {
                    let facts = Facts::of(&reading);
                    change.commits = reading.commits;
                    (
                        assessing::make(change, facts, reading.diff.clone(), viewer).await,
                        reading.diff,
                    )
                }
                // What concerns the forge as a whole ends the poll; what concerns this change is said on it.
                Err(
                    error @ (ForgeError::Unauthorised { .. }
                    | ForgeError::Unreachable { .. }
                    | ForgeError::RateLimited { .. }),
                ) => return Err(error),
                Err(error) => {
                    let why = format!("the diff could not be fetched: {}", words::forge_error(&error));
                    let facts = Facts {
                        missing: vec![(String::new(), why)],
                        ..Facts::default()
                    };
                    (assessing::make(change, facts, None, viewer).await, None)
                }
            },
        };
        if let Err(error) = self.store().put(&made, new_diff.as_deref(), now()) {
            let message = Message {
                what: words::sentence(&error.to_string()),
                kept: "What was held before is unchanged.".into(),
                todo: "Make room on the disk; the change is read again at the next poll.".into(),
            };
            tracing::error!(%error, "a change could not be stored");
            self.live().trouble = Some(message);
        }
        Ok(())
    }

    /// A change that closed leaves the queue, with the state that the forge gives it.
    fn closed(&self, change: &Change) -> Result<(), ForgeError> {
        let store = self.store();
        if let Err(error) = store.leave(&change.id) {
            tracing::error!(%error, "a closed change could not be noted");
        }
        Ok(())
    }

    /// Notices for what moved since the last poll; the first sync is silent.
    async fn tell(&self) {
        let (moves, first) = {
            let store = self.store();
            let Ok(waiting) = store.waiting() else { return };
            let next: Vec<Standing> = waiting.iter().map(standing).collect();
            let first = store.meta(SYNCED).ok().flatten().is_none();
            let Ok(told) = store.told() else { return };
            let mut moves = queue::diff(&told, &next);
            // The claim is on disk before the notice: told at most once, after a crash or a restart too.
            moves.retain(|step| {
                store
                    .claim_notice(&step.now.id, &step.now.head, step.event)
                    .unwrap_or(false)
            });
            if first && let Err(error) = store.set_meta(SYNCED, Some("1")) {
                tracing::error!(%error, "the first sync could not be noted");
            }
            (moves, first)
        };
        if first {
            return;
        }
        for telling in queue::tell(&moves) {
            let notice = Notice {
                title: telling.title,
                body: telling.body,
                change: telling.change,
                severity: telling.severity,
            };
            let shown = self.inner.desktop.notify(notice).await;
            self.live().notices_message = shown.err().map(|why| Message {
                what: format!("Notices cannot be shown: {why}"),
                kept: "The queue and the tray still say what waits.".into(),
                todo: "Start a notification service.".into(),
            });
        }
    }
}

/// Adds what the searches knew. The forge lists every requested team; only the search knows that one is the user's.
fn add_asked(change: &mut Change, hit: &Hit) {
    if !hit.asked || hit.by_name {
        change.asked.retain(|asked| !matches!(asked, Asked::Team { .. }));
    }
    if hit.by_name && !change.asked.contains(&Asked::ByName) {
        change.asked.push(Asked::ByName);
    }
    let team = change
        .asked
        .iter()
        .any(|asked| matches!(asked, Asked::Team { .. }));
    if hit.asked && !hit.by_name && !team {
        change.asked.push(Asked::Team {
            team: "one of your teams".into(),
            code_owner: false,
        });
    }
    if hit.assigned && !change.asked.contains(&Asked::Assigned) {
        change.asked.push(Asked::Assigned);
    }
    if hit.reviewed && !change.asked.contains(&Asked::Reviewed) {
        change.asked.push(Asked::Reviewed);
    }
}

fn standing(held: &Held) -> Standing {
    let id: ChangeId = held.change.id.clone();
    Standing {
        id,
        head: held.change.head.oid.clone(),
        section: held.section,
        severity: held.assessment.severity(),
        needs_sign_off: held.needs_sign_off,
        words: assessing::sentence(held),
    }
}
