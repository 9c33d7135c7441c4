//! Exporting the ledger: its lines as they are, into a file that the user chose outside the webview.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use countersign_core::ledger;

use crate::engine::{Engine, beside, now};
use crate::ports::{Desktop, Forge};
use crate::rows::visible;
use crate::view::{Exported, Failure, Message};
use crate::words;

/// The ledger's lines, and what its chain says of them.
struct Chain {
    lines: Vec<String>,
    broken: Option<String>,
}

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// Checks the chain and writes its lines, byte for byte, where the user says. A broken chain is written too, and
    /// said to be broken: who looks into that needs the lines as they are.
    ///
    /// # Errors
    /// There is nothing to export, or it could not be written: then no file was made or changed.
    pub async fn export_ledger(&self) -> Result<Exported, Failure> {
        if self.chain()?.lines.is_empty() {
            return Err(Failure::other(
                "The ledger is empty: nothing was decided on this machine yet. No file was made.",
                "",
            ));
        }
        let name = format!("countersign-ledger-{}.jsonl", now().strftime("%Y-%m-%d"));
        let Some(path) = self.inner.desktop.save_as(name).await else {
            return Ok(Exported {
                saved: false,
                message: Message {
                    what: "Not exported: no file was chosen.".into(),
                    kept: String::new(),
                    todo: String::new(),
                },
            });
        };
        // Read after the question: a decision may have come to its end meanwhile.
        let chain = self.chain()?;
        beside(move || {
            write(&path, &chain.lines).map_err(|error| {
                Failure::other(
                    format!(
                        "{} cannot be written: {error}. The ledger is unchanged.",
                        visible(&path.display().to_string())
                    ),
                    "Choose another folder.",
                )
            })?;
            Ok(Exported {
                saved: true,
                message: told(&path, &chain),
            })
        })
        .await
    }

    fn chain(&self) -> Result<Chain, Failure> {
        let store = self.store();
        let (lines, head) = (store.ledger()?, store.ledger_head()?);
        drop(store);
        let broken = match ledger::check(lines.iter().map(String::as_str)) {
            Err(broken) => Some(broken.to_string()),
            // Nothing follows the last line that would hold its hash.
            Ok((_, end)) if head.as_ref().is_some_and(|head| *head != end) => {
                Some("the last line of the ledger is not the one that was written".to_owned())
            }
            Ok(_) => None,
        };
        Ok(Chain { lines, broken })
    }
}

fn told(path: &Path, chain: &Chain) -> Message {
    let written = format!(
        "{} written to {}",
        words::count(chain.lines.len(), "line was", "lines were"),
        visible(&path.display().to_string())
    );
    match &chain.broken {
        None => Message {
            what: format!("{written}."),
            kept: "The chain is whole: each line holds the hash of the line before it.".into(),
            todo: String::new(),
        },
        Some(broken) => Message {
            what: format!("{written}, but the chain is broken: {broken}."),
            kept: "The lines were written as they are.".into(),
            todo: "Compare them with an earlier export, and the approvals with the reviews at the forge."
                .into(),
        },
    }
}

/// All of it or nothing: beside the file first, then in its place.
fn write(path: &Path, lines: &[String]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = Path::new(&beside);
    let write = || {
        let mut file = File::create(beside)?;
        for line in lines {
            file.write_all(line.as_bytes())?;
            file.write_all(b"\n")?;
        }
        file.sync_all()?;
        std::fs::rename(beside, path)
    };
    write().inspect_err(|_| {
        // What could not be made cannot be removed either; the first error is the one that is told.
        let _ = std::fs::remove_file(beside);
    })
}
