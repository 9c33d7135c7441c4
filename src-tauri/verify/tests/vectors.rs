//! The vectors in `tests/vectors`: each is what its case says, and the judge answers as it says.
//! `COUNTERSIGN_WRITE_VECTORS=1 cargo test -p countersign-verify --test vectors` writes them anew.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy excuses only the test functions themselves"
)]

mod cases;
#[path = "../src/git.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "the gate's own reader; the program uses more of it"
)]
mod git;
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use countersign_core::changeset::ObjectFormat;
use countersign_core::reason::Reason;
use countersign_core::verify::{Input, Objects, Outcome, judge_with};
use git::Git;
use serde_json::{Map, Value, json};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/judge")
}

fn written(case: &cases::Case) -> String {
    let reviews: Map<String, Value> = case
        .reviews
        .iter()
        .map(|(id, reason)| ((*id).to_owned(), json!(reason)))
        .collect();
    let mut vector = json!({
        "what": case.what,
        "now": case.now,
        "expect": {"verdict": case.verdict, "reason": case.reason, "reviews": reviews},
        "input": case.input,
    });
    if let Some(objects) = case.objects {
        vector["objects"] = json!(objects);
    }
    format!("{:#}\n", support::sorted(&vector))
}

#[test]
fn the_files_are_what_the_cases_say() {
    let cases = cases::all();
    let write = std::env::var_os("COUNTERSIGN_WRITE_VECTORS").is_some();
    if write {
        let _ = fs::remove_dir_all(folder());
        fs::create_dir_all(folder()).unwrap();
    }
    let mut names = BTreeSet::new();
    for case in &cases {
        assert!(
            names.insert(format!("{}.json", case.name)),
            "{} stands twice",
            case.name
        );
        let path = folder().join(format!("{}.json", case.name));
        if write {
            fs::write(&path, written(case)).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(
            found == written(case),
            "{} is not what its case says",
            path.display()
        );
    }
    let found: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(found, names);
}

#[test]
fn the_judge_answers_as_every_vector_says() {
    let mut shown = BTreeSet::new();
    let mut count = 0;
    let mut wrong = Vec::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let vector: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let expect = &vector["expect"];
        let now = vector["now"].as_str().unwrap().parse().unwrap();
        let input = Input::from_json(vector["input"].to_string().as_bytes());
        let repository = vector["objects"].as_str().map(|stream| {
            let folder = tempfile::tempdir().unwrap();
            cases::group::import(stream, folder.path());
            let git = Git::open(folder.path(), ObjectFormat::Sha1).unwrap();
            (folder, git)
        });
        let objects = repository.as_ref().map(|(_, git)| -> &dyn Objects { git });
        let (verdict, reason, reviews) = match input {
            Err(fault) => (Outcome::Undecided, Some(fault.reason), Vec::new()),
            Ok(input) => {
                let verdict = judge_with(&input, objects, now);
                (verdict.verdict, verdict.reason, verdict.reviews)
            }
        };
        if (json!(verdict), json!(reason)) != (expect["verdict"].clone(), expect["reason"].clone()) {
            wrong.push(format!("{name}: {verdict:?} {reason:?}"));
        }
        for (id, wanted) in expect["reviews"].as_object().unwrap() {
            let found = reviews.iter().find(|review| review.review == *id);
            let reason = found.and_then(|review| review.reason);
            if found.is_none() || json!(reason) != *wanted {
                wrong.push(format!("{name}: review {id}: {reason:?}"));
            }
            shown.extend(reason);
        }
        shown.extend(reason);
        count += 1;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(count > 200, "only {count} vectors");
    let missing: Vec<&str> = Reason::ALL
        .iter()
        .filter(|reason| !shown.contains(reason))
        .map(|reason| reason.code())
        .collect();
    assert!(missing.is_empty(), "every reason has a vector: {missing:?}");
}
