//! One poll, from the forge's answer to notices: find, hydrate, read, classify, assess, store, tell.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use countersign_core::change::{Asked, Change, ChangeId, ChangeState};
use countersign_core::finding::Severity;
use countersign_core::poller::Outcome;
use countersign_core::queue::{self, Standing};
use jiff::{SignedDuration, Timestamp};

use crate::account::Online;
use crate::assessing;
use crate::engine::Engine;
use crate::holding;
use crate::ports::{Desktop, Forge, ForgeError, Hit, Hydrated, Notice};
use crate::store::{Facts, Held, REFRESHED, SYNCED};
use crate::view::{Connection, Message};
use crate::whole::{self, Whole};
use crate::words;

/// Changes a call: a query of this size costs four points. Source: GitHub's "Rate limits for the GraphQL API".
const BATCH: usize = 50;
/// Check states need not touch a change's update time, so everything that waits is read again this often.
pub(crate) const REFRESH: SignedDuration = SignedDuration::from_mins(10);

/// A team of the user's that the forge does not name.
const OWN_TEAM: &str = "one of your teams";

/// One poll's own knowledge.
struct Round<'h> {
    /// What the searches found, by node id.
    hits: BTreeMap<&'h str, &'h Hit>,
    /// Everything that waits is read again.
    all: bool,
    /// When it began: nothing that it read is older.
    began: Timestamp,
    /// How often the user had asked for one by then.
    asked: u64,
    /// The connection broke once.
    broken: bool,
}

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// One poll. Whatever it could not read stays as it was, and says so.
    pub(crate) async fn poll(&self) {
        let Some(online) = self.online() else { return };
        let began = self.now();
        let answer = match self.is_own_token(&online).await {
            Ok(true) => self.poll_once(&online).await,
            Ok(false) => {
                // Where somebody has signed in meanwhile, there is a token to go on with.
                if self.online().is_none() {
                    self.live().poller.heard(self.now(), Outcome::Stopped);
                }
                return;
            }
            Err(error) => Err(error),
        };
        self.mind_clock();
        if !self.is_current(&online) {
            // What another token met says nothing of the one that is here now, which is still to be tried. What was
            // begun to be read again was not kept.
            self.live().last_refresh = None;
            return;
        }
        let outcome = match answer {
            Ok(quota) => {
                // As old as the first that was read, which may lie before a sleep; a clock that was set back since is
                // no reason to come from the future.
                let at = began.min(self.now());
                let noted = self
                    .store_of(&online)
                    .map(|store| store.set_meta(REFRESHED, Some(&at.to_string())));
                if let Some(noted) = noted {
                    self.wrote(noted);
                }
                self.keep_within_budget();
                let Some(mut live) = self.live_of(&online) else {
                    return;
                };
                live.connection = Connection::Online;
                live.offline_since = None;
                live.trouble = None;
                live.refreshed_at = Some(at);
                Outcome::Answered { quota }
            }
            Err(error) => self.failed(&error),
        };
        self.live().poller.heard(self.now(), outcome);
    }

    fn keep_within_budget(&self) {
        let evicted = self.store().keep_within(self.inner.options.budget);
        match evicted {
            Ok(evicted) if evicted.rows > 0 => {
                tracing::info!(?evicted, "what was read longest ago was given up");
            }
            Ok(_) => {}
            Err(error) => {
                self.wrote(Err(error));
            }
        }
    }

    /// What the outbox learnt about the forge is as good as what a poll learns: it waits when asked to, and stops
    /// where the token no longer holds.
    pub(crate) fn hear(&self, error: &ForgeError) {
        match error {
            ForgeError::Unauthorised { .. }
            | ForgeError::RateLimited { .. }
            | ForgeError::Unreachable { .. }
            | ForgeError::Proxied { .. }
            | ForgeError::Untrusted { .. }
            | ForgeError::Interrupted { .. } => {
                let outcome = self.failed(error);
                self.mind_clock();
                self.live().poller.heard(self.now(), outcome);
                self.inner.polls.send_modify(|_| ());
            }
            // These may be about the one change.
            ForgeError::Forbidden { .. }
            | ForgeError::NotFound { .. }
            | ForgeError::Server { .. }
            | ForgeError::Garbled { .. }
            | ForgeError::Refused { .. } => {}
        }
    }

    fn failed(&self, error: &ForgeError) -> Outcome {
        let mut live = self.live();
        live.trouble = Some(words::forge_trouble(error));
        let gone = match error {
            ForgeError::Unreachable { .. }
            | ForgeError::Proxied { .. }
            | ForgeError::Untrusted { .. }
            | ForgeError::Interrupted { .. } => true,
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
            live.offline_since.get_or_insert_with(|| self.now());
        } else {
            live.connection = Connection::Online;
            live.offline_since = None;
        }
        match error {
            ForgeError::Unauthorised { .. } => {
                live.token.refuse();
                self.inner.wake.notify_one();
                Outcome::Stopped
            }
            ForgeError::RateLimited { retry_after, .. } => Outcome::Failed {
                retry_after: *retry_after,
            },
            ForgeError::Unreachable { .. }
            | ForgeError::Proxied { .. }
            | ForgeError::Untrusted { .. }
            | ForgeError::Interrupted { .. }
            | ForgeError::Forbidden { .. }
            | ForgeError::NotFound { .. }
            | ForgeError::Server { .. }
            | ForgeError::Garbled { .. }
            | ForgeError::Refused { .. } => Outcome::Failed { retry_after: None },
        }
    }

    async fn poll_once(&self, online: &Online<F>) -> Result<Option<(u64, jiff::Timestamp)>, ForgeError> {
        let probe = online.forge.probe().await?;
        {
            let Some(mut live) = self.live_of(online) else {
                return Ok(None);
            };
            live.quota = probe.quota;
            live.hidden = probe.hidden.clone();
            live.cut = probe.cut.clone();
            if let Some(theirs) = probe.forge_time {
                live.skew = theirs.duration_since(self.now());
            }
        }
        let hits: BTreeMap<&str, &Hit> = probe.hits.iter().map(|hit| (hit.node_id.as_str(), hit)).collect();
        let mut round = self.begin(hits);
        let wanted = self.wanted(&round);
        for batch in wanted.chunks(BATCH) {
            for hydrated in online.forge.hydrate(batch).await? {
                // Nobody waits for the rest.
                if !self.is_current(online) {
                    return Ok(None);
                }
                match hydrated {
                    Hydrated::Change(change) => self.take_in(online, *change, &mut round).await?,
                    Hydrated::Gone { node_id } => self.gone(online, &node_id).await?,
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
        self.ended(&round);
        self.tell(online).await;
        Ok(probe.quota.map(|quota| (quota.left, quota.resets_at)))
    }

    /// What a poll that found these is to read.
    fn begin<'h>(&self, hits: BTreeMap<&'h str, &'h Hit>) -> Round<'h> {
        let (live, began) = (self.live(), self.now());
        let is_recent = |last: Timestamp| {
            let age = began.duration_since(last);
            !age.is_negative() && age < REFRESH
        };
        Round {
            hits,
            all: !live.last_refresh.is_some_and(is_recent),
            began,
            asked: live.asked,
            broken: false,
        }
    }

    /// Only now has everything been read that it was to read.
    fn ended(&self, round: &Round<'_>) {
        let mut live = self.live();
        if round.all {
            live.last_refresh = Some(round.began);
        }
        live.met = round.asked;
    }

    /// The node ids to read again: new, changed, left out by the search although they wait, not yet read whole, and
    /// from time to time all.
    fn wanted(&self, round: &Round<'_>) -> Vec<String> {
        let Round { hits, all, asked, .. } = round;
        let asked = *asked > self.live().met;
        let (known, approved) = {
            let store = self.store();
            let found: Vec<&str> = hits.keys().copied().collect();
            (store.known(&found), store.confirmed_on_open())
        };
        let known = self.found(known).unwrap_or_default();
        // Searches show open changes only: one that was approved and is not among them may have come to its end.
        let approved: BTreeSet<ChangeId> = self
            .found(approved)
            .unwrap_or_default()
            .into_iter()
            .map(|entry| entry.change)
            .collect();
        let mut wanted: BTreeSet<String> = hits.keys().map(|id| (*id).to_owned()).collect();
        let ids: BTreeMap<String, ChangeId> = (known.iter())
            .map(|known| (known.node_id.clone(), known.id.clone()))
            .collect();
        for known in known {
            match hits.get(known.node_id.as_str()) {
                Some(hit) => {
                    let same = hit.head.as_str() == known.head && hit.updated_at == known.updated_at;
                    // Asked for and yet not waiting: an earlier answer may have left the asking out.
                    let forgotten = !known.waits && (hit.asked || hit.by_name || hit.assigned);
                    let again = *all || asked && (known.waits || approved.contains(&known.id));
                    if same && known.settled && !again && !forgotten {
                        wanted.remove(&known.node_id);
                    }
                }
                None if known.waits || approved.contains(&known.id) => {
                    wanted.insert(known.node_id);
                }
                None => {}
            }
        }
        self.worst_first(wanted, &ids)
    }

    /// After a time without the forge there is much to read: what could break most comes first. What was never read could
    /// break anything.
    fn worst_first(&self, wanted: BTreeSet<String>, ids: &BTreeMap<String, ChangeId>) -> Vec<String> {
        let store = self.store();
        let unknown = (Some(Severity::Critical), 1);
        let rank = |node_id: &String| {
            let held = ids.get(node_id).and_then(|id| store.held(id).ok().flatten());
            held.map_or(unknown, |held| (held.assessment.severity(), 2))
        };
        let mut wanted: Vec<String> = wanted.into_iter().collect();
        wanted.sort_by_cached_key(|node_id| Reverse(rank(node_id)));
        wanted
    }

    /// A change that the answer left out leaves the queue where the forge says so once more, when it is asked for that
    /// change alone.
    async fn gone(&self, online: &Online<F>, node_id: &str) -> Result<(), ForgeError> {
        let known = {
            let store = self.store();
            let id = store.id_of(node_id);
            id.and_then(|id| id.map_or(Ok(None), |id| store.held(&id)))
        };
        let Some(held) = self.found(known).flatten() else {
            return Ok(());
        };
        let id = held.change.id;
        let end = match online.forge.head(&id).await {
            Err(ForgeError::NotFound { .. }) => None,
            // Its name is another's by now.
            Ok(head) if head.change_id != held.change.change_id => None,
            Ok(head) if head.state != ChangeState::Open => Some(head.state),
            Err(
                error @ (ForgeError::Unauthorised { .. }
                | ForgeError::Unreachable { .. }
                | ForgeError::Proxied { .. }
                | ForgeError::Untrusted { .. }
                | ForgeError::Interrupted { .. }
                | ForgeError::RateLimited { .. }),
            ) => return Err(error),
            Ok(_)
            | Err(
                ForgeError::Forbidden { .. }
                | ForgeError::Server { .. }
                | ForgeError::Garbled { .. }
                | ForgeError::Refused { .. },
            ) => {
                tracing::warn!(node_id, "a change was left out of an answer; it stays as it was");
                self.live().cut.push(format!(
                    "{} #{} was left out of the forge's answer and is shown as it was.",
                    id.repo, id.number
                ));
                return Ok(());
            }
        };
        let left = self.store_of(online).map(|store| store.leave(&id, end));
        if let Some(left) = left {
            self.wrote(left);
        }
        Ok(())
    }

    async fn take_in(
        &self,
        online: &Online<F>,
        mut change: Change,
        round: &mut Round<'_>,
    ) -> Result<(), ForgeError> {
        let before = self.store().held(&change.id).ok().flatten();
        match round.hits.get(change.node_id.as_str()) {
            Some(hit) => add_asked(&mut change, hit),
            None => keep_asked(&mut change, before.as_ref(), round.all),
        }
        if change.state != ChangeState::Open {
            let left = self
                .store_of(online)
                .map(|store| store.leave(&change.id, Some(change.state)));
            if let Some(left) = left {
                self.wrote(left);
            }
            return Ok(());
        }
        let viewer = online.account.viewer_id();
        let same = before.clone().filter(|held| {
            held.is_settled()
                && held.change.head.oid == change.head.oid
                && held.change.target.oid == change.target.oid
        });
        // What was given up to keep within the budget is read again where it is wanted again.
        let whole = match &same {
            Some(held) => self.store().is_whole(held).unwrap_or(false),
            None => false,
        };
        let waits = queue::section(&change, viewer).is_some();
        let (made, new_diff) = match same.filter(|_| whole || !waits) {
            Some(held) if !whole => {
                change.commits.clone_from(&held.change.commits);
                let section = None;
                (
                    Held {
                        change,
                        section,
                        ..held
                    },
                    None,
                )
            }
            Some(held) => {
                change.commits.clone_from(&held.change.commits);
                let (diff, whole) = {
                    let store = self.store();
                    let diff = store.diff(&change.target.oid, &change.head.oid);
                    (diff.ok().flatten(), whole::load(&store, &held.facts))
                };
                (
                    assessing::make(change, held.facts, diff, whole, viewer).await,
                    None,
                )
            }
            None => match online.forge.read(&change).await {
                Ok(reading) => {
                    let mut facts = Facts::of(&reading);
                    self.fetch_whole(online, &change.id, &reading, &mut facts).await?;
                    change.commits = reading.commits;
                    let whole = whole::load(&self.store(), &facts);
                    (
                        assessing::make(change, facts, reading.diff.clone(), whole, viewer).await,
                        reading.diff,
                    )
                }
                // What concerns the forge as a whole ends the poll; what concerns this change is said on it.
                Err(
                    error @ (ForgeError::Unauthorised { .. }
                    | ForgeError::Unreachable { .. }
                    | ForgeError::Proxied { .. }
                    | ForgeError::Untrusted { .. }
                    | ForgeError::RateLimited { .. }),
                ) => return Err(error),
                // Once, it may be this change alone (a diff that takes too long); twice, the connection is gone.
                Err(error @ ForgeError::Interrupted { .. }) if round.broken => return Err(error),
                Err(error) => {
                    round.broken |= matches!(error, ForgeError::Interrupted { .. });
                    if before.is_some_and(|held| held.read && held.change.head.oid == change.head.oid) {
                        // What is held of this very head is whole; only the target's tip is newer.
                        let name = format!("{} #{}", change.id.repo, change.id.number);
                        self.live().cut.push(format!(
                            "{name} could not be read again and is shown as it was: {}",
                            words::forge_error(&error)
                        ));
                        return Ok(());
                    }
                    let why = format!("the diff could not be fetched: {}", words::forge_error(&error));
                    let facts = Facts {
                        missing: vec![(String::new(), why)],
                        ..Facts::default()
                    };
                    (
                        assessing::make(change, facts, None, Whole::default(), viewer).await,
                        None,
                    )
                }
            },
        };
        // The account may have been changed while this was read: what is another's is not for the new one's queue.
        let written = self
            .store_of(online)
            .map(|mut store| store.put(&made, new_diff.as_deref(), self.now()));
        if let Some(written) = written {
            self.wrote(written);
        }
        Ok(())
    }

    /// Notices for what moved since the last poll; the first sync is silent.
    async fn tell(&self, online: &Online<F>) {
        let (moves, first) = {
            let Some(store) = self.store_of(online) else {
                return;
            };
            let Ok(mut waiting) = store.waiting() else { return };
            // An approval that holds at the new head too (a branch brought up to date) asks nothing of the user.
            let Ok(given) = holding::approvals(&store, &online.account, self.now()) else {
                return;
            };
            let holds = |held: &Held| {
                given
                    .iter()
                    .any(|one| one.holds() && one.entry.change == held.change.id)
            };
            waiting.retain(|held| {
                let came_back = held.section == Some(queue::Section::CameBack);
                !came_back || held.change.asked.contains(&Asked::ByName) || !holds(held)
            });
            // Only what needs a sign-off is told, and only what may be told is claimed: a change that comes to need
            // one later, at the same head, is new then.
            let next: Vec<Standing> = waiting
                .iter()
                .filter(|held| held.needs_sign_off)
                .map(standing)
                .collect();
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
            if !self.is_current(online) {
                return;
            }
            let notice = Notice {
                title: telling.title,
                body: telling.body,
                change: telling.change.map(|change| self.handle(&change)),
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
            team: OWN_TEAM.into(),
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

/// Where no search found the change, what it was asked through is taken from before: search lags, and a token without
/// `read:org` shows no teams at all. Where everything is read again and the searches still do not know it, a team
/// that the forge does not name is given up.
fn keep_asked(change: &mut Change, before: Option<&Held>, all: bool) {
    let known: Vec<Asked> = before.map(|held| held.change.asked.clone()).unwrap_or_default();
    change
        .asked
        .retain(|asked| !matches!(asked, Asked::Team { .. }) || known.contains(asked));
    for asked in known {
        let nameless = matches!(&asked, Asked::Team { team, .. } if team == OWN_TEAM);
        let keep = asked == Asked::Reviewed || (nameless && !all);
        if keep && !change.asked.contains(&asked) {
            change.asked.push(asked);
        }
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
