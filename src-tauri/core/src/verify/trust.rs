//! Step 1: what is trusted, from the target branch's tip, and from the default branch of the organisation's repository
//! where the policy extends the organisation's.

use super::input::{File, Input, Organisation, TrustFiles};
use super::verdict::{JudgedExtended, JudgedPolicy, Verdict};
use crate::changeset::{self, ObjectFormat};
use crate::evidence::Custom;
use crate::policy::{self, AllowedSigners, Extended, Policy, RevokedKeys, Rulebook, Senior, Unreadable};
use crate::reason::{Fault, Reason};

pub(super) struct Trust {
    /// What applies: the repository's, tightened by the organisation's.
    pub(super) rules: Rulebook,
    /// Whom either policy calls a senior: their requests for changes stand, whoever of them may approve.
    pub(super) heard: Vec<Senior>,
    /// Marks of AI tools that a policy adds, one policy after the other.
    pub(super) markers: Vec<Custom>,
    /// Files of the organisation's that lie in this very repository.
    pub(super) guarded: Vec<String>,
}

impl Trust {
    pub(super) fn read(input: &Input, verdict: &mut Verdict) -> Result<Self, Fault> {
        let files = &input.trust;
        let file = files.policy.as_ref().ok_or(Reason::PolicyMissing)?;
        if file.path != policy::PATH {
            return Err(Reason::InputMissing.because(format!(
                "the policy was read from {:?}, not {:?}",
                file.path,
                policy::PATH
            )));
        }
        verdict.policy = Some(JudgedPolicy {
            path: file.path.clone(),
            blob: file.blob.to_string(),
            target_tip: files.target_tip.to_string(),
            extends: None,
        });
        let own = rulebook(file, &files.allowed_signers, &files.revoked_keys)?;
        let extended = organisation(files, &own.policy)?;
        let mut trust = Self {
            heard: own.policy.seniors.clone(),
            markers: vec![own.policy.markers.clone()],
            guarded: Vec::new(),
            rules: own.clone(),
        };
        if let Some((from, file, theirs)) = extended {
            if let Some(judged) = &mut verdict.policy {
                judged.extends = Some(JudgedExtended {
                    repo: from.repo.clone(),
                    path: file.path.clone(),
                    blob: file.blob.to_string(),
                    tip: from.tip.to_string(),
                });
            }
            trust.add(own.tightened_by(&theirs), theirs.policy);
            if from.repo_id == input.forge.repo_id {
                let named = [&from.policy, &from.allowed_signers, &from.revoked_keys];
                trust.guarded = named
                    .into_iter()
                    .flatten()
                    .map(|file| file.path.clone())
                    .collect();
            }
        }
        Ok(trust)
    }

    /// What both together ask, and what the organisation's adds beside that.
    fn add(&mut self, both: Rulebook, theirs: Policy) {
        self.rules = both;
        self.markers.push(theirs.markers);
        for senior in theirs.seniors {
            if !self.heard.iter().any(|known| known.id == senior.id) {
                self.heard.push(senior);
            }
        }
    }

    /// The senior with this account id, by either policy.
    pub(super) fn heard(&self, account_id: &str) -> Option<&Senior> {
        self.heard.iter().find(|senior| senior.id == account_id)
    }
}

/// The organisation's policy, where the repository's names one. One level only: whoever reads the repository's must be
/// able to name all that it depends on.
fn organisation<'a>(
    files: &'a TrustFiles,
    own: &Policy,
) -> Result<Option<(&'a Organisation, &'a File, Rulebook)>, Fault> {
    let missing = |detail: String| Err(Reason::InputMissing.because(detail));
    let (named, from) = match (&own.extends, &files.organisation) {
        (None, None) => return Ok(None),
        (None, Some(from)) => {
            return missing(format!(
                "{:?} was collected as the organisation's, and the policy extends none",
                from.repo
            ));
        }
        (Some(text), None) => {
            return missing(format!("the policy extends {text:?}, which was not collected"));
        }
        (Some(text), Some(from)) => {
            let named: Extended = text.parse().map_err(|error: policy::extends::NotExtended| {
                Reason::PolicyUnreadable.because(error.to_string())
            })?;
            (named, from)
        }
    };
    if !named.is_in(&from.repo) {
        return missing(format!(
            "the policy extends {named}, collected was {:?}",
            from.repo
        ));
    }
    let there = |fault: Fault| fault.reason.because(format!("{}: {}", from.repo, fault.detail));
    let file = self::named(&from.policy, &named.path).map_err(there)?;
    let theirs = rulebook(file, &from.allowed_signers, &from.revoked_keys).map_err(there)?;
    if theirs.policy.extends.is_some() {
        return Err(Reason::PolicyUnreadable
            .because(format!("{named} extends another policy itself: one level only")));
    }
    Ok(Some((from, file, theirs)))
}

/// The policy and the files that it names.
fn rulebook(
    file: &File,
    allowed_signers: &Option<File>,
    revoked_keys: &Option<File>,
) -> Result<Rulebook, Fault> {
    check(file)?;
    let policy = Policy::parse(&file.text).map_err(unreadable(&file.path))?;
    let file = named(allowed_signers, &policy.allowed_signers)?;
    let signers = AllowedSigners::parse(&file.text).map_err(unreadable(&file.path))?;
    signers
        .check_against(&policy)
        .map_err(|what| Reason::PolicyUnreadable.because(format!("{}: {what}", file.path)))?;
    let revoked = match &policy.revoked_keys {
        None => RevokedKeys::default(),
        Some(path) => {
            let file = named(revoked_keys, path)?;
            RevokedKeys::parse(&file.text).map_err(unreadable(&file.path))?
        }
    };
    Ok(Rulebook {
        policy,
        signers,
        revoked,
    })
}

fn named<'a>(file: &'a Option<File>, path: &str) -> Result<&'a File, Fault> {
    let file = file.as_ref().ok_or_else(|| {
        Reason::PolicyUnreadable.because(format!("the policy names {path:?}, which is not on its branch"))
    })?;
    if file.path == path {
        check(file)?;
        return Ok(file);
    }
    Err(Reason::InputMissing.because(format!(
        "the policy names {path:?}, collected was {:?}",
        file.path
    )))
}

/// That a file is one, and that its text is what its tree names.
fn check(file: &File) -> Result<(), Fault> {
    if !matches!(file.mode.as_str(), "100644" | "100755") {
        return Err(Reason::PolicyUnreadable.because(format!(
            "{}: expected a file, found mode {:?}",
            file.path, file.mode
        )));
    }
    let found = changeset::blob_name(ObjectFormat::of(&file.blob), file.text.as_bytes());
    if found == file.blob.as_str() {
        return Ok(());
    }
    Err(Reason::InputMissing.because(format!(
        "{}: the text is {found}, not the blob {}",
        file.path, file.blob
    )))
}

fn unreadable(path: &str) -> impl Fn(Unreadable) -> Fault {
    move |error| Reason::PolicyUnreadable.because(format!("{path}, {error}"))
}
