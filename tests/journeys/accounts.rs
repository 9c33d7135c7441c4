//! Several accounts at once: two forges, or two people at one. What happens to one touches no other, and a decision is
//! made and sent by the account whose row was decided on.

use countersign_engine::accounts::Accounts;
use countersign_engine::engine::Options;
use countersign_engine::github::GitHub;
use countersign_engine::view::{ChangeView, Code, Connection, DecisionView};
use countersign_tests::forge::faults::{Effect, Fault};

use super::bench::{REPO, Remembering};
use super::desk::{Desk, PRIYA, SOL, authors, handle, host, open, revoke};

#[tokio::test(flavor = "multi_thread")]
async fn all_are_polled_and_one_queue_one_tray_and_the_notices_say_whose() {
    let (desk, first, second) = Desk::with_two_forges().await;
    let status = desk.status().await;
    let labels: Vec<&str> = status
        .accounts
        .iter()
        .map(|account| account.label.as_str())
        .collect();
    assert_eq!(labels, [host(&first), host(&second)]);
    assert_eq!(
        (status.pending, desk.desktop.with(|seen| seen.tray.pending)),
        (2, 2)
    );
    let mut rows: Vec<(String, String)> = desk
        .rows()
        .await
        .into_iter()
        .map(|row| (row.account, row.id))
        .collect();
    rows.sort();
    let further = status.accounts[1].name.clone();
    let mut expected = [
        ("first".to_owned(), handle("first", &first, 1)),
        (further.clone(), handle(&further, &second, 1)),
    ];
    expected.sort();
    assert_eq!(rows, expected);
    assert!(desk.profile.path().join("countersign.db").is_file());
    assert!(desk.folder(&further).join("countersign.db").is_file());

    // Each is synced once, and silently; what comes then is told by the account that sees it.
    assert!(desk.desktop.with(|seen| seen.notices.is_empty()));
    second.with(|world| open(world, "more"));
    desk.on().refresh().await.unwrap();
    let notice = desk.desktop.with(|seen| seen.notices.pop().unwrap());
    assert!(
        notice.title.contains("acme/web #2") && notice.body.starts_with(&format!("{}\n", host(&second))),
        "{notice:?}"
    );
    desk.on().open(notice.change.as_deref());
    let asked = desk.status().await.open;
    assert_eq!(asked, Some(handle(&further, &second, 2)));
    assert_eq!(
        desk.on().change(asked.unwrap()).await.unwrap().host,
        host(&second)
    );
    assert_eq!(desk.status().await.open, None, "once");
    assert_eq!(desk.desktop.with(|seen| seen.tray.pending), 3);
    let there = |url: String| desk.on().open_link(url);
    assert!(there(format!("{}/acme/web", first.url())).await.is_ok());
    assert!(there(format!("{}/acme/web", second.url())).await.is_ok());
    assert!(there("https://example.com/acme".into()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_one_account_nothing_says_whose() {
    let (desk, forge) = Desk::with_one_account().await;
    forge.with(|world| open(world, "more"));
    desk.on().refresh().await.unwrap();
    let said = desk
        .desktop
        .with(|seen| (seen.notices[0].body.clone(), seen.tray.first.clone()));
    assert!(!said.0.contains(host(&forge)), "{said:?}");
    assert!(
        said.1.iter().all(|(_, line)| !line.contains(host(&forge))),
        "{said:?}"
    );
    let view = desk.read(&handle("first", &forge, 1)).await;
    assert!(desk.approve(&view).await.unwrap());
    let question = desk.desktop.with(|seen| seen.questions[0].text.clone());
    assert!(!question.contains(" at "), "{question}");
    assert!(!desk.profile.path().join("accounts").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_leaves_the_other_account_polling_and_sending() {
    let (desk, first, second) = Desk::with_two_forges().await;
    revoke(&second, PRIYA);
    let _ = desk.on().refresh().await;
    desk.until("the refusal", async |desk| {
        desk.at(&second).await.unwrap().trouble.is_some()
    })
    .await;
    assert_eq!(
        desk.status().await.account.unwrap().host,
        host(&second),
        "the worst leads"
    );
    first.with(|world| open(world, "more"));
    desk.on().refresh().await.unwrap();
    let here = desk.at(&first).await.unwrap();
    assert_eq!((here.pending, here.trouble), (2, None));
    let banners = desk.queue().await.banners;
    assert!(
        banners.len() == 1 && banners[0].message.what.starts_with(host(&second)),
        "{banners:?}"
    );
    let id = handle("first", &first, 1);
    assert!(desk.approve(&desk.read(&id).await).await.unwrap());
    desk.confirmed(&id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_change_is_decided_once_by_each_account_in_its_own_name() {
    let (desk, forge) = Desk::with_two_people().await;
    let accounts = desk.status().await.accounts;
    let labels: Vec<String> = accounts.iter().map(|account| account.label.clone()).collect();
    assert_eq!(
        labels,
        ["priya-n", "sol-v"].map(|login| format!("{login}@{}", host(&forge)))
    );
    let ids = [0, 1].map(|index| handle(&accounts[index].name, &forge, 1));
    assert!(desk.approve(&desk.read(&ids[1]).await).await.unwrap());
    desk.confirmed(&ids[1]).await;
    assert_eq!(authors(&forge), ["sol-v"]);
    assert_eq!(
        desk.decision(&ids[0]).await,
        None,
        "the other has decided nothing"
    );
    assert!(desk.approve(&desk.read(&ids[0]).await).await.unwrap());
    desk.confirmed(&ids[0]).await;
    assert_eq!(authors(&forge), ["priya-n", "sol-v"]);
    let questions = desk.desktop.with(|seen| seen.questions.clone());
    let whose: Vec<&str> = questions
        .iter()
        .filter_map(|question| question.text.lines().next())
        .collect();
    assert_eq!(
        whose,
        ["sol-v", "priya-n"].map(|login| format!("As {login} at {}", host(&forge)))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_account_acts_on_what_another_holds() {
    let (desk, first, second) = Desk::with_two_forges().await;
    let further = desk.at(&second).await.unwrap().name;
    let theirs = handle(&further, &second, 1);
    let view = desk.read(&theirs).await;
    for forged in [
        handle("first", &second, 1),
        handle(&further, &first, 1),
        handle("sol-v@127.0.0.1", &second, 1),
        theirs.trim_start_matches(&format!("{further}:")).to_owned(),
        format!("first:{theirs}"),
        format!("../{theirs}"),
        theirs.to_uppercase(),
        String::new(),
    ] {
        let forged_view = ChangeView {
            id: forged.clone(),
            ..view.clone()
        };
        let codes = [
            desk.on().change(forged.clone()).await.map(drop),
            desk.on()
                .file(forged.clone(), view.head.clone(), 0)
                .await
                .map(drop),
            desk.on()
                .mark_viewed(forged.clone(), view.head.clone(), 0, true)
                .await,
            desk.approve(&forged_view).await.map(drop),
        ]
        .map(|answer| answer.unwrap_err().code);
        assert_eq!(codes, [Code::UnknownChange; 4], "{forged:?}");
        assert!(
            desk.on()
                .withdraw(forged.clone(), "1".into(), "No.".into())
                .await
                .is_err()
        );
        assert!(desk.on().propose_key(&forged).await.is_err());
    }
    // Nor does an entry of one outbox leave it by a handle of the other account.
    second.faults([Fault::always("*", "*", Effect::ResetBefore)]);
    assert!(desk.approve(&view).await.unwrap());
    let row = desk
        .rows()
        .await
        .into_iter()
        .find(|row| row.decision.is_some())
        .unwrap();
    let entry = row.decision.unwrap().entry;
    desk.on()
        .discard(&handle("first", &first, 1), entry)
        .await
        .unwrap();
    assert!(desk.decision(&theirs).await.is_some());
    for name in ["", "nobody", "..", "sol-v@127.0.0.1"] {
        assert!(
            desk.on().keys(name).await.is_err() && desk.on().sign_out(name, true).await.is_err(),
            "{name}"
        );
    }
    assert_eq!(desk.desktop.with(|seen| seen.questions.len()), 1);
    assert!(first.reviews(REPO, 1).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_brings_all_back_and_no_second_process_has_the_profile() {
    let (mut desk, first, second) = Desk::with_two_forges().await;
    let names = async |desk: &Desk| -> Vec<String> {
        desk.status()
            .await
            .accounts
            .into_iter()
            .map(|account| account.name)
            .collect()
    };
    let before = names(&desk).await;
    let other = Accounts::<GitHub, _>::start_with(
        Options::new(desk.profile.path()),
        desk.vault.clone(),
        Remembering::default(),
    )
    .await;
    assert!(
        other
            .err()
            .unwrap()
            .message
            .contains("Another Countersign uses this profile")
    );
    desk.close().await;
    desk.open().await.unwrap();
    desk.until("both to be taken up", async |desk| {
        let accounts = desk.status().await.accounts;
        accounts.len() == 2 && accounts.iter().all(|one| one.connection == Connection::Online)
    })
    .await;
    assert_eq!(names(&desk).await, before);
    assert_eq!(desk.rows().await.len(), 2);
    assert!(
        desk.desktop.with(|seen| seen.notices.is_empty()),
        "nothing is told again"
    );
    for forge in [&first, &second] {
        let account = desk.at(forge).await.unwrap().name;
        let id = handle(&account, forge, 1);
        assert!(desk.approve(&desk.read(&id).await).await.unwrap());
        desk.confirmed(&id).await;
        assert_eq!(authors(forge), ["priya-n"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_of_one_leaves_the_other() {
    let (mut desk, forge) = Desk::with_two_people().await;
    desk.on().sign_out("first", false).await.unwrap();
    assert_eq!(desk.token(&forge, "priya-n").await, None);
    assert_eq!(desk.token(&forge, "sol-v").await.as_deref(), Some(SOL));
    let (rows, status) = (desk.rows().await, desk.status().await);
    assert_eq!((rows.len(), status.accounts.len()), (1, 1));
    assert_eq!(status.other_ledgers, [], "nothing was decided by them");
    assert_eq!(status.account.unwrap().login, "sol-v");
    let tray = desk.desktop.with(|seen| seen.tray.clone());
    assert_eq!((tray.pending, tray.attention), (1, false));
    desk.on().refresh().await.unwrap();
    let refused = desk.on().change(handle("first", &forge, 1)).await.unwrap_err();
    assert_eq!(refused.code, Code::SignedOut);

    desk.close().await;
    desk.open().await.unwrap();
    desk.until("the start", async |desk| !desk.status().await.restoring)
        .await;
    assert_eq!(desk.status().await.accounts.len(), 1);
    assert_eq!(
        desk.sign_in(&forge, PRIYA).await,
        "first",
        "back in its own place"
    );
    desk.until("both", async |desk| desk.rows().await.len() == 2)
        .await;
    assert_eq!(
        std::fs::read_dir(desk.profile.path().join("accounts"))
            .unwrap()
            .count(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_one_account_is_not_answered_for_another() {
    let (desk, first, second) = Desk::with_two_forges().await;
    let further = desk.at(&second).await.unwrap().name;
    desk.on().set_prompted("first", true).await.unwrap();
    assert!(
        !desk.on().keys(&further).await.unwrap().prompted,
        "each account chooses for itself"
    );
    let view = desk.read(&handle("first", &first, 1)).await;
    let answer = desk.desktop.holds_prompts();
    let accounts = desk.on().clone();
    let wish = (view.id.clone(), view.head.clone(), view.seen.clone());
    let signing = tokio::spawn(async move {
        let (id, head, seen) = wish;
        accounts
            .decide(id, head, seen, DecisionView::Approve, String::new())
            .await
    });
    desk.until("the system's own check", async |desk| {
        desk.desktop.with(|seen| seen.prompts.len() == 2)
    })
    .await;
    let refused = desk.on().set_prompted(&further, true).await.unwrap_err();
    assert!(refused.message.contains("being confirmed"), "{refused:?}");
    let other = desk.read(&handle(&further, &second, 1)).await;
    assert!(
        desk.approve(&other)
            .await
            .unwrap_err()
            .message
            .contains("being confirmed")
    );
    answer.notify_one();
    assert!(signing.await.unwrap().unwrap().signed);
    assert_eq!(
        desk.desktop
            .with(|seen| (seen.prompts.len(), seen.questions.len())),
        (2, 1)
    );
}
