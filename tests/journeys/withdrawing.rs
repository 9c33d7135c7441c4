//! An approval is withdrawn: dismissed at the forge and recorded, or nothing was changed and it is said why.

use countersign_core::decision::OutboxState;
use countersign_core::ledger;
use countersign_core::verify::{Input, Outcome, judge};
use countersign_engine::view::{ChangeView, Code, DecisionView, Failure, OutboxStateView, Withdrawn};
use countersign_tests::forge::collect;
use countersign_tests::forge::faults::{Effect, Fault};
use countersign_tests::forge::git::Edit;
use jiff::{SignedDuration, Timestamp};

use super::bench::{Bench, REPO, commit};

const WHY: &str = "The backup that I relied on was never restored.";

/// With one change that was read and approved, and the approval confirmed.
async fn approved() -> (Bench, ChangeView) {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    assert_eq!(view.approval, None, "nothing was approved yet");
    bench.decide(&view, DecisionView::Approve, "Good.").await.unwrap();
    bench.comes_to(OutboxStateView::Confirmed).await;
    let view = bench.engine.change(bench.id(1)).await.unwrap();
    assert_eq!(view.approval.as_ref().unwrap().head, view.head);
    bench.desktop.with(|seen| seen.questions.clear());
    (bench, view)
}

async fn withdraw(bench: &Bench, view: &ChangeView, words: &str) -> Result<Withdrawn, Failure> {
    let review = view.approval.as_ref().unwrap().review.clone();
    bench
        .engine
        .withdraw(view.id.clone(), review, words.to_owned())
        .await
}

/// The approval stands at the forge and here, and the ledger says nothing else.
async fn stands(bench: &Bench) {
    let states: Vec<_> = bench
        .forge
        .reviews(REPO, 1)
        .iter()
        .map(|review| review.state)
        .collect();
    assert_eq!(states, ["APPROVED"]);
    assert_eq!(bench.decision().await.state, OutboxStateView::Confirmed);
    let view = bench.engine.change(bench.id(1)).await.unwrap();
    assert!(view.approval.is_some());
    assert_eq!(bench.engine.ledger().unwrap().len(), 2);
}

/// Whether CI would let it through, by the gate's own judge.
fn gate(bench: &Bench) -> (Outcome, String) {
    let input = bench
        .forge
        .with(|world| collect::input(world, REPO, 1))
        .unwrap()
        .to_string();
    let verdict = judge(&Input::from_json(input.as_bytes()).unwrap(), Timestamp::now());
    (verdict.verdict, verdict.detail)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_approval_is_dismissed_recorded_and_never_sent_again() {
    let (bench, view) = approved().await;
    assert_eq!(gate(&bench).0, Outcome::Accepted);
    let refused = withdraw(&bench, &view, "  \n").await.unwrap_err();
    assert!(refused.message.contains("No reason"), "{}", refused.message);
    assert!(withdraw(&bench, &view, WHY).await.unwrap().withdrawn);

    let question = bench.desktop.with(|seen| seen.questions.clone());
    assert_eq!(question.len(), 1);
    for part in [REPO, "#1", view.head.as_str(), "main", "withdraw", WHY] {
        let text = &question[0].text;
        assert!(text.contains(part), "{part} is missing in {text:?}");
    }
    let reviews = bench.forge.reviews(REPO, 1);
    assert_eq!((reviews.len(), reviews[0].state), (1, "DISMISSED"));
    assert_eq!(reviews[0].dismissed.as_ref().unwrap().2, WHY);

    let done = bench.decision().await;
    assert_eq!(done.state, OutboxStateView::Withdrawn);
    assert!(done.message.unwrap().what.contains(WHY));
    let again = bench.engine.change(bench.id(1)).await.unwrap();
    assert_eq!(again.approval, None);

    let lines = bench.engine.ledger().unwrap();
    let (read, _) = ledger::check(lines.iter().map(String::as_str)).unwrap();
    let states: Vec<OutboxState> = read.iter().map(|line| line.state).collect();
    assert_eq!(
        states,
        [
            OutboxState::Queued,
            OutboxState::Confirmed,
            OutboxState::Superseded
        ]
    );
    assert_eq!(
        (&read[2].entry, &read[2].review, &read[2].key),
        (&read[0].entry, &read[1].review, &read[0].key)
    );
    assert!(read[2].why.as_ref().unwrap().contains(WHY));
    let (outcome, why) = gate(&bench);
    assert_ne!(outcome, Outcome::Accepted, "{why:?}");

    // A second click finds it gone; a restart and more polls post nothing.
    let twice = withdraw(&bench, &view, WHY).await.unwrap_err();
    assert_eq!(twice.code, Code::Moved);
    let bench = bench.restarted().await;
    bench.poll().await;
    assert_eq!(bench.forge.reviews(REPO, 1).len(), 1);
    assert_eq!(bench.forge.count("POST", "*/pulls/1/reviews"), 1);
    assert_eq!(bench.engine.ledger().unwrap().len(), 3);

    // To approve after all takes another signature, and that one counts.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let view = bench.read(1).await;
    bench
        .decide(&view, DecisionView::Approve, "Restored it.")
        .await
        .unwrap();
    bench
        .until("the second approval", async |bench| {
            let view = bench.engine.change(bench.id(1)).await.unwrap();
            view.decided
                .is_some_and(|row| row.state == OutboxStateView::Confirmed)
        })
        .await;
    let states: Vec<_> = bench
        .forge
        .reviews(REPO, 1)
        .iter()
        .map(|review| review.state)
        .collect();
    assert_eq!(states, ["DISMISSED", "APPROVED"]);
    let (outcome, why) = gate(&bench);
    assert_eq!(outcome, Outcome::Accepted, "{why:?}");
}

/// The profile is put back to when the approval waited, as from a backup: its bytes must not come back to the forge.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_profile_does_not_post_a_withdrawn_approval_again() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench.forge.faults([Fault::always("*", "*", Effect::ResetBefore)]);
    bench.decide(&view, DecisionView::Approve, "Good.").await.unwrap();
    let backup = bench.profile.path().join("backup.db");
    let bench = bench
        .reopened_after(|path| {
            let db = rusqlite::Connection::open(path).unwrap();
            db.execute("VACUUM INTO ?1", [backup.to_str().unwrap()]).unwrap();
        })
        .await;
    bench.forge.with(|world| world.faults.clear());
    bench.sign_in().await;
    bench.comes_to(OutboxStateView::Confirmed).await;
    let view = bench.engine.change(bench.id(1)).await.unwrap();
    assert!(withdraw(&bench, &view, WHY).await.unwrap().withdrawn);

    let bench = bench
        .reopened_after(|path| {
            for left in ["-wal", "-shm"] {
                let mut left_over = path.as_os_str().to_owned();
                left_over.push(left);
                let _ = std::fs::remove_file(left_over);
            }
            std::fs::rename(&backup, path).unwrap();
        })
        .await;
    bench.sign_in().await;
    let ended = bench.comes_to(OutboxStateView::Superseded).await;
    assert!(ended.message.unwrap().what.contains("dismissed"));
    let reviews = bench.forge.reviews(REPO, 1);
    assert_eq!((reviews.len(), reviews[0].state), (1, "DISMISSED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_withdrawn_when_the_user_says_no_in_the_native_dialog() {
    let (bench, view) = approved().await;
    bench.desktop.answers(false);
    assert!(!withdraw(&bench, &view, WHY).await.unwrap().withdrawn);
    assert_eq!(bench.forge.count("PUT", "*/dismissals"), 0);
    stands(&bench).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offline_it_is_refused_before_the_question_and_does_not_wait() {
    let (bench, view) = approved().await;
    bench.forge.faults([Fault::always("*", "*", Effect::ResetBefore)]);
    let failure = withdraw(&bench, &view, WHY).await.unwrap_err();
    assert!(
        failure
            .message
            .contains("Nothing was changed: your approval stands"),
        "{}",
        failure.message
    );
    assert!(
        failure.hint.contains("does not wait in the outbox"),
        "{}",
        failure.hint
    );
    assert!(bench.desktop.with(|seen| seen.questions.is_empty()));
    bench.forge.with(|world| world.faults.clear());
    bench.poll().await;
    stands(&bench).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_write_the_forge_refuses_and_says_what_else_to_do() {
    let (bench, view) = approved().await;
    bench.forge.with(|world| {
        let repo = world
            .repos
            .iter_mut()
            .find(|repo| repo.full_name() == REPO)
            .unwrap();
        repo.access.insert("priya-n".into(), "READ");
    });
    let failure = withdraw(&bench, &view, WHY).await.unwrap_err();
    assert_eq!(failure.code, Code::Refused);
    assert!(
        failure.message.contains("Must have write access")
            && failure.message.contains("your approval stands"),
        "{}",
        failure.message
    );
    assert!(failure.hint.contains("Request changes"), "{}", failure.hint);
    stands(&bench).await;

    // What it says to do is possible, and stops the gate.
    bench
        .decide(&view, DecisionView::RequestChanges, WHY)
        .await
        .unwrap();
    bench
        .until("the request", async |bench| {
            bench.forge.reviews(REPO, 1).len() == 2
        })
        .await;
    bench
        .until("its end", async |bench| {
            let view = bench.engine.change(bench.id(1)).await.unwrap();
            view.decided
                .is_some_and(|row| row.state == OutboxStateView::Confirmed)
        })
        .await;
    let (outcome, why) = gate(&bench);
    assert_ne!(outcome, Outcome::Accepted, "{why:?}");
    let view = bench.engine.change(bench.id(1)).await.unwrap();
    assert_eq!(view.approval, None, "what the user said last is no approval");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_is_looked_for_at_the_forge() {
    for (effect, done) in [
        (Effect::ResetAfter, true),
        (Effect::WrongJson, true),
        (Effect::ResetBefore, false),
        (Effect::trouble(502), false),
    ] {
        let (bench, view) = approved().await;
        bench.forge.faults([Fault::once("PUT", "*/dismissals", effect)]);
        let went = withdraw(&bench, &view, WHY).await;
        if done {
            assert!(went.unwrap().withdrawn);
            assert_eq!(bench.decision().await.state, OutboxStateView::Withdrawn);
        } else {
            let failure = went.unwrap_err();
            assert!(
                failure.message.contains("your approval stands"),
                "{}",
                failure.message
            );
            stands(&bench).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_told_is_said_and_found_by_the_next_poll() {
    let (bench, view) = approved().await;
    let review = view.approval.as_ref().unwrap().review.clone();
    bench.forge.faults([
        Fault::once("PUT", "*/dismissals", Effect::ResetAfter),
        Fault::once("GET", "*/pulls/1/reviews", Effect::ResetBefore).after(1),
    ]);
    let failure = withdraw(&bench, &view, WHY).await.unwrap_err();
    assert!(failure.message.contains("cannot be told"), "{}", failure.message);
    bench
        .until("word of it", async |bench| {
            let _ = bench.engine.refresh().await;
            bench.decision().await.state == OutboxStateView::Withdrawn
        })
        .await;
    let lines = bench.engine.ledger().unwrap();
    let (read, _) = ledger::check(lines.iter().map(String::as_str)).unwrap();
    assert_eq!(read.last().unwrap().review, Some(review));
    assert_eq!(read.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_of_an_older_head_can_be_withdrawn_and_the_question_names_both() {
    let (bench, view) = approved().await;
    let more = commit("More", "mika", vec![Edit::write("src/app.txt", "one\n2\n3\n")]);
    let head = bench.forge.push(REPO, 1, "mika", &[more]).unwrap();
    // Not polled: the window still shows the old head.
    assert!(withdraw(&bench, &view, WHY).await.unwrap().withdrawn);
    let text = bench.desktop.with(|seen| seen.questions[0].text.clone());
    assert!(
        text.contains(&format!("Head that you approved: {}", view.head))
            && text.contains(&format!("Head now: {head}")),
        "{text}"
    );
    assert_eq!(bench.forge.reviews(REPO, 1)[0].state, "DISMISSED");
    bench.poll().await;
    let view = bench.engine.change(bench.id(1)).await.unwrap();
    assert_eq!((view.head, view.approval), (head, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_waits_is_taken_back_instead_and_a_merged_change_keeps_its_own() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench.forge.faults([Fault::always("*", "*", Effect::ResetBefore)]);
    bench.decide(&view, DecisionView::Approve, "").await.unwrap();
    let waiting = bench
        .engine
        .withdraw(view.id.clone(), "1".into(), WHY.into())
        .await;
    let waiting = waiting.unwrap_err();
    assert!(
        waiting.message.contains("not sent yet") && waiting.hint.contains("outbox"),
        "{waiting:?}"
    );
    bench.forge.with(|world| world.faults.clear());

    let (bench, view) = approved().await;
    bench
        .forge
        .with(|world| world.merge(REPO, 1, "mika").map(drop))
        .unwrap();
    let merged = withdraw(&bench, &view, WHY).await.unwrap_err();
    assert!(merged.message.contains("merged"), "{}", merged.message);
    assert_eq!(bench.forge.reviews(REPO, 1)[0].state, "APPROVED");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_is_not_a_signed_one_is_left_to_the_forge() {
    let bench = Bench::with(|world| {
        world
            .open(super::bench::change(
                "feature",
                vec![Edit::write("src/app.txt", "one\n2\nthree\n")],
            ))
            .unwrap();
        world
            .review(
                REPO,
                1,
                "priya-n",
                "APPROVED",
                "LGTM",
                SignedDuration::from_mins(5),
            )
            .unwrap();
    })
    .await;
    let view = bench.engine.change(bench.id(1)).await.unwrap();
    let failure = withdraw(&bench, &view, WHY).await.unwrap_err();
    assert!(failure.message.contains("no signature"), "{}", failure.message);
    assert!(bench.desktop.with(|seen| seen.questions.is_empty()));
}
