//! Steps 5 to 7: signature, key, presence.

use serde_json::json;

use super::*;

pub(super) fn signature(cases: &mut Cases) {
    cases.rejected(
        "sig-trailing",
        "E_SIG_PARSE",
        "Bytes behind the signature.",
        resigned(|bytes| [bytes, vec![0]].concat()),
    );
    cases.rejected(
        "sig-version",
        "E_SIG_PARSE",
        "SSHSIG version 2.",
        resigned(|mut bytes| {
            bytes[9] = 2;
            bytes
        }),
    );
    for (name, who) in [("sig-ecdsa-other-form", RAVI), ("sig-sk-ecdsa-other-form", OMAR)] {
        cases.rejected(
            name,
            "E_SIG_PARSE",
            "ECDSA's other form (r, n − s), which anybody can make from the first.",
            {
                let mut input = scene(PATH);
                let making = Making {
                    high_s: true,
                    ..USUAL
                };
                let body = signed_body(&statement(who, PATH), &key_of(who), &making);
                add_review(&mut input, review("9001", who, "approved", &body));
                input
            },
        );
    }
    cases.rejected("sig-not-armored", "E_SIG_PARSE", "No armor at all.", {
        bodied(&body(&envelope(
            &payload(&statement(PRIYA, PATH)),
            "signed, Priya",
        )))
    });
    cases.rejected(
        "sig-alg-rsa",
        "E_SIG_ALG",
        "An RSA key.",
        resigned(|_| {
            let part = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
            let key = [part(b"ssh-rsa"), part(b"\x01\x00\x01"), part(&[1; 256])].concat();
            let signature = [part(b"rsa-sha2-512"), part(&[2; 256])].concat();
            [
                b"SSHSIG\0\0\0\x01".to_vec(),
                part(&key),
                part(NAMESPACE.as_bytes()),
                part(b""),
                part(b"sha512"),
                part(&signature),
            ]
            .concat()
        }),
    );
    cases.rejected(
        "sig-hash",
        "E_SIG_HASH",
        "Signed over SHA-256.",
        made(&Making {
            hash: "sha256",
            ..USUAL
        }),
    );
    cases.rejected(
        "namespace-git",
        "E_NAMESPACE",
        "A key's signature for git, used here.",
        made(&Making {
            namespace: "git",
            ..USUAL
        }),
    );
    let unknown = "E_SIGNER_UNKNOWN";
    cases.rejected(
        "signer-not-senior",
        unknown,
        "Somebody signs who is not a senior.",
        {
            let eve = ("eve-x", "6666666", "eve@acme.example");
            let mut input = scene(PATH);
            let body = signed_body(&statement(eve, PATH), &TestKey::ed25519(9), &USUAL);
            add_review(&mut input, review("9001", eve, "approved", &body));
            input
        },
    );
    cases.rejected(
        "signer-other-key",
        unknown,
        "A key that is not enrolled.",
        bodied(&signed_body(
            &statement(PRIYA, PATH),
            &TestKey::ed25519(9),
            &USUAL,
        )),
    );
    cases.rejected(
        "signer-others-key",
        unknown,
        "Another senior's key.",
        bodied(&signed_body(&statement(PRIYA, PATH), &key_of(RAVI), &USUAL)),
    );
    cases.rejected(
        "sig-other-payload",
        "E_SIG_INVALID",
        "The statement was changed after signing.",
        {
            let mut other = statement(PRIYA, PATH);
            let armor = armor(&sshsig(&key_of(PRIYA), &payload(&other), &USUAL));
            other["predicate"]["seen"]["viewed"] = json!(0);
            bodied(&body(&envelope(&payload(&other), &armor)))
        },
    );
    cases.rejected(
        "sig-other-key-claimed",
        "E_SIG_INVALID",
        "Signed by one key, said to be by another.",
        {
            let payload = payload(&statement(PRIYA, PATH));
            let theirs = sshsig(&TestKey::ed25519(9), &payload, &USUAL);
            let mut forged = sshsig(&key_of(PRIYA), &payload, &USUAL);
            let tail = forged.len() - 64;
            forged.splice(tail.., theirs[theirs.len() - 64..].iter().copied());
            bodied(&body(&envelope(&payload, &armor(&forged))))
        },
    );
    for (name, reason, options) in [
        (
            "key-not-yet-valid",
            "E_KEY_NOT_YET_VALID",
            ",valid-after=\"20261123222001Z\"",
        ),
        (
            "key-expired",
            "E_KEY_EXPIRED",
            ",valid-before=\"20261123221959Z\"",
        ),
    ] {
        cases.rejected(
            name,
            reason,
            "By the verifier's clock, whatever the statement says.",
            with(|input| {
                let text = allowed_signers().replacen(
                    &signer_line(PRIYA, "", &key_of(PRIYA)),
                    &signer_line(PRIYA, options, &key_of(PRIYA)),
                    1,
                );
                input["trust"]["allowed_signers"]["text"] = json!(text);
            }),
        );
    }
    cases.rejected(
        "key-expired-clock-set-back",
        "E_KEY_EXPIRED",
        "The statement is dated when the key was still good.",
        {
            let mut input = stated(|predicate| {
                predicate["issuedAt"] = json!("2026-11-22T22:10:05Z");
                predicate["expiresAt"] = json!("2026-11-29T22:10:05Z");
            });
            let text = allowed_signers().replacen(
                &signer_line(PRIYA, "", &key_of(PRIYA)),
                &signer_line(PRIYA, ",valid-before=\"20261123Z\"", &key_of(PRIYA)),
                1,
            );
            input["trust"]["allowed_signers"]["text"] = json!(text);
            input
        },
    );
    cases.rejected(
        "key-revoked",
        "E_KEY_REVOKED",
        "The key is revoked.",
        with(|input| {
            input["trust"]["revoked_keys"]["text"] =
                json!(format!("# laptop lost\n{}\n", key_of(PRIYA).line()));
        }),
    );
}

pub(super) fn presence(cases: &mut Cases) {
    let by = |who: Who, flags: u8, path: &str| {
        let mut input = scene(path);
        let body = signed_body(&statement(who, path), &key_of(who), &Making { flags, ..USUAL });
        add_review(&mut input, review("9001", who, "approved", &body));
        input
    };
    let missing = "E_PRESENCE_MISSING";
    let touched: [(&str, Who, u8, Option<&str>); 8] = [
        ("touch-sk-ed25519-00", HANA, 0x00, Some(missing)),
        ("touch-sk-ed25519-01", HANA, 0x01, None),
        ("touch-sk-ed25519-04", HANA, 0x04, Some(missing)),
        ("touch-sk-ed25519-05", HANA, 0x05, None),
        ("touch-sk-ecdsa-00", OMAR, 0x00, Some(missing)),
        ("touch-sk-ecdsa-01", OMAR, 0x01, None),
        ("touch-sk-ecdsa-04", OMAR, 0x04, Some(missing)),
        ("touch-sk-ecdsa-05", OMAR, 0x05, None),
    ];
    let what = "A touch is wanted; the name ends in the flags. ssh-keygen accepts all of them.";
    for (name, who, flags, reason) in touched {
        let verdict = if reason.is_none() { "accepted" } else { "rejected" };
        cases.add(name, what, verdict, reason, by(who, flags, "vault/a"));
    }
    let what = "The key's PIN or fingerprint is wanted; the name ends in the flags.";
    for (name, flags, reason) in [
        ("verified-00", 0x00, Some(missing)),
        ("verified-01", 0x01, Some("E_UV_MISSING")),
        ("verified-04", 0x04, Some(missing)),
        ("verified-05", 0x05, None),
    ] {
        let verdict = if reason.is_none() { "accepted" } else { "rejected" };
        cases.add(name, what, verdict, reason, by(HANA, flags, "root/a"));
    }
    cases.rejected(
        "touch-software-key",
        missing,
        "A key that is not on a security key.",
        by(PRIYA, 0, "vault/a"),
    );
    cases.rejected(
        "touch-not-enrolled",
        missing,
        "A security key's format, not enrolled as one: software can set the flags.",
        {
            let mut input = by(HANA, 0x05, "vault/a");
            let line = format!(
                "hardware_keys = [\"{}\"]\n",
                key_of(HANA).public.fingerprint(ssh_key::HashAlg::Sha256)
            );
            replace_text(&mut input, "policy", &line, "");
            input
        },
    );
}
