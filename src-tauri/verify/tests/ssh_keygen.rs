//! The stock tool agrees: what we sign, `ssh-keygen -Y verify` takes, and what it signs, we take.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy excuses only the test functions themselves"
)]

mod support;

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use countersign_core::signature::{Envelope, KeyAlgorithm, assemble, extract, pae, sign, to_be_signed};
use countersign_core::verify::{Input, judge};
use serde_json::Value;
use support::{NAMESPACE, TestKey, signer_line};

const PAYLOAD: &[u8] = br#"{"_type":"https://in-toto.io/Statement/v1"}"#;
const PRINCIPAL: &str = "priya@acme.example";

/// Runs the tool with `input` on standard input, in the time zone that its dates are read in here.
fn ssh_keygen(arguments: &[&str], folder: &Path, input: &[u8]) -> Output {
    fs::write(folder.join("input"), input).unwrap();
    Command::new("ssh-keygen")
        .args(arguments)
        .current_dir(folder)
        .env("TZ", "UTC")
        .stdin(File::open(folder.join("input")).unwrap())
        .output()
        .expect("ssh-keygen (package openssh-client) runs")
}

/// Whether the tool takes that signature at that time (`YYYYMMDDHHMMSS`, UTC).
fn it_verifies(folder: &Path, signers: &str, armor: &str, payload: &[u8], at: &str) -> bool {
    it_verifies_as(PRINCIPAL, folder, signers, armor, payload, at)
}

fn it_verifies_as(
    principal: &str,
    folder: &Path,
    signers: &str,
    armor: &str,
    payload: &[u8],
    at: &str,
) -> bool {
    fs::write(folder.join("allowed_signers"), signers).unwrap();
    fs::write(folder.join("a.sig"), armor).unwrap();
    let at = format!("-Overify-time={at}");
    let arguments = [
        "-Y",
        "verify",
        "-n",
        NAMESPACE,
        "-f",
        "allowed_signers",
        "-I",
        principal,
        "-s",
        "a.sig",
        &at,
    ];
    ssh_keygen(&arguments, folder, &pae(payload)).status.success()
}

/// The last of an SSHSIG's strings: the signature as an agent answers it.
fn signature_in(armor: &str) -> Vec<u8> {
    let base64: String = armor.lines().filter(|line| !line.starts_with('-')).collect();
    let blob = BASE64_STANDARD.decode(&base64).unwrap();
    let mut rest = &blob[10..];
    let mut last = &rest[..0];
    while !rest.is_empty() {
        (last, rest) = support::cut(rest);
    }
    last.to_vec()
}

fn signers_with(options: &str, public: &str) -> String {
    format!("{PRINCIPAL} namespaces=\"{NAMESPACE}\"{options} {public}\n")
}

#[test]
fn keys_that_it_made_sign_here_and_there() {
    for (kind, algorithm) in [
        ("ed25519", KeyAlgorithm::Ed25519),
        ("ecdsa", KeyAlgorithm::EcdsaP256),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let made = ssh_keygen(
            &["-q", "-t", kind, "-N", "", "-C", "test", "-f", "key"],
            folder.path(),
            b"",
        );
        assert!(made.status.success(), "{made:?}");
        let key = ssh_key::PrivateKey::read_openssh_file(&folder.path().join("key")).unwrap();
        let public = fs::read_to_string(folder.path().join("key.pub")).unwrap();
        let signers = signers_with("", public.trim());

        let ours: Envelope = sign(&key, PAYLOAD).unwrap();
        assert_eq!(ours.sshsig().unwrap().key().algorithm(), algorithm);
        assert!(it_verifies(
            folder.path(),
            &signers,
            ours.armor(),
            PAYLOAD,
            "20261123222000"
        ));
        assert!(
            !it_verifies(folder.path(), &signers, ours.armor(), b"{}", "20261123222000"),
            "another payload"
        );

        let theirs = ssh_keygen(
            &["-q", "-Y", "sign", "-n", NAMESPACE, "-f", "key"],
            folder.path(),
            &pae(PAYLOAD),
        );
        assert!(theirs.status.success(), "{theirs:?}");
        let armor = String::from_utf8(theirs.stdout).unwrap();
        // It makes either of ECDSA's forms; what an agent answers is brought to one, which it takes as well.
        let key_blob = key.public_key().to_bytes().unwrap();
        let read = assemble(&key_blob, &signature_in(&armor), PAYLOAD).unwrap();
        assert!(it_verifies(
            folder.path(),
            &signers,
            read.armor(),
            PAYLOAD,
            "20261123222000"
        ));
        if algorithm == KeyAlgorithm::Ed25519 {
            assert_eq!(read.armor(), armor, "one armor");
            assert_eq!(ours.armor(), armor, "ed25519 signs the same bytes the same way");
        }

        let other = ssh_keygen(
            &["-q", "-Y", "sign", "-n", "git", "-f", "key"],
            folder.path(),
            &pae(PAYLOAD),
        );
        let other = signature_in(&String::from_utf8(other.stdout).unwrap());
        assert!(assemble(&key_blob, &other, PAYLOAD).is_err(), "another namespace");
    }
}

#[test]
fn it_takes_security_keys_whatever_their_flags_say() {
    let folder = tempfile::tempdir().unwrap();
    for key in [TestKey::sk_ed25519(3), TestKey::sk_p256(4)] {
        let signers = signer_line(support::PRIYA, "", &key);
        for flags in [0x00, 0x01, 0x04, 0x05] {
            let answer = key.agent_signs(&to_be_signed(PAYLOAD), flags);
            let envelope = assemble(&key.blob(), &answer, PAYLOAD).unwrap();
            assert!(
                it_verifies(
                    folder.path(),
                    &signers,
                    envelope.armor(),
                    PAYLOAD,
                    "20261123222000"
                ),
                "{flags:02x}"
            );
        }
    }
}

/// The vectors with their names.
fn vectors() -> impl Iterator<Item = (String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/judge");
    fs::read_dir(folder).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name, serde_json::from_slice(&fs::read(path).unwrap()).unwrap())
    })
}

/// What the tool says to that review of a vector, with the vector's allowed signers, at the vector's time.
fn it_takes_review(folder: &Path, vector: &Value, review: &str, principal: &str) -> bool {
    let input = &vector["input"];
    let reviews = input["reviews"]["items"].as_array().unwrap();
    let review = reviews.iter().find(|one| one["id"] == review).unwrap();
    let envelope = extract(review["body"].as_str().unwrap()).unwrap();
    let signers = input["trust"]["allowed_signers"]["text"].as_str().unwrap();
    let digits: String = vector["now"]
        .as_str()
        .unwrap()
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    it_verifies_as(
        principal,
        folder,
        signers,
        envelope.armor(),
        envelope.payload(),
        &digits,
    )
}

#[test]
fn it_takes_every_approval_that_counts_and_no_false_signature() {
    let folder = tempfile::tempdir().unwrap();
    let (mut taken, mut refused) = (0, 0);
    for (name, vector) in vectors() {
        let expect = &vector["expect"];
        if let Some("E_SIG_INVALID" | "E_NAMESPACE") = expect["reason"].as_str() {
            assert!(
                !it_takes_review(folder.path(), &vector, "9001", support::PRIYA.2),
                "{name}"
            );
            refused += 1;
        } else if expect["verdict"] == "accepted" {
            let input = Input::from_json(vector["input"].to_string().as_bytes()).unwrap();
            let verdict = judge(&input, vector["now"].as_str().unwrap().parse().unwrap());
            let broken = verdict.break_glass.iter().flat_map(|glass| &glass.people);
            let signers: Vec<_> = verdict.signers.iter().chain(broken).collect();
            assert!(!signers.is_empty(), "{name}");
            for signer in signers {
                assert!(
                    it_takes_review(folder.path(), &vector, &signer.review, &signer.principal),
                    "{name}"
                );
                taken += 1;
            }
        }
    }
    assert!(taken > 30 && refused >= 3, "{taken} and {refused}");
}

#[test]
fn it_agrees_on_dates() {
    let folder = tempfile::tempdir().unwrap();
    let key = TestKey::ed25519(1);
    let envelope = sign(key.private(), PAYLOAD).unwrap();
    let cases = [
        (",valid-after=\"20261123222000Z\"", "20261123221959", false),
        (",valid-after=\"20261123222000Z\"", "20261123222000", true),
        (",valid-before=\"20261123222000Z\"", "20261123222000", true),
        (",valid-before=\"20261123222000Z\"", "20261123222001", false),
        (
            ",valid-after=\"20261123Z\",valid-before=\"202611232359Z\"",
            "20261123120000",
            true,
        ),
    ];
    for (options, at, expected) in cases {
        let signers = signers_with(options, &key.line());
        assert_eq!(
            it_verifies(folder.path(), &signers, envelope.armor(), PAYLOAD, at),
            expected,
            "{options} at {at}"
        );
        let policy = countersign_core::policy::AllowedSigners::parse(&signers).unwrap();
        let signer = policy.of(PRINCIPAL).next().unwrap().clone();
        let civil = format!(
            "{}-{}-{}T{}:{}:{}Z",
            &at[..4],
            &at[4..6],
            &at[6..8],
            &at[8..10],
            &at[10..12],
            &at[12..]
        );
        let now: jiff::Timestamp = civil.parse().unwrap();
        let ours = signer.valid_after.is_none_or(|from| now >= from)
            && signer.valid_before.is_none_or(|to| now <= to);
        assert_eq!(ours, expected, "{options} at {at}");
    }
}

#[test]
fn it_is_laxer_than_we_are() {
    let folder = tempfile::tempdir().unwrap();
    let key = TestKey::ed25519(1);
    let envelope = sign(key.private(), PAYLOAD).unwrap();
    for signers in [
        format!("{PRINCIPAL} {}\n", key.line()),
        signers_with("", &key.line()).replace("priya@", "*@"),
    ] {
        assert!(
            it_verifies(
                folder.path(),
                &signers,
                envelope.armor(),
                PAYLOAD,
                "20261123222000"
            ),
            "{signers}"
        );
        assert!(
            countersign_core::policy::AllowedSigners::parse(&signers).is_err(),
            "{signers}"
        );
    }
}
