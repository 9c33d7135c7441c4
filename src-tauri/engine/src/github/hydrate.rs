//! Changes by node id. Each is read on its own, so that one that cannot be understood hides no other.

use std::sync::atomic::Ordering;

use countersign_core::change::{
    Asked, Change, ChangeId, ChangeState, Check, Head, Person, Requested, Review, Target,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::plain;
use super::graphql::{self, Fault, Heard};
use super::nodes::{CommitNode, Label, List, Node, Reviewer, operators, status};
use super::person::GraphUser;
use super::{GitHub, repo_of};
use crate::ports::{ForgeError, Hydrated};

pub(super) const QUERY: &str = include_str!("queries/hydrate.graphql");
/// GitHub's limit on `nodes(ids:)` is 100; with the lists below each, 50 stay within its limit on nodes.
const AT_ONCE: usize = 50;
/// What a token without `read:org` may not ask for: the scope is missing for the whole query then.
const TEAM: &str = "Team";

impl GitHub {
    pub(super) async fn hydrate_all(&self, node_ids: &[String]) -> Result<Vec<Hydrated>, ForgeError> {
        let mut all = Vec::with_capacity(node_ids.len());
        for ids in node_ids.chunks(AT_ONCE) {
            all.extend(self.hydrate_some(ids).await?);
        }
        Ok(all)
    }

    async fn hydrate_some(&self, node_ids: &[String]) -> Result<Vec<Hydrated>, ForgeError> {
        let mut read: Vec<Option<Hydrated>> = node_ids.iter().map(|_| None).collect();
        loop {
            let left: Vec<usize> = (0..read.len()).filter(|n| read[*n].is_none()).collect();
            if left.is_empty() {
                return Ok(read.into_iter().flatten().collect());
            }
            let ids: Vec<&String> = left.iter().map(|n| &node_ids[*n]).collect();
            let heard = self.ask_for(&ids).await?;
            let to_blame = heard.to_blame("nodes", ids.len());
            if !to_blame.is_empty() {
                // One id took all data with it: the others are asked for again, without it.
                for (n, fault) in to_blame {
                    read[left[n]] = Some(failed(ids[n], fault, true));
                }
                continue;
            }
            let reply = heard.reply()?;
            let viewer: GraphUser =
                serde_json::from_value(reply.data["viewer"].clone()).map_err(|error| {
                    reply
                        .answer
                        .garbled(format!("viewer: {}", plain(&error.to_string())))
                })?;
            let nodes = reply.data.get("nodes").and_then(Value::as_array);
            let Some(nodes) = nodes.filter(|nodes| nodes.len() == ids.len()) else {
                return Err(reply
                    .answer
                    .garbled("it holds another number of changes than were asked for"));
            };
            for (n, node) in nodes.iter().enumerate() {
                // An error without a place may be the reason for any gap.
                let about = |fault: &&Fault| {
                    fault.below("nodes", n) && matters(fault) || node.is_null() && fault.path.is_none()
                };
                read[left[n]] = Some(match reply.faults.iter().find(about) {
                    Some(fault) => failed(ids[n], fault, node.is_null()),
                    None => self.one(ids[n], node, &viewer),
                });
            }
        }
    }

    async fn ask_for(&self, ids: &[&String]) -> Result<Heard, ForgeError> {
        let schema = self.schema().await?;
        let hidden = self.teams_hidden.load(Ordering::Relaxed).then_some(TEAM);
        let variables = json!({ "ids": ids });
        let heard = graphql::post(&self.client, &schema.fit(QUERY, hidden), &variables).await?;
        let missing_scope =
            |fault: &Fault| fault.is("INSUFFICIENT_SCOPES") && fault.message.contains("read:org");
        if hidden.is_some() || !heard.faults.iter().any(missing_scope) {
            return Ok(heard);
        }
        // The names of teams are all that needs more than reading repositories does.
        tracing::info!("the token may not read teams: their names are left out");
        self.teams_hidden.store(true, Ordering::Relaxed);
        graphql::post(&self.client, &schema.fit(QUERY, Some(TEAM)), &variables).await
    }

    fn one(&self, node_id: &str, node: &Value, viewer: &GraphUser) -> Hydrated {
        let node_id = node_id.to_owned();
        if node.is_null() {
            return Hydrated::Gone { node_id };
        }
        let kind = node
            .get("__typename")
            .and_then(Value::as_str)
            .unwrap_or("nothing known");
        if kind != "PullRequest" {
            return Hydrated::Unreadable {
                node_id,
                why: format!("it is no change but {}", plain(kind)),
            };
        }
        let read = Node::deserialize(node).map_err(|error| error.to_string());
        match read.and_then(|one| self.change(&node_id, one, viewer)) {
            Ok(change) => Hydrated::Change(Box::new(change)),
            Err(why) => Hydrated::Unreadable {
                node_id,
                why: plain(&why),
            },
        }
    }

    fn change(&self, node_id: &str, node: Node, viewer: &GraphUser) -> Result<Change, String> {
        let address = self.client.address();
        if repo_of(&node.repository.name).is_none() {
            return Err(format!("{:?} is not a repository's name", node.repository.name));
        }
        let page = format!("{}/{}/pull/{}", address.web, node.repository.name, node.number);
        let own_review = own_review(&node, viewer)?;
        let asked = asked(&node, viewer, own_review.is_some());
        let requested = requested(&node);
        let target = node
            .base_ref
            .and_then(|base| base.target)
            .map_or(node.base_oid, |tip| tip.oid);
        let reviews = node.opinions.map(|list| list.nodes).unwrap_or_default();
        let author: Option<Person> = node.author.map(Into::into);
        Ok(Change {
            id: ChangeId {
                host: address.host.clone(),
                repo: node.repository.name,
                number: node.number,
            },
            node_id: node_id.to_owned(),
            change_id: node.id.ok_or("it has no number at the forge")?.text()?,
            repo_id: node
                .repository
                .id
                .ok_or("its repository has no number at the forge")?
                .to_string(),
            // A link that people open must lead to the forge that they signed in to.
            url: if node.url == page { node.url } else { page },
            title: node.title,
            body: node.body,
            operators: operators(
                node.assignments.map(|list| list.nodes).unwrap_or_default(),
                author.as_ref(),
            ),
            conflicting: node.mergeable == "CONFLICTING",
            author,
            state: match node.state.as_str() {
                "OPEN" => ChangeState::Open,
                "CLOSED" => ChangeState::Closed,
                "MERGED" => ChangeState::Merged,
                other => return Err(format!("{other:?} is not a state of a change")),
            },
            draft: node.draft,
            created_at: node.created_at,
            updated_at: node.updated_at,
            head: Head {
                branch: node.head_branch,
                oid: node.head_oid,
                repo: node.head_repo.map(|repo| repo.name),
            },
            target: Target {
                branch: node.base_branch,
                oid: target,
            },
            asked,
            requested,
            labels: node.labels.map(|list| names(list.nodes)).unwrap_or_default(),
            assignees: node
                .assignees
                .nodes
                .into_iter()
                .flatten()
                .map(Into::into)
                .collect(),
            commit_count: node.commits.total,
            commits: node
                .commits
                .nodes
                .into_iter()
                .flatten()
                .map(|one| one.commit.into())
                .collect(),
            additions: node.additions,
            deletions: node.deletions,
            changed_files: node.changed_files,
            checks: checks(node.tip),
            reviews: reviews
                .into_iter()
                .flatten()
                .map(TryInto::try_into)
                .collect::<Result<_, String>>()?,
            own_review,
        })
    }
}

/// A change that an error is about.
fn failed(node_id: &str, fault: &Fault, empty: bool) -> Hydrated {
    let node_id = node_id.to_owned();
    if empty && fault.is("NOT_FOUND") {
        Hydrated::Gone { node_id }
    } else {
        Hydrated::Unreadable {
            node_id,
            why: fault.words(),
        }
    }
}

/// Whether a change cannot be relied on because of this error. Two parts may be missing: who a team is, and checks,
/// which the smallest useful token (pull requests and contents) may not read.
fn matters(fault: &Fault) -> bool {
    let may_not = fault.is("FORBIDDEN") || fault.is("INSUFFICIENT_SCOPES");
    !(may_not && (fault.through("requestedReviewer") || fault.through("statusCheckRollup")))
}

fn asked(node: &Node, viewer: &GraphUser, reviewed: bool) -> Vec<Asked> {
    let mut asked = Vec::new();
    for request in node.requests.iter().flat_map(|list| &list.nodes).flatten() {
        match &request.reviewer {
            Some(Reviewer::User(user)) if user.is(viewer) => asked.push(Asked::ByName),
            Some(Reviewer::Team {
                slug: Some(slug),
                organization: Some(organization),
            }) => {
                let team = format!("{}/{slug}", organization.login);
                asked.push(Asked::Team {
                    team,
                    code_owner: request.code_owner,
                });
            }
            Some(Reviewer::User(_) | Reviewer::Team { .. } | Reviewer::Other) | None => {}
        }
    }
    if node.assignees.nodes.iter().flatten().any(|user| user.is(viewer)) {
        asked.push(Asked::Assigned);
    }
    if reviewed {
        asked.push(Asked::Reviewed);
    }
    asked
}

/// Everybody who is asked. What is neither a person nor a team that the token may name has no name here.
fn requested(node: &Node) -> Vec<Requested> {
    let requests = node.requests.iter().flat_map(|list| &list.nodes).flatten();
    requests
        .map(|request| Requested {
            who: match &request.reviewer {
                Some(Reviewer::User(user)) => Some(user.login.clone()),
                Some(Reviewer::Team {
                    slug: Some(slug),
                    organization: Some(organization),
                }) => Some(format!("{}/{slug}", organization.login)),
                Some(Reviewer::Team { .. } | Reviewer::Other) | None => None,
            },
            code_owner: request.code_owner,
        })
        .collect()
}

/// The viewer's latest submitted review. A pending one is newer than all and is no opinion yet.
fn own_review(node: &Node, viewer: &GraphUser) -> Result<Option<Review>, String> {
    let latest = node.own.clone().filter(|review| review.state != "PENDING");
    let mut opinions = node.opinions.iter().flat_map(|list| &list.nodes).flatten();
    let found = latest.or_else(|| {
        opinions
            .find(|one| one.author.as_ref().is_some_and(|author| author.is_user(viewer)))
            .cloned()
    });
    found.map(TryInto::try_into).transpose()
}

fn names(list: Vec<Option<Label>>) -> Vec<String> {
    list.into_iter().flatten().map(|label| label.name).collect()
}

fn checks(tip: List<CommitNode>) -> Vec<Check> {
    let rollup = tip.nodes.into_iter().flatten().find_map(|one| one.commit.rollup);
    let Some(rollup) = rollup else { return Vec::new() };
    let listed = rollup.contexts.nodes.len() as u64;
    let mut checks: Vec<Check> = rollup
        .contexts
        .nodes
        .into_iter()
        .flatten()
        .map(Into::into)
        .collect();
    let more = rollup.contexts.total.saturating_sub(listed);
    if more > 0 {
        // What is not listed must not look as if it had passed.
        checks.push(Check {
            name: format!("{more} more checks"),
            state: status(&rollup.state),
        });
    }
    checks
}
