//! Step 1: whether the input is whole, consistent, and in its form.

use serde_json::{Value, json};

use super::*;

pub(super) fn wholeness(cases: &mut Cases) {
    cases.undecided(
        "input-field-missing",
        "E_INPUT_MISSING",
        "The collector left out who pushed: not the same as not known.",
        with(|input| {
            input.as_object_mut().unwrap().remove("pushes");
        }),
    );
    cases.undecided(
        "input-edited-at-missing",
        "E_INPUT_MISSING",
        "The collector left out whether the review was edited.",
        with(|input| {
            input["reviews"]["items"][0]
                .as_object_mut()
                .unwrap()
                .remove("edited_at");
        }),
    );
    cases.undecided(
        "input-commits-cut",
        "E_INPUT_MISSING",
        "More than 250 commits, and the forge lists 250.",
        with(|input| input["commits"]["total"] = json!(251)),
    );
    cases.undecided(
        "input-reviews-cut",
        "E_INPUT_MISSING",
        "A list of reviews was cut: a change request may hide in the rest.",
        with(|input| input["reviews"]["total"] = json!(2)),
    );
    cases.undecided(
        "input-head-not-listed",
        "E_INPUT_MISSING",
        "The commits were collected before the last push.",
        with(|input| input["commits"]["items"][0]["oid"] = json!(oid("5"))),
    );
    cases.undecided(
        "input-content-of-other-head",
        "E_INPUT_MISSING",
        "The content was collected for another head.",
        with(|input| input["content"]["head"] = json!(oid("5"))),
    );
    cases.undecided(
        "input-dismissal-missing",
        "E_INPUT_MISSING",
        "A review is dismissed and nobody says by whom.",
        with(|input| input["reviews"]["items"][0]["state"] = json!("dismissed")),
    );
    cases.undecided(
        "input-changed-missing",
        "E_INPUT_MISSING",
        "The changeset was signed and cannot be recomputed.",
        {
            // Without the list every rule applies, so two people with touched keys are needed to come so far.
            with(|input| {
                input["content"]["changed"] = Value::Null;
                without_presence(input);
            })
        },
    );
    let missing = "E_INPUT_MISSING";
    cases.undecided(
        "input-review-twice",
        missing,
        "One review stands twice and makes up the number: another may hide.",
        with(|input| {
            add_review(input, approval("9001", PRIYA, PATH));
        }),
    );
    cases.undecided(
        "input-commit-twice",
        missing,
        "One commit stands twice and makes up the number.",
        with(|input| {
            let commit = input["commits"]["items"][0].clone();
            add(input, "commits", commit);
        }),
    );
    cases.undecided(
        "input-operators-cut",
        missing,
        "Of two who set an agent to work one was collected.",
        with(|input| {
            input["operators"] = operators(&[person(SAM.0, SAM.1)]);
            input["operators"]["total"] = json!(2);
        }),
    );
    cases.undecided(
        "input-same-head-cut",
        missing,
        "Another change has the same head and was not collected.",
        with(|input| input["same_head"]["total"] = json!(1)),
    );
    cases.undecided(
        "input-other-target-tip",
        missing,
        "The content and the policy were collected for different tips of the target.",
        with(|input| input["content"]["target_tip"] = json!(oid("7"))),
    );
    cases.undecided(
        "input-other-tree",
        missing,
        "The head has one tree in the commits and another in the content.",
        with(|input| input["commits"]["items"][0]["tree"] = json!(oid("6"))),
    );
    cases.undecided(
        "input-more-paths-than-counted",
        missing,
        "More changed paths than there are.",
        with(|input| input["content"]["total"] = json!(0)),
    );
    cases.undecided(
        "input-changed-empty",
        missing,
        "A changeset was signed, and the list of paths is empty.",
        with(|input| {
            set_changed(input, &[]);
            without_presence(input);
        }),
    );
}

pub(super) fn form(cases: &mut Cases) {
    let missing = "E_INPUT_MISSING";
    let left_out: [(&str, &str, &[&str]); 4] = [
        (
            "input-account-id-missing",
            "An account's id is left out: not the same as not there.",
            &["reviews", "items", "0", "author", "id"],
        ),
        (
            "input-account-missing",
            "The collector did not say whose the author's address is.",
            &["commits", "items", "0", "author", "account"],
        ),
        (
            "input-tree-missing",
            "The collector left out a commit's tree.",
            &["commits", "items", "0", "tree"],
        ),
        (
            "input-committed-at-missing",
            "The collector left out a commit's date.",
            &["commits", "items", "0", "committed_at"],
        ),
    ];
    for (name, what, place) in left_out {
        cases.undecided(
            name,
            missing,
            what,
            with(|input| {
                let (field, place) = place.split_last().unwrap();
                let object = place
                    .iter()
                    .fold(input, |value, step| match step.parse::<usize>() {
                        Ok(at) => &mut value[at],
                        Err(_) => &mut value[*step],
                    });
                object.as_object_mut().unwrap().remove(*field).unwrap();
            }),
        );
    }
    type Edit = (&'static str, &'static str, fn(&mut Value));
    let edits: [Edit; 9] = [
        (
            "input-account-unknown-field",
            "A field of an account that the format does not have.",
            |input| input["change"]["author"]["type"] = json!("User"),
        ),
        (
            "input-user-without-id",
            "A user's account without an id: every one has one.",
            |input| input["commits"]["items"][0]["author"]["account"]["id"] = Value::Null,
        ),
        (
            "input-id-not-decimal",
            "An account's id is not a decimal number.",
            |input| input["change"]["author"]["id"] = json!("U_kgDO"),
        ),
        (
            "input-id-with-zero",
            "An id in another form of the same number.",
            |input| input["forge"]["repo_id"] = json!("0123456789"),
        ),
        (
            "input-object-as-list",
            "An object written as a list of its values, which some readers take.",
            |input| input["change"]["author"] = json!([SAM.0, SAM.1, "user"]),
        ),
        (
            "input-word-as-object",
            "A word written as an object, which some readers take.",
            |input| input["change"]["state"] = json!({"open": null}),
        ),
        (
            "input-version",
            "Another version of the input's format.",
            |input| input["version"] = json!(2),
        ),
        (
            "input-twin-version",
            "A change with the same head in another version of the input's format.",
            |input| {
                let mut other = scene(PATH);
                other["version"] = json!(2);
                add(input, "same_head", other);
            },
        ),
        (
            "input-twin-object-as-list",
            "A change with the same head with an object written as a list.",
            |input| {
                let mut other = scene(PATH);
                other["change"]["author"] = json!([SAM.0, SAM.1, "user"]);
                add(input, "same_head", other);
            },
        ),
    ];
    for (name, what, edit) in edits {
        cases.undecided(name, missing, what, with(edit));
    }
}
