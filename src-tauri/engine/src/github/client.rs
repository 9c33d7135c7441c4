//! One request, one answer: where it goes, what it carries, how long it may take, and what went wrong.

use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use secrecy::{ExposeSecret, SecretString};

use super::answer::{Answer, plain, refusal};
use super::way::Way;
use crate::network::Network;
use crate::ports::{Address, ForgeError};

/// The JSON that GitHub recommends. Source: "Getting started with the REST API", media types.
pub(super) const JSON: &str = "application/vnd.github+json";
/// A diff as git writes it.
pub(super) const DIFF: &str = "application/vnd.github.diff";
/// A blob's own bytes.
pub(super) const RAW: &str = "application/vnd.github.raw+json";

const VERSION_HEADER: HeaderName = HeaderName::from_static("x-github-api-version");
/// Source: "API Versions" in GitHub's REST documentation.
const VERSION: HeaderValue = HeaderValue::from_static("2022-11-28");
const AGENT: HeaderValue = HeaderValue::from_static(concat!("countersign/", env!("CARGO_PKG_VERSION")));
/// No answer that the app needs is larger, where the request names no other bound; a larger one must not fill the
/// memory.
const LARGEST: usize = 64 << 20;
/// A renamed repository answers with one redirect; two renames with two.
const REDIRECTS: usize = 3;

/// What is under way when all connections are left may still be answered for so long: an unlocked screen breaks none.
const GRACE: Duration = Duration::from_secs(1);

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Until there is a connection.
    pub(super) connect: Duration,
    /// Until the whole answer is there.
    pub(super) call: Duration,
    /// The same for diffs, trees and comparisons, which the forge has to compute.
    pub(super) slow: Duration,
}

impl Limits {
    pub(super) const USUAL: Self = Self {
        connect: Duration::from_secs(10),
        call: Duration::from_secs(30),
        slow: Duration::from_secs(120),
    };
}

/// One request.
pub(super) struct Ask {
    pub(super) method: Method,
    /// The whole address.
    pub(super) url: String,
    pub(super) accept: &'static str,
    /// JSON.
    pub(super) body: Option<String>,
    pub(super) slow: bool,
    /// Longest answer that is taken, in bytes.
    pub(super) largest: usize,
    /// Where a repository has another name by now, its old one leads there; otherwise it is as if it were not there.
    pub(super) follows: bool,
    /// What is asked for, in words, for "… is not there".
    pub(super) what: String,
}

impl Ask {
    /// Allows for the forge to compute.
    pub(super) fn slow(mut self) -> Self {
        self.slow = true;
        self
    }

    /// What is named must have that name now: anybody may have taken an old one.
    pub(super) fn by_this_name_only(mut self) -> Self {
        self.follows = false;
        self
    }

    /// Takes no longer answer than this.
    pub(super) fn at_most(mut self, bytes: usize) -> Self {
        self.largest = bytes;
        self
    }

    /// Asks for another media type than JSON.
    pub(super) fn accept(mut self, media: &'static str) -> Self {
        self.accept = media;
        self
    }
}

/// What asks one forge, for one account.
pub(super) struct Client {
    way: Way,
    /// Without one the forge is asked what it answers to anybody.
    token: Option<SecretString>,
    address: Address,
    limits: Limits,
}

impl Client {
    /// For an account. Must be called on a Tokio runtime.
    pub(super) fn new(
        address: &Address,
        token: SecretString,
        network: &Network,
        limits: Limits,
    ) -> Result<Self, ForgeError> {
        // Such a token cannot be sent, so the forge cannot have issued it.
        let sendable = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !sendable(token.expose_secret()) {
            return Err(ForgeError::Unauthorised {
                host: address.host.clone(),
            });
        }
        Ok(Self {
            token: Some(token),
            ..Self::anonymous(address, &address.rest, network, limits)?
        })
    }

    /// For nobody; `to` is an address at the host that is asked.
    pub(super) fn anonymous(
        address: &Address,
        to: &str,
        network: &Network,
        limits: Limits,
    ) -> Result<Self, ForgeError> {
        Ok(Self {
            way: Way::new(network, &address.host, to, limits)?,
            token: None,
            address: address.clone(),
            limits,
        })
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// A request to the REST API; `path` begins with `/` and is percent-encoded already.
    pub(super) fn rest(&self, method: Method, path: &str, what: impl Into<String>) -> Ask {
        let url = format!("{}{path}", self.address.rest);
        Ask {
            method,
            url,
            accept: JSON,
            body: None,
            slow: false,
            largest: LARGEST,
            follows: true,
            what: what.into(),
        }
    }

    pub(super) fn get(&self, path: &str, what: impl Into<String>) -> Ask {
        self.rest(Method::GET, path, what)
    }

    /// A request to the REST API with a body.
    pub(super) fn send_json(
        &self,
        method: Method,
        path: &str,
        body: &serde_json::Value,
        what: impl Into<String>,
    ) -> Ask {
        Ask {
            body: Some(body.to_string()),
            ..self.rest(method, path, what)
        }
    }

    /// A GraphQL query.
    pub(super) fn graphql(&self, query: &str, variables: &serde_json::Value) -> Ask {
        let body = serde_json::json!({ "query": query, "variables": variables });
        Ask {
            method: Method::POST,
            url: self.address.graphql.clone(),
            accept: JSON,
            body: Some(body.to_string()),
            slow: false,
            largest: LARGEST,
            follows: true,
            what: "the GraphQL interface".into(),
        }
    }

    /// Asks once. Anything but success is an error.
    pub(super) async fn call(&self, ask: &Ask) -> Result<Answer, ForgeError> {
        let answer = self.call_any(ask).await?;
        if answer.status.is_success() {
            Ok(answer)
        } else {
            Err(refusal(&answer, &ask.what))
        }
    }

    /// Asks once. An answer is an answer, whatever its status.
    pub(super) async fn call_any(&self, ask: &Ask) -> Result<Answer, ForgeError> {
        let limit = if ask.slow {
            self.limits.slow
        } else {
            self.limits.call
        };
        let interrupted = |why: String| ForgeError::Interrupted {
            host: self.address.host.clone(),
            why,
        };
        let mut leaving = self.way.leaving();
        let left = async {
            // The network's settings outlive every call.
            let _ = leaving.changed().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            done = tokio::time::timeout(limit, self.exchange(ask)) => done.unwrap_or_else(|_| {
                Err(interrupted(format!("no whole answer within {} s", limit.as_secs_f32())))
            }),
            () = left => Err(interrupted("the machine slept, or its network is another one".into())),
        }
    }

    async fn exchange(&self, ask: &Ask) -> Result<Answer, ForgeError> {
        let mut url = ask.url.clone();
        for _ in 0..=REDIRECTS {
            let request = self.request(ask, &url)?;
            let crab = self.way.crab()?;
            let sent = crab.execute(request).await;
            let response = sent.map_err(|error| self.way.broken(&error))?;
            let (parts, body) = response.into_parts();
            if !self.way.is_in_step(ask, &url, &parts.headers) {
                return Err(ForgeError::Interrupted {
                    host: self.address.host.clone(),
                    why: "the answer to another call came a second time".into(),
                });
            }
            if parts.status.is_redirection() && parts.status != StatusCode::NOT_MODIFIED {
                if !ask.follows {
                    return Err(ForgeError::NotFound {
                        what: ask.what.clone(),
                    });
                }
                url = self.redirected(ask, &url, parts.status, &parts.headers)?;
                continue;
            }
            let mut body = reqwest::Response::from(http::Response::new(reqwest::Body::wrap(body)));
            let mut bytes = Vec::new();
            while let Some(chunk) = body.chunk().await.map_err(|error| self.way.broken(&error))? {
                if bytes.len() + chunk.len() > ask.largest {
                    return Err(self.garbled(format!("it is larger than {} MiB", ask.largest >> 20)));
                }
                bytes.extend_from_slice(&chunk);
            }
            return Ok(Answer {
                host: self.address.host.clone(),
                web: self.address.web.clone(),
                status: parts.status,
                headers: parts.headers,
                body: bytes,
            });
        }
        Err(self.garbled("it redirects again and again"))
    }

    /// The only place where the token leaves `secrecy`: `url` is on this forge's host.
    pub(super) fn request(&self, ask: &Ask, url: &str) -> Result<Request<String>, ForgeError> {
        let unsendable = |_| ForgeError::Unreachable {
            host: self.address.host.clone(),
            why: "the address cannot be sent".into(),
        };
        let mut request = Request::builder()
            .method(ask.method.clone())
            .uri(url)
            .header(ACCEPT, ask.accept)
            .header(USER_AGENT, AGENT)
            .header(VERSION_HEADER, VERSION);
        if let Some(token) = &self.token {
            let bearer = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()));
            let mut bearer = bearer.map_err(|_| ForgeError::Unauthorised {
                host: self.address.host.clone(),
            })?;
            bearer.set_sensitive(true);
            request = request.header(AUTHORIZATION, bearer);
        }
        if ask.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        request
            .body(ask.body.clone().unwrap_or_default())
            .map_err(unsendable)
    }

    /// Where a redirect leads, if it may be followed: never to another host, and for a write only where the forge
    /// says that the same request is to be sent again. Source: "Best practices for using the REST API", redirects.
    fn redirected(
        &self,
        ask: &Ask,
        from: &str,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<String, ForgeError> {
        let target = headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let both = reqwest::Url::parse(from).ok().zip(target);
        let Some((from, to)) = both.and_then(|(from, to)| from.join(to).ok().map(|to| (from, to))) else {
            return Err(self.garbled("it redirects without saying where to"));
        };
        if from.origin() != to.origin() || !to.username().is_empty() || to.password().is_some() {
            let to = plain(to.host_str().unwrap_or("somewhere else"));
            return Err(self.garbled(format!("it redirects to {to}, which must not have the token")));
        }
        if !to.as_str().starts_with(&format!("{}/", self.address.rest)) {
            return Err(self.garbled("it redirects to a page that is not its API: does it want a sign-in?"));
        }
        let same_again = matches!(
            status,
            StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
        );
        if ask.method != Method::GET && !same_again {
            return Err(self.garbled("it redirects a request that writes"));
        }
        Ok(to.into())
    }

    fn garbled(&self, why: impl Into<String>) -> ForgeError {
        ForgeError::Garbled {
            host: self.address.host.clone(),
            why: why.into(),
        }
    }
}

/// One segment of a path, or one value in a query: everything but letters, digits and `-._~` is escaped.
/// Source: RFC 3986, unreserved characters.
pub(super) fn segment(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut out, byte| {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                out.push(char::from(byte));
            } else {
                // Writing to a String cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
            out
        })
}
