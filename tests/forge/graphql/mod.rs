//! GraphQL: a query is parsed and validated against GitHub's own schema, then executed over what the forge holds.
//! The execution engine checks each value against the schema, so that the forge cannot answer what GitHub could not.

mod change;
mod cost;
mod graph;
mod node;
mod search;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use apollo_compiler::request::coerce_variable_values;
use apollo_compiler::resolvers::Execution;
use apollo_compiler::response::JsonMap;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use serde_json::{Value, json};

use super::server::{Answer, Req, resets_at, violated};
use super::world::{QUOTA, Scopes, World};
use graph::Seen;

/// Around an error's type and its words, on the way through the engine, which knows messages only.
pub(super) const TYPED: char = '\u{1f}';

/// GitHub's schema, or the oldest Enterprise Server's, without the types that the forge is told to lack; each form is
/// read once a process.
pub(crate) fn schema(world: &World) -> Arc<Valid<Schema>> {
    type Known = Vec<((bool, Vec<String>), Arc<Valid<Schema>>)>;
    static KNOWN: OnceLock<Mutex<Known>> = OnceLock::new();
    let lacks: Vec<String> = world.lacks.iter().cloned().collect();
    let mut known = KNOWN
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let key = (world.server.is_some(), lacks);
    if let Some((_, schema)) = known.iter().find(|(one, _)| *one == key) {
        return schema.clone();
    }
    let text = match world.server {
        None => include_str!("../descriptions/schema.graphql"),
        Some(_) => include_str!("../descriptions/ghes-3.17.schema.graphql"),
    };
    let lacks = &key.1;
    let mut schema = Schema::parse(text, "schema.graphql").expect("schema.graphql parses: trim.mjs wrote it");
    for name in lacks {
        schema.types.shift_remove(name.as_str());
    }
    if !lacks.is_empty() {
        without(&mut schema, lacks);
    }
    // Validating GitHub's own schema anew in each process would take longer than most tests.
    let schema = Arc::new(Valid::assume_valid(schema));
    known.push((key, schema.clone()));
    schema
}

/// Removes what speaks of types that are gone: members of unions, and fields.
fn without(schema: &mut Schema, gone: &[String]) {
    use apollo_compiler::schema::ExtendedType;
    let lost = |name: &str| gone.iter().any(|one| one == name);
    for kind in schema.types.values_mut() {
        match kind {
            ExtendedType::Union(union) => union
                .make_mut()
                .members
                .retain(|member| !lost(member.name.as_str())),
            ExtendedType::Object(object) => {
                object
                    .make_mut()
                    .fields
                    .retain(|_, field| !lost(field.ty.inner_named_type().as_str()));
            }
            ExtendedType::Interface(interface) => {
                interface
                    .make_mut()
                    .fields
                    .retain(|_, field| !lost(field.ty.inner_named_type().as_str()));
            }
            ExtendedType::Scalar(_) | ExtendedType::Enum(_) | ExtendedType::InputObject(_) => {}
        }
    }
}

/// Answers one call.
pub(crate) fn serve(world: &mut World, token: usize, req: &Req) -> Answer {
    if req.method != "POST" {
        return violated(world, req, &["GraphQL takes POST".to_owned()]);
    }
    let parsed: Value = match serde_json::from_slice(&req.body) {
        Ok(parsed) => parsed,
        Err(error) => return violated(world, req, &[format!("the body is not JSON: {error}")]),
    };
    let known = ["query", "variables", "operationName"];
    let odd: Vec<String> = match parsed.as_object() {
        Some(map) => map
            .keys()
            .filter(|key| !known.contains(&key.as_str()))
            .map(|key| format!("body field {key:?}"))
            .collect(),
        None => vec!["the body is no object".to_owned()],
    };
    if !odd.is_empty() {
        return violated(world, req, &odd);
    }
    let query = parsed["query"].as_str().unwrap_or("");
    let mut answer = run(
        world,
        token,
        req,
        query,
        &parsed["variables"],
        parsed["operationName"].as_str(),
    );
    let used = world.tokens[token].points_used;
    let headers = [
        ("x-ratelimit-limit", QUOTA.to_string()),
        ("x-ratelimit-remaining", QUOTA.saturating_sub(used).to_string()),
        ("x-ratelimit-used", used.to_string()),
        ("x-ratelimit-reset", resets_at(world).to_string()),
        ("x-ratelimit-resource", "graphql".to_owned()),
    ];
    answer
        .headers
        .extend(headers.map(|(name, value)| (name.to_owned(), value)));
    let hidden: Vec<String> = world.tokens[token]
        .sso_missing
        .iter()
        .filter_map(|login| world.account(login))
        .map(|account| account.id.to_string())
        .collect();
    if !hidden.is_empty() {
        answer = answer.with(
            "x-github-sso",
            format!("partial-results; organizations={}", hidden.join(",")),
        );
    }
    answer
}

fn refused(errors: Vec<Value>) -> Answer {
    Answer::ok(&json!({ "errors": errors }))
}

/// A call that cannot be executed: the answer, and what the caller did wrong, if that is not for the forge to expect.
type Refusal = (Answer, Option<String>);

/// Runs a query. An invalid one is the caller's violation, except against a schema that the forge was told to cut.
fn run(
    world: &mut World,
    token: usize,
    req: &Req,
    query: &str,
    variables: &Value,
    name: Option<&str>,
) -> Answer {
    let schema = schema(world);
    let ready = match read(&schema, query, variables, name) {
        Ok(ready) => ready,
        Err((answer, wrong)) => {
            if let Some(wrong) = wrong.filter(|_| world.lacks.is_empty()) {
                let target = &req.target;
                world.violations.push(format!("request POST {target}: {wrong}"));
            }
            return answer;
        }
    };
    if world.tokens[token].points_used + ready.price.points > QUOTA {
        let id = world
            .account(&world.tokens[token].login)
            .map_or(0, |account| account.id);
        let message = format!("API rate limit already exceeded for user ID {id}.");
        return refused(vec![
            json!({ "type": "RATE_LIMIT", "code": "graphql_rate_limit", "message": message }),
        ]);
    }
    world.tokens[token].points_used += ready.price.points;
    let seen = Seen {
        world,
        token,
        price: ready.price,
        viewer: &world.tokens[token].login,
    };
    let executed = Execution::new(&schema, &ready.document)
        .enable_schema_introspection(true)
        .coerced_variable_values(&ready.variables)
        .operation_name(name)
        .and_then(|execution| execution.execute_sync(&graph::root(seen)));
    let response = match executed {
        Ok(response) => response,
        Err(error) => return refused(vec![json!(error.to_graphql_error(&ready.document.sources))]),
    };
    let errors: Vec<Value> = response.errors.iter().map(|error| typed(json!(error))).collect();
    for error in errors.iter().filter(|error| error.get("type").is_none()) {
        world.violations.push(format!(
            "answer to POST {}: {} at {}",
            req.target, error["message"], error["path"]
        ));
    }
    let mut value = json!({ "data": response.data });
    if !errors.is_empty() {
        value["errors"] = json!(errors);
    }
    Answer::ok(&value)
}

/// A query that is valid, with its variables and its price.
struct Ready {
    document: Valid<ExecutableDocument>,
    variables: Valid<JsonMap>,
    price: cost::Price,
}

fn read(
    schema: &Valid<Schema>,
    query: &str,
    variables: &Value,
    name: Option<&str>,
) -> Result<Ready, Refusal> {
    let document =
        ExecutableDocument::parse_and_validate(schema, query, "query.graphql").map_err(|failed| {
            let errors = failed.errors.iter().map(|one| {
                let mut value = json!(one.to_json());
                value["extensions"] = json!({ "code": "invalidQuery" });
                value
            });
            let errors: Vec<Value> = errors.collect();
            let words: Vec<&str> = errors.iter().filter_map(|one| one["message"].as_str()).collect();
            let words = format!("the query is invalid: {}", words.join("; "));
            (refused(errors), Some(words))
        })?;
    let wrong = |error: Value| {
        let words = error["message"].as_str().unwrap_or_default().to_owned();
        (refused(vec![error]), Some(words))
    };
    let given = given(variables).ok_or_else(|| wrong(json!({ "message": "Variables are no object" })))?;
    let of_query = |error: apollo_compiler::request::RequestError| {
        wrong(json!(error.to_graphql_error(&document.sources)))
    };
    let operation = document.operations.get(name).map_err(of_query)?;
    let declared = |name: &str| operation.variables.iter().any(|one| one.name.as_str() == name);
    if let Some(odd) = given.keys().find(|name| !declared(name.as_str())) {
        let message = format!("Variable ${} is not declared by the query", odd.as_str());
        return Err(wrong(json!({ "message": message })));
    }
    let variables = coerce_variable_values(schema, operation, &given).map_err(of_query)?;
    let price = cost::price(&document, operation, &json!(*variables)).map_err(wrong)?;
    Ok(Ready {
        document,
        variables,
        price,
    })
}

fn given(value: &Value) -> Option<JsonMap> {
    match value {
        Value::Null => Some(JsonMap::new()),
        Value::Object(_) => apollo_compiler::response::JsonValue::from(value.clone())
            .as_object()
            .cloned(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
    }
}

/// Takes the error's type out of its message, as GitHub writes it beside the message.
fn typed(mut error: Value) -> Value {
    let message = error["message"].as_str().unwrap_or("").to_owned();
    if let [_, kind, words, ..] = message.split(TYPED).collect::<Vec<_>>()[..] {
        error["message"] = json!(words);
        error["type"] = json!(kind);
        if kind == "FORBIDDEN" {
            error["extensions"] = json!({ "saml_failure": true });
        }
    }
    error
}

/// Whether a token's scopes let GraphQL show team memberships. Source: GitHub's documentation of scopes.
pub(super) fn reads_teams(scopes: &Scopes) -> bool {
    match scopes {
        Scopes::Classic(scopes) => scopes
            .iter()
            .any(|one| matches!(one.as_str(), "read:org" | "write:org" | "admin:org" | "repo")),
        Scopes::FineGrained { .. } => true,
    }
}
