//! The device flow: the user confirms a short code on the forge's own page, and the token comes to this machine alone.

use std::time::Duration;

use secrecy::SecretString;

/// What the forge gave to be confirmed.
#[derive(Debug)]
pub struct DeviceCode {
    /// What the user types there. Hostile text, of letters, digits and hyphens.
    pub user_code: String,
    /// The page where it is typed, at the forge.
    pub page: String,
    /// What asks for the token. A secret.
    pub device_code: SecretString,
    /// Between two questions.
    pub interval: Duration,
    /// How long the code holds.
    pub expires_in: Duration,
}

/// What the forge answers to who asks for the token.
#[derive(Debug)]
pub enum DeviceAnswer {
    /// The user confirmed.
    Token(SecretString),
    /// Not yet.
    Pending,
    /// Asked too soon: from now on so long between two questions, where the forge said how long.
    SlowDown(Option<Duration>),
    /// The code no longer holds.
    Expired,
    /// The user said no.
    Denied,
    /// Anything else, in the forge's words.
    Refused(String),
}
