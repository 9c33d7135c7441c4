//! Exporting the ledger into a file that the user chose outside the webview: its lines as they are, or as a bundle that
//! `countersign-verify bundle` checks with no forge. Nothing is fetched.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use countersign_core::ledger;

use crate::engine::{Engine, beside};
use crate::ports::{Desktop, Forge};
use crate::rows::visible;
use crate::view::{ExportForm, Exported, Failure, Message};
use crate::words;

mod bundling;

/// The ledger's lines, and what its chain says of them.
struct Chain {
    lines: Vec<String>,
    broken: Option<String>,
}

/// What is written, and what is said of it afterwards.
struct Export {
    bytes: Vec<u8>,
    told: Message,
}

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// Checks the ledger and writes it where the user says. A broken chain is written too, byte for byte, and said to be
    /// broken: who looks into that needs the lines as they are.
    ///
    /// # Errors
    /// There is nothing to export, or it could not be written: then no file was made or changed.
    pub async fn export_ledger(&self, form: ExportForm) -> Result<Exported, Failure> {
        if self.chain()?.lines.is_empty() {
            return Err(Failure::other(
                "The ledger is empty: nothing was decided on this machine yet. No file was made.",
                "",
            ));
        }
        let day = self.now().strftime("%Y-%m-%d");
        let name = match form {
            ExportForm::Lines => format!("countersign-ledger-{day}.jsonl"),
            ExportForm::Bundle => format!("countersign-bundle-{day}.json"),
        };
        let Some(path) = self.inner.desktop.save_as("Export the ledger".into(), name).await else {
            return Ok(not_chosen());
        };
        let engine = self.clone();
        beside(move || {
            // Read after the question: a decision may have come to its end meanwhile.
            let export = match form {
                ExportForm::Lines => lines(&path, &engine.chain()?),
                ExportForm::Bundle => bundling::export(&path, &engine.bundle()?)?,
            };
            write(&path, &export.bytes)
                .map_err(|error| unwritten(&path, &error, "The ledger is unchanged."))?;
            Ok(Exported {
                saved: true,
                message: export.told,
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

fn lines(path: &Path, chain: &Chain) -> Export {
    let bytes = (chain.lines.iter())
        .flat_map(|line| [line.as_bytes(), b"\n"])
        .collect::<Vec<_>>()
        .concat();
    let written = format!(
        "{} written to {}",
        words::count(chain.lines.len(), "line was", "lines were"),
        visible(&path.display().to_string())
    );
    let told = match &chain.broken {
        None => Message {
            what: format!("{written}."),
            kept: "The chain is whole: each line holds the hash of the line before it.".into(),
            todo: String::new(),
        },
        Some(broken) => Message {
            what: format!("{written}, but the chain is broken: {broken}."),
            kept: "The lines were written as they are.".into(),
            todo: COMPARE.into(),
        },
    };
    Export { bytes, told }
}

/// What to do about a ledger that contradicts itself.
const COMPARE: &str = "Compare them with an earlier export, and the approvals with the reviews at the forge.";

/// The user chose no file.
pub(crate) fn not_chosen() -> Exported {
    Exported {
        saved: false,
        message: Message {
            what: "Not exported: no file was chosen.".into(),
            kept: String::new(),
            todo: String::new(),
        },
    }
}

pub(crate) fn unwritten(path: &Path, error: &io::Error, kept: &str) -> Failure {
    Failure::other(
        format!(
            "{} cannot be written: {error}. {kept}",
            visible(&path.display().to_string())
        ),
        "Choose another folder.",
    )
}

/// All of it or nothing: beside the file first, then in its place.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = Path::new(&beside);
    let write = || {
        let mut file = File::create(beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(beside, path)
    };
    write().inspect_err(|_| {
        // What could not be made cannot be removed either; the first error is the one that is told.
        let _ = std::fs::remove_file(beside);
    })
}
