//! Names by which the window says what it means: an account, and a change as one account sees it.
//!
//! The window takes them as they are. Here they are read strictly: what is not exactly a name names nothing.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use countersign_core::change::ChangeId;

/// Longest name of an account, in bytes: it is a folder's name too.
const LONGEST: usize = 120;

/// What the first account is called.
const FIRST: &str = "first";

/// An account of the profile. It stays the same whatever the forge calls the person later.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountName {
    /// The one that is kept in the profile's folder itself.
    #[default]
    First,
    /// One that is kept in a folder of its own below the profile: `priya-n@ghe.example.com`.
    Further(String),
}

/// The text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names nothing")]
pub struct NotAName(pub String);

impl AccountName {
    /// The `number`th name for this login at this host; from the second on the number is part of it.
    pub(crate) fn further(login: &str, host: &str, number: u32) -> Self {
        let plain = |text: &str| -> String {
            text.chars()
                .take(LONGEST / 3)
                .map(|c| if is_plain(c) { c.to_ascii_lowercase() } else { '_' })
                .collect()
        };
        let name = format!("{}@{}", plain(login), plain(host));
        Self::Further(if number > 1 {
            format!("{name}_{number}")
        } else {
            name
        })
    }

    /// The folder in which what the account has is kept.
    pub fn folder(&self, profile: &Path) -> PathBuf {
        match self {
            Self::First => profile.to_owned(),
            Self::Further(name) => Self::further_below(profile).join(name),
        }
    }

    /// Where the folders of further accounts are.
    pub(crate) fn further_below(profile: &Path) -> PathBuf {
        profile.join("accounts")
    }
}

/// Nothing that a file system, a handle or a dialog could take for something else.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => f.write_str(FIRST),
            Self::Further(name) => f.write_str(name),
        }
    }
}

impl FromStr for AccountName {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        if text == FIRST {
            return Ok(Self::First);
        }
        let part =
            |part: &str| !part.is_empty() && part.chars().all(|c| is_plain(c) && !c.is_ascii_uppercase());
        let whole = text
            .split_once('@')
            .is_some_and(|(login, host)| part(login) && part(host));
        if whole && text.len() <= LONGEST {
            Ok(Self::Further(text.to_owned()))
        } else {
            Err(NotAName(text.to_owned()))
        }
    }
}

/// A change as one account sees it: `first:github.com/acme/infra#482`. The same change seen by two accounts has two.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle {
    /// Whose.
    pub account: AccountName,
    /// Which change.
    pub change: ChangeId,
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.account, self.change)
    }
}

impl FromStr for Handle {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let bad = || NotAName(text.to_owned());
        // No account's name has a colon in it; a host may.
        let (account, change) = text.split_once(':').ok_or_else(bad)?;
        let handle = Self {
            account: account.parse()?,
            change: change.parse().map_err(|_| bad())?,
        };
        // Two texts for one thing would be two rows, two drafts and two notices.
        if handle.to_string() == text {
            Ok(handle)
        } else {
            Err(bad())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_says_whose_and_which() {
        for text in [
            "first:github.com/acme/infra#482",
            "first:127.0.0.1:8080/acme/infra#1",
            "priya-n@ghe.example.com:ghe.example.com/acme/infra#482",
            "priya-n@127.0.0.1_8080_2:127.0.0.1:8080/acme/infra#482",
        ] {
            let handle: Handle = text.parse().unwrap();
            assert_eq!(handle.to_string(), text);
        }
    }

    #[test]
    fn whatever_is_not_exactly_a_name_names_nothing() {
        for text in [
            "",
            "github.com/acme/infra#482",
            "127.0.0.1:8080/acme/infra#1",
            ":github.com/acme/infra#482",
            "First:github.com/acme/infra#482",
            "first:github.com/acme/infra#+482",
            "first:github.com/acme/infra#0482",
            "../x@y:github.com/acme/infra#482",
            "a/b@y:github.com/acme/infra#482",
            "a@b@c:github.com/acme/infra#482",
            "first:first:github.com/acme/infra#x",
        ] {
            assert!(text.parse::<Handle>().is_err(), "{text:?}");
        }
        for name in ["", "@", "a@", "@b", "..", "a@b/..", "A@b", "a b@c", "accounts"] {
            assert!(name.parse::<AccountName>().is_err(), "{name:?}");
        }
        assert!(
            format!("{}@b", "a".repeat(LONGEST))
                .parse::<AccountName>()
                .is_err()
        );
    }

    #[test]
    fn whatever_the_forge_says_the_name_is_one_folder() {
        for (login, host) in [
            ("priya-n", "github.com"),
            ("Priya_corp", "127.0.0.1:8080"),
            ("../../etc", "ghe.example.com"),
            ("app[bot]", "h"),
            (&"x".repeat(500), &"y".repeat(500)),
            ("\u{202e}é", "ghe.example.com"),
        ] {
            for number in [1, 2, 40] {
                let name = AccountName::further(login, host, number);
                assert_eq!(name.to_string().parse(), Ok(name.clone()), "{name}");
                let folder = name.folder(Path::new("/p"));
                assert_eq!(folder.parent(), Some(Path::new("/p/accounts")), "{name}");
            }
        }
        let name = AccountName::further("priya-n", "127.0.0.1:8080", 2);
        assert_eq!(name.to_string(), "priya-n@127.0.0.1_8080_2");
    }
}
