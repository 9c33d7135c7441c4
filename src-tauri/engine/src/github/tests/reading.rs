//! The diff and what goes with it.

use super::*;
use countersign_core::change::{AccountKind, ChangeState, Head, Person, Target};
use countersign_core::changeset::{self, Blob, Changed, ObjectFormat};
use wiremock::matchers::{header, query_param, query_param_is_missing};

const REPO: &str = "/api/v3/repos/acme/infra";

fn change(server: &MockServer) -> Change {
    let time = "2026-11-24T10:00:00Z".parse().unwrap();
    Change {
        id: id(server),
        node_id: "A".into(),
        change_id: "1".into(),
        repo_id: "55".into(),
        url: String::new(),
        title: String::new(),
        body: String::new(),
        author: None,
        state: ChangeState::Open,
        draft: false,
        created_at: time,
        updated_at: time,
        head: Head {
            branch: "topic".into(),
            oid: oid('1'),
            repo: None,
        },
        target: Target {
            branch: "main".into(),
            oid: oid('2'),
        },
        asked: vec![],
        requested: vec![],
        labels: vec![],
        assignees: vec![],
        commits: vec![],
        commit_count: 1,
        additions: 0,
        deletions: 0,
        changed_files: 1,
        checks: vec![],
        reviews: vec![],
        own_review: None,
        operators: Vec::new(),
        conflicting: false,
    }
}

fn commit(number: Oid, tree: Oid) -> Value {
    let who = json!({ "name": "Priya", "email": "p@example.com", "date": "2026-11-24T09:00:00Z" });
    json!({
        "sha": number, "commit": { "message": "One", "tree": { "sha": tree }, "author": who, "committer": who },
        "author": { "login": "priya-n", "id": 12, "type": "User" }, "committer": {}, "parents": [],
    })
}

async fn get(server: &MockServer, below: &str, with: ResponseTemplate) {
    Mock::given(method("GET"))
        .and(path(format!("{REPO}{below}")))
        .respond_with(with)
        .mount(server)
        .await;
}

fn comparison() -> String {
    format!("/compare/{}...{}", oid('2'), oid('1'))
}

async fn compared(server: &MockServer, commits: &[Value], total: u64) {
    let body = json!({ "merge_base_commit": commit(oid('3'), oid('4')), "total_commits": total, "commits": commits, "files": [{ "patch": "ignored" }] });
    Mock::given(method("GET"))
        .and(path(format!("{REPO}{}", comparison())))
        .and(header("accept", client::JSON))
        .and(query_param("per_page", "100"))
        .respond_with(good(&body))
        .mount(server)
        .await;
}

async fn diffed(server: &MockServer, with: ResponseTemplate) {
    Mock::given(method("GET"))
        .and(path(format!("{REPO}{}", comparison())))
        .and(header("accept", client::DIFF))
        .and(query_param_is_missing("per_page"))
        .respond_with(with)
        .mount(server)
        .await;
}

fn entry(path: &str, mode: &str, number: Oid) -> Value {
    json!({ "path": path, "mode": mode, "type": "blob", "sha": number })
}

async fn tree(server: &MockServer, number: Oid, truncated: bool, entries: &[Value]) {
    get(
        server,
        &format!("/git/trees/{number}"),
        good(&json!({ "sha": number, "truncated": truncated, "tree": entries })),
    )
    .await;
}

/// One file `a` changes, and nothing else is there.
async fn usual(server: &MockServer) {
    compared(server, &[commit(oid('1'), oid('5'))], 1).await;
    tree(server, oid('4'), false, &[entry("a", "100644", oid('6'))]).await;
    tree(server, oid('5'), false, &[entry("a", "100644", oid('7'))]).await;
}

fn wanted() -> Option<String> {
    let blob = |digit| {
        Some(Blob {
            mode: 0o100_644,
            oid: oid(digit),
        })
    };
    let changed = [Changed {
        path: b"a".to_vec(),
        old: blob('6'),
        new: blob('7'),
    }];
    Some(changeset::digest(ObjectFormat::Sha1, &changed).unwrap())
}

const DIFF: &[u8] =
    b"diff --git a/a b/a\nindex 6666666..7777777 100644\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-\xff\xfe\n+b\n";

#[tokio::test]
async fn the_diff_comes_as_bytes_with_all_that_belongs_to_it() {
    let server = MockServer::start().await;
    usual(&server).await;
    diffed(&server, ResponseTemplate::new(200).set_body_bytes(DIFF)).await;
    let policy = b"version = 1\nallowed_signers = \"keys/our signers\"\n";
    let packed = "dmVyc2lvbiA9IDEKYWxsb3dlZF9zaWduZXJz\nID0gImtleXMvb3VyIHNpZ25lcnMiCg==\n";
    let file = |content: &str, number| json!({ "type": "file", "encoding": "base64", "content": content, "sha": number, "size": 1 });
    get(
        &server,
        "/contents/.github/countersign.toml",
        good(&file(packed, oid('8'))),
    )
    .await;
    get(
        &server,
        "/contents/keys/our%20signers",
        good(&file("a2V5Cg==\n", oid('9'))),
    )
    .await;
    get(
        &server,
        "/contents/CODEOWNERS",
        good(&file("KiBAYQo=\n", oid('a'))),
    )
    .await;
    get(
        &server,
        "/contents/docs/CODEOWNERS",
        good(&file("a2V5Cg==\n", oid('b'))),
    )
    .await;
    let reading = of(&server).read(&change(&server)).await.unwrap();
    assert_eq!(reading.diff.as_deref(), Some(DIFF));
    assert_eq!(reading.missing, []);
    assert_eq!(
        (reading.merge_base, reading.head_tree),
        (Some(oid('3')), Some(oid('5')))
    );
    assert_eq!(reading.changeset, wanted());
    let read = reading.policy.unwrap();
    assert_eq!((read.bytes.as_slice(), read.blob), (&policy[..], oid('8')));
    assert_eq!(reading.allowed_signers.unwrap().bytes, b"key\n");
    let (path, owners) = reading.owners.unwrap();
    assert_eq!(
        (path.as_str(), owners.bytes.as_slice()),
        ("CODEOWNERS", &b"* @a\n"[..]),
        "the forge goes by the first place that has one"
    );
    let first = &reading.commits[0];
    assert_eq!(
        (
            first.tree.clone(),
            first.author.account.as_ref().unwrap().login.as_str()
        ),
        (Some(oid('5')), "priya-n")
    );
    assert_eq!(first.committer.account, None, "an empty object is no account");
    // Policy and owners are asked for at the target's tip.
    let requests = server.received_requests().await.unwrap();
    let contents: Vec<_> = requests
        .iter()
        .filter(|one| one.url.path().contains("/contents/"))
        .collect();
    assert!(
        contents.len() == 4
            && contents
                .iter()
                .all(|one| one.url.query() == Some(&format!("ref={}", oid('2'))))
    );
    assert!(
        requests.iter().all(|one| !one.url.path().contains("/pulls/")),
        "a number follows the moving head"
    );
}

#[tokio::test]
async fn where_the_author_is_new_is_context_and_nothing_fails_without_it() {
    for (author, kind, answer, expected) in [
        ("mika", AccountKind::User, good(&json!([])), vec![String::new()]),
        ("mika", AccountKind::User, good(&json!([{ "sha": "x" }])), vec![]),
        (
            "mika",
            AccountKind::User,
            good(&json!({ "message": "?" })),
            vec![],
        ),
        ("mika", AccountKind::User, ResponseTemplate::new(409), vec![]),
        ("mika", AccountKind::User, ResponseTemplate::new(404), vec![]),
        ("kiro-agent[bot]", AccountKind::Bot, good(&json!([])), vec![]),
    ] {
        let server = MockServer::start().await;
        usual(&server).await;
        diffed(&server, ResponseTemplate::new(200).set_body_bytes(DIFF)).await;
        get(&server, "/commits", answer).await;
        let mut change = change(&server);
        change.author = Some(Person {
            login: author.into(),
            id: None,
            kind,
        });
        let reading = of(&server).read(&change).await.unwrap();
        assert_eq!(
            (reading.new_to_author, reading.missing),
            (expected, vec![]),
            "{author}"
        );
        let requests = server.received_requests().await.unwrap();
        let asked = requests.iter().find(|one| one.url.path().ends_with("/commits"));
        let query = format!("sha={}&author=mika&per_page=1", oid('2'));
        assert_eq!(
            asked.map(|one| one.url.query().unwrap().to_owned()),
            (kind == AccountKind::User).then_some(query)
        );
    }
}

#[tokio::test]
async fn no_policy_and_one_that_is_no_file() {
    let server = MockServer::start().await;
    usual(&server).await;
    diffed(&server, ResponseTemplate::new(200).set_body_bytes(DIFF)).await;
    let reading = of(&server).read(&change(&server)).await.unwrap();
    assert_eq!(
        (reading.policy, reading.allowed_signers, reading.missing),
        (None, None, vec![])
    );
    for body in [
        json!([]),
        json!({ "type": "file", "encoding": "none", "content": "", "sha": oid('8') }),
    ] {
        server.reset().await;
        usual(&server).await;
        diffed(&server, ResponseTemplate::new(200).set_body_bytes(DIFF)).await;
        get(&server, "/contents/.github/countersign.toml", good(&body)).await;
        let reading = of(&server).read(&change(&server)).await.unwrap();
        assert_eq!((reading.policy, reading.missing.len()), (None, 1));
    }
}

#[tokio::test]
async fn owners_that_cannot_be_read_are_said_and_keep_nothing_back() {
    for answer in [
        good(&json!({ "type": "file", "encoding": "none", "content": "", "sha": oid('8') })),
        ResponseTemplate::new(403).set_body_json(json!({ "message": "Resource not accessible" })),
    ] {
        let server = MockServer::start().await;
        usual(&server).await;
        diffed(&server, ResponseTemplate::new(200).set_body_bytes(DIFF)).await;
        get(&server, "/contents/.github/CODEOWNERS", answer).await;
        let reading = of(&server).read(&change(&server)).await.unwrap();
        assert_eq!((reading.diff.as_deref(), reading.owners), (Some(DIFF), None));
        let (path, why) = &reading.missing[0];
        assert!(
            path.ends_with("CODEOWNERS") && why.starts_with("whose ground this is cannot be told"),
            "{path}: {why}"
        );
    }
}

#[tokio::test]
async fn a_diff_that_the_forge_will_not_send_is_put_together() {
    let server = MockServer::start().await;
    usual(&server).await;
    diffed(
        &server,
        ResponseTemplate::new(406)
            .set_body_json(json!({ "message": "too large", "errors": [{ "code": "too_large" }] })),
    )
    .await;
    let file = |number, patch: Option<&str>| json!({ "filename": "a", "status": "modified", "sha": number, "additions": 1, "deletions": 1, "changes": 2, "patch": patch });
    get(
        &server,
        "/pulls/7/files",
        good(&json!([file(oid('7'), Some("@@ -1 +1 @@\n-a\n+b"))])),
    )
    .await;
    let reading = of(&server).read(&change(&server)).await.unwrap();
    let diff = String::from_utf8(reading.diff.unwrap()).unwrap();
    assert!(
        diff.ends_with("--- a/a\n+++ b/a\n@@ -1 +1 @@\n-a\n+b\n"),
        "{diff}"
    );
    assert_eq!((reading.missing, reading.changeset), (vec![], wanted()));
}

#[tokio::test]
async fn a_diff_in_trouble_is_not_an_empty_one() {
    let server = MockServer::start().await;
    for (with, wants) in [
        (
            ResponseTemplate::new(503).set_body_json(json!({ "message": "unavailable" })),
            503,
        ),
        (ResponseTemplate::new(200).set_body_string("<html>"), 0),
    ] {
        server.reset().await;
        usual(&server).await;
        diffed(&server, with).await;
        match of(&server).read(&change(&server)).await {
            Err(ForgeError::Server { status, .. }) => assert_eq!(status, wants),
            Err(ForgeError::Garbled { .. }) => assert_eq!(wants, 0),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_tree_that_is_too_large_is_walked() {
    let server = MockServer::start().await;
    compared(&server, &[commit(oid('1'), oid('5'))], 1).await;
    let diff =
        "diff --git a/d/x b/d/x\nindex 6666666..7777777 100644\n--- a/d/x\n+++ b/d/x\n@@ -1 +1 @@\n-a\n+b\n";
    diffed(&server, ResponseTemplate::new(200).set_body_string(diff)).await;
    for (number, below) in [('4', 'a'), ('5', 'b')] {
        Mock::given(method("GET"))
            .and(path(format!("{REPO}/git/trees/{}", oid(number))))
            .and(query_param("recursive", "1"))
            .respond_with(good(&json!({ "truncated": true, "tree": [] })))
            .with_priority(1)
            .mount(&server)
            .await;
        tree(
            &server,
            oid(number),
            false,
            &[
                entry("d", "040000", oid(below)),
                entry("same", "040000", oid('e')),
            ],
        )
        .await;
    }
    tree(&server, oid('a'), false, &[entry("x", "100644", oid('6'))]).await;
    tree(&server, oid('b'), false, &[entry("x", "100644", oid('7'))]).await;
    let reading = of(&server).read(&change(&server)).await.unwrap();
    let blob = |digit| {
        Some(Blob {
            mode: 0o100_644,
            oid: oid(digit),
        })
    };
    let changed = [Changed {
        path: b"d/x".to_vec(),
        old: blob('6'),
        new: blob('7'),
    }];
    assert_eq!(
        reading.changeset,
        Some(changeset::digest(ObjectFormat::Sha1, &changed).unwrap())
    );

    server.reset().await;
    compared(&server, &[commit(oid('1'), oid('5'))], 1).await;
    diffed(&server, ResponseTemplate::new(200).set_body_bytes(DIFF)).await;
    for number in ['4', '5'] {
        tree(&server, oid(number), true, &[]).await;
    }
    assert_eq!(of(&server).read(&change(&server)).await.unwrap().changeset, None);
}

#[tokio::test]
async fn a_path_that_lost_bytes_has_no_digest() {
    let server = MockServer::start().await;
    compared(&server, &[commit(oid('1'), oid('5'))], 1).await;
    diffed(&server, ResponseTemplate::new(200).set_body_bytes(DIFF)).await;
    tree(&server, oid('4'), false, &[]).await;
    tree(
        &server,
        oid('5'),
        false,
        &[entry("a\u{fffd}", "100644", oid('7'))],
    )
    .await;
    assert_eq!(of(&server).read(&change(&server)).await.unwrap().changeset, None);
}

/// As a cache answers that mixes up its keys.
#[tokio::test]
async fn a_diff_of_other_trees_is_not_believed() {
    let server = MockServer::start().await;
    compared(&server, &[commit(oid('1'), oid('5'))], 1).await;
    tree(&server, oid('4'), false, &[entry("a", "100644", oid('6'))]).await;
    tree(&server, oid('5'), false, &[entry("a", "100644", oid('8'))]).await;
    diffed(&server, ResponseTemplate::new(200).set_body_bytes(DIFF)).await;
    let error = of(&server).read(&change(&server)).await.unwrap_err().to_string();
    assert!(
        error.contains("not the one between its trees, as a shows"),
        "{error}"
    );
}

#[tokio::test]
async fn commits_are_read_in_pages_up_to_the_limit() {
    let server = MockServer::start().await;
    for (page, count) in [("1", 100_u64), ("2", 100), ("3", 100)] {
        let list: Vec<Value> = (0..count)
            .map(|n| commit(format!("{page}{n:039}").parse().unwrap(), oid('f')))
            .collect();
        let body =
            json!({ "merge_base_commit": commit(oid('3'), oid('4')), "total_commits": 300, "commits": list });
        Mock::given(method("GET"))
            .and(path(format!("{REPO}{}", comparison())))
            .and(header("accept", client::JSON))
            .and(query_param("page", page))
            .respond_with(good(&body))
            .mount(&server)
            .await;
    }
    diffed(&server, ResponseTemplate::new(200).set_body_bytes(DIFF)).await;
    // The head is not among those listed: its tree is asked for.
    get(
        &server,
        &format!("/git/commits/{}", oid('1')),
        good(&json!({ "sha": oid('1'), "tree": { "sha": oid('5') } })),
    )
    .await;
    tree(&server, oid('4'), false, &[entry("a", "100644", oid('6'))]).await;
    tree(&server, oid('5'), false, &[entry("a", "100644", oid('7'))]).await;
    let reading = of(&server).read(&change(&server)).await.unwrap();
    assert_eq!((reading.commits.len(), reading.head_tree), (250, Some(oid('5'))));
    assert_eq!(
        reading.missing,
        [(String::new(), "only 250 of 300 commits were read".to_owned())]
    );
}

#[tokio::test]
async fn a_head_that_is_not_there() {
    let server = MockServer::start().await;
    let error = of(&server).read(&change(&server)).await.unwrap_err();
    assert!(
        matches!(&error, ForgeError::NotFound { what } if what.contains("comparison")),
        "{error:?}"
    );
}
