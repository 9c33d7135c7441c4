//! `extends`: the organisation's policy, which a repository's may only tighten.
//!
//! The two are read apart, and made into one that is the stricter of both in every field: whatever passes the one
//! passes each of them by itself. Only where the organisation names neither a senior nor a key, the people are the
//! repository's own.

use std::fmt;
use std::str::FromStr;

use super::document::is_file_path;
use super::{AllowedSigners, Asks, BreakGlass, Policy, Requirement, RevokedKeys, Senior};

/// Where the organisation's policy is: `owner/name:path`, on the default branch of that repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Extended {
    /// `owner/name`, at the same forge.
    pub repo: String,
    /// The file's path from the repository's root.
    pub path: String,
}

/// It is not of that form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a repository and a file such as \"acme/policies:.github/countersign.toml\", found {0:?}")]
pub struct NotExtended(pub String);

impl FromStr for Extended {
    type Err = NotExtended;

    fn from_str(text: &str) -> Result<Self, NotExtended> {
        let read = || {
            let (repo, path) = text.split_once(':')?;
            let (owner, name) = repo.split_once('/')?;
            let plain = |part: &str| {
                let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
                !matches!(part, "" | "." | "..") && !part.starts_with('-') && part.chars().all(allowed)
            };
            (plain(owner) && plain(name) && is_file_path(path)).then(|| Self {
                repo: repo.to_owned(),
                path: path.to_owned(),
            })
        };
        read().ok_or_else(|| NotExtended(text.to_owned()))
    }
}

impl Extended {
    /// Whether a repository's name is the one that is meant. Forges take names in any case.
    pub fn is_in(&self, repo: &str) -> bool {
        self.repo.eq_ignore_ascii_case(repo)
    }
}

impl fmt::Display for Extended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.repo, self.path)
    }
}

/// A policy with the files that it names, all of them read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rulebook {
    /// The policy.
    pub policy: Policy,
    /// Whose keys are whose.
    pub signers: AllowedSigners,
    /// Which keys are not accepted any more.
    pub revoked: RevokedKeys,
}

impl Rulebook {
    /// The stricter of both in everything. The result names the paths of `self`, its components and its marks of AI tools;
    /// the organisation's marks have to be looked at beside it.
    pub fn tightened_by(&self, organisation: &Self) -> Self {
        let names_nobody =
            organisation.policy.signatories().next().is_none() && organisation.signers.is_empty();
        let (seniors, signers) = if names_nobody {
            (self.policy.seniors.clone(), self.signers.clone())
        } else {
            (
                people_of_both(&self.policy.seniors, &organisation.policy.seniors),
                self.signers.of_both(&organisation.signers),
            )
        };
        Self {
            policy: Policy {
                seniors,
                break_glass: glass_of_both(&self.policy, &organisation.policy),
                ..self.policy.clone().asking_also(&organisation.policy)
            },
            signers,
            revoked: self.revoked.with(&organisation.revoked),
        }
    }
}

impl Policy {
    /// The same, asking besides for all that the organisation's asks: the stricter of both in `[signoff]`, the rules of
    /// both. Who may answer is not looked at: see [`Rulebook::tightened_by`].
    #[must_use]
    pub fn asking_also(self, organisation: &Self) -> Self {
        let own = self.asks_of_every_change();
        let rules = organisation.rules.iter().chain(&self.rules).cloned();
        Self {
            signoff: Asks::exactly(&own.strictest(&organisation.asks_of_every_change())),
            rules: rules.collect(),
            ..self
        }
    }
}

/// The people whom both name, by account and principal. A security key is enrolled where both say so.
fn people_of_both(repository: &[Senior], organisation: &[Senior]) -> Vec<Senior> {
    let both = repository.iter().filter_map(|own| {
        let theirs = organisation
            .iter()
            .find(|theirs| theirs.id == own.id && theirs.principal == own.principal)?;
        let mut both = own.clone();
        both.hardware_keys
            .retain(|key| theirs.hardware_keys.contains(key));
        Some(both)
    });
    both.collect()
}

/// The glass can be broken where both let it, by those whom both name, and for the shorter time.
fn glass_of_both(repository: &Policy, organisation: &Policy) -> Option<BreakGlass> {
    let (own, theirs) = (
        repository.break_glass.as_ref()?,
        organisation.break_glass.as_ref()?,
    );
    Some(BreakGlass {
        who: people_of_both(&own.who, &theirs.who),
        window: own.window.min(theirs.window),
    })
}

impl Requirement {
    /// The stricter of both, field by field, with the rules of both.
    fn strictest(mut self, other: &Self) -> Self {
        self.tighten(&Asks::exactly(other));
        self
    }
}

impl Asks {
    fn exactly(requirement: &Requirement) -> Self {
        Self {
            require: Some(requirement.require),
            undeclared: Some(requirement.undeclared),
            authors: Some(requirement.authors),
            approvals: Some(requirement.approvals),
            presence: Some(requirement.presence),
            bind: Some(requirement.bind),
            max_age: Some(requirement.max_age),
            max_delay: Some(requirement.max_delay),
        }
    }
}

#[cfg(test)]
#[path = "extends_tests.rs"]
mod tests;
