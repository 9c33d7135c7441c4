//! What the demo did, as it says it on the screen and as it leaves it behind.
#![allow(clippy::print_stdout, reason = "a person watches it")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};

/// The folder of what is left behind, and the story so far.
pub(crate) struct Transcript {
    folder: PathBuf,
    start: Instant,
    text: String,
    pictures: u32,
}

impl Transcript {
    /// Begins one; what an earlier run left behind is removed, so that nothing of it is taken for this one's.
    pub(crate) fn begin(folder: &Path) -> Result<Self> {
        if folder.exists() {
            std::fs::remove_dir_all(folder).with_context(|| format!("{} is in the way", folder.display()))?;
        }
        std::fs::create_dir_all(folder)?;
        let text = "# Countersign's main job, driven by itself\n\n".to_owned();
        Ok(Self {
            folder: folder.to_owned(),
            start: Instant::now(),
            text,
            pictures: 0,
        })
    }

    /// One thing that happened.
    pub(crate) fn say(&mut self, words: &str) {
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
            Ok(()) => self.say("The main job is done, end to end."),
            Err(error) => self.say(&format!("It went wrong here: {error:#}")),
        }
        self.keep("transcript.md", self.text.as_bytes())?;
        println!("\nWhat it left behind: {}", self.folder.display());
        Ok(())
    }
}
