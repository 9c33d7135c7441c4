//! A proxy as companies run them: it opens tunnels (`CONNECT`) to the hosts that it knows, may ask who one is, and
//! writes down all that it saw.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Longest head of a request that is read, in bytes.
const LONGEST_HEAD: usize = 8 << 10;
/// Most bytes of what passed that are written down.
const LONGEST_RECORD: usize = 8 << 20;
/// A client that says nothing is not waited for longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a proxy saw.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The heads of all requests.
    pub heads: Vec<String>,
    /// What clients sent through tunnels.
    pub passed: Vec<u8>,
}

impl Seen {
    /// How many requests asked for a tunnel to that host and port.
    pub fn tunnels(&self, to: &str) -> usize {
        let line = format!("CONNECT {to} HTTP/1.1\r\n");
        self.heads.iter().filter(|head| head.starts_with(&line)).count()
    }
}

/// How the proxy answers.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Host and port, and the port of 127.0.0.1 that they lead to.
    pub known: HashMap<String, u16>,
    /// Who may pass: name and password.
    pub asks: Option<(String, String)>,
    /// It lets nobody through.
    pub forbids: bool,
}

/// A running proxy on 127.0.0.1; it ends when dropped.
pub struct Proxy {
    address: String,
    rules: Arc<Mutex<Rules>>,
    seen: Arc<Mutex<Seen>>,
    /// Told when all tunnels break.
    cut: watch::Sender<()>,
    serving: JoinHandle<()>,
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Proxy {
    /// A proxy that knows one host, and asks nobody who they are.
    pub async fn to(host: &str, port: u16) -> Result<Self> {
        let known = HashMap::from([(host.to_owned(), port)]);
        let rules = Rules {
            known,
            ..Rules::default()
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?.to_string();
        let (rules, seen) = (Arc::new(Mutex::new(rules)), Arc::new(Mutex::new(Seen::default())));
        let shared = (Arc::clone(&rules), Arc::clone(&seen));
        let cut = watch::Sender::new(());
        let cuts = cut.clone();
        let serving = tokio::spawn(async move {
            // Connections end with the task that serves them.
            let mut open = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let ((rules, seen), mut cut) = (shared.clone(), cuts.subscribe());
                open.spawn(async move {
                    // A broken connection is the client's to notice.
                    tokio::select! {
                        _ = serve(stream, &rules, &seen) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Ok(Self {
            address,
            rules,
            seen,
            cut,
            serving,
        })
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What a user types, and what `HTTPS_PROXY` holds.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on only who says this passes.
    pub fn asks(&self, user: &str, password: &str) {
        held(&self.rules).asks = Some((user.to_owned(), password.to_owned()));
    }

    /// From now on nobody passes.
    pub fn forbids(&self) {
        held(&self.rules).forbids = true;
    }

    /// From now on this host and port lead to another port of 127.0.0.1; the tunnels that are open break.
    pub fn leads(&self, to: &str, port: u16) {
        held(&self.rules).known.insert(to.to_owned(), port);
        self.cut.send_replace(());
    }

    /// What it saw so far.
    pub fn seen(&self) -> Seen {
        held(&self.seen).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(mut client: TcpStream, rules: &Mutex<Rules>, seen: &Mutex<Seen>) -> Result<()> {
    let head = tokio::time::timeout(PATIENCE, head(&mut client)).await??;
    held(seen).heads.push(head.clone());
    let now = held(rules).clone();
    let target = head
        .strip_prefix("CONNECT ")
        .and_then(|rest| rest.split(' ').next());
    let refusal = if !passes(&head, now.asks.as_ref()) {
        Some("407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm=\"the company's proxy\"")
    } else if now.forbids {
        Some("403 Forbidden")
    } else if target.is_none() {
        Some("405 Method Not Allowed")
    } else {
        None
    };
    let port = target.and_then(|target| now.known.get(target));
    let refusal = refusal.or_else(|| port.is_none().then_some("502 Bad Gateway"));
    let (Some(port), None) = (port, refusal) else {
        let status = refusal.unwrap_or("500 Internal Server Error");
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        client.write_all(answer.as_bytes()).await?;
        return Ok(());
    };
    let mut forge = TcpStream::connect(("127.0.0.1", *port)).await?;
    client
        .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_forge, mut to_forge) = forge.split();
    let up = async {
        let mut buffer = [0; 4096];
        loop {
            let count = from_client.read(&mut buffer).await?;
            if count == 0 {
                return to_forge.shutdown().await;
            }
            {
                let mut seen = held(seen);
                let room = LONGEST_RECORD.saturating_sub(seen.passed.len());
                seen.passed.extend_from_slice(&buffer[..count.min(room)]);
            }
            to_forge.write_all(&buffer[..count]).await?;
        }
    };
    let down = async {
        tokio::io::copy(&mut from_forge, &mut to_client).await?;
        to_client.shutdown().await
    };
    tokio::try_join!(up, down)?;
    Ok(())
}

/// Up to the empty line, which it ends with: before the answer a client sends no more.
async fn head(client: &mut TcpStream) -> Result<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        anyhow::ensure!(bytes.len() < LONGEST_HEAD, "the head is too long");
        bytes.push(client.read_u8().await?);
    }
    Ok(String::from_utf8(bytes)?)
}

fn passes(head: &str, asks: Option<&(String, String)>) -> bool {
    let Some((user, password)) = asks else {
        return true;
    };
    let pair = BASE64_STANDARD.encode(format!("{user}:{password}").as_bytes());
    let wanted = format!("Basic {pair}");
    let mut headers = head.lines().filter_map(|line| line.split_once(": "));
    headers.any(|(name, value)| name.eq_ignore_ascii_case("proxy-authorization") && value == wanted)
}
