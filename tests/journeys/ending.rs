//! How a decision ends that cannot be sent any more: the change was merged, or is out of reach, or too much time has gone
//! by the forge's clock. What was written is kept, and the ledger has both lines.

use std::sync::{Arc, Mutex};

use countersign_core::ledger;
use countersign_engine::view::{DecisionRow, DecisionView, OutboxStateView};
use countersign_tests::forge::faults::{Effect, Fault};
use countersign_tests::forge::git::Edit;
use countersign_tests::forge::world::World;
use jiff::SignedDuration;

use super::bench::{Bench, POLICY, REPO, change};

/// What the repository is called after it was transferred.
const ELSEWHERE: &str = "far-away/web";

/// How the world moves on.
type Move = fn(&mut World);

/// When it does.
#[derive(Debug, Clone, Copy)]
enum When {
    /// Nothing of it is at the forge.
    Queued,
    /// A draft is.
    Drafted,
    /// The review was submitted just now.
    Submitted,
}

impl When {
    fn fault(self, act: Move) -> Fault {
        let after = || Effect::After(Arc::new(Mutex::new(act)));
        match self {
            Self::Queued => Fault::once("GET", "*/pulls/1/reviews", Effect::Hook(Box::new(act))),
            Self::Drafted => Fault::once("POST", "*/pulls/1/reviews", after()),
            Self::Submitted => Fault::once("POST", "*/pulls/1/reviews/*/events", after()),
        }
    }
}

fn merged(world: &mut World) {
    world.merge(REPO, 1, "mika").unwrap();
}

fn access_lost(world: &mut World) {
    world.find_mut(REPO).unwrap().access.remove("priya-n");
}

fn transferred(world: &mut World) {
    world.rename(REPO, ELSEWHERE).unwrap();
    world.find_mut(ELSEWHERE).unwrap().access.remove("priya-n");
}

async fn with_a_private_repository() -> Bench {
    Bench::with(|world| {
        world.find_mut(REPO).unwrap().private = true;
        let edits = vec![Edit::write("src/app.txt", "one\n2\nthree\n")];
        world.open(change("feature", edits)).unwrap();
    })
    .await
}

/// The states that the ledger has of the one decision, and the last line's reason.
fn told(bench: &Bench) -> (Vec<String>, String) {
    let lines = bench.engine.ledger().unwrap();
    let (lines, _) = ledger::check(lines.iter().map(String::as_str)).unwrap();
    let states = lines.iter().map(|line| format!("{:?}", line.state)).collect();
    let why = lines.last().and_then(|line| line.why.clone());
    (states, why.unwrap_or_default())
}

async fn ends(when: When, act: Move, end: OutboxStateView) -> (Bench, DecisionRow) {
    let bench = with_a_private_repository().await;
    let view = bench.read(1).await;
    bench.forge.faults([when.fault(act)]);
    bench
        .decide(&view, DecisionView::Approve, "Kept words.")
        .await
        .unwrap();
    let ended = bench.comes_to(end).await;
    assert_eq!(ended.words, "Kept words.", "{when:?}");
    let asked = bench.forge.count("POST", "*/reviews*");
    bench.poll().await;
    bench.poll().await;
    assert_eq!(bench.decision().await.state, end, "{when:?}: it has ended");
    assert_eq!(bench.forge.count("POST", "*/reviews*"), asked, "{when:?}");
    (bench, ended)
}

async fn is_handed_back(when: When, act: Move, why: &str) -> (Bench, DecisionRow) {
    let (bench, ended) = ends(when, act, OutboxStateView::HandedBack).await;
    let message = ended.message.clone().unwrap();
    assert!(
        message.what.contains(why) && !message.kept.is_empty() && !message.todo.is_empty(),
        "{when:?}: {message:?}"
    );
    let (states, said) = told(&bench);
    assert_eq!(states, ["Queued", "HandedBack"], "{when:?}");
    assert_eq!(said, message.what, "{when:?}");
    (bench, ended)
}

#[tokio::test(flavor = "multi_thread")]
async fn merged_before_it_was_submitted_it_is_handed_back_and_no_draft_stays() {
    for when in [When::Queued, When::Drafted] {
        let (bench, _) = is_handed_back(when, merged, "the change was merged").await;
        assert!(bench.forge.reviews(REPO, 1).is_empty(), "{when:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn merged_after_it_was_submitted_it_is_confirmed() {
    let (bench, _) = ends(When::Submitted, merged, OutboxStateView::Confirmed).await;
    assert_eq!(bench.forge.reviews(REPO, 1)[0].state, "APPROVED");
    assert_eq!(told(&bench).0, ["Queued", "Confirmed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn out_of_reach_it_is_handed_back_and_a_draft_is_named() {
    let moves: [(Move, &str); 2] = [(access_lost, REPO), (transferred, ELSEWHERE)];
    for (act, name) in moves {
        let unreadable = "the change can no longer be read";
        let (bench, _) = is_handed_back(When::Queued, act, unreadable).await;
        assert!(bench.forge.reviews(name, 1).is_empty());

        let (bench, ended) = is_handed_back(When::Drafted, act, unreadable).await;
        // It cannot be deleted by who does not see it.
        assert_eq!(bench.forge.reviews(name, 1)[0].state, "PENDING");
        let todo = ended.message.unwrap().todo;
        assert!(todo.contains("A draft of it stays"), "{todo}");

        let sent = "it was submitted before that";
        let (bench, _) = is_handed_back(When::Submitted, act, sent).await;
        assert_eq!(bench.forge.reviews(name, 1)[0].state, "APPROVED");
    }
}

/// A policy with these limits, and where the forge's clock is when the decision is sent.
async fn limited(max_delay: &str, max_age: &str) -> Bench {
    let limits = format!("require = \"ai-assisted\"\nmax_delay = \"{max_delay}\"\nmax_age = \"{max_age}\"\n");
    let policy = POLICY.replace("require = \"ai-assisted\"\n", &limits);
    Bench::with(|world| {
        world
            .set_file(REPO, "main", ".github/countersign.toml", policy.as_bytes())
            .unwrap();
        let edits = vec![Edit::write("src/app.txt", "one\n2\nthree\n")];
        world.open(change("feature", edits)).unwrap();
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shorter_of_the_policys_limits_ends_it_by_the_forges_clock() {
    for (max_delay, max_age) in [("1h", "30d"), ("9d", "1h")] {
        for (minutes, end) in [(30, OutboxStateView::Confirmed), (120, OutboxStateView::Expired)] {
            let case = format!("max_delay {max_delay}, max_age {max_age}, after {minutes} min");
            let bench = limited(max_delay, max_age).await;
            let view = bench.read(1).await;
            let late = Effect::Date(SignedDuration::from_mins(minutes));
            bench.forge.faults([Fault::always("GET", "*/pulls/1", late)]);
            bench
                .decide(&view, DecisionView::Approve, "In time?")
                .await
                .unwrap();
            bench
                .until(&case, async |bench| bench.decision().await.state == end)
                .await;
            let ended = bench.decision().await;
            assert_eq!(ended.words, "In time?", "{case}");
            let (states, why) = told(&bench);
            assert_eq!(states, ["Queued".to_owned(), format!("{end:?}")], "{case}");
            let expired = end == OutboxStateView::Expired;
            assert_eq!(
                why.contains("older than the policy allows"),
                expired,
                "{case}: {why}"
            );
            assert_eq!(
                bench.forge.reviews(REPO, 1).len(),
                usize::from(!expired),
                "{case}"
            );
        }
    }
}

/// Signed without a connection; this machine's clock is set far beyond the limit, the forge's is not.
#[tokio::test(flavor = "multi_thread")]
async fn this_machines_clock_ends_nothing() {
    let bench = limited("1h", "1h").await;
    let view = bench.read(1).await;
    bench.forge.faults([Fault::always("*", "*", Effect::ResetBefore)]);
    bench.decide(&view, DecisionView::Approve, "").await.unwrap();
    bench
        .until("the outbox to try", async |bench| {
            bench.decision().await.message.is_some()
        })
        .await;
    bench.clock.set_by(SignedDuration::from_hours(2));
    bench.forge.with(|world| world.faults.clear());
    bench
        .until("the decision to be confirmed", async |bench| {
            let _ = bench.engine.refresh().await;
            bench.decision().await.state == OutboxStateView::Confirmed
        })
        .await;
}
