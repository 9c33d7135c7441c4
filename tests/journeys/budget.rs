//! A budget for what was read: what waits is there whatever it takes, and what was given up comes back when it is
//! wanted again.

use countersign_tests::forge::git::Edit;

use super::bench::{Bench, REPO, change};

/// Two changes that wait, each with a file that is read whole, and no room for anything.
async fn without_room() -> Bench {
    let bench = Bench::with(|world| {
        for (branch, path) in [("one", "one.json"), ("two", "two.json")] {
            let edits = vec![
                Edit::write(path, "{ \"a\": 1 }\n"),
                Edit::write("src/app.txt", branch),
            ];
            world.open(change(branch, edits)).unwrap();
        }
    })
    .await;
    let bench = bench.reopened_with(|_| {}, |options| options.budget = 0).await;
    bench.sign_in().await;
    bench
}

async fn files(bench: &Bench, number: u64) -> usize {
    bench.engine.change(bench.id(number)).await.unwrap().files.len()
}

/// How often a diff was asked for.
fn diffs(bench: &Bench) -> usize {
    bench.forge.count("GET", "*/compare/*")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_never_given_up_and_the_rest_is_read_again_when_it_comes_back() {
    let bench = without_room().await;
    bench.poll().await;
    assert_eq!((files(&bench, 1).await, files(&bench, 2).await), (2, 2));

    bench.forge.with(|world| world.close(REPO, 2, "mika").unwrap());
    bench.poll().await;
    bench.poll().await;
    assert_eq!(files(&bench, 1).await, 2, "it waits still");
    let gone = bench.engine.change(bench.id(2)).await.unwrap();
    assert_eq!(gone.files.len(), 0);
    let why: Vec<&str> = gone.not_assessed.iter().map(|one| one.reason.as_str()).collect();
    assert!(why.iter().any(|why| why.contains("to save space")), "{why:?}");

    let before = diffs(&bench);
    bench.poll().await;
    assert_eq!(
        diffs(&bench),
        before,
        "and nothing is read for what does not wait"
    );
    bench.forge.with(|world| world.reopen(REPO, 2, "mika").unwrap());
    bench.poll().await;
    assert_eq!((files(&bench, 1).await, files(&bench, 2).await), (2, 2));
    let back = bench.engine.change(bench.id(2)).await.unwrap();
    assert!(
        back.not_assessed.iter().all(|one| !one.reason.contains("space")),
        "{:?}",
        back.not_assessed
    );
    bench.read(2).await;
    let after = diffs(&bench);
    assert!(after > before);
    bench.poll().await;
    assert_eq!(diffs(&bench), after, "what waits is not read twice");
}
