//! Which of my approvals still hold: what the app says is what the gate would do, after an update of the branch, a push,
//! the end of the change, and without a connection.

use countersign_core::verify::{Input, judge};
use countersign_engine::view::{
    ChangeView, DecisionView, HoldingState, HoldingView, OutboxStateView, SectionKind,
};
use countersign_tests::forge::collect;
use countersign_tests::forge::faults::{Effect, Fault};
use countersign_tests::forge::git::Edit;
use jiff::Timestamp;

use super::bench::{Bench, POLICY, REPO, change, commit};

/// Approved, confirmed and read again, under a policy that binds to this.
async fn approved(bind: &str) -> Bench {
    let policy = format!("{POLICY}\n").replace("[signoff]\n", &format!("[signoff]\nbind = {bind:?}\n"));
    let bench = Bench::with(|world| {
        world
            .set_file(REPO, "main", ".github/countersign.toml", policy.as_bytes())
            .unwrap();
        let edit = Edit::write("src/app.txt", "one\n2\nthree\n");
        world.open(change("feature", vec![edit])).unwrap();
    })
    .await;
    let view = bench.read(1).await;
    bench.decide(&view, DecisionView::Approve, "Good.").await.unwrap();
    bench.comes_to(OutboxStateView::Confirmed).await;
    bench.poll().await;
    assert!(gate_counts(&bench));
    let holding = bench.decision().await.holding.unwrap();
    assert_eq!(holding.state, HoldingState::Holds, "{holding:?}");
    bench
}

/// Whether the gate counts the one review that there is.
fn gate_counts(bench: &Bench) -> bool {
    let input = bench
        .forge
        .with(|world| collect::input(world, REPO, 1))
        .unwrap()
        .to_string();
    let verdict = judge(&Input::from_json(input.as_bytes()).unwrap(), Timestamp::now());
    assert_eq!(verdict.reviews.len(), 1, "{verdict:?}");
    verdict.reviews[0].accepted
}

/// The target moves on, and somebody brings the branch up to date.
fn update_branch(bench: &Bench, by: &str) {
    bench.forge.with(|world| {
        world
            .set_file(REPO, "main", "README.md", b"# Web, more\n")
            .unwrap();
        world.update_branch(REPO, 1, by).unwrap();
    });
}

async fn shown(bench: &Bench) -> (ChangeView, HoldingView) {
    let view = bench.engine.change(bench.id(1)).await.unwrap();
    let holding = view.approval.clone().unwrap().holding.unwrap();
    (view, holding)
}

async fn came_back(bench: &Bench) -> Vec<Option<String>> {
    let sections = bench.queue().await.sections.into_iter();
    sections
        .filter(|section| section.kind == SectionKind::CameBack)
        .flat_map(|section| section.rows.into_iter().map(|row| row.note))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn bound_to_the_changeset_it_survives_an_update_of_the_branch_and_no_push() {
    let bench = approved("changeset").await;
    update_branch(&bench, "mika");
    bench.poll().await;
    let (view, holding) = shown(&bench).await;
    assert_ne!(view.approval.unwrap().head, view.head);
    assert_eq!(holding.state, HoldingState::Holds, "{holding:?}");
    assert!(holding.words.contains("The head moved"), "{holding:?}");
    assert!(gate_counts(&bench));
    assert_eq!(came_back(&bench).await, [], "nobody is asked again");
    assert!(bench.desktop.with(|seen| seen.notices.is_empty()));
    assert_eq!(bench.desktop.with(|seen| seen.tray.pending), 0);

    let more = commit("More", "mika", vec![Edit::write("src/app.txt", "one\n2\n3\n")]);
    let head = bench.forge.push(REPO, 1, "mika", &[more]).unwrap();
    bench.poll().await;
    let (view, holding) = shown(&bench).await;
    assert_eq!(view.head, head);
    assert_eq!(holding.state, HoldingState::Ended, "{holding:?}");
    assert!(
        holding.words.starts_with("No longer holds: what the change does"),
        "{holding:?}"
    );
    assert!(!gate_counts(&bench));
    assert_eq!(came_back(&bench).await.len(), 1);
    assert_eq!(bench.desktop.with(|seen| seen.notices.len()), 1);
    // What was done today does not look as if it held either.
    let row = bench.decision().await;
    assert_eq!(row.state, OutboxStateView::Confirmed);
    assert_eq!(row.holding, Some(holding));
}

#[tokio::test(flavor = "multi_thread")]
async fn bound_to_the_head_it_ends_with_an_update_of_the_branch() {
    let bench = approved("head").await;
    update_branch(&bench, "mika");
    bench.poll().await;
    let (view, holding) = shown(&bench).await;
    assert_eq!(holding.state, HoldingState::Ended, "{holding:?}");
    assert!(
        holding
            .words
            .contains(&format!("head moved to {}", &view.head[..8])),
        "{holding:?}"
    );
    assert!(!gate_counts(&bench));
    assert_eq!(came_back(&bench).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_updates_the_branch_has_pushed_and_does_not_count_any_more() {
    let bench = approved("changeset").await;
    update_branch(&bench, "priya-n");
    bench.poll().await;
    let (_, holding) = shown(&bench).await;
    assert_eq!(holding.state, HoldingState::Ended, "{holding:?}");
    assert!(holding.words.contains("you pushed"), "{holding:?}");
    assert!(!gate_counts(&bench));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_whose_key_is_revoked_comes_back_though_the_head_stands() {
    let bench = approved("head").await;
    bench.forge.with(|world| {
        let policy = POLICY.replace(
            "\n[signoff]",
            "revoked_keys = \".github/revoked_keys\"\n\n[signoff]",
        );
        let key = format!("{}\n", bench.agent.public_key());
        for (path, text) in [
            (".github/revoked_keys", &key),
            (".github/countersign.toml", &policy),
        ] {
            world.set_file(REPO, "main", path, text.as_bytes()).unwrap();
        }
    });
    // Started anew, everything is read again.
    let bench = bench.restarted().await;
    bench.poll().await;
    let (view, holding) = shown(&bench).await;
    assert_eq!(holding.state, HoldingState::Ended, "{holding:?}");
    assert!(holding.words.contains("revoked"), "{holding:?}");
    assert_eq!(view.decided.unwrap().holding, Some(holding));
    assert_eq!(came_back(&bench).await, [Some("key revoked".to_owned())]);
    assert!(!gate_counts(&bench));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_connection_it_is_not_said_to_hold_and_after_the_merge_nothing_is_said() {
    let bench = approved("head").await;
    bench.forge.faults([Fault::always("*", "*", Effect::ResetBefore)]);
    bench.poll().await;
    let (_, holding) = shown(&bench).await;
    assert_eq!(holding.state, HoldingState::Unknown, "{holding:?}");
    assert!(
        holding.words.starts_with("It held when the forge was last read"),
        "{holding:?}"
    );
    bench.forge.with(|world| {
        world.faults.clear();
        world.merge(REPO, 1, "mika").unwrap();
    });
    bench
        .until("word of the merge", async |bench| {
            let _ = bench.engine.refresh().await;
            bench.decision().await.holding.is_none()
        })
        .await;
    assert_eq!(came_back(&bench).await, []);
}
