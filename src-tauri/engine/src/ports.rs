//! The two ways out of the engine: the forge and the desktop. Everything else that it needs is either a value, a
//! function, or real in the tests too.

mod address;
mod desktop;
mod device;
mod examination;
mod proposal;
mod trouble;

use std::future::Future;

use countersign_core::change::{Change, ChangeId, ChangeState, Oid, Person, Review};
use countersign_core::decision::Decision;
use countersign_core::verify::Input;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

pub use address::{Address, NotAForge};
pub use desktop::{Desktop, Notice, Question, TrayState, Who};
pub use device::{DeviceAnswer, DeviceCode};
pub use examination::{Examination, Passed, Station};
pub use proposal::{Proposal, Proposed, Trusted};
pub use trouble::{Distrust, ForgeError, ProxyTrouble};

use crate::network::Network;

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
