//! The end of step 14: the glass, broken as the policy lets it be, and otherwise.

use serde_json::{Value, json};

use super::*;

const REFUSED: &str = "E_BREAK_GLASS";

/// Priya and Olga may break the glass; those have posted.
fn posted(reviews: &[Value]) -> Value {
    let mut input = scene(PATH);
    let_break(&mut input);
    for review in reviews {
        add_review(&mut input, review.clone());
    }
    input
}

fn plain(id: &str, who: Who) -> Value {
    breaks(id, who, PATH, |_| {})
}

/// Both break the glass.
fn both(edit: impl FnOnce(&mut Value)) -> Value {
    let mut input = posted(&[plain("9001", PRIYA), plain("9002", OLGA)]);
    edit(&mut input);
    input
}

fn pushed_by_priya(input: &mut Value) {
    input["pushes"][0]["actor"] = person(PRIYA.0, PRIYA.1);
}

pub(super) fn broken(cases: &mut Cases) {
    cases.accepted(
        "ok-break-glass",
        "Two people whom the policy names break the glass; one of them is no senior.",
        both(|_| {}),
    );
    cases.accepted(
        "ok-break-glass-of-the-author",
        "One of the two pushed the fix.",
        both(pushed_by_priya),
    );
    cases.accepted(
        "ok-break-glass-unknown",
        "Nobody can tell who pushed, and more approvals are asked for than there are people.",
        both(|input| {
            input["pushes"] = Value::Null;
            replace_text(input, "policy", "approvals = 1", "approvals = 9");
        }),
    );
    cases.accepted(
        "ok-break-glass-not-needed",
        "One has broken the glass, and the change is signed off by another senior.",
        posted(&[plain("9001", PRIYA), approval("9002", RAVI, PATH)]),
    );
    for (name, what, input) in [
        (
            "break-glass-alone",
            "One person alone.",
            posted(&[plain("9001", PRIYA)]),
        ),
        (
            "break-glass-both-had-a-part",
            "Both had a part in the change.",
            both(|input| {
                pushed_by_priya(input);
                input["commits"]["items"][0]["author"]["email"] = json!("olga@acme.example");
            }),
        ),
        (
            "break-glass-and-an-approval",
            "One breaks the glass and another approves, where two approvals are asked for: neither counts as the other.",
            {
                let mut input = posted(&[plain("9001", PRIYA), approval("9002", RAVI, PATH)]);
                replace_text(&mut input, "policy", "approvals = 1", "approvals = 2");
                input
            },
        ),
        (
            "break-glass-apart",
            "They signed more than the window apart, though each within it of now.",
            posted(&[
                breaks("9001", PRIYA, PATH, |predicate| {
                    predicate["issuedAt"] = json!("2026-11-23T21:21:00Z")
                }),
                at(
                    breaks("9002", OLGA, PATH, |predicate| {
                        predicate["issuedAt"] = json!("2026-11-23T22:24:00Z")
                    }),
                    "2026-11-23T22:19:59Z",
                ),
            ]),
        ),
        ("break-glass-guarded", "The change touches the policy.", {
            let path = ".github/countersign.toml";
            let mut input = scene(path);
            let_break(&mut input);
            for (id, who) in [("9001", PRIYA), ("9002", OLGA)] {
                add_review(&mut input, breaks(id, who, path, |_| {}));
            }
            input
        }),
        (
            "break-glass-nobody-may",
            "The policy lets nobody break the glass.",
            {
                let mut input = scene(PATH);
                add_review(&mut input, plain("9001", PRIYA));
                add_review(&mut input, plain("9002", RAVI));
                input
            },
        ),
    ] {
        let counts: &[&str] = match name {
            "break-glass-alone" | "break-glass-and-an-approval" => &["9001"],
            "break-glass-both-had-a-part" | "break-glass-apart" => &["9001", "9002"],
            _ => &[],
        };
        cases.rejected(name, REFUSED, what, input).reviews = counts.iter().map(|id| (*id, None)).collect();
    }
    for (name, what, second) in [
        (
            "break-glass-not-named",
            "A senior whom [break_glass] does not name.",
            plain("9002", RAVI),
        ),
        (
            "break-glass-too-late",
            "Signed more than the window ago.",
            breaks("9002", OLGA, PATH, |predicate| {
                predicate["issuedAt"] = json!("2026-11-23T21:19:00Z")
            }),
        ),
    ] {
        cases
            .rejected(name, REFUSED, what, posted(&[plain("9001", PRIYA), second]))
            .reviews = vec![("9001", None), ("9002", Some(REFUSED))];
    }
}

pub(super) fn not_lifted(cases: &mut Cases) {
    for (name, what, edit) in [
        (
            "break-glass-reason-too-short",
            "The reason says nothing.",
            (|predicate| predicate["breakGlass"]["reason"] = json!("It is very urgent")) as fn(&mut Value),
        ),
        (
            "break-glass-reason-of-spaces",
            "The reason is white space.",
            |predicate| predicate["breakGlass"]["reason"] = json!(" ".repeat(40)),
        ),
        (
            "break-glass-null",
            "The member is there and says nothing.",
            |predicate| {
                predicate["breakGlass"] = Value::Null;
            },
        ),
        (
            "break-glass-more",
            "The member has an unknown field.",
            |predicate| {
                predicate["breakGlass"]["until"] = json!("2026-12-23T22:10:05Z");
            },
        ),
        (
            "break-glass-of-a-comment",
            "The signed decision is a comment.",
            |predicate| predicate["decision"] = json!("comment"),
        ),
    ] {
        let input = posted(&[breaks("9001", PRIYA, PATH, edit)]);
        cases.rejected(name, "E_SCHEMA", what, input);
    }
    type Edit = fn(&mut Value);
    let rules: [(&str, &str, &str, Edit); 6] = [
        (
            "break-glass-head-moved",
            "E_HEAD_MOVED",
            "Pushed since: content is not lifted.",
            |input| {
                push_head(input, "5", "2");
            },
        ),
        (
            "break-glass-revoked",
            "E_KEY_REVOKED",
            "The first key is revoked.",
            |input| {
                input["reviews"]["items"].as_array_mut().unwrap().pop();
                input["reviews"]["total"] = json!(1);
                input["trust"]["revoked_keys"]["text"] = json!(format!("{}\n", key_of(PRIYA).line()));
            },
        ),
        (
            "break-glass-presence",
            "E_PRESENCE_MISSING",
            "A touch is asked for, which is not lifted.",
            |input| {
                replace_text(input, "policy", "presence = \"none\"", "presence = \"touch\"");
            },
        ),
        (
            "break-glass-changes-requested",
            "E_CHANGES_REQUESTED",
            "A senior asked for changes, which is not lifted.",
            |input| add_review(input, review("9003", RAVI, "changes_requested", "No")),
        ),
        (
            "break-glass-draft",
            "E_CHANGE_STATE",
            "The change is a draft.",
            |input| {
                input["change"]["draft"] = json!(true);
            },
        ),
        (
            "break-glass-edited",
            "E_REVIEW_EDITED",
            "Both reviews were edited.",
            |input| {
                for review in input["reviews"]["items"].as_array_mut().unwrap() {
                    review["edited_at"] = json!("2026-11-23T22:12:00Z");
                }
            },
        ),
    ];
    for (name, reason, what, edit) in rules {
        cases.rejected(name, reason, what, both(edit));
    }
    cases.rejected(
        "break-glass-expired",
        "E_EXPIRED",
        "The statement has expired within the window.",
        posted(&[breaks("9001", PRIYA, PATH, |predicate| {
            predicate["expiresAt"] = json!("2026-11-23T22:15:00Z");
        })]),
    );
    cases.rejected(
        "break-glass-person-approves",
        "E_ROLE",
        "Somebody who may break the glass and is no senior signs an approval.",
        posted(&[approval("9001", OLGA, PATH)]),
    );
}

pub(super) fn policies(cases: &mut Cases) {
    type Edit = (&'static str, &'static str, &'static str, &'static str);
    let edits: [Edit; 4] = [
        (
            "break-glass-policy-of-one",
            "[break_glass] names one person.",
            "    { login = \"olga-t\", id = \"5678901\", principal = \"olga@acme.example\" },\n",
            "",
        ),
        (
            "break-glass-policy-for-days",
            "The window is longer than a day.",
            "window = \"1h\"",
            "window = \"2d\"",
        ),
        (
            "break-glass-policy-more",
            "[break_glass] has an unknown field.",
            "window = \"1h\"",
            "windows = \"1h\"",
        ),
        (
            "break-glass-policy-twice",
            "One account stands for two people.",
            "id = \"5678901\"",
            "id = \"1234567\"",
        ),
    ];
    for (name, what, from, to) in edits {
        let input = both(|input| replace_text(input, "policy", from, to));
        cases.undecided(name, "E_POLICY_UNREADABLE", what, input);
    }
    let extending = |organisation_lets: bool| {
        let mut input = both(extends::extending);
        let theirs = &mut input["trust"]["organisation"];
        if organisation_lets {
            let mut scene = scene(PATH);
            let_break(&mut scene);
            for file in ["policy", "allowed_signers"] {
                theirs[file]["text"] = scene["trust"][file]["text"].clone();
            }
        } else {
            // It knows all the keys, and nothing of emergencies.
            let text = allowed_signers() + &signer_line(OLGA, "", &key_of(OLGA));
            theirs["allowed_signers"]["text"] = json!(text);
        }
        input
    };
    cases.accepted(
        "ok-break-glass-extends",
        "Both the repository and the organisation let these two break the glass.",
        extending(true),
    );
    cases.rejected(
        "break-glass-extends",
        REFUSED,
        "Only the repository's policy has a [break_glass].",
        extending(false),
    );
}
