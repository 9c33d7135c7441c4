//! The machine wakes, the session is unlocked, the network comes back: a logind and a NetworkManager that the test plays
//! itself on a private bus, the engine in a process of its own, and a forge that counts.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use countersign_tests::desk::probe::Probe;
use countersign_tests::desk::{Desk, Options};
use countersign_tests::forge::Forge;
use countersign_tests::forge::faults::{Effect, Fault};
use countersign_tests::forge::git::Edit;
use countersign_tests::forge::world::{Asked, NewChange, NewCommit, Scopes, World};
use jiff::SignedDuration;
use serde_json::Value;
use zbus::zvariant;

const PROBE: &str = env!("CARGO_BIN_EXE_engine-probe");
const REPO: &str = "acme/web";
const TOKEN: &str = "ghp_wakes";

const LOGIN: &str = "org.freedesktop.login1";
const LOGIN_PATH: &str = "/org/freedesktop/login1";
const SESSION_PATH: &str = "/org/freedesktop/login1/session/_32";
const NETWORK: &str = "org.freedesktop.NetworkManager";
const NETWORK_PATH: &str = "/org/freedesktop/NetworkManager";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// The least time between two polls, and a little.
const REST: Duration = Duration::from_millis(5_500);
/// How soon a poll has to follow.
const SOON: Duration = Duration::from_secs(5);

fn change(number: u64) -> NewChange {
    NewChange {
        repo: REPO.into(),
        number: None,
        title: format!("Change {number}"),
        body: "What it does.".into(),
        author: "mika".into(),
        branch: format!("part-{number}"),
        base: "main".into(),
        commits: vec![NewCommit {
            message: "Change a thing\n\nCo-authored-by: Claude <noreply@anthropic.com>\n".into(),
            author: "mika".into(),
            committer: String::new(),
            age: SignedDuration::from_mins(30),
            edits: vec![Edit::write(&format!("src/part{number}.txt"), "new\n")],
        }],
        labels: Vec::new(),
        assignees: Vec::new(),
        asked: vec![Asked::User("priya-n".into())],
        draft: false,
        age: SignedDuration::from_mins(20),
    }
}

fn world() -> Result<World> {
    let mut world = World::new()?;
    world.user("priya-n", 1_234_567, "Priya N", "priya@acme.example");
    world.user("mika", 2_000_001, "Mika", "mika@acme.example");
    world.organization("acme", 3_000_001);
    world.token(
        TOKEN,
        "priya-n",
        Scopes::Classic(vec!["repo".into(), "read:org".into()]),
    );
    let policy = "version = 1\n\n[signoff]\nrequire = \"ai-assisted\"\n\n[[senior]]\nlogin = \"priya-n\"\nid = \"1234567\"\n\
                  principal = \"priya@acme.example\"\n";
    let files = [Edit::write(".github/countersign.toml", policy)];
    world.repo(REPO, 4_000_001, false, &["priya-n", "mika"], &files)?;
    world.open(change(1))?;
    Ok(world)
}

/// The engine, signed in and at rest.
struct Scene {
    desk: Desk,
    forge: Forge,
    probe: Probe,
}

impl Scene {
    async fn set() -> Result<Self> {
        let desk = Desk::start(Options::default())?;
        let forge = Forge::start(world()?).await?;
        let mut probe = Probe::start(&desk, Path::new(PROBE))?;
        let profile = desk.home().join("profile");
        let url = forge.url().to_owned();
        for words in [
            &["engine", "start", &profile.to_string_lossy()][..],
            &["engine", "sign-in", &url, TOKEN],
            &["engine", "settle"],
        ] {
            let answer = tokio::task::block_in_place(|| probe.ask(words))?;
            anyhow::ensure!(answer.get("error").is_none(), "{words:?}: {answer}");
        }
        let scene = Self { desk, forge, probe };
        // Signing in asks for a poll of its own, some seconds after the first.
        let mut before = 0;
        while before != scene.polls() {
            before = scene.polls();
            tokio::time::sleep(REST).await;
        }
        Ok(scene)
    }

    fn polls(&self) -> usize {
        self.forge.with(|world| {
            let polls = world.calls.iter();
            polls
                .filter(|call| call.operation.as_deref() == Some("Probe"))
                .count()
        })
    }

    async fn bus(&self) -> Result<zbus::Connection> {
        let bus = zbus::connection::Builder::address(self.desk.bus().as_str())?;
        Ok(bus.name(LOGIN)?.name(NETWORK)?.build().await?)
    }

    /// A poll within 5 s, and no more than one a signal: what is told during a poll is not lost with its end.
    async fn polls_for(&self, signals: usize, before: usize, what: &str) -> Result<()> {
        let began = Instant::now();
        while self.polls() == before {
            anyhow::ensure!(began.elapsed() < SOON, "no poll within 5 s after {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(REST).await;
        anyhow::ensure!(
            self.polls() <= before + signals,
            "{} polls after {what}",
            self.polls() - before
        );
        Ok(())
    }

    fn notices(&mut self) -> Result<Value> {
        let answer = tokio::task::block_in_place(|| self.probe.ask(&["engine", "notices"]))?;
        answer.get("ok").cloned().context("a number")
    }
}

type Changed<'a> = (&'a str, HashMap<&'a str, zvariant::Value<'a>>, Vec<&'a str>);

fn changed<'a>(whose: &'a str, name: &'a str, value: impl Into<zvariant::Value<'a>>) -> Changed<'a> {
    (whose, HashMap::from([(name, value.into())]), Vec::new())
}

async fn emit<B>(bus: &zbus::Connection, path: &str, interface: &str, member: &str, body: &B) -> Result<()>
where
    B: serde::Serialize + zvariant::DynamicType,
{
    Ok(bus
        .emit_signal(None::<&str>, path, interface, member, body)
        .await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_logind_and_networkmanager_tell_is_a_poll_each_and_no_second_notice() -> Result<()> {
    let mut scene = Scene::set().await?;
    let bus = scene.bus().await?;
    scene.forge.with(|world| world.open(change(2)))?;

    let before = scene.polls();
    // On the way into sleep nothing is asked.
    emit(
        &bus,
        LOGIN_PATH,
        "org.freedesktop.login1.Manager",
        "PrepareForSleep",
        &true,
    )
    .await?;
    emit(&bus, NETWORK_PATH, NETWORK, "StateChanged", &20_u32).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(scene.polls(), before);
    emit(
        &bus,
        LOGIN_PATH,
        "org.freedesktop.login1.Manager",
        "PrepareForSleep",
        &false,
    )
    .await?;
    scene.polls_for(1, before, "waking").await?;
    assert_eq!(scene.notices()?, 1);

    let before = scene.polls();
    emit(
        &bus,
        SESSION_PATH,
        "org.freedesktop.login1.Session",
        "Unlock",
        &(),
    )
    .await?;
    let unlocked = changed("org.freedesktop.login1.Session", "LockedHint", false);
    emit(&bus, SESSION_PATH, PROPERTIES, "PropertiesChanged", &unlocked).await?;
    scene.polls_for(2, before, "unlocking").await?;

    let before = scene.polls();
    emit(&bus, NETWORK_PATH, NETWORK, "StateChanged", &70_u32).await?;
    let connected = changed(NETWORK, "Connectivity", 4_u32);
    emit(&bus, NETWORK_PATH, PROPERTIES, "PropertiesChanged", &connected).await?;
    scene.polls_for(2, before, "the network's return").await?;
    assert_eq!(scene.notices()?, 1, "told once");
    Ok(())
}

/// A poll was under way when the lid was closed: its connection leads nowhere, and nobody waits until its time is up.
#[tokio::test(flavor = "multi_thread")]
async fn a_poll_that_hangs_over_a_sleep_is_given_up_for_one_that_is_answered() -> Result<()> {
    let scene = Scene::set().await?;
    let bus = scene.bus().await?;
    let hangs = Effect::Slow(Duration::from_secs(25));
    scene.forge.faults([Fault::once("POST", "*/graphql", hangs)]);
    let manager = "org.freedesktop.login1.Manager";
    emit(&bus, LOGIN_PATH, manager, "PrepareForSleep", &false).await?;
    while scene.forge.with(|world| !world.faults.is_empty()) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    // The one that hangs is not counted before its answer is there.
    let before = scene.polls();
    emit(&bus, LOGIN_PATH, manager, "PrepareForSleep", &false).await?;
    scene.polls_for(1, before, "waking").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_signals_is_no_storm_of_polls() -> Result<()> {
    let mut scene = Scene::set().await?;
    let bus = scene.bus().await?;
    let before = scene.polls();
    let until = Instant::now() + Duration::from_secs(45);
    let mut sent = 0;
    while Instant::now() < until {
        for _ in 0..100 {
            emit(
                &bus,
                LOGIN_PATH,
                "org.freedesktop.login1.Manager",
                "PrepareForSleep",
                &false,
            )
            .await?;
            // Of no shape that is known, and to this bus as good as any.
            emit(&bus, NETWORK_PATH, NETWORK, "StateChanged", &"\u{202e}x").await?;
            sent += 2;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Six by the allowance, and the one that is due anyway.
    let polled = scene.polls() - before;
    assert!((1..=7).contains(&polled), "{polled} polls for {sent} signals");
    assert!(sent > 2_000, "{sent}");
    assert_eq!(scene.notices()?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_goes_is_no_fault_and_is_heard_again_when_it_is_back() -> Result<()> {
    let mut scene = Scene::set().await?;
    scene.desk.restart_bus()?;
    let bus = scene.bus().await?;
    // It looks for the bus again by itself.
    tokio::time::sleep(REST).await;
    let before = scene.polls();
    emit(
        &bus,
        LOGIN_PATH,
        "org.freedesktop.login1.Manager",
        "PrepareForSleep",
        &false,
    )
    .await?;
    scene.polls_for(1, before, "waking").await
}
