//! What `git` writes, the patch reader reads and writes back: over a repository made for it, and over any
//! repository named in `COUNTERSIGN_ROUNDTRIP_REPO` (several with `:` between).
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test may use files, git and the environment; the crate may not"
)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign_core::patch::{FileKind, FileType, Patch};

fn git(dir: &Path, args: &[&str]) -> Vec<u8> {
    let out = Command::new("git")
        .args([
            "-c",
            "user.name=Test",
            "-c",
            "user.email=test@example.com",
            "-c",
            "commit.gpgsign=false",
        ])
        .args(["-c", "protocol.file.allow=always", "-c", "core.autocrlf=false"])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .expect("git runs");
    assert!(
        out.status.success(),
        "git {args:?}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    out.stdout
}

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The ways in which the app, the gate and people ask git for a diff.
const WAYS: [&[&str]; 4] = [
    &[],
    &["--binary", "--full-index"],
    &["-M", "-C", "--find-copies-harder"],
    &["-U0"],
];

fn assert_round_trip(dir: &Path, from: &str, to: &str, ways: &[&[&str]]) {
    for way in ways.iter().copied() {
        for quote in ["core.quotePath=true", "core.quotePath=false"] {
            let args: Vec<&str> = ["-c", quote, "diff"]
                .iter()
                .chain(way)
                .copied()
                .chain([from, to])
                .collect();
            let bytes = git(dir, &args);
            let patch = match Patch::parse(&bytes) {
                Ok(patch) => patch,
                Err(error) => panic!("{dir:?} {from}..{to} {way:?}: {error}"),
            };
            assert!(
                patch.to_bytes() == bytes,
                "{dir:?} {from}..{to} {way:?}: not the same bytes"
            );
            let stat: Vec<&str> = ["-c", quote, "diff", "--numstat", "-z"]
                .iter()
                .chain(way)
                .copied()
                .chain([from, to])
                .collect();
            let (added, removed) = sums(&git(dir, &stat));
            assert_eq!(
                (patch.lines_added(), patch.lines_removed()),
                (added, removed),
                "{from}..{to} {way:?}"
            );
        }
    }
}

/// Added and removed lines of `git diff --numstat -z`, whose entries begin with `N\tN\t` (`-` for binary).
fn sums(numstat: &[u8]) -> (u64, u64) {
    let number = |text: &[u8]| {
        std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let mut sum = (0, 0);
    for entry in numstat.split(|byte| *byte == 0) {
        let mut parts = entry.splitn(3, |byte| *byte == b'\t');
        if let (Some(added), Some(removed), Some(_)) = (parts.next(), parts.next(), parts.next()) {
            sum.0 += number(added).unwrap_or(0);
            sum.1 += number(removed).unwrap_or(0);
        }
    }
    sum
}

#[test]
fn a_repository_with_everything_comes_back_byte_for_byte() {
    let scratch = Scratch::new("roundtrip");
    let dir = &scratch.0;
    let write = |name: &[u8], content: &[u8]| fs::write(dir.join(OsStr::from_bytes(name)), content).unwrap();
    let long: Vec<u8> = (0..200)
        .flat_map(|n| format!("line {n}\n").into_bytes())
        .collect();

    git(dir, &["init", "-q", "-b", "main"]);
    fs::create_dir_all(dir.join("a b/c")).unwrap();
    write(b"plain.txt", &long);
    write(b"moved with blank.txt", &long);
    write(b"a b/c/deep.txt", b"x\n");
    write(b"no-end", b"first\nlast");
    write(b"crlf.txt", b"one\r\ntwo\r\nthree\r\n");
    write(b"latin1.txt", b"caf\xe9\nna\xefve\n");
    write(b"caf\xe9.txt", b"name in Latin-1\n");
    write("größe.txt".as_bytes(), b"name in UTF-8\n");
    write(b"tab\tquote\"back\\slash\nline", b"awkward\n");
    write(b"logo.bin", &[0, 1, 2, 3, 255, 0, 7].repeat(50));
    write(b"script.sh", b"#!/bin/sh\n");
    write(b"empty-later-gone", b"");
    write(b"to-link", b"was a file\n");
    write(b"-- looks.txt", b"- a\n-- b\n--- c\n");
    git(dir, &["add", "-A"]);
    git(dir, &["commit", "-q", "-m", "one"]);
    let sub = git(dir, &["rev-parse", "HEAD"]);
    let sub = String::from_utf8(sub).unwrap();

    let mut changed = long.clone();
    changed.splice(0..7, b"LINE 0\nand more\n".iter().copied());
    changed.extend_from_slice(b"tail without end");
    write(b"plain.txt", &changed);
    git(dir, &["mv", "moved with blank.txt", "a b/new name.txt"]);
    write(b"copy of plain.txt", &long);
    write(b"no-end", b"first\nlast\n");
    write(b"crlf.txt", b"one\r\nTWO\r\nthree\n");
    write(b"latin1.txt", b"caf\xe8\nna\xefve\n");
    write(b"caf\xe9.txt", b"changed\n");
    write("größe.txt".as_bytes(), b"changed\n");
    write(b"tab\tquote\"back\\slash\nline", b"changed\n");
    write(b"logo.bin", &[0, 1, 2, 4, 255, 0, 7].repeat(60));
    write(b"new.bin", &[0; 100]);
    write(b"new-empty", b"");
    fs::remove_file(dir.join("empty-later-gone")).unwrap();
    fs::remove_file(dir.join("to-link")).unwrap();
    std::os::unix::fs::symlink("plain.txt", dir.join("to-link")).unwrap();
    fs::set_permissions(dir.join("script.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    write(b"-- looks.txt", b"");
    git(dir, &["add", "-A"]);
    git(
        dir,
        &[
            "update-index",
            "--add",
            "--cacheinfo",
            &format!("160000,{},vendor", sub.trim()),
        ],
    );
    git(dir, &["commit", "-q", "-m", "two"]);

    assert_round_trip(dir, "HEAD~1", "HEAD", &WAYS);
    assert_round_trip(dir, "HEAD", "HEAD~1", &WAYS);

    let bytes = git(dir, &["diff", "-M", "HEAD~1", "HEAD"]);
    let patch = Patch::parse(&bytes).unwrap();
    let find = |path: &[u8]| {
        patch
            .files
            .iter()
            .filter(|file| file.path() == path)
            .collect::<Vec<_>>()
    };
    assert_eq!(find(b"a b/new name.txt")[0].kind, FileKind::Renamed);
    assert_eq!(
        find(b"a b/new name.txt")[0].old_path.as_deref(),
        Some(&b"moved with blank.txt"[..])
    );
    assert_eq!(find(b"caf\xe9.txt").len(), 1);
    assert_eq!(find(b"tab\tquote\"back\\slash\nline").len(), 1);
    assert_eq!(find(b"vendor")[0].file_type(), Some(FileType::Submodule));
    assert_eq!(find(b"script.sh")[0].new_mode, Some(0o100755));
    // A file that becomes a link is deleted and added.
    assert_eq!(
        find(b"to-link").iter().map(|file| file.kind).collect::<Vec<_>>(),
        [FileKind::Deleted, FileKind::Added]
    );
    assert!(find(b"logo.bin")[0].binary && find(b"new.bin")[0].binary);
}

#[test]
fn real_repositories_come_back_byte_for_byte() {
    let Some(repos) = std::env::var_os("COUNTERSIGN_ROUNDTRIP_REPO") else {
        eprintln!("SKIPPED: COUNTERSIGN_ROUNDTRIP_REPO names no repository");
        return;
    };
    for repo in std::env::split_paths(&repos) {
        let log = git(
            &repo,
            &[
                "log",
                "--no-merges",
                "--min-parents=1",
                "-n",
                "300",
                "--format=%H %P",
            ],
        );
        let log = String::from_utf8(log).unwrap();
        let mut seen = 0;
        for (commit, parent) in log.lines().filter_map(|line| line.split_once(' ')) {
            if Command::new("git")
                .args(["cat-file", "-e", parent])
                .current_dir(&repo)
                .status()
                .is_ok_and(|s| s.success())
            {
                assert_round_trip(&repo, parent, commit, &WAYS[1..2]);
                seen += 1;
            }
        }
        eprintln!("{}: {seen} commits came back byte for byte", repo.display());
    }
}
