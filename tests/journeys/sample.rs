//! The demo's changes, read by the real engine as the demo does: what its person sees before anything is touched.

use std::collections::BTreeSet;
use std::path::Path;

use countersign_engine::view::{QueueFilter, SectionKind, SeverityView};
use countersign_tests::forge::sample;

use super::bench::{Agent, Bench};

/// The families of the rules, from the files that are compiled into the table.
fn families() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src-tauri/assess/src/rules");
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("family = "));
        found.extend(line.map(|family| family.trim_matches('"').to_owned()));
    }
    found
}

async fn sample() -> Bench {
    Bench::over(Agent::start(), sample::world().unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_family_of_dangers_is_what_some_change_of_the_demo_is_about() {
    let bench = sample().await;
    let mut shown = BTreeSet::new();
    for row in bench.rows().await {
        let view = bench.engine.change(row.id).await.unwrap();
        // Worst first: the first is what the verdict's sentence and the row's severity are about.
        if let Some(worst) = view.findings.first() {
            shown.insert(worst.family.clone());
        }
        assert!(
            view.not_assessed.is_empty(),
            "{}: {:?}",
            view.title,
            view.not_assessed
        );
    }
    let all = families();
    assert!(all.len() > 10, "{all:?}");
    let missing: Vec<&String> = all.difference(&shown).collect();
    assert!(missing.is_empty(), "no change of the demo is about {missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deleted_environment_is_the_first_thing_in_the_demos_queue() {
    let bench = sample().await;
    let queue = bench.engine.queue(QueueFilter::NeedsSignOff).await.unwrap();
    let section = &queue.sections[0];
    let first = &section.rows[0];
    assert_eq!(section.kind, SectionKind::NeedsYou);
    assert_eq!((first.repo.as_str(), first.number), ("acme/infra", 482));
    assert_eq!(first.severity, SeverityView::Critical);
    assert_eq!(queue.hidden, 0, "each of them waits for a sign-off");
}
