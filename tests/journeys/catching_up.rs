//! Back online there is much to read: the worst first. And a quota that runs low is said where one looks.

use countersign_tests::forge::faults::{Effect, Fault};
use countersign_tests::forge::git::Edit;
use countersign_tests::forge::world::QUOTA;

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
