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
    for (name, what, from, to) in [
        (
            "policy-stars-in-name",
            "`**` within a name, which glob readers take for `*`: `infra/a/b.tf` would not match.",
            "infra/**",
            "infra/**.tf",
        ),
        (
            "policy-mark-beside-letters",
            "`?` beside letters outside of ASCII, which readers of bytes take for a part of one.",
            "infra/**",
            "é/?",
        ),
    ] {
        cases.undecided(
            name,
            "E_POLICY_UNREADABLE",
            what,
            with(|input| replace_text(input, "policy", from, to)),
        );
    }
    for (name, what, glob) in [
        (
            "policy-glob-too-long",
            "A glob of more than 1024 bytes.",
            "x".repeat(1025),
        ),
        (
            "policy-glob-too-deep",
            "Braces nested nine deep.",
            format!("{}x{}", "{".repeat(9), "}".repeat(9)),
        ),
        (
            "policy-too-many-globs",
            "More than 2,000 globs.",
            vec!["a"; 2_000].join("\", \""),
        ),
    ] {
        cases.undecided(
            name,
            "E_POLICY_UNREADABLE",
            what,
            with(|input| replace_text(input, "policy", "infra/**", &glob)),
        );
    }
    for (name, what, file) in [
        ("policy-is-a-link", "The policy is a link.", "policy"),
        (
            "signers-are-a-link",
            "The allowed signers are a link.",
            "allowed_signers",
        ),
        (
            "revoked-are-a-link",
            "The revoked keys are a link.",
            "revoked_keys",
        ),
    ] {
        cases.undecided(
            name,
            "E_POLICY_UNREADABLE",
            what,
            with(|input| input["trust"][file]["mode"] = json!("120000")),
        );
    }
    cases
        .undecided(
            "policy-of-other-blob",
            "E_INPUT_MISSING",
            "The policy's text is not what its tree names.",
            approved(),
        )
        .input["trust"]["policy"]["blob"] = json!(oid("a"));
    cases.undecided(
        "revoked-mangled",
        "E_POLICY_UNREADABLE",
        "A revoked key has lost its last byte: it would revoke nothing.",
        with(|input| {
            use base64ct::{Base64, Encoding as _};
            let blob = key_of(PRIYA).blob();
            let cut = Base64::encode_string(&blob[..blob.len() - 1]);
            input["trust"]["revoked_keys"]["text"] = json!(format!("ssh-ed25519 {cut}\n"));
        }),
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
            input["pushes"][0]["actor"] = person(SAM.0, SAM.1);
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
}

pub(super) fn guarded(cases: &mut Cases) {
    let quorum = "E_QUORUM";
    for (name, path) in [
        ("guard-policy", ".github/countersign.toml"),
        ("guard-signers", ".github/allowed_signers"),
        ("guard-codeowners", "docs/CODEOWNERS"),
        ("guard-gate-workflow", ".github/workflows/countersign.yml"),
        ("guard-other-workflow", ".github/workflows/lint/build.yml"),
        ("guard-action", ".github/actions/verify/action.yml"),
        ("guard-gate-file", "tools/gate/run.sh"),
    ] {
        let mut input = scene(path);
        input["trust"]["gate_files"] = json!(["tools/gate"]);
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
            set_changed(&mut input, &[changed(".github/countersign.toml")]);
            input
        },
    );
    for (name, what, path, old, new) in [
        (
            "gitlink-at-ruled-folder",
            "A submodule takes the place of the folder that a rule is about.",
            "infra",
            "000000",
            "160000",
        ),
        (
            "link-at-ruled-folder",
            "A link takes the place of the folder that a rule is about.",
            "infra",
            "000000",
            "120000",
        ),
        (
            "gitlink-left-ruled-folder",
            "A submodule goes from where a rule's folder was.",
            "infra",
            "160000",
            "000000",
        ),
        (
            "guard-link-at-folder",
            "A link takes the place of the folder that holds the policy.",
            ".github",
            "000000",
            "120000",
        ),
    ] {
        let oid_of = |mode: &str| if mode == "000000" { oid("0") } else { oid("9") };
        let mut input = stated(|predicate| predicate["change"]["changeset"] = Value::Null);
        set_changed(
            &mut input,
            &[json!({
                "path": path, "old_mode": old, "new_mode": new, "old_oid": oid_of(old), "new_oid": oid_of(new),
            })],
        );
        cases.rejected(name, quorum, what, input);
    }
    for (name, what, edit) in [
        (
            "list-empty",
            "The list of paths is empty: every rule applies.",
            (|input| set_changed(input, &[])) as fn(&mut Value),
        ),
        (
            "list-short",
            "Fewer paths than there are: every rule applies.",
            |input| input["content"]["total"] = json!(2),
        ),
        (
            "list-uncounted",
            "Nobody can tell how many paths there are: every rule applies.",
            |input| input["content"]["total"] = Value::Null,
        ),
        (
            "list-path-twice",
            "One path stands twice and makes up the number: every rule applies.",
            |input| set_changed(input, &[changed(PATH), changed(PATH)]),
        ),
        (
            "list-two-merge-bases",
            "Several merge bases, and the list is from one of them: every rule applies.",
            |input| input["content"]["merge_bases"] = json!([oid("4"), oid("7")]),
        ),
    ] {
        let mut input = stated(|predicate| predicate["change"]["changeset"] = Value::Null);
        edit(&mut input);
        cases.rejected(name, "E_PRESENCE_MISSING", what, input);
    }
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
            set_changed(&mut input, &[changed("src/\u{fffd}.rs")]);
            input
        },
    );
}

/// A change in which nobody but Ravi had a part.
fn seniors_own() -> Value {
    let mut input = scene(PATH);
    let ravi = person(RAVI.0, RAVI.1);
    input["change"]["author"] = ravi.clone();
    for role in ["author", "committer"] {
        input["commits"]["items"][0][role] =
            json!({"name": "Ravi", "email": "ravi@acme.example", "account": ravi});
    }
    input["pushes"][0]["actor"] = ravi;
    input
}
