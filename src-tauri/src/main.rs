//! Start: the command line, the environment and the profile's place. Nothing below reads any of the three.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::path::PathBuf;
use std::process::ExitCode;

use countersign::{Start, run};

const USAGE: &str = "\
countersign [--profile DIR] [--stop-prompting]

The second signature for AI-assisted changes.

  --profile DIR     keep cache, ledger and settings here instead of in the usual place
  --stop-prompting  no longer ask for the password before each signature, where this system cannot ask it any more
                    (quit Countersign first)
  --version         print the version
  --help            print this";

/// What the command line asks for.
enum Asked {
    Run {
        profile: Option<PathBuf>,
        stop_prompting: bool,
    },
    Print(String),
    NotUnderstood(String),
}

fn read(mut words: impl Iterator<Item = std::ffi::OsString>) -> Asked {
    let (mut profile, mut stop_prompting) = (None, false);
    while let Some(word) = words.next() {
        match word.to_str() {
            Some("--profile") => match words.next() {
                Some(folder) => profile = Some(PathBuf::from(folder)),
                None => return Asked::NotUnderstood("--profile needs a folder".into()),
            },
            Some("--stop-prompting") => stop_prompting = true,
            Some("--version") => return Asked::Print(format!("countersign {}", env!("CARGO_PKG_VERSION"))),
            Some("--help" | "-h") => return Asked::Print(USAGE.into()),
            Some(_) | None => return Asked::NotUnderstood(format!("{} is not understood", word.display())),
        }
    }
    Asked::Run {
        profile,
        stop_prompting,
    }
}

#[allow(
    clippy::print_stdout,
    reason = "what was asked for on a command line is answered there"
)]
fn main() -> ExitCode {
    let (given, stop_prompting) = match read(std::env::args_os().skip(1)) {
        Asked::Run {
            profile,
            stop_prompting,
        } => (profile, stop_prompting),
        Asked::Print(text) => {
            println!("{text}");
            return ExitCode::SUCCESS;
        }
        Asked::NotUnderstood(why) => {
            eprintln!("{why}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let usual = || directories::ProjectDirs::from("dev", "Countersign", "Countersign");
    let Some(profile) = given
        .clone()
        .or_else(|| usual().map(|dirs| dirs.data_dir().to_owned()))
    else {
        eprintln!("Nothing was started: this account has no home folder. Name a folder with --profile DIR.");
        return ExitCode::FAILURE;
    };
    // A relative profile would be another one after a start from another folder.
    let profile = std::path::absolute(&profile).unwrap_or(profile);
    let verbose = std::env::var_os("COUNTERSIGN_LOG").is_some_and(|value| value == "debug");
    let agent = std::env::var_os("SSH_AUTH_SOCK")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from);
    match run(Start {
        profile,
        own_instance: given.is_some(),
        verbose,
        agent,
        stop_prompting,
    }) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("Countersign could not start: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Asked {
        read(line.split_whitespace().map(Into::into))
    }

    #[test]
    fn the_command_line() {
        assert!(matches!(
            asked(""),
            Asked::Run {
                profile: None,
                stop_prompting: false
            }
        ));
        assert!(
            matches!(asked("--profile /x"), Asked::Run { profile: Some(folder), .. } if folder.ends_with("x"))
        );
        assert!(matches!(
            asked("--stop-prompting --profile /x"),
            Asked::Run {
                profile: Some(_),
                stop_prompting: true
            }
        ));
        assert!(matches!(asked("--version"), Asked::Print(text) if text.contains("0.")));
        for line in ["--profile", "--profle /x", "approve"] {
            assert!(matches!(asked(line), Asked::NotUnderstood(_)), "{line}");
        }
    }
}
