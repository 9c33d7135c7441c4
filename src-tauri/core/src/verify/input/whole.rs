//! The rest of step 1: that the parts of the input are whole and belong together.

use std::collections::BTreeSet;

use super::{Input, Listed};
use crate::change::ReviewState;
use crate::reason::{Fault, Reason};

impl Input {
    /// Whether the document can be judged at all.
    ///
    /// # Errors
    /// [`Reason::InputMissing`] with what is missing or contradicts something else.
    pub(in crate::verify) fn check(&self) -> Result<(), Fault> {
        self.commits.whole("commits", |commit| &commit.oid)?;
        self.reviews.whole("reviews", |review| &review.id)?;
        self.dismissals
            .whole("dismissals", |dismissal| &dismissal.review_id)?;
        if let Some(operators) = &self.operators {
            all_there("operators", &operators.items, operators.total)?;
            let keys = operators
                .items
                .iter()
                .map(|one| (&one.source, &one.account.login));
            unique("operators", keys)?;
        }
        self.check_content()?;
        let explained: BTreeSet<&str> = self
            .dismissals
            .items
            .iter()
            .map(|dismissal| dismissal.review_id.as_str())
            .collect();
        for review in &self.reviews.items {
            if review.state == ReviewState::Dismissed && !explained.contains(review.id.as_str()) {
                return missing(format!(
                    "review {} is dismissed and its dismissal was not collected",
                    review.id
                ));
            }
        }
        Ok(())
    }

    fn check_content(&self) -> Result<(), Fault> {
        let (content, head) = (&self.content, &self.change.head);
        let Some(commit) = self.commits.items.iter().find(|commit| commit.oid == *head) else {
            return missing(format!("the head {head} is not among the commits"));
        };
        if content.head != *head {
            return missing(format!(
                "the content was collected for {}, the head is {head}",
                content.head
            ));
        }
        if commit
            .tree
            .as_ref()
            .is_some_and(|tree| *tree != content.head_tree)
        {
            return missing(format!(
                "the head's tree is {} in the content and another in the commits",
                content.head_tree
            ));
        }
        if content.target_tip != self.trust.target_tip {
            return missing(format!(
                "the content was collected for {}, the policy at {}",
                content.target_tip, self.trust.target_tip
            ));
        }
        if content.merge_bases.is_empty() {
            return missing("no merge base was collected".to_owned());
        }
        let count = content.changed.as_ref().map_or(0, |changed| changed.len() as u64);
        match content.total {
            Some(total) if count > total => {
                missing(format!("{count} changed paths were collected, of {total}"))
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl<T> Listed<T> {
    /// Its items, if it is whole and names none twice.
    pub(in crate::verify) fn whole<'a, K: Ord>(
        &'a self,
        what: &str,
        key: impl Fn(&'a T) -> K,
    ) -> Result<&'a [T], Fault> {
        all_there(what, &self.items, self.total)?;
        unique(what, self.items.iter().map(key))?;
        Ok(&self.items)
    }
}

fn all_there<T>(what: &str, items: &[T], total: u64) -> Result<(), Fault> {
    if items.len() as u64 == total {
        return Ok(());
    }
    missing(format!("{} of {total} {what} were collected", items.len()))
}

/// One that stands twice stands in the place of another that is not there.
fn unique<K: Ord>(what: &str, keys: impl Iterator<Item = K>) -> Result<(), Fault> {
    let mut seen = BTreeSet::new();
    for key in keys {
        if !seen.insert(key) {
            return missing(format!("of the {what} one stands twice"));
        }
    }
    Ok(())
}

fn missing(detail: String) -> Result<(), Fault> {
    Err(Reason::InputMissing.because(detail))
}
