//! Step 13: an approval that was taken back does not come back.
//!
//! `issuedAt` is the signer's clock, which may run ahead, so it alone does not show that an approval was given after
//! another was dismissed. The forge's clock shows when its bytes first appeared.

use jiff::{SignedDuration, Timestamp};

use super::circumstances::TOLERANCE;
use super::input::{Input, Review};
use super::review::age;
use crate::change::ReviewState;
use crate::reason::{Fault, Reason};
use crate::signature::{Envelope, extract};

/// The reviews of one account, in every state, each with the envelope that its body carries now.
pub(super) struct Posts<'a> {
    reviews: Vec<(&'a Review, Option<Envelope>)>,
}

/// When an approval came to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Birth {
    /// By the signer's clock.
    issued: Timestamp,
    /// When its bytes first stood in one of the account's reviews, by the forge's clock.
    posted: Timestamp,
    /// They may have stood in an earlier one, whose body was edited since.
    traces_gone: bool,
}

impl Birth {
    /// Whether it is surely younger than something that happened at the forge.
    pub(super) fn is_after(self, at: Timestamp) -> bool {
        let margin = if self.traces_gone {
            TOLERANCE
        } else {
            SignedDuration::ZERO
        };
        self.posted > at && self.issued.duration_since(at) > margin
    }
}

impl<'a> Posts<'a> {
    pub(super) fn of(input: &'a Input, account: &str) -> Self {
        let own = input.reviews.items.iter();
        let own = own.filter(|review| review.author_id() == Some(account));
        Self {
            reviews: own.map(|review| (review, extract(&review.body).ok())).collect(),
        }
    }

    pub(super) fn birth(&self, review: &Review, envelope: &Envelope, issued: Timestamp) -> Birth {
        let carrying = self
            .reviews
            .iter()
            .filter(|(_, carried)| carried.as_ref() == Some(envelope));
        let posted = carrying.map(|(other, _)| other.submitted_at).min();
        Birth {
            issued,
            posted: posted.unwrap_or(review.submitted_at),
            traces_gone: self
                .reviews
                .iter()
                .any(|(other, _)| other.edited_at.is_some() && age(other) < age(review)),
        }
    }

    /// That none of these reviews was dismissed since. `dismissed_at` gives the time of a review's dismissal.
    pub(super) fn not_withdrawn(
        &self,
        envelope: &Envelope,
        birth: Birth,
        dismissed_at: impl Fn(&Review) -> Option<Timestamp>,
    ) -> Result<(), Fault> {
        for (review, carried) in &self.reviews {
            if review.state == ReviewState::Dismissed && carried.as_ref() == Some(envelope) {
                let detail = format!(
                    "the same bytes stand in review {}, which was dismissed",
                    review.id
                );
                return Err(Reason::WithdrawnReplay.because(detail));
            }
            if let Some(at) = dismissed_at(review).filter(|at| !birth.is_after(*at)) {
                let detail = format!("review {} was dismissed at {at}", review.id);
                return Err(Reason::WithdrawnReplay.because(detail));
            }
        }
        Ok(())
    }

    /// The other envelopes, with the reviews that carry them.
    pub(super) fn others<'p>(
        &'p self,
        envelope: &'p Envelope,
    ) -> impl Iterator<Item = (&'a Review, &'p Envelope)> {
        self.reviews
            .iter()
            .filter_map(|(review, carried)| Some((*review, carried.as_ref()?)))
            .filter(move |(_, carried)| *carried != envelope)
    }
}
