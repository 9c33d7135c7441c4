//! `bundle`: an exported decision judged again, with no forge at all.
//!
//! One JSON object: `format`, `as_of` (when it was decided or merged), `input` (the document that the gate judged), and
//! `ledger`, the lines of the signer's ledger as text. It shows that the parts fit together, not when they were made: who
//! holds all of them could have made all of them. So its verdict is worded otherwise than the gate's, and never passes one.

use std::collections::BTreeMap;

use countersign_core::change::ChangeId;
use countersign_core::ledger;
use countersign_core::reason::{Fault, Reason};
use countersign_core::signature::extract;
use countersign_core::strict_json;
use countersign_core::verify::{Input, Outcome, Verdict, judge};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

/// Name of the format.
pub(crate) const FORMAT: &str = "countersign-bundle-v1";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bundle {
    format: String,
    as_of: Timestamp,
    input: Value,
    ledger: Vec<String>,
}

/// What was found: as JSON, and whether all of it fits together.
pub(crate) struct Found {
    pub(crate) document: Value,
    pub(crate) consistent: bool,
}

/// Judges a bundle as of the time that it names.
///
/// # Errors
/// [`Reason::InputMissing`] where it cannot be read.
pub(crate) fn check(json: &[u8]) -> Result<Found, Fault> {
    let missing = |detail: String| Reason::InputMissing.because(format!("the bundle: {detail}"));
    let value = strict_json::parse(json).map_err(|fault| missing(fault.detail))?;
    let bundle = Bundle::deserialize(&value).map_err(|error| missing(error.to_string()))?;
    if bundle.format != FORMAT {
        return Err(missing(format!("expected {FORMAT}, found {:?}", bundle.format)));
    }
    let input = Input::from_json(bundle.input.to_string().as_bytes())?;
    let verdict = judge(&input, bundle.as_of);
    let chain = ledger(&bundle.ledger, &input, &verdict);
    let passed = matches!(verdict.verdict, Outcome::Accepted | Outcome::NotRequired);
    let consistent = passed && chain.is_ok();
    let chain = match chain {
        Ok(signed) => json!({"consistent": true, "signed_here": signed, "why": null}),
        Err(why) => json!({"consistent": false, "signed_here": [], "why": why}),
    };
    Ok(Found {
        document: json!({
            "format": "countersign-bundle-verdict-v1", "consistent": consistent, "as_of": bundle.as_of,
            "ledger": chain, "then": verdict,
            "notes": ["Without a trusted timestamp this shows that the parts fit together, not when they were made."],
        }),
        consistent,
    })
}

/// The reviews whose envelope the ledger has, word for word; or why the ledger does not fit.
fn ledger(lines: &[String], input: &Input, verdict: &Verdict) -> Result<Vec<String>, String> {
    let (read, _) = ledger::check(lines.iter().map(String::as_str)).map_err(|broken| broken.to_string())?;
    let here = ChangeId {
        host: input.forge.host.clone(),
        repo: input.forge.repo.clone(),
        number: input
            .change
            .number
            .parse()
            .map_err(|_| "the change has no number".to_owned())?,
    };
    let signed: BTreeMap<&str, &ledger::Line> = read
        .iter()
        .filter_map(|line| Some((line.envelope.as_deref()?, line)))
        .collect();
    let mut found = Vec::new();
    let broken = verdict.break_glass.iter().flat_map(|glass| &glass.people);
    for signer in verdict.signers.iter().chain(broken) {
        let review = input
            .reviews
            .items
            .iter()
            .find(|review| review.id == signer.review);
        let Some(envelope) = review.and_then(|review| extract(&review.body).ok()) else {
            continue;
        };
        let Some(line) = signed.get(envelope.to_json().as_str()) else {
            continue;
        };
        if line.change != here || line.key != signer.key {
            return Err(format!(
                "review {} is in the ledger as {} with the key {}",
                signer.review, line.change, line.key
            ));
        }
        found.push(signer.review.clone());
    }
    if !read.is_empty() && found.is_empty() {
        return Err("the ledger has none of the approvals that count".to_owned());
    }
    Ok(found)
}
