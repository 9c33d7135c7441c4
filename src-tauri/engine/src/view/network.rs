//! How forges are reached, as the window shows it.

use serde::{Deserialize, Serialize};

use super::Message;

/// Which proxy is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ProxyMode {
    /// The system's.
    System,
    /// None.
    Direct,
    /// The one that was typed.
    At,
}

/// An authority that is trusted besides the system's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AuthorityView {
    /// Its name, as its certificate says.
    pub name: String,
    /// SHA-256 of the certificate, in pairs of digits.
    pub fingerprint: String,
}

/// The network's settings. No secret is in them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct NetworkView {
    /// Which proxy.
    pub proxy: ProxyMode,
    /// The address that was typed; empty where none was.
    pub address: String,
    /// Host and port of the proxy that the system names for this forge; `None`: it names none.
    pub of_system: Option<String>,
    /// Who signs in at the proxy; empty for nobody.
    pub user: String,
    /// The user's password is at hand.
    pub password_held: bool,
    /// It is held for this session only: no keychain took it.
    pub session_only: bool,
    /// The client id by which one signs in at the forge's own page; empty where there is none.
    pub client_id: String,
    /// Trusted besides the system's.
    pub authorities: Vec<AuthorityView>,
    /// What was kept could not be read.
    pub message: Option<Message>,
}

/// A sign-in that waits for the user at the forge's own page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DeviceView {
    /// What the user types there.
    pub user_code: String,
    /// The page's address, to be shown; `device_page` opens it.
    pub page: String,
}
