//! Recall and precision of the evidence, with counts, by tool: over our own corpus always, over the shared ones
//! where they are, and over any file of rows that is named, in our own form or in that of the shared ones.
//!
//! `bench_evidence [--json FILE] [--shared FOLDER] [ROWS.jsonl…]`
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that measures may use files and the environment; the crate may not"
)]

#[expect(dead_code, reason = "what the other users of the module need")]
#[path = "../tests/corpus/mod.rs"]
mod corpus;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use corpus::{Counts, Report};
use serde_json::{Map, Value, json};

fn main() -> ExitCode {
    let (mut json, mut shared, mut files) = (None, None, Vec::new());
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--json" => json = words.next().map(PathBuf::from),
            "--shared" => shared = words.next().map(PathBuf::from),
            file => files.push(PathBuf::from(file)),
        }
    }
    let mut reports = Vec::new();
    let own: Vec<_> = corpus::own().into_iter().flat_map(|(_, rows)| rows).collect();
    reports.push(("own".to_owned(), corpus::report(&own)));
    if let Some(folder) = shared {
        for name in ["commits-dev", "changes-dev"] {
            let path = folder.join(format!("data/{name}.jsonl"));
            match corpus::read(&path, corpus::any_row) {
                Some(rows) => reports.push((name.to_owned(), corpus::report(&rows))),
                None => eprintln!("SKIPPED: nothing shared at {}", path.display()),
            }
        }
    }
    for path in &files {
        let Some(rows) = corpus::read(path, corpus::any_row) else {
            eprintln!("error: {} cannot be read", path.display());
            return ExitCode::FAILURE;
        };
        reports.push((path.display().to_string(), corpus::report(&rows)));
    }
    for (name, report) in &reports {
        show(name, report);
    }
    match json.map(|path| write(&path, &reports)) {
        Some(Err(error)) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn show(name: &str, report: &Report) {
    println!("{name}");
    println!(
        "  {:44} {:>6} {:>11} {:>6} {:>8} {:>9}",
        "", "rows", "recognised", "called", "recall", "precision"
    );
    for (group, counts) in &report.groups {
        println!("  {group:44} {}", cells(counts));
    }
    println!("  {:44} {}\n", "overall", cells(&report.overall));
}

/// A share of nothing is not shown: it would read as a success.
fn cells(counts: &Counts) -> String {
    let share = |share: f64, of: u32| {
        if of == 0 {
            "-".to_owned()
        } else {
            format!("{share:.4}")
        }
    };
    format!(
        "{:>6} {:>5}/{:<5} {:>6} {:>8} {:>9}",
        counts.rows,
        counts.recognised,
        counts.ai,
        counts.called,
        share(counts.recall(), counts.ai),
        share(counts.precision(), counts.called)
    )
}

/// `overall` is that of the largest labelled corpus that was read: the shared commits, else our own.
fn write(path: &Path, reports: &[(String, Report)]) -> std::io::Result<()> {
    let mut corpora = Map::new();
    for (name, report) in reports {
        let groups: Map<String, Value> = report
            .groups
            .iter()
            .map(|(group, counts)| (group.clone(), counts.json()))
            .collect();
        corpora.insert(
            name.clone(),
            json!({"overall": report.overall.json(), "tools": groups, "wrong": report.wrong}),
        );
    }
    let leading = if corpora.contains_key("commits-dev") {
        "commits-dev"
    } else {
        "own"
    };
    let document = json!({
        "overall": corpora[leading]["overall"],
        "corpus": leading,
        "corpora": corpora,
    });
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, format!("{document:#}\n"))
}
