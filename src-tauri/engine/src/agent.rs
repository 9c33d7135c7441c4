//! ssh-agent: which keys it holds, and signatures by them.
//!
//! Two requests of the agent's protocol are spoken here. The client crates hand signatures out decoded by ssh-key
//! 0.6, which loses where the signature of a `sk-ecdsa` key ends and its flags begin, and they refuse the whole list
//! when one key in it is of a kind that they cannot read. An approval is assembled from the agent's own bytes.
//!
//! Source: draft-ietf-sshm-ssh-agent, sections 3 to 5.

use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::time::Duration;

use countersign_core::signature::Key;

use crate::limited::{self, Outcome};

const FAILURE: u8 = 5;
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;

/// Longest message taken from an agent, in bytes. Source: OpenSSH's `AGENT_MAX_LEN`.
const MAX_MESSAGE: u32 = 256 * 1024;

/// Longest wait for the list of keys.
const LIST_LIMIT: Duration = Duration::from_secs(5);
/// Longest wait for a signature: somebody has to find the security key and touch it.
const SIGN_LIMIT: Duration = Duration::from_secs(60);

/// A key in the agent that can sign approvals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentKey {
    /// The key.
    pub key: Key,
    /// Its comment. Hostile text.
    pub comment: String,
}

/// What an agent holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The keys that can sign approvals.
    pub keys: Vec<AgentKey>,
    /// Algorithm and comment of those that cannot: RSA, certificates, other curves. Hostile text.
    pub unusable: Vec<(String, String)>,
}

/// Why the agent did not do what was asked. Each says what happened, what was kept, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgentError {
    /// The environment names none.
    #[error(
        "No ssh-agent is set up: SSH_AUTH_SOCK was not set when Countersign started. Start one (or the desktop's), add a key with ssh-add, and start Countersign again."
    )]
    None,
    /// Nobody listens there.
    #[error(
        "ssh-agent cannot be reached at {socket} ({why}). It has probably ended. Start it again at that address, or start Countersign with the SSH_AUTH_SOCK of another."
    )]
    Unreachable {
        /// Where it should be.
        socket: String,
        /// The system's words.
        why: String,
    },
    /// It shows no keys. A locked agent answers exactly so.
    #[error(
        "ssh-agent shows no keys: it is locked, or empty. Unlock it (ssh-add -X) or add a key (ssh-add)."
    )]
    Empty,
    /// The list of keys did not come.
    #[error(
        "ssh-agent did not answer within {seconds} seconds. Nothing was signed. Look for its own question on the screen, then try again."
    )]
    Silent {
        /// How long was waited.
        seconds: u64,
    },
    /// The signature did not come.
    #[error(
        "No signature came within {seconds} seconds. Nothing was signed. Try again and touch the security key when it blinks, or answer the agent's question."
    )]
    NotTouched {
        /// How long was waited.
        seconds: u64,
    },
    /// The key was there when it was chosen and is not now.
    #[error(
        "ssh-agent no longer holds the key {fingerprint}. Nothing was signed. Add it again (ssh-add) or plug the security key in, or choose another key."
    )]
    KeyGone {
        /// The key.
        fingerprint: String,
    },
    /// It holds the key and does not sign.
    #[error(
        "ssh-agent refused to sign with {fingerprint}: its question was answered with no, the touch did not come, or the PIN was wrong. Nothing was signed. Try again."
    )]
    Refused {
        /// The key.
        fingerprint: String,
    },
    /// It speaks something else.
    #[error(
        "What answers as ssh-agent cannot be understood ({why}). Nothing was signed. Check which program listens at SSH_AUTH_SOCK."
    )]
    Garbled {
        /// What was wrong.
        why: String,
    },
}

/// The keys in the agent that listens at `socket`.
///
/// # Errors
/// [`AgentError::Empty`] for an agent without keys; else why there is no list.
pub async fn list(socket: &Path) -> Result<Listing, AgentError> {
    let at = socket.to_owned();
    match limited::run("ssh-agent", LIST_LIMIT, move || list_now(&at, LIST_LIMIT)).await {
        Outcome::Done(result) => result,
        Outcome::TimedOut => Err(AgentError::Silent {
            seconds: LIST_LIMIT.as_secs(),
        }),
        Outcome::Broken => Err(garbled("its client broke down")),
    }
}

/// The agent's signature over `data`: the algorithm's name and the signature, each with its length, and for a
/// security key the flags and the counter; exactly the agent's bytes.
///
/// # Errors
/// Why there is no signature.
pub async fn sign(socket: &Path, key: &Key, data: &[u8]) -> Result<Vec<u8>, AgentError> {
    sign_within(socket, key, data, SIGN_LIMIT).await
}

async fn sign_within(socket: &Path, key: &Key, data: &[u8], limit: Duration) -> Result<Vec<u8>, AgentError> {
    let (at, wanted, data) = (socket.to_owned(), key.clone(), data.to_vec());
    let late = || AgentError::NotTouched {
        seconds: limit.as_secs(),
    };
    match limited::run("ssh-agent", limit, move || sign_now(&at, &wanted, &data, limit)).await {
        Outcome::Done(Err(AgentError::Silent { .. })) | Outcome::TimedOut => Err(late()),
        Outcome::Done(result) => result,
        Outcome::Broken => Err(garbled("its client broke down")),
    }
}

fn list_now(socket: &Path, limit: Duration) -> Result<Listing, AgentError> {
    let answer = ask(socket, &[REQUEST_IDENTITIES], limit)?;
    let body = answer
        .strip_prefix(&[IDENTITIES_ANSWER])
        .ok_or_else(|| garbled("no list of keys"))?;
    let listing = read_listing(body).ok_or_else(|| garbled("its list of keys is cut short"))?;
    if listing.keys.is_empty() && listing.unusable.is_empty() {
        Err(AgentError::Empty)
    } else {
        Ok(listing)
    }
}

fn sign_now(socket: &Path, key: &Key, data: &[u8], limit: Duration) -> Result<Vec<u8>, AgentError> {
    let mut request = vec![SIGN_REQUEST];
    put(&mut request, key.blob());
    put(&mut request, data);
    // No flags: they exist for RSA only.
    request.extend(0u32.to_be_bytes());
    let answer = ask(socket, &request, limit)?;
    if answer == [FAILURE] {
        // The agent gives no reason; whether it still shows the key tells the two apart that call for different deeds.
        let fingerprint = key.fingerprint();
        return Err(match list_now(socket, LIST_LIMIT) {
            Ok(listing) if listing.keys.iter().any(|held| &held.key == key) => {
                AgentError::Refused { fingerprint }
            }
            Ok(_) => AgentError::KeyGone { fingerprint },
            Err(error) => error,
        });
    }
    let mut rest = answer
        .strip_prefix(&[SIGN_RESPONSE])
        .ok_or_else(|| garbled("no signature"))?;
    match string(&mut rest) {
        Some(signature) if rest.is_empty() => Ok(signature.to_vec()),
        Some(_) | None => Err(garbled("its signature is not whole")),
    }
}

fn read_listing(mut body: &[u8]) -> Option<Listing> {
    let mut listing = Listing::default();
    for _ in 0..number(&mut body)? {
        let blob = string(&mut body)?;
        let comment = String::from_utf8_lossy(string(&mut body)?).into_owned();
        match Key::from_blob(blob) {
            Ok(key) => listing.keys.push(AgentKey { key, comment }),
            Err(_) => {
                let mut inside = blob;
                let algorithm = string(&mut inside).map_or("unreadable".into(), String::from_utf8_lossy);
                listing.unusable.push((algorithm.into_owned(), comment));
            }
        }
    }
    body.is_empty().then_some(listing)
}

/// One request and its answer, without the length in front.
fn ask(socket: &Path, request: &[u8], limit: Duration) -> Result<Vec<u8>, AgentError> {
    let failed = |error: std::io::Error| {
        // Which of the two a socket's time limit gives differs between systems.
        if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) {
            AgentError::Silent {
                seconds: limit.as_secs(),
            }
        } else {
            garbled(&error.to_string())
        }
    };
    let mut stream = connect(socket, limit).map_err(|error| AgentError::Unreachable {
        socket: socket.display().to_string(),
        why: error.to_string(),
    })?;
    let mut framed = Vec::with_capacity(request.len() + 4);
    put(&mut framed, request);
    stream.write_all(&framed).map_err(failed)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length).map_err(failed)?;
    let length = u32::from_be_bytes(length);
    if length == 0 || length > MAX_MESSAGE {
        return Err(garbled("its answer has no sensible length"));
    }
    let mut answer = Vec::new();
    stream
        .take(u64::from(length))
        .read_to_end(&mut answer)
        .map_err(failed)?;
    if answer.len() as u64 == u64::from(length) {
        Ok(answer)
    } else {
        Err(garbled("its answer is cut short"))
    }
}

#[cfg(unix)]
fn connect(socket: &Path, limit: Duration) -> std::io::Result<impl Read + Write + use<>> {
    let stream = std::os::unix::net::UnixStream::connect(socket)?;
    // So that the thread ends too when nobody waits for it any more.
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    Ok(stream)
}

/// Windows' own agent listens at a named pipe, `\\.\pipe\openssh-ssh-agent`, which opens as a file.
#[cfg(not(unix))]
fn connect(socket: &Path, _limit: Duration) -> std::io::Result<impl Read + Write + use<>> {
    std::fs::OpenOptions::new().read(true).write(true).open(socket)
}

fn garbled(why: &str) -> AgentError {
    AgentError::Garbled { why: why.to_owned() }
}

fn put(to: &mut Vec<u8>, part: &[u8]) {
    let length = u32::try_from(part.len()).expect("no request comes near four gigabytes");
    to.extend(length.to_be_bytes());
    to.extend(part);
}

fn number(from: &mut &[u8]) -> Option<u32> {
    let (number, rest) = from.split_first_chunk::<4>()?;
    *from = rest;
    Some(u32::from_be_bytes(*number))
}

fn string<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(number(from)?).ok()?;
    let (string, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(string)
}

#[cfg(test)]
#[cfg(unix)]
#[path = "agent_tests.rs"]
mod tests;
