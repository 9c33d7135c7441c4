//! The demo's changes: four repositories of a made-up company, seventeen changes that wait for its senior engineer.
//!
//! Each shows one thing that a reviewer must not miss, and together they show every family of dangers: `infra`,
//! `payments`, `platform` and `web` say which.

mod infra;
mod payments;
mod platform;
mod web;

use anyhow::{Result, ensure};
use jiff::SignedDuration;

use super::git::Edit;
use super::world::{Asked, NewChange, NewCommit, Scopes, World};

/// Login of the viewer, a senior engineer.
pub const VIEWER: &str = "priya-n";
/// Numeric id of the viewer's account.
pub const VIEWER_ID: u64 = 1_234_567;
/// Secret of the viewer's token.
pub const TOKEN: &str = "ghp_SampleTokenOfTheTestForge00000000000";

/// The whole sample, its times relative to now.
pub fn world() -> Result<World> {
    let mut world = World::new()?;
    people(&mut world);
    infra::add(&mut world)?;
    payments::add(&mut world)?;
    platform::add(&mut world)?;
    web::add(&mut world)?;
    Ok(world)
}

/// The company's people, teams and apps, and the viewer's token.
pub fn people(world: &mut World) {
    world.organization("acme", 9_001_200);
    for (login, id, name) in [
        (VIEWER, VIEWER_ID, "Priya Natarajan"),
        ("mika", 2_210_441, "Mika Saarinen"),
        ("tomas-r", 3_018_227, "Tomáš Říha"),
        ("noor-k", 3_550_910, "Noor Khalil"),
        ("lena-w", 4_402_118, "Lena Wójcik"),
        ("sol-v", 1_877_034, "Sol Varga"),
        ("ade-o", 4_981_553, "Ade Okafor"),
        ("jun-p", 5_120_876, "Jun Park"),
    ] {
        let mail = format!("{}@acme.example", login.split('-').next().unwrap_or(login));
        world.user(login, id, name, &mail);
    }
    world.bot("kiro-agent[bot]", 245_459_735);
    world.bot("copilot-swe-agent[bot]", 198_982_749);
    world.bot("devin-ai-integration[bot]", 158_243_242);
    world.bot("google-labs-jules[bot]", 161_369_871);
    world.team("acme", "platform", &[VIEWER, "sol-v", "mika"]);
    world.team("acme", "web-owners", &[VIEWER, "lena-w"]);
    let scopes = ["repo", "read:org", "notifications", "write:ssh_signing_key"]
        .map(str::to_owned)
        .to_vec();
    world.token(TOKEN, VIEWER, Scopes::Classic(scopes));
}

/// The policy that all four repositories start from; `components` are their own.
pub fn policy(components: &str) -> String {
    format!(
        r#"version = 1
allowed_signers = ".github/allowed_signers"

[signoff]
require = "ai-assisted"
undeclared = "require"
authors = "non-senior"
approvals = 1
presence = "none"
bind = "head"
max_age = "7d"
max_delay = "72h"

[[senior]]
login = "priya-n"
id = "1234567"
principal = "priya@acme.example"

[[senior]]
login = "sol-v"
id = "1877034"
principal = "sol@acme.example"

[[senior]]
login = "noor-k"
id = "3550910"
principal = "noor@acme.example"
{components}"#
    )
}

/// `allowed_signers` before anybody has enrolled a key.
pub const NO_SIGNERS: &str = "# Keys that may sign approvals, one a line, in OpenSSH's format.\n# principal namespaces=\"approval@countersign.dev\" keytype base64\n";

/// The files that every repository starts with.
fn common(components: &str, owners: &str) -> Vec<Edit> {
    vec![
        Edit::write(".github/countersign.toml", &policy(components)),
        Edit::write(".github/allowed_signers", NO_SIGNERS),
        Edit::write(".github/CODEOWNERS", owners),
    ]
}

/// `before` with each old text, which must be there exactly once, replaced by its new one.
fn swap(before: &str, pairs: &[(&str, &str)]) -> Result<String> {
    let mut text = before.to_owned();
    for (old, new) in pairs {
        let count = text.matches(old).count();
        ensure!(
            count == 1,
            "the sample's edit must match once, matches {count} times: {old:?}"
        );
        text = text.replacen(old, new, 1);
    }
    Ok(text)
}

/// A commit so many minutes ago.
fn commit(message: &str, author: &str, minutes: i64, edits: Vec<Edit>) -> NewCommit {
    NewCommit {
        message: message.to_owned(),
        author: author.to_owned(),
        committer: String::new(),
        age: SignedDuration::from_mins(minutes),
        edits,
    }
}

/// A change into `main`, opened so many minutes ago.
fn change(repo: &str, number: u64, title: &str, author: &str, branch: &str, minutes: i64) -> NewChange {
    NewChange {
        repo: repo.to_owned(),
        number: Some(number),
        title: title.to_owned(),
        body: String::new(),
        author: author.to_owned(),
        branch: branch.to_owned(),
        base: "main".to_owned(),
        commits: Vec::new(),
        labels: Vec::new(),
        assignees: Vec::new(),
        asked: Vec::new(),
        draft: false,
        age: SignedDuration::from_mins(minutes),
    }
}

fn viewer() -> Vec<Asked> {
    vec![Asked::User(VIEWER.to_owned())]
}

fn team(name: &str) -> Vec<Asked> {
    vec![Asked::Team(format!("acme/{name}"))]
}
