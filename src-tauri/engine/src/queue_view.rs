//! The queue as the window lists it.

use std::collections::BTreeMap;

use countersign_core::change::{AccountKind, Asked, Change, ChangeId, CheckState};
use countersign_core::decision::{Decision, OutboxState};
use countersign_core::evidence::{Classification, Involvement};
use countersign_core::finding::Severity;
use countersign_core::poller::FLOOR;
use countersign_core::queue;
use jiff::Timestamp;

use crate::account::Account;
use crate::engine::{Engine, beside};
use crate::holding::{self, Approval};
use crate::late::late;
use crate::ports::{Desktop, Forge};
use crate::rows::visible;
use crate::store::{Entry, Held};
use crate::view::{
    Badge, Banner, BannerKind, CheckCounts, DecisionRow, DecisionView, Failure, HoldingView, InvolvementView,
    Message, OutboxStateView, Queue, QueueFilter, Row, Section, SectionKind, SeverityView, TokenState,
};
use crate::withdrawing;
use crate::words;

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// The queue.
    pub async fn queue(&self, filter: QueueFilter) -> Result<Queue, Failure> {
        let account = self.signed_in()?;
        let engine = self.clone();
        beside(move || engine.queue_of(&account, filter)).await
    }

    pub(crate) fn queue_of(&self, account: &Account, filter: QueueFilter) -> Result<Queue, Failure> {
        let banners = self.banners(account);
        let (online, at) = (self.is_answered(), self.now());
        let (revision, data_at) = {
            let live = self.live();
            (live.revision, live.refreshed_at)
        };
        let store = self.store();
        let waiting: Vec<Held> = store
            .waiting()?
            .into_iter()
            .filter(|held| held.change.id.host == account.address.host)
            .collect();
        let decisions = store.decisions(self.recently())?;
        let approvals: BTreeMap<ChangeId, Approval> = holding::approvals(&store, account, at)?
            .into_iter()
            .map(|given| (given.entry.change.clone(), given))
            .collect();
        let decided = |held: &Held| {
            decisions.iter().find(|entry| {
                entry.change == held.change.id
                    && entry.head == held.change.head.oid
                    && entry.withdrawn.is_none()
                    && match entry.state {
                        OutboxState::Queued
                        | OutboxState::Pending
                        | OutboxState::Submitted
                        | OutboxState::Confirmed => entry.decision != Decision::Comment,
                        OutboxState::Superseded
                        | OutboxState::Expired
                        | OutboxState::HandedBack
                        | OutboxState::Refused => false,
                    }
            })
        };
        let mut listed: Vec<(SectionKind, Row)> = Vec::new();
        let mut hidden = 0u32;
        for held in &waiting {
            let Some(section) = held.section else { continue };
            let given = approvals.get(&held.change.id);
            // What holds need not be given again, wherever the head is now; what does not is shown below.
            let asked_again = held.change.asked.contains(&Asked::ByName);
            let holds = given.is_some_and(Approval::holds) && !asked_again;
            if holds || decided(held).is_some() || given.is_some_and(|given| given.to_be_renewed().is_some())
            {
                continue;
            }
            if filter == QueueFilter::NeedsSignOff && !held.needs_sign_off {
                hidden += 1;
                continue;
            }
            let kind = match section {
                queue::Section::NeedsYou => SectionKind::NeedsYou,
                queue::Section::YourTeams => SectionKind::YourTeams,
                queue::Section::CameBack => SectionKind::CameBack,
            };
            let looked = store.looked(&held.change.id)?;
            let mut row = self.row(held);
            row.note = late(store.read_at(&held.change.id)?, data_at).map(|at| format!("as of {at}"));
            row.unread = !looked.iter().any(|looked| looked.head == held.change.head.oid);
            if section == queue::Section::CameBack {
                row.note = Some(came_back(&held.change));
            }
            listed.push((kind, row));
        }
        for (given, ended) in approvals
            .values()
            .filter_map(|given| Some((given, given.to_be_renewed()?)))
        {
            if filter == QueueFilter::NeedsSignOff && !given.held.needs_sign_off {
                hidden += 1;
                continue;
            }
            let mut row = self.row(&given.held);
            row.note = Some(
                ended
                    .note
                    .map_or_else(|| came_back(&given.held.change), str::to_owned),
            );
            let looked = store.looked(&given.held.change.id)?;
            row.unread = !looked
                .iter()
                .any(|looked| looked.head == given.held.change.head.oid);
            listed.push((SectionKind::CameBack, row));
        }
        let date = |at: Timestamp| at.to_zoned_datetime(jiff::tz::TimeZone::system()).date();
        let today = date(at);
        for entry in &decisions {
            let given = approvals
                .get(&entry.change)
                .filter(|given| given.entry.entry == entry.entry);
            let kind = if entry.state == OutboxState::Confirmed {
                let withdrawn = entry.withdrawn.as_ref().map(|withdrawal| withdrawal.at);
                let mut times = [entry.settled_at, withdrawn].into_iter().flatten();
                if times.any(|at| date(at) == today) {
                    SectionKind::DoneToday
                } else if given.is_some() {
                    SectionKind::Approvals
                } else {
                    continue;
                }
            } else {
                SectionKind::Outbox
            };
            let mut row = match store.held(&entry.change)? {
                Some(held) => self.row(&held),
                None => self.bare_row(entry),
            };
            row.since = entry.signed_at.to_string();
            row.decision = Some(decision_row(
                entry,
                account,
                given.map(|given| given.view(online, at)),
            ));
            listed.push((kind, row));
        }
        drop(store);
        let sections = sections(listed, &waiting);
        Ok(Queue {
            revision,
            first_sync: data_at.is_none() && sections.is_empty(),
            sections,
            banners,
            hidden,
        })
    }

    fn row(&self, held: &Held) -> Row {
        let change = &held.change;
        Row {
            id: self.handle(&change.id),
            account: self.inner.options.account.to_string(),
            repo: change.id.repo.clone(),
            number: change.id.number,
            title: visible(&change.title),
            author: person(change),
            since: change.created_at.to_string(),
            badge: badge(&held.classification),
            severity: severity(held.assessment.severity()),
            components: touched(held),
            checks: checks(change),
            additions: change.additions,
            deletions: change.deletions,
            unread: false,
            draft: change.draft,
            note: None,
            decision: None,
        }
    }

    /// A decision on a change that is no longer held.
    fn bare_row(&self, entry: &Entry) -> Row {
        Row {
            id: self.handle(&entry.change),
            account: self.inner.options.account.to_string(),
            repo: entry.change.repo.clone(),
            number: entry.change.number,
            title: visible(&entry.title),
            author: String::new(),
            since: entry.signed_at.to_string(),
            badge: Badge {
                involvement: InvolvementView::Undeclared,
                tool: None,
            },
            severity: SeverityView::None,
            components: Vec::new(),
            checks: CheckCounts::default(),
            additions: 0,
            deletions: 0,
            unread: false,
            draft: false,
            note: None,
            decision: None,
        }
    }

    fn banners(&self, account: &Account) -> Vec<Banner> {
        let live = self.live();
        let banner = |kind, message: Message| Banner {
            kind,
            message,
            link: None,
            account: Some(self.inner.options.account.to_string()),
        };
        let mut banners = Vec::new();
        for organisation in &live.hidden {
            let message = Message {
                what: format!(
                    "Changes in {} are hidden until you renew its single sign-on.",
                    visible(&organisation.name)
                ),
                kept: "What was read before stays in the queue.".into(),
                todo: "Renew it at the forge.".into(),
            };
            banners.push(Banner {
                link: organisation.url.clone(),
                ..banner(BannerKind::Hidden, message)
            });
        }
        for cut in &live.cut {
            let message = Message {
                what: cut.clone(),
                kept: String::new(),
                todo: String::new(),
            };
            banners.push(banner(BannerKind::Hidden, message));
        }
        if let Some(trouble) = &live.trouble {
            let kind = if account.token != TokenState::Held {
                BannerKind::SignIn
            } else if live.offline_since.is_some() {
                BannerKind::Offline
            } else {
                BannerKind::Attention
            };
            banners.push(banner(kind, trouble.clone()));
        }
        // These two are the machine's, whoever is signed in.
        for message in [&live.keychain_message, &live.notices_message]
            .into_iter()
            .flatten()
        {
            banners.push(Banner {
                account: None,
                ..banner(BannerKind::Attention, message.clone())
            });
        }
        if let Some(message) = &live.store_message {
            banners.push(banner(BannerKind::Attention, message.clone()));
        }
        if let Some(quota) = live
            .quota
            .filter(|quota| quota.left < FLOOR && quota.resets_at > self.now())
        {
            let message = Message {
                what: format!(
                    "The quota is low: {} of {} points are left.",
                    quota.left, quota.limit
                ),
                kept: "What is left is for your decisions: they are sent.".into(),
                todo: format!(
                    "Polls wait until it is full again, at {}. Another program may use the same account.",
                    quota.resets_at.strftime("%H:%M UTC")
                ),
            };
            banners.push(banner(BannerKind::Attention, message));
        }
        if let Some(what) = account.token_end(self.now()) {
            let message = Message {
                what,
                kept: "The queue, and what waits in the outbox, are kept whatever the token is.".into(),
                todo: "Sign in with a new one.".into(),
            };
            banners.push(banner(BannerKind::Attention, message));
        }
        banners
    }
}

fn sections(listed: Vec<(SectionKind, Row)>, waiting: &[Held]) -> Vec<Section> {
    let mut rows: BTreeMap<SectionKind, Vec<Row>> = BTreeMap::new();
    for (kind, row) in listed {
        rows.entry(kind).or_default().push(row);
    }
    rows.into_iter()
        .map(|(kind, mut rows)| {
            sort(kind, &mut rows);
            Section {
                kind,
                why: why(kind, waiting),
                rows,
            }
        })
        .collect()
}

/// The order of a section's rows: what was signed by its time, all else by its severity first.
pub(crate) fn sort(kind: SectionKind, rows: &mut [Row]) {
    rows.sort_by(|a, b| match kind {
        SectionKind::Outbox | SectionKind::Approvals | SectionKind::DoneToday => b.since.cmp(&a.since),
        SectionKind::NeedsYou | SectionKind::YourTeams | SectionKind::CameBack => {
            b.severity.cmp(&a.severity).then_with(|| b.since.cmp(&a.since))
        }
    });
}

fn why(kind: SectionKind, waiting: &[Held]) -> String {
    match kind {
        SectionKind::NeedsYou => "asked by name".into(),
        SectionKind::YourTeams => {
            let mut teams: Vec<&str> = waiting
                .iter()
                .filter(|held| held.section == Some(queue::Section::YourTeams))
                .flat_map(|held| &held.change.asked)
                .filter_map(|asked| match asked {
                    Asked::Team { team, .. } => {
                        Some(team.rsplit_once('/').map_or(team.as_str(), |(_, slug)| slug))
                    }
                    Asked::ByName | Asked::Assigned | Asked::Reviewed => None,
                })
                .collect();
            teams.sort_unstable();
            teams.dedup();
            teams.join(", ")
        }
        SectionKind::CameBack => "decided, and to be decided again".into(),
        SectionKind::Outbox => "not yet confirmed".into(),
        SectionKind::Approvals => "given before today, still open".into(),
        SectionKind::DoneToday => "confirmed by the forge".into(),
    }
}

fn came_back(change: &Change) -> String {
    let reviewed = change
        .own_review
        .as_ref()
        .and_then(|review| review.commit.as_ref());
    let at = reviewed.and_then(|oid| change.commits.iter().position(|commit| commit.oid == *oid));
    match at {
        Some(at) => words::count(change.commits.len() - at - 1, "new commit", "new commits"),
        None => "rewritten since".into(),
    }
}

/// For whom: the assignee of an agent's change, else its author.
pub(crate) fn person(change: &Change) -> String {
    let author = change.author.as_ref();
    let agent = author.is_some_and(|author| author.kind == AccountKind::Bot);
    let person = if agent {
        change.assignees.first().or(author)
    } else {
        author
    };
    person.map_or_else(|| "ghost".to_owned(), |person| visible(&person.login))
}

fn touched(held: &Held) -> Vec<String> {
    let components = held.assessment.components.iter();
    components
        .filter(|component| component.distance == 0)
        .map(|component| visible(&component.name))
        .collect()
}

pub(crate) fn decision_row(entry: &Entry, account: &Account, holding: Option<HoldingView>) -> DecisionRow {
    let url = entry
        .review
        .as_ref()
        .filter(|_| entry.state == OutboxState::Confirmed)
        .map(|review| {
            format!(
                "{}/{}/pull/{}#pullrequestreview-{review}",
                account.address.web, entry.change.repo, entry.change.number
            )
        });
    DecisionRow {
        entry: entry.entry.clone(),
        decision: decision_view(entry.decision),
        state: state(entry),
        head: entry.head.to_string(),
        signed_at: entry.signed_at.to_string(),
        words: entry.words.clone(),
        message: entry
            .withdrawn
            .as_ref()
            .map(withdrawing::message)
            .or_else(|| entry.message.clone()),
        url,
        holding,
    }
}

fn state(entry: &Entry) -> OutboxStateView {
    if entry.withdrawn.is_some() {
        return OutboxStateView::Withdrawn;
    }
    state_view(entry.state)
}

pub(crate) fn decision_view(decision: Decision) -> DecisionView {
    match decision {
        Decision::Approve => DecisionView::Approve,
        Decision::RequestChanges => DecisionView::RequestChanges,
        Decision::Comment => DecisionView::Comment,
    }
}

/// How far a decision got, apart from a withdrawal.
pub(crate) fn state_view(state: OutboxState) -> OutboxStateView {
    match state {
        OutboxState::Queued => OutboxStateView::Queued,
        OutboxState::Pending => OutboxStateView::Pending,
        OutboxState::Submitted => OutboxStateView::Submitted,
        OutboxState::Confirmed => OutboxStateView::Confirmed,
        OutboxState::Superseded => OutboxStateView::Superseded,
        OutboxState::Expired => OutboxStateView::Expired,
        OutboxState::HandedBack => OutboxStateView::HandedBack,
        OutboxState::Refused => OutboxStateView::Refused,
    }
}

pub(crate) fn severity(severity: Option<Severity>) -> SeverityView {
    match severity {
        None => SeverityView::None,
        Some(Severity::Low) => SeverityView::Low,
        Some(Severity::Medium) => SeverityView::Medium,
        Some(Severity::High) => SeverityView::High,
        Some(Severity::Critical) => SeverityView::Critical,
    }
}

pub(crate) fn badge(classification: &Classification) -> Badge {
    Badge {
        involvement: match classification.involvement {
            Involvement::Authored => InvolvementView::Authored,
            Involvement::Assisted => InvolvementView::Assisted,
            Involvement::SuggestionApplied => InvolvementView::SuggestionApplied,
            Involvement::Suspected => InvolvementView::Suspected,
            Involvement::DeclaredNone => InvolvementView::DeclaredNone,
            Involvement::Undeclared => InvolvementView::Undeclared,
        },
        tool: classification.tool.clone(),
    }
}

fn checks(change: &Change) -> CheckCounts {
    let mut counts = CheckCounts::default();
    for check in &change.checks {
        let count = match check.state {
            CheckState::Passed => &mut counts.passed,
            CheckState::Failed => &mut counts.failed,
            CheckState::Running => &mut counts.running,
            CheckState::Skipped => &mut counts.skipped,
        };
        *count += 1;
    }
    counts
}
