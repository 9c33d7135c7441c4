//! Whose decisions these are, and what is left of an account without its token.

use std::path::Path;

use countersign_engine::view::{BannerKind, DecisionView, OutboxStateView, TokenState};
use countersign_tests::forge::faults::{Effect, Fault};
use countersign_tests::forge::world::Scopes;

use super::bench::{Bench, REPO};

const TOKEN: &str = "ghp_journey";

#[tokio::test(flavor = "multi_thread")]
async fn another_account_sends_nothing_that_it_did_not_sign() {
    let bench = Bench::with_one_change().await;
    bench.forge.with(|world| {
        world.token(
            "ghp_sol",
            "sol-v",
            Scopes::Classic(vec!["repo".into(), "read:org".into()]),
        );
    });
    let view = bench.read(1).await;
    bench.forge.faults([Fault::always("*", "*", Effect::ResetBefore)]);
    bench.decide(&view, DecisionView::Approve, "Mine.").await.unwrap();
    bench
        .until("the outbox to try", async |bench| {
            bench.decision().await.message.is_some()
        })
        .await;
    bench.forge.with(|world| world.faults.clear());
    let url = bench.forge.url().to_owned();
    assert!(
        bench
            .engine
            .sign_in(url.clone(), "ghp_sol".into())
            .await
            .unwrap()
            .ok
    );
    bench.poll().await;
    let waiting = bench.decision().await;
    assert_eq!(waiting.state, OutboxStateView::Queued);
    let message = waiting.message.unwrap();
    assert!(message.what.contains("another account"), "{message:?}");
    assert!(bench.forge.reviews(REPO, 1).is_empty());

    assert!(bench.engine.sign_in(url, TOKEN.into()).await.unwrap().ok);
    bench.comes_to(OutboxStateView::Confirmed).await;
    assert_eq!(bench.forge.reviews(REPO, 1).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_token_what_was_read_can_be_read_and_signed_and_is_sent_later() {
    let bench = Bench::with_one_change().await;
    let before = bench.read(1).await;
    let bench = bench.reopened().await;
    bench
        .until("the account to be taken up", async |bench| {
            !bench.engine.status().await.unwrap().restoring
        })
        .await;
    let account = bench.engine.status().await.unwrap().account.unwrap();
    assert_eq!(
        (account.login.as_str(), account.token),
        ("priya-n", TokenState::Missing)
    );
    let queue = bench.queue().await;
    assert!(
        queue
            .banners
            .iter()
            .any(|banner| banner.kind == BannerKind::SignIn
                && !banner.message.kept.is_empty()
                && !banner.message.todo.is_empty()),
        "{:?}",
        queue.banners
    );
    let view = bench.engine.change(bench.id(1)).await.unwrap();
    assert_eq!((view.head.clone(), view.seen.clone()), (before.head, before.seen));
    bench
        .decide(&view, DecisionView::Approve, "On the train.")
        .await
        .unwrap();
    assert_eq!(bench.decision().await.state, OutboxStateView::Queued);
    assert!(bench.engine.refresh().await.is_err());
    assert!(bench.forge.reviews(REPO, 1).is_empty());
    bench.sign_in().await;
    bench.comes_to(OutboxStateView::Confirmed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signed_out_is_not_taken_up_again() {
    let bench = Bench::with_one_change().await;
    bench.engine.sign_out(false).await.unwrap();
    assert!(bench.engine.status().await.unwrap().account.is_none());
    let bench = bench.reopened().await;
    bench
        .until("the start", async |bench| {
            !bench.engine.status().await.unwrap().restoring
        })
        .await;
    assert!(bench.engine.status().await.unwrap().account.is_none());
    bench.sign_in().await;
    assert_eq!(bench.rows().await.len(), 1);
}

pub(super) fn files_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files_below(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_in_no_file_of_the_profile() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench
        .decide(&view, DecisionView::Approve, "canary words")
        .await
        .unwrap();
    bench.comes_to(OutboxStateView::Confirmed).await;
    let holds = |needle: &str| {
        files_below(bench.profile.path()).iter().any(|file| {
            let bytes = std::fs::read(file).unwrap();
            bytes.windows(needle.len()).any(|part| part == needle.as_bytes())
        })
    };
    assert!(holds("canary words"), "the search finds what is there");
    assert!(!holds(TOKEN));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_registered_at_the_forge_after_a_question_and_once() {
    let bench = Bench::with_one_change().await;
    let registered = |bench: &Bench| {
        let world = bench
            .forge
            .with(|world| world.account("priya-n").unwrap().signing_keys.len());
        (world, bench.desktop.with(|seen| seen.questions.len()))
    };
    let refused = bench.engine.register_key().await.unwrap_err();
    assert!(
        refused.message.contains("may not add signing keys"),
        "{refused:?}"
    );
    assert_eq!(registered(&bench), (0, 1));
    bench.forge.with(|world| {
        let scopes = ["repo", "read:org", "write:ssh_signing_key"].map(str::to_owned);
        world.tokens[0].scopes = Scopes::Classic(scopes.to_vec());
    });
    bench.desktop.answers(false);
    assert_eq!(bench.engine.register_key().await.unwrap(), None);
    assert_eq!(registered(&bench), (0, 2));
    bench.desktop.answers(true);
    let said = bench.engine.register_key().await.unwrap().unwrap();
    assert!(said.contains("of yours now"), "{said}");
    let said = bench.engine.register_key().await.unwrap().unwrap();
    assert!(said.contains("already"), "{said}");
    assert_eq!(
        registered(&bench),
        (1, 3),
        "and nothing is asked where there is nothing to do"
    );
    let question = bench.desktop.with(|seen| seen.questions[0].text.clone());
    assert!(
        question.contains("SHA256:") && question.contains("priya-n"),
        "{question}"
    );
}
