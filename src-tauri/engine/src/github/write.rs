//! Where a change stands, and its reviews. Nothing here is sent a second time: whether to do so is the outbox's
//! decision, after it has looked.

use countersign_core::change::{ChangeId, ChangeState, Oid, Review, ReviewState};
use countersign_core::decision::Decision;
use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::GitHub;
use super::answer::{Answer, plain};
use super::client::segment;
use super::nodes::review_state;
use super::person::RestAccount;
use crate::ports::{ForgeError, HeadNow};

/// More reviews than this are not read: whoever looks for a review must not take a cut list for a whole one.
const PAGES: usize = 50;

impl GitHub {
    pub(super) async fn read_head(&self, id: &ChangeId) -> Result<HeadNow, ForgeError> {
        let answer = self
            .client
            .call(&self.client.get(&self.pull(id)?, id.to_string()))
            .await?;
        let pull: Pull = answer.json()?;
        let state = match (pull.merged, pull.state.as_str()) {
            (true, _) => ChangeState::Merged,
            (false, "open") => ChangeState::Open,
            (false, "closed") => ChangeState::Closed,
            (false, other) => {
                return Err(answer.garbled(format!("{:?} is not a state of a change", plain(other))));
            }
        };
        Ok(HeadNow {
            change_id: pull.id.to_string(),
            repo_id: pull.base.repo.id.to_string(),
            head: pull.head.oid,
            target_branch: pull.base.branch,
            state,
            draft: pull.draft,
            forge_time: answer.date(),
        })
    }

    pub(super) async fn list_reviews(&self, id: &ChangeId) -> Result<Vec<Review>, ForgeError> {
        let mut all = Vec::new();
        for page in 1..=PAGES {
            let path = format!("{}/reviews?per_page=100&page={page}", self.pull(id)?);
            let answer = self.client.call(&self.client.get(&path, id.to_string())).await?;
            let reviews: Vec<RestReview> = answer.json()?;
            let full = reviews.len() >= 100;
            for review in reviews {
                all.push(review.read(&answer)?);
            }
            if !full && !answer.has_next_page() {
                return Ok(all);
            }
        }
        Err(ForgeError::Refused {
            message: format!("{id} has more than {} reviews: they are not read", PAGES * 100),
        })
    }

    /// One review by its number, which no list can leave out.
    pub(super) async fn one_review(&self, id: &ChangeId, review: &str) -> Result<Option<Review>, ForgeError> {
        let path = format!("{}/reviews/{}", self.pull(id)?, segment(review));
        let ask = self.client.get(&path, format!("review {review} of {id}"));
        match self.client.call(&ask).await {
            Ok(answer) => answer.json::<RestReview>()?.read(&answer).map(Some),
            Err(ForgeError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn create_review(
        &self,
        id: &ChangeId,
        head: &Oid,
        body: &str,
    ) -> Result<Review, ForgeError> {
        let path = format!("{}/reviews", self.pull(id)?);
        let fields = json!({ "commit_id": head.as_str(), "body": body });
        let review = self.write(Method::POST, &path, &fields, id).await?;
        if review.state != ReviewState::Pending {
            let why = format!(
                "the review {} was to be pending and is {:?}",
                review.id, review.state
            );
            return Err(ForgeError::Garbled {
                host: id.host.clone(),
                why,
            });
        }
        if review.commit.as_ref().is_some_and(|commit| commit != head) {
            // Nobody but its author sees it, and it says something about a commit that nobody looked at.
            self.delete_review(id, &review.id)
                .await
                .map_err(|error| ForgeError::Garbled {
                    host: id.host.clone(),
                    why: format!(
                        "the review {} is about another commit and stays pending: {error}",
                        review.id
                    ),
                })?;
            let message = "the forge made the review about another commit; it was taken back".into();
            return Err(ForgeError::Refused { message });
        }
        Ok(review)
    }

    pub(super) async fn submit_review(
        &self,
        id: &ChangeId,
        review: &str,
        decision: Decision,
        body: &str,
    ) -> Result<Review, ForgeError> {
        let event = match decision {
            Decision::Approve => "APPROVE",
            Decision::RequestChanges => "REQUEST_CHANGES",
            Decision::Comment => "COMMENT",
        };
        let path = format!("{}/reviews/{}/events", self.pull(id)?, segment(review));
        self.write(Method::POST, &path, &json!({ "event": event, "body": body }), id)
            .await
    }

    pub(super) async fn delete_review(&self, id: &ChangeId, review: &str) -> Result<(), ForgeError> {
        let path = format!("{}/reviews/{}", self.pull(id)?, segment(review));
        let what = format!("review {review} of {id}");
        self.client
            .call(&self.client.rest(Method::DELETE, &path, what))
            .await
            .map(drop)
    }

    pub(super) async fn dismiss_review(
        &self,
        id: &ChangeId,
        review: &str,
        message: &str,
    ) -> Result<(), ForgeError> {
        let path = format!("{}/reviews/{}/dismissals", self.pull(id)?, segment(review));
        let dismissed = self
            .write(Method::PUT, &path, &json!({ "message": message }), id)
            .await?;
        if dismissed.state != ReviewState::Dismissed {
            let why = format!(
                "the review {} was to be dismissed and is {:?}",
                dismissed.id, dismissed.state
            );
            return Err(ForgeError::Garbled {
                host: id.host.clone(),
                why,
            });
        }
        Ok(())
    }

    async fn write(
        &self,
        method: Method,
        path: &str,
        fields: &serde_json::Value,
        id: &ChangeId,
    ) -> Result<Review, ForgeError> {
        let answer = self
            .client
            .call(&self.client.send_json(method, path, fields, id.to_string()))
            .await?;
        answer.json::<RestReview>()?.read(&answer)
    }
}

#[derive(Deserialize)]
struct Pull {
    id: u64,
    state: String,
    /// Left out in lists, never in a single change.
    merged: bool,
    /// Missing on servers that have no drafts.
    #[serde(default)]
    draft: bool,
    head: End,
    base: Base,
}

#[derive(Deserialize)]
struct Base {
    #[serde(rename = "ref")]
    branch: String,
    repo: Repo,
}

#[derive(Deserialize)]
struct Repo {
    id: u64,
}

#[derive(Deserialize)]
struct End {
    #[serde(rename = "sha")]
    oid: Oid,
}

#[derive(Deserialize)]
struct RestReview {
    id: u64,
    user: Option<RestAccount>,
    #[serde(default)]
    body: Option<String>,
    state: String,
    /// Absent while pending.
    #[serde(default)]
    submitted_at: Option<Timestamp>,
    #[serde(default)]
    commit_id: Option<Oid>,
}

impl RestReview {
    fn read(self, answer: &Answer) -> Result<Review, ForgeError> {
        Ok(Review {
            id: self.id.to_string(),
            author: self.user.map(Into::into),
            state: review_state(&self.state).map_err(|why| answer.garbled(plain(&why)))?,
            submitted_at: self.submitted_at,
            // REST does not tell; GraphQL does.
            edited_at: None,
            commit: self.commit_id,
            body: self.body.unwrap_or_default(),
        })
    }
}
