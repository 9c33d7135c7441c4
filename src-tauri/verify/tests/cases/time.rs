//! Step 12: time.

use serde_json::{Value, json};

use super::*;

pub(super) fn time(cases: &mut Cases) {
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
}

/// Lets the policy allow a long life, so that the delay alone decides.
fn long_lived(mut input: Value) -> Value {
    replace_text(&mut input, "policy", "max_age = \"7d\"", "max_age = \"60d\"");
    input
}
