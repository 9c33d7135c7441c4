use std::collections::HashMap;

use serde_json::json;

use super::{Client, REPO, change, commit, small, started};
use crate::forge::git::Edit;
use crate::forge::openapi::Description;
use crate::forge::{Forge, sample};

#[tokio::test(flavor = "multi_thread")]
async fn every_reading_operation_answers_as_github_describes() {
    let forge = Forge::start(sample::world().unwrap()).await.unwrap();
    let client = Client::of(&forge);
    forge.with(|world| {
        world.change_mut("acme/infra", 482).unwrap().updated_at = world.now();
        world
            .find_mut("acme/infra")
            .unwrap()
            .access
            .insert("priya-n".into(), "ADMIN");
    });
    let head = forge.with(|world| world.change("acme/infra", 482).unwrap().head().to_owned());
    let tree = client
        .get(&format!("/repos/acme/infra/git/commits/{head}"))
        .await
        .json()["tree"]["sha"]
        .clone();
    let tree = client
        .get(&format!(
            "/repos/acme/infra/git/trees/{}?recursive=1",
            tree.as_str().unwrap()
        ))
        .await
        .json();
    let blob = tree["tree"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["type"] == "blob")
        .unwrap()["sha"]
        .clone();
    let paths = [
        "/user",
        "/rate_limit",
        "/notifications?participating=true",
        "/repos/acme/infra",
        "/repos/acme/infra/pulls?state=open&sort=updated&direction=desc&per_page=100",
        "/repos/acme/infra/pulls/482",
        "/repos/acme/infra/pulls/482/commits?per_page=100",
        "/repos/acme/infra/pulls/482/files?per_page=100",
        "/repos/acme/payments/pulls/4198/reviews?per_page=100",
        "/repos/acme/infra/compare/main...kiro/prod-eu-network",
        "/repos/acme/infra/commits/main",
        "/repos/acme/infra/commits/kiro%2Fprod-eu-network/check-runs",
        "/repos/acme/infra/commits/main/statuses",
        "/repos/acme/infra/git/ref/heads/kiro/prod-eu-network",
        "/repos/acme/infra/contents/.github/countersign.toml?ref=main",
        "/repos/acme/infra/contents/envs/prod-eu",
        "/repos/acme/infra/activity?ref=kiro/prod-eu-network",
        "/repos/acme/infra/issues/482/timeline?per_page=100",
        "/repos/acme/infra/branches/main/protection",
        "/users/priya-n/ssh_signing_keys",
        "/user/ssh_signing_keys",
    ];
    for path in paths {
        let got = client.get(path).await;
        assert_eq!(got.status, 200, "{path}: {}", String::from_utf8_lossy(&got.bytes));
        assert!(
            !got.header("x-github-request-id").is_empty() && !got.header("date").is_empty(),
            "{path}"
        );
    }
    let got = client
        .get(&format!("/repos/acme/infra/git/blobs/{}", blob.as_str().unwrap()))
        .await;
    assert_eq!(got.json()["encoding"], "base64");
    for path in [
        "/repos/acme/infra/git/ref/notes/ai",
        "/repos/acme/infra/pulls/9999",
        "/repos/acme/nothing",
    ] {
        assert_eq!(client.get(path).await.status, 404, "{path}");
    }
    assert_eq!(forge.take_violations(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_is_gits_diff_byte_for_byte() {
    let (forge, client) = started().await;
    let (base, head, git) = forge.with(|world| {
        // The target moves on: three dots compare with the merge base, not with the tip.
        let change = world.change(REPO, 1).unwrap().clone();
        world
            .set_file(REPO, "main", "later.txt", b"\xff\xfe not UTF-8\n")
            .unwrap();
        let repo = world.find(REPO).unwrap();
        (
            repo.target_tip(&change),
            change.head().to_owned(),
            repo.git.dir().to_owned(),
        )
    });
    let path = format!("/api/v3/repos/{REPO}/compare/{base}...{head}");
    let got = client
        .send("GET", &path, &[("accept", "application/vnd.github.diff")], None)
        .await
        .unwrap();
    let expected = std::process::Command::new("git")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .arg("-C")
        .arg(&git)
        .args(["diff", &format!("{base}...{head}")])
        .output()
        .unwrap();
    assert!(
        got.header("content-type")
            .starts_with("application/vnd.github.diff")
    );
    assert!(!expected.stdout.is_empty());
    assert_eq!(got.bytes, expected.stdout);

    let facts = client
        .get(&format!("/repos/{REPO}/compare/{base}...{head}"))
        .await
        .json();
    assert_eq!(
        (&facts["status"], &facts["ahead_by"], &facts["behind_by"]),
        (&json!("diverged"), &json!(2), &json!(1))
    );
    let files: Vec<_> = facts["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["filename"], &one["status"]))
        .collect();
    assert_eq!(
        files,
        [
            (&json!("a.txt"), &json!("modified")),
            (&json!("src/b.txt"), &json!("removed")),
            (&json!("src/c.txt"), &json!("added")),
        ]
    );
    assert_eq!(
        facts["files"][0]["patch"],
        "@@ -1,3 +1,3 @@\n one\n-two\n+2\n three"
    );

    let path = format!("/api/v3/repos/{REPO}/pulls/1");
    let own = client
        .send("GET", &path, &[("accept", "application/vnd.github.diff")], None)
        .await
        .unwrap();
    assert_eq!(own.bytes, got.bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_diff_that_is_too_large_is_refused_with_406() {
    let mut world = small();
    let many = (0..301)
        .map(|at| Edit::write(&format!("many/{at}.txt"), "x\n"))
        .collect();
    let files = world
        .open(change("many-files", "mika", vec![commit("Many", "mika", many)]))
        .unwrap();
    let long = "line\n".repeat(20_001);
    let lines = world
        .open(change(
            "many-lines",
            "mika",
            vec![commit("Long", "mika", vec![Edit::write("long.txt", &long)])],
        ))
        .unwrap();
    let forge = Forge::start(world).await.unwrap();
    let client = Client::of(&forge);
    for number in [files, lines] {
        let path = format!("/api/v3/repos/{REPO}/pulls/{number}");
        let got = client
            .send("GET", &path, &[("accept", "application/vnd.github.diff")], None)
            .await
            .unwrap();
        assert_eq!(got.status, 406);
        assert_eq!(got.json()["errors"][0]["code"], "too_large");
    }
    let page = client
        .get(&format!("/repos/{REPO}/pulls/{files}/files?per_page=100&page=4"))
        .await;
    assert_eq!(page.json().as_array().unwrap().len(), 1);
    let page = client
        .get(&format!("/repos/{REPO}/pulls/{files}/files?per_page=100"))
        .await;
    assert!(
        page.header("link").contains("page=2>; rel=\"next\"")
            && page.header("link").contains("page=4>; rel=\"last\"")
    );
    let one = client
        .get(&format!("/repos/{REPO}/pulls/{lines}/files"))
        .await
        .json();
    assert!(one[0].get("patch").is_none(), "GitHub leaves large patches out");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_answer_is_304_and_free() {
    let (forge, client) = started().await;
    let path = format!("/api/v3/repos/{REPO}/pulls?state=open");
    let first = client.send("GET", &path, &[], None).await.unwrap();
    let etag = first.header("etag").to_owned();
    let used = |forge: &Forge| forge.with(|world| world.tokens[0].core_used);
    let before = used(&forge);
    let again = client
        .send("GET", &path, &[("if-none-match", &etag)], None)
        .await
        .unwrap();
    assert_eq!((again.status, again.bytes.len(), used(&forge)), (304, 0, before));
    assert_eq!(again.header("x-ratelimit-used"), before.to_string());
    forge
        .push(
            REPO,
            1,
            "mika",
            &[commit("Third", "mika", vec![Edit::write("d", "d")])],
        )
        .unwrap();
    let moved = client
        .send("GET", &path, &[("if-none-match", &etag)], None)
        .await
        .unwrap();
    assert_eq!((moved.status, used(&forge)), (200, before + 1));

    let notices = client.get("/notifications?participating=true").await;
    assert_eq!(notices.header("x-poll-interval"), "60");
    assert_eq!(notices.json()[0]["reason"], "review_requested");
    let since = [("if-modified-since", notices.header("last-modified"))];
    let same = client
        .send("GET", "/api/v3/notifications?participating=true", &since, None)
        .await
        .unwrap();
    assert_eq!(same.status, 304);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_github_does_not_describe_is_refused_and_remembered() {
    let (forge, client) = started().await;
    let reviews = format!("/repos/{REPO}/pulls/1/reviews");
    let expect = |got: super::Got, words: &str| {
        let seen = forge.take_violations();
        assert_eq!(got.status, 400, "{words}");
        assert!(seen.len() == 1 && seen[0].contains(words), "{words}: {seen:?}");
    };
    expect(
        client.get(&format!("/repos/{REPO}/pulls?stat=open")).await,
        "query parameter \"stat\"",
    );
    expect(
        client.get(&format!("/repos/{REPO}/pulls?state=opened")).await,
        "\"opened\"",
    );
    expect(
        client.get("/notifications?page=one").await,
        "query parameter \"page\"",
    );
    expect(
        client
            .call("POST", &reviews, json!({ "body": "x", "commit": "y" }))
            .await,
        "'commit'",
    );
    expect(
        client
            .call("POST", &reviews, json!({ "event": "APPROVED" }))
            .await,
        "\"APPROVED\"",
    );
    expect(
        client
            .call("PUT", &format!("{reviews}/1/dismissals"), json!({}))
            .await,
        "\"message\" is a required property",
    );
    expect(client.get("/repos/a/b/issues/1").await, "no operation");
    let path = format!("/api/v3/repos/{REPO}");
    expect(
        client
            .send("GET", &path, &[("accept", "application/vnd.github.diff")], None)
            .await
            .unwrap(),
        "is not offered by repos/get",
    );
    expect(
        client
            .send("GET", &path, &[("x-github-api-version", "2031-01-01")], None)
            .await
            .unwrap(),
        "API version",
    );
    let head = format!(
        "GET {path} HTTP/1.1\r\nauthorization: Bearer {}\r\n",
        forge.token()
    );
    let bare = client.raw(&head, b"").await.unwrap();
    assert_eq!(bare.status, 400);
    assert!(forge.take_violations()[0].contains("User-Agent"));
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "query parameter \"nonsense\" is not described")]
async fn a_violation_fails_the_test_that_caused_it() {
    let (forge, client) = started().await;
    client.get("/user?nonsense=1").await;
    drop(forge);
}

#[test]
fn an_answer_of_another_shape_is_seen() {
    let description = Description::get();
    let (operation, parameters) = description.find("GET", "repos/a/b/pulls/7/reviews").unwrap();
    let expected = [("owner", "a"), ("repo", "b"), ("pull_number", "7")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(parameters, HashMap::from(expected));
    let judge = |body: serde_json::Value| {
        description.judge_answer(operation, 200, "application/json", body.to_string().as_bytes())
    };
    assert!(judge(json!([])).is_empty());
    assert!(!judge(json!([{ "id": 1 }])).is_empty(), "fields are missing");
    assert!(!judge(json!({})).is_empty(), "not a list");
    let (operation, _) = description.find("GET", "user/ssh_signing_keys").unwrap();
    let key = |more: serde_json::Value| {
        let mut one = json!({ "id": 1, "key": "k", "title": "t", "created_at": "2026-01-01T00:00:00Z" });
        one.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        description.judge_answer(
            operation,
            200,
            "application/json",
            json!([one]).to_string().as_bytes(),
        )
    };
    assert!(key(json!({})).is_empty());
    assert!(
        !key(json!({ "verified": true })).is_empty(),
        "a field that is not described"
    );
    assert!(
        !key(json!({ "created_at": "yesterday" })).is_empty(),
        "not a time"
    );
    assert!(
        !key(json!({ "title": null })).is_empty(),
        "null where none may be"
    );
}

#[test]
fn a_path_parameter_at_the_end_may_hold_slashes() {
    let description = Description::get();
    let found = |path: &str, name: &str| {
        let (operation, parameters) = description.find("GET", path).unwrap();
        (operation.id.clone(), parameters[name].clone())
    };
    assert_eq!(
        found("repos/a/b/git/ref/heads/x/y", "ref"),
        ("git/get-ref".into(), "heads/x/y".into())
    );
    assert_eq!(
        found("repos/a/b/commits/x%2Fy", "ref"),
        ("repos/get-commit".into(), "x/y".into())
    );
    assert_eq!(
        found("repos/a/b/commits/x/check-runs", "ref"),
        ("checks/list-for-ref".into(), "x".into())
    );
    assert_eq!(found("repos/a/b/compare/main...f/x", "basehead").1, "main...f/x");
    assert_eq!(
        found("repos/a/b/contents/d%20e/%C3%A4.txt", "path").1,
        "d e/ä.txt"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_can_be_enrolled_once() {
    let (forge, client) = started().await;
    let key = json!({ "key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGhvd2R5 me@here", "title": "laptop" });
    let got = client.call("POST", "/user/ssh_signing_keys", key.clone()).await;
    assert_eq!(
        (got.status, got.json()["key"].as_str().unwrap().split(' ').count()),
        (201, 2)
    );
    assert_eq!(
        client.call("POST", "/user/ssh_signing_keys", key).await.status,
        422
    );
    assert_eq!(
        client
            .call("POST", "/user/ssh_signing_keys", json!({ "key": "nonsense" }))
            .await
            .status,
        400
    );
    assert!(forge.take_violations()[0].contains("does not match"));
    assert_eq!(
        client.get("/users/priya-n/ssh_signing_keys").await.json()[0]["title"],
        "laptop"
    );
}
