//! What only the whole of a file shows, and what is said where it cannot be read.

mod common;

use common::change;
use countersign_assess::{Known, Sides, assess_with, wants_sides};
use countersign_core::finding::{Assessment, Side};
use countersign_core::patch::Patch;
use proptest::prelude::*;

/// A diff of one file with one hunk, made from both sides: lines at both ends that agree are context or left out.
fn diff(path: &str, old: &str, new: &str) -> String {
    let (a, b): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same = |(one, two): &(&&str, &&str)| one == two;
    let head = a.iter().zip(&b).take_while(same).count();
    let rest = a.len().min(b.len()) - head;
    let tail = a
        .iter()
        .rev()
        .zip(b.iter().rev())
        .take(rest)
        .take_while(same)
        .count();
    let gone: String = a[head..a.len() - tail]
        .iter()
        .map(|line| format!("-{line}\n"))
        .collect();
    let come: String = b[head..b.len() - tail]
        .iter()
        .map(|line| format!("+{line}\n"))
        .collect();
    let (gone_count, come_count) = (a.len() - tail - head, b.len() - tail - head);
    let start = |count: usize| head + usize::from(count > 0);
    let (from, to, mode) = match (old.is_empty(), new.is_empty()) {
        (true, _) => (
            "/dev/null".to_owned(),
            format!("b/{path}"),
            "new file mode 100644\n",
        ),
        (_, true) => (
            format!("a/{path}"),
            "/dev/null".to_owned(),
            "deleted file mode 100644\n",
        ),
        _ => (format!("a/{path}"), format!("b/{path}"), ""),
    };
    format!(
        "diff --git a/{path} b/{path}\n{mode}index 1111111..2222222\n--- {from}\n+++ {to}\n@@ -{},{gone_count} +{},{come_count} @@\n{gone}{come}",
        start(gone_count),
        start(come_count)
    )
}

fn sides(path: &str, old: &str, new: &str) -> Sides {
    let bytes = |text: &str| (!text.is_empty()).then(|| text.as_bytes().to_vec());
    Sides {
        path: path.to_owned(),
        old: bytes(old),
        new: bytes(new),
        missing: None,
    }
}

fn assessed(files: &[(&str, &str, &str)]) -> Assessment {
    let text: String = files
        .iter()
        .map(|(path, old, new)| diff(path, old, new))
        .collect();
    let patch = Patch::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let sides: Vec<_> = files
        .iter()
        .map(|(path, old, new)| sides(path, old, new))
        .collect();
    let known = Known {
        sides: &sides,
        ..Known::default()
    };
    assess_with(&change("x"), Ok(&patch), known)
}

fn found(files: &[(&str, &str, &str)]) -> Vec<(String, Side, Option<u32>)> {
    let assessment = assessed(files);
    assert_eq!(assessment.not_assessed, []);
    let findings = assessment.findings.into_iter();
    findings.map(|one| (one.rule, one.side, one.line)).collect()
}

const DATABASE: &str = "resource \"aws_db_instance\" \"a\" {\n  identifier = \"prod\"\n  lifecycle {\n    prevent_destroy = true\n  }\n}\n";

#[test]
fn a_block_that_a_comment_takes_out_is_destroyed() {
    let old = format!("# one\n# two\n{DATABASE}# end\n");
    let new = old.replace("# two", "/*").replace("# end", "*/");
    let assessment = assessed(&[("main.tf", &old, &new)]);
    let gone = &assessment.findings[0];
    assert_eq!(
        (gone.rule.as_str(), gone.line),
        ("iac.tf.stateful_block_removed", Some(3))
    );
    assert_eq!(gone.title, "Destroys the database prod");
    assert!(
        gone.note
            .as_deref()
            .is_some_and(|note| note.contains("does not change")),
        "{gone:?}"
    );
}

#[test]
fn a_block_that_stands_in_another_file_of_the_folder_is_not_destroyed() {
    let (rest, other) = ("# rest\n", "# other\n");
    let (before, after) = (format!("{rest}{DATABASE}"), format!("{other}{DATABASE}"));
    assert_eq!(
        found(&[("a/main.tf", &before, rest), ("a/db.tf", other, &after)]),
        []
    );
    let elsewhere = found(&[("a/main.tf", &before, rest), ("b/db.tf", other, &after)]);
    assert_eq!(elsewhere[0].0, "iac.tf.stateful_block_removed");
    assert_eq!(elsewhere.len(), 1, "{elsewhere:?}");
}

#[test]
fn a_folder_that_moves_takes_no_state_along() {
    let assessed = |from: &str, to: &str| {
        let text = format!(
            "diff --git a/{from} b/{to}\nsimilarity index 100%\nrename from {from}\nrename to {to}\n"
        );
        let patch = Patch::parse(text.as_bytes()).unwrap();
        let role = "resource \"aws_iam_role\" \"r\" {\n}\n";
        let sides = [sides(
            to,
            &format!("{DATABASE}{role}"),
            &format!("{DATABASE}{role}"),
        )];
        let known = Known {
            sides: &sides,
            ..Known::default()
        };
        let found = assess_with(&change("x"), Ok(&patch), known).findings.into_iter();
        found
            .map(|one| format!("{}: {}", one.path, one.title))
            .collect::<Vec<_>>()
    };
    let moved = "b/main.tf: Moves Terraform out of its folder or out of sight";
    let again = "a/main.tf: Deletes and recreates the database prod in another state";
    assert_eq!(assessed("a/main.tf", "b/main.tf"), [again, moved]);
    let hidden = assessed("a/main.tf", "a/main.tf.off");
    assert!(
        hidden.contains(&"a/main.tf: Destroys the database prod".to_owned()),
        "{hidden:?}"
    );
    assert!(
        hidden.contains(&"a/main.tf: Removes aws_iam_role r".to_owned()),
        "{hidden:?}"
    );
}

#[test]
fn a_guard_is_lost_block_by_block() {
    let other = "resource \"aws_s3_bucket\" \"b\" {\n  lifecycle {\n    prevent_destroy = true\n  }\n}\n";
    let bare = DATABASE.replace("    prevent_destroy = true\n", "");
    let lost = found(&[("main.tf", &format!("{DATABASE}#\n"), &format!("{bare}{other}#\n"))]);
    assert!(
        lost.contains(&("iac.tf.prevent_destroy_off".to_owned(), Side::Old, Some(4))),
        "{lost:?}"
    );
}

#[test]
fn sql_is_read_by_statements() {
    let dropped = found(&[("db/a.sql", "SELECT 1;\n", "SELECT 1;\nDROP\n  TABLE users;\n")]);
    assert_eq!(dropped, [("sql.drop_table".to_owned(), Side::New, Some(2))]);
    let all = found(&[("db/a.sql", "SELECT 1;\n", "SELECT 1;\nDELETE FROM users\n;\n")]);
    assert_eq!(all, [("sql.delete_no_where".to_owned(), Side::New, Some(2))]);
    let some = found(&[(
        "db/a.sql",
        "SELECT 1;\n",
        "SELECT 1;\nDELETE FROM users\nWHERE id = 1;\n",
    )]);
    assert_eq!(some, []);
    let ignored = "SELECT 1;\n-- squawk-ignore ban-drop-table\nDROP\n TABLE users;\n";
    assert_eq!(
        found(&[("db/a.sql", "SELECT 1;\n", ignored)])[0].0,
        "sql.drop_table"
    );
}

#[test]
fn a_statement_that_a_comment_lets_go_is_new() {
    let old = "/*\nSELECT 1;\nDROP TABLE users;\nSELECT 2;\n*/\n";
    let new = "--\nSELECT 1;\nDROP TABLE users;\nSELECT 2;\n--\n";
    assert_eq!(
        found(&[("db/a.sql", old, new)]),
        [("sql.drop_table".to_owned(), Side::New, Some(3))]
    );
    let before = "DROP TABLE users;\nSELECT 1;\n";
    assert_eq!(
        found(&[("db/a.sql", before, "DROP TABLE users;\nSELECT 2;\n")]),
        []
    );
    let down = "-- +goose Up\nSELECT 1;\n-- +goose Down\nDROP\n  TABLE users;\n";
    assert_eq!(found(&[("db/migrations/1.sql", "", down)]), []);
}

#[test]
fn a_workflow_is_read_by_its_meaning() {
    let old = "on: [push]\njobs:\n  a:\n    runs-on: x\n    steps: []\n";
    let path = ".github/workflows/a.yml";
    let anchors = old.replace(
        "on: [push]",
        "\"on\":\n  ? pull_request_target\n  : {}\npermissions:\n  ? contents\n  : write",
    );
    let rules: Vec<_> = found(&[(path, old, &anchors)])
        .into_iter()
        .map(|one| one.0)
        .collect();
    assert!(rules.contains(&"ci.pull_request_target".to_owned()), "{rules:?}");
    assert!(rules.contains(&"ci.permissions_write".to_owned()), "{rules:?}");
    let same = anchors.replace("runs-on: x", "runs-on: y");
    let rules: Vec<_> = found(&[(path, &anchors, &same)])
        .into_iter()
        .map(|one| one.0)
        .collect();
    assert_eq!(rules, ["ci.workflow_touched"]);
}

#[test]
fn a_command_is_read_as_one_however_it_is_broken() {
    let new = "echo\ngit push \\\n  origin main \\\n  --force\n";
    assert_eq!(
        found(&[("a.sh", "echo\n", new)]),
        [("sh.force_push".to_owned(), Side::New, Some(2))]
    );
    let quoted = "echo\ncurl -s https://x |\n  sudo bash\n";
    assert_eq!(found(&[("a.sh", "echo\n", quoted)])[0].0, "sh.pipe_exec");
}

#[test]
fn a_file_that_a_new_name_brings_to_life_is_new() {
    let (from, to) = ("db/a.sql.off", "db/a.sql");
    let text =
        format!("diff --git a/{from} b/{to}\nsimilarity index 100%\nrename from {from}\nrename to {to}\n");
    let patch = Patch::parse(text.as_bytes()).unwrap();
    let sides = [sides(to, "DROP TABLE users;\n", "DROP TABLE users;\n")];
    let known = Known {
        sides: &sides,
        ..Known::default()
    };
    let found = assess_with(&change("x"), Ok(&patch), known).findings;
    assert_eq!(
        (found[0].rule.as_str(), found[0].line),
        ("sql.drop_table", Some(1))
    );
    assert_eq!(found[0].title, "Drops the table users");
}

#[test]
fn what_a_parser_cannot_read_is_said_and_the_lines_remain() {
    for (path, new, reason) in [
        (
            "a.sql",
            "DROP TABLE a;\nFROB THE TABLE b;\n",
            "not read as PostgreSQL",
        ),
        (
            "a.sql",
            &format!("DROP TABLE a;\nSELECT {}1{};\n", "(".repeat(300), ")".repeat(300)),
            "nested too deeply",
        ),
        ("a.tf", "resource \"x\" {{\n", "not read as Terraform"),
        (".github/workflows/a.yml", "on: [\n", "not read as a workflow"),
        ("a.sh", "if then (((\n", "not read as a shell script"),
        ("a.sql", &"-- a\n".repeat(30_000), "more than the 128 KiB"),
    ] {
        let assessment = assessed(&[(path, "", new)]);
        let said = &assessment.not_assessed;
        assert!(
            said.len() == 1 && said[0].reason.contains(reason),
            "{path}: {said:?}"
        );
        assert!(said[0].reason.ends_with("only its changed lines were read"));
        let drops = assessment.findings.iter().any(|one| one.rule == "sql.drop_table");
        assert_eq!(drops, new.contains("DROP"), "{path}");
    }
}

#[test]
fn a_side_that_is_not_there_is_said_once_there_is_any() {
    let text = format!(
        "{}{}",
        diff("a.sql", "", "SELECT 1;\n"),
        diff("b.sql", "", "SELECT 1;\n")
    );
    let patch = Patch::parse(text.as_bytes()).unwrap();
    assert!(patch.files.iter().all(wants_sides));
    let reasons = |sides: &[Sides]| -> Vec<String> {
        let known = Known {
            sides,
            ..Known::default()
        };
        let assessment = assess_with(&change("x"), Ok(&patch), known);
        assessment
            .not_assessed
            .into_iter()
            .map(|one| format!("{}: {}", one.path, one.reason))
            .collect()
    };
    assert_eq!(reasons(&[]), Vec::<String>::new());
    let missing = Sides {
        path: "a.sql".to_owned(),
        missing: Some("the forge did not send the file".to_owned()),
        ..Sides::default()
    };
    assert_eq!(
        reasons(&[missing]),
        [
            "a.sql: the forge did not send the file: only its changed lines were read",
            "b.sql: the whole file was not fetched: only its changed lines were read",
        ]
    );
    let wrong = sides("a.sql", "SELECT 1;\n", "SELECT 1;\n");
    assert!(reasons(&[wrong])[0].contains("not the one that the diff speaks of"));
}

#[test]
fn hostile_text_ends_and_breaks_nothing() {
    for text in [
        "NOT ".repeat(30_000),
        format!("SELECT {}1;", "- ".repeat(50_000)),
        format!("SELECT {}", "1+".repeat(60_000)),
        "CASE WHEN ".repeat(12_000),
        "\"$(".repeat(40_000),
        "{ a = ".repeat(20_000),
        "- ".repeat(60_000),
    ] {
        for path in ["a.sql", "a.tf", "a.sh", ".github/workflows/a.yml"] {
            let text = format!("{text}\n");
            let assessment = assessed(&[(path, "", &text)]);
            let refused = !assessment.not_assessed.is_empty();
            // A shell takes almost anything for a command.
            assert!(refused || path == "a.sh", "{path}: {}", &text[..20]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_text_is_read_and_read_alike(
        path in "(main\\.tf|a\\.sql|\\.github/workflows/c\\.yml|a\\.sh)",
        old in proptest::collection::vec("(resource \"a\" \"b\" \\{|\\}|DROP TABLE a;|on: push|jobs:|  a: b|rm -rf /|/\\*|\\*/|-- \\+goose Down|<<EOT|EOT|[ -~é]{0,20})", 0..12),
        new in proptest::collection::vec("(resource \"a\" \"b\" \\{|\\}|DROP TABLE a;|on: push|jobs:|  a: b|rm -rf /|/\\*|\\*/|-- \\+goose Down|<<EOT|EOT|[ -~é]{0,20})", 1..12),
    ) {
        let text = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        let (old, new) = (text(&old), text(&new));
        prop_assume!(old != new);
        let one = assessed(&[(&path, &old, &new)]);
        prop_assert_eq!(&one, &assessed(&[(&path, &old, &new)]));
        let mut ids: Vec<_> = one.findings.iter().map(|finding| &finding.id).collect();
        ids.sort();
        ids.dedup();
        prop_assert_eq!(ids.len(), one.findings.len());
    }
}

#[test]
fn a_script_without_a_telling_name_is_read_by_its_first_line() {
    let old = "#!/usr/bin/env bash\nset -e\n";
    let command = "kubectl delete \\\n  namespace prod\n";
    let rules = |old: &str, new: &str| -> Vec<String> {
        let assessment = assessed(&[("bin/clean", old, new)]);
        assert_eq!(assessment.not_assessed, []);
        assessment.findings.into_iter().map(|one| one.rule).collect()
    };
    assert_eq!(rules("", &format!("{old}{command}")), ["k8s.delete"]);
    // Another interpreter's commands are not a shell's.
    let python = "#!/usr/bin/python3\nx = {\n";
    assert_eq!(
        rules("", &format!("{python}  'a': 1\n}}\n")),
        Vec::<String>::new()
    );
}

#[test]
fn sql_of_another_dialect_is_read_too() {
    let old = "CREATE TABLE `a` (`id` INT NOT NULL AUTO_INCREMENT, PRIMARY KEY (`id`)) ENGINE=InnoDB;\n";
    let new = format!("{old}\nDROP # the old one\n  TABLE\n  `orders`;\n");
    let assessment = assessed(&[("db/x.sql", old, &new)]);
    assert_eq!(assessment.not_assessed, []);
    let found: Vec<_> = assessment
        .findings
        .iter()
        .map(|one| (one.rule.as_str(), one.line))
        .collect();
    assert_eq!(found, [("sql.drop_table", Some(3))]);
    assert_eq!(assessment.findings[0].subject.as_deref(), Some("orders"));
    let columns =
        "CREATE TABLE a (b DateTime64(3), c LowCardinality(String)) ENGINE = MergeTree ORDER BY b;\n";
    let lost = assessed(&[("db/y.sql", columns, &format!("{columns}DROP\nTABLE a;\n"))]);
    assert_eq!((lost.not_assessed.len(), lost.findings.len()), (0, 1), "{lost:?}");
    let neither = assessed(&[("db/x.sql", old, &format!("{old}FROB THE `x`;\n"))]);
    assert_eq!(neither.not_assessed.len(), 1);
}

#[test]
fn names_that_a_template_gives_are_names() {
    let old = "-- one\n";
    let new =
        format!("{old}alter table {{{{ index .Options \"Schema\" }}}}.people\n  drop\n  column email;\n");
    let assessment = assessed(&[("db/people.up.sql", old, &new)]);
    assert_eq!(assessment.not_assessed, []);
    let found: Vec<_> = assessment.findings.iter().map(|one| one.title.as_str()).collect();
    assert_eq!(found, ["Drops the column email"]);
}

#[test]
fn what_a_tool_writes_down_of_all_migrations_is_no_migration() {
    let drop = "DROP TABLE IF EXISTS public.people;\n";
    assert_eq!(assessed(&[("db/structure.sql", "", drop)]).findings, []);
    assert_eq!(
        assessed(&[("db/people_structure.sql.sql", "", drop)])
            .findings
            .len(),
        1
    );
}

#[test]
fn what_stays_in_a_file_that_could_not_be_read_before_is_no_news() {
    let path = ".github/workflows/a.yml";
    let new = "on: push\npermissions:\n  contents: write\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: echo\n";
    let old = new.replace("- run: echo", "- run: |\nEOF");
    let rules = |old: &str, new: &str| -> Vec<String> {
        let assessment = assessed(&[(path, old, new)]);
        let found = assessment.findings.into_iter().map(|one| one.rule);
        found.filter(|rule| rule == "ci.permissions_write").collect()
    };
    assert_eq!(rules(&old, new), Vec::<String>::new());
    let wider = new.replace("contents: write", "contents: read");
    assert_eq!(
        rules(&wider.replace("- run: echo", "- run: |\nEOF"), new).len(),
        1
    );
}
