//! Accounts, and what they had to do with the change.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::form::{decimal, nullable};
use crate::change::{AccountKind, Oid};

/// An account at the forge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Account")]
pub struct Person {
    /// Login as shown: it can be renamed and used again.
    pub login: String,
    /// Numeric id, decimal; `null` where the forge gives none, which it does for everybody who has a user's account.
    pub id: Option<String>,
    /// What kind of account it is.
    pub kind: AccountKind,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    login: String,
    #[serde(deserialize_with = "nullable")]
    id: Option<Id>,
    kind: AccountKind,
}

#[derive(Deserialize)]
struct Id(#[serde(deserialize_with = "decimal")] String);

impl TryFrom<Account> for Person {
    type Error = String;

    fn try_from(account: Account) -> Result<Self, String> {
        if account.kind == AccountKind::User && account.id.is_none() {
            return Err(format!("the user's account {:?} has no id", account.login));
        }
        Ok(Self {
            login: account.login,
            id: account.id.map(|id| id.0),
            kind: account.kind,
        })
    }
}

/// Author or committer of a commit: what git recorded, and the account that the forge maps the address to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Display name: free text, proves nothing.
    pub name: String,
    /// Mail address as recorded.
    pub email: String,
    /// The account; `null` if the forge maps the address to none.
    #[serde(deserialize_with = "nullable")]
    pub account: Option<Person>,
}

/// One commit of the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// Commit id.
    pub oid: Oid,
    /// Tree id; `null` where the forge did not give it.
    #[serde(deserialize_with = "nullable")]
    pub tree: Option<Oid>,
    /// The whole message, trailers included.
    pub message: String,
    /// Who wrote it.
    pub author: Identity,
    /// Who committed it.
    pub committer: Identity,
    /// Committer date; `null` where it is not known.
    #[serde(deserialize_with = "nullable")]
    pub committed_at: Option<Timestamp>,
}

/// An account that a mail address belongs to. An address may stand several times, for several accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// The address.
    pub email: String,
    /// Whose it is.
    pub account: Person,
}

/// One movement of the change's branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Push {
    /// Where that was found out: the activity of the repository that holds the branch.
    pub source: String,
    /// The tip before; zeros where the branch was not there.
    pub before: Oid,
    /// The tip after; zeros where the branch was deleted.
    pub after: Oid,
    /// Who; `null` where the account was deleted or the forge does not say.
    #[serde(deserialize_with = "nullable")]
    pub actor: Option<Person>,
}

/// Those who set an agent to work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operators {
    /// How many the sources name.
    pub total: u64,
    /// Those that were read.
    pub items: Vec<Operator>,
}

/// One who set an agent to work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// Where that was found out: an assignee, the timeline, the agent's trailer.
    pub source: String,
    /// Who.
    pub account: Person,
}
