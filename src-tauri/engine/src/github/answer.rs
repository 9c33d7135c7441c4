//! An answer of the forge: what its headers say, what it holds, and, where it is a refusal, which one.

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::ports::{ForgeError, HiddenOrganisation, Quota};

/// What the forge answered.
pub(super) struct Answer {
    pub(super) host: String,
    /// Base of links that may be shown.
    pub(super) web: String,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// A header's text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The forge's clock.
    pub(super) fn date(&self) -> Option<Timestamp> {
        self.header("date").and_then(http_date)
    }

    /// Whether the list goes on. The link itself is never followed: it would say which host gets the token.
    pub(super) fn has_next_page(&self) -> bool {
        self.header("link")
            .is_some_and(|link| link.contains("rel=\"next\""))
    }

    /// The body as JSON. Unknown fields are passed over.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, ForgeError> {
        serde_json::from_slice(&self.body).map_err(|error| self.garbled(misread(&self.body, &error)))
    }

    pub(super) fn garbled(&self, why: impl Into<String>) -> ForgeError {
        ForgeError::Garbled {
            host: self.host.clone(),
            why: why.into(),
        }
    }

    /// The quota by the headers.
    pub(super) fn quota(&self) -> Option<Quota> {
        let number = |name| self.header(name).and_then(|text| text.parse::<u64>().ok());
        let resets = number("x-ratelimit-reset").and_then(|at| i64::try_from(at).ok());
        Some(Quota {
            left: number("x-ratelimit-remaining")?,
            limit: number("x-ratelimit-limit")?,
            resets_at: Timestamp::from_second(resets?).ok()?,
        })
    }

    /// Organisations that are left out until single sign-on is renewed.
    /// Source: "Authenticating with a personal access token for use with SAML single sign-on", `X-GitHub-SSO`.
    pub(super) fn hidden(&self) -> Vec<HiddenOrganisation> {
        let Some(text) = self.header("x-github-sso") else {
            return Vec::new();
        };
        let url = self.sso_link();
        let list = text
            .split(';')
            .find_map(|part| part.trim().strip_prefix("organizations="));
        let names = list
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        let mut hidden: Vec<_> = names
            .map(|name| HiddenOrganisation {
                name: plain(name),
                url: url.clone(),
            })
            .collect();
        if hidden.is_empty() {
            hidden.push(HiddenOrganisation {
                name: "an organisation".into(),
                url,
            });
        }
        hidden
    }

    /// Where single sign-on is renewed; only a page of this forge is shown as one.
    fn sso_link(&self) -> Option<String> {
        let text = self.header("x-github-sso")?;
        let url = text
            .split(';')
            .find_map(|part| part.trim().strip_prefix("url="))?
            .trim();
        let ours =
            url.starts_with(&format!("{}/", self.web)) && url.bytes().all(|byte| byte.is_ascii_graphic());
        ours.then(|| url.to_owned())
    }

    /// Seconds to wait, where the forge says so.
    pub(super) fn retry_after(&self) -> Option<u64> {
        let now = self.date().unwrap_or_else(Timestamp::now);
        let until = |at: Timestamp| u64::try_from(at.duration_since(now).as_secs()).unwrap_or(0);
        if let Some(text) = self.header("retry-after") {
            let seconds = text.trim().parse().ok();
            return seconds.or_else(|| http_date(text).map(until));
        }
        self.quota()
            .filter(|quota| quota.left == 0)
            .map(|quota| until(quota.resets_at))
    }

    fn is_about_rates(&self) -> bool {
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            return true;
        }
        // Source: "Rate limits for the REST API"; a secondary limit leaves the remaining points untouched and does
        // not always name a time.
        let text = said(&self.body).to_ascii_lowercase();
        self.header("retry-after").is_some()
            || self.header("x-ratelimit-remaining") == Some("0")
            || text.contains("rate limit")
            || text.contains("abuse detection")
    }
}

/// An answer that is not a success, as an error. `what` was asked for.
pub(super) fn refusal(answer: &Answer, what: &str) -> ForgeError {
    let host = answer.host.clone();
    match answer.status.as_u16() {
        401 => ForgeError::Unauthorised { host },
        403 | 451 if answer.header("x-github-sso").is_some() => forbidden(answer),
        403 if answer.is_about_rates() => ForgeError::RateLimited {
            host,
            retry_after: answer.retry_after(),
        },
        429 => ForgeError::RateLimited {
            host,
            retry_after: answer.retry_after(),
        },
        403 | 451 => forbidden(answer),
        404 | 410 => ForgeError::NotFound {
            what: what.to_owned(),
        },
        status @ (408 | 500..=599) => ForgeError::Server { host, status },
        400..=499 => ForgeError::Refused {
            message: said(&answer.body),
        },
        status => answer.garbled(format!("status {status} makes no sense here")),
    }
}

fn forbidden(answer: &Answer) -> ForgeError {
    let scopes = answer
        .header("x-accepted-oauth-scopes")
        .unwrap_or_default()
        .split(',')
        .map(str::trim);
    ForgeError::Forbidden {
        host: answer.host.clone(),
        message: said(&answer.body),
        sso: answer.sso_link(),
        accepted_scopes: scopes.filter(|scope| !scope.is_empty()).map(plain).collect(),
    }
}

/// The forge's own words in an error's body: `message`, and `errors`, which holds objects or plain strings.
fn said(body: &[u8]) -> String {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return "it gave no reason that can be read".into();
    };
    let message = value.get("message").and_then(Value::as_str).unwrap_or_default();
    let errors = match value.get("errors") {
        Some(Value::Array(list)) => list
            .iter()
            .map(one_error)
            .filter(|text| !text.is_empty())
            .collect(),
        Some(Value::String(text)) => vec![text.clone()],
        _ => Vec::new(),
    };
    let parts: Vec<&str> = std::iter::once(message)
        .filter(|text| !text.is_empty())
        .chain(errors.iter().map(String::as_str))
        .collect();
    if parts.is_empty() {
        "it gave no reason".into()
    } else {
        plain(&parts.join(": "))
    }
}

fn one_error(error: &Value) -> String {
    if let Some(text) = error
        .as_str()
        .or_else(|| error.get("message").and_then(Value::as_str))
    {
        return text.to_owned();
    }
    let part = |name| error.get(name).and_then(Value::as_str);
    let parts: Vec<&str> = [part("resource"), part("field"), part("code")]
        .into_iter()
        .flatten()
        .collect();
    parts.join(" ")
}

/// Whether a refused diff is one that the forge will never make.
pub(super) fn is_too_large(answer: &Answer) -> bool {
    answer.status == StatusCode::NOT_ACCEPTABLE
        || (!answer.status.is_success()
            && serde_json::from_slice::<Value>(&answer.body).is_ok_and(|value| {
                let errors = value.get("errors").and_then(Value::as_array);
                errors.is_some_and(|list| {
                    list.iter()
                        .any(|one| one.get("code").and_then(Value::as_str) == Some("too_large"))
                })
            }))
}

fn misread(body: &[u8], error: &serde_json::Error) -> String {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first == Some(&b'<') {
        "it is a web page: there may be a sign-in page or a proxy in between".into()
    } else if first.is_none() {
        "it is empty".into()
    } else if error.is_eof() {
        "it is cut off".into()
    } else if error.is_data() {
        plain(&error.to_string())
    } else {
        format!("it is not JSON ({})", plain(&error.to_string()))
    }
}

/// Text from elsewhere that goes into a message: one line, no control characters, 300 characters at most.
pub(super) fn plain(text: &str) -> String {
    let mut kept: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(300)
        .collect();
    if text.chars().nth(300).is_some() {
        kept.push('…');
    }
    kept
}

fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text.trim())
        .ok()
}
