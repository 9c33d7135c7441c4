//! Steps 12 and 13: time and replay.

use serde_json::{Value, json};

use super::*;

pub(super) fn time_and_replay(cases: &mut Cases) {
    let dated = |issued: &str, expires: &str| {
        stated(|predicate| {
            predicate["issuedAt"] = json!(issued);
            predicate["expiresAt"] = json!(expires);
        })
    };
    cases.rejected(
        "future",
        "E_FUTURE",
        "Dated more than five minutes ahead.",
        dated("2026-11-23T22:25:01Z", "2026-11-30T22:10:05Z"),
    );
    cases
        .rejected("expired", "E_EXPIRED", "The approval has expired.", approved())
        .now = "2026-11-30T22:10:05Z";
    cases.rejected(
        "lifetime",
        "E_LIFETIME",
        "Valid for longer than the policy allows.",
        dated("2026-11-23T22:10:05Z", "2026-11-30T22:10:06Z"),
    );
    cases.rejected(
        "time-skew-late",
        "E_TIME_SKEW",
        "Posted more than 72 hours after signing.",
        dated("2026-11-20T22:10:39Z", "2026-11-27T22:10:39Z"),
    );
    cases.rejected(
        "time-skew-early",
        "E_TIME_SKEW",
        "Signed, it says, after it was posted.",
        dated("2026-11-23T22:15:41Z", "2026-11-30T22:15:41Z"),
    );
    cases.rejected(
        "clock-set-back",
        "E_TIME_SKEW",
        "The signer's clock was set back to before the policy's delay.",
        long_lived(dated("2026-11-01T00:00:00Z", "2026-11-30T00:00:00Z")),
    );
    cases
        .rejected(
            "withdrawn-replay",
            "E_WITHDRAWN_REPLAY",
            "A dismissed approval is posted again.",
            with(|input| {
                input["reviews"]["items"][0]["state"] = json!("dismissed");
                add(
                    input,
                    "dismissals",
                    dismissal("9001", (RAVI.0, RAVI.1), "2026-11-23T22:12:00Z", "approved"),
                );
                add_review(input, at(approval("9002", PRIYA, PATH), "2026-11-23T22:13:00Z"));
            }),
        )
        .reviews = vec![
        ("9001", Some("E_REVIEW_STATE")),
        ("9002", Some("E_WITHDRAWN_REPLAY")),
    ];
    cases.rejected(
        "nonce-reused",
        "E_NONCE_REUSED",
        "Other bytes under the same nonce.",
        with(|input| {
            let mut other = statement(PRIYA, PATH);
            other["predicate"]["seen"]["viewed"] = json!(0);
            let body = signed_body(&other, &key_of(PRIYA), &USUAL);
            add_review(
                input,
                at(review("9002", PRIYA, "approved", &body), "2026-11-23T22:11:00Z"),
            );
        }),
    );
    cases.accepted(
        "ok-nonce-rubbish",
        "Somebody posts rubbish under the same nonce: it voids nothing.",
        with(|input| {
            let mut other = statement(PRIYA, PATH);
            other["predicate"]["seen"]["viewed"] = json!(0);
            let body = signed_body(&other, &TestKey::ed25519(9), &USUAL);
            add_review(
                input,
                at(review("9002", PRIYA, "commented", &body), "2026-11-23T22:11:00Z"),
            );
        }),
    );
}

/// Lets the policy allow a long life, so that the delay alone decides.
fn long_lived(mut input: Value) -> Value {
    replace_text(&mut input, "policy", "max_age = \"7d\"", "max_age = \"60d\"");
    input
}
