//! The log: one file a day in the profile, the last seven kept.

use std::path::Path;

use anyhow::{Context, Result};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::EnvFilter;

/// Starts logging. What is not yet written when the guard is dropped is written then.
///
/// Only this product's own words can be made more: at `debug`, zbus logs message bodies and HTTP clients log headers,
/// and both carry secrets.
pub(crate) fn start(profile: &Path, verbose: bool) -> Result<WorkerGuard> {
    let folder = profile.join("log");
    // The appender looks for old files before it makes the folder, and complains on standard error where there is none.
    std::fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let appender = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("countersign")
        .filename_suffix("log")
        .max_log_files(7)
        .build(&folder)
        .with_context(|| format!("nothing can be written to {}", folder.display()))?;
    let (writer, guard) = tracing_appender::non_blocking(appender);
    let level = if verbose { "debug" } else { "info" };
    let filter = EnvFilter::new(format!(
        "warn,countersign={level},countersign_engine={level},countersign_assess={level},countersign_core={level}"
    ));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(false)
        .try_init()
        .map_err(|error| anyhow::anyhow!("the log could not be started: {error}"))?;
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // The place alone: a panic's message may quote what it choked on.
        let place = panic.location().map_or_else(String::new, ToString::to_string);
        tracing::error!(place, "a part of the program stopped unexpectedly");
        before(panic);
    }));
    Ok(guard)
}
