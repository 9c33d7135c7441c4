//! Every field that binds an approval, changed and signed anew: by the enrolled key itself it has its own reason, by a
//! stranger it is the stranger's. What records only, may say anything.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy excuses only the test functions themselves"
)]

mod support;

use countersign_core::reason::Reason;
use countersign_core::verify::{Input, Outcome, judge};
use serde_json::{Value, json};
use support::{
    NOW, PATH, PRIYA, TestKey, USUAL, add_review, key_of, oid, review, scene, signed_body, statement,
};

fn judged(statement: &Value, key: &TestKey) -> (Outcome, Option<Reason>) {
    let mut input = scene(PATH);
    add_review(
        &mut input,
        review("9001", PRIYA, "approved", &signed_body(statement, key, &USUAL)),
    );
    let input = Input::from_json(input.to_string().as_bytes()).unwrap();
    let verdict = judge(&input, NOW.parse().unwrap());
    (verdict.verdict, verdict.reason)
}

/// Priya's statement with other values at those places.
fn with(edits: &[(&str, Value)]) -> Value {
    let mut statement = statement(PRIYA, PATH);
    for (place, value) in edits {
        let found = statement.pointer_mut(place).unwrap();
        assert_ne!(found, value, "{place}");
        *found = value.clone();
    }
    statement
}

#[test]
fn each_field_that_binds_has_its_own_reason() {
    let cases = [
        ("/_type", json!("https://in-toto.io/Statement/v2"), Reason::Schema),
        (
            "/predicateType",
            json!("https://countersign.dev/approval/v2"),
            Reason::PredicateType,
        ),
        (
            "/subject/0/name",
            json!("git+https://github.com/acme/pay"),
            Reason::Schema,
        ),
        ("/subject/0/digest/gitCommit", json!(oid("5")), Reason::HeadMoved),
        ("/subject/0/digest/gitTree", json!(oid("5")), Reason::TreeMismatch),
        ("/predicate/decision", json!("comment"), Reason::Decision),
        ("/predicate/forge/kind", json!("gitlab"), Reason::Host),
        ("/predicate/forge/repoId", json!("123456780"), Reason::RepoId),
        ("/predicate/forge/change", json!("4218"), Reason::ChangeId),
        ("/predicate/forge/changeId", json!("2345678902"), Reason::ChangeId),
        (
            "/predicate/change/targetRef",
            json!("refs/heads/release"),
            Reason::TargetRef,
        ),
        (
            "/predicate/change/changeset/sha256",
            json!("5".repeat(64)),
            Reason::ChangesetMismatch,
        ),
        (
            "/predicate/change/changeset/alg",
            json!("git-patch-id"),
            Reason::Schema,
        ),
        (
            "/predicate/reviewer/id",
            json!("2345678"),
            Reason::ReviewerMismatch,
        ),
        (
            "/predicate/policy/path",
            json!("countersign.toml"),
            Reason::Schema,
        ),
        ("/predicate/policy/rule", json!("none"), Reason::Schema),
        ("/predicate/policy/role", json!("junior"), Reason::Role),
        (
            "/predicate/issuedAt",
            json!("2026-11-23T22:25:01Z"),
            Reason::Future,
        ),
        (
            "/predicate/issuedAt",
            json!("2026-11-23T22:10:04Z"),
            Reason::Lifetime,
        ),
        (
            "/predicate/expiresAt",
            json!("2026-11-23T22:20:00Z"),
            Reason::Expired,
        ),
        (
            "/predicate/expiresAt",
            json!("2026-11-30T22:10:06Z"),
            Reason::Lifetime,
        ),
        ("/predicate/nonce", json!("MDEyMzQ1Njc4OWFiY2RlZ"), Reason::Schema),
    ];
    let (own, stranger) = (key_of(PRIYA), TestKey::ed25519(9));
    for (place, value, reason) in cases {
        let statement = with(&[(place, value)]);
        assert_eq!(
            judged(&statement, &own),
            (Outcome::Rejected, Some(reason)),
            "{place}"
        );
        let by_stranger = (Outcome::Rejected, Some(Reason::SignerUnknown));
        assert_eq!(judged(&statement, &stranger), by_stranger, "{place}");
    }
    let elsewhere = with(&[
        ("/predicate/forge/host", json!("git.acme.example")),
        (
            "/subject/0/name",
            json!("git+https://git.acme.example/acme/payments"),
        ),
    ]);
    assert_eq!(judged(&elsewhere, &own), (Outcome::Rejected, Some(Reason::Host)));
}

#[test]
fn what_only_records_may_say_anything() {
    let own = key_of(PRIYA);
    for (place, value) in [
        ("/predicate/seen/patch", json!("5".repeat(64))),
        ("/predicate/seen/assessment", json!("5".repeat(64))),
        ("/predicate/seen/findings", json!(0)),
        ("/predicate/seen/acknowledged/count", json!(99)),
        ("/predicate/seen/acknowledged/sha256", json!("5".repeat(64))),
        ("/predicate/seen/files", json!(0)),
        ("/predicate/seen/viewed", json!(99)),
        ("/predicate/claims/ai", json!([])),
        ("/predicate/claims/app", json!("")),
        ("/predicate/claims/presence", json!("verified")),
        ("/predicate/claims/ledger", json!("5".repeat(64))),
    ] {
        let statement = with(&[(place, value)]);
        assert_eq!(judged(&statement, &own), (Outcome::Accepted, None), "{place}");
    }
}
