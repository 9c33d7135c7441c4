//! What a diligent reader does in the window, with the keyboard: read all of a change, then ask to approve it.

use anyhow::{Context, Result};
use fantoccini::key::Key;
use serde_json::Value;

use super::window::Window;

/// Which finding of the diff has the focus.
const FINDING: &str = "return document.activeElement.closest('[data-finding]')?.dataset.finding ?? null";

impl Window<'_> {
    /// Goes through every file and every finding of the open change: `v` and `n`, then `]` and Return. How many files
    /// and findings there were.
    ///
    /// # Errors
    /// A key does not do what it says.
    pub async fn read_change(&self) -> Result<(usize, usize)> {
        let (shown, files) = self.files().await?;
        // A change opens at its worst finding, which may be in any file.
        for _ in 1..shown {
            self.keys("p").await?;
        }
        for file in 1..=files {
            self.says(&format!("File {file} of {files}")).await?;
            self.find("//*[@role='table']").await?;
            self.keys("v").await?;
            self.says(&format!("{file} of {files} viewed")).await?;
            if file < files {
                self.keys("n").await?;
            }
        }
        let (_, findings) = self.acknowledged().await?;
        let mut last = Value::Null;
        while self.acknowledged().await?.0 < findings {
            self.keys("]").await?;
            // The step may open another file; then it gives the finding's button the focus.
            last = self
                .wait_for("the next finding in focus", async || {
                    let here = self.script(FINDING).await?;
                    Ok((!here.is_null() && here != last).then_some(here))
                })
                .await?;
            // A lesser one needs no acknowledgement and can have it; the keys come by it all the same.
            if self.focus().await?.starts_with("Acknowledge:") {
                self.keys(&char::from(Key::Enter).to_string()).await?;
            }
            self.wait_for("the finding to be acknowledged", async || {
                Ok(self.focus().await?.starts_with("Acknowledged:").then_some(()))
            })
            .await?;
        }
        Ok((files, findings))
    }

    /// How many findings are acknowledged, of how many that must be: *2 of 3 findings acknowledged*.
    async fn acknowledged(&self) -> Result<(usize, usize)> {
        let text = self.text().await?;
        let words: Vec<&str> = text.split_whitespace().collect();
        let told = words.windows(5).find_map(|part| match part {
            [done, "of", all, "finding" | "findings", "acknowledged"] => {
                done.parse().ok().zip(all.parse().ok())
            }
            _ => None,
        });
        Ok(told.unwrap_or((0, 0)))
    }

    /// Which file of how many is shown: *File 2 of 6*.
    async fn files(&self) -> Result<(usize, usize)> {
        let text = self
            .find("//*[@aria-label='Files']//b[starts-with(normalize-space(.), 'File ')]")
            .await?;
        let text = text.text().await?;
        let mut numbers = text.split_whitespace().filter_map(|word| word.parse().ok());
        let both = numbers.next().zip(numbers.next());
        both.with_context(|| format!("{text:?} does not say which file of how many is shown"))
    }

    /// Opens the sheet that says what would be signed.
    ///
    /// # Errors
    /// It does not come.
    pub async fn open_sheet(&self) -> Result<()> {
        self.keys("a").await?;
        self.find("//dialog[@open]").await?;
        self.says("I, priya-n").await
    }

    /// Signs on the sheet, and gives the id of the native question that this brings up.
    ///
    /// # Errors
    /// It does not come.
    pub async fn sign_and_approve(&self) -> Result<String> {
        self.click("//dialog//button[contains(., 'Sign and approve')]")
            .await?;
        self.native("^Approve").await
    }
}
