//! The account that is signed in: who it is, which is known without a token, and the way to its forge, which is not.

use std::sync::Arc;

use countersign_core::change::Person;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::ports::Address;
use crate::view::TokenState;
use crate::words;

/// Who is signed in, and where. Enough to read what is on this machine and to sign; the outbox waits for [`Online`].
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) address: Address,
    pub(crate) viewer: Person,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) token: TokenState,
}

impl Account {
    /// The user's numeric id, which the verifier compares.
    pub(crate) fn viewer_id(&self) -> &str {
        self.viewer.id.as_deref().unwrap_or_default()
    }

    /// Name of the token's entry in the keychain.
    pub(crate) fn token_name(&self) -> String {
        format!("token {}@{}", self.viewer.login, self.address.host)
    }

    /// The same person at the same forge.
    pub(crate) fn is(&self, other: &Self) -> bool {
        let same = match (&self.viewer.id, &other.viewer.id) {
            (Some(id), Some(other)) => id == other,
            (None, _) | (_, None) => self.viewer.login == other.viewer.login,
        };
        same && self.address.host == other.address.host
    }

    /// When the token ends, in a sentence, where that is less than a week away or over.
    pub(crate) fn token_end(&self, now: Timestamp) -> Option<String> {
        const DAY: SignedDuration = SignedDuration::from_hours(24);
        let ends_at = self.expires_at?;
        let left = ends_at.duration_since(now);
        if left >= DAY * 7 {
            return None;
        }
        if left <= SignedDuration::ZERO {
            let day = ends_at.to_zoned_datetime(TimeZone::system()).strftime("%-d %B");
            return Some(format!("The token ended on {day}."));
        }
        let hours = usize::try_from(left.as_hours()).unwrap_or_default();
        let left = match hours {
            0 => "less than an hour".to_owned(),
            1..24 => words::count(hours, "hour", "hours"),
            _ => words::count(hours / 24, "day", "days"),
        };
        Some(format!("The token ends in {left}."))
    }
}

/// An account whose token is held: the forge can be asked.
pub(crate) struct Online<F> {
    pub(crate) account: Account,
    pub(crate) forge: Arc<F>,
}

impl<F> Clone for Online<F> {
    fn clone(&self) -> Self {
        Self {
            account: self.account.clone(),
            forge: Arc::clone(&self.forge),
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::change::AccountKind;

    use super::*;

    #[test]
    fn when_the_token_ends_is_said_in_the_week_before_and_after_it() {
        let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let said = |hours: i64| {
            let account = Account {
                address: Address::parse("github.com").unwrap(),
                viewer: Person {
                    login: "priya-n".into(),
                    id: Some("1".into()),
                    kind: AccountKind::User,
                },
                expires_at: Some(now + SignedDuration::from_hours(hours)),
                token: TokenState::Held,
            };
            account.token_end(now)
        };
        assert_eq!(said(7 * 24), None);
        for (hours, words) in [
            (6 * 24 + 1, "The token ends in 6 days."),
            (24, "The token ends in 1 day."),
            (23, "The token ends in 23 hours."),
            (1, "The token ends in 1 hour."),
        ] {
            assert_eq!(said(hours).as_deref(), Some(words));
        }
        for hours in [0, -3 * 24] {
            let words = said(hours).unwrap();
            assert!(words.starts_with("The token ended on 2"), "{words}");
        }
    }
}
