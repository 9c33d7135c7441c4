//! What the demo did, as it says it on the screen and as it leaves it behind.
#![allow(clippy::print_stdout, reason = "a person watches it")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Silence after which the first sign of life is printed.
const QUIET: Duration = Duration::from_secs(2);
/// Silence between two further signs.
const QUIET_AGAIN: Duration = Duration::from_secs(10);

/// What is being done, and since when.
struct Doing {
    what: String,
    since: Instant,
    /// When something was printed last, and how long the next silence may be.
    heard: Instant,
    quiet: Duration,
}

/// The folder of what is left behind, and the story so far.
pub(crate) struct Transcript {
    folder: PathBuf,
    start: Instant,
    text: String,
    pictures: u32,
    doing: Arc<Mutex<Doing>>,
}

impl Transcript {
    /// Begins one; what an earlier run left behind is removed, so that nothing of it is taken for this one's.
    pub(crate) fn begin(folder: &Path) -> Result<Self> {
        if folder.exists() {
            std::fs::remove_dir_all(folder).with_context(|| format!("{} is in the way", folder.display()))?;
        }
        std::fs::create_dir_all(folder)?;
        let text = "# Countersign, driven by itself\n\n".to_owned();
        let now = Instant::now();
        let doing = Arc::new(Mutex::new(Doing {
            what: "beginning".into(),
            since: now,
            heard: now,
            quiet: QUIET,
        }));
        let watched = Arc::downgrade(&doing);
        std::thread::spawn(move || show_signs(&watched));
        Ok(Self {
            folder: folder.to_owned(),
            start: now,
            text,
            pictures: 0,
            doing,
        })
    }

    /// What comes next, told only where it takes its time.
    pub(crate) fn doing(&self, what: &str) {
        let now = Instant::now();
        let mut doing = self.doing.lock().unwrap_or_else(PoisonError::into_inner);
        *doing = Doing {
            what: what.to_owned(),
            since: now,
            heard: now,
            quiet: QUIET,
        };
    }

    /// One thing that happened.
    pub(crate) fn say(&mut self, words: &str) {
        self.doing("going on");
        println!("{:6.1} s  {words}", self.start.elapsed().as_secs_f64());
        self.text.push_str(&format!(
            "- {:.1} s: {}\n",
            self.start.elapsed().as_secs_f64(),
            words.replace('\n', "\n  ")
        ));
    }

    /// File name for the next picture, and its line in the story.
    pub(crate) fn picture(&mut self, name: &str) -> PathBuf {
        self.pictures += 1;
        let file = format!("{}-{name}.png", self.pictures);
        self.text.push_str(&format!("\n![{name}]({file})\n\n"));
        self.folder.join(file)
    }

    /// Leaves a file behind.
    pub(crate) fn keep(&self, name: &str, content: &[u8]) -> Result<PathBuf> {
        let file = self.folder.join(name);
        std::fs::write(&file, content).with_context(|| format!("{} cannot be written", file.display()))?;
        Ok(file)
    }

    /// A folder among what is left behind.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Writes the story down. Also after a failure, with it as its last line.
    pub(crate) fn end(mut self, result: &Result<()>) -> Result<()> {
        match result {
            Ok(()) => self.say("Done, all of it."),
            // Whoever called prints it.
            Err(error) => self.text.push_str(&format!("\nIt went wrong here: {error:#}\n")),
        }
        self.keep("transcript.md", self.text.as_bytes())?;
        println!("\nWhat it left behind: {}", self.folder.display());
        Ok(())
    }
}

/// Prints a sign of life in every long silence, until the story has ended.
fn show_signs(watched: &Weak<Mutex<Doing>>) {
    while let Some(doing) = watched.upgrade() {
        let mut doing = doing.lock().unwrap_or_else(PoisonError::into_inner);
        if doing.heard.elapsed() > doing.quiet {
            println!(
                "          … {}, since {} s",
                doing.what,
                doing.since.elapsed().as_secs()
            );
            (doing.heard, doing.quiet) = (Instant::now(), QUIET_AGAIN);
        }
        drop(doing);
        std::thread::sleep(Duration::from_millis(250));
    }
}
