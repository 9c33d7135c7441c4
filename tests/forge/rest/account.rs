//! What the forge is. The signed-in account: itself, its quota, its notifications, its signing keys.

use anyhow::anyhow;
use serde_json::{Value, json};

use super::{Ctx, Handled, page};
use crate::forge::server::{Answer, resets_at};
use crate::forge::shape;
use crate::forge::world::{QUOTA, Scopes, SigningKey, World};

/// What anybody is told, with a token or without.
pub(crate) fn meta(world: &World) -> Answer {
    let mut told = json!({ "verifiable_password_authentication": false });
    if let Some(version) = world.server {
        told["installed_version"] = json!(version);
    }
    Answer::ok(&told)
}

pub(super) fn user(world: &World, ctx: &Ctx<'_>) -> Handled {
    let account = world
        .account(ctx.viewer)
        .ok_or_else(|| anyhow!("the token's account is gone"))?;
    Ok(Answer::ok(&shape::private_user(world, account)))
}

pub(super) fn rate_limit(world: &World, ctx: &Ctx<'_>) -> Handled {
    let token = &world.tokens[ctx.token];
    let one = |used: u64| {
        let remaining = QUOTA.saturating_sub(used);
        json!({ "limit": QUOTA, "remaining": remaining, "used": used, "reset": resets_at(world) })
    };
    let search = json!({ "limit": 30, "remaining": 30, "used": 0, "reset": resets_at(world) });
    let resources =
        json!({ "core": one(token.core_used), "graphql": one(token.points_used), "search": search });
    Ok(Answer::ok(
        &json!({ "resources": resources, "rate": one(token.core_used) }),
    ))
}

/// Conditional by date, as GitHub documents for polling: `Last-Modified`, `If-Modified-Since`, `X-Poll-Interval`.
pub(super) fn notifications(world: &World, ctx: &Ctx<'_>) -> Handled {
    let allowed = match &world.tokens[ctx.token].scopes {
        Scopes::Classic(scopes) => scopes
            .iter()
            .any(|scope| scope == "notifications" || scope == "repo"),
        Scopes::FineGrained { .. } => false,
    };
    if !allowed {
        return Ok(Answer::error(
            403,
            "Resource not accessible by personal access token",
        ));
    }
    let mut list: Vec<_> = world
        .notices
        .iter()
        .filter(|one| one.login == ctx.viewer)
        .filter(|one| {
            world
                .find(&one.repo)
                .is_some_and(|repo| super::visible(world, ctx.token, repo))
        })
        .collect();
    list.sort_by_key(|one| std::cmp::Reverse(one.updated_at));
    let newest = list
        .first()
        .map_or(jiff::Timestamp::UNIX_EPOCH, |one| one.updated_at);
    let stamp = newest.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if ctx
        .req
        .header("if-modified-since")
        .is_some_and(|sent| sent == stamp)
    {
        let mut answer = Answer::bytes("application/json", Vec::new());
        answer.status = 304;
        return Ok(answer.with("last-modified", stamp).with("x-poll-interval", "60"));
    }
    let base = format!("{}/api/v3", world.base_url);
    let shown = list.into_iter().filter_map(|one| {
        let repo = world.find(&one.repo)?;
        let change = repo.changes.get(&one.number)?;
        let url = format!("{base}/repos/{}/pulls/{}", one.repo, one.number);
        Some(json!({
            "id": one.id.to_string(), "repository": shape::minimal_repository(world, repo),
            "subject": { "title": change.title, "url": url, "latest_comment_url": url, "type": "PullRequest" },
            "reason": one.reason, "unread": true, "updated_at": one.updated_at, "last_read_at": null,
            "url": format!("{base}/notifications/threads/{}", one.id),
            "subscription_url": format!("{base}/notifications/threads/{}/subscription", one.id),
        }))
    });
    let shown: Vec<Value> = shown.collect();
    Ok(page(world, ctx, shown)
        .with("last-modified", stamp)
        .with("x-poll-interval", "60"))
}

fn key_shape(key: &SigningKey) -> Value {
    json!({ "id": key.id, "key": key.key, "title": key.title, "created_at": key.created_at })
}

pub(super) fn signing_keys(world: &World, ctx: &Ctx<'_>, login: &str) -> Handled {
    let Some(account) = world.account(login) else {
        return Ok(Answer::error(404, "Not Found"));
    };
    Ok(page(
        world,
        ctx,
        account.signing_keys.iter().map(key_shape).collect(),
    ))
}

pub(super) fn add_signing_key(world: &mut World, ctx: &Ctx<'_>) -> Handled {
    let allowed = match &world.tokens[ctx.token].scopes {
        Scopes::Classic(scopes) => scopes
            .iter()
            .any(|scope| scope == "write:ssh_signing_key" || scope == "admin:ssh_signing_key"),
        Scopes::FineGrained { .. } => false,
    };
    if !allowed {
        return Ok(Answer::error(404, "Not Found"));
    }
    let body = ctx.body();
    let given = body["key"].as_str().unwrap_or("");
    // GitHub keeps algorithm and base64 and drops the comment.
    let key = given.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    let failed = |message: &str| {
        let error = json!({ "resource": "PublicKey", "code": "custom", "field": "key", "message": message });
        Answer::json(
            422,
            &json!({ "message": "Validation Failed", "errors": [error], "documentation_url": "https://docs.github.com/rest" }),
        )
    };
    if world
        .accounts
        .iter()
        .any(|one| one.signing_keys.iter().any(|known| known.key == key))
    {
        return Ok(failed("key is already in use"));
    }
    let (id, created_at) = (world.fresh_id(), world.now());
    let title = body["title"].as_str().unwrap_or("").to_owned();
    let new = SigningKey {
        id,
        key,
        title,
        created_at,
    };
    let answer = Answer::json(201, &key_shape(&new));
    let account = world.accounts.iter_mut().find(|one| one.login == ctx.viewer);
    account
        .ok_or_else(|| anyhow!("the token's account is gone"))?
        .signing_keys
        .push(new);
    Ok(answer)
}
