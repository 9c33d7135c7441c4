//! Which of the user's approvals still hold: each confirmed one on an open change, judged again by the gate's own rules
//! over what was last read. Whether the change as a whole passes (a quorum, somebody's request for changes) is another
//! question. It is never said to hold where that could not be looked at.

use std::collections::BTreeSet;

use countersign_core::change::{AccountKind, ChangeId, Person, Review, ReviewState};
use countersign_core::decision::{Decision, Statement};
use countersign_core::patch::Patch;
use countersign_core::policy::{Requirement, Rulebook};
use countersign_core::reason::{Fault, Reason};
use countersign_core::signature::extract;
use countersign_core::verify::circumstances::Circumstances;
use countersign_core::verify::input;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::account::Account;
use crate::asked::requirement;
use crate::counting::{conflicts, rulebook};
use crate::engine::Engine;
use crate::ports::{Desktop, Forge};
use crate::rows::visible;
use crate::store::{Entry, Held, Store, StoreError};
use crate::view::{Connection, HoldingState, HoldingView, Message};
use crate::withdrawing::opinions;
use crate::words::lower;

/// What was read longer ago says nothing about now: three times as long as it takes until everything is read again.
const STALE: SignedDuration = SignedDuration::from_mins(30);

/// What the queue says of an approval that ended, in place of the size of the change.
const NOTES: [(Reason, &str); 4] = [
    (Reason::Expired, "approval expired"),
    (Reason::KeyRevoked, "key revoked"),
    (Reason::KeyExpired, "key expired"),
    (Reason::TargetRef, "other target"),
];

/// What has become of an approval, by what was last read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Holding {
    /// The gate would count it.
    Holds {
        /// Up to when, if nothing else moves.
        until: Timestamp,
        /// The head is another than the one that was signed.
        moved: bool,
    },
    /// The gate would not.
    Ended(Ended),
    /// It cannot be told from here: why, and what to do.
    Unknown(Message),
}

/// Why an approval does not hold any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    /// A whole sentence.
    pub(crate) what: String,
    /// What to do.
    pub(crate) todo: String,
    /// In a word or two, where more than the head has moved.
    pub(crate) note: Option<&'static str>,
    /// Another approval by this user would hold.
    pub(crate) again: bool,
}

/// A confirmed approval on an open change: the latest of the user's own there.
pub(crate) struct Approval {
    pub(crate) entry: Entry,
    pub(crate) held: Held,
    /// When the change was last read.
    read_at: Timestamp,
    pub(crate) holding: Holding,
}

impl Approval {
    pub(crate) fn holds(&self) -> bool {
        matches!(self.holding, Holding::Holds { .. })
    }

    /// It does not hold any more, and approving again would help.
    pub(crate) fn to_be_renewed(&self) -> Option<&Ended> {
        match &self.holding {
            Holding::Ended(ended) if ended.again => Some(ended),
            Holding::Ended(_) | Holding::Holds { .. } | Holding::Unknown(_) => None,
        }
    }

    /// As the window shows it. `online`: the forge answers now.
    pub(crate) fn view(&self, online: bool, now: Timestamp) -> HoldingView {
        let age = now.duration_since(self.read_at);
        // What stands in the future was read before the clock was set back: nobody knows how long before.
        let fresh = online && !age.is_negative() && age < STALE;
        let (state, words, todo) = match &self.holding {
            Holding::Holds { until, moved } if fresh => {
                let though = if *moved {
                    " The head moved, and what the change does is still what you approved."
                } else {
                    ""
                };
                let words = format!("Holds until {}.{though}", day_and_time(*until));
                (HoldingState::Holds, words, String::new())
            }
            Holding::Holds { .. } => {
                let at = if age.is_negative() {
                    "before this machine's clock was set back".to_owned()
                } else {
                    day_and_time(self.read_at)
                };
                let words =
                    format!("It held when the forge was last read, {at}; whether it does now is not known.");
                (
                    HoldingState::Unknown,
                    words,
                    "Poll again when the forge answers.".into(),
                )
            }
            Holding::Ended(ended) => {
                let words = format!("No longer holds: {}", lower(&ended.what));
                (HoldingState::Ended, words, ended.todo.clone())
            }
            Holding::Unknown(why) => (HoldingState::Unknown, why.what.clone(), why.todo.clone()),
        };
        HoldingView {
            state,
            words,
            todo,
            as_of: self.read_at.to_string(),
        }
    }
}

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// Whether the forge answers now. Asked before the store is locked.
    pub(crate) fn is_answered(&self) -> bool {
        self.live().connection == Connection::Online
    }
}

/// The user's confirmed approvals on open changes, one a change: what they said last.
pub(crate) fn approvals(
    store: &Store,
    account: &Account,
    now: Timestamp,
) -> Result<Vec<Approval>, StoreError> {
    among(store, account, store.confirmed_on_open()?, now)
}

/// The one on this change, if any.
pub(crate) fn latest(
    store: &Store,
    account: &Account,
    change: &ChangeId,
    now: Timestamp,
) -> Result<Option<Approval>, StoreError> {
    let mut entries = store.confirmed_on_open()?;
    entries.retain(|entry| entry.change == *change);
    Ok(among(store, account, entries, now)?.pop())
}

fn among(
    store: &Store,
    account: &Account,
    entries: Vec<Entry>,
    now: Timestamp,
) -> Result<Vec<Approval>, StoreError> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for entry in entries {
        let own = entry.reviewer == account.viewer_id() && entry.change.host == account.address.host;
        if !own || !seen.insert(entry.change.clone()) {
            continue;
        }
        if entry.decision == Decision::Approve && entry.withdrawn.is_none() {
            found.extend(approval(store, account, entry, now)?);
        }
    }
    Ok(found)
}

/// One of them. `None` where nothing is held of the change.
fn approval(
    store: &Store,
    account: &Account,
    entry: Entry,
    now: Timestamp,
) -> Result<Option<Approval>, StoreError> {
    let (Some(held), Some(read_at)) = (store.held(&entry.change)?, store.read_at(&entry.change)?) else {
        return Ok(None);
    };
    let review = entry.review.as_deref().unwrap_or_default();
    let given = Given {
        viewer: &account.viewer,
        entry: &entry,
        held: &held,
        read_at,
        other_withdrawn_at: store.other_withdrawn_at(&entry.change, review)?,
    };
    let diff = || {
        store
            .diff(&held.change.target.oid, &held.change.head.oid)
            .ok()
            .flatten()
    };
    let holding = given.judge(diff, now);
    Ok(Some(Approval {
        holding,
        entry,
        held,
        read_at,
    }))
}

/// An approval, and what is known of its change.
struct Given<'a> {
    viewer: &'a Person,
    entry: &'a Entry,
    held: &'a Held,
    read_at: Timestamp,
    /// When another approval of the user's on this change was last found to be withdrawn.
    other_withdrawn_at: Option<Timestamp>,
}

impl Given<'_> {
    /// `diff` is asked for only where the policy's rules depend on it.
    fn judge(&self, diff: impl FnOnce() -> Option<Vec<u8>>, now: Timestamp) -> Holding {
        self.judged(diff, now).unwrap_or_else(|other| other)
    }

    fn judged(&self, diff: impl FnOnce() -> Option<Vec<u8>>, now: Timestamp) -> Result<Holding, Holding> {
        let (held, change) = (self.held, &self.held.change);
        let review = self.review()?;
        let unread = || unknown("Its head could not be read whole.", "Poll again.");
        if !held.is_settled() {
            return Err(unread());
        }
        let Some(policy) = &held.facts.policy else {
            let none = "The target branch has no policy, so no gate counts it.";
            return Err(unknown(
                none,
                "Add .github/countersign.toml to the target branch.",
            ));
        };
        let rules = rulebook(policy, &held.facts).map_err(|unread| Holding::Unknown(unread.why))?;
        let statement = extract(&self.entry.body)
            .and_then(|envelope| Statement::from_payload(envelope.payload()))
            .map_err(|fault| self.ended(&fault))?;
        if statement.predicate.break_glass.is_some() {
            return Err(unknown("It breaks the glass and is no approval by itself.", ""));
        }
        // What holds by every rule holds by those that apply.
        let strictest = requirement(&rules.policy, None);
        let mut judged = self.by(&rules, &strictest, &review, now).ok_or_else(unread)?;
        if judged.is_err() && !rules.policy.rules.is_empty() {
            let bytes = diff();
            let Some(patch) = bytes.as_deref().and_then(|bytes| Patch::parse(bytes).ok()) else {
                let what = "Which of the policy's rules apply cannot be told: its diff is not held.";
                return Err(unknown(what, "Poll again."));
            };
            let asked = requirement(&rules.policy, Some(&patch));
            judged = self.by(&rules, &asked, &review, now).ok_or_else(unread)?;
        }
        let until = judged.map_err(|fault| self.ended(&fault))?;
        let senior = self.viewer.id.as_deref().and_then(|id| rules.policy.senior(id));
        if let Some(part) = conflicts(self.viewer, held, senior).into_iter().next() {
            return Err(Holding::Ended(Ended {
                what: part.what,
                todo: part.todo,
                note: None,
                again: false,
            }));
        }
        if change.commit_count > change.commits.len() as u64 {
            let what =
                "Not all of its commits were read: whether you had a part in it now is not known here.";
            return Err(unknown(what, "The gate reads them from git and decides."));
        }
        let issued = statement.predicate.issued_at;
        if self.other_withdrawn_at.is_some_and(|at| at >= issued) {
            let what =
                "Another approval of yours on this change was found dismissed after you gave this one.";
            return Err(unknown(what, "Approve again: a later approval is not in doubt."));
        }
        if change.draft {
            let todo = "It counts again when its author marks it ready, if nothing else has moved.";
            return Err(unknown("It does not count while the change is a draft.", todo));
        }
        let moved = statement.subject[0].digest.git_commit != change.head.oid;
        Ok(Holding::Holds { until, moved })
    }

    /// The review as the forge was last seen to hold it, with the body that was sent.
    fn review(&self) -> Result<input::Review, Holding> {
        let (entry, id) = (self.entry, self.entry.review.as_deref().unwrap_or_default());
        let own = || opinions(&self.held.change, self.viewer.id.as_deref().unwrap_or_default());
        let found = own().find(|review| review.id == id);
        let given_at = found
            .and_then(|found| found.submitted_at)
            .unwrap_or(entry.signed_at);
        let later = |review: &Review| review.id != id && review.submitted_at.is_some_and(|at| at > given_at);
        if own().any(later) {
            return Err(self.ended(&Reason::Superseded.into()));
        }
        let read_back = entry.settled_at.filter(|settled| *settled >= self.read_at);
        let (state, submitted_at, edited_at, commit) = match (found, read_back) {
            (Some(found), _) => {
                let at = found.submitted_at.unwrap_or(entry.signed_at);
                (found.state, at, found.edited_at, found.commit.clone())
            }
            // Confirmed since the change was read.
            (None, Some(at)) => (ReviewState::Approved, at, None, Some(entry.head.clone())),
            (None, None) => {
                let what = "The forge did not show this review when the change was last read.";
                return Err(unknown(what, "Poll again."));
            }
        };
        if state != ReviewState::Approved {
            return Err(self.ended(&Reason::ReviewState.into()));
        }
        if edited_at.is_some() {
            return Err(self.ended(&Reason::ReviewEdited.into()));
        }
        Ok(input::Review {
            id: id.to_owned(),
            author: None,
            state,
            submitted_at,
            edited_at,
            commit,
            body: entry.body.clone(),
        })
    }

    /// Up to when it holds, or why it does not. `None` where the change could not be read whole.
    fn by(
        &self,
        rules: &Rulebook,
        asked: &Requirement,
        review: &input::Review,
        now: Timestamp,
    ) -> Option<Result<Timestamp, Fault>> {
        let (change, facts) = (&self.held.change, &self.held.facts);
        let merge_bases = [facts.merge_base.clone()?];
        let forge = input::Forge {
            kind: "github".into(),
            host: change.id.host.clone(),
            repo: change.id.repo.clone(),
            repo_id: change.repo_id.clone(),
        };
        let here = input::Change {
            number: change.id.number.to_string(),
            change_id: change.change_id.clone(),
            state: change.state,
            draft: change.draft,
            author: None,
            target_ref: format!("refs/heads/{}", change.target.branch),
            target_protected: false,
            head: change.head.oid.clone(),
            head_branch: change.head.branch.clone(),
            body: String::new(),
        };
        let unread = || Reason::InputMissing.because("the trees could not be read whole");
        let circumstances = Circumstances {
            forge: &forge,
            change: &here,
            head_tree: facts.head_tree.as_ref()?,
            merge_bases: &merge_bases,
            changeset: facts.changeset.clone().ok_or_else(unread),
            rules,
            requirement: asked,
            now,
        };
        let account = input::Person {
            login: self.viewer.login.clone(),
            id: self.viewer.id.clone(),
            kind: AccountKind::User,
        };
        let judged = circumstances.judge(review, &account, Decision::Approve, &mut Vec::new());
        let judged = judged.and_then(|signed| {
            circumstances.role(signed.senior, &signed.statement)?;
            Ok(circumstances.holds_until(&signed))
        });
        match judged {
            Err(fault) if fault.reason == Reason::InputMissing => None,
            other => Some(other),
        }
    }

    /// The gate's reason in its own words, with what a reader can compare.
    fn ended(&self, fault: &Fault) -> Holding {
        let (entry, change) = (self.entry, &self.held.change);
        let what = if fault.reason == Reason::HeadMoved {
            let (now, then) = (change.head.oid.short(), entry.head.short());
            format!("The head moved to {now}; you approved {then}.")
        } else if fault.reason == Reason::TargetRef {
            let (now, then) = (visible(&change.target.branch), visible(&entry.target));
            format!("It is bound for {now} now, and was for {then} when you signed.")
        } else {
            fault.reason.meaning().to_owned()
        };
        let only_moved = [Reason::HeadMoved, Reason::TreeMismatch, Reason::ChangesetMismatch];
        let named = NOTES.iter().find(|(reason, _)| *reason == fault.reason);
        let note = named.map_or("approval void", |(_, note)| note);
        let note = (!only_moved.contains(&fault.reason)).then_some(note);
        let again = !matches!(
            fault.reason,
            Reason::ReviewState
                | Reason::Superseded
                | Reason::SignerUnknown
                | Reason::KeyNotYetValid
                | Reason::Role
        );
        Holding::Ended(Ended {
            what,
            todo: fault.reason.hint().to_owned(),
            note,
            again,
        })
    }
}

fn unknown(what: &str, todo: &str) -> Holding {
    Holding::Unknown(Message {
        what: what.to_owned(),
        kept: String::new(),
        todo: todo.to_owned(),
    })
}

fn day_and_time(at: Timestamp) -> String {
    at.to_zoned_datetime(TimeZone::system())
        .strftime("%-d %b %Y, %H:%M")
        .to_string()
}

#[cfg(test)]
#[path = "holding_tests.rs"]
mod tests;
