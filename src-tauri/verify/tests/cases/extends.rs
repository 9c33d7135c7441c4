//! Step 1 where the policy extends the organisation's: what must be there, and that the stricter of both holds.

use serde_json::{Value, json};

use super::*;

const EXTENDS: &str = "extends = \"acme/policies:teams/countersign.toml\"\n";

/// The organisation's policy is the repository's own, with other paths, until a case edits it.
pub(super) fn extending(input: &mut Value) {
    replace_text(input, "policy", "\n[signoff]", &format!("{EXTENDS}\n[signoff]"));
    let mut theirs = json!({
        "source": "graphql defaultBranchRef, git", "repo": "acme/policies", "repo_id": "5550001", "tip": oid("c"),
    });
    for (file, path) in [
        ("policy", "teams/countersign.toml"),
        ("allowed_signers", ".github/allowed_signers"),
        ("revoked_keys", ".github/revoked_keys"),
    ] {
        theirs[file] = scene(PATH)["trust"][file].clone();
        theirs[file]["path"] = json!(path);
    }
    input["trust"]["organisation"] = theirs;
}

/// The approved scene, extending, with an edit.
fn extended(edit: impl FnOnce(&mut Value)) -> Value {
    with(|input| {
        extending(input);
        edit(input);
    })
}

/// Edits one of the organisation's files.
fn theirs(input: &mut Value, file: &str, from: &str, to: &str) {
    let place = &mut input["trust"]["organisation"][file]["text"];
    let text = place.as_str().unwrap().to_owned();
    assert!(
        text.contains(from),
        "{from:?} is not in the organisation's {file}"
    );
    *place = json!(text.replacen(from, to, 1));
}

pub(super) fn collected(cases: &mut Cases) {
    cases.accepted(
        "ok-extends",
        "The policy extends the organisation's, and both are content.",
        extended(|_| {}),
    );
    type Edit = fn(&mut Value);
    let missing: [(&str, &str, Edit); 6] = [
        (
            "extends-not-collected",
            "The organisation's policy was not collected.",
            |input| input["trust"]["organisation"] = Value::Null,
        ),
        ("extends-left-out", "The field is not there at all.", |input| {
            input["trust"].as_object_mut().unwrap().remove("organisation");
        }),
        (
            "extends-other-repository",
            "Another repository's was collected.",
            |input| {
                input["trust"]["organisation"]["repo"] = json!("acme/polices");
            },
        ),
        ("extends-other-path", "Another file was collected.", |input| {
            input["trust"]["organisation"]["policy"]["path"] = json!("countersign.toml");
        }),
        (
            "extends-other-signers",
            "Other allowed signers were collected than it names.",
            |input| {
                input["trust"]["organisation"]["allowed_signers"]["path"] = json!("signers");
            },
        ),
        (
            "extends-none-and-one-collected",
            "One was collected as the organisation's, and the policy extends none.",
            |input| replace_text(input, "policy", EXTENDS, ""),
        ),
    ];
    for (name, what, edit) in missing {
        cases.undecided(name, "E_INPUT_MISSING", what, extended(edit));
    }
    cases
        .undecided(
            "extends-of-other-blob",
            "E_INPUT_MISSING",
            "The organisation's text is not what its tree names.",
            extended(|_| {}),
        )
        .input["trust"]["organisation"]["policy"]["blob"] = json!(oid("a"));
    let unreadable: [(&str, &str, Edit); 9] = [
        (
            "extends-nothing-there",
            "The organisation's branch has no such file.",
            |input| {
                input["trust"]["organisation"]["policy"] = Value::Null;
            },
        ),
        (
            "extends-no-signers",
            "Its allowed signers are not there.",
            |input| {
                input["trust"]["organisation"]["allowed_signers"] = Value::Null;
            },
        ),
        (
            "extends-no-revoked-keys",
            "Its revoked keys are not there.",
            |input| {
                input["trust"]["organisation"]["revoked_keys"] = Value::Null;
            },
        ),
        ("extends-a-link", "It is a link.", |input| {
            input["trust"]["organisation"]["policy"]["mode"] = json!("120000");
        }),
        ("extends-unknown-field", "It has a misspelt field.", |input| {
            theirs(input, "policy", "approvals = 1", "aprovals = 1");
        }),
        (
            "extends-wildcard",
            "Its allowed signers have a wildcard.",
            |input| {
                theirs(input, "allowed_signers", "priya@acme.example", "*@acme.example");
            },
        ),
        (
            "extends-twice-removed",
            "It extends another itself: one level only.",
            |input| {
                theirs(
                    input,
                    "policy",
                    "\n[signoff]",
                    "extends = \"acme/all:p.toml\"\n[signoff]",
                );
            },
        ),
        (
            "extends-address",
            "The policy extends an address, not owner/repo:path.",
            |input| {
                replace_text(
                    input,
                    "policy",
                    "acme/policies:",
                    "https://github.com/acme/policies:",
                );
            },
        ),
        (
            "extends-outside",
            "The path leads out of the repository.",
            |input| {
                replace_text(input, "policy", ":teams/", ":../");
            },
        ),
    ];
    for (name, what, edit) in unreadable {
        cases.undecided(name, "E_POLICY_UNREADABLE", what, extended(edit));
    }
}

pub(super) fn stricter(cases: &mut Cases) {
    type Edit = fn(&mut Value);
    let rejected: [(&str, &str, &str, Edit); 13] = [
        (
            "extends-approvals",
            "E_QUORUM",
            "The organisation asks for two.",
            |input| {
                theirs(input, "policy", "approvals = 1", "approvals = 2");
            },
        ),
        (
            "extends-own-approvals",
            "E_QUORUM",
            "The repository asks for two, the organisation for one.",
            |input| {
                replace_text(input, "policy", "approvals = 1", "approvals = 2");
            },
        ),
        (
            "extends-rule",
            "E_QUORUM",
            "A rule of the organisation matches.",
            |input| {
                theirs(input, "policy", "infra/**", "src/**");
            },
        ),
        (
            "extends-own-rule",
            "E_QUORUM",
            "A rule of the repository matches that the organisation has not.",
            |input| {
                replace_text(input, "policy", "infra/**", "src/**");
            },
        ),
        (
            "extends-presence",
            "E_PRESENCE_MISSING",
            "The organisation asks for a touch.",
            |input| {
                theirs(input, "policy", "presence = \"none\"", "presence = \"touch\"");
            },
        ),
        (
            "extends-max-age",
            "E_LIFETIME",
            "The approval holds for longer than the organisation allows.",
            |input| {
                theirs(input, "policy", "max_age = \"7d\"", "max_age = \"1d\"");
            },
        ),
        (
            "extends-bind-left-out",
            "E_HEAD_MOVED",
            "The repository binds to the changeset, and the organisation says nothing: then to the head.",
            |input| {
                replace_text(input, "policy", "bind = \"head\"", "bind = \"changeset\"");
                theirs(input, "policy", "bind = \"head\"\n", "");
                push_head(input, "5", "2");
            },
        ),
        (
            "extends-senior-unknown-there",
            "E_SIGNER_UNKNOWN",
            "The organisation does not name the senior.",
            |input| theirs(input, "policy", "id = \"1234567\"", "id = \"1234568\""),
        ),
        (
            "extends-other-principal",
            "E_SIGNER_UNKNOWN",
            "The organisation knows the account under another name.",
            |input| theirs(input, "policy", "priya@acme.example", "p.n@acme.example"),
        ),
        (
            "extends-key-unknown-there",
            "E_SIGNER_UNKNOWN",
            "The organisation's allowed signers do not have the key.",
            |input| theirs(input, "allowed_signers", "priya@acme.example", "p.n@acme.example"),
        ),
        (
            "extends-key-expired",
            "E_KEY_EXPIRED",
            "There the key was allowed up to last month.",
            |input| {
                theirs(
                    input,
                    "allowed_signers",
                    "dev\" ",
                    "dev\",valid-before=\"20261031Z\" ",
                );
            },
        ),
        (
            "extends-key-revoked",
            "E_KEY_REVOKED",
            "There the key is revoked.",
            |input| {
                let text = format!("{}\n", key_of(PRIYA).line());
                input["trust"]["organisation"]["revoked_keys"]["text"] = json!(text);
            },
        ),
        (
            "extends-changes-requested",
            "E_CHANGES_REQUESTED",
            "Somebody asked for changes whom only the organisation calls a senior.",
            |input| {
                replace_text(input, "policy", "id = \"2345678\"", "id = \"2345679\"");
                add_review(input, review("9002", RAVI, "changes_requested", "No"));
            },
        ),
    ];
    for (name, reason, what, edit) in rejected {
        cases.rejected(name, reason, what, extended(edit));
    }
    let nobody = |input: &mut Value| {
        let text = "version = 1\nallowed_signers = \".github/allowed_signers\"\n";
        input["trust"]["organisation"]["policy"]["text"] = json!(text);
        input["trust"]["organisation"]["allowed_signers"]["text"] = json!("# nobody\n");
    };
    cases.accepted(
        "ok-extends-without-people",
        "The organisation names neither seniors nor keys: those of the repository count.",
        extended(nobody),
    );
    cases.rejected(
        "extends-keys-without-seniors",
        "E_SIGNER_UNKNOWN",
        "The organisation has allowed signers and names no senior: nobody is one for both.",
        extended(|input| {
            nobody(input);
            input["trust"]["organisation"]["allowed_signers"]["text"] = json!(allowed_signers());
        }),
    );
}

pub(super) fn touched(cases: &mut Cases) {
    // Hana's key sits on a security key, and she touches it.
    let signed = |edit: fn(&mut Value)| {
        let mut input = scene(PATH);
        extending(&mut input);
        for ask in [replace_text, theirs] {
            ask(
                &mut input,
                "policy",
                "presence = \"none\"",
                "presence = \"touch\"",
            );
        }
        edit(&mut input);
        let making = Making { flags: 1, ..USUAL };
        let body = signed_body(&statement(HANA, PATH), &key_of(HANA), &making);
        add_review(&mut input, review("9001", HANA, "approved", &body));
        input
    };
    cases.accepted(
        "ok-extends-touch",
        "Both have the key enrolled as a security key.",
        signed(|_| {}),
    );
    for (name, what, edit) in [
        (
            "extends-not-enrolled-there",
            "The organisation has not enrolled the key.",
            (|input| theirs(input, "policy", "hardware_keys = [\"", "hardware_keys = [] # [\""))
                as fn(&mut Value),
        ),
        (
            "extends-not-enrolled-here",
            "The repository has not enrolled the key.",
            |input| replace_text(input, "policy", "hardware_keys = [\"", "hardware_keys = [] # [\""),
        ),
    ] {
        cases.rejected(name, "E_PRESENCE_MISSING", what, signed(edit));
    }
}

pub(super) fn exempt(cases: &mut Cases) {
    let quorum = "E_QUORUM";
    let own = |edit: fn(&mut Value)| {
        let mut input = need::seniors_own();
        extending(&mut input);
        edit(&mut input);
        input
    };
    cases.add(
        "extends-not-required-senior",
        "Everybody who had a part is a senior for both.",
        "not_required",
        None,
        own(|_| {}),
    );
    cases.rejected(
        "extends-senior-of-one",
        quorum,
        "A senior's own change, whom the organisation does not name.",
        own(|input| theirs(input, "policy", "id = \"2345678\"", "id = \"2345679\"")),
    );
    cases.rejected(
        "extends-everyone",
        quorum,
        "The organisation asks for a sign-off on everyone's changes.",
        own(|input| {
            theirs(
                input,
                "policy",
                "authors = \"non-senior\"",
                "authors = \"everyone\"",
            )
        }),
    );
    let allow = |input: &mut Value, ask: fn(&mut Value, &str, &str, &str)| {
        ask(input, "policy", "[signoff]", "[signoff]\nundeclared = \"allow\"");
    };
    let undeclared = |edit: &dyn Fn(&mut Value)| {
        let mut input = scene(PATH);
        extending(&mut input);
        allow(&mut input, replace_text);
        edit(&mut input);
        input
    };
    cases.add(
        "extends-not-required-undeclared",
        "Nobody said that AI helped, and both let such changes pass.",
        "not_required",
        None,
        undeclared(&|input| allow(input, theirs)),
    );
    cases.rejected(
        "extends-undeclared",
        quorum,
        "Only the repository lets changes pass of which nobody said.",
        undeclared(&|_| {}),
    );
    cases.rejected(
        "extends-mark",
        quorum,
        "The organisation knows a mark of its own agent.",
        undeclared(&|input| {
            allow(input, theirs);
            let marker = "\n[[marker]]\nid = \"acme.bot\"\nsurface = \"text\"\nstrength = \"strong\"\nrole = \"author\"\n\
                pattern = \"zorg-[0-9]\"\n";
            let text = input["trust"]["organisation"]["policy"]["text"].as_str().unwrap().to_owned();
            input["trust"]["organisation"]["policy"]["text"] = json!(text + marker);
            input["change"]["body"] = json!("Pays once (zorg-7).");
        }),
    );
    for (name, what, repo_id, verdict) in [
        (
            "guard-extends",
            "The organisation's policy lies in this very repository: one senior may not change it alone.",
            "123456789",
            Err(quorum),
        ),
        (
            "extends-same-path-elsewhere",
            "A file with the path of the organisation's policy, which lies in another repository.",
            "5550001",
            Ok(()),
        ),
    ] {
        let path = "teams/countersign.toml";
        let mut input = scene(path);
        extending(&mut input);
        input["trust"]["organisation"]["repo_id"] = json!(repo_id);
        add_review(&mut input, approval("9001", PRIYA, path));
        match verdict {
            Ok(()) => cases.accepted(name, what, input),
            Err(reason) => cases.rejected(name, reason, what, input),
        };
    }
}
