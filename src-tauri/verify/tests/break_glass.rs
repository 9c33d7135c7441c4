//! A broken glass is never silent: not in the verdict, nor where people read it, nor for what passes with it.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy excuses only the test functions themselves"
)]

mod support;

use std::fs;
use std::process::Command;

use countersign_core::policy::Policy;
use countersign_core::reason::Reason;
use countersign_core::verify::{Input, Outcome, Verdict, judge};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use support::{NOW, OLGA, PATH, PRIYA, REASON, add_review, approval, breaks, let_break, scene};

/// Both have broken the glass at that time.
fn emergency(at: Timestamp, more: &str) -> Value {
    let text = |at: Timestamp| Timestamp::from_second(at.as_second()).unwrap().to_string();
    let mut input = scene(PATH);
    let_break(&mut input);
    for (id, who) in [("9001", PRIYA), ("9002", OLGA)] {
        let mut review = breaks(id, who, PATH, |predicate| {
            predicate["issuedAt"] = json!(text(at));
            predicate["expiresAt"] = json!(text(at + SignedDuration::from_hours(24)));
            predicate["breakGlass"]["reason"] = json!(format!("{REASON}{more}"));
        });
        review["submitted_at"] = json!(text(at));
        add_review(&mut input, review);
    }
    input
}

fn judged(input: &Value, now: &str) -> Verdict {
    let input = Input::from_json(input.to_string().as_bytes()).unwrap();
    judge(&input, now.parse().unwrap())
}

fn usual() -> Value {
    emergency("2026-11-23T22:10:05Z".parse().unwrap(), "")
}

#[test]
fn the_verdict_names_the_people_the_reasons_and_the_end() {
    let verdict = judged(&usual(), NOW);
    let glass = verdict.break_glass.as_ref().unwrap();
    let people: Vec<&str> = glass.people.iter().map(|one| one.login.as_str()).collect();
    assert_eq!(
        (verdict.verdict, people),
        (Outcome::Accepted, vec![PRIYA.0, OLGA.0])
    );
    assert_eq!(glass.reasons, [REASON, REASON]);
    assert_eq!(glass.until, "2026-11-23T23:10:05Z".parse().unwrap());
    assert!(verdict.signers.is_empty(), "nobody has approved it");
    assert!(verdict.reviews.iter().all(|review| review.breaks_glass));
    assert!(verdict.notes[0].starts_with("BREAK GLASS: ") && verdict.notes[0].contains(REASON));
    assert!(verdict.detail.starts_with("not signed off"), "{}", verdict.detail);
}

#[test]
fn it_ends_with_the_window() {
    let last = judged(&usual(), "2026-11-23T23:10:05Z");
    assert_eq!((last.verdict, last.reason), (Outcome::Accepted, None));
    let over = judged(&usual(), "2026-11-23T23:10:06Z");
    assert_eq!(
        (over.verdict, over.reason),
        (Outcome::Rejected, Some(Reason::BreakGlass))
    );
    assert!(over.break_glass.is_none());
}

#[test]
fn a_change_that_is_signed_off_is_no_emergency() {
    let mut input = scene(PATH);
    let_break(&mut input);
    add_review(&mut input, approval("9001", PRIYA, PATH));
    let verdict = judged(&input, NOW);
    assert_eq!((verdict.verdict, verdict.break_glass), (Outcome::Accepted, None));
}

#[test]
fn what_passes_together_with_it_says_so() {
    let mut input = scene(PATH);
    add_review(&mut input, approval("9001", PRIYA, PATH));
    let mut twin = usual();
    twin["change"]["number"] = json!("4218");
    twin["change"]["change_id"] = json!("2345678902");
    for (place, who) in [PRIYA, OLGA].into_iter().enumerate() {
        let review = breaks("9", who, PATH, |predicate| {
            predicate["forge"]["change"] = json!("4218");
            predicate["forge"]["changeId"] = json!("2345678902");
        });
        twin["reviews"]["items"][place]["body"] = review["body"].clone();
    }
    input["same_head"] = json!({"source": "graphql", "total": 1, "items": [twin]});
    let verdict = judged(&input, NOW);
    assert_eq!(
        (verdict.verdict, &verdict.break_glass),
        (Outcome::Accepted, &None),
        "{}",
        verdict.detail
    );
    assert!(
        verdict.notes[0].starts_with("BREAK GLASS: #4218: "),
        "{:?}",
        verdict.notes
    );
}

/// Standard output and the files that were asked for.
fn run(input: &Value, extra: &[&str]) -> (String, String, Value) {
    let folder = tempfile::tempdir().unwrap();
    let [path, summary, vsa] = ["input", "summary", "vsa"].map(|name| folder.path().join(name));
    fs::write(&path, input.to_string()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_countersign-verify"))
        .args(["judge", "--input"])
        .arg(&path)
        .arg("--summary")
        .arg(&summary)
        .arg("--vsa")
        .arg(&vsa)
        .args(extra)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    (
        String::from_utf8(output.stdout).unwrap(),
        fs::read_to_string(summary).unwrap(),
        serde_json::from_slice(&fs::read(vsa).unwrap()).unwrap(),
    )
}

#[test]
fn it_stands_first_wherever_people_read_it() {
    let hostile = " `x` | <b> [y](http://z)";
    let input = emergency(Timestamp::now() - SignedDuration::from_mins(1), hostile);
    let (human, summary, vsa) = run(&input, &["--human"]);
    let first = "BREAK GLASS: this change passes WITHOUT the sign-off";
    assert!(human.starts_with(first), "{human}");
    for who in [PRIYA, OLGA] {
        assert!(human.contains(&format!("  broken   by {} ", who.0)), "{human}");
        assert!(summary.contains(&format!("| `{}` |", who.0)), "{summary}");
    }
    assert!(
        summary.starts_with(&format!("> [!CAUTION]\n> **{first}")),
        "{summary}"
    );
    assert!(
        !summary.contains("`x`") && summary.contains("'x' ' <b>"),
        "{summary}"
    );
    assert_eq!(
        vsa["predicate"]["verifiedLevels"],
        json!(["ORG_SOURCE_COUNTERSIGN_BREAK_GLASS"])
    );
    let (json, ..) = run(&input, &[]);
    let verdict: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(verdict["break_glass"]["people"][1]["login"], json!(OLGA.0));
    assert_eq!(verdict["signers"], json!([]));
}

#[test]
fn the_policy_of_these_tests_names_both() {
    let input = usual();
    let policy = Policy::parse(input["trust"]["policy"]["text"].as_str().unwrap()).unwrap();
    assert!(policy.senior(PRIYA.1).is_some() && policy.senior(OLGA.1).is_none());
    assert_eq!(policy.break_glass.unwrap().window, SignedDuration::from_hours(1));
}
