use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::carrier::FENCE_TAG;
use super::test_keys::TestKey;
use super::*;

const PAYLOAD: &[u8] = br#"{"_type":"test"}"#;

fn all_keys() -> [TestKey; 4] {
    [
        TestKey::ed25519(1),
        TestKey::p256(2),
        TestKey::sk_ed25519(3),
        TestKey::sk_p256(4),
    ]
}

fn envelope_of(key: &TestKey, flags: u8) -> Envelope {
    assemble(
        &key.blob(),
        &key.agent_signs(&to_be_signed(PAYLOAD), flags),
        PAYLOAD,
    )
    .unwrap()
}

fn body() -> String {
    envelope_body(
        "**Signed approval** by @x",
        "Looks right.",
        &envelope_of(&TestKey::ed25519(1), 0),
    )
    .unwrap()
}

fn reason<T>(result: Result<T, Fault>) -> Reason {
    match result {
        Ok(_) => panic!("accepted"),
        Err(fault) => fault.reason,
    }
}

#[test]
fn the_signed_bytes_are_those_of_the_two_specifications() {
    assert_eq!(pae(b"hello"), b"DSSEv1 28 application/vnd.in-toto+json 5 hello");
    use sha2::Digest as _;
    let mut expected = b"SSHSIG\0\0\0\x18approval@countersign.dev\0\0\0\0\0\0\0\x06sha512\0\0\0\x40".to_vec();
    expected.extend(sha2::Sha512::digest(pae(b"hello")));
    assert_eq!(to_be_signed(b"hello"), expected);
}

#[test]
fn all_four_algorithms_are_signed_and_verified_and_nothing_else_fits() {
    for key in all_keys() {
        for flags in [0x00, 0x01, 0x04, 0x05] {
            let sshsig = envelope_of(&key, flags).sshsig().unwrap();
            sshsig.verify(&pae(PAYLOAD)).unwrap();
            assert_eq!(reason(sshsig.verify(&pae(b"other"))), Reason::SigInvalid);
            let read = sshsig.flags();
            assert_eq!(
                read.map(|read| read.0),
                sshsig.key().algorithm().is_security_key().then_some(flags)
            );
            assert!(
                read.is_none_or(
                    |read| read.touched() == (flags & 1 != 0) && read.verified() == (flags & 4 != 0)
                )
            );
        }
        for other in all_keys()
            .iter()
            .filter(|other| other.public.algorithm() != key.public.algorithm())
        {
            let signature = other.agent_signs(&to_be_signed(PAYLOAD), 1);
            assert_eq!(reason(assemble(&key.blob(), &signature, PAYLOAD)), Reason::SigAlg);
        }
    }
    let signature = TestKey::ed25519(9).agent_signs(&to_be_signed(PAYLOAD), 0);
    assert_eq!(
        reason(assemble(&TestKey::ed25519(1).blob(), &signature, PAYLOAD)),
        Reason::SigInvalid
    );
}

#[test]
fn flags_are_covered_by_the_signature() {
    for key in [TestKey::sk_ed25519(3), TestKey::sk_p256(4)] {
        let mut signature = key.agent_signs(&to_be_signed(PAYLOAD), 0x00);
        let at = signature.len() - 5;
        signature[at] = 0x05;
        assert_eq!(
            reason(assemble(&key.blob(), &signature, PAYLOAD)),
            Reason::SigInvalid
        );
    }
}

#[test]
fn a_key_in_memory_signs_the_same_as_an_agent() {
    for key in [TestKey::ed25519(1), TestKey::p256(2)] {
        assert_eq!(sign(key.private(), PAYLOAD).unwrap(), envelope_of(&key, 0));
    }
}

#[test]
fn the_signature_of_an_agents_client_is_brought_back_to_the_wire() {
    for key in all_keys() {
        let wire = key.agent_signs(&to_be_signed(PAYLOAD), 0x05);
        let read = ssh_key::Signature::try_from(wire.as_slice()).unwrap();
        assert_eq!(raw_signature(&read), wire, "{:?}", key.public.algorithm());
    }
}

#[test]
fn other_algorithms_and_malformed_signatures_are_refused_by_name() {
    let key = TestKey::ed25519(1);
    let good = key.agent_signs(&to_be_signed(PAYLOAD), 0);
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        reason(assemble(&key.blob(), &bytes, PAYLOAD))
    };
    assert_eq!(with(&|bytes| bytes.truncate(20)), Reason::SigParse);
    assert_eq!(with(&|bytes| bytes.push(0)), Reason::SigParse);
    assert_eq!(with(&|bytes| bytes[4] = b'x'), Reason::SigAlg);
    assert_eq!(with(&|bytes| *bytes.last_mut().unwrap() ^= 1), Reason::SigInvalid);
    let rsa = b"\0\0\0\x07ssh-rsa\0\0\0\x01\x03\0\0\0\x01\x05";
    assert_eq!(reason(Key::from_blob(rsa)), Reason::SigAlg);
    assert_eq!(
        reason(Key::from_blob(b"\0\0\0\x20ssh-ed25519-cert-v01@openssh.com")),
        Reason::SigAlg
    );
    assert_eq!(reason(Key::from_blob(&key.blob()[..30])), Reason::SigParse);
    assert_eq!(
        reason(Key::from_blob(&[key.blob(), vec![0]].concat())),
        Reason::SigParse
    );
}

#[test]
fn a_compressed_point_is_refused_as_openssh_does() {
    let blob = TestKey::p256(2).blob();
    let point = &blob[blob.len() - 65..];
    let mut compressed = blob[..blob.len() - 69].to_vec();
    compressed.extend([0, 0, 0, 33, 2 + (point[64] & 1)]);
    compressed.extend(&point[1..33]);
    assert_eq!(reason(Key::from_blob(&compressed)), Reason::SigParse);
}

#[test]
fn an_ecdsa_number_has_one_form() {
    let key = TestKey::p256(2);
    let good = key.agent_signs(&to_be_signed(PAYLOAD), 0);
    // algorithm (4 + 19), length of the numbers (4), length of r (4)
    let r_length = usize::from(good[30]);
    let mut padded = good[..23].to_vec();
    let numbers = &good[27..];
    padded.extend(u32::try_from(numbers.len() + 1).unwrap().to_be_bytes());
    padded.extend(u32::try_from(r_length + 1).unwrap().to_be_bytes());
    padded.push(0);
    padded.extend(&numbers[4..]);
    assert_eq!(reason(assemble(&key.blob(), &padded, PAYLOAD)), Reason::SigParse);
}

#[test]
fn an_agents_other_form_of_ecdsa_is_brought_to_the_one_that_counts() {
    for key in [TestKey::p256(2), TestKey::sk_p256(4)] {
        let mut seen = [false; 2];
        for number in 0..32 {
            let payload = format!("{{\"n\":{number}}}").into_bytes();
            let answer = key.agent_signs(&to_be_signed(&payload), 0x01);
            let as_it_stands = SshSig::from_parts(&key.blob(), &answer);
            seen[usize::from(as_it_stands.is_ok())] = true;
            assert!(as_it_stands.is_ok() || reason(as_it_stands) == Reason::SigParse);
            let envelope = assemble(&key.blob(), &answer, &payload).unwrap();
            envelope.sshsig().unwrap().verify(&pae(&payload)).unwrap();
        }
        assert_eq!(seen, [true, true], "both forms were met");
    }
}

#[test]
fn the_body_gives_the_envelope_back_with_either_line_end() {
    let envelope = envelope_of(&TestKey::ed25519(1), 0);
    let body = body();
    assert!(body.contains("\n\nLooks right.\n\n<details>") && body.contains(&format!("\n```{FENCE_TAG}\n")));
    assert_eq!(extract(&body), Ok(envelope.clone()));
    assert_eq!(extract(&body.replace('\n', "\r\n")), Ok(envelope.clone()));
    assert!(is_carried_by(&envelope, &body));
    assert!(!is_carried_by(&envelope_of(&TestKey::ed25519(2), 0), &body));
    assert!(body.lines().all(|line| line.len() <= 76));
}

#[test]
fn a_message_cannot_hide_or_double_the_envelope() {
    let envelope = envelope_of(&TestKey::ed25519(1), 0);
    let quoted: String = body().lines().map(|line| format!("> {line}\n")).collect();
    for message in [
        quoted.as_str(),
        "~~~ Countersign-DSSE-v1",
        "a\r```countersign-dsse-v1\rb",
    ] {
        assert_eq!(
            reason(envelope_body("x", message, &envelope)),
            Reason::EnvelopeAmbiguous,
            "{message:?}"
        );
    }
    assert_eq!(
        reason(envelope_body("x", &"y".repeat(65_000), &envelope)),
        Reason::EnvelopeTooLarge
    );
    assert!(envelope_body("x", "About `countersign-dsse-v1`:\n```\nunclosed", &envelope).is_ok());
}

#[test]
fn bodies_that_are_not_ours_are_refused_by_name() {
    let good = body();
    let fence = format!("```{FENCE_TAG}\n");
    let cases = [
        ("LGTM".to_owned(), Reason::NoEnvelope),
        (good.replace("dsse-v1", "dsse-v2"), Reason::NoEnvelope),
        (
            good.replace(&fence, &format!("```{FENCE_TAG} x\n")),
            Reason::Encoding,
        ),
        (
            good.replace(&fence, &format!(" ```{FENCE_TAG}\n")),
            Reason::Encoding,
        ),
        (
            good.replace(&fence, &format!("````{FENCE_TAG}\n")),
            Reason::Encoding,
        ),
        (good.replace("\n```\n", "\n````\n"), Reason::Encoding),
        (good.replace(&fence, &format!("{fence}\n")), Reason::Encoding),
        (good.replace(&fence, &format!("{fence}=")), Reason::Base64),
        (good.replace("\n```\n", "\n \n```\n"), Reason::Base64),
        (format!("{good}\n{good}"), Reason::EnvelopeAmbiguous),
        (format!("{good}\n{fence}```\n"), Reason::EnvelopeAmbiguous),
        (format!("{good}{}", "x".repeat(65_536)), Reason::EnvelopeTooLarge),
    ];
    for (body, expected) in cases {
        assert_eq!(reason(extract(&body)), expected, "{body}");
    }
    let rewrapped = {
        let json = extract(&good).unwrap().to_json();
        format!(
            "{fence}{}```\n",
            sshsig::wrap(&BASE64_STANDARD.encode(json.as_bytes()), 64)
        )
    };
    assert_eq!(reason(extract(&rewrapped)), Reason::Encoding);
}

#[test]
fn an_envelope_has_one_encoding() {
    let good = envelope_of(&TestKey::ed25519(1), 0).to_json();
    assert!(Envelope::from_json(good.as_bytes()).is_ok());
    let crlf_armor = {
        let armor = envelope_of(&TestKey::ed25519(1), 0).armor().replace('\n', "\r\n");
        let sig = &good[good.find("sig\":\"").unwrap() + 6..good.len() - 4];
        good.replace(sig, &BASE64_STANDARD.encode(armor.as_bytes()))
    };
    let cases = [
        (good.replace(":[", ": ["), Reason::Encoding),
        (format!("{good}\n"), Reason::Encoding),
        (
            good.replace("\"payload\":", "\"keyid\":\"\",\"payload\":"),
            Reason::Encoding,
        ),
        (
            good.replace("{\"sig\"", "{\"keyid\":\"\",\"sig\""),
            Reason::Encoding,
        ),
        (good.replace("[{", "[{\"sig\":\"\"},{"), Reason::Encoding),
        (
            good.replace("\"payload\":", "\"payload\":\"\",\"payload\":"),
            Reason::JsonDupkey,
        ),
        (good.replace("vnd.in-toto+json", "json"), Reason::PayloadType),
        (
            good.replace("vnd.in-toto+json", "vnd.in-toto\\u002bjson"),
            Reason::Encoding,
        ),
        (good.replace("\"sig\":\"", "\"sig\":\"="), Reason::Base64),
        (good.replace("=\"", "\""), Reason::Base64),
        (good[1..].to_owned(), Reason::Json),
        (format!("{good:<20000}"), Reason::EnvelopeTooLarge),
        (
            good.replace("vnd.in-toto+json", "json").replace(":[", ": ["),
            Reason::Encoding,
        ),
    ];
    for (json, expected) in cases {
        assert_ne!(json, good);
        assert_eq!(reason(Envelope::from_json(json.as_bytes())), expected, "{json}");
    }
    let lax = Envelope::from_json(crlf_armor.as_bytes()).unwrap();
    assert_eq!(reason(lax.sshsig()), Reason::Encoding);
    assert_eq!(reason(SshSig::from_armor("hello")), Reason::SigParse);
}
