use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::*;
use crate::signature::NAMESPACE;
use crate::signature::test_keys::TestKey;

const WHOLE: &str = r#"
version = 1
allowed_signers = ".github/allowed_signers"
revoked_keys = ".github/revoked_keys"

[signoff]
require = "ai-assisted"
undeclared = "require"
authors = "non-senior"
approvals = 1
presence = "none"
bind = "changeset"
max_age = "7d"
max_delay = "72h"

[[senior]]
login = "priya-n"
id = "1234567"
principal = "priya@acme.example"
hardware_keys = ["SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"]

[[rule]]
name = "infrastructure"
paths = ["infra/**", "**/*.tf"]
approvals = 2
presence = "touch"
max_age = "1d"

[[rule]]
name = "ledger"
paths = ["services/*/ledger.rs"]
require = "all"
bind = "head"
max_age = "3d"

[[component]]
name = "ledger"
paths = ["services/ledger/**"]
tier = 1
depends_on = ["postgres"]
"#;

fn policy() -> Policy {
    Policy::parse(WHOLE).unwrap()
}

fn for_paths(paths: &[&str]) -> Requirement {
    let paths: Vec<Touched<'_>> = paths.iter().map(|path| file(path.as_bytes())).collect();
    policy().requirement_for(Some(&paths), &["tools/gate".to_owned()])
}

fn file(path: &[u8]) -> Touched<'_> {
    Touched::new(path, [0o100_644])
}

#[test]
fn the_whole_policy_is_read() {
    let policy = policy();
    assert_eq!(
        policy.senior("1234567").map(|senior| senior.principal.as_str()),
        Some("priya@acme.example")
    );
    assert_eq!(policy.senior("priya-n"), None, "a login is not an identity");
    assert_eq!(policy.components[0].depends_on, ["postgres"]);
    assert!(policy.components[0].contains("services/ledger/src/.env"));
    assert!(!policy.components[0].contains("services/ledger2/x"));
}

#[test]
fn the_strictest_of_all_that_match_holds_field_by_field() {
    let plain = for_paths(&["README.md"]);
    assert_eq!(
        (plain.approvals, plain.presence, plain.bind),
        (1, Presence::None, Bind::Changeset)
    );
    assert_eq!(
        (plain.require, plain.rules.len(), plain.guarded),
        (Require::AiAssisted, 0, false)
    );
    let both = for_paths(&["services/eu/ledger.rs", "infra/.hidden/main.tf"]);
    assert_eq!(
        (both.approvals, both.presence, both.bind),
        (2, Presence::Touch, Bind::Head)
    );
    assert_eq!(
        (both.require, both.max_age),
        (Require::All, SignedDuration::from_hours(24))
    );
    assert_eq!(both.rules, ["infrastructure", "ledger"]);
    assert_eq!(
        for_paths(&["services/eu/deep/ledger.rs"]).rules,
        [""; 0],
        "* stops at /"
    );
    assert_eq!(
        for_paths(&["main.tf"]).rules,
        ["infrastructure"],
        "** matches no directory too"
    );
}

#[test]
fn a_list_that_is_cut_or_unreadable_matches_every_rule() {
    let all = policy().requirement_for(None, &[]);
    assert_eq!((all.rules.len(), all.guarded, all.approvals), (2, true, 2));
    let odd = policy().requirement_for(Some(&[file(b"a\xff")]), &[]);
    assert_eq!((odd.rules.len(), odd.guarded), (2, true));
}

#[test]
fn the_policy_guards_itself() {
    for path in [
        PATH,
        ".github/allowed_signers",
        ".github/revoked_keys",
        "CODEOWNERS",
        "docs/CODEOWNERS",
        ".github/workflows/gate.yml",
        ".github/actions/verify/action.yml",
        "tools/gate",
        "tools/gate/run.sh",
    ] {
        let requirement = for_paths(&["src/a.rs", path]);
        assert!(requirement.guarded && requirement.approvals == 2, "{path}");
    }
    for path in [".github/workflows.md", "tools/gates", ".github"] {
        assert!(!for_paths(&[path]).guarded, "{path}");
    }
}

#[test]
fn a_link_or_a_submodule_counts_for_all_that_could_lie_below_it() {
    for (path, rules, guarded) in [
        ("infra", vec!["infrastructure"], false),
        ("infra/modules", vec!["infrastructure"], false),
        ("services", vec!["infrastructure", "ledger"], false),
        ("services/eu/ledger.rs", vec!["infrastructure", "ledger"], false),
        ("services/eu/other", vec!["infrastructure"], false),
        (".github", vec!["infrastructure"], true),
        ("tools", vec!["infrastructure"], true),
    ] {
        for mode in [0o120_000, 0o160_000] {
            let touched = Touched::new(path.as_bytes(), [0o100_644, mode]);
            let needed = policy().requirement_for(Some(&[touched]), &["tools/gate".to_owned()]);
            assert_eq!(needed.rules, rules, "{path}");
            assert_eq!(needed.guarded, guarded, "{path}");
        }
    }
    assert_eq!(for_paths(&["infra"]).rules, [""; 0], "a file is only itself");
}

#[test]
fn defaults_are_those_of_the_format() {
    let policy = Policy::parse("version = 1\nallowed_signers = \"a\"").unwrap();
    let requirement = policy.requirement_for(Some(&[file(b"x")]), &[]);
    assert_eq!(
        (requirement.require, requirement.undeclared),
        (Require::AiAssisted, Undeclared::Require)
    );
    assert_eq!(
        (requirement.authors, requirement.approvals),
        (Authors::NonSenior, 1)
    );
    assert_eq!(
        (requirement.presence, requirement.bind),
        (Presence::None, Bind::Head)
    );
    assert_eq!(requirement.max_age, SignedDuration::from_hours(168));
    assert_eq!(requirement.max_delay, SignedDuration::from_hours(72));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let cases = [
        ("version = 1", "version = 2", (2, 11), "expected version = 1"),
        ("version = 1", "", (1, 1), "missing field `version`"),
        (
            "undeclared = \"require\"",
            "undecleared = \"require\"",
            (8, 1),
            "unknown field `undecleared`",
        ),
        (
            "approvals = 1",
            "approvals = 0",
            (10, 13),
            "expected 1 to 100 approvals",
        ),
        ("approvals = 1", "approvals = \"1\"", (10, 13), "invalid type"),
        ("\"none\"", "\"touched\"", (11, 12), "expected one of"),
        ("\"7d\"", "\"7 days\"", (13, 11), "expected a time"),
        ("\"7d\"", "\"-7d\"", (13, 11), "expected a time"),
        ("\"7d\"", "\"9999999999999999999d\"", (13, 11), "expected a time"),
        ("\"1234567\"", "1234567", (18, 6), "invalid type"),
        ("\"1234567\"", "\"priya\"", (18, 6), "numeric id"),
        (
            "\"priya@acme.example\"",
            "\"*@acme.example\"",
            (19, 13),
            "one exact name",
        ),
        ("SHA256:47", "MD5:47", (20, 17), "fingerprint"),
        ("\"infra/**\"", "\"/infra/**\"", (24, 9), "repository's root"),
        ("\"infra/**\"", "\"infra/\"", (24, 9), "repository's root"),
        ("\"infra/**\"", "\"infra/[\"", (24, 9), "expected a glob"),
        ("\"infra/**\"", "\"infra/**.tf\"", (24, 9), "whole folders"),
        ("\"infra/**\"", "\"é/?\"", (24, 9), "outside of ASCII"),
        (
            "name = \"ledger\"\npaths = [\"services/*",
            "name = \"infrastructure\"\npaths = [\"services/*",
            (30, 8),
            "stands twice",
        ),
        (".github/revoked_keys", "../revoked_keys", (4, 16), "file's path"),
        ("[signoff]", "[signoff", (6, 9), ""),
    ];
    for (from, to, place, expected) in cases {
        let text = WHOLE.replacen(from, to, 1);
        assert_ne!(text, WHOLE, "{from}");
        let error = Policy::parse(&text).unwrap_err();
        assert!(error.message.contains(expected), "{to}: {error}");
        assert_eq!((error.line, error.column), place, "{to}: {error}");
    }
}

#[test]
fn a_policy_has_a_bounded_number_of_paths() {
    let paths = |count: usize| {
        let list = vec!["\"a\""; count].join(", ");
        WHOLE.replace("\"infra/**\", \"**/*.tf\"", &list)
    };
    assert!(Policy::parse(&paths(document::MAX_PATTERNS - 2)).is_ok());
    let error = Policy::parse(&paths(document::MAX_PATTERNS - 1)).unwrap_err();
    assert!(error.message.contains("2000 paths"), "{error}");
}

#[test]
fn two_seniors_share_neither_id_nor_principal() {
    let more = |id: &str, principal: &str| {
        format!("{WHOLE}\n[[senior]]\nlogin = \"x\"\nid = \"{id}\"\nprincipal = \"{principal}\"\n")
    };
    assert!(Policy::parse(&more("2", "x@acme.example")).is_ok());
    assert!(
        Policy::parse(&more("1234567", "x@acme.example"))
            .unwrap_err()
            .message
            .contains("account id")
    );
    assert!(
        Policy::parse(&more("2", "priya@acme.example"))
            .unwrap_err()
            .message
            .contains("principal")
    );
}

const GLASS: &str = r#"
[break_glass]
who = [
    { login = "priya-n", id = "1234567", principal = "priya@acme.example" },
    { login = "olga-t", id = "5678901", principal = "olga@acme.example" },
]
"#;

#[test]
fn who_may_break_the_glass_is_read() {
    let policy = Policy::parse(&format!("{WHOLE}{GLASS}")).unwrap();
    let glass = policy.break_glass.as_ref().unwrap();
    assert_eq!(
        (glass.who.len(), glass.window),
        (2, SignedDuration::from_hours(2))
    );
    let names = policy.signatories().map(|one| one.login.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["priya-n", "olga-t"]);
    assert!(policy.senior("5678901").is_none() && policy.signatory("5678901").is_some());
    let longest = format!("{WHOLE}{GLASS}window = \"24h\"\n");
    let longest = Policy::parse(&longest).unwrap().break_glass.unwrap();
    assert_eq!(longest.window, SignedDuration::from_hours(24));
    for (from, to, expected) in [
        ("]\n", "]\nwindow = \"25h\"\n", "at most 24h"),
        ("5678901", "1234567", "stands twice"),
        ("olga@acme", "priya@acme", "belong together elsewhere"),
        (
            "\"1234567\", principal = \"priya@acme",
            "\"1234567\", principal = \"p@acme",
            "belong together elsewhere",
        ),
        (
            "\"1234567\", principal",
            "\"1234568\", principal",
            "belong together elsewhere",
        ),
        (
            "    { login = \"olga-t\", id = \"5678901\", principal = \"olga@acme.example\" },\n",
            "",
            "at least two",
        ),
        ("]\n", "]\nreason = \"any\"\n", "unknown field"),
    ] {
        assert!(GLASS.contains(from), "{from}");
        let text = format!("{WHOLE}{}", GLASS.replacen(from, to, 1));
        let error = Policy::parse(&text).unwrap_err();
        assert!(error.message.contains(expected), "{to}: {error}");
    }
    assert!(
        Policy::parse(&format!("{WHOLE}[break_glass]\n")).is_err(),
        "nobody is named"
    );
}

fn line(options: &str, key: &TestKey) -> String {
    format!("priya@acme.example {options} {}\n", key.line())
}

#[test]
fn allowed_signers_are_read_with_their_dates() {
    let (a, b) = (TestKey::ed25519(1), TestKey::sk_p256(2));
    let options =
        format!("namespaces=\"git,{NAMESPACE}\",valid-after=\"20260101Z\",valid-before=\"202612312359Z\"");
    let text = format!(
        "# ours\n\n{}{}",
        line(&options, &a),
        line(&format!("namespaces=\"{NAMESPACE}\""), &b)
    );
    let signers = AllowedSigners::parse(&text).unwrap();
    let of: Vec<_> = signers.of("priya@acme.example").collect();
    assert_eq!(of.len(), 2);
    assert_eq!(of[0].key.blob(), a.blob());
    assert_eq!(of[0].valid_after, Some("2026-01-01T00:00:00Z".parse().unwrap()));
    assert_eq!(of[0].valid_before, Some("2026-12-31T23:59:00Z".parse().unwrap()));
    assert_eq!(of[1].valid_after, None);
    assert_eq!(signers.of("priya").count(), 0);
}

#[test]
fn allowed_signers_that_openssh_would_take_and_we_do_not() {
    let (key, other) = (TestKey::ed25519(1), TestKey::ed25519(2));
    let ours = format!("namespaces=\"{NAMESPACE}\"");
    let good = line(&ours, &key);
    assert!(AllowedSigners::parse(&good).is_ok());
    let cases = [
        good.replace("priya@acme.example", "*@acme.example"),
        good.replace("priya@acme.example", "*@x,b@x"),
        good.replace("priya@acme.example", "\"priya@acme.example\""),
        good.replace(&ours, ""),
        good.replace(&ours, "namespaces=\"git\""),
        good.replace(&ours, "namespaces=\"*\""),
        good.replace(&ours, &format!("namespaces=\"{NAMESPACE},!git\"")),
        good.replace(&ours, &format!("cert-authority,{ours}")),
        good.replace(&ours, &format!("{ours},{ours}")),
        good.replace(&ours, &format!("{ours},valid-before=\"20261231\"")),
        good.replace(&ours, &format!("{ours},valid-before=\"20261331Z\"")),
        good.replace(&ours, &format!("{ours},valid-before=20261231Z")),
        good.replace(&ours, &format!("{ours},touch-required")),
        good.replace(&ours, &ours[..ours.len() - 1]),
        good.replace("ssh-ed25519 ", "ecdsa-sha2-nistp256 "),
        good.replace("ssh-ed25519 ", ""),
        good.replace('\n', "\r\n"),
        format!("{good}{good}"),
        format!("{good}ravi@acme.example {ours} {}\n", key.line()),
        format!("ravi@acme.example {ours} ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQU=\n"),
        "priya@acme.example\n".to_owned(),
    ];
    for text in cases {
        assert_ne!(text, good);
        assert!(AllowedSigners::parse(&text).is_err(), "{text}");
    }
    assert!(AllowedSigners::parse(&format!("{good}ravi@acme.example {ours} {}\n", other.line())).is_ok());
}

#[test]
fn a_key_belongs_to_one_senior() {
    let two = format!("{WHOLE}\n[[senior]]\nlogin = \"x\"\nid = \"2\"\nprincipal = \"x@acme.example\"\n");
    let policy = Policy::parse(&two).unwrap();
    let text = line(&format!("namespaces=\"{NAMESPACE}\""), &TestKey::ed25519(1));
    let signers = AllowedSigners::parse(&text.replace("priya@", "x@acme.example,priya@")).unwrap();
    assert!(signers.check_against(&policy).unwrap_err().contains("two people"));
    assert!(
        AllowedSigners::parse(&text)
            .unwrap()
            .check_against(&policy)
            .is_ok()
    );
}

#[test]
fn revoked_keys_are_read_or_refused_whole() {
    let (key, other) = (TestKey::ed25519(1), TestKey::p256(2));
    let revoked = RevokedKeys::parse(&format!("# lost\n{} laptop\n", key.line())).unwrap();
    let of = |key: &TestKey| crate::signature::Key::from_blob(&key.blob()).unwrap();
    assert!(revoked.contains(&of(&key)) && !revoked.contains(&of(&other)));
    let with = |kind: &str, blob: &[u8]| format!("{kind} {}\n", BASE64_STANDARD.encode(blob));
    let rsa = b"\0\0\0\x07ssh-rsa\0\0\0\x03\x01\0\x01\0\0\0\x08\0\xc1234567";
    let read = RevokedKeys::parse(&with("ssh-rsa", rsa));
    assert!(read.is_ok(), "of any algorithm: {read:?}");
    let blob = key.blob();
    let mangled = [
        "SSHKRL\n\0".to_owned(),
        "ssh-ed25519\n".to_owned(),
        "ssh-ed25519 !!\n".to_owned(),
        key.line().replace("ssh-ed25519 ", "ssh-rsa "),
        with("ssh-ed25519", &blob[..blob.len() - 1]),
        with("ssh-ed25519", &[&blob[..], b"\0"].concat()),
        with("ssh-rsa", &rsa[..20]),
        with("ssh-ed25519x", b"\0\0\0\x0cssh-ed25519x\0\0\0\x01a"),
    ];
    for text in mangled {
        assert!(RevokedKeys::parse(&text).is_err(), "{text:?}");
    }
}
