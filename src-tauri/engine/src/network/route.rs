//! By which proxy an address is reached.

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;
use secrecy::ExposeSecret as _;

use super::{Now, ProxyChoice};
use crate::ports::ProxyTrouble;

/// The way to one address.
#[derive(Clone)]
pub(crate) enum Route {
    /// Straight there.
    Direct,
    /// Through a proxy.
    Through(Proxy),
}

/// A proxy that is asked for a tunnel.
#[derive(Clone)]
pub(crate) struct Proxy {
    /// `http` or `https`, host and port; no name and no password.
    pub(crate) uri: Uri,
    /// What it is told of who asks. A secret.
    pub(crate) authorization: Option<HeaderValue>,
    /// Not typed by the user.
    pub(crate) of_system: bool,
}

impl Proxy {
    /// Host and port, to be shown.
    pub(crate) fn name(&self) -> String {
        name(&self.uri)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// A proxy of a kind that is not spoken here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Foreign(pub(crate) String);

impl Foreign {
    pub(crate) fn error(self) -> crate::ports::ForgeError {
        crate::ports::ForgeError::Proxied {
            proxy: self.0,
            why: ProxyTrouble::Foreign,
        }
    }
}

fn name(uri: &Uri) -> String {
    let host = uri.host().unwrap_or_default();
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") {
        443
    } else {
        80
    });
    format!("{host}:{port}")
}

/// How `to` is reached now. The system is asked each time: a laptop comes and goes.
///
/// # Errors
/// The system names a proxy of another kind than `http` and `https`.
pub(crate) fn route(now: &Now, to: &Uri) -> Result<Route, Foreign> {
    // A proxy could not reach a forge on this machine, and must not see its token.
    if to.host().is_none_or(is_loopback) {
        return Ok(Route::Direct);
    }
    let (matcher, of_system) = match &now.settings.proxy {
        ProxyChoice::Direct => return Ok(Route::Direct),
        ProxyChoice::System => (Matcher::from_system(), true),
        ProxyChoice::At(proxy) => (Matcher::builder().all(proxy.as_str()).build(), false),
    };
    chosen(now, &matcher, of_system, to)
}

fn chosen(now: &Now, matcher: &Matcher, of_system: bool, to: &Uri) -> Result<Route, Foreign> {
    let Some(found) = matcher.intercept(to) else {
        return Ok(Route::Direct);
    };
    let uri = found.uri().clone();
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(Foreign(format!(
            "{}://{}",
            uri.scheme_str().unwrap_or_default(),
            uri.authority().map_or("", http::uri::Authority::as_str)
        )));
    }
    let name = name(&uri);
    let told = now.settings.user.as_ref().filter(|user| user.proxy == name);
    let authorization = match (told, &now.password) {
        (Some(user), Some(password)) => basic(&user.user, password.expose_secret()),
        _ => found.basic_auth().cloned(),
    };
    Ok(Route::Through(Proxy {
        uri,
        authorization,
        of_system,
    }))
}

/// Source: RFC 7617.
fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    let pair = BASE64_STANDARD.encode(format!("{user}:{password}").as_bytes());
    let mut value = HeaderValue::try_from(format!("Basic {pair}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Reads what a person typed as the proxy's address: `proxy.example:3128`, `http://proxy.example:3128`.
///
/// # Errors
/// In words, what is wrong with it. A name and a password in it are refused: what is typed there is shown and kept.
pub(crate) fn proxy_address(text: &str) -> Result<Uri, &'static str> {
    let text = text.trim().trim_end_matches('/');
    let whole = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let uri: Uri = whole.parse().map_err(|_| "it is not an address")?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err("it has to begin with http:// or https://");
    }
    if uri.path() != "/" || uri.query().is_some() {
        return Err("it has to end with the port");
    }
    let authority = uri.authority().map_or("", http::uri::Authority::as_str);
    if authority.contains('@') {
        return Err("the user and the password have fields of their own");
    }
    if uri.host().is_none_or(str::is_empty) || uri.port_u16().is_none() {
        return Err("it has to name a host and a port, as in http://proxy.example:3128");
    }
    Ok(uri)
}

/// The host and port of a proxy's address, by which its user is kept.
pub(crate) fn proxy_name(uri: &Uri) -> String {
    name(uri)
}

fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Network, ProxyUser};

    fn now(proxy: ProxyChoice) -> Now {
        let network = Network::usual();
        network
            .change(|settings| {
                settings.proxy = proxy;
                settings.user = Some(ProxyUser {
                    proxy: "proxy.example:3128".into(),
                    user: "mika".into(),
                });
            })
            .unwrap();
        network.hold_password(Some("pass:word".to_owned().into()));
        network.now()
    }

    fn through(route: Route) -> Proxy {
        match route {
            Route::Through(proxy) => proxy,
            Route::Direct => panic!("no proxy"),
        }
    }

    #[test]
    fn the_forge_on_this_machine_is_reached_without_a_proxy_and_any_other_through_it() {
        let now = now(ProxyChoice::At("http://proxy.example:3128".into()));
        for to in ["https://localhost:8443/x", "http://127.0.0.1:80/"] {
            assert!(
                matches!(route(&now, &Uri::from_static(to)), Ok(Route::Direct)),
                "{to}"
            );
        }
        // Other machines, whatever they are called.
        for to in ["https://localhost.corp/x", "https://127.0.0.1.corp/x"] {
            assert!(
                matches!(route(&now, &Uri::from_static(to)), Ok(Route::Through(_))),
                "{to}"
            );
        }
        let proxy = through(route(&now, &Uri::from_static("https://api.github.com/user")).unwrap());
        assert_eq!(
            (proxy.name().as_str(), proxy.of_system),
            ("proxy.example:3128", false)
        );
        assert_eq!(
            proxy.authorization.as_ref().unwrap(),
            "Basic bWlrYTpwYXNzOndvcmQ=",
            "RFC 7617: the password may hold a colon"
        );
        assert!(proxy.authorization.unwrap().is_sensitive());
    }

    #[test]
    fn another_proxy_than_the_one_they_are_for_never_hears_of_user_and_password() {
        let now = now(ProxyChoice::At("http://other.example:3128".into()));
        let proxy = through(route(&now, &Uri::from_static("https://api.github.com/")).unwrap());
        assert!(proxy.authorization.is_none());
    }

    #[test]
    fn the_systems_proxy_its_exceptions_and_its_own_user() {
        let now = now(ProxyChoice::System);
        let matcher = Matcher::builder()
            .https("http://own:secret@proxy.corp:8080")
            .no("ghe.corp, 10.0.0.0/8")
            .build();
        let at = |to: &'static str| chosen(&now, &matcher, true, &Uri::from_static(to));
        assert!(matches!(at("https://ghe.corp/api/v3"), Ok(Route::Direct)));
        assert!(matches!(at("https://10.1.2.3/api/v3"), Ok(Route::Direct)));
        let proxy = through(at("https://api.github.com/").unwrap());
        assert_eq!(
            (proxy.name().as_str(), proxy.of_system),
            ("proxy.corp:8080", true)
        );
        assert_eq!(proxy.authorization.as_ref().unwrap(), "Basic b3duOnNlY3JldA==");
        assert!(!format!("{proxy:?} {}", proxy.uri).contains("secret"));
        let matcher = Matcher::builder()
            .all("socks5://own:secret@proxy.corp:1080")
            .build();
        let foreign = chosen(&now, &matcher, true, &Uri::from_static("https://api.github.com/")).err();
        assert_eq!(foreign, Some(Foreign("socks5://proxy.corp:1080".into())));
    }

    #[test]
    fn what_a_person_types_as_a_proxy() {
        for (text, name) in [
            ("proxy.example:3128", "proxy.example:3128"),
            (" http://proxy.example:3128/ ", "proxy.example:3128"),
            ("https://proxy.example:443", "proxy.example:443"),
        ] {
            assert_eq!(proxy_name(&proxy_address(text).unwrap()), name);
        }
        for text in [
            "",
            "proxy.example",
            "socks5://proxy.example:1080",
            "http://mika:pw@proxy.example:3128",
            "http://proxy.example:3128/proxy.pac",
            "a b:1",
        ] {
            assert!(proxy_address(text).is_err(), "{text:?}");
        }
    }
}
