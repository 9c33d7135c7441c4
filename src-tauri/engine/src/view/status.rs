//! How it stands: connection, keychain, accounts, and how a sign-in went.

use serde::{Deserialize, Serialize};

use super::{KeyView, Message};

/// Is the forge reached?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Connection {
    /// The last call was answered.
    Online,
    /// The last call was not.
    Offline,
    /// A poll is under way and none has ended yet.
    Connecting,
}

/// Is the keychain usable?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum KeychainState {
    /// Read and written.
    Unlocked,
    /// There, but locked or not answering in time.
    Locked,
    /// No keychain service: secrets are held for this session only.
    Absent,
}

/// Is the account's token at hand?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum TokenState {
    /// The forge can be asked.
    Held,
    /// It is in the keychain, which does not give it now.
    Locked,
    /// It is nowhere: the user must sign in again.
    Missing,
}

/// An account that is signed in, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AccountView {
    /// Names it in commands.
    pub name: String,
    /// What tells it from the other accounts, for people: its host, or `login@host` where two are at one.
    pub label: String,
    /// Host of the forge.
    pub host: String,
    /// Login.
    pub login: String,
    /// When the token ends, if the forge said; RFC 3339.
    pub token_expires_at: Option<String>,
    /// The token is held for this session only.
    pub session_only: bool,
    /// Is its token at hand?
    pub token: TokenState,
    /// Is the forge reached?
    pub connection: Connection,
    /// Since when it is not; RFC 3339.
    pub offline_since: Option<String>,
    /// What keeps the forge from being read as it should be, if anything does.
    pub trouble: Option<Message>,
    /// When its data was last confirmed by the forge; RFC 3339.
    pub data_at: Option<String>,
    /// When its next poll is due; RFC 3339.
    pub next_poll_at: Option<String>,
    /// Points left.
    pub quota_left: Option<u64>,
    /// Points an hour.
    pub quota_limit: Option<u64>,
    /// Its decisions signed and not yet confirmed.
    pub outbox: u32,
    /// Its changes that need the user.
    pub pending: u32,
    /// The key that signs for it.
    pub key: Option<KeyView>,
}

/// The status line. Where there are several accounts, connection, age, quota and key are those of the one that stands
/// worst; counts are of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Status {
    /// Same as `Queue::revision`.
    pub revision: u64,
    /// The account of the last session is still being taken up; `account` is not yet known.
    pub restoring: bool,
    /// The account that stands worst; `None` = signed out: the window shows the sign-in.
    pub account: Option<AccountView>,
    /// All that are signed in, the first of the profile first.
    pub accounts: Vec<AccountView>,
    /// Accounts of the profile that could not be opened. What they hold was not touched.
    pub unopened: Vec<Message>,
    /// The ledgers of those that are not among `accounts`: they are signed out, or cannot be read.
    pub other_ledgers: Vec<OtherLedger>,
    /// Is the forge reached?
    pub connection: Connection,
    /// Since when it is not; RFC 3339.
    pub offline_since: Option<String>,
    /// When the data on screen was last confirmed by the forge; RFC 3339.
    pub data_at: Option<String>,
    /// When the next poll is due; RFC 3339.
    pub next_poll_at: Option<String>,
    /// Points left.
    pub quota_left: Option<u64>,
    /// Points an hour.
    pub quota_limit: Option<u64>,
    /// Decisions signed and not yet confirmed.
    pub outbox: u32,
    /// The keychain.
    pub keychain: KeychainState,
    /// The key that signs.
    pub key: Option<KeyView>,
    /// Changes that need the user: what the tray counts.
    pub pending: u32,
    /// A change that a notice or a second start asked to be opened; the UI opens it once.
    pub open: Option<String>,
    /// Version of the app.
    pub version: String,
}

/// The ledger of an account that is opened and not shown. It stays, and can be exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct OtherLedger {
    /// Names the account in `export_ledger`.
    pub account: String,
    /// "priya-n at github.com, signed out".
    pub label: String,
}

/// One step of the sign-in, as it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SignInStep {
    /// What was checked: "github.com answers", "The token is accepted", "repo".
    pub name: String,
    /// Whether it holds.
    pub ok: bool,
    /// What was seen, or what to do.
    pub detail: String,
}

/// How the sign-in went: every step, and whether the account is now signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SignInResult {
    /// Signed in.
    pub ok: bool,
    /// Names the account then.
    pub account: Option<String>,
    /// The steps, in order; the first that is not ok says why not.
    pub steps: Vec<SignInStep>,
}
