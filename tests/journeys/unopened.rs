//! An account that cannot be opened is named, is nobody else's meanwhile, and is erased with the others.

use countersign_engine::view::Connection;

use super::desk::{Desk, PRIYA, SOL, handle, host};
use super::disk::{damage, damage_part};

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_cannot_be_opened_is_named_and_the_others_go_on() {
    let (mut desk, first, second) = Desk::with_two_forges().await;
    let account = desk.at(&second).await.unwrap().name;
    let database = desk.folder(&account).join("countersign.db");
    desk.close().await;
    let kept = std::fs::read(&database).unwrap();
    damage(&database, |page| page > 1);
    desk.open().await.unwrap();
    desk.until("the first account", async |desk| {
        desk.at(&first)
            .await
            .is_some_and(|account| account.connection == Connection::Online)
    })
    .await;
    let status = desk.status().await;
    assert_eq!((status.accounts.len(), status.unopened.len()), (1, 1));
    let message = &status.unopened[0];
    assert!(
        message.what.contains(&account) && message.what.contains("damaged"),
        "{message:?}"
    );
    assert!(
        message.todo.contains("Move the file away") && message.todo.contains(&account),
        "{message:?}"
    );
    assert!(desk.desktop.with(|seen| seen.tray.attention));
    assert_eq!(desk.rows().await.len(), 1);
    // The log is of all, and whom this one knows cannot be replaced in it.
    let log = desk.profile.path().join("log");
    std::fs::create_dir_all(&log).unwrap();
    std::fs::write(log.join("countersign.log"), "polled beta/secret-project").unwrap();
    let told = desk.on().diagnostics().await.unwrap().text;
    assert!(
        told.contains("left out") && !told.contains("secret-project"),
        "{told}"
    );
    let refused = desk.try_to_sign_in(&second, PRIYA).await;
    let why = &refused.steps.last().unwrap().detail;
    assert!(
        !refused.ok && why.contains("damaged") && why.contains("Move the file away"),
        "{refused:?}"
    );

    // In use is as good as damaged; and with neither, it is back as it was.
    desk.close().await;
    std::fs::write(&database, &kept).unwrap();
    let other = rusqlite::Connection::open(&database).unwrap();
    other
        .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")
        .unwrap();
    desk.open().await.unwrap();
    let unopened = desk.status().await.unopened;
    assert!(
        unopened.len() == 1 && unopened[0].what.contains("uses this profile"),
        "{unopened:?}"
    );
    desk.close().await;
    drop(other);
    desk.open().await.unwrap();
    desk.until("both", async |desk| desk.rows().await.len() == 2)
        .await;
    assert!(desk.status().await.unopened.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_the_first_was_is_not_added_again_while_it_cannot_be_opened() {
    for noted in [true, false] {
        let (mut desk, first, second) = Desk::with_two_forges().await;
        desk.close().await;
        let database = desk.profile.path().join("countersign.db");
        let kept = std::fs::read(&database).unwrap();
        damage(&database, |page| page > 1);
        let whose = desk.profile.path().join("countersign.whose.json");
        assert!(whose.exists());
        if !noted {
            std::fs::remove_file(whose).unwrap();
        }
        desk.open().await.unwrap();
        desk.until("the other account", async |desk| desk.at(&second).await.is_some())
            .await;
        let refused = desk.try_to_sign_in(&first, PRIYA).await;
        let why = &refused.steps.last().unwrap().detail;
        assert!(
            !refused.ok && why.contains("damaged") && why.contains("Move the file away"),
            "{refused:?}"
        );
        // Somebody else is added where it is certain that they are somebody else.
        let other = desk.try_to_sign_in(&first, SOL).await;
        assert_eq!(other.ok, noted, "{other:?}");
        // Who is here and can be opened gets the new token.
        assert_ne!(desk.sign_in(&second, PRIYA).await, "first");
        desk.close().await;
        std::fs::write(&database, kept).unwrap();
        desk.open().await.unwrap();
        let accounts = if noted { 3 } else { 2 };
        desk.until("all", async |desk| desk.status().await.accounts.len() == accounts)
            .await;
        assert_eq!(desk.sign_in(&first, PRIYA).await, "first");
        assert_eq!(desk.status().await.accounts.len(), accounts);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_cannot_be_opened_is_erased_with_the_others() {
    for (damaged_first, noted) in [(true, true), (false, true), (true, false)] {
        let (mut desk, first, second) = Desk::with_two_forges().await;
        let further = desk.at(&second).await.unwrap().name;
        desk.close().await;
        let (folder, owner) = if damaged_first {
            (desk.profile.path().to_owned(), &first)
        } else {
            (desk.folder(&further), &second)
        };
        let database = folder.join("countersign.db");
        damage(&database, |page| page > 1);
        std::fs::write(folder.join("countersign.db.layout-1"), "an older copy").unwrap();
        if !noted {
            std::fs::remove_file(folder.join("countersign.whose.json")).unwrap();
        }
        desk.open().await.unwrap();
        let other = if damaged_first { &second } else { &first };
        desk.until("the other account", async |desk| desk.at(other).await.is_some())
            .await;
        assert!(desk.token(&first, "priya-n").await.is_some());
        assert!(desk.token(&second, "priya-n").await.is_some());

        let told = desk.on().erase().await.unwrap().unwrap();
        let question = desk
            .desktop
            .with(|seen| seen.questions.last().unwrap().text.clone());
        let called = if damaged_first {
            "the first here"
        } else {
            further.as_str()
        };
        assert!(
            question.contains(called) && question.contains("cannot be opened"),
            "{question}"
        );
        assert_eq!(
            question.contains(&format!("priya-n at {}", host(owner))),
            noted,
            "{question}"
        );
        assert_eq!(desk.token(other, "priya-n").await, None);
        // Whose it was cannot be told where nothing noted it: then that is said.
        assert_eq!(desk.token(owner, "priya-n").await.is_none(), noted);
        assert_eq!(told.todo.is_empty(), noted, "{told:?}");
        assert_eq!(told.todo.contains(called), !noted, "{told:?}");
        assert_eq!(told.what.starts_with("All data"), noted, "{told:?}");
        assert!(!desk.profile.path().join("accounts").exists());
        assert!(!folder.join("countersign.db.layout-1").exists());
        assert!(!folder.join("countersign.whose.json").exists());

        // It is as new, now and at the next start.
        for _ in 0..2 {
            let status = desk.status().await;
            assert!(
                status.accounts.is_empty() && status.unopened.is_empty(),
                "{status:?}"
            );
            desk.close().await;
            desk.open().await.unwrap();
        }
        assert_eq!(desk.sign_in(&second, PRIYA).await, "first");
        desk.until("the queue", async |desk| desk.rows().await.len() == 1)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn erasing_all_data_asks_once_and_leaves_nothing_of_any_account() {
    let (mut desk, first, second) = Desk::with_two_forges().await;
    let further = desk.at(&second).await.unwrap().name;
    desk.desktop.answers(false);
    assert!(desk.on().erase().await.unwrap().is_none());
    assert_eq!(desk.rows().await.len(), 2);
    let shown = desk.on().diagnostics().await.unwrap();
    desk.on().open(Some(&handle(&further, &second, 1)));
    desk.desktop.answers(true);
    assert!(desk.on().erase().await.unwrap().is_some());
    assert!(
        desk.on().export_diagnostics(shown.sha256).await.is_err(),
        "what they said is gone too"
    );
    let question = desk
        .desktop
        .with(|seen| seen.questions.last().unwrap().text.clone());
    for forge in [&first, &second] {
        assert!(
            question.contains(&format!("priya-n at {}", host(forge))),
            "{question}"
        );
        assert_eq!(desk.token(forge, "priya-n").await, None);
    }
    assert!(!desk.folder(&further).exists());
    let status = desk.status().await;
    assert!(status.account.is_none() && status.accounts.is_empty());
    assert_eq!(status.open, None);
    desk.close().await;
    desk.open().await.unwrap();
    desk.until("the start", async |desk| !desk.status().await.restoring)
        .await;
    assert!(desk.status().await.accounts.is_empty());
    assert_eq!(desk.sign_in(&second, PRIYA).await, "first", "as new");
    desk.until("the first sync", async |desk| desk.rows().await.len() == 1)
        .await;
}

/// It opens, and nothing else can be done with it.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_cannot_be_read_is_named_and_its_ledger_offered() {
    let (mut desk, first, second) = Desk::with_two_forges().await;
    let further = desk.at(&second).await.unwrap().name;
    desk.close().await;
    damage_part(&desk.folder(&further).join("countersign.db"), "outbox_state");
    desk.open().await.unwrap();
    desk.until("the first account", async |desk| desk.at(&first).await.is_some())
        .await;
    let status = desk.status().await;
    let [other] = status.other_ledgers.as_slice() else {
        panic!("{status:?}")
    };
    assert_eq!(other.account, further);
    assert!(other.label.ends_with(", which cannot be read"), "{other:?}");
    assert!(status.unopened.is_empty());
    let banners = desk.queue().await.banners;
    assert!(
        banners
            .iter()
            .any(|banner| banner.message.what.contains("damaged")),
        "{banners:?}"
    );
    let told = desk.on().erase().await.unwrap().unwrap();
    assert!(told.what.starts_with("All data"), "{told:?}");
    assert_eq!(desk.token(&second, "priya-n").await, None);
    assert!(!desk.folder(&further).exists());
}
