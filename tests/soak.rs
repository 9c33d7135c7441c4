//! A day of work in minutes: 200 changes wait, a new one comes each hour, and each hour something is wrong with the
//! forge or the way to it. What is used must not grow, and each change is told once.
//!
//! The engine's clocks run 120 times as fast as the machine's, so that what is measured is its own interval, its own
//! waits and its own allowances, not those of a test. What takes real time (answers, assessing) takes 120 times as long
//! as on such a day, so there are fewer polls than one a minute. Faster, a slow machine would still be reading all 200
//! when the next trouble comes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "what was measured is what it is run for")]

use std::path::Path;
use std::time::{Duration, Instant};

use countersign_tests::desk::probe::Probe;
use countersign_tests::desk::{Desk, Keychain, Options};
use countersign_tests::forge::Forge;
use countersign_tests::forge::faults::{Effect, Fault};
use countersign_tests::forge::git::Edit;
use countersign_tests::forge::world::{Asked, NewChange, NewCommit, QUOTA, Scopes, World};
use jiff::SignedDuration;
use serde_json::Value;

const PROBE: &str = env!("CARGO_BIN_EXE_engine-probe");
const REPO: &str = "acme/web";
const TOKEN: &str = "ghp_soaks_for_a_day";
const CHANGES: u64 = 200;
const HOURS: u32 = 24;
/// How much faster the engine's clocks run.
const RATE: u32 = 120;
/// An hour by them.
const HOUR: Duration = Duration::from_secs(3_600 / RATE as u64);

/// Memory that may come on top of what it had after four hours, in KiB.
const GROWTH: u64 = 32 * 1_024;
/// The same for open files.
const FILES: u64 = 8;

fn change(number: u64) -> NewChange {
    let commit = NewCommit {
        message: "Change a thing\n\nCo-authored-by: Claude <noreply@anthropic.com>\n".into(),
        author: "mika".into(),
        committer: String::new(),
        age: SignedDuration::from_mins(30),
        edits: vec![Edit::write(&format!("src/part{number}.txt"), "new\n")],
    };
    NewChange {
        repo: REPO.into(),
        number: None,
        title: format!("Part {number}"),
        body: "What it does.".into(),
        author: "mika".into(),
        branch: format!("part-{number}"),
        base: "main".into(),
        commits: vec![commit],
        labels: Vec::new(),
        assignees: Vec::new(),
        asked: vec![Asked::User("priya-n".into())],
        draft: false,
        age: SignedDuration::from_mins(20),
    }
}

fn world() -> World {
    let mut world = World::new().unwrap();
    world.user("priya-n", 1_234_567, "Priya N", "priya@acme.example");
    world.user("mika", 2_000_001, "Mika", "mika@acme.example");
    world.organization("acme", 3_000_001);
    let scopes = vec!["repo".into(), "read:org".into()];
    world.token(TOKEN, "priya-n", Scopes::Classic(scopes));
    let policy = "version = 1\n\n[signoff]\nrequire = \"ai-assisted\"\n\n[[senior]]\nlogin = \"priya-n\"\nid = \"1234567\"\n\
                  principal = \"priya@acme.example\"\n";
    let files = [Edit::write(".github/countersign.toml", policy)];
    world
        .repo(REPO, 4_000_001, false, &["priya-n", "mika"], &files)
        .unwrap();
    for number in 1..=CHANGES {
        assert_eq!(world.open(change(number)).unwrap(), number);
    }
    world
}

/// What is wrong in this hour.
fn trouble(hour: u32) -> Effect {
    match hour % 8 {
        0 => Effect::ResetBefore,
        1 => Effect::trouble(502),
        2 => Effect::secondary_limit(429, Some(120)),
        3 => Effect::CutBody(40),
        4 => Effect::Html,
        5 => Effect::WrongJson,
        6 => Effect::secondary_limit(403, None),
        _ => Effect::ResetAfter,
    }
}

fn ok(answer: &Value) -> &Value {
    assert!(answer.get("error").is_none(), "{answer}");
    &answer["ok"]
}

/// Resident memory in KiB, and how many files are open.
fn used(process: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let memory = line.trim().trim_end_matches(" kB").parse().unwrap();
    let files = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().count();
    (memory, files as u64)
}

/// Requests and points since it was last asked.
fn quota(forge: &Forge) -> (u64, u64) {
    forge.with(|world| {
        let token = &mut world.tokens[0];
        (
            std::mem::take(&mut token.core_used),
            std::mem::take(&mut token.points_used),
        )
    })
}

fn notices(probe: &mut Probe) -> u64 {
    ok(&probe.ask(&["engine", "notices"]).unwrap()).as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "takes minutes: cargo xtask test --soak"]
async fn a_day_with_200_changes_and_hourly_trouble() {
    let desk = Desk::start(Options {
        keychain: Keychain::Unlocked,
        agent: true,
        ..Options::default()
    })
    .unwrap();
    let forge = Forge::start(world()).await.unwrap();
    let profile = desk.home().join("profile");
    let mut probe = Probe::start(&desk, Path::new(PROBE)).unwrap();
    let start = ["engine", "start", &profile.to_string_lossy(), &RATE.to_string()].map(str::to_owned);
    ok(&probe.ask(&start.each_ref().map(String::as_str)).unwrap());
    let began = Instant::now();
    probe.tell(&["engine", "sign-in", forge.url(), TOKEN]).unwrap();
    ok(&probe.hear().unwrap());
    // The first reading takes what it takes; the day begins after it.
    while ok(&probe.ask(&["engine", "status"]).unwrap())["pending"] != CHANGES {
        assert!(
            began.elapsed() < Duration::from_secs(300),
            "the first reading does not end"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let first = quota(&forge);
    println!(
        "read first in {:?} with {first:?} requests and points",
        began.elapsed()
    );
    assert_eq!(notices(&mut probe), 0, "the first reading is silent");

    let (mut table, day) = (Vec::new(), Instant::now());
    for hour in 0..HOURS {
        // The forge's clock goes along, which its limits count by.
        forge.with(|world| {
            let ahead = began.elapsed() * (RATE - 1);
            world.skew = SignedDuration::try_from(ahead).unwrap();
            world.faults.push(Fault::always("*", "*", trouble(hour)));
        });
        tokio::time::sleep(HOUR / 12).await;
        forge.with(|world| world.faults.clear());
        tokio::time::sleep(HOUR / 12).await;
        let number = CHANGES + u64::from(hour) + 1;
        forge.with(|world| assert_eq!(world.open(change(number)).unwrap(), number));
        let next = day + HOUR * (hour + 1);
        tokio::time::sleep(next.saturating_duration_since(Instant::now())).await;
        let told = notices(&mut probe);
        let (memory, files) = used(probe.process());
        let (requests, points) = quota(&forge);
        println!(
            "hour {hour:2}: {memory} KiB, {files} files, {requests} requests, {points} points, {told} notices"
        );
        table.push((memory, files, requests, points));
    }
    // On a machine that has other work too, polls are late by some of these hours.
    let until = Instant::now() + Duration::from_secs(120);
    while notices(&mut probe) < u64::from(HOURS) && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    tokio::time::sleep(HOUR / 4).await;
    assert_eq!(notices(&mut probe), u64::from(HOURS), "each change is told once");
    let status = ok(&probe.ask(&["engine", "status"]).unwrap()).clone();
    assert_eq!(status["pending"], CHANGES + u64::from(HOURS), "{status}");
    let (settled, later) = table.split_at(4);
    let (memory, files, ..) = settled[3];
    for (hour, one) in later.iter().enumerate() {
        assert!(
            one.0 <= memory + GROWTH,
            "hour {}: {} KiB after {memory}",
            hour + 4,
            one.0
        );
        assert!(
            one.1 <= files + FILES,
            "hour {}: {} files after {files}",
            hour + 4,
            one.1
        );
    }
    for (hour, one) in table.iter().enumerate() {
        // A tenth of what there is, by far the most of which is the user's.
        assert!(one.2.max(one.3) <= QUOTA / 10, "hour {hour}: {one:?}");
    }
}
