//! Programs on a desk: started alone in a process group, and ended with the desk, however it ends.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::{Desk, PATIENCE};

/// Reads one process group a line. At the end of its input it ends them all and removes the desk's folder.
const GUARD: &str =
    r#"ids=; while read -r id; do ids="$ids -$id"; done; kill -s KILL -- $ids 2>/dev/null; rm -rf -- "$1""#;

/// A program that runs on the desk, alone in its process group.
pub(super) struct Running {
    pub(super) name: String,
    pub(super) child: Child,
}

/// Outlives whoever started the desk and cleans up after them: a signal that ends them runs no destructor.
pub(super) struct Guard(Child);

impl Guard {
    pub(super) fn start(folder: &Path) -> Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", GUARD, "guard"]).arg(folder);
        // In a group of its own, so that Ctrl+C ends those that it watches for and not it.
        command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Ok(Self(command.spawn().context("sh could not be started")?))
    }

    fn watch(&self, group: u32) -> Result<()> {
        let input = self.0.stdin.as_ref().context("the input was piped")?;
        let mut input: &std::process::ChildStdin = input;
        writeln!(input, "{group}").context("the desk's guard is gone")
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Dropped with the desk, which has ended everything itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    pub(super) fn end(&mut self) {
        end_group(self.child.id());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ends a process group. What is gone already is what was wanted.
pub(super) fn end_group(id: u32) {
    let group = format!("-{id}");
    let _ = Command::new("kill")
        .args(["-KILL", "--", &group])
        .stderr(Stdio::null())
        .status();
}

/// Waits for a child that leads its process group; when it takes longer than `limit`, all of the group is ended.
fn output_of(child: Child, limit: Duration) -> Result<Output> {
    let id = child.id();
    let (tell, told) = mpsc::channel();
    // Nobody listens any more where the wait below was given up.
    std::thread::spawn(move || tell.send(child.wait_with_output()));
    match told.recv_timeout(limit) {
        Ok(output) => Ok(output?),
        Err(_) => {
            end_group(id);
            bail!("it did not end within {limit:?}")
        }
    }
}

impl Desk {
    /// Starts a program that ends with the desk, with whatever it starts itself. Its output is in [`Self::said`].
    ///
    /// # Errors
    /// It is not installed.
    pub fn spawn(&mut self, program: &str, words: &[&str]) -> Result<()> {
        let out = self.log(program)?;
        let mut command = self.command(program);
        command.args(words).stdout(out.try_clone()?).stderr(out);
        self.adopt(program, command).map(|_| ())
    }

    /// What a program that was started here has written.
    pub fn said(&self, program: &str) -> String {
        let text = fs::read(self.log_path(program)).unwrap_or_default();
        String::from_utf8_lossy(&text).trim().to_owned()
    }

    /// Process id of a program that was started here.
    pub fn id(&self, program: &str) -> Option<u32> {
        let found = self.running.iter().find(|running| running.name == program);
        found.map(|running| running.child.id())
    }

    /// Whether a program that was started here still runs.
    pub fn runs(&mut self, program: &str) -> bool {
        let found = self.running.iter_mut().find(|running| running.name == program);
        found.is_some_and(|running| matches!(running.child.try_wait(), Ok(None)))
    }

    /// Runs a program to its end: what it wrote to its output.
    ///
    /// # Errors
    /// It is not installed, it does not end, or it failed; then with what it said.
    pub fn run(&self, program: &str, words: &[&str]) -> Result<String> {
        let mut command = self.command(program);
        command
            .args(words)
            .process_group(0)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = command
            .spawn()
            .with_context(|| format!("{program} could not be started"))?;
        let output = output_of(child, PATIENCE).with_context(|| format!("{program} {}", words.join(" ")))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            bail!("{program} {} failed: {said}", words.join(" "));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Has a process group, whose end is the caller's, ended also when a signal ends the caller.
    ///
    /// # Errors
    /// The desk is being ended.
    pub fn watch(&self, group: u32) -> Result<()> {
        self.guard.watch(group)
    }

    fn log_path(&self, program: &str) -> PathBuf {
        let name = Path::new(program).file_name().unwrap_or_default();
        self.folder.path().join("logs").join(name)
    }

    pub(super) fn log(&self, program: &str) -> Result<File> {
        Ok(File::options()
            .create(true)
            .append(true)
            .open(self.log_path(program))?)
    }

    /// Starts a command and ends it with the desk; the child, whose pipes are the caller's.
    pub(super) fn adopt(&mut self, program: &str, mut command: Command) -> Result<&mut Child> {
        let child = command.process_group(0).spawn();
        let child =
            child.with_context(|| format!("{program} could not be started: is its package installed?"))?;
        self.guard.watch(child.id())?;
        self.running.push(Running {
            name: program.to_owned(),
            child,
        });
        Ok(&mut self.running.last_mut().context("just pushed")?.child)
    }

    /// Ends what was started as `program`.
    pub(super) fn stop(&mut self, program: &str) {
        for mut running in self.running.extract_if(.., |running| running.name == program) {
            running.end();
        }
    }

    /// Starts a program that writes where it can be reached on its first line.
    pub(super) fn spawn_for_line(&mut self, program: &str, words: &[&str]) -> Result<String> {
        let errors = self.log(program)?;
        let mut command = self.command(program);
        command.args(words).stdout(Stdio::piped()).stderr(errors);
        let out = self
            .adopt(program, command)?
            .stdout
            .take()
            .context("the output was piped")?;
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let (mut out, mut line) = (BufReader::new(out), String::new());
            if out.read_line(&mut line).is_ok() {
                // Nobody listens any more where the wait below was given up.
                let _ = tell.send(line.trim().to_owned());
            }
            // Read on, so that the program never writes into a closed pipe.
            let _ = out.read_to_end(&mut Vec::new());
        });
        match told.recv_timeout(PATIENCE) {
            Ok(line) if !line.is_empty() => Ok(line),
            Ok(_) | Err(_) => bail!("{program} did not come up: {}", self.said(program)),
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // The last first: whoever draws goes before the display.
        for mut running in self.running.drain(..).rev() {
            running.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn the_guard_ends_everything_when_its_owner_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let mut guard = Guard::start(folder.path()).unwrap();
        let start = |words: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", words]).process_group(0).spawn().unwrap()
        };
        let mut children = [start("sleep 90"), start("true"), start("sleep 90 & wait")];
        for child in &children {
            guard.watch(child.id()).unwrap();
        }
        children[1].wait().unwrap();
        // What a signal that ends the owner does: its end of the pipe is closed.
        drop(guard.0.stdin.take());
        let until = Instant::now() + Duration::from_secs(20);
        while folder.path().exists() {
            assert!(Instant::now() < until, "the folder is still there");
            std::thread::sleep(Duration::from_millis(20));
        }
        for child in &mut children {
            assert!(child.try_wait().unwrap().is_some(), "a child is still there");
        }
    }
}
