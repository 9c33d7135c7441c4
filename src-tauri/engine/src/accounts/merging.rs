//! What several accounts say, as one: the queue, the status line, the tray. With one account all of it is as that
//! account says it.

use std::collections::{BTreeMap, BTreeSet};

use crate::handle::AccountName;
use crate::ports::TrayState;
use crate::queue_view;
use crate::view::{
    AccountView, Banner, Connection, KeychainState, Message, Queue, Section, SectionKind, Status, TokenState,
};

/// What tells each signed-in account from the others: its host, or `login@host` where two are at one.
pub(super) fn labels(trays: &BTreeMap<AccountName, TrayState>) -> BTreeMap<AccountName, String> {
    let who = || {
        trays
            .iter()
            .filter_map(|(name, tray)| Some((name, tray.who.as_ref()?)))
    };
    who()
        .map(|(name, one)| {
            let alone = who().filter(|(_, other)| other.host == one.host).count() == 1;
            let label = if alone {
                one.host.clone()
            } else {
                format!("{}@{}", one.login, one.host)
            };
            (name.clone(), label)
        })
        .collect()
}

/// Of those that are signed in: counts are sums, marks are the worst.
pub(super) fn tray(trays: &BTreeMap<AccountName, TrayState>, unopened: bool) -> TrayState {
    let labels = labels(trays);
    let signed_in: Vec<(&AccountName, &TrayState)> =
        trays.iter().filter(|(_, tray)| tray.who.is_some()).collect();
    let mut all = match signed_in[..] {
        [] => trays.values().next().cloned().unwrap_or_default(),
        [(_, one)] => one.clone(),
        _ => {
            let states = || signed_in.iter().map(|(_, tray)| *tray);
            let label = |name| labels.get(name).cloned().unwrap_or_default();
            let away: Vec<String> = signed_in
                .iter()
                .filter(|(_, tray)| tray.offline)
                .map(|(name, _)| label(*name))
                .collect();
            let longest = states().map(|tray| tray.first.len()).max().unwrap_or(0);
            // In turn, so that one account's many do not hide another's few.
            let first = (0..longest).flat_map(|at| {
                signed_in.iter().filter_map(move |(name, tray)| {
                    let (handle, line) = tray.first.get(at)?;
                    Some((handle.clone(), format!("{} · {line}", label(*name))))
                })
            });
            TrayState {
                who: None,
                pending: states().fold(0, |sum, tray| sum.saturating_add(tray.pending)),
                critical: states().any(|tray| tray.critical),
                offline: !away.is_empty(),
                offline_at: if away.len() < signed_in.len() {
                    away
                } else {
                    Vec::new()
                },
                attention: states().any(|tray| tray.attention),
                first: first.collect(),
                outbox: states().fold(0, |sum, tray| sum.saturating_add(tray.outbox)),
            }
        }
    };
    all.attention |= unopened;
    all
}

/// Same sections, same order; what is not known of one account is said with its label.
pub(super) fn queue(revision: u64, queues: Vec<(String, Queue)>) -> Queue {
    let several = queues.len() > 1;
    let mut rows: BTreeMap<SectionKind, (Vec<String>, Vec<_>)> = BTreeMap::new();
    let mut all = Queue {
        revision,
        sections: Vec::new(),
        banners: Vec::new(),
        // Nothing is there yet of any: what one account has is shown while another is asked for the first time.
        first_sync: queues.iter().all(|(_, queue)| queue.first_sync),
        hidden: 0,
    };
    for (label, queue) in queues {
        all.hidden = all.hidden.saturating_add(queue.hidden);
        for mut banner in queue.banners {
            let said = banner.message.what.to_lowercase().contains(&label);
            if several && banner.account.is_some() && !said {
                banner.message.what = format!("{label}: {}", banner.message.what);
            }
            if !all.banners.contains(&banner) {
                all.banners.push(banner);
            }
        }
        for section in queue.sections {
            let (whys, listed) = rows.entry(section.kind).or_default();
            whys.push(section.why);
            listed.extend(section.rows);
        }
    }
    all.sections = rows
        .into_iter()
        .map(|(kind, (whys, mut rows))| {
            queue_view::sort(kind, &mut rows);
            Section {
                kind,
                why: why(whys),
                rows,
            }
        })
        .collect();
    all
}

/// The same words once; teams, which differ, one after the other.
fn why(whys: Vec<String>) -> String {
    let mut different = BTreeSet::from_iter(whys);
    different.remove("");
    Vec::from_iter(different).join(", ")
}

/// That the queue of one account cannot be read, while others' can.
pub(super) fn unread(name: &AccountName, message: String, hint: String) -> Banner {
    Banner {
        kind: crate::view::BannerKind::Attention,
        message: Message {
            what: message,
            kept: "The queue shows the other accounts.".into(),
            todo: hint,
        },
        link: None,
        account: Some(name.to_string()),
    }
}

/// How bad it is; the worst leads the status line.
fn badness(status: &Status) -> u8 {
    match &status.account {
        None => 0,
        Some(account) if account.token != TokenState::Held => 4,
        Some(_) if status.connection == Connection::Offline => 3,
        Some(account) if account.trouble.is_some() => 2,
        Some(_) if status.connection == Connection::Connecting => 1,
        Some(_) => 0,
    }
}

/// The one that stands worst leads; counts are of all. Among those that stand alike the first leads.
pub(super) fn status(
    revision: u64,
    all: Vec<Status>,
    labels: &BTreeMap<AccountName, String>,
) -> Option<Status> {
    let mut accounts: Vec<AccountView> = all.iter().flat_map(|one| one.accounts.clone()).collect();
    for account in &mut accounts {
        let label = account.name.parse().ok().and_then(|name| labels.get(&name));
        if let Some(label) = label {
            account.label.clone_from(label);
        }
    }
    let other_ledgers = all.iter().flat_map(|one| one.other_ledgers.clone()).collect();
    let restoring = all.iter().any(|one| one.restoring);
    let signed_in = |one: &Status| one.account.is_some();
    let (outbox, pending) = all
        .iter()
        .filter(|one| signed_in(one) || accounts.is_empty())
        .fold((0u32, 0u32), |(outbox, pending), one| {
            (
                outbox.saturating_add(one.outbox),
                pending.saturating_add(one.pending),
            )
        });
    let keychain = all
        .iter()
        .map(|one| one.keychain)
        .find(|state| *state != KeychainState::Unlocked);
    // Of several that are alike `max_by_key` takes the last.
    let lead = all
        .into_iter()
        .rev()
        .max_by_key(|one| (signed_in(one), badness(one)))?;
    let account = lead
        .account
        .as_ref()
        .and_then(|lead| accounts.iter().find(|one| one.name == lead.name).cloned());
    Some(Status {
        revision,
        restoring,
        outbox,
        pending,
        keychain: keychain.unwrap_or(lead.keychain),
        account,
        accounts,
        other_ledgers,
        ..lead
    })
}
