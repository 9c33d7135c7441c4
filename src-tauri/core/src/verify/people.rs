//! Who had a part in a change: for the question who is exempt, and who may not approve it.

use std::sync::LazyLock;

use regex::Regex;

use super::input::Input;
use crate::change::{Identity, Person};
use crate::policy::{Authors, Policy, Requirement, Senior};

/// A `Co-authored-by` line anywhere in a message: forges read it only at the end, agents write it anywhere.
static CO_AUTHOR: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?im)^[ \t]*co-authored-by[ \t]*:(.*)$").expect("the pattern is constant"));
static ADDRESS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"<([^<>]*)>").expect("the pattern is constant"));
/// Source: GitHub, "Setting your commit email address": `ID+LOGIN@users.noreply.HOST`, before 2017 without the id.
static NO_REPLY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:([0-9]+)\+)?([^@+]+)@users\.noreply\.[^@]+$").expect("the pattern is constant")
});

/// One person as far as they can be told: by account, by mail address, or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Known {
    /// Account id, by the forge's own mapping.
    id: Option<String>,
    /// Account id that a mail address spells out: anybody can write that, so it exempts nobody.
    claimed: Option<String>,
    login: Option<String>,
    email: Option<String>,
}

/// Everybody who had a part in the change.
pub(super) struct People {
    opener: Known,
    authors: Vec<Known>,
    committers: Vec<Known>,
    pushers: Vec<Known>,
    operators: Vec<Known>,
    /// The collector could tell who pushed, all of them by id.
    pub(super) pushers_known: bool,
    /// The collector could tell who set an agent to work, all of them by id.
    pub(super) operators_known: bool,
}

impl People {
    pub(super) fn of(input: &Input) -> Self {
        let mut authors = Vec::new();
        let mut committers = Vec::new();
        for commit in &input.commits.items {
            authors.push(identity(input, &commit.author));
            committers.push(identity(input, &commit.committer));
            for trailer in CO_AUTHOR.captures_iter(&commit.message) {
                let email = ADDRESS
                    .captures(&trailer[1])
                    .map(|found| found[1].trim().to_owned());
                authors.push(email.map_or_else(Known::default, |email| address(input, &email)));
            }
        }
        let list = |accounts: &Option<super::input::Accounts>| -> Vec<Known> {
            accounts
                .iter()
                .flat_map(|known| &known.accounts)
                .map(account)
                .collect()
        };
        let known = |accounts: &Option<super::input::Accounts>| {
            accounts
                .as_ref()
                .is_some_and(|known| known.accounts.iter().all(|one| one.id.is_some()))
        };
        Self {
            opener: input.change.author.as_ref().map(account).unwrap_or_default(),
            authors,
            committers,
            pushers: list(&input.pushers),
            operators: list(&input.operators),
            pushers_known: known(&input.pushers)
                && input
                    .pushers
                    .as_ref()
                    .is_some_and(|known| !known.accounts.is_empty()),
            operators_known: known(&input.operators),
        }
    }

    /// What a reader should know about how sure this is.
    pub(super) fn notes(&self) -> Vec<String> {
        let unmapped = self.authors.iter().filter(|person| person.id.is_none()).count();
        let mut notes = Vec::new();
        if unmapped > 0 {
            notes.push(format!(
                "{unmapped} commit authors or co-authors have no known account: mapping mail addresses to accounts is best effort."
            ));
        }
        if !self.pushers_known {
            notes.push("It is not known who pushed: two seniors are needed.".to_owned());
        }
        if !self.operators_known {
            notes.push("It is not known who set an agent to work: two seniors are needed.".to_owned());
        }
        notes
    }

    /// Why no sign-off is needed, if so: everybody who had a part is a senior, by account id. Whether AI helped is not
    /// judged by this version, so every other change counts as AI-assisted.
    pub(super) fn exempt(&self, policy: &Policy, requirement: &Requirement) -> Option<String> {
        if requirement.guarded || requirement.authors == Authors::Everyone || !self.pushers_known {
            return None;
        }
        let mut everybody = [&self.opener]
            .into_iter()
            .chain(&self.authors)
            .chain(&self.committers)
            .chain(&self.pushers);
        let senior = |person: &Known| person.id.as_deref().is_some_and(|id| policy.senior(id).is_some());
        everybody
            .all(senior)
            .then(|| "everybody who opened, wrote, committed and pushed it is a senior".to_owned())
    }

    /// Opened or pushed it.
    pub(super) fn brought(&self, senior: &Senior, login: &str) -> bool {
        self.opener.is(senior, login) || self.pushers.iter().any(|one| one.is(senior, login))
    }

    /// Wrote a commit, alone or with others.
    pub(super) fn wrote(&self, senior: &Senior, login: &str) -> bool {
        self.authors.iter().any(|one| one.is(senior, login))
    }

    /// Set the agent to work.
    pub(super) fn prompted(&self, senior: &Senior, login: &str) -> bool {
        self.operators.iter().any(|one| one.is(senior, login))
    }
}

impl Known {
    /// Whether it may be that senior: an id settles it, else login or address will do. Only ever used *against* an
    /// approval, so a match too many is the safe side.
    fn is(&self, senior: &Senior, login: &str) -> bool {
        let same = |known: &Option<String>, other: &str| {
            known
                .as_ref()
                .is_some_and(|known| known.eq_ignore_ascii_case(other))
        };
        match self.id.as_ref().or(self.claimed.as_ref()) {
            Some(id) => *id == senior.id,
            None => {
                same(&self.login, login)
                    || same(&self.login, &senior.login)
                    || same(&self.email, &senior.principal)
            }
        }
    }
}

fn account(person: &Person) -> Known {
    Known {
        id: person.id.clone(),
        login: Some(person.login.clone()),
        ..Known::default()
    }
}

fn identity(input: &Input, identity: &Identity) -> Known {
    match &identity.account {
        Some(person) if person.id.is_some() => Known {
            email: Some(identity.email.clone()),
            ..account(person)
        },
        Some(person) => Known {
            login: Some(person.login.clone()),
            ..address(input, &identity.email)
        },
        None => address(input, &identity.email),
    }
}

fn address(input: &Input, email: &str) -> Known {
    let email = email.trim();
    let email_known = Some(email.to_owned());
    if let Some(mail) = input
        .mails
        .iter()
        .find(|mail| mail.email.eq_ignore_ascii_case(email))
    {
        return Known {
            email: email_known,
            ..account(&mail.account)
        };
    }
    if let Some(found) = NO_REPLY.captures(&email.to_ascii_lowercase()) {
        return Known {
            id: None,
            claimed: found.get(1).map(|id| id.as_str().to_owned()),
            login: Some(found[2].to_owned()),
            email: email_known,
        };
    }
    Known {
        email: email_known,
        ..Known::default()
    }
}
