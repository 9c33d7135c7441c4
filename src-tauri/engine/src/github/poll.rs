//! Who the viewer is, and which open changes wait for them.

use std::collections::BTreeSet;

use countersign_core::change::Oid;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::GitHub;
use super::answer::plain;
use super::graphql;
use super::person::RestAccount;
use crate::ports::{ForgeError, HiddenOrganisation, Hit, Probe, Quota, Viewer};

const QUERY: &str = include_str!("queries/probe.graphql");
/// Pages of 100 per search. GitHub's search ends after 1,000 results.
const PAGES: usize = 10;

/// One of the four searches: how the query calls it, what it asks, what it is called in a message.
struct Search {
    name: &'static str,
    qualifier: &'static str,
    words: &'static str,
    mark: fn(&mut Hit),
}

const SEARCHES: [Search; 4] = [
    Search {
        name: "team",
        qualifier: "review-requested:@me",
        words: "changes that wait for your review",
        mark: |hit| hit.asked = true,
    },
    Search {
        name: "name",
        qualifier: "user-review-requested:@me",
        words: "changes that ask for you by name",
        mark: |hit| hit.by_name = true,
    },
    Search {
        name: "assigned",
        qualifier: "assignee:@me",
        words: "changes assigned to you",
        mark: |hit| hit.assigned = true,
    },
    Search {
        name: "reviewed",
        qualifier: "reviewed-by:@me",
        words: "changes that you reviewed",
        mark: |hit| hit.reviewed = true,
    },
];

impl GitHub {
    pub(super) async fn read_viewer(&self) -> Result<Viewer, ForgeError> {
        let answer = self.client.call(&self.client.get("/user", "the account")).await?;
        let scopes = answer.header("x-oauth-scopes").map(|text| {
            text.split(',')
                .map(str::trim)
                .filter(|scope| !scope.is_empty())
                .map(str::to_owned)
                .collect()
        });
        Ok(Viewer {
            person: answer.json::<RestAccount>()?.into(),
            scopes,
            token_expires_at: answer
                .header("github-authentication-token-expiration")
                .and_then(expiry),
            forge_time: answer.date(),
        })
    }

    pub(super) async fn search_all(&self) -> Result<Probe, ForgeError> {
        let mut probe = Probe {
            hits: Vec::new(),
            hidden: Vec::new(),
            cut: Vec::new(),
            quota: None,
            forge_time: None,
        };
        let mut cursors: [Option<String>; 4] = Default::default();
        let mut goes_on = [true; 4];
        let mut seen: [BTreeSet<String>; 4] = Default::default();
        let mut nameless = [0_usize; 4];
        let mut total = [0_u64; 4];
        for _ in 0..PAGES {
            let variables = variables(&cursors, goes_on);
            let reply = graphql::ask(&self.client, QUERY, &variables).await?;
            merge(&mut probe.hidden, reply.answer.hidden());
            let sso = reply.faults.iter().any(graphql::Fault::is_sso);
            if sso && probe.hidden.is_empty() {
                probe.hidden.push(HiddenOrganisation {
                    name: "an organisation".into(),
                    url: None,
                });
            }
            for fault in reply.faults.iter().filter(|fault| !fault.is_sso()) {
                push_once(
                    &mut probe.cut,
                    format!("the search was not answered whole: {}", fault.words()),
                );
            }
            probe.forge_time = reply.answer.date().or(probe.forge_time);
            probe.quota = quota(&reply.data)
                .or_else(|| reply.answer.quota())
                .or(probe.quota);
            for (n, search) in SEARCHES.iter().enumerate() {
                if !goes_on[n] {
                    continue;
                }
                let part = reply.data.get(search.name).cloned().unwrap_or(Value::Null);
                let page = match Page::deserialize(&part) {
                    Ok(page) => page,
                    // With an error beside it a missing part is explained already, and the other parts hold.
                    Err(_) if part.is_null() && !reply.faults.is_empty() => {
                        goes_on[n] = false;
                        continue;
                    }
                    Err(error) => {
                        return Err(reply.answer.garbled(format!(
                            "{}: {}",
                            search.name,
                            plain(&error.to_string())
                        )));
                    }
                };
                // A list that shifts between its pages shows one twice and leaves another out.
                for node in &page.nodes {
                    match node.get("id").and_then(Value::as_str) {
                        Some(id) => drop(seen[n].insert(id.to_owned())),
                        None => nameless[n] += 1,
                    }
                }
                total[n] = page.total;
                for node in page.nodes {
                    add(&mut probe, node, search);
                }
                goes_on[n] =
                    page.info.goes_on && page.info.cursor.is_some() && page.info.cursor != cursors[n];
                cursors[n] = page.info.cursor;
            }
            if goes_on == [false; 4] {
                break;
            }
        }
        for (n, search) in SEARCHES.iter().enumerate() {
            let seen = seen[n].len() + nameless[n];
            if (seen as u64) < total[n] {
                probe.cut.push(format!("{seen} of {} {}", total[n], search.words));
            }
        }
        Ok(probe)
    }
}

fn variables(cursors: &[Option<String>; 4], goes_on: [bool; 4]) -> Value {
    let mut variables = Map::new();
    for ((search, cursor), more) in SEARCHES.iter().zip(cursors).zip(goes_on) {
        let title = search.name[..1].to_ascii_uppercase() + &search.name[1..];
        let words = format!("is:pr is:open archived:false {}", search.qualifier);
        variables.insert(search.name.into(), json!(words));
        variables.insert(format!("after{title}"), json!(cursor));
        variables.insert(format!("more{title}"), json!(more));
    }
    Value::Object(variables)
}

/// A hit that cannot be understood is told about; the others stand.
fn add(probe: &mut Probe, node: Value, search: &Search) {
    // A null stands for what the token may not see: the errors beside it say so.
    if node.is_null() {
        return;
    }
    let found: Found = match serde_json::from_value(node) {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(%error, search = search.name, "a search result cannot be understood");
            push_once(
                &mut probe.cut,
                format!("one of the {} cannot be understood", search.words),
            );
            return;
        }
    };
    let known = probe.hits.iter_mut().find(|hit| hit.node_id == found.id);
    if let Some(hit) = known {
        (search.mark)(hit);
        return;
    }
    let mut hit = Hit {
        node_id: found.id,
        head: found.head,
        updated_at: found.updated_at,
        by_name: false,
        asked: false,
        assigned: false,
        reviewed: false,
    };
    (search.mark)(&mut hit);
    probe.hits.push(hit);
}

fn merge(all: &mut Vec<HiddenOrganisation>, more: Vec<HiddenOrganisation>) {
    for one in more {
        if !all.iter().any(|known| known.name == one.name) {
            all.push(one);
        }
    }
}

fn push_once(all: &mut Vec<String>, text: String) {
    if !all.contains(&text) {
        all.push(text);
    }
}

fn quota(data: &Value) -> Option<Quota> {
    let limit = data.get("rateLimit")?;
    Some(Quota {
        left: limit.get("remaining")?.as_u64()?,
        limit: limit.get("limit")?.as_u64()?,
        resets_at: limit.get("resetAt")?.as_str()?.parse().ok()?,
    })
}

/// `2026-12-31 23:59:59 UTC`, or with an offset in place of the name.
fn expiry(text: &str) -> Option<Timestamp> {
    let text = text.trim().replace(" UTC", " +0000");
    Timestamp::strptime("%Y-%m-%d %H:%M:%S %z", &text)
        .ok()
        .or_else(|| text.parse().ok())
}

#[derive(Deserialize)]
struct Page {
    #[serde(rename = "issueCount")]
    total: u64,
    #[serde(rename = "pageInfo")]
    info: PageInfo,
    nodes: Vec<Value>,
}

#[derive(Deserialize)]
struct PageInfo {
    #[serde(rename = "hasNextPage")]
    goes_on: bool,
    #[serde(rename = "endCursor")]
    cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    id: String,
    updated_at: Timestamp,
    #[serde(rename = "headRefOid")]
    head: Oid,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_ends_in_both_spellings() {
        assert_eq!(
            expiry("2026-12-31 23:59:59 UTC"),
            Some("2026-12-31T23:59:59Z".parse().unwrap())
        );
        assert_eq!(
            expiry("2026-12-31 23:59:59 +0200"),
            Some("2026-12-31T21:59:59Z".parse().unwrap())
        );
        assert_eq!(expiry("soon"), None);
    }
}
