//! Who had a part in a change: for the question who is exempt, and who may not approve it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::input::{Identity, Input, Person};
use crate::policy::{Authors, Policy, Requirement, Senior};
use crate::trailers;

static ADDRESS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"<([^<>]*)>").expect("the pattern is constant"));
/// Source: GitHub, "Setting your commit email address": `ID+LOGIN@users.noreply.HOST`, before 2017 without the id.
static NO_REPLY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:([0-9]+)\+)?([^@+]+)@users\.noreply\.[^@]+$").expect("the pattern is constant")
});

/// One person as far as they can be told: by account, by mail address, or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Known {
    /// Account ids, by the forge's own mapping; several where it maps an address to several.
    ids: Vec<String>,
    /// Account id that a mail address spells out: anybody can write that, so it exempts nobody.
    claimed: Option<String>,
    logins: Vec<String>,
    email: Option<String>,
}

/// Everybody who had a part in the change.
pub(super) struct People {
    opener: Known,
    /// Authors, co-authors and committers: who rebases or picks a commit has had it in hand.
    writers: Vec<Known>,
    pushers: Vec<Known>,
    operators: Vec<Known>,
    /// No commit names a co-author without an address.
    pub(super) writers_known: bool,
    /// The branch's movements lead without a gap from its beginning to the head, each with its account.
    pub(super) pushers_known: bool,
    /// The collector could tell who set an agent to work, all of them by id.
    pub(super) operators_known: bool,
}

impl People {
    pub(super) fn of(input: &Input) -> Self {
        let mails = Mails::of(input);
        let mut writers = Vec::new();
        let mut writers_known = true;
        for commit in &input.commits.items {
            writers.push(mails.identity(&commit.author));
            writers.push(mails.identity(&commit.committer));
            for value in co_authors(&commit.message) {
                let addresses: Vec<&str> = ADDRESS
                    .captures_iter(&value)
                    .filter_map(|found| found.get(1))
                    .map(|address| address.as_str().trim())
                    .filter(|address| !address.is_empty())
                    .collect();
                writers_known &= !addresses.is_empty();
                writers.extend(addresses.into_iter().map(|email| mails.address(email)));
            }
        }
        let pushes = input.pushes.as_deref().unwrap_or_default();
        let operators = input.operators.as_ref().map(|known| known.items.as_slice());
        Self {
            opener: input.change.author.as_ref().map(account).unwrap_or_default(),
            writers,
            pushers: pushes
                .iter()
                .filter_map(|push| push.actor.as_ref())
                .map(account)
                .collect(),
            operators: operators
                .unwrap_or_default()
                .iter()
                .map(|one| account(&one.account))
                .collect(),
            writers_known,
            pushers_known: leads_to_the_head(input),
            operators_known: operators.is_some_and(|all| all.iter().all(|one| one.account.id.is_some())),
        }
    }

    /// What a reader should know about how sure this is.
    pub(super) fn notes(&self) -> Vec<String> {
        let unmapped = self.writers.iter().filter(|person| person.ids.is_empty()).count();
        let mut notes = Vec::new();
        if unmapped > 0 {
            notes.push(format!(
                "{unmapped} times an author, co-author or committer has no known account: mapping mail addresses to accounts is best effort."
            ));
        }
        for (known, what) in [
            (self.writers_known, "who wrote all of it"),
            (self.pushers_known, "who pushed"),
            (self.operators_known, "who set an agent to work"),
        ] {
            if !known {
                notes.push(format!("It is not known {what}: two seniors are needed."));
            }
        }
        notes
    }

    /// Why no sign-off is needed for the sake of who had a part, if so: everybody is a senior, by account id.
    pub(super) fn exempt(&self, policy: &Policy, requirement: &Requirement) -> Option<String> {
        if requirement.authors == Authors::Everyone || !self.pushers_known || !self.writers_known {
            return None;
        }
        let mut everybody = [&self.opener]
            .into_iter()
            .chain(&self.writers)
            .chain(&self.pushers);
        let senior = |person: &Known| {
            !person.ids.is_empty() && person.ids.iter().all(|id| policy.senior(id).is_some())
        };
        everybody
            .all(senior)
            .then(|| "everybody who opened, wrote, committed and pushed it is a senior".to_owned())
    }

    /// Opened or pushed it.
    pub(super) fn brought(&self, senior: &Senior, login: &str) -> bool {
        self.opener.may_be(senior, login) || self.pushers.iter().any(|one| one.may_be(senior, login))
    }

    /// Wrote or committed a commit, alone or with others.
    pub(super) fn wrote(&self, senior: &Senior, login: &str) -> bool {
        self.writers.iter().any(|one| one.may_be(senior, login))
    }

    /// Set the agent to work.
    pub(super) fn prompted(&self, senior: &Senior, login: &str) -> bool {
        self.operators.iter().any(|one| one.may_be(senior, login))
    }

    /// Had any part in it.
    pub(super) fn had_a_part(&self, senior: &Senior, login: &str) -> bool {
        self.brought(senior, login) || self.wrote(senior, login) || self.prompted(senior, login)
    }
}

impl Known {
    /// Whether it may be that senior: by any id, login or address. Only ever used *against* an approval, so a match too
    /// many is the safe side, and no evidence outweighs another.
    fn may_be(&self, senior: &Senior, login: &str) -> bool {
        let same = |known: &String, other: &str| known.eq_ignore_ascii_case(other);
        self.ids.iter().chain(&self.claimed).any(|id| *id == senior.id)
            || self
                .logins
                .iter()
                .any(|known| same(known, login) || same(known, &senior.login))
            || self.email.iter().any(|email| same(email, &senior.principal))
    }
}

/// What the lines say that name co-authors, wherever they stand: forges read them only at the end, agents write them
/// anywhere. `Co-developed-by` is the kernel's word for the same.
fn co_authors(message: &str) -> impl Iterator<Item = String> {
    let message = message.replace("\r\n", "\n").replace('\r', "\n");
    trailers::by_lines(&message)
        .into_iter()
        .filter(|line| matches!(line.key.as_str(), "co-authored-by" | "co-developed-by"))
        .map(|line| line.value)
}

/// Whether the movements are all that there were since the branch began, or since it was where the target is.
fn leads_to_the_head(input: &Input) -> bool {
    let pushes = input.pushes.as_deref().unwrap_or_default();
    let (Some(first), Some(last)) = (pushes.first(), pushes.last()) else {
        return false;
    };
    let named = |push: &super::input::Push| push.actor.as_ref().is_some_and(|actor| actor.id.is_some());
    let begins = first.before.is_zero() || input.content.merge_bases.contains(&first.before);
    begins
        && last.after == input.change.head
        && pushes.windows(2).all(|pair| pair[0].after == pair[1].before)
        && pushes.iter().all(named)
}

/// Whether a mail address may be that senior's, by what it spells out alone: their principal, or the account in a private
/// address of the forge's.
pub fn may_be_address_of(email: &str, senior: &Senior, login: &str) -> bool {
    Mails(BTreeMap::new()).address(email).may_be(senior, login)
}

/// Accounts by address, in lower case.
struct Mails<'a>(BTreeMap<String, Vec<&'a Person>>);

impl<'a> Mails<'a> {
    fn of(input: &'a Input) -> Self {
        let mut mails: BTreeMap<String, Vec<&Person>> = BTreeMap::new();
        for mail in &input.mails {
            let address = mail.email.trim().to_ascii_lowercase();
            mails.entry(address).or_default().push(&mail.account);
        }
        Self(mails)
    }

    fn identity(&self, identity: &Identity) -> Known {
        let mut known = self.address(&identity.email);
        if let Some(person) = &identity.account {
            known.ids.extend(person.id.clone());
            known.logins.push(person.login.clone());
        }
        known
    }

    fn address(&self, email: &str) -> Known {
        let email = email.trim();
        let lower = email.to_ascii_lowercase();
        let mut known = Known {
            email: Some(email.to_owned()),
            ..Known::default()
        };
        for person in self.0.get(&lower).into_iter().flatten() {
            known.ids.extend(person.id.clone());
            known.logins.push(person.login.clone());
        }
        if let Some(found) = NO_REPLY.captures(&lower) {
            known.claimed = found.get(1).map(|id| id.as_str().to_owned());
            known.logins.push(found[2].to_owned());
        }
        known
    }
}

fn account(person: &Person) -> Known {
    Known {
        ids: person.id.iter().cloned().collect(),
        logins: vec![person.login.clone()],
        ..Known::default()
    }
}
