//! What is erased is gone, from the keychain too, and nothing goes unasked.

use std::any::Any;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign_engine::vault::Vault;
use countersign_engine::view::{Connection, DecisionView, KeyPlace, OutboxStateView, ProxyMode, QueueFilter};
use countersign_tests::forge::faults::{Effect, Fault};
use countersign_tests::forge::git::Edit;
use keyring_core::api::CredentialStoreApi;
use keyring_core::{CredentialStore, Entry, Error, mock};

use super::bench::{Bench, REPO, change};

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
    // A decision is confirmed a moment before it is no longer being sent.
    bench
        .until("the keychain's refusal", async |bench| {
            held.set_error(Error::NoStorageAccess("it is locked".into()));
            let refused = bench.engine.erase().await.unwrap_err().message;
            let sent = refused.starts_with("A decision is being sent");
            let said = refused.contains("What was read, outbox and ledger were not erased");
            assert!(sent || said, "{refused}");
            said
        })
        .await;
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
    let asked = bench.forge.count("POST", "*/graphql");
    let slow = Effect::Slow(Duration::from_secs(2));
    bench.forge.faults([Fault::once("POST", "*/graphql", slow)]);
    bench.engine.nudge();
    bench
        .until("the poll", async |bench| {
            bench.forge.count("POST", "*/graphql") > asked
        })
        .await;
    assert!(bench.engine.erase().await.unwrap().is_some());
    // The answer comes after all was erased.
    tokio::time::sleep(Duration::from_secs(4)).await;
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
        let other = bench.engine.status().await.unwrap().other_ledgers;
        let label = format!("priya-n at {}, signed out", view.host);
        assert_eq!((other.len(), other[0].label.as_str()), (1, label.as_str()));
        bench
            .forge
            .faults([Fault::always("GET", "*/compare/*", Effect::ResetBefore)]);
        bench.sign_in().await;
        let seen = bench.engine.change(bench.id(1)).await.ok();
        let files = seen.map_or(0, |view| view.files.len());
        assert_eq!(files > 0, !forget, "forget: {forget}");
        assert_eq!(bench.engine.ledger().unwrap().len(), lines);
        assert_eq!(bench.engine.status().await.unwrap().other_ledgers, []);
    }
}

/// How what was read is given up while a poll is under way.
#[derive(Debug, Clone, Copy)]
enum Leaving {
    Erase,
    SignOut,
}

/// A poll that has asked this, and is answered only after the user has left.
async fn left_during(method: &str, path: &str, new: bool, how: Leaving) {
    let bench = Bench::with_one_change().await;
    if new {
        bench.forge.with(|world| {
            let script = Edit::write("deploy.sh", "#!/bin/sh\necho canary\n");
            world.open(change("script", vec![script])).unwrap();
        });
    }
    let slow = Effect::Slow(Duration::from_millis(700));
    bench.forge.faults([Fault::always(method, path, slow)]);
    let before = bench.forge.count(method, path);
    let engine = bench.engine.clone();
    let poll = tokio::spawn(async move { engine.refresh().await });
    bench
        .until("the poll to ask", async |bench| {
            bench.forge.count(method, path) > before
        })
        .await;
    match how {
        Leaving::Erase => drop(bench.engine.erase().await.unwrap().unwrap()),
        Leaving::SignOut => drop(bench.engine.sign_out(true).await.unwrap()),
    }
    poll.await.unwrap().unwrap();
    bench.forge.with(|world| world.faults.clear());
    let bench = bench
        .reopened_after(|database| {
            let database = rusqlite::Connection::open(database).unwrap();
            for table in ["change", "diff", "blob", "told"] {
                let count = format!("SELECT count(*) FROM {table}");
                let rows: i64 = database.query_row(&count, [], |row| row.get(0)).unwrap();
                assert_eq!(rows, 0, "{how:?} at {path}: {table}");
            }
            let mut names = database.prepare("SELECT name FROM meta").unwrap();
            let names = names.query_map([], |row| row.get::<_, String>(0)).unwrap();
            for name in names.map(Result::unwrap) {
                let of_a_poll = ["synced", "refreshed_at"].contains(&name.as_str());
                assert!(!of_a_poll, "{how:?} at {path}: {name}");
            }
        })
        .await;
    let told = bench.desktop.with(|seen| seen.notices.len());
    bench.sign_in().await;
    bench.poll().await;
    assert_eq!(bench.rows().await.len(), if new { 2 } else { 1 });
    assert_eq!(
        bench.desktop.with(|seen| seen.notices.len()),
        told,
        "{how:?} at {path}: a first sync is silent"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_that_is_under_way_writes_nothing_after_the_user_has_left() {
    for how in [Leaving::Erase, Leaving::SignOut] {
        left_during("GET", "*/git/blobs*", true, how).await;
        left_during("GET", "*/compare/*", true, how).await;
        // Nothing is new: what finds that is the last call.
        left_during("POST", "*graphql", false, how).await;
    }
}

/// A keychain that may be away.
struct Away {
    keychain: Arc<keyring_core::CredentialStore>,
    away: AtomicBool,
}

impl Away {
    fn new(away: bool) -> Arc<Self> {
        Arc::new(Self {
            keychain: keyring_core::mock::Store::new().unwrap(),
            away: AtomicBool::new(away),
        })
    }

    fn goes(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }
}

impl std::fmt::Debug for Away {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Away")
    }
}

impl CredentialStoreApi for Away {
    fn vendor(&self) -> String {
        "away".into()
    }

    fn id(&self) -> String {
        "away".into()
    }

    fn build(
        &self,
        service: &str,
        user: &str,
        modifiers: Option<&HashMap<&str, &str>>,
    ) -> keyring_core::Result<Entry> {
        if self.away.load(Ordering::SeqCst) {
            return Err(Error::PlatformFailure("no such service".into()));
        }
        self.keychain.build(service, user, modifiers)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn debug_fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Away")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_keychain_all_is_erased_and_what_one_may_hold_is_named() {
    let keychain: Arc<keyring_core::CredentialStore> = Away::new(true);
    let bench = Bench::with_one_change().await.reopened_over(&keychain).await;
    bench.sign_in().await;
    let account = bench.engine.status().await.unwrap().account.unwrap();
    assert!(account.session_only);
    let told = bench.engine.erase().await.unwrap().unwrap();
    assert!(
        told.todo.contains("no keychain") && told.todo.contains("signing keys"),
        "{told:?}"
    );
    assert!(!told.todo.contains("token"), "it was in memory only: {told:?}");
    assert!(bench.engine.status().await.unwrap().account.is_none());
    assert!(
        bench.engine.queue(QueueFilter::All).await.is_err(),
        "nobody is signed in"
    );

    // After a restart the token is not even in memory.
    bench.sign_in().await;
    let bench = bench.reopened_over(&keychain).await;
    bench
        .until("the account", async |bench| {
            bench.engine.status().await.unwrap().account.is_some()
        })
        .await;
    let told = bench.engine.erase().await.unwrap().unwrap();
    let name = format!(
        "token priya-n@{}",
        bench.forge.url().trim_start_matches("http://")
    );
    assert!(told.todo.contains(&name), "{told:?}");
    assert_eq!(holding(bench.profile.path(), b"priya-n"), Vec::<PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_keychain_one_signs_out_and_what_it_may_hold_is_named() {
    let away = Away::new(false);
    let keychain: Arc<keyring_core::CredentialStore> = Arc::clone(&away) as _;
    let bench = Bench::with_one_change().await.reopened_over(&keychain).await;
    bench.sign_in().await;
    away.goes(true);
    let bench = bench.reopened_over(&keychain).await;
    bench
        .until("the account", async |bench| {
            bench.engine.status().await.unwrap().account.is_some()
        })
        .await;
    let told = bench.engine.sign_out(true).await.unwrap().unwrap();
    let name = format!(
        "token priya-n@{}",
        bench.forge.url().trim_start_matches("http://")
    );
    assert!(told.todo.contains(&name), "{told:?}");
    assert!(bench.engine.status().await.unwrap().account.is_none());
    // It is there again: nobody is signed in by themselves, and a token that can be had is taken out as ever.
    away.goes(false);
    let bench = bench.reopened_over(&keychain).await;
    bench.sign_in().await;
    assert_eq!(bench.engine.sign_out(false).await.unwrap(), None);
    let entry = keychain.build("Countersign", &name, None).unwrap();
    assert!(matches!(entry.get_secret(), Err(Error::NoEntry)));
}
