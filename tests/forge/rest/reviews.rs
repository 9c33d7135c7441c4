//! Reviews, with GitHub's rules: one pending review a person, none of one's own changes approved, no check of the head.

use anyhow::anyhow;
use serde_json::{Value, json};

use super::changes::{found, not_found};
use super::{Ctx, Handled, page};
use crate::forge::server::Answer;
use crate::forge::shape;
use crate::forge::world::{Review, World};

/// Longest body, in characters. Source: GitHub's answer to a longer one.
const LONGEST: usize = 65_536;

fn shown(world: &World, ctx: &Ctx<'_>, id: u64) -> Handled {
    let Some((repo, change)) = found(world, ctx) else {
        return Ok(not_found());
    };
    let Some(review) = change.reviews.iter().find(|review| review.id == id) else {
        return Ok(not_found());
    };
    Ok(Answer::ok(&shape::review(world, repo, change, review)))
}

/// The review that the call names, if the viewer may see it: a pending one is its author's alone.
fn named(world: &World, ctx: &Ctx<'_>) -> Option<Review> {
    let (_, change) = found(world, ctx)?;
    let id = ctx.number("review_id");
    let seen =
        |review: &&Review| review.id == id && (review.state != "PENDING" || review.author == ctx.viewer);
    change.reviews.iter().find(seen).cloned()
}

fn stored<'w>(world: &'w mut World, ctx: &Ctx<'_>, id: u64) -> anyhow::Result<&'w mut Review> {
    let change = world.change_mut(&ctx.repo_name(), ctx.number("pull_number"))?;
    change
        .reviews
        .iter_mut()
        .find(|review| review.id == id)
        .ok_or_else(|| anyhow!("review {id} is gone"))
}

fn state_of(event: &str) -> &'static str {
    match event {
        "APPROVE" => "APPROVED",
        "REQUEST_CHANGES" => "CHANGES_REQUESTED",
        _ => "COMMENTED",
    }
}

/// Why a review may not be submitted so, in GitHub's words.
fn refusal(world: &World, ctx: &Ctx<'_>, event: &str, body: &str) -> Option<Answer> {
    let (_, change) = found(world, ctx)?;
    if change.author == ctx.viewer {
        match event {
            "APPROVE" => return Some(Answer::refused(&["Can not approve your own pull request"])),
            "REQUEST_CHANGES" => {
                return Some(Answer::refused(&[
                    "Can not request changes on your own pull request",
                ]));
            }
            _ => {}
        }
    }
    if event != "APPROVE" && body.trim().is_empty() {
        let what = if event == "COMMENT" {
            "a comment"
        } else {
            "a change request"
        };
        return Some(Answer::refused(&[&format!("Body can't be blank for {what}")]));
    }
    None
}

fn too_long(body: &str) -> Option<Answer> {
    (body.chars().count() > LONGEST)
        .then(|| Answer::refused(&["Body is too long (maximum is 65536 characters)"]))
}

pub(super) fn list(world: &World, ctx: &Ctx<'_>) -> Handled {
    let Some((repo, change)) = found(world, ctx) else {
        return Ok(not_found());
    };
    let seen = |review: &&Review| review.state != "PENDING" || review.author == ctx.viewer;
    let list = change
        .reviews
        .iter()
        .filter(seen)
        .map(|review| shape::review(world, repo, change, review));
    let list: Vec<Value> = list.collect();
    Ok(page(world, ctx, list))
}

pub(super) fn get(world: &World, ctx: &Ctx<'_>) -> Handled {
    let Some(review) = named(world, ctx) else {
        return Ok(not_found());
    };
    shown(world, ctx, review.id)
}

pub(super) fn create(world: &mut World, ctx: &Ctx<'_>) -> Handled {
    let Some((repo, change)) = found(world, ctx) else {
        return Ok(not_found());
    };
    if repo.archived {
        return Ok(Answer::error(403, "Repository was archived so is read-only."));
    }
    let given = ctx.body();
    let body = given["body"].as_str().unwrap_or("").to_owned();
    let event = given["event"].as_str();
    let commit = given["commit_id"]
        .as_str()
        .unwrap_or_else(|| change.head())
        .to_owned();
    // Any commit that the change has or had is accepted: the id attributes the review, it does not guard it.
    let mut known = change.heads.contains(&commit);
    known = known || repo.commits(change)?.iter().any(|facts| facts.oid == commit);
    for head in &change.heads {
        known = known
            || repo
                .git
                .range(&change.base_oid, head)?
                .iter()
                .any(|facts| facts.oid == commit);
    }
    if !known {
        return Ok(Answer::refused(&["Commit is not part of the pull request"]));
    }
    if let Some(refusal) =
        too_long(&body).or_else(|| event.and_then(|event| refusal(world, ctx, event, &body)))
    {
        return Ok(refusal);
    }
    if change
        .reviews
        .iter()
        .any(|review| review.author == ctx.viewer && review.state == "PENDING")
    {
        return Ok(Answer::refused(&[
            "User can only have one pending review per pull request",
        ]));
    }
    let (id, at, number) = (world.fresh_id(), world.now(), ctx.number("pull_number"));
    let change = world.change_mut(&ctx.repo_name(), number)?;
    change.reviews.push(Review {
        id,
        author: ctx.viewer.to_owned(),
        state: event.map_or("PENDING", state_of),
        body,
        commit,
        created_at: at,
        submitted_at: event.is_some().then_some(at),
        edited_at: None,
        was: None,
        dismissed: None,
    });
    if event.is_some() {
        change.updated_at = at;
        world.answered(&ctx.repo_name(), number, ctx.viewer)?;
    }
    shown(world, ctx, id)
}

pub(super) fn submit(world: &mut World, ctx: &Ctx<'_>) -> Handled {
    let Some(review) = named(world, ctx) else {
        return Ok(not_found());
    };
    if review.author != ctx.viewer {
        return Ok(not_found());
    }
    if review.state != "PENDING" {
        return Ok(Answer::refused(&["Can not submit a review that is not pending"]));
    }
    let given = ctx.body();
    let body = given["body"].as_str().unwrap_or(&review.body).to_owned();
    let event = given["event"].as_str().unwrap_or("");
    if let Some(refusal) = too_long(&body).or_else(|| refusal(world, ctx, event, &body)) {
        return Ok(refusal);
    }
    let (at, number) = (world.now(), ctx.number("pull_number"));
    let stored = stored(world, ctx, review.id)?;
    stored.state = state_of(event);
    stored.body = body;
    stored.submitted_at = Some(at);
    world.change_mut(&ctx.repo_name(), number)?.updated_at = at;
    world.answered(&ctx.repo_name(), number, ctx.viewer)?;
    shown(world, ctx, review.id)
}

pub(super) fn update(world: &mut World, ctx: &Ctx<'_>) -> Handled {
    let Some(review) = named(world, ctx) else {
        return Ok(not_found());
    };
    if review.author != ctx.viewer {
        return Ok(Answer::error(403, "Forbidden"));
    }
    let body = ctx.body()["body"].as_str().unwrap_or("").to_owned();
    if let Some(refusal) = too_long(&body) {
        return Ok(refusal);
    }
    let at = world.now();
    let stored = stored(world, ctx, review.id)?;
    stored.body = body;
    if stored.submitted_at.is_some() {
        stored.edited_at = Some(at);
    }
    shown(world, ctx, review.id)
}

pub(super) fn delete(world: &mut World, ctx: &Ctx<'_>) -> Handled {
    let Some(review) = named(world, ctx) else {
        return Ok(not_found());
    };
    if review.state != "PENDING" {
        return Ok(Answer::refused(&[
            "Can not delete a non-pending pull request review",
        ]));
    }
    let answer = shown(world, ctx, review.id)?;
    let change = world.change_mut(&ctx.repo_name(), ctx.number("pull_number"))?;
    change.reviews.retain(|one| one.id != review.id);
    Ok(answer)
}

pub(super) fn dismiss(world: &mut World, ctx: &Ctx<'_>) -> Handled {
    let Some(review) = named(world, ctx) else {
        return Ok(not_found());
    };
    let access = world
        .find(&ctx.repo_name())
        .and_then(|repo| repo.access.get(ctx.viewer).copied());
    if !matches!(access, Some("WRITE" | "MAINTAIN" | "ADMIN")) {
        return Ok(Answer::error(
            403,
            "Must have write access to the repository to dismiss a review.",
        ));
    }
    if !matches!(review.state, "APPROVED" | "CHANGES_REQUESTED") {
        let word = review.state.to_lowercase();
        return Ok(Answer::refused(&[&format!(
            "Can not dismiss a {word} pull request review"
        )]));
    }
    let message = ctx.body()["message"].as_str().unwrap_or("").to_owned();
    let at = world.now();
    let by = ctx.viewer.to_owned();
    let stored = stored(world, ctx, review.id)?;
    stored.was = Some(stored.state);
    stored.state = "DISMISSED";
    stored.dismissed = Some((at, by, message));
    world
        .change_mut(&ctx.repo_name(), ctx.number("pull_number"))?
        .updated_at = at;
    shown(world, ctx, review.id)
}

/// A review with what REST does not show, for tests and the demo.
pub(crate) fn raw(review: &Review) -> Value {
    json!({
        "id": review.id, "author": review.author, "state": review.state, "body": review.body, "commit": review.commit,
        "created_at": review.created_at, "submitted_at": review.submitted_at, "edited_at": review.edited_at,
        "dismissed_at": review.dismissed.as_ref().map(|(at, _, _)| at),
        "dismissed_by": review.dismissed.as_ref().map(|(_, by, _)| by),
        "dismissal": review.dismissed.as_ref().map(|(_, _, why)| why),
    })
}
