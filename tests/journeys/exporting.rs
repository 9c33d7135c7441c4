//! The ledger leaves the app as it is, and what its chain says goes with it.

use countersign_core::ledger;
use countersign_engine::view::{DecisionView, OutboxStateView};
use tempfile::TempDir;

use super::bench::Bench;

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_is_exported_byte_for_byte_where_the_user_says() {
    let bench = Bench::with_one_change().await;
    let empty = bench.engine.export_ledger().await.unwrap_err();
    assert!(empty.message.contains("The ledger is empty"), "{}", empty.message);
    let view = bench.read(1).await;
    bench.decide(&view, DecisionView::Approve, "").await.unwrap();
    bench.comes_to(OutboxStateView::Confirmed).await;

    let none = bench.engine.export_ledger().await.unwrap();
    assert!(!none.saved && none.message.what.contains("no file was chosen"));

    let folder = TempDir::new().unwrap();
    bench
        .desktop
        .with(|seen| seen.saves_in = Some(folder.path().to_owned()));
    let done = bench.engine.export_ledger().await.unwrap();
    assert!(done.saved && done.message.what.starts_with("2 lines were written to "));
    assert!(done.message.kept.contains("chain is whole"), "{:?}", done.message);
    let files: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let text = std::fs::read_to_string(&files[0]).unwrap();
    assert_eq!(text, format!("{}\n", bench.engine.ledger().unwrap().join("\n")));
    ledger::check(text.lines()).unwrap();

    let missing = folder.path().join("none");
    bench.desktop.with(|seen| seen.saves_in = Some(missing.clone()));
    let failure = bench.engine.export_ledger().await.unwrap_err();
    assert!(
        failure.message.contains("cannot be written"),
        "{}",
        failure.message
    );
    assert!(!missing.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_chain_is_said_and_exported_all_the_same() {
    for (change, said) in [
        (
            "UPDATE ledger SET line = replace(line, 'queued', 'refused') WHERE seq = 1",
            "line 2 of the ledger does not follow the line before it",
        ),
        (
            "UPDATE ledger SET line = replace(line, 'confirmed', 'refused') WHERE seq = 2",
            "the last line of the ledger is not the one that was written",
        ),
    ] {
        let bench = Bench::with_one_change().await;
        let view = bench.read(1).await;
        bench.decide(&view, DecisionView::Approve, "").await.unwrap();
        bench.comes_to(OutboxStateView::Confirmed).await;
        let folder = TempDir::new().unwrap();
        bench
            .desktop
            .with(|seen| seen.saves_in = Some(folder.path().to_owned()));
        let bench = bench
            .reopened_after(|path| {
                let db = rusqlite::Connection::open(path).unwrap();
                assert_eq!(db.execute(change, []).unwrap(), 1);
            })
            .await;
        let done = bench.engine.export_ledger().await.unwrap();
        assert!(
            done.saved && done.message.what.contains(said),
            "{:?}",
            done.message
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
