//! What is asked of all accounts at once: a search, the diagnostics, the way to the forges.

use countersign_engine::view::ProxyMode;
use countersign_tests::forge::Forge;
use countersign_tests::forge::faults::{Effect, Fault};
use tempfile::TempDir;

use super::desk::{Desk, handle, host, open};

#[tokio::test(flavor = "multi_thread")]
async fn a_search_goes_through_all_accounts_and_each_hit_opens_where_it_was_found() {
    let (desk, first, second) = Desk::with_two_forges().await;
    let further = desk.at(&second).await.unwrap().name;
    let (mut found, mut searched, mut after) = (Vec::new(), 0, None);
    loop {
        let step = desk.on().search("Change".into(), after).await.unwrap();
        assert_eq!(step.of, 2);
        searched += step.searched;
        found.extend(step.changes);
        after = step.next;
        if after.is_none() {
            break;
        }
    }
    let ids: Vec<&str> = found.iter().map(|change| change.id.as_str()).collect();
    assert_eq!(ids, [handle("first", &first, 1), handle(&further, &second, 1)]);
    assert_eq!(searched, 2);
    assert_eq!(found[1].account, further);
    for change in found {
        assert_eq!(desk.on().change(change.id.clone()).await.unwrap().id, change.id);
    }
    for place in ["", "first", "nobody>", "sol-v@127.0.0.1>1|x|y"] {
        assert!(
            desk.on()
                .search("Change".into(), Some(place.into()))
                .await
                .is_err(),
            "{place:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_diagnostics_of_all_name_none() {
    let (desk, first, second) = Desk::with_two_forges().await;
    let log = desk.profile.path().join("log");
    std::fs::create_dir_all(&log).unwrap();
    let said = format!("polled {} and {} for priya-n", host(&first), host(&second));
    std::fs::write(log.join("countersign.log"), said).unwrap();
    let shown = desk.on().diagnostics().await.unwrap();
    assert!(
        shown.text.contains("[account 1]") && shown.text.contains("[account 2]"),
        "{}",
        shown.text
    );
    for name in [host(&first), host(&second), "priya-n", "acme"] {
        assert!(!shown.text.contains(name), "{name}: {}", shown.text);
    }
    let folder = TempDir::new().unwrap();
    desk.desktop
        .with(|seen| seen.saves_in = Some(folder.path().to_owned()));
    assert!(desk.on().export_diagnostics("0".repeat(64)).await.is_err());
    assert!(desk.on().export_diagnostics(shown.sha256).await.unwrap().saved);
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_one_account_knows_is_named_by_none() {
    let (desk, _forge) = Desk::with_two_people().await;
    let log = desk.profile.path().join("log");
    std::fs::create_dir_all(&log).unwrap();
    std::fs::write(log.join("countersign.log"), "polled for priya-n and sol-v").unwrap();
    let shown = desk.on().diagnostics().await.unwrap();
    assert!(shown.text.contains("polled for person-"), "{}", shown.text);
    for name in ["priya-n", "sol-v"] {
        assert!(!shown.text.contains(name), "{name}: {}", shown.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_way_to_the_forges_is_tried_by_all() {
    let (desk, first, second) = Desk::with_two_forges().await;
    let polls = |forge: &Forge| forge.count("POST", "*/graphql");
    let before = [polls(&first), polls(&second)];
    let none = (String::new(), String::new(), String::new(), String::new());
    let set = desk
        .on()
        .set_proxy(none.0, ProxyMode::Direct, none.1, none.2, none.3);
    assert!(set.await.unwrap());
    desk.until("both to be polled", async |_| {
        polls(&first) > before[0] && polls(&second) > before[1]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_tested_with_the_token_of_the_account_that_is_there() {
    let (desk, first, second) = Desk::with_two_forges().await;
    for forge in [&first, &second] {
        let tested = desk
            .on()
            .test_connection(forge.url().into(), String::new())
            .await
            .unwrap();
        assert!(
            tested
                .steps
                .iter()
                .any(|step| step.name == "The token is accepted"),
            "{tested:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forge_that_asks_to_wait_is_named_where_one_polls_now_and_the_other_is_polled() {
    let (desk, first, second) = Desk::with_two_forges().await;
    second.faults([Fault::once("*", "*", Effect::secondary_limit(429, Some(60)))]);
    let _ = desk.on().refresh().await;
    first.with(|world| open(world, "more"));
    let told = desk.on().refresh().await.unwrap_err();
    assert!(
        told.message
            .starts_with(&format!("{}: The forge asked to wait", host(&second))),
        "{told:?}"
    );
    assert_eq!(desk.at(&first).await.unwrap().pending, 2);
}
