//! `cargo xtask test`: every check, one after the other. A step that fails does not keep the others from being run.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::counts::{self, Counts};
use crate::run::Job;
use crate::system::{self, Ready, Set};
use crate::{layers, node, say, tools};

/// What to run.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Without the window and the browser.
    pub(crate) fast: bool,
    /// With what takes minutes: tests marked `#[ignore]`.
    pub(crate) soak: bool,
    /// Only the steps with these words in their name.
    pub(crate) only: Option<String>,
}

/// How one step ended.
struct Step {
    name: &'static str,
    counts: Counts,
}

/// The steps that were run.
#[derive(Default)]
struct Run {
    done: Vec<Step>,
    only: Option<String>,
}

impl Run {
    /// Runs one step. An error (it could not be started, it took too long) is one failure, and told.
    fn step(&mut self, name: &'static str, work: impl FnOnce() -> Result<Counts>) {
        if self
            .only
            .as_ref()
            .is_some_and(|only| !name.contains(only.as_str()))
        {
            return;
        }
        say::heading(name);
        let start = Instant::now();
        let counts = work().unwrap_or_else(|error| {
            say::line(&format!("error: {error:#}"));
            Counts::one(false)
        });
        say::line(&format!(
            "   {name}: {counts} ({:.1} s)",
            start.elapsed().as_secs_f64()
        ));
        self.done.push(Step { name, counts });
    }

    fn sum(&self) -> Counts {
        self.done.iter().fold(Counts::default(), |mut sum, step| {
            sum += step.counts;
            sum
        })
    }
}

/// Installs what is needed, then runs all.
pub(crate) fn all(wanted: Wanted, no_install: bool) -> Result<ExitCode> {
    let sets: &[Set] = if wanted.fast {
        &[Set::Build, Set::Desk]
    } else {
        &[Set::Build, Set::Desk, Set::Browser]
    };
    if system::install(sets, no_install)? == Ready::Missing {
        return Ok(ExitCode::from(2));
    }
    node::install()?;
    say::heading("Crates");
    // The last step that may use the network: from here on cargo is told to stay offline.
    if !Job::cargo(&["fetch", "--locked"]).run()?.ok {
        anyhow::bail!("the crates could not be fetched: see above");
    }
    let deny = tools::cargo_deny();

    let start = Instant::now();
    let mut run = Run {
        only: wanted.only,
        ..Run::default()
    };
    run.step("formatting", || plain(offline(&["fmt", "--all", "--check"])));
    run.step("layers", || {
        let breaches = layers::breaches()?;
        breaches.iter().for_each(|breach| say::line(breach));
        Ok(Counts::one(breaches.is_empty()))
    });
    run.step("licences, sources, bans", || {
        let deny = deny?;
        plain(Job::new(
            deny,
            &["--offline", "--locked", "check", "bans", "licenses", "sources"],
        ))
    });
    // Before the shell is compiled, because the UI is embedded in it.
    run.step("UI build", || plain(node::script("build", &[])));
    run.step("UI types", || plain(node::script("check", &[])));
    run.step("UI tests", vitest);
    run.step("clippy", || {
        plain(offline(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ]))
    });
    // Before the tests, because some of them start these programs.
    run.step("build", || {
        plain(offline(&["build", "--workspace", "--bins", "--locked"]))
    });
    run.step("Rust tests", || rust_tests(wanted.soak));
    if !wanted.fast {
        run.step("UI in the browser", playwright);
        run.step("the window", window_tests);
    }

    say::heading(&format!("All, in {:.0} s", start.elapsed().as_secs_f64()));
    for step in &run.done {
        let mark = if step.counts.failed == 0 {
            "ok    "
        } else {
            "FAILED"
        };
        say::line(&format!("{mark} {}: {}", step.name, step.counts));
    }
    // Nothing that was run is nothing that was judged.
    let sum = run.sum().unless_empty();
    say::line(&sum.to_string());
    Ok(if sum.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn offline(words: &[&str]) -> Job {
    Job::cargo(words).env("CARGO_NET_OFFLINE", "true")
}

fn plain(job: Job) -> Result<Counts> {
    Ok(Counts::one(job.run()?.ok))
}

fn rust_tests(soak: bool) -> Result<Counts> {
    let mut words = vec!["test", "--workspace", "--locked", "--no-fail-fast"];
    if soak {
        words.extend(["--", "--include-ignored"]);
    }
    let ended = offline(&words).run()?;
    Ok(counts::of_cargo_test(&ended.out)
        .unless_empty()
        .unless_ok(ended.ok))
}

/// The real program on a display of its own. One test at a time: each starts a desktop, and their time limits are
/// meant for a machine that does nothing else.
fn window_tests() -> Result<Counts> {
    // `--workspace` with one feature, instead of `-p`: other features would mean compiling the world again.
    let words = [
        "test",
        "--workspace",
        "--locked",
        "--no-fail-fast",
        "--features",
        "countersign-tests/window",
    ];
    let job = offline(&words)
        .arg("--test")
        .arg("app")
        .arg("--")
        .arg("--test-threads=1")
        .arg("--nocapture");
    let ended = job.limit(Duration::from_secs(15 * 60)).run()?;
    Ok(counts::of_cargo_test(&ended.out)
        .unless_empty()
        .unless_ok(ended.ok))
}

fn vitest() -> Result<Counts> {
    let file = report("vitest.json")?;
    let to = format!("--outputFile.json={}", file.display());
    let ended = node::script("test", &["--reporter=default", "--reporter=json", &to]).run()?;
    Ok(counts::of_vitest(&read(&file)).unless_empty().unless_ok(ended.ok))
}

fn playwright() -> Result<Counts> {
    let file = report("playwright.json")?;
    let job = node::script("e2e", &["--reporter=line,json"]).env("PLAYWRIGHT_JSON_OUTPUT_NAME", &file);
    let ended = job.limit(Duration::from_secs(15 * 60)).run()?;
    Ok(counts::of_playwright(&read(&file))
        .unless_empty()
        .unless_ok(ended.ok))
}

/// Where a tool is to write its report; an older one is removed, so that it is never taken for this run's.
fn report(name: &str) -> Result<std::path::PathBuf> {
    let folder = crate::target().join("reports");
    std::fs::create_dir_all(&folder).context("the folder for reports cannot be made")?;
    let file = folder.join(name);
    match std::fs::remove_file(&file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).context("an old report is in the way")
        }
        Ok(()) | Err(_) => Ok(file),
    }
}

/// A report that is missing or broken counts nothing, which `unless_empty` turns into a failure.
fn read(file: &std::path::Path) -> Value {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_cannot_start_is_a_failure_and_the_next_one_runs() {
        let mut run = Run::default();
        run.step("broken", || plain(Job::new("/nowhere/at-all", &[])));
        run.step("fine", || plain(Job::new("true", &[]).silent()));
        assert_eq!(
            run.sum(),
            Counts {
                passed: 1,
                failed: 1,
                skipped: 0
            }
        );
    }

    #[test]
    fn a_report_that_was_not_written_is_a_failure() {
        let counts = counts::of_vitest(&read(std::path::Path::new("/nowhere/report.json"))).unless_empty();
        assert_eq!(counts, Counts::one(false));
    }
}
