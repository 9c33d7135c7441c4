//! What is far too large is read all the same, or said not to be: nothing in it hides what stands behind it.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{change, file};
use countersign_assess::assess;
use countersign_core::patch::Patch;

const DROP: &str = "+DROP TABLE ledger;\n";

#[test]
fn behind_a_hundred_thousand_files_the_last_is_found() {
    let mut diff: String = (0..100_000).map(|n| file(&format!("n/{n}"), "+x\n")).collect();
    diff += &file("db/migrations/1.sql", DROP);
    let patch = Patch::parse(diff.as_bytes()).unwrap();
    assert_eq!(patch.files.len(), 100_001);
    let found = assess(&change("x"), Ok(&patch), &[]);
    let places: Vec<&str> = found.findings.iter().map(|one| one.path.as_str()).collect();
    assert!(places.contains(&"db/migrations/1.sql"), "{places:?}");
}

#[test]
fn behind_a_line_of_ten_megabytes_the_next_is_found() {
    for filling in ["x", "\0", "\u{202e}", "/*", "'"] {
        let long = filling.repeat(10_000_000 / filling.len());
        let diff = file("db/migrations/1.sql", &format!("+{long}\n+\n")) + &file("db/migrations/2.sql", DROP);
        let patch = Patch::parse(diff.as_bytes()).unwrap();
        assert_eq!(patch.to_bytes(), diff.as_bytes());
        let found = assess(&change("x"), Ok(&patch), &[]);
        let places: Vec<&str> = found.findings.iter().map(|one| one.path.as_str()).collect();
        assert!(places.contains(&"db/migrations/2.sql"), "{filling:?}: {places:?}");
    }
}

#[test]
fn a_line_of_ten_megabytes_that_is_no_text_is_read_to_its_end() {
    let mut diff = file("db/migrations/1.sql", "+MARK\n").into_bytes();
    let at = diff.windows(4).position(|part| part == b"MARK").unwrap();
    diff.splice(at..at + 4, [0xffu8, 0, 0xc0].repeat(3_500_000));
    diff.extend(file("db/migrations/2.sql", DROP).bytes());
    let patch = Patch::parse(&diff).unwrap();
    assert_eq!(patch.to_bytes(), diff);
    let found = assess(&change("x"), Ok(&patch), &[]);
    assert!(found.findings.iter().any(|one| one.path == "db/migrations/2.sql"));
}
