//! Step 3: the standing of a review.

use serde_json::{Value, json};

use super::*;

pub(super) fn standing(cases: &mut Cases) {
    cases.rejected("no-review", "E_QUORUM", "Nobody has approved.", scene(PATH));
    cases
        .rejected(
            "dismissed",
            "E_QUORUM",
            "The approval was dismissed.",
            with(|input| {
                input["reviews"]["items"][0]["state"] = json!("dismissed");
                add(
                    input,
                    "dismissals",
                    dismissal("9001", (RAVI.0, RAVI.1), "2026-11-23T22:15:00Z", "approved"),
                );
            }),
        )
        .reviews = vec![("9001", Some("E_REVIEW_STATE"))];
    cases
        .rejected(
            "superseded",
            "E_NO_ENVELOPE",
            "A later approval without a signature takes the place of the signed one.",
            with(|input| {
                add_review(
                    input,
                    at(review("9002", PRIYA, "approved", "LGTM"), "2026-11-23T22:12:00Z"),
                );
            }),
        )
        .reviews = vec![("9001", Some("E_SUPERSEDED")), ("9002", Some("E_NO_ENVELOPE"))];
    cases.rejected(
        "edited",
        "E_REVIEW_EDITED",
        "The body was edited after it was submitted.",
        with(|input| {
            input["reviews"]["items"][0]["edited_at"] = json!("2026-11-23T22:15:00Z");
        }),
    );
    cases.rejected(
        "stolen-token-edits-old-body",
        "E_REVIEW_EDITED",
        "A stolen token pastes a signed envelope into an old review.",
        with(|input| {
            input["reviews"]["items"][0]["submitted_at"] = json!("2026-11-20T08:00:00Z");
            input["reviews"]["items"][0]["edited_at"] = json!("2026-11-23T22:15:00Z");
        }),
    );
    cases.rejected(
        "bot",
        "E_REVIEWER_BOT",
        "An app approves.",
        with(|input| input["reviews"]["items"][0]["author"]["kind"] = json!("bot")),
    );
    cases.rejected(
        "ghost",
        "E_REVIEWER_BOT",
        "The reviewer's account was deleted.",
        with(|input| input["reviews"]["items"][0]["author"] = Value::Null),
    );

    let requested = |later: &[Value]| {
        with(|input| {
            add_review(
                input,
                at(
                    review("9002", RAVI, "changes_requested", "Not like this"),
                    "2026-11-23T22:05:00Z",
                ),
            );
            for review in later {
                add_review(input, review.clone());
            }
        })
    };
    let blocked = "E_CHANGES_REQUESTED";
    cases.rejected(
        "changes-requested",
        blocked,
        "Another senior asked for changes.",
        requested(&[]),
    );
    cases.rejected(
        "changes-requested-lifted-by-token",
        blocked,
        "A stolen token approves without a signature to lift a change request.",
        {
            requested(&[at(
                review("9003", RAVI, "approved", "Fine now"),
                "2026-11-23T22:12:00Z",
            )])
        },
    );
    cases.accepted(
        "changes-requested-lifted",
        "The same senior signs an approval afterwards.",
        requested(&[at(approval("9003", RAVI, PATH), "2026-11-23T22:12:00Z")]),
    );
    cases.rejected(
        "changes-requested-replayed",
        blocked,
        "A stolen token posts the senior's earlier approval again.",
        with(|input| {
            add_review(input, at(approval("9002", RAVI, PATH), "2026-11-23T22:11:00Z"));
            add_review(
                input,
                at(
                    review("9003", RAVI, "changes_requested", "Wait"),
                    "2026-11-23T22:13:00Z",
                ),
            );
            add_review(input, at(approval("9004", RAVI, PATH), "2026-11-23T22:14:00Z"));
        }),
    );
    for (name, what, by, lifted) in [
        (
            "changes-requested-dismissed",
            "Another senior dismissed the change request.",
            (PRIYA.0, PRIYA.1),
            true,
        ),
        (
            "changes-requested-dismissed-by-self",
            "The senior's own account dismissed it: a token could do that.",
            (RAVI.0, RAVI.1),
            false,
        ),
        (
            "changes-requested-dismissed-by-junior",
            "Somebody who is not a senior dismissed it.",
            SAM,
            false,
        ),
    ] {
        let mut input = requested(&[]);
        input["reviews"]["items"][1]["state"] = json!("dismissed");
        add(
            &mut input,
            "dismissals",
            dismissal("9002", by, "2026-11-23T22:15:00Z", "changes_requested"),
        );
        if lifted {
            cases.accepted(name, what, input)
        } else {
            cases.rejected(name, blocked, what, input)
        };
    }
    let by_one_with_a_part = |edit: fn(&mut Value, Value)| {
        let mut input = requested(&[]);
        input["reviews"]["items"][1]["state"] = json!("dismissed");
        let by = (HANA.0, HANA.1);
        add(
            &mut input,
            "dismissals",
            dismissal("9002", by, "2026-11-23T22:15:00Z", "changes_requested"),
        );
        edit(&mut input, person(HANA.0, HANA.1));
        input
    };
    for (name, what, edit) in [
        (
            "changes-requested-dismissed-by-pusher",
            "A senior who pushed to the change dismissed it.",
            (|input, hana| {
                input["pushes"] = json!([push("0", "5", hana), push("5", "1", person(SAM.0, SAM.1))])
            }) as fn(&mut Value, Value),
        ),
        (
            "changes-requested-dismissed-by-author",
            "A senior who wrote a commit dismissed it.",
            |input, hana| input["commits"]["items"][0]["author"]["account"] = hana,
        ),
        (
            "changes-requested-dismissed-by-operator",
            "A senior who set the agent to work dismissed it.",
            |input, hana| input["operators"] = operators(&[hana]),
        ),
        (
            "changes-requested-dismissed-odd-state",
            "What was dismissed is said to have been a comment: only an approval is surely none.",
            |input, _| {
                input["dismissals"]["items"][0]["was"] = json!("commented");
                input["dismissals"]["items"][0]["by"] = person(SAM.0, SAM.1);
            },
        ),
    ] {
        cases.rejected(name, blocked, what, by_one_with_a_part(edit));
    }
    cases
        .rejected(
            "headline-of-senior",
            "E_HEAD_MOVED",
            "Somebody who is no senior approves last: the senior's reason is the one that helps.",
            with(|input| {
                push_head(input, "5", "2");
                let eve = ("eve-x", "6666666", "eve@acme.example");
                add_review(
                    input,
                    at(review("9002", eve, "approved", "LGTM"), "2026-11-23T22:12:00Z"),
                );
            }),
        )
        .reviews = vec![("9001", Some("E_HEAD_MOVED")), ("9002", Some("E_NO_ENVELOPE"))];
}
