//! REST's operations, one function each, by the id that GitHub's description gives them.

mod account;
mod changes;
mod objects;
mod reviews;
mod writing;

pub(crate) use account::meta;
pub(crate) use reviews::raw as raw_review;

use std::borrow::Cow;
use std::collections::HashMap;

use anyhow::Result;
use serde_json::{Value, json};

use super::server::{Answer, Req};
use super::world::{Repo, Scopes, World};

/// A call that the description has let through.
pub(crate) struct Ctx<'a> {
    pub(crate) token: usize,
    pub(crate) viewer: &'a str,
    pub(crate) parameters: &'a HashMap<String, String>,
    pub(crate) req: &'a Req,
}

impl Ctx<'_> {
    fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    fn number(&self, name: &str) -> u64 {
        self.parameter(name).parse().unwrap_or(0)
    }

    fn repo_name(&self) -> String {
        format!("{}/{}", self.parameter("owner"), self.parameter("repo"))
    }

    fn body(&self) -> Value {
        serde_json::from_slice(&self.req.body).unwrap_or(Value::Null)
    }

    /// The first media type asked for that is not plain JSON.
    fn media(&self) -> &str {
        self.req
            .header("accept")
            .unwrap_or("")
            .split(',')
            .next()
            .unwrap_or("")
            .split(';')
            .next()
            .unwrap_or("")
            .trim()
    }
}

pub(super) type Handled = Result<Answer>;

/// Runs an operation.
pub(crate) fn serve(world: &mut World, ctx: &Ctx<'_>, operation: &str) -> Answer {
    let handled = match gate(world, ctx) {
        Some(refusal) => Ok(refusal),
        None => route(world, ctx, operation),
    };
    handled.unwrap_or_else(|error| {
        world.violations.push(format!(
            "the forge failed at {} {}: {error:#}",
            ctx.req.method, ctx.req.target
        ));
        Answer::error(500, "Server Error")
    })
}

/// `repositories/ID/…` is another way to say `repos/OWNER/NAME/…`, and where a redirect leads.
pub(crate) fn by_name<'a>(world: &World, path: &'a str) -> Cow<'a, str> {
    let named = || {
        let named = path.strip_prefix("repositories/")?;
        let end = named.find('/').unwrap_or(named.len());
        let id: u64 = named.get(..end)?.parse().ok()?;
        let repo = world.repos.iter().find(|repo| repo.id == id)?;
        Some(format!("repos/{}{}", repo.full_name(), named.get(end..)?))
    };
    named().map_or(Cow::Borrowed(path), Cow::Owned)
}

/// The answer about a repository under a name that it no longer has. Source: "Best practices for using the REST API",
/// redirects: for good where it is read, and for this once where it is written, so that the method stays.
pub(crate) fn moved(world: &World, ctx: &Ctx<'_>) -> Option<Answer> {
    let repo = world
        .formerly(&ctx.repo_name())
        .filter(|repo| visible(world, ctx.token, repo))?;
    let old = format!("/repos/{}/{}", ctx.parameter("owner"), ctx.parameter("repo"));
    let to = ctx
        .req
        .target
        .replacen(&old, &format!("/repositories/{}", repo.id), 1);
    let to = format!("{}{to}", world.base_url);
    let (status, words) = if ctx.req.method == "GET" {
        (301, "Moved Permanently")
    } else {
        (307, "Temporary Redirect")
    };
    let body = json!({ "message": words, "url": to, "documentation_url": "https://docs.github.com/rest" });
    Some(Answer::json(status, &body).with("location", to))
}

fn route(world: &mut World, ctx: &Ctx<'_>, operation: &str) -> Handled {
    match operation {
        "meta/get" => Ok(account::meta(world)),
        "users/get-authenticated" => account::user(world, ctx),
        "rate-limit/get" => account::rate_limit(world, ctx),
        "activity/list-notifications-for-authenticated-user" => account::notifications(world, ctx),
        "users/list-ssh-signing-keys-for-user" => {
            account::signing_keys(world, ctx, ctx.parameter("username"))
        }
        "users/list-ssh-signing-keys-for-authenticated-user" => account::signing_keys(world, ctx, ctx.viewer),
        "users/create-ssh-signing-key-for-authenticated-user" => account::add_signing_key(world, ctx),
        "repos/get" => changes::repository(world, ctx),
        "pulls/list" => changes::list(world, ctx),
        "pulls/create" => writing::open(world, ctx),
        "pulls/get" => changes::get(world, ctx),
        "pulls/list-commits" => changes::commits(world, ctx),
        "pulls/list-files" => changes::files(world, ctx),
        "issues/list-events-for-timeline" => changes::timeline(world, ctx),
        "repos/list-activities" => changes::activity(world, ctx),
        "repos/get-branch-rules" => changes::rules(world, ctx),
        "repos/get-branch-protection" => changes::protection(world, ctx),
        "pulls/list-reviews" => reviews::list(world, ctx),
        "pulls/create-review" => reviews::create(world, ctx),
        "pulls/get-review" => reviews::get(world, ctx),
        "pulls/update-review" => reviews::update(world, ctx),
        "pulls/delete-pending-review" => reviews::delete(world, ctx),
        "pulls/submit-review" => reviews::submit(world, ctx),
        "pulls/dismiss-review" => reviews::dismiss(world, ctx),
        "repos/compare-commits-with-basehead" => objects::compare(world, ctx),
        "repos/list-commits" => objects::commits(world, ctx),
        "repos/get-commit" => objects::commit(world, ctx),
        "repos/list-commit-statuses-for-ref" => objects::statuses(world, ctx),
        "repos/create-commit-status" => objects::set_status(world, ctx),
        "checks/list-for-ref" => objects::check_runs(world, ctx),
        "git/get-tree" => objects::tree(world, ctx),
        "git/get-blob" => objects::blob(world, ctx),
        "git/get-commit" => objects::git_commit(world, ctx),
        "git/get-ref" => objects::reference(world, ctx),
        "git/list-matching-refs" => objects::matching_references(world, ctx),
        "git/create-ref" => writing::create_reference(world, ctx),
        "repos/create-or-update-file-contents" => writing::put_content(world, ctx),
        "repos/get-content" => objects::content(world, ctx),
        other => anyhow::bail!("{other} is described but has no function here"),
    }
}

/// Answers in a repository's stead where the token may not see or not write it.
fn gate(world: &World, ctx: &Ctx<'_>) -> Option<Answer> {
    if !ctx.parameters.contains_key("repo") {
        return None;
    }
    let token = &world.tokens[ctx.token];
    let missing = || Some(Answer::error(404, "Not Found"));
    let Some(repo) = world.find(&ctx.repo_name()) else {
        return missing();
    };
    if token.sso_missing.contains(&repo.owner) {
        let url = format!(
            "{}/orgs/{}/sso?authorization_request=A1",
            world.base_url, repo.owner
        );
        let words = "Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this organization.";
        return Some(Answer::error(403, words).with("x-github-sso", format!("required; url={url}")));
    }
    if !visible(world, ctx.token, repo) {
        return missing();
    }
    if ctx.req.method != "GET" {
        match &token.scopes {
            Scopes::Classic(scopes) => {
                let has = |name: &str| scopes.iter().any(|scope| scope == name);
                if !has("repo") && (repo.private || !has("public_repo")) {
                    return missing();
                }
            }
            Scopes::FineGrained { write, .. } => {
                if !write {
                    return Some(Answer::error(
                        403,
                        "Resource not accessible by personal access token",
                    ));
                }
            }
        }
    }
    None
}

/// Whether a token sees a repository, single sign-on left aside.
pub(crate) fn visible(world: &World, token: usize, repo: &Repo) -> bool {
    let token = &world.tokens[token];
    let scoped = match &token.scopes {
        Scopes::Classic(scopes) => !repo.private || scopes.iter().any(|scope| scope == "repo"),
        Scopes::FineGrained { owner, .. } => !repo.private || *owner == repo.owner,
    };
    scoped && (!repo.private || repo.access.contains_key(&token.login) || repo.owner == token.login)
}

/// One page of a list, with the `Link` header that leads to the others.
pub(super) fn page(world: &World, ctx: &Ctx<'_>, list: Vec<Value>) -> Answer {
    let per_page = ctx
        .req
        .query("per_page")
        .and_then(|text| text.parse().ok())
        .unwrap_or(30_usize)
        .clamp(1, 100);
    let number = ctx
        .req
        .query("page")
        .and_then(|text| text.parse().ok())
        .unwrap_or(1_usize)
        .max(1);
    let last = list.len().div_ceil(per_page).max(1);
    let shown: Vec<Value> = list
        .into_iter()
        .skip((number - 1) * per_page)
        .take(per_page)
        .collect();
    let mut answer = Answer::ok(&Value::Array(shown));
    let path = ctx.req.path.as_str();
    let others: Vec<String> = ctx
        .req
        .target
        .split_once('?')
        .map_or("", |(_, query)| query)
        .split('&')
        .filter(|part| !part.is_empty() && !part.starts_with("page="))
        .map(str::to_owned)
        .collect();
    let address = |page: usize| {
        let mut parts = others.clone();
        parts.push(format!("page={page}"));
        format!("<{}{path}?{}>", world.base_url, parts.join("&"))
    };
    let mut links = Vec::new();
    if number < last {
        links.push(format!("{}; rel=\"next\"", address(number + 1)));
        links.push(format!("{}; rel=\"last\"", address(last)));
    }
    if number > 1 {
        links.push(format!("{}; rel=\"prev\"", address(number - 1)));
        links.push(format!("{}; rel=\"first\"", address(1)));
    }
    if !links.is_empty() {
        answer = answer.with("link", links.join(", "));
    }
    answer
}
