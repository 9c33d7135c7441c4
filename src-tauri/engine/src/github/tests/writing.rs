//! Reviews: created once, submitted once, and what the forge says against it.

use super::*;
use countersign_core::change::ReviewState;

const REVIEWS: &str = "/v3/repos/acme/infra/pulls/7/reviews";

fn review(number: u64, state: &str, commit: Option<Oid>) -> Value {
    json!({
        "id": number, "node_id": "PRR_x", "body": "text", "state": state,
        "user": { "login": "priya-n", "id": 12, "type": "User" },
        "commit_id": commit, "submitted_at": (state != "PENDING").then_some("2026-11-24T10:00:00Z"),
    })
}

fn refused(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(422).set_body_json(body)
}

async fn bodies(server: &MockServer) -> Vec<(String, String, Value)> {
    let requests = server.received_requests().await.unwrap();
    let one = |request: &wiremock::Request| {
        let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        (request.method.to_string(), request.url.path().to_owned(), body)
    };
    requests.iter().map(one).collect()
}

#[tokio::test]
async fn the_four_writes() {
    let server = MockServer::start().await;
    let github = of(&server);
    let id = id(&server);
    answers(
        &server,
        "POST",
        REVIEWS,
        good(&review(9, "PENDING", Some(oid('1')))),
    )
    .await;
    answers(
        &server,
        "POST",
        &format!("{REVIEWS}/9/events"),
        good(&review(9, "APPROVED", Some(oid('1')))),
    )
    .await;
    answers(
        &server,
        "DELETE",
        &format!("{REVIEWS}/9"),
        good(&review(9, "PENDING", None)),
    )
    .await;
    answers(
        &server,
        "PUT",
        &format!("{REVIEWS}/9/dismissals"),
        good(&review(9, "DISMISSED", None)),
    )
    .await;
    let made = github.create_pending(&id, &oid('1'), "text").await.unwrap();
    assert_eq!(
        (made.id.as_str(), made.state, made.commit),
        ("9", ReviewState::Pending, Some(oid('1')))
    );
    let sent = github.submit(&id, "9", Decision::Approve, "text").await.unwrap();
    assert_eq!(sent.state, ReviewState::Approved);
    github.delete_pending(&id, "9").await.unwrap();
    github.dismiss(&id, "9", "moved").await.unwrap();
    let seen = bodies(&server).await;
    let wanted = [
        (
            "POST",
            String::new(),
            json!({ "commit_id": oid('1'), "body": "text" }),
        ),
        (
            "POST",
            "/9/events".into(),
            json!({ "event": "APPROVE", "body": "text" }),
        ),
        ("DELETE", "/9".into(), Value::Null),
        ("PUT", "/9/dismissals".into(), json!({ "message": "moved" })),
    ]
    .map(|(verb, rest, body)| (verb.to_owned(), format!("/api{REVIEWS}{rest}"), body));
    assert_eq!(seen, wanted);
}

#[tokio::test]
async fn a_review_of_another_commit_is_taken_back() {
    let server = MockServer::start().await;
    answers(
        &server,
        "POST",
        REVIEWS,
        good(&review(9, "PENDING", Some(oid('2')))),
    )
    .await;
    answers(
        &server,
        "DELETE",
        &format!("{REVIEWS}/9"),
        good(&review(9, "PENDING", None)),
    )
    .await;
    let error = of(&server)
        .create_pending(&id(&server), &oid('1'), "text")
        .await
        .unwrap_err();
    assert!(matches!(&error, ForgeError::Refused { .. }), "{error:?}");
    assert_eq!(bodies(&server).await.len(), 2);

    server.reset().await;
    answers(
        &server,
        "POST",
        REVIEWS,
        good(&review(9, "PENDING", Some(oid('2')))),
    )
    .await;
    answers(
        &server,
        "DELETE",
        &format!("{REVIEWS}/9"),
        ResponseTemplate::new(502),
    )
    .await;
    let error = of(&server)
        .create_pending(&id(&server), &oid('1'), "text")
        .await
        .unwrap_err();
    assert!(error.may_have_happened(), "it may still be there: {error:?}");
}

#[tokio::test]
async fn a_review_that_is_not_pending_is_an_error_to_look_into() {
    let server = MockServer::start().await;
    answers(
        &server,
        "POST",
        REVIEWS,
        good(&review(9, "COMMENTED", Some(oid('1')))),
    )
    .await;
    let error = of(&server)
        .create_pending(&id(&server), &oid('1'), "text")
        .await
        .unwrap_err();
    assert!(error.may_have_happened(), "{error:?}");
}

#[tokio::test]
async fn the_forge_says_no_in_two_shapes() {
    let server = MockServer::start().await;
    for (body, words) in [
        (
            json!({ "message": "Unprocessable Entity", "errors": ["Can not approve your own pull request"] }),
            "your own",
        ),
        (
            json!({ "message": "Validation Failed", "errors": [{ "resource": "PullRequestReview", "field": "body", "code": "missing" }] }),
            "body missing",
        ),
        (
            json!({ "message": "Validation Failed", "errors": [{ "message": "User can only have one pending review per pull request" }] }),
            "one pending",
        ),
        (
            json!({ "message": "Validation Failed", "errors": "body is too long (maximum is 65536 characters)" }),
            "65536",
        ),
    ] {
        server.reset().await;
        answers(&server, "POST", REVIEWS, refused(&body)).await;
        match of(&server).create_pending(&id(&server), &oid('1'), "text").await {
            Err(ForgeError::Refused { message }) => assert!(message.contains(words), "{message}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_write_is_sent_once() {
    let server = MockServer::start().await;
    let failures = [
        ResponseTemplate::new(500),
        ResponseTemplate::new(502),
        ResponseTemplate::new(429),
    ];
    for with in failures {
        server.reset().await;
        answers(&server, "POST", REVIEWS, with).await;
        of(&server)
            .create_pending(&id(&server), &oid('1'), "text")
            .await
            .unwrap_err();
        assert_eq!(bodies(&server).await.len(), 1);
    }
    server.reset().await;
    let elsewhere =
        ResponseTemplate::new(301).insert_header("location", "/api/v3/repositories/5/pulls/7/reviews");
    answers(&server, "POST", REVIEWS, elsewhere).await;
    of(&server)
        .create_pending(&id(&server), &oid('1'), "text")
        .await
        .unwrap_err();
    assert_eq!(
        bodies(&server).await.len(),
        1,
        "a 301 would turn the write into a read"
    );
}

#[tokio::test]
async fn a_review_that_is_not_there() {
    let server = MockServer::start().await;
    answers(
        &server,
        "DELETE",
        &format!("{REVIEWS}/9"),
        ResponseTemplate::new(404).set_body_string("{}"),
    )
    .await;
    let error = of(&server).delete_pending(&id(&server), "9").await.unwrap_err();
    assert!(
        matches!(&error, ForgeError::NotFound { what } if what.contains("review 9")),
        "{error:?}"
    );
    // A number that is none goes out as one segment, whatever is in it.
    of(&server)
        .delete_pending(&id(&server), "9/../../x?y")
        .await
        .unwrap_err();
    let last = server.received_requests().await.unwrap().pop().unwrap();
    assert!(
        last.url.as_str().ends_with("/reviews/9%2F..%2F..%2Fx%3Fy"),
        "{}",
        last.url
    );
}

#[tokio::test]
async fn all_pages_of_reviews_are_read() {
    let server = MockServer::start().await;
    let pages = [100_u64, 100, 3];
    for (n, count) in pages.iter().enumerate() {
        let start = n as u64 * 100;
        let list: Vec<Value> = (start..start + count)
            .map(|number| review(number, "COMMENTED", None))
            .collect();
        // The first page has a link, the second none although it is full: both go on.
        let mut with = good(&json!(list));
        if n == 0 {
            with = with.insert_header("link", "<https://evil.example/?page=2>; rel=\"next\"");
        }
        Mock::given(method("GET"))
            .and(path(format!("/api{REVIEWS}")))
            .and(wiremock::matchers::query_param("page", (n + 1).to_string()))
            .and(wiremock::matchers::query_param("per_page", "100"))
            .respond_with(with)
            .mount(&server)
            .await;
    }
    let all = of(&server).reviews(&id(&server)).await.unwrap();
    assert_eq!(all.len(), 203);
    assert_eq!((all[202].id.as_str(), all[202].body.as_str()), ("202", "text"));
}

#[tokio::test]
async fn a_review_may_lack_its_author_commit_and_body() {
    let server = MockServer::start().await;
    let bare =
        json!({ "id": 3_500_000_000_u64, "body": null, "state": "PENDING", "user": null, "commit_id": null });
    answers(&server, "GET", REVIEWS, good(&json!([bare]))).await;
    let all = of(&server).reviews(&id(&server)).await.unwrap();
    assert_eq!(
        (all[0].id.as_str(), &all[0].author, &all[0].commit),
        ("3500000000", &None, &None)
    );
}
