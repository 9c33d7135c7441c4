//! The way to the forge, station by station, so that the one that fails is known by name. The first ones are gone by
//! hand, because an HTTP client tells of all of them only that there was no connection; what answers is then asked by
//! the real client, over connections of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use rustls::pki_types::ServerName;
use secrecy::SecretString;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::GitHub;
use super::answer::{Answer, plain, refusal};
use super::client::{Client, Limits};
use crate::network::certificate;
use crate::network::route::{Foreign, Proxy, Route, route};
use crate::network::trust::{self, distrust};
use crate::network::{Network, Now};
use crate::ports::{Address, Examination, ForgeError, Passed, ProxyTrouble, Station};

/// Longest head of a proxy's answer, in bytes.
const LONGEST_HEAD: usize = 8 << 10;
/// Which Enterprise Server it is, on each of its answers.
const VERSION: &str = "x-github-enterprise-version";

/// What bytes go over.
trait Line: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Line for T {}

/// Where the way ended.
type Ended = (Station, ForgeError);

/// Goes the way, with the token where there is one.
pub(super) async fn examine(
    address: &Address,
    token: Option<SecretString>,
    network: &Network,
    limits: Limits,
) -> Examination {
    let mut walk = Walk {
        address,
        now: network.now(),
        limits,
        seen: Examination {
            passed: Vec::new(),
            ended: None,
            forge_time: None,
        },
    };
    let gone = match walk.arrive().await {
        Ok(()) => walk.ask(token, network).await,
        Err(ended) => Err(ended),
    };
    walk.seen.ended = gone.err();
    walk.seen
}

struct Walk<'a> {
    address: &'a Address,
    now: Now,
    limits: Limits,
    seen: Examination,
}

impl Walk<'_> {
    fn unreachable(&self, why: impl Into<String>) -> ForgeError {
        ForgeError::Unreachable {
            host: self.address.host.clone(),
            why: why.into(),
        }
    }

    fn pass(&mut self, passed: Passed) {
        self.seen.passed.push(passed);
    }

    /// As far as an encrypted connection with whoever is there.
    async fn arrive(&mut self) -> Result<(), Ended> {
        let uri: Uri = (self.address.rest.parse())
            .map_err(|_| (Station::Name, self.unreachable("the address cannot be sent")))?;
        let host = uri.host().unwrap_or_default().to_owned();
        let secure = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let to = format!("{host}:{port}");
        let way = route(&self.now, &uri).map_err(Foreign::error);
        let line: Box<dyn Line> = match way.map_err(|error| (Station::Proxy, error))? {
            Route::Direct => {
                self.pass(Passed::Direct);
                let found = look_up(&to, self.limits.connect).await;
                let found = found.map_err(|why| (Station::Name, self.unreachable(why)))?;
                let address = found.first().map_or_else(String::new, |one| one.ip().to_string());
                self.pass(Passed::Name {
                    host: host.clone(),
                    address,
                });
                let line = connect(&found, self.limits.connect).await;
                Box::new(line.map_err(|why| (Station::Connection, self.unreachable(why)))?)
            }
            Route::Through(proxy) => self.through(&proxy, &to).await?,
        };
        self.pass(Passed::Connection { to });
        if secure {
            let issuer = self.shake_hands(line, &host).await?;
            self.pass(Passed::Certificate { issuer });
        }
        Ok(())
    }

    /// A tunnel through the proxy.
    async fn through(&mut self, proxy: &Proxy, to: &str) -> Result<Box<dyn Line>, Ended> {
        let name = proxy.name();
        let failed = |why: ProxyTrouble| {
            let proxy = name.clone();
            (Station::Proxy, ForgeError::Proxied { proxy, why })
        };
        let gone = |why: String| failed(ProxyTrouble::Unreachable(why));
        let found = look_up(&name, self.limits.connect).await.map_err(gone)?;
        let line = connect(&found, self.limits.connect).await.map_err(gone)?;
        let mut line: Box<dyn Line> = Box::new(line);
        if proxy.uri.scheme_str() == Some("https") {
            let host = proxy.uri.host().unwrap_or_default();
            let secured = secured(&self.now, line, host, self.limits.connect).await;
            line = Box::new(secured.map_err(|error| {
                let why = distrust(&error).map_or_else(|| innermost(&error), |why| why.to_string());
                gone(why)
            })?);
        }
        let asked = tokio::time::timeout(self.limits.connect, tunnel(&mut line, proxy, to)).await;
        let status = match asked {
            Ok(Ok(status)) => status,
            Ok(Err(error)) => return Err(failed(ProxyTrouble::Refuses(innermost(&error)))),
            Err(_) => return Err(failed(ProxyTrouble::Refuses("it does not answer".into()))),
        };
        self.pass(Passed::Proxy {
            name: name.clone(),
            of_system: proxy.of_system,
        });
        match (status.split(' ').nth(1), &proxy.authorization) {
            (Some("200"), _) => Ok(line),
            (Some("407"), None) => Err(failed(ProxyTrouble::AsksWho)),
            (Some("407"), Some(_)) => Err(failed(ProxyTrouble::RefusesWho)),
            _ => Err(failed(ProxyTrouble::Refuses(format!("it answered {status:?}")))),
        }
    }

    /// Who vouches for whoever is there.
    async fn shake_hands(&self, line: Box<dyn Line>, host: &str) -> Result<String, Ended> {
        let line = secured(&self.now, line, host, self.limits.connect).await;
        let line = line.map_err(|error| {
            let error = match distrust(&error) {
                Some(why) => ForgeError::Untrusted {
                    host: self.address.host.clone(),
                    why,
                },
                None => self.unreachable(format!("TLS could not be agreed on: {}", innermost(&error))),
            };
            (Station::Certificate, error)
        })?;
        let shown = line.get_ref().1.peer_certificates().unwrap_or_default();
        let last = shown.last().and_then(|last| certificate::names(last));
        Ok(last.map_or_else(String::new, |names| names.issuer))
    }

    /// What is there: a forge, and whose token it is.
    async fn ask(&mut self, token: Option<SecretString>, network: &Network) -> Result<(), Ended> {
        let at = |station| move |error: ForgeError| (station, error);
        let client = Client::anonymous(self.address, &self.address.rest, network, self.limits);
        let client = client.map_err(at(Station::Interface))?;
        let asked = client
            .call_any(&client.get("/meta", "the forge's interface"))
            .await;
        let answer = asked.map_err(at(Station::Interface))?;
        self.seen.forge_time = answer.date();
        let version = version(&answer).map_err(at(Station::Interface))?;
        self.pass(Passed::Interface { version });
        let Some(token) = token else { return Ok(()) };
        let forge = GitHub::with_limits(self.address, token, network, self.limits);
        let forge = forge.map_err(at(Station::Token))?;
        let viewer = forge.read_viewer().await.map_err(at(Station::Token))?;
        self.pass(Passed::Token(Box::new(viewer)));
        Ok(())
    }
}

/// The version that an Enterprise Server says of itself. One in private mode refuses to say more than that it is one,
/// and GitHub.com refuses who asked too often without a token: both are answers of a forge.
/// Source: "Meta" in GitHub's REST documentation, `installed_version`.
fn version(answer: &Answer) -> Result<Option<String>, ForgeError> {
    let named = answer.header(VERSION).map(plain);
    let body: Value = match answer.json() {
        Ok(body) => body,
        // A refusal's body can be anything; a success has to be the forge's.
        Err(error) if answer.status.is_success() => return Err(error),
        Err(_) => return Err(refusal(answer, "the forge's interface")),
    };
    let refuses = matches!(answer.status.as_u16(), 401 | 403 | 429) && body["message"].is_string();
    let told = answer.status.is_success() && body["verifiable_password_authentication"].is_boolean();
    if !refuses && !told {
        return Err(answer.garbled("it is not GitHub's interface"));
    }
    Ok(body["installed_version"].as_str().map(plain).or(named))
}

async fn look_up(to: &str, limit: Duration) -> Result<Vec<SocketAddr>, String> {
    match tokio::time::timeout(limit, tokio::net::lookup_host(to)).await {
        Ok(Ok(found)) => {
            let found: Vec<SocketAddr> = found.collect();
            if found.is_empty() {
                return Err("its name stands for no address".into());
            }
            Ok(found)
        }
        Ok(Err(error)) => Err(format!("its name cannot be looked up ({})", innermost(&error))),
        Err(_) => Err("nobody answers what its name stands for".into()),
    }
}

async fn connect(to: &[SocketAddr], limit: Duration) -> Result<TcpStream, String> {
    match tokio::time::timeout(limit, TcpStream::connect(to)).await {
        Ok(Ok(line)) => Ok(line),
        Ok(Err(error)) => Err(innermost(&error)),
        Err(_) => Err(format!("nobody answers within {} s", limit.as_secs_f32())),
    }
}

async fn secured(
    now: &Now,
    line: Box<dyn Line>,
    host: &str,
    limit: Duration,
) -> std::io::Result<tokio_rustls::client::TlsStream<Box<dyn Line>>> {
    let config = trust::config(&now.settings.authorities).map_err(std::io::Error::other)?;
    let name = ServerName::try_from(host.to_owned()).map_err(std::io::Error::other)?;
    let shaking = TlsConnector::from(Arc::new(config)).connect(name, line);
    tokio::time::timeout(limit, shaking)
        .await
        .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}

/// Asks for a tunnel and gives the answer's first line. Source: RFC 9110, 9.3.6.
async fn tunnel(line: &mut Box<dyn Line>, proxy: &Proxy, to: &str) -> std::io::Result<String> {
    let mut head = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n").into_bytes();
    if let Some(authorization) = &proxy.authorization {
        head.extend_from_slice(b"Proxy-Authorization: ");
        head.extend_from_slice(authorization.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    line.write_all(&head).await?;
    line.flush().await?;
    let mut answer = Vec::new();
    // Not one byte more: what follows is the forge's.
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() >= LONGEST_HEAD {
            return Err(std::io::Error::other("its answer is no answer of a proxy"));
        }
        answer.push(line.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&answer);
    Ok(plain(text.lines().next().unwrap_or_default()))
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    super::way::words(error)
}
