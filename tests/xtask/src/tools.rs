//! cargo-deny: built once, kept under the target folder.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::run::Job;
use crate::say;

/// The version that `deny.toml` is written for.
const DENY: &str = "0.20.2";

/// Path of cargo-deny; builds it if it is not there.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    let tools = crate::target().join("tools");
    let found = tools.join("bin/cargo-deny");
    let is_it = |path: &PathBuf| {
        let version = Job::new(path, &["--version"]).silent().run();
        version.is_ok_and(|ended| ended.out.trim() == format!("cargo-deny {DENY}"))
    };
    for there in [found.clone(), PathBuf::from("cargo-deny")] {
        if is_it(&there) {
            return Ok(there);
        }
    }
    say::heading(&format!("cargo-deny {DENY} (built once, some minutes)"));
    // It runs for a second: what optimising it would cost is never earned back.
    let job = Job::cargo(&["install", "cargo-deny", "--locked", "--version", DENY, "--root"])
        .arg(&tools)
        .arg("--target-dir")
        .arg(tools.join("build"))
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_RELEASE_LTO", "false")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    if !job.run()?.ok {
        bail!("cargo-deny could not be built: see above");
    }
    // Half a gigabyte that nothing needs again; leaving it behind would be no error.
    let _ = std::fs::remove_dir_all(tools.join("build"));
    Ok(found)
}
