//! Marks that a policy adds and mutes, and that any text is read or refused with a place.
#![allow(clippy::unwrap_used, reason = "a test may")]

use countersign_core::change::Change;
use countersign_core::evidence::{Classification, Extra, Involvement, Markers, classify_with};
use countersign_core::policy::{Policy, Unreadable};
use proptest::prelude::*;
use serde_json::json;

const START: &str = "version = 1\nallowed_signers = \".github/allowed_signers\"\n";

const ACME: &str = r#"
[[marker]]
id = "acme.bot"
tool = "Acme Agent"
surface = "identity"
strength = "definitive"
role = "author"
pattern = '<agent@acme\.example>'
examples = ["Agent <agent@acme.example>"]
counter_examples = ["Agent <agent@other.example>"]
"#;

fn policy(more: &str) -> Result<Policy, Unreadable> {
    Policy::parse(&format!("{START}{more}"))
}

fn refused(more: &str) -> Unreadable {
    policy(more).unwrap_err()
}

fn change(branch: &str, email: &str, message: &str) -> Change {
    let who = json!({"name": "Sam", "email": email, "account": null});
    let oid = "1".repeat(40);
    serde_json::from_value(json!({
        "id": "github.com/acme/infra#1", "node_id": "", "change_id": "", "repo_id": "", "url": "", "title": "",
        "body": "", "author": null, "state": "open", "draft": false, "created_at": "1970-01-01T00:00:00Z",
        "updated_at": "1970-01-01T00:00:00Z", "head": {"branch": branch, "oid": oid, "repo": null},
        "target": {"branch": "main", "oid": oid}, "asked": [], "requested": [], "labels": [],
        "assignees": [],
        "commits": [{"oid": oid, "tree": null, "message": message, "author": who, "committer": who,
            "committed_at": null}],
        "commit_count": 1, "additions": 0, "deletions": 0, "changed_files": 0, "checks": [], "reviews": [],
        "own_review": null
    }))
    .unwrap()
}

fn by(markers: &Markers, change: &Change) -> Classification {
    classify_with(markers, change, Extra::default())
}

#[test]
fn an_unknown_agent_is_added_without_code() {
    let policy = policy(ACME).unwrap();
    let one = change("topic", "agent@acme.example", "Fix");
    assert_eq!(by(Markers::builtin(), &one).involvement, Involvement::Undeclared);
    for markers in [
        Markers::for_gate(&policy.markers),
        Markers::for_window(&policy.markers),
    ] {
        let found = by(&markers.unwrap(), &one);
        assert_eq!(
            (found.involvement, found.tool.as_deref()),
            (Involvement::Authored, Some("Acme Agent"))
        );
    }
}

#[test]
fn what_is_muted_is_not_shown_and_still_counts_for_the_gate() {
    let policy = policy("mute = [\"codex.branch\"]\n").unwrap();
    let one = change("codex/fix", "sam@acme.example", "Fix");
    let gate = by(&Markers::for_gate(&policy.markers).unwrap(), &one);
    let window = by(&Markers::for_window(&policy.markers).unwrap(), &one);
    assert_eq!(gate, by(Markers::builtin(), &one));
    assert_eq!(gate.involvement, Involvement::Authored);
    assert_eq!(
        (window.involvement, window.evidence.len()),
        (Involvement::Undeclared, 0)
    );
}

#[test]
fn a_mistake_is_refused_at_its_place() {
    let without = |line: &str, instead: &str| ACME.replacen(line, instead, 1);
    let cases = [
        (without("\"acme.bot\"", "\"\""), 5, 6, "expected a marker's id"),
        (
            without("\"acme.bot\"", "\"codex.branch\""),
            5,
            6,
            "stands already",
        ),
        (
            without("\"identity\"", "\"everywhere\""),
            7,
            11,
            "unknown variant",
        ),
        (without("\"definitive\"", "\"certain\""), 8, 12, "unknown variant"),
        (without("\"author\"", "\"claim\""), 9, 8, "expected the role"),
        (
            without("'<agent@acme\\.example>'", "'('"),
            10,
            11,
            "regular expression",
        ),
        (without("'<agent@acme\\.example>'", "'x?'"), 10, 11, "empty text"),
        (
            without("[\"Agent <agent@acme.example>\"]", "[\"nobody\"]"),
            11,
            13,
            "that the pattern matches",
        ),
        (
            without("[\"Agent <agent@other.example>\"]", "[\"<agent@acme.example>\"]"),
            12,
            21,
            "does not match",
        ),
        (without("role =", "roll ="), 9, 1, "unknown field"),
        (format!("{ACME}{ACME}"), 15, 6, "stands already"),
        (
            "mute = [\n  \"label\",\n  \"no.such\",\n]\n".to_owned(),
            5,
            3,
            "compiled-in marker",
        ),
    ];
    for (more, line, column, message) in cases {
        let error = refused(&more);
        assert_eq!((error.line, error.column), (line, column), "{error}\n{more}");
        assert!(error.message.contains(message), "{error}");
    }
}

#[test]
fn a_pattern_cannot_eat_the_memory() {
    let greedy = ACME.replacen("'<agent@acme\\.example>'", "'(?:\\w{1000}){1000}'", 1);
    assert!(refused(&greedy).message.contains("regular expression"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_policy_is_read_or_refused_at_a_place_in_it(text in "(?s).{0,200}") {
        placed(&text)?;
    }

    #[test]
    fn what_looks_like_a_policy_is_read_or_refused_at_a_place_in_it(
        lines in prop::collection::vec(
            prop::sample::select(vec![
                "version = 1", "version = 2", "allowed_signers = \"a\"", "allowed_signers = \"../a\"", "[signoff]",
                "approvals = 2", "approvals = -1", "max_age = \"7d\"", "max_age = \"é\"", "[[rule]]", "name = \"n\"",
                "paths = [\"infra/**\"]", "paths = [\"/x\"]", "paths = []", "[[senior]]", "id = \"1\"", "id = 1",
                "login = \"l\"", "principal = \"p@x\"", "[[marker]]", "id = \"a.b\"", "surface = \"text\"",
                "strength = \"weak\"", "role = \"author\"", "pattern = '(?i)x'", "pattern = '['", "examples = ['x']",
                "mute = [\"label\"]", "mute = [\"é\"]", "[[component]]", "tier = 1", "[break_glass]", "= ü", "\u{202e}",
            ]),
            0..16,
        )
    ) {
        placed(&lines.join("\n"))?;
    }
}

fn placed(text: &str) -> Result<(), TestCaseError> {
    if let Err(error) = Policy::parse(text) {
        let lines: Vec<&str> = text.split('\n').collect();
        prop_assert!((1..=lines.len()).contains(&error.line), "{error}");
        let columns = lines[error.line - 1].chars().count() + 1;
        prop_assert!((1..=columns).contains(&error.column), "{error} in {text:?}");
        prop_assert!(!error.message.is_empty() && !error.message.contains('\n'));
    }
    Ok(())
}
