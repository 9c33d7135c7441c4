//! Signing in and out, the keychain, and the key that signs.

use std::sync::Arc;

use countersign_core::policy::{Policy, enrolment};
use secrecy::SecretString;

use crate::account::{Account, Online};
use crate::engine::Engine;
use crate::network::Network;
use crate::ports::{Address, Desktop, Forge, ForgeError, Viewer};
use crate::rows::visible;
use crate::signer::{self, Place, PublicKey};
use crate::store::Store;
use crate::token::TokenNow;
use crate::vault::{Kept, VaultError};
use crate::view::{
    Code, Failure, KeyPlace, KeyView, KeychainState, Keys, Message, SignInResult, SignInStep, TokenState,
};
use crate::whose::{self, Kin};
use crate::words;

pub(crate) const ACCOUNT: &str = "account";
pub(crate) const KEY: &str = "key";
/// Set while the user has signed out by themselves: the account is known, and not to be taken up.
const SIGNED_OUT: &str = "signed_out";

/// Scopes of a classic token, of which one of each row is enough. Source: GitHub's documentation on OAuth scopes:
/// `repo` covers private repositories and reviews, `public_repo` public ones.
const NEEDED: [(&[&str], &str); 1] = [(
    &["repo", "public_repo"],
    "read changes and post your reviews; GitHub has no smaller scope for private repositories",
)];

pub(crate) fn step(name: impl Into<String>, ok: bool, detail: impl Into<String>) -> SignInStep {
    SignInStep {
        name: name.into(),
        ok,
        detail: detail.into(),
    }
}

/// A token that its forge accepted, and whose it is.
pub(crate) struct Accepted<F> {
    /// As it was typed.
    forge: String,
    pub(crate) account: Account,
    client: F,
    token: SecretString,
}

/// A token without the blanks that copying brings along.
pub(crate) fn typed(token: &str) -> SecretString {
    SecretString::from(token.trim().to_owned())
}

/// A sign-in that ended with the last of these steps.
pub(crate) fn refused(steps: Vec<SignInStep>) -> SignInResult {
    SignInResult {
        ok: false,
        account: None,
        steps,
    }
}

/// Asks the forge whose the token is and what it may do; `None` where a step says why that does not suffice. Nothing
/// is kept.
pub(crate) async fn examine<F: Forge>(
    forge: &str,
    token: SecretString,
    network: &Network,
    steps: &mut Vec<SignInStep>,
) -> Option<Accepted<F>> {
    let address = match Address::parse(forge) {
        Ok(address) => address,
        Err(error) => {
            steps.push(step("Forge", false, words::sentence(&error.to_string())));
            return None;
        }
    };
    let client = F::connect(&address, token.clone(), network);
    let viewer = match &client {
        Ok(client) => client.viewer().await,
        Err(error) => Err(error.clone()),
    };
    let (client, viewer) = match (client, viewer) {
        (Ok(client), Ok(viewer)) => (client, viewer),
        (_, Err(error)) | (Err(error), _) => {
            let reached = !error.unasked() && !matches!(error, ForgeError::Interrupted { .. });
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
            return None;
        }
    };
    steps.push(step(format!("{} answers", address.host), true, ""));
    steps.push(step(
        "The token is accepted",
        true,
        format!("It belongs to {}.", viewer.person.login),
    ));
    if !check_scopes(&viewer, steps) {
        return None;
    }
    let account = Account {
        address,
        viewer: viewer.person,
        expires_at: viewer.token_expires_at,
        token: TokenState::Held,
    };
    Some(Accepted {
        forge: forge.trim().to_owned(),
        account,
        client,
        token,
    })
}

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// Signs in with a token: checks it, keeps it in the keychain, and starts the first sync.
    pub async fn sign_in(&self, forge: String, token: String) -> Result<SignInResult, Failure> {
        let mut steps = Vec::new();
        match examine(&forge, typed(&token), self.network(), &mut steps).await {
            Some(accepted) => self.admit(accepted, steps).await,
            None => Ok(refused(steps)),
        }
    }

    /// Keeps the token and begins to ask the forge with it. Where one was there already, queue, marks, outbox and ledger
    /// stay as they are, and the outbox goes on with the new one.
    pub(crate) async fn admit(
        &self,
        accepted: Accepted<F>,
        mut steps: Vec<SignInStep>,
    ) -> Result<SignInResult, Failure> {
        let Accepted {
            forge,
            account,
            client,
            token,
        } = accepted;
        let before = self.owner()?;
        if let Some(before) = before.as_ref().filter(|before| !before.is(&account)) {
            let whose = format!("{} at {}", before.viewer.login, before.address.host);
            steps.push(step(
                "Another account",
                false,
                format!("What is kept here is of {whose}. It was not touched."),
            ));
            return Ok(refused(steps));
        }
        let replaces = self.account().is_some();
        let proven = TokenNow::proven(&token);
        let kept = self.inner.vault.set(&account.token_name(), token).await;
        match kept {
            Ok(Kept::Keychain) => steps.push(step(
                "Kept in the keychain",
                true,
                "The token is nowhere else on this machine.",
            )),
            Ok(Kept::SessionOnly { why }) => steps.push(step(
                "Kept for this session only",
                true,
                format!(
                    "{why} Nothing is written to a file instead; you will be asked again after a restart."
                ),
            )),
            Err(error) => {
                steps.push(step("Kept in the keychain", false, error.to_string()));
                return Ok(refused(steps));
            }
        }
        if let Some(before) = before.filter(|before| before.token_name() != account.token_name())
            && let Err(error) = self.inner.vault.delete(&before.token_name()).await
        {
            tracing::warn!(%error, "the token under the login before stays in the keychain");
        }
        if replaces {
            steps.push(step(
                "In place of the old token",
                true,
                "Queue, marks, outbox and ledger are as they were. End the old one at the forge.",
            ));
        }
        self.note_account(&account, &forge)?;
        self.set_account(Some(account), Some(Arc::new(client)));
        {
            let mut live = self.live();
            live.token = proven;
            live.trouble = None;
            live.restoring = false;
        }
        self.check_keychain().await;
        self.refresh_key().await;
        self.nudge();
        self.changed();
        Ok(SignInResult {
            ok: true,
            account: Some(self.inner.options.account.to_string()),
            steps,
        })
    }

    /// Notes the account for the next start.
    fn note_account(&self, account: &Account, forge: &str) -> Result<(), Failure> {
        let store = self.store();
        self.note_kin(&store, account, forge)?;
        store.set_meta(SIGNED_OUT, None)?;
        Ok(())
    }

    fn note_kin(&self, store: &Store, account: &Account, forge: &str) -> Result<(), Failure> {
        let kin = Kin {
            forge: forge.to_owned(),
            viewer: account.viewer.clone(),
            expires_at: account.expires_at,
        };
        let text = serde_json::to_string(&kin).map_err(|error| Failure::other(error.to_string(), ""))?;
        store.set_meta(ACCOUNT, Some(&text))?;
        whose::note(&self.inner.options.profile, &text);
        Ok(())
    }

    /// The token that was found in the keychain is another than the one of the sign-in, and ends at another time.
    pub(crate) fn note_expiry(&self, online: &Online<F>, expires_at: Option<jiff::Timestamp>) {
        let account = Account {
            expires_at,
            ..online.account.clone()
        };
        if !self.replace_account(online, account.clone(), Some(Arc::clone(&online.forge))) {
            return;
        }
        let noted = self.kin().and_then(|kin| match (kin, self.store_of(online)) {
            (Some(kin), Some(store)) => self.note_kin(&store, &account, &kin.forge),
            (None, _) | (_, None) => Ok(()),
        });
        if let Err(failure) = noted {
            // The next start asks the forge again.
            tracing::warn!(%failure.message, "when the token ends could not be noted");
        }
    }

    /// Whose what is kept here is, signed in or not; `None` before the first sign-in.
    pub(crate) fn owner(&self) -> Result<Option<Account>, Failure> {
        Ok(self.kin()?.and_then(|kin| kin.account()))
    }

    fn kin(&self) -> Result<Option<Kin>, Failure> {
        let text = self.store().meta(ACCOUNT)?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Forgets the token; with `forget` also what was read with it, else the queue is kept for the same account. The
    /// ledger and the outbox stay, always. Answers with what the user has to know: a keychain that is not there now may
    /// hold the token from before.
    ///
    /// # Errors
    /// Nobody is signed in, the keychain does not let the token go, or the store cannot be written.
    pub async fn sign_out(&self, forget: bool) -> Result<Option<Message>, Failure> {
        let account = self.signed_in()?;
        let name = account.token_name();
        let removed = self.inner.vault.give_up(&name).await.map_err(vault_failure)?;
        {
            let store = self.store();
            // The account stays known, so that its queue can be read again after signing in; only the token is gone.
            store.set_meta(SIGNED_OUT, Some("1"))?;
            // From here on, a poll that is still under way writes nothing any more.
            self.set_account(None, None);
        }
        self.live().trouble = None;
        if forget {
            self.store().forget_account()?;
            self.live().forget();
            self.refresh_key().await;
        }
        self.changed();
        Ok((!removed).then(|| Message {
            what: format!("{} is signed out.", visible(&account.viewer.login)),
            kept: String::new(),
            todo: in_an_absent_keychain(&[name]),
        }))
    }

    /// Takes up the account of the last session. Without its token, what was read can be read all the same.
    pub(crate) async fn restore(&self) {
        if self.online().is_some() {
            return;
        }
        let signed_out = self.store().meta(SIGNED_OUT).ok().flatten().is_some();
        let Some(kin) = self.kin().ok().flatten().filter(|_| !signed_out) else {
            return;
        };
        let Some(mut account) = kin.account() else { return };
        let (token, trouble) = match self.inner.vault.get(&account.token_name()).await {
            Ok(Some(token)) => (Some(token), None),
            Ok(None) => {
                account.token = TokenState::Missing;
                let message = Message {
                    what: format!("The token for {} is no longer there.", account.viewer.login),
                    kept: "Everything read before is on this machine; you can read and decide.".into(),
                    todo: "Sign in again to poll and to send.".into(),
                };
                (None, Some(message))
            }
            Err(error) => {
                account.token = TokenState::Locked;
                let message = Message {
                    what: format!(
                        "The token for {} is in the keychain, which cannot be read.",
                        account.viewer.login
                    ),
                    kept: "Everything read before is on this machine; you can read and decide.".into(),
                    todo: error.to_string(),
                };
                (None, Some(message))
            }
        };
        let found = token.as_ref().map(TokenNow::found).unwrap_or_default();
        let forge = token.and_then(|token| F::connect(&account.address, token, self.network()).ok());
        if forge.is_some() {
            account.token = TokenState::Held;
        }
        // The user may have signed in or out meanwhile, or erased all: that is newer.
        {
            let store = self.store();
            let set = |name| store.meta(name).ok().flatten().is_some();
            if self.online().is_some() || !set(ACCOUNT) || set(SIGNED_OUT) {
                return;
            }
            // Before the forge is at hand: nothing is sent with a token of which nobody has said whose it is.
            self.live().token = found;
            self.set_account(Some(account), forge.map(Arc::new));
        }
        self.live().trouble = trouble;
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
        let principal = self.principal()?;
        let enrol_line = (found.iter())
            .find(|key| Some(&key.fingerprint) == chosen.as_ref())
            .map(|key| enrolment::line(&principal, &key.key));
        Ok(Keys {
            keys,
            messages: problems,
            enrol_line,
            prompted: self.is_prompted()?,
        })
    }

    /// The user's name in `allowed_signers`: what a policy that waits on this machine calls them, else their login.
    fn principal(&self) -> Result<String, Failure> {
        let Some(account) = self.account() else {
            return Ok("you@example.com".into());
        };
        let waiting = self.store().waiting()?;
        let named = waiting.iter().find_map(|held| {
            let policy = Policy::parse(held.facts.policy.as_deref()?).ok()?;
            Some(policy.senior(account.viewer_id())?.principal.clone())
        });
        Ok(named.unwrap_or(account.viewer.login))
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
}

pub(crate) fn check_scopes(viewer: &Viewer, steps: &mut Vec<SignInStep>) -> bool {
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

/// What to do about secrets that could not be looked for, by the names of their entries.
pub(crate) fn in_an_absent_keychain(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| visible(name)).collect();
    format!(
        "This machine has no keychain that can be asked now. If it had one before, what Countersign kept there is in it \
         still ({}): remove it there with the keychain's own tool.",
        names.join(", ")
    )
}

pub(crate) fn vault_failure(error: VaultError) -> Failure {
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
