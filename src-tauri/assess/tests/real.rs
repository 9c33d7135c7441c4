//! Hit rates over the last commits of real repositories, named in `COUNTERSIGN_ASSESS_REPO` (several with `:`
//! between), for people who judge the rules by eye.
#![allow(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "what it prints is what it is for"
)]

mod common;

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Instant;

use common::change;
use countersign_assess::{Known, Sides, assess_with, wants_sides};
use countersign_core::patch::Patch;

#[test]
fn hit_rates_over_real_repositories() {
    let Some(repos) = std::env::var_os("COUNTERSIGN_ASSESS_REPO") else {
        eprintln!("SKIPPED: COUNTERSIGN_ASSESS_REPO names no repository");
        return;
    };
    for repo in std::env::split_paths(&repos) {
        let git = |args: &[&str]| {
            let out = Command::new("git")
                .args(args)
                .current_dir(&repo)
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .output();
            out.unwrap().stdout
        };
        let log = String::from_utf8(git(&["log", "--no-merges", "-n", "300", "--format=%H"])).unwrap();
        let mut hits: BTreeMap<(String, String), (u32, Vec<String>)> = BTreeMap::new();
        let (mut commits, mut bytes, mut unread, mut spent) = (0, 0, 0, std::time::Duration::ZERO);
        for commit in log.lines() {
            let diff = git(&["show", "--format=", "--binary", commit]);
            let patch = Patch::parse(&diff).unwrap_or_else(|error| panic!("{commit}: {error}"));
            let sides: Vec<Sides> = (patch.files.iter().filter(|file| wants_sides(file)))
                .map(|file| {
                    let blob = |at: &str, path: Option<&[u8]>| {
                        path.map(|path| git(&["show", &format!("{at}:{}", String::from_utf8_lossy(path))]))
                    };
                    Sides {
                        path: file.display_path(),
                        old: blob(&format!("{commit}^"), file.old_path.as_deref()),
                        new: blob(commit, file.new_path.as_deref()),
                        missing: None,
                    }
                })
                .collect();
            let known = Known {
                sides: &sides,
                ..Known::default()
            };
            let start = Instant::now();
            let found = assess_with(&change("x"), Ok(&patch), known);
            for one in &found.not_assessed {
                eprintln!("{}: {}: {}", &commit[..10], one.path, one.reason);
            }
            spent += start.elapsed();
            commits += 1;
            bytes += diff.len();
            unread += found.not_assessed.len();
            let mut seen: Vec<&str> = Vec::new();
            for finding in &found.findings {
                let key = (format!("{:?}", finding.severity), finding.rule.clone());
                let (count, lines) = hits.entry(key).or_default();
                *count += u32::from(!seen.contains(&finding.rule.as_str()));
                seen.push(&finding.rule);
                let note = finding.note.as_deref().unwrap_or_default();
                let place = format!("{}:{}", finding.path, finding.line.unwrap_or_default());
                lines.push(format!(
                    "{} {place} [{}] {} ({note})",
                    &commit[..10],
                    finding.title,
                    finding.excerpt.trim()
                ));
            }
        }
        eprintln!(
            "{}: {commits} commits, {} KiB, {unread} not assessed, {spent:?}",
            repo.display(),
            bytes >> 10
        );
        for ((severity, rule), (count, lines)) in &hits {
            eprintln!("{severity:9} {rule:36} in {count} commits");
            for line in lines.iter().step_by(1 + lines.len() / 6) {
                eprintln!("    {}", line.chars().take(220).collect::<String>());
            }
        }
    }
}
