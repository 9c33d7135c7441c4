//! `cargo xtask bench`: measures, and leaves the figures under `target/bench`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::run::Job;
use crate::say;

/// Recall and precision of the evidence, by tool; also over `corpus`, a file of labelled rows.
pub(crate) fn evidence(corpus: Option<String>) -> Result<ExitCode> {
    let json = crate::target().join("bench/evidence.json");
    let mut job = Job::cargo(&["run", "--quiet", "--release", "--package", "countersign-core"])
        .arg("--example")
        .arg("bench_evidence")
        .arg("--")
        .arg("--json")
        .arg(&json);
    match shared() {
        Some(folder) => job = job.arg("--shared").arg(folder),
        None => say::line("SKIPPED: the shared corpora are not here (COUNTERSIGN_SHARED names their folder)"),
    }
    if let Some(path) = corpus {
        job = job.arg(std::path::absolute(path)?);
    }
    if !job.run()?.ok {
        bail!("the evidence could not be measured");
    }
    say::line(&format!("written to {}", json.display()));
    Ok(ExitCode::SUCCESS)
}

/// What judging costs beside a bare `ssh-keygen -Y verify`.
pub(crate) fn verify() -> Result<ExitCode> {
    let (gate, json) = (crate::dist::gate()?, crate::target().join("bench/verify.json"));
    std::fs::create_dir_all(crate::target().join("bench"))?;
    // It only starts programs and looks at the clock: it need not be fast itself.
    let measured = Job::cargo(&["run", "--quiet", "--package", "countersign-verify"])
        .arg("--example")
        .arg("bench_verify")
        .arg("--")
        .arg("--gate")
        .arg(&gate)
        .arg("--json")
        .arg(&json)
        .run()?;
    if !measured.ok {
        bail!("the gate could not be measured, or costs more than it may");
    }
    say::line(&format!("written to {}", json.display()));
    Ok(ExitCode::SUCCESS)
}

/// What it costs to parse, classify and assess a diff, against the plainest thing that could work; also over `diff`.
pub(crate) fn assess(diff: Option<String>) -> Result<ExitCode> {
    let json = crate::target().join("bench/assess.json");
    let mut job = Job::cargo(&["run", "--quiet", "--release", "--package", "countersign-assess"])
        .arg("--example")
        .arg("bench_assess")
        .arg("--")
        .arg("--json")
        .arg(&json);
    if let Some(path) = diff {
        job = job.arg(std::path::absolute(path)?);
    }
    if !job.run()?.ok {
        bail!("the cost could not be measured, or is above its bounds");
    }
    say::line(&format!("written to {}", json.display()));
    Ok(ExitCode::SUCCESS)
}

/// How often each rule speaks over the last commits of a repository; with `findings`, where.
pub(crate) fn rules(repo: &str, last: Option<usize>, findings: bool) -> Result<ExitCode> {
    let mut job = Job::cargo(&["run", "--quiet", "--release", "--package", "countersign-assess"])
        .arg("--example")
        .arg("hit_rates")
        .arg("--");
    if findings {
        job = job.arg("--findings");
    }
    if let Some(last) = last {
        job = job.arg("--last").arg(last.to_string());
    }
    if !job.arg(std::path::absolute(repo)?).run()?.ok {
        bail!("the repository could not be read");
    }
    Ok(ExitCode::SUCCESS)
}

/// Where the shared corpora are: named by the environment, or beside the work tree.
fn shared() -> Option<PathBuf> {
    let named = std::env::var_os("COUNTERSIGN_SHARED").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| crate::root().join("../shared"));
    folder.join("data").is_dir().then_some(folder)
}
