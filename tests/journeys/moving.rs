//! The forge's side moves while one reads, decides or waits: what was signed goes nowhere else, and nothing is lost.

use std::time::Duration;

use countersign_engine::view::{Code, DecisionView, OutboxStateView, SectionKind};
use countersign_tests::forge::faults::{Effect, Fault};
use countersign_tests::forge::git::Edit;
use countersign_tests::forge::world::Asked;

use super::bench::{Bench, REPO, change};

async fn with_a_release_branch() -> Bench {
    Bench::with(|world| {
        world
            .set_file(REPO, "release", "README.md", b"# Web, released\n")
            .unwrap();
        world
            .open(change(
                "feature",
                vec![Edit::write("src/app.txt", "one\n2\nthree\n")],
            ))
            .unwrap();
    })
    .await
}

fn retarget_at(method: &str, path: &str) -> Fault {
    let mut done = false;
    let hook = move |world: &mut countersign_tests::forge::world::World| {
        if !std::mem::replace(&mut done, true) {
            world.retarget(REPO, 1, "release").unwrap();
        }
    };
    Fault::once(method, path, Effect::Hook(Box::new(hook)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_bound_for_another_branch_is_refused_before_anything_is_signed() {
    let bench = with_a_release_branch().await;
    let view = bench.read(1).await;
    bench
        .forge
        .with(|world| world.retarget(REPO, 1, "release").unwrap());
    let failure = bench.decide(&view, DecisionView::Approve, "").await.unwrap_err();
    assert_eq!(failure.code, Code::Moved);
    assert!(failure.message.contains("release"), "{}", failure.message);
    assert!(bench.desktop.with(|seen| seen.questions.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn retargeted_before_submission_it_is_superseded_and_leaves_nothing_behind() {
    let bench = with_a_release_branch().await;
    let view = bench.read(1).await;
    bench.forge.faults([retarget_at("POST", "*/pulls/1/reviews")]);
    bench.decide(&view, DecisionView::Approve, "Good.").await.unwrap();
    let ended = bench.comes_to(OutboxStateView::Superseded).await;
    let message = ended.message.unwrap();
    assert!(
        message.what.starts_with("Not sent, and it will not be") && message.what.contains("release"),
        "{message:?}"
    );
    assert!(bench.forge.reviews(REPO, 1).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn retargeted_at_submission_the_review_is_dismissed() {
    let bench = with_a_release_branch().await;
    let view = bench.read(1).await;
    bench
        .forge
        .faults([retarget_at("POST", "*/pulls/1/reviews/*/events")]);
    bench.decide(&view, DecisionView::Approve, "").await.unwrap();
    let ended = bench.comes_to(OutboxStateView::Superseded).await;
    assert!(ended.message.unwrap().what.contains("dismissed"));
    let reviews = bench.forge.reviews(REPO, 1);
    assert_eq!((reviews.len(), reviews[0].state), (1, "DISMISSED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_review_that_cannot_be_deleted_yet_is_deleted_later() {
    let bench = with_a_release_branch().await;
    let view = bench.read(1).await;
    bench.forge.faults([
        retarget_at("POST", "*/pulls/1/reviews"),
        Fault::once("DELETE", "*/pulls/1/reviews/*", Effect::trouble(502)),
    ]);
    bench.decide(&view, DecisionView::Approve, "").await.unwrap();
    bench
        .until("the trouble to be told", async |bench| {
            bench.decision().await.message.is_some()
        })
        .await;
    assert_eq!(bench.decision().await.state, OutboxStateView::Pending);
    bench.poll().await;
    bench.comes_to(OutboxStateView::Superseded).await;
    assert!(bench.forge.reviews(REPO, 1).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_being_sent_cannot_be_taken_back() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench.forge.faults([Fault::once(
        "GET",
        "*/pulls/1/reviews",
        Effect::Slow(Duration::from_millis(800)),
    )]);
    bench.decide(&view, DecisionView::Approve, "").await.unwrap();
    let entry = bench.decision().await.entry;
    bench
        .until("the sending to begin", async |bench| {
            bench
                .forge
                .count("GET", &format!("*/repos/{REPO}/pulls/1/reviews*"))
                > 0
        })
        .await;
    let failure = bench.engine.discard(entry).await.unwrap_err();
    assert!(failure.message.contains("on its way"), "{}", failure.message);
    bench.comes_to(OutboxStateView::Confirmed).await;
    assert_eq!(bench.forge.reviews(REPO, 1).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_queued_can_be_taken_back_and_is_never_sent() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench.forge.faults([Fault::always("*", "*", Effect::ResetBefore)]);
    bench.decide(&view, DecisionView::Approve, "").await.unwrap();
    let entry = bench.decision().await.entry;
    bench
        .until("the outbox to let go of it", async |bench| {
            bench.engine.discard(entry.clone()).await.is_ok()
        })
        .await;
    bench.forge.with(|world| world.faults.clear());
    bench.poll().await;
    bench.poll().await;
    assert!(bench.forge.reviews(REPO, 1).is_empty());
    assert_eq!(bench.engine.ledger().unwrap().len(), 2, "signed, then taken back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_met_while_sending_is_kept_to() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench.forge.faults([Fault::once(
        "GET",
        "*/pulls/1/reviews",
        Effect::secondary_limit(403, Some(300)),
    )]);
    bench.decide(&view, DecisionView::Approve, "").await.unwrap();
    bench
        .until("the limit to be told", async |bench| {
            bench.decision().await.message.is_some()
        })
        .await;
    let asked = bench.forge.count("*", "*");
    let failure = bench.engine.refresh().await.unwrap_err();
    assert!(failure.message.contains("asked to wait"), "{}", failure.message);
    bench.engine.nudge();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(bench.forge.count("*", "*"), asked, "nothing was asked meanwhile");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_repository_keeps_its_change_and_what_was_read_of_it() {
    let bench = Bench::with_one_change().await;
    bench.read(1).await;
    bench.forge.with(|world| {
        let now = world.now();
        world.rename(REPO, "acme/storefront").unwrap();
        let repo = world.find_mut("acme/storefront").unwrap();
        // So that it is read again now and not with the next reading of everything.
        for change in repo.changes.values_mut() {
            change.updated_at = now;
        }
    });
    bench
        .until("the new name", async |bench| {
            bench.poll().await;
            let rows = bench.rows().await;
            rows.len() == 1 && rows[0].repo == "acme/storefront"
        })
        .await;
    let row = bench.rows().await.remove(0);
    assert!(!row.unread, "it was read under its old name");
    let view = bench.engine.change(row.id).await.unwrap();
    assert!(view.files[0].viewed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_leaves_what_was_read_of_the_same_head() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench.forge.with(|world| {
        world
            .set_file(REPO, "main", "docs/other.md", b"elsewhere\n")
            .unwrap();
    });
    bench
        .forge
        .faults([Fault::always("GET", "*/compare/*", Effect::CutBody(30))]);
    bench.poll().await;
    let again = bench.engine.change(bench.id(1)).await.unwrap();
    assert_eq!((again.head, again.files.len()), (view.head, view.files.len()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_the_search_leaves_out_stays() {
    let bench = Bench::with(|world| {
        world.team("acme", "platform", &["priya-n"]);
        let mut team = change("team", vec![Edit::write("src/team.txt", "x\n")]);
        team.asked = vec![Asked::Team("acme/platform".into())];
        world.open(team).unwrap();
        world
            .open(change("direct", vec![Edit::write("src/direct.txt", "x\n")]))
            .unwrap();
    })
    .await;
    let before = bench.rows().await.len();
    bench.forge.with(|world| {
        for number in [1, 2] {
            world.change_mut(REPO, number).unwrap().unindexed = true;
        }
    });
    bench.poll().await;
    let kinds: Vec<SectionKind> = bench.queue().await.sections.iter().map(|one| one.kind).collect();
    assert_eq!(
        (before, kinds),
        (2, vec![SectionKind::NeedsYou, SectionKind::YourTeams])
    );
}
