//! The work grows with the diff and not faster. Times are compared within one run, never with a clock's idea of
//! what is fast.
#![allow(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "the ratio is worth seeing"
)]

mod common;

use std::time::{Duration, Instant};

use common::{change, file};
use countersign_assess::assess;
use countersign_core::evidence::{Extra, classify};
use countersign_core::patch::Patch;

/// A diff of `files` files with 66 lines each, in the mix of an infrastructure repository.
fn diff(files: usize) -> String {
    let kinds = [
        "envs/dev/main",
        "services/a/src/lib",
        "db/migrations/x",
        ".github/workflows/c",
        "web/src/app",
    ];
    let ends = [".tf", ".rs", ".sql", ".yml", ".ts"];
    let lines = [
        "+resource \"aws_lb\" \"front\" {\n+  name = \"front\"\n+  tags = { a = \"b\" }\n+}\n-  count = 2\n+  count = 3\n",
        "     let value = compute(&input)?;\n-    let other = value + 1;\n+    let other = value + 2;\n+    // a note\n     Ok(other)\n }\n",
        "+ALTER TABLE orders ADD COLUMN note text;\n+-- why\n+CREATE INDEX CONCURRENTLY i ON orders (note);\n+SELECT 1;\n+\n+UPDATE a SET b = 1 WHERE c;\n",
        "     steps:\n+      - run: cargo test\n       - uses: ./local\n+      - run: echo done\n         env:\n+          A: b\n",
        "+export function f(a: number): number {\n+  return a * 2;\n+}\n const x = 1;\n-const y = 2;\n+const y = 3;\n",
    ];
    (0..files)
        .map(|n| {
            let kind = n % kinds.len();
            file(
                &format!("{}{n}{}", kinds[kind], ends[kind]),
                &lines[kind].repeat(11),
            )
        })
        .collect()
}

fn spent(diff: &str) -> Duration {
    let one = change("x");
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let start = Instant::now();
        let patch = Patch::parse(diff.as_bytes()).unwrap();
        let found = classify(
            &one,
            Extra {
                patch: Some(&patch),
                notes: &[],
            },
        );
        let assessed = assess(&one, Ok(&patch), &[]);
        best = best.min(start.elapsed());
        assert!(found.evidence.is_empty() && !assessed.findings.is_empty());
    }
    best
}

#[test]
fn sixteen_times_the_diff_is_not_much_more_than_sixteen_times_the_work() {
    spent(&diff(5));
    let (small, large) = (diff(20), diff(320));
    let (short, long) = (spent(&small), spent(&large));
    let ratio = long.as_secs_f64() / short.as_secs_f64();
    eprintln!(
        "{} KiB in {short:?}, {} KiB in {long:?}: ratio {ratio:.1}",
        small.len() >> 10,
        large.len() >> 10
    );
    // Quadratic work would show as 256.
    assert!(ratio < 64.0, "{ratio}");
}

#[test]
fn a_hostile_file_does_not_cost_the_square_of_its_size() {
    let hostile = |n: usize| {
        let line = "-resource \"aws_db_instance\" \"a\" {\n-  prevent_destroy = true\n";
        file("main.tf", &format!(" x\n{}", line.repeat(n)))
    };
    spent(&hostile(10));
    let (short, long) = (spent(&hostile(100)), spent(&hostile(1600)));
    let ratio = long.as_secs_f64() / short.as_secs_f64();
    eprintln!("{short:?}, {long:?}: ratio {ratio:.1}");
    assert!(ratio < 64.0, "{ratio}");
}
