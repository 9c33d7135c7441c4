//! What a decision is judged by, kept in the moment in which the forge confirmed it: after a merge the merge base and the
//! policy's files are others, and years later there may be no forge to ask.

use countersign_core::change::ChangeState;
use countersign_core::signature::is_carried_by;
use countersign_core::verify::Input;

use super::{Entry, extract};
use crate::account::Online;
use crate::engine::Engine;
use crate::ports::{Desktop, Forge, ForgeError};
use crate::store::{KeptInput, StoreError};

/// Larger inputs are not kept, in bytes of their JSON: a typical one has thirty thousand.
const LARGEST: usize = 8 << 20;

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// Asked once. A decision is confirmed whether it can be judged again or not, so only a forge that cannot be asked at
    /// all is waited for.
    pub(super) async fn judged_by(&self, online: &Online<F>, entry: &Entry) -> Result<KeptInput, ForgeError> {
        let collected = online.forge.collect(&entry.change).await?;
        let kept = collected.and_then(|input| match unfit(entry, &input) {
            None => Ok(input),
            Some(why) => Err(why),
        });
        if let Err(why) = &kept {
            tracing::warn!(change = %entry.change, why, "a decision cannot be judged again later");
        }
        Ok(kept)
    }
}

/// Why an input says nothing of that decision.
fn unfit(entry: &Entry, input: &Input) -> Option<String> {
    let envelope = extract(&entry.body).ok();
    let carried = |body: &str| envelope.as_ref().is_some_and(|one| is_carried_by(one, body));
    match input.change.state {
        ChangeState::Merged => return Some("it was merged before its facts were read".to_owned()),
        ChangeState::Closed => return Some("it was closed before its facts were read".to_owned()),
        ChangeState::Open => {}
    }
    if input.change.head != entry.head {
        return Some("its head moved before its facts were read".to_owned());
    }
    let ours = input
        .reviews
        .items
        .iter()
        .find(|review| Some(&review.id) == entry.review.as_ref());
    if !ours.is_some_and(|review| carried(&review.body)) {
        return Some("the forge did not list the review among the facts".to_owned());
    }
    match text(input) {
        Ok(text) if text.len() <= LARGEST => None,
        Ok(text) => Some(format!("its facts are {} bytes, more than are kept", text.len())),
        Err(error) => Some(error.to_string()),
    }
}

/// The exact text of an input, whose hash is in the ledger.
pub(crate) fn text(input: &Input) -> Result<String, StoreError> {
    serde_json::to_string(input).map_err(|error| StoreError::Other(error.to_string()))
}
