//! *Export diagnostics*: how this installation is doing, without names and secrets. It is shown before it is saved, and
//! what is saved is what was shown.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use countersign_core::patch::digest;
use jiff::Timestamp;

use crate::connecting::proxy_of_system;
use crate::engine::{Engine, beside};
use crate::exporting::{self, unwritten};
use crate::network::ProxyChoice;
use crate::ports::{Desktop, Forge};
use crate::rows::visible;
use crate::store::StoreError;
use crate::view::{Diagnostics, Exported, Failure, Keys, Message};

mod redacting;

use redacting::{Kind, Redactor};

/// Lines of the log, the newest.
const LINES: usize = 400;
/// Characters of one of them.
const LONGEST: usize = 1_000;
/// Changes whose names are looked up to be replaced.
const CHANGES: usize = 20_000;

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// What would be saved. A database that cannot be read is itself what they tell of.
    ///
    /// # Errors
    /// The system gives no chance by which names could be replaced.
    pub async fn diagnostics(&self) -> Result<Diagnostics, Failure> {
        let shown = of_all(std::slice::from_ref(self), false, &self.inner.options.profile).await?;
        self.live().diagnostics = Some(shown.text.clone());
        Ok(shown)
    }

    /// Saves what was shown last, where the user says.
    ///
    /// # Errors
    /// What was shown is not this any more, or the file cannot be written.
    pub async fn export_diagnostics(&self, sha256: String) -> Result<Exported, Failure> {
        let shown = self.live().diagnostics.clone();
        save(shown, &sha256, &self.inner.desktop, self.now()).await
    }

    /// How it is doing, names and all. `named`: those that may be in messages are known and will be replaced.
    fn facts(&self, named: bool) -> String {
        let mut text = String::new();
        let mut put = |name: &str, value: &dyn std::fmt::Display| {
            let _ = writeln!(text, "{name}: {value}");
        };
        put("version", &env!("CARGO_PKG_VERSION"));
        put(
            "system",
            &format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        );
        match self.account() {
            None => put("account", &"none"),
            Some(account) => {
                put(
                    "account",
                    &format!("{} at {}", account.viewer.login, account.address.host),
                );
                put("token", &format!("{:?}", account.token));
                if let Some(at) = account.expires_at {
                    put("token ends", &at);
                }
            }
        }
        {
            let live = self.live();
            put("connection", &format!("{:?}", live.connection));
            put("keychain", &format!("{:?}", live.keychain));
            put("clock, forge minus here", &format!("{:#}", live.skew));
            let told =
                |at: Option<jiff::Timestamp>| at.map_or_else(|| "never".to_owned(), |at| at.to_string());
            put("now", &self.now());
            put("data of", &told(live.refreshed_at));
            put("next poll", &told(live.poller.due()));
            if let Some(quota) = &live.quota {
                put("quota", &format!("{} of {}", quota.left, quota.limit));
            }
            put("hidden organisations", &live.hidden.len());
            for cut in &live.cut {
                put("cut list", cut);
            }
            let messages = [
                &live.trouble,
                &live.keychain_message,
                &live.notices_message,
                &live.store_message,
            ];
            for message in messages.into_iter().flatten().filter(|_| named) {
                put(
                    "trouble",
                    &format!("{} {} {}", message.what, message.kept, message.todo),
                );
            }
        }
        let network = self.network().now();
        match &network.settings.proxy {
            ProxyChoice::System => put("proxy", &"the system's"),
            ProxyChoice::Direct => put("proxy", &"none"),
            ProxyChoice::At(address) => put("proxy", address),
        }
        put("proxy asks for a user", &network.settings.user.is_some());
        put("authorities added", &network.settings.authorities.len());
        let store = self.store();
        let figures = [
            ("layout", figure(store.layout())),
            ("database, bytes", figure(store.bytes())),
            ("diffs and files, packed bytes", figure(store.packed())),
            ("changes held", figure(store.changes())),
            (
                "changes that wait",
                figure(store.waiting().map(|held| held.len())),
            ),
            ("ledger, lines", figure(store.ledger().map(|lines| lines.len()))),
        ];
        for (name, said) in figures {
            put(name, &said);
        }
        match store.unfinished() {
            Ok(entries) => {
                let mut states: BTreeMap<String, usize> = BTreeMap::new();
                for entry in entries {
                    *states.entry(format!("{:?}", entry.state)).or_default() += 1;
                }
                for (state, number) in states {
                    put(&format!("outbox {state}"), &number);
                }
            }
            Err(error) => put("outbox", &unread(&error)),
        }
        text
    }

    /// Tells the names of what is held.
    ///
    /// # Errors
    /// The store cannot be read: not all of them were told.
    fn names(&self, redactor: &mut Redactor) -> Result<(), Failure> {
        // Also of who signed out: the log goes back further.
        let account = match self.account() {
            None => self.owner()?,
            account => account,
        };
        if let Some(account) = account {
            redactor.name(Kind::Host, &account.address.host);
            redactor.name(Kind::Person, &account.viewer.login);
            if let Some(proxy) = proxy_of_system(self.network(), &account.address.web) {
                redactor.name(Kind::Host, &proxy);
            }
        }
        let network = self.network().now().settings;
        if let Some(user) = &network.user {
            redactor.name(Kind::Person, &user.user);
        }
        let store = self.store();
        for place in store.changes_after(None, CHANGES)? {
            redactor.name(Kind::Host, &place.id.host);
            if let Some((owner, name)) = place.id.repo.split_once('/') {
                redactor.name(Kind::Owner, owner);
                redactor.name(Kind::Repository, name);
            }
        }
        for held in store.open_changes()? {
            let change = &held.change;
            let authors = change
                .commits
                .iter()
                .flat_map(|commit| [&commit.author, &commit.committer]);
            let accounts = authors.filter_map(|identity| identity.account.as_ref());
            for person in accounts.chain(&change.author).chain(&change.assignees) {
                redactor.name(Kind::Person, &person.login);
            }
        }
        Ok(())
    }
}

fn figure(read: Result<impl ToString, StoreError>) -> String {
    read.map_or_else(|error| unread(&error), |figure| figure.to_string())
}

fn unread(error: &StoreError) -> String {
    format!("cannot be read: {error}")
}

/// What would be saved of these accounts, whose profile this is. The names that one knows are replaced in what all say: the
/// log is theirs together. `unopened`: there are others, and what they know cannot be told.
pub(crate) async fn of_all<F: Forge, D: Desktop>(
    engines: &[Engine<F, D>],
    unopened: bool,
    profile: &Path,
) -> Result<Diagnostics, Failure> {
    let mut all = Vec::new();
    for engine in engines {
        all.push((engine.clone(), engine.keys().await));
    }
    let folder = profile.join("log");
    let at = engines.first().map_or(Timestamp::UNIX_EPOCH, Engine::now);
    let text = beside(move || {
        let mut redactor = Redactor::new().map_err(|error| {
            Failure::other(
                format!("Names cannot be replaced: {error}."),
                "Please report this.",
            )
        })?;
        let mut named = !unopened;
        for (engine, _) in &all {
            named &= engine.names(&mut redactor).is_ok();
        }
        let mut text = String::new();
        for (number, (engine, keys)) in (1..).zip(&all) {
            if all.len() > 1 {
                let _ = writeln!(text, "[account {number}]");
            }
            text.push_str(&engine.facts(named));
            match keys {
                Ok(keys) => put_keys(&mut text, keys),
                Err(failure) => {
                    let _ = writeln!(text, "keys: {}", failure.message);
                }
            }
            text.push('\n');
        }
        let _ = match named {
            true => write!(text, "[log]\n{}", newest(&folder)),
            false => write!(
                text,
                "[log]\nleft out: the names that may be in it cannot be read, and so not be replaced"
            ),
        };
        Ok(format!(
            "Countersign diagnostics, {}\nNames are replaced: the same stand-in is the same name. Read it through \
             before you hand it on.\n\n{}",
            at.strftime("%Y-%m-%d"),
            redactor.redact(&text)
        ))
    })
    .await?;
    let sha256 = digest(text.as_bytes());
    Ok(Diagnostics { text, sha256 })
}

fn put_keys(text: &mut String, keys: &Keys) {
    for key in &keys.keys {
        let _ = writeln!(
            text,
            "key: {} {:?}, security key {}, chosen {}",
            key.algorithm, key.place, key.hardware, key.chosen
        );
    }
    for message in &keys.messages {
        let _ = writeln!(text, "key trouble: {}", message.what);
    }
}

/// Saves what was shown last, if it is what this digest names, where the user says.
pub(crate) async fn save(
    shown: Option<String>,
    sha256: &str,
    desktop: &impl Desktop,
    at: Timestamp,
) -> Result<Exported, Failure> {
    let shown = shown.filter(|text| digest(text.as_bytes()) == sha256);
    let Some(text) = shown else {
        return Err(Failure::other(
            "These diagnostics are not the ones that were shown last. Nothing was saved.",
            "Open them again, and read them before you save them.",
        ));
    };
    let name = format!("countersign-diagnostics-{}.txt", at.strftime("%Y-%m-%d"));
    let Some(path) = desktop.save_as("Save the diagnostics".into(), name).await else {
        return Ok(exporting::not_chosen());
    };
    beside(move || {
        exporting::write(&path, text.as_bytes())
            .map_err(|error| unwritten(&path, &error, "Nothing was changed."))?;
        Ok(Exported {
            saved: true,
            message: Message {
                what: format!("Saved to {}.", visible(&path.display().to_string())),
                kept: String::new(),
                todo: String::new(),
            },
        })
    })
    .await
}

/// The log's newest lines, oldest first.
fn newest(folder: &Path) -> String {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = files.map(|file| file.path()).collect();
    // The day is in the name.
    files.sort();
    let mut lines: Vec<String> = Vec::new();
    for file in files.iter().rev() {
        let text = fs::read(file).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let wanted = LINES.saturating_sub(lines.len());
        lines.extend(
            text.lines()
                .rev()
                .take(wanted)
                .map(|line| line.chars().take(LONGEST).collect()),
        );
        if lines.len() == LINES {
            break;
        }
    }
    lines.reverse();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_of_the_newest_days_and_none_without_an_end() {
        let folder = tempfile::TempDir::new().unwrap();
        for day in 1..=3 {
            let lines: Vec<String> = (0..LINES / 2).map(|line| format!("{day}.{line}")).collect();
            let name = format!("countersign.2026-11-0{day}.log");
            fs::write(folder.path().join(name), lines.join("\n")).unwrap();
        }
        let newest_day = folder.path().join("countersign.2026-11-04.log");
        fs::write(newest_day, "x".repeat(LONGEST * 3)).unwrap();
        let text = newest(folder.path());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), LINES);
        assert_eq!((lines[0], lines[LINES - 2]), ("2.1", "3.199"));
        assert_eq!(lines[LINES - 1].len(), LONGEST);
        assert_eq!(newest(&folder.path().join("not-there")), "");
    }
}
