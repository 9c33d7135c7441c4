//! The UI's packages and build.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::run::Job;
use crate::say;

/// The UI's folder.
pub(crate) fn folder() -> PathBuf {
    crate::root().join("ui")
}

/// Oldest Node that the UI's tools run on.
const OLDEST: (u32, u32) = (20, 19);

/// `npm ci`, unless what is there came from this very lock file.
pub(crate) fn install() -> Result<()> {
    let node = Job::new("node", &["--version"]).silent().run();
    let version = node.map(|ended| ended.out).unwrap_or_default();
    if parse(&version).is_none_or(|found| found < OLDEST) {
        bail!(
            "Node {}.{} or newer is needed; found: {:?}",
            OLDEST.0,
            OLDEST.1,
            version.trim()
        );
    }
    let lock =
        std::fs::read(folder().join("package-lock.json")).context("ui/package-lock.json cannot be read")?;
    // The whole lock file is the stamp, beside what it describes, so that deleting node_modules deletes it too.
    let stamp = folder().join("node_modules/.installed-from");
    if std::fs::read(&stamp).is_ok_and(|from| from == lock) {
        return Ok(());
    }
    say::heading("UI packages");
    let job = Job::new("npm", &["ci", "--no-audit", "--no-fund"]).within(&folder());
    if !job.env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1").run()?.ok {
        bail!("npm ci failed: see above; nothing else was done");
    }
    std::fs::write(&stamp, lock).context("the stamp in ui/node_modules could not be written")
}

/// `npm run NAME`, with further arguments.
pub(crate) fn script(name: &str, words: &[&str]) -> Job {
    let mut job = Job::new("npm", &["run", "--silent", name]).within(&folder());
    if !words.is_empty() {
        job = words.iter().fold(job.arg("--"), |job, word| job.arg(word));
    }
    job.env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
}

fn parse(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.trim().strip_prefix('v')?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_versions_compare_as_numbers() {
        assert_eq!(parse("v20.19.4\n"), Some((20, 19)));
        assert!(parse("v20.9.0").unwrap() < OLDEST);
        assert!(parse("v22.0.0").unwrap() > OLDEST);
        assert_eq!(parse("not found"), None);
    }
}
