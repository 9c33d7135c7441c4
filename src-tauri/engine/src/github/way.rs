//! The connections to one host: made by what the network's settings say now, and made anew where they changed or where
//! there was no way through, because a laptop moves from one network to the next.

use std::collections::VecDeque;
use std::error::Error as StdError;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, HeaderValue, Uri};
use octocrab::service::middleware::reqwest_connector::ReqwestConnector;
use octocrab::{AuthState, Octocrab, OctocrabBuilder};
use tokio::sync::watch;

use super::answer::plain;
use super::client::{Ask, Limits};
use crate::network::route::{Foreign, Proxy, Route, route};
use crate::network::trust::{self, distrust};
use crate::network::{Network, Now};
use crate::ports::{ForgeError, ProxyTrouble};

/// So many answers are remembered, to know one that comes a second time: more than are under way at once.
const REMEMBERED: usize = 32;
/// By which GitHub names each answer.
const ANSWER_ID: &str = "x-github-request-id";

/// The way to one host.
pub(super) struct Way {
    network: Network,
    /// The forge's host, for messages.
    host: String,
    /// An address at the host that is asked.
    to: Uri,
    limits: Limits,
    /// `None`: none is made yet, or what was made led nowhere.
    line: Mutex<Option<Line>>,
}

/// Connections that were made, and what came over them lately.
struct Line {
    crab: Octocrab,
    /// Through which they go.
    proxy: Option<Proxy>,
    /// Of the settings that they were made by.
    generation: u64,
    /// Each answer's name and a digest of what it answered.
    lately: VecDeque<(HeaderValue, u64)>,
}

impl Way {
    /// To whatever host `to` is at; no connection is made yet. Must be called on a Tokio runtime. `host` is the forge's,
    /// for messages.
    pub(super) fn new(network: &Network, host: &str, to: &str, limits: Limits) -> Result<Self, ForgeError> {
        let unreachable = |why: &str| ForgeError::Unreachable {
            host: host.to_owned(),
            why: why.into(),
        };
        let to = to
            .parse()
            .map_err(|_| unreachable("the address cannot be sent"))?;
        // octocrab starts a task as soon as there is one to be started on.
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(unreachable(
                "the client was made outside of an asynchronous runtime",
            ));
        }
        Ok(Self {
            network: network.clone(),
            host: host.to_owned(),
            to,
            limits,
            line: Mutex::new(None),
        })
    }

    /// Told of each time that all connections are left, from now on.
    pub(super) fn leaving(&self) -> watch::Receiver<()> {
        self.network.leaving()
    }

    /// What sends requests.
    pub(super) fn crab(&self) -> Result<Octocrab, ForgeError> {
        let now = self.network.now();
        let mut line = self.line();
        if let Some(line) = line.as_ref().filter(|line| line.generation == now.generation) {
            return Ok(line.crab.clone());
        }
        let made = Line::new(&now, &self.host, &self.to, self.limits)?;
        Ok(line.insert(made).crab.clone())
    }

    fn line(&self) -> MutexGuard<'_, Option<Line>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in an answer to `ask`; `false` where it is one that came before and was about something else: a proxy
    /// sent it twice, and on its connection every further answer would be one too late. Then no connection of these
    /// is used again.
    pub(super) fn is_in_step(&self, ask: &Ask, url: &str, headers: &HeaderMap) -> bool {
        let mut held = self.line();
        let in_step = held
            .as_mut()
            .is_none_or(|line| line.is_in_step(ask, url, headers));
        if !in_step {
            *held = None;
        }
        in_step
    }

    /// Sorts a failed exchange: did it end before anything was sent, and where on the way?
    pub(super) fn broken(&self, error: &(dyn StdError + 'static)) -> ForgeError {
        let (mut before, mut tunnel) = (false, None);
        let mut next = Some(error);
        while let Some(one) = next {
            if let Some(http) = one.downcast_ref::<reqwest::Error>() {
                before |= http.is_connect() || http.is_builder();
            }
            // Its type has no name outside of hyper-util.
            if let Some(what) = one.to_string().strip_prefix("tunnel error: ") {
                tunnel = Some(what.to_owned());
            }
            next = one.source();
        }
        let (host, why) = (self.host.clone(), words(error));
        if !before {
            return ForgeError::Interrupted { host, why };
        }
        // The next call asks the system anew for its proxy and its certificates.
        let proxy = self.line().take().and_then(|line| line.proxy);
        match (distrust(error), tunnel, proxy) {
            (Some(why), ..) => ForgeError::Untrusted { host, why },
            (None, Some(tunnel), Some(proxy)) => ForgeError::Proxied {
                proxy: proxy.name(),
                why: match (tunnel.as_str(), &proxy.authorization) {
                    ("proxy authorization required", None) => ProxyTrouble::AsksWho,
                    ("proxy authorization required", Some(_)) => ProxyTrouble::RefusesWho,
                    ("failed to create underlying connection", _) => ProxyTrouble::Unreachable(why),
                    ("unsuccessful", _) => ProxyTrouble::Refuses("it answered with an error".into()),
                    _ => ProxyTrouble::Refuses(why),
                },
            },
            (None, ..) => ForgeError::Unreachable { host, why },
        }
    }
}

impl Line {
    /// Connections of its own: none is made yet.
    fn new(now: &Now, host: &str, to: &Uri, limits: Limits) -> Result<Self, ForgeError> {
        let unreachable = |why: String| ForgeError::Unreachable {
            host: host.to_owned(),
            why,
        };
        let tls = trust::config(&now.settings.authorities).map_err(unreachable)?;
        let mut http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .connect_timeout(limits.connect)
            // Redirects are followed by the client, where it is known which hosts may have the token.
            .redirect(reqwest::redirect::Policy::none())
            // Whether a request may be sent twice is the caller's decision alone.
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy();
        let proxy = match route(now, to).map_err(Foreign::error)? {
            Route::Direct => None,
            Route::Through(proxy) => {
                let made = reqwest::Proxy::all(proxy.uri.to_string());
                let mut made = made.map_err(|error| unreachable(words(&error)))?;
                if let Some(authorization) = &proxy.authorization {
                    made = made.custom_http_auth(authorization.clone());
                }
                http = http.proxy(made);
                Some(proxy)
            }
        };
        let http = http.build().map_err(|error| unreachable(words(&error)))?;
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
            proxy,
            generation: now.generation,
            lately: VecDeque::new(),
        })
    }

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

/// The innermost cause: the outer ones repeat it, with the address and with backtraces.
pub(super) fn words(error: &(dyn StdError + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    plain(&innermost.to_string())
}
