//! What stands around a match: each filter on a small diff that it takes back and one that it does not.

mod common;

use common::{file, findings, in_section, rules, says};
use countersign_core::finding::{Severity, Side};
use proptest::prelude::*;

const DATABASE: &str = "-resource \"aws_db_instance\" \"ledger\" {\n-  identifier = \"prod-eu-ledger\"\n-  deletion_protection = true\n-  lifecycle {\n-    prevent_destroy = true\n-  }\n-}\n";

fn added(text: &str) -> String {
    text.replace("\n-", "\n+").replacen('-', "+", 1)
}

#[test]
fn a_removed_database_is_one_critical_finding_on_its_line() {
    let found = findings(&file("envs/prod/main.tf", &format!(" # keep\n{DATABASE}")));
    let database = &found[0];
    assert_eq!(database.rule, "iac.tf.stateful_block_removed");
    assert_eq!(
        (database.severity, database.side, database.line),
        (Severity::Critical, Side::Old, Some(2))
    );
    assert_eq!(database.title, "Destroys the database prod-eu-ledger");
    assert_eq!(database.subject.as_deref(), Some("prod-eu-ledger"));
    assert_eq!(
        database.id,
        "iac.tf.stateful_block_removed:old:2:envs/prod/main.tf"
    );
    assert_eq!(database.excerpt, "resource \"aws_db_instance\" \"ledger\" {");
    // The guards inside go with the block, and the weaker rule about blocks is silent.
    let others: Vec<_> = found[1..].iter().map(|finding| finding.rule.as_str()).collect();
    assert_eq!(others, ["cfg.prod_path"]);
}

#[test]
fn a_block_that_only_moves_is_no_finding() {
    let moved = format!(
        "{}{}",
        file("a/main.tf", &format!(" x\n{DATABASE}")),
        file("a/db.tf", &added(DATABASE))
    );
    assert_eq!(rules(&moved), []);
    let renamed = format!(
        "{DATABASE}+moved {{\n+  from = aws_db_instance.ledger\n+  to   = aws_db_instance.books\n+}}\n{}",
        added(DATABASE).replace("\"ledger\" {", "\"books\" {")
    );
    assert_eq!(rules(&file("a/main.tf", &renamed)), []);
    let released = format!(
        "{DATABASE}+removed {{\n+  from = aws_db_instance.ledger\n+  lifecycle {{\n+    destroy = false\n+  }}\n+}}\n"
    );
    assert_eq!(rules(&file("a/main.tf", &released)), []);
    let destroyed = released.replace("destroy = false", "destroy = true");
    assert!(says(
        &file("a/main.tf", &destroyed),
        "iac.tf.stateful_block_removed"
    ));
}

#[test]
fn delete_and_recreate_stays_a_finding_and_says_so() {
    let other = added(DATABASE)
        .replace("\"ledger\" {", "\"books\" {")
        .replace("prod-eu-ledger", "prod-eu-books");
    let found = &findings(&file("a/main.tf", &format!("{DATABASE}{other}")))[0];
    assert_eq!(found.title, "Deletes and recreates the database prod-eu-ledger");
    assert_eq!(
        found.note.as_deref(),
        Some("made again as prod-eu-books, with no moved block between the two")
    );
    let module = "-module \"prod_eu\" {\n-  source = \"../modules/env\"\n-}\n+module \"prod-eu\" {\n+  source = \"../modules/env?ref=v2\"\n+}\n";
    let found = &findings(&file("a/main.tf", module))[0];
    assert_eq!(found.title, "Deletes and recreates the module prod_eu");
    let elsewhere = format!(
        "{}{}",
        file("a/main.tf", &format!(" x\n{DATABASE}")),
        file("b/main.tf", &added(DATABASE))
    );
    let found = &findings(&elsewhere)[0];
    assert_eq!(
        found.title,
        "Deletes and recreates the database prod-eu-ledger in another state"
    );
}

#[test]
fn a_guard_lost_on_the_way_is_a_finding() {
    let without = added(DATABASE).replace("+    prevent_destroy = true\n", "");
    let moved = format!(
        "{}{}",
        file("a/main.tf", &format!(" x\n{DATABASE}")),
        file("a/db.tf", &without)
    );
    assert_eq!(
        rules(&moved),
        [("iac.tf.prevent_destroy_off".to_owned(), Some(6))]
    );
    let removed = "   lifecycle {\n-    prevent_destroy = true\n   }\n";
    assert!(says(
        &in_section("a/main.tf", "resource \"aws_db_instance\" \"x\" {", removed),
        "iac.tf.prevent_destroy_off"
    ));
    let reindented = "-  prevent_destroy = true\n+    prevent_destroy = true\n";
    assert_eq!(rules(&file("a/main.tf", reindented)), []);
}

#[test]
fn an_argument_that_forces_replacement_counts_in_blocks_that_hold_data() {
    let lines = "-  identifier = \"a\"\n+  identifier = \"b\"\n   x = 1\n";
    let stateful = in_section("a/main.tf", "resource \"aws_db_instance\" \"main\" {", lines);
    assert_eq!(
        findings(&stateful)[0].title,
        "Can force aws_db_instance.main to be deleted and recreated"
    );
    assert_eq!(
        rules(&in_section("a/main.tf", "resource \"aws_lb\" \"main\" {", lines)),
        []
    );
    let aligned = "-  identifier = \"a\"\n+  identifier   = \"a\"\n   x = 1\n";
    let aligned = in_section("a/main.tf", "resource \"aws_db_instance\" \"main\" {", aligned);
    assert_eq!(rules(&aligned), []);
    let created = " x\n+resource \"aws_db_instance\" \"n\" {\n+  identifier = \"b\"\n+}\n";
    assert_eq!(rules(&file("a/main.tf", created)), []);
}

#[test]
fn a_module_from_elsewhere_counts_a_new_version_does_not() {
    let with = |old: &str, new: &str| {
        format!(" module \"network\" {{\n-  source = \"{old}\"\n+  source = \"{new}\"\n }}\n")
    };
    assert_eq!(
        findings(&file("main.tf", &with("../a", "../b")))[0].title,
        "Changes where the module network comes from"
    );
    assert_eq!(
        rules(&file("main.tf", &with("git::x?ref=v1", "git::x?ref=v2"))),
        []
    );
}

#[test]
fn comments_are_not_read_but_for_what_lives_there() {
    assert_eq!(
        rules(&file(
            "db/a.sql",
            "+-- DROP TABLE users;\n+/* DROP TABLE a;\n+DROP TABLE b;\n+*/\n+SELECT 1;\n"
        )),
        []
    );
    assert!(says(
        &file("db/a.sql", "+/* x */\n+DROP TABLE b;\n"),
        "sql.drop_table"
    ));
    assert!(says(
        &file("a.py", "+# key: AKIAABCDEFGHIJKLMNOP\n"),
        "sec.secret_literal"
    ));
}

#[test]
fn what_undoes_a_migration_is_not_read() {
    let goose = "+-- +goose Up\n+ALTER TABLE t DROP COLUMN a;\n+-- +goose Down\n+DROP TABLE t;\n";
    assert_eq!(
        rules(&file("db/migrations/1.sql", goose)),
        [("sql.drop_column".to_owned(), Some(2))]
    );
    assert_eq!(rules(&file("db/1.down.sql", "+DROP TABLE t;\n")), []);
    let alembic =
        "+def upgrade():\n+    op.add_column('t', c)\n+\n+def downgrade():\n+    op.drop_table('t')\n";
    assert_eq!(rules(&file("alembic/versions/1.py", alembic)), []);
    assert!(says(
        &file(
            "alembic/versions/1.py",
            "+def upgrade():\n+    op.drop_table('t')\n"
        ),
        "orm.destructive"
    ));
    let below = in_section("db/migrate/x.rb", "def down", "   a\n+  drop_table :t\n");
    assert!(!says(&below, "orm.destructive"));
}

#[test]
fn a_table_of_the_same_change_is_empty_but_dropping_one_is_not() {
    let index = "+CREATE INDEX i ON app.orders (a);\n";
    let created = "+CREATE TABLE \"orders\" (id int);\n";
    assert!(says(&file("a.sql", index), "sql.index_blocking"));
    assert_eq!(rules(&file("a.sql", &format!("{created}{index}"))), []);
    assert!(says(
        &file("a.sql", &format!("+DROP TABLE orders;\n{created}")),
        "sql.drop_table"
    ));
    let over_lines = format!("{created}+ALTER TABLE orders\n+  ALTER COLUMN a\n+  SET NOT NULL;\n");
    assert_eq!(rules(&file("a.sql", &over_lines)), []);
}

#[test]
fn a_table_that_is_made_if_it_is_missing_may_be_full() {
    let made = "+CREATE TABLE IF NOT EXISTS {{ .Schema }}.passkeys (id int);\n\
        +CREATE INDEX passkeys_id\n+    ON {{ .Schema }}.passkeys (id);\n\
        +CREATE INDEX users_id ON {{ .Schema }}.users (id);\n";
    let found = findings(&file("migrations/9.sql", made));
    let said: Vec<_> = found
        .iter()
        .map(|one| (one.line, one.severity, one.note.is_some()))
        .collect();
    assert_eq!(
        said,
        [(Some(4), Severity::High, false), (Some(2), Severity::Low, true)],
        "{found:?}"
    );
}

#[test]
fn the_way_out_may_be_open_the_way_in_not() {
    let rule = |name: &str| {
        format!(
            " resource \"aws_security_group\" \"x\" {{\n   {name} {{\n+    cidr_blocks = [\"0.0.0.0/0\"]\n   }}\n }}\n"
        )
    };
    assert!(says(&file("a.tf", &rule("ingress")), "net.open_world"));
    assert!(!says(&file("a.tf", &rule("egress")), "net.open_world"));
    let typed = |kind: &str| {
        format!(
            "+resource \"aws_security_group_rule\" \"x\" {{\n+  type = \"{kind}\"\n+  cidr_blocks = [\"0.0.0.0/0\"]\n+}}\n"
        )
    };
    assert!(says(&file("a.tf", &typed("ingress")), "net.open_world"));
    assert!(!says(&file("a.tf", &typed("egress")), "net.open_world"));
}

#[test]
fn text_of_strangers_counts_in_commands_only() {
    let path = ".github/workflows/ci.yml";
    let run = "       - run: |\n+          echo \"${{ github.event.pull_request.title }}\"\n";
    let env = "         env:\n+          TITLE: ${{ github.event.pull_request.title }}\n";
    assert!(says(&file(path, run), "ci.template_injection"));
    assert!(!says(&file(path, env), "ci.template_injection"));
}

#[test]
fn assertions_are_counted_net_and_once() {
    let moved = "-    assert a == 1\n+    assert a == 2\n     x = 1\n";
    assert_eq!(rules(&file("tests/a_test.py", moved)), []);
    let fewer = "-    assert a == 1\n-    assert b == 1\n-    assert c == 1\n+    assert a\n     x = 1\n";
    let found = findings(&file("tests/a_test.py", fewer));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (found[0].severity, found[0].note.as_deref()),
        (Severity::High, Some("and 1 more in this file"))
    );
}

#[test]
fn only_new_names_are_new_dependencies() {
    let path = "web/package.json";
    let bump = "   \"dependencies\": {\n-    \"a\": \"^1.0.0\",\n+    \"a\": \"^2.0.0\",\n+    \"b\": \"^1.0.0\"\n   }\n";
    let found = findings(&file(path, bump));
    assert_eq!(
        found.iter().map(|one| one.title.as_str()).collect::<Vec<_>>(),
        ["Adds the dependency b"]
    );
    assert_eq!(
        rules(&file(path, "   \"config\": {\n+    \"depth\": \"3\"\n   }\n")),
        []
    );
    assert_eq!(
        rules(&file("Cargo.toml", " [dependencies]\n+serde = \"1\"\n")).len(),
        1
    );
    assert_eq!(
        rules(&file("Cargo.toml", " [profile.release]\n+opt-level = 3\n")),
        []
    );
}

#[test]
fn a_lock_file_without_its_manifest_is_said() {
    let lock = file("Cargo.lock", "-a\n+b\n");
    assert!(says(&lock, "dep.lock_only"));
    assert!(!says(
        &format!("{lock}{}", file("core/Cargo.toml", "-a\n+b\n")),
        "dep.lock_only"
    ));
}

#[test]
fn words_of_a_path_are_whole_words() {
    for (path, rule, expected) in [
        ("envs/prod-eu/app.yaml", "cfg.prod_path", true),
        ("product/app.yaml", "cfg.prod_path", false),
        ("src/userLogin.ts", "sec.auth_touched", true),
        ("src/authors.ts", "sec.auth_touched", false),
    ] {
        assert_eq!(says(&file(path, "-a\n+b\n"), rule), expected, "{path}");
    }
}

#[test]
fn a_file_rule_minds_what_happens_to_the_file() {
    assert!(says(
        &file("db/migrate/1_a.rb", "-a\n+b\n"),
        "orm.migration_edited"
    ));
    assert!(!says(&file("db/migrate/1_a.rb", "+b\n"), "orm.migration_edited"));
    assert!(says(&file("tests/a_test.py", "-a\n"), "test.file_deleted"));
    assert!(!says(&file("tests/a_test.py", "-a\n+b\n"), "test.file_deleted"));
}

#[test]
fn another_version_of_a_step_removes_nothing() {
    let path = ".github/workflows/ci.yml";
    let pin = |digit: &str| format!("uses: github/codeql-action/init@{}\n", digit.repeat(40));
    let bump = format!("-      - {}+      - {}", pin("1"), pin("2"));
    assert_eq!(rules(&file(path, &bump)), []);
    let gone = format!("-      - {}+      - run: echo\n", pin("1"));
    assert!(says(&file(path, &gone), "ci.guard_removed") && says(&file(path, &gone), "ci.workflow_touched"));
}

#[test]
fn retention_counts_where_it_gets_weaker() {
    let rule = "iac.cfn.deletion_policy";
    assert!(says(
        &file("stack.yaml", "-    DeletionPolicy: Retain\n     x: 1\n"),
        rule
    ));
    assert!(says(
        &file("stack.yaml", "+    DeletionPolicy: Delete\n     x: 1\n"),
        rule
    ));
    assert!(!says(
        &file("stack.yaml", "+    DeletionPolicy: Retain\n     x: 1\n"),
        rule
    ));
}

#[test]
fn test_paths_are_one_lower_and_say_so() {
    let found = &findings(&file("tests/fixtures/a.sql", "+DROP TABLE users;\n"))[0];
    assert_eq!(found.severity, Severity::High);
    assert_eq!(
        found.note.as_deref(),
        Some("in a path for tests or examples: one lower")
    );
}

#[test]
fn many_findings_of_one_rule_are_counted_not_dropped() {
    let lines: String = (0..50).map(|n| format!("+DROP TABLE t{n};\n")).collect();
    let found = findings(&file("a.sql", &lines));
    assert_eq!(found.len(), 20);
    assert_eq!(found[19].note.as_deref(), Some("and 30 more in this file"));
}

#[test]
fn a_script_is_known_by_its_first_line_and_pipelines_by_their_place() {
    let named = "+#!/usr/bin/env bash\n+rm -rf / # x\n";
    assert_eq!(
        rules(&file("tools/deploy", named)),
        [("sh.rm_rf".to_owned(), Some(2))]
    );
    assert_eq!(rules(&file("tools/notes", "+rm -rf /\n")), []);
    for path in [
        ".buildkite/pipeline.yml",
        "azure-pipelines.yml",
        ".circleci/config.yml",
        "modules/a/main.tf",
    ] {
        assert!(
            says(&file(path, "-a\n+    command: rm -rf /\n"), "sh.rm_rf"),
            "{path}"
        );
    }
}

#[test]
fn the_stronger_rule_speaks_alone() {
    assert_eq!(
        rules(&file("x.sh", "+rm -rf \"$DIR\"/\n")),
        [("sh.rm_rf".to_owned(), Some(1))]
    );
    assert_eq!(
        rules(&file("x.sh", "+rm -rf node_modules\n")),
        [("sh.rm_rf_any".to_owned(), Some(1))]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_lines_are_assessed(
        path in "(main\\.tf|a\\.sql|db/migrate/x\\.rb|package\\.json|\\.github/workflows/c\\.yml|a\\.sh|tests/x_test\\.py)",
        lines in proptest::collection::vec("[-+ ](resource \"aws_db_instance\" \"a\" \\{|\\}|  prevent_destroy = true|DROP TABLE a;|\"a\": \"1\"|env:|/\\*|\\*/|def down|[ -~é]{0,30})", 1..30),
    ) {
        let diff = file(&path, &lines.join("\n"));
        if let Ok(patch) = countersign_core::patch::Patch::parse(diff.as_bytes()) {
            let one = countersign_assess::assess(&common::change("x"), Ok(&patch), &[]);
            let two = countersign_assess::assess(&common::change("x"), Ok(&patch), &[]);
            prop_assert_eq!(&one, &two);
            let mut ids: Vec<_> = one.findings.iter().map(|finding| &finding.id).collect();
            ids.sort();
            ids.dedup();
            prop_assert_eq!(ids.len(), one.findings.len());
        }
    }
}

#[test]
fn a_deleted_test_is_said_once() {
    let gone = file("tests/a_test.py", "-def test_a():\n-    assert a == 1\n");
    assert_eq!(rules(&gone), [("test.file_deleted".to_owned(), None)]);
}

#[test]
fn a_key_that_stays_in_its_block_is_not_removed_however_far_its_new_line_is() {
    let block = |sign: char, value: &str, fill: &str| {
        let fill: String = (0..60).map(|n| format!("{sign}  {fill}_{n} = 1\n")).collect();
        format!(
            "{sign}resource \"aws_db_instance\" \"a\" {{\n{fill}{sign}  backup_retention_period = {value}\n{sign}}}\n"
        )
    };
    let written = |kept: &str| {
        file(
            "main.tf",
            &format!("{}{kept}", block('-', "\"${var.days}\"", "old")),
        )
    };
    assert!(!says(
        &written(&block('+', "var.days", "new")),
        "cfg.log_audit_off"
    ));
    let other = block('+', "var.days", "new").replace("\"a\"", "\"b\"");
    let gone = block('+', "1", "new").replace("backup_retention_period", "port");
    assert!(says(&written(&format!("{other}{gone}")), "cfg.log_audit_off"));
}

#[test]
fn another_version_of_a_hook_is_not_another_hook() {
    let path = ".pre-commit-config.yaml";
    assert!(!says(
        &file(path, " - repo: https://example.com/x\n-  rev: v1\n+  rev: v2\n"),
        "gov.bot_config"
    ));
    assert!(says(
        &file(path, " - repo: https://example.com/x\n-  - id: secrets\n"),
        "gov.bot_config"
    ));
}

#[test]
fn files_of_no_known_kind_are_said_and_prose_is_not() {
    let diff: String = ["a.bicep", "b.cob", "c.zig", "d.proto2", "README.md"]
        .map(|path| file(path, "+x\n"))
        .concat();
    let said = common::of(&diff, &[]).not_assessed;
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].reason.ends_with("a.bicep, b.cob, c.zig and 1 more"),
        "{said:?}"
    );
    assert_eq!(common::of(&file("a.py", "+x\n"), &[]).not_assessed, []);
    let script = common::of(&file("tools/deploy", "+#!/bin/sh\n+true\n"), &[]);
    assert_eq!(script.not_assessed, [], "a script is known by its first line");
}
