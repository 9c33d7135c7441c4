//! The keychain is not the app's alone: somebody may take the token out of it, put another one there, or another
//! person's. So a token that comes from the keychain is used when the forge has said whose it is, and one that the forge
//! refuses is looked for there again.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};

use crate::account::{Account, Online};
use crate::engine::Engine;
use crate::ports::{Desktop, Forge, ForgeError};
use crate::rows::visible;
use crate::view::{Message, TokenState};

/// What is known of the token at hand.
#[derive(Debug, Clone, Default)]
pub(crate) struct TokenNow {
    /// Taken from the keychain, and the forge has not yet said whose it is.
    unproven: bool,
    /// The forge no longer accepts it.
    refused: bool,
    /// Names it without being it.
    digest: Option<[u8; 32]>,
}

impl TokenNow {
    /// From the keychain, as it was found.
    pub(crate) fn found(token: &SecretString) -> Self {
        Self {
            unproven: true,
            ..Self::proven(token)
        }
    }

    /// The forge has said whose it is.
    pub(crate) fn proven(token: &SecretString) -> Self {
        Self {
            digest: Some(Sha256::digest(token.expose_secret()).into()),
            ..Self::default()
        }
    }

    pub(crate) fn is_unproven(&self) -> bool {
        self.unproven
    }

    pub(crate) fn refuse(&mut self) {
        self.refused = true;
    }
}

/// What stays, whatever the token is.
const KEPT: &str =
    "Everything read before is on this machine; you can read and decide, and what waits in the outbox waits.";

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// Whether the token at hand is the account's own. Where it is another's, it is let go, and that is told.
    ///
    /// # Errors
    /// The forge could not say.
    pub(crate) async fn is_own_token(&self, online: &Online<F>) -> Result<bool, ForgeError> {
        if !self.live().token.unproven {
            return Ok(true);
        }
        let whose = online.forge.viewer().await?.person;
        // Somebody signed in or out meanwhile: it is nobody's any more.
        if !self.is_current(online) {
            return Ok(false);
        }
        if whose.id == online.account.viewer.id {
            self.live().token.unproven = false;
            return Ok(true);
        }
        let account = Account {
            token: TokenState::Missing,
            ..online.account.clone()
        };
        let message = Message {
            what: format!(
                "The token in the keychain under {} is {}'s. It was not used.",
                online.account.viewer.login,
                visible(&whose.login)
            ),
            kept: KEPT.into(),
            todo: format!("Sign in as {} again.", online.account.viewer.login),
        };
        self.set_account(Some(account), None);
        self.live().trouble = Some(message);
        self.changed();
        Ok(false)
    }

    /// Where the forge has refused the token: somebody may have put another one into the keychain, or taken it out.
    pub(crate) async fn look_for_another_token(&self) {
        let refused = std::mem::take(&mut self.live().token.refused);
        let Some(account) = self.account().filter(|_| refused) else {
            return;
        };
        let login = account.viewer.login.clone();
        match self.inner.vault.get(&account.token_name()).await {
            Ok(Some(token)) => {
                let now = TokenNow::found(&token);
                if now.digest == self.live().token.digest {
                    return;
                }
                let Ok(forge) = F::connect(&account.address, token, self.network()) else {
                    return;
                };
                tracing::info!("the keychain holds another token now, which is taken up");
                self.set_account(Some(account), Some(Arc::new(forge)));
                {
                    let mut live = self.live();
                    live.token = now;
                    live.trouble = None;
                }
                self.nudge();
            }
            Ok(None) => {
                self.live().trouble = Some(Message {
                    what: format!(
                        "The forge no longer accepts the token for {login}, and the keychain holds none any more."
                    ),
                    kept: KEPT.into(),
                    todo: "Sign in again to poll and to send.".into(),
                });
            }
            // What the keychain's trouble is, its own message says.
            Err(error) => tracing::info!(%error, "the keychain could not be asked for another token"),
        }
        self.changed();
    }
}
