//! `/_control/…`: what another process steers the program `test-forge` with, a person with `curl` among them. GitHub has
//! nothing like it.

use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

use super::collect;
use super::faults::{Effect, Fault};
use super::git::Edit;
use super::rest::raw_review;
use super::server::{Answer, Req};
use super::world::{NewCommit, World};

/// Answers one call. Every failure is a 400 with its words.
pub(crate) fn serve(world: &mut World, req: &Req) -> Answer {
    match run(world, req) {
        Ok(value) => Answer::ok(&value),
        Err(error) => Answer::error(400, &format!("{error:#}")),
    }
}

fn run(world: &mut World, req: &Req) -> Result<Value> {
    let body: Value = if req.body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&req.body)?
    };
    // Parameters may come in the query or in the body.
    let text = |name: &str| -> Result<String> {
        let given = req.query(name).map(str::to_owned).or_else(|| {
            let number = body[name].as_u64().map(|number| number.to_string());
            body[name].as_str().map(str::to_owned).or(number)
        });
        given.ok_or_else(|| anyhow!("the parameter {name:?} is missing"))
    };
    let number = |name: &str| -> Result<u64> { Ok(text(name)?.parse()?) };
    match (req.method.as_str(), req.path.trim_start_matches("/_control/")) {
        ("GET", "changes") => Ok(changes(world)),
        ("GET", "reviews") => {
            let (repo, number) = (text("repo")?, number("change")?);
            let change = world
                .change(&repo, number)
                .ok_or_else(|| anyhow!("{repo} has no change {number}"))?;
            Ok(change.reviews.iter().map(raw_review).collect())
        }
        ("GET", "collect") => collect::input(world, &text("repo")?, number("change")?),
        ("GET", "violations") => Ok(json!(world.violations)),
        ("GET", "calls") => {
            let calls = world.calls.iter();
            Ok(calls
                .map(|one| json!({ "method": one.method, "target": one.target, "status": one.status }))
                .collect())
        }
        ("POST", "file") => {
            let bytes = match body["base64"].as_str() {
                Some(text) => BASE64_STANDARD
                    .decode(text)
                    .map_err(|error| anyhow!("base64: {error}"))?,
                None => text("text")?.into_bytes(),
            };
            let branch = text("branch").unwrap_or_else(|_| "main".into());
            let tip = world.set_file(&text("repo")?, &branch, &text("path")?, &bytes)?;
            Ok(json!({ "tip": tip }))
        }
        ("POST", "push") => {
            let (repo, change, by) = (text("repo")?, number("change")?, text("by")?);
            let commit = NewCommit {
                message: text("message")?,
                author: by.clone(),
                committer: String::new(),
                age: jiff::SignedDuration::ZERO,
                edits: vec![Edit::write(&text("path")?, &text("text")?)],
            };
            Ok(json!({ "head": world.push(&repo, change, &by, &[commit])? }))
        }
        ("POST", "close") => {
            world.close(&text("repo")?, number("change")?, &text("by")?)?;
            Ok(Value::Null)
        }
        ("POST", "merge") => {
            Ok(json!({ "merge": world.merge(&text("repo")?, number("change")?, &text("by")?)? }))
        }
        ("POST", "faults") => {
            let list: Vec<Fault> = body
                .as_array()
                .into_iter()
                .flatten()
                .map(fault)
                .collect::<Result<_>>()?;
            let added = list.len();
            world.faults.extend(list);
            Ok(json!({ "added": added }))
        }
        ("DELETE", "faults") => {
            world.faults.clear();
            Ok(Value::Null)
        }
        (method, path) => bail!("no control {method} {path}"),
    }
}

fn changes(world: &World) -> Value {
    let each = world.repos.iter().flat_map(|repo| {
        repo.changes.values().map(|change| {
            json!({
                "repo": repo.full_name(), "number": change.number, "node_id": change.node_id(), "title": change.title,
                "author": change.author, "head": change.head(), "target": change.base,
                "target_tip": repo.target_tip(change), "merge_base": repo.merge_base(change), "git_dir": repo.git.dir(),
            })
        })
    });
    each.collect()
}

/// `{"method": "POST", "path": "*/reviews", "skip": 0, "count": 1, "effect": "reset_after"}`, and what the effect needs.
fn fault(value: &Value) -> Result<Fault> {
    let count = |name: &str, default: u64| value[name].as_u64().unwrap_or(default);
    let effect = match value["effect"].as_str().unwrap_or("") {
        "status" => Effect::trouble(u16::try_from(count("status", 502))?),
        "secondary_limit" => Effect::secondary_limit(
            u16::try_from(count("status", 403))?,
            value["retry_after"].as_u64(),
        ),
        "reset_before" => Effect::ResetBefore,
        "reset_after" => Effect::ResetAfter,
        "cut_body" => Effect::CutBody(usize::try_from(count("bytes", 40))?),
        "slow" => Effect::Slow(Duration::from_millis(count("millis", 500))),
        "html" => Effect::Html,
        "wrong_json" => Effect::WrongJson,
        "extra_fields" => Effect::ExtraFields,
        other => bail!("no effect is called {other:?}"),
    };
    Ok(Fault {
        method: value["method"].as_str().unwrap_or("*").to_owned(),
        path: value["path"].as_str().unwrap_or("*").to_owned(),
        skip: u32::try_from(count("skip", 0))?,
        count: u32::try_from(count("count", 1))?,
        effect,
    })
}
