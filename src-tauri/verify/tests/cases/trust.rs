//! Steps 1 and 2: what is trusted, and whether a sign-off is needed.

use serde_json::{Value, json};

use super::*;

pub(super) fn trust(cases: &mut Cases) {
    cases.undecided(
        "policy-missing",
        "E_POLICY_MISSING",
        "The target branch has no policy.",
        with(|input| input["trust"]["policy"] = Value::Null),
    );
    let unreadable = [
        (
            "policy-unknown-field",
            "A misspelt field would silently loosen the policy.",
            "policy",
            "approvals = 1",
            "aprovals = 1",
        ),
        (
            "policy-broken",
            "The policy is not TOML.",
            "policy",
            "[signoff]",
            "[signoff",
        ),
        (
            "signers-wildcard",
            "A wildcard principal, which OpenSSH takes.",
            "allowed_signers",
            "priya@acme.example",
            "*@acme.example",
        ),
        (
            "signers-list-with-wildcard",
            "A list with a wildcard, which OpenSSH takes.",
            "allowed_signers",
            "priya@acme.example",
            "*@x,b@x",
        ),
        (
            "signers-without-namespace",
            "No namespaces option, which OpenSSH takes.",
            "allowed_signers",
            "namespaces=\"approval@countersign.dev\" ",
            "",
        ),
        (
            "signers-cert-authority",
            "A certificate authority.",
            "allowed_signers",
            "namespaces=",
            "cert-authority,namespaces=",
        ),
        (
            "signers-local-date",
            "A date in the verifier's local time.",
            "allowed_signers",
            "dev\" ",
            "dev\",valid-before=\"20270101\" ",
        ),
    ];
    for (name, what, file, from, to) in unreadable {
        cases.undecided(
            name,
            "E_POLICY_UNREADABLE",
            what,
            with(|input| replace_text(input, file, from, to)),
        );
    }
    cases.undecided(
        "signers-key-twice",
        "E_POLICY_UNREADABLE",
        "One key for two seniors.",
        with(|input| {
            let text = allowed_signers() + &signer_line(("", "", "eve@acme.example"), "", &key_of(PRIYA));
            input["trust"]["allowed_signers"]["text"] = json!(text);
        }),
    );
    cases.undecided(
        "signers-missing",
        "E_POLICY_UNREADABLE",
        "The file that the policy names is not there.",
        with(|input| input["trust"]["allowed_signers"] = Value::Null),
    );
    cases.undecided(
        "revoked-missing",
        "E_POLICY_UNREADABLE",
        "The policy names revoked keys and the file is not there.",
        with(|input| input["trust"]["revoked_keys"] = Value::Null),
    );
    cases.undecided(
        "revoked-krl",
        "E_POLICY_UNREADABLE",
        "The revoked keys are a binary list.",
        with(|input| input["trust"]["revoked_keys"]["text"] = json!("SSHKRL\n\u{0}")),
    );
    cases.undecided(
        "extends",
        "E_NOT_JUDGED",
        "The policy may only tighten another, which is not judged.",
        with(|input| {
            replace_text(
                input,
                "policy",
                "[signoff]",
                "extends = \"acme/policies:countersign.toml\"\n[signoff]",
            );
        }),
    );
    cases.undecided(
        "merge-group",
        "E_NOT_JUDGED",
        "A merge group is to be judged.",
        with(|input| input["merge_group"] = json!({"commits": []})),
    );
    cases.undecided(
        "input-field-missing",
        "E_INPUT_MISSING",
        "The collector left out who pushed: not the same as not known.",
        with(|input| {
            input.as_object_mut().unwrap().remove("pushers");
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
                for (rule, strict) in [
                    ("presence = \"touch\"", "presence = \"none\""),
                    ("presence = \"verified\"", "presence = \"none\""),
                ] {
                    replace_text(input, "policy", rule, strict);
                }
            })
        },
    );
}

pub(super) fn need(cases: &mut Cases) {
    cases.rejected(
        "state-draft",
        "E_CHANGE_STATE",
        "The change is a draft.",
        with(|input| input["change"]["draft"] = json!(true)),
    );
    cases.rejected(
        "state-closed",
        "E_CHANGE_STATE",
        "The change is closed.",
        with(|input| input["change"]["state"] = json!("closed")),
    );
    let seniors_own = || {
        let mut input = scene(PATH);
        let ravi = person(RAVI.0, RAVI.1);
        input["change"]["author"] = ravi.clone();
        for role in ["author", "committer"] {
            input["commits"]["items"][0][role] =
                json!({"name": "Ravi", "email": "ravi@acme.example", "account": ravi});
        }
        input["pushers"]["accounts"] = json!([ravi]);
        input
    };
    cases.add(
        "not-required-senior",
        "Everybody who had a part is a senior.",
        "not_required",
        None,
        seniors_own(),
    );
    let quorum = "E_QUORUM";
    cases.rejected(
        "junior-commit-on-seniors-change",
        quorum,
        "A junior's commit on a senior's change.",
        {
            let mut input = seniors_own();
            let sam = json!({"name": "Sam", "email": "sam@acme.example", "account": person(SAM.0, SAM.1)});
            let mut commit = input["commits"]["items"][0].clone();
            commit["oid"] = json!(oid("5"));
            commit["author"] = sam;
            add(&mut input, "commits", commit);
            input
        },
    );
    cases.rejected(
        "junior-co-author",
        quorum,
        "A junior co-author, named in a trailer.",
        {
            let mut input = seniors_own();
            input["commits"]["items"][0]["message"] =
                json!("Pay\n\nCo-authored-by: Sam <7000001+sam-w@users.noreply.github.com>\n");
            input
        },
    );
    cases.rejected(
        "agent-co-author",
        quorum,
        "An agent is named in a trailer: it is not a senior.",
        {
            let mut input = seniors_own();
            input["commits"]["items"][0]["message"] =
                json!("Pay\n\nCo-Authored-By: Claude <noreply@anthropic.com>\n");
            input
        },
    );
    cases.rejected(
        "junior-pushed",
        quorum,
        "Commits in a senior's name, pushed by a junior.",
        {
            let mut input = seniors_own();
            input["pushers"]["accounts"] = json!([person(SAM.0, SAM.1)]);
            input
        },
    );
    cases.rejected(
        "senior-unmapped-committer",
        quorum,
        "A committer without an account is not a senior.",
        {
            let mut input = seniors_own();
            input["commits"]["items"][0]["committer"]["account"] = Value::Null;
            input["commits"]["items"][0]["committer"]["email"] = json!("someone@elsewhere.example");
            input
        },
    );
    cases.rejected(
        "senior-claimed-by-address",
        quorum,
        "An author's address spells out a senior's id, and the forge maps it to nobody.",
        {
            let mut input = seniors_own();
            input["commits"]["items"][0]["author"] =
                json!({"name": "Ravi", "email": "2345678+ravi-k@users.noreply.evil.example", "account": null});
            input
        },
    );
    cases.rejected(
        "everyone",
        quorum,
        "The policy asks for a sign-off on everybody's changes.",
        {
            let mut input = seniors_own();
            replace_text(
                &mut input,
                "policy",
                "authors = \"non-senior\"",
                "authors = \"everyone\"",
            );
            input
        },
    );
    for (name, path) in [
        ("guard-policy", ".github/countersign.toml"),
        ("guard-signers", ".github/allowed_signers"),
        ("guard-codeowners", "docs/CODEOWNERS"),
        ("guard-gate-workflow", ".github/workflows/countersign.yml"),
    ] {
        let mut input = scene(path);
        add_review(&mut input, approval("9001", PRIYA, path));
        cases.rejected(
            name,
            quorum,
            "The change touches what guards it: one senior is not enough.",
            input.clone(),
        );
        if name == "guard-policy" {
            add_review(
                &mut input,
                at(approval("9002", RAVI, path), "2026-11-23T22:11:00Z"),
            );
            cases.accepted(
                "guard-two-seniors",
                "The change touches the policy and two seniors approve.",
                input,
            );
        }
    }
    cases.rejected(
        "guard-seniors-own",
        quorum,
        "A senior changes the policy alone: nobody is exempt.",
        {
            let mut input = seniors_own();
            input["content"]["changed"] = json!([changed(".github/countersign.toml")]);
            input
        },
    );
    cases.rejected(
        "list-cut-hides-path",
        "E_PRESENCE_MISSING",
        "The list of paths was cut: every rule applies.",
        {
            let mut input = stated(|predicate| predicate["change"]["changeset"] = Value::Null);
            input["content"]["changed"] = Value::Null;
            input
        },
    );
    cases.rejected(
        "path-lost-bytes",
        "E_PRESENCE_MISSING",
        "A path lost bytes on its way: every rule applies.",
        {
            let mut input = stated(|predicate| predicate["change"]["changeset"] = Value::Null);
            input["content"]["changed"] = json!([changed("src/\u{fffd}.rs")]);
            input
        },
    );
}
