//! The two ways out of the engine: the forge and the desktop. Everything else that it needs is either a value, a
//! function, or real in the tests too.

mod device;
mod examination;
mod proposal;

use std::future::Future;
use std::path::PathBuf;

use countersign_core::change::{Change, ChangeId, ChangeState, Oid, Person, Review};
use countersign_core::decision::Decision;
use countersign_core::finding::Severity;
use countersign_core::verify::Input;
use countersign_prompt::{Purpose, Unprompted};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

pub use device::{DeviceAnswer, DeviceCode};
pub use examination::{Examination, Passed, Station};
pub use proposal::{Proposal, Proposed, Trusted};

use crate::network::Network;

/// Where a forge is: host and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Host with a port where it is not the standard one: `github.com`, `ghe.example.com`, `127.0.0.1:8080`.
    pub host: String,
    /// Base of the REST API, without a slash at its end.
    pub rest: String,
    /// The GraphQL endpoint.
    pub graphql: String,
    /// Base for links that a person opens, without a slash at its end.
    pub web: String,
}

/// The text does not name a forge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} does not name a forge: type a host such as github.com; http:// is allowed for this machine only"
)]
pub struct NotAForge(pub String);

impl Address {
    /// Reads what a person typed: `github.com`, `https://ghe.example.com`, `http://127.0.0.1:8080`.
    ///
    /// GitHub.com's API lives on a host of its own, an Enterprise Server's under `/api`. A token must not travel in
    /// the clear, so `http://` is accepted for loopback addresses only. Source: "About the REST API" of both.
    pub fn parse(text: &str) -> Result<Self, NotAForge> {
        let bad = || NotAForge(text.to_owned());
        let trimmed = text.trim().trim_end_matches('/');
        let (scheme, host) = match trimmed.split_once("://") {
            Some(("https", host)) => ("https", host),
            Some(("http", host)) => ("http", host),
            Some(_) => return Err(bad()),
            None => ("https", trimmed),
        };
        let host = host.to_ascii_lowercase();
        let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
        if name.is_empty() || !host.chars().all(plain) {
            return Err(bad());
        }
        if scheme == "http" && !matches!(name, "127.0.0.1" | "localhost") {
            return Err(bad());
        }
        if host == "github.com" {
            return Ok(Self {
                host,
                rest: "https://api.github.com".into(),
                graphql: "https://api.github.com/graphql".into(),
                web: "https://github.com".into(),
            });
        }
        let web = format!("{scheme}://{host}");
        Ok(Self {
            rest: format!("{web}/api/v3"),
            graphql: format!("{web}/api/graphql"),
            web,
            host,
        })
    }
}

/// Who the token belongs to and what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// The account.
    pub person: Person,
    /// Scopes of a classic or OAuth token (`X-OAuth-Scopes`); `None` for a fine-grained one, which has none.
    pub scopes: Option<Vec<String>>,
    /// `github-authentication-token-expiration`, if the forge sent it.
    pub token_expires_at: Option<Timestamp>,
    /// The forge's `Date`.
    pub forge_time: Option<Timestamp>,
}

/// What is left of the quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Points left.
    pub left: u64,
    /// Points an hour.
    pub limit: u64,
    /// When it is full again.
    pub resets_at: Timestamp,
}

/// One change that a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Node id, for `hydrate`.
    pub node_id: String,
    /// Its head now.
    pub head: Oid,
    /// When the forge last touched it.
    pub updated_at: Timestamp,
    /// Found by `user-review-requested:@me`: asked by name.
    pub by_name: bool,
    /// Found by `review-requested:@me`: by name or through a team.
    pub asked: bool,
    /// Found by `assignee:@me`.
    pub assigned: bool,
    /// Found by `reviewed-by:@me`.
    pub reviewed: bool,
}

/// What one poll saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Every change found, each once.
    pub hits: Vec<Hit>,
    /// Organisations whose changes are hidden until single sign-on is renewed, with the link where the forge gave one.
    pub hidden: Vec<HiddenOrganisation>,
    /// Words for each list that the forge cut ("1,000 of 1,240 assigned changes").
    pub cut: Vec<String>,
    /// The quota after this poll.
    pub quota: Option<Quota>,
    /// The forge's `Date`.
    pub forge_time: Option<Timestamp>,
}

/// An organisation that the token cannot see now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HiddenOrganisation {
    /// Its login or numeric id, as the forge said.
    pub name: String,
    /// Where single sign-on is renewed.
    pub url: Option<String>,
}

/// One change read by node id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hydrated {
    /// Read whole.
    Change(Box<Change>),
    /// The answer has no such change for this token: deleted, transferred, access lost, or left out.
    Gone {
        /// The node id that was asked for.
        node_id: String,
    },
    /// This one could not be understood; the others are not affected.
    Unreadable {
        /// The node id that was asked for.
        node_id: String,
        /// What was wrong with it.
        why: String,
    },
}

/// A file at a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedFile {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its blob id.
    pub blob: Oid,
}

/// A changed file before and after, by the names of its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The raw path.
    pub path: Vec<u8>,
    /// Before; `None` where it was not there, or was no plain file.
    pub old: Option<Oid>,
    /// After; `None` where it is gone, or is no plain file.
    pub new: Option<Oid>,
}

/// A git note on one commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteText {
    /// The commit that it is about.
    pub commit: Oid,
    /// Its text. Hostile text.
    pub text: String,
}

/// Everything that one (target tip, head) pair fixes for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The diff from merge base to head as the forge sent it, byte for byte, or rebuilt from its list of files where
    /// it sends none for its size; `None` where neither can be had.
    pub diff: Option<Vec<u8>>,
    /// What is missing and why, as words for `not_assessed`: `(path or "", reason)`.
    pub missing: Vec<(String, String)>,
    /// Merge base of target tip and head.
    pub merge_base: Option<Oid>,
    /// Tree of the head commit.
    pub head_tree: Option<Oid>,
    /// `git-raw-v1` digest, 64 hexadecimal digits; `None` where the trees cannot be read whole.
    pub changeset: Option<String>,
    /// The changed files by the names of their contents; empty where the trees cannot be read whole.
    pub pairs: Vec<Pair>,
    /// The manifests at the merge base that tell of the repository's parts: path and name of the contents.
    pub manifests: Vec<(String, Oid)>,
    /// Notes of `refs/notes/ai` on the commits.
    pub notes: Vec<NoteText>,
    /// All commits from merge base to head (250 at most), oldest first.
    pub commits: Vec<countersign_core::change::Commit>,
    /// `.github/countersign.toml` at the target's tip.
    pub policy: Option<TrustedFile>,
    /// The policy's `allowed_signers` at the target's tip.
    pub allowed_signers: Option<TrustedFile>,
    /// The policy's `revoked_keys` at the target's tip.
    pub revoked_keys: Option<TrustedFile>,
    /// The organisation's policy, where the repository's extends one that can be read.
    pub organisation: Option<Organisation>,
    /// Everybody who moved the change's branch; `None` where that cannot be told.
    pub pushers: Option<Vec<Person>>,
    /// Whether the target's rules keep approvals when somebody pushes; `None` where no rule says.
    pub keeps_stale: Option<bool>,
    /// CODEOWNERS at the target's tip, with its path.
    pub owners: Option<(String, TrustedFile)>,
    /// Folders in which the change's author has committed nothing before; the root is empty. Context: none where it
    /// cannot be told.
    pub new_to_author: Vec<String>,
}

/// The organisation's policy and the files that it names, at the tip of its repository's default branch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organisation {
    /// The policy's text.
    pub policy: String,
    /// Its allowed signers.
    pub allowed_signers: Option<String>,
    /// Its revoked keys.
    pub revoked_keys: Option<String>,
}

/// Where the change stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadNow {
    /// The change's own number at the forge, which no other change ever has.
    pub change_id: String,
    /// The same of its repository.
    pub repo_id: String,
    /// Its head.
    pub head: Oid,
    /// Its target branch.
    pub target_branch: String,
    /// Open, closed or merged.
    pub state: ChangeState,
    /// Draft.
    pub draft: bool,
    /// The forge's `Date`.
    pub forge_time: Option<Timestamp>,
}

/// What a proxy does instead of letting through.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProxyTrouble {
    /// It is not there.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// 407, and it was given no name and password.
    #[error("asks for a user and a password")]
    AsksWho,
    /// 407 to the name and the password that it was given.
    #[error("does not accept the user and the password")]
    RefusesWho,
    /// Any other answer but the tunnel.
    #[error("does not let through to the forge: {0}")]
    Refuses(String),
    /// Of a kind that is not spoken here.
    #[error("is of a kind that Countersign does not speak: it needs one at http:// or https://")]
    Foreign,
}

/// Why a certificate does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// Nobody whom this machine trusts vouches for it; the issuer's name, hostile text.
    #[error("its certificate is issued by {0}, which this machine does not trust")]
    Issuer(String),
    /// It has ended.
    #[error("its certificate has expired")]
    Expired,
    /// It holds from a later time on.
    #[error("its certificate is not valid yet")]
    NotYet,
    /// It is for somebody else.
    #[error("its certificate is for another host")]
    OtherHost,
    /// Something else, in words.
    #[error("its certificate does not hold: {0}")]
    Other(String),
}

/// Why the forge could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForgeError {
    /// No connection was made: nothing can have happened there.
    #[error("{host} cannot be reached: {why}")]
    Unreachable {
        /// The host.
        host: String,
        /// What failed, in words, without secrets.
        why: String,
    },
    /// A proxy is in the way and does not let through: nothing can have happened at the forge.
    #[error("the proxy {proxy} {why}")]
    Proxied {
        /// The proxy's host and port.
        proxy: String,
        /// What it does instead.
        why: ProxyTrouble,
    },
    /// Whoever answered in the forge's place shows a certificate that does not hold: nothing was sent.
    #[error("{host} was not asked: {why}")]
    Untrusted {
        /// The host.
        host: String,
        /// Why it does not hold.
        why: Distrust,
    },
    /// The connection broke, or no answer came in time: the forge may have done what was asked.
    #[error("the connection to {host} broke before the answer came: {why}")]
    Interrupted {
        /// The host.
        host: String,
        /// What failed, in words, without secrets.
        why: String,
    },
    /// 401.
    #[error("{host} does not accept the token: it is wrong, revoked or expired")]
    Unauthorised {
        /// The host.
        host: String,
    },
    /// 403 that is not about rates.
    #[error("{host} refuses: {message}")]
    Forbidden {
        /// The host.
        host: String,
        /// The forge's words.
        message: String,
        /// Where single sign-on is renewed, if that is why.
        sso: Option<String>,
        /// Scopes that would have been accepted (`X-Accepted-OAuth-Scopes`), if the forge named any.
        accepted_scopes: Vec<String>,
    },
    /// 404: not there, or not visible to this token.
    #[error("{what} is not there, or this token cannot see it")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// 429, or 403 about rates.
    #[error("{host} asks to wait: too many requests")]
    RateLimited {
        /// The host.
        host: String,
        /// Seconds to wait, where the forge said.
        retry_after: Option<u64>,
    },
    /// 5xx: the forge may have done what was asked.
    #[error("{host} answered {status}: it is in trouble")]
    Server {
        /// The host.
        host: String,
        /// The status.
        status: u16,
    },
    /// The answer is not what it should be: cut off, not JSON, a sign-in page. It may have done what was asked.
    #[error("the answer of {host} cannot be understood: {why}")]
    Garbled {
        /// The host.
        host: String,
        /// What is wrong with it.
        why: String,
    },
    /// 422: the forge understood and says no.
    #[error("{message}")]
    Refused {
        /// The forge's words.
        message: String,
    },
}

impl ForgeError {
    /// Whether the forge was never asked: there was no way to it.
    pub fn unasked(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Proxied { .. } | Self::Untrusted { .. } => true,
            Self::Interrupted { .. }
            | Self::Unauthorised { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::RateLimited { .. }
            | Self::Server { .. }
            | Self::Garbled { .. }
            | Self::Refused { .. } => false,
        }
    }

    /// For a call that writes: whether the forge may have done it although no answer says so.
    pub fn may_have_happened(&self) -> bool {
        match self {
            Self::Interrupted { .. } | Self::Server { .. } | Self::Garbled { .. } => true,
            Self::Unreachable { .. }
            | Self::Proxied { .. }
            | Self::Untrusted { .. }
            | Self::Unauthorised { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::RateLimited { .. }
            | Self::Refused { .. } => false,
        }
    }

    /// Whether it may go through later without anybody doing anything.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Proxied { .. }
            | Self::Untrusted { .. }
            | Self::Interrupted { .. }
            | Self::Server { .. }
            | Self::Garbled { .. }
            | Self::RateLimited { .. } => true,
            Self::Unauthorised { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Refused { .. } => false,
        }
    }
}

/// The forge, for one account.
pub trait Forge: Send + Sync + Sized + 'static {
    /// Makes a client that goes the network's way, also when that changes. No call is made yet.
    fn connect(address: &Address, token: SecretString, network: &Network) -> Result<Self, ForgeError>;

    /// Goes the way to the forge, with the token where there is one.
    fn examine(
        address: &Address,
        token: Option<SecretString>,
        network: &Network,
    ) -> impl Future<Output = Examination> + Send;

    /// Asks for a code by which the user signs in at the forge's own page, for an OAuth app and its scopes.
    fn device_code(
        address: &Address,
        network: &Network,
        client: &str,
        scopes: &str,
    ) -> impl Future<Output = Result<DeviceCode, ForgeError>> + Send;

    /// Asks whether the user has confirmed it.
    fn device_token(
        address: &Address,
        network: &Network,
        client: &str,
        device_code: &SecretString,
    ) -> impl Future<Output = Result<DeviceAnswer, ForgeError>> + Send;

    /// Who the token belongs to.
    fn viewer(&self) -> impl Future<Output = Result<Viewer, ForgeError>> + Send;

    /// The changes that wait for the user, cheaply.
    fn probe(&self) -> impl Future<Output = Result<Probe, ForgeError>> + Send;

    /// Changes by node id (50 a call at most), in the order asked. `asked` is filled from the review requests and
    /// assignees that the answer shows; the caller adds what the probe knew.
    fn hydrate(&self, node_ids: &[String]) -> impl Future<Output = Result<Vec<Hydrated>, ForgeError>> + Send;

    /// The diff and all that goes with it, by immutable object ids.
    fn read(&self, change: &Change) -> impl Future<Output = Result<Reading, ForgeError>> + Send;

    /// A file's content by its name, 1 MiB at most.
    fn blob(&self, id: &ChangeId, oid: &Oid) -> impl Future<Output = Result<Vec<u8>, ForgeError>> + Send;

    /// Where the change stands now.
    fn head(&self, id: &ChangeId) -> impl Future<Output = Result<HeadNow, ForgeError>> + Send;

    /// All reviews of the change with their bodies, the user's pending one among them.
    fn reviews(&self, id: &ChangeId) -> impl Future<Output = Result<Vec<Review>, ForgeError>> + Send;

    /// One review by its id; `None` where the forge has none.
    fn review(
        &self,
        id: &ChangeId,
        review: &str,
    ) -> impl Future<Output = Result<Option<Review>, ForgeError>> + Send;

    /// What the gate would be given of the change now, or in words why that cannot be had.
    fn collect(
        &self,
        id: &ChangeId,
    ) -> impl Future<Output = Result<Result<Input, String>, ForgeError>> + Send;

    /// Creates a pending review: only its author sees it.
    fn create_pending(
        &self,
        id: &ChangeId,
        head: &Oid,
        body: &str,
    ) -> impl Future<Output = Result<Review, ForgeError>> + Send;

    /// Submits a pending review as `decision`, with the body that it was created with.
    fn submit(
        &self,
        id: &ChangeId,
        review: &str,
        decision: Decision,
        body: &str,
    ) -> impl Future<Output = Result<Review, ForgeError>> + Send;

    /// Deletes a pending review.
    fn delete_pending(
        &self,
        id: &ChangeId,
        review: &str,
    ) -> impl Future<Output = Result<(), ForgeError>> + Send;

    /// Dismisses a submitted review.
    fn dismiss(
        &self,
        id: &ChangeId,
        review: &str,
        message: &str,
    ) -> impl Future<Output = Result<(), ForgeError>> + Send;

    /// The signing keys of the user's account, each as algorithm and base64.
    fn signing_keys(&self) -> impl Future<Output = Result<Vec<String>, ForgeError>> + Send;

    /// Adds a signing key to the user's account.
    fn add_signing_key(&self, title: &str, key: &str) -> impl Future<Output = Result<(), ForgeError>> + Send;

    /// What a branch of the change's repository says of the policy now.
    fn trusted(
        &self,
        id: &ChangeId,
        branch: &str,
    ) -> impl Future<Output = Result<Trusted, ForgeError>> + Send;

    /// Opens a change of one file in the repository of `id`. Asking again goes on from where an earlier attempt ended,
    /// and finds what is open already.
    fn propose(
        &self,
        id: &ChangeId,
        proposal: &Proposal,
    ) -> impl Future<Output = Result<Proposed, ForgeError>> + Send;
}

/// One desktop notification. Plain text: whoever shows it escapes what its server would read as markup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Title.
    pub title: String,
    /// Body.
    pub body: String,
    /// Handle of the change that the default click opens; `None` opens the queue.
    pub change: Option<String>,
    /// Worst severity, for the urgency.
    pub severity: Option<Severity>,
}

/// Who an account is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Who {
    /// Login.
    pub login: String,
    /// Host of the forge.
    pub host: String,
}

/// What the tray shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrayState {
    /// Whose it is; `None` where nobody is signed in, and where it stands for several accounts.
    pub who: Option<Who>,
    /// Changes that need the user.
    pub pending: u32,
    /// One of them is critical.
    pub critical: bool,
    /// The forge is not reached.
    pub offline: bool,
    /// Which is not, where there are several accounts and another forge is.
    pub offline_at: Vec<String>,
    /// Something needs the user: token, keychain, a decision handed back.
    pub attention: bool,
    /// The first few that wait: handle and line.
    pub first: Vec<(String, String)>,
    /// Decisions not yet confirmed.
    pub outbox: u32,
}

/// The last question before a signature, asked outside the webview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// "Approve acme/infra #482?"
    pub title: String,
    /// Repository, number, head, target, decision, and at critical severity the findings. Plain text.
    pub text: String,
    /// Word on the confirming button: "Sign and approve".
    pub confirm: String,
}

/// The desktop.
pub trait Desktop: Send + Sync + 'static {
    /// Shows a notice. Errors are the desktop's to report through `Status`; nothing waits for it.
    fn notify(&self, notice: Notice) -> impl Future<Output = Result<(), String>> + Send;

    /// Something that the UI shows has changed.
    fn changed(&self, revision: u64);

    /// Shows the window and brings it to the front.
    fn show(&self);

    /// The tray is to show this.
    fn tray(&self, state: TrayState);

    /// Asks outside the webview. `false` unless the user confirmed.
    fn confirm(&self, question: Question) -> impl Future<Output = bool> + Send;

    /// Has the system ask by its own means whether the user is there (a password, a fingerprint). Whoever passes was
    /// *prompted*, never *proved*.
    fn prompt(&self, purpose: Purpose) -> impl Future<Output = Result<(), Unprompted>> + Send;

    /// Asks outside the webview where a file is to be saved. `None` where the user chose none.
    fn save_as(&self, title: String, name: String) -> impl Future<Output = Option<PathBuf>> + Send;

    /// Asks outside the webview for a file to read; `title` says what for. `None` where the user chose none.
    fn open_file(&self, title: String) -> impl Future<Output = Option<PathBuf>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_three_kinds_of_forge() {
        let github = Address::parse("github.com").unwrap();
        assert_eq!(
            (github.rest.as_str(), github.web.as_str()),
            ("https://api.github.com", "https://github.com")
        );
        let server = Address::parse("https://GHE.example.com/").unwrap();
        assert_eq!(server.rest, "https://ghe.example.com/api/v3");
        assert_eq!(server.graphql, "https://ghe.example.com/api/graphql");
        let local = Address::parse("http://127.0.0.1:8080").unwrap();
        assert_eq!(
            (local.host.as_str(), local.rest.as_str()),
            ("127.0.0.1:8080", "http://127.0.0.1:8080/api/v3")
        );
    }

    #[test]
    fn a_token_does_not_travel_in_the_clear() {
        for text in [
            "http://ghe.example.com",
            "ftp://github.com",
            "",
            "github.com/acme",
            "a b",
            "http://127.0.0.1.evil.example",
        ] {
            assert!(Address::parse(text).is_err(), "{text:?}");
        }
    }
}
