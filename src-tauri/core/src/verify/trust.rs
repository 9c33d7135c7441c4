//! Step 1: what is trusted, from the target branch's tip.

use super::input::{File, TrustFiles};
use super::verdict::{JudgedPolicy, Verdict};
use crate::changeset::{self, ObjectFormat};
use crate::policy::{self, AllowedSigners, Policy, RevokedKeys, Unreadable};
use crate::reason::{Fault, Reason};

pub(super) struct Trust {
    pub(super) policy: Policy,
    pub(super) signers: AllowedSigners,
    pub(super) revoked: RevokedKeys,
}

impl Trust {
    pub(super) fn read(files: &TrustFiles, verdict: &mut Verdict) -> Result<Self, Fault> {
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
        });
        check(file)?;
        let policy = Policy::parse(&file.text).map_err(unreadable(&file.path))?;
        if policy.extends.is_some() {
            return Err(
                Reason::NotJudged.because("the policy extends another, which is not judged by this version")
            );
        }
        if policy.break_glass {
            verdict
                .notes
                .push("[break_glass] is not judged by this version: nobody can break the glass.".to_owned());
        }
        let file = named(&files.allowed_signers, &policy.allowed_signers)?;
        let signers = AllowedSigners::parse(&file.text).map_err(unreadable(&file.path))?;
        signers
            .check_against(&policy)
            .map_err(|what| Reason::PolicyUnreadable.because(format!("{}: {what}", file.path)))?;
        let revoked = match &policy.revoked_keys {
            None => RevokedKeys::default(),
            Some(path) => {
                let file = named(&files.revoked_keys, path)?;
                RevokedKeys::parse(&file.text).map_err(unreadable(&file.path))?
            }
        };
        Ok(Self {
            policy,
            signers,
            revoked,
        })
    }
}

fn named<'a>(file: &'a Option<File>, path: &str) -> Result<&'a File, Fault> {
    let file = file.as_ref().ok_or_else(|| {
        Reason::PolicyUnreadable.because(format!(
            "the policy names {path:?}, which is not on the target branch"
        ))
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
