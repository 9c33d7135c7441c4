//! The demo: the real app, signed in to a forge on this machine. With a display, a person uses it; without one, this
//! program does the whole main job by itself and leaves behind what it saw. Started by `cargo xtask demo`.
//!
//! | module | subject |
//! |---|---|
//! | [`window`] | the app in it, driven |
//! | [`prepare`] | signing in, enrolling a key |
//! | [`job`] | the main job, step by step |
//! | [`collect`] | what CI collects for the gate |
//! | [`proof`] | what OpenSSH says |
//! | [`transcript`] | what is left behind |

mod collect;
mod job;
mod prepare;
mod proof;
mod transcript;
mod window;

use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use countersign_tests::desk::{self, Desk, Keychain};
use countersign_tests::forge::world::World;
use countersign_tests::forge::{Forge, local, sample};

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
        match &asked.prepare {
            Some(words) => prepared(words).await,
            None => tokio::select! {
                done = demo(&asked) => done,
                // Not left to the default: it would leave the desk and its folder behind.
                _ = tokio::signal::ctrl_c() => bail!("ended by Ctrl+C"),
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
    let left_behind = window::built("demo")?
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
    let mut world = match &asked.repo {
        Some(path) => local::serve_repo(path, asked.last.unwrap_or(LAST))?,
        None => sample::world()?,
    };
    let held_back = if asked.headless && asked.repo.is_none() {
        Some(job::hold_back(&mut world)?)
    } else {
        None
    };
    let desk = Desk::start(desk::Options {
        display: asked.headless,
        keychain: Keychain::Unlocked,
        notices: true,
        agent: false,
        on_own_display: !asked.headless,
    })?;
    transcript
        .say("The desk is set: display, session bus, keychain (gnome-keyring), notices (xfce4-notifyd).");
    let profile = desk.home().join("profile");
    let (app, gate) = (
        window::built("countersign")?,
        window::built("countersign-verify")?,
    );

    let public_line = prepare_on(&desk, &["key", &profile.to_string_lossy()], "").await?;
    let allowed_signers = enrol(&mut world, &public_line)?;
    let forge = Forge::start(world).await?;
    transcript.say(&format!(
        "The test forge serves {} changes at {}.",
        count(&forge),
        forge.url()
    ));
    prepare_on(
        &desk,
        &["account", &profile.to_string_lossy(), forge.url()],
        &forge.token(),
    )
    .await?;
    transcript.say(&format!(
        "Signed in as {}; token and signing key are in the keychain.",
        forge.login()
    ));

    let mut stage = Stage {
        desk: &desk,
        forge,
        app,
        gate,
        profile,
        allowed_signers,
    };
    match (asked.headless, held_back) {
        (false, _) => by_a_person(&stage, transcript).await?,
        (true, Some(held_back)) => job::main_job(&stage, held_back, transcript).await?,
        (true, None) => job::tour(&stage, transcript).await?,
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

fn count(forge: &Forge) -> usize {
    forge.with(|world| world.repos.iter().map(|repo| repo.changes.len()).sum())
}

/// Runs this program again, on the desk.
async fn prepare_on(desk: &Desk, words: &[&str], input: &str) -> Result<String> {
    use tokio::io::AsyncWriteExt;

    let mut command = tokio::process::Command::from(desk.command(std::env::current_exe()?));
    let command = command.arg("--prepare").args(words).kill_on_drop(true);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().context("no way to hand over the token")?;
    stdin.write_all(input.as_bytes()).await?;
    drop(stdin);
    let output = tokio::time::timeout(Duration::from_secs(90), child.wait_with_output()).await;
    let output = output.context("the preparation does not end")??;
    if !output.status.success() {
        bail!(
            "the preparation failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Puts the key into each repository that has a policy, as its administrators would.
fn enrol(world: &mut World, public_line: &str) -> Result<String> {
    let key: Vec<&str> = public_line.split_whitespace().take(2).collect();
    let line = format!(
        "priya@acme.example namespaces=\"approval@countersign.dev\" {}\n",
        key.join(" ")
    );
    let path = ".github/allowed_signers";
    let has_policy = |repo: &&countersign_tests::forge::world::Repo| {
        repo.git
            .tip("main")
            .is_some_and(|tip| repo.git.entry(&tip, ".github/countersign.toml").is_some())
    };
    let names: Vec<String> = world
        .repos
        .iter()
        .filter(has_policy)
        .map(|repo| repo.full_name())
        .collect();
    for name in names {
        world.set_file(&name, "main", path, line.as_bytes())?;
    }
    Ok(line)
}

/// The app on the person's own display, until they close it.
async fn by_a_person(stage: &Stage<'_>, transcript: &mut Transcript) -> Result<()> {
    let mut command = tokio::process::Command::from(stage.desk.command(&stage.app));
    let mut app = command
        .arg("--profile")
        .arg(&stage.profile)
        .kill_on_drop(true)
        .spawn()?;
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
        let windows = window::run(stage.desk, "xdotool", &["search", "--name", "^Countersign$"]).await;
        match windows {
            Ok((true, ids)) if !ids.trim().is_empty() => seen = true,
            Ok(_) if seen => break,
            // No X display to ask: then the app's own end, or Ctrl+C, is what is waited for.
            Ok(_) | Err(_) => {}
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
