//! What every test of the window begins with.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use countersign_tests::desk::stage::Stage;
use countersign_tests::desk::window::{Window, built};
use countersign_tests::desk::{Desk, Keychain, Options};
use countersign_tests::forge::git::Edit;
use countersign_tests::forge::sample;
use countersign_tests::forge::world::{Asked, NewChange, NewCommit, World};
use jiff::SignedDuration;

/// The one repository.
pub(crate) const REPO: &str = "acme/ledger";
/// The change that waits in it.
pub(crate) const NUMBER: u64 = 7;
/// Its title.
pub(crate) const TITLE: &str = "Drop the old table";

/// The demo's program, which prepares profiles.
pub(crate) const DEMO: &str = env!("CARGO_BIN_EXE_demo");

/// The outer limit of one test.
const LIMIT: Duration = Duration::from_secs(150);

/// Runs a test within its time limit.
pub(crate) async fn within(test: impl Future<Output = Result<()>>) -> Result<()> {
    let done = tokio::time::timeout(LIMIT, test).await;
    done.with_context(|| format!("the test took longer than {} s", LIMIT.as_secs()))?
}

/// A desk, and on it a profile that is signed in to a small forge.
pub(crate) struct Bench {
    /// First, so that the app is gone before the forge is judged.
    pub(crate) desk: Desk,
    pub(crate) stage: Stage,
}

/// A display and an unlocked keychain.
pub(crate) fn plain() -> Options {
    Options {
        display: true,
        keychain: Keychain::Unlocked,
        ..Options::default()
    }
}

/// Path of the app.
pub(crate) fn app() -> Result<PathBuf> {
    built("countersign")
}

impl Bench {
    /// With one change that waits.
    pub(crate) async fn set(options: Options) -> Result<Self> {
        Self::with(options, world()?).await
    }

    /// With this world.
    pub(crate) async fn with(options: Options, world: World) -> Result<Self> {
        let desk = Desk::start(options)?;
        let stage = Stage::set(&desk, world, Path::new(DEMO), |_| ()).await?;
        Ok(Self { desk, stage })
    }

    /// What the app is started with.
    pub(crate) fn words(&self) -> [String; 2] {
        [
            "--profile".into(),
            self.stage.profile.to_string_lossy().into_owned(),
        ]
    }

    /// The app's window, under WebDriver.
    pub(crate) async fn window(&self) -> Result<Window<'_>> {
        Window::open(&self.desk, &app()?, &self.words().each_ref().map(String::as_str)).await
    }

    /// Starts the app as a person does, and gives the name under which the desk knows it.
    pub(crate) fn start_app(&mut self) -> Result<String> {
        let app = app()?.to_string_lossy().into_owned();
        let words = self.words();
        self.desk.spawn(&app, &words.each_ref().map(String::as_str))?;
        Ok(app)
    }

    /// How many calls tried to make a review.
    pub(crate) fn reviews_posted(&self) -> usize {
        self.stage.forge.count("POST", "*/reviews")
    }
}

/// The forge's world: one repository with a policy, one change by a person with an agent's help.
pub(crate) fn world() -> Result<World> {
    let mut world = World::new()?;
    sample::people(&mut world);
    let files = [
        Edit::write(".github/countersign.toml", &sample::policy("")),
        Edit::write(".github/allowed_signers", sample::NO_SIGNERS),
        Edit::write("README.md", "# Ledger\n"),
    ];
    world.repo(REPO, 4_000_001, false, &["priya-n", "mika"], &files)?;
    world.open(change(
        NUMBER,
        TITLE,
        vec![Edit::write("migrations/007.sql", "DROP TABLE ledger_old;\n")],
    ))?;
    Ok(world)
}

/// A change by mika, which asks the viewer by name.
pub(crate) fn change(number: u64, title: &str, edits: Vec<Edit>) -> NewChange {
    NewChange {
        repo: REPO.into(),
        number: Some(number),
        title: title.into(),
        body: "Nobody reads it any more.".into(),
        author: "mika".into(),
        branch: format!("change-{number}"),
        base: "main".into(),
        commits: vec![NewCommit {
            message: "Clean up\n\nCo-authored-by: Claude <noreply@anthropic.com>\n".into(),
            author: "mika".into(),
            committer: String::new(),
            age: SignedDuration::from_mins(30),
            edits,
        }],
        labels: Vec::new(),
        assignees: Vec::new(),
        asked: vec![Asked::User(sample::VIEWER.into())],
        draft: false,
        age: SignedDuration::from_mins(20),
    }
}
