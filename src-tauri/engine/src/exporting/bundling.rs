//! The bundle: the ledger's lines with what each decision was judged by, from what is held.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use countersign_core::bundle::{self, Bundle, Found, Judged, Kept, Standing};
use countersign_core::decision::OutboxState;
use countersign_core::ledger::Line;

use super::{COMPARE, Export};
use crate::engine::Engine;
use crate::outbox::keeping;
use crate::ports::{Desktop, Forge};
use crate::rows::visible;
use crate::store::{KeptInput, StoreError};
use crate::view::{Failure, Message};
use crate::words;

/// Reasons that are told in the window; the file has all of them.
const TOLD: usize = 3;

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// Everything that is held of the ledger's decisions. Nothing is left out: of what was not kept it says why.
    pub(super) fn bundle(&self) -> Result<Bundle, Failure> {
        let store = self.store();
        let ledger = store.ledger()?;
        let ends = ends(&ledger);
        let mut inputs: Vec<Kept> = (ends.into_iter())
            .map(|(entry, end)| kept(entry, &end, store.input(entry)))
            .collect();
        drop(store);
        fit(&ledger, &mut inputs);
        Ok(Bundle {
            format: bundle::FORMAT.to_owned(),
            ledger,
            inputs,
        })
    }
}

/// How a decision stands by its lines.
struct End {
    signed_here: bool,
    confirmed: bool,
    state: OutboxState,
}

/// Each decision in the order of its first line. A line that cannot be read names none; whoever checks finds it.
fn ends(ledger: &[String]) -> Vec<(&str, End)> {
    let mut order: Vec<&str> = Vec::new();
    let mut ends: BTreeMap<&str, End> = BTreeMap::new();
    for text in ledger {
        #[derive(serde::Deserialize)]
        struct Entry<'a> {
            entry: &'a str,
        }
        let (Ok(line), Ok(Entry { entry })) =
            (serde_json::from_str::<Line>(text), serde_json::from_str(text))
        else {
            continue;
        };
        let end = ends.entry(entry).or_insert_with(|| {
            order.push(entry);
            End {
                signed_here: line.envelope.is_some(),
                confirmed: false,
                state: line.state,
            }
        });
        end.confirmed |= line.state == OutboxState::Confirmed;
        end.state = line.state;
    }
    (order.into_iter())
        .filter_map(|entry| Some((entry, ends.remove(entry)?)))
        .collect()
}

fn kept(entry: &str, end: &End, held: Result<Option<KeptInput>, StoreError>) -> Kept {
    let found = match held {
        Ok(Some(Ok(input))) => keeping::text(&input).map_err(|error| error.to_string()),
        Ok(Some(Err(why))) => Err(why),
        Ok(None) => Err(why_nothing(end).to_owned()),
        Err(error) => Err(format!("what was kept of it cannot be read: {error}")),
    };
    let (input, why) = match found {
        Ok(input) => (Some(input), None),
        Err(why) => (None, Some(why)),
    };
    Kept {
        entry: entry.to_owned(),
        input,
        why,
    }
}

/// Why nothing was ever kept of a decision.
fn why_nothing(end: &End) -> &'static str {
    if !end.signed_here {
        return "it was signed on another machine";
    }
    if end.confirmed {
        return "it was confirmed by a version of the app that kept only the ledger";
    }
    match end.state {
        OutboxState::Queued | OutboxState::Pending | OutboxState::Submitted => {
            "the forge has not confirmed it yet"
        }
        OutboxState::Superseded => "it did not come to count: it was superseded",
        OutboxState::Expired => "it did not come to count: it expired before it was sent",
        OutboxState::HandedBack => "it did not come to count: it was handed back",
        OutboxState::Refused => "it did not come to count: the forge refused it",
        OutboxState::Confirmed => "nothing was kept of it",
    }
}

/// Leaves out inputs, the oldest first, until the bundle is one that is read again, and says so in their place.
fn fit(ledger: &[String], inputs: &mut [Kept]) {
    let size = |text: &str| serde_json::Value::from(text).to_string().len() + 100;
    let mut left = bundle::MAX_BYTES.saturating_sub(ledger.iter().map(|line| size(line)).sum());
    for kept in inputs.iter_mut().rev() {
        let Some(input) = &kept.input else { continue };
        match left.checked_sub(size(input)) {
            Some(rest) => left = rest,
            None => {
                left = 0;
                kept.input = None;
                kept.why = Some("the bundle would be larger than what is read again".to_owned());
            }
        }
    }
}

/// The bundle's bytes, and what it is worth by the very check that `countersign-verify bundle` makes.
pub(super) fn export(path: &Path, bundle: &Bundle) -> Result<Export, Failure> {
    let bytes = serde_json::to_vec_pretty(bundle).map_err(|error| Failure::other(error.to_string(), ""))?;
    let told = told(path, bundle, &bundle::check(bundle));
    Ok(Export { bytes, told })
}

fn told(path: &Path, bundle: &Bundle, found: &Found) -> Message {
    let decisions = words::count(bundle.inputs.len(), "decision", "decisions");
    let written = format!(
        "A bundle of {decisions} was written to {}",
        visible(&path.display().to_string())
    );
    if !found.consistent {
        let why = (found.detail.as_deref())
            .or_else(|| of(found, Standing::Contradicted).find_map(|one| one.detail.as_deref()))
            .unwrap_or_default();
        return Message {
            what: format!(
                "{written}, but it contradicts itself: {}",
                words::sentence(&visible(why))
            ),
            kept: "Everything was written as it is.".into(),
            todo: COMPARE.into(),
        };
    }
    let (counts, mut ends) = (&found.counts, Vec::new());
    for (count, what) in [
        (counts.accepted, "proved by it"),
        (counts.not_counted, "not counted by the gate then"),
        (counts.not_provable, "not provable here"),
    ] {
        if count > 0 {
            ends.push(format!("{count} {what}"));
        }
    }
    Message {
        what: format!("{written}: {}.", ends.join(", ")),
        kept: reasons(found),
        todo: "Check it, years later too, with \"countersign-verify bundle\" and the file's name.".into(),
    }
}

fn of(found: &Found, standing: Standing) -> impl Iterator<Item = &Judged> {
    found.decisions.iter().filter(move |one| one.standing == standing)
}

/// "Not provable: acme/web #1: it was merged before its facts were read."
fn reasons(found: &Found) -> String {
    let mut told = String::new();
    for (standing, title) in [
        (Standing::NotCounted, "Not counted"),
        (Standing::NotProvable, "Not provable"),
    ] {
        let reasons: BTreeSet<String> = of(found, standing)
            .map(|one| {
                let why = one.detail.as_deref().unwrap_or("nothing was kept of it");
                format!(
                    "{} #{}: {}",
                    visible(&one.change.repo),
                    one.change.number,
                    visible(why)
                )
            })
            .collect();
        if reasons.is_empty() {
            continue;
        }
        let more = reasons.len().saturating_sub(TOLD);
        let mut first: Vec<String> = reasons.into_iter().take(TOLD).collect();
        if more > 0 {
            first.push(format!("{more} more, named in the file"));
        }
        if !told.is_empty() {
            told.push(' ');
        }
        told.push_str(&format!("{title}: {}.", first.join("; ")));
    }
    told
}
