//! Step 1: what is trusted.

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
            use base64::prelude::{BASE64_STANDARD, Engine as _};
            let blob = key_of(PRIYA).blob();
            let cut = BASE64_STANDARD.encode(&blob[..blob.len() - 1]);
            input["trust"]["revoked_keys"]["text"] = json!(format!("ssh-ed25519 {cut}\n"));
        }),
    );
    cases.undecided(
        "merge-group",
        "E_NOT_JUDGED",
        "A merge group is to be judged, without the repository's objects.",
        with(|input| {
            let members = json!([{"commit": oid("5"), "change": null}]);
            input["merge_group"] =
                json!({"base": oid("3"), "members": {"source": "queue", "total": 1, "items": members}});
        }),
    );
}
