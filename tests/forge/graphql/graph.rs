//! The part of GitHub's graph that the forge serves, type by type.

use std::sync::Arc;

use super::change::{change, life};
use super::cost::Price;
use super::node::{Asked as Field, Node, Val, connection};
use super::search;
use crate::forge::git::{CommitFacts, Signature};
use crate::forge::rest::visible;
use crate::forge::server::resets_at;
use crate::forge::world::{Account, Change, Check, Kind, QUOTA, Queued, Repo, Status, Team, World};

/// Who asks, and what the query costs.
#[derive(Clone, Copy)]
pub(super) struct Seen<'w> {
    pub(super) world: &'w World,
    pub(super) token: usize,
    pub(super) viewer: &'w str,
    pub(super) price: Price,
}

impl<'w> Seen<'w> {
    fn hidden(&self, repo: &Repo) -> bool {
        self.world.tokens[self.token].sso_missing.contains(&repo.owner)
    }

    fn repo(&self, full_name: &str) -> Option<&'w Repo> {
        self.world
            .find(full_name)
            .or_else(|| self.world.formerly(full_name))
            .filter(|repo| visible(self.world, self.token, repo))
    }

    pub(super) fn url(&self, path: impl std::fmt::Display) -> Val<'w> {
        Val::leaf(format!("{}{path}", self.world.base_url))
    }
}

const SAML: &str = "Resource protected by organization SAML enforcement. You must grant your OAuth token access to this organization.";

/// The root of all queries.
pub(super) fn root(seen: Seen<'_>) -> Node<'_> {
    Node::new("Query", move |asked| {
        Some(match asked.name {
            "viewer" => Val::maybe(
                seen.world
                    .account(seen.viewer)
                    .map(|account| actor(seen, account)),
            ),
            "rateLimit" => Val::Node(rate_limit(seen)),
            "node" => one_node(seen, asked.text("id").unwrap_or("")),
            "nodes" => Val::List(asked.texts("ids").iter().map(|id| one_node(seen, id)).collect()),
            "repository" => {
                let name = format!(
                    "{}/{}",
                    asked.text("owner").unwrap_or(""),
                    asked.text("name").unwrap_or("")
                );
                match seen.repo(&name) {
                    Some(repo) if seen.hidden(repo) => Val::Fail("FORBIDDEN", SAML.to_owned()),
                    Some(repo) => Val::Node(repository(seen, repo)),
                    None => Val::Fail(
                        "NOT_FOUND",
                        format!("Could not resolve to a Repository with the name '{name}'."),
                    ),
                }
            }
            "user" => {
                let login = asked.text("login").unwrap_or("");
                match seen
                    .world
                    .account(login)
                    .filter(|account| account.kind == Kind::User)
                {
                    Some(account) => Val::Node(actor(seen, account)),
                    None => Val::Fail(
                        "NOT_FOUND",
                        format!("Could not resolve to a User with the login of '{login}'."),
                    ),
                }
            }
            "search" => found(seen, asked),
            _ => return None,
        })
    })
}

fn rate_limit(seen: Seen<'_>) -> Node<'_> {
    let used = seen.world.tokens[seen.token].points_used;
    Node::new("RateLimit", move |asked| {
        Some(match asked.name {
            "cost" => Val::leaf(seen.price.points),
            "nodeCount" => Val::leaf(seen.price.nodes),
            "limit" => Val::leaf(QUOTA),
            "remaining" => Val::leaf(QUOTA.saturating_sub(used)),
            "used" => Val::leaf(used),
            "resetAt" => Val::leaf(jiff::Timestamp::from_second(resets_at(seen.world)).ok()),
            _ => return None,
        })
    })
}

fn one_node<'w>(seen: Seen<'w>, id: &str) -> Val<'w> {
    for repo in seen
        .world
        .repos
        .iter()
        .filter(|repo| visible(seen.world, seen.token, repo))
    {
        if repo.node_id() == id {
            return if seen.hidden(repo) {
                Val::Fail("FORBIDDEN", SAML.to_owned())
            } else {
                Val::Node(repository(seen, repo))
            };
        }
        if let Some(one) = repo.changes.values().find(|change| change.node_id() == id) {
            return if seen.hidden(repo) {
                Val::Fail("FORBIDDEN", SAML.to_owned())
            } else {
                Val::Node(change(seen, repo, one))
            };
        }
    }
    if let Some(account) = seen.world.accounts.iter().find(|account| account.node_id() == id) {
        return Val::Node(actor(seen, account));
    }
    Val::Fail(
        "NOT_FOUND",
        format!("Could not resolve to a node with the global id of '{id}'"),
    )
}

fn found<'w>(seen: Seen<'w>, asked: &Field<'_>) -> Val<'w> {
    if !matches!(asked.text("type"), Some("ISSUE" | "ISSUE_ADVANCED")) {
        return Val::Leaf(serde_json::json!("the test forge searches changes only"));
    }
    let hits = match search::changes(seen.world, seen.viewer, asked.text("query").unwrap_or("")) {
        Ok(hits) => hits,
        // Not a typed error: it is recorded as the forge's own gap.
        Err(gap) => return Val::Leaf(serde_json::json!(gap)),
    };
    let hits: Vec<_> = hits
        .into_iter()
        .filter(|hit| visible(seen.world, seen.token, hit.repo))
        .collect();
    let show = move |hit: &search::Hit<'w>| {
        if seen.hidden(hit.repo) {
            Val::Fail("FORBIDDEN", SAML.to_owned())
        } else {
            Val::Node(change(seen, hit.repo, hit.change))
        }
    };
    connection(
        "SearchResultItemConnection",
        hits,
        asked,
        show,
        |name, total| match name {
            "issueCount" => Some(Val::leaf(total)),
            "codeCount" | "discussionCount" | "repositoryCount" | "userCount" | "wikiCount" => {
                Some(Val::leaf(0))
            }
            _ => None,
        },
    )
}

pub(super) fn no_more<'w>(_: &str, _: usize) -> Option<Val<'w>> {
    None
}

/// A person, an app or an organisation.
pub(super) fn actor<'w>(seen: Seen<'w>, account: &'w Account) -> Node<'w> {
    let kind = match account.kind {
        Kind::User => "User",
        Kind::Bot => "Bot",
        Kind::Organization => "Organization",
    };
    Node::new(kind, move |asked| {
        Some(match asked.name {
            "login" => Val::leaf(account.graphql_login()),
            "id" => Val::leaf(account.node_id()),
            "databaseId" => Val::leaf(account.id),
            "name" => Val::leaf(&account.name),
            "email" => Val::leaf(if account.kind == Kind::User {
                ""
            } else {
                &account.email
            }),
            "avatarUrl" => seen.url(format_args!("/avatars/u/{}", account.id)),
            "url" => seen.url(format_args!("/{}", account.graphql_login())),
            "resourcePath" => Val::leaf(format!("/{}", account.graphql_login())),
            _ => return None,
        })
    })
}

pub(super) fn actor_named<'w>(seen: Seen<'w>, login: &str) -> Val<'w> {
    Val::maybe(seen.world.account(login).map(|account| actor(seen, account)))
}

pub(super) fn team<'w>(seen: Seen<'w>, one: &'w Team) -> Node<'w> {
    Node::new("Team", move |asked| {
        Some(match asked.name {
            "id" => Val::leaf(format!("T_kwDO{:08x}", one.id)),
            "databaseId" => Val::leaf(one.id),
            "slug" | "name" => Val::leaf(&one.slug),
            "combinedSlug" => Val::leaf(format!("{}/{}", one.org, one.slug)),
            "organization" => actor_named(seen, &one.org),
            "url" => seen.url(format_args!("/orgs/{}/teams/{}", one.org, one.slug)),
            _ => return None,
        })
    })
}

pub(super) fn repository<'w>(seen: Seen<'w>, repo: &'w Repo) -> Node<'w> {
    Node::new("Repository", move |asked| {
        Some(match asked.name {
            "id" => Val::leaf(repo.node_id()),
            "databaseId" => Val::leaf(repo.id),
            "name" => Val::leaf(&repo.name),
            "nameWithOwner" => Val::leaf(repo.full_name()),
            "owner" => actor_named(seen, &repo.owner),
            "isPrivate" => Val::leaf(repo.private),
            "isArchived" => Val::leaf(repo.archived),
            "isFork" | "isDisabled" => Val::leaf(false),
            "createdAt" => Val::leaf(repo.created_at),
            "viewerPermission" => Val::leaf(repo.access.get(seen.viewer).copied().unwrap_or("READ")),
            "url" => seen.url(format_args!("/{}", repo.full_name())),
            "defaultBranchRef" => branch(seen, repo, "main"),
            "ref" => {
                let name = asked.text("qualifiedName").unwrap_or("");
                branch(seen, repo, name.strip_prefix("refs/heads/").unwrap_or(name))
            }
            "pullRequest" => {
                let number = asked
                    .number("number")
                    .and_then(|number| u64::try_from(number).ok())
                    .unwrap_or(0);
                match repo.changes.get(&number) {
                    Some(one) => Val::Node(change(seen, repo, one)),
                    None => Val::Fail(
                        "NOT_FOUND",
                        format!("Could not resolve to a PullRequest with the number of {number}."),
                    ),
                }
            }
            "mergeQueue" => merge_queue(seen, repo, asked.text("branch").unwrap_or("main")),
            "pullRequests" => {
                let states = asked.texts("states");
                let mut list: Vec<&Change> = repo
                    .changes
                    .values()
                    .filter(|one| states.is_empty() || states.iter().any(|state| state == life(one)))
                    .collect();
                if asked.inside("orderBy", "field") == Some("UPDATED_AT") {
                    list.sort_by_key(|one| one.updated_at);
                }
                if asked.inside("orderBy", "direction") == Some("DESC") {
                    list.reverse();
                }
                let show = move |one: &&'w Change| Val::Node(change(seen, repo, one));
                connection("PullRequestConnection", list, asked, show, no_more)
            }
            _ => return None,
        })
    })
}

/// The queue of a branch; none where nothing was ever put into one.
fn merge_queue<'w>(seen: Seen<'w>, repo: &'w Repo, branch: &str) -> Val<'w> {
    let waiting: Vec<(usize, &Queued)> = repo
        .queue
        .iter()
        .filter(|one| one.branch == branch)
        .enumerate()
        .collect();
    if waiting.is_empty() {
        return Val::null();
    }
    let branch = branch.to_owned();
    Val::Node(Node::new("MergeQueue", move |asked| {
        Some(match asked.name {
            "id" => Val::leaf(format!("MQ_{branch}")),
            "repository" => Val::Node(repository(seen, repo)),
            "url" => seen.url(format_args!("/{}/queue/{branch}", repo.full_name())),
            "entries" => {
                let show = move |(at, one): &(usize, &'w Queued)| Val::Node(queued(seen, repo, *at, one));
                connection("MergeQueueEntryConnection", waiting.clone(), asked, show, no_more)
            }
            _ => return None,
        })
    }))
}

fn queued<'w>(seen: Seen<'w>, repo: &'w Repo, at: usize, one: &'w Queued) -> Node<'w> {
    Node::new("MergeQueueEntry", move |asked| {
        Some(match asked.name {
            "id" => Val::leaf(format!("MQE_{:010x}", one.id)),
            "position" => Val::leaf(at + 1),
            "headCommit" => commit_by_id(seen, repo, &one.commit),
            "pullRequest" => Val::maybe(
                repo.changes
                    .get(&one.number)
                    .map(|waiting| change(seen, repo, waiting)),
            ),
            "enqueuer" => actor_named(seen, &one.by),
            "enqueuedAt" => Val::leaf(one.at),
            "state" => Val::leaf("AWAITING_CHECKS"),
            "jump" | "solo" => Val::leaf(false),
            _ => return None,
        })
    })
}

pub(super) fn branch<'w>(seen: Seen<'w>, repo: &'w Repo, name: &str) -> Val<'w> {
    let Some(tip) = repo.git.tip(name) else {
        return Val::null();
    };
    let name = name.to_owned();
    Val::Node(Node::new("Ref", move |asked| {
        Some(match asked.name {
            "id" => Val::leaf(format!("REF_{name}")),
            "name" => Val::leaf(&name),
            "prefix" => Val::leaf("refs/heads/"),
            "target" => commit_by_id(seen, repo, &tip),
            "repository" => Val::Node(repository(seen, repo)),
            _ => return None,
        })
    }))
}

pub(super) fn commit_by_id<'w>(seen: Seen<'w>, repo: &'w Repo, oid: &str) -> Val<'w> {
    Val::maybe(repo.git.commit(oid).ok().map(|facts| commit(seen, repo, facts)))
}

pub(super) fn commit<'w>(seen: Seen<'w>, repo: &'w Repo, facts: Arc<CommitFacts>) -> Node<'w> {
    Node::new("Commit", move |asked| {
        Some(match asked.name {
            "oid" => Val::leaf(&facts.oid),
            "abbreviatedOid" => Val::leaf(&facts.oid[..7]),
            "id" => Val::leaf(format!("C_kwDO{}", facts.oid)),
            "url" | "commitUrl" => seen.url(format_args!("/{}/commit/{}", repo.full_name(), facts.oid)),
            "message" => Val::leaf(&facts.message),
            "messageHeadline" => Val::leaf(facts.headline()),
            "messageBody" => Val::leaf(facts.body()),
            "committedDate" => Val::leaf(facts.committer.at),
            "authoredDate" => Val::leaf(facts.author.at),
            "author" => Val::Node(git_actor(seen, facts.author.clone())),
            "committer" => Val::Node(git_actor(seen, facts.committer.clone())),
            // The forge's commits carry no signatures of their own.
            "signature" => Val::null(),
            "tree" => {
                let oid = facts.tree.clone();
                Val::Node(Node::new("Tree", move |asked| match asked.name {
                    "oid" => Some(Val::leaf(&oid)),
                    "id" => Some(Val::leaf(format!("T_{oid}"))),
                    _ => None,
                }))
            }
            "parents" => {
                let show = move |oid: &String| commit_by_id(seen, repo, oid);
                connection("CommitConnection", facts.parents.clone(), asked, show, no_more)
            }
            "authors" => {
                let show = move |who: &Signature| Val::Node(git_actor(seen, who.clone()));
                connection(
                    "GitActorConnection",
                    vec![facts.author.clone()],
                    asked,
                    show,
                    no_more,
                )
            }
            "statusCheckRollup" => Val::maybe(rollup(repo, &facts.oid)),
            "associatedPullRequests" => {
                let list = repo.changes.values();
                let with_it: Vec<&Change> = list
                    .filter(|one| repo.commits(one).is_ok_and(|list| list.contains(&facts)))
                    .collect();
                let show = move |one: &&'w Change| Val::Node(change(seen, repo, one));
                connection("PullRequestConnection", with_it, asked, show, no_more)
            }
            "repository" => Val::Node(repository(seen, repo)),
            _ => return None,
        })
    })
}

fn git_actor<'w>(seen: Seen<'w>, who: Signature) -> Node<'w> {
    Node::new("GitActor", move |asked| {
        Some(match asked.name {
            "name" => Val::leaf(&who.name),
            "email" => Val::leaf(&who.email),
            "date" => Val::leaf(who.at),
            // The schema says User: an app's commits map to nobody here.
            "user" => {
                let account = seen
                    .world
                    .account_by_email(&who.email)
                    .filter(|account| account.kind == Kind::User);
                Val::maybe(account.map(|account| actor(seen, account)))
            }
            _ => return None,
        })
    })
}

fn rollup<'w>(repo: &'w Repo, oid: &str) -> Option<Node<'w>> {
    let runs = repo.checks.get(oid).map_or(&[][..], Vec::as_slice);
    let statuses = repo.latest_statuses(oid);
    if runs.is_empty() && statuses.is_empty() {
        return None;
    }
    let ran = runs
        .iter()
        .map(|run| run.conclusion.as_deref().unwrap_or("pending"));
    let said = statuses.iter().map(|status| status.state.as_str());
    let words: Vec<&str> = ran.chain(said).collect();
    let first = runs.first().map(|run| run.id);
    let first = first.or(statuses.first().map(|status| status.id));
    Some(Node::new("StatusCheckRollup", move |asked| {
        Some(match asked.name {
            "id" => Val::leaf(format!("SCR_{}", first.unwrap_or(0))),
            "state" => {
                let is = |some: &[&str]| words.iter().any(|word| some.contains(word));
                Val::leaf(
                    if is(&["failure", "cancelled", "timed_out", "action_required", "error"]) {
                        "FAILURE"
                    } else if is(&["pending"]) {
                        "PENDING"
                    } else {
                        "SUCCESS"
                    },
                )
            }
            "contexts" => {
                let ran = runs.iter().map(Context::Run);
                let said = statuses.iter().copied().map(Context::Status);
                let (count, others) = (runs.len(), statuses.len());
                connection(
                    "StatusCheckRollupContextConnection",
                    ran.chain(said).collect(),
                    asked,
                    |one: &Context<'w>| Val::Node(context(*one)),
                    move |name, _| match name {
                        "checkRunCount" => Some(Val::leaf(count)),
                        "statusContextCount" => Some(Val::leaf(others)),
                        _ => None,
                    },
                )
            }
            _ => return None,
        })
    }))
}

/// What a rollup puts together.
#[derive(Clone, Copy)]
enum Context<'w> {
    Run(&'w Check),
    Status(&'w Status),
}

fn context(one: Context<'_>) -> Node<'_> {
    let check = match one {
        Context::Run(check) => check,
        Context::Status(status) => {
            return Node::new("StatusContext", move |asked| {
                Some(match asked.name {
                    "id" => Val::leaf(format!("SC_{:010x}", status.id)),
                    "context" => Val::leaf(&status.context),
                    "state" => Val::leaf(status.state.to_uppercase()),
                    "targetUrl" => Val::leaf(&status.target_url),
                    "description" => Val::leaf(&status.description),
                    "creator" => Val::null(),
                    _ => return None,
                })
            });
        }
    };
    Node::new("CheckRun", move |asked| {
        Some(match asked.name {
            "id" => Val::leaf(format!("CR_kwDO{:010x}", check.id)),
            "databaseId" => Val::leaf(check.id),
            "name" => Val::leaf(&check.name),
            "status" => Val::leaf(check.status.to_uppercase()),
            "conclusion" => Val::leaf(check.conclusion.as_ref().map(|word| word.to_uppercase())),
            "detailsUrl" => Val::null(),
            "checkSuite" => Val::Node(Node::new("CheckSuite", |asked| match asked.name {
                "app" => Some(Val::Node(Node::new("App", |asked| match asked.name {
                    "slug" => Some(Val::leaf("github-actions")),
                    "name" => Some(Val::leaf("GitHub Actions")),
                    _ => None,
                }))),
                _ => None,
            })),
            _ => return None,
        })
    })
}
