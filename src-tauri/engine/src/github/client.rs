//! One request, one answer: where it goes, what it carries, how long it may take, and what went wrong.

use std::collections::VecDeque;
use std::error::Error as StdError;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use octocrab::service::middleware::reqwest_connector::ReqwestConnector;
use octocrab::{AuthState, Octocrab, OctocrabBuilder};
use secrecy::{ExposeSecret, SecretString};

use super::answer::{Answer, host_of, plain, refusal};
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
/// So many answers are remembered, to know one that comes a second time: more than are under way at once.
const REMEMBERED: usize = 32;
/// By which GitHub names each answer.
const ANSWER_ID: &str = "x-github-request-id";
/// A renamed repository answers with one redirect; two renames with two.
const REDIRECTS: usize = 3;

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
    /// What is asked for, in words, for "… is not there".
    pub(super) what: String,
}

impl Ask {
    /// Allows for the forge to compute.
    pub(super) fn slow(mut self) -> Self {
        self.slow = true;
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

/// The way to one forge for one account.
pub(super) struct Client {
    way: Mutex<Way>,
    token: SecretString,
    address: Address,
    limits: Limits,
}

/// The connections, and what came over them lately.
struct Way {
    crab: Octocrab,
    /// Each answer's name and a digest of what it answered.
    lately: VecDeque<(HeaderValue, u64)>,
}

impl Way {
    /// Connections of its own: none is made yet.
    fn new(address: &Address, limits: Limits) -> Result<Self, ForgeError> {
        // reqwest without a built-in provider takes the process's. Somebody else may have set it before: as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = reqwest::Client::builder()
            .connect_timeout(limits.connect)
            // Redirects are followed below, where it is known which hosts may have the token.
            .redirect(reqwest::redirect::Policy::none())
            // Whether a request may be sent twice is the caller's decision alone.
            .retry(reqwest::retry::never())
            .referer(false);
        if is_loopback(&address.host) {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| ForgeError::Unreachable {
            host: address.host.clone(),
            why: words(&error),
        })?;
        // The ready-made stack would add retries, a second User-Agent, its own redirects and a token that its
        // debugging output shows; the bare one has none of that.
        let built = OctocrabBuilder::new_empty()
            .with_service(ReqwestConnector::new(http))
            .with_auth(AuthState::None)
            .build();
        let crab = match built {
            Ok(crab) => crab,
            Err(never) => match never {},
        };
        Ok(Self {
            crab,
            lately: VecDeque::new(),
        })
    }

    /// Takes in an answer to `ask`; `false` where it is one that came before and was about something else: a proxy
    /// sent it twice, and on its connection every further answer would be one too late.
    fn is_in_step(&mut self, ask: &Ask, url: &str, headers: &HeaderMap) -> bool {
        let mut digest = DefaultHasher::new();
        (ask.method.as_str(), url, &ask.body).hash(&mut digest);
        let asked = digest.finish();
        let Some(name) = headers.get(ANSWER_ID) else {
            return true;
        };
        if let Some((_, before)) = self.lately.iter().find(|(known, _)| known == name) {
            // A cache may give the same again to the same question.
            return *before == asked;
        }
        self.lately.truncate(REMEMBERED - 1);
        self.lately.push_front((name.clone(), asked));
        true
    }
}

impl Client {
    /// Must be called on a Tokio runtime: octocrab starts a task.
    pub(super) fn new(address: &Address, token: SecretString, limits: Limits) -> Result<Self, ForgeError> {
        let unreachable = |why: String| ForgeError::Unreachable {
            host: address.host.clone(),
            why,
        };
        // Such a token cannot be sent, so the forge cannot have issued it.
        let sendable = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !sendable(token.expose_secret()) {
            return Err(ForgeError::Unauthorised {
                host: address.host.clone(),
            });
        }
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(unreachable(
                "the client was made outside of an asynchronous runtime".into(),
            ));
        }
        Ok(Self {
            way: Mutex::new(Way::new(address, limits)?),
            token,
            address: address.clone(),
            limits,
        })
    }

    fn way(&self) -> MutexGuard<'_, Way> {
        self.way.lock().unwrap_or_else(PoisonError::into_inner)
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
        match tokio::time::timeout(limit, self.exchange(ask)).await {
            Ok(done) => done,
            Err(_) => Err(ForgeError::Interrupted {
                host: self.address.host.clone(),
                why: format!("no whole answer within {} s", limit.as_secs_f32()),
            }),
        }
    }

    async fn exchange(&self, ask: &Ask) -> Result<Answer, ForgeError> {
        let mut url = ask.url.clone();
        for _ in 0..=REDIRECTS {
            let request = self.request(ask, &url)?;
            let crab = self.way().crab.clone();
            let response = crab.execute(request).await.map_err(|error| self.broken(&error))?;
            let (parts, body) = response.into_parts();
            if !self.way().is_in_step(ask, &url, &parts.headers) {
                *self.way() = Way::new(&self.address, self.limits)?;
                return Err(ForgeError::Interrupted {
                    host: self.address.host.clone(),
                    why: "the answer to another call came a second time".into(),
                });
            }
            if parts.status.is_redirection() && parts.status != StatusCode::NOT_MODIFIED {
                url = self.redirected(ask, &url, parts.status, &parts.headers)?;
                continue;
            }
            let mut body = reqwest::Response::from(http::Response::new(reqwest::Body::wrap(body)));
            let mut bytes = Vec::new();
            while let Some(chunk) = body.chunk().await.map_err(|error| self.broken(&error))? {
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
        let mut token =
            HeaderValue::try_from(format!("Bearer {}", self.token.expose_secret())).map_err(|_| {
                ForgeError::Unauthorised {
                    host: self.address.host.clone(),
                }
            })?;
        token.set_sensitive(true);
        let mut request = Request::builder()
            .method(ask.method.clone())
            .uri(url)
            .header(AUTHORIZATION, token)
            .header(ACCEPT, ask.accept)
            .header(USER_AGENT, AGENT)
            .header(VERSION_HEADER, VERSION);
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

    /// Sorts a failed exchange: did it end before anything was sent?
    fn broken(&self, error: &(dyn StdError + 'static)) -> ForgeError {
        let host = self.address.host.clone();
        let mut before = false;
        let mut next = Some(error);
        while let Some(one) = next {
            if let Some(http) = one.downcast_ref::<reqwest::Error>() {
                before |= http.is_connect() || http.is_builder();
            }
            next = one.source();
        }
        let why = words(error);
        if before {
            ForgeError::Unreachable { host, why }
        } else {
            ForgeError::Interrupted { host, why }
        }
    }
}

/// The innermost cause: the outer ones repeat it, with the address and with backtraces.
fn words(error: &(dyn StdError + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    plain(&innermost.to_string())
}

/// A proxy could not reach a forge on this machine, and must not see its token.
fn is_loopback(host: &str) -> bool {
    matches!(host_of(host), "localhost" | "127.0.0.1")
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
