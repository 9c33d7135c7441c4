//! What the demo and the window's tests begin with: a profile of the app, signed in to a forge, with a signing key in
//! the keychain whose public half the forge's repositories have enrolled.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::AsyncWriteExt as _;

use super::Desk;
use crate::forge::Forge;
use crate::forge::world::{Repo, World};

/// Who signs, as `allowed_signers` names them.
pub const PRINCIPAL: &str = "priya@acme.example";

/// How long a preparation may take: the first sync of hundreds of large changes is among them.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// The stage.
pub struct Stage {
    /// The app's profile on the desk.
    pub profile: PathBuf,
    /// The file that CI would read, with the key that was made for the desk.
    pub allowed_signers: String,
    /// The forge. Dropping it judges it.
    pub forge: Forge,
}

impl Stage {
    /// Sets it: makes the key, enrols it, serves `world`, signs in and waits for the first sync. `demo` is the program
    /// of that name, which holds the engine: the keychain is found through the environment, which belongs to a whole
    /// process. `tell` hears what was done.
    ///
    /// # Errors
    /// Some of it failed.
    pub async fn set(desk: &Desk, mut world: World, demo: &Path, mut tell: impl FnMut(&str)) -> Result<Self> {
        let profile = desk.home().join("profile");
        let folder = profile.to_string_lossy().into_owned();
        let public_line = prepare(desk, demo, &["key", &folder], "").await?;
        let allowed_signers = enrol(&mut world, &public_line)?;
        let forge = Forge::start(world).await?;
        let count: usize = forge.with(|world| world.repos.iter().map(|repo| repo.changes.len()).sum());
        tell(&format!(
            "The test forge serves {count} changes at {}.",
            forge.url()
        ));
        prepare(desk, demo, &["account", &folder, forge.url()], &forge.token()).await?;
        tell(&format!(
            "Signed in as {}; token and signing key are in the keychain.",
            forge.login()
        ));
        Ok(Self {
            profile,
            allowed_signers,
            forge,
        })
    }
}

/// Runs the demo's `--prepare` on a desk, with `input` as its input: what it answers.
///
/// # Errors
/// It failed.
pub async fn prepare(desk: &Desk, demo: &Path, words: &[&str], input: &str) -> Result<String> {
    let mut command = tokio::process::Command::from(desk.command(demo));
    command
        .arg("--prepare")
        .args(words)
        .process_group(0)
        .kill_on_drop(true);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().context("the demo could not be started")?;
    desk.watch(child.id().context("it has just been started")?)?;
    let mut stdin = child.stdin.take().context("no way to hand over the token")?;
    stdin.write_all(input.as_bytes()).await?;
    drop(stdin);
    let output = tokio::time::timeout(LIMIT, child.wait_with_output()).await;
    let output = output.context("the preparation does not end")??;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        bail!("the preparation failed: {said}");
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Puts the key into each repository that has a policy, as its administrators would.
fn enrol(world: &mut World, public_line: &str) -> Result<String> {
    let key: Vec<&str> = public_line.split_whitespace().take(2).collect();
    let line = format!(
        "{PRINCIPAL} namespaces=\"approval@countersign.dev\" {}\n",
        key.join(" ")
    );
    let has_policy = |repo: &&Repo| {
        let tip = repo.git.tip("main");
        tip.is_some_and(|tip| repo.git.entry(&tip, ".github/countersign.toml").is_some())
    };
    let with_policy = world.repos.iter().filter(has_policy);
    let names: Vec<String> = with_policy.map(Repo::full_name).collect();
    for name in names {
        world.set_file(&name, "main", ".github/allowed_signers", line.as_bytes())?;
    }
    Ok(line)
}
