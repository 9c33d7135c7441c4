//! Deciding: what would be signed, whether it will count, the last question outside the webview, the signature.

use countersign_core::change::{Change, ChangeId, ChangeState};
use countersign_core::decision::{
    ChangeContext, Changeset, Claims, Decision, ForgeContext, OutboxState, PolicyContext, Predicate,
    PresenceClaim, Reviewer, Seen, Statement, Subject, SubjectDigest, acknowledged_digest, nonce,
    subject_name,
};
use countersign_core::finding::{Finding, Severity};
use countersign_core::patch::Patch;
use countersign_core::policy::{self, Policy, Require, Requirement};
use countersign_core::{ledger, signature};
use jiff::{SignedDuration, Timestamp};

use crate::account::Account;
use crate::assessing;
use crate::counting;
use crate::engine::{Engine, now};
use crate::ports::{Desktop, Forge, Question};
use crate::queue_view::decision_row;
use crate::rows::visible;
use crate::signer;
use crate::store::{Held, NewEntry};
use crate::view::{Code, Decided, DecisionView, Failure, KeyView, KeychainState, Message, Run, Sheet};
use crate::words;

/// Without a policy: how long an approval holds, and how late it may be sent. Source: approval-format.md's defaults.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(7 * 24);
const MAX_DELAY: SignedDuration = SignedDuration::from_hours(72);
/// Beyond this the forge's clock and ours disagree too much to sign.
const SKEW: SignedDuration = SignedDuration::from_mins(2);

/// Everything that a statement is made of, checked against what was shown.
struct Ready {
    held: Held,
    decision: Decision,
    requirement: Option<Requirement>,
    senior: bool,
    acknowledged: Vec<Finding>,
    files: u64,
    viewed: u64,
    unviewed: Vec<String>,
    key: Option<KeyView>,
    blockers: Vec<Message>,
}

fn decision(view: DecisionView) -> Decision {
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
    /// What would be signed now. Changes nothing.
    pub async fn preflight(
        &self,
        id: String,
        head: String,
        seen: String,
        decision: DecisionView,
        words: String,
    ) -> Result<Sheet, Failure> {
        let account = self.signed_in()?;
        let (no_key, locked) = {
            let live = self.live();
            (live.key.is_none(), live.keychain == KeychainState::Locked)
        };
        // A key may have come since: added to the agent, or the keychain unlocked.
        if no_key && !locked {
            self.refresh_key().await;
        }
        let ready = self.ready(&account, &id, &head, &seen, decision, &words)?;
        let held = &ready.held;
        let statement = self.statement(&account, &ready, now(), &nonce([0; 16]));
        let mut blockers = ready.blockers.clone();
        let text = match &statement {
            Ok(statement) => serde_json::to_string_pretty(statement)
                .map_err(|error| Failure::other(error.to_string(), ""))?,
            Err(blocker) => {
                blockers.push(blocker.clone());
                String::new()
            }
        };
        let until = match &statement {
            Ok(statement) => {
                let at = statement
                    .predicate
                    .expires_at
                    .to_zoned_datetime(jiff::tz::TimeZone::system());
                format!(" until {}", at.strftime("%-d %b %Y, %H:%M"))
            }
            Err(_) => String::new(),
        };
        let mut not_looked_at: Vec<String> = ready
            .unviewed
            .iter()
            .map(|path| format!("{path}: not viewed"))
            .collect();
        not_looked_at.extend(held.assessment.not_assessed.iter().map(|missing| {
            let path = visible(&missing.path);
            if path.is_empty() {
                missing.reason.clone()
            } else {
                format!("{path}: {}", missing.reason)
            }
        }));
        let view = self.change_view(&account, held)?;
        let findings: Vec<_> = view
            .findings
            .into_iter()
            .filter(|finding| finding.must_acknowledge)
            .collect();
        let acknowledged = findings
            .iter()
            .filter(|finding| finding.acknowledged_at.is_some())
            .count();
        Ok(Sheet {
            decision,
            sentence: sentence(&account.viewer.login, &ready),
            acknowledged: u32::try_from(acknowledged).unwrap_or(u32::MAX),
            findings,
            not_looked_at,
            will_count: counting::will_count(&account.viewer, held, ready.key.as_ref(), ready.decision),
            key: ready.key,
            valid: format!("For this head only,{until}."),
            statement: text,
            blockers,
        })
    }

    /// Signs and puts it into the outbox, after the user has confirmed outside the webview.
    pub async fn decide(
        &self,
        id: String,
        head: String,
        seen: String,
        decision: DecisionView,
        words: String,
    ) -> Result<Decided, Failure> {
        let account = self.signed_in()?;
        // One question at a time: a second call while the dialog is open must not sign behind it.
        let Ok(_deciding) = self.inner.deciding.try_lock() else {
            return Err(Failure::coded(
                Code::CannotSign,
                "Another decision is being confirmed. This one was not signed.",
                "Answer the open question first.",
            ));
        };
        let ready = self.ready(&account, &id, &head, &seen, decision, &words)?;
        if let Some(blocker) = ready.blockers.first() {
            return Err(Failure::coded(
                Code::CannotSign,
                format!("Not signed: {}", blocker.what),
                &blocker.todo,
            ));
        }
        self.check_head(&ready).await?;
        let Some(key) = ready.key.clone() else {
            return Err(Failure::coded(
                Code::Keys,
                "Not signed: no key is chosen.",
                "Choose a key first.",
            ));
        };
        if !self.inner.desktop.confirm(question(&ready)).await {
            return Ok(Decided {
                signed: false,
                entry: None,
            });
        }
        // The world may have moved while the dialog stood open.
        let ready = self.ready(&account, &id, &head, &seen, decision, &words)?;
        if let Some(blocker) = ready.blockers.first() {
            return Err(Failure::coded(
                Code::CannotSign,
                format!("Not signed: {}", blocker.what),
                &blocker.todo,
            ));
        }
        let mut random = [0u8; 16];
        getrandom::fill(&mut random)
            .map_err(|error| Failure::other(format!("Not signed: no random numbers ({error})."), ""))?;
        let name = nonce(random);
        let at = now();
        let statement = self.statement(&account, &ready, at, &name).map_err(|blocker| {
            Failure::coded(
                Code::CannotSign,
                format!("Not signed: {}", blocker.what),
                blocker.todo,
            )
        })?;
        let payload = statement.to_payload();
        let signed = signer::sign(
            &self.inner.vault,
            self.inner.options.agent.as_deref(),
            &key.fingerprint,
            &signature::to_be_signed(&payload),
        )
        .await
        .map_err(|error| Failure::coded(Code::Keys, format!("Not signed: {error}"), ""))?;
        let not_signed = |fault: countersign_core::reason::Fault| {
            Failure::coded(Code::CannotSign, format!("Not signed: {}", fault.detail), "")
        };
        let envelope = signature::assemble(&signed.key, &signed.signature, &payload).map_err(not_signed)?;
        let body =
            signature::envelope_body(&statement.readable_line(), &words, &envelope).map_err(not_signed)?;
        let entry = self.keep(
            &ready,
            name,
            at,
            &words,
            body,
            &key,
            &envelope,
            account.viewer_id(),
        )?;
        self.inner.wake.notify_one();
        self.changed();
        Ok(Decided {
            signed: true,
            entry: Some(decision_row(&entry, &account)),
        })
    }

    /// Puts away a decision that came to its end, or takes back one that was not sent.
    pub async fn discard(&self, entry: String) -> Result<(), Failure> {
        // Held until the end: what is not being sent now does not begin to be.
        let sending = self.sending();
        let found = self.store().decision(&entry)?;
        let Some(mut found) = found else { return Ok(()) };
        if found.state.is_final() {
            found.hidden = true;
            self.store().note_decision(&found)?;
        } else {
            let under_way = sending.as_deref() == Some(entry.as_str());
            if under_way || found.review.is_some() || found.state != OutboxState::Queued {
                return Err(Failure::other(
                    "It is on its way: the forge may have it already. Nothing was taken back.",
                    "Wait until it is confirmed; dismiss it at the forge if need be.",
                ));
            }
            self.take_back(&mut found)?;
        }
        drop(sending);
        self.changed();
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "each is one column of the outbox")]
    fn keep(
        &self,
        ready: &Ready,
        name: String,
        at: Timestamp,
        words: &str,
        body: String,
        key: &KeyView,
        envelope: &signature::Envelope,
        reviewer: &str,
    ) -> Result<crate::store::Entry, Failure> {
        let change = &ready.held.change;
        let delay = ready
            .requirement
            .as_ref()
            .map_or(MAX_DELAY, |asked| asked.max_delay);
        let age = ready.requirement.as_ref().map_or(MAX_AGE, |asked| asked.max_age);
        let new = NewEntry {
            entry: name.clone(),
            change: change.id.clone(),
            head: change.head.oid.clone(),
            target: change.target.branch.clone(),
            reviewer: reviewer.to_owned(),
            title: change.title.clone(),
            decision: ready.decision,
            words: words.to_owned(),
            body,
            signed_at: at,
            not_after: at.saturating_add(delay.min(age)).unwrap_or(Timestamp::MAX),
        };
        let mut store = self.store();
        let head = store.ledger_head()?;
        let (line, hash) = ledger::Line {
            previous: head.unwrap_or_else(|| ledger::START.to_owned()),
            at,
            entry: name.clone(),
            change: change.id.clone(),
            head: change.head.oid.clone(),
            decision: ready.decision,
            state: OutboxState::Queued,
            key: key.fingerprint.clone(),
            envelope: Some(envelope.to_json()),
            review: None,
            why: None,
        }
        .seal();
        store.queue_decision(&new, &line, &hash)?;
        store
            .decision(&name)?
            .ok_or_else(|| Failure::other("The outbox lost what was just written.", "Try again."))
    }

    /// Checks that what is to be signed is what was shown, and gathers what the statement needs.
    fn ready(
        &self,
        account: &Account,
        id: &str,
        head: &str,
        seen: &str,
        view: DecisionView,
        words: &str,
    ) -> Result<Ready, Failure> {
        let decision = decision(view);
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
        let acknowledged_ids = store.acknowledged(&change.id, &change.head.oid)?;
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
        let policy = held
            .facts
            .policy
            .as_deref()
            .and_then(|text| Policy::parse(text).ok());
        let requirement = policy
            .as_ref()
            .map(|policy| assessing::requirement(policy, patch.as_ref()));
        let senior = policy
            .as_ref()
            .is_some_and(|policy| policy.senior(account.viewer_id()).is_some());
        let acknowledged: Vec<Finding> = held
            .assessment
            .findings
            .iter()
            .filter(|finding| acknowledged_ids.iter().any(|(id, _)| *id == finding.id))
            .cloned()
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
            acknowledged,
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
        if let Err(why) = signature::words_fit(words) {
            block(
                why.detail,
                "Shorten what you wrote, or leave the quoted approval out.",
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

    /// Where the forge can be reached, a head that moved is said before anything is signed. Offline, the outbox
    /// compares again before it sends.
    async fn check_head(&self, ready: &Ready) -> Result<(), Failure> {
        let change = &ready.held.change;
        let Some(online) = self.online() else {
            return Ok(());
        };
        let Ok(now) = online.forge.head(&change.id).await else {
            return Ok(());
        };
        if now.target_branch != change.target.branch {
            self.nudge();
            return Err(Failure::coded(
                Code::Moved,
                format!(
                    "It is bound for {} now, and was for {} when you read it. Nothing was signed.",
                    visible(&now.target_branch),
                    visible(&change.target.branch)
                ),
                "Read it again, then decide.",
            ));
        }
        if now.head != change.head.oid {
            self.nudge();
            return Err(Failure::coded(
                Code::Moved,
                format!(
                    "The head moved to {} after you had read {}. Nothing was signed.",
                    now.head.short(),
                    change.head.oid.short()
                ),
                "Read what changed, then decide again.",
            ));
        }
        if now.state != ChangeState::Open {
            self.nudge();
            return Err(Failure::coded(
                Code::Moved,
                "The change is no longer open. Nothing was signed.",
                "",
            ));
        }
        Ok(())
    }

    fn statement(
        &self,
        account: &Account,
        ready: &Ready,
        at: Timestamp,
        nonce: &str,
    ) -> Result<Statement, Message> {
        let held = &ready.held;
        let change = &held.change;
        let missing = |what: &str| Message {
            what: format!("The forge did not give {what}, which the statement names."),
            kept: String::new(),
            todo: "Poll again.".into(),
        };
        let tree = held
            .facts
            .head_tree
            .clone()
            .ok_or_else(|| missing("the head's tree"))?;
        let merge_base = held
            .facts
            .merge_base
            .clone()
            .ok_or_else(|| missing("the merge base"))?;
        let ledger = self
            .store()
            .ledger_head()
            .map_err(|error| Message {
                what: error.to_string(),
                kept: String::new(),
                todo: String::new(),
            })?
            .unwrap_or_else(|| ledger::START.to_owned());
        let age = ready.requirement.as_ref().map_or(MAX_AGE, |asked| asked.max_age);
        let rule = ready
            .requirement
            .as_ref()
            .map_or(Require::AiAssisted, |asked| asked.require);
        Ok(Statement::new(
            Subject {
                name: subject_name(&change.id.host, &change.id.repo),
                uri: change.url.clone(),
                digest: SubjectDigest {
                    git_commit: change.head.oid.clone(),
                    git_tree: tree,
                },
            },
            Predicate {
                decision: ready.decision,
                forge: forge_context(change),
                change: ChangeContext {
                    target_ref: format!("refs/heads/{}", change.target.branch),
                    base_commit: change.target.oid.clone(),
                    merge_base,
                    changeset: held.facts.changeset.clone().map(Changeset::git_raw_v1),
                },
                reviewer: Reviewer {
                    id: account.viewer_id().to_owned(),
                    login: account.viewer.login.clone(),
                },
                policy: PolicyContext {
                    path: policy::PATH.to_owned(),
                    git_blob: held.facts.policy_blob.clone(),
                    rule: rule.word().to_owned(),
                    role: if ready.senior { "senior" } else { "none" }.to_owned(),
                },
                seen: Seen {
                    patch: held.patch_sha256.clone(),
                    assessment: held.assessment_sha256.clone(),
                    findings: held.assessment.findings.len() as u64,
                    acknowledged: acknowledged_digest(&ready.acknowledged),
                    files: ready.files,
                    viewed: ready.viewed,
                },
                issued_at: at,
                expires_at: at.saturating_add(age).unwrap_or(Timestamp::MAX),
                nonce: nonce.to_owned(),
                claims: Claims {
                    ai: held
                        .classification
                        .evidence
                        .iter()
                        .map(|evidence| format!("{}:{}", evidence.place, evidence.marker))
                        .collect(),
                    app: format!("countersign/{}", env!("CARGO_PKG_VERSION")),
                    presence: match &ready.key {
                        Some(key) if key.hardware => PresenceClaim::Touch,
                        Some(_) | None => PresenceClaim::None,
                    },
                    ledger,
                },
            },
        ))
    }

    /// What is held of the change with this id.
    pub(crate) fn held(&self, id: &str) -> Result<Held, Failure> {
        let unknown = || {
            Failure::coded(
                Code::UnknownChange,
                format!("{} is not held on this machine.", visible(id)),
                "Poll again.",
            )
        };
        let id: ChangeId = id.parse().map_err(|_| unknown())?;
        self.store().held(&id)?.ok_or_else(unknown)
    }
}

fn forge_context(change: &Change) -> ForgeContext {
    ForgeContext {
        kind: "github".into(),
        host: change.id.host.clone(),
        repo: change.id.repo.clone(),
        repo_id: change.repo_id.clone(),
        change: change.id.number.to_string(),
        change_id: change.change_id.clone(),
    }
}

fn sentence(login: &str, ready: &Ready) -> Vec<Run> {
    let change = &ready.held.change;
    let run = |text: String, strong: bool| Run { text, strong };
    let verb = match ready.decision {
        Decision::Approve => " and approve it into ",
        Decision::RequestChanges => " and ask for changes before it goes into ",
        Decision::Comment => " and comment on it, bound for ",
    };
    let mut runs = vec![
        run("I, ".into(), false),
        run(visible(login), true),
        run(", have read ".into(), false),
        run(
            format!(
                "{} of {}",
                ready.viewed,
                words::count(usize::try_from(ready.files).unwrap_or(0), "file", "files")
            ),
            true,
        ),
        run(format!(" at head {}{verb}", change.head.oid.short()), false),
        run(visible(&change.target.branch), true),
        run(" of ".into(), false),
        run(change.id.repo.clone(), true),
    ];
    let worst: Vec<&Finding> = ready
        .held
        .assessment
        .findings
        .iter()
        .filter(|finding| must_acknowledge(finding))
        .take(3)
        .collect();
    if ready.decision == Decision::Approve && !worst.is_empty() {
        runs.push(run(", knowing that it ".into(), false));
        for (index, finding) in worst.iter().enumerate() {
            if index > 0 {
                runs.push(run(
                    if index + 1 == worst.len() {
                        " and ".into()
                    } else {
                        ", ".into()
                    },
                    false,
                ));
            }
            let mut chars = finding.title.chars();
            let text: String = chars
                .next()
                .map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect());
            runs.push(run(visible(&text), true));
        }
    }
    runs.push(run(".".into(), false));
    runs
}

/// The last question, in plain text: everything that the signature binds and a person can compare.
fn question(ready: &Ready) -> Question {
    let change = &ready.held.change;
    let (verb, confirm) = match ready.decision {
        Decision::Approve => ("Approve", "Sign and approve"),
        Decision::RequestChanges => ("Request changes on", "Sign and request changes"),
        Decision::Comment => ("Comment on", "Sign and comment"),
    };
    let mut text = format!(
        "Repository: {}\nChange: #{} {}\nHead: {}\nInto: {}\nDecision: {}",
        change.id.repo,
        change.id.number,
        visible(&change.title),
        change.head.oid,
        visible(&change.target.branch),
        confirm.trim_start_matches("Sign and "),
    );
    let critical: Vec<&Finding> = ready
        .held
        .assessment
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Critical)
        .collect();
    if !critical.is_empty() {
        text.push_str("\n\nCritical:");
        for finding in critical.iter().take(8) {
            text.push_str(&format!(
                "\n• {} ({})",
                visible(&finding.title),
                visible(&finding.path)
            ));
        }
        if critical.len() > 8 {
            text.push_str(&format!("\n• and {} more", critical.len() - 8));
        }
    }
    Question {
        title: format!("{verb} {} #{}?", change.id.repo, change.id.number),
        text,
        confirm: confirm.to_owned(),
    }
}
