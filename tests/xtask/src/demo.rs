//! `cargo xtask demo`: builds what the demo needs and hands over to its driver (`tests/demo`).

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::run::Job;
use crate::system::{self, Ready, Set};
use crate::{node, say};

/// What to show.
pub(crate) struct Wanted {
    /// On a private display, driven by itself.
    pub(crate) headless: bool,
    /// A repository whose commits are served as changes.
    pub(crate) repo: Option<String>,
    /// How many of them.
    pub(crate) last: Option<u32>,
}

/// Builds and shows.
pub(crate) fn show(wanted: Wanted, no_install: bool) -> Result<ExitCode> {
    let given = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let headless = wanted.headless || !(given("DISPLAY") || given("WAYLAND_DISPLAY"));
    // The paths that a person types are relative to where they stand, not to the work tree.
    let repo = wanted.repo.as_deref().map(git_repository).transpose()?;
    if system::install(&[Set::Build, Set::Desk], no_install)? == Ready::Missing {
        return Ok(ExitCode::from(2));
    }
    node::install()?;
    say::heading("UI");
    if !node::script("build", &[]).run()?.ok {
        bail!("the UI could not be built: see above");
    }
    say::heading("App, gate and test forge (the first time takes ten minutes)");
    if !Job::cargo(&["build", "--workspace", "--bins", "--locked"])
        .run()?
        .ok
    {
        bail!("the build failed: see above");
    }
    say::heading(if headless {
        "Demo, driven by itself"
    } else {
        "Demo"
    });
    let mut job = Job::new(crate::target().join("debug/demo"), &[]);
    if headless {
        job = job.arg("--headless");
    }
    if let Some(repo) = repo {
        job = job.arg("--repo").arg(repo);
    }
    if let Some(last) = wanted.last {
        job = job.arg("--last").arg(last.to_string());
    }
    Ok(if job.in_front()? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn git_repository(path: &str) -> Result<std::path::PathBuf> {
    let found = Path::new(path)
        .canonicalize()
        .with_context(|| format!("{path} is not there"))?;
    let answer = Job::new("git", &["-C"])
        .arg(&found)
        .arg("rev-parse")
        .arg("--git-dir")
        .silent()
        .run()?;
    if !answer.ok {
        bail!("{path} is not a git repository: {}", answer.err.trim());
    }
    Ok(found)
}
