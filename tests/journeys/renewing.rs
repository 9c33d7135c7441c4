//! A token is replaced: the account, its queue and its outbox stay, and the old one is left behind nowhere.

use std::time::Duration;

use countersign_engine::view::OutboxStateView;
use countersign_tests::forge::faults::{Effect, Fault};

use super::bench::REPO;
use super::desk::{Desk, PRIYA, handle, open, revoke, scopes};

/// A token that was revoked while a decision waited.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_token_takes_the_old_ones_place_and_the_outbox_goes_on_with_it() {
    let (desk, first, second) = Desk::with_two_forges().await;
    let account = desk.at(&second).await.unwrap().name;
    let id = handle(&account, &second, 1);
    let view = desk.read(&id).await;
    revoke(&second, PRIYA);
    assert!(desk.approve(&view).await.unwrap());
    desk.until("the refusal", async |desk| {
        let (state, message) = desk.decision(&id).await.unwrap();
        state == OutboxStateView::Queued && message.contains("token")
    })
    .await;
    second.with(|world| world.token("ghp_next", "priya-n", scopes()));
    let result = desk.try_to_sign_in(&second, "ghp_next").await;
    assert!(
        result.ok && result.account.as_ref() == Some(&account),
        "{result:?}"
    );
    assert!(
        result
            .steps
            .iter()
            .any(|step| step.detail.contains("outbox and ledger are as they were")),
        "{result:?}"
    );
    desk.confirmed(&id).await;
    let reviews = second.reviews(REPO, 1);
    assert_eq!((reviews.len(), reviews[0].state), (1, "APPROVED"));
    assert_eq!(
        desk.token(&second, "priya-n").await.as_deref(),
        Some("ghp_next"),
        "in the old one's place"
    );
    assert_eq!(
        desk.token(&first, "priya-n").await.as_deref(),
        Some(PRIYA),
        "the other account's is not"
    );
    let now = desk.on().change(id.clone()).await.unwrap();
    assert_eq!(now.head, view.head);
    assert!(
        !now.files.is_empty() && now.files.iter().all(|file| file.viewed),
        "marks stay"
    );
    assert_eq!(desk.status().await.accounts.len(), 2, "none was added");
    assert_eq!(
        std::fs::read_dir(desk.profile.path().join("accounts"))
            .unwrap()
            .count(),
        1
    );
    desk.until("no trouble", async |desk| {
        desk.at(&second).await.unwrap().trouble.is_none()
    })
    .await;
}

/// At the forge a login can be changed; the person is the same.
#[tokio::test(flavor = "multi_thread")]
async fn under_another_login_the_same_person_is_the_same_account_and_leaves_no_token_behind() {
    let (desk, forge) = Desk::with_one_account().await;
    forge.with(|world| {
        world.user("priya-nash", 1_234_567, "Priya N", "priya@acme.example");
        world.token("ghp_next", "priya-nash", scopes());
    });
    assert_eq!(desk.sign_in(&forge, "ghp_next").await, "first");
    assert_eq!(desk.token(&forge, "priya-n").await, None);
    assert_eq!(
        desk.token(&forge, "priya-nash").await.as_deref(),
        Some("ghp_next")
    );
    assert_eq!(desk.rows().await.len(), 1);
    assert_eq!(desk.at(&forge).await.unwrap().login, "priya-nash");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_old_token_meets_on_its_way_says_nothing_of_the_new_one() {
    let (desk, forge) = Desk::with_one_account().await;
    forge.with(|world| {
        open(world, "more");
        world.token("ghp_next", "priya-n", scopes());
    });
    // The poll asks with the old token; before it has its answer, that token ends and the new one is here.
    forge.faults([Fault::once(
        "POST",
        "*graphql",
        Effect::Slow(Duration::from_secs(1)),
    )]);
    let before = forge.count("POST", "*graphql");
    let accounts = desk.on().clone();
    let poll = tokio::spawn(async move { accounts.refresh().await });
    desk.until("the poll to ask", async |_| {
        forge.count("POST", "*graphql") > before
    })
    .await;
    revoke(&forge, PRIYA);
    desk.sign_in(&forge, "ghp_next").await;
    poll.await.unwrap().unwrap();
    desk.until("the new change", async |desk| desk.rows().await.len() == 2)
        .await;
    let account = desk.at(&forge).await.unwrap();
    assert_eq!(account.trouble, None);
    assert!(account.next_poll_at.is_some(), "it goes on polling");
}
