//! How often each rule speaks over the last commits of a repository: what a change of a rule is judged by.
//!
//! `hit_rates [--last N] [--findings] REPOSITORY…` reads each commit against its first parent, whole files with it.
//! `--findings` also prints each finding, to be looked at.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that measures prints, and stops at what it cannot read"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::collections::BTreeMap;
use std::process::Command;

use common::change;
use countersign_assess::{Known, Sides, assess_with, wants_sides};
use countersign_core::finding::{Assessment, Side};
use countersign_core::patch::Patch;

/// What a rule said in one repository.
#[derive(Default)]
struct Hits {
    findings: usize,
    commits: usize,
}

fn main() {
    let (mut last, mut each, mut repositories) = (300, false, Vec::new());
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--last" => last = words.next().unwrap().parse().unwrap(),
            "--findings" => each = true,
            _ => repositories.push(word),
        }
    }
    for repository in repositories {
        over(&repository, last, each);
    }
}

fn over(repository: &str, last: usize, each: bool) {
    let most = format!("-{last}");
    let listed = git(
        repository,
        &["log", "--first-parent", &most, "--format=%H %P", "HEAD"],
    )
    .unwrap();
    let (mut rules, mut commits, mut with, mut not_assessed) = (BTreeMap::new(), 0, 0, 0);
    for line in String::from_utf8(listed).unwrap().lines() {
        let mut oids = line.split(' ').filter(|oid| !oid.is_empty());
        let (Some(commit), Some(parent)) = (oids.next(), oids.next()) else {
            continue;
        };
        let found = assessed(repository, parent, commit);
        commits += 1;
        with += usize::from(!found.findings.is_empty());
        not_assessed += found.not_assessed.len();
        let mut here: BTreeMap<&str, usize> = BTreeMap::new();
        for finding in &found.findings {
            *here.entry(&finding.rule).or_default() += 1;
            if each {
                let (at, side) = (finding.line.unwrap_or(0), finding.side);
                let side = if side == Side::Old { "old" } else { "new" };
                println!(
                    "{commit:.10} {:?} {} {}:{at} ({side})",
                    finding.severity, finding.rule, finding.path
                );
                println!("    {}", finding.excerpt.trim());
            }
        }
        for (rule, findings) in here {
            let hits: &mut Hits = rules.entry(rule.to_owned()).or_default();
            hits.findings += findings;
            hits.commits += 1;
        }
    }
    println!(
        "{repository}: {commits} commits, {with} with findings, {not_assessed} files or parts not assessed"
    );
    println!("  {:<34} {:>8} {:>8}", "rule", "findings", "commits");
    for (rule, hits) in rules {
        println!("  {rule:<34} {:>8} {:>8}", hits.findings, hits.commits);
    }
}

fn assessed(repository: &str, parent: &str, commit: &str) -> Assessment {
    let options = [
        "diff-tree",
        "-p",
        "-M",
        "--full-index",
        "--no-ext-diff",
        "--no-textconv",
    ];
    let diff = git(repository, &[&options[..], &[parent, commit]].concat()).unwrap();
    let patch = Patch::parse(&diff);
    let files = patch
        .as_ref()
        .map(|patch| patch.files.as_slice())
        .unwrap_or_default();
    let side = |tree: &str, path: &Option<std::borrow::Cow<'_, [u8]>>| {
        let path = String::from_utf8_lossy(path.as_deref()?).into_owned();
        git(repository, &["cat-file", "blob", &format!("{tree}:{path}")])
    };
    let sides: Vec<Sides> = (files.iter().filter(|file| wants_sides(file)))
        .map(|file| Sides {
            path: file.display_path(),
            old: side(parent, &file.old_path),
            new: side(commit, &file.new_path),
            missing: None,
        })
        .collect();
    let known = Known {
        sides: &sides,
        ..Known::default()
    };
    assess_with(&change("x"), patch.as_ref(), known)
}

fn git(repository: &str, arguments: &[&str]) -> Option<Vec<u8>> {
    let done = Command::new("git")
        .arg("-C")
        .arg(repository)
        .args(arguments)
        .output()
        .unwrap();
    done.status.success().then_some(done.stdout)
}
