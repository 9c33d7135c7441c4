//! A profile with several accounts in it, and the forges that they are at.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use countersign_engine::accounts::Accounts;
use countersign_engine::engine::Options;
use countersign_engine::github::GitHub;
use countersign_engine::vault::Vault;
use countersign_engine::view::{
    AccountView, ChangeView, DecisionView, Failure, OutboxStateView, Queue, QueueFilter, Row, SignInResult,
    Status,
};
use countersign_tests::forge::Forge;
use countersign_tests::forge::git::Edit;
use countersign_tests::forge::world::{Asked, Scopes, World};
use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::bench::{Agent, REPO, Remembering, change, world};

pub(crate) const PRIYA: &str = "ghp_journey";
pub(crate) const SOL: &str = "ghp_sol";

type Engines = Accounts<GitHub, Remembering>;

/// A profile, its keychain, and the accounts in it while it is open.
pub(crate) struct Desk {
    pub(crate) accounts: Option<Engines>,
    pub(crate) vault: Vault,
    pub(crate) desktop: Remembering,
    pub(crate) agent: Agent,
    pub(crate) profile: TempDir,
}

fn signers(agent: &Agent) -> String {
    format!(
        "priya@acme.example namespaces=\"approval@countersign.dev\" {}\n",
        agent.public_key()
    )
}

pub(crate) fn scopes() -> Scopes {
    Scopes::Classic(vec!["repo".into(), "read:org".into()])
}

/// A forge with one change, that asks both people.
pub(crate) async fn forge(agent: &Agent, branch: &str) -> Forge {
    let mut world = world(&signers(agent));
    world.token(SOL, "sol-v", scopes());
    open(&mut world, branch);
    Forge::start(world).await.unwrap()
}

pub(crate) fn open(world: &mut World, branch: &str) {
    let mut new = change(branch, vec![Edit::write(&format!("src/{branch}.txt"), "x\n")]);
    new.asked = vec![Asked::User("priya-n".into()), Asked::User("sol-v".into())];
    world.open(new).unwrap();
}

pub(crate) fn revoke(forge: &Forge, secret: &str) {
    forge.with(|world| world.tokens.retain(|token| token.secret != secret));
}

pub(crate) fn host(forge: &Forge) -> &str {
    forge.url().trim_start_matches("http://")
}

/// The same change, as `account` would name it.
pub(crate) fn handle(account: &str, forge: &Forge, number: u64) -> String {
    format!("{account}:{}/{REPO}#{number}", host(forge))
}

impl Desk {
    pub(crate) async fn new(agent: Agent) -> Self {
        let mut desk = Self {
            accounts: None,
            vault: Vault::with_store("Countersign", keyring_core::mock::Store::new().unwrap()),
            desktop: Remembering::default(),
            agent,
            profile: TempDir::new().unwrap(),
        };
        desk.open().await.unwrap();
        desk
    }

    /// One person at one forge, with one change.
    pub(crate) async fn with_one_account() -> (Self, Forge) {
        let agent = Agent::start();
        let forge = forge(&agent, "feature").await;
        let desk = Self::new(agent).await;
        desk.sign_in(&forge, PRIYA).await;
        desk.until("the first sync", async |desk| desk.rows().await.len() == 1)
            .await;
        (desk, forge)
    }

    /// Two people at one forge, of whom both are asked for one change.
    pub(crate) async fn with_two_people() -> (Self, Forge) {
        let agent = Agent::start();
        let forge = forge(&agent, "feature").await;
        let desk = Self::new(agent).await;
        desk.sign_in(&forge, PRIYA).await;
        desk.sign_in(&forge, SOL).await;
        desk.both_read().await;
        (desk, forge)
    }

    /// One person at two forges, with one change at each.
    pub(crate) async fn with_two_forges() -> (Self, Forge, Forge) {
        let agent = Agent::start();
        let (first, second) = (forge(&agent, "here").await, forge(&agent, "there").await);
        let desk = Self::new(agent).await;
        desk.sign_in(&first, PRIYA).await;
        desk.sign_in(&second, PRIYA).await;
        desk.both_read().await;
        (desk, first, second)
    }

    pub(crate) async fn both_read(&self) {
        self.until("both to be read", async |desk| {
            // The tray is told when the poll has ended.
            desk.rows().await.len() == 2 && desk.desktop.with(|seen| seen.tray.pending == 2)
        })
        .await;
    }

    pub(crate) async fn open(&mut self) -> Result<(), Failure> {
        let mut options = Options::new(self.profile.path());
        options.agent = Some(self.agent.socket());
        let until = Instant::now() + Duration::from_secs(5);
        loop {
            let options = options.clone();
            let started = Accounts::start_with(options, self.vault.clone(), self.desktop.clone()).await;
            match started {
                // A program that a test beside this one is just starting has all open files until it runs, the lock too.
                Err(failure) if failure.message.contains("Another Countersign") && Instant::now() < until => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                started => {
                    self.accounts = Some(started?);
                    return Ok(());
                }
            }
        }
    }

    pub(crate) async fn close(&mut self) {
        self.accounts.take().unwrap().close().await;
    }

    pub(crate) fn on(&self) -> &Engines {
        self.accounts.as_ref().unwrap()
    }

    pub(crate) async fn try_to_sign_in(&self, forge: &Forge, token: &str) -> SignInResult {
        self.on()
            .sign_in(forge.url().to_owned(), token.to_owned())
            .await
            .unwrap()
    }

    /// Signs in; what the account is called.
    pub(crate) async fn sign_in(&self, forge: &Forge, token: &str) -> String {
        let result = self.try_to_sign_in(forge, token).await;
        assert!(result.ok, "{:?}", result.steps);
        result.account.unwrap()
    }

    pub(crate) async fn status(&self) -> Status {
        self.on().status().await.unwrap()
    }

    /// How the account at this forge stands; `None` where nobody is signed in there.
    pub(crate) async fn at(&self, forge: &Forge) -> Option<AccountView> {
        let accounts = self.status().await.accounts;
        accounts.into_iter().find(|account| account.host == host(forge))
    }

    pub(crate) async fn queue(&self) -> Queue {
        self.on().queue(QueueFilter::All).await.unwrap()
    }

    pub(crate) async fn rows(&self) -> Vec<Row> {
        let Ok(queue) = self.on().queue(QueueFilter::All).await else {
            return Vec::new();
        };
        queue
            .sections
            .into_iter()
            .flat_map(|section| section.rows)
            .collect()
    }

    pub(crate) async fn until(&self, what: &str, done: impl AsyncFn(&Self) -> bool) {
        let until = Instant::now() + Duration::from_secs(30);
        while !done(self).await {
            assert!(Instant::now() < until, "{what} did not come in 30 s");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) async fn read(&self, id: &str) -> ChangeView {
        let view = self.on().change(id.to_owned()).await.unwrap();
        for (index, _) in (0..).zip(&view.files) {
            let viewed = self
                .on()
                .mark_viewed(view.id.clone(), view.head.clone(), index, true);
            viewed.await.unwrap();
        }
        for finding in &view.findings {
            let (id, head) = (view.id.clone(), view.head.clone());
            let done = self.on().acknowledge(id, head, finding.id.clone(), true, None);
            done.await.unwrap();
        }
        view
    }

    pub(crate) async fn approve(&self, view: &ChangeView) -> Result<bool, Failure> {
        let (id, head, seen) = (view.id.clone(), view.head.clone(), view.seen.clone());
        let decided = self
            .on()
            .decide(id, head, seen, DecisionView::Approve, "Read.".into())
            .await;
        decided.map(|decided| decided.signed)
    }

    /// What became of the decision on this row.
    pub(crate) async fn decision(&self, id: &str) -> Option<(OutboxStateView, String)> {
        let rows = self.rows().await.into_iter().filter(|row| row.id == id);
        let decision = rows.filter_map(|row| row.decision).next()?;
        let message = decision.message.map(|message| message.what).unwrap_or_default();
        Some((decision.state, message))
    }

    pub(crate) async fn confirmed(&self, id: &str) {
        self.until("the decision to be confirmed", async |desk| {
            let decision = desk.decision(id).await;
            decision.is_some_and(|(state, _)| state == OutboxStateView::Confirmed)
        })
        .await;
    }

    pub(crate) async fn token(&self, forge: &Forge, login: &str) -> Option<String> {
        let name = format!("token {login}@{}", host(forge));
        let token = self.vault.get(&name).await.unwrap();
        token.map(|token| token.expose_secret().to_owned())
    }

    /// Where further accounts are kept, by the name of each.
    pub(crate) fn folder(&self, account: &str) -> PathBuf {
        self.profile.path().join("accounts").join(account)
    }
}

pub(crate) fn authors(forge: &Forge) -> Vec<String> {
    let reviews = forge.reviews(REPO, 1).into_iter();
    let mut authors: Vec<String> = reviews.map(|review| review.author).collect();
    authors.sort();
    authors
}
