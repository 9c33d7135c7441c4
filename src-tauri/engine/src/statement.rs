//! The statement of a decision: every byte of it comes from what the backend read itself.

use countersign_core::change::Change;
use countersign_core::decision::{
    ChangeContext, Changeset, Claims, ForgeContext, PolicyContext, Predicate, PresenceClaim, Reviewer, Seen,
    Statement, Subject, SubjectDigest, acknowledged_digest, subject_name,
};
use countersign_core::ledger;
use countersign_core::policy::{self, Require};
use jiff::{SignedDuration, Timestamp};

use crate::account::Account;
use crate::engine::Engine;
use crate::ports::{Desktop, Forge};
use crate::ready::Ready;
use crate::view::Message;

/// How long an approval holds without a policy: what a policy that names no age means.
pub(crate) const MAX_AGE: SignedDuration = SignedDuration::from_hours(7 * 24);

impl<F: Forge, D: Desktop> Engine<F, D> {
    pub(crate) fn statement(
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
                break_glass: None,
            },
        ))
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
