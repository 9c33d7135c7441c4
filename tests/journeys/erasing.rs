//! What is erased is gone, from the keychain too, and nothing goes unasked.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use countersign_engine::vault::Vault;
use countersign_engine::view::{Connection, DecisionView, KeyPlace, OutboxStateView, ProxyMode};
use countersign_tests::forge::faults::{Effect, Fault};
use keyring_core::{CredentialStore, Error, mock};

use super::bench::{Bench, REPO};

/// Every file below the folder that has the bytes.
fn holding(folder: &Path, wanted: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, wanted));
        } else if std::fs::read(&path)
            .unwrap()
            .windows(wanted.len())
            .any(|part| part == wanted)
        {
            found.push(path);
        }
    }
    found
}

/// Says what was asked last.
fn asked(bench: &Bench) -> String {
    bench.desktop.with(|seen| {
        let last = seen.questions.last().unwrap();
        format!("{}\n{}\n{}", last.title, last.text, last.confirm)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn all_data_is_gone_after_a_yes_and_none_after_a_no() {
    let vault = Vault::with_store("Countersign", mock::Store::new().unwrap());
    let (bench, made) = Bench::with_one_change().await.over_vault(vault.clone()).await;
    let view = bench.read(1).await;
    bench
        .decide(&view, DecisionView::Approve, "canary words")
        .await
        .unwrap();
    bench.comes_to(OutboxStateView::Confirmed).await;
    let proxy = countersign_tests::proxy::Proxy::to("x:1", 1).await.unwrap();
    let password = format!("proxy mika@{}", proxy.address());
    let set = bench.engine.set_proxy(
        String::new(),
        ProxyMode::At,
        proxy.url(),
        "mika".into(),
        "canary words".into(),
    );
    assert!(set.await.unwrap());
    let log = bench.profile.path().join("log");
    std::fs::create_dir_all(&log).unwrap();
    std::fs::write(log.join("countersign.log"), "canary words").unwrap();
    let host = bench.forge.url().trim_start_matches("http://").to_owned();
    let token = format!("token {}@{host}", bench.forge.login());
    let held = async |name: &str| vault.get(name).await.unwrap().is_some();
    assert!(held(&token).await && held(&password).await);
    assert!(!holding(bench.profile.path(), b"canary words").is_empty());

    bench.desktop.answers(false);
    assert!(bench.engine.erase().await.unwrap().is_none());
    assert!(held(&token).await && !bench.engine.ledger().unwrap().is_empty());
    assert!(bench.engine.status().await.unwrap().account.is_some());
    let question = asked(&bench);
    assert!(bench.profile.path().join("network.json").exists());
    for part in [
        "The proxy's password",
        "Erase all data",
        "The ledger: ",
        "The token of ",
        &host,
        &made,
    ] {
        assert!(question.contains(part), "{part}: {question}");
    }

    bench.desktop.answers(true);
    let told = bench.engine.erase().await.unwrap().unwrap();
    assert_eq!(told.todo, "");
    assert!(!held(&token).await && !held(&password).await);
    assert!(!bench.profile.path().join("network.json").exists());
    assert!(bench.engine.status().await.unwrap().account.is_none());
    let keys = bench.engine.keys().await.unwrap().keys;
    assert!(keys.iter().all(|key| key.place == KeyPlace::Agent), "{keys:?}");
    assert!(bench.engine.ledger().unwrap().is_empty());
    assert_eq!(
        holding(bench.profile.path(), b"canary words"),
        Vec::<PathBuf>::new()
    );
    assert_eq!(
        bench.forge.reviews(REPO, 1).len(),
        1,
        "the forge keeps what it has"
    );

    // It is as new, in this process and in the next.
    bench.sign_in().await;
    assert_eq!(bench.desktop.with(|seen| seen.notices.len()), 0);
    bench.read(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_sent_is_named_before_it_goes() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench.forge.faults([Fault::always("*", "*", Effect::ResetBefore)]);
    bench
        .decide(&view, DecisionView::Approve, "On the train.")
        .await
        .unwrap();
    bench
        .until("the outbox to try", async |bench| {
            bench.decision().await.message.is_some()
        })
        .await;
    bench.desktop.answers(false);
    bench.engine.erase().await.unwrap();
    assert!(asked(&bench).contains("The outbox: 1 decision that the forge has not confirmed."));
    assert_eq!(bench.decision().await.state, OutboxStateView::Queued);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_on_its_way_is_not_erased_and_arrives() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench.forge.faults([Fault::once(
        "POST",
        "*/pulls/1/reviews",
        Effect::Slow(Duration::from_secs(3)),
    )]);
    bench
        .decide(&view, DecisionView::Approve, "On its way.")
        .await
        .unwrap();
    bench
        .until("the review to be sent", async |bench| {
            bench.forge.count("POST", "*/pulls/1/reviews") == 1
        })
        .await;
    bench.desktop.answers(true);
    let refused = bench.engine.erase().await.unwrap_err();
    assert!(
        refused
            .message
            .contains("A decision is being sent. Nothing was erased"),
        "{refused:?}"
    );
    bench
        .until("being signed in as before", async |bench| {
            bench.engine.status().await.unwrap().account.is_some()
        })
        .await;
    bench.comes_to(OutboxStateView::Confirmed).await;
    assert_eq!(bench.forge.reviews(REPO, 1).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keychain_that_does_not_give_up_the_token_leaves_everything_and_it_can_be_tried_again() {
    let keychain: Arc<CredentialStore> = mock::Store::new().unwrap();
    let bench = Bench::with_one_change().await.reopened_over(&keychain).await;
    bench.sign_in().await;
    let view = bench.read(1).await;
    bench
        .decide(&view, DecisionView::Comment, "Noted.")
        .await
        .unwrap();
    bench.comes_to(OutboxStateView::Confirmed).await;
    let host = bench.forge.url().trim_start_matches("http://").to_owned();
    let name = format!("token {}@{host}", bench.forge.login());
    let entry = keychain.build("Countersign", &name, None).unwrap();
    let held: &mock::Cred = entry.as_any().downcast_ref().unwrap();
    bench.desktop.answers(true);
    held.set_error(Error::NoStorageAccess("it is locked".into()));
    let refused = bench.engine.erase().await.unwrap_err();
    assert!(
        refused
            .message
            .contains("What was read, outbox and ledger were not erased"),
        "{refused:?}"
    );
    bench
        .until("being signed in as before", async |bench| {
            bench.engine.status().await.unwrap().account.is_some()
        })
        .await;
    assert!(!bench.engine.ledger().unwrap().is_empty());
    bench.poll().await;
    assert_eq!(bench.rows().await.len(), 1);
    assert!(bench.engine.erase().await.unwrap().is_some());
    assert!(entry.get_secret().is_err() && bench.engine.ledger().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_that_is_under_way_brings_nothing_back() {
    let bench = Bench::with_one_change().await;
    bench.read(1).await;
    bench.desktop.answers(true);
    let slow = || Fault::once("POST", "*/graphql", Effect::Slow(Duration::from_secs(4)));
    let asked = bench.forge.count("POST", "*/graphql");
    bench.forge.faults([slow()]);
    bench.engine.nudge();
    bench
        .until("the poll", async |bench| {
            bench.forge.count("POST", "*/graphql") > asked
        })
        .await;
    assert!(bench.engine.erase().await.unwrap().is_some());
    bench
        .until("the poll to go on", async |bench| {
            bench.forge.count("POST", "*/graphql") > asked + 1
        })
        .await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let status = bench.engine.status().await.unwrap();
    assert_eq!(
        (status.data_at, status.connection),
        (None, Connection::Connecting)
    );
    bench.sign_in().await;
    assert_eq!(bench.rows().await.len(), 1, "what its own first poll read");
    assert_eq!(
        bench.desktop.with(|seen| seen.notices.len()),
        0,
        "the first sync is silent"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_out_may_take_what_was_read_along() {
    for forget in [false, true] {
        let bench = Bench::with_one_change().await;
        let view = bench.read(1).await;
        bench
            .decide(&view, DecisionView::Comment, "Noted.")
            .await
            .unwrap();
        bench.comes_to(OutboxStateView::Confirmed).await;
        bench.engine.sign_out(forget).await.unwrap();
        let lines = bench.engine.ledger().unwrap().len();
        assert!(lines > 0, "the ledger stays");
        bench
            .forge
            .faults([Fault::always("GET", "*/compare/*", Effect::ResetBefore)]);
        bench.sign_in().await;
        let seen = bench.engine.change(bench.id(1)).await.ok();
        let files = seen.map_or(0, |view| view.files.len());
        assert_eq!(files > 0, !forget, "forget: {forget}");
        assert_eq!(bench.engine.ledger().unwrap().len(), lines);
    }
}
