//! The way of one call through the forge: faults, the gate, a handler, the description's judgement, the headers.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::faults::{self, Taken};
use super::openapi::Description;
use super::world::{Call, Kind, QUOTA, Scopes, World};
use super::{control, device, fetching, graphql, rest};

/// A call as it arrived.
pub(crate) struct Req {
    pub(crate) method: String,
    /// Still percent-encoded.
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) target: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Req {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) media: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(status: u16, value: &Value) -> Self {
        let body = serde_json::to_vec(value).unwrap_or_default();
        Self {
            status,
            media: "application/json".into(),
            headers: Vec::new(),
            body,
        }
    }

    pub(crate) fn ok(value: &Value) -> Self {
        Self::json(200, value)
    }

    pub(crate) fn bytes(media: &str, body: Vec<u8>) -> Self {
        Self {
            status: 200,
            media: media.to_owned(),
            headers: Vec::new(),
            body,
        }
    }

    /// An error as GitHub words it.
    pub(crate) fn error(status: u16, message: &str) -> Self {
        let documentation = "https://docs.github.com/rest";
        Self::json(
            status,
            &json!({ "message": message, "documentation_url": documentation, "status": status.to_string() }),
        )
    }

    /// 422 with GitHub's plain strings.
    pub(crate) fn refused(errors: &[&str]) -> Self {
        Self::json(
            422,
            &json!({
                "message": "Unprocessable Entity",
                "errors": errors,
                "documentation_url": "https://docs.github.com/rest",
                "status": "422",
            }),
        )
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// What the connection is told to do with the answer.
pub(crate) struct Outcome {
    pub(crate) answer: Answer,
    /// Break the connection: `Some(0)` without an answer, `Some(n)` after n bytes of the body.
    pub(crate) cut_after: Option<usize>,
    pub(crate) slow: Option<Duration>,
    /// Send the answer a few bytes at a time.
    pub(crate) drip: Option<Duration>,
    /// Send the answer twice.
    pub(crate) doubled: bool,
}

impl Outcome {
    fn of(answer: Answer) -> Self {
        Self {
            answer,
            cut_after: None,
            slow: None,
            drip: None,
            doubled: false,
        }
    }
}

/// Percent-decoding of one part of a path or query.
pub(crate) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The pairs of a query string.
pub(crate) fn pairs(query: &str) -> Vec<(String, String)> {
    let plus = |text: &str| decoded(&text.replace('+', " "));
    let pair = |part: &str| match part.split_once('=') {
        Some((key, value)) => (plus(key), plus(value)),
        None => (plus(part), String::new()),
    };
    query
        .split('&')
        .filter(|part| !part.is_empty())
        .map(pair)
        .collect()
}

/// Handles one call.
pub(crate) fn handle(world: &mut World, req: &Req) -> Outcome {
    if req.path.starts_with("/_control/") {
        return Outcome::of(control::serve(world, req));
    }
    let taken = faults::take(world, &req.method, &req.path);
    let mut outcome = if taken.iter().any(|one| matches!(one, Taken::ResetBefore)) {
        Outcome {
            cut_after: Some(0),
            ..Outcome::of(Answer::error(500, "the connection breaks"))
        }
    } else if let Some(Taken::Status {
        status,
        headers,
        body,
    }) = taken.iter().find(|one| matches!(one, Taken::Status { .. }))
    {
        let mut answer = Answer::bytes("application/json", body.clone().into_bytes());
        answer.status = *status;
        answer.headers.clone_from(headers);
        Outcome::of(answer)
    } else if taken.iter().any(|one| matches!(one, Taken::Html)) {
        let page = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in to the network</body></html>";
        Outcome::of(Answer::bytes("text/html", page.into()))
    } else {
        if taken.iter().any(|one| matches!(one, Taken::Twice)) {
            served(world, req);
        }
        Outcome::of(served(world, req))
    };
    for one in &taken {
        match one {
            Taken::ResetAfter => outcome.cut_after = Some(0),
            Taken::CutBody(bytes) => outcome.cut_after = Some((*bytes).max(1)),
            Taken::Slow(delay) => outcome.slow = Some(*delay),
            Taken::WrongJson => outcome.answer.body = br#"{"unexpected":["shape",1,null]}"#.to_vec(),
            Taken::ExtraFields => add_fields(&mut outcome.answer.body),
            Taken::Despite(status) => {
                outcome.answer = Answer::json(*status, &json!({ "message": "Server Error" }));
            }
            Taken::Lie(tale) => tale(&mut outcome.answer.body),
            Taken::Drip(pause) => outcome.drip = Some(*pause),
            Taken::Doubled => outcome.doubled = true,
            Taken::Date(off) => {
                let date = world.now().saturating_add(*off).unwrap_or(world.now());
                outcome.answer.headers.push(("date".into(), http_date(date)));
            }
            Taken::Status { .. } | Taken::ResetBefore | Taken::Html | Taken::Twice | Taken::After(_) => {}
        }
    }
    faults::afterwards(world, &taken);
    let answer = &mut outcome.answer;
    if let Some(version) = world.server {
        let header = ("x-github-enterprise-version".to_owned(), version.to_owned());
        answer.headers.push(header);
    }
    let id = world.fresh_id();
    answer
        .headers
        .push(("x-github-request-id".into(), format!("F0F0:{id:X}:{id:X}")));
    let date = http_date(world.now());
    if !answer.headers.iter().any(|(name, _)| name == "date") {
        answer.headers.push(("date".into(), date));
    }
    let status = if outcome.cut_after == Some(0) {
        0
    } else {
        answer.status
    };
    world.calls.push(Call {
        method: req.method.clone(),
        target: req.target.clone(),
        operation: operation(&req.body),
        status,
    });
    outcome
}

/// What a GraphQL query calls itself.
fn operation(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let mut lines = body["query"].as_str()?.lines();
    let named = lines.find_map(|line| line.trim_start().strip_prefix("query "))?;
    Some(named.chars().take_while(char::is_ascii_alphanumeric).collect())
}

fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Fields that no description knows, at every level.
fn add_fields(body: &mut Vec<u8>) {
    fn visit(value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.values_mut().for_each(visit);
                map.insert("field_of_tomorrow".into(), json!({ "since": 2031 }));
            }
            Value::Array(list) => list.iter_mut().for_each(visit),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    if let Ok(mut value) = serde_json::from_slice::<Value>(body) {
        visit(&mut value);
        *body = serde_json::to_vec(&value).unwrap_or_default();
    }
}

fn served(world: &mut World, req: &Req) -> Answer {
    if req.header("user-agent").is_none_or(str::is_empty) {
        return violated(world, req, &["the request has no User-Agent".to_owned()]);
    }
    if let Some(answer) = fetching::serve(world, req) {
        return answer;
    }
    if let Some(answer) = device::serve(world, req) {
        return answer;
    }
    let Some(token) = signed_in(world, req) else {
        if req.path == "/api/v3/meta" && req.header("authorization").is_none() {
            return for_anybody(world, req);
        }
        return Answer::error(401, "Bad credentials");
    };
    let mut answer = if req.path == "/api/graphql" {
        graphql::serve(world, token, req)
    } else if let Some(path) = req.path.strip_prefix("/api/v3/") {
        rest_call(world, token, req, path)
    } else {
        violated(
            world,
            req,
            &["the forge serves /api/v3/ and /api/graphql".to_owned()],
        )
    };
    let token = &world.tokens[token];
    if let Scopes::Classic(scopes) = &token.scopes {
        answer.headers.push(("x-oauth-scopes".into(), scopes.join(", ")));
        answer
            .headers
            .push(("x-accepted-oauth-scopes".into(), String::new()));
    }
    if let Some(at) = token.expires_at {
        let text = at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
        answer
            .headers
            .push(("github-authentication-token-expiration".into(), text));
    }
    answer
        .headers
        .push(("x-github-media-type".into(), "github.v3; format=json".into()));
    answer
}

/// The one operation that takes no token.
fn for_anybody(world: &mut World, req: &Req) -> Answer {
    let description = Description::of(world.server);
    let Some((operation, _)) = description.find("GET", "meta") else {
        return violated(world, req, &["no operation that the forge serves".to_owned()]);
    };
    let wrong = description.judge_request(operation, req);
    if !wrong.is_empty() {
        return violated(world, req, &wrong);
    }
    let answer = rest::meta(world);
    let wrong = description.judge_answer(operation, answer.status, &answer.media, &answer.body);
    world.violations.extend(wrong);
    answer
}

/// Records what the call broke and refuses it.
pub(crate) fn violated(world: &mut World, req: &Req, what: &[String]) -> Answer {
    for one in what {
        world
            .violations
            .push(format!("request {} {}: {one}", req.method, req.target));
    }
    Answer::error(400, &what.join("; "))
}

/// The token that the call carries, by its place in the list; `None` for none, an unknown and an expired one.
fn signed_in(world: &World, req: &Req) -> Option<usize> {
    let value = req.header("authorization")?;
    let (scheme, secret) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") && !scheme.eq_ignore_ascii_case("token") {
        return None;
    }
    holding(world, secret.trim())
}

/// The token with that secret, by its place in the list, unless it has expired.
pub(crate) fn holding(world: &World, secret: &str) -> Option<usize> {
    let now = world.now();
    let live = |token: &super::world::Token| token.expires_at.is_none_or(|at| at > now);
    world
        .tokens
        .iter()
        .position(|token| token.secret == secret && live(token))
}

/// When the hourly quotas are full again: at the next full hour.
pub(crate) fn resets_at(world: &World) -> i64 {
    (world.now().as_second() / 3600 + 1) * 3600
}

fn rest_call(world: &mut World, token: usize, req: &Req, path: &str) -> Answer {
    let description = Description::of(world.server);
    let path = rest::by_name(world, path);
    let Some((operation, parameters)) = description.find(&req.method, &path) else {
        return violated(world, req, &["no operation that the forge serves".to_owned()]);
    };
    let wrong = description.judge_request(operation, req);
    if !wrong.is_empty() {
        return violated(world, req, &wrong);
    }
    let free = operation.id == "rate-limit/get";
    if !free && world.tokens[token].core_used >= QUOTA {
        let id = world
            .account(&world.tokens[token].login)
            .map_or(0, |account| account.id);
        return quota(
            world,
            token,
            Answer::error(403, &format!("API rate limit exceeded for user ID {id}.")),
        );
    }
    let viewer = world.tokens[token].login.clone();
    let ctx = rest::Ctx {
        token,
        viewer: &viewer,
        parameters: &parameters,
        req,
    };
    if let Some(answer) = rest::moved(world, &ctx) {
        return quota(world, token, answer);
    }
    let mut answer = rest::serve(world, &ctx, &operation.id);
    let wrong = description.judge_answer(operation, answer.status, &answer.media, &answer.body);
    for one in wrong {
        world.violations.push(format!(
            "answer to {} {} ({}): {one}",
            req.method, req.target, answer.status
        ));
    }
    if req.method == "GET" && answer.status == 200 && !free {
        let etag = format!("W/\"{}\"", hex(&Sha256::digest(&answer.body)));
        let same = req
            .header("if-none-match")
            .is_some_and(|sent| sent.split(',').any(|one| one.trim() == etag));
        answer.headers.push(("etag".into(), etag));
        if same {
            answer.status = 304;
            answer.body.clear();
        }
    }
    if !free && answer.status != 304 {
        world.tokens[token].core_used += 1;
    }
    quota(world, token, answer)
}

fn quota(world: &World, token: usize, answer: Answer) -> Answer {
    let used = world.tokens[token].core_used;
    answer
        .with("x-ratelimit-limit", QUOTA.to_string())
        .with("x-ratelimit-remaining", QUOTA.saturating_sub(used).to_string())
        .with("x-ratelimit-used", used.to_string())
        .with("x-ratelimit-reset", resets_at(world).to_string())
        .with("x-ratelimit-resource", "core")
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What REST calls an account's kind.
pub(crate) fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::User => "User",
        Kind::Bot => "Bot",
        Kind::Organization => "Organization",
    }
}
