//! GraphQL by hand: what came is kept even where `errors` stand beside it, and queries are cut to the schema that
//! the forge has.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, plain};
use super::client::Client;
use crate::ports::ForgeError;

/// What GitHub.com has; an Enterprise Server is asked.
const HOSTED: &str = "github.com";

/// One entry of `errors`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Fault {
    #[serde(default)]
    pub(super) message: String,
    /// GitHub's own field: `NOT_FOUND`, `FORBIDDEN`, `RATE_LIMITED`, `INSUFFICIENT_SCOPES` …
    #[serde(default, rename = "type")]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) path: Option<Vec<Value>>,
    #[serde(default)]
    extensions: Option<Value>,
}

impl Fault {
    /// Whether single sign-on hides something. Source: GitHub's GraphQL answers to tokens without SSO
    /// authorisation, `extensions.saml_failure`.
    pub(super) fn is_sso(&self) -> bool {
        let flag = self
            .extensions
            .as_ref()
            .and_then(|one| one.get("saml_failure"))
            .and_then(Value::as_bool);
        flag == Some(true) || self.message.contains("SAML enforcement")
    }

    pub(super) fn is(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
    }

    /// Whether the error is about this place of the answer or one below it.
    pub(super) fn below(&self, list: &str, index: usize) -> bool {
        let path = self.path.as_deref().unwrap_or_default();
        path.first().and_then(Value::as_str) == Some(list)
            && path.get(1).and_then(Value::as_u64) == u64::try_from(index).ok()
    }

    /// Whether the path leads through a field of this name.
    pub(super) fn through(&self, field: &str) -> bool {
        self.path
            .as_deref()
            .unwrap_or_default()
            .iter()
            .any(|step| step.as_str() == Some(field))
    }

    pub(super) fn words(&self) -> String {
        if self.message.is_empty() {
            "the forge gave no reason".into()
        } else {
            plain(&self.message)
        }
    }
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    data: Option<Value>,
    #[serde(default)]
    errors: Option<Vec<Fault>>,
}

/// Data, and the errors beside it.
pub(super) struct Reply {
    pub(super) answer: Answer,
    pub(super) data: Value,
    pub(super) faults: Vec<Fault>,
}

/// What came: data or not, and errors or not.
pub(super) struct Heard {
    pub(super) answer: Answer,
    data: Option<Value>,
    pub(super) faults: Vec<Fault>,
}

impl Heard {
    /// Without data the first error is the call's.
    pub(super) fn reply(self) -> Result<Reply, ForgeError> {
        let Self { answer, data, faults } = self;
        match data {
            Some(data) => Ok(Reply { answer, data, faults }),
            None => Err(without_data(&answer, &faults)),
        }
    }

    /// Without data: the places in a list that the errors name.
    pub(super) fn to_blame(&self, list: &str, length: usize) -> Vec<(usize, &Fault)> {
        if self.data.is_some() {
            return Vec::new();
        }
        (0..length)
            .filter_map(|n| Some((n, self.faults.iter().find(|fault| fault.below(list, n))?)))
            .collect()
    }
}

/// Posts a query.
pub(super) async fn ask(client: &Client, query: &str, variables: &Value) -> Result<Reply, ForgeError> {
    post(client, query, variables).await?.reply()
}

/// Posts a query, for callers that can do with less than data.
pub(super) async fn post(client: &Client, query: &str, variables: &Value) -> Result<Heard, ForgeError> {
    let ask = client.graphql(query, variables);
    let answer = client.call(&ask).await?;
    let raw: Raw = answer.json()?;
    let faults = raw.errors.unwrap_or_default();
    if let Some(fault) = faults
        .iter()
        .find(|fault| fault.is("RATE_LIMITED") || fault.is("RATE_LIMIT"))
    {
        tracing::debug!(message = fault.words(), "the quota for GraphQL is used up");
        return Err(ForgeError::RateLimited {
            host: answer.host.clone(),
            retry_after: answer.retry_after(),
        });
    }
    Ok(Heard {
        answer,
        data: raw.data.filter(Value::is_object),
        faults,
    })
}

fn without_data(answer: &Answer, faults: &[Fault]) -> ForgeError {
    let Some(fault) = faults.first() else {
        return answer.garbled("it holds neither data nor an error");
    };
    let host = answer.host.clone();
    let about_the_query = fault
        .extensions
        .as_ref()
        .is_some_and(|one| one.get("code").is_some());
    if fault.is("INSUFFICIENT_SCOPES") {
        ForgeError::Forbidden {
            host,
            message: fault.words(),
            sso: None,
            accepted_scopes: Vec::new(),
        }
    } else if fault.is("FORBIDDEN") || fault.is_sso() {
        let sso = answer.hidden().into_iter().find_map(|one| one.url);
        ForgeError::Forbidden {
            host,
            message: fault.words(),
            sso,
            accepted_scopes: Vec::new(),
        }
    } else if fault.is("NOT_FOUND") {
        ForgeError::NotFound { what: fault.words() }
    } else if about_the_query {
        ForgeError::Refused {
            message: format!("the forge does not understand the query: {}", fault.words()),
        }
    } else {
        answer.garbled(fault.words())
    }
}

/// What the forge's schema lacks of what the queries would like to ask.
#[derive(Debug, Default)]
pub(super) struct Schema {
    lacks: BTreeSet<String>,
}

impl Schema {
    /// Asks the forge's schema about everything that `query` marks.
    pub(super) async fn learn(client: &Client, query: &str) -> Result<Self, ForgeError> {
        if client.address().host == HOSTED {
            return Ok(Self::default());
        }
        let marks: BTreeSet<&str> = query.lines().filter_map(mark).collect();
        let types: BTreeSet<&str> = marks.iter().map(|mark| type_of(mark)).collect();
        let fields: String = types
            .iter()
            .enumerate()
            .map(|(n, name)| {
                format!("  t{n}: __type(name: \"{name}\") {{ fields(includeDeprecated: true) {{ name }} }}\n")
            })
            .collect();
        let reply = match ask(client, &format!("query Schema {{\n{fields}}}"), &json!({})).await {
            Ok(reply) => reply,
            // A forge that does not tell about its schema is asked for everything.
            Err(ForgeError::Refused { message }) => {
                tracing::warn!(message, "the forge does not describe its schema");
                return Ok(Self::default());
            }
            Err(error) => return Err(error),
        };
        let mut has: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (n, name) in types.iter().enumerate() {
            let Some(fields) = reply.data.get(format!("t{n}")).and_then(|one| one.get("fields")) else {
                continue;
            };
            let names = fields
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|one| one.get("name")?.as_str());
            has.insert(name, names.map(str::to_owned).collect());
        }
        let present = |mark: &str| {
            has.get(type_of(mark))
                .is_some_and(|fields| match mark.split_once('.') {
                    Some((_, field)) => fields.contains(field),
                    None => true,
                })
        };
        let lacks: BTreeSet<String> = marks
            .into_iter()
            .filter(|mark| !present(mark))
            .map(str::to_owned)
            .collect();
        if !lacks.is_empty() {
            tracing::info!(?lacks, "the forge's schema is an older one");
        }
        Ok(Self { lacks })
    }

    /// `query` without what the schema lacks and without the lines that need `hidden`.
    pub(super) fn fit(&self, query: &str, hidden: Option<&str>) -> String {
        let lacks = |mark: &str| self.lacks.contains(mark) || hidden == Some(mark);
        let mut fitted = String::with_capacity(query.len());
        for line in query.lines() {
            let instead = line
                .trim_start()
                .strip_prefix("#- ")
                .and_then(|rest| rest.split_once(" | "));
            let kept = match (instead, mark(line)) {
                (Some((mark, line)), _) => lacks(mark).then_some(line),
                (None, Some(mark)) => (!lacks(mark)).then_some(line),
                (None, None) => Some(line),
            };
            // Comments are for people, and the forge counts bytes.
            let text = kept.map(|line| line.split(" #").next().unwrap_or_default());
            if let Some(text) =
                text.filter(|text| !matches!(text.trim_start().chars().next(), None | Some('#')))
            {
                fitted.push_str(text.trim_end());
                fitted.push('\n');
            }
        }
        fitted
    }
}

fn mark(line: &str) -> Option<&str> {
    line.split_once("# needs ")
        .map(|(_, mark)| mark.trim())
        .filter(|mark| !mark.contains(' ') && !mark.contains('`'))
}

fn type_of(mark: &str) -> &str {
    mark.split('.').next().unwrap_or(mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_cut_to_the_schema() {
        let query = "a {\n  # needs nothing of the kind\n  new # needs T.new\n  #- T.new | new: old\n  team # needs Team\n}";
        let modern = Schema::default();
        assert_eq!(modern.fit(query, None), "a {\n  new\n  team\n}\n");
        let old = Schema {
            lacks: BTreeSet::from(["T.new".to_owned()]),
        };
        assert_eq!(old.fit(query, Some("Team")), "a {\nnew: old\n}\n");
    }

    #[test]
    fn an_error_knows_its_place() {
        let fault: Fault = serde_json::from_value(
            json!({ "type": "NOT_FOUND", "path": ["nodes", 2, "commits"], "message": "gone" }),
        )
        .unwrap();
        assert!(fault.below("nodes", 2) && !fault.below("nodes", 1) && fault.through("commits"));
        assert!(!fault.is_sso());
    }
}
