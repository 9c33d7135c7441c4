//! The keychain changes under the app, or cannot be used: it is said, nothing goes out under another's name, and no
//! decision is lost.

use std::sync::Arc;

use countersign_engine::view::{Code, DecisionView, OutboxStateView, QueueFilter, TokenState};
use countersign_tests::forge::faults::{Effect, Fault};
use countersign_tests::forge::world::{Scopes, World};
use countersign_tests::tally::{Tally, holding};
use keyring_core::CredentialStore;

use super::bench::{Bench, REPO};

const TOKEN: &str = "ghp_journey";
const NEW: &str = "ghp_journey_anew";
const OTHERS: &str = "ghp_not_yours";

fn store() -> Arc<CredentialStore> {
    keyring_core::mock::Store::new().unwrap()
}

fn name(bench: &Bench) -> String {
    format!(
        "token priya-n@{}",
        bench.forge.url().trim_start_matches("http://")
    )
}

/// What somebody else does with the keychain.
fn put(keychain: &Arc<CredentialStore>, name: &str, secret: Option<&str>) {
    let entry = keychain.build("Countersign", name, None).unwrap();
    match secret {
        Some(secret) => entry.set_secret(secret.as_bytes()).unwrap(),
        None => entry.delete_credential().unwrap(),
    }
}

fn give(world: &mut World, secret: &str, login: &str) {
    let scopes = vec!["repo".into(), "read:org".into()];
    world.token(secret, login, Scopes::Classic(scopes));
}

fn revoke(world: &mut World, secret: &str) {
    world.tokens.retain(|token| token.secret != secret);
}

/// Signed in over a keychain that the test holds too, with a decision that waits.
async fn with_a_decision(keychain: &Arc<CredentialStore>) -> Bench {
    let bench = Bench::with_one_change().await.reopened_over(keychain).await;
    bench.sign_in().await;
    let view = bench.read(1).await;
    bench.forge.faults([Fault::always("*", "*", Effect::ResetBefore)]);
    bench
        .decide(&view, DecisionView::Approve, "Read it.")
        .await
        .unwrap();
    bench
}

async fn is_said(bench: &Bench, words: &str) {
    bench
        .until(words, async |bench| {
            let _ = bench.engine.refresh().await;
            // At first the account is still being taken up.
            let Ok(queue) = bench.engine.queue(QueueFilter::All).await else {
                return false;
            };
            queue.banners.iter().any(|banner| {
                let said = &banner.message;
                said.what.contains(words) && !said.kept.is_empty() && !said.todo.is_empty()
            })
        })
        .await;
}

/// Once at the forge, under the right name, and no token in any file.
async fn sent_once(bench: &Bench, class: &str) {
    bench
        .until("the decision to be confirmed", async |bench| {
            let _ = bench.engine.refresh().await;
            bench.decision().await.state == OutboxStateView::Confirmed
        })
        .await;
    let reviews = bench.forge.reviews(REPO, 1);
    let own = reviews
        .iter()
        .filter(|review| review.author == "priya-n" && review.state == "APPROVED");
    let own = own.count() as u64;
    let secrets = [TOKEN, NEW, OTHERS].map(|secret| holding(bench.profile.path(), secret));
    let tally = Tally {
        tried: 1,
        lost: u64::from(own == 0),
        doubled: (reviews.len() as u64).saturating_sub(1),
        leaked: secrets.iter().sum(),
        ..Tally::of(class)
    };
    tally.write(env!("CARGO_TARGET_TMPDIR")).unwrap();
    assert!(tally.is_clean(), "{tally:?} {reviews:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_replaced_is_taken_up() {
    let keychain = store();
    let bench = with_a_decision(&keychain).await;
    put(&keychain, &name(&bench), Some(NEW));
    bench.forge.with(|world| {
        give(world, NEW, "priya-n");
        revoke(world, TOKEN);
        world.faults.clear();
    });
    sent_once(&bench, "keychain: the token is replaced").await;
    assert!(bench.queue().await.banners.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_deleted_is_said_and_what_waits_is_sent_after_signing_in() {
    let keychain = store();
    let bench = with_a_decision(&keychain).await;
    put(&keychain, &name(&bench), None);
    bench.forge.with(|world| world.faults.clear());
    // It goes on with what it holds in memory, and says so only where the forge refuses that.
    sent_once(&bench, "keychain: the token is deleted").await;
    bench.forge.with(|world| {
        give(world, NEW, "priya-n");
        revoke(world, TOKEN);
    });
    is_said(&bench, "the keychain holds none any more").await;
    let url = bench.forge.url().to_owned();
    assert!(bench.engine.sign_in(url, NEW.into()).await.unwrap().ok);
    bench
        .until("the queue without trouble", async |bench| {
            bench.queue().await.banners.is_empty()
        })
        .await;
}

/// At a start and while it runs: nothing is read or sent with it.
#[tokio::test(flavor = "multi_thread")]
async fn another_persons_token_is_not_used() {
    for while_it_runs in [false, true] {
        let keychain = store();
        let mut bench = with_a_decision(&keychain).await;
        bench.forge.with(|world| give(world, OTHERS, "sol-v"));
        put(&keychain, &name(&bench), Some(OTHERS));
        if while_it_runs {
            bench.forge.with(|world| {
                revoke(world, TOKEN);
                world.faults.clear();
            });
        } else {
            bench = bench.reopened_over(&keychain).await;
            bench.forge.with(|world| world.faults.clear());
        }
        is_said(&bench, "is sol-v's. It was not used.").await;
        let account = bench.engine.status().await.unwrap().account.unwrap();
        assert_eq!(
            (account.login.as_str(), account.token),
            ("priya-n", TokenState::Missing)
        );
        assert!(
            bench.forge.reviews(REPO, 1).is_empty(),
            "nothing went out under another name"
        );
        bench.forge.with(|world| give(world, NEW, "priya-n"));
        let url = bench.forge.url().to_owned();
        assert!(bench.engine.sign_in(url, NEW.into()).await.unwrap().ok);
        let class = if while_it_runs {
            "keychain: another person's token, while it runs"
        } else {
            "keychain: another person's token, at a start"
        };
        sent_once(&bench, class).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_replaced_or_deleted_signs_nothing() {
    let keychain = store();
    let bench = Bench::with_one_change().await.reopened_over(&keychain).await;
    bench.sign_in().await;
    bench.agent.forget();
    let key = bench.engine.make_key().await.unwrap();
    let entry = format!("signing key {}", key.fingerprint);
    let credential = keychain.build("Countersign", &entry, None).unwrap();
    let own = String::from_utf8(credential.get_secret().unwrap()).unwrap();
    let other = bench.engine.make_key().await.unwrap();
    let others = format!("signing key {}", other.fingerprint);
    let others = keychain.build("Countersign", &others, None).unwrap();
    let others = String::from_utf8(others.get_secret().unwrap()).unwrap();
    bench.engine.choose_key(key.fingerprint.clone()).await.unwrap();
    let view = bench.read(1).await;
    for (now, said) in [
        (Some(others.as_str()), "is damaged (it is SHA256:"),
        (Some("no key at all"), "is damaged"),
        (None, "not in"),
    ] {
        put(&keychain, &entry, now);
        let failure = bench.decide(&view, DecisionView::Approve, "").await.unwrap_err();
        assert_eq!(failure.code, Code::Keys, "{failure:?}");
        assert!(
            failure.message.starts_with("Not signed:") && (failure.message.contains(said) || now.is_none()),
            "{}",
            failure.message
        );
        if now.is_none() {
            put(&keychain, &entry, Some(own.as_str()));
        }
    }
    assert!(bench.engine.ledger().unwrap().is_empty(), "nothing was signed");
    assert!(bench.forge.reviews(REPO, 1).is_empty());
    // As it was, it signs again.
    bench
        .decide(&view, DecisionView::Approve, "Read it.")
        .await
        .unwrap();
    sent_once(&bench, "keychain: the key is replaced or deleted").await;
}
