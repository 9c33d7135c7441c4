//! Step 13: replay.

use serde_json::{Value, json};

use super::*;

pub(super) fn replay(cases: &mut Cases) {
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
    by_the_forges_clock(cases);
    change_requests(cases);
}

/// Priya's approval, dated by her clock.
fn dated(id: &str, issued: &str, posted: &str) -> Value {
    let mut statement = statement(PRIYA, PATH);
    statement["predicate"]["issuedAt"] = json!(issued);
    at(
        review(
            id,
            PRIYA,
            "approved",
            &signed_body(&statement, &key_of(PRIYA), &USUAL),
        ),
        posted,
    )
}

/// Reviews of Priya's, of which the first was dismissed at 22:12.
fn dismissed_first(reviews: &[Value]) -> Value {
    let mut input = scene(PATH);
    for review in reviews {
        add_review(&mut input, review.clone());
    }
    input["reviews"]["items"][0]["state"] = json!("dismissed");
    let by = (RAVI.0, RAVI.1);
    add(
        &mut input,
        "dismissals",
        dismissal("9001", by, "2026-11-23T22:12:00Z", "approved"),
    );
    input
}

fn by_the_forges_clock(cases: &mut Cases) {
    // Four minutes ahead: the statement seems to be younger than the dismissal of its first posting.
    let ahead = "2026-11-23T22:14:40Z";
    cases
        .rejected(
            "withdrawn-replay-clock-ahead",
            "E_WITHDRAWN_REPLAY",
            "A dismissed approval is posted again; the signer's clock ran ahead when it was signed.",
            dismissed_first(&[
                dated("9001", ahead, "2026-11-23T22:10:40Z"),
                dated("9002", ahead, "2026-11-23T22:15:00Z"),
            ]),
        )
        .reviews = vec![
        ("9001", Some("E_REVIEW_STATE")),
        ("9002", Some("E_WITHDRAWN_REPLAY")),
    ];
    cases.rejected(
        "withdrawn-replay-posted-before",
        "E_WITHDRAWN_REPLAY",
        "Its bytes were there, in a comment, before another approval of the same person was dismissed.",
        dismissed_first(&[
            approval("9001", PRIYA, PATH),
            {
                let mut comment = dated("9002", ahead, "2026-11-23T22:11:00Z");
                comment["state"] = json!("commented");
                comment
            },
            dated("9003", ahead, "2026-11-23T22:15:00Z"),
        ]),
    );
    let erased = |issued: &str, posted: &str| {
        let mut input = dismissed_first(&[
            dated("9001", ahead, "2026-11-23T22:10:40Z"),
            dated("9002", issued, posted),
        ]);
        input["reviews"]["items"][0]["body"] = json!("LGTM");
        input["reviews"]["items"][0]["edited_at"] = json!("2026-11-23T22:13:00Z");
        input
    };
    cases.rejected(
        "withdrawn-replay-erased",
        "E_WITHDRAWN_REPLAY",
        "As withdrawn-replay-clock-ahead, and the first posting was edited to hide it.",
        erased(ahead, "2026-11-23T22:15:00Z"),
    );
    cases.accepted(
        "ok-approved-anew-after-erasure",
        "An earlier review was edited; the new approval is more than five minutes younger than the dismissal.",
        erased("2026-11-23T22:17:01Z", "2026-11-23T22:17:10Z"),
    );
    cases.accepted(
        "ok-approved-anew",
        "An approval was dismissed, and the same person signed another afterwards.",
        dismissed_first(&[dated("9001", "2026-11-23T22:10:05Z", "2026-11-23T22:10:40Z"), {
            let mut statement = statement(PRIYA, PATH);
            statement["predicate"]["issuedAt"] = json!("2026-11-23T22:12:30Z");
            statement["predicate"]["nonce"] = json!("ZmVkY2JhOTg3NjU0MzIxMA");
            let body = signed_body(&statement, &key_of(PRIYA), &USUAL);
            at(review("9002", PRIYA, "approved", &body), "2026-11-23T22:12:40Z")
        }]),
    );
}

fn change_requests(cases: &mut Cases) {
    let blocked = "E_CHANGES_REQUESTED";
    let ahead = "2026-11-23T22:15:00Z";
    let requested = |hidden: bool| {
        let mut input = scene(PATH);
        add_review(&mut input, dated("9001", ahead, "2026-11-23T22:11:00Z"));
        if hidden {
            input["reviews"]["items"][0]["body"] = json!("LGTM");
            input["reviews"]["items"][0]["edited_at"] = json!("2026-11-23T22:13:30Z");
        }
        let wait = review("9002", PRIYA, "changes_requested", "Wait");
        add_review(&mut input, at(wait, "2026-11-23T22:13:00Z"));
        add_review(&mut input, dated("9003", ahead, "2026-11-23T22:14:00Z"));
        input
    };
    cases.rejected(
        "changes-requested-replayed-clock-ahead",
        blocked,
        "An approval from before the request is posted again; the signer's clock ran ahead when it was signed.",
        requested(false),
    );
    cases.rejected(
        "changes-requested-replayed-erased",
        blocked,
        "The same, and the first posting was edited to hide it.",
        requested(true),
    );
}
