//! Accounts, as GitHub's two interfaces name them.
//!
//! The same app's account is called differently (seen in public threads, e.g. fullsend-ai/fullsend#6205):
//!
//! | where | login | type |
//! |---|---|---|
//! | REST | `dependabot[bot]` | `Bot` |
//! | GraphQL, an `Actor` | `dependabot` | `Bot` |
//! | GraphQL, a commit's `user` | `dependabot[bot]` | `User` (the field allows nothing else) |
//!
//! REST and commits call Copilot's agent `Copilot`; as an `Actor` it is `copilot-swe-agent`. People's logins have
//! no brackets, so an ending `[bot]` tells an app wherever it appears, and the ending is added where GraphQL leaves
//! it out.

use countersign_core::change::{AccountKind, Person};
use serde::Deserialize;

const BOT: &str = "[bot]";
/// The one app whose login GitHub shows without the ending.
const COPILOT: &str = "Copilot";

/// An account in a REST answer.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct RestAccount {
    login: String,
    id: Option<u64>,
    #[serde(default, rename = "type")]
    kind: String,
}

impl From<RestAccount> for Person {
    fn from(account: RestAccount) -> Self {
        let kind = match account.kind.as_str() {
            "User" if !is_app(&account.login) => AccountKind::User,
            "User" | "Bot" => AccountKind::Bot,
            _ => AccountKind::Other,
        };
        Person {
            login: account.login,
            id: account.id.map(|id| id.to_string()),
            kind,
        }
    }
}

/// GraphQL `Actor`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Actor {
    #[serde(rename = "__typename")]
    kind: String,
    login: String,
    #[serde(rename = "databaseId")]
    id: Option<u64>,
}

impl Actor {
    /// Whether this is that person's account.
    pub(super) fn is_user(&self, user: &GraphUser) -> bool {
        self.kind == "User"
            && user.is(&GraphUser {
                login: self.login.clone(),
                id: self.id,
            })
    }
}

impl From<Actor> for Person {
    fn from(actor: Actor) -> Self {
        let id = actor.id.map(|id| id.to_string());
        match actor.kind.as_str() {
            "Bot" if is_app(&actor.login) => Person {
                login: actor.login,
                id,
                kind: AccountKind::Bot,
            },
            "Bot" => Person {
                login: format!("{}{BOT}", actor.login),
                id,
                kind: AccountKind::Bot,
            },
            "User" => GraphUser {
                login: actor.login,
                id: actor.id,
            }
            .into(),
            _ => Person {
                login: actor.login,
                id,
                kind: AccountKind::Other,
            },
        }
    }
}

/// GraphQL `User`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct GraphUser {
    pub(super) login: String,
    #[serde(rename = "databaseId")]
    pub(super) id: Option<u64>,
}

impl GraphUser {
    /// Whether both are the same account: by number where both have one.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self.id, other.id) {
            (Some(one), Some(two)) => one == two,
            _ => self.login.eq_ignore_ascii_case(&other.login),
        }
    }
}

impl From<GraphUser> for Person {
    fn from(user: GraphUser) -> Self {
        let kind = if is_app(&user.login) {
            AccountKind::Bot
        } else {
            AccountKind::User
        };
        Person {
            login: user.login,
            id: user.id.map(|id| id.to_string()),
            kind,
        }
    }
}

fn is_app(login: &str) -> bool {
    login.ends_with(BOT) || login == COPILOT
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_app_has_one_name_wherever_it_was_read() {
        let rest = |value| Person::from(serde_json::from_value::<RestAccount>(value).unwrap());
        let actor = |value| Person::from(serde_json::from_value::<Actor>(value).unwrap());
        let user = |value| Person::from(serde_json::from_value::<GraphUser>(value).unwrap());
        let bot = Person {
            login: "dependabot[bot]".into(),
            id: Some("49699333".into()),
            kind: AccountKind::Bot,
        };
        assert_eq!(
            rest(json!({ "login": "dependabot[bot]", "id": 49_699_333, "type": "Bot" })),
            bot
        );
        assert_eq!(
            actor(json!({ "__typename": "Bot", "login": "dependabot", "databaseId": 49_699_333 })),
            bot
        );
        assert_eq!(
            user(json!({ "login": "dependabot[bot]", "databaseId": 49_699_333 })),
            bot
        );
        let agent = actor(json!({ "__typename": "Bot", "login": "copilot-swe-agent", "databaseId": 1 }));
        assert_eq!(agent.login, "copilot-swe-agent[bot]");
        assert_eq!(
            rest(json!({ "login": "Copilot", "id": 1, "type": "Bot" })).login,
            "Copilot"
        );
        // On a server whose schema has no `Bot.databaseId` the id is not asked for.
        assert_eq!(actor(json!({ "__typename": "Bot", "login": "x" })).id, None);
        assert_eq!(
            actor(json!({ "__typename": "Mannequin", "login": "x" })).kind,
            AccountKind::Other
        );
    }
}
