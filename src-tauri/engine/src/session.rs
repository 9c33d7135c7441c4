//! Signing in and out, the keychain, and the key that signs.

use countersign_core::change::Person;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::engine::{Account, Engine, now};
use crate::ports::{Address, Desktop, Forge, ForgeError, Viewer};
use crate::signer::{self, Place, PublicKey};
use crate::vault::{Kept, VaultError};
use crate::view::{Code, Failure, KeyPlace, KeyView, KeychainState, Keys, Message, SignInResult, SignInStep};
use crate::words;

const ACCOUNT: &str = "account";
const KEY: &str = "key";

/// What is kept of an account besides its token.
#[derive(Serialize, Deserialize)]
struct Kin {
    forge: String,
    viewer: Person,
    expires_at: Option<jiff::Timestamp>,
}

/// Scopes of a classic token, of which one of each row is enough. Source: GitHub's documentation on OAuth scopes:
/// `repo` covers private repositories and reviews, `public_repo` public ones.
const NEEDED: [(&[&str], &str); 1] = [(
    &["repo", "public_repo"],
    "read changes and post your reviews; GitHub has no smaller scope for private repositories",
)];

fn token_name(address: &Address, viewer: &Person) -> String {
    format!("token {}@{}", viewer.login, address.host)
}

fn step(name: impl Into<String>, ok: bool, detail: impl Into<String>) -> SignInStep {
    SignInStep {
        name: name.into(),
        ok,
        detail: detail.into(),
    }
}

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// Signs in with a token: checks it, keeps it in the keychain, and starts the first sync.
    pub async fn sign_in(&self, forge: String, token: String) -> Result<SignInResult, Failure> {
        let token = SecretString::from(token.trim().to_owned());
        let mut steps = Vec::new();
        let address = match Address::parse(&forge) {
            Ok(address) => address,
            Err(error) => {
                steps.push(step("Forge", false, words::sentence(&error.to_string())));
                return Ok(SignInResult { ok: false, steps });
            }
        };
        let client = F::connect(&address, token.clone());
        let viewer = match &client {
            Ok(client) => client.viewer().await,
            Err(error) => Err(error.clone()),
        };
        let (client, viewer) = match (client, viewer) {
            (Ok(client), Ok(viewer)) => (client, viewer),
            (_, Err(error)) | (Err(error), _) => {
                let reached = !matches!(
                    error,
                    ForgeError::Unreachable { .. } | ForgeError::Interrupted { .. }
                );
                steps.push(step(
                    format!("{} answers", address.host),
                    reached,
                    if reached {
                        String::new()
                    } else {
                        words::forge_error(&error)
                    },
                ));
                if reached {
                    steps.push(step("The token is accepted", false, words::forge_error(&error)));
                }
                return Ok(SignInResult { ok: false, steps });
            }
        };
        steps.push(step(format!("{} answers", address.host), true, ""));
        steps.push(step(
            "The token is accepted",
            true,
            format!("It belongs to {}.", viewer.person.login),
        ));
        if !check_scopes(&viewer, &mut steps) {
            return Ok(SignInResult { ok: false, steps });
        }
        let kept = self
            .inner
            .vault
            .set(&token_name(&address, &viewer.person), token)
            .await;
        let session_only = match kept {
            Ok(Kept::Keychain) => {
                steps.push(step(
                    "Kept in the keychain",
                    true,
                    "The token is nowhere else on this machine.",
                ));
                false
            }
            Ok(Kept::SessionOnly { why }) => {
                steps.push(step(
                    "Kept for this session only",
                    true,
                    format!(
                        "{why} Nothing is written to a file instead; you will be asked again after a restart."
                    ),
                ));
                true
            }
            Err(error) => {
                steps.push(step("Kept in the keychain", false, error.to_string()));
                return Ok(SignInResult { ok: false, steps });
            }
        };
        let other = self
            .account()
            .is_none_or(|old| old.viewer.id != viewer.person.id || old.address.host != address.host);
        let kin = Kin {
            forge: forge.trim().to_owned(),
            viewer: viewer.person.clone(),
            expires_at: viewer.token_expires_at,
        };
        {
            let mut store = self.store();
            if other
                && store
                    .meta(ACCOUNT)?
                    .is_some_and(|text| !same_account(&text, &kin))
            {
                store.forget_account()?;
            }
            let text = serde_json::to_string(&kin).map_err(|error| Failure::other(error.to_string(), ""))?;
            store.set_meta(ACCOUNT, Some(&text))?;
        }
        self.set_account(Some(Account {
            address,
            forge: std::sync::Arc::new(client),
            viewer: viewer.person,
            expires_at: viewer.token_expires_at,
            session_only,
        }));
        self.live().trouble = None;
        self.check_keychain().await;
        self.refresh_key().await;
        self.nudge();
        self.changed();
        Ok(SignInResult { ok: true, steps })
    }

    /// Forgets the token. The queue is kept for the same account; the ledger and the outbox always.
    pub async fn sign_out(&self) -> Result<(), Failure> {
        let account = self.signed_in()?;
        let name = token_name(&account.address, &account.viewer);
        self.inner.vault.delete(&name).await.map_err(vault_failure)?;
        self.set_account(None);
        // The account stays known so that the queue can be read again after signing in; only the token is gone.
        self.changed();
        Ok(())
    }

    /// Takes up the account of the last session, if its token can be had.
    pub(crate) async fn restore(&self) {
        let kin: Option<Kin> = match self.store().meta(ACCOUNT) {
            Ok(text) => text.and_then(|text| serde_json::from_str(&text).ok()),
            Err(_) => None,
        };
        let Some(kin) = kin else { return };
        let Ok(address) = Address::parse(&kin.forge) else {
            return;
        };
        let token = match self.inner.vault.get(&token_name(&address, &kin.viewer)).await {
            Ok(Some(token)) => token,
            Ok(None) => return,
            Err(error) => {
                self.live().keychain_message = Some(words::vault(&error));
                return;
            }
        };
        let Ok(client) = F::connect(&address, token) else {
            return;
        };
        self.set_account(Some(Account {
            address,
            forge: std::sync::Arc::new(client),
            viewer: kin.viewer,
            expires_at: kin.expires_at,
            session_only: false,
        }));
        self.changed();
    }

    /// Asks the keychain how it is.
    pub(crate) async fn check_keychain(&self) {
        let state = self.inner.vault.probe().await;
        let mut live = self.live();
        live.keychain = state;
        live.keychain_message = match state {
            KeychainState::Unlocked => None,
            KeychainState::Locked => Some(Message {
                what: "The keychain is locked or does not answer.".into(),
                kept: "Nothing was written anywhere else.".into(),
                todo: "Unlock it; Countersign tries again by itself.".into(),
            }),
            KeychainState::Absent => Some(Message {
                what: "This machine has no keychain.".into(),
                kept: "The token is held for this session only, never in a file.".into(),
                todo: "Start a Secret Service (GNOME Keyring, KWallet) to be remembered.".into(),
            }),
        };
    }

    /// The keys that could sign.
    pub async fn keys(&self) -> Result<Keys, Failure> {
        let (found, problems) = signer::keys(&self.inner.vault, self.inner.options.agent.as_deref()).await;
        let chosen = self.store().meta(KEY)?;
        let keys: Vec<KeyView> = found.iter().map(|key| key_view(key, chosen.as_deref())).collect();
        let principal = self
            .account()
            .map_or_else(|| "you@example.com".to_owned(), |account| account.viewer.login);
        let enrol_line = keys.iter().find(|key| key.chosen).map(|key| {
            let line: Vec<&str> = key.public_line.split_whitespace().take(2).collect();
            format!(
                "{principal} namespaces=\"{}\" {}",
                countersign_core::signature::NAMESPACE,
                line.join(" ")
            )
        });
        Ok(Keys {
            keys,
            messages: problems,
            enrol_line,
        })
    }

    /// From now on this key signs.
    pub async fn choose_key(&self, fingerprint: String) -> Result<(), Failure> {
        let keys = self.keys().await?;
        if !keys.keys.iter().any(|key| key.fingerprint == fingerprint) {
            return Err(Failure::coded(
                Code::Keys,
                format!(
                    "No key {fingerprint} is in ssh-agent or the keychain. The chosen key stays as it was."
                ),
                "Add it to the agent (ssh-add), or choose another.",
            ));
        }
        self.store().set_meta(KEY, Some(&fingerprint))?;
        self.refresh_key().await;
        self.changed();
        Ok(())
    }

    /// Makes an ed25519 key that lives in the keychain, and chooses it.
    pub async fn make_key(&self) -> Result<KeyView, Failure> {
        let login = self
            .account()
            .map_or_else(|| "countersign".to_owned(), |account| account.viewer.login);
        let key = signer::make_key(&self.inner.vault, &format!("{login}, made by Countersign"))
            .await
            .map_err(|error| Failure::coded(Code::Keys, error.to_string(), ""))?;
        self.store().set_meta(KEY, Some(&key.fingerprint))?;
        self.refresh_key().await;
        self.changed();
        Ok(key_view(&key, Some(&key.fingerprint)))
    }

    /// Reads again which key signs. With none chosen and one usable, that one is.
    pub(crate) async fn refresh_key(&self) {
        let (found, _) = signer::keys(&self.inner.vault, self.inner.options.agent.as_deref()).await;
        let chosen = self.store().meta(KEY).ok().flatten();
        let key = match &chosen {
            Some(fingerprint) => found.iter().find(|key| &key.fingerprint == fingerprint),
            None if found.len() == 1 => found.first(),
            None => None,
        };
        let view = key.map(|key| key_view(key, Some(&key.fingerprint)));
        if chosen.is_none()
            && let Some(key) = key
            && let Err(error) = self.store().set_meta(KEY, Some(&key.fingerprint))
        {
            tracing::warn!(%error, "the chosen key could not be noted");
        }
        self.live().key = view;
    }

    /// The user's numeric id, which the verifier compares.
    pub(crate) fn viewer_id(account: &Account<F>) -> &str {
        account.viewer.id.as_deref().unwrap_or_default()
    }

    /// Days until the token ends, where that is less than a week.
    pub(crate) fn token_ends_in(account: &Account<F>) -> Option<i64> {
        let left = account.expires_at?.duration_since(now());
        (left < jiff::SignedDuration::from_hours(24 * 7)).then(|| left.as_hours() / 24)
    }
}

fn same_account(text: &str, kin: &Kin) -> bool {
    serde_json::from_str::<Kin>(text).is_ok_and(|old| {
        let host = |forge: &str| Address::parse(forge).map(|address| address.host).ok();
        old.viewer.id == kin.viewer.id && host(&old.forge) == host(&kin.forge)
    })
}

fn check_scopes(viewer: &Viewer, steps: &mut Vec<SignInStep>) -> bool {
    let Some(scopes) = &viewer.scopes else {
        steps.push(step(
            "Permissions",
            true,
            "A fine-grained token does not say what it may do. It needs: pull requests write, contents read.",
        ));
        return true;
    };
    for (any, what_for) in NEEDED {
        let has = any.iter().find(|scope| scopes.iter().any(|held| held == *scope));
        match has {
            Some(scope) => steps.push(step(*scope, true, words::sentence(what_for))),
            None => {
                let held = if scopes.is_empty() {
                    "no scope at all".to_owned()
                } else {
                    scopes.join(", ")
                };
                steps.push(step(
                    any[0],
                    false,
                    format!("The token has {held}. It needs {} to {what_for}. Make one with that scope and paste it here.", any[0]),
                ));
                return false;
            }
        }
    }
    let org = scopes
        .iter()
        .any(|scope| matches!(scope.as_str(), "read:org" | "write:org" | "admin:org"));
    let detail = if org {
        "See which teams you are in, so that a team's changes are told apart from yours."
    } else {
        "Not granted: a request to a team may be listed without the team's name."
    };
    steps.push(step("read:org", true, detail));
    true
}

fn vault_failure(error: VaultError) -> Failure {
    Failure::coded(Code::Keys, error.to_string(), "")
}

pub(crate) fn key_view(key: &PublicKey, chosen: Option<&str>) -> KeyView {
    KeyView {
        fingerprint: key.fingerprint.clone(),
        algorithm: key.algorithm.clone(),
        comment: key.comment.clone(),
        place: match key.place {
            Place::Agent => KeyPlace::Agent,
            Place::Keychain => KeyPlace::Keychain,
        },
        hardware: key.hardware,
        chosen: chosen == Some(key.fingerprint.as_str()),
        public_line: key.public_line.clone(),
    }
}
