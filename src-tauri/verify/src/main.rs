//! `countersign-verify`: the gate. It judges what CI collected, says why by name, and touches no network.
//! `README.md` beside it is for those who run it.

mod extract;
mod git;
mod policy;
mod report;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use countersign_core::changeset::ObjectFormat;
use countersign_core::reason::{Fault, Reason};
use countersign_core::verify::{Input, Objects, input, judge_with};
use git::Git;
use jiff::Timestamp;

/// Judges whether a change is signed off as the policy on its target branch asks.
#[derive(Parser)]
#[command(name = "countersign-verify", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Judge a collected change: exit 0 accepted or not required, 1 rejected, 2 undecided.
    Judge {
        /// The collected input, one JSON document; `-` reads standard input.
        #[arg(long, value_name = "FILE")]
        input: PathBuf,
        /// A repository (its folder or its `.git`) that has the change's and the target's commits: what was collected is
        /// held against its objects, and merge groups can be judged. Nothing of it is run, nothing is fetched.
        #[arg(long, value_name = "DIR")]
        git: Option<PathBuf>,
        /// Print the readable verdict to standard output instead of the JSON.
        #[arg(long)]
        human: bool,
    },
    /// Say what a reason means and what helps; without a name, all of them.
    Explain {
        /// A name such as E_HEAD_MOVED.
        reason: Option<String>,
    },
    /// Take the envelope out of a review's body, as files to check with jq and ssh-keygen.
    Extract {
        /// The review's body; `-` reads standard input.
        #[arg(long, value_name = "FILE")]
        body: PathBuf,
        /// Folder for e.json (envelope), st.json (statement), a.sig (signature) and message (what was signed).
        #[arg(long, value_name = "FOLDER")]
        out: PathBuf,
    },
    /// Look at a policy.
    #[command(subcommand)]
    Policy(PolicyCommand),
}

#[derive(Subcommand)]
enum PolicyCommand {
    /// Say whether the gate could read the policy of a working tree, and what is odd about it: exit 0 if it could, with
    /// or without oddities, 1 if not, 2 where there is none.
    Check {
        /// The working tree.
        #[arg(long, value_name = "FOLDER", default_value = ".")]
        root: PathBuf,
    },
}

/// Exit status where nothing was judged.
const UNDECIDED: u8 = 2;

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Judge { input, git, human } => judge_file(&input, git.as_deref(), human),
        Command::Explain { reason } => explain(reason.as_deref()),
        Command::Extract { body, out } => extract_file(&body, &out),
        Command::Policy(PolicyCommand::Check { root }) => check_policy(&root),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // Standard error may be gone too; the exit status still says it.
            let _ = writeln!(io::stderr(), "countersign-verify: {error}");
            ExitCode::from(UNDECIDED)
        }
    }
}

fn judge_file(path: &Path, git: Option<&Path>, human: bool) -> io::Result<u8> {
    let json = read(path)?;
    let now = Timestamp::now();
    let read = Input::from_json(&json).and_then(|input| {
        let format = ObjectFormat::of(&input.change.head);
        let git = git.map(|folder| Git::open(folder, format)).transpose()?;
        Ok((input, git))
    });
    let (document, text, code) = match read {
        Ok((input, git)) => {
            let objects = git.as_ref().map(|git| -> &dyn Objects { git });
            let verdict = judge_with(&input, objects, now);
            (
                serde_json::to_string_pretty(&verdict)?,
                report::verdict(&verdict),
                verdict.verdict.exit_code(),
            )
        }
        Err(fault) => (
            report::unread_json(&fault, now)?,
            report::unread(&fault),
            UNDECIDED,
        ),
    };
    if human {
        write!(io::stdout(), "{text}")?;
    } else {
        writeln!(io::stdout(), "{document}")?;
        write!(io::stderr(), "{text}")?;
    }
    Ok(code)
}

fn explain(name: Option<&str>) -> io::Result<u8> {
    let reasons = match name {
        None => Reason::ALL.to_vec(),
        Some(name) => match name.to_ascii_uppercase().parse() {
            Ok(reason) => vec![reason],
            Err(error) => {
                writeln!(
                    io::stderr(),
                    "countersign-verify: {error}; `explain` without a name lists all"
                )?;
                return Ok(UNDECIDED);
            }
        },
    };
    let mut out = io::stdout().lock();
    for reason in reasons {
        write!(out, "{}", report::reason(reason))?;
    }
    Ok(0)
}

fn extract_file(body: &Path, out: &Path) -> io::Result<u8> {
    let body = read(body)?;
    let files = String::from_utf8(body)
        .map_err(|_| Fault::from(Reason::NoEnvelope))
        .and_then(|body| extract::files(&body));
    match files {
        Ok(files) => {
            fs::create_dir_all(out)?;
            for (name, bytes) in files {
                fs::write(out.join(name), bytes)?;
            }
            writeln!(io::stdout(), "{}", extract::how_to_check(out))?;
            Ok(0)
        }
        Err(fault) => {
            writeln!(io::stderr(), "{fault}\n{}", fault.reason.hint())?;
            Ok(1)
        }
    }
}

fn check_policy(root: &Path) -> io::Result<u8> {
    let mut out = io::stdout().lock();
    match policy::check(root, Timestamp::now())? {
        policy::Checked::Readable(odd) => {
            write!(out, "{}", report::lines("warning", &odd))?;
            writeln!(out, "the policy can be read; {} warnings", odd.len())?;
            Ok(0)
        }
        policy::Checked::Unreadable(why) => {
            write!(out, "{}", report::lines("error", &[why]))?;
            Ok(1)
        }
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let result = if path == Path::new("-") {
        read_up_to(io::stdin().lock())
    } else {
        File::open(path).and_then(read_up_to)
    };
    result.map_err(|error| io::Error::new(error.kind(), format!("cannot read {}: {error}", path.display())))
}

/// One byte more than is allowed is enough to say so, and no endless input fills the memory.
fn read_up_to(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(input::MAX_BYTES).unwrap_or(u64::MAX);
    from.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > input::MAX_BYTES {
        return Err(io::Error::other(format!("more than {most} bytes")));
    }
    Ok(bytes)
}
