//! Our own labelled changes: every row adds up to what it says, and what that makes in recall and precision.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    reason = "a test may use files; the crate may not"
)]

#[expect(dead_code, reason = "what the other users of the module need")]
mod corpus;

use std::collections::BTreeSet;

use countersign_core::evidence::Markers;

#[test]
fn every_row_adds_up_to_what_it_says() {
    let mut wrong = Vec::new();
    for (file, rows) in corpus::own() {
        for row in rows {
            let found = row.classify();
            let expect = row.expect.as_ref().unwrap();
            if found.involvement != expect.involvement || found.tool != expect.tool {
                let marks: Vec<_> = found
                    .evidence
                    .iter()
                    .map(|one| (&one.marker, &one.text))
                    .collect();
                wrong.push(format!(
                    "{file}: {}\n  expected {expect:?}\n  found {:?} {:?} {marks:?}",
                    row.name, found.involvement, found.tool
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn recall_and_precision_are_whole() {
    let rows: Vec<_> = corpus::own().into_iter().flat_map(|(_, rows)| rows).collect();
    assert!(rows.len() >= 150, "{} rows", rows.len());
    let report = corpus::report(&rows);
    assert_eq!(report.wrong, [""; 0]);
    assert!(
        report.overall.ai >= 90 && report.overall.called >= 90,
        "{:?}",
        report.overall
    );
    for kind in ["human", "bot", "denial"] {
        let counts = report.groups[kind];
        assert!(counts.rows >= 10 && counts.called == 0, "{kind}: {counts:?}");
    }
}

#[test]
fn every_tool_of_the_table_has_a_row() {
    let rows = corpus::own().into_iter().flat_map(|(_, rows)| rows);
    let tools: BTreeSet<String> = rows.flat_map(|row| row.groups).collect();
    // git-ai attests other tools; bolt.new is a weak link.
    let missing = Markers::builtin()
        .tools()
        .filter(|tool| !tools.contains(*tool) && !["git-ai", "bolt.new", "Goose"].contains(tool));
    assert_eq!(missing.collect::<Vec<_>>(), [""; 0]);
}
