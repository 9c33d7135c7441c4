//! The assessment as a whole: what was not read, who is hit, and the sentence that says it.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "tests"
)]

mod common;

use common::{change, file, of};
use countersign_assess::verdict::verdict;
use countersign_assess::{ComponentSpec, Known, Manifest, assess, assess_with};
use countersign_core::change::{AccountKind, Person};
use countersign_core::evidence::{Classification, Extra, Involvement, classify};
use countersign_core::finding::{Assessment, Severity};
use countersign_core::patch::Patch;

fn spec(name: &str, path: &str, tier: Option<u32>, depends_on: &[&str]) -> ComponentSpec {
    let depends_on = depends_on.iter().map(|name| (*name).to_owned()).collect();
    ComponentSpec {
        name: name.to_owned(),
        paths: vec![path.to_owned()],
        tier,
        depends_on,
    }
}

fn system() -> Vec<ComponentSpec> {
    vec![
        spec("web", "web/**", Some(2), &["orders"]),
        spec("orders", "services/orders/**", Some(1), &["ledger"]),
        spec("ledger", "services/ledger/**", Some(1), &[]),
        spec("docs", "docs/**", None, &[]),
        spec("loop", "x/**", None, &["loop", "orders"]),
    ]
}

fn reasons(assessment: &Assessment) -> Vec<String> {
    assessment
        .not_assessed
        .iter()
        .map(|one| format!("{}: {}", one.path, one.reason))
        .collect()
}

#[test]
fn what_cannot_be_read_is_said() {
    let binary = "diff --git a/l.png b/l.png\nindex 1111111..2222222 100644\nBinary files a/l.png and b/l.png differ\n";
    let submodule = "diff --git a/v b/v\nindex 1111111..2222222 160000\n--- a/v\n+++ b/v\n@@ -1 +1 @@\n-Subproject commit 1\n+Subproject commit 2\n";
    let long = file("min.js", &format!("+{}\n+DROP", "x".repeat(20_000)));
    let large = file(
        "big.sql",
        &format!("+{}", format!("{}\n+", "y".repeat(1000)).repeat(1100)),
    );
    let found = of(&format!("{binary}{submodule}{long}{large}"), &[]);
    assert_eq!(
        reasons(&found),
        [
            "l.png: binary: its content is not in the diff",
            "v: submodule: only the commit's name is in the diff, not what it brings",
            "min.js: one line is longer than 16 KiB and was not read",
            "big.sql: 1075 KiB of changed text, more than the 1024 KiB that are read",
        ]
    );
}

#[test]
fn a_diff_that_is_refused_or_cut_is_never_an_empty_assessment() {
    let error = Patch::parse(b"diff --cc a\n").unwrap_err();
    let found = assess(&change("x"), Err(&error), &[]);
    assert!(reasons(&found)[0].contains("combined diff"), "{found:?}");
    let mut counted = change("x");
    (counted.changed_files, counted.additions, counted.deletions) = (2, 2, 1);
    let diff = file("a.txt", "+one\n");
    let found = assess(&counted, Ok(&Patch::parse(diff.as_bytes()).unwrap()), &[]);
    assert_eq!(found.not_assessed.len(), 3, "{found:?}");
    let empty = assess(&counted, Ok(&Patch::parse(b"").unwrap()), &[]);
    assert_eq!(empty.not_assessed.len(), 3);
}

#[test]
fn a_plan_in_the_description_counts() {
    let mut with = change("x");
    with.body = "```\nPlan: 1 to import, 1 to add, 0 to change, 3 to destroy.\n```\n".to_owned();
    let found = assess(&with, Ok(&Patch::parse(b"").unwrap()), &[]);
    assert_eq!(found.findings[0].rule, "iac.tf.plan_delete");
    assert_eq!(found.findings[0].note.as_deref(), Some("in the description"));
    let objects = "  # aws_db_instance.a must be replaced\n  ~ name = 1 # forces replacement\n  # aws_lb.b will be destroyed\n";
    with.body.insert_str(4, objects);
    let found = assess(&with, Ok(&Patch::parse(b"").unwrap()), &[]).findings;
    let lines: Vec<_> = found.iter().map(|one| one.excerpt.trim()).collect();
    assert_eq!(
        lines,
        [
            "# aws_db_instance.a must be replaced",
            "# aws_lb.b will be destroyed"
        ]
    );
    assert_ne!(found[0].id, found[1].id);
}

#[test]
fn the_radius_is_what_is_touched_and_all_that_depends_on_it() {
    let found = of(
        &file("services/ledger/m.sql", "+DROP TABLE entries;\n"),
        &system(),
    );
    let seen: Vec<_> = found
        .components
        .iter()
        .map(|one| (one.name.as_str(), one.distance, one.severity))
        .collect();
    let critical = Some(Severity::Critical);
    assert_eq!(
        seen,
        [
            ("ledger", 0, critical),
            ("orders", 1, None),
            ("loop", 2, None),
            ("web", 2, None)
        ]
    );
    assert_eq!(found.components_from.as_deref(), Some("countersign.toml"));
    assert_eq!(found.components[1].depends_on, ["ledger"]);
    assert_eq!(of(&file("else.txt", "+x\n"), &system()).components, []);
    let bad = of(&file("else.txt", "+x\n"), &[spec("x", "/abs", None, &[])]);
    assert_eq!(bad.not_assessed.len(), 1);
}

#[test]
fn without_a_policy_the_manifests_tell_what_depends_on_what() {
    let manifest = |path: &str, text: &str| Manifest {
        path: path.to_owned(),
        bytes: text.as_bytes().to_vec(),
    };
    let manifests = [
        manifest(
            "Cargo.toml",
            "[package]\nname = \"root\"\n[dependencies]\napp = { path = \"app\" }\n",
        ),
        manifest(
            "app/Cargo.toml",
            "[package]\nname = \"app\"\n[dependencies]\nlib = { path = \"../lib\" }\n",
        ),
        manifest("lib/Cargo.toml", "[package]\nname = \"lib\"\n"),
    ];
    let diff = file("lib/db/a.sql", "+DROP TABLE users;\n");
    let patch = Patch::parse(diff.as_bytes()).unwrap();
    let known = Known {
        manifests: &manifests,
        ..Known::default()
    };
    let found = assess_with(&change("x"), Ok(&patch), known);
    let seen: Vec<_> = found
        .components
        .iter()
        .map(|one| (one.name.as_str(), one.distance, one.severity))
        .collect();
    assert_eq!(
        seen,
        [
            ("lib", 0, Some(Severity::Critical)),
            ("app", 1, None),
            ("root", 2, None)
        ]
    );
    assert_eq!(found.components_from.as_deref(), Some("Cargo packages"));
    let components = system();
    let known = Known {
        components: &components,
        manifests: &manifests,
        ..Known::default()
    };
    let found = assess_with(&change("x"), Ok(&patch), known);
    assert_eq!(found.components_from.as_deref(), Some("countersign.toml"));
}

#[test]
fn size_and_spread_are_context_and_no_finding() {
    let code = file("src/a.rs", "+let a = 1;\n+let b = 2;\n");
    let prose = file("docs/a.txt", "-x\n+y\n");
    let found = of(&format!("{code}{prose}"), &[]);
    assert_eq!(found.findings, []);
    let measures = found.measures.unwrap();
    assert_eq!((measures.files, measures.folders), (2, 2));
    assert_eq!((measures.lines_added, measures.lines_removed), (3, 1));
    assert_eq!(measures.entropy, 100);
    assert!(measures.code_without_tests);
    let tested = format!("{code}{}", file("tests/a.rs", "+let c = 1;\n"));
    assert!(!of(&tested, &[]).measures.unwrap().code_without_tests);
    let error = Patch::parse(b"x").unwrap_err();
    assert_eq!(assess(&change("x"), Err(&error), &[]).measures, None);
}

fn by(involvement: Involvement, tool: Option<&str>) -> Classification {
    Classification {
        involvement,
        tool: tool.map(str::to_owned),
        evidence: Vec::new(),
        automation: None,
        commits_unread: 0,
    }
}

#[test]
fn the_verdict_says_who_what_and_who_is_hit() {
    let diff = file(
        "services/ledger/main.tf",
        "-resource \"aws_db_instance\" \"ledger\" {\n-  identifier = \"prod-eu-ledger\"\n-}\n+resource \"aws_db_instance\" \"books\" {\n+}\n",
    );
    let mut kiro = change("Move prod-eu to the new network module");
    kiro.head.branch = "topic".to_owned();
    let classification = by(Involvement::Authored, Some("Kiro"));
    let patch = Patch::parse(diff.as_bytes()).unwrap();
    let found = verdict(&kiro, &classification, &assess(&kiro, Ok(&patch), &system()));
    assert_eq!(
        found.lead_text(),
        "Kiro wrote this for mika. It deletes and recreates the database prod-eu-ledger, in ledger, on which 3 components depend, 1 of them tier 1."
    );
    assert_eq!(found.severity, Some(Severity::Critical));
    assert!(
        found
            .lead
            .iter()
            .any(|part| part.strong && part.text.contains("deletes and recreates"))
    );
    assert_eq!(
        found.second,
        "The title says “move”. The new one starts empty; what the old one holds is gone with the next apply."
    );
}

#[test]
fn the_verdict_never_calls_a_change_human_or_safe() {
    let diff = file("src/a.txt", "+x\n");
    let patch = Patch::parse(diff.as_bytes()).unwrap();
    let one = change("Add x");
    let assessment = assess(&one, Ok(&patch), &[]);
    let lead = |involvement, tool| verdict(&one, &by(involvement, tool), &assessment).lead_text();
    assert_eq!(
        lead(Involvement::Undeclared, None),
        "Nobody said whether AI helped mika. No rule found a danger in it that stands out."
    );
    assert!(lead(Involvement::DeclaredNone, None).starts_with("mika claims"));
    assert!(lead(Involvement::Suspected, Some("Codex")).starts_with("Codex may have helped mika"));
    assert!(lead(Involvement::Assisted, Some("Aider")).starts_with("mika wrote this with help from Aider."));
    assert!(
        lead(Involvement::SuggestionApplied, Some("CodeRabbit")).starts_with("mika took over a suggestion")
    );
    use Involvement::{Assisted, Authored, DeclaredNone, SuggestionApplied, Suspected, Undeclared};
    for involvement in [
        Authored,
        Assisted,
        SuggestionApplied,
        Suspected,
        DeclaredNone,
        Undeclared,
    ] {
        let text = lead(involvement, None).to_lowercase();
        assert!(
            !text.contains("no ai") && !text.contains("safe") && !text.contains("human"),
            "{text}"
        );
    }
}

#[test]
fn an_agents_account_works_for_its_assignee() {
    let mut one = change("x");
    let person = |login: &str, kind| Person {
        login: login.to_owned(),
        id: None,
        kind,
    };
    one.author = Some(Person {
        id: Some("198982749".to_owned()),
        ..person("Copilot", AccountKind::Bot)
    });
    one.assignees = vec![
        person("Copilot", AccountKind::Bot),
        person("mika", AccountKind::User),
    ];
    let classification = classify(&one, Extra::default());
    let found = verdict(&one, &classification, &Assessment::default());
    assert!(
        found
            .lead_text()
            .starts_with("GitHub Copilot wrote this for mika."),
        "{found:?}"
    );
}

#[test]
fn a_dependency_bot_is_named_as_one() {
    let mut one = change("Bump x");
    one.author = Some(Person {
        login: "dependabot[bot]".to_owned(),
        id: Some("49699333".to_owned()),
        kind: AccountKind::Bot,
    });
    let found = verdict(&one, &classify(&one, Extra::default()), &Assessment::default());
    assert!(
        found.lead_text().starts_with("dependabot opened this."),
        "{found:?}"
    );
}
