use jiff::SignedDuration;
use serde_json::json;

use super::{Client, REPO, small, started};
use crate::forge::Forge;
use crate::forge::world::{QUOTA, Scopes};

#[tokio::test(flavor = "multi_thread")]
async fn a_token_says_what_it_may_and_when_it_ends() {
    let (forge, client) = started().await;
    let got = client.get("/user").await;
    assert_eq!(
        (&got.json()["login"], &got.json()["id"]),
        (&json!("priya-n"), &json!(1_234_567))
    );
    assert_eq!(
        got.header("x-oauth-scopes"),
        "repo, read:org, notifications, write:ssh_signing_key"
    );
    let ends = forge
        .with(|world| world.tokens[0].expires_at.unwrap())
        .strftime("%Y-%m-%d %H:%M:%S UTC")
        .to_string();
    assert_eq!(got.header("github-authentication-token-expiration"), ends);
    assert_eq!(Client::with(&forge, "wrong").get("/user").await.status, 401);
    forge.with(|world| world.tokens[0].expires_at = Some(world.ago(SignedDuration::from_secs(1))));
    let got = client.get("/user").await;
    assert_eq!(
        (got.status, &got.json()["message"]),
        (401, &json!("Bad credentials"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_token_may_not_see_is_not_there() {
    let mut world = small();
    world.token("public", "priya-n", Scopes::Classic(vec!["public_repo".into()]));
    world.token(
        "fine",
        "priya-n",
        Scopes::FineGrained {
            owner: "acme".into(),
            write: false,
        },
    );
    world.token(
        "other",
        "priya-n",
        Scopes::FineGrained {
            owner: "other".into(),
            write: true,
        },
    );
    world.token("stranger", "lena-w", Scopes::Classic(vec!["repo".into()]));
    let forge = Forge::start(world).await.unwrap();
    let path = format!("/repos/{REPO}/pulls/1");
    for token in ["public", "other", "stranger"] {
        let client = Client::with(&forge, token);
        assert_eq!(client.get(&path).await.status, 404, "{token}");
        let found = client
            .query(
                "query($q: String!) { search(query: $q, type: ISSUE, first: 10) { issueCount } }",
                json!({ "q": "is:pr" }),
            )
            .await;
        assert_eq!(found["data"]["search"]["issueCount"], 0, "{token}");
        let one = client
            .query("{ repository(owner: \"acme\", name: \"web\") { id } }", json!({}))
            .await;
        assert_eq!(
            (&one["data"]["repository"], &one["errors"][0]["type"]),
            (&json!(null), &json!("NOT_FOUND"))
        );
    }
    let fine = Client::with(&forge, "fine");
    let got = fine.get(&path).await;
    assert_eq!((got.status, got.header("x-oauth-scopes")), (200, ""));
    assert_eq!(fine.get("/notifications").await.status, 403);
    assert_eq!(
        fine.call("POST", &format!("{path}/reviews"), json!({ "event": "APPROVE" }))
            .await
            .status,
        403
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_behind_single_sign_on_is_named_and_hidden() {
    let (forge, client) = started().await;
    forge.with(|world| world.tokens[0].sso_missing.insert("acme".into()));
    let got = client.get(&format!("/repos/{REPO}")).await;
    assert_eq!(got.status, 403);
    assert!(
        got.header("x-github-sso")
            .starts_with("required; url=http://127.0.0.1:"),
        "{}",
        got.header("x-github-sso")
    );
    let query = "query($q: String!) { search(query: $q, type: ISSUE, first: 10) { issueCount nodes { __typename } } }";
    let body = json!({ "query": query, "variables": { "q": "review-requested:@me" } });
    let got = client
        .send("POST", "/api/graphql", &[], Some(body))
        .await
        .unwrap();
    assert_eq!(
        got.header("x-github-sso"),
        "partial-results; organizations=9001200"
    );
    let value = got.json();
    assert_eq!(value["data"]["search"]["nodes"], json!([null]));
    assert_eq!(value["errors"][0]["extensions"]["saml_failure"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_up_quota_is_told_as_github_does() {
    let (forge, client) = started().await;
    forge.with(|world| {
        world.tokens[0].core_used = QUOTA;
        world.tokens[0].points_used = QUOTA;
    });
    let got = client.get("/user").await;
    assert_eq!((got.status, got.header("x-ratelimit-remaining")), (403, "0"));
    let value = client.query("{ viewer { login } }", json!({})).await;
    assert_eq!(
        (value.get("data"), &value["errors"][0]["type"]),
        (None, &json!("RATE_LIMIT"))
    );
    assert_eq!(
        client.get("/rate_limit").await.json()["resources"]["graphql"]["remaining"],
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_forges_clock_can_be_wrong() {
    let (forge, client) = started().await;
    forge.with(|world| world.skew = SignedDuration::from_hours(-3));
    let date = client.get("/user").await.header("date").to_owned();
    let shown = jiff::fmt::rfc2822::parse(&date.replace("GMT", "+0000"))
        .unwrap()
        .timestamp();
    let behind = jiff::Timestamp::now().duration_since(shown);
    assert!(
        behind > SignedDuration::from_mins(179) && behind < SignedDuration::from_mins(181),
        "{date}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_is_found_under_its_old_name_until_another_has_it() {
    let mut world = small();
    world.token("stranger", "lena-w", Scopes::Classic(vec!["repo".into()]));
    world.rename(REPO, "acme/storefront").unwrap();
    let forge = Forge::start(world).await.unwrap();
    let client = Client::of(&forge);
    let path = format!("/repos/{REPO}/pulls/1/reviews");
    for (method, status) in [("GET", 301), ("POST", 307)] {
        let moved = client.call(method, &path, json!({})).await;
        let to = format!("{}/api/v3/repositories/77/pulls/1/reviews", forge.url());
        assert_eq!((moved.status, moved.header("location")), (status, to.as_str()));
    }
    assert_eq!(client.get("/repositories/77/pulls/1/reviews").await.status, 200);
    assert_eq!(Client::with(&forge, "stranger").get(&path).await.status, 404);
    forge.with(|world| world.repo(REPO, 78, false, &["priya-n"], &[]).unwrap());
    assert_eq!(client.get(&format!("/repos/{REPO}/pulls/1")).await.status, 404);
}
