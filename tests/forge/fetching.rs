//! Repositories over smart HTTP: what `git fetch` talks to. The answers are git's own (`git http-backend`); the forge
//! asks who it is, as GitHub does: a token as the password of basic authentication.

use anyhow::{Context as _, Result};
use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::rest::visible;
use super::server::{Answer, Req, holding, violated};
use super::world::World;

/// The services below a repository's address.
const SERVICES: [&str; 3] = ["/info/refs", "/git-upload-pack", "/git-receive-pack"];

/// Answers what git asks; `None` for a path that is none of git's.
pub(crate) fn serve(world: &mut World, req: &Req) -> Option<Answer> {
    let (name, service) = SERVICES
        .iter()
        .find_map(|service| Some((req.path.strip_suffix(service)?, *service)))?;
    let name = name.trim_start_matches('/');
    let name = name.strip_suffix(".git").unwrap_or(name).to_owned();
    let wrong = misasked(req, service);
    if !wrong.is_empty() {
        return Some(violated(world, req, &wrong));
    }
    let given = req.header("authorization");
    let token = given
        .and_then(password)
        .and_then(|secret| holding(world, &secret));
    if given.is_some() && token.is_none() {
        return Some(refused(
            401,
            "Invalid username or token. Password authentication is not supported for Git operations.",
        ));
    }
    let repo = world.find(&name);
    let seen = repo.filter(|repo| match token {
        Some(token) => visible(world, token, repo),
        None => !repo.private,
    });
    let Some(repo) = seen else {
        return Some(refused(
            if token.is_some() { 404 } else { 401 },
            "Repository not found.",
        ));
    };
    if token.is_some_and(|token| world.tokens[token].sso_missing.contains(&repo.owner)) {
        return Some(refused(403, "The organization has enabled or enforced SAML SSO."));
    }
    // Nothing that is tested here pushes.
    if service == "/git-receive-pack" || req.query("service") == Some("git-receive-pack") {
        return Some(refused(403, "Write access to repository not granted."));
    }
    Some(asked(repo.git.dir(), service, req).unwrap_or_else(|error| {
        world.violations.push(format!(
            "the forge failed at {} {}: {error:#}",
            req.method, req.target
        ));
        Answer::error(500, "Server Error")
    }))
}

/// The token that git carries: the password of whatever name.
fn password(authorization: &str) -> Option<String> {
    let (scheme, given) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = BASE64_STANDARD.decode(given.trim()).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    Some(pair.split_once(':')?.1.to_owned())
}

/// What is wrong with a call. Source: gitprotocol-http(5). GitHub serves no dumb clients.
fn misasked(req: &Req, service: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let method = if service == "/info/refs" { "GET" } else { "POST" };
    if req.method != method {
        wrong.push(format!("git asks {service} with {method}"));
    }
    if service == "/info/refs" {
        if !matches!(req.query("service"), Some("git-upload-pack" | "git-receive-pack")) {
            wrong.push("the service is not named".to_owned());
        }
    } else {
        let media = format!("application/x-{}-request", &service[1..]);
        if req.header("content-type") != Some(media.as_str()) {
            wrong.push(format!("the body's media type is not {media}"));
        }
    }
    wrong
}

fn refused(status: u16, words: &str) -> Answer {
    let mut answer = Answer::bytes("text/plain", format!("{words}\n").into_bytes());
    answer.status = status;
    if status == 401 {
        answer = answer.with("www-authenticate", "Basic realm=\"GitHub\"");
    }
    answer
}

/// One call of git's CGI program. Source: git-http-backend(1), RFC 3875.
fn asked(dir: &std::path::Path, service: &str, req: &Req) -> Result<Answer> {
    let (root, name) = dir
        .parent()
        .zip(dir.file_name())
        .context("a repository lies in a folder")?;
    let mut command = super::git::isolated();
    command
        // Of any commit, as GitHub lets one.
        .args([
            "-c",
            "uploadpack.allowAnySHA1InWant=true",
            "-c",
            "uploadpack.allowFilter=true",
        ])
        .arg("http-backend")
        .current_dir(root)
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", format!("/{}{service}", name.to_string_lossy()))
        .env("REQUEST_METHOD", &req.method)
        .env(
            "QUERY_STRING",
            req.target.split_once('?').map_or("", |(_, query)| query),
        )
        .env("CONTENT_LENGTH", req.body.len().to_string());
    let passed = [
        ("content-type", "CONTENT_TYPE"),
        ("content-encoding", "HTTP_CONTENT_ENCODING"),
        ("git-protocol", "GIT_PROTOCOL"),
    ];
    for (header, variable) in passed {
        if let Some(value) = req.header(header) {
            command.env(variable, value);
        }
    }
    read(&super::git::fed(command, Some(&req.body))?)
}

/// A CGI program's answer.
fn read(out: &[u8]) -> Result<Answer> {
    let end = out
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .context("git http-backend printed no head")?;
    let head = std::str::from_utf8(&out[..end])?;
    let mut answer = Answer::bytes("text/plain", out[end + 4..].to_vec());
    for line in head.split("\r\n") {
        let (name, value) = line.split_once(": ").context("a header has a name")?;
        match name.to_ascii_lowercase().as_str() {
            "status" => answer.status = value.get(..3).unwrap_or_default().parse()?,
            "content-type" => value.clone_into(&mut answer.media),
            "content-length" => {}
            _ => answer = answer.with(name, value),
        }
    }
    Ok(answer)
}
