//! Names out of a text: people, organisations, repositories, hosts, folders, keys, commits, and whatever looks like a
//! token. The same name gets the same stand-in everywhere, so that what belongs together can still be seen.

use std::collections::HashMap;

use regex::{Captures, Regex};

/// What a name is the name of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Host,
    Owner,
    Repository,
    Person,
    Key,
    Commit,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Owner => "owner",
            Self::Repository => "repository",
            Self::Person => "person",
            Self::Key => "key",
            Self::Commit => "commit",
        }
    }
}

/// Tokens of GitHub's forms. Source: "Behind GitHub's new authentication token formats".
const TOKEN: &str = r"\b(?:gh[a-z]_|github_pat_)\w+";
const EMAIL: &str = r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+";
/// The address without what stands behind its host.
const URL: &str = r#"(https?://)([^\s/"'<>)\]]+)[^\s"'<>)\]]*"#;
const FINGERPRINT: &str = r"SHA256:[A-Za-z0-9+/]{43}";
const COMMIT: &str = r"\b[0-9a-f]{40}(?:[0-9a-f]{24})?\b";
/// A change as messages name it, of which nothing need be held any more.
const CHANGE: &str = r"(?:([\w.-]+(?::\d+)?)/)?([\w-]+)/([\w.-]+)#(\d+)";
/// The folder of a person, by the three systems' custom.
const HOME: &str = r"((?:/home/|/Users/|\\Users\\))[^/\\\s]+";
/// Whatever a name can be made of; a full stop or a hyphen ends none.
const WORD: &str = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?";

/// Stand-ins, given as names come up.
pub(super) struct Redactor {
    names: HashMap<String, String>,
    given: HashMap<Kind, usize>,
    token: Regex,
    email: Regex,
    url: Regex,
    fingerprint: Regex,
    commit: Regex,
    change: Regex,
    home: Regex,
    word: Regex,
}

impl Redactor {
    /// Knows no name yet.
    ///
    /// # Errors
    /// A pattern is none.
    pub(super) fn new() -> Result<Self, regex::Error> {
        Ok(Self {
            names: HashMap::new(),
            given: HashMap::new(),
            token: Regex::new(TOKEN)?,
            email: Regex::new(EMAIL)?,
            url: Regex::new(URL)?,
            fingerprint: Regex::new(FINGERPRINT)?,
            commit: Regex::new(COMMIT)?,
            change: Regex::new(CHANGE)?,
            home: Regex::new(HOME)?,
            word: Regex::new(WORD)?,
        })
    }

    /// From now on the name has a stand-in, the one that it had before. A host's port is no part of its name.
    pub(super) fn name(&mut self, kind: Kind, name: &str) -> String {
        let mut key = name.to_lowercase();
        if let (Kind::Host, Some((host, _))) = (kind, key.split_once(':')) {
            key = host.to_owned();
        }
        if let Some(known) = self.names.get(&key) {
            return known.clone();
        }
        let number = self.given.entry(kind).or_default();
        *number += 1;
        let given = format!("{}-{number}", kind.word());
        self.names.insert(key, given.clone());
        given
    }

    /// The text without names.
    pub(super) fn redact(&mut self, text: &str) -> String {
        let text = self.token.replace_all(text, "[token]").into_owned();
        let text = self.email.replace_all(&text, "[address]").into_owned();
        let text = self.home.replace_all(&text, "${1}[user]").into_owned();
        let text = self.each(self.fingerprint.clone(), &text, |this, found| {
            this.name(Kind::Key, &found[0])
        });
        let text = self.each(self.commit.clone(), &text, |this, found| {
            this.name(Kind::Commit, &found[0])
        });
        let text = self.each(self.url.clone(), &text, |this, found| {
            format!("{}{}/[path]", &found[1], this.name(Kind::Host, &found[2]))
        });
        let text = self.each(self.change.clone(), &text, |this, found| {
            if let Some(host) = found.get(1) {
                this.name(Kind::Host, host.as_str());
            }
            this.name(Kind::Owner, &found[2]);
            this.name(Kind::Repository, &found[3]);
            found[0].to_owned()
        });
        let names = &self.names;
        let known = |found: &Captures<'_>| {
            let word = &found[0];
            names
                .get(&word.to_lowercase())
                .cloned()
                .unwrap_or_else(|| word.to_owned())
        };
        self.word.replace_all(&text, known).into_owned()
    }

    fn each(
        &mut self,
        pattern: Regex,
        text: &str,
        mut put: impl FnMut(&mut Self, &Captures<'_>) -> String,
    ) -> String {
        pattern
            .replace_all(text, |found: &Captures<'_>| put(self, found))
            .into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_secrets_are_replaced_and_the_rest_is_not() {
        let mut redactor = Redactor::new().unwrap();
        redactor.name(Kind::Host, "ghe.example.com");
        redactor.name(Kind::Owner, "acme");
        redactor.name(Kind::Repository, "infra");
        redactor.name(Kind::Person, "priya-n");
        for (text, expected) in [
            ("poll of ghe.example.com took 3 s.", "poll of host-1 took 3 s."),
            (
                "Acme/infra#482 by priya-n.",
                "owner-1/repository-1#482 by person-1.",
            ),
            (
                "https://ghe.example.com/acme/infra/pull/1?x=y failed",
                "https://host-1/[path] failed",
            ),
            ("https://other.example.net:8443/a", "https://host-2/[path]"),
            ("other.example.net:8443 is away", "host-2:8443 is away"),
            (
                "token=ghp_0123456789abcdefABCDEF0123456789abcd;",
                "token=[token];",
            ),
            ("github_pat_11ABC_def", "[token]"),
            ("mail priya@acme.example now", "mail [address] now"),
            (
                "/home/priya/.local/share/x and C:\\Users\\Priya\\x",
                "/home/[user]/.local/share/x and C:\\Users\\[user]\\x",
            ),
            (
                "head 0123456789012345678901234567890123456789 and 0123456789012345678901234567890123456789",
                "head commit-1 and commit-1",
            ),
            (
                "key SHA256:abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ signs",
                "key key-1 signs",
            ),
            (
                "ghe.corp:8443/umbra/core.js#7 again, and lab/core.js#8",
                "host-3:8443/owner-2/repository-2#7 again, and owner-3/repository-2#8",
            ),
            ("the infrastructure of acmeism", "the infrastructure of acmeism"),
        ] {
            assert_eq!(redactor.redact(text), expected);
        }
    }
}
