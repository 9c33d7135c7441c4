//! The account that is signed in: who it is, which is known without a token, and the way to its forge, which is not.

use std::sync::Arc;

use countersign_core::change::Person;
use jiff::{SignedDuration, Timestamp};

use crate::ports::Address;
use crate::view::TokenState;

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

    /// Days until the token ends, where that is less than a week.
    pub(crate) fn token_ends_in(&self, now: Timestamp) -> Option<i64> {
        let left = self.expires_at?.duration_since(now);
        (left < SignedDuration::from_hours(24 * 7)).then(|| left.as_hours() / 24)
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
