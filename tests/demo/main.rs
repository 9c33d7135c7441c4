//! The demo: the real app, signed in to a forge on this machine. With a display, a person uses it; without one, this
//! program does the whole main job by itself and leaves behind what it saw. Started by `cargo xtask demo`.
//!
//! | module | subject |
//! |---|---|
//! | [`prepare`] | signing in, enrolling a key |
//! | [`job`] | the main job, step by step |
//! | [`tour`] | every commit of a repository, shown |
//! | [`proof`] | what OpenSSH says |
//! | [`transcript`] | what is left behind |

mod job;
mod prepare;
mod proof;
mod tour;
mod transcript;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use countersign_tests::desk::window::{Window, built};
use countersign_tests::desk::{self, Desk, Keychain, stage};
use countersign_tests::forge::{Forge, local, sample};
use tokio::signal::unix::{SignalKind, signal};

use transcript::Transcript;

/// How many commits of a repository are served where nothing else is said.
const LAST: usize = 30;

/// What the command line asks for.
#[derive(Default)]
struct Asked {
    headless: bool,
    repo: Option<PathBuf>,
    last: Option<usize>,
    prepare: Option<Vec<String>>,
}

fn read(mut words: impl Iterator<Item = String>) -> Result<Asked> {
    let mut asked = Asked::default();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--headless" => asked.headless = true,
            "--repo" => asked.repo = Some(words.next().context("--repo needs a path")?.into()),
            "--last" => asked.last = Some(words.next().context("--last needs a number")?.parse()?),
            "--prepare" => asked.prepare = Some(words.by_ref().collect()),
            other => bail!("{other:?} is not understood"),
        }
    }
    Ok(asked)
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = async {
        let asked = read(std::env::args().skip(1))?;
        let mut terminated = signal(SignalKind::terminate())?;
        match &asked.prepare {
            Some(words) => prepared(words).await,
            None => tokio::select! {
                done = demo(&asked) => done,
                // Not left to the default: it would leave the forge's folder behind.
                _ = tokio::signal::ctrl_c() => bail!("ended by Ctrl+C"),
                _ = terminated.recv() => bail!("ended by a signal"),
            },
        }
    };
    match done.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stdout, reason = "the answer to the process that asked")]
async fn prepared(words: &[String]) -> Result<()> {
    if let Some(line) = prepare::run(words).await? {
        println!("{line}");
    }
    Ok(())
}

/// What the demo is given to do its work with.
pub(crate) struct Stage<'d> {
    desk: &'d Desk,
    forge: Forge,
    app: PathBuf,
    gate: PathBuf,
    profile: PathBuf,
    /// The file that CI would read, with the key that was made for the demo.
    allowed_signers: String,
}

async fn demo(asked: &Asked) -> Result<()> {
    let left_behind = built("demo")?
        .ancestors()
        .nth(2)
        .unwrap_or(Path::new("target"))
        .join("demo");
    let mut transcript = Transcript::begin(&left_behind)?;
    let done = on_stage(asked, &mut transcript).await;
    transcript.end(&done)?;
    done
}

async fn on_stage(asked: &Asked, transcript: &mut Transcript) -> Result<()> {
    let mut world = match asked.repo.clone() {
        Some(path) => {
            transcript.doing("reading the repository");
            let last = asked.last.unwrap_or(LAST);
            tokio::task::spawn_blocking(move || local::serve_repo(&path, last)).await??
        }
        None => sample::world()?,
    };
    let held_back = if asked.headless && asked.repo.is_none() {
        Some(job::hold_back(&mut world)?)
    } else {
        None
    };
    transcript.doing("setting the desk");
    let desk = Desk::start(desk::Options {
        display: asked.headless,
        keychain: Keychain::Unlocked,
        notices: true,
        agent: false,
        on_own_display: !asked.headless,
    })?;
    transcript
        .say("The desk is set: display, session bus, keychain (gnome-keyring), notices (xfce4-notifyd).");
    let own = std::env::current_exe()?;
    let tell = |words: &str| {
        transcript.say(words);
        transcript.doing("signing in, reading all changes once");
    };
    let set = stage::Stage::set(&desk, world, &own, tell).await?;
    let mut stage = Stage {
        desk: &desk,
        app: built("countersign")?,
        gate: built("countersign-verify")?,
        profile: set.profile,
        allowed_signers: set.allowed_signers,
        forge: set.forge,
    };
    match (asked.headless, held_back) {
        (false, _) => by_a_person(&stage, transcript).await?,
        (true, Some(held_back)) => job::main_job(&stage, held_back, transcript).await?,
        (true, None) => tour::all(&stage, transcript).await?,
    }
    let violations = stage.forge.take_violations();
    if !violations.is_empty() {
        bail!(
            "the app and the forge do not speak as GitHub describes it:\n{}",
            violations.join("\n")
        );
    }
    stage.forge.assert_clean();
    Ok(())
}

impl<'d> Stage<'d> {
    /// Opens the app, under WebDriver.
    async fn open(&self) -> Result<Window<'d>> {
        let profile = self.profile.to_string_lossy();
        Window::open(self.desk, &self.app, &["--profile", &profile]).await
    }
}

/// The app on the person's own display, until they close it.
async fn by_a_person(stage: &Stage<'_>, transcript: &mut Transcript) -> Result<()> {
    let mut command = tokio::process::Command::from(stage.desk.command(&stage.app));
    let mut app = command
        .arg("--profile")
        .arg(&stage.profile)
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    stage.desk.watch(app.id().context("it has just been started")?)?;
    transcript.say("The app is open. Close its window, or press Ctrl+C here, to end the demo.");
    // Closing the window leaves the app in the tray, and this desk has none: so the window is watched.
    let mut seen = false;
    loop {
        if let Some(status) = app.try_wait()? {
            return if status.success() {
                Ok(())
            } else {
                bail!("the app ended badly: {status}")
            };
        }
        match stage.desk.look_for_window("^Countersign$") {
            Some(_) => seen = true,
            None if seen => break,
            // Not there yet, or no X display to ask: then its own end, or Ctrl+C, is what is waited for.
            None => {}
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    app.kill().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn the_command_line() {
        let words = |line: &str| read(line.split_whitespace().map(str::to_owned));
        let asked = words("--headless --repo /x --last 5").unwrap();
        assert_eq!((asked.headless, asked.last), (true, Some(5)));
        assert_eq!(words("--prepare key /p").unwrap().prepare.unwrap(), ["key", "/p"]);
        assert!(words("--last").is_err() && words("--fast").is_err());
    }
}
