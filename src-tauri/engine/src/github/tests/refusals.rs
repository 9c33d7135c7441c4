//! Every way in which a call can fail, and what it is called.

use super::*;

async fn viewer(with: ResponseTemplate) -> Result<Viewer, ForgeError> {
    let server = MockServer::start().await;
    answers(&server, "GET", "/v3/user", with).await;
    let seen = of(&server).viewer().await;
    assert_eq!(
        server.received_requests().await.unwrap().len(),
        1,
        "asked once, whatever came"
    );
    seen
}

fn refused(status: u16, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(status)
        .set_body_json(json!({ "message": message, "documentation_url": "https://x" }))
}

#[tokio::test]
async fn a_rejected_token() {
    let error = viewer(refused(401, "Bad credentials")).await.unwrap_err();
    assert!(matches!(error, ForgeError::Unauthorised { .. }), "{error}");
    assert!(!error.may_have_happened() && !error.is_passing());
}

#[tokio::test]
async fn single_sign_on_shows_its_link_only_on_this_forge() {
    let server = MockServer::start().await;
    let web = format!("http://{}", server.address());
    for (link, shown) in [
        (format!("{web}/orgs/acme/sso?x=1"), true),
        ("https://evil.example/sso".into(), false),
    ] {
        server.reset().await;
        let with = refused(403, "Resource protected by organization SAML enforcement.")
            .insert_header("x-github-sso", format!("required; url={link}").as_str());
        answers(&server, "GET", "/v3/user", with).await;
        let Err(ForgeError::Forbidden { sso, message, .. }) = of(&server).viewer().await else {
            panic!("not forbidden")
        };
        assert_eq!(sso, shown.then_some(link));
        assert!(message.contains("SAML"));
    }
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let with =
        refused(403, "Resource not accessible").insert_header("x-accepted-oauth-scopes", "repo, read:org");
    let Err(ForgeError::Forbidden {
        accepted_scopes, sso, ..
    }) = viewer(with).await
    else {
        panic!("not forbidden")
    };
    assert_eq!(accepted_scopes, ["repo", "read:org"]);
    assert_eq!(sso, None);
}

#[tokio::test]
async fn limits_are_told_from_refusals() {
    let limited = |error| match error {
        Err(ForgeError::RateLimited { retry_after, .. }) => retry_after,
        other => panic!("{other:?}"),
    };
    let secondary =
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
    assert_eq!(limited(viewer(refused(403, secondary)).await), None);
    assert_eq!(
        limited(viewer(refused(403, "wait").insert_header("retry-after", "17")).await),
        Some(17)
    );
    assert_eq!(
        limited(viewer(refused(429, "wait").insert_header("retry-after", "3")).await),
        Some(3)
    );
    let date = "Tue, 24 Nov 2026 10:00:00 GMT";
    let used_up = refused(403, "API rate limit exceeded")
        .insert_header("date", date)
        .insert_header("x-ratelimit-limit", "5000")
        .insert_header("x-ratelimit-remaining", "0")
        .insert_header("x-ratelimit-reset", "1795514460");
    let reset: jiff::Timestamp = "2026-11-24T10:01:00Z".parse().unwrap();
    assert_eq!(reset.as_second(), 1_795_514_460);
    assert_eq!(limited(viewer(used_up).await), Some(60));
    let dated = refused(503, "").insert_header("retry-after", date);
    assert!(matches!(
        viewer(dated).await,
        Err(ForgeError::Server { status: 503, .. })
    ));
}

#[tokio::test]
async fn trouble_over_there() {
    for status in [500, 502, 503, 504] {
        let error = viewer(ResponseTemplate::new(status).set_body_string("<html>"))
            .await
            .unwrap_err();
        assert!(
            matches!(error, ForgeError::Server { status: told, .. } if told == status),
            "{error}"
        );
        assert!(error.may_have_happened() && error.is_passing());
    }
}

#[tokio::test]
async fn answers_that_are_none() {
    let why = |error| match error {
        Err(ForgeError::Garbled { why, .. }) => why,
        other => panic!("{other:?}"),
    };
    let body = |text: &str| ResponseTemplate::new(200).set_body_string(text);
    assert!(why(viewer(body("<!DOCTYPE html><title>Sign in</title>")).await).contains("web page"));
    assert!(why(viewer(body("{\"login\": \"pri")).await).contains("cut off"));
    assert!(why(viewer(body("")).await).contains("empty"));
    assert!(why(viewer(body("login: priya")).await).contains("not JSON"));
    assert!(why(viewer(body("{\"id\": 1}")).await).contains("login"));
}

#[tokio::test]
async fn what_is_new_in_an_answer_does_no_harm() {
    let body = json!({ "login": "priya-n", "id": 12, "type": "User", "mood": { "of": ["the", "day"] } });
    let seen = viewer(
        good(&body)
            .insert_header("x-oauth-scopes", "repo, read:org")
            .insert_header(
                "github-authentication-token-expiration",
                "2026-12-24 10:00:00 UTC",
            )
            .insert_header("date", "Tue, 24 Nov 2026 10:00:00 GMT"),
    )
    .await
    .unwrap();
    assert_eq!(seen.person.id.as_deref(), Some("12"));
    assert_eq!(seen.scopes, Some(vec!["repo".to_owned(), "read:org".to_owned()]));
    assert_eq!(
        seen.token_expires_at,
        Some("2026-12-24T10:00:00Z".parse().unwrap())
    );
    assert_eq!(seen.forge_time, Some("2026-11-24T10:00:00Z".parse().unwrap()));
    assert_eq!(
        viewer(good(&body)).await.unwrap().scopes,
        None,
        "a fine-grained token has none"
    );
}

#[tokio::test]
async fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    let error = at(&host).viewer().await.unwrap_err();
    assert!(matches!(error, ForgeError::Unreachable { .. }), "{error:?}");
    assert!(!error.may_have_happened());
}

#[tokio::test]
async fn the_connection_breaks() {
    for answer in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"login\": ",
    ] {
        let (host, thread) = raw(answer);
        let error = at(&host).viewer().await.unwrap_err();
        assert!(matches!(error, ForgeError::Interrupted { .. }), "{error:?}");
        assert!(error.may_have_happened());
        thread.join().unwrap();
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come() {
    let with = ResponseTemplate::new(200).set_delay(LIMITS.call * 3);
    let error = viewer(with).await.unwrap_err();
    assert!(
        matches!(&error, ForgeError::Interrupted { why, .. } if why.contains("2 s")),
        "{error:?}"
    );
}

#[tokio::test]
async fn one_request_carries_exactly_this() {
    let (host, thread) = raw(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n");
    at(&host).viewer().await.unwrap_err();
    let request = thread.join().unwrap().to_ascii_lowercase();
    assert!(request.starts_with("get /api/v3/user http/1.1\r\n"), "{request}");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(request.matches("user-agent:").count(), 1, "{request}");
    for line in [
        format!("user-agent: countersign/{version}"),
        "accept: application/vnd.github+json".into(),
        "x-github-api-version: 2022-11-28".into(),
        format!("authorization: bearer {TOKEN}"),
    ] {
        assert!(request.contains(&format!("{line}\r\n")), "{line} in {request}");
    }
}

#[tokio::test]
async fn another_host_never_gets_the_token() {
    let other = MockServer::start().await;
    answers(
        &other,
        "GET",
        "/v3/user",
        good(&json!({ "login": "mallory", "id": 1, "type": "User" })),
    )
    .await;
    for status in [301, 302, 303, 307, 308] {
        let to = format!("{}/api/v3/user", other.uri());
        let error = viewer(ResponseTemplate::new(status).insert_header("location", to.as_str()))
            .await
            .unwrap_err();
        assert!(matches!(error, ForgeError::Garbled { .. }), "{error:?}");
    }
    assert!(other.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_renamed_repository_is_found_on_the_same_host() {
    let server = MockServer::start().await;
    let moved = ResponseTemplate::new(301).insert_header("location", "/api/v3/repositories/5/pulls/7");
    answers(&server, "GET", "/v3/repos/acme/infra/pulls/7", moved).await;
    let pull = json!({
        "id": 70, "state": "closed", "merged": true, "draft": false,
        "head": { "ref": "topic", "sha": oid('1') },
        "base": { "ref": "main", "sha": oid('2'), "repo": { "id": 5 } },
    });
    answers(&server, "GET", "/v3/repositories/5/pulls/7", good(&pull)).await;
    let head = of(&server).head(&id(&server)).await.unwrap();
    assert_eq!(
        (
            head.state,
            head.target_branch.as_str(),
            head.change_id.as_str(),
            head.repo_id.as_str()
        ),
        (countersign_core::change::ChangeState::Merged, "main", "70", "5")
    );

    server.reset().await;
    let sign_in = ResponseTemplate::new(302).insert_header("location", "/login");
    answers(&server, "GET", "/v3/repos/acme/infra/pulls/7", sign_in).await;
    assert!(matches!(
        of(&server).head(&id(&server)).await,
        Err(ForgeError::Garbled { .. })
    ));
    server.reset().await;
    let circle = ResponseTemplate::new(302).insert_header("location", "/api/v3/repos/acme/infra/pulls/7");
    answers(&server, "GET", "/v3/repos/acme/infra/pulls/7", circle).await;
    assert!(matches!(
        of(&server).head(&id(&server)).await,
        Err(ForgeError::Garbled { .. })
    ));
}

#[tokio::test]
async fn what_cannot_be_a_name_is_not_asked_for() {
    let server = MockServer::start().await;
    for repo in [
        "acme/..",
        "../user",
        "acme/a?b",
        "acme/a/b",
        "acme",
        "acme/%2e%2e",
        "/",
    ] {
        let id = ChangeId {
            repo: repo.into(),
            ..id(&server)
        };
        assert!(
            matches!(of(&server).head(&id).await, Err(ForgeError::NotFound { .. })),
            "{repo}"
        );
    }
    let elsewhere = ChangeId {
        host: "github.com".into(),
        ..id(&server)
    };
    assert!(matches!(
        of(&server).head(&elsewhere).await,
        Err(ForgeError::NotFound { .. })
    ));
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_token_that_cannot_be_sent() {
    let address = Address::parse("github.com").unwrap();
    for token in ["", "two words", "line\nbreak", "käse"] {
        let made = GitHub::connect(&address, token.to_owned().into(), &Network::usual());
        assert!(
            matches!(made.err(), Some(ForgeError::Unauthorised { .. })),
            "{token:?}"
        );
    }
    assert!(GitHub::connect(&address, TOKEN.to_owned().into(), &Network::usual()).is_ok());
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let address = Address::parse("github.com").unwrap();
    assert!(GitHub::connect(&address, TOKEN.to_owned().into(), &Network::usual()).is_err());
}

#[tokio::test]
async fn no_error_tells_the_token() {
    let gone = ResponseTemplate::new(302).insert_header("location", "https://evil.example/");
    for with in [
        refused(401, "no"),
        refused(403, "no"),
        refused(500, "no"),
        ResponseTemplate::new(200),
        gone,
    ] {
        let error = viewer(with).await.unwrap_err();
        let told = format!("{error:?} {error}");
        assert!(!told.contains(TOKEN) && !told.contains("Bearer"), "{told}");
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let github = at(&listener.local_addr().unwrap().to_string());
    let ask = github.client.get("/user", "x");
    let request = github.client.request(&ask, &ask.url).unwrap();
    assert!(
        !format!("{request:?}").contains(TOKEN),
        "the header is marked as sensitive"
    );
}

#[tokio::test]
async fn an_answer_to_another_call_is_not_taken_for_this_ones() {
    let server = MockServer::start().await;
    for path in ["/v3/user", "/v3/rate_limit"] {
        let with = ResponseTemplate::new(200).set_body_json(json!({ "id": 1, "login": "priya-n" }));
        let with = with.insert_header("x-github-request-id", "F0F0:1");
        answers(&server, "GET", path, with).await;
    }
    let github = of(&server);
    let call = async |path: &str| github.client.call(&github.client.get(path, "it")).await;
    assert!(call("/user").await.is_ok());
    assert!(
        call("/user").await.is_ok(),
        "a cache may answer the same call the same"
    );
    let error = call("/rate_limit").await.err().unwrap();
    assert!(matches!(error, ForgeError::Interrupted { .. }), "{error}");
    assert!(error.may_have_happened() && error.is_passing(), "{error}");
    assert!(call("/rate_limit").await.is_ok(), "over a connection of its own");
}
