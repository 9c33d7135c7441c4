//! The system's own check before each signature: whatever is not the user's own yes signs nothing, and nobody takes
//! the check away without passing it.

use countersign_core::decision::{PresenceClaim, Statement};
use countersign_core::signature;
use countersign_engine::prompt::{Purpose, Unprompted};
use countersign_engine::view::{Code, DecisionView, OutboxStateView};
use countersign_tests::forge::git::Edit;

use super::bench::{Bench, REPO, commit};

impl Bench {
    async fn is_prompted(&self) -> bool {
        self.engine.keys().await.unwrap().prompted
    }

    fn prompts(&self) -> Vec<Purpose> {
        self.desktop.with(|seen| seen.prompts.clone())
    }

    /// With one change open, and the check chosen.
    async fn prompted() -> Self {
        let bench = Self::with_one_change().await;
        bench.engine.set_prompted(true).await.unwrap();
        assert!(bench.is_prompted().await);
        bench
    }

    /// Nothing was signed: not here, and not at the forge, where it was not even tried.
    async fn assert_nothing_signed(&self) {
        assert_eq!(self.engine.ledger().unwrap(), Vec::<String>::new());
        assert!(self.rows().await.iter().all(|row| row.decision.is_none()));
        self.poll().await;
        assert!(self.forge.reviews(REPO, 1).is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_off_until_it_is_chosen_and_stays_off_where_it_does_not_work() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    for (why, part) in [
        (Unprompted::NoAgent, "Nothing on this desktop can ask"),
        (Unprompted::NotRegistered, "does not know Countersign's questions"),
        (Unprompted::Dismissed, "the check was dismissed"),
    ] {
        bench.desktop.prompts_end(Err(why.clone()));
        let failure = bench.engine.set_prompted(true).await.unwrap_err();
        let told = failure.message.to_lowercase();
        assert!(
            told.starts_with("it stays off:") && told.contains(&part.to_lowercase()),
            "{told}"
        );
        assert_eq!(
            failure.hint,
            why.todo(),
            "nothing is in the way that would have to be taken back"
        );
        assert!(!bench.is_prompted().await);
    }
    assert_eq!(bench.prompts(), [Purpose::TurnOn; 3]);
    bench.decide(&view, DecisionView::Approve, "").await.unwrap();
    bench.comes_to(OutboxStateView::Confirmed).await;
    assert_eq!(
        bench.prompts(),
        [Purpose::TurnOn; 3],
        "it was not asked for the signature"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_is_not_passed_signs_nothing_and_one_that_is_signs() {
    let bench = Bench::prompted().await;
    let view = bench.read(1).await;
    for (why, part) in [
        (Unprompted::Dismissed, "the check was dismissed"),
        (Unprompted::Refused, "did not accept"),
        (Unprompted::Late { seconds: 120 }, "within 120 s"),
        (Unprompted::NoService, "no polkit service"),
    ] {
        bench.desktop.prompts_end(Err(why.clone()));
        let failure = bench
            .decide(&view, DecisionView::Approve, "Read it all.")
            .await
            .unwrap_err();
        assert_eq!(failure.code, Code::CannotSign);
        assert!(
            failure.message.starts_with("Not signed: ") && failure.message.contains(part),
            "{}",
            failure.message
        );
        assert_eq!(
            failure.hint.contains("--stop-prompting"),
            why == Unprompted::NoService,
            "{}",
            failure.hint
        );
        bench.assert_nothing_signed().await;
    }
    // Not asked where the last question was answered with no.
    let asked = bench.prompts().len();
    bench.desktop.answers(false);
    assert!(
        !bench
            .decide(&view, DecisionView::Comment, "Hm.")
            .await
            .unwrap()
            .signed
    );
    assert_eq!(bench.prompts().len(), asked);

    bench.desktop.answers(true);
    bench.desktop.prompts_end(Ok(()));
    let decided = bench
        .decide(&view, DecisionView::Approve, "Read it all.")
        .await
        .unwrap();
    assert!(decided.signed);
    bench.comes_to(OutboxStateView::Confirmed).await;
    assert_eq!(bench.prompts().last(), Some(&Purpose::Sign));
    assert!(
        bench.prompts()[1..]
            .iter()
            .all(|purpose| *purpose == Purpose::Sign)
    );
    let reviews = bench.forge.reviews(REPO, 1);
    assert_eq!(reviews.len(), 1);
    let envelope = signature::extract(&reviews[0].body).unwrap();
    // No claim of it: the gate is to learn nothing that it could take for proof.
    let text = String::from_utf8(envelope.payload().to_vec()).unwrap();
    assert!(!text.contains("prompt"), "{text}");
    let statement = Statement::from_payload(envelope.payload()).unwrap();
    assert_eq!(statement.predicate.claims.presence, PresenceClaim::None);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_check_takes_the_check_away_or_the_command_line() {
    let bench = Bench::prompted().await;
    bench.desktop.prompts_end(Err(Unprompted::NoAgent));
    let failure = bench.engine.set_prompted(false).await.unwrap_err();
    assert!(
        failure.message.starts_with("It stays on: "),
        "{}",
        failure.message
    );
    assert!(failure.hint.contains("--stop-prompting"), "{}", failure.hint);
    // Choosing it again asks nothing.
    bench.engine.set_prompted(true).await.unwrap();
    assert_eq!(bench.prompts(), [Purpose::TurnOn, Purpose::TurnOff]);
    bench.engine.sign_out(false).await.unwrap();
    let bench = bench.restarted().await;
    assert!(
        bench.is_prompted().await,
        "neither signing out nor a restart takes it away"
    );
    let view = bench.read(1).await;
    let sheet = bench.engine.preflight(
        view.id,
        view.head,
        view.seen,
        DecisionView::Approve,
        String::new(),
    );
    assert!(sheet.await.unwrap().prompted, "the sheet says so");

    bench.desktop.prompts_end(Ok(()));
    bench.engine.set_prompted(false).await.unwrap();
    assert!(!bench.is_prompted().await);

    bench.engine.set_prompted(true).await.unwrap();
    bench.desktop.prompts_end(Err(Unprompted::NoService));
    let bench = bench
        .reopened_with(|_| {}, |options| options.stop_prompting = true)
        .await;
    assert!(!bench.is_prompted().await);
    let bench = bench.restarted().await;
    assert!(!bench.is_prompted().await, "for good");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_check_is_open_it_answers_for_nothing_else_and_the_world_may_move() {
    let bench = Bench::prompted().await;
    let view = bench.read(1).await;
    let until = bench.desktop.holds_prompts();
    let deciding = {
        let (engine, view) = (bench.engine.clone(), view.clone());
        tokio::spawn(async move {
            engine
                .decide(
                    view.id,
                    view.head,
                    view.seen,
                    DecisionView::Approve,
                    String::new(),
                )
                .await
        })
    };
    bench
        .until("the check", async |bench| {
            bench.prompts().last() == Some(&Purpose::Sign)
        })
        .await;
    let failure = bench.engine.set_prompted(false).await.unwrap_err();
    assert!(
        failure.message.contains("Nothing was changed"),
        "{}",
        failure.message
    );
    let failure = bench.engine.erase().await.unwrap_err();
    assert!(
        failure
            .message
            .contains("A decision is being confirmed. Nothing was erased"),
        "{}",
        failure.message
    );
    assert!(bench.is_prompted().await);

    bench.forge.with(|world| {
        let more = commit("More", "mika", vec![Edit::write("src/app.txt", "one\n2\n3\n")]);
        world.push(REPO, 1, "mika", &[more]).unwrap();
    });
    bench.poll().await;
    until.notify_one();
    let failure = deciding.await.unwrap().unwrap_err();
    assert_eq!(failure.code, Code::Moved, "{}", failure.message);
    bench.assert_nothing_signed().await;
}
