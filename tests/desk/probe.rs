//! The engine in a process of its own on the desk: where its bus is comes from the environment, which belongs to a
//! whole process. A test sends one line and reads one answer.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Desk;

/// Longest wait for an answer: longer than the engine's own limits.
const PATIENCE: Duration = Duration::from_secs(30);

/// Ends a probe as nothing can be prepared for: `SIGKILL`.
#[derive(Clone)]
pub struct Killer(Arc<Mutex<Child>>);

impl Killer {
    /// Kills it, and returns when it is dead.
    pub fn kill(&self) {
        let mut child = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Gone already is as good.
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// The running probe; it ends with the value.
pub struct Probe {
    child: Killer,
    input: ChildStdin,
    answers: Receiver<Value>,
}

impl Probe {
    /// Starts the program `engine-probe` on a desk.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(desk: &Desk, program: &Path) -> Result<Self> {
        let mut command = desk.command(program);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take().context("the input was piped")?;
        let output = child.stdout.take().context("the output was piped")?;
        let (tell, answers) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if tell.send(value).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            child: Killer(Arc::new(Mutex::new(child))),
            input,
            answers,
        })
    }

    /// Its process.
    pub fn process(&self) -> u32 {
        self.child.0.lock().unwrap_or_else(PoisonError::into_inner).id()
    }

    /// What can kill it, from any thread.
    pub fn killer(&self) -> Killer {
        self.child.clone()
    }

    /// Sends one order, its words each in an element, and gives the answer.
    ///
    /// # Errors
    /// It ended, or no answer came.
    pub fn ask(&mut self, words: &[&str]) -> Result<Value> {
        self.tell(words)?;
        self.hear().with_context(|| format!("no answer to {words:?}"))
    }

    /// Sends one order without waiting for the answer.
    ///
    /// # Errors
    /// It ended.
    pub fn tell(&mut self, words: &[&str]) -> Result<()> {
        writeln!(self.input, "{}", serde_json::to_string(words)?)?;
        Ok(())
    }

    /// The next line that it writes.
    ///
    /// # Errors
    /// None came in time.
    pub fn hear(&mut self) -> Result<Value> {
        self.answers.recv_timeout(PATIENCE).context("the probe is silent")
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.child.kill();
    }
}
