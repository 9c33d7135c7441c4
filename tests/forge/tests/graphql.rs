use serde_json::{Value, json};

use super::{Client, REPO, change, commit, small, started};
use crate::forge::git::Edit;
use crate::forge::world::Asked;
use crate::forge::{Forge, sample};

const PROBE: &str = r#"
query Probe($pending: String!, $direct: String!, $assigned: String!, $reviewed: String!, $after: String) {
  viewer { login databaseId }
  rateLimit { cost limit remaining used resetAt nodeCount }
  pending: search(query: $pending, type: ISSUE, first: 100, after: $after) { ...Hits }
  direct: search(query: $direct, type: ISSUE, first: 100) { issueCount nodes { __typename ... on PullRequest { id } } }
  assigned: search(query: $assigned, type: ISSUE, first: 100) { ...Hits }
  reviewed: search(query: $reviewed, type: ISSUE, first: 100) { ...Hits }
}
fragment Hits on SearchResultItemConnection {
  issueCount
  pageInfo { hasNextPage endCursor }
  nodes { __typename ... on PullRequest { id number isDraft updatedAt headRefOid repository { nameWithOwner } } }
}"#;

const EIGHT_CONNECTIONS: &str = "query($ids: [ID!]!) { rateLimit { cost nodeCount } nodes(ids: $ids) { ... on PullRequest {
  id number author { __typename login ... on User { databaseId } ... on Bot { databaseId } }
  assignees(first: 20) { nodes { login } } labels(first: 20) { nodes { name color } }
  reviewRequests(first: 50) { nodes { asCodeOwner requestedReviewer { __typename ... on Actor { login } ... on Team { slug organization { login } } } } }
  latestOpinionatedReviews(first: 20) { nodes { state commit { oid } } }
  commits(last: 50) { totalCount nodes { commit { oid messageHeadline messageBody tree { oid } author { name email user { login } } signature { isValid } } } }
  files(first: 100) { totalCount nodes { path additions deletions changeType } }
  headCommit: commits(last: 1) { nodes { commit { statusCheckRollup { state contexts(first: 50) { nodes {
    __typename ... on CheckRun { name status conclusion checkSuite { app { slug } } } ... on StatusContext { context state } } } } } } }
} } }";

fn searches() -> Value {
    let end = "is:pr is:open archived:false";
    json!({
        "pending": format!("review-requested:@me {end}"), "direct": format!("user-review-requested:@me {end}"),
        "assigned": format!("assignee:@me {end}"), "reviewed": format!("reviewed-by:@me {end}"),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_waits_for_its_viewer() {
    let forge = Forge::start(sample::world().unwrap()).await.unwrap();
    let client = Client::of(&forge);
    let probe = client.query(PROBE, searches()).await["data"].take();
    let numbers = |name: &str| {
        let mut list: Vec<u64> = probe[name]["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["number"].as_u64().unwrap_or(0))
            .collect();
        list.sort_unstable();
        list
    };
    assert_eq!(
        probe["viewer"],
        json!({ "login": "priya-n", "databaseId": 1_234_567 })
    );
    assert_eq!(
        numbers("pending"),
        [
            307, 311, 474, 477, 479, 482, 1884, 1886, 1888, 1890, 1893, 4206, 4209, 4212, 4217, 4220
        ]
    );
    assert_eq!(numbers("reviewed"), [4198]);
    assert_eq!(probe["direct"]["issueCount"], 10);
    assert_eq!(probe["rateLimit"]["cost"], 1);

    let ids: Vec<Value> = ["pending", "reviewed"]
        .iter()
        .flat_map(|name| probe[*name]["nodes"].as_array().unwrap())
        .map(|one| one["id"].clone())
        .collect();
    let read = client.query(EIGHT_CONNECTIONS, json!({ "ids": ids })).await;
    assert!(read.get("errors").is_none(), "{read}");
    for one in read["data"]["nodes"].as_array().unwrap() {
        assert!(
            one["commits"]["totalCount"].as_u64().unwrap() >= 2,
            "several commits: {}",
            one["number"]
        );
        assert!(!one["files"]["nodes"].as_array().unwrap().is_empty());
        assert!(one["headCommit"]["nodes"][0]["commit"]["statusCheckRollup"]["state"].is_string());
    }
    let kiro = read["data"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["number"] == 482)
        .unwrap();
    assert_eq!(
        kiro["author"],
        json!({ "__typename": "Bot", "login": "kiro-agent", "databaseId": 245_459_735 })
    );
    assert_eq!(
        kiro["commits"]["nodes"][0]["commit"]["author"]["user"],
        Value::Null,
        "an app is no User"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_costs_what_githubs_formula_says() {
    let (_forge, client) = started().await;
    let cost = async |count: usize| {
        let ids: Vec<String> = (0..count).map(|at| format!("none-{at}")).collect();
        client.query(EIGHT_CONNECTIONS, json!({ "ids": ids })).await["data"]["rateLimit"]["cost"]
            .as_u64()
            .unwrap()
    };
    assert_eq!((cost(20).await, cost(50).await), (2, 4));
    let deep = "query($ids: [ID!]!) { rateLimit { cost } nodes(ids: $ids) { ... on PullRequest { commits(last: 50) { nodes { commit { authors(first: 5) { nodes { name } } } } } } } }";
    let ids: Vec<String> = (0..50).map(|at| format!("none-{at}")).collect();
    assert_eq!(
        client.query(deep, json!({ "ids": ids })).await["data"]["rateLimit"]["cost"],
        26
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_page_by_cursor() {
    let mut world = small();
    for at in 0..4 {
        world
            .open(change(
                &format!("more-{at}"),
                "mika",
                vec![commit("More", "mika", vec![Edit::write("more", &at.to_string())])],
            ))
            .unwrap();
    }
    let forge = Forge::start(world).await.unwrap();
    let client = Client::of(&forge);
    let query = "query($after: String) { search(query: \"review-requested:@me\", type: ISSUE, first: 2, after: $after) { issueCount pageInfo { hasNextPage endCursor } nodes { ... on PullRequest { number } } edges { cursor again: node { __typename } node { __typename } } } }";
    let mut seen = Vec::new();
    let mut after = Value::Null;
    loop {
        let page = client.query(query, json!({ "after": after })).await["data"]["search"].take();
        assert_eq!(page["issueCount"], 5);
        seen.extend(
            page["nodes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["number"].as_u64().unwrap()),
        );
        assert_eq!(page["edges"][0]["node"], page["edges"][0]["again"]);
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    seen.sort_unstable();
    assert_eq!(seen, [1, 2, 3, 4, 5]);
    let last = client
        .query("{ repository(owner: \"acme\", name: \"web\") { pullRequest(number: 1) { commits(last: 1) { totalCount nodes { commit { messageHeadline } } } } } }", json!({}))
        .await["data"]["repository"]["pullRequest"]["commits"]
        .take();
    assert_eq!(
        (
            &last["totalCount"],
            &last["nodes"][0]["commit"]["messageHeadline"]
        ),
        (&json!(2), &json!("Second"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn searches_tell_the_user_from_the_teams() {
    let (forge, client) = started().await;
    forge.with(|world| {
        let other = change(
            "other",
            "lena-w",
            vec![commit("Other", "mika", vec![Edit::write("o", "o")])],
        );
        let asked = vec![Asked::Team("acme/platform".into())];
        world
            .open(crate::forge::world::NewChange {
                asked,
                draft: true,
                assignees: vec!["priya-n".into()],
                ..other
            })
            .unwrap();
    });
    let count = async |query: &str| {
        let query = format!("{query} is:pr is:open");
        client
            .query(
                "query($q: String!) { search(query: $q, type: ISSUE, first: 9) { issueCount } }",
                json!({ "q": query }),
            )
            .await["data"]["search"]["issueCount"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(count("review-requested:@me").await, 2);
    assert_eq!(count("user-review-requested:@me").await, 1);
    assert_eq!(count("team-review-requested:acme/platform").await, 1);
    assert_eq!(count("review-requested:@me draft:false").await, 1);
    assert_eq!(count("review-requested:@me -is:draft").await, 1);
    assert_eq!(count("assignee:@me").await, 1);
    assert_eq!(count("author:mika repo:acme/web").await, 1);
    forge.with(|world| world.change_mut(REPO, 1).unwrap().unindexed = true);
    assert_eq!(
        count("user-review-requested:@me").await,
        0,
        "a lagging index leaves it out"
    );
    forge.with(|world| world.find_mut(REPO).unwrap().archived = true);
    assert_eq!(count("review-requested:@me archived:false").await, 0);
    let odd = client
        .query(
            "{ search(query: \"label:x is:pr\", type: ISSUE, first: 1) { issueCount } }",
            json!({}),
        )
        .await;
    assert!(
        odd["errors"].is_array() && !forge.take_violations().is_empty(),
        "an unserved qualifier is never silence"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_query_is_answered_with_errors_and_remembered() {
    let (forge, client) = started().await;
    let invalid = [
        ("{ viewer { logn } }", "logn"),
        ("{ search(query: \"is:pr\", first: 3) { issueCount } }", "type"),
        ("query($x: Int!) { viewer { login } }", "x"),
        (
            "{ repository(owner: \"acme\", name: \"web\") { pullRequest(number: 1) { commits { totalCount } } } }",
            "`first` or `last`",
        ),
        (
            "{ repository(owner: \"acme\", name: \"web\") { pullRequests(first: 101) { totalCount } } }",
            "101 records",
        ),
        ("{ viewer { login }", "syntax"),
    ];
    for (query, words) in invalid {
        let got = client.query(query, json!({})).await;
        assert!(
            got.get("data").is_none() && !got["errors"].as_array().unwrap().is_empty(),
            "{query}: {got}"
        );
        let seen = forge.take_violations();
        assert!(seen.len() == 1 && seen[0].contains(words), "{query}: {seen:?}");
    }
    let missing = client.query("query($n: Int!) { repository(owner: \"acme\", name: \"web\") { pullRequest(number: $n) { id } } }", json!({})).await;
    assert!(
        missing.get("data").is_none() && !forge.take_violations().is_empty(),
        "{missing}"
    );
    let unserved = client.query("{ viewer { isEmployee } }", json!({})).await;
    assert!(
        unserved["errors"].is_array()
            && forge.take_violations()[0].contains("does not serve User.isEmployee")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_is_null_with_an_error_beside_the_rest() {
    let (forge, client) = started().await;
    let id = forge.with(|world| world.change(REPO, 1).unwrap().node_id());
    let got = client
        .query(
            "query($ids: [ID!]!) { nodes(ids: $ids) { id } }",
            json!({ "ids": ["gone", id] }),
        )
        .await;
    assert_eq!(got["data"]["nodes"], json!([null, { "id": id }]));
    assert_eq!(
        (&got["errors"][0]["type"], &got["errors"][0]["path"]),
        (&json!("NOT_FOUND"), &json!(["nodes", 0]))
    );
}

#[test]
fn every_query_that_is_asked_is_one_that_the_oldest_server_understands() {
    let mut world = small();
    world.server = Some("3.17.0");
    let schema = crate::forge::graphql::schema(&world);
    let queries = [
        include_str!("../../../src-tauri/engine/src/github/queries/hydrate.graphql"),
        include_str!("../../../src-tauri/engine/src/github/queries/probe.graphql"),
        include_str!("../../../src-tauri/core/src/collect/queries/change.graphql"),
        include_str!("../../../src-tauri/core/src/collect/queries/commits.graphql"),
        include_str!("../../../src-tauri/core/src/collect/queries/organisation.graphql"),
        include_str!("../../../src-tauri/core/src/collect/queries/queue.graphql"),
        include_str!("../../../src-tauri/core/src/collect/queries/reviews.graphql"),
        include_str!("../../../src-tauri/core/src/collect/queries/timeline.graphql"),
    ];
    for query in queries {
        let read = apollo_compiler::ExecutableDocument::parse_and_validate(&schema, query, "query");
        assert!(read.is_ok(), "{}", read.unwrap_err().errors);
        let newer = query.replacen("{\n", "{\n  field_of_tomorrow\n", 1);
        let read = apollo_compiler::ExecutableDocument::parse_and_validate(&schema, newer, "query");
        assert!(read.is_err(), "and no other");
    }
    let folders = ["engine/src/github/queries", "core/src/collect/queries"];
    let all = folders.iter().flat_map(|folder| {
        let path = format!("{}/../src-tauri/{folder}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_dir(path).unwrap()
    });
    assert_eq!(
        all.count(),
        queries.len(),
        "a query that is not in the list above"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_schema_lacks_types_and_says_so() {
    let mut world = small();
    world.lacks.insert("Bot".into());
    let forge = Forge::start(world).await.unwrap();
    let client = Client::of(&forge);
    let probe = client
        .query(
            "{ bot: __type(name: \"Bot\") { name } user: __type(name: \"User\") { name } }",
            json!({}),
        )
        .await;
    assert_eq!(probe["data"], json!({ "bot": null, "user": { "name": "User" } }));
    let query = "query { repository(owner: \"acme\", name: \"web\") { pullRequest(number: 1) { author { login ... on Bot { id } } } } }";
    let got = client.query(query, json!({})).await;
    assert!(
        got.get("data").is_none(),
        "one unknown type rejects the whole query: {got}"
    );
    let actor = query.replace("... on Bot { id }", "");
    assert_eq!(
        client.query(&actor, json!({})).await["data"]["repository"]["pullRequest"]["author"]["login"],
        "mika"
    );
}
