//! *Erase all data*: what was read, what was decided, settings and secrets. Asked outside the webview, because nothing
//! brings it back.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use crate::account::Account;
use crate::connecting::unkept;
use crate::engine::Engine;
use crate::ports::{Desktop, Forge, Question};
use crate::rows::visible;
use crate::session::{in_an_absent_keychain, vault_failure};
use crate::signer;
use crate::store::{DATABASE, Store};
use crate::vault::VaultError;
use crate::view::{Failure, Message};
use crate::whose;
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
        erase_all(all, &[], &self.inner.options.profile, &self.inner.desktop).await
    }

    /// What an erasure would take of this account. A database that can be read no more is no reason to keep it.
    fn at_stake(&self) -> Vec<String> {
        let mut text = Vec::new();
        let (ledger, unsent) = {
            let store = self.store();
            (store.ledger(), store.unfinished())
        };
        match ledger {
            Ok(lines) => text.push(format!("The ledger: {}.", count(lines.len(), "line", "lines"))),
            Err(_) => text.push(format!("The ledger, {UNREAD}")),
        }
        match unsent {
            Ok(entries) if entries.is_empty() => {}
            Ok(entries) => text.push(format!(
                "The outbox: {} that the forge has not confirmed.",
                count(entries.len(), "decision", "decisions")
            )),
            Err(_) => text.push(format!("The outbox, {UNREAD}")),
        }
        text.extend(self.account().as_ref().map(token_of));
        text
    }

    /// The names of the tokens that the keychain may hold for this account. Before it is taken up, the database says
    /// whose it is, and where that can be read no more, what is noted beside it.
    ///
    /// # Errors
    /// Nothing says whose it is: a token would be left behind.
    fn tokens(&self) -> Result<Vec<String>, Failure> {
        let account = self.account();
        let owner = match self.owner() {
            Ok(owner) => owner,
            Err(_) if account.is_some() => None,
            Err(failure) => Some(whose::read(&self.inner.options.profile).ok_or(failure)?),
        };
        let accounts = account.iter().chain(&owner);
        Ok(accounts.map(Account::token_name).collect())
    }
}

/// After the name of what is damaged.
const UNREAD: &str = "which cannot be read any more: what is in it cannot be said.";

fn token_of(account: &Account) -> String {
    format!(
        "The token of {} at {}, from the keychain. At the forge it goes on to work until it is revoked there.",
        visible(&account.viewer.login),
        account.address.host
    )
}

/// An account of the profile that cannot be opened: what is in it is not known, and goes all the same.
pub(crate) struct Unopened {
    /// As a person knows it.
    pub(crate) called: String,
    /// Where its database is.
    pub(crate) folder: PathBuf,
}

impl Unopened {
    fn at_stake(&self) -> Vec<String> {
        let unread = "with ledger and outbox: it cannot be opened, so what is in them cannot be said";
        let mut text = vec![format!("The account {}, {unread}.", visible(&self.called))];
        text.extend(whose::read(&self.folder).as_ref().map(token_of));
        text
    }

    fn erase(&self) -> Result<(), Failure> {
        Store::erase_unopened(&self.folder.join(DATABASE))?;
        whose::forget(&self.folder).map_err(|error| unkept(&error))
    }
}

/// Takes all secrets of these accounts out of the keychain. Answers with the entries that could not be looked for, because
/// there is no keychain.
///
/// # Errors
/// The keychain does not let one go. What is made anew most easily goes last: a token.
async fn erase_secrets<F: Forge, D: Desktop>(
    first: &Engine<F, D>,
    tokens: impl IntoIterator<Item = String>,
) -> Result<Vec<String>, VaultError> {
    let vault = &first.inner.vault;
    let mut left = signer::forget_made(vault).await?;
    for name in first.proxy_password().into_iter().chain(tokens) {
        if !vault.give_up(&name).await? {
            left.push(name);
        }
    }
    Ok(left)
}

/// Erases what these accounts, all of one profile and keychain, keep; after one question for all.
///
/// # Errors
/// As [`Engine::erase`].
pub(crate) async fn erase_all<F: Forge, D: Desktop>(
    engines: &[Engine<F, D>],
    unopened: &[Unopened],
    profile: &Path,
    desktop: &impl Desktop,
) -> Result<Option<Message>, Failure> {
    let Some(first) = engines.first() else {
        return Err(Failure::other(
            "No account can be opened. Nothing was erased.",
            "Delete the profile's folder by hand, and the entries of Countersign in the keychain.",
        ));
    };
    let inner = &first.inner;
    let Ok(_deciding) = inner.options.deciding.try_lock() else {
        return Err(Failure::other(
            "A decision is being confirmed. Nothing was erased.",
            "Answer the open question first.",
        ));
    };
    let (made, _) = signer::keys(&inner.vault, None).await;
    if !desktop.confirm(question(engines, unopened, &made)).await {
        return Ok(None);
    }
    let accounts: Vec<_> = engines.iter().map(Engine::account).collect();
    let owners: Vec<_> = unopened.iter().map(|one| whose::read(&one.folder)).collect();
    let mut tokens: BTreeSet<String> = owners.iter().flatten().map(Account::token_name).collect();
    for engine in engines {
        tokens.extend(engine.tokens()?);
    }
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
    let left = match erase_secrets(first, tokens).await {
        Ok(left) => left,
        Err(error) => {
            put_back(engines, accounts).await;
            let mut failure = vault_failure(error);
            failure.message = format!(
                "{} What was read, outbox and ledger were not erased.",
                failure.message
            );
            return Err(failure);
        }
    };
    for one in unopened {
        one.erase()?;
    }
    for engine in engines {
        engine.device_cancel().await?;
        let mut store = engine.store();
        store.erase()?;
        whose::forget(&engine.inner.options.profile).map_err(|error| unkept(&error))?;
        // Once more: an account that was being taken up again found it here until now.
        engine.set_account(None, None);
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
    let mut todo = Vec::new();
    if let Err(error) = emptied {
        todo.push(format!(
            "The log could not be emptied: {error}. Delete {} by hand.",
            visible(&log.display().to_string())
        ));
    }
    if !left.is_empty() {
        todo.push(in_an_absent_keychain(&left));
    }
    for (one, owner) in unopened.iter().zip(&owners) {
        if owner.is_none() {
            todo.push(format!(
                "Who the account {} belonged to cannot be told any more, so its token may be in the keychain still: look \
                 there for entries of Countersign that begin with \u{201c}token\u{201d}, and remove them.",
                visible(&one.called)
            ));
        }
    }
    Ok(Some(Message {
        what: if todo.is_empty() {
            "All data of Countersign on this machine was erased.".into()
        } else {
            "The data of Countersign on this machine was erased, but for what is named here.".into()
        },
        kept: "Reviews at the forge stand as they were; keys in ssh-agent are not Countersign's.".into(),
        todo: todo.join(" "),
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
    unopened: &[Unopened],
    made: &[signer::PublicKey],
) -> Question {
    let mut text = vec!["Everything that was read, your notes, and the settings.".to_owned()];
    for engine in engines {
        text.extend(engine.at_stake());
    }
    text.extend(unopened.iter().flat_map(Unopened::at_stake));
    // One network for all.
    if (engines.first()).is_some_and(|engine| engine.network().now().settings.user.is_some()) {
        text.push("The proxy's password, from the keychain.".to_owned());
    }
    for key in made {
        text.push(format!("The signing key {}, from the keychain.", key.fingerprint));
    }
    text.push("\nNothing brings it back. An exported ledger stays where you saved it.".to_owned());
    Question {
        title: "Erase all data of Countersign on this machine?".into(),
        text: text.join("\n"),
        confirm: "Erase all data".into(),
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
