//! Globs over repository paths.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use crate::globs::Glob;

/// A glob over repository paths: `*` stops at `/`, `**` does not, dotfiles match, case counts.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    glob: Glob,
}

impl Pattern {
    /// Reads a glob.
    ///
    /// # Errors
    /// What is wrong with it, for people. A glob that could never match (`/x`, `x/`, `../x`) is refused too, and
    /// one that means less than it seems to (`**` within a name, `?` or `[ ]` beside letters outside of ASCII).
    pub fn new(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.starts_with('/') || text.ends_with('/') {
            return Err(format!(
                "expected a path from the repository's root such as \"infra/**\", found {text:?}"
            ));
        }
        if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(format!(
                "expected a path without empty, \".\" and \"..\" parts, found {text:?}"
            ));
        }
        let glob = Glob::new(text)
            .map_err(|error| format!("expected a glob such as \"**/*.tf\", found {text:?}: {error}"))?;
        Ok(Self {
            text: text.to_owned(),
            glob,
        })
    }

    /// Whether it matches a path from the repository's root.
    pub fn matches(&self, path: &str) -> bool {
        self.glob.matches(path)
    }

    /// Whether it could match something below a path, were that a folder. Where it is hard to tell, it could.
    pub fn may_match_below(&self, path: &str) -> bool {
        let mut parts = self.text.split('/');
        for step in path.split('/') {
            match parts.next() {
                None => return false,
                Some(part) if part == "**" || part.contains(['[', '{', '\\']) => return true,
                Some(part) if part.contains(['*', '?']) || part == step => {}
                Some(_) => return false,
            }
        }
        parts.next().is_some()
    }

    /// The glob as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
