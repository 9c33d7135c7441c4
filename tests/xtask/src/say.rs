//! Output. Everything goes to standard output, in order, so that a log tells the story as it happened.
#![allow(clippy::print_stdout, reason = "a command line tool talks on standard output")]

use std::io::{IsTerminal, Write};

/// One line.
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// A heading before a step.
pub(crate) fn heading(text: &str) {
    if std::io::stdout().is_terminal() {
        println!("\n\x1b[1m== {text}\x1b[0m");
    } else {
        println!("\n== {text}");
    }
}

/// Passes on what a child wrote, as it is.
pub(crate) fn pass_on(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    // A closed pipe (`| head`) is no reason to stop a test run half way.
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

/// Whether a person watches.
pub(crate) fn is_watched() -> bool {
    std::io::stdout().is_terminal()
}
