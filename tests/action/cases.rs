//! What the job says of which change.

use countersign_tests::forge::faults::{Effect, Fault};
use serde_json::{Value, json};

use countersign_tests::forge::world::World;

use super::scene::{JUNIOR, REPO, SENIOR, Scene, Trust};

/// The event of a change or a review that the trigger has told.
fn told(head: &str) -> Value {
    json!({ "workflow_run": { "head_sha": head } })
}

/// The event of a timer.
fn hourly() -> Value {
    json!({})
}

fn said(state: &str, text: &str) -> Vec<(String, String)> {
    vec![(state.to_owned(), text.to_owned())]
}

/// What a commit gets that the event names: until it is judged no old success stands.
fn judged(state: &str, text: &str) -> Vec<(String, String)> {
    [said("pending", "judging"), said(state, text)].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_approval_passes_and_an_unsigned_one_does_not() {
    let scene = Scene::set(true).await;
    let (signed, signed_head) = scene.opened("signed");
    let (unsigned, unsigned_head) = scene.opened("unsigned");
    scene.signed(signed);
    scene.approved(unsigned);
    let ended = scene.job(hourly());
    assert!(ended.succeeded, "{}", ended.log);
    assert_eq!(
        scene.statuses(&signed_head),
        said("success", "accepted"),
        "{}",
        ended.summary
    );
    assert_eq!(
        scene.statuses(&unsigned_head),
        said("failure", "rejected: E_NO_ENVELOPE"),
        "{}",
        ended.summary
    );
    assert_eq!(
        ended.summary.matches("### Sign-off: ").count(),
        2,
        "{}",
        ended.summary
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_pushed_after_the_approval_is_not_approved() {
    let scene = Scene::set(true).await;
    let (number, approved) = scene.opened("feature");
    let (_, other) = scene.opened("other");
    scene.signed(number);
    let pushed = scene.pushed(number);
    let ended = scene.job(told(&pushed));
    assert!(ended.succeeded, "{}", ended.log);
    assert_eq!(
        scene.statuses(&pushed),
        judged("failure", "rejected: E_HEAD_MOVED"),
        "{}",
        ended.summary
    );
    // Of a head that no change has any more, nothing is said; nor of another change's.
    assert_eq!(
        (scene.statuses(&approved), scene.statuses(&other)),
        (vec![], vec![])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_timeline_tells_counts() {
    let scene = Scene::set(true).await;
    let (dismissed, first) = scene.opened("dismissed");
    let (assigned, second) = scene.opened("assigned");
    scene.signed(dismissed);
    scene.dismissed_and_sent_again(dismissed);
    scene.assigned(assigned);
    scene.signed(assigned);
    let ended = scene.job(hourly());
    assert_eq!(
        [scene.statuses(&first), scene.statuses(&second)],
        [
            said("failure", "rejected: E_WITHDRAWN_REPLAY"),
            said("failure", "rejected: E_OPERATOR"),
        ],
        "{}",
        ended.summary
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_policy_nothing_is_judged() {
    let scene = Scene::set(false).await;
    let (number, head) = scene.opened("feature");
    scene.signed(number);
    let ended = scene.job(told(&head));
    assert!(!ended.succeeded, "{}", ended.log);
    assert_eq!(
        scene.statuses(&head),
        judged("error", "undecided: E_POLICY_MISSING"),
        "{}",
        ended.summary
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_nobody_trusts_gets_no_token_and_the_job_fails() {
    let scene = Scene::set(true).await;
    let (number, head) = scene.opened("feature");
    scene.signed(number);
    let ended = scene.job_trusting(&Trust::Neither, told(&head));
    assert!(!ended.succeeded);
    assert!(ended.log.contains("certificate"), "{}", ended.log);
    let calls = scene.forge.with(|world| world.calls.len());
    assert_eq!((scene.statuses(&head), calls), (vec![], 0));

    let ended = scene.job_trusting(&Trust::OnlyGh, told(&head));
    assert!(!ended.succeeded);
    assert!(ended.log.contains("certificate"), "{}", ended.log);
    assert_eq!(scene.statuses(&head), judged("error", "could not be collected"));

    let ended = scene.job(told(&head));
    assert!(ended.succeeded, "the same, where it is trusted: {}", ended.log);
    assert_eq!(scene.statuses(&head).pop(), said("success", "accepted").pop());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_changes_with_one_head_both_are_judged() {
    let scene = Scene::set(true).await;
    let (first, head) = scene.opened("feature");
    let second = scene.opened_again(first, "release");
    scene.signed(second);
    let ended = scene.job(told(&head));
    assert!(ended.succeeded, "{}", ended.log);
    assert_eq!(
        scene.statuses(&head),
        judged("failure", "rejected: E_HEAD_SHARED"),
        "{}",
        ended.summary
    );
    scene.signed(first);
    let ended = scene.job(told(&head));
    let last = scene.statuses(&head).pop();
    assert_eq!(last, said("success", "accepted").pop(), "{}", ended.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn long_lists_are_read_to_their_end() {
    let scene = Scene::set(true).await;
    let (number, head) = scene.opened("feature");
    // The forge lists the newest change first: this one is on the second page, and its approval too.
    scene.opened_often("other", 100);
    for _ in 0..100 {
        scene.commented(number);
    }
    scene.signed(number);
    let ended = scene.job(told(&head));
    assert_eq!(
        scene.statuses(&head),
        judged("success", "accepted"),
        "{}{}",
        ended.summary,
        ended.log
    );
    assert_eq!(scene.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_forge_does_not_answer_is_no_success() {
    let scene = Scene::set(true).await;
    let (number, head) = scene.opened("feature");
    scene.signed(number);
    for path in ["*/graphql", "*/activity", "*/git-upload-pack"] {
        let before = scene.count();
        scene.forge.faults([Fault::once("*", path, Effect::trouble(502))]);
        let ended = scene.job(told(&head));
        assert!(!ended.succeeded, "{path}");
        let statuses = scene.statuses(&head);
        assert_eq!(
            statuses[before..],
            judged("error", "could not be collected"),
            "{path}: {}",
            ended.log
        );
        assert!(
            ended.log.contains("::error::Not everything could be judged."),
            "{path}: {}",
            ended.log
        );
    }
    // An installation's token ends after an hour.
    let before = scene.count();
    scene.forge.with(|world| world.tokens.clear());
    let ended = scene.job(told(&head));
    assert!(!ended.succeeded);
    assert_eq!(scene.count(), before);
    for page in [&ended.log, &ended.summary] {
        assert!(page.contains("open changes could not be listed"), "{page}");
        assert!(
            page.contains(&format!("The status countersign could not be written on {head}.")),
            "{page}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_gets_no_status_that_another_has_earned() {
    let scene = Scene::set(true).await;
    let (number, approved) = scene.opened("feature");
    scene.signed(number);
    let pushed = scene.pushed(number);
    let reset = {
        let approved = approved.clone();
        move |world: &mut World| world.reset(REPO, number, JUNIOR, &approved).unwrap()
    };
    let hook = Effect::Hook(Box::new(reset));
    scene.forge.faults([Fault::once("POST", "*/graphql", hook)]);
    // The change has this head when it is listed, and the approved one when it is collected.
    let ended = scene.job(told(&pushed));
    assert!(!ended.succeeded, "{}", ended.log);
    assert_eq!(
        scene.statuses(&pushed),
        judged("error", "could not be collected"),
        "{}",
        ended.summary
    );
    scene.job(told(&approved));
    assert_eq!(scene.statuses(&approved), judged("success", "accepted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_queue_is_judged_by_what_it_has_built() {
    let scene = Scene::set(true).await;
    let numbers = ["first", "second"].map(|branch| scene.opened(branch).0);
    scene.signed(numbers[0]);
    let built = numbers.map(|number| {
        scene
            .forge
            .with(|world| world.enqueue(REPO, number, SENIOR).unwrap())
    });
    let queued =
        |commit: &str| json!({ "merge_group": { "head_sha": commit, "base_ref": "refs/heads/main" } });
    let ended = scene.job(queued(&built[0]));
    assert_eq!(
        scene.statuses(&built[0]),
        judged("success", "accepted"),
        "{}{}",
        ended.summary,
        ended.log
    );

    let ended = scene.job(queued(&built[1]));
    assert!(ended.succeeded, "{}", ended.log);
    assert_eq!(
        scene.statuses(&built[1]),
        judged("failure", "rejected: E_QUORUM"),
        "{}",
        ended.summary
    );
}
