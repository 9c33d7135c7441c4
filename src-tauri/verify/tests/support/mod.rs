//! A scene to judge, and a second implementation of the signing side: it shares no code with the crate that judges,
//! so a mistake there is not repeated here.
#![allow(dead_code, reason = "each test binary uses a part of it")]

#[path = "../../../core/src/signature/test_keys.rs"]
pub(crate) mod test_keys;

use std::sync::LazyLock;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};
use sha1::Sha1;
use ssh_key::sha2::{Digest, Sha256, Sha512};
pub(crate) use test_keys::TestKey;

pub(crate) const NOW: &str = "2026-11-23T22:20:00Z";
pub(crate) const NAMESPACE: &str = "approval@countersign.dev";

pub(crate) fn oid(digit: &str) -> String {
    digit.repeat(40)
}

/// Login, account id and principal.
pub(crate) type Who = (&'static str, &'static str, &'static str);

pub(crate) const PRIYA: Who = ("priya-n", "1234567", "priya@acme.example");
pub(crate) const RAVI: Who = ("ravi-k", "2345678", "ravi@acme.example");
pub(crate) const HANA: Who = ("hana-o", "3456789", "hana@acme.example");
pub(crate) const OMAR: Who = ("omar-b", "4567890", "omar@acme.example");
/// No senior, but may break the glass where a policy says so.
pub(crate) const OLGA: Who = ("olga-t", "5678901", "olga@acme.example");
pub(crate) const SAM: (&str, &str) = ("sam-w", "7000001");

/// Priya's key is ed25519, Ravi's P-256, Hana's and Omar's sit on security keys.
pub(crate) fn key_of(person: Who) -> TestKey {
    match person.0 {
        "priya-n" => TestKey::ed25519(1),
        "ravi-k" => TestKey::p256(2),
        "hana-o" => TestKey::sk_ed25519(3),
        "omar-b" => TestKey::sk_p256(4),
        "olga-t" => TestKey::ed25519(11),
        other => panic!("{other} has no key"),
    }
}

fn fingerprint(key: &TestKey) -> String {
    key.public.fingerprint(ssh_key::HashAlg::Sha256).to_string()
}

pub(crate) fn policy_text() -> String {
    // Points on the curve are slow to compute without optimisation, and every scene needs the same.
    static TEXT: LazyLock<String> = LazyLock::new(make_policy_text);
    TEXT.clone()
}

fn make_policy_text() -> String {
    let mut text = "version = 1\nallowed_signers = \".github/allowed_signers\"\nrevoked_keys = \".github/revoked_keys\"\n\n\
        [signoff]\nrequire = \"ai-assisted\"\nauthors = \"non-senior\"\napprovals = 1\npresence = \"none\"\nbind = \"head\"\n\
        max_age = \"7d\"\nmax_delay = \"72h\"\n"
        .to_owned();
    for person in [PRIYA, RAVI, HANA, OMAR] {
        let (login, id, principal) = person;
        text += &format!("\n[[senior]]\nlogin = \"{login}\"\nid = \"{id}\"\nprincipal = \"{principal}\"\n");
        if person == HANA || person == OMAR {
            text += &format!("hardware_keys = [\"{}\"]\n", fingerprint(&key_of(person)));
        }
    }
    text + "\n[[rule]]\nname = \"infrastructure\"\npaths = [\"infra/**\"]\napprovals = 2\n\
            \n[[rule]]\nname = \"vault\"\npaths = [\"vault/**\"]\npresence = \"touch\"\n\
            \n[[rule]]\nname = \"root keys\"\npaths = [\"root/**\"]\npresence = \"verified\"\n"
}

pub(crate) fn allowed_signers() -> String {
    static TEXT: LazyLock<String> = LazyLock::new(make_allowed_signers);
    TEXT.clone()
}

fn make_allowed_signers() -> String {
    let lines = [PRIYA, RAVI, HANA, OMAR].map(|person| signer_line(person, "", &key_of(person)));
    format!("# Seniors of acme\n{}", lines.concat())
}

pub(crate) fn signer_line(person: Who, options: &str, key: &TestKey) -> String {
    format!(
        "{} namespaces=\"{NAMESPACE}\"{options} {}\n",
        person.2,
        key.line()
    )
}

pub(crate) fn person(login: &str, id: &str) -> Value {
    json!({"login": login, "id": id, "kind": "user"})
}

/// The branch moved from one commit to another; digit 0 is no commit.
pub(crate) fn push(before: &str, after: &str, actor: Value) -> Value {
    json!({"source": "activity", "before": oid(before), "after": oid(after), "actor": actor})
}

/// What git calls a file with that text.
pub(crate) fn blob_name(text: &str) -> String {
    hex(&Sha1::digest(format!("blob {}\0{text}", text.len())))
}

pub(crate) fn changed(path: &str) -> Value {
    json!({"path": path, "old_mode": "100644", "new_mode": "100644", "old_oid": oid("8"), "new_oid": oid("9")})
}

/// The digest of one path changed as [`changed`] says.
pub(crate) fn changeset_of(path: &str) -> String {
    let bytes = format!(
        "countersign git-raw-v1\nsha1\n100644 100644 {} {}\0{path}\0",
        oid("8"),
        oid("9")
    );
    hex(&Sha256::digest(bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A junior's change with one commit that touches `path`, and no review yet.
pub(crate) fn scene(path: &str) -> Value {
    let sam = person(SAM.0, SAM.1);
    let identity = json!({"name": "Sam", "email": "sam@acme.example", "account": sam});
    let file = |path: &str, text: &str| json!({"path": path, "mode": "100644", "blob": blob_name(text), "text": text});
    json!({
        "version": 1,
        "forge": {"kind": "github", "host": "github.com", "repo": "acme/payments", "repo_id": "123456789"},
        "change": {
            "number": "4217", "change_id": "2345678901", "state": "open", "draft": false, "author": sam,
            "target_ref": "refs/heads/main", "target_protected": true, "head": oid("1"),
            "head_branch": "pay-once", "body": "",
        },
        "trust": {
            "source": "git", "target_tip": oid("3"), "gate_files": [],
            "policy": file(".github/countersign.toml", &policy_text()),
            "allowed_signers": file(".github/allowed_signers", &allowed_signers()),
            "revoked_keys": file(".github/revoked_keys", "# none\n"),
        },
        "commits": {"source": "git", "total": 1, "items": [{
            "oid": oid("1"), "tree": oid("2"), "message": "Pay twice only once\n",
            "author": identity, "committer": identity, "committed_at": "2026-11-23T21:00:00Z",
        }]},
        "mails": [],
        "reviews": {"source": "graphql", "total": 0, "items": []},
        "dismissals": {"source": "timeline", "total": 0, "items": []},
        "content": {
            "source": "git", "head": oid("1"), "head_tree": oid("2"), "target_tip": oid("3"),
            "object_format": "sha1", "merge_bases": [oid("4")], "total": 1, "changed": [changed(path)],
        },
        "pushes": [push("0", "1", sam)],
        "operators": {"total": 0, "items": []},
        "same_head": {"source": "graphql", "total": 0, "items": []},
        "merge_group": null,
    })
}

/// The statement with which that person approves [`scene`].
pub(crate) fn statement(person: Who, path: &str) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{
            "name": "git+https://github.com/acme/payments", "uri": "https://github.com/acme/payments/pull/4217",
            "digest": {"gitCommit": oid("1"), "gitTree": oid("2")},
        }],
        "predicateType": "https://countersign.dev/approval/v1",
        "predicate": {
            "decision": "approve",
            "forge": {
                "kind": "github", "host": "github.com", "repo": "acme/payments", "repoId": "123456789",
                "change": "4217", "changeId": "2345678901",
            },
            "change": {
                "targetRef": "refs/heads/main", "baseCommit": oid("3"), "mergeBase": oid("4"),
                "changeset": {"alg": "git-raw-v1", "sha256": changeset_of(path)},
            },
            "reviewer": {"id": person.1, "login": person.0},
            "policy": {"path": ".github/countersign.toml", "gitBlob": oid("a"), "rule": "ai-assisted", "role": "senior"},
            "seen": {
                "patch": "d".repeat(64), "assessment": "e".repeat(64), "findings": 1,
                "acknowledged": {"count": 1, "sha256": "f".repeat(64)}, "files": 1, "viewed": 1,
            },
            "issuedAt": "2026-11-23T22:10:05Z", "expiresAt": "2026-11-30T22:10:05Z",
            "nonce": "MDEyMzQ1Njc4OWFiY2RlZg",
            "claims": {"ai": ["author:copilot-swe-agent[bot]"], "app": "countersign/0.1.0", "presence": "none", "ledger": "0".repeat(64)},
        },
    })
}

/// The same with all keys in order: how serde_json orders them depends on what else is built beside this crate.
pub(crate) fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<(String, Value)> = object
                .iter()
                .map(|(key, value)| (key.clone(), sorted(value)))
                .collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

pub(crate) fn payload(statement: &Value) -> Vec<u8> {
    serde_json::to_vec(&sorted(statement)).unwrap()
}

fn part(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

pub(crate) fn pae(payload: &[u8]) -> Vec<u8> {
    [
        format!("DSSEv1 28 application/vnd.in-toto+json {} ", payload.len()).as_bytes(),
        payload,
    ]
    .concat()
}

/// How a signature is made, where a case wants it otherwise than the format does.
pub(crate) struct Making {
    pub(crate) namespace: &'static str,
    pub(crate) hash: &'static str,
    pub(crate) flags: u8,
    /// With ECDSA's other form, which fits as well.
    pub(crate) high_s: bool,
}

pub(crate) const USUAL: Making = Making {
    namespace: NAMESPACE,
    hash: "sha512",
    flags: 0,
    high_s: false,
};

/// The SSHSIG structure's bytes.
pub(crate) fn sshsig(key: &TestKey, payload: &[u8], making: &Making) -> Vec<u8> {
    let message = pae(payload);
    let hashed = match making.hash {
        "sha256" => Sha256::digest(&message).to_vec(),
        _ => Sha512::digest(&message).to_vec(),
    };
    let purpose = [
        part(making.namespace.as_bytes()),
        part(b""),
        part(making.hash.as_bytes()),
    ]
    .concat();
    let signed = [b"SSHSIG".to_vec(), purpose.clone(), part(&hashed)].concat();
    let signature = one_form(&key.agent_signs(&signed, making.flags), making.high_s);
    [
        b"SSHSIG\0\0\0\x01".to_vec(),
        part(&key.blob()),
        purpose,
        part(&signature),
    ]
    .concat()
}

/// The signature with that form of s; one that is not of ECDSA as it stands.
fn one_form(answer: &[u8], high: bool) -> Vec<u8> {
    let (algorithm, rest) = cut(answer);
    if !String::from_utf8_lossy(algorithm).contains("nistp256") {
        return answer.to_vec();
    }
    let (numbers, trailer) = cut(rest);
    let (r, rest) = cut(numbers);
    let wide = |number: &[u8]| -> [u8; 32] {
        let digits = number.strip_prefix(&[0]).unwrap_or(number);
        let mut wide = [0; 32];
        wide[32 - digits.len()..].copy_from_slice(digits);
        wide
    };
    let found = p256::ecdsa::Signature::from_scalars(wide(r), wide(cut(rest).0)).unwrap();
    let mut signature = found.normalize_s().unwrap_or(found);
    if high {
        let (r, s) = signature.split_scalars();
        signature = p256::ecdsa::Signature::from_scalars(r, -s).unwrap();
    }
    let number = |bytes: &[u8]| {
        let start = bytes.iter().position(|byte| *byte != 0).unwrap();
        let sign = if bytes[start] >= 0x80 { &[0][..] } else { &[] };
        part(&[sign, &bytes[start..]].concat())
    };
    let (r, s) = signature.split_bytes();
    let numbers = [number(&r), number(&s)].concat();
    [part(algorithm), part(&numbers), trailer.to_vec()].concat()
}

/// The first of the strings with their lengths, and what follows.
pub(crate) fn cut(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (length, rest) = bytes.split_first_chunk::<4>().unwrap();
    rest.split_at(usize::try_from(u32::from_be_bytes(*length)).unwrap())
}

fn lines(text: &str, columns: usize) -> String {
    let bytes: Vec<String> = text
        .as_bytes()
        .chunks(columns)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    bytes.join("\n")
}

pub(crate) fn armor(sshsig: &[u8]) -> String {
    format!(
        "-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n",
        lines(&BASE64_STANDARD.encode(sshsig), 70)
    )
}

pub(crate) fn envelope(payload: &[u8], armor: &str) -> String {
    format!(
        "{{\"payload\":\"{}\",\"payloadType\":\"application/vnd.in-toto+json\",\"signatures\":[{{\"sig\":\"{}\"}}]}}",
        BASE64_STANDARD.encode(payload),
        BASE64_STANDARD.encode(armor.as_bytes())
    )
}

pub(crate) fn body(envelope: &str) -> String {
    format!(
        "**Signed approval** by somebody\n\n<details><summary>Signed approval envelope</summary>\n\n\
         ```countersign-dsse-v1\n{}\n```\n</details>\n",
        lines(&BASE64_STANDARD.encode(envelope.as_bytes()), 76)
    )
}

/// A body with that statement, signed by that key.
pub(crate) fn signed_body(statement: &Value, key: &TestKey, making: &Making) -> String {
    let payload = payload(statement);
    body(&envelope(&payload, &armor(&sshsig(key, &payload, making))))
}

pub(crate) fn review(id: &str, person: Who, state: &str, body: &str) -> Value {
    json!({
        "id": id, "author": {"login": person.0, "id": person.1, "kind": "user"}, "state": state,
        "submitted_at": "2026-11-23T22:10:40Z", "edited_at": null, "commit": oid("1"), "body": body,
    })
}

pub(crate) fn add_review(scene: &mut Value, review: Value) {
    add(scene, "reviews", review);
}

pub(crate) fn add(scene: &mut Value, list: &str, item: Value) {
    let list = &mut scene[list];
    list["items"].as_array_mut().unwrap().push(item);
    list["total"] = json!(list["total"].as_u64().unwrap() + 1);
}

/// The approval of that person as they would usually give it.
pub(crate) fn approval(id: &str, person: Who, path: &str) -> Value {
    let mut statement = statement(person, path);
    statement["predicate"]["nonce"] = json!(match person.0 {
        "priya-n" => "MDEyMzQ1Njc4OWFiY2RlZg",
        _ => "ZmVkY2JhOTg3NjU0MzIxMA",
    });
    review(
        id,
        person,
        "approved",
        &signed_body(&statement, &key_of(person), &USUAL),
    )
}

pub(crate) const PATH: &str = "src/ledger.rs";

pub(crate) const REASON: &str = "Payments are down, the on-call seniors are asleep";

/// Priya and Olga may break the glass, within an hour.
pub(crate) fn let_break(scene: &mut Value) {
    let who = [PRIYA, OLGA].map(|(login, id, principal)| {
        format!("    {{ login = \"{login}\", id = \"{id}\", principal = \"{principal}\" }},\n")
    });
    let glass = format!("\n[break_glass]\nwindow = \"1h\"\nwho = [\n{}]\n", who.concat());
    for (file, more) in [
        ("policy", glass),
        ("allowed_signers", signer_line(OLGA, "", &key_of(OLGA))),
    ] {
        let text = scene["trust"][file]["text"].as_str().unwrap().to_owned() + &more;
        scene["trust"][file]["blob"] = json!(blob_name(&text));
        scene["trust"][file]["text"] = json!(text);
    }
}

/// The review with which that person breaks the glass, its statement edited.
pub(crate) fn breaks(id: &str, person: Who, path: &str, edit: impl FnOnce(&mut Value)) -> Value {
    let mut statement = statement(person, path);
    let predicate = &mut statement["predicate"];
    predicate["breakGlass"] = json!({ "reason": REASON });
    predicate["nonce"] = json!(match person.0 {
        "priya-n" => "MDEyMzQ1Njc4OWFiY2RlZg",
        _ => "ZmVkY2JhOTg3NjU0MzIxMA",
    });
    predicate["expiresAt"] = json!("2026-11-24T12:00:00Z");
    edit(predicate);
    review(
        id,
        person,
        "approved",
        &signed_body(&statement, &key_of(person), &USUAL),
    )
}

/// [`scene`] with Priya's approval: it is accepted.
pub(crate) fn approved() -> Value {
    let mut scene = scene(PATH);
    add_review(&mut scene, approval("9001", PRIYA, PATH));
    scene
}
