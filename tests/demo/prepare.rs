//! Signing in before the app starts, with the app's own engine: run on the desk as a process of its own, because the
//! keychain is found through the environment.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use countersign_engine::engine::{Engine, Options};
use countersign_engine::github::GitHub;
use countersign_engine::ports::{Desktop, Notice, Question, TrayState};
use countersign_engine::prompt::{Purpose, Unprompted};
use countersign_engine::view::Failure;

/// A desktop without anybody at it.
struct Nobody;

impl Desktop for Nobody {
    async fn notify(&self, _: Notice) -> Result<(), String> {
        Ok(())
    }

    fn changed(&self, _: u64) {}

    fn show(&self) {}

    fn tray(&self, _: TrayState) {}

    async fn confirm(&self, _: Question) -> bool {
        false
    }

    async fn prompt(&self, _: Purpose) -> Result<(), Unprompted> {
        Err(Unprompted::NoAgent)
    }

    async fn save_as(&self, _: String, _: String) -> Option<PathBuf> {
        None
    }

    async fn open_file(&self, _: String) -> Option<PathBuf> {
        None
    }
}

async fn engine(profile: &Path) -> Result<Engine<GitHub, Nobody>> {
    Engine::start(Options::new(profile), Nobody).await.map_err(told)
}

fn told(failure: Failure) -> anyhow::Error {
    anyhow::anyhow!("{} {}", failure.message, failure.hint)
}

/// Makes the signing key in the keychain, and gives its public line.
pub(crate) async fn key(profile: &Path) -> Result<String> {
    let engine = engine(profile).await?;
    let key = engine.make_key().await.map_err(told)?;
    engine.shutdown();
    Ok(key.public_line)
}

/// Signs in and waits for the first sync, which is silent: what comes after it is told.
pub(crate) async fn account(profile: &Path, forge: &str, token: &str) -> Result<()> {
    let engine = engine(profile).await?;
    let result = engine
        .sign_in(forge.to_owned(), token.to_owned())
        .await
        .map_err(told)?;
    if !result.ok {
        bail!("the sign-in failed: {:?}", result.steps);
    }
    // Who started this has set its limit: hundreds of large changes are many minutes.
    while engine.status().await.map_err(told)?.data_at.is_none() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    engine.shutdown();
    Ok(())
}

/// Runs one of the two: `words` are what follows `--prepare` on the command line.
pub(crate) async fn run(words: &[String]) -> Result<Option<String>> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["key", profile] => key(Path::new(profile)).await.map(Some),
        // The token comes by way of standard input: the list of processes can be read by everybody.
        ["account", profile, forge] => {
            let token = std::io::read_to_string(std::io::stdin()).context("no token was given")?;
            account(Path::new(profile), forge, token.trim())
                .await
                .map(|()| None)
        }
        _ => bail!("--prepare key PROFILE | --prepare account PROFILE FORGE"),
    }
}
