//! Before a decision is signed: that what is to be signed is what was shown, and why it cannot be signed yet.

use countersign_core::decision::Decision;
use countersign_core::finding::{Finding, Severity};
use countersign_core::patch::Patch;
use countersign_core::policy::Requirement;
use countersign_core::signature;
use jiff::SignedDuration;

use crate::account::Account;
use crate::asked::Policies;
use crate::engine::Engine;
use crate::handle::Handle;
use crate::noted::{self, Acknowledged};
use crate::ports::{Desktop, Forge};
use crate::rows::visible;
use crate::store::Held;
use crate::view::{Code, DecisionView, Failure, KeyView, Message};
use crate::words;

/// Beyond this the forge's clock and ours disagree too much to sign.
const SKEW: SignedDuration = SignedDuration::from_mins(2);

/// Everything that a statement is made of, checked against what was shown.
pub(crate) struct Ready {
    pub(crate) held: Held,
    pub(crate) decision: Decision,
    pub(crate) requirement: Option<Requirement>,
    pub(crate) senior: bool,
    pub(crate) acknowledged: Vec<Finding>,
    /// What the review says between its first line and the envelope: the notes, then the words.
    pub(crate) message: String,
    pub(crate) files: u64,
    pub(crate) viewed: u64,
    pub(crate) unviewed: Vec<String>,
    pub(crate) key: Option<KeyView>,
    pub(crate) blockers: Vec<Message>,
}

pub(crate) fn decision_of(view: DecisionView) -> Decision {
    match view {
        DecisionView::Approve => Decision::Approve,
        DecisionView::RequestChanges => Decision::RequestChanges,
        DecisionView::Comment => Decision::Comment,
    }
}

/// Must be acknowledged before an approval.
pub(crate) fn must_acknowledge(finding: &Finding) -> bool {
    finding.severity >= Severity::High
}

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// Checks that what is to be signed is what was shown, and gathers what the statement needs.
    pub(crate) fn ready(
        &self,
        account: &Account,
        id: &str,
        head: &str,
        seen: &str,
        view: DecisionView,
        words: &str,
    ) -> Result<Ready, Failure> {
        let decision = decision_of(view);
        let held = self.held(id)?;
        let change = &held.change;
        let store = self.store();
        let shown = store
            .looked(&change.id)?
            .into_iter()
            .any(|looked| looked.head == change.head.oid && looked.seen == held.seen);
        if change.head.oid.as_str() != head || held.seen != seen || !shown {
            return Err(Failure::coded(
                Code::Moved,
                "The change is no longer what was on screen. Nothing was signed, and your words are still here.",
                "Read what changed, then decide again.",
            ));
        }
        let acknowledgements = store.acknowledged(&change.id, &change.head.oid)?;
        let viewed_paths = store.viewed(&change.id, &change.head.oid)?;
        let diff = store.diff(&change.target.oid, &change.head.oid)?;
        drop(store);
        let patch = diff.as_deref().and_then(|bytes| Patch::parse(bytes).ok());
        let paths: Vec<String> = patch
            .as_ref()
            .map(|patch| {
                patch
                    .files
                    .iter()
                    .map(|file| visible(&file.display_path()))
                    .collect()
            })
            .unwrap_or_default();
        let unviewed: Vec<String> = paths
            .iter()
            .filter(|path| !viewed_paths.contains(path))
            .cloned()
            .collect();
        let policies = Policies::of(&held.facts);
        let requirement = policies.requirement(patch.as_ref());
        let senior = policies
            .read()
            .first()
            .is_some_and(|policy| policy.senior(account.viewer_id()).is_some());
        let noted: Vec<Acknowledged> = held
            .assessment
            .findings
            .iter()
            .filter_map(|finding| {
                let done = acknowledgements.iter().find(|done| done.finding == finding.id)?;
                Some(Acknowledged {
                    finding: finding.clone(),
                    note: done.note.clone(),
                })
            })
            .collect();
        let key = self.live().key.clone();
        let files = paths.len() as u64;
        let mut ready = Ready {
            viewed: files - unviewed.len() as u64,
            files,
            unviewed,
            decision,
            requirement,
            senior,
            message: noted::message(&noted, words),
            acknowledged: noted.into_iter().map(|one| one.finding).collect(),
            key,
            blockers: Vec::new(),
            held,
        };
        ready.blockers = self.blockers(&ready, words);
        Ok(ready)
    }

    /// Why it cannot be signed, each with what to do.
    fn blockers(&self, ready: &Ready, words: &str) -> Vec<Message> {
        let held = &ready.held;
        let mut blockers = Vec::new();
        let mut block = |what: String, todo: &str| {
            blockers.push(Message {
                what,
                kept: String::new(),
                todo: todo.to_owned(),
            });
        };
        if ready.decision == Decision::Approve {
            let open = held
                .assessment
                .findings
                .iter()
                .filter(|finding| {
                    must_acknowledge(finding) && !ready.acknowledged.iter().any(|done| done.id == finding.id)
                })
                .count();
            if open > 0 {
                let verb = if open == 1 { "is" } else { "are" };
                block(
                    format!(
                        "{} {verb} left to acknowledge.",
                        words::count(open, "finding", "findings")
                    ),
                    "Read each, then acknowledge it.",
                );
            }
            if held.change.draft {
                block(
                    "It is a draft: the gate does not accept it yet.".into(),
                    "Wait until its author marks it ready.",
                );
            }
            if !held.read {
                block(
                    "Its diff could not be read, so there is nothing to approve.".into(),
                    "Poll again when the forge answers.",
                );
            } else if ready.files == 0 && held.change.changed_files > 0 {
                block(
                    format!(
                        "None of its {} could be shown, so there is nothing to approve.",
                        words::count(
                            usize::try_from(held.change.changed_files).unwrap_or(usize::MAX),
                            "file",
                            "files"
                        )
                    ),
                    "Read it at the forge; a diff that cannot be read here cannot be signed here.",
                );
            }
        } else if words.trim().is_empty() {
            block(
                "Nothing is written yet.".into(),
                "Say what is to be changed, or what you noticed.",
            );
        }
        if let Err(why) = signature::words_fit(&ready.message) {
            block(
                why.detail,
                "Shorten what you wrote and noted, or leave the quoted approval out.",
            );
        }
        if ready.key.is_none() {
            block(
                "No key is chosen.".into(),
                "Choose a key from ssh-agent, or make one.",
            );
        }
        let skew = self.live().skew;
        if skew.abs() > SKEW {
            block(
                format!(
                    "This machine's clock is {} s off the forge's.",
                    skew.as_secs().abs()
                ),
                "Set the clock: a signature with a wrong time is refused by the gate.",
            );
        }
        blockers
    }

    /// What is held of the change with this handle. Another account's names nothing here, though both may see the change.
    pub(crate) fn held(&self, id: &str) -> Result<Held, Failure> {
        let unknown = |what: &str| {
            Failure::coded(
                Code::UnknownChange,
                format!("{} is not held on this machine.", visible(what)),
                "Poll again.",
            )
        };
        let handle: Handle = id.parse().map_err(|_| unknown(id))?;
        let change = &handle.change;
        if handle.account != self.inner.options.account {
            return Err(unknown(&change.to_string()));
        }
        self.store()
            .held(change)?
            .ok_or_else(|| unknown(&change.to_string()))
    }
}
