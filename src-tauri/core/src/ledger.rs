//! The ledger: the local record of every decision and how it ended, each line bound to the one before by its hash.
//!
//! A line is compact JSON; its hash is SHA-256 over the line's bytes. `previous` holds the hash of the line before
//! (64 zeros in the first), so that no line can be changed, taken out or put in without breaking what follows. The
//! newest hash goes into each signed statement (`claims.ledger`), which anchors the chain at the forge.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::{ChangeId, Oid};
use crate::changeset::sha256_hex;
use crate::decision::{Decision, OutboxState};

/// `previous` of the first line.
pub const START: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Hash of the line before.
    pub previous: String,
    /// When it was written, by the local clock.
    pub at: Timestamp,
    /// The decision's nonce: the same in all its lines.
    pub entry: String,
    /// Which change.
    pub change: ChangeId,
    /// The head that was signed.
    pub head: Oid,
    /// Which decision.
    pub decision: Decision,
    /// How far it got: `queued` when it was signed, then its end.
    pub state: OutboxState,
    /// Fingerprint of the key that signed.
    pub key: String,
    /// The envelope's JSON, in the line written when it was signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope: Option<String>,
    /// The forge's id of the review, once it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<String>,
    /// Why it ended otherwise than confirmed, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// SHA-256 of the judge's input as it was kept when the forge confirmed the decision ([`crate::bundle`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
}

impl Line {
    /// The line's bytes and their hash.
    pub fn seal(&self) -> (String, String) {
        let text = serde_json::to_string(self).expect("a line holds only strings, which are all JSON");
        let hash = sha256_hex(text.as_bytes());
        (text, hash)
    }
}

/// Where the chain is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the ledger {what}")]
pub struct Broken {
    /// 1-based.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// Reads a chain and checks that it is whole; gives its lines and the hash of its end.
///
/// # Errors
/// [`Broken`] at the first line that is not a line or does not follow the one before.
pub fn check<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<(Vec<Line>, String), Broken> {
    let mut read = Vec::new();
    let mut previous = START.to_owned();
    for (index, text) in lines.into_iter().enumerate() {
        let broken = |what: String| Broken {
            line: index + 1,
            what,
        };
        let line: Line =
            serde_json::from_str(text).map_err(|error| broken(format!("cannot be read: {error}")))?;
        if line.previous != previous {
            return Err(broken("does not follow the line before it".to_owned()));
        }
        previous = sha256_hex(text.as_bytes());
        read.push(line);
    }
    Ok((read, previous))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain() -> Vec<String> {
        let mut previous = START.to_owned();
        let states = [OutboxState::Queued, OutboxState::Confirmed, OutboxState::Queued];
        states
            .into_iter()
            .map(|state| {
                let (text, hash) = Line {
                    previous: previous.clone(),
                    at: Timestamp::UNIX_EPOCH,
                    entry: "n".into(),
                    change: "github.com/acme/web#1".parse().unwrap(),
                    head: "a".repeat(40).parse().unwrap(),
                    decision: Decision::Approve,
                    state,
                    key: "SHA256:x".into(),
                    envelope: None,
                    review: None,
                    why: None,
                    input: None,
                }
                .seal();
                previous = hash;
                text
            })
            .collect()
    }

    fn broken_at(lines: &[String]) -> Option<usize> {
        check(lines.iter().map(String::as_str))
            .err()
            .map(|broken| broken.line)
    }

    #[test]
    fn a_whole_chain_is_whole() {
        assert_eq!(broken_at(&chain()), None);
        assert_eq!(check([]).unwrap().1, START);
    }

    #[test]
    fn a_line_changed_removed_added_or_moved_breaks_it() {
        let whole = chain();
        let mut changed = whole.clone();
        changed[1] = changed[1].replace("confirmed", "refused");
        assert_eq!(broken_at(&changed), Some(3));
        assert_eq!(broken_at(&whole[1..]), Some(1));
        assert_eq!(broken_at(&[whole[0].clone(), whole[2].clone()]), Some(2));
        assert_eq!(broken_at(&[whole[0].clone(), whole[0].clone()]), Some(2));
        assert_eq!(broken_at(&["{}".to_owned()]), Some(1));
    }
}
