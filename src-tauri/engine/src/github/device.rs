//! The device flow. Source: "Authorizing OAuth apps" in GitHub's documentation, device flow, which is the same on an
//! Enterprise Server; RFC 8628.

use std::time::Duration;

use http::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::plain;
use super::client::{Client, Limits};
use crate::links::is_below;
use crate::network::Network;
use crate::ports::{Address, DeviceAnswer, DeviceCode, ForgeError};

/// Without it the forge answers in another form.
const ACCEPT: &str = "application/json";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// Where the forge names none. Source: RFC 8628, 3.2.
const INTERVAL: u64 = 5;
/// No answer may have the forge asked more often, or have the user wait longer.
const INTERVALS: std::ops::RangeInclusive<u64> = 1..=60;
const LONGEST: u64 = 60 * 60;
const LARGEST: usize = 64 << 10;

#[derive(Deserialize)]
struct Given {
    device_code: String,
    user_code: String,
    verification_uri: String,
    expires_in: u64,
    #[serde(default)]
    interval: Option<u64>,
}

#[derive(Deserialize)]
struct Heard {
    #[serde(default)]
    access_token: Option<String>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    error_description: Option<String>,
    #[serde(default)]
    interval: Option<u64>,
}

fn seconds(interval: u64) -> Duration {
    Duration::from_secs(interval.clamp(*INTERVALS.start(), *INTERVALS.end()))
}

/// Asks for a code.
pub(super) async fn code(
    address: &Address,
    network: &Network,
    client: &str,
    scopes: &str,
) -> Result<DeviceCode, ForgeError> {
    let asker = Client::anonymous(address, &address.web, network, Limits::USUAL)?;
    let body = json!({ "client_id": client, "scope": scopes });
    let mut ask = asker.send_json(Method::POST, "", &body, "an app with this client id");
    ask.url = format!("{}/login/device/code", address.web);
    let answer = asker.call(&ask.accept(ACCEPT).at_most(LARGEST)).await?;
    let told: Value = answer.json()?;
    if let Some(error) = told["error"].as_str() {
        let words = told["error_description"].as_str().unwrap_or(error);
        return Err(ForgeError::Refused {
            message: plain(words),
        });
    }
    let given: Given = answer.json()?;
    let readable = |text: &str| {
        (4..=20).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if !readable(&given.user_code) {
        return Err(answer.garbled("its code cannot be typed"));
    }
    if !is_below(&given.verification_uri, &address.web) {
        return Err(answer.garbled("it sends to a page that is not its own"));
    }
    Ok(DeviceCode {
        user_code: given.user_code,
        page: given.verification_uri,
        device_code: given.device_code.into(),
        interval: seconds(given.interval.unwrap_or(INTERVAL)),
        expires_in: Duration::from_secs(given.expires_in.min(LONGEST)),
    })
}

/// Asks whether the user has confirmed.
pub(super) async fn token(
    address: &Address,
    network: &Network,
    client: &str,
    device_code: &SecretString,
) -> Result<DeviceAnswer, ForgeError> {
    let asker = Client::anonymous(address, &address.web, network, Limits::USUAL)?;
    let body = json!({
        "client_id": client,
        "device_code": device_code.expose_secret(),
        "grant_type": GRANT,
    });
    let mut ask = asker.send_json(Method::POST, "", &body, "the sign-in by a code");
    ask.url = format!("{}/login/oauth/access_token", address.web);
    let answer = asker.call(&ask.accept(ACCEPT).at_most(LARGEST)).await?;
    let heard: Heard = answer.json()?;
    Ok(match (heard.error.as_deref(), heard.access_token) {
        (None, Some(token)) => DeviceAnswer::Token(token.into()),
        (None, None) => return Err(answer.garbled("it holds neither a token nor an error")),
        (Some("authorization_pending"), _) => DeviceAnswer::Pending,
        (Some("slow_down"), _) => DeviceAnswer::SlowDown(heard.interval.map(seconds)),
        (Some("expired_token" | "token_expired"), _) => DeviceAnswer::Expired,
        (Some("access_denied"), _) => DeviceAnswer::Denied,
        (Some(error), _) => DeviceAnswer::Refused(plain(heard.error_description.as_deref().unwrap_or(error))),
    })
}
