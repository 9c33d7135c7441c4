//! What every journey needs: a forge, an engine signed in to it, an agent with an enrolled key, a desktop.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use countersign_engine::clock::Clock;
use countersign_engine::engine::{Engine, Options};
use countersign_engine::github::GitHub;
use countersign_engine::ports::{Desktop, Notice, Question, TrayState};
use countersign_engine::prompt::{Purpose, Unprompted};
use countersign_engine::vault::Vault;
use countersign_engine::view::{
    ChangeView, Connection, DecisionRow, DecisionView, OutboxStateView, Queue, QueueFilter, Row,
};
use countersign_tests::forge::Forge;
use countersign_tests::forge::git::Edit;
use countersign_tests::forge::world::{Asked, NewChange, NewCommit, Scopes, World};
use jiff::SignedDuration;
use keyring_core::CredentialStore;
use tempfile::TempDir;
use tokio::sync::Notify;

/// The repository of most journeys.
pub(crate) const REPO: &str = "acme/web";

/// Remembers what the engine asked of it.
#[derive(Clone, Default)]
pub(crate) struct Remembering {
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) notices: Vec<Notice>,
    pub(crate) questions: Vec<Question>,
    pub(crate) tray: TrayState,
    pub(crate) shown: usize,
    /// The folder that the user saves files in; without one the user chooses none.
    pub(crate) saves_in: Option<PathBuf>,
    /// The file that the user chooses; without one the user chooses none.
    pub(crate) opens: Option<PathBuf>,
    /// What the system's own check was asked for.
    pub(crate) prompts: Vec<Purpose>,
    answer: Option<bool>,
    unprompted: Option<Unprompted>,
    /// The system's own check stays open until this is told.
    holds: Option<Arc<Notify>>,
    notices_fail: bool,
}

impl Remembering {
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Seen) -> T) -> T {
        act(&mut self.seen.lock().unwrap())
    }

    /// From now on the last question is answered so.
    pub(crate) fn answers(&self, yes: bool) {
        self.with(|seen| seen.answer = Some(yes));
    }

    /// From now on the system's own check ends so.
    pub(crate) fn prompts_end(&self, how: Result<(), Unprompted>) {
        self.with(|seen| seen.unprompted = how.err());
    }

    /// From now on the system's own check stays open until what this gives is told.
    pub(crate) fn holds_prompts(&self) -> Arc<Notify> {
        let until = Arc::new(Notify::new());
        self.with(|seen| seen.holds = Some(Arc::clone(&until)));
        until
    }

    /// From now on there is no notification service.
    pub(crate) fn loses_notices(&self) {
        self.with(|seen| seen.notices_fail = true);
    }
}

impl Desktop for Remembering {
    async fn notify(&self, notice: Notice) -> Result<(), String> {
        self.with(|seen| {
            if seen.notices_fail {
                return Err("no notification service answers".to_owned());
            }
            seen.notices.push(notice);
            Ok(())
        })
    }

    fn changed(&self, _revision: u64) {}

    fn show(&self) {
        self.with(|seen| seen.shown += 1);
    }

    fn tray(&self, state: TrayState) {
        self.with(|seen| seen.tray = state);
    }

    async fn confirm(&self, question: Question) -> bool {
        self.with(|seen| {
            seen.questions.push(question);
            seen.answer.unwrap_or(true)
        })
    }

    async fn prompt(&self, purpose: Purpose) -> Result<(), Unprompted> {
        let holds = self.with(|seen| {
            seen.prompts.push(purpose);
            seen.holds.clone()
        });
        if let Some(until) = holds {
            until.notified().await;
        }
        self.with(|seen| seen.unprompted.clone().map_or(Ok(()), Err))
    }

    async fn save_as(&self, _title: String, name: String) -> Option<PathBuf> {
        self.with(|seen| Some(seen.saves_in.as_ref()?.join(name)))
    }

    async fn open_file(&self, _title: String) -> Option<PathBuf> {
        self.with(|seen| seen.opens.clone())
    }
}

/// A real ssh-agent with one ed25519 key, ended when dropped.
pub(crate) struct Agent {
    process: Child,
    dir: TempDir,
}

impl Agent {
    pub(crate) fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let socket = dir.path().join("agent");
        let process = Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let agent = Self { process, dir };
        wait_for("ssh-agent", || agent.socket().exists());
        let key = agent.dir.path().join("key");
        run(Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "priya@example", "-f"])
            .arg(&key));
        run(Command::new("ssh-add")
            .arg("-q")
            .arg(&key)
            .env("SSH_AUTH_SOCK", agent.socket()));
        agent
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("agent")
    }

    /// `ssh-ed25519 AAAA…`
    pub(crate) fn public_key(&self) -> String {
        let line = std::fs::read_to_string(self.dir.path().join("key.pub")).unwrap();
        line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    }

    /// Takes the key out of the agent.
    pub(crate) fn forget(&self) {
        run(Command::new("ssh-add")
            .args(["-q", "-D"])
            .env("SSH_AUTH_SOCK", self.socket()));
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(Instant::now() < until, "{what} did not come in 10 s");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The policy of the journeys: one senior, whose key the agent holds.
pub(crate) const POLICY: &str = r#"version = 1
allowed_signers = ".github/allowed_signers"

[signoff]
require = "ai-assisted"

[[senior]]
login = "priya-n"
id = "1234567"
principal = "priya@acme.example"
"#;

pub(crate) fn commit(message: &str, author: &str, edits: Vec<Edit>) -> NewCommit {
    NewCommit {
        message: message.to_owned(),
        author: author.to_owned(),
        committer: String::new(),
        age: SignedDuration::from_mins(30),
        edits,
    }
}

/// A change by mika with Claude Code's line, which asks priya-n by name.
pub(crate) fn change(branch: &str, edits: Vec<Edit>) -> NewChange {
    NewChange {
        repo: REPO.into(),
        number: None,
        title: format!("Change {branch}"),
        body: "What it does.".into(),
        author: "mika".into(),
        branch: branch.into(),
        base: "main".into(),
        commits: vec![commit(
            "Change a thing\n\nCo-authored-by: Claude <noreply@anthropic.com>\n",
            "mika",
            edits,
        )],
        labels: Vec::new(),
        assignees: Vec::new(),
        asked: vec![Asked::User("priya-n".into())],
        draft: false,
        age: SignedDuration::from_mins(20),
    }
}

/// The world before anything is opened in it.
pub(crate) fn world(signers: &str) -> World {
    let mut world = World::new().unwrap();
    world.user("priya-n", 1_234_567, "Priya N", "priya@acme.example");
    world.user("mika", 2_000_001, "Mika", "mika@acme.example");
    world.user("sol-v", 2_000_002, "Sol V", "sol@acme.example");
    world.organization("acme", 3_000_001);
    world.token(
        "ghp_journey",
        "priya-n",
        Scopes::Classic(vec!["repo".into(), "read:org".into()]),
    );
    let files = [
        Edit::write("README.md", "# Web\n"),
        Edit::write(".github/countersign.toml", POLICY),
        Edit::write(".github/allowed_signers", signers),
        Edit::write("src/app.txt", "one\ntwo\nthree\n"),
    ];
    world
        .repo(REPO, 4_000_001, false, &["priya-n", "mika", "sol-v"], &files)
        .unwrap();
    world
}

/// Everything, signed in and synced once.
pub(crate) struct Bench {
    pub(crate) forge: Forge,
    pub(crate) agent: Agent,
    pub(crate) desktop: Remembering,
    pub(crate) engine: Engine<GitHub, Remembering>,
    pub(crate) profile: TempDir,
    /// The engine's, which a test may set.
    pub(crate) clock: Clock,
}

impl Bench {
    /// With one small change open: number 1.
    pub(crate) async fn with_one_change() -> Self {
        Self::with(|world| {
            world
                .open(change(
                    "feature",
                    vec![Edit::write("src/app.txt", "one\n2\nthree\n")],
                ))
                .unwrap();
        })
        .await
    }

    /// With whatever `open` opens.
    pub(crate) async fn with(open: impl FnOnce(&mut World)) -> Self {
        let agent = Agent::start();
        let signers = format!(
            "priya@acme.example namespaces=\"approval@countersign.dev\" {}\n",
            agent.public_key()
        );
        let mut world = world(&signers);
        open(&mut world);
        Self::over(agent, world).await
    }

    /// With a whole world of its own, whose first token is the viewer's.
    pub(crate) async fn over(agent: Agent, world: World) -> Self {
        let bench = Self::before_sign_in(agent, Forge::start(world).await.unwrap()).await;
        bench.sign_in().await;
        bench
    }

    /// Everything, and nobody signed in yet.
    pub(crate) async fn before_sign_in(agent: Agent, forge: Forge) -> Self {
        let profile = TempDir::new().unwrap();
        let desktop = Remembering::default();
        let options = options(profile.path(), &agent.socket());
        let clock = options.clock.clone();
        let engine = start(options, desktop.clone()).await;
        Self {
            forge,
            agent,
            desktop,
            engine,
            profile,
            clock,
        }
    }

    /// Ends the engine and starts another on the same profile; the test's keychain, and so the token, is not kept.
    pub(crate) async fn reopened(self) -> Self {
        self.reopened_after(|_| {}).await
    }

    /// The same, with what `between` does to the profile's database meanwhile.
    pub(crate) async fn reopened_after(self, between: impl FnOnce(&Path)) -> Self {
        self.reopened_with(between, |_| {}).await
    }

    /// The same, started otherwise than usual.
    pub(crate) async fn reopened_with(
        mut self,
        between: impl FnOnce(&Path),
        otherwise: impl FnOnce(&mut Options),
    ) -> Self {
        self.engine.close().await;
        between(&self.profile.path().join("countersign.db"));
        let mut options = options(self.profile.path(), &self.agent.socket());
        options.clock = self.clock.clone();
        otherwise(&mut options);
        self.engine = start(options, self.desktop.clone()).await;
        self
    }

    /// Ends the engine and starts another on the same profile, with this keychain.
    pub(crate) async fn reopened_over(mut self, keychain: &Arc<CredentialStore>) -> Self {
        self.engine.close().await;
        let mut options = options(self.profile.path(), &self.agent.socket());
        options.clock = self.clock.clone();
        let vault = Vault::with_store("Countersign", Arc::clone(keychain));
        self.engine = Engine::start_with(options, vault, self.desktop.clone())
            .await
            .unwrap();
        self
    }

    /// The same, signed in again.
    pub(crate) async fn restarted(self) -> Self {
        let bench = self.reopened().await;
        bench.sign_in().await;
        bench
    }

    /// Ends the engine and goes on over this vault, with a key that is made in it and chosen; gives its fingerprint too.
    pub(crate) async fn over_vault(mut self, vault: Vault) -> (Self, String) {
        self.engine.close().await;
        let options = options(self.profile.path(), &self.agent.socket());
        self.engine = Engine::start_with(options, vault, self.desktop.clone())
            .await
            .unwrap();
        self.sign_in().await;
        let made = self.engine.make_key().await.unwrap().fingerprint;
        (self, made)
    }

    pub(crate) async fn sign_in(&self) {
        let result = self
            .engine
            .sign_in(self.forge.url().to_owned(), self.forge.token())
            .await
            .unwrap();
        assert!(result.ok, "{:?}", result.steps);
        self.synced().await;
    }

    /// Waits for the first poll that was answered.
    pub(crate) async fn synced(&self) {
        self.until("the first sync", async |bench| {
            bench.engine.status().await.unwrap().connection == Connection::Online
        })
        .await;
    }

    /// Polls now and waits until that poll has ended.
    pub(crate) async fn poll(&self) {
        self.engine.refresh().await.unwrap();
    }

    pub(crate) async fn until(&self, what: &str, done: impl AsyncFn(&Self) -> bool) {
        let until = Instant::now() + Duration::from_secs(20);
        while !done(self).await {
            assert!(Instant::now() < until, "{what} did not come in 20 s");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) fn id(&self, number: u64) -> String {
        let (_, host) = self.forge.url().split_once("://").unwrap();
        format!("first:{host}/{REPO}#{number}")
    }

    pub(crate) async fn queue(&self) -> Queue {
        self.engine.queue(QueueFilter::All).await.unwrap()
    }

    pub(crate) async fn rows(&self) -> Vec<Row> {
        self.queue()
            .await
            .sections
            .into_iter()
            .flat_map(|section| section.rows)
            .collect()
    }

    /// Opens a change, views every file and acknowledges every finding, as a diligent reader does.
    pub(crate) async fn read(&self, number: u64) -> ChangeView {
        let view = self.engine.change(self.id(number)).await.unwrap();
        for index in 0..view.files.len() {
            let index = u32::try_from(index).unwrap();
            self.engine
                .mark_viewed(view.id.clone(), view.head.clone(), index, true)
                .await
                .unwrap();
        }
        for finding in &view.findings {
            self.engine
                .acknowledge(view.id.clone(), view.head.clone(), finding.id.clone(), true, None)
                .await
                .unwrap();
        }
        view
    }

    /// Decides on what was read.
    pub(crate) async fn decide(
        &self,
        view: &ChangeView,
        decision: DecisionView,
        words: &str,
    ) -> Result<countersign_engine::view::Decided, countersign_engine::view::Failure> {
        self.engine
            .decide(
                view.id.clone(),
                view.head.clone(),
                view.seen.clone(),
                decision,
                words.to_owned(),
            )
            .await
    }

    /// The one decision there is, as it stands.
    pub(crate) async fn decision(&self) -> DecisionRow {
        let rows = self.rows().await;
        let mut decisions: Vec<DecisionRow> = rows.into_iter().filter_map(|row| row.decision).collect();
        assert_eq!(decisions.len(), 1, "{decisions:?}");
        decisions.remove(0)
    }

    /// Waits until the one decision has come to this state.
    pub(crate) async fn comes_to(&self, state: OutboxStateView) -> DecisionRow {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let decision = self.decision().await;
            if decision.state == state {
                return decision;
            }
            assert!(Instant::now() < until, "{state:?} did not come: {decision:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn options(profile: &Path, agent: &Path) -> Options {
    let mut options = Options::new(profile);
    options.agent = Some(agent.to_owned());
    options
}

async fn start(options: Options, desktop: Remembering) -> Engine<GitHub, Remembering> {
    Engine::start_with(
        options,
        Vault::with_store("Countersign", keyring_core::mock::Store::new().unwrap()),
        desktop,
    )
    .await
    .unwrap()
}
