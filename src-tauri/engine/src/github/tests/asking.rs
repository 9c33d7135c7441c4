//! Searches and changes by node id.

use super::*;
use countersign_core::change::{Asked, CheckState, ReviewState};
use wiremock::{Request, Respond};

/// Answers GraphQL: the schema in full, and whatever the function makes of any other request.
struct Graph<F>(F);

impl<F: Fn(&Value) -> Value + Send + Sync> Respond for Graph<F> {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let asked: Value = serde_json::from_slice(&request.body).unwrap();
        let query = asked["query"].as_str().unwrap();
        if query.contains("__type(") {
            return good(&json!({ "data": modern(query) }));
        }
        good(&(self.0)(&asked))
    }
}

/// A schema that has everything that is asked about.
fn modern(query: &str) -> Value {
    let all = [
        "fullDatabaseId",
        "databaseId",
        "asCodeOwner",
        "viewerLatestReview",
        "latestOpinionatedReviews",
        "statusCheckRollup",
    ];
    let fields: Vec<Value> = all.iter().map(|name| json!({ "name": name })).collect();
    let types = query.matches("__type(").count();
    (0..types)
        .map(|n| (format!("t{n}"), json!({ "fields": fields })))
        .collect()
}

async fn graph(server: &MockServer, answer: impl Fn(&Value) -> Value + Send + Sync + 'static) {
    Mock::given(method("POST"))
        .and(path("/api/graphql"))
        .respond_with(Graph(answer))
        .mount(server)
        .await;
}

fn hit(id: &str) -> Value {
    json!({ "__typename": "PullRequest", "id": id, "updatedAt": "2026-11-24T10:00:00Z", "headRefOid": oid('1') })
}

fn page(total: u64, nodes: &[Value], next: Option<&str>) -> Value {
    json!({ "issueCount": total, "nodes": nodes, "pageInfo": { "hasNextPage": next.is_some(), "endCursor": next } })
}

#[tokio::test]
async fn four_searches_make_one_list() {
    let server = MockServer::start().await;
    graph(&server, |asked| {
        let variables = &asked["variables"];
        assert_eq!(variables["assigned"], "is:pr is:open archived:false assignee:@me");
        if variables["afterTeam"].is_null() {
            json!({ "data": {
                "rateLimit": { "limit": 5000, "remaining": 4999, "resetAt": "2026-11-24T11:00:00Z" },
                "team": page(3, &[hit("A"), hit("B")], Some("c1")), "name": page(1, &[hit("A")], None),
                "assigned": page(0, &[], None), "reviewed": page(1, &[hit("C")], None),
            }})
        } else {
            // Only the search that goes on is asked for.
            assert_eq!(variables["afterTeam"], "c1");
            assert_eq!(
                [
                    &variables["moreName"],
                    &variables["moreAssigned"],
                    &variables["moreReviewed"]
                ],
                [false; 3]
            );
            json!({ "data": { "team": page(3, &[hit("D")], None) } })
        }
    })
    .await;
    let probe = of(&server).probe().await.unwrap();
    let ids: Vec<&str> = probe.hits.iter().map(|hit| hit.node_id.as_str()).collect();
    assert_eq!(ids, ["A", "B", "C", "D"]);
    let first = &probe.hits[0];
    assert_eq!(
        (first.asked, first.by_name, first.assigned, first.reviewed),
        (true, true, false, false)
    );
    assert_eq!(
        (probe.hits[1].by_name, probe.hits[2].asked, probe.hits[2].reviewed),
        (false, false, true)
    );
    assert_eq!(probe.quota.map(|quota| quota.left), Some(4999));
    assert_eq!((probe.cut, probe.hidden), (vec![], vec![]));
    assert!(probe.forge_time.is_some());
}

#[tokio::test]
async fn a_list_that_never_ends_is_cut_and_says_so() {
    let server = MockServer::start().await;
    graph(&server, |asked| {
        let seen = asked["variables"]["afterTeam"].as_str().unwrap_or("0").parse::<u64>().unwrap();
        let more = page(5000, &[hit(&format!("N{seen}"))], Some(&(seen + 1).to_string()));
        json!({ "data": { "team": more, "name": page(0, &[], None), "assigned": page(0, &[], None), "reviewed": page(0, &[], None) } })
    })
    .await;
    let probe = of(&server).probe().await.unwrap();
    assert_eq!(probe.hits.len(), 10);
    assert_eq!(probe.cut, ["10 of 5000 changes that wait for your review"]);
}

#[tokio::test]
async fn a_list_that_shifts_between_its_pages_is_not_whole_and_says_so() {
    let server = MockServer::start().await;
    graph(&server, |asked| {
        let team = if asked["variables"]["afterTeam"].is_null() {
            page(3, &[hit("A"), hit("B")], Some("c1"))
        } else {
            page(3, &[hit("B")], None)
        };
        json!({ "data": { "team": team, "name": page(0, &[], None), "assigned": page(0, &[], None), "reviewed": page(0, &[], None) } })
    })
    .await;
    let probe = of(&server).probe().await.unwrap();
    assert_eq!(probe.hits.len(), 2);
    assert_eq!(probe.cut, ["2 of 3 changes that wait for your review"]);
}

#[tokio::test]
async fn what_is_hidden_or_unreadable_in_a_search_is_told() {
    let server = MockServer::start().await;
    let body = json!({
        "data": {
            "team": page(3, &[hit("A"), Value::Null, json!({ "__typename": "PullRequest", "id": "B" })], None),
            "name": page(0, &[], None), "assigned": page(0, &[], None), "reviewed": page(0, &[], None),
        },
        "errors": [{ "type": "FORBIDDEN", "path": ["team", "nodes", 1], "extensions": { "saml_failure": true }, "message": "SAML" }],
    });
    let with = good(&body).insert_header("x-github-sso", "partial-results; organizations=21955855,20582480");
    answers(&server, "POST", "/graphql", with).await;
    let probe = of(&server).probe().await.unwrap();
    assert_eq!(probe.hits.len(), 1);
    let names: Vec<&str> = probe.hidden.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["21955855", "20582480"]);
    assert_eq!(probe.cut.len(), 1, "{:?}", probe.cut);

    server.reset().await;
    answers(&server, "POST", "/graphql", good(&body)).await;
    assert_eq!(
        of(&server).probe().await.unwrap().hidden.len(),
        1,
        "the error alone is enough"
    );
}

#[tokio::test]
async fn errors_without_data_are_told_apart() {
    let server = MockServer::start().await;
    let probe = async |error: Value| {
        server.reset().await;
        answers(
            &server,
            "POST",
            "/graphql",
            good(&json!({ "data": null, "errors": [error] })),
        )
        .await;
        of(&server).probe().await.unwrap_err()
    };
    let error = probe(json!({ "type": "RATE_LIMITED", "message": "API rate limit exceeded" })).await;
    assert!(matches!(error, ForgeError::RateLimited { .. }), "{error:?}");
    let error = probe(json!({ "type": "INSUFFICIENT_SCOPES", "message": "needs repo" })).await;
    assert!(matches!(error, ForgeError::Forbidden { .. }), "{error:?}");
    let error =
        probe(json!({ "extensions": { "code": "undefinedField" }, "message": "Field 'x' doesn't exist" }))
            .await;
    assert!(matches!(error, ForgeError::Refused { .. }), "{error:?}");
    let error = probe(json!({ "message": "Something went wrong while executing your query." })).await;
    assert!(
        matches!(&error, ForgeError::Garbled { .. }) && error.is_passing(),
        "{error:?}"
    );
}

fn user(login: &str, id: u64) -> Value {
    json!({ "__typename": "User", "login": login, "databaseId": id })
}

fn node(id: &str) -> Value {
    let opinion = json!({
        "fullDatabaseId": "3500000000", "state": "CHANGES_REQUESTED", "submittedAt": "2026-11-23T10:00:00Z",
        "lastEditedAt": null, "commit": { "oid": oid('3') }, "author": user("priya-n", 12),
    });
    let commit = json!({ "commit": {
        "oid": oid('1'), "message": "One\r\n\r\nCo-authored-by: X <x@example.com>", "committedDate": "2026-11-23T09:00:00Z",
        "tree": { "oid": oid('4') },
        "author": { "name": "Bot", "email": "b@example.com", "user": { "login": "dependabot[bot]", "databaseId": 5 } },
        "committer": { "name": null, "email": null, "user": null },
    }});
    let run = |name: &str, status: &str, conclusion: Option<&str>| json!({ "__typename": "CheckRun", "name": name, "status": status, "conclusion": conclusion });
    let checks = json!([
        run("build", "COMPLETED", Some("SUCCESS")), run("test", "IN_PROGRESS", None), run("lint", "COMPLETED", Some("SKIPPED")),
        run("new", "COMPLETED", Some("WHO_KNOWS")), { "__typename": "StatusContext", "context": "ci/x", "state": "ERROR" },
    ]);
    json!({
        "__typename": "PullRequest", "id": id, "fullDatabaseId": "2345678901", "number": 7,
        "url": "https://evil.example/acme/infra/pull/7", "title": "T", "body": "B", "state": "OPEN", "isDraft": false,
        "createdAt": "2026-11-20T10:00:00Z", "updatedAt": "2026-11-24T10:00:00Z", "additions": 1, "deletions": 2,
        "changedFiles": 3, "baseRefName": "main", "baseRefOid": oid('5'), "headRefName": "topic", "headRefOid": oid('1'),
        "baseRef": { "target": { "oid": oid('6') } }, "repository": { "databaseId": 55, "nameWithOwner": "acme/infra" },
        "headRepository": null, "author": { "__typename": "Bot", "login": "dependabot", "databaseId": 5 },
        "labels": { "nodes": [{ "name": "risky" }] }, "assignees": { "nodes": [user("priya-n", 12)] },
        "reviewRequests": { "nodes": [
            { "asCodeOwner": false, "requestedReviewer": user("Priya-N", 12) },
            { "asCodeOwner": true, "requestedReviewer": { "__typename": "Team", "slug": "platform", "organization": { "login": "acme" } } },
            { "asCodeOwner": false, "requestedReviewer": user("sam", 13) },
            { "asCodeOwner": false, "requestedReviewer": { "__typename": "Mannequin" } },
            { "asCodeOwner": false, "requestedReviewer": null },
        ]},
        "viewerLatestReview": { "fullDatabaseId": 9, "state": "PENDING", "submittedAt": null, "lastEditedAt": null, "commit": null, "author": user("priya-n", 12) },
        "latestOpinionatedReviews": { "nodes": [opinion] },
        "commits": { "totalCount": 51, "nodes": [commit] },
        "tip": { "nodes": [{ "commit": { "oid": oid('1'), "statusCheckRollup": { "state": "FAILURE", "contexts": { "totalCount": 107, "nodes": checks } } } }] },
    })
}

fn data(nodes: &[Value]) -> Value {
    json!({ "viewer": { "login": "priya-n", "databaseId": 12 }, "nodes": nodes })
}

async fn hydrated(answer: Value, ids: &[&str]) -> Vec<Hydrated> {
    let server = MockServer::start().await;
    graph(&server, move |_| answer.clone()).await;
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    of(&server).hydrate(&ids).await.unwrap()
}

fn whole(one: &Hydrated) -> &Change {
    let Hydrated::Change(change) = one else {
        panic!("{one:?}")
    };
    change
}

#[tokio::test]
async fn a_change_is_read_whole() {
    let read = hydrated(json!({ "data": data(&[node("A")]) }), &["A"]).await;
    let change = whole(&read[0]);
    assert_eq!(
        (change.change_id.as_str(), change.repo_id.as_str()),
        ("2345678901", "55")
    );
    assert_eq!(
        change.url,
        format!("http://{}/acme/infra/pull/7", change.id.host),
        "a link leads to this forge"
    );
    assert_eq!(change.target.oid, oid('6'), "the tip now, not the one recorded");
    assert_eq!(change.head.repo, None);
    let team = Asked::Team {
        team: "acme/platform".into(),
        code_owner: true,
    };
    assert_eq!(
        change.asked,
        [Asked::ByName, team, Asked::Assigned, Asked::Reviewed]
    );
    let requested: Vec<_> = change
        .requested
        .iter()
        .map(|one| (one.who.as_deref(), one.code_owner))
        .collect();
    assert_eq!(
        requested,
        [
            (Some("Priya-N"), false),
            (Some("acme/platform"), true),
            (Some("sam"), false),
            (None, false),
            (None, false)
        ]
    );
    let own = change.own_review.as_ref().unwrap();
    assert_eq!(
        (own.state, own.id.as_str()),
        (ReviewState::ChangesRequested, "3500000000"),
        "a pending one is no opinion"
    );
    assert_eq!(change.author.as_ref().unwrap().login, "dependabot[bot]");
    assert_eq!(
        change.commits[0].author.account.as_ref().unwrap().login,
        "dependabot[bot]"
    );
    assert!(change.commits[0].message.starts_with("One\n\nCo-authored-by"));
    assert_eq!(change.commit_count, 51);
    let states: Vec<CheckState> = change.checks.iter().map(|check| check.state).collect();
    use CheckState::{Failed, Passed, Running, Skipped};
    assert_eq!(states, [Passed, Running, Skipped, Failed, Failed, Failed]);
    assert_eq!(change.checks[5].name, "102 more checks");
}

#[tokio::test]
async fn a_deleted_target_branch_leaves_the_recorded_tip() {
    let mut one = node("A");
    one["baseRef"] = Value::Null;
    let read = hydrated(json!({ "data": data(&[one]) }), &["A"]).await;
    assert_eq!(whole(&read[0]).target.oid, oid('5'));
}

#[tokio::test]
async fn one_bad_change_hides_no_other() {
    let mut bad = node("B");
    bad["headRefOid"] = json!("not an object's name");
    let mut late = node("E");
    late["commits"] = Value::Null;
    let answer = json!({
        "data": data(&[node("A"), bad, Value::Null, Value::Null, late, json!({ "__typename": "Issue", "id": "F" })]),
        "errors": [
            { "type": "NOT_FOUND", "path": ["nodes", 2], "message": "Could not resolve to a node" },
            { "type": "FORBIDDEN", "path": ["nodes", 3], "extensions": { "saml_failure": true }, "message": "Resource protected by organization SAML enforcement." },
            { "path": ["nodes", 4, "commits"], "message": "timed out" },
        ],
    });
    let read = hydrated(answer, &["A", "B", "C", "D", "E", "F"]).await;
    assert_eq!(whole(&read[0]).node_id, "A");
    let why = |n: usize| {
        let Hydrated::Unreadable { why, .. } = &read[n] else {
            panic!("{:?}", read[n])
        };
        why.as_str()
    };
    assert!(why(1).contains("git object name"), "{}", why(1));
    assert_eq!(read[2], Hydrated::Gone { node_id: "C".into() });
    assert!(why(3).contains("SAML"), "what single sign-on hides is not gone");
    assert_eq!(why(4), "timed out");
    assert!(why(5).contains("Issue"));
}

#[tokio::test]
async fn a_small_token_still_reads_changes() {
    let mut one = node("A");
    one["tip"]["nodes"][0]["commit"]["statusCheckRollup"] = Value::Null;
    one["reviewRequests"]["nodes"][1]["requestedReviewer"] = Value::Null;
    let may_not = |path: Value| json!({ "type": "FORBIDDEN", "path": path, "message": "Resource not accessible by personal access token" });
    let answer = json!({ "data": data(&[one]), "errors": [
        may_not(json!(["nodes", 0, "tip", "nodes", 0, "commit", "statusCheckRollup"])),
        may_not(json!(["nodes", 0, "reviewRequests", "nodes", 1, "requestedReviewer"])),
    ]});
    let read = hydrated(answer, &["A"]).await;
    assert_eq!(whole(&read[0]).checks, []);
    assert_eq!(whole(&read[0]).asked.len(), 3);
}

#[tokio::test]
async fn without_read_org_the_teams_are_left_out_once_and_for_all() {
    let server = MockServer::start().await;
    graph(&server, |asked| {
        if asked["query"].as_str().unwrap().contains("... on Team") {
            return json!({ "errors": [{ "type": "INSUFFICIENT_SCOPES", "message": "The 'slug' field requires one of the following scopes: ['read:org']" }] });
        }
        let mut one = node("A");
        one["reviewRequests"]["nodes"][1]["requestedReviewer"] = json!({ "__typename": "Team" });
        json!({ "data": data(&[one]) })
    })
    .await;
    let github = of(&server);
    for requests in [3, 4] {
        let read = github.hydrate(&["A".to_owned()]).await.unwrap();
        assert_eq!(
            whole(&read[0]).asked,
            [Asked::ByName, Asked::Assigned, Asked::Reviewed]
        );
        assert_eq!(server.received_requests().await.unwrap().len(), requests);
    }
}

#[tokio::test]
async fn an_older_server_is_asked_for_less() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/api/graphql"))
        .respond_with(|request: &Request| {
            let asked: Value = serde_json::from_slice(&request.body).unwrap();
            let query = asked["query"].as_str().unwrap();
            if query.contains("__type(") {
                let types = query.matches("__type(").count();
                let bare = |n| (format!("t{n}"), json!({ "fields": [{ "name": "databaseId" }] }));
                return good(&json!({ "data": (0..types).map(bare).collect::<Value>() }));
            }
            for late in [
                "statusCheckRollup",
                "asCodeOwner",
                "viewerLatestReview",
                "latestOpinionatedReviews",
            ] {
                assert!(!query.contains(late), "{query}");
            }
            assert_eq!(query.matches("fullDatabaseId: databaseId").count(), 2, "{query}");
            assert_eq!(query.matches('{').count(), query.matches('}').count(), "{query}");
            let mut one = node("A");
            one["fullDatabaseId"] = json!(77);
            for late in ["viewerLatestReview", "latestOpinionatedReviews"] {
                one.as_object_mut().unwrap().remove(late);
            }
            one["tip"]["nodes"][0]["commit"]
                .as_object_mut()
                .unwrap()
                .remove("statusCheckRollup");
            good(&json!({ "data": data(&[one]) }))
        })
        .mount(&server)
        .await;
    let read = of(&server).hydrate(&["A".to_owned()]).await.unwrap();
    assert_eq!(
        (whole(&read[0]).change_id.as_str(), &whole(&read[0]).own_review),
        ("77", &None)
    );
}

#[tokio::test]
async fn fifty_changes_a_call() {
    let server = MockServer::start().await;
    graph(&server, |asked| {
        let ids = asked["variables"]["ids"].as_array().unwrap();
        assert!(ids.len() <= 50);
        let nodes: Vec<Value> = ids.iter().map(|id| node(id.as_str().unwrap())).collect();
        json!({ "data": data(&nodes) })
    })
    .await;
    let ids: Vec<String> = (0..103).map(|n| format!("N{n}")).collect();
    let read = of(&server).hydrate(&ids).await.unwrap();
    let got: Vec<&str> = read.iter().map(|one| whole(one).node_id.as_str()).collect();
    assert_eq!(got, ids.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(of(&server).hydrate(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_id_that_takes_all_data_with_it_is_left_out() {
    let server = MockServer::start().await;
    graph(&server, |asked| {
        let ids: Vec<&str> = asked["variables"]["ids"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        match ids.iter().position(|id| id.starts_with("bad")) {
            Some(n) => json!({ "data": null, "errors": [
                { "type": "NOT_FOUND", "path": ["nodes", n], "message": "Could not resolve to a node" },
            ]}),
            None => json!({ "data": data(&ids.iter().map(|id| node(id)).collect::<Vec<_>>()) }),
        }
    })
    .await;
    let ids = ["A", "bad1", "B", "bad2"].map(str::to_owned);
    let read = of(&server).hydrate(&ids).await.unwrap();
    assert_eq!(
        (whole(&read[0]).node_id.as_str(), whole(&read[2]).node_id.as_str()),
        ("A", "B")
    );
    assert_eq!(
        read[1],
        Hydrated::Gone {
            node_id: "bad1".into()
        }
    );
    assert_eq!(
        read[3],
        Hydrated::Gone {
            node_id: "bad2".into()
        }
    );
    assert_eq!(
        server.received_requests().await.unwrap().len(),
        4,
        "the schema, two without data, one with"
    );
}

#[tokio::test]
async fn a_gap_that_an_error_without_a_place_explains_is_not_a_loss() {
    let answer = json!({ "data": data(&[Value::Null]), "errors": [{ "message": "Timeout" }] });
    let read = hydrated(answer, &["A"]).await;
    assert_eq!(
        read[0],
        Hydrated::Unreadable {
            node_id: "A".into(),
            why: "Timeout".into()
        }
    );
    let read = hydrated(json!({ "data": data(&[Value::Null]) }), &["A"]).await;
    assert_eq!(read[0], Hydrated::Gone { node_id: "A".into() });
}
