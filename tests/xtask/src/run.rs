//! Child processes: their output is passed on as it comes and kept; while they are silent, a line says that they
//! still run; a time limit ends them together with everything that they started.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::say;

/// Silence after which the first sign of life is printed.
const QUIET: Duration = Duration::from_secs(2);
/// Silence between two further signs, so that a log does not fill with them.
const QUIET_AGAIN: Duration = Duration::from_secs(15);
/// How long output may still come after the process itself ended: a daemon that it left behind holds the pipe open.
const LINGER: Duration = Duration::from_secs(1);

/// What became of a child process.
pub(crate) struct Ended {
    /// Exit code 0.
    pub(crate) ok: bool,
    /// What it wrote to standard output.
    pub(crate) out: String,
    /// What it wrote to standard error.
    pub(crate) err: String,
}

/// A command to run.
pub(crate) struct Job {
    command: Command,
    name: String,
    shown: bool,
    limit: Duration,
}

impl Job {
    /// `program` with `words` as its arguments, in the root of the work tree.
    pub(crate) fn new(program: impl AsRef<std::ffi::OsStr>, words: &[&str]) -> Self {
        let program = program.as_ref();
        let mut command = Command::new(program);
        command
            .args(words)
            .current_dir(crate::root())
            .stdin(Stdio::null());
        if say::is_watched() {
            command.env("CARGO_TERM_COLOR", "always");
        }
        let file = Path::new(program)
            .file_name()
            .unwrap_or(program)
            .to_string_lossy()
            .into_owned();
        let name = words
            .iter()
            .take(2)
            .fold(file, |name, word| format!("{name} {word}"));
        Self {
            command,
            name,
            shown: true,
            limit: Duration::from_secs(45 * 60),
        }
    }

    /// The cargo that runs this, never a download in the middle of a run.
    pub(crate) fn cargo(words: &[&str]) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Self::new(cargo, words)
    }

    /// The same, without the network.
    pub(crate) fn offline(words: &[&str]) -> Self {
        Self::cargo(words).env("CARGO_NET_OFFLINE", "true")
    }

    /// In this folder.
    pub(crate) fn within(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// With one more argument.
    pub(crate) fn arg(mut self, word: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(word);
        self
    }

    /// With this in its environment.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Its output is kept, but not passed on.
    pub(crate) fn silent(mut self) -> Self {
        self.shown = false;
        self
    }

    /// It may take this long.
    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Gives it the terminal (for a password, or for the person to end it) and waits.
    pub(crate) fn in_front(mut self) -> Result<bool> {
        let status = self.command.stdin(Stdio::inherit()).status();
        Ok(status
            .with_context(|| format!("{} could not be started", self.name))?
            .success())
    }

    /// Runs it to its end. An error means that it could not be started or was ended by the time limit.
    pub(crate) fn run(mut self) -> Result<Ended> {
        let mut child = self
            .command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} could not be started", self.name))?;
        let (sender, receiver) = channel();
        read_into(child.stdout.take(), false, sender.clone());
        read_into(child.stderr.take(), true, sender);
        let mut ended = Ended {
            ok: false,
            out: String::new(),
            err: String::new(),
        };
        self.listen(&mut child, &receiver, &mut ended)?;
        let status = child.wait().with_context(|| format!("{} was lost", self.name))?;
        ended.ok = status.success();
        Ok(ended)
    }

    fn listen(&self, child: &mut Child, pieces: &Receiver<(bool, Vec<u8>)>, ended: &mut Ended) -> Result<()> {
        let start = Instant::now();
        let (mut heard, mut sign, mut gone) = (start, QUIET, None);
        loop {
            match pieces.recv_timeout(Duration::from_millis(100)) {
                Ok((is_error, bytes)) => {
                    let text = String::from_utf8_lossy(&bytes);
                    if is_error {
                        ended.err.push_str(&text)
                    } else {
                        ended.out.push_str(&text)
                    }
                    if self.shown {
                        say::pass_on(&bytes);
                        (heard, sign) = (Instant::now(), QUIET);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {
                    if gone.is_none() && child.try_wait()?.is_some() {
                        gone = Some(Instant::now());
                    }
                }
            }
            if gone.is_some_and(|at: Instant| at.elapsed() > LINGER) {
                return Ok(());
            }
            if gone.is_none() && start.elapsed() > self.limit {
                end_with_all_below(child);
                bail!(
                    "{} was ended: it took longer than {} s",
                    self.name,
                    self.limit.as_secs()
                );
            }
            if gone.is_none() && heard.elapsed() > sign {
                say::line(&format!(
                    "   … {} runs since {} s",
                    self.name,
                    start.elapsed().as_secs()
                ));
                (heard, sign) = (Instant::now(), QUIET_AGAIN);
            }
        }
    }
}

fn read_into(from: Option<impl Read + Send + 'static>, is_error: bool, to: Sender<(bool, Vec<u8>)>) {
    let Some(mut from) = from else { return };
    std::thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            if to.send((is_error, buffer[..n].to_vec())).is_err() {
                return;
            }
        }
    });
}

/// Ends the child and its descendants. By parentage and not by process group: a group of its own would take the
/// child away from the terminal, and Ctrl+C would no longer reach it.
fn end_with_all_below(child: &mut Child) {
    // What is stopped makes no more children: once nothing new is found, all are known.
    let mut known = 0;
    let mut ids = below(child.id());
    while ids.len() > known {
        signal("-STOP", &ids);
        known = ids.len();
        ids = below(child.id());
    }
    signal("-KILL", &ids);
    let _ = child.wait();
}

/// A process and everything that it started.
fn below(root: u32) -> Vec<u32> {
    let parents = parents();
    let mut ids = vec![root];
    let mut at = 0;
    while at < ids.len() {
        let parent = ids[at];
        ids.extend(parents.iter().filter(|(_, p)| **p == parent).map(|(id, _)| *id));
        at += 1;
    }
    ids
}

fn signal(which: &str, ids: &[u32]) {
    // What is already gone is what was wanted.
    let _ = Command::new("kill")
        .arg(which)
        .args(ids.iter().map(u32::to_string))
        .stderr(Stdio::null())
        .status();
}

/// Process id → id of its parent, from `/proc/*/stat` (proc(5): the fourth field, after the name in parentheses).
fn parents() -> HashMap<u32, u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return HashMap::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            Some((id, parent))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_and_exit_code_are_kept() {
        let ended = Job::new("sh", &["-c", "echo out; echo err >&2; exit 3"])
            .silent()
            .run()
            .unwrap();
        assert_eq!(
            (ended.ok, ended.out.as_str(), ended.err.as_str()),
            (false, "out\n", "err\n")
        );
    }

    #[test]
    fn a_limit_ends_the_grandchildren_too() {
        let start = Instant::now();
        let job = Job::new("sh", &["-c", "sleep 61.75 & wait"])
            .silent()
            .limit(Duration::from_millis(300));
        assert!(job.run().is_err());
        assert!(start.elapsed() < Duration::from_secs(10));
        let alive = || {
            std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
                std::fs::read_to_string(entry.path().join("cmdline"))
                    .is_ok_and(|line| line == "sleep\u{0}61.75\u{0}")
            })
        };
        // A busy machine takes a moment to let go of what was killed.
        while alive() {
            assert!(
                start.elapsed() < Duration::from_secs(10),
                "the grandchild is still there"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    fn a_daemon_left_behind_does_not_hold_us() {
        let start = Instant::now();
        let ended = Job::new("sh", &["-c", "sleep 20 & echo $!"])
            .silent()
            .run()
            .unwrap();
        let daemon: u32 = ended.out.trim().parse().unwrap();
        let alive = Command::new("kill").arg(daemon.to_string()).status().unwrap();
        assert!(ended.ok && alive.success());
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}
