//! An exported ledger is checked with no forge, each decision as of when the forge had confirmed it.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy excuses only the test functions themselves"
)]

mod support;

use std::fs;
use std::process::Command;

use countersign_core::changeset::sha256_hex;
use countersign_core::decision::{Decision, OutboxState};
use countersign_core::ledger::{self, Line};
use countersign_core::signature::extract;
use serde_json::{Value, json};
use support::{
    NOW, OLGA, PATH, PRIYA, USUAL, add_review, approval, approved, breaks, key_of, let_break, review, scene,
    signed_body, statement,
};

const ENTRY: &str = "MDEyMzQ1Njc4OWFiY2RlZg";

/// Every line after the other, each bound to the one before.
fn chained(lines: Vec<Line>) -> Vec<String> {
    let mut previous = ledger::START.to_owned();
    let seal = |mut line: Line| {
        line.previous = std::mem::take(&mut previous);
        let (text, hash) = line.seal();
        previous = hash;
        text
    };
    lines.into_iter().map(seal).collect()
}

/// Two lines: the decision signed, and confirmed by the forge at `at`, with what it is judged by.
fn lines(input: &Value, at: &str) -> Vec<Line> {
    let body = input["reviews"]["items"][0]["body"].as_str().unwrap();
    let line = |state| Line {
        previous: String::new(),
        at: NOW.parse().unwrap(),
        entry: ENTRY.to_owned(),
        change: "github.com/acme/payments#4217".parse().unwrap(),
        head: "1".repeat(40).parse().unwrap(),
        decision: Decision::Approve,
        state,
        key: key_of(PRIYA)
            .public
            .fingerprint(ssh_key::HashAlg::Sha256)
            .to_string(),
        envelope: None,
        review: None,
        why: None,
        input: None,
    };
    let first = Line {
        envelope: Some(extract(body).unwrap().to_json()),
        ..line(OutboxState::Queued)
    };
    let second = Line {
        at: at.parse().unwrap(),
        review: Some("9001".to_owned()),
        input: Some(sha256_hex(input.to_string().as_bytes())),
        ..line(OutboxState::Confirmed)
    };
    vec![first, second]
}

fn bundle(ledger: &[String], inputs: &Value) -> Value {
    json!({"format": "countersign-bundle-v2", "ledger": ledger, "inputs": inputs})
}

/// A bundle of one decision, whose lines are written as `edit` has them.
fn of(input: &Value, edit: impl Fn(&mut Line)) -> Value {
    let mut lines = lines(input, NOW);
    lines.iter_mut().for_each(edit);
    bundle(
        &chained(lines),
        &json!([{"entry": ENTRY, "input": input.to_string()}]),
    )
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

/// What is said of the one decision: its standing and the reason.
fn one(bundle: &Value) -> (i32, Value, Value) {
    let (code, said) = check(bundle);
    let [decision] = said["decisions"].as_array().unwrap().as_slice() else {
        panic!("{said:#}");
    };
    (
        code,
        json!([decision["standing"], decision["reason"]]),
        decision.clone(),
    )
}

/// The standing of one that is contradicted, with its name.
fn contradicted(bundle: &Value) -> String {
    let (code, standing, _) = one(bundle);
    assert_eq!((code, &standing[0]), (1, &json!("contradicted")));
    standing[1].as_str().unwrap().to_owned()
}

#[test]
fn a_whole_bundle_fits_together_years_later_and_names_who_signed() {
    let bundle = of(&approved(), |_| ());
    let (code, standing, decision) = one(&bundle);
    assert_eq!((code, standing), (0, json!(["accepted", null])), "{decision:#}");
    assert_eq!(decision["signer"]["login"], json!(PRIYA.0));
    assert_eq!(decision["signer"]["principal"], json!(PRIYA.2));
    assert_eq!(decision["as_of"], json!(NOW));
    assert_eq!(decision["then"]["verdict"], json!("accepted"));
    let (_, said) = check(&bundle);
    assert_eq!(said["consistent"], json!(true));
    assert_eq!(said["counts"]["accepted"], json!(1));
    let last = bundle["ledger"][1].as_str().unwrap();
    assert_eq!(
        said["ledger"],
        json!({"lines": 2, "end": sha256_hex(last.as_bytes())})
    );
    // Nobody mistakes it for the gate's verdict.
    assert_eq!(said["verdict"], Value::Null);
}

#[test]
fn a_broken_glass_fits_together_too() {
    let mut input = scene(PATH);
    let_break(&mut input);
    for (id, who) in [("9001", PRIYA), ("9002", OLGA)] {
        add_review(&mut input, breaks(id, who, PATH, |_| {}));
    }
    let (code, standing, decision) = one(&of(&input, |_| ()));
    assert_eq!((code, standing), (0, json!(["accepted", null])), "{decision:#}");
    assert_eq!(
        decision["then"]["break_glass"]["people"][1]["login"],
        json!(OLGA.0)
    );
}

#[test]
fn a_request_for_changes_is_checked_as_an_approval_is() {
    let mut input = scene(PATH);
    let mut asks = statement(PRIYA, PATH);
    asks["predicate"]["decision"] = json!("request_changes");
    let body = signed_body(&asks, &key_of(PRIYA), &USUAL);
    add_review(&mut input, review("9001", PRIYA, "changes_requested", &body));
    let decided = |line: &mut Line| line.decision = Decision::RequestChanges;
    let (code, standing, decision) = one(&of(&input, decided));
    assert_eq!((code, standing), (0, json!(["accepted", null])), "{decision:#}");
    assert_eq!(decision["signer"]["login"], json!(PRIYA.0));
    assert_eq!(decision["then"]["reason"], json!("E_CHANGES_REQUESTED"));
    // What was signed is no approval, whatever the lines say.
    assert_eq!(contradicted(&of(&input, |_| ())), "ENVELOPE_CHANGED");
}

#[test]
fn what_does_not_fit_is_named() {
    let input = approved();
    let whole = of(&input, |_| ());
    let (first, second) = (
        whole["ledger"][0].as_str().unwrap(),
        whole["ledger"][1].as_str().unwrap(),
    );
    let other_line = first.replacen("\"queued\"", "\"queuee\"", 1);
    for ledger in [
        json!([second, first]),
        json!([second]),
        json!([other_line, second]),
        json!([first.replacen("approve", "comment", 1), second]),
    ] {
        let mut bundle = whole.clone();
        bundle["ledger"] = ledger;
        let (code, said) = check(&bundle);
        assert_eq!((code, &said["reason"]), (1, &json!("LEDGER_BROKEN")), "{said:#}");
        assert_eq!(said["ledger"]["end"], Value::Null);
    }

    // The chain made anew, so that only the signature tells.
    let edited = |edit: fn(&mut Line)| of(&input, edit);
    for edit in [
        (|line| line.change.number = 4218) as fn(&mut Line),
        |line| line.key = "SHA256:other".to_owned(),
        |line| line.head = "7".repeat(40).parse().unwrap(),
        |line| line.decision = Decision::Comment,
        |line| {
            // One byte of the payload: base64 of another character.
            if let Some(envelope) = &mut line.envelope {
                envelope.replace_range(20..21, if &envelope[20..21] == "A" { "B" } else { "A" });
            }
        },
    ] {
        assert_eq!(contradicted(&edited(edit)), "ENVELOPE_CHANGED");
    }
    assert_eq!(
        contradicted(&edited(|line| line.envelope = None)),
        "ENVELOPE_ELSEWHERE"
    );
    let only_the_end = |line: &mut Line| {
        if line.envelope.is_none() {
            line.decision = Decision::Comment;
        }
    };
    assert_eq!(contradicted(&of(&input, only_the_end)), "LEDGER_REWRITTEN");

    // What was signed names a line that is not there.
    let mut behind = statement(PRIYA, PATH);
    behind["predicate"]["claims"]["ledger"] = json!("5".repeat(64));
    let mut input = scene(PATH);
    let body = signed_body(&behind, &key_of(PRIYA), &USUAL);
    add_review(&mut input, review("9001", PRIYA, "approved", &body));
    assert_eq!(contradicted(&of(&input, |_| ())), "LEDGER_REWRITTEN");
}

#[test]
fn an_input_is_the_one_that_the_ledger_names() {
    let input = approved();
    let whole = of(&input, |_| ());
    let text = input.to_string();
    // A byte of the policy, of the allowed signers, of a commit's message, of a time.
    for (from, to) in [
        ("approvals = 1", "approvals = 0"),
        ("# Seniors", "# Seniorz"),
        ("2026-11-23", "2026-11-24"),
    ] {
        let mut bundle = whole.clone();
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        bundle["inputs"][0]["input"] = json!(changed);
        assert_eq!(contradicted(&bundle), "INPUT_CHANGED", "{from}");
    }
    assert_eq!(
        contradicted(&of(&input, |line| line.input = None)),
        "INPUT_CHANGED"
    );
    let unconfirmed = |line: &mut Line| line.state = OutboxState::Queued;
    assert_eq!(contradicted(&of(&input, unconfirmed)), "INPUT_CHANGED");

    // The ledger names it, and it is about another review.
    let mut other = scene(PATH);
    add_review(&mut other, approval("9001", OLGA, PATH));
    let mut elsewhere = lines(&other, NOW);
    let ours = extract(input["reviews"]["items"][0]["body"].as_str().unwrap());
    elsewhere[0].envelope = Some(ours.unwrap().to_json());
    let kept = json!([{"entry": ENTRY, "input": other.to_string()}]);
    assert_eq!(
        contradicted(&bundle(&chained(elsewhere), &kept)),
        "ENVELOPE_ELSEWHERE"
    );

    // None is left out, none is put in.
    let twice = [&whole["inputs"][0], &whole["inputs"][0]];
    let unknown = json!([whole["inputs"][0], {"entry": "other", "why": "nothing"}]);
    for inputs in [json!([]), json!(twice), unknown] {
        let mut bundle = whole.clone();
        bundle["inputs"] = inputs;
        let (code, said) = check(&bundle);
        assert_eq!((code, &said["reason"]), (1, &json!("INPUTS_DIFFER")), "{said:#}");
    }
}

#[test]
fn what_the_gate_did_not_count_is_no_contradiction() {
    let input = approved();
    let later = chained(lines(&input, "2026-12-24T00:00:00Z"));
    let kept = json!([{"entry": ENTRY, "input": input.to_string()}]);
    let (code, standing, _) = one(&bundle(&later, &kept));
    assert_eq!((code, standing), (0, json!(["not_counted", "E_EXPIRED"])));

    let mut stranger = approved();
    stranger["reviews"]["items"][0]["edited_at"] = json!(NOW);
    let (code, standing, decision) = one(&of(&stranger, |_| ()));
    assert_eq!((code, standing), (0, json!(["not_counted", "E_REVIEW_EDITED"])));
    assert_eq!(decision["signer"], Value::Null);

    // One of two that are needed counts, and the change did not pass yet.
    let mut first = scene("infra/a.tf");
    add_review(&mut first, approval("9001", PRIYA, "infra/a.tf"));
    let (code, standing, decision) = one(&of(&first, |_| ()));
    assert_eq!((code, standing), (0, json!(["accepted", null])), "{decision:#}");
    assert_eq!(decision["then"]["reason"], json!("E_QUORUM"));
}

#[test]
fn what_cannot_be_proved_is_said_and_checked_as_far_as_it_goes() {
    let input = approved();
    let why = json!([{"entry": ENTRY, "why": "it was merged before its facts were read"}]);
    let mut bundle = of(&input, |_| ());
    bundle["inputs"] = why.clone();
    let (code, standing, decision) = one(&bundle);
    assert_eq!((code, standing), (0, json!(["not_provable", null])));
    assert_eq!(
        decision["detail"],
        json!("it was merged before its facts were read")
    );
    // Its signature is looked at all the same.
    let mut bundle = of(&input, |line| line.key = "SHA256:other".to_owned());
    bundle["inputs"] = why;
    assert_eq!(contradicted(&bundle), "ENVELOPE_CHANGED");

    let mut lawless = approved();
    lawless["trust"]["policy"] = Value::Null;
    let (code, standing, _) = one(&of(&lawless, |_| ()));
    assert_eq!((code, standing), (0, json!(["not_provable", "E_POLICY_MISSING"])));
}

#[test]
fn a_withdrawal_is_told() {
    let input = approved();
    let mut lines = lines(&input, NOW);
    let withdrawn = Line {
        state: OutboxState::Superseded,
        input: None,
        ..lines[1].clone()
    };
    lines.push(withdrawn);
    let kept = json!([{"entry": ENTRY, "input": input.to_string()}]);
    let (code, standing, decision) = one(&bundle(&chained(lines), &kept));
    assert_eq!((code, standing), (0, json!(["accepted", null])), "{decision:#}");
    assert_eq!(
        (&decision["withdrawn"], &decision["ended"]),
        (&json!(true), &json!("superseded"))
    );
}

#[test]
fn one_that_cannot_be_read_is_undecided() {
    let whole = of(&approved(), |_| ());
    let with = |part: &str, value: Value| {
        let mut bundle = whole.clone();
        bundle[part] = value;
        bundle
    };
    for bundle in [
        with("format", json!("countersign-bundle-v1")),
        with("more", json!(1)),
        with("inputs", json!([{"entry": ENTRY}])),
        with("inputs", json!([{"entry": ENTRY, "input": "{}", "why": "both"}])),
        json!({}),
    ] {
        assert_eq!(check(&bundle).0, 2, "{bundle}");
    }
}
