//! *Erase all data*: what was read, what was decided, settings and secrets. Asked outside the webview, because nothing
//! brings it back.

use std::fs::{self, OpenOptions};
use std::path::Path;

use crate::connecting::unkept;
use crate::engine::Engine;
use crate::ports::{Desktop, Forge, Question};
use crate::rows::visible;
use crate::session::vault_failure;
use crate::signer;
use crate::view::{Failure, Message};
use crate::words::count;

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// Erases all that Countersign keeps on this machine: the token, and the keys that it made, in the keychain; what was
    /// read; the outbox with what was not sent; the ledger; the log. What stands at the forge stays there. `None` where the
    /// user answered no. Afterwards the profile is as new.
    ///
    /// # Errors
    /// A decision is on its way, or something could not be erased; the secrets go first, so that an error names what is
    /// left.
    pub async fn erase(&self) -> Result<Option<Message>, Failure> {
        let Ok(_deciding) = self.inner.deciding.try_lock() else {
            return Err(Failure::other(
                "A decision is being confirmed. Nothing was erased.",
                "Answer the open question first.",
            ));
        };
        let (made, _) = signer::keys(&self.inner.vault, None).await;
        let question = self.erasure(&made)?;
        if !self.inner.desktop.confirm(question).await {
            return Ok(None);
        }
        let account = self.account();
        // From here on, nothing more is sent, and a poll that is still under way writes nothing any more.
        self.set_account(None, None);
        if self.sending().is_some() {
            self.set_account(account, None);
            self.restore().await;
            return Err(Failure::other(
                "A decision is being sent. Nothing was erased.",
                "Wait until it is confirmed.",
            ));
        }
        let secrets = async {
            if let Some(account) = &account {
                self.inner.vault.delete(&account.token_name()).await?;
            }
            self.forget_proxy_password().await?;
            signer::forget_made(&self.inner.vault, &made).await
        };
        if let Err(error) = secrets.await {
            self.set_account(account, None);
            self.restore().await;
            let mut failure = vault_failure(error);
            failure.message = format!(
                "{} What was read, outbox and ledger were not erased.",
                failure.message
            );
            return Err(failure);
        }
        self.device_cancel().await?;
        self.store().erase()?;
        self.network().erase().map_err(|error| unkept(&error))?;
        let profile = &self.inner.options.profile;
        let emptied = empty(&profile.join("log"));
        self.live().forget();
        self.check_keychain().await;
        self.refresh_key().await;
        self.changed();
        Ok(Some(Message {
            what: "All data of Countersign on this machine was erased.".into(),
            kept: "Reviews at the forge stand as they were; keys in ssh-agent are not Countersign's.".into(),
            todo: match emptied {
                Ok(()) => String::new(),
                Err(error) => format!(
                    "The log could not be emptied: {error}. Delete {} by hand.",
                    visible(&profile.join("log").display().to_string())
                ),
            },
        }))
    }

    fn erasure(&self, made: &[signer::PublicKey]) -> Result<Question, Failure> {
        let store = self.store();
        let (lines, unsent) = (store.ledger()?.len(), store.unfinished()?.len());
        drop(store);
        let mut text = vec![
            "Everything that was read, your notes, and the settings.".to_owned(),
            format!("The ledger: {}.", count(lines, "line", "lines")),
        ];
        if unsent > 0 {
            text.push(format!(
                "The outbox: {} that the forge has not confirmed.",
                count(unsent, "decision", "decisions")
            ));
        }
        if let Some(account) = self.account() {
            text.push(format!(
                "The token of {} at {}, from the keychain. At the forge it goes on to work until it is revoked there.",
                visible(&account.viewer.login),
                account.address.host
            ));
        }
        if self.network().now().settings.user.is_some() {
            text.push("The proxy's password, from the keychain.".to_owned());
        }
        for key in made {
            text.push(format!("The signing key {}, from the keychain.", key.fingerprint));
        }
        text.push("\nNothing brings it back. An exported ledger stays where you saved it.".to_owned());
        Ok(Question {
            title: "Erase all data of Countersign on this machine?".into(),
            text: text.join("\n"),
            confirm: "Erase all data".into(),
        })
    }
}

/// Empties the files of a folder. The log is one that is being written to: it cannot be deleted everywhere.
fn empty(folder: &Path) -> std::io::Result<()> {
    let files = match fs::read_dir(folder) {
        Ok(files) => files,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for file in files {
        let file = file?;
        if file.file_type()?.is_file() {
            OpenOptions::new().write(true).truncate(true).open(file.path())?;
        }
    }
    Ok(())
}
