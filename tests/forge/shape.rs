//! REST's JSON shapes of what the forge holds.

use serde_json::{Map, Value, json};

use super::git::CommitFacts;
use super::git::FileFacts;
use super::server::kind_word;
use super::world::{Account, Asked, Change, Check, Event, Happened, Life, Repo, Review, Status, Team, World};

/// Addresses under which the forge's answers name things.
fn api(world: &World) -> String {
    format!("{}/api/v3", world.base_url)
}

/// GitHub's `ghost`, in place of an account that is gone.
fn ghost() -> Account {
    Account {
        login: "ghost".into(),
        id: 10_137,
        kind: super::world::Kind::User,
        name: "Deleted user".into(),
        email: String::new(),
        signing_keys: Vec::new(),
    }
}

pub(crate) fn user(world: &World, login: &str) -> Value {
    let known = world.account(login).cloned().unwrap_or_else(ghost);
    account(world, &known)
}

pub(crate) fn account(world: &World, one: &Account) -> Value {
    let url = format!(
        "{}/users/{}",
        api(world),
        one.login.replace('[', "%5B").replace(']', "%5D")
    );
    json!({
        "login": one.login,
        "id": one.id,
        "node_id": one.node_id(),
        "avatar_url": format!("{}/avatars/u/{}", world.base_url, one.id),
        "gravatar_id": "",
        "url": url,
        "html_url": format!("{}/{}", world.base_url, one.graphql_login()),
        "followers_url": format!("{url}/followers"),
        "following_url": format!("{url}/following{{/other_user}}"),
        "gists_url": format!("{url}/gists{{/gist_id}}"),
        "starred_url": format!("{url}/starred{{/owner}}{{/repo}}"),
        "subscriptions_url": format!("{url}/subscriptions"),
        "organizations_url": format!("{url}/orgs"),
        "repos_url": format!("{url}/repos"),
        "events_url": format!("{url}/events{{/privacy}}"),
        "received_events_url": format!("{url}/received_events"),
        "type": kind_word(one.kind),
        "site_admin": false,
    })
}

/// The signed-in account as `GET /user` shows it.
pub(crate) fn private_user(world: &World, one: &Account) -> Value {
    let mut value = account(world, one);
    let made = "2019-03-04T09:12:44Z";
    merge(
        &mut value,
        json!({
            "name": one.name, "company": null, "blog": "", "location": null, "email": null, "hireable": null, "bio": null,
            "public_repos": 3, "public_gists": 0, "followers": 12, "following": 9, "created_at": made, "updated_at": made,
            "private_gists": 0, "total_private_repos": 2, "owned_private_repos": 0, "disk_usage": 120,
            "collaborators": 0, "two_factor_authentication": true,
        }),
    );
    value
}

fn merge(value: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(from)) = (value, more) {
        into.extend(from);
    }
}

/// Addresses of a repository's parts: name of the field, and path below the repository.
const PARTS: [(&str, &str); 37] = [
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
    ("url", ""),
];

/// A repository inside a notification.
pub(crate) fn minimal_repository(world: &World, repo: &Repo) -> Value {
    let base = format!("{}/repos/{}", api(world), repo.full_name());
    let mut map = Map::new();
    for (name, path) in PARTS {
        map.insert(name.to_owned(), json!(format!("{base}{path}")));
    }
    let mut value = Value::Object(map);
    merge(
        &mut value,
        json!({
            "id": repo.id,
            "node_id": repo.node_id(),
            "name": repo.name,
            "full_name": repo.full_name(),
            "owner": user(world, &repo.owner),
            "private": repo.private,
            "html_url": format!("{}/{}", world.base_url, repo.full_name()),
            "description": null,
            "fork": false,
        }),
    );
    value
}

/// A repository inside a change.
pub(crate) fn repository(world: &World, repo: &Repo) -> Value {
    let mut value = minimal_repository(world, repo);
    let open = repo
        .changes
        .values()
        .filter(|change| change.life == Life::Open)
        .count();
    let git = format!("{}/{}.git", world.base_url, repo.full_name());
    merge(
        &mut value,
        json!({
            "git_url": git, "ssh_url": git, "clone_url": git, "svn_url": git, "mirror_url": null, "homepage": null,
            "language": null, "forks_count": 0, "stargazers_count": 0, "watchers_count": 0, "size": 180,
            "default_branch": "main", "open_issues_count": open, "has_issues": true, "has_projects": false,
            "has_wiki": false, "has_pages": false, "has_downloads": false, "has_discussions": false,
            "archived": repo.archived, "disabled": false,
            "visibility": if repo.private { "private" } else { "public" },
            "pushed_at": repo.created_at, "created_at": repo.created_at, "updated_at": repo.created_at,
            "license": null, "forks": 0, "open_issues": open, "watchers": 0,
        }),
    );
    value
}

/// A repository as `GET /repos/{owner}/{repo}` shows it to an account.
pub(crate) fn full_repository(world: &World, repo: &Repo, login: &str) -> Value {
    let mut value = repository(world, repo);
    let access = repo.access.get(login).copied().unwrap_or("READ");
    let at_least = |list: &[&str]| list.contains(&access);
    merge(
        &mut value,
        json!({
            "subscribers_count": 4, "network_count": 0,
            "permissions": {
                "admin": access == "ADMIN",
                "maintain": at_least(&["ADMIN", "MAINTAIN"]),
                "push": at_least(&["ADMIN", "MAINTAIN", "WRITE"]),
                "triage": at_least(&["ADMIN", "MAINTAIN", "WRITE", "TRIAGE"]),
                "pull": true,
            },
        }),
    );
    value
}

fn label(world: &World, name: &str) -> Value {
    let sum: u32 = name.bytes().map(u32::from).sum();
    json!({
        "id": 7_000_000 + u64::from(sum), "node_id": format!("LA_{sum:08x}"),
        "url": format!("{}/labels/{}", api(world), name.replace(' ', "%20")), "name": name, "description": "",
        "color": format!("{:06x}", sum * 7919 % 0x00ff_ffff), "default": false,
    })
}

/// A label's colour, as GraphQL gives it.
pub(crate) fn label_color(name: &str) -> String {
    let sum: u32 = name.bytes().map(u32::from).sum();
    format!("{:06x}", sum * 7919 % 0x00ff_ffff)
}

fn team(world: &World, one: &Team) -> Value {
    let url = format!("{}/organizations/1/team/{}", api(world), one.id);
    let organization = world.account(&one.org).map_or(0, |account| account.id);
    json!({
        "id": one.id, "node_id": format!("T_{:08x}", one.id), "url": url,
        "members_url": format!("{url}/members{{/member}}"), "name": one.slug, "description": null,
        "permission": "pull", "privacy": "closed", "notification_setting": "notifications_enabled",
        "html_url": format!("{}/orgs/{}/teams/{}", world.base_url, one.org, one.slug),
        "repositories_url": format!("{url}/repos"), "slug": one.slug, "type": "organization",
        "organization_id": organization, "parent": null,
    })
}

fn team_named(world: &World, name: &str) -> Option<Value> {
    world
        .teams
        .iter()
        .find(|one| format!("{}/{}", one.org, one.slug) == name)
        .map(|one| team(world, one))
}

/// A change in a list.
pub(crate) fn change_simple(world: &World, repo: &Repo, change: &Change) -> Value {
    let base = format!("{}/repos/{}", api(world), repo.full_name());
    let (number, head) = (change.number, change.head());
    let web = format!("{}/{}/pull/{number}", world.base_url, repo.full_name());
    let own = format!("{base}/pulls/{number}");
    let side = |branch: &str, oid: &str| {
        json!({
            "label": format!("{}:{branch}", repo.owner), "ref": branch, "sha": oid,
            "user": user(world, &repo.owner), "repo": repository(world, repo),
        })
    };
    let link = |href: &str| json!({ "href": href });
    let comments = format!("{base}/issues/{number}/comments");
    let review_comments = format!("{own}/comments");
    let review_comment = format!("{base}/pulls/comments{{/number}}");
    let statuses = format!("{base}/statuses/{head}");
    let people = change.requests.iter().filter_map(|request| match &request.who {
        Asked::User(login) => Some(user(world, login)),
        Asked::Team(_) => None,
    });
    let teams = change.requests.iter().filter_map(|request| match &request.who {
        Asked::User(_) => None,
        Asked::Team(name) => team_named(world, name),
    });
    let assignees: Vec<Value> = change.assignees.iter().map(|login| user(world, login)).collect();
    json!({
        "url": own, "id": change.id, "node_id": change.node_id(), "html_url": web,
        "diff_url": format!("{web}.diff"), "patch_url": format!("{web}.patch"),
        "issue_url": format!("{base}/issues/{number}"), "commits_url": format!("{own}/commits"),
        "review_comments_url": review_comments, "review_comment_url": review_comment, "comments_url": comments,
        "statuses_url": statuses, "number": number,
        "state": if change.life == Life::Open { "open" } else { "closed" },
        "locked": false, "title": change.title, "user": user(world, &change.author),
        "body": if change.body.is_empty() { Value::Null } else { json!(change.body) },
        "labels": change.labels.iter().map(|name| label(world, name)).collect::<Vec<_>>(),
        "milestone": null, "active_lock_reason": null, "created_at": change.created_at, "updated_at": change.updated_at,
        "closed_at": change.closed_at,
        "merged_at": if change.life == Life::Merged { json!(change.closed_at) } else { Value::Null },
        "merge_commit_sha": null, "assignee": assignees.first(), "assignees": assignees,
        "requested_reviewers": people.collect::<Vec<_>>(), "requested_teams": teams.collect::<Vec<_>>(),
        "head": side(&change.branch, head),
        // REST shows the target's tip of the moment when the change last moved, as GraphQL's baseRefOid does.
        "base": side(&change.base, &change.base_oid),
        "_links": {
            "self": link(&own), "html": link(&web), "issue": link(&format!("{base}/issues/{number}")),
            "comments": link(&comments), "review_comments": link(&review_comments),
            "review_comment": link(&review_comment), "commits": link(&format!("{own}/commits")),
            "statuses": link(&statuses),
        },
        "author_association": association(repo, &change.author), "auto_merge": null, "draft": change.draft,
    })
}

/// What a list shows and a single change does too, and the counts.
pub(crate) fn change_full(world: &World, repo: &Repo, change: &Change) -> anyhow::Result<Value> {
    let mut value = change_simple(world, repo, change);
    let files = repo.git.files(&repo.merge_base(change), change.head())?;
    let commits = repo.commits(change)?;
    merge(
        &mut value,
        json!({
            "merged": change.life == Life::Merged, "mergeable": true, "rebaseable": true, "mergeable_state": "blocked",
            "merged_by": null, "comments": 0, "review_comments": 0, "maintainer_can_modify": false,
            "commits": commits.len(), "additions": files.iter().map(|file| file.additions).sum::<u64>(),
            "deletions": files.iter().map(|file| file.deletions).sum::<u64>(), "changed_files": files.len(),
        }),
    );
    Ok(value)
}

/// What an account is to a repository.
pub(crate) fn association(repo: &Repo, login: &str) -> &'static str {
    if repo.owner == login {
        "OWNER"
    } else if repo.access.contains_key(login) {
        "MEMBER"
    } else {
        "CONTRIBUTOR"
    }
}

pub(crate) fn review(world: &World, repo: &Repo, change: &Change, one: &Review) -> Value {
    let web = format!("{}/{}/pull/{}", world.base_url, repo.full_name(), change.number);
    let html = format!("{web}#pullrequestreview-{}", one.id);
    let own = format!(
        "{}/repos/{}/pulls/{}",
        api(world),
        repo.full_name(),
        change.number
    );
    let mut value = json!({
        "id": one.id, "node_id": review_node_id(one), "user": user(world, &one.author), "body": one.body,
        "state": one.state, "html_url": html, "pull_request_url": own,
        "_links": { "html": { "href": html }, "pull_request": { "href": own } },
        "commit_id": one.commit, "author_association": association(repo, &one.author),
    });
    if let Some(at) = one.submitted_at {
        value["submitted_at"] = json!(at);
    }
    value
}

/// A review's opaque id.
pub(crate) fn review_node_id(one: &Review) -> String {
    format!("PRR_kwDO{:010x}", one.id)
}

fn person(who: &super::git::Signature) -> Value {
    json!({ "name": who.name, "email": who.email, "date": who.at })
}

fn unsigned() -> Value {
    json!({ "verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null })
}

fn parents(world: &World, repo: &Repo, facts: &CommitFacts, below: &str) -> Vec<Value> {
    let base = format!("{}/repos/{}", api(world), repo.full_name());
    let web = format!("{}/{}/commit", world.base_url, repo.full_name());
    let parent = |oid: &String| json!({ "sha": oid, "url": format!("{base}/{below}/{oid}"), "html_url": format!("{web}/{oid}") });
    facts.parents.iter().map(parent).collect()
}

/// A commit with the accounts that its addresses map to.
pub(crate) fn commit(world: &World, repo: &Repo, facts: &CommitFacts) -> Value {
    let base = format!("{}/repos/{}", api(world), repo.full_name());
    let oid = &facts.oid;
    let mapped = |email: &str| {
        world
            .account_by_email(email)
            .map_or(Value::Null, |one| account(world, one))
    };
    json!({
        "url": format!("{base}/commits/{oid}"), "sha": oid, "node_id": format!("C_{oid}"),
        "html_url": format!("{}/{}/commit/{oid}", world.base_url, repo.full_name()),
        "comments_url": format!("{base}/commits/{oid}/comments"),
        "commit": {
            "url": format!("{base}/git/commits/{oid}"), "author": person(&facts.author),
            "committer": person(&facts.committer), "message": facts.message, "comment_count": 0,
            "tree": { "sha": facts.tree, "url": format!("{base}/git/trees/{}", facts.tree) },
            "verification": unsigned(),
        },
        "author": mapped(&facts.author.email), "committer": mapped(&facts.committer.email),
        "parents": parents(world, repo, facts, "commits"),
    })
}

/// A commit as git's object, without accounts.
pub(crate) fn git_commit(world: &World, repo: &Repo, facts: &CommitFacts) -> Value {
    let base = format!("{}/repos/{}", api(world), repo.full_name());
    let oid = &facts.oid;
    json!({
        "sha": oid, "node_id": format!("C_{oid}"), "url": format!("{base}/git/commits/{oid}"),
        "html_url": format!("{}/{}/commit/{oid}", world.base_url, repo.full_name()),
        "author": person(&facts.author), "committer": person(&facts.committer), "message": facts.message,
        "tree": { "sha": facts.tree, "url": format!("{base}/git/trees/{}", facts.tree) },
        "parents": parents(world, repo, facts, "git/commits"), "verification": unsigned(),
    })
}

/// A changed file. GitHub leaves the patch of a large file out; here that is one of more than 3,000 lines.
pub(crate) fn file(world: &World, repo: &Repo, head: &str, one: &FileFacts) -> Value {
    let path = encoded_path(&one.path);
    let full = repo.full_name();
    let mut value = json!({
        "sha": one.blob, "filename": one.path, "status": one.status, "additions": one.additions,
        "deletions": one.deletions, "changes": one.additions + one.deletions,
        "blob_url": format!("{}/{full}/blob/{head}/{path}", world.base_url),
        "raw_url": format!("{}/{full}/raw/{head}/{path}", world.base_url),
        "contents_url": format!("{}/repos/{full}/contents/{path}?ref={head}", api(world)),
    });
    if let Some(previous) = &one.previous {
        value["previous_filename"] = json!(previous);
    }
    if let Some(patch) = &one.patch
        && one.additions + one.deletions <= 3_000
    {
        value["patch"] = json!(patch);
    }
    value
}

/// A path with what may not stand in an address percent-encoded.
pub(crate) fn encoded_path(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// A check run.
pub(crate) fn check_run(world: &World, repo: &Repo, head: &str, one: &Check) -> Value {
    let own = format!("{}/repos/{}/check-runs/{}", api(world), repo.full_name(), one.id);
    let web = format!("{}/{}/runs/{}", world.base_url, repo.full_name(), one.id);
    let done = (one.status == "completed").then_some(repo.created_at);
    json!({
        "id": one.id, "head_sha": head, "node_id": format!("CR_{:010x}", one.id), "external_id": "", "url": own,
        "html_url": web, "details_url": web, "status": one.status, "conclusion": one.conclusion,
        "started_at": repo.created_at, "completed_at": done, "name": one.name, "check_suite": { "id": one.id + 1 },
        "output": {
            "title": null, "summary": null, "text": null, "annotations_count": 0,
            "annotations_url": format!("{own}/annotations"),
        },
        "app": null, "pull_requests": [],
    })
}

/// A commit status.
pub(crate) fn status(world: &World, repo: &Repo, head: &str, one: &Status) -> Value {
    json!({
        "url": format!("{}/repos/{}/statuses/{head}", api(world), repo.full_name()), "avatar_url": null, "id": one.id,
        "node_id": format!("SC_{:010x}", one.id), "state": one.state, "description": one.description,
        "target_url": one.target_url, "context": one.context, "created_at": one.at, "updated_at": one.at,
        "creator": user(world, &one.creator),
    })
}

/// One event of a timeline.
pub(crate) fn event(world: &World, repo: &Repo, one: &Event) -> Value {
    let mut value = json!({
        "id": one.id, "node_id": format!("EV_{:010x}", one.id),
        "url": format!("{}/repos/{}/issues/events/{}", api(world), repo.full_name(), one.id),
        "actor": user(world, &one.actor), "commit_id": null, "commit_url": null, "created_at": one.at,
        "performed_via_github_app": null,
    });
    match &one.what {
        Happened::ReviewRequested(who) => {
            value["event"] = json!("review_requested");
            value["review_requester"] = user(world, &one.actor);
            match who {
                Asked::User(login) => value["requested_reviewer"] = user(world, login),
                Asked::Team(name) => value["requested_team"] = team_named(world, name).unwrap_or(Value::Null),
            }
        }
        Happened::Assigned(login) => {
            value["event"] = json!("assigned");
            value["assignee"] = user(world, login);
        }
        Happened::Closed => value["event"] = json!("closed"),
        Happened::Merged => value["event"] = json!("merged"),
        Happened::Reopened => value["event"] = json!("reopened"),
        Happened::ForcePushed => value["event"] = json!("head_ref_force_pushed"),
    }
    value
}
