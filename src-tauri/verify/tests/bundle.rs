//! An exported decision is judged again with no forge, as of the time that it names.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy excuses only the test functions themselves"
)]

mod support;

use std::fs;
use std::process::Command;

use countersign_core::decision::{Decision, OutboxState};
use countersign_core::ledger::{self, Line};
use countersign_core::signature::extract;
use serde_json::{Value, json};
use support::{NOW, OLGA, PATH, PRIYA, add_review, approved, breaks, key_of, let_break, scene};

/// Two lines: the decision signed, and confirmed by the forge.
fn lines(input: &Value, edit: impl Fn(&mut Line)) -> Vec<String> {
    let body = input["reviews"]["items"][0]["body"].as_str().unwrap();
    let mut previous = ledger::START.to_owned();
    let states = [(OutboxState::Queued, true), (OutboxState::Confirmed, false)];
    states
        .into_iter()
        .map(|(state, first)| {
            let mut line = Line {
                previous: previous.clone(),
                at: NOW.parse().unwrap(),
                entry: "MDEyMzQ1Njc4OWFiY2RlZg".to_owned(),
                change: "github.com/acme/payments#4217".parse().unwrap(),
                head: "1".repeat(40).parse().unwrap(),
                decision: Decision::Approve,
                state,
                key: key_of(PRIYA)
                    .public
                    .fingerprint(ssh_key::HashAlg::Sha256)
                    .to_string(),
                envelope: first.then(|| extract(body).unwrap().to_json()),
                review: (!first).then(|| "9001".to_owned()),
                why: None,
            };
            edit(&mut line);
            let (text, hash) = line.seal();
            previous = hash;
            text
        })
        .collect()
}

fn bundle(input: &Value, as_of: &str, ledger: &[String]) -> Value {
    json!({"format": "countersign-bundle-v1", "as_of": as_of, "input": input, "ledger": ledger})
}

fn check(bundle: &Value) -> (i32, Value) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle.json");
    fs::write(&path, bundle.to_string()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_countersign-verify"))
        .arg("bundle")
        .arg(&path)
        .output()
        .unwrap();
    let said = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code().unwrap(), said)
}

#[test]
fn a_whole_bundle_fits_together_years_later() {
    let input = approved();
    let (code, said) = check(&bundle(&input, NOW, &lines(&input, |_| ())));
    assert_eq!((code, &said["consistent"]), (0, &json!(true)), "{said:#}");
    assert_eq!(said["as_of"], json!(NOW));
    assert_eq!(said["ledger"]["signed_here"], json!(["9001"]));
    assert_eq!(said["then"]["verdict"], json!("accepted"));
    // Nobody mistakes it for the gate's verdict.
    assert_eq!(said["verdict"], Value::Null);
    let (code, said) = check(&bundle(&input, NOW, &[]));
    assert_eq!(
        (code, &said["ledger"]["signed_here"]),
        (0, &json!([])),
        "no ledger: {said:#}"
    );
}

#[test]
fn a_broken_glass_fits_together_too() {
    let mut input = scene(PATH);
    let_break(&mut input);
    for (id, who) in [("9001", PRIYA), ("9002", OLGA)] {
        add_review(&mut input, breaks(id, who, PATH, |_| {}));
    }
    let (code, said) = check(&bundle(&input, NOW, &lines(&input, |_| ())));
    assert_eq!((code, &said["consistent"]), (0, &json!(true)), "{said:#}");
    assert_eq!(said["ledger"]["signed_here"], json!(["9001"]));
    assert_eq!(said["then"]["break_glass"]["people"][1]["login"], json!(OLGA.0));
    let other = lines(&input, |line| line.key = "SHA256:other".to_owned());
    assert_eq!(check(&bundle(&input, NOW, &other)).0, 1);
}

#[test]
fn one_that_does_not_fit_is_inconsistent() {
    let input = approved();
    let whole = lines(&input, |_| ());
    let later = check(&bundle(&input, "2026-12-24T00:00:00Z", &whole));
    assert_eq!((later.0, &later.1["then"]["reason"]), (1, &json!("E_EXPIRED")));
    let ledgers = [
        vec![whole[1].clone()],
        vec![whole[0].replace("approve", "comment"), whole[1].clone()],
        lines(&input, |line| line.change.number = 4218),
        lines(&input, |line| line.key = "SHA256:other".to_owned()),
        lines(&input, |line| line.envelope = None),
    ];
    for ledger in ledgers {
        let (code, said) = check(&bundle(&input, NOW, &ledger));
        assert_eq!(
            (code, &said["ledger"]["consistent"]),
            (1, &json!(false)),
            "{ledger:?}"
        );
        assert_eq!(said["then"]["verdict"], json!("accepted"));
    }
}

#[test]
fn one_that_cannot_be_read_is_undecided() {
    let input = approved();
    let mut other = bundle(&input, NOW, &[]);
    other["format"] = json!("countersign-bundle-v2");
    let mut more = bundle(&input, NOW, &[]);
    more["more"] = json!(1);
    for bundle in [other, more, json!({}), bundle(&json!({}), NOW, &[])] {
        assert_eq!(check(&bundle).0, 2, "{bundle}");
    }
}
