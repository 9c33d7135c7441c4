//! Recall and precision over the shared corpora, where there are any (`COUNTERSIGN_SHARED`, or `shared` beside
//! the workspace), and that the shared catalogue's marks are all here. Our own corpus runs always.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test may use files and the environment; the crate may not"
)]

#[expect(dead_code, reason = "what the other users of the module need")]
mod corpus;

use std::path::{Path, PathBuf};

use corpus::{Report, report};
use countersign_core::evidence::{Involvement, Markers};

fn shared(name: &str) -> Option<PathBuf> {
    let named = std::env::var_os("COUNTERSIGN_SHARED").map(PathBuf::from);
    let dir = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    let path = dir.join("data").join(name);
    if path.is_file() {
        return Some(path);
    }
    eprintln!("SKIPPED: nothing shared at {}", path.display());
    None
}

fn show(report: &Report) {
    for (group, counts) in &report.groups {
        eprintln!("{group:50} {counts:?}");
    }
    for line in &report.wrong {
        eprintln!("WRONG {line}");
    }
    eprintln!("{:?}", report.overall);
}

#[test]
fn commits_are_recognised() {
    let Some(path) = shared("commits-dev.jsonl") else {
        return;
    };
    let rows = corpus::read(&path, corpus::shared_commit).unwrap();
    let report = report(&rows);
    show(&report);
    assert!(report.overall.recall() >= 0.985 && report.overall.precision() >= 0.995);
    for label in ["bot_not_ai", "hard_negative", "human_pre_ai"] {
        assert_eq!(report.groups[label].called, 0, "{label}");
    }
    // A suggestion that was taken over is AI of its own kind.
    let suggestions = rows.iter().filter(|row| row.name.starts_with("ai_suggestion"));
    let found: Vec<_> = suggestions.map(|row| row.classify().involvement).collect();
    let taken = found.iter().filter(|one| **one == Involvement::SuggestionApplied);
    assert!(taken.count() * 100 >= found.len() * 95, "{found:?}");
}

#[test]
fn changes_of_agents_are_recognised() {
    let Some(path) = shared("changes-dev.jsonl") else {
        return;
    };
    let rows = corpus::read(&path, corpus::shared_change).unwrap();
    let report = report(&rows);
    show(&report);
    // One row of Claude and one of Cursor carry no mark at all: people's changes about these tools.
    let expected = [
        ("Devin", 150),
        ("Copilot", 150),
        ("Claude_Code", 29),
        ("Cursor", 39),
        ("OpenAI_Codex", 96),
    ];
    for (agent, least) in expected {
        assert!(
            report.groups[agent].recognised >= least,
            "{agent}: {:?}",
            report.groups[agent]
        );
    }
}

#[test]
fn every_mark_of_the_catalogue_is_here() {
    let Some(path) = shared("ai-markers.json") else {
        return;
    };
    let text = std::fs::read_to_string(path).unwrap();
    let catalogue: serde_json::Value = serde_json::from_str(&text).unwrap();
    let ours: Vec<&str> = Markers::builtin().ids().collect();
    for list in ["markers", "exclusions"] {
        let theirs = catalogue[list].as_array().unwrap();
        let theirs = theirs.iter().map(|one| one["id"].as_str().unwrap());
        let missing: Vec<&str> = theirs.filter(|id| !ours.contains(id)).collect();
        assert!(missing.is_empty(), "{list}: {missing:?}");
    }
}
