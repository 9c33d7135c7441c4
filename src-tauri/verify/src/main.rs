//! `countersign-verify`: the gate. It judges what CI collected, says why by name, and touches no network.
//! `README.md` beside it is for those who run it.

mod collect;
mod extract;
mod git;
mod policy;
mod report;
mod summary;
mod vsa;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use collect::Subject;
use countersign_core::bundle::{self, Bundle};
use countersign_core::change::Oid;
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
        /// The collected input, one JSON document; `-` reads standard input. Of several each is judged by itself, and
        /// the worst exit status is given.
        #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
        input: Vec<PathBuf>,
        /// A repository (its folder or its `.git`) that has the change's and the target's commits: what was collected is
        /// held against its objects, and merge groups can be judged. Nothing of it is run, nothing is fetched.
        #[arg(long, value_name = "DIR")]
        git: Option<PathBuf>,
        /// What was collected are the forge's answers to `collect`, of this change and of those that share its head; the
        /// rest comes from the repository.
        #[arg(long, value_name = "NUMBER", requires = "git")]
        change: Option<u64>,
        /// As `--change`, of the merge group that ends at this commit: of all its changes and of the queue.
        #[arg(long, value_name = "COMMIT", requires = "git", conflicts_with = "change")]
        group: Option<Oid>,
        /// Append the verdict to this file, as Markdown for the job's page.
        #[arg(long, value_name = "FILE")]
        summary: Option<PathBuf>,
        /// Write the verdict to this file as an in-toto statement (SLSA verification summary, not signed) about the head.
        /// Where nothing was decided the file is not there afterwards.
        #[arg(long, value_name = "FILE")]
        vsa: Option<PathBuf>,
        /// Print the readable verdict to standard output instead of the JSON.
        #[arg(long)]
        human: bool,
    },
    /// Print the script that collects a change from GitHub with `gh`: its output is for `judge --change`.
    Collect {
        /// `owner/name`.
        #[arg(long, value_name = "REPOSITORY", required_unless_present = "extends")]
        repo: Option<String>,
        /// Number of the change.
        #[arg(long, value_name = "NUMBER", required_unless_present_any = ["queue", "extends"])]
        change: Option<u64>,
        /// The merge queue of this branch instead.
        #[arg(long, value_name = "BRANCH", conflicts_with = "change")]
        queue: Option<String>,
        /// The default branches of the repositories instead whose policies are extended by the policies of the changes in
        /// these answers, as `--git` has them: nothing where none is.
        #[arg(long, value_name = "FILE", requires = "git", conflicts_with_all = ["repo", "change", "queue"])]
        extends: Option<PathBuf>,
        /// A repository that has the changes' target commits.
        #[arg(long, value_name = "DIR", requires = "extends")]
        git: Option<PathBuf>,
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
    /// Check an exported ledger and judge each of its decisions as of when the forge confirmed it, with no forge: exit 0 if
    /// no part contradicts another, 1 if one does, 2 where it cannot be read. It proves no time, so it is no gate.
    Bundle {
        /// The bundle; `-` reads standard input.
        #[arg(value_name = "FILE")]
        bundle: PathBuf,
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
        /// The working tree of the repository that has the policy which this one extends.
        #[arg(long, value_name = "FOLDER")]
        extends: Option<PathBuf>,
    },
    /// Compare what the policy asks of example changes with what they expect: exit 0 if all agree, 1 if not.
    Test {
        /// The working tree.
        #[arg(long, value_name = "FOLDER", default_value = ".")]
        root: PathBuf,
        /// The examples, from the working tree's root.
        #[arg(long, value_name = "FILE", default_value = policy::EXAMPLES)]
        examples: String,
        /// The working tree of the repository that has the policy which this one extends.
        #[arg(long, value_name = "FOLDER")]
        extends: Option<PathBuf>,
    },
    /// Print the JSON Schema of the policy, for editors.
    Schema,
}

/// Exit status where nothing was judged.
const UNDECIDED: u8 = 2;

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Judge {
            input,
            git,
            change,
            group,
            summary,
            vsa,
            human,
        } => Judging {
            git,
            subject: change.map(Subject::Change).or(group.map(Subject::Group)),
            summary,
            vsa,
            human,
        }
        .all(&input),
        Command::Collect {
            extends: Some(answers),
            git: Some(folder),
            ..
        } => print_organisation_calls(&answers, &folder),
        Command::Collect {
            repo, change, queue, ..
        } => print_calls(&repo.unwrap_or_default(), change, queue.as_deref()),
        Command::Explain { reason } => explain(reason.as_deref()),
        Command::Extract { body, out } => extract_file(&body, &out),
        Command::Bundle { bundle } => check_bundle(&bundle),
        Command::Policy(PolicyCommand::Check { root, extends }) => check_policy(&root, extends.as_deref()),
        Command::Policy(PolicyCommand::Test {
            root,
            examples,
            extends,
        }) => test_policy(&root, &examples, extends.as_deref()),
        Command::Policy(PolicyCommand::Schema) => write!(io::stdout(), "{}", policy::SCHEMA).map(|()| 0),
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

/// How inputs are judged.
struct Judging {
    git: Option<PathBuf>,
    subject: Option<Subject>,
    summary: Option<PathBuf>,
    vsa: Option<PathBuf>,
    human: bool,
}

impl Judging {
    /// One verdict after the other. All of them are judged, whatever becomes of one.
    fn all(&self, inputs: &[PathBuf]) -> io::Result<u8> {
        if self.vsa.is_some() && inputs.len() > 1 {
            return Err(io::Error::other(
                "--vsa takes one input: each statement is about one change",
            ));
        }
        let mut worst = 0;
        for path in inputs {
            worst = worst.max(self.one(path)?);
        }
        Ok(worst)
    }

    fn one(&self, path: &Path) -> io::Result<u8> {
        let json = read(path);
        // One of an earlier run says nothing about this one.
        if let Some(path) = self.vsa.as_ref().filter(|path| path.exists()) {
            fs::remove_file(path)?;
        }
        let json = json?;
        let now = Timestamp::now();
        let (document, text, summary, code) = match self.read(&json) {
            Ok((input, git)) => {
                let objects = git.as_ref().map(|git| -> &dyn Objects { git });
                let verdict = judge_with(&input, objects, now);
                if let (Some(path), Some(statement)) = (&self.vsa, vsa::statement(&verdict, &input)) {
                    fs::write(path, format!("{statement}\n"))?;
                }
                (
                    serde_json::to_string_pretty(&verdict)?,
                    report::verdict(&verdict),
                    summary::verdict(&verdict),
                    verdict.verdict.exit_code(),
                )
            }
            Err(fault) => (
                report::unread_json(&fault, now)?,
                report::unread(&fault),
                summary::unread(&fault),
                UNDECIDED,
            ),
        };
        if let Some(path) = &self.summary {
            let file = File::options().append(true).create(true).open(path);
            file.and_then(|mut file| file.write_all(summary.as_bytes()))?;
        }
        if self.human {
            write!(io::stdout(), "{text}")?;
        } else {
            writeln!(io::stdout(), "{document}")?;
            write!(io::stderr(), "{text}")?;
        }
        Ok(code)
    }

    fn read(&self, json: &[u8]) -> Result<(Input, Option<Git>), Fault> {
        let input = match (&self.subject, &self.git) {
            (Some(subject), Some(folder)) => {
                let document = collect::assemble(json, subject, folder)?;
                Input::from_json(document.to_string().as_bytes())?
            }
            _ => Input::from_json(json)?,
        };
        let format = ObjectFormat::of(&input.change.head);
        let git = self
            .git
            .as_deref()
            .map(|folder| Git::open(folder, format))
            .transpose()?;
        Ok((input, git))
    }
}

fn print_calls(repo: &str, change: Option<u64>, queue: Option<&str>) -> io::Result<u8> {
    let name = collect::calls::Name::read(repo)
        .ok_or_else(|| io::Error::other(format!("expected OWNER/NAME, found {repo:?}")))?;
    let script = match (change, queue) {
        (Some(number), _) => collect::calls::script(&name, number),
        (None, branch) => branch
            .and_then(|branch| collect::calls::queue_script(&name, branch))
            .ok_or_else(|| io::Error::other(format!("{branch:?} cannot stand in a script")))?,
    };
    write!(io::stdout(), "{script}")?;
    Ok(0)
}

fn print_organisation_calls(answers: &Path, folder: &Path) -> io::Result<u8> {
    let extended = match collect::extended(&read(answers)?, folder) {
        Ok(extended) => extended,
        Err(fault) => {
            write!(io::stderr(), "{}", report::unread(&fault))?;
            return Ok(UNDECIDED);
        }
    };
    let repos: BTreeSet<String> = extended.into_iter().map(|one| one.repo).collect();
    // A policy that names anything else cannot be read, and so extends nothing here.
    let names = repos.iter().filter_map(|repo| collect::calls::Name::read(repo));
    write!(io::stdout(), "{}", collect::calls::organisation_script(names))?;
    Ok(0)
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

fn check_bundle(path: &Path) -> io::Result<u8> {
    match Bundle::from_json(&read(path)?) {
        Ok(bundle) => {
            let found = bundle::check(&bundle);
            writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&found)?)?;
            write!(io::stderr(), "{}", report::bundle(&found))?;
            Ok(u8::from(!found.consistent))
        }
        Err(fault) => {
            write!(io::stderr(), "{}", report::unread(&fault))?;
            Ok(UNDECIDED)
        }
    }
}

fn check_policy(root: &Path, extends: Option<&Path>) -> io::Result<u8> {
    let mut out = io::stdout().lock();
    match policy::check(root, extends, Timestamp::now())? {
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

fn test_policy(root: &Path, examples: &str, extends: Option<&Path>) -> io::Result<u8> {
    let mut out = io::stdout().lock();
    match policy::test(root, examples, extends)? {
        Ok((count, differences)) => {
            write!(out, "{}", report::lines("error", &differences))?;
            writeln!(out, "{count} examples; {} differences", differences.len())?;
            Ok(u8::from(!differences.is_empty()))
        }
        Err(why) => {
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
