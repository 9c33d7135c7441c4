//! Steps 8 to 11: the statement, where it belongs, what it is about.

use serde_json::{Value, json};

use super::*;

pub(super) fn statements(cases: &mut Cases) {
    cases.rejected(
        "schema-unknown-field",
        "E_SCHEMA",
        "A field that the format does not have.",
        stated(|predicate| predicate["more"] = json!(1)),
    );
    cases.rejected(
        "schema-field-missing",
        "E_SCHEMA",
        "A field is left out.",
        stated(|predicate| {
            predicate["change"].as_object_mut().unwrap().remove("changeset");
        }),
    );
    cases.rejected(
        "schema-id-as-number",
        "E_SCHEMA",
        "An id as a number.",
        stated(|predicate| predicate["forge"]["repoId"] = json!(123_456_789)),
    );
    cases.rejected(
        "schema-local-time",
        "E_SCHEMA",
        "A date in another form.",
        stated(|predicate| predicate["issuedAt"] = json!("2026-11-23T23:10:05+01:00")),
    );
    for (name, what, edit) in [
        (
            "schema-object-as-list",
            "An object written as a list of its values, which some readers take.",
            (|predicate| predicate["reviewer"] = json!([PRIYA.1, PRIYA.0])) as fn(&mut Value),
        ),
        (
            "schema-word-as-object",
            "A word written as an object, which some readers take.",
            |predicate| predicate["decision"] = json!({"approve": null}),
        ),
        (
            "schema-policy-path",
            "The policy is not where policies are.",
            |predicate| predicate["policy"]["path"] = json!("docs/countersign.toml"),
        ),
        (
            "schema-policy-rule",
            "A rule that the format does not have.",
            |predicate| predicate["policy"]["rule"] = json!("none"),
        ),
    ] {
        cases.rejected(name, "E_SCHEMA", what, stated(edit));
    }
    cases.rejected("schema-two-subjects", "E_SCHEMA", "Two subjects.", {
        let mut statement = statement(PRIYA, PATH);
        let first = statement["subject"][0].clone();
        statement["subject"].as_array_mut().unwrap().push(first);
        bodied(&signed_body(&statement, &key_of(PRIYA), &USUAL))
    });
    cases.rejected(
        "payload-dupkey",
        "E_JSON_DUPKEY",
        "The signed statement names a key twice.",
        {
            let text = String::from_utf8(payload(&statement(PRIYA, PATH))).unwrap();
            let twice = text
                .replacen("\"decision\":", "\"decision\":\"comment\",\"decision\":", 1)
                .into_bytes();
            bodied(&body(&envelope(
                &twice,
                &armor(&sshsig(&key_of(PRIYA), &twice, &USUAL)),
            )))
        },
    );
    cases.rejected(
        "predicate-type",
        "E_PREDICATE_TYPE",
        "Another attestation, signed with the same key in our namespace.",
        {
            let mut other = statement(PRIYA, PATH);
            other["predicateType"] = json!("https://slsa.dev/provenance/v1");
            bodied(&signed_body(&other, &key_of(PRIYA), &USUAL))
        },
    );
    for (name, decision) in [
        ("decision-comment", "comment"),
        ("decision-request-changes", "request_changes"),
    ] {
        cases.rejected(
            name,
            "E_DECISION",
            "A signed decision of another kind, posted as an approval.",
            stated(|predicate| predicate["decision"] = json!(decision)),
        );
    }
    cases.rejected(
        "reviewer-mismatch",
        "E_REVIEWER_MISMATCH",
        "The statement names another reviewer.",
        stated(|predicate| predicate["reviewer"]["id"] = json!(RAVI.1)),
    );
    cases.rejected(
        "pasted-by-other-senior",
        "E_SIGNER_UNKNOWN",
        "Another senior's account posts Priya's envelope.",
        {
            let mut input = scene(PATH);
            add_review(
                &mut input,
                review("9001", RAVI, "approved", &body_of(&approved())),
            );
            input
        },
    );
    cases.rejected(
        "host",
        "E_HOST",
        "An envelope from another forge.",
        with(|input| input["forge"]["host"] = json!("git.acme.example")),
    );
    cases.rejected(
        "repo-id",
        "E_REPO_ID",
        "An envelope from another repository, or from a fork.",
        with(|input| input["forge"]["repo_id"] = json!("123456780")),
    );
    cases.rejected(
        "change-id",
        "E_CHANGE_ID",
        "An envelope from another change.",
        with(|input| input["change"]["change_id"] = json!("2345678902")),
    );
    cases.rejected(
        "change-number",
        "E_CHANGE_ID",
        "An envelope from another number.",
        with(|input| input["change"]["number"] = json!("4218")),
    );
    cases.rejected(
        "target-ref",
        "E_TARGET_REF",
        "The change was pointed at another branch afterwards.",
        with(|input| input["change"]["target_ref"] = json!("refs/heads/release")),
    );
    cases.accepted(
        "ok-renamed-repository",
        "The repository was renamed: ids are compared, names are not.",
        with(|input| input["forge"]["repo"] = json!("acme/pay")),
    );
}

pub(super) fn content(cases: &mut Cases) {
    let pushed = |input: &mut Value| push_head(input, "5", "2");
    cases.rejected(
        "head-moved",
        "E_HEAD_MOVED",
        "Something was pushed after the approval.",
        with(|input| pushed(input)),
    );
    cases.rejected(
        "same-diff-other-head",
        "E_HEAD_MOVED",
        "The same diff under another head.",
        with(|input| {
            pushed(input);
            input["reviews"]["items"][0]["commit"] = json!(oid("5"));
        }),
    );
    cases.rejected(
        "tree",
        "E_TREE_MISMATCH",
        "The signed tree is not the head's.",
        stated_subject("gitTree"),
    );
    cases.rejected(
        "changeset",
        "E_CHANGESET_MISMATCH",
        "The target moved: the change now does something else.",
        with(|input| {
            set_changed(input, &[changed(PATH), changed("src/auth.rs")]);
        }),
    );
    cases.rejected(
        "changeset-mode",
        "E_CHANGESET_MISMATCH",
        "Only a mode differs.",
        with(|input| input["content"]["changed"][0]["new_mode"] = json!("100755")),
    );
    cases.rejected(
        "changeset-merge-bases",
        "E_CHANGESET_MISMATCH",
        "Several merge bases: what the change does cannot be told, and no changeset was signed.",
        {
            let mut input = stated(|predicate| predicate["change"]["changeset"] = Value::Null);
            input["content"]["merge_bases"] = json!([oid("4"), oid("7")]);
            without_presence(&mut input);
            input
        },
    );
    cases.rejected(
        "changeset-absent",
        "E_CHANGESET_ABSENT",
        "Bound to the changeset, and none was signed.",
        {
            let mut input = stated(|predicate| predicate["change"]["changeset"] = Value::Null);
            replace_text(&mut input, "policy", "bind = \"head\"", "bind = \"changeset\"");
            input
        },
    );
    cases.rejected(
        "bind-changeset-other-content",
        "E_CHANGESET_MISMATCH",
        "Bound to the changeset, and another push changed it.",
        with(|input| {
            replace_text(input, "policy", "bind = \"head\"", "bind = \"changeset\"");
            pushed(input);
            input["content"]["changed"][0]["new_oid"] = json!(oid("7"));
        }),
    );
    cases.rejected(
        "review-commit",
        "E_REVIEW_COMMIT",
        "The forge attributes the review to another commit.",
        with(|input| input["reviews"]["items"][0]["commit"] = json!(oid("6"))),
    );
    cases.accepted(
        "ok-review-commit-absent",
        "The forge names no commit: noted.",
        with(|input| input["reviews"]["items"][0]["commit"] = Value::Null),
    );
}

fn stated_subject(field: &str) -> Value {
    let mut other = statement(PRIYA, PATH);
    other["subject"][0]["digest"][field] = json!(oid("6"));
    bodied(&signed_body(&other, &key_of(PRIYA), &USUAL))
}
