//! The forge's state: accounts, teams, tokens, repositories, changes, reviews. What fixtures build and tests move on.

mod kinds;
mod moves;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

pub use kinds::{
    Account, Activity, Asked, Call, Change, Check, Event, Happened, Kind, Life, NewChange, NewCommit, Notice,
    QUOTA, Queued, Repo, Request, Review, Scopes, SigningKey, Status, Team, Token,
};

use super::device::Devices;
use super::faults::Fault;
use super::git::{Edit, Git, Signature};

/// The state of the forge.
pub struct World {
    dir: TempDir,
    /// `http://127.0.0.1:PORT` or `https://localhost:PORT`, once it serves.
    pub base_url: String,
    /// Added to the machine's clock in all that the forge says.
    pub skew: SignedDuration,
    /// Accounts.
    pub accounts: Vec<Account>,
    /// Teams.
    pub teams: Vec<Team>,
    /// Tokens.
    pub tokens: Vec<Token>,
    /// Repositories.
    pub repos: Vec<Repo>,
    /// Notification threads.
    pub notices: Vec<Notice>,
    /// Faults that wait for their call.
    pub faults: Vec<Fault>,
    /// What broke GitHub's descriptions so far, in words.
    pub violations: Vec<String>,
    /// Every call so far.
    pub calls: Vec<Call>,
    /// GraphQL types that the forge's schema lacks, as an older Enterprise Server does.
    pub lacks: BTreeSet<String>,
    /// The Enterprise Server that this is, by its version; `None`: GitHub.com.
    pub server: Option<&'static str>,
    /// Signing in by a code.
    pub devices: Devices,
    next_id: u64,
}

impl World {
    /// An empty forge. Its repositories live in a temporary directory that goes away with it.
    pub fn new() -> Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix("test-forge-")
            .tempdir()
            .context("no temporary directory")?;
        Ok(Self {
            dir,
            base_url: String::new(),
            skew: SignedDuration::ZERO,
            accounts: Vec::new(),
            teams: Vec::new(),
            tokens: Vec::new(),
            repos: Vec::new(),
            notices: Vec::new(),
            faults: Vec::new(),
            violations: Vec::new(),
            calls: Vec::new(),
            lacks: BTreeSet::new(),
            server: None,
            devices: Devices::default(),
            next_id: 2_000_000_000,
        })
    }

    /// Host and port, as statements name the forge.
    pub fn host(&self) -> &str {
        self.base_url
            .split_once("://")
            .map_or(self.base_url.as_str(), |(_, host)| host)
    }

    /// The forge's clock, to the second as its answers write it.
    pub fn now(&self) -> Timestamp {
        let now = Timestamp::now()
            .saturating_add(self.skew)
            .unwrap_or(Timestamp::MAX);
        Timestamp::from_second(now.as_second()).unwrap_or(now)
    }

    /// The instant so long ago by the forge's clock.
    pub fn ago(&self, age: SignedDuration) -> Timestamp {
        self.now().saturating_sub(age).unwrap_or(Timestamp::MIN)
    }

    /// The next database id.
    pub fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// A directory of the forge's own for a repository.
    pub(crate) fn room(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    /// Where the forge keeps its repositories.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    fn account_of_kind(&mut self, login: &str, id: u64, kind: Kind, name: &str, email: &str) {
        self.accounts.push(Account {
            login: login.to_owned(),
            id,
            kind,
            name: name.to_owned(),
            email: email.to_owned(),
            signing_keys: Vec::new(),
        });
    }

    /// Adds a person.
    pub fn user(&mut self, login: &str, id: u64, name: &str, email: &str) {
        self.account_of_kind(login, id, Kind::User, name, email);
    }

    /// Adds an app's account; `login` as REST writes it, with `[bot]` where the app has that.
    pub fn bot(&mut self, login: &str, id: u64) {
        self.account_of_kind(
            login,
            id,
            Kind::Bot,
            login,
            &format!("{id}+{login}@users.noreply.github.com"),
        );
    }

    /// Adds an organisation.
    pub fn organization(&mut self, login: &str, id: u64) {
        self.account_of_kind(login, id, Kind::Organization, login, "");
    }

    /// Adds a team.
    pub fn team(&mut self, org: &str, slug: &str, members: &[&str]) {
        let id = self.fresh_id();
        let members = members.iter().map(|login| (*login).to_owned()).collect();
        self.teams.push(Team {
            org: org.to_owned(),
            slug: slug.to_owned(),
            id,
            members,
        });
    }

    /// Adds a token that expires in 90 days.
    pub fn token(&mut self, secret: &str, login: &str, scopes: Scopes) {
        let expires_at = self
            .now()
            .saturating_add(SignedDuration::from_hours(24 * 90))
            .ok();
        self.tokens.push(Token {
            secret: secret.to_owned(),
            login: login.to_owned(),
            scopes,
            expires_at,
            sso_missing: BTreeSet::new(),
            core_used: 0,
            points_used: 0,
        });
    }

    /// Adds a repository with one commit on `main` and with write access for the given logins.
    pub fn repo(
        &mut self,
        full_name: &str,
        id: u64,
        private: bool,
        writers: &[&str],
        files: &[Edit],
    ) -> Result<()> {
        let (owner, name) = full_name
            .split_once('/')
            .ok_or_else(|| anyhow!("{full_name} is not owner/name"))?;
        let git = Git::init(self.room(&format!("{owner}-{name}.git")))?;
        let at = self.ago(SignedDuration::from_hours(24 * 40));
        let who = Signature {
            name: "Release Bot".into(),
            email: "release@acme.example".into(),
            at,
        };
        git.write("main", None, "Import the repository", &who, &who, files)?;
        self.adopt(owner, name, id, private, writers, git);
        Ok(())
    }

    /// Adds a repository over objects that exist already.
    pub(crate) fn adopt(
        &mut self,
        owner: &str,
        name: &str,
        id: u64,
        private: bool,
        writers: &[&str],
        git: Git,
    ) {
        let created_at = self.ago(SignedDuration::from_hours(24 * 400));
        self.repos.push(Repo {
            id,
            owner: owner.to_owned(),
            name: name.to_owned(),
            formerly: Vec::new(),
            private,
            archived: false,
            access: writers
                .iter()
                .map(|login| ((*login).to_owned(), "WRITE"))
                .collect(),
            protected: true,
            dismisses_stale: None,
            created_at,
            git,
            changes: BTreeMap::new(),
            checks: BTreeMap::new(),
            statuses: BTreeMap::new(),
            queue: Vec::new(),
            activity: Vec::new(),
        });
    }

    /// The account with this login, in either spelling.
    pub fn account(&self, login: &str) -> Option<&Account> {
        let same = |account: &&Account| account.login.eq_ignore_ascii_case(login);
        let short = |account: &&Account| account.graphql_login().eq_ignore_ascii_case(login);
        self.accounts
            .iter()
            .find(same)
            .or_else(|| self.accounts.iter().find(short))
    }

    /// The account that a commit's mail address maps to.
    pub fn account_by_email(&self, email: &str) -> Option<&Account> {
        if email.is_empty() {
            return None;
        }
        self.accounts.iter().find(|account| {
            account.email.eq_ignore_ascii_case(email) || account.noreply().eq_ignore_ascii_case(email)
        })
    }

    /// The repository `owner/name`.
    pub fn find(&self, full_name: &str) -> Option<&Repo> {
        self.repos
            .iter()
            .find(|repo| repo.full_name().eq_ignore_ascii_case(full_name))
    }

    /// The repository that was called `owner/name` and that nothing has replaced there.
    pub fn formerly(&self, full_name: &str) -> Option<&Repo> {
        let was = |repo: &&Repo| {
            repo.formerly
                .iter()
                .any(|name| name.eq_ignore_ascii_case(full_name))
        };
        match self.find(full_name) {
            Some(_) => None,
            None => self.repos.iter().find(was),
        }
    }

    /// The repository `owner/name`, to change it.
    pub fn find_mut(&mut self, full_name: &str) -> Result<&mut Repo> {
        self.repos
            .iter_mut()
            .find(|repo| repo.full_name().eq_ignore_ascii_case(full_name))
            .ok_or_else(|| anyhow!("the forge has no repository {full_name}"))
    }

    /// A change.
    pub fn change(&self, full_name: &str, number: u64) -> Option<&Change> {
        self.find(full_name)?.changes.get(&number)
    }

    /// A change, to change it.
    pub fn change_mut(&mut self, full_name: &str, number: u64) -> Result<&mut Change> {
        self.find_mut(full_name)?
            .changes
            .get_mut(&number)
            .ok_or_else(|| anyhow!("{full_name} has no change {number}"))
    }

    /// Whether a team has a member.
    pub fn is_member(&self, team: &str, login: &str) -> bool {
        self.teams
            .iter()
            .any(|one| format!("{}/{}", one.org, one.slug) == team && one.members.contains(login))
    }
}
