//! Enrolment by a change: the app opens one that adds the user's key to the allowed signers. Others decide about it, as
//! about every change of the policy.

use countersign_core::change::ChangeId;
use countersign_core::changeset::sha256_hex;
use countersign_core::policy::enrolment::{Enrolment, enrol};
use countersign_core::policy::{Policy, Senior};
use countersign_core::signature::Key;

use crate::engine::Engine;
use crate::ports::{Desktop, Forge, ForgeError, Organisation, Proposal, Question, Trusted};
use crate::rows::visible;
use crate::session::KEY;
use crate::signer::{self, PublicKey};
use crate::view::{Code, Failure, KeyProposal};
use crate::words;

/// Digits of the key's digest in the name of the change's branch.
const DIGITS: usize = 16;

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// Opens a change in the repository of `id` that adds the chosen key to the allowed signers of its target branch,
    /// after a question outside the page. Asked again it finds what is open, and finishes what an earlier attempt
    /// began. `None` where the user answered no.
    ///
    /// # Errors
    /// Why there is no such change, and what of it was made.
    pub async fn propose_key(&self, id: &str) -> Result<Option<KeyProposal>, Failure> {
        let account = self.signed_in()?;
        let Some(online) = self.online() else {
            return Err(Failure::other(
                "Not opened: the forge needs the token, and it is not at hand.",
                "Unlock the keychain or sign in again.",
            ));
        };
        let change = self.held(id)?.change;
        let (id, target) = (change.id, change.target.branch);
        let key = self.chosen_key().await?;
        let now = online.forge.trusted(&id, &target).await;
        let now = now.map_err(|error| not_read(&id, &target, &error))?;
        let found = Enrolling::of(&now, account.viewer_id(), &key.key)?;
        let place = format!("{} on {} of {}", found.path, visible(&target), id.repo);
        let Some(list) = found.list else {
            let said = format!("This key stands in {place} already.{}", found.also);
            return Ok(Some(KeyProposal { said, url: None }));
        };
        let login = visible(&account.viewer.login);
        let question = Question {
            title: format!("Open a change in {} that adds this key?", id.repo),
            text: format!(
                "Account: {login}\nBranch: {}\nFile: {}\nName: {}\nKey: {}\n{}\n\nCountersign makes a branch, commits the \
                 line and opens the change in your name. Who merges it lets this key sign for you.",
                visible(&target),
                found.path,
                found.senior.principal,
                key.algorithm,
                key.fingerprint
            ),
            confirm: "Open the change".into(),
        };
        if !self.inner.desktop.confirm(question).await {
            return Ok(None);
        }
        let proposal = Proposal {
            target_branch: target,
            tip: now.tip.clone(),
            purpose: format!("countersign/enrol-{}", short(&key.key)),
            path: found.path.clone(),
            bytes: list.into_bytes(),
            title: format!("Allow a signing key of {login}"),
            body: description(&login, &found.senior, &found.path, &key),
        };
        let proposed = online.forge.propose(&id, &proposal).await;
        let proposed = proposed.map_err(|error| not_opened(&id, &proposal, &error))?;
        let (number, repo) = (proposed.number, &id.repo);
        let opened = if proposed.was_open {
            "is open already"
        } else {
            "was opened"
        };
        Ok(Some(KeyProposal {
            said: format!(
                "The change {repo} #{number} {opened}. The key counts once it is merged. Like every change of the \
                 policy, that needs two other seniors.{}",
                found.also
            ),
            url: Some(format!("{}/{repo}/pull/{number}", account.address.web)),
        }))
    }

    async fn chosen_key(&self) -> Result<PublicKey, Failure> {
        let (keys, _) = signer::keys(&self.inner.vault, self.inner.options.agent.as_deref()).await;
        let chosen = self.store().meta(KEY)?;
        let key = keys
            .into_iter()
            .find(|key| Some(&key.fingerprint) == chosen.as_ref());
        key.ok_or_else(|| {
            Failure::coded(
                Code::Keys,
                "Not opened: no key is chosen, or the chosen one is not at hand.",
                "Choose a key first.",
            )
        })
    }
}

/// What there is to do for a key on a branch.
#[derive(Debug)]
struct Enrolling {
    senior: Senior,
    /// Of the list of allowed signers.
    path: String,
    /// The list with the key; `None` where it stands there.
    list: Option<String>,
    /// What the change alone does not do; begins with a blank.
    also: String,
}

impl Enrolling {
    fn of(trusted: &Trusted, viewer: &str, key: &Key) -> Result<Self, Failure> {
        let no = |what: String, todo: &str| Failure::other(format!("Not opened: {what}"), todo);
        if let Some((path, why)) = trusted.missing.first() {
            let keeper = "Ask whoever keeps it; the gate refuses everything until then.";
            return Err(no(format!("{path} cannot be read: {why}."), keeper));
        }
        let Some(policy) = &trusted.policy else {
            return Err(no(
                "the target branch has no policy.".into(),
                "An administrator adds .github/countersign.toml first.",
            ));
        };
        let unreadable = |what: &str, why: String| {
            no(
                format!("{what} cannot be read: {why}."),
                "Ask whoever keeps it to mend it first.",
            )
        };
        let text = |what: &str, bytes: &[u8]| {
            String::from_utf8(bytes.to_vec()).map_err(|_| unreadable(what, "it is not UTF-8".into()))
        };
        let policy = Policy::parse(&text("the policy", &policy.bytes)?)
            .map_err(|error| unreadable("the policy", error.to_string()))?;
        let Some(senior) = policy.senior(viewer).cloned() else {
            return Err(no(
                "the policy does not name you as a senior, so no key of yours would count.".into(),
                "Have the policy name you first.",
            ));
        };
        let list = match &trusted.allowed_signers {
            Some(file) => text("the list of allowed signers", &file.bytes)?,
            None => String::new(),
        };
        let path = policy.allowed_signers.clone();
        let enrolled = enrol(&list, &senior.principal, key)
            .map_err(|error| unreadable(&path, format!("{error}, with this key's line in it")))?;
        let mut also = String::new();
        let (fingerprint, hardware) = (key.fingerprint(), key.algorithm().is_security_key());
        if let Some(extended) = policy.extended()
            && !in_organisation(trusted.organisation.as_ref(), &senior.principal, key)
        {
            also = format!(" The policy extends {extended}: that list must name the key too.");
        }
        if hardware && !senior.hardware_keys.contains(&fingerprint) {
            also += " Where a touch is asked for, the policy's hardware_keys must name it too.";
        }
        Ok(Self {
            senior,
            path,
            list: match enrolled {
                Enrolment::Known => None,
                Enrolment::Added(list) => Some(list),
            },
            also,
        })
    }
}

/// Whether the organisation's list, as far as it could be read, has the key.
fn in_organisation(organisation: Option<&Organisation>, principal: &str, key: &Key) -> bool {
    let list = organisation.and_then(|one| one.allowed_signers.as_deref());
    list.is_some_and(|list| matches!(enrol(list, principal, key), Ok(Enrolment::Known)))
}

/// The begin of a digest of the key: fingerprints hold signs that a branch's name may not.
fn short(key: &Key) -> String {
    let mut digits = sha256_hex(key.blob());
    digits.truncate(DIGITS);
    digits
}

fn description(login: &str, senior: &Senior, path: &str, key: &PublicKey) -> String {
    let hardware = if key.hardware {
        "\n\nIt has the format of a security key. For its touch to count, the policy's `hardware_keys` must name it too."
    } else {
        ""
    };
    format!(
        "Adds one line to `{path}`, by which the key below may sign approvals for `{}` (@{login}).\n\n\
         ```\n{}\n{}\n```\n\n\
         Before you approve it, ask @{login} by another way than this forge whether that is their key: whoever holds it \
         signs as them from then on.{hardware}",
        senior.principal, key.algorithm, key.fingerprint
    )
}

fn not_read(id: &ChangeId, branch: &str, error: &ForgeError) -> Failure {
    let said = words::sentence(&words::forge_error(error));
    Failure::other(
        format!(
            "Not opened: the policy on {} of {} was not read. {said}",
            visible(branch),
            id.repo
        ),
        "Copy the line, or try again later.",
    )
}

fn not_opened(id: &ChangeId, proposal: &Proposal, error: &ForgeError) -> Failure {
    // Source: GitHub answers 404, or 403, where the account or the token may not write.
    if matches!(error, ForgeError::NotFound { .. } | ForgeError::Forbidden { .. }) {
        return Failure::other(
            format!("Not opened: you, or your token, may not write to {}.", id.repo),
            "Copy the line and ask somebody who may. The token needs contents and pull requests to write.",
        );
    }
    let said = words::sentence(&words::forge_error(error));
    Failure::other(
        format!(
            "Not opened: {said} What was made of it stays, on a branch {}-….",
            proposal.purpose
        ),
        "Try again: it goes on from where it stopped.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::TrustedFile;
    use countersign_core::policy::enrolment::line;

    const POLICY: &str = "version = 1\nallowed_signers = \"keys\"\n\n[[senior]]\nlogin = \"ada\"\nid = \"7\"\n\
                          principal = \"ada@example.com\"\n";

    fn key(kind: &[u8], seed: u8) -> Key {
        let mut blob = Vec::new();
        let application: &[&[u8]] = if kind.starts_with(b"sk-") { &[b"ssh:"] } else { &[] };
        for part in [kind, &[seed; 32]].iter().chain(application) {
            blob.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
            blob.extend(*part);
        }
        Key::from_blob(&blob).unwrap()
    }

    fn file(text: &str) -> Option<TrustedFile> {
        Some(TrustedFile {
            bytes: text.into(),
            blob: "1".repeat(40).parse().unwrap(),
        })
    }

    fn trusted(policy: &str, list: Option<&str>) -> Trusted {
        Trusted {
            tip: "2".repeat(40).parse().unwrap(),
            policy: file(policy),
            allowed_signers: list.and_then(file),
            organisation: None,
            missing: Vec::new(),
        }
    }

    #[test]
    fn what_stands_in_the_way_is_named() {
        let plain = key(b"ssh-ed25519", 1);
        let taken = line("ben@example.com", &plain);
        let cut = Trusted {
            missing: vec![("keys".into(), "it is larger than 1 MB and was not read".into())],
            ..trusted(POLICY, None)
        };
        let bare = Trusted {
            policy: None,
            ..trusted(POLICY, None)
        };
        let bytes = Trusted {
            allowed_signers: Some(TrustedFile {
                bytes: vec![0xff],
                blob: "1".repeat(40).parse().unwrap(),
            }),
            ..trusted(POLICY, None)
        };
        for (trusted, viewer, expected) in [
            (cut, "7", "keys cannot be read: it is larger"),
            (bare, "7", "has no policy"),
            (trusted("version = 9", None), "7", "the policy cannot be read"),
            (trusted(POLICY, None), "8", "does not name you"),
            (trusted(POLICY, Some(&taken)), "7", "line 1 already"),
            (bytes, "7", "not UTF-8"),
        ] {
            let failure = Enrolling::of(&trusted, viewer, &plain).unwrap_err();
            assert!(failure.message.contains(expected), "{failure:?}");
            assert!(!failure.hint.is_empty(), "{failure:?}");
        }
    }

    #[test]
    fn what_the_change_alone_does_not_do_is_said() {
        let extends = POLICY.replacen('\n', "\nextends = \"acme/policies:countersign.toml\"\n", 1);
        let (plain, touched) = (key(b"ssh-ed25519", 1), key(b"sk-ssh-ed25519@openssh.com", 1));
        let with = |list: String| Trusted {
            organisation: Some(Organisation {
                allowed_signers: Some(list),
                ..Organisation::default()
            }),
            ..trusted(&extends, None)
        };
        let named = |key: &Key| line("ada@example.com", key);
        for (trusted, key, expected) in [
            (trusted(POLICY, None), &plain, ""),
            (trusted(POLICY, None), &touched, "hardware_keys"),
            (trusted(&extends, None), &plain, "acme/policies"),
            (with(named(&plain)), &plain, ""),
            (with(named(&touched)), &plain, "acme/policies"),
        ] {
            let found = Enrolling::of(&trusted, "7", key).unwrap();
            assert!(found.list.unwrap().contains(&named(key)));
            assert_eq!(found.also.is_empty(), expected.is_empty(), "{}", found.also);
            assert!(found.also.contains(expected), "{}", found.also);
        }
        let known = Enrolling::of(&trusted(POLICY, Some(&named(&plain))), "7", &plain).unwrap();
        assert_eq!(known.list, None);
    }
}
