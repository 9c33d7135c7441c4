//! Step 2: whether a sign-off is needed.

use serde_json::{Value, json};

use super::*;

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

/// A policy that lets changes pass of which nobody said that AI helped.
pub(super) fn involvement(cases: &mut Cases) {
    let allowing = |edit: fn(&mut Value)| {
        let mut input = scene(PATH);
        replace_text(
            &mut input,
            "policy",
            "[signoff]",
            "[signoff]\nundeclared = \"allow\"",
        );
        edit(&mut input);
        input
    };
    for (name, what, edit) in [
        (
            "not-required-undeclared",
            "Nobody said that AI helped, and the policy lets such changes pass.",
            (|_| {}) as fn(&mut Value),
        ),
        (
            "not-required-declared-none",
            "The author says that no AI helped, which counts as if nobody had said.",
            |input| input["change"]["body"] = json!("No AI was used."),
        ),
    ] {
        cases.add(name, what, "not_required", None, allowing(edit));
    }
    for (name, what, edit) in [
        (
            "ai-opener",
            "An agent's account opened it.",
            (|input| {
                input["change"]["author"] =
                    json!({"login": "copilot-swe-agent[bot]", "id": "198982749", "kind": "bot"});
            }) as fn(&mut Value),
        ),
        (
            "ai-trailer",
            "A commit names an agent as co-author, with CRLF line ends.",
            |input| {
                input["commits"]["items"][0]["message"] =
                    json!("Pay\r\n\r\nCo-Authored-By: Claude <noreply@anthropic.com>\r\n");
            },
        ),
        (
            "ai-branch",
            "The branch has the form that an agent gives its branches.",
            |input| input["change"]["head_branch"] = json!("claude/issue-853-20250828-2229"),
        ),
        (
            "ai-description",
            "The description has the line that an agent leaves.",
            |input| {
                input["change"]["body"] =
                    json!("Pay\n\n\u{1f916} Generated with [Claude Code](https://claude.com/claude-code)\n");
            },
        ),
        (
            "undeclared-but-all",
            "The policy asks for a sign-off on all changes, whoever helped.",
            |input| replace_text(input, "policy", "require = \"ai-assisted\"", "require = \"all\""),
        ),
        (
            "undeclared-but-ruled",
            "A rule asks for a sign-off where nobody said.",
            |input| {
                replace_text(
                    input,
                    "policy",
                    "paths = [\"infra/**\"]",
                    "paths = [\"src/**\"]\nundeclared = \"require\"",
                );
            },
        ),
        (
            "undeclared-but-guarded",
            "The change touches the policy.",
            |input| set_changed(input, &[changed(".github/countersign.toml")]),
        ),
        (
            "undeclared-but-traced",
            "The change adds a file in whose lines agents write down their work, and nobody reads the lines: no objects.",
            |input| set_changed(input, &[changed(".agent-trace/traces.jsonl")]),
        ),
        (
            "undeclared-but-cut",
            "The list of paths was cut: the change may touch anything.",
            |input| input["content"]["total"] = json!(2),
        ),
    ] {
        cases.rejected(name, "E_QUORUM", what, allowing(edit));
    }
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
pub(super) fn seniors_own() -> Value {
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
