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
struct Run {
    wanted: Wanted,
    done: Vec<Step>,
}

impl Run {
    /// Runs one step. An error (it could not be started, it took too long) is one failure, and told.
    fn step(&mut self, name: &'static str, work: impl FnOnce() -> Result<Counts>) {
        if !self.wanted.wants(name) {
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

// Names of the steps that need more than a compiler.
const UI_BUILD: &str = "UI build";
const UI_TYPES: &str = "UI types";
const UI_TESTS: &str = "UI tests";
const CLIPPY: &str = "clippy";
const BUILD: &str = "build";
const RUST_TESTS: &str = "Rust tests";
const BROWSER: &str = "UI in the browser";
const WINDOW: &str = "the window";

impl Wanted {
    fn wants(&self, name: &str) -> bool {
        let slow = name == BROWSER || name == WINDOW;
        !(self.fast && slow) && self.only.as_ref().is_none_or(|only| name.contains(only.as_str()))
    }

    fn wants_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.wants(name))
    }

    /// The system packages that the wanted steps stand on.
    fn sets(&self) -> Vec<Set> {
        let all = [
            (Set::Build, self.wants_any(&[CLIPPY, BUILD, RUST_TESTS, WINDOW])),
            (Set::Desk, self.wants_any(&[RUST_TESTS, WINDOW])),
            (Set::Browser, self.wants(BROWSER)),
        ];
        let needed = all.into_iter().filter(|(_, needed)| *needed);
        needed.map(|(set, _)| set).collect()
    }
}

/// Installs what is needed, then runs all.
pub(crate) fn all(wanted: Wanted, no_install: bool) -> Result<ExitCode> {
    if system::install(&wanted.sets(), no_install)? == Ready::Missing {
        return Ok(ExitCode::from(2));
    }
    if wanted.wants_any(&[UI_BUILD, UI_TYPES, UI_TESTS, BROWSER]) {
        node::install()?;
    }
    say::heading("Crates");
    // With cargo-deny below the last that may use the network: all else tells cargo to stay offline.
    if !Job::cargo(&["fetch", "--locked"]).run()?.ok {
        anyhow::bail!("the crates could not be fetched: see above");
    }

    let (start, soak) = (Instant::now(), wanted.soak);
    let mut run = Run {
        wanted,
        done: Vec::new(),
    };
    run.step("formatting", || plain(Job::offline(&["fmt", "--all", "--check"])));
    run.step("layers", || {
        let breaches = layers::breaches()?;
        breaches.iter().for_each(|breach| say::line(breach));
        Ok(Counts::one(breaches.is_empty()))
    });
    run.step("licences, sources, bans", || {
        let deny = tools::cargo_deny()?;
        plain(Job::new(
            deny,
            &["--offline", "--locked", "check", "bans", "licenses", "sources"],
        ))
    });
    // Before the shell is compiled, because the UI is embedded in it.
    run.step(UI_BUILD, || plain(node::script("build", &[])));
    run.step(UI_TYPES, || plain(node::script("check", &[])));
    run.step(UI_TESTS, vitest);
    run.step(CLIPPY, || everywhere("clippy", &["--", "-D", "warnings"]));
    // Before the tests, because some of them start these programs; and with the tests, because what tests ask of
    // crates is otherwise another world to compile.
    run.step(BUILD, || everywhere("build", &[]));
    run.step(RUST_TESTS, || rust_tests(soak));
    run.step(BROWSER, playwright);
    run.step(WINDOW, window_tests);

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
    if sum.skipped > 0 {
        say::line(&format!(
            "{} more run with --soak or where what they need is at hand",
            sum.skipped
        ));
    }
    // The last line is for whoever reads it by machine.
    say::line(&format!("{} passed, {} failed", sum.passed, sum.failed));
    Ok(if sum.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A cargo command for every target of every crate. The window's tests are left out of `cargo test`, and so of all that
/// says *all*; named beside that they are passed over, so they have a run of their own.
fn everywhere(command: &str, more: &[&str]) -> Result<Counts> {
    let mut ok = true;
    for targets in [&["--all-targets"][..], &["--test", "app"]] {
        let words = [&[command, "--workspace", "--locked"], targets, more].concat();
        ok &= Job::offline(&words).run()?.ok;
    }
    Ok(Counts::one(ok))
}

fn plain(job: Job) -> Result<Counts> {
    Ok(Counts::one(job.run()?.ok))
}

fn rust_tests(soak: bool) -> Result<Counts> {
    let mut words = vec!["test", "--workspace", "--locked", "--no-fail-fast"];
    if soak {
        words.extend(["--", "--include-ignored"]);
    }
    let ended = Job::offline(&words).run()?;
    Ok(counts::of_cargo_test(&ended.out)
        .unless_empty()
        .unless_ok(ended.ok))
}

/// The real program on a display of its own. One test at a time: each starts a desktop, and their time limits are
/// meant for a machine that does nothing else.
fn window_tests() -> Result<Counts> {
    // `--workspace` instead of `-p`: other features would mean compiling the world again.
    let words = ["test", "--workspace", "--locked", "--no-fail-fast"];
    let job = Job::offline(&words)
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

    fn wanted(fast: bool, only: Option<&str>) -> Wanted {
        Wanted {
            fast,
            soak: false,
            only: only.map(str::to_owned),
        }
    }

    #[test]
    fn only_what_the_wanted_steps_need_is_installed() {
        assert_eq!(wanted(false, Some("formatting")).sets(), []);
        assert_eq!(wanted(false, Some("browser")).sets(), [Set::Browser]);
        assert_eq!(wanted(true, None).sets(), [Set::Build, Set::Desk]);
        assert_eq!(wanted(false, None).sets().len(), 3);
        assert!(!wanted(true, Some("window")).wants(WINDOW) && wanted(false, Some("window")).wants(WINDOW));
    }

    #[test]
    fn a_step_that_cannot_start_is_a_failure_and_the_next_one_runs() {
        let mut run = Run {
            wanted: wanted(false, None),
            done: Vec::new(),
        };
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
