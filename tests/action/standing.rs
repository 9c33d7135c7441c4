//! What stands on a head whose judgement does not come to its end: never an old success of which nobody is told.

use std::sync::{Arc, Mutex};

use countersign_tests::forge::faults::{Effect, Fault};
use countersign_tests::forge::world::World;
use serde_json::{Value, json};

use super::runner::Ended;
use super::scene::{REPO, Scene};

/// The event of a change or a review that the trigger has told.
fn told(head: &str) -> Value {
    json!({ "workflow_run": { "head_sha": head } })
}

/// The event of a timer.
fn hourly() -> Value {
    json!({})
}

/// The last status of a commit.
fn stands(scene: &Scene, head: &str) -> (String, String) {
    scene.statuses(head).pop().unwrap()
}

fn status(state: &str, text: &str) -> (String, String) {
    (state.to_owned(), text.to_owned())
}

/// Two changes that are signed and have a success. Their heads.
async fn two_that_passed() -> (Scene, [String; 2]) {
    let scene = Scene::set(true).await;
    let heads = ["first", "second"].map(|branch| {
        let (number, head) = scene.opened(branch);
        scene.signed(number);
        head
    });
    let ended = scene.job(hourly());
    assert!(ended.succeeded, "{}", ended.log);
    for head in &heads {
        assert_eq!(scene.statuses(head), [status("success", "accepted")]);
    }
    (scene, heads)
}

/// The job failed, and both its log and its page say so.
fn failed_with(ended: &Ended, words: &str) {
    assert!(!ended.succeeded, "{}", ended.log);
    assert!(
        ended
            .log
            .lines()
            .any(|line| line.starts_with("::error::") && line.contains(words)),
        "{}",
        ended.log
    );
    assert!(ended.summary.contains(words), "{}", ended.summary);
}

/// A list of open changes, word for word.
fn listed(entries: &Value) -> Fault {
    let answer = Effect::Status {
        status: 200,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: entries.to_string(),
    };
    Fault::once("GET", "*/pulls", answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_can_be_listed_the_head_that_was_told_is_an_error() {
    let (scene, [first, second]) = two_that_passed().await;
    scene
        .forge
        .faults([Fault::once("GET", "*/pulls", Effect::trouble(500))]);
    let ended = scene.job(told(&first));
    failed_with(
        &ended,
        &format!("Every head but {first} keeps the status countersign"),
    );
    assert_eq!(
        stands(&scene, &first),
        status("error", "open changes could not be listed")
    );
    assert_eq!(scene.statuses(&second), [status("success", "accepted")]);

    let ended = scene.job(told(&first));
    assert!(ended.succeeded, "{}", ended.log);
    assert_eq!(stands(&scene, &first), status("success", "accepted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_head_that_was_told_is_pending_before_anything_else_is_asked() {
    let (scene, [first, _]) = two_that_passed().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    for (method, path) in [("GET", "*/pulls"), ("POST", "*/graphql")] {
        let (seen, head) = (Arc::clone(&seen), first.clone());
        let look = move |world: &mut World| {
            let statuses = &world.find(REPO).unwrap().statuses[&head];
            seen.lock().unwrap().push(statuses.last().unwrap().state.clone());
        };
        let hook = Effect::Hook(Box::new(look));
        scene.forge.faults([Fault::once(method, path, hook)]);
    }
    let ended = scene.job(told(&first));
    assert!(ended.succeeded, "{}", ended.log);
    // While the changes are listed, and while this one is collected: wherever the job ends, that stands.
    assert_eq!(*seen.lock().unwrap(), ["pending", "pending"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_timer_can_list_nothing_the_job_says_that_a_success_may_stand() {
    let (scene, heads) = two_that_passed().await;
    scene
        .forge
        .faults([Fault::once("GET", "*/pulls", Effect::trouble(500))]);
    let ended = scene.job(hourly());
    failed_with(
        &ended,
        "Every head keeps the status countersign that it had, and that may be an old success. Run the job again",
    );
    for head in &heads {
        assert_eq!(scene.statuses(head), [status("success", "accepted")]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_status_that_cannot_be_written_is_named_and_the_others_are_written() {
    let (scene, [first, second]) = two_that_passed().await;
    let path = format!("*/statuses/{second}");
    // The second change stands first in the forge's list.
    scene
        .forge
        .faults([Fault::once("POST", &path, Effect::trouble(502))]);
    let ended = scene.job(hourly());
    failed_with(
        &ended,
        &format!("The status countersign could not be written on {second}. What stood there still stands"),
    );
    assert_eq!(
        (scene.statuses(&first).len(), scene.statuses(&second).len()),
        (2, 1)
    );

    // Where the verdict cannot be written, what was written before anything was asked stands.
    scene
        .forge
        .faults([Fault::once("POST", &path, Effect::trouble(502)).after(1)]);
    let ended = scene.job(told(&second));
    failed_with(&ended, &format!("could not be written on {second}."));
    assert_eq!(stands(&scene, &second), status("pending", "judging"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_change_that_cannot_be_read_keeps_no_other_from_being_judged() {
    let (scene, [first, second]) = two_that_passed().await;
    scene.forge.faults([listed(&json!([
        { "number": 3, "head": { "sha": "../../x" } },
        { "number": 4, "head": null },
        "words",
        { "number": null, "head": { "sha": first } },
        { "number": 2, "head": { "sha": second } },
    ]))]);
    let ended = scene.job(hourly());
    failed_with(&ended, "Open changes whose head could not be read: 3.");
    assert_eq!(
        scene.statuses(&first)[1..],
        [status("error", "could not be collected")]
    );
    assert_eq!(scene.statuses(&second)[1..], [status("success", "accepted")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_judged_is_pending() {
    let (scene, [first, second]) = two_that_passed().await;
    let number = scene.opened("third").0;
    scene.signed(number);
    let pushed = scene.pushed(number);
    let left = scene.forge.with(|world| {
        let git = &world.find(REPO).unwrap().git;
        git.tip("main").unwrap()
    });
    assert!(scene.job(told(&pushed)).succeeded);
    for head in [&first, &second] {
        assert_eq!(scene.statuses(head), [status("success", "accepted")]);
    }
    // No open change has this head: all are judged, and none of them is pending meanwhile.
    let ended = scene.job(told(&left));
    assert!(ended.succeeded, "{}", ended.log);
    assert_eq!(
        stands(&scene, &left),
        status("pending", "no open change has this head")
    );
    for head in [&first, &second] {
        let twice = [status("success", "accepted"), status("success", "accepted")];
        assert_eq!(scene.statuses(head), twice);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_commit_is_not_judged_and_the_job_says_so() {
    let (scene, [first, second]) = two_that_passed().await;
    for head in ["a", &first[..39], "refs/heads/main"] {
        failed_with(&scene.job(told(head)), "not the whole name of a commit");
    }
    for head in [&first, &second] {
        assert_eq!(scene.statuses(head), [status("success", "accepted")]);
    }
}
