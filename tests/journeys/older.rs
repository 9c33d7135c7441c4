//! The whole job at the oldest Enterprise Server that Countersign is held against: each call is judged by that server's
//! own descriptions, and what it would not understand fails the test.

use countersign_engine::examining::OLDEST_SERVER;
use countersign_engine::view::{DecisionView, ExportForm, OutboxStateView};
use countersign_tests::forge::git::Edit;
use countersign_tests::forge::world::Scopes;

use super::bench::{Agent, Bench, change, world};

/// The version whose descriptions the forge has.
const VERSION: &str = "3.17.0";

#[tokio::test(flavor = "multi_thread")]
async fn from_the_sign_in_to_the_bundle_at_the_oldest_server() {
    assert!(VERSION.starts_with(&format!("{}.{}.", OLDEST_SERVER.0, OLDEST_SERVER.1)));
    let agent = Agent::start();
    let signers = format!(
        "priya@acme.example namespaces=\"approval@countersign.dev\" {}\n",
        agent.public_key()
    );
    let mut world = world(&signers);
    world.server = Some(VERSION);
    let scopes = ["repo", "read:org", "write:ssh_signing_key"].map(str::to_owned);
    world.tokens[0].scopes = Scopes::Classic(scopes.to_vec());
    world
        .open(change(
            "feature",
            vec![Edit::write("db/migrate.sql", "DROP TABLE ledger;\n")],
        ))
        .unwrap();
    let mut bench = Bench::over(agent, world).await;
    let tested = bench
        .engine
        .test_connection(bench.forge.url().into(), String::new());
    let tested = tested.await.unwrap();
    assert!(
        tested.ok && tested.steps[3].detail.contains(VERSION),
        "{tested:?}"
    );
    let view = bench.read(1).await;
    assert!(!view.findings.is_empty() && !view.evidence.is_empty(), "{view:?}");
    assert!(view.not_assessed.is_empty(), "{:?}", view.not_assessed);
    bench.engine.register_key().await.unwrap().unwrap();
    bench
        .decide(&view, DecisionView::Approve, "At the oldest.")
        .await
        .unwrap();
    bench.comes_to(OutboxStateView::Confirmed).await;
    let folder = tempfile::TempDir::new().unwrap();
    bench
        .desktop
        .with(|seen| seen.saves_in = Some(folder.path().to_owned()));
    let exported = bench.engine.export_ledger(ExportForm::Bundle).await.unwrap();
    assert!(exported.saved, "{exported:?}");
    bench.poll().await;
    let review = bench.forge.reviews(super::bench::REPO, 1)[0].id.to_string();
    let withdrawn = bench
        .engine
        .withdraw(bench.id(1), review, "No longer.".into())
        .await
        .unwrap();
    assert!(withdrawn.withdrawn);
    bench.forge.assert_clean();
}
