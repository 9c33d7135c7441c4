//! Decide, sign, submit, confirm, verify; and each way in which that must not go through.

use std::process::{Command, Stdio};

use countersign_core::ledger;
use countersign_core::signature;
use countersign_engine::view::{Code, DecisionView, OutboxStateView, SectionKind};
use countersign_tests::forge::faults::{Effect, Fault};
use countersign_tests::forge::git::Edit;
use tempfile::TempDir;

use super::bench::{Bench, REPO, change, commit};

/// `ssh-keygen -Y verify` over the envelope in a review's body: a judge nobody here wrote.
fn openssh_accepts(body: &str, signers: &str) -> bool {
    openssh_says(&signature::extract(body).unwrap(), signers)
}

/// The same over an envelope.
pub(crate) fn openssh_says(envelope: &signature::Envelope, signers: &str) -> bool {
    let dir = TempDir::new().unwrap();
    let (sig, list, message) = (
        dir.path().join("a.sig"),
        dir.path().join("signers"),
        dir.path().join("message"),
    );
    std::fs::write(&sig, envelope.armor()).unwrap();
    std::fs::write(&list, signers).unwrap();
    std::fs::write(&message, signature::pae(envelope.payload())).unwrap();
    Command::new("ssh-keygen")
        .args([
            "-Y",
            "verify",
            "-n",
            "approval@countersign.dev",
            "-I",
            "priya@acme.example",
            "-f",
        ])
        .arg(&list)
        .arg("-s")
        .arg(&sig)
        .stdin(std::fs::File::open(&message).unwrap())
        .stdout(Stdio::null())
        .status()
        .unwrap()
        .success()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_signed_submitted_read_back_and_openssh_accepts_it() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    assert_eq!(view.will_count.answer, "yes", "{:?}", view.will_count);
    let decided = bench
        .decide(&view, DecisionView::Approve, "Read it all.")
        .await
        .unwrap();
    assert!(decided.signed);
    let done = bench.comes_to(OutboxStateView::Confirmed).await;
    assert!(done.message.is_none(), "{done:?}");

    let reviews = bench.forge.reviews(REPO, 1);
    assert_eq!(reviews.len(), 1);
    assert_eq!(
        (reviews[0].state, reviews[0].commit.as_str()),
        ("APPROVED", view.head.as_str())
    );
    assert!(reviews[0].body.contains("Read it all."));
    let signers = format!("priya@acme.example {}\n", bench.agent.public_key());
    assert!(openssh_accepts(&reviews[0].body, &signers));
    let stranger = super::bench::Agent::start();
    assert!(!openssh_accepts(
        &reviews[0].body,
        &format!("priya@acme.example {}\n", stranger.public_key())
    ));

    let statement = countersign_core::decision::Statement::from_payload(
        signature::extract(&reviews[0].body).unwrap().payload(),
    )
    .unwrap();
    assert_eq!(statement.subject[0].digest.git_commit.as_str(), view.head);
    assert!(statement.predicate.change.changeset.is_some());
    assert_eq!(
        (statement.predicate.seen.files, statement.predicate.seen.viewed),
        (1, 1)
    );

    let question = bench.desktop.with(|seen| seen.questions.clone());
    assert_eq!(question.len(), 1);
    let by = format!("Key: {}", bench.engine.keys().await.unwrap().keys[0].fingerprint);
    let parts = [
        REPO,
        "#1",
        view.head.as_str(),
        "main",
        "approve",
        &by,
        "With the words: Read it all.",
    ];
    for part in parts {
        assert!(
            question[0].text.contains(part),
            "{part} is missing in {:?}",
            question[0].text
        );
    }
    let kinds: Vec<SectionKind> = bench
        .queue()
        .await
        .sections
        .iter()
        .map(|section| section.kind)
        .collect();
    assert_eq!(kinds, [SectionKind::DoneToday]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_noted_on_a_finding_stands_in_the_review_and_with_the_finding() {
    let bench = Bench::with(|world| {
        let sql = vec![Edit::write(
            "db/migrations/0042_drop.sql",
            "DROP TABLE legacy_invoices;\n",
        )];
        world.open(change("feature", sql)).unwrap();
    })
    .await;
    let view = bench.read(1).await;
    let finding = view.findings[0].id.clone();
    let note = |note: String| {
        bench.engine.acknowledge(
            view.id.clone(),
            view.head.clone(),
            finding.clone(),
            true,
            Some(note),
        )
    };
    assert!(note("x".repeat(501)).await.is_err());
    note("Archived on Monday.".into()).await.unwrap();
    let again = bench.engine.change(bench.id(1)).await.unwrap();
    assert_eq!(again.findings[0].noted, "Archived on Monday.");
    let decided = bench.decide(&view, DecisionView::Approve, "Read it all.").await;
    assert!(decided.unwrap().signed);
    bench.comes_to(OutboxStateView::Confirmed).await;
    let body = &bench.forge.reviews(REPO, 1)[0].body;
    let (line, rest) = body.split_once("\n\n").unwrap();
    assert!(!line.is_empty());
    let title: String = view.findings[0]
        .title
        .iter()
        .map(|run| run.text.as_str())
        .collect();
    let item =
        format!("- `{title}` (`db/migrations/0042_drop.sql:1`): Archived on Monday.\n\nRead it all.\n\n");
    assert!(rest.starts_with(&item), "{body}");
    let signers = format!("priya@acme.example {}\n", bench.agent.public_key());
    assert!(openssh_accepts(body, &signers));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_three_decisions_carry_an_envelope() {
    for (decision, state) in [
        (DecisionView::RequestChanges, "CHANGES_REQUESTED"),
        (DecisionView::Comment, "COMMENTED"),
    ] {
        let bench = Bench::with_one_change().await;
        let view = bench.read(1).await;
        let refused = bench.decide(&view, decision, "  ").await.unwrap_err();
        assert_eq!(refused.code, Code::CannotSign, "nothing was written");
        bench
            .decide(&view, decision, "Two views still read it.")
            .await
            .unwrap();
        bench.comes_to(OutboxStateView::Confirmed).await;
        let reviews = bench.forge.reviews(REPO, 1);
        assert_eq!((reviews.len(), reviews[0].state), (1, state));
        assert!(signature::extract(&reviews[0].body).is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_signed_when_the_user_says_no_in_the_native_dialog() {
    let bench = Bench::with_one_change().await;
    bench.desktop.answers(false);
    let view = bench.read(1).await;
    let decided = bench.decide(&view, DecisionView::Approve, "").await.unwrap();
    assert!(!decided.signed && decided.entry.is_none());
    bench.poll().await;
    assert!(bench.forge.reviews(REPO, 1).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_shown_cannot_be_signed() {
    let bench = Bench::with_one_change().await;
    let view = bench.engine.change(bench.id(1)).await.unwrap();
    // Another bench's change was never opened, so its digest is not known to have been shown.
    for (head, seen) in [
        (view.head.clone(), "0".repeat(64)),
        ("a".repeat(40), view.seen.clone()),
    ] {
        let failure = bench
            .engine
            .decide(view.id.clone(), head, seen, DecisionView::Approve, String::new())
            .await
            .unwrap_err();
        assert_eq!(failure.code, Code::Moved);
    }
    assert!(bench.desktop.with(|seen| seen.questions.is_empty()));

    let unopened = Bench::with_one_change().await;
    let head = unopened
        .forge
        .with(|world| world.change(REPO, 1).unwrap().head().to_owned());
    let failure = unopened
        .engine
        .decide(
            unopened.id(1),
            head,
            view.seen.clone(),
            DecisionView::Approve,
            String::new(),
        )
        .await
        .unwrap_err();
    assert_eq!(failure.code, Code::Moved);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_moved_after_reading_is_refused_before_anything_is_signed() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    let more = commit("More", "mika", vec![Edit::write("src/app.txt", "one\n2\n3\n")]);
    bench.forge.push(REPO, 1, "mika", &[more]).unwrap();
    let failure = bench.decide(&view, DecisionView::Approve, "").await.unwrap_err();
    assert_eq!(failure.code, Code::Moved);
    assert!(
        failure.message.contains("Nothing was signed"),
        "{}",
        failure.message
    );
    assert!(bench.forge.reviews(REPO, 1).is_empty());
}

/// Pushes to change 1 at the moment of the matching call.
fn push_at(method: &str, path: &str, skip: u32) -> Fault {
    let mut done = false;
    let hook = move |world: &mut countersign_tests::forge::world::World| {
        if !std::mem::replace(&mut done, true) {
            let more = commit("More", "mika", vec![Edit::write("src/app.txt", "one\n2\n3\n")]);
            world.push(REPO, 1, "mika", &[more]).unwrap();
        }
    };
    Fault::once(method, path, Effect::Hook(Box::new(hook))).after(skip)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_moves_before_submission_supersedes_and_leaves_nothing_behind() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench.forge.faults([push_at("POST", "*/pulls/1/reviews", 0)]);
    bench.decide(&view, DecisionView::Approve, "Good.").await.unwrap();
    let ended = bench.comes_to(OutboxStateView::Superseded).await;
    let message = ended.message.unwrap();
    assert!(
        message.what.starts_with("Not sent, and it will not be"),
        "{message:?}"
    );
    assert_eq!(ended.words, "Good.");
    assert!(
        bench.forge.reviews(REPO, 1).is_empty(),
        "the pending review was deleted"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_moves_at_submission_dismisses_the_review_and_tells() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench.forge.faults([push_at("POST", "*/events", 0)]);
    bench.decide(&view, DecisionView::Approve, "").await.unwrap();
    let ended = bench.comes_to(OutboxStateView::Superseded).await;
    assert!(ended.message.unwrap().what.contains("dismissed"));
    let reviews = bench.forge.reviews(REPO, 1);
    assert_eq!((reviews.len(), reviews[0].state), (1, "DISMISSED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_lost_at_any_step_leads_to_exactly_one_review() {
    let steps = [
        ("POST", "*/pulls/1/reviews"),
        ("POST", "*/events"),
        ("GET", "*/pulls/1/reviews"),
    ];
    let effects: [fn() -> Effect; 4] = [
        || Effect::ResetBefore,
        || Effect::ResetAfter,
        || Effect::CutBody(20),
        || Effect::Html,
    ];
    for (method, path) in steps {
        for effect in effects {
            let bench = Bench::with_one_change().await;
            let view = bench.read(1).await;
            bench.forge.faults([Fault::once(method, path, effect())]);
            bench.decide(&view, DecisionView::Approve, "").await.unwrap();
            bench
                .until("the decision", async |bench| {
                    bench.poll().await;
                    bench.decision().await.state == OutboxStateView::Confirmed
                })
                .await;
            let reviews = bench.forge.reviews(REPO, 1);
            assert_eq!(
                (reviews.len(), reviews[0].state),
                (1, "APPROVED"),
                "{method} {path}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_made_offline_waits_and_is_sent_once_after_a_restart_too() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench
        .forge
        .faults([Fault::always("*", "*", Effect::ResetBefore).times(60)]);
    bench
        .decide(&view, DecisionView::Approve, "On the train.")
        .await
        .unwrap();
    bench
        .until("the outbox to try", async |bench| {
            bench.decision().await.message.is_some()
        })
        .await;
    assert_eq!(bench.decision().await.state, OutboxStateView::Queued);
    bench.forge.with(|world| world.faults.clear());
    let bench = bench.restarted().await;
    bench.comes_to(OutboxStateView::Confirmed).await;
    assert_eq!(bench.forge.reviews(REPO, 1).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_change_hands_the_decision_back() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench.forge.faults([Fault::once(
        "GET",
        "*/pulls/1/reviews",
        Effect::Hook(Box::new(|world| world.close(REPO, 1, "mika").unwrap())),
    )]);
    bench
        .decide(&view, DecisionView::Approve, "Kept words.")
        .await
        .unwrap();
    let ended = bench.comes_to(OutboxStateView::HandedBack).await;
    assert_eq!(ended.words, "Kept words.");
    assert!(bench.forge.reviews(REPO, 1).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_review_of_the_users_own_is_not_touched() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench
        .forge
        .with(|world| {
            world.review(
                REPO,
                1,
                "priya-n",
                "PENDING",
                "half written",
                jiff::SignedDuration::ZERO,
            )
        })
        .unwrap();
    bench.decide(&view, DecisionView::Approve, "").await.unwrap();
    bench
        .until("word of it", async |bench| {
            bench.decision().await.message.is_some()
        })
        .await;
    let waiting = bench.decision().await;
    assert_eq!(waiting.state, OutboxStateView::Queued);
    assert!(waiting.message.unwrap().what.contains("in the way"));
    let reviews = bench.forge.reviews(REPO, 1);
    assert_eq!((reviews.len(), reviews[0].body.as_str()), (1, "half written"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_forges_no_is_told_in_its_words() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    let body = r#"{"message":"Unprocessable Entity","errors":["Can not approve your own pull request"]}"#;
    let no = Effect::Status {
        status: 422,
        headers: Vec::new(),
        body: body.to_owned(),
    };
    bench.forge.faults([Fault::once("POST", "*/events", no)]);
    bench.decide(&view, DecisionView::Approve, "").await.unwrap();
    let ended = bench.comes_to(OutboxStateView::Refused).await;
    assert!(
        ended
            .message
            .unwrap()
            .what
            .contains("Can not approve your own pull request")
    );
    assert!(
        bench.forge.reviews(REPO, 1).is_empty(),
        "the pending review was deleted"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_left_the_agent_signs_nothing_and_says_so() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench.agent.forget();
    let failure = bench.decide(&view, DecisionView::Approve, "").await.unwrap_err();
    assert_eq!(failure.code, Code::Keys);
    assert!(failure.message.starts_with("Not signed"), "{}", failure.message);
    bench.poll().await;
    assert!(bench.forge.reviews(REPO, 1).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_is_a_whole_chain_of_what_was_decided() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench.decide(&view, DecisionView::Approve, "").await.unwrap();
    bench.comes_to(OutboxStateView::Confirmed).await;
    let lines = bench.engine.ledger().unwrap();
    let (read, _) = ledger::check(lines.iter().map(String::as_str)).unwrap();
    let states: Vec<_> = read.iter().map(|line| format!("{:?}", line.state)).collect();
    assert_eq!(states, ["Queued", "Confirmed"]);
    assert!(read[0].envelope.is_some() && read[1].review.is_some());
}
