//! Back online there is much to read: the worst first, and then what was decided is sent. And what keeps the queue from
//! being whole or from staying so is said where one looks.

use countersign_engine::view::{Banner, DecisionView, OutboxStateView};
use countersign_tests::forge::faults::{Effect, Fault};
use countersign_tests::forge::git::Edit;
use countersign_tests::forge::world::{Asked, QUOTA};
use jiff::SignedDuration;
use serde_json::json;

use super::bench::{Bench, REPO, change, commit};

/// The heads whose diffs were asked for, in order.
fn read(bench: &Bench, since: usize) -> Vec<String> {
    bench.forge.with(|world| {
        let calls = world.calls.iter().skip(since);
        calls
            .filter_map(|call| {
                call.target
                    .split_once("/compare/")?
                    .1
                    .split("...")
                    .nth(1)
                    .map(str::to_owned)
            })
            .map(|head| head.split('?').next().unwrap_or_default().to_owned())
            .collect()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_time_offline_the_worst_is_read_first() {
    let bench = Bench::with(|world| {
        for (branch, path, text) in [
            ("plain", "docs/a.md", "a\n"),
            ("worst", "db/migrations/1.sql", "DROP TABLE ledger;\n"),
            ("plain-too", "docs/b.md", "b\n"),
        ] {
            world.open(change(branch, vec![Edit::write(path, text)])).unwrap();
        }
    })
    .await;
    let rows = bench.rows().await;
    assert_eq!(rows[0].number, 2, "{rows:?}");
    bench.forge.faults([Fault::always("*", "*", Effect::ResetBefore)]);
    let _ = bench.engine.refresh().await;
    let mut heads = Vec::new();
    for (number, path) in [(1, "docs/a.md"), (2, "docs/c.md"), (3, "docs/b.md")] {
        let more = commit("More", "mika", vec![Edit::write(path, "more\n")]);
        heads.push(bench.forge.push(REPO, number, "mika", &[more]).unwrap());
    }
    let (since, new) = bench.forge.with(|world| {
        let new = world
            .open(change("new", vec![Edit::write("docs/d.md", "d\n")]))
            .unwrap();
        world.faults.clear();
        let head = world.change(REPO, new).unwrap().head().to_owned();
        (world.calls.len(), head)
    });
    bench
        .until("the heads that moved", async |bench| {
            let _ = bench.engine.refresh().await;
            let told = bench.forge.with(|world| world.calls.len());
            told > since
                && read(bench, since)
                    .iter()
                    .collect::<std::collections::BTreeSet<_>>()
                    .len()
                    >= 4
        })
        .await;
    let read = read(&bench, since);
    assert_eq!(read[0], heads[1]);
    let new = read.iter().position(|head| *head == new);
    let plain = read
        .iter()
        .position(|head| *head == heads[0] || *head == heads[2]);
    assert!(new < plain, "what was never read could break anything: {read:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_that_runs_low_is_said_in_the_queue() {
    let bench = Bench::with_one_change().await;
    let told = async || {
        let banners = bench.queue().await.banners;
        banners
            .into_iter()
            .map(|banner| banner.message.what)
            .collect::<Vec<_>>()
    };
    assert!(told().await.iter().all(|what| !what.contains("quota")));
    bench
        .forge
        .with(|world| world.tokens[0].points_used = QUOTA - 150);
    bench.poll().await;
    let told = told().await;
    assert!(
        told.iter().any(|what| what.starts_with("The quota is low: 1")),
        "{told:?}"
    );
}

/// What is told of a decision is told of a change that was read again.
#[tokio::test(flavor = "multi_thread")]
async fn back_online_it_reads_first_and_sends_then() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench.forge.faults([Fault::always("*", "*", Effect::ResetBefore)]);
    let _ = bench.engine.refresh().await;
    bench
        .decide(&view, DecisionView::Approve, "Read it.")
        .await
        .unwrap();
    bench
        .until("the decision to be held up", async |bench| {
            bench.decision().await.message.is_some()
        })
        .await;
    let more = commit("More", "mika", vec![Edit::write("src/app.txt", "one\n2\n3\n")]);
    let head = bench.forge.push(REPO, 1, "mika", &[more]).unwrap();
    let since = bench.forge.with(|world| {
        world.faults.clear();
        world.calls.len()
    });
    bench.engine.nudge();
    let ended = bench.comes_to(OutboxStateView::Superseded).await;
    assert!(ended.message.unwrap().what.contains(&head[..8]));
    let shown = bench.engine.change(bench.id(1)).await.unwrap();
    assert_eq!(shown.head, head, "what it is about is held already");
    let calls: Vec<String> = bench.forge.with(|world| {
        let calls = world.calls.iter().skip(since);
        calls
            .map(|call| call.operation.clone().unwrap_or_else(|| call.target.clone()))
            .collect()
    });
    let at = |what: &str| calls.iter().position(|call| call.contains(what));
    let (read, sent) = (at("Hydrate").unwrap(), at("/pulls/1/reviews").unwrap());
    assert!(read < sent, "{calls:?}");
}

/// A poll that is not answered keeps no decision back.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_searches_cannot_answer_is_no_reason_to_wait_with_a_decision() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench.forge.faults([Fault::always("*", "*", Effect::ResetBefore)]);
    let _ = bench.engine.refresh().await;
    bench
        .decide(&view, DecisionView::Approve, "Read it.")
        .await
        .unwrap();
    bench.forge.with(|world| {
        world.faults.clear();
        let broken = Fault::always("POST", "*/graphql", Effect::ResetBefore);
        world.faults.push(broken);
    });
    bench.engine.nudge();
    bench
        .until("the review", async |bench| {
            let reviews = bench.forge.reviews(REPO, 1);
            reviews.iter().any(|review| review.state == "APPROVED")
        })
        .await;
    bench.forge.with(|world| world.faults.clear());
    bench
        .until("the decision to be confirmed", async |bench| {
            let _ = bench.engine.refresh().await;
            bench.decision().await.state == OutboxStateView::Confirmed
        })
        .await;
    assert_eq!(bench.forge.reviews(REPO, 1).len(), 1);
}

fn says(banners: &[Banner], words: &str) -> bool {
    banners.iter().any(|banner| banner.message.what.contains(words))
}

/// All that the forge itself tells of it, at once.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_cut_low_or_ends_soon_is_said_in_the_queue() {
    let keychain = keyring_core::mock::Store::new().unwrap();
    let bench = Bench::with(|world| {
        world.organization("beta", 3_000_002);
        let readme = [Edit::write("README.md", "# Api\n")];
        world
            .repo("beta/api", 4_000_002, false, &["priya-n", "mika"], &readme)
            .unwrap();
        let mut theirs = change("theirs", vec![Edit::write("src/api.txt", "x\n")]);
        theirs.repo = "beta/api".into();
        theirs.asked = vec![Asked::User("priya-n".into())];
        world.open(theirs).unwrap();
        let edits = vec![Edit::write("src/app.txt", "one\n2\nthree\n")];
        world.open(change("feature", edits)).unwrap();
    })
    .await;
    let keychain: std::sync::Arc<keyring_core::CredentialStore> = keychain;
    let bench = bench.reopened_over(&keychain).await;
    bench.sign_in().await;
    let told = bench.queue().await.banners;
    assert!(told.is_empty(), "{told:?}");
    assert_eq!(bench.rows().await.len(), 2);
    // Another token of the same name and digits, as after *Regenerate*: what the forge says of it is what holds.
    bench.forge.with(|world| {
        let in_six_days = world.now() + SignedDuration::from_hours(6 * 24 + 1);
        let token = &mut world.tokens[0];
        token.expires_at = Some(in_six_days);
        token.points_used = QUOTA - 150;
        token.sso_missing.insert("beta".into());
        let cut = Effect::lie(|answer| {
            if let Some(search) = answer.pointer_mut("/data/team") {
                search["issueCount"] = json!(1_240);
            }
        });
        world.faults.push(Fault::always("POST", "*/graphql", cut));
    });
    let bench = bench.reopened_over(&keychain).await;
    bench
        .until("the poll after the start", async |bench| {
            let told = bench
                .engine
                .queue(countersign_engine::view::QueueFilter::All)
                .await;
            told.is_ok_and(|queue| says(&queue.banners, "quota"))
        })
        .await;
    let told = bench.queue().await.banners;
    for words in [
        "are hidden until you renew its single sign-on",
        "of 1240 changes that wait for your review",
        "The quota is low: 1",
        "The token ends in 6 days",
    ] {
        assert!(says(&told, words), "{words}: {told:?}");
    }
    assert_eq!(bench.rows().await.len(), 2, "what is hidden stays as it was read");
}
