use super::*;
use crate::finding::Severity;

pub(crate) fn statement() -> Statement {
    let oid = |digit: &str| digit.repeat(40).parse().unwrap();
    Statement::new(
        Subject {
            name: subject_name("github.com", "acme/payments"),
            uri: "https://github.com/acme/payments/pull/4217".to_owned(),
            digest: SubjectDigest {
                git_commit: oid("1"),
                git_tree: oid("2"),
            },
        },
        Predicate {
            decision: Decision::Approve,
            forge: ForgeContext {
                kind: "github".to_owned(),
                host: "github.com".to_owned(),
                repo: "acme/payments".to_owned(),
                repo_id: "123456789".to_owned(),
                change: "4217".to_owned(),
                change_id: "2345678901".to_owned(),
            },
            change: ChangeContext {
                target_ref: "refs/heads/main".to_owned(),
                base_commit: oid("3"),
                merge_base: oid("4"),
                changeset: Some(Changeset::git_raw_v1("5".repeat(64))),
            },
            reviewer: Reviewer {
                id: "1234567".to_owned(),
                login: "priya-n".to_owned(),
            },
            policy: PolicyContext {
                path: ".github/countersign.toml".to_owned(),
                git_blob: Some(oid("6")),
                rule: "ai-assisted".to_owned(),
                role: "senior".to_owned(),
            },
            seen: Seen {
                patch: "7".repeat(64),
                assessment: "8".repeat(64),
                findings: 3,
                acknowledged: Acknowledged {
                    count: 3,
                    sha256: "9".repeat(64),
                },
                files: 14,
                viewed: 14,
            },
            issued_at: "2026-11-23T22:10:05.75Z".parse().unwrap(),
            expires_at: "2026-11-30T22:10:05Z".parse().unwrap(),
            nonce: nonce(*b"sixteen bytes ok"),
            claims: Claims {
                ai: vec!["author:copilot-swe-agent[bot]".to_owned()],
                app: "countersign/1.0.0".to_owned(),
                presence: PresenceClaim::None,
                ledger: "a".repeat(64),
            },
            break_glass: None,
        },
    )
}

#[test]
fn the_payload_has_the_formats_fields_in_the_formats_order() {
    let text = String::from_utf8(statement().to_payload()).unwrap();
    let n = |digit: &str, count| digit.repeat(count);
    let expected = [
        r#"{"_type":"https://in-toto.io/Statement/v1","#,
        r#""subject":[{"name":"git+https://github.com/acme/payments","uri":"https://github.com/acme/payments/pull/4217","#,
        &format!(r#""digest":{{"gitCommit":"{}","gitTree":"{}"}}}}],"#, n("1", 40), n("2", 40)),
        r#""predicateType":"https://countersign.dev/approval/v1","#,
        r#""predicate":{"decision":"approve","#,
        r#""forge":{"kind":"github","host":"github.com","repo":"acme/payments","repoId":"123456789","#,
        r#""change":"4217","changeId":"2345678901"},"#,
        &format!(r#""change":{{"targetRef":"refs/heads/main","baseCommit":"{}","#, n("3", 40)),
        &format!(r#""mergeBase":"{}","changeset":{{"alg":"git-raw-v1","sha256":"{}"}}}},"#, n("4", 40), n("5", 64)),
        r#""reviewer":{"id":"1234567","login":"priya-n"},"#,
        &format!(r#""policy":{{"path":".github/countersign.toml","gitBlob":"{}","#, n("6", 40)),
        r#""rule":"ai-assisted","role":"senior"},"#,
        &format!(r#""seen":{{"patch":"{}","assessment":"{}","findings":3,"#, n("7", 64), n("8", 64)),
        &format!(r#""acknowledged":{{"count":3,"sha256":"{}"}},"files":14,"viewed":14}},"#, n("9", 64)),
        r#""issuedAt":"2026-11-23T22:10:05Z","expiresAt":"2026-11-30T22:10:05Z","#,
        r#""nonce":"c2l4dGVlbiBieXRlcyBvaw","#,
        r#""claims":{"ai":["author:copilot-swe-agent[bot]"],"app":"countersign/1.0.0","presence":"none","#,
        &format!(r#""ledger":"{}"}}}}}}"#, n("a", 64)),
    ]
    .concat();
    assert_eq!(text, expected);
}

#[test]
fn a_payload_reads_back_and_null_is_written_out() {
    let mut statement = statement();
    statement.predicate.change.changeset = None;
    statement.predicate.policy.git_blob = None;
    let payload = statement.to_payload();
    assert!(String::from_utf8_lossy(&payload).contains(r#""changeset":null"#));
    let read = Statement::from_payload(&payload).unwrap();
    assert_eq!(read.to_payload(), payload);
}

#[test]
fn what_is_not_the_formats_shape_is_refused_by_name() {
    let good = String::from_utf8(statement().to_payload()).unwrap();
    let cases = [
        (r#""files":14"#, r#""files":14,"more":1"#, Reason::Schema),
        (r#""files":14,"#, "", Reason::Schema),
        (r#""files":14"#, r#""files":14,"files":14"#, Reason::JsonDupkey),
        (r#""files":14"#, r#""files":-1"#, Reason::Schema),
        (r#""repoId":"123456789""#, r#""repoId":123456789"#, Reason::Schema),
        (r#""repoId":"123456789""#, r#""repoId":"0123""#, Reason::Schema),
        ("2026-11-23T22:10:05Z", "2026-11-23T22:10:05.0Z", Reason::Schema),
        (
            "2026-11-23T22:10:05Z",
            "2026-11-23T23:10:05+01:00",
            Reason::Schema,
        ),
        ("git-raw-v1", "git-raw-v2", Reason::Schema),
        ("c2l4dGVlbiBieXRlcyBvaw", "c2l4dGVlbg", Reason::Schema),
        (
            "git+https://github.com/acme/payments",
            "git+https://github.com/acme/other",
            Reason::Schema,
        ),
        ("refs/heads/main", "main", Reason::Schema),
        (r#""decision":"approve""#, r#""decision":"maybe""#, Reason::Schema),
        (
            "in-toto.io/Statement/v1",
            "in-toto.io/Statement/v0.1",
            Reason::Schema,
        ),
        (
            "countersign.dev/approval/v1",
            "slsa.dev/provenance/v1",
            Reason::PredicateType,
        ),
        ("{\"_type\"", "\"_type\"", Reason::Schema),
    ];
    for (from, to, reason) in cases {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        assert_eq!(
            Statement::from_payload(bad.as_bytes()).map_err(|fault| fault.reason),
            Err(reason),
            "{from} → {to}"
        );
    }
    let without = good.replacen(
        &format!(
            r#","changeset":{{"alg":"git-raw-v1","sha256":"{}"}}"#,
            "5".repeat(64)
        ),
        "",
        1,
    );
    assert_ne!(without, good);
    assert_eq!(
        Statement::from_payload(without.as_bytes()).map_err(|fault| fault.reason),
        Err(Reason::Schema)
    );
}

#[test]
fn acknowledged_findings_are_digested_in_one_order() {
    let finding = |rule: &str, side, line, path: &str| Finding {
        id: String::new(),
        rule: rule.to_owned(),
        family: String::new(),
        severity: Severity::High,
        path: path.to_owned(),
        side,
        line,
        title: String::new(),
        subject: None,
        why: String::new(),
        check: String::new(),
        excerpt: String::new(),
        note: None,
    };
    let (a, b) = (
        finding("data.sql.drop", Side::New, Some(3), "m.sql"),
        finding("ci.x", Side::Old, None, "w.yml"),
    );
    let digest = acknowledged_digest([&a, &b]);
    assert_eq!(digest, acknowledged_digest([&b, &a]));
    assert_eq!(digest.count, 2);
    assert_eq!(
        digest.sha256,
        sha256_hex(b"ci.x\0old\0\0w.yml\ndata.sql.drop\0new\x003\0m.sql\n")
    );
    assert_eq!(acknowledged_digest([]).sha256, sha256_hex(b""));
}

#[test]
fn the_readable_line_is_one_line_whatever_the_branch_is_called() {
    let mut statement = statement();
    assert_eq!(
        statement.readable_line(),
        "**Signed approval** by @priya-n (senior): `111111111111` → `main` · 3 findings acknowledged"
    );
    statement.predicate.change.target_ref = "refs/heads/a`b``c\n```countersign-dsse-v1".to_owned();
    statement.predicate.reviewer.login = "x](http://e.vil)\n".to_owned();
    statement.predicate.seen.acknowledged.count = 0;
    statement.predicate.decision = Decision::Comment;
    assert_eq!(
        statement.readable_line(),
        "**Signed comment** by @xhttpe.vil (senior): `111111111111` → ````a`b``c\u{fffd}```countersign-dsse-v1````"
    );
}

#[test]
fn who_breaks_the_glass_says_why_and_is_seen() {
    let mut emergency = statement();
    assert!(
        !String::from_utf8(emergency.to_payload())
            .unwrap()
            .contains("breakGlass")
    );
    let mut because = |reason: &str| {
        emergency.predicate.break_glass = Some(BreakGlass {
            reason: reason.to_owned(),
        });
        let payload = emergency.to_payload();
        let read = Statement::from_payload(&payload).map_err(|fault| fault.reason);
        match read {
            Ok(read) => {
                assert_eq!(read.predicate.break_glass, emergency.predicate.break_glass);
                true
            }
            Err(found) => {
                assert_eq!(found, Reason::Schema);
                false
            }
        }
    };
    for (reason, expected) in [
        ("x".repeat(19), false),
        ("x".repeat(20), true),
        ("é".repeat(500), true),
        ("x".repeat(501), false),
        (" ".repeat(30), false),
        (format!("{} ", "x".repeat(20)), false),
        (format!("{}\n{}", "x".repeat(20), "x".repeat(20)), false),
    ] {
        assert_eq!(because(&reason), expected, "{reason:?}");
    }
    assert!(
        emergency
            .readable_line()
            .starts_with("**BREAK GLASS, signed** by @priya-n")
    );
}

#[test]
fn a_decision_never_leaves_a_final_state_and_always_has_a_way_out() {
    for from in OutboxState::ALL {
        let next: Vec<_> = OutboxState::ALL
            .into_iter()
            .filter(|next| from.may_become(*next))
            .collect();
        assert_eq!(next.is_empty(), from.is_final(), "{from:?}");
        assert!(!from.may_become(from));
    }
    assert!(OutboxState::Queued.may_become(OutboxState::Pending));
    assert!(
        !OutboxState::Submitted.may_become(OutboxState::Queued),
        "sending twice makes two reviews"
    );
    assert!(
        !OutboxState::Submitted.may_become(OutboxState::Expired),
        "it is already there"
    );
    assert!(
        !OutboxState::Expired.may_become(OutboxState::Queued),
        "nothing is signed again in silence"
    );
}
