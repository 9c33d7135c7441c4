//! The forge is told of the key that signs: whoever sees a review can then tell by the forge itself whose key it is.
//! Whether the gate takes the key is the policy's to say, not the forge's.

use crate::engine::Engine;
use crate::ports::{Desktop, Forge, ForgeError, Question};
use crate::rows::visible;
use crate::view::{Code, Failure, KeyView};
use crate::words;

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// Registers the chosen key as a signing key of the user's account at the forge, after a question outside the page.
    /// Says what became of it; `None` where the user answered no.
    pub async fn register_key(&self) -> Result<Option<String>, Failure> {
        let account = self.signed_in()?;
        let Some(online) = self.online() else {
            return Err(Failure::other(
                "Not registered: the forge needs the token, and it is not at hand.",
                "Unlock the keychain or sign in again.",
            ));
        };
        let keys = self.keys().await?;
        let Some(key) = keys.keys.into_iter().find(|key| key.chosen) else {
            return Err(Failure::coded(
                Code::Keys,
                "Not registered: no key is chosen.",
                "Choose a key first.",
            ));
        };
        let host = account.address.host.clone();
        let line = bare(&key);
        let known = online
            .forge
            .signing_keys()
            .await
            .map_err(|error| refused(&error))?;
        if known.contains(&line) {
            return Ok(Some(format!(
                "{host} knows this key as a signing key of yours already."
            )));
        }
        let question = Question {
            title: format!("Register this key at {host}?"),
            text: format!(
                "Account: {}\nKey: {}\n{}\n\n{host} will show what it signs as signed by you. Whether approvals count is \
                 for the policy to say.",
                visible(&account.viewer.login),
                key.algorithm,
                key.fingerprint
            ),
            confirm: "Register the key".into(),
        };
        if !self.inner.desktop.confirm(question).await {
            return Ok(None);
        }
        let title = format!("Countersign on this machine, {}", key.fingerprint);
        online
            .forge
            .add_signing_key(&title, &line)
            .await
            .map_err(|error| refused(&error))?;
        Ok(Some(format!(
            "{host} knows this key as a signing key of yours now."
        )))
    }
}

/// Algorithm and key, without the comment.
fn bare(key: &KeyView) -> String {
    let words: Vec<&str> = key.public_line.split_whitespace().take(2).collect();
    words.join(" ")
}

fn refused(error: &ForgeError) -> Failure {
    // Source: GitHub answers 404 where a token lacks the scope.
    if matches!(error, ForgeError::NotFound { .. } | ForgeError::Forbidden { .. }) {
        return Failure::other(
            "Not registered: the token may not add signing keys. The key signs all the same.",
            "Give the token the scope write:ssh_signing_key, or add the key in the forge's settings.",
        );
    }
    let said = words::sentence(&words::forge_error(error));
    Failure::other(
        format!("Not registered: {said} The key signs all the same."),
        "Try again later.",
    )
}
