//! Every fault of a network, a proxy or a forge, at every step from the outbox to the confirmed review: nothing is
//! lost, nothing is there twice, the token goes nowhere, and what happened is said.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use countersign_core::signature;
use countersign_engine::view::{DecisionRow, DecisionView, Message, OutboxStateView, ProxyMode};
use countersign_tests::forge::Forge;
use countersign_tests::forge::faults::{Effect, Fault};
use countersign_tests::forge::git::Edit;
use countersign_tests::forge::tls::Authority;
use countersign_tests::forge::world::World;
use countersign_tests::proxy::Proxy;
use countersign_tests::tally::{Tally, holding};
use jiff::SignedDuration;

use super::bench::{Agent, Bench, REPO, change, commit, world};

/// A call of the outbox: what it is for, its method, its path after the change's, and how many of its kind come first.
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) skip: u32,
}

pub(super) const fn step(name: &'static str, method: &'static str, path: &'static str, skip: u32) -> Step {
    Step {
        name,
        method,
        path,
        skip,
    }
}

pub(super) const READ_HEAD: &str = "read head";
pub(super) const CREATE: &str = "create pending";
pub(super) const HEAD_AGAIN: &str = "read head again";
pub(super) const SUBMIT: &str = "submit";

pub(super) static STEPS: [Step; 6] = [
    step("list reviews", "GET", "/reviews", 0),
    // Deciding has read it too.
    step(READ_HEAD, "GET", "", 1),
    step(CREATE, "POST", "/reviews", 0),
    step(HEAD_AGAIN, "GET", "", 2),
    step(SUBMIT, "POST", "/reviews/*/events", 0),
    // Before that, it is listed by who submits.
    step("read back", "GET", "/reviews", 2),
];

/// What a cell of the table must come to.
pub(super) enum Meant {
    /// Confirmed, after the user has read this.
    Told(&'static str),
    /// Confirmed, and nothing to tell.
    Unnoticed,
    /// Confirmed, told or not.
    Either(&'static str),
    /// Handed back with these words.
    Ended(OutboxStateView, &'static str),
}

/// Another host, which writes down what it is sent.
struct Elsewhere {
    address: String,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Elsewhere {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let writes = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut buffer) {
                    writes.lock().unwrap().extend_from_slice(&buffer[..count]);
                }
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]");
            }
        });
        Self { address, heard }
    }
}

fn is_final(row: &DecisionRow) -> bool {
    !matches!(
        row.state,
        OutboxStateView::Queued | OutboxStateView::Pending | OutboxStateView::Submitted
    )
}

/// The decision on a change, as the window shows it.
async fn decision(bench: &Bench, number: u64) -> DecisionRow {
    let rows = bench.rows().await;
    let row = rows
        .into_iter()
        .filter(|row| row.number == number)
        .find_map(|row| row.decision);
    row.expect("the decision is in the outbox or done")
}

/// Waits until the decision has something to say or has come to its end.
async fn heard(bench: &Bench, number: u64, patience: Duration) -> DecisionRow {
    let until = Instant::now() + patience;
    loop {
        let row = decision(bench, number).await;
        if row.message.is_some() || is_final(&row) {
            return row;
        }
        assert!(Instant::now() < until, "nothing came of it: {row:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What is wrong with a message; nothing where it says what happened, what was kept and what to do.
fn amiss(message: Option<&Message>, expected: &str) -> Option<String> {
    match message {
        Some(message) if message.what.contains(expected) && !message.kept.is_empty() => None,
        other => Some(format!("{expected:?} is not said: {other:?}")),
    }
}

/// One row of the table: a fault at each of these steps, `times` times, each at a change of its own.
pub(super) struct Row<'r> {
    pub(super) effect: &'r dyn Fn() -> Effect,
    pub(super) times: u32,
    pub(super) steps: &'r [Step],
    pub(super) meant: &'r dyn Fn(&Step) -> Meant,
    pub(super) patience: Duration,
}

impl Row<'_> {
    pub(super) async fn counted(&self, tally: &mut Tally, wrong: &mut Vec<String>) {
        let bench = Bench::with(|world| {
            for number in 1..=self.steps.len() {
                let edit = Edit::write(&format!("src/part{number}.txt"), "new\n");
                world.open(change(&format!("part-{number}"), vec![edit])).unwrap();
            }
        })
        .await;
        for (number, step) in (1..).zip(self.steps) {
            let view = bench.read(number).await;
            let path = format!("*/pulls/{number}{}", step.path);
            let fault = Fault::once(step.method, &path, (self.effect)());
            bench.forge.faults([fault.after(step.skip).times(self.times)]);
            let decided = bench.decide(&view, DecisionView::Approve, "Read it all.").await;
            assert!(decided.unwrap().signed);
            let first = heard(&bench, number, self.patience).await;
            let meant = (self.meant)(step);
            let mut amiss = match &meant {
                Meant::Told(expected) | Meant::Ended(_, expected) => amiss(first.message.as_ref(), expected),
                Meant::Unnoticed => first.message.map(|message| format!("it is said: {message:?}")),
                Meant::Either(expected) => {
                    (first.message.as_ref()).and_then(|message| amiss(Some(message), expected))
                }
            };
            let until = Instant::now() + Duration::from_secs(20);
            let mut last = decision(&bench, number).await;
            while !is_final(&last) && Instant::now() < until {
                // Refused while the forge asked to wait.
                let _ = bench.engine.refresh().await;
                last = decision(&bench, number).await;
            }
            let met = bench.forge.with(|world| {
                let left = world.faults.len();
                world.faults.clear();
                left == 0
            });
            let end = match meant {
                Meant::Ended(state, _) => state,
                Meant::Told(_) | Meant::Unnoticed | Meant::Either(_) => OutboxStateView::Confirmed,
            };
            let mut reviews = bench.forge.reviews(REPO, number);
            // Dismissed, it says nothing any more.
            reviews.retain(|review| review.state != "DISMISSED");
            let carrying = reviews
                .iter()
                .filter(|review| review.state == "APPROVED" && signature::extract(&review.body).is_ok())
                .count();
            tally.tried += 1;
            let wanted = usize::from(end == OutboxStateView::Confirmed);
            if last.state != end || carrying < wanted {
                tally.lost += 1;
                amiss = Some(format!("it came to {:?}, {:?}", last.state, last.message));
            }
            if carrying > wanted || reviews.len() > wanted {
                tally.doubled += 1;
                amiss = Some(format!("{carrying} reviews, {} with drafts", reviews.len()));
            }
            if !met {
                amiss = Some("the fault was not met".into());
            }
            wrong.extend(amiss.map(|amiss| format!("{}: {amiss}", step.name)));
            let told = serde_json::to_string(&bench.queue().await).unwrap();
            tally.leaked += u64::from(told.contains(&bench.forge.token()));
        }
        let token = bench.forge.token();
        tally.leaked += holding(bench.profile.path(), &token);
        let told = bench
            .forge
            .with(|world| world.calls.iter().any(|call| call.target.contains(&token)));
        tally.leaked += u64::from(told);
    }
}

pub(super) fn judged(tally: &Tally, wrong: &[String]) {
    tally.write(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let clean = tally.is_clean() && wrong.is_empty();
    assert!(clean, "{tally:?}\n{}", wrong.join("\n"));
}

/// A class of faults at every step.
pub(super) async fn meets(
    class: &str,
    times: u32,
    effect: impl Fn() -> Effect,
    meant: impl Fn(&Step) -> Meant,
) {
    let (mut tally, mut wrong) = (Tally::of(class), Vec::new());
    let row = Row {
        effect: &effect,
        times,
        steps: &STEPS,
        meant: &meant,
        patience: Duration::from_secs(20),
    };
    row.counted(&mut tally, &mut wrong).await;
    judged(&tally, &wrong);
}

const BROKE: &str = "broke before the answer came";

#[tokio::test(flavor = "multi_thread")]
async fn reset_before_the_forge_commits() {
    meets(
        "connection: reset before the forge commits",
        1,
        || Effect::ResetBefore,
        |_| Meant::Told(BROKE),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reset_after_the_forge_commits() {
    meets(
        "connection: reset after it",
        1,
        || Effect::ResetAfter,
        |_| Meant::Told(BROKE),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_cut_off() {
    meets(
        "connection: answer cut off",
        1,
        || Effect::CutBody(20),
        |_| Meant::Told(BROKE),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_sent_twice() {
    meets(
        "proxy: answer sent twice",
        1,
        || Effect::Doubled,
        |_| Meant::Either(BROKE),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn request_sent_twice_by_a_proxy() {
    // The forge refuses the second: what it says then is about the first, which is ours.
    meets(
        "proxy: request sent twice",
        1,
        || Effect::Twice,
        |_| Meant::Unnoticed,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dismissal_sent_twice_by_a_proxy_is_a_dismissal() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    let push = |world: &mut countersign_tests::forge::world::World| {
        let more = commit("More", "mika", vec![Edit::write("src/app.txt", "one\n2\n3\n")]);
        world.push(REPO, 1, "mika", &[more]).unwrap();
    };
    bench.forge.faults([
        Fault::once("POST", "*/events", Effect::Hook(Box::new(push))),
        Fault::once("PUT", "*/dismissals", Effect::Twice),
    ]);
    let decided = bench.decide(&view, DecisionView::Approve, "").await;
    assert!(decided.unwrap().signed);
    let ended = bench.comes_to(OutboxStateView::Superseded).await;
    let said = ended.message.unwrap().what;
    assert!(said.contains("The review was dismissed."), "{said}");
    assert_eq!(bench.forge.reviews(REPO, 1)[0].state, "DISMISSED");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_with_a_time() {
    let effect = || Effect::secondary_limit(429, Some(1));
    meets("limits: 429 with Retry-After", 1, effect, |_| {
        Meant::Told("asks to wait")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_without_a_time() {
    let effect = || Effect::secondary_limit(429, None);
    meets("limits: 429 without", 1, effect, |_| Meant::Told("asks to wait")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secondary_limit() {
    let effect = || Effect::secondary_limit(403, None);
    meets("limits: 403, secondary limit", 1, effect, |_| {
        Meant::Told("asks to wait")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn storm_of_5xx() {
    meets("5xx: storm", 3, || Effect::trouble(502), |_| Meant::Told("502")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_told_although_it_was_done() {
    meets(
        "5xx: although the forge commits",
        1,
        || Effect::Despite(502),
        |_| Meant::Told("502"),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn captive_portal() {
    let said = "it is a web page: there may be a sign-in page";
    meets(
        "proxy: captive portal",
        1,
        || Effect::Html,
        move |_| Meant::Told(said),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_drip() {
    let effect = || Effect::Drip(Duration::from_millis(10));
    meets("connection: slow drip", 1, effect, |_| Meant::Unnoticed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redirect_to_another_host() {
    let elsewhere = Elsewhere::start();
    let mut tally = Tally::of("elsewhere: redirect to another host");
    let mut wrong = Vec::new();
    for status in [302, 307] {
        let effect = || Effect::Status {
            status,
            headers: vec![("location".into(), format!("{}/api/v3/user", elsewhere.address))],
            body: String::new(),
        };
        let row = Row {
            effect: &effect,
            times: 1,
            steps: &STEPS,
            meant: &|_| Meant::Told("which must not have the token"),
            patience: Duration::from_secs(20),
        };
        row.counted(&mut tally, &mut wrong).await;
    }
    let heard = elsewhere.heard.lock().unwrap().clone();
    if !heard.is_empty() {
        tally.leaked += 1;
        wrong.push(format!("elsewhere: {}", String::from_utf8_lossy(&heard)));
    }
    judged(&tally, &wrong);
}

#[tokio::test(flavor = "multi_thread")]
async fn clock_an_hour_off() {
    let (mut tally, mut wrong) = (Tally::of("clocks: skew in Date"), Vec::new());
    for hours in [-1, 1] {
        let row = Row {
            effect: &|| Effect::Date(SignedDuration::from_hours(hours)),
            times: 1,
            steps: &STEPS,
            meant: &|_| Meant::Unnoticed,
            patience: Duration::from_secs(20),
        };
        row.counted(&mut tally, &mut wrong).await;
    }
    judged(&tally, &wrong);
}

#[tokio::test(flavor = "multi_thread")]
async fn clock_years_off() {
    // By that clock it is too old to be sent: it is handed back, and no draft stays at the forge.
    let effect = || Effect::Date(SignedDuration::from_hours(24 * 365 * 3));
    let meant = |step: &Step| match step.name {
        READ_HEAD | HEAD_AGAIN => Meant::Ended(OutboxStateView::Expired, "older than the policy allows"),
        _ => Meant::Unnoticed,
    };
    meets("clocks: years of it", 1, effect, meant).await;
}

/// A name that no resolver knows, and the proxy does. Source: RFC 6761, `invalid`.
const NAME: &str = "ghe.acme.invalid";

/// A forge by that name behind a proxy, with as many changes as there are steps.
struct Named {
    bench: Bench,
    proxy: Arc<Proxy>,
}

type Hook = Box<dyn FnMut(&mut World) + Send>;

impl Named {
    async fn start() -> Self {
        let (authority, agent) = (Authority::new().unwrap(), Agent::start());
        let signers = format!(
            "priya@acme.example namespaces=\"approval@countersign.dev\" {}\n",
            agent.public_key()
        );
        let mut world = world(&signers);
        for number in 1..=STEPS.len() {
            let edit = Edit::write(&format!("src/part{number}.txt"), "new\n");
            world.open(change(&format!("part-{number}"), vec![edit])).unwrap();
        }
        let forge = Forge::start_named(world, &authority, NAME).await.unwrap();
        let proxy = Proxy::to(&format!("{NAME}:443"), forge.port()).await.unwrap();
        let bench = Bench::before_sign_in(agent, forge).await;
        let file = bench.profile.path().join("company.pem");
        std::fs::write(&file, authority.pem()).unwrap();
        bench.desktop.with(|seen| seen.opens = Some(file));
        assert!(bench.engine.add_authority().await.unwrap());
        let proxy = Arc::new(proxy);
        let named = Self { bench, proxy };
        named.goes_through_the_proxy().await;
        named.bench.sign_in().await;
        named
    }

    async fn goes_through_the_proxy(&self) {
        let (url, proxy) = (self.bench.forge.url().to_owned(), self.proxy.url());
        let typed = (self.bench.engine).set_proxy(url, ProxyMode::At, proxy, String::new(), String::new());
        assert!(typed.await.unwrap());
    }

    /// At each step the connection breaks, and from then on there is none, because of what `breaks` does, until it is
    /// mended: it is said why, and then the decision is sent.
    async fn breaks_at_each_step(
        &self,
        class: &str,
        words: &str,
        breaks: impl Fn() -> Hook,
        mend: impl AsyncFn(),
    ) {
        let (bench, mut tally, mut wrong) = (&self.bench, Tally::of(class), Vec::new());
        for (number, step) in (1..).zip(&STEPS) {
            let view = bench.read(number).await;
            let path = format!("*/pulls/{number}{}", step.path);
            for effect in [Effect::ResetBefore, Effect::Hook(breaks())] {
                let fault = Fault::once(step.method, &path, effect);
                bench.forge.faults([fault.after(step.skip)]);
            }
            let decided = bench.decide(&view, DecisionView::Approve, "Read it all.").await;
            assert!(decided.unwrap().signed);
            let until = Instant::now() + Duration::from_secs(20);
            let mut told = None;
            while amiss(told.as_ref(), words).is_some() && Instant::now() < until {
                tokio::time::sleep(Duration::from_millis(50)).await;
                let _ = bench.engine.refresh().await;
                told = decision(bench, number).await.message;
            }
            wrong.extend(amiss(told.as_ref(), words).map(|amiss| format!("{}: {amiss}", step.name)));
            mend().await;
            let until = Instant::now() + Duration::from_secs(20);
            let mut last = decision(bench, number).await;
            while !is_final(&last) && Instant::now() < until {
                let _ = bench.engine.refresh().await;
                last = decision(bench, number).await;
            }
            let there = bench.forge.reviews(REPO, number).len() as u64;
            tally.tried += 1;
            tally.lost += u64::from(there == 0 || last.state != OutboxStateView::Confirmed);
            tally.doubled += there.saturating_sub(1);
            if bench.forge.with(|world| !world.faults.is_empty()) {
                wrong.push(format!("{}: the fault was not met", step.name));
            }
        }
        let token = bench.forge.token();
        let passed = self.proxy.seen().passed;
        let seen = passed.windows(token.len()).any(|part| part == token.as_bytes());
        tally.leaked += holding(bench.profile.path(), &token) + u64::from(seen);
        judged(&tally, &wrong);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_does_not_resolve() {
    let named = Named::start().await;
    let breaks = || -> Hook {
        let (engine, url) = (named.bench.engine.clone(), named.bench.forge.url().to_owned());
        // Without the proxy nobody knows the name.
        Box::new(move |_| {
            let (none, url) = (String::new, url.clone());
            let direct = engine.set_proxy(url, ProxyMode::Direct, none(), none(), none());
            let runtime = tokio::runtime::Handle::current();
            let set = tokio::task::block_in_place(|| runtime.block_on(direct));
            assert!(set.unwrap());
        })
    };
    let mend = async || named.goes_through_the_proxy().await;
    named
        .breaks_at_each_step(
            "elsewhere: DNS failure",
            "acme.invalid cannot be reached: ",
            breaks,
            mend,
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_nobody_vouches_for() {
    let named = Named::start().await;
    let somebody = Authority::named("Somebody in between").unwrap();
    let between = Forge::start_named(world(""), &somebody, NAME).await.unwrap();
    let to = format!("{NAME}:443");
    let breaks = || -> Hook {
        let (proxy, to, port) = (Arc::clone(&named.proxy), to.clone(), between.port());
        Box::new(move |_| proxy.leads(&to, port))
    };
    let mend = async || named.proxy.leads(&to, named.bench.forge.port());
    let said = "issued by Somebody in between, which this machine does not trust";
    named
        .breaks_at_each_step("elsewhere: wrong certificate", said, breaks, mend)
        .await;
    assert_eq!(between.count("*", "*"), 0, "it was asked nothing");
}

/// Each step waits for the whole of a call's limit, so all wait at the same time.
#[test]
#[ignore = "waits for each call's limit: cargo xtask test --soak"]
fn time_out() {
    let (mut tally, mut wrong) = (Tally::of("connection: time-out"), Vec::new());
    let at = |step: &'static Step| {
        let (mut tally, mut wrong) = (Tally::default(), Vec::new());
        let row = Row {
            effect: &|| Effect::Slow(Duration::from_secs(31)),
            times: 1,
            steps: std::slice::from_ref(step),
            meant: &|_| Meant::Told("no whole answer within 30 s"),
            patience: Duration::from_secs(60),
        };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(row.counted(&mut tally, &mut wrong));
        (tally, wrong)
    };
    std::thread::scope(|scope| {
        let all: Vec<_> = STEPS.iter().map(|step| scope.spawn(move || at(step))).collect();
        for one in all {
            let (one, amiss) = one.join().unwrap();
            tally.add(&one);
            wrong.extend(amiss);
        }
    });
    judged(&tally, &wrong);
}
