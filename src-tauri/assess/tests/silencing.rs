//! What must not take a finding back: text that only looks like a comment, an undo, a move or a clearance.

mod common;

use common::{file, findings, rules, says};
use countersign_core::finding::Side;

/// A file that is only renamed.
fn renamed(from: &str, to: &str) -> String {
    format!("diff --git a/{from} b/{to}\nsimilarity index 100%\nrename from {from}\nrename to {to}\n")
}

const DROPS: &str = "sql.drop_table";

#[test]
fn a_comment_beside_a_command_hides_nothing() {
    for line in [
        "/* x */ DROP TABLE users;",
        "DROP/**/TABLE users;",
        "/*!40000 DROP TABLE users */;",
        "DROP TABLE users; -- rollback",
    ] {
        assert!(says(&file("a.sql", &format!("+{line}\n")), DROPS), "{line}");
    }
    let ends = " x\n+/* a\n+*/ DROP TABLE users;\n";
    assert_eq!(rules(&file("a.sql", ends)), [(DROPS.to_owned(), Some(3))]);
    assert!(says(
        &file(
            "a.sh",
            " git push origin main \\\n+  --force && git push --force\n"
        ),
        "sh.force_push"
    ));
}

#[test]
fn a_clearance_in_a_comment_clears_nothing() {
    for (path, line, rule) in [
        ("a.sh", "rm -rf / # tmp", "sh.rm_rf"),
        ("a.sql", "DELETE FROM users; -- WHERE", "sql.delete_no_where"),
        (
            "a.tf",
            "cidr_blocks = [\"0.0.0.0/0\"] # no egress",
            "net.open_world",
        ),
        (
            "a.py",
            "key = 'AKIAABCDEFGHIJKLMNOP'  # dummy",
            "sec.secret_literal",
        ),
        (
            "a.sql",
            "CREATE INDEX i ON t (a); -- CONCURRENTLY",
            "sql.index_blocking",
        ),
    ] {
        assert!(says(&file(path, &format!("+{line}\n")), rule), "{line}");
    }
}

#[test]
fn a_name_or_a_remark_about_going_down_undoes_nothing() {
    for path in ["db/shut_down.sql", "db/scale_down.sql"] {
        assert!(says(&file(path, "+DROP TABLE users;\n"), DROPS), "{path}");
    }
    let pair = format!(
        "{}{}",
        file("db/1_users_down.sql", "+DROP TABLE users;\n"),
        file("db/1_users_up.sql", "+CREATE TABLE users (id int);\n")
    );
    assert!(!says(&pair, DROPS));
    for remark in ["-- rollback plan: none", "-- down time: an hour", "-- down"] {
        let text = format!("+{remark}\n+DROP TABLE users;\n");
        assert!(says(&file("a.sql", &text), DROPS), "{remark}");
    }
    let marked = "+-- up\n+SELECT 1;\n+-- down\n+DROP TABLE users;\n";
    assert!(!says(&file("a.sql", marked), DROPS));
}

#[test]
fn what_stands_behind_the_way_down_is_read_again() {
    let ruby = "+  def down\n+    drop_table :a\n+  end\n+\n+  def helper\n+    drop_table :b\n+  end\n";
    assert_eq!(
        rules(&file("db/migrate/1.rb", ruby)),
        [("orm.destructive".to_owned(), Some(6))]
    );
    let python =
        "+def downgrade():\n+    op.drop_table('a')\n+\n+def upgrade_more():\n+    op.drop_table('b')\n";
    assert_eq!(
        rules(&file("alembic/versions/1.py", python)),
        [("orm.destructive".to_owned(), Some(5))]
    );
    let renamed = " x\n-def down\n+def up\n+  drop_table :a\n";
    assert!(says(&file("db/migrate/1.rb", renamed), "orm.destructive"));
    let php = "+    public function down(): void\n+    {\n+        Schema::dropIfExists('a');\n+    }\n";
    assert!(!says(&file("database/migrations/1.php", php), "orm.destructive"));
}

#[test]
fn a_guard_that_goes_to_another_block_is_gone() {
    let guard = " resource \"aws_db_instance\" \"main\" {\n-    prevent_destroy = true\n }\n resource \"aws_s3_bucket\" \"scratch\" {\n+    prevent_destroy = true\n }\n";
    assert!(says(&file("a.tf", guard), "iac.tf.prevent_destroy_off"));
    let forced = guard
        .replace('-', "~")
        .replace('+', "-")
        .replace('~', "+")
        .replace("prevent_destroy", "force_destroy");
    assert!(says(&file("a.tf", &forced), "iac.tf.force_destroy"));
    let login = "-@login_required\n def pay():\n     pass\n \n+@login_required\n def ping():\n     pass\n";
    assert!(says(&file("a.py", login), "sec.authz_removed"));
    let other = "-@login_required\n+@log\n+@login_required\n def pay():\n     pass\n";
    assert!(!says(&file("a.py", other), "sec.authz_removed"));
    let jobs = " jobs:\n   deploy:\n-    environment: production\n     steps: []\n   lint:\n+    environment: production\n     steps: []\n";
    assert!(says(&file(".github/workflows/a.yml", jobs), "ci.guard_removed"));
}

const GONE: &str = "iac.tf.stateful_block_removed";

fn moves(to: &str) -> String {
    format!("+moved {{\n+  from = aws_db_instance.a\n+  to   = {to}\n+}}\n")
}

#[test]
fn a_moved_block_covers_what_it_names_where_it_stands() {
    let gone = "-resource \"aws_db_instance\" \"a\" {\n-}\n";
    let come = "+resource \"aws_db_instance\" \"b\" {\n+}\n";
    let kept = file(
        "prod/main.tf",
        &format!("{gone}{come}{}", moves("aws_db_instance.b")),
    );
    assert!(!says(&kept, GONE));
    let elsewhere = format!(
        "{}{}",
        file("prod/main.tf", &format!(" x\n{gone}{come}")),
        file("dev/main.tf", &moves("aws_db_instance.b"))
    );
    assert!(says(&elsewhere, GONE));
    let nowhere = file(
        "prod/main.tf",
        &format!(" x\n{gone}{}", moves("aws_db_instance.b")),
    );
    assert!(says(&nowhere, GONE));
    let comment = file(
        "prod/main.tf",
        &format!("{gone}{come}+/*\n{}+*/\n", moves("aws_db_instance.b")),
    );
    assert!(says(&comment, GONE));
    let before = kept
        .replace("+moved", " moved")
        .replace("+  from", "   from")
        .replace("+  to ", "   to ");
    let before = before.replacen("+}\n", " }\n", 2).replacen(" }\n", "+}\n", 1);
    let before = before.replace("@@ -1,2 +1,6 @@", "@@ -1,6 +1,6 @@");
    assert!(says(&before, GONE), "{before}");
    let single = kept.replace("from = aws_db_instance.a", "from = aws_db_instance.a[0]");
    assert!(says(&single, GONE));
    let module = file(
        "prod/main.tf",
        &format!(" x\n{gone}{}", moves("module.db.aws_db_instance.b")),
    );
    assert!(!says(&module, GONE));
}

#[test]
fn prose_and_tables_that_may_stand_already_are_not_new() {
    let index = file("db/a.sql", "+CREATE INDEX i ON users (a);\n");
    for (path, line) in [
        ("README.md", "we create table users (id)"),
        ("db/b.sql", "-- CREATE TABLE users (id int);"),
        ("db/b.sql", "CREATE TABLE IF NOT EXISTS users (id int);"),
        ("tests/b.sql", "CREATE TABLE users (id int);"),
        ("db/b.sql", "CREATE TABLE scratch.users (id int);"),
    ] {
        let index = if line.contains("scratch") {
            index.replace("users", "public.users")
        } else {
            index.clone()
        };
        let with = format!("{index}{}", file(path, &format!("+{line}\n")));
        assert!(says(&with, "sql.index_blocking"), "{path}: {line}");
    }
    let created = format!("{index}{}", file("db/b.sql", "+CREATE TABLE users (id int);\n"));
    assert!(!says(&created, "sql.index_blocking"));
}

#[test]
fn a_name_opens_no_way_out() {
    let named = "+resource \"aws_security_group_rule\" \"egress_proxy\" {\n+  type = \"ingress\"\n+  cidr_blocks = [\"0.0.0.0/0\"]\n+}\n";
    assert!(says(&file("a.tf", named), "net.open_world"));
    let route = "+resource \"aws_route\" \"x\" {\n+  cidr = \"0.0.0.0/0\"\n+}\n";
    assert!(!says(&file("a.tf", route), "net.open_world"));
}

#[test]
fn a_rename_without_lines_is_looked_at() {
    let moved = "iac.tf.file_moved";
    assert!(says(&renamed("prod/main.tf", "prod/main.tf.off"), moved));
    assert!(says(&renamed("prod/main.tf", "dev/main.tf"), moved));
    assert!(!says(&renamed("prod/main.tf", "prod/db.tf"), moved));
    let folder = format!(
        "{}{}",
        renamed("a/main.tf", "b/main.tf"),
        renamed("a/db.tf", "b/db.tf")
    );
    let found = findings(&folder);
    assert_eq!(found.len(), 1, "{found:?}");
    let note = found[0].note.as_deref();
    assert_eq!(
        note,
        Some("renamed from a/main.tf to b/main.tf; and 1 more from the same folder")
    );
    let gone = &findings(&renamed("tests/login_test.py", "old/login.txt"))[0];
    assert_eq!((gone.rule.as_str(), gone.side), ("test.file_deleted", Side::Old));
    assert_eq!(gone.path, "tests/login_test.py");
    assert!(!says(
        &renamed("tests/login_test.py", "tests/sign_in_test.py"),
        "test.file_deleted"
    ));
    assert!(says(
        &renamed("db/migrate/1_a.rb", "db/migrate/2_a.rb"),
        "orm.migration_edited"
    ));
}

#[test]
fn lines_that_go_belong_to_the_old_folder() {
    let lines = file("x", " a\n-resource \"aws_db_instance\" \"a\" {\n-}\n");
    let lines = lines
        .replace("a/x", "a/prod/main.tf")
        .replace("b/x", "b/dev/main.tf");
    let lines = lines.replace(
        "index",
        "similarity index 60%\nrename from prod/main.tf\nrename to dev/main.tf\nindex",
    );
    let again = file("dev/db.tf", "+resource \"aws_db_instance\" \"a\" {\n+}\n");
    let found = findings(&format!("{lines}{again}"));
    let gone = found.iter().find(|one| one.rule == GONE);
    assert!(
        gone.is_some_and(|one| one.title.ends_with("in another state")),
        "{found:?}"
    );
}

#[test]
fn moved_assertions_do_not_pay_for_lost_ones() {
    let lines = "-    assert a == 1\n-    assert b == 1\n x = 1\n+    assert a == 1\n";
    assert!(says(&file("tests/a_test.py", lines), "test.assert_removed"));
}
