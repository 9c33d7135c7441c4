//! *Erase all data*: what was read, what was decided, settings and secrets. Asked outside the webview, because nothing
//! brings it back.

use std::fs::{self, OpenOptions};
use std::path::Path;

use crate::account::Account;
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
        let all = std::slice::from_ref(self);
        erase_all(all, &self.inner.options.profile, &self.inner.desktop).await
    }

    /// What an erasure would take of this account.
    fn at_stake(&self) -> Result<Vec<String>, Failure> {
        let store = self.store();
        let (lines, unsent) = (store.ledger()?.len(), store.unfinished()?.len());
        drop(store);
        let mut text = vec![format!("The ledger: {}.", count(lines, "line", "lines"))];
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
        Ok(text)
    }
}

/// Erases what these accounts, all of one profile and keychain, keep; after one question for all.
///
/// # Errors
/// As [`Engine::erase`].
pub(crate) async fn erase_all<F: Forge, D: Desktop>(
    engines: &[Engine<F, D>],
    profile: &Path,
    desktop: &impl Desktop,
) -> Result<Option<Message>, Failure> {
    let Some(first) = engines.first() else {
        return Ok(None);
    };
    let inner = &first.inner;
    let Ok(_deciding) = inner.options.deciding.try_lock() else {
        return Err(Failure::other(
            "A decision is being confirmed. Nothing was erased.",
            "Answer the open question first.",
        ));
    };
    let (made, _) = signer::keys(&inner.vault, None).await;
    if !desktop.confirm(question(engines, &made)?).await {
        return Ok(None);
    }
    let accounts: Vec<_> = engines.iter().map(Engine::account).collect();
    // From here on, nothing more is sent, and a poll that is still under way writes nothing any more.
    for engine in engines {
        engine.set_account(None, None);
    }
    if engines.iter().any(|engine| engine.sending().is_some()) {
        put_back(engines, accounts).await;
        return Err(Failure::other(
            "A decision is being sent. Nothing was erased.",
            "Wait until it is confirmed.",
        ));
    }
    let secrets = async {
        for account in accounts.iter().flatten() {
            inner.vault.delete(&account.token_name()).await?;
        }
        first.forget_proxy_password().await?;
        signer::forget_made(&inner.vault, &made).await
    };
    if let Err(error) = secrets.await {
        put_back(engines, accounts).await;
        let mut failure = vault_failure(error);
        failure.message = format!(
            "{} What was read, outbox and ledger were not erased.",
            failure.message
        );
        return Err(failure);
    }
    for engine in engines {
        engine.device_cancel().await?;
        engine.store().erase()?;
    }
    first.network().erase().map_err(|error| unkept(&error))?;
    let log = profile.join("log");
    let emptied = empty(&log);
    for engine in engines {
        engine.live().forget();
        engine.check_keychain().await;
        engine.refresh_key().await;
        engine.changed();
    }
    Ok(Some(Message {
        what: "All data of Countersign on this machine was erased.".into(),
        kept: "Reviews at the forge stand as they were; keys in ssh-agent are not Countersign's.".into(),
        todo: match emptied {
            Ok(()) => String::new(),
            Err(error) => format!(
                "The log could not be emptied: {error}. Delete {} by hand.",
                visible(&log.display().to_string())
            ),
        },
    }))
}

/// It was not to be: each is signed in as before.
async fn put_back<F: Forge, D: Desktop>(engines: &[Engine<F, D>], accounts: Vec<Option<Account>>) {
    for (engine, account) in engines.iter().zip(accounts) {
        engine.set_account(account, None);
        engine.restore().await;
    }
}

fn question<F: Forge, D: Desktop>(
    engines: &[Engine<F, D>],
    made: &[signer::PublicKey],
) -> Result<Question, Failure> {
    let mut text = vec!["Everything that was read, your notes, and the settings.".to_owned()];
    for engine in engines {
        text.extend(engine.at_stake()?);
    }
    // One network for all.
    if (engines.first()).is_some_and(|engine| engine.network().now().settings.user.is_some()) {
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
