//! The keys that sign approvals: those in ssh-agent, and those that were made here and live in the keychain.
//!
//! A key made here is stored in OpenSSH's format under its fingerprint, and nowhere else. An entry beside it lists the
//! public halves, so that showing the keys reads no private one.

use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use countersign_core::reason::Fault;
use countersign_core::signature::{Key, raw_signature};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{LineEnding, PrivateKey};

use crate::agent::{self, AgentError};
use crate::rows::visible;
use crate::vault::{Kept, Vault, VaultError};
use crate::view::Message;

/// Entry with the public lines of the keys made here, one a line.
const INDEX: &str = "signing keys";

/// Where a key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In ssh-agent, or behind it on a security key.
    Agent,
    /// In the keychain.
    Keychain,
}

/// The public half of a key that can sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// `SHA256:…`, as `ssh-keygen -l` shows it.
    pub fingerprint: String,
    /// `ssh-ed25519`, `sk-ssh-ed25519@openssh.com`, …
    pub algorithm: String,
    /// Its comment, invisible characters made visible.
    pub comment: String,
    /// Where the private half is.
    pub place: Place,
    /// The format of a security key: the agent asks for a touch.
    pub hardware: bool,
    /// One OpenSSH line: algorithm, base64, comment.
    pub public_line: String,
    /// The key itself.
    pub key: Key,
}

/// What [`countersign_core::signature::assemble`] takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawSignature {
    /// The public key on the wire.
    pub key: Vec<u8>,
    /// The signature as an agent answers it.
    pub signature: Vec<u8>,
}

/// Why there is no key or no signature. Each says what happened, what was kept, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// From ssh-agent.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// From the keychain.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A key made now would be lost with this session.
    #[error(
        "No key was made: {why} A key that is held for this session only would be lost with it, and everything enrolled for it. Make the keychain usable, or add a key to ssh-agent and choose that."
    )]
    NoKeychain {
        /// What is wrong with the keychain, as a whole sentence.
        why: String,
    },
    /// Neither in the agent nor in the keychain.
    #[error(
        "The key {fingerprint} is neither in ssh-agent nor in the keychain. Nothing was signed. Add it to the agent (ssh-add) or choose another key."
    )]
    Unknown {
        /// The key.
        fingerprint: String,
    },
    /// What stands in the keychain is not the key that it should be.
    #[error(
        "The key {fingerprint} in the keychain is damaged ({why}). Nothing was signed, and it was left as it is. Make a new key and enrol it."
    )]
    Damaged {
        /// The key.
        fingerprint: String,
        /// What is wrong.
        why: String,
    },
    /// The system gave no random numbers.
    #[error("No key was made: the system gave no random numbers ({why}). Try again.")]
    NoRandom {
        /// The system's words.
        why: String,
    },
}

fn entry_name(fingerprint: &str) -> String {
    format!("signing key {fingerprint}")
}

fn describe(key: &Key, comment: &str, place: Place) -> PublicKey {
    let comment = visible(comment);
    let line = format!(
        "{} {} {comment}",
        key.algorithm().name(),
        BASE64_STANDARD.encode(key.blob())
    );
    PublicKey {
        fingerprint: key.fingerprint(),
        algorithm: key.algorithm().name().to_owned(),
        comment,
        place,
        hardware: key.algorithm().is_security_key(),
        public_line: line.trim_end().to_owned(),
        key: key.clone(),
    }
}

/// The keys that can sign, those of the agent first, and what is wrong with agent or keychain.
pub async fn keys(vault: &Vault, agent: Option<&Path>) -> (Vec<PublicKey>, Vec<Message>) {
    let (listed, made) = tokio::join!(agent_keys(agent), keychain_keys(vault));
    let mut problems = Vec::new();
    let mut found = Vec::new();
    match listed {
        Ok(listing) => {
            found.extend(
                listing
                    .keys
                    .iter()
                    .map(|held| describe(&held.key, &held.comment, Place::Agent)),
            );
            problems.extend(
                listing
                    .unusable
                    .iter()
                    .map(|(algorithm, comment)| unusable(algorithm, comment)),
            );
        }
        Err(error) => problems.push(message(&error)),
    }
    match made {
        Ok(keys) => {
            let new = keys
                .into_iter()
                .filter(|key| !found.iter().any(|known| known.key == key.key));
            let new: Vec<_> = new.collect();
            found.extend(new);
        }
        Err(error) => problems.push(message(&error)),
    }
    (found, problems)
}

/// Makes an Ed25519 key that lives in the keychain.
///
/// # Errors
/// [`SignError::NoKeychain`] where the keychain cannot be used: then no key is left anywhere.
pub async fn make_key(vault: &Vault, comment: &str) -> Result<PublicKey, SignError> {
    let no_keychain = |error: VaultError| SignError::NoKeychain {
        why: error.to_string(),
    };
    vault.examine().await.map_err(no_keychain)?;
    let mut known = keychain_keys(vault).await.map_err(no_keychain)?;
    let mut seed = Zeroizing::new([0u8; 32]);
    getrandom::fill(&mut *seed).map_err(|error| SignError::NoRandom {
        why: error.to_string(),
    })?;
    let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(&seed));
    let unencodable = |why: String| SignError::Damaged {
        fingerprint: "just made".into(),
        why,
    };
    let private = PrivateKey::new(pair, visible(comment)).map_err(|error| unencodable(error.to_string()))?;
    let blob = private
        .public_key()
        .to_bytes()
        .map_err(|error| unencodable(error.to_string()))?;
    let key = Key::from_blob(&blob).map_err(|fault| unencodable(fault.detail))?;
    let made = describe(&key, comment, Place::Keychain);
    let pem = private
        .to_openssh(LineEnding::LF)
        .map_err(|error| unencodable(error.to_string()))?;
    keep(
        vault,
        &entry_name(&made.fingerprint),
        SecretString::from(pem.as_str()),
    )
    .await?;
    known.push(made.clone());
    let index: Vec<_> = known.iter().map(|key| key.public_line.as_str()).collect();
    keep(vault, INDEX, SecretString::from(index.join("\n"))).await?;
    Ok(made)
}

/// Takes the keys that were made here out of the keychain, and the list of them: those that stand there now, so that none
/// is left unlisted. Answers with the entries that could not be looked for, because there is no keychain.
///
/// # Errors
/// The keychain refuses; those that are left are still in the list.
pub async fn forget_made(vault: &Vault) -> Result<Vec<String>, VaultError> {
    let made = match keychain_keys(vault).await {
        Ok(made) => made,
        Err(VaultError::Absent { .. }) => Vec::new(),
        Err(error @ (VaultError::Locked { .. } | VaultError::Refused { .. })) => return Err(error),
    };
    let mut left = Vec::new();
    let entries = made.iter().map(|key| entry_name(&key.fingerprint));
    for entry in entries.chain([INDEX.to_owned()]) {
        if !vault.give_up(&entry).await? {
            left.push(entry);
        }
    }
    Ok(left)
}

/// Signs `data` with a key, wherever it is.
///
/// # Errors
/// Why there is no signature.
pub async fn sign(
    vault: &Vault,
    agent: Option<&Path>,
    fingerprint: &str,
    data: &[u8],
) -> Result<RawSignature, SignError> {
    let listed = agent_keys(agent).await;
    if let (Ok(listing), Some(socket)) = (&listed, agent)
        && let Some(held) = listing
            .keys
            .iter()
            .find(|held| held.key.fingerprint() == fingerprint)
    {
        let signature = agent::sign(socket, &held.key, data).await?;
        return Ok(RawSignature {
            key: held.key.blob().to_vec(),
            signature,
        });
    }
    match vault.get(&entry_name(fingerprint)).await? {
        Some(pem) => sign_with_pem(fingerprint, &pem, data),
        // Not made here, so it was the agent's: then the agent's own trouble is the reason.
        None => match listed {
            Err(error) => Err(error.into()),
            Ok(_) if agent.is_some() => Err(AgentError::KeyGone {
                fingerprint: fingerprint.to_owned(),
            }
            .into()),
            Ok(_) => Err(SignError::Unknown {
                fingerprint: fingerprint.to_owned(),
            }),
        },
    }
}

fn sign_with_pem(fingerprint: &str, pem: &SecretString, data: &[u8]) -> Result<RawSignature, SignError> {
    let damaged = |why: String| SignError::Damaged {
        fingerprint: fingerprint.to_owned(),
        why,
    };
    let private =
        PrivateKey::from_openssh(pem.expose_secret()).map_err(|error| damaged(error.to_string()))?;
    let blob = private
        .public_key()
        .to_bytes()
        .map_err(|error| damaged(error.to_string()))?;
    let key = Key::from_blob(&blob).map_err(|fault| damaged(fault.detail))?;
    if key.fingerprint() != fingerprint {
        return Err(damaged(format!("it is {}", key.fingerprint())));
    }
    let signature = sign_bytes(&private, data).map_err(damaged)?;
    Ok(RawSignature {
        key: blob,
        signature: raw_signature(&signature),
    })
}

/// Through the bound, because ssh-key does not hand on the crate whose trait has `try_sign`.
fn sign_bytes<K: ssh_key::SigningKey>(key: &K, data: &[u8]) -> Result<ssh_key::Signature, String> {
    key.try_sign(data).map_err(|error| error.to_string())
}

async fn keep(vault: &Vault, name: &str, secret: SecretString) -> Result<(), SignError> {
    let why = match vault.set(name, secret).await {
        Ok(Kept::Keychain) => return Ok(()),
        Ok(Kept::SessionOnly { why }) => why,
        Err(error) => error.to_string(),
    };
    // Told as not made, so it must not turn up later.
    if let Err(error) = vault.delete(name).await {
        tracing::warn!(%error, "half a key may be left in the keychain");
    }
    Err(SignError::NoKeychain { why })
}

async fn agent_keys(agent: Option<&Path>) -> Result<agent::Listing, AgentError> {
    match agent {
        Some(socket) => agent::list(socket).await,
        None => Err(AgentError::None),
    }
}

async fn keychain_keys(vault: &Vault) -> Result<Vec<PublicKey>, VaultError> {
    let Some(index) = vault.get(INDEX).await? else {
        return Ok(Vec::new());
    };
    let keys = index.expose_secret().lines().map(|line| {
        let mut words = line.splitn(3, ' ');
        let blob = words
            .nth(1)
            .and_then(|text| BASE64_STANDARD.decode(text).ok())
            .unwrap_or_default();
        let key = Key::from_blob(&blob)?;
        Ok(describe(&key, words.next().unwrap_or_default(), Place::Keychain))
    });
    keys.collect::<Result<_, Fault>>()
        .map_err(|fault| VaultError::Refused {
            name: INDEX.into(),
            why: fault.detail,
        })
}

fn message(error: &dyn std::error::Error) -> Message {
    Message {
        what: error.to_string(),
        kept: String::new(),
        todo: String::new(),
    }
}

fn unusable(algorithm: &str, comment: &str) -> Message {
    Message {
        what: format!(
            "The key {} ({}) in ssh-agent cannot sign approvals.",
            visible(comment),
            visible(algorithm)
        ),
        kept: String::new(),
        todo: "Approvals are signed with Ed25519 or ECDSA P-256 keys, on a security key or not: no RSA, no \
               certificates."
            .into(),
    }
}

#[cfg(test)]
#[path = "signer_tests.rs"]
mod tests;
