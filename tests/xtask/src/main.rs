//! What a developer runs: `cargo xtask demo`, `test`, `audit`, `icons`. Compiled before anything else, so it depends
//! on next to nothing.
//!
//! | module | subject |
//! |---|---|
//! | [`say`] | output |
//! | [`run`] | child processes, with their output passed on and a sign of life |
//! | [`system`] | Debian packages |
//! | [`node`] | the UI's packages and build |
//! | [`tools`] | cargo-deny |
//! | [`counts`] | how many checks passed, out of each tool's own report |
//! | [`layers`] | which crate may name which |
//! | [`check`] | `cargo xtask test` |
//! | [`report`] | `cargo xtask test --report` |
//! | [`bench`] | `cargo xtask bench` |
//! | [`audit`] | `cargo xtask audit` |
//! | [`demo`] | `cargo xtask demo` |
//! | [`dist`] | `cargo xtask dist` |
//! | [`icons`] | `cargo xtask icons` |

mod audit;
mod bench;
mod check;
mod counts;
mod demo;
mod dist;
mod icons;
mod layers;
mod node;
mod report;
mod run;
mod say;
mod system;
mod tools;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
cargo xtask demo [--repo PATH] [--last N] [--headless] [--no-install]
    Builds the app and shows its main job against a forge on this machine; no account is needed.
    --repo PATH   serve the last commits of this git repository as waiting changes
    --last N      how many of them (30)
    --headless    drive the job by itself on a private display, though there is one
cargo xtask test [--fast] [--soak] [--only WORDS] [--no-install]
    Runs every check. --fast leaves out the window and the browser; --soak adds what takes minutes: hundreds of kills,
    time-outs, and a simulated day with 200 changes; --only runs the steps that have these words in their name.
cargo xtask test --report [--no-install]
    Tries every fault to survive, at soak size, and prints what was lost, doubled or leaked. Exit 1 unless all is 0.
cargo xtask audit [--no-install]
    Asks for known vulnerabilities. Exit 2 where the services that know cannot be reached.
cargo xtask bench evidence [--corpus FILE]
    Prints recall and precision per tool, and writes them to target/bench/evidence.json.
    --corpus FILE also over these labelled rows
cargo xtask bench verify
    Measures the gate beside `ssh-keygen -Y verify`, and writes the figures to target/bench/verify.json.
cargo xtask dist
    Builds the gate as one static file of less than 5 MB.
cargo xtask bench assess [--diff FILE]
    Prints what it costs to parse, classify and assess a diff, in time and heap, and writes it to
    target/bench/assess.json. Exit 1 where a bound does not hold.
    --diff FILE   also over this diff
cargo xtask bench rules --repo PATH [--last N] [--findings]
    Prints how often each rule speaks over the last commits (300) of a git repository, and each finding.
cargo xtask icons
    Draws icons/*.png anew from icons/*.svg.

--no-install only names the system packages that are missing, and exits 2.";

/// Root of the work tree. Baked in: an xtask is never moved away from its sources.
fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .canonicalize()
        .unwrap_or_else(|_| PathBuf::from("."))
}

/// Where cargo builds to, and where all that the commands leave behind goes.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The command line after `cargo xtask <command>`: each option may stand once, in any order.
struct Options(Vec<String>);

impl Options {
    /// Takes `--name` out, and says whether it was there.
    fn flag(&mut self, name: &str) -> bool {
        let found = self.0.iter().position(|word| word == name);
        found.map(|at| self.0.remove(at)).is_some()
    }

    /// Takes `--name VALUE` out.
    fn value(&mut self, name: &str) -> Result<Option<String>> {
        let Some(at) = self.0.iter().position(|word| word == name) else {
            return Ok(None);
        };
        if at + 1 >= self.0.len() {
            bail!("{name} needs a value\n\n{USAGE}");
        }
        self.0.remove(at);
        Ok(Some(self.0.remove(at)))
    }

    /// What is left was not understood.
    fn end(self) -> Result<()> {
        match self.0.first() {
            None => Ok(()),
            Some(word) => bail!("{word:?} is not known here\n\n{USAGE}"),
        }
    }
}

fn dispatch() -> Result<ExitCode> {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let mut options = Options(words.collect());
    let no_install = options.flag("--no-install");
    match command.as_str() {
        "test" => {
            if options.flag("--report") {
                options.end()?;
                return report::faults(no_install);
            }
            let (fast, soak) = (options.flag("--fast"), options.flag("--soak"));
            let only = options.value("--only")?;
            options.end()?;
            check::all(check::Wanted { fast, soak, only }, no_install)
        }
        "audit" => {
            options.end()?;
            audit::all(no_install)
        }
        "demo" => {
            let headless = options.flag("--headless");
            let repo = options.value("--repo")?;
            let last = options.value("--last")?.map(|n| n.parse()).transpose()?;
            options.end()?;
            demo::show(demo::Wanted { headless, repo, last }, no_install)
        }
        "bench" => {
            let measured = ["evidence", "verify", "assess", "rules"];
            let measured: Vec<&str> = (measured.into_iter()).filter(|what| options.flag(what)).collect();
            let (corpus, diff) = (options.value("--corpus")?, options.value("--diff")?);
            let (repo, last) = (options.value("--repo")?, options.value("--last")?);
            let findings = options.flag("--findings");
            options.end()?;
            match (measured.as_slice(), repo) {
                (["evidence"], None) => bench::evidence(corpus),
                (["verify"], None) => bench::verify(),
                (["assess"], None) => bench::assess(diff),
                (["rules"], Some(repo)) => {
                    bench::rules(&repo, last.map(|n| n.parse()).transpose()?, findings)
                }
                _ => bail!(
                    "bench evidence, assess, verify, and rules with --repo are what can be measured\n\n{USAGE}"
                ),
            }
        }
        "dist" => {
            options.end()?;
            dist::dist()
        }
        "icons" => {
            options.end()?;
            icons::draw(no_install)
        }
        "" | "help" | "--help" | "-h" => {
            say::line(USAGE);
            Ok(ExitCode::SUCCESS)
        }
        other => bail!("{other:?} is not a command\n\n{USAGE}"),
    }
}

fn main() -> ExitCode {
    match dispatch() {
        Ok(code) => code,
        Err(error) => {
            say::line(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Options;

    fn options(line: &str) -> Options {
        Options(line.split_whitespace().map(str::to_owned).collect())
    }

    #[test]
    fn options_come_in_any_order() {
        let mut o = options("--last 5 --headless --repo /x");
        assert!(o.flag("--headless"));
        assert_eq!(o.value("--repo").unwrap().as_deref(), Some("/x"));
        assert_eq!(o.value("--last").unwrap().as_deref(), Some("5"));
        assert!(o.end().is_ok());
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert!(options("--fats").end().is_err());
        assert!(options("--repo").value("--repo").is_err());
    }
}
