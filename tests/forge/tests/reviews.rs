use serde_json::{Value, json};

use super::{Client, REPO, commit, started};
use crate::forge::Forge;
use crate::forge::git::Edit;

fn reviews() -> String {
    format!("/repos/{REPO}/pulls/1/reviews")
}

fn head(forge: &Forge) -> String {
    forge.with(|world| world.change(REPO, 1).unwrap().head().to_owned())
}

fn asked(forge: &Forge) -> usize {
    forge.with(|world| world.change(REPO, 1).unwrap().requests.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_review_is_seen_by_its_author_alone_until_it_is_submitted() {
    let (forge, client) = started().await;
    let mika = Client::with(&forge, "mika");
    let made = client
        .call(
            "POST",
            &reviews(),
            json!({ "commit_id": head(&forge), "body": "words" }),
        )
        .await;
    assert_eq!(
        (
            made.status,
            &made.json()["state"],
            made.json().get("submitted_at")
        ),
        (200, &json!("PENDING"), None)
    );
    let id = made.json()["id"].clone();
    assert_eq!(client.get(&reviews()).await.json().as_array().unwrap().len(), 1);
    assert_eq!(mika.get(&reviews()).await.json(), json!([]));
    assert_eq!(mika.get(&format!("{}/{id}", reviews())).await.status, 404);
    assert_eq!(asked(&forge), 1, "still asked while pending");

    let second = client
        .call("POST", &reviews(), json!({ "body": "another" }))
        .await;
    assert_eq!(
        (second.status, &second.json()["errors"]),
        (
            422,
            &json!(["User can only have one pending review per pull request"])
        )
    );

    let events = format!("{}/{id}/events", reviews());
    assert_eq!(
        mika.call("POST", &events, json!({ "event": "COMMENT" }))
            .await
            .status,
        404
    );
    let done = client.call("POST", &events, json!({ "event": "APPROVE" })).await;
    assert_eq!(
        (&done.json()["state"], &done.json()["body"]),
        (&json!("APPROVED"), &json!("words"))
    );
    assert!(done.json()["submitted_at"].is_string());
    assert_eq!(asked(&forge), 0, "after a review nobody is asked any more");
    assert_eq!(
        client
            .call("POST", &events, json!({ "event": "APPROVE" }))
            .await
            .status,
        422
    );
    assert_eq!(mika.get(&reviews()).await.json()[0]["state"], "APPROVED");
    let stored = forge.reviews(REPO, 1);
    assert_eq!(
        (stored.len(), stored[0].state, stored[0].edited_at),
        (1, "APPROVED", None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commit_of_a_review_is_attribution_and_no_guard() {
    let (forge, client) = started().await;
    let old = head(&forge);
    forge
        .push(
            REPO,
            1,
            "mika",
            &[commit("Third", "mika", vec![Edit::write("d", "d")])],
        )
        .unwrap();
    let stale = client
        .call(
            "POST",
            &reviews(),
            json!({ "commit_id": old, "event": "APPROVE" }),
        )
        .await;
    assert_eq!((stale.status, &stale.json()["commit_id"]), (200, &json!(old)));
    forge
        .with(|world| {
            world.force_push(
                REPO,
                1,
                "mika",
                &[commit("Anew", "mika", vec![Edit::write("e", "e")])],
            )
        })
        .unwrap();
    let older = client
        .call(
            "POST",
            &reviews(),
            json!({ "commit_id": old, "event": "APPROVE" }),
        )
        .await;
    assert_eq!(older.status, 200, "even where the commit is gone from the branch");
    let stranger = "1".repeat(40);
    assert_eq!(
        client
            .call("POST", &reviews(), json!({ "commit_id": stranger }))
            .await
            .status,
        422
    );
    assert_eq!(
        forge.reviews(REPO, 1).len(),
        2,
        "two reviews of one person are two reviews"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn github_refuses_in_its_own_words() {
    let (forge, client) = started().await;
    let mika = Client::with(&forge, "mika");
    let words = |got: super::Got| {
        (
            got.status,
            got.json()["errors"][0].as_str().unwrap_or_default().to_owned(),
        )
    };
    let own = mika.call("POST", &reviews(), json!({ "event": "APPROVE" })).await;
    assert_eq!(
        words(own),
        (422, "Can not approve your own pull request".to_owned())
    );
    let own = mika
        .call(
            "POST",
            &reviews(),
            json!({ "event": "REQUEST_CHANGES", "body": "x" }),
        )
        .await;
    assert_eq!(words(own).0, 422);
    let own = mika
        .call("POST", &reviews(), json!({ "event": "COMMENT", "body": "x" }))
        .await;
    assert_eq!(own.status, 200);
    for event in ["COMMENT", "REQUEST_CHANGES"] {
        assert_eq!(
            client
                .call("POST", &reviews(), json!({ "event": event, "body": " " }))
                .await
                .status,
            422,
            "{event}"
        );
    }
    let long = "ä".repeat(65_537);
    assert_eq!(
        client
            .call("POST", &reviews(), json!({ "event": "APPROVE", "body": long }))
            .await
            .status,
        422
    );
    let longest = "ä".repeat(65_536);
    assert_eq!(
        client
            .call("POST", &reviews(), json!({ "event": "APPROVE", "body": longest }))
            .await
            .status,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn reviews_are_edited_dismissed_and_deleted_as_their_state_allows() {
    let (forge, client) = started().await;
    let made = client
        .call("POST", &reviews(), json!({ "event": "APPROVE", "body": "yes" }))
        .await
        .json();
    let own = format!("{}/{}", reviews(), made["id"]);
    assert_eq!(
        client
            .send("DELETE", &format!("/api/v3{own}"), &[], None)
            .await
            .unwrap()
            .status,
        422
    );
    assert_eq!(
        client.call("PUT", &own, json!({ "body": "yes!" })).await.json()["body"],
        "yes!"
    );
    assert!(forge.reviews(REPO, 1)[0].edited_at.is_some());
    let dismissed = client
        .call(
            "PUT",
            &format!("{own}/dismissals"),
            json!({ "message": "moved", "event": "DISMISS" }),
        )
        .await;
    assert_eq!(dismissed.json()["state"], "DISMISSED");
    let stored = forge.reviews(REPO, 1);
    assert_eq!(
        (stored[0].was, stored[0].dismissed.as_ref().unwrap().2.as_str()),
        (Some("APPROVED"), "moved")
    );
    assert_eq!(
        client
            .call("PUT", &format!("{own}/dismissals"), json!({ "message": "again" }))
            .await
            .status,
        422
    );

    let pending = client
        .call("POST", &reviews(), json!({ "body": "x" }))
        .await
        .json();
    let own = format!("/api/v3{}/{}", reviews(), pending["id"]);
    assert_eq!(client.send("DELETE", &own, &[], None).await.unwrap().status, 200);
    assert_eq!(forge.reviews(REPO, 1).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_writers_dismiss() {
    let (forge, client) = started().await;
    forge.with(|world| {
        world
            .find_mut(REPO)
            .unwrap()
            .access
            .insert("priya-n".into(), "READ");
    });
    let made = client
        .call("POST", &reviews(), json!({ "event": "APPROVE" }))
        .await
        .json();
    let path = format!("{}/{}/dismissals", reviews(), made["id"]);
    assert_eq!(
        client.call("PUT", &path, json!({ "message": "no" })).await.status,
        403
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_is_in_timeline_and_activity() {
    let (forge, client) = started().await;
    forge
        .push(
            REPO,
            1,
            "mika",
            &[commit("Third", "mika", vec![Edit::write("d", "d")])],
        )
        .unwrap();
    forge
        .with(|world| {
            world.force_push(
                REPO,
                1,
                "priya-n",
                &[commit("Anew", "mika", vec![Edit::write("e", "e")])],
            )
        })
        .unwrap();
    client
        .call("POST", &reviews(), json!({ "event": "APPROVE" }))
        .await;
    let merge = forge.with(|world| world.merge(REPO, 1, "mika")).unwrap();
    let activity = client
        .get(&format!("/repos/{REPO}/activity?ref=refs/heads/feature"))
        .await
        .json();
    let kinds: Vec<(&Value, &Value)> = activity
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["activity_type"], &one["actor"]["login"]))
        .collect();
    assert_eq!(
        kinds,
        [
            (&json!("force_push"), &json!("priya-n")),
            (&json!("push"), &json!("mika")),
            (&json!("branch_creation"), &json!("mika")),
        ]
    );
    let timeline = client
        .get(&format!("/repos/{REPO}/issues/1/timeline"))
        .await
        .json();
    let events: Vec<&str> = timeline
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["event"].as_str().unwrap())
        .collect();
    for expected in [
        "committed",
        "review_requested",
        "head_ref_force_pushed",
        "reviewed",
        "merged",
    ] {
        assert!(events.contains(&expected), "{expected} in {events:?}");
    }
    let main = client
        .get(&format!("/repos/{REPO}/git/ref/heads/main"))
        .await
        .json();
    assert_eq!(main["object"]["sha"], json!(merge));
    let one = client.get(&format!("/repos/{REPO}/pulls/1")).await.json();
    assert_eq!((&one["state"], &one["merged"]), (&json!("closed"), &json!(true)));
}
