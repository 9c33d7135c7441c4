use std::path::Path;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use super::Client;
use crate::forge::{Forge, local};

fn git(dir: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .args([
            "-c",
            "user.name=Zoë Q",
            "-c",
            "user.email=zoe@example.org",
            "-c",
            "commit.gpgsign=false",
            "-C",
        ])
        .arg(dir)
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Root, two commits on a side branch, one on the main branch, and the merge.
fn history(dir: &Path) {
    git(dir, &["init", "--quiet", "--initial-branch=trunk", "."]);
    let commit = |name: &str, bytes: &[u8]| {
        std::fs::write(dir.join(name), bytes).unwrap();
        git(dir, &["add", "."]);
        git(
            dir,
            &[
                "commit",
                "--quiet",
                "--message",
                &format!("Add {name}\n\nCo-authored-by: X <x@example.org>"),
            ],
        );
    };
    commit("root.bin", &[0, 255, 1]);
    git(dir, &["switch", "--quiet", "--create", "side"]);
    commit("side1", b"1\n");
    commit("side2", b"2\n");
    git(dir, &["switch", "--quiet", "trunk"]);
    commit("trunk1", b"t\n");
    git(dir, &["merge", "--quiet", "--no-edit", "side"]);
    git(
        dir,
        &[
            "commit",
            "--quiet",
            "--allow-empty",
            "--message",
            "Nothing at all",
        ],
    );
}

/// Every file below a directory with its bytes' length and time of change.
fn listing(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let facts = entry.metadata().unwrap();
        if facts.is_dir() {
            found.extend(listing(&entry.path()));
        }
        found.push(format!(
            "{} {} {:?}",
            entry.path().display(),
            facts.len(),
            facts.modified().unwrap()
        ));
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_commits_of_a_repository_wait_as_changes() {
    let dir = TempDir::new().unwrap();
    history(dir.path());
    let before = listing(dir.path());
    let forge = Forge::start(local::serve_repo(dir.path(), 30).unwrap())
        .await
        .unwrap();
    let client = Client::of(&forge);
    let query = "{ search(query: \"review-requested:@me is:open\", type: ISSUE, first: 50) { nodes { ... on PullRequest {
        number title body baseRefName baseRefOid headRefOid author { login } commits(last: 9) { totalCount } changedFiles } } } }";
    let mut list = client.query(query, json!({})).await["data"]["search"]["nodes"]
        .as_array()
        .unwrap()
        .clone();
    list.sort_by_key(|one| one["number"].as_u64());
    let titles: Vec<&str> = list.iter().map(|one| one["title"].as_str().unwrap()).collect();
    assert_eq!(
        titles,
        ["Add root.bin", "Add trunk1", "Merge branch 'side' into trunk"],
        "first parents only"
    );
    assert_eq!(
        list[1]["headRefOid"],
        json!(git(dir.path(), &["rev-parse", "trunk~2"]))
    );
    assert_eq!(list[1]["body"], "Co-authored-by: X <x@example.org>");
    assert_eq!(
        list[2]["headRefOid"],
        json!(git(dir.path(), &["rev-parse", "trunk~1"]))
    );
    assert_eq!(
        (&list[2]["changedFiles"], &list[2]["commits"]["totalCount"]),
        (&json!(2), &json!(3))
    );
    let repo = forge.with(|world| world.repos[0].full_name());
    for one in &list {
        let path = format!(
            "/api/v3/repos/{repo}/compare/{}...{}",
            one["baseRefOid"].as_str().unwrap(),
            one["headRefOid"].as_str().unwrap()
        );
        let diff = client
            .send("GET", &path, &[("accept", "application/vnd.github.diff")], None)
            .await
            .unwrap();
        assert!(
            diff.status == 200 && diff.bytes.starts_with(b"diff --git "),
            "{one}"
        );
        let tip = client
            .get(&format!(
                "/repos/{repo}/git/ref/heads/{}",
                one["baseRefName"].as_str().unwrap()
            ))
            .await
            .json();
        assert_eq!(tip["object"]["sha"], one["baseRefOid"]);
    }
    let reviews = format!("/repos/{repo}/pulls/2/reviews");
    assert_eq!(
        client
            .call("POST", &reviews, json!({ "event": "APPROVE" }))
            .await
            .status,
        200
    );
    assert_eq!(listing(dir.path()), before, "the repository is only read");
}

#[test]
fn what_is_no_repository_is_named() {
    let dir = TempDir::new().unwrap();
    let error = local::serve_repo(dir.path(), 3).err().unwrap();
    assert!(
        format!("{error:#}").contains("is not a git repository with a commit"),
        "{error:#}"
    );
}

#[test]
fn a_shallow_repository_is_served_as_far_as_it_goes() {
    let dir = TempDir::new().unwrap();
    history(dir.path());
    let shallow = TempDir::new().unwrap();
    let url = format!("file://{}", dir.path().display());
    git(shallow.path(), &["clone", "--quiet", "--depth", "3", &url, "."]);
    let world = local::serve_repo(shallow.path(), 30).unwrap();
    let titles: Vec<&str> = world.repos[0]
        .changes
        .values()
        .map(|one| one.title.as_str())
        .collect();
    assert_eq!(
        titles,
        ["Merge branch 'side' into trunk"],
        "its parent is there, but that one's is not"
    );
    assert_eq!(
        local::serve_repo(dir.path(), 1).unwrap().repos[0].changes[&1].title,
        "Merge branch 'side' into trunk"
    );
    let bare = TempDir::new().unwrap();
    git(bare.path(), &["clone", "--quiet", "--depth", "1", &url, "."]);
    let error = local::serve_repo(bare.path(), 30).err().unwrap();
    assert!(
        format!("{error:#}").contains("git fetch --unshallow"),
        "{error:#}"
    );
}
