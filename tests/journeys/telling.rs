//! Notices: the first sync is silent, then each (change, head, event) is told once, whatever is restarted.

use countersign_engine::view::{DecisionView, OutboxStateView, SectionKind};
use countersign_tests::forge::faults::{Effect, Fault};
use countersign_tests::forge::git::Edit;
use countersign_tests::forge::world::World;

use super::bench::{Bench, REPO, change, commit};

fn titles(bench: &Bench) -> Vec<String> {
    bench
        .desktop
        .with(|seen| seen.notices.iter().map(|notice| notice.title.clone()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn told_once_and_not_again_after_a_restart() {
    let bench = Bench::with_one_change().await;
    assert!(titles(&bench).is_empty(), "the first sync is silent");
    bench.forge.with(|world| {
        world
            .open(change("second", vec![Edit::write("src/two.txt", "x\n")]))
            .unwrap();
    });
    bench.poll().await;
    bench.poll().await;
    assert_eq!(titles(&bench), ["acme/web #2 needs your sign-off"]);
    let opens = bench.desktop.with(|seen| seen.notices[0].change.clone());
    assert_eq!(opens, Some(bench.id(2)));
    let bench = bench.restarted().await;
    bench.poll().await;
    assert_eq!(titles(&bench).len(), 1);
    let more = commit("More", "mika", vec![Edit::write("src/two.txt", "y\n")]);
    bench.forge.push(REPO, 2, "mika", &[more]).unwrap();
    bench.poll().await;
    assert_eq!(titles(&bench)[1..], ["acme/web #2 moved while it waits for you"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_are_one_notice() {
    let bench = Bench::with_one_change().await;
    bench.forge.with(|world| {
        for number in 0..6 {
            let file = format!("src/{number}.txt");
            world
                .open(change(&format!("many-{number}"), vec![Edit::write(&file, "x\n")]))
                .unwrap();
        }
    });
    bench.poll().await;
    assert_eq!(titles(&bench), ["6 changes need your sign-off"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_moved_after_the_decision_comes_back() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench.decide(&view, DecisionView::Approve, "").await.unwrap();
    bench.comes_to(OutboxStateView::Confirmed).await;
    let more = commit("More", "mika", vec![Edit::write("src/app.txt", "one\n2\n3\n")]);
    bench.forge.push(REPO, 1, "mika", &[more]).unwrap();
    bench.poll().await;
    let queue = bench.queue().await;
    let back = queue
        .sections
        .iter()
        .find(|section| section.kind == SectionKind::CameBack)
        .unwrap();
    assert_eq!(back.rows[0].note.as_deref(), Some("1 new commit"));
    assert!(
        titles(&bench).iter().any(|title| title.contains("came back")),
        "{:?}",
        titles(&bench)
    );
    let again = bench.engine.change(bench.id(1)).await.unwrap();
    assert_eq!(again.since_last.as_deref(), Some("1 commit, 1 file"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_notification_service_the_queue_says_so() {
    let bench = Bench::with_one_change().await;
    bench.desktop.loses_notices();
    bench.forge.with(|world| {
        world
            .open(change("second", vec![Edit::write("src/two.txt", "x\n")]))
            .unwrap();
    });
    bench.poll().await;
    let queue = bench.queue().await;
    assert!(
        queue
            .banners
            .iter()
            .any(|banner| banner.message.what.contains("Notices cannot be shown"))
    );
    assert_eq!(bench.desktop.with(|seen| seen.tray.pending), 2);
}

/// What was pushed over it is shown as such, whatever moved on the target meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_superseded_decision_leads_to_what_changed_since_it_was_read() {
    let bench = Bench::with(|world| {
        let edits = [
            Edit::write("src/app.txt", "one\n2\nthree\n"),
            Edit::write("src/gone.txt", "for a while\n"),
            Edit::write("src/same.txt", "same\n"),
        ];
        world.open(change("feature", edits.to_vec())).unwrap();
    })
    .await;
    let view = bench.read(1).await;
    assert!(view.since_last.is_none() && view.files.iter().all(|file| !file.fresh));
    let push = |world: &mut World| {
        let edits = vec![
            Edit::write("src/app.txt", "one\n2\n3\n"),
            Edit::delete("src/gone.txt"),
        ];
        world
            .push(REPO, 1, "mika", &[commit("More", "mika", edits)])
            .unwrap();
        world
            .set_file(REPO, "main", "docs/other.md", b"elsewhere\n")
            .unwrap();
    };
    bench.forge.faults([Fault::once(
        "POST",
        "*/pulls/1/reviews",
        Effect::Hook(Box::new(push)),
    )]);
    bench
        .decide(&view, DecisionView::Approve, "Read it all.")
        .await
        .unwrap();
    bench.comes_to(OutboxStateView::Superseded).await;
    bench
        .until("the new head", async |bench| {
            bench.poll().await;
            bench.engine.change(bench.id(1)).await.unwrap().head != view.head
        })
        .await;
    let view = bench.engine.change(bench.id(1)).await.unwrap();
    assert_eq!(
        view.since_last.as_deref(),
        Some("1 commit, 2 files; no longer in it: src/gone.txt")
    );
    let fresh: Vec<(&str, bool)> = view
        .files
        .iter()
        .map(|file| (file.path.as_str(), file.fresh))
        .collect();
    assert_eq!(fresh, [("src/app.txt", true), ("src/same.txt", false)]);
    let file = bench.engine.file(view.id, view.head, 0).await.unwrap();
    let fresh: Vec<String> = file
        .rows
        .iter()
        .filter(|row| row.fresh)
        .map(|row| row.pieces.iter().map(|piece| piece.text.as_str()).collect())
        .collect();
    assert_eq!(fresh, ["three", "3"]);
}
