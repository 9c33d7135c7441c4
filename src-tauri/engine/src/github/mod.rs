//! GitHub, and GitHub Enterprise Server.
//!
//! | module | subject |
//! |---|---|
//! | `client` | one request: address, headers, time limits, redirects |
//! | `way` | the connections that it goes over: proxy, trust |
//! | `device` | signing in at the forge's own page |
//! | `examine` | the way there, station by station |
//! | `answer` | one answer: headers, JSON, refusals |
//! | `graphql` | queries, `errors` beside data, older schemas |
//! | `person` | the several names of one account |
//! | `poll` | who the viewer is, what waits for them |
//! | `hydrate`, `nodes` | changes by node id |
//! | `read`, `trees`, `files` | diff, commits, digest, policy of one change |
//! | `matching` | whether a diff is the one between its trees |
//! | `authority` | what decides whether an approval counts |
//! | `authors` | where the author of a change is new |
//! | `objects` | contents by their names, notes on commits |
//! | `collecting` | what the gate would be given |
//! | `keys` | the signing keys of the user's account |
//! | `propose` | a change that the app opens |
//! | `write` | where a change stands, and its reviews |
//!
//! The REST version is 2022-11-28; fields and limits are from GitHub's OpenAPI description and GraphQL schema.

mod answer;
mod authority;
mod authors;
mod client;
mod collecting;
mod device;
mod examine;
mod files;
mod graphql;
mod hydrate;
mod keys;
mod matching;
mod nodes;
mod objects;
mod person;
mod poll;
mod propose;
mod read;
mod trees;
mod way;
mod write;

#[cfg(test)]
mod tests;

use std::sync::atomic::AtomicBool;

use countersign_core::change::{Change, ChangeId, Oid, Review};
use countersign_core::decision::Decision;
use countersign_core::verify::Input;
use secrecy::SecretString;
use tokio::sync::OnceCell;

use self::client::{Client, Limits, segment};
use self::graphql::Schema;
use crate::network::Network;
use crate::ports::{
    Address, DeviceAnswer, DeviceCode, Examination, Forge, ForgeError, HeadNow, Hydrated, Probe, Proposal,
    Proposed, Reading, Trusted, Viewer,
};

/// A GitHub for one account. Nothing is sent twice, and nothing to another host.
pub struct GitHub {
    client: Client,
    /// What the forge's schema lacks, asked once.
    schema: OnceCell<Schema>,
    /// Whether the token may not read teams.
    teams_hidden: AtomicBool,
}

impl GitHub {
    fn with_limits(
        address: &Address,
        token: SecretString,
        network: &Network,
        limits: Limits,
    ) -> Result<Self, ForgeError> {
        let client = Client::new(address, token, network, limits)?;
        Ok(Self {
            client,
            schema: OnceCell::new(),
            teams_hidden: AtomicBool::new(false),
        })
    }

    async fn schema(&self) -> Result<&Schema, ForgeError> {
        self.schema
            .get_or_try_init(|| Schema::learn(&self.client, hydrate::QUERY))
            .await
    }

    /// `/repos/OWNER/NAME` of a change's repository.
    fn repo(&self, id: &ChangeId) -> Result<String, ForgeError> {
        let elsewhere = || ForgeError::NotFound { what: id.to_string() };
        if id.host != self.client.address().host {
            return Err(elsewhere());
        }
        let (owner, name) = repo_of(&id.repo).ok_or_else(elsewhere)?;
        Ok(format!("/repos/{}/{}", segment(owner), segment(name)))
    }

    /// `/repos/OWNER/NAME/pulls/NUMBER`.
    fn pull(&self, id: &ChangeId) -> Result<String, ForgeError> {
        Ok(format!("{}/pulls/{}", self.repo(id)?, id.number))
    }
}

/// Owner and name, if both are such as GitHub gives: letters, digits and `-._`, and no step in a path.
fn repo_of(text: &str) -> Option<(&str, &str)> {
    let plain = |part: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        !part.is_empty() && !matches!(part, "." | "..") && part.bytes().all(fits)
    };
    text.split_once('/')
        .filter(|(owner, name)| plain(owner) && plain(name))
}

impl Forge for GitHub {
    fn connect(address: &Address, token: SecretString, network: &Network) -> Result<Self, ForgeError> {
        Self::with_limits(address, token, network, Limits::USUAL)
    }

    async fn examine(address: &Address, token: Option<SecretString>, network: &Network) -> Examination {
        examine::examine(address, token, network, Limits::USUAL).await
    }

    async fn device_code(
        address: &Address,
        network: &Network,
        client: &str,
        scopes: &str,
    ) -> Result<DeviceCode, ForgeError> {
        device::code(address, network, client, scopes).await
    }

    async fn device_token(
        address: &Address,
        network: &Network,
        client: &str,
        device_code: &SecretString,
    ) -> Result<DeviceAnswer, ForgeError> {
        device::token(address, network, client, device_code).await
    }

    async fn viewer(&self) -> Result<Viewer, ForgeError> {
        self.read_viewer().await
    }

    async fn probe(&self) -> Result<Probe, ForgeError> {
        self.search_all().await
    }

    async fn hydrate(&self, node_ids: &[String]) -> Result<Vec<Hydrated>, ForgeError> {
        self.hydrate_all(node_ids).await
    }

    async fn read(&self, change: &Change) -> Result<Reading, ForgeError> {
        self.read_change(change).await
    }

    async fn blob(&self, id: &ChangeId, oid: &Oid) -> Result<Vec<u8>, ForgeError> {
        self.blob_of_file(id, oid).await
    }

    async fn head(&self, id: &ChangeId) -> Result<HeadNow, ForgeError> {
        self.read_head(id).await
    }

    async fn reviews(&self, id: &ChangeId) -> Result<Vec<Review>, ForgeError> {
        self.list_reviews(id).await
    }

    async fn review(&self, id: &ChangeId, review: &str) -> Result<Option<Review>, ForgeError> {
        self.one_review(id, review).await
    }

    async fn collect(&self, id: &ChangeId) -> Result<Result<Input, String>, ForgeError> {
        self.collect_input(id).await
    }

    async fn create_pending(&self, id: &ChangeId, head: &Oid, body: &str) -> Result<Review, ForgeError> {
        self.create_review(id, head, body).await
    }

    async fn submit(
        &self,
        id: &ChangeId,
        review: &str,
        decision: Decision,
        body: &str,
    ) -> Result<Review, ForgeError> {
        self.submit_review(id, review, decision, body).await
    }

    async fn delete_pending(&self, id: &ChangeId, review: &str) -> Result<(), ForgeError> {
        self.delete_review(id, review).await
    }

    async fn dismiss(&self, id: &ChangeId, review: &str, message: &str) -> Result<(), ForgeError> {
        self.dismiss_review(id, review, message).await
    }

    async fn signing_keys(&self) -> Result<Vec<String>, ForgeError> {
        self.list_signing_keys().await
    }

    async fn add_signing_key(&self, title: &str, key: &str) -> Result<(), ForgeError> {
        self.create_signing_key(title, key).await
    }

    async fn trusted(&self, id: &ChangeId, branch: &str) -> Result<Trusted, ForgeError> {
        self.trusted_now(id, branch).await
    }

    async fn propose(&self, id: &ChangeId, proposal: &Proposal) -> Result<Proposed, ForgeError> {
        self.open_proposal(id, proposal).await
    }
}
