//! Bad input from the forge: a clear word, nothing lost, and all well again afterwards.

use countersign_engine::view::Connection;
use countersign_tests::forge::faults::{Effect, Fault};
use countersign_tests::forge::world::{Scopes, World};

use super::bench::Bench;

fn status(status: u16, headers: &[(&str, &str)], body: &str) -> Effect {
    let headers = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Effect::Status {
        status,
        headers,
        body: body.to_owned(),
    }
}

/// Meets the next poll with a fault, then checks what the user is told, that the queue is whole, and recovery.
async fn poll_meets(effect: Effect, expected: &str, connection: Connection) {
    let bench = Bench::with_one_change().await;
    bench.forge.faults([Fault::always("*", "*", effect)]);
    bench.poll().await;
    let queue = bench.queue().await;
    let banner = queue
        .banners
        .iter()
        .find(|banner| banner.message.what.contains(expected))
        .unwrap_or_else(|| panic!("{expected:?} is not said: {:?}", queue.banners));
    assert!(
        !banner.message.todo.is_empty() && !banner.message.kept.is_empty(),
        "{banner:?}"
    );
    assert_eq!(queue.sections.len(), 1, "the queue is whole");
    assert_eq!(bench.engine.status().await.unwrap().connection, connection);
    bench.forge.with(|world| world.faults.clear());
    bench
        .until("recovery", async |bench| {
            let _ = bench.engine.refresh().await;
            bench
                .queue()
                .await
                .banners
                .iter()
                .all(|banner| !banner.message.what.contains(expected))
        })
        .await;
    assert_eq!(bench.rows().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn forge_in_trouble() {
    poll_meets(Effect::trouble(502), "502", Connection::Online).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_broken() {
    poll_meets(Effect::ResetBefore, "broke", Connection::Offline).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_cut_off() {
    poll_meets(Effect::CutBody(25), "broke", Connection::Offline).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_in_page_of_a_network() {
    poll_meets(Effect::Html, "cannot be understood", Connection::Online).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_of_another_shape() {
    poll_meets(Effect::WrongJson, "cannot be understood", Connection::Online).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn token_expired() {
    let no = status(401, &[], r#"{"message":"Bad credentials"}"#);
    poll_meets(no, "does not accept the token", Connection::Online).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_are_waited_for() {
    let bench = Bench::with_one_change().await;
    bench
        .forge
        .faults([Fault::always("*", "*", Effect::secondary_limit(429, Some(300)))]);
    bench.poll().await;
    assert!(
        bench
            .queue()
            .await
            .banners
            .iter()
            .any(|banner| banner.message.what.contains("too many requests"))
    );
    let failure = bench.engine.refresh().await.unwrap_err();
    assert!(failure.message.contains("asked to wait"), "{}", failure.message);
    assert_eq!(bench.rows().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_nobody_described_are_ignored() {
    let bench = Bench::with_one_change().await;
    let before = bench.engine.status().await.unwrap().data_at;
    bench.forge.faults([Fault::always("*", "*", Effect::ExtraFields)]);
    bench.poll().await;
    assert!(bench.queue().await.banners.is_empty());
    assert!(bench.engine.status().await.unwrap().data_at > before);
    assert_eq!(bench.rows().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_says_which_step_failed() {
    let bench = Bench::with_one_change().await;
    let url = bench.forge.url().to_owned();
    bench.forge.with(|world: &mut World| {
        world.token("ghp_scopeless", "priya-n", Scopes::Classic(vec!["gist".into()]))
    });
    let table = [
        (url.as_str(), "ghp_wrong", "does not accept the token"),
        (url.as_str(), "ghp_scopeless", "It needs repo"),
        ("http://127.0.0.1:9", "ghp_any", "cannot be reached"),
        ("ftp://nowhere", "ghp_any", "does not name a forge"),
    ];
    for (forge, token, expected) in table {
        let result = bench
            .engine
            .sign_in(forge.to_owned(), token.to_owned())
            .await
            .unwrap();
        let last = result.steps.last().unwrap();
        assert!(
            !result.ok && !last.ok && last.detail.contains(expected),
            "{forge} {token}: {:?}",
            result.steps
        );
        assert!(
            result.steps.iter().all(|step| !step.detail.contains(token)),
            "the token is never repeated"
        );
    }
    // Who was signed in still is.
    assert_eq!(bench.rows().await.len(), 1);
}
