//! The program as CI runs it.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy excuses only the test functions themselves"
)]

mod support;

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output};

use countersign_core::reason::Reason;
use countersign_core::verify::input;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use ssh_key::sha2::{Digest, Sha256};
use support::{
    NAMESPACE, PATH, PRIYA, USUAL, add_review, allowed_signers, key_of, review, scene, signed_body, statement,
};

fn run(arguments: &[&str], input: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_countersign-verify"))
        .args(arguments)
        .stdin(File::open(input).unwrap())
        .output()
        .unwrap()
}

/// The scene with an approval that was signed a minute ago.
fn fresh() -> Value {
    let text = |at: Timestamp| Timestamp::from_second(at.as_second()).unwrap().to_string();
    let signed = Timestamp::now() - SignedDuration::from_mins(1);
    let mut statement = statement(PRIYA, PATH);
    statement["predicate"]["issuedAt"] = json!(text(signed));
    statement["predicate"]["expiresAt"] = json!(text(signed + SignedDuration::from_hours(24)));
    let mut review = review(
        "9001",
        PRIYA,
        "approved",
        &signed_body(&statement, &key_of(PRIYA), &USUAL),
    );
    review["submitted_at"] = json!(text(Timestamp::now()));
    let mut input = scene(PATH);
    add_review(&mut input, review);
    input
}

fn judge(input: &Value, extra: &[&str]) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input.json");
    fs::write(&path, input.to_string()).unwrap();
    let arguments = [&["judge", "--input", "-"], extra].concat();
    let output = run(&arguments, &path);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn exit_codes_and_output_are_as_documented() {
    let (code, out, err) = judge(&fresh(), &[]);
    let verdict: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &verdict["verdict"], &verdict["reason"]),
        (0, &json!("accepted"), &Value::Null),
        "{err}"
    );
    assert_eq!(verdict["format"], json!("countersign-verdict-v1"));
    assert_eq!(verdict["signers"][0]["principal"], json!("priya@acme.example"));
    assert_eq!(
        verdict["policy"]["blob"],
        json!(support::blob_name(&support::policy_text()))
    );
    assert_eq!(verdict["policy"]["extends"], Value::Null);
    assert!(err.starts_with("accepted: signed off by priya-n"), "{err}");

    let mut moved = fresh();
    for place in [&["change", "head"], &["content", "head"]] {
        moved[place[0]][place[1]] = json!("5".repeat(40));
    }
    moved["commits"]["items"][0]["oid"] = json!("5".repeat(40));
    let (code, out, _) = judge(&moved, &[]);
    let verdict: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &verdict["reason"]), (1, &json!("E_HEAD_MOVED")));
    assert_eq!(verdict["reviews"][0]["reason"], json!("E_HEAD_MOVED"));

    let mut without = fresh();
    without["trust"]["policy"] = Value::Null;
    let (code, out, _) = judge(&without, &["--human"]);
    assert_eq!(code, 2);
    assert!(
        out.starts_with("undecided: ") && out.contains("E_POLICY_MISSING"),
        "{out}"
    );

    let mut seniors = scene(PATH);
    let priya = support::person(PRIYA.0, PRIYA.1);
    seniors["change"]["author"] = priya.clone();
    for role in ["author", "committer"] {
        seniors["commits"]["items"][0][role]["account"] = priya.clone();
    }
    seniors["pushes"][0]["actor"] = priya;
    let (code, out, _) = judge(&seniors, &[]);
    assert_eq!((code, out.contains("\"not_required\"")), (0, true), "{out}");
}

#[test]
fn what_cannot_be_read_is_undecided_and_never_passes() {
    for input in [json!({}), json!([]), json!({"version": 2})] {
        let (code, out, err) = judge(&input, &[]);
        let verdict: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(
            (code, &verdict["reason"]),
            (2, &json!("E_INPUT_MISSING")),
            "{err}"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    fs::write(&empty, "").unwrap();
    assert_eq!(
        run(&["judge", "--input", "/nonexistent"], &empty).status.code(),
        Some(2)
    );
    assert_eq!(run(&["judge"], &empty).status.code(), Some(2));
    let endless = folder.path().join("endless");
    let length = u64::try_from(input::MAX_BYTES).unwrap() + 2;
    File::create(&endless).unwrap().set_len(length).unwrap();
    let output = run(&["judge", "--input", "-"], &endless);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("more than"), "{said}");
    assert_eq!(run(&["judge", "--input", "-"], &empty).status.code(), Some(2));
}

#[test]
fn of_several_inputs_each_is_judged_and_the_worst_counts() {
    let folder = tempfile::tempdir().unwrap();
    let [good, bad] = ["good", "bad"].map(|name| folder.path().join(name));
    fs::write(&good, fresh().to_string()).unwrap();
    fs::write(&bad, scene(PATH).to_string()).unwrap();
    let arguments = ["judge", "--input", bad.to_str().unwrap(), good.to_str().unwrap()];
    let output = run(&arguments, Path::new("/dev/null"));
    let verdicts: Vec<Value> = serde_json::Deserializer::from_slice(&output.stdout)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap();
    let words: Vec<&Value> = verdicts.iter().map(|verdict| &verdict["verdict"]).collect();
    assert_eq!(words, [&json!("rejected"), &json!("accepted")]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn the_verdict_is_given_as_a_verification_summary() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("vsa.json");
    let summary = |input: &Value| -> Option<Value> {
        judge(input, &["--vsa", file.to_str().unwrap()]);
        let text = fs::read_to_string(&file).ok()?;
        Some(serde_json::from_str(&text).unwrap())
    };
    let accepted = fresh();
    let statement = summary(&accepted).unwrap();
    assert_eq!(statement["_type"], json!("https://in-toto.io/Statement/v1"));
    assert_eq!(
        statement["subject"],
        json!([{"name": "git+https://github.com/acme/payments", "digest": {"gitCommit": "1".repeat(40)}}])
    );
    assert_eq!(
        statement["predicateType"],
        json!("https://slsa.dev/verification_summary/v1")
    );
    let predicate = &statement["predicate"];
    let said: Value = serde_json::from_str(&judge(&accepted, &[]).1).unwrap();
    let blob = &said["policy"]["blob"];
    let uri = format!(
        "git+https://github.com/acme/payments@{}#.github/countersign.toml",
        "3".repeat(40)
    );
    assert_eq!(
        predicate["policy"],
        json!({"uri": uri, "digest": {"gitBlob": blob}})
    );
    assert_eq!(
        predicate["resourceUri"],
        json!("git+https://github.com/acme/payments")
    );
    assert!(
        predicate["verifier"]["id"]
            .as_str()
            .unwrap()
            .starts_with("https://")
    );
    assert!(
        predicate["timeVerified"]
            .as_str()
            .unwrap()
            .parse::<Timestamp>()
            .is_ok()
    );
    let body = accepted["reviews"]["items"][0]["body"].as_str().unwrap();
    let envelope = countersign_core::signature::extract(body).unwrap().to_json();
    let digest = support::hex(&Sha256::digest(envelope.as_bytes()));
    let uri = "https://github.com/acme/payments/pull/4217#pullrequestreview-9001";
    assert_eq!(
        predicate["inputAttestations"],
        json!([{"uri": uri, "digest": {"sha256": digest}}])
    );

    let mut seniors = scene(PATH);
    let priya = support::person(PRIYA.0, PRIYA.1);
    seniors["change"]["author"] = priya.clone();
    for role in ["author", "committer"] {
        seniors["commits"]["items"][0][role]["account"] = priya.clone();
    }
    seniors["pushes"][0]["actor"] = priya;
    for (input, result, level) in [
        (&accepted, "PASSED", "ORG_SOURCE_COUNTERSIGN_SIGNED_OFF"),
        (&seniors, "PASSED", "ORG_SOURCE_COUNTERSIGN_NOT_REQUIRED"),
        (&scene(PATH), "FAILED", "FAILED"),
    ] {
        let predicate = &summary(input).unwrap()["predicate"];
        assert_eq!(
            (&predicate["verificationResult"], &predicate["verifiedLevels"]),
            (&json!(result), &json!([level]))
        );
    }
    // The file of the last run does not outlive it.
    let mut undecided = fresh();
    undecided["trust"]["policy"] = Value::Null;
    for input in [undecided, json!({})] {
        fs::write(&file, "PASSED").unwrap();
        assert_eq!(summary(&input), None);
    }
    let two = [
        "judge",
        "--vsa",
        file.to_str().unwrap(),
        "--input",
        "/dev/null",
        "/dev/null",
    ];
    let output = run(&two, Path::new("/dev/null"));
    assert!(output.status.code() == Some(2) && output.stdout.is_empty() && !file.exists());
}

#[test]
fn hostile_text_does_not_reach_the_terminal_as_it_stands() {
    let mut input = fresh();
    input["reviews"]["items"][0]["author"]["login"] =
        json!("x\u{1b}[2Jaccepted\nr\u{202e}\u{2028}\u{2029}\u{61c}\u{e0041}");
    input["reviews"]["items"][0]["edited_at"] = json!("2026-11-23T00:00:00Z");
    let (code, _, err) = judge(&input, &[]);
    assert_eq!(code, 1);
    let hostile = [
        '\u{1b}',
        '\u{202e}',
        '\u{2028}',
        '\u{2029}',
        '\u{61c}',
        '\u{e0041}',
    ];
    assert!(!err.contains(hostile), "{err:?}");
    assert!(!err.lines().any(|line| line.starts_with("accepted")), "{err:?}");
}

#[test]
fn every_reason_is_explained() {
    let null = Path::new("/dev/null");
    for reason in Reason::ALL {
        let output = run(&["explain", reason.code()], null);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && text.starts_with(reason.code()) && text.lines().count() == 3,
            "{text}"
        );
    }
    let all = String::from_utf8(run(&["explain"], null).stdout).unwrap();
    assert_eq!(
        all.lines().filter(|line| line.starts_with("E_")).count(),
        Reason::ALL.len()
    );
    assert_eq!(run(&["explain", "E_NONSENSE"], null).status.code(), Some(2));
}

#[test]
fn extract_gives_what_ssh_keygen_takes() {
    let folder = tempfile::tempdir().unwrap();
    let body = fresh()["reviews"]["items"][0]["body"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = folder.path().join("body.md");
    fs::write(&path, &body).unwrap();
    fs::write(folder.path().join("allowed_signers"), allowed_signers()).unwrap();
    let out = folder.path().join("out");
    let output = run(&["extract", "--body", "-", "--out", out.to_str().unwrap()], &path);
    assert!(output.status.success(), "{output:?}");
    let checked = Command::new("ssh-keygen")
        .args([
            "-Y",
            "verify",
            "-n",
            NAMESPACE,
            "-f",
            "allowed_signers",
            "-I",
            PRIYA.2,
            "-s",
            "out/a.sig",
        ])
        .current_dir(folder.path())
        .stdin(File::open(out.join("message")).unwrap())
        .output()
        .expect("ssh-keygen (package openssh-client) runs");
    assert!(checked.status.success(), "{checked:?}");
    let envelope: Value = serde_json::from_slice(&fs::read(out.join("e.json")).unwrap()).unwrap();
    assert_eq!(envelope["payloadType"], json!("application/vnd.in-toto+json"));
    let statement: Value = serde_json::from_slice(&fs::read(out.join("st.json")).unwrap()).unwrap();
    assert_eq!(statement["predicate"]["decision"], json!("approve"));

    fs::write(&path, "LGTM").unwrap();
    let output = run(&["extract", "--body", "-", "--out", out.to_str().unwrap()], &path);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .starts_with("E_NO_ENVELOPE")
    );
}
