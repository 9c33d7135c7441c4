use countersign_core::verify::{Input, Outcome, judge};
use serde_json::json;

use super::{Client, REPO};
use crate::forge::{Forge, collect, sample};

#[tokio::test(flavor = "multi_thread")]
async fn the_judge_understands_what_is_collected() {
    let forge = Forge::start(sample::world().unwrap()).await.unwrap();
    let client = Client::of(&forge);
    let reviews = "/repos/acme/infra/pulls/482/reviews";
    client
        .call("POST", reviews, json!({ "event": "APPROVE", "body": "unsigned" }))
        .await;
    let got = client
        .send("GET", "/_control/collect?repo=acme/infra&change=482", &[], None)
        .await
        .unwrap();
    let input = Input::from_json(&got.bytes).unwrap();
    assert_eq!(input.content.changed.as_ref().unwrap().len(), 6);
    let pushed = &input.pushes.as_ref().unwrap()[0];
    assert_eq!(pushed.actor.as_ref().unwrap().login, "kiro-agent[bot]");
    let operators = &input.operators.as_ref().unwrap().items;
    assert_eq!(operators[0].account.login, "mika");
    assert_eq!(input.reviews.items.len(), 1);
    let verdict = judge(&input, forge.with(|world| world.now()));
    assert_eq!(
        verdict.verdict,
        Outcome::Rejected,
        "an approval without an envelope is none: {verdict:?}"
    );
}

#[test]
fn a_dismissal_keeps_what_the_review_was_and_a_twin_is_collected() {
    let mut world = super::small();
    world
        .review(
            REPO,
            1,
            "priya-n",
            "CHANGES_REQUESTED",
            "no",
            jiff::SignedDuration::from_mins(1),
        )
        .unwrap();
    let at = world.now();
    let review = &mut world.change_mut(REPO, 1).unwrap().reviews[0];
    review.was = Some(review.state);
    review.state = "DISMISSED";
    review.dismissed = Some((at, "mika".into(), "moved".into()));
    let head = world.change(REPO, 1).unwrap().head().to_owned();
    let base = world.change(REPO, 1).unwrap().base_oid.clone();
    world
        .open_at(
            super::change("twin", "mika", Vec::new()),
            &base,
            &head,
            Some("mika"),
        )
        .unwrap();
    let value = collect::input(&world, REPO, 1).unwrap();
    assert_eq!(value["dismissals"]["items"][0]["was"], "changes_requested");
    assert_eq!(value["same_head"]["items"][0]["change"]["number"], "2");
    Input::from_json(value.to_string().as_bytes()).unwrap();
    assert!(collect::input(&world, REPO, 9).is_err());
}
