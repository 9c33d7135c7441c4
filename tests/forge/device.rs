//! Signing in by a code, as GitHub has it for OAuth apps: beside the API, and described in prose only.
//! Source: "Authorizing OAuth apps" in GitHub's documentation, device flow.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::server::{Answer, Req, violated};
use super::world::{Scopes, World};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What became of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmed {
    /// Nobody has looked at it.
    Waiting,
    /// Whose token it gives.
    By(String),
    /// Somebody said no.
    Denied,
}

/// A code that was given.
#[derive(Debug, Clone)]
pub struct Flow {
    /// Of which app.
    pub client: String,
    /// What it asked for.
    pub scopes: Vec<String>,
    /// What the user types.
    pub user_code: String,
    /// What became of it.
    pub confirmed: Confirmed,
    device_code: String,
    ends_at: Timestamp,
    /// When the token was last asked for.
    asked_at: Option<Timestamp>,
    interval: u64,
}

/// The apps and the codes.
#[derive(Debug, Clone)]
pub struct Devices {
    /// Client ids of apps that may.
    pub clients: BTreeSet<String>,
    /// All codes that were given.
    pub flows: Vec<Flow>,
    /// Seconds between two questions.
    pub interval: u64,
    /// How long a code holds, in seconds.
    pub holds: i64,
    /// So many questions are answered `slow_down`, whatever their distance.
    pub slows: u32,
    /// Where the user is sent; `None`: the forge's own page.
    pub page: Option<String>,
}

impl Default for Devices {
    fn default() -> Self {
        Self {
            clients: BTreeSet::new(),
            flows: Vec::new(),
            interval: 1,
            holds: 900,
            slows: 0,
            page: None,
        }
    }
}

/// Answers a call of the flow; `None` for any other path.
pub(crate) fn serve(world: &mut World, req: &Req) -> Option<Answer> {
    let fields: &[&str] = match req.path.as_str() {
        "/login/device/code" => &["client_id", "scope"],
        "/login/oauth/access_token" => &["client_id", "device_code", "grant_type"],
        _ => return None,
    };
    let body: Value = serde_json::from_slice(&req.body).unwrap_or_default();
    let given: Vec<&str> = body
        .as_object()
        .map(|map| map.keys().map(String::as_str).collect())
        .unwrap_or_default();
    let mut wrong = Vec::new();
    if req.method != "POST" || req.header("content-type") != Some("application/json") {
        wrong.push("it is not JSON that is posted".to_owned());
    }
    if req.header("accept") != Some("application/json") {
        wrong.push("the answer would be no JSON".to_owned());
    }
    if req.header("authorization").is_some() {
        wrong.push("a token was sent beside the API".to_owned());
    }
    if given != fields {
        wrong.push(format!("the fields are {given:?}, not {fields:?}"));
    }
    if !wrong.is_empty() {
        return Some(violated(world, req, &wrong));
    }
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    if !world.devices.clients.contains(&text("client_id")) {
        return Some(Answer::json(404, &json!({ "error": "Not Found" })));
    }
    Some(if req.path == "/login/device/code" {
        code(world, text("client_id"), &text("scope"))
    } else {
        token(world, &text("device_code"), &text("grant_type"))
    })
}

fn code(world: &mut World, client: String, scope: &str) -> Answer {
    let id = world.fresh_id();
    let now = world.now();
    let devices = &mut world.devices;
    let flow = Flow {
        client,
        scopes: scope.split(' ').map(str::to_owned).collect(),
        user_code: format!("WDJB-{:04}", id % 10_000),
        confirmed: Confirmed::Waiting,
        device_code: format!("device-canary-{id:030}"),
        ends_at: now
            .saturating_add(SignedDuration::from_secs(devices.holds))
            .unwrap_or(now),
        asked_at: None,
        interval: devices.interval,
    };
    let page = devices.page.clone();
    let told = json!({
        "device_code": flow.device_code,
        "user_code": flow.user_code,
        "verification_uri": page.unwrap_or_else(|| format!("{}/login/device", world.base_url)),
        "expires_in": devices.holds,
        "interval": devices.interval,
    });
    devices.flows.push(flow);
    Answer::ok(&told)
}

fn token(world: &mut World, device_code: &str, grant: &str) -> Answer {
    let error = |error: &str| {
        json!({ "error": error, "error_description": format!("In words: {error}."),
                "error_uri": "https://docs.github.com" })
    };
    if grant != GRANT {
        return Answer::ok(&error("unsupported_grant_type"));
    }
    let now = Timestamp::now();
    let ended = world.now();
    let devices = &mut world.devices;
    let Some(flow) = devices
        .flows
        .iter_mut()
        .find(|flow| flow.device_code == device_code)
    else {
        return Answer::ok(&error("incorrect_device_code"));
    };
    if flow.ends_at <= ended {
        return Answer::ok(&error("expired_token"));
    }
    let apart = flow.asked_at.map(|at| now.duration_since(at));
    flow.asked_at = Some(now);
    let wanted = SignedDuration::from_secs(i64::try_from(flow.interval).unwrap_or(i64::MAX));
    // A network takes its own time: what was sent far enough apart may arrive a little closer.
    let too_soon = apart.is_some_and(|apart| apart < wanted - SignedDuration::from_millis(100));
    if too_soon || devices.slows > 0 {
        devices.slows = devices.slows.saturating_sub(1);
        flow.interval += 1;
        let mut told = error("slow_down");
        told["interval"] = json!(flow.interval);
        return Answer::ok(&told);
    }
    let login = match &flow.confirmed {
        Confirmed::Waiting => return Answer::ok(&error("authorization_pending")),
        Confirmed::Denied => return Answer::ok(&error("access_denied")),
        Confirmed::By(login) => login.clone(),
    };
    let scopes = flow.scopes.clone();
    // A code gives one token.
    flow.ends_at = Timestamp::MIN;
    let id = world.fresh_id();
    let secret = format!("gho_canary{id:030}");
    world.token(&secret, &login, Scopes::Classic(scopes.clone()));
    Answer::ok(&json!({ "access_token": secret, "token_type": "bearer", "scope": scopes.join(",") }))
}
