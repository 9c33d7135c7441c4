//! Trailers as `git interpret-trailers --parse` gives them: over samples of its odd rules, and over the shared
//! corpus of commit messages where there is one (`COUNTERSIGN_SHARED`, or `shared` beside the workspace).
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test may use files, git and the environment; the crate may not"
)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use countersign_core::trailers;

fn by_git(message: &str) -> String {
    let mut child = Command::new("git")
        .args(["-c", "core.commentChar=#", "interpret-trailers", "--parse"])
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(message.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

fn by_us(message: &str) -> String {
    trailers::parse(message)
        .iter()
        .map(|trailer| format!("{}: {}\n", trailer.key, trailer.value))
        .collect()
}

#[test]
fn odd_messages_are_read_as_git_reads_them() {
    let samples = [
        "T\n\nA: b\n",
        "T\nA: b\n",
        "T\n\nprose\nA: b\n",
        "T\n\nprose\nSigned-off-by: a\nA: b\n",
        "T\n\np\np\np\np\np\np\np\nSigned-off-by: a\nA: b\n",
        "T\n\n(cherry picked from commit abc)\nprose\nA: b\n",
        "T\n\nA: b\n c\n\td\nE:f\n",
        "T\n\n c\nA: b\n",
        "T\n\nA: b\n\n\n# comment\n\n",
        "T\n\nA: b\n# comment\nC: d\n",
        "T\n\nA: b\n\nConflicts:\n\tx\n\ty\n",
        "T\n\nA: b\n---\nC: d\n",
        "T\n\nA: b\n\n---------\n\nC: d\n",
        "T\n\nA: b\n# ------------------------ >8 ------------------------\nC: d\n",
        "# c\nT\n\nA: b\n",
        "T\n\nA : b\nC\t: d\n",
        "T\n\nA b: c\n",
        "T\n\nÄ: b\n",
        "T\n\nA:\n",
        "T\n\nA: b\r\nC: d\r\n",
        "\n\nA: b\n",
        "A: b\n\nC: d\n",
        "T\n\n: b\n",
        "T\n \nA: b\n \n",
        "T\n\nA: b",
    ];
    for message in samples {
        assert_eq!(by_us(message), by_git(message), "{message:?}");
    }
}

#[test]
fn the_shared_commits_are_read_as_git_reads_them() {
    let Some(shared) = shared() else { return };
    let rows = std::fs::read_to_string(shared.join("data/commits-dev.jsonl")).unwrap();
    let mut differ = Vec::new();
    for row in rows.lines() {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        let message = row["message"].as_str().unwrap();
        if by_us(message) != by_git(message) {
            differ.push(message.to_owned());
        }
    }
    assert!(
        differ.is_empty(),
        "{} differ, first:\n{}",
        differ.len(),
        differ[0]
    );
}

fn shared() -> Option<PathBuf> {
    let named = std::env::var_os("COUNTERSIGN_SHARED").map(PathBuf::from);
    let dir = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    if dir.join("data/commits-dev.jsonl").is_file() {
        return Some(dir);
    }
    eprintln!("SKIPPED: no shared corpus at {}", dir.display());
    None
}
