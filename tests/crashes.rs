//! The engine is killed at every step between *decide* and *confirmed*, and started again on the same profile: the
//! forge's own record says whether each decision is there exactly once.
//!
//! What is killed is a process (`engine-probe`), whose token is in a real keychain and whose key is in a real
//! ssh-agent. Most moments are calls that the forge counts; some are writes to the database, some are seeded delays.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use countersign_core::change::Oid;
use countersign_core::decision::{Decision, OutboxState};
use countersign_core::{ledger, signature};
use countersign_engine::store::Store;
use countersign_tests::desk::probe::{Killer, Probe};
use countersign_tests::desk::{Desk, Keychain, Options};
use countersign_tests::forge::Forge;
use countersign_tests::forge::faults::{Effect, Fault};
use countersign_tests::forge::git::Edit;
use countersign_tests::forge::world::{Asked, NewChange, NewCommit, Scopes, World};
use countersign_tests::tally::{Tally, holding};
use jiff::SignedDuration;
use serde_json::Value;

const PROBE: &str = env!("CARGO_BIN_EXE_engine-probe");
const REPO: &str = "acme/web";
const TOKEN: &str = "ghp_crashes_and_comes_back";
/// Decisions go round over so many changes.
const CHANGES: u64 = 6;
/// Calls about a change from the first look at its head to the last, where nothing fails.
const CALLS: u32 = 9;
/// The calls at which the head is replaced: after the draft was created, and after the review was submitted. What follows
/// deletes the draft, or dismisses the review, with its third call.
const REPLACED_AT: [u32; 2] = [4, 7];
/// How long a moment may take to come.
const PATIENCE: Duration = Duration::from_secs(15);

/// When the engine is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// At this call about the change: 0 is deciding's own look at its head.
    Call(u32, At),
    /// When the database has been written so often.
    Written(u32),
    /// So long after it was told to decide, or to take up what was left.
    After(Duration),
}

/// Where in a call.
#[derive(Debug, Clone, Copy)]
enum At {
    /// The forge never heard of it.
    Unheard,
    /// The forge has it and does it afterwards.
    Heard,
    /// The forge has done it and not answered.
    Done,
    /// So long after that: the answer is there, and what follows from it is being written.
    Answered(Duration),
}

/// SplitMix64: the same moments each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }

    fn micros(&mut self, bound: u64) -> Duration {
        Duration::from_micros(self.below(bound))
    }

    fn at(&mut self) -> At {
        match self.below(4) {
            0 => At::Unheard,
            1 => At::Heard,
            2 => At::Done,
            _ => At::Answered(self.micros(8_000)),
        }
    }
}

/// Kills once, if it is still wanted.
#[derive(Clone)]
struct Trap {
    killer: Killer,
    armed: Arc<AtomicBool>,
    sprung: Arc<AtomicBool>,
}

impl Trap {
    fn of(probe: &Probe) -> Self {
        Self {
            killer: probe.killer(),
            armed: Arc::new(AtomicBool::new(true)),
            sprung: Arc::new(AtomicBool::new(false)),
        }
    }

    fn spring(&self) {
        if self.armed.swap(false, Ordering::SeqCst) {
            self.killer.kill();
            self.sprung.store(true, Ordering::SeqCst);
        }
    }

    fn spring_after(&self, delay: Duration) {
        let trap = self.clone();
        std::thread::spawn(move || {
            std::thread::sleep(delay);
            trap.spring();
        });
    }

    /// Kills at the n-th change of the write-ahead log, or when nothing more is written.
    fn spring_at_write(&self, log: &Path, writes: u32) {
        let (trap, log) = (self.clone(), log.to_owned());
        std::thread::spawn(move || {
            let look = || {
                let data = std::fs::metadata(&log).ok()?;
                Some((data.len(), data.modified().unwrap_or(SystemTime::UNIX_EPOCH)))
            };
            let (mut seen, mut count, mut last) = (look(), 0, Instant::now());
            while count < writes && last.elapsed() < Duration::from_millis(700) {
                let now = look();
                if now != seen {
                    (seen, count, last) = (now, count + 1, Instant::now());
                }
                std::thread::yield_now();
            }
            trap.spring();
        });
    }

    fn has_sprung(&self) -> bool {
        self.sprung.load(Ordering::SeqCst)
    }

    /// Nothing is killed from now on; whether something was.
    fn disarm(&self) -> bool {
        if self.armed.swap(false, Ordering::SeqCst) {
            return false;
        }
        let until = Instant::now() + PATIENCE;
        while !self.has_sprung() {
            assert!(Instant::now() < until, "it was to be killed and was not");
            std::thread::yield_now();
        }
        true
    }
}

/// A decision that was asked for.
struct Made {
    number: u64,
    /// Written with it, and nowhere else.
    words: String,
    /// Its entry, where the engine lived to tell.
    entry: Option<String>,
    moment: Moment,
    /// The head was replaced meanwhile: it may not come to stand.
    replaced: bool,
}

/// Pushes over a change's branch, once.
#[derive(Clone)]
struct Pusher {
    number: u64,
    words: String,
    done: Arc<AtomicBool>,
}

impl Pusher {
    fn push(&self, world: &mut World) {
        if self.done.swap(true, Ordering::SeqCst) {
            return;
        }
        let file = format!("src/part{}.txt", self.number);
        let commit = commit(vec![Edit::write(&file, &format!("{}\n", self.words))]);
        world.force_push(REPO, self.number, "mika", &[commit]).unwrap();
    }
}

fn commit(edits: Vec<Edit>) -> NewCommit {
    NewCommit {
        message: "Change a thing\n\nCo-authored-by: Claude <noreply@anthropic.com>\n".into(),
        author: "mika".into(),
        committer: String::new(),
        age: SignedDuration::from_mins(30),
        edits,
    }
}

/// Everything that one round needs.
struct Scene {
    desk: Desk,
    forge: Forge,
    profile: PathBuf,
    random: Random,
    made: Vec<Made>,
    kills: u64,
}

fn world(signers: &str) -> World {
    let mut world = World::new().unwrap();
    world.user("priya-n", 1_234_567, "Priya N", "priya@acme.example");
    world.user("mika", 2_000_001, "Mika", "mika@acme.example");
    world.organization("acme", 3_000_001);
    let scopes = vec!["repo".into(), "read:org".into()];
    world.token(TOKEN, "priya-n", Scopes::Classic(scopes));
    let policy = "version = 1\nallowed_signers = \".github/allowed_signers\"\n\n[signoff]\nrequire = \"ai-assisted\"\n\n\
                  [[senior]]\nlogin = \"priya-n\"\nid = \"1234567\"\nprincipal = \"priya@acme.example\"\n";
    let files = [
        Edit::write(".github/countersign.toml", policy),
        Edit::write(".github/allowed_signers", signers),
        Edit::write("src/app.txt", "one\ntwo\nthree\n"),
    ];
    world
        .repo(REPO, 4_000_001, false, &["priya-n", "mika"], &files)
        .unwrap();
    for number in 1..=CHANGES {
        let commit = commit(vec![Edit::write(&format!("src/part{number}.txt"), "new\n")]);
        let new = NewChange {
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
        };
        assert_eq!(world.open(new).unwrap(), number);
    }
    world
}

fn ok(answer: &Value) -> &Value {
    assert!(answer.get("error").is_none(), "{answer}");
    &answer["ok"]
}

impl Scene {
    async fn set(seed: u64) -> (Self, Probe) {
        let desk = Desk::start(Options {
            keychain: Keychain::Unlocked,
            agent: true,
            ..Options::default()
        })
        .unwrap();
        let key = std::fs::read_to_string(desk.agent_key().with_extension("pub")).unwrap();
        let key: Vec<&str> = key.split_whitespace().take(2).collect();
        let signers = format!(
            "priya@acme.example namespaces=\"approval@countersign.dev\" {}\n",
            key.join(" ")
        );
        let forge = Forge::start(world(&signers)).await.unwrap();
        let profile = desk.home().join("profile");
        let mut scene = Self {
            desk,
            forge,
            profile,
            random: Random(seed),
            made: Vec::new(),
            kills: 0,
        };
        let mut probe = scene.start();
        let answer = probe
            .ask(&["engine", "sign-in", scene.forge.url(), TOKEN])
            .unwrap();
        assert_eq!(ok(&answer)["ok"], true, "{answer}");
        assert!(answer.to_string().contains("Kept in the keychain"), "{answer}");
        ok(&probe.ask(&["engine", "settle"]).unwrap());
        scene.kills = 0;
        (scene, probe)
    }

    fn database(&self) -> PathBuf {
        self.profile.join("countersign.db")
    }

    /// A new process on the profile. Its database must open.
    fn start(&self) -> Probe {
        let mut probe = Probe::start(&self.desk, Path::new(PROBE)).unwrap();
        let profile = self.profile.to_string_lossy();
        ok(&probe.ask(&["engine", "start", &profile]).unwrap());
        probe
    }

    fn arm(&self, probe: &Probe, moment: Moment, number: u64) -> Trap {
        let trap = Trap::of(probe);
        match moment {
            Moment::After(delay) => trap.spring_after(delay),
            Moment::Written(writes) => {
                trap.spring_at_write(&self.profile.join("countersign.db-wal"), writes);
            }
            Moment::Call(call, at) => {
                let path = format!("*/pulls/{number}*");
                let fault = |effect| Fault::once("*", &path, effect).after(call);
                let killed = trap.clone();
                let before = move |_: &mut World| killed.spring();
                let killed = trap.clone();
                match at {
                    At::Unheard => self
                        .forge
                        .faults([fault(Effect::Hook(Box::new(before))), fault(Effect::ResetBefore)]),
                    At::Heard => self.forge.faults([fault(Effect::Hook(Box::new(before)))]),
                    At::Done => {
                        let after = move |_: &mut World| killed.spring();
                        self.forge
                            .faults([fault(Effect::After(Arc::new(Mutex::new(after))))]);
                    }
                    At::Answered(delay) => {
                        let after = move |_: &mut World| killed.spring_after(delay);
                        self.forge
                            .faults([fault(Effect::After(Arc::new(Mutex::new(after))))]);
                    }
                }
            }
        }
        trap
    }

    /// Decides, is killed, takes up what was left: perhaps killed at that too. The head is replaced before this call about
    /// the change, or before the next start.
    fn decide(&mut self, mut probe: Probe, moment: Moment, replaced_at: Option<u32>) -> Probe {
        let index = self.made.len() as u64;
        let number = index % CHANGES + 1;
        let decision = if replaced_at.is_some() {
            // Nothing takes a comment away again.
            ["approve", "request_changes", "approve"][usize::try_from(index % 3).unwrap()]
        } else {
            ["approve", "comment", "request_changes"][usize::try_from(index / CHANGES % 3).unwrap()]
        };
        let words = format!("[decision {index:04}]");
        let host = self.forge.url().trim_start_matches("http://").to_owned();
        let pusher = Pusher {
            number,
            words: words.clone(),
            done: Arc::new(AtomicBool::new(replaced_at.is_none())),
        };
        if let Some(call) = replaced_at {
            let pusher = pusher.clone();
            let push = move |world: &mut World| pusher.push(world);
            let path = format!("*/pulls/{number}*");
            let fault = Fault::once("*", &path, Effect::Hook(Box::new(push)));
            self.forge.faults([fault.after(call)]);
        }
        let trap = self.arm(&probe, moment, number);
        let id = format!("first:{host}/{REPO}#{number}");
        probe.tell(&["engine", "decide", &id, decision, &words]).unwrap();
        let mut entry = None;
        // Its answer, or its death.
        if let Ok(answer) = probe.hear() {
            entry = Some(ok(&answer).as_str().unwrap().to_owned());
            let until = Instant::now() + PATIENCE;
            while !trap.has_sprung() {
                assert!(Instant::now() < until, "{moment:?} did not come");
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        assert!(trap.disarm(), "{moment:?} did not come");
        drop(probe);
        self.kills += 1;
        self.made.push(Made {
            number,
            words,
            entry,
            moment,
            replaced: replaced_at.is_some(),
        });
        self.forge.with(|world| {
            world.faults.clear();
            pusher.push(world);
        });
        if index % 3 == 2 {
            self.killed_at_taking_up(number);
        }
        let mut probe = self.start();
        ok(&probe.ask(&["engine", "settle"]).unwrap());
        probe
    }

    fn killed_at_taking_up(&mut self, number: u64) {
        let moment = match self.random.below(4) {
            0 => Moment::After(self.random.micros(150_000)),
            _ => Moment::Call(u32::try_from(self.random.below(7)).unwrap(), self.random.at()),
        };
        let mut probe = Probe::start(&self.desk, Path::new(PROBE)).unwrap();
        let trap = self.arm(&probe, moment, number);
        let profile = self.profile.to_string_lossy().into_owned();
        let went = [["engine", "start", &profile].as_slice(), &["engine", "settle"]]
            .into_iter()
            .all(|words| probe.ask(words).is_ok());
        // Where little was left to do, the moment may never have come.
        let sprung = trap.disarm();
        assert!(went || sprung, "the engine ended by itself at {moment:?}");
        self.kills += u64::from(sprung);
        self.forge.with(|world| world.faults.clear());
    }

    /// What the forge and the profile say at the end.
    fn judge(self, tally: &mut Tally, wrong: &mut Vec<String>) {
        let store = Store::open(&self.database()).unwrap();
        let entries = store.decisions(jiff::Timestamp::UNIX_EPOCH).unwrap();
        let lines = store.ledger().unwrap();
        let (lines, _) =
            ledger::check(lines.iter().map(String::as_str)).expect("the ledger is a whole chain");
        drop(store);
        let database = rusqlite::Connection::open(self.database()).unwrap();
        let whole: String = database
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(whole, "ok");

        let reviews: Vec<_> = (1..=CHANGES)
            .flat_map(|number| self.forge.reviews(REPO, number))
            .collect();
        for made in &self.made {
            let kept = made
                .entry
                .as_ref()
                .is_none_or(|entry| entries.iter().any(|kept| kept.entry == *entry));
            let count = reviews
                .iter()
                .filter(|review| review.body.contains(&made.words))
                .count();
            if !kept {
                tally.lost += 1;
                wrong.push(format!("{:?}: told, and not kept", made.moment));
            }
            if count > 1 {
                tally.doubled += 1;
                wrong.push(format!("{:?}: {count} reviews of #{}", made.moment, made.number));
            }
        }
        for entry in &entries {
            let made = self.made.iter().find(|made| entry.words == made.words).unwrap();
            let envelope = signature::extract(&entry.body).unwrap();
            let there: Vec<_> = reviews
                .iter()
                .filter(|review| signature::is_carried_by(&envelope, &review.body))
                .collect();
            let expected = match entry.decision {
                Decision::Approve => "APPROVED",
                Decision::RequestChanges => "CHANGES_REQUESTED",
                Decision::Comment => "COMMENTED",
            };
            let at_forge = there.iter().any(|review| {
                review.state == expected && review.commit.parse::<Oid>().is_ok_and(|oid| oid == entry.head)
            });
            let ends: Vec<_> = lines.iter().filter(|line| line.entry == entry.entry).collect();
            let told = ends.len() == 2
                && (ends[0].state, ends[1].state) == (OutboxState::Queued, entry.state)
                && ends[0].envelope.is_some();
            // Where nobody moved anything each can be confirmed, and so must be. Where the head was replaced nothing may
            // come to stand.
            let right = if made.replaced {
                entry.state == OutboxState::Superseded && !at_forge
            } else {
                entry.state == OutboxState::Confirmed && at_forge
            };
            if !right || !told {
                tally.lost += 1;
                wrong.push(format!(
                    "{:?}: {:?} {:?}, at the forge {:?}",
                    made.moment,
                    entry.state,
                    entry.message,
                    there.iter().map(|review| review.state).collect::<Vec<_>>()
                ));
            }
        }
        for review in &reviews {
            let known = signature::extract(&review.body).is_ok_and(|found| {
                entries
                    .iter()
                    .any(|entry| signature::is_carried_by(&found, &entry.body))
            });
            if review.state == "PENDING" || !known {
                tally.doubled += 1;
                wrong.push(format!("left at the forge: {} {}", review.state, review.body));
            }
        }
        let calls = self.forge.with(|world| {
            let told = |call: &&countersign_tests::forge::world::Call| call.target.contains(TOKEN);
            world.calls.iter().filter(told).count() as u64
        });
        tally.tried += self.kills;
        tally.leaked += holding(&self.desk.home(), TOKEN) + calls;
    }
}

/// Every call in every way, the writes, and some delays.
fn moments(random: &mut Random) -> Vec<Moment> {
    let mut moments = Vec::new();
    for call in 0..CALLS {
        for at in [
            At::Unheard,
            At::Heard,
            At::Done,
            At::Answered(random.micros(8_000)),
        ] {
            moments.push(Moment::Call(call, at));
        }
    }
    moments.extend((1..=6).map(Moment::Written));
    moments.extend((0..6).map(|_| Moment::After(random.micros(120_000))));
    moments
}

async fn killed(class: &str, rounds: std::ops::Range<u64>) {
    let (mut tally, mut wrong) = (Tally::of(class), Vec::new());
    for seed in rounds {
        let (mut scene, mut probe) = Scene::set(seed).await;
        for moment in moments(&mut Random(seed)) {
            probe = scene.decide(probe, moment, None);
        }
        drop(probe);
        scene.judge(&mut tally, &mut wrong);
    }
    tally.write(env!("CARGO_TARGET_TMPDIR")).unwrap();
    assert!(tally.is_clean(), "{tally:?}\n{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_at_every_step_it_decides_once() {
    killed("killed between deciding and confirmed: seed 1", 1..2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "takes minutes: cargo xtask test --soak"]
async fn killed_hundreds_of_times_it_decides_once_each() {
    killed("killed between deciding and confirmed: seeds 2 to 5", 2..6).await;
}

/// Beside the other half, so that neither waits for the other's calls.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "takes minutes: cargo xtask test --soak"]
async fn killed_hundreds_of_times_more_it_decides_once_each() {
    killed("killed between deciding and confirmed: seeds 6 to 9", 6..10).await;
}

/// The calls that follow on a head that was replaced, and the one before, in each of these ways: with when it is
/// replaced.
fn replaced_moments(ways: &[At]) -> Vec<(u32, Moment)> {
    let mut moments = Vec::new();
    for replaced_at in REPLACED_AT {
        for call in replaced_at..=replaced_at + 2 {
            moments.extend(ways.iter().map(|at| (replaced_at, Moment::Call(call, *at))));
        }
    }
    moments
}

async fn killed_over_another_head(class: &str, rounds: std::ops::Range<u64>, ways: &[At]) {
    let (mut tally, mut wrong) = (Tally::of(class), Vec::new());
    for seed in rounds {
        let (mut scene, mut probe) = Scene::set(seed).await;
        for (replaced_at, moment) in replaced_moments(ways) {
            probe = scene.decide(probe, moment, Some(replaced_at));
        }
        drop(probe);
        let taken_away = |call: &&countersign_tests::forge::world::Call| {
            call.method == "DELETE" || call.target.ends_with("/dismissals")
        };
        let taken_away = scene
            .forge
            .with(|world| world.calls.iter().filter(taken_away).count());
        assert!(taken_away > 0, "neither way was gone");
        scene.judge(&mut tally, &mut wrong);
    }
    tally.write(env!("CARGO_TARGET_TMPDIR")).unwrap();
    assert!(tally.is_clean(), "{tally:?}\n{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_while_the_head_is_replaced_nothing_comes_to_stand() {
    let class = "killed while the head is replaced, between deciding and superseded: seed 1";
    killed_over_another_head(class, 1..2, &[At::Unheard, At::Done]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "takes minutes: cargo xtask test --soak"]
async fn killed_a_hundred_times_while_the_head_is_replaced_nothing_comes_to_stand() {
    let class = "killed while the head is replaced, between deciding and superseded: seeds 2 to 5";
    let answered = At::Answered(Duration::from_millis(3));
    let ways = [At::Unheard, At::Heard, At::Done, answered];
    killed_over_another_head(class, 2..6, &ways).await;
}

/// A probe that may make no file longer than so many bytes: to the database, a disk that is full then.
fn confined(scene: &Scene, bytes: u64) -> Probe {
    use std::os::unix::fs::PermissionsExt as _;
    let script = scene.desk.scratch().join("confined");
    // In blocks of 512 bytes. The signal is ignored, so that the write fails instead.
    let text = format!(
        "#!/bin/sh\ntrap '' XFSZ\nulimit -f {}\nexec '{PROBE}'\n",
        bytes / 512
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    Probe::start(&scene.desk, &script).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn full_disk_is_told_and_every_decision_that_was_taken_is_there_once() {
    let (mut scene, probe) = Scene::set(1).await;
    drop(probe);
    let log = scene.profile.join("countersign.db-wal");
    let mut probe = confined(&scene, std::fs::metadata(&log).unwrap().len() + 800_000);
    let profile = scene.profile.to_string_lossy().into_owned();
    ok(&probe.ask(&["engine", "start", &profile]).unwrap());
    ok(&probe.ask(&["engine", "settle"]).unwrap());
    let host = scene.forge.url().trim_start_matches("http://").to_owned();
    let refused = loop {
        let index = scene.made.len() as u64;
        assert!(index < 60, "the disk is never full");
        let number = index % CHANGES + 1;
        let words = format!("[decision {index:04}]");
        let id = format!("first:{host}/{REPO}#{number}");
        let answer = probe.ask(&["engine", "decide", &id, "comment", &words]).unwrap();
        let Some(entry) = answer["ok"].as_str() else {
            break answer["error"].as_str().unwrap().to_owned();
        };
        scene.made.push(Made {
            number,
            words,
            entry: Some(entry.to_owned()),
            moment: Moment::After(Duration::ZERO),
            replaced: false,
        });
        scene.kills += 1;
    };
    assert!(refused.starts_with("The database cannot be written"), "{refused}");
    assert!(refused.contains("nothing that was kept is lost"), "{refused}");
    drop(probe);
    // Room again.
    let mut probe = scene.start();
    ok(&probe.ask(&["engine", "settle"]).unwrap());
    drop(probe);
    let (mut tally, mut wrong) = (Tally::of("disk: full while deciding"), Vec::new());
    scene.judge(&mut tally, &mut wrong);
    tally.write(env!("CARGO_TARGET_TMPDIR")).unwrap();
    assert!(tally.is_clean(), "{tally:?}\n{}", wrong.join("\n"));
}
