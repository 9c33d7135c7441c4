//! GitHub's description of its REST API as a judge: of every request that arrives and of every answer that leaves.
//!
//! Stricter than the description in two points, so that a slip on either side is seen: an object whose fields are
//! listed has no others, and a query has no parameter that is not listed. Looser in one: where the description says
//! `oneOf`, several may match, because several of its alternatives overlap.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

use super::server::Req;

/// One operation of the description.
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) method: String,
    template: Vec<String>,
    described: Value,
}

/// The description.
pub(crate) struct Description {
    pub(crate) operations: Vec<Operation>,
    open: Value,
    closed: Value,
    compiled: Mutex<HashMap<String, Arc<Validator>>>,
}

/// Media types that ask for JSON. Source: GitHub's documentation of media types.
const JSON_MEDIA: [&str; 6] = [
    "application/vnd.github+json",
    "application/vnd.github.v3+json",
    "application/json",
    "application/*",
    "*/*",
    "",
];

/// How the description words an error, where an operation does not say it otherwise.
const AN_ERROR: &str = "#/components/schemas/basic-error";

/// What the description leaves out: diffs of changes, raw contents. Source: GitHub's reference pages of these operations.
const MORE_MEDIA: [(&str, &str); 8] = [
    ("pulls/get", "application/vnd.github.diff"),
    ("pulls/get", "application/vnd.github.v3.diff"),
    ("pulls/get", "application/vnd.github.patch"),
    (
        "repos/compare-commits-with-basehead",
        "application/vnd.github.v3.diff",
    ),
    ("repos/get-commit", "application/vnd.github.v3.diff"),
    ("git/get-blob", "application/vnd.github.raw+json"),
    ("git/get-blob", "application/vnd.github.raw"),
    ("repos/get-content", "application/vnd.github.raw+json"),
];

impl Description {
    /// The description of GitHub.com's, read once a process.
    pub(crate) fn get() -> &'static Self {
        static ONCE: OnceLock<Description> = OnceLock::new();
        ONCE.get_or_init(|| Self::written(include_str!("descriptions/openapi.json")))
    }

    /// The description of the oldest Enterprise Server's, or of GitHub.com's.
    pub(crate) fn of(server: Option<&str>) -> &'static Self {
        static ONCE: OnceLock<Description> = OnceLock::new();
        match server {
            None => Self::get(),
            Some(_) => {
                ONCE.get_or_init(|| Self::written(include_str!("descriptions/ghes-3.17.openapi.json")))
            }
        }
    }

    fn written(text: &str) -> Self {
        Self::read(&serde_json::from_str(text).expect("a description is JSON: trim.mjs wrote it"))
    }

    fn read(document: &Value) -> Self {
        let mut operations = Vec::new();
        for (path, methods) in document["paths"].as_object().into_iter().flatten() {
            for (method, described) in methods.as_object().into_iter().flatten() {
                operations.push(Operation {
                    id: described["operationId"].as_str().unwrap_or_default().to_owned(),
                    method: method.to_uppercase(),
                    template: path
                        .trim_start_matches('/')
                        .split('/')
                        .map(str::to_owned)
                        .collect(),
                    described: resolve_shallow(described, document),
                });
            }
        }
        let mut open = document["components"].clone();
        json_schema(&mut open, false);
        let mut closed = document["components"].clone();
        json_schema(&mut closed, true);
        Self {
            operations,
            open,
            closed,
            compiled: Mutex::default(),
        }
    }

    /// The operation that serves a call, and its path parameters by name, percent-decoded.
    pub(crate) fn find(&self, method: &str, path: &str) -> Option<(&Operation, HashMap<String, String>)> {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let mut best: Option<(&Operation, HashMap<String, String>, usize)> = None;
        for operation in self.operations.iter().filter(|one| one.method == method) {
            let Some(parameters) = fit(&operation.template, &parts) else {
                continue;
            };
            let fixed = operation
                .template
                .iter()
                .filter(|part| !part.starts_with('{'))
                .count();
            if best.as_ref().is_none_or(|(_, _, most)| fixed > *most) {
                best = Some((operation, parameters, fixed));
            }
        }
        best.map(|(operation, parameters, _)| (operation, parameters))
    }

    fn check(&self, key: String, schema: &Value, closed: bool, value: &Value) -> Vec<String> {
        let known = self
            .compiled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned();
        let validator = match known {
            Some(validator) => validator,
            None => {
                let mut schema = schema.clone();
                json_schema(&mut schema, closed);
                let components = if closed { &self.closed } else { &self.open };
                let whole = json!({ "allOf": [schema], "components": components, "open": self.open });
                let built = jsonschema::options()
                    .with_draft(Draft::Draft4)
                    .should_validate_formats(true)
                    .should_ignore_unknown_formats(true)
                    .build(&whole);
                match built {
                    Ok(built) => {
                        let built = Arc::new(built);
                        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
                        compiled.insert(key, built.clone());
                        built
                    }
                    Err(error) => return vec![format!("the description cannot be compiled: {error}")],
                }
            }
        };
        validator
            .iter_errors(value)
            .map(|error| {
                let mut text = error.to_string();
                if text.len() > 300 {
                    text.truncate(text.floor_char_boundary(300));
                    text.push('…');
                }
                format!("at {:?}: {text}", error.instance_path().to_string())
            })
            .collect()
    }

    /// What is wrong with a request to this operation.
    pub(crate) fn judge_request(&self, operation: &Operation, req: &Req) -> Vec<String> {
        let mut wrong = Vec::new();
        let listed = operation.described["parameters"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        for (name, text) in &req.query {
            let Some(parameter) = listed
                .iter()
                .find(|one| one["in"] == "query" && one["name"] == name.as_str())
            else {
                wrong.push(format!("query parameter {name:?} is not described"));
                continue;
            };
            let schema = &parameter["schema"];
            let value = match schema["type"].as_str() {
                Some("integer") => text.parse::<i64>().map_or_else(|_| json!(text), Value::from),
                Some("boolean") => text.parse::<bool>().map_or_else(|_| json!(text), Value::from),
                _ => json!(text),
            };
            let key = format!("{} query {name}", operation.id);
            let found = self.check(key, schema, true, &value);
            wrong.extend(
                found
                    .into_iter()
                    .map(|what| format!("query parameter {name:?} {what}")),
            );
        }
        for parameter in listed
            .iter()
            .filter(|one| one["in"] == "query" && one["required"] == true)
        {
            let name = parameter["name"].as_str().unwrap_or_default();
            if !req.query.iter().any(|(given, _)| given == name) {
                wrong.push(format!("query parameter {name:?} is missing"));
            }
        }
        for media in req.header("accept").unwrap_or("").split(',') {
            let media = media.split(';').next().unwrap_or("").trim();
            if !self.offers(operation, media) {
                wrong.push(format!("media type {media:?} is not offered by {}", operation.id));
            }
        }
        if let Some(version) = req.header("x-github-api-version")
            && version != "2022-11-28"
        {
            wrong.push(format!("API version {version:?} is not known"));
        }
        self.judge_body(operation, req, &mut wrong);
        wrong
    }

    fn judge_body(&self, operation: &Operation, req: &Req, wrong: &mut Vec<String>) {
        let content = &operation.described["requestBody"]["content"]["application/json"];
        if content.is_null() {
            if !req.body.is_empty() && req.body != b"null" && req.body != b"{}" {
                wrong.push(format!("{} takes no body", operation.id));
            }
            return;
        }
        if req.body.is_empty() {
            if operation.described["requestBody"]["required"] == true {
                wrong.push("the body is missing".into());
            }
            return;
        }
        let media = req
            .header("content-type")
            .unwrap_or("")
            .split(';')
            .next()
            .unwrap_or("")
            .trim();
        if media != "application/json" {
            wrong.push(format!(
                "the body's media type is {media:?}, not application/json"
            ));
        }
        match serde_json::from_slice::<Value>(&req.body) {
            Err(error) => wrong.push(format!("the body is not JSON: {error}")),
            Ok(body) => {
                let found = self.check(format!("{} body", operation.id), &content["schema"], true, &body);
                wrong.extend(found.into_iter().map(|what| format!("body {what}")));
            }
        }
    }

    fn offers(&self, operation: &Operation, media: &str) -> bool {
        JSON_MEDIA.contains(&media)
            || MORE_MEDIA.contains(&(operation.id.as_str(), media))
            || operation.described["responses"]["200"]["content"]
                .get(media)
                .is_some()
    }

    /// What is wrong with an answer of this operation.
    pub(crate) fn judge_answer(
        &self,
        operation: &Operation,
        status: u16,
        media: &str,
        body: &[u8],
    ) -> Vec<String> {
        // Every operation that needs a token can say so, described or not; the gate in front answers these.
        if matches!(status, 304 | 401 | 403 | 404 | 405 | 406 | 429) && body.is_empty() {
            return Vec::new();
        }
        let response = &operation.described["responses"][status.to_string()];
        if response.is_null() {
            let anywhere = matches!(status, 401 | 403 | 404 | 406 | 422 | 429);
            if !anywhere {
                return vec![format!("status {status} is not described")];
            }
            return match serde_json::from_slice(body) {
                Ok(value) => self.check("an error".into(), &json!({ "$ref": AN_ERROR }), false, &value),
                Err(error) => vec![format!("the error is not JSON: {error}")],
            };
        }
        if media != "application/json" {
            let wrong = !self.offers(operation, media) && !media.starts_with("application/vnd.github");
            return if wrong {
                vec![format!("media type {media:?} is not described")]
            } else {
                Vec::new()
            };
        }
        let schema = &response["content"]["application/json"]["schema"];
        if schema.is_null() {
            return Vec::new();
        }
        let value: Value = match serde_json::from_slice(body) {
            Ok(value) => value,
            Err(error) => return vec![format!("the answer is not JSON: {error}")],
        };
        self.check(
            format!("{} answer {status}", operation.id),
            schema,
            status < 300,
            &value,
        )
    }
}

/// Path parameters where `parts` fits `template`. The last parameter may hold slashes (refs, paths, `base...head`).
fn fit(template: &[String], parts: &[&str]) -> Option<HashMap<String, String>> {
    let mut found = HashMap::new();
    let open_ended = matches!(
        template.last().map(String::as_str),
        Some("{ref}" | "{path}" | "{basehead}")
    );
    if parts.len() < template.len() || (parts.len() > template.len() && !open_ended) {
        return None;
    }
    for (at, expected) in template.iter().enumerate() {
        if let Some(name) = expected.strip_prefix('{') {
            let last = at + 1 == template.len();
            let text = if last {
                parts[at..].join("/")
            } else {
                parts[at].to_owned()
            };
            if text.is_empty() {
                return None;
            }
            found.insert(
                name.trim_end_matches('}').to_owned(),
                super::server::decoded(&text),
            );
        } else if expected != parts[at] {
            return None;
        }
    }
    Some(found)
}

/// Replaces references to parameters and responses, which are not schemas, by what they name.
fn resolve_shallow(described: &Value, document: &Value) -> Value {
    let look = |value: &Value| -> Value {
        match value["$ref"].as_str().and_then(|text| text.strip_prefix('#')) {
            Some(pointer) => document.pointer(pointer).cloned().unwrap_or(Value::Null),
            None => value.clone(),
        }
    };
    let mut out = described.clone();
    if let Some(list) = out["parameters"].as_array_mut() {
        list.iter_mut().for_each(|one| *one = look(one));
    }
    if let Some(map) = out["responses"].as_object_mut() {
        map.values_mut().for_each(|one| *one = look(one));
    }
    out
}

/// Lets a part of an `allOf` name a schema as it is when its objects are not closed.
fn open_part(part: &mut Value) {
    if let Some(Value::String(name)) = part.get_mut("$ref") {
        *name = name.replacen("#/components/", "#/open/", 1);
    }
}

/// Turns an OpenAPI 3.0 schema (or a tree of them) into JSON Schema: `nullable`, and closed objects where asked.
fn json_schema(value: &mut Value, closed: bool) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|one| json_schema(one, closed)),
        Value::Object(map) => {
            for (key, one) in map.iter_mut() {
                // Each part of a whole lists a part of its fields only.
                let parts = key == "allOf";
                json_schema(one, closed && !parts);
                if parts {
                    one.as_array_mut().into_iter().flatten().for_each(open_part);
                }
            }
            if let Some(alternatives) = map.remove("oneOf") {
                map.insert("anyOf".into(), alternatives);
            }
            let lists_fields = map.get("properties").is_some_and(Value::is_object)
                && map.get("type") == Some(&json!("object"));
            if closed && lists_fields && !map.contains_key("additionalProperties") {
                map.insert("additionalProperties".into(), Value::Bool(false));
            }
            if map.get("nullable") == Some(&Value::Bool(true)) {
                map.remove("nullable");
                let inner = Value::Object(std::mem::take(map));
                *map = Map::from_iter([("anyOf".to_owned(), json!([{ "type": "null" }, inner]))]);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
