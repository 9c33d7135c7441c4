use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{REPO, commit, started};
use crate::forge::faults::{Effect, Fault};
use crate::forge::git::Edit;

const REVIEWS: &str = "*/pulls/1/reviews";

fn path() -> String {
    format!("/api/v3/repos/{REPO}/pulls/1/reviews")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_is_answered_instead_of_the_work() {
    let (forge, client) = started().await;
    forge.faults([
        Fault::once("POST", REVIEWS, Effect::secondary_limit(429, Some(7))),
        Fault::once("POST", REVIEWS, Effect::secondary_limit(403, None)).after(1),
        Fault::once("POST", REVIEWS, Effect::trouble(502)).after(2),
    ]);
    let mut seen = Vec::new();
    for _ in 0..4 {
        let got = client
            .send("POST", &path(), &[], Some(json!({ "event": "APPROVE" })))
            .await
            .unwrap();
        seen.push((got.status, got.header("retry-after").to_owned()));
    }
    let expected =
        [(429, "7"), (403, ""), (502, ""), (200, "")].map(|(status, after)| (status, after.to_owned()));
    assert_eq!(seen, expected);
    assert_eq!(forge.reviews(REPO, 1).len(), 1);
    assert_eq!(forge.count("POST", REVIEWS), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_breaks_before_or_after_the_work_is_done() {
    let (forge, client) = started().await;
    forge.faults([Fault::once("POST", REVIEWS, Effect::ResetBefore)]);
    assert!(
        client
            .send("POST", &path(), &[], Some(json!({ "event": "APPROVE" })))
            .await
            .is_err()
    );
    assert_eq!(forge.reviews(REPO, 1).len(), 0);
    forge.faults([Fault::once("POST", REVIEWS, Effect::ResetAfter)]);
    assert!(
        client
            .send("POST", &path(), &[], Some(json!({ "event": "APPROVE" })))
            .await
            .is_err()
    );
    assert_eq!(forge.reviews(REPO, 1).len(), 1);
    assert_eq!(
        client.send("GET", &path(), &[], None).await.unwrap().status,
        200,
        "the next connection is whole"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_cut_or_slow() {
    let (forge, client) = started().await;
    forge.faults([Fault::once("GET", REVIEWS, Effect::CutBody(1)).after(1)]);
    client
        .send("POST", &path(), &[], Some(json!({ "event": "APPROVE" })))
        .await
        .unwrap();
    assert!(client.send("GET", &path(), &[], None).await.is_ok());
    let cut = client.send("GET", &path(), &[], None).await.unwrap();
    assert_eq!(
        (cut.status, cut.bytes.len(), cut.cut),
        (200, 1, true),
        "the head arrives, the body does not"
    );
    forge.faults([Fault::once(
        "GET",
        REVIEWS,
        Effect::Slow(Duration::from_millis(120)),
    )]);
    let start = Instant::now();
    client.send("GET", &path(), &[], None).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(240));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_not_what_it_should_be() {
    let (forge, client) = started().await;
    forge.faults([
        Fault::once("GET", "*/user", Effect::Html),
        Fault::once("GET", "*/user", Effect::WrongJson).after(1),
        Fault::once("GET", "*/user", Effect::ExtraFields).after(2),
    ]);
    let page = client.get("/user").await;
    assert!(page.status == 200 && page.header("content-type").starts_with("text/html"));
    assert_eq!(client.get("/user").await.json().get("login"), None);
    let more = client.get("/user").await.json();
    assert_eq!(
        (&more["login"], more.get("field_of_tomorrow").is_some()),
        (&json!("priya-n"), true)
    );
    assert_eq!(client.get("/user").await.json().get("field_of_tomorrow"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_sends_twice_and_a_forge_in_trouble_has_done_it_all_the_same() {
    let (forge, client) = started().await;
    forge.faults([Fault::once("POST", REVIEWS, Effect::Despite(502))]);
    let draft = async || {
        client
            .send("POST", &path(), &[], Some(json!({ "body": "b" })))
            .await
    };
    assert_eq!(draft().await.unwrap().status, 502);
    assert_eq!(forge.reviews(REPO, 1).len(), 1);
    forge.with(|world| world.change_mut(REPO, 1).unwrap().reviews.clear());
    forge.faults([Fault::once("POST", REVIEWS, Effect::Twice)]);
    let second = draft().await.unwrap();
    assert_eq!((second.status, forge.reviews(REPO, 1).len()), (422, 1));
    assert!(
        second.json()["errors"][0]
            .as_str()
            .unwrap()
            .contains("one pending review")
    );

    forge.faults([Fault::once("GET", "*/user", Effect::Doubled)]);
    let got = client.get("/user").await;
    let length: usize = got.header("content-length").parse().unwrap();
    let again = String::from_utf8_lossy(&got.bytes[length..]).into_owned();
    assert!(again.starts_with("HTTP/1.1 200 OK"), "{again}");
    assert!(again.as_bytes().ends_with(&got.bytes[..length]));
    assert_eq!(client.get("/user").await.json()["login"], "priya-n");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_drips_and_its_clock_is_off() {
    let (forge, client) = started().await;
    forge.faults([Fault::once(
        "GET",
        "*/user",
        Effect::Drip(Duration::from_millis(15)),
    )]);
    let start = Instant::now();
    let got = client.get("/user").await;
    assert_eq!(got.json()["login"], "priya-n");
    // Its head alone is a few drops.
    assert!(
        start.elapsed() >= Duration::from_millis(60),
        "{:?}",
        start.elapsed()
    );
    let off = jiff::SignedDuration::from_hours(24 * 400);
    forge.faults([Fault::once("GET", "*/user", Effect::Date(off))]);
    let year = |got: &super::Got| {
        got.header("date")
            .split(' ')
            .nth(3)
            .unwrap()
            .parse::<u32>()
            .unwrap()
    };
    let then = client.get("/user").await;
    assert!(year(&then) > year(&got));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_world_can_move_between_the_work_and_its_answer() {
    let (forge, client) = started().await;
    let seen = Arc::new(Mutex::new(None));
    let sees = Arc::clone(&seen);
    let after = move |world: &mut crate::forge::world::World| {
        *sees.lock().unwrap() = Some(world.change(REPO, 1).unwrap().reviews.len());
    };
    forge.faults([Fault::once(
        "POST",
        REVIEWS,
        Effect::After(Arc::new(Mutex::new(after))),
    )]);
    let made = client
        .send("POST", &path(), &[], Some(json!({ "body": "b" })))
        .await;
    assert_eq!((made.unwrap().status, *seen.lock().unwrap()), (200, Some(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_head_can_move_between_two_calls() {
    let (forge, client) = started().await;
    let head = forge.with(|world| world.change(REPO, 1).unwrap().head().to_owned());
    let push = |world: &mut crate::forge::world::World| {
        world
            .push(
                REPO,
                1,
                "mika",
                &[commit("Sneaky", "mika", vec![Edit::write("s", "s")])],
            )
            .unwrap();
    };
    forge.faults([Fault::once("GET", "*/pulls/1", Effect::Hook(Box::new(push))).after(1)]);
    let shown = async || {
        client.get(&format!("/repos/{REPO}/pulls/1")).await.json()["head"]["sha"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(shown().await, head);
    assert_ne!(shown().await, head);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_can_steer_the_forge() {
    let (_forge, client) = started().await;
    let control = async |method: &str, path: &str, body: Option<serde_json::Value>| {
        client
            .send(method, &format!("/_control/{path}"), &[], body)
            .await
            .unwrap()
    };
    let list = control("GET", "changes", None).await.json();
    assert_eq!((&list[0]["repo"], &list[0]["number"]), (&json!(REPO), &json!(1)));
    let file = json!({ "repo": REPO, "path": ".github/allowed_signers", "text": "x\n" });
    let tip = control("POST", "file", Some(file)).await.json()["tip"].clone();
    assert_eq!(
        client
            .get(&format!("/repos/{REPO}/git/ref/heads/main"))
            .await
            .json()["object"]["sha"],
        tip
    );
    let push =
        json!({ "repo": REPO, "change": 1, "by": "mika", "message": "More", "path": "m", "text": "m" });
    let head = control("POST", "push", Some(push)).await.json()["head"].clone();
    assert_eq!(
        client.get(&format!("/repos/{REPO}/pulls/1")).await.json()["head"]["sha"],
        head
    );
    let fault = json!([{ "method": "GET", "path": "*/user", "effect": "status", "status": 503 }]);
    assert_eq!(
        control("POST", "faults", Some(fault)).await.json(),
        json!({ "added": 1 })
    );
    assert_eq!(client.get("/user").await.status, 503);
    client
        .send(
            "POST",
            &path(),
            &[],
            Some(json!({ "event": "APPROVE", "body": "b" })),
        )
        .await
        .unwrap();
    let stored = control("GET", &format!("reviews?repo={REPO}&change=1"), None)
        .await
        .json();
    assert_eq!(
        (&stored[0]["state"], &stored[0]["body"]),
        (&json!("APPROVED"), &json!("b"))
    );
    assert_eq!(control("POST", "nonsense", None).await.status, 400);
    assert_eq!(
        control("POST", "faults", Some(json!([{ "effect": "odd" }])))
            .await
            .status,
        400
    );
}
