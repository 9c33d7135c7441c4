//! Signing in at the forge's own page: each way in which that can go, and that the page never sees the token.

use countersign_engine::view::SignInResult;
use countersign_tests::forge::Forge;
use countersign_tests::forge::device::{Confirmed, Devices};
use countersign_tests::forge::faults::{Effect, Fault};

use super::account::files_below;
use super::bench::{Agent, Bench, world};

const CLIENT: &str = "Iv1.0123456789abcdef";

async fn bench(edit: impl FnOnce(&mut Devices)) -> Bench {
    let mut world = world("");
    world.devices.clients.insert(CLIENT.into());
    edit(&mut world.devices);
    let bench = Bench::before_sign_in(Agent::start(), Forge::start(world).await.unwrap()).await;
    let url = bench.forge.url().to_owned();
    bench
        .engine
        .set_client_id(url, format!(" {CLIENT} "))
        .await
        .unwrap();
    bench
}

async fn begin(bench: &Bench) -> countersign_engine::view::DeviceView {
    bench
        .engine
        .device_start(bench.forge.url().to_owned())
        .await
        .unwrap()
}

fn confirm(bench: &Bench, how: Confirmed) {
    bench
        .forge
        .with(|world| world.devices.flows.last_mut().unwrap().confirmed = how);
}

fn ended(result: &SignInResult, words: &str) {
    assert!(!result.ok && result.steps.len() == 1, "{result:?}");
    assert_eq!(result.steps[0].name, "Confirmed at the forge");
    assert!(result.steps[0].detail.contains(words), "{result:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_is_confirmed_signs_in_and_the_token_is_nowhere_but_in_the_keychain() {
    let bench = bench(|devices| devices.slows = 1).await;
    let view = begin(&bench).await;
    let page = bench.engine.device_page().await.unwrap();
    assert_eq!(
        (page.as_str(), view.page.as_str()),
        (page.as_str(), page.as_str())
    );
    assert_eq!(page, format!("{}/login/device", bench.forge.url()));
    let flow = bench.forge.with(|world| world.devices.flows[0].clone());
    assert_eq!(
        (flow.scopes.join(" ").as_str(), &flow.user_code),
        ("repo read:org", &view.user_code)
    );
    let waits = bench.engine.clone();
    let waits = tokio::spawn(async move { waits.device_wait().await });
    // Asked once, told to slow down, asked again: only then it is confirmed.
    bench
        .until("the second question", async |bench| {
            bench.forge.count("POST", "/login/oauth/access_token") >= 2
        })
        .await;
    confirm(&bench, Confirmed::By("priya-n".into()));
    let result = waits.await.unwrap().unwrap();
    let names: Vec<&str> = result.steps.iter().map(|step| step.name.as_str()).collect();
    assert!(
        result.ok && names[0] == "Confirmed at the forge" && names.contains(&"repo"),
        "{result:?}"
    );
    bench.synced().await;
    let asked = bench.forge.count("POST", "/login/oauth/access_token");
    assert!(asked <= 4, "{asked}: slow_down was heard");
    let token = bench
        .forge
        .with(|world| world.tokens.last().unwrap().secret.clone());
    assert!(token.starts_with("gho_canary"));
    let shown = format!(
        "{result:?} {view:?} {:?} {:?}",
        bench.engine.status().await.unwrap(),
        bench
            .engine
            .network_settings(bench.forge.url().into())
            .await
            .unwrap()
    );
    assert!(!shown.contains("canary"), "{shown}");
    for file in files_below(bench.profile.path()) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(
            !bytes.windows(6).any(|part| part == b"canary"),
            "{}",
            file.display()
        );
    }
    assert!(bench.engine.device_wait().await.is_err(), "it is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_ends_is_refused_or_given_up_signs_nobody_in() {
    let bench = bench(|devices| devices.holds = 2).await;
    begin(&bench).await;
    ended(
        &bench.engine.device_wait().await.unwrap(),
        "has expired before it was confirmed",
    );
    // Also where the forge does not get to say so.
    bench.forge.faults([Fault::always(
        "POST",
        "/login/oauth/access_token",
        Effect::ResetBefore,
    )]);
    begin(&bench).await;
    let patience = std::time::Duration::from_secs(10);
    let result = tokio::time::timeout(patience, bench.engine.device_wait());
    ended(
        &result.await.expect("no code is waited for without end").unwrap(),
        "has expired before it was confirmed",
    );
    bench.forge.with(|world| {
        world.faults.clear();
        world.devices.holds = 900;
    });
    begin(&bench).await;
    confirm(&bench, Confirmed::Denied);
    ended(&bench.engine.device_wait().await.unwrap(), "refused at the forge");
    begin(&bench).await;
    let waits = bench.engine.clone();
    let waits = tokio::spawn(async move { waits.device_wait().await });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    bench.engine.device_cancel().await.unwrap();
    ended(&waits.await.unwrap().unwrap(), "You gave it up");
    begin(&bench).await;
    let waits = bench.engine.clone();
    let waits = tokio::spawn(async move { waits.device_wait().await });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    bench.desktop.answers(true);
    bench.engine.erase().await.unwrap();
    ended(&waits.await.unwrap().unwrap(), "You gave it up");
    bench
        .engine
        .set_client_id(bench.forge.url().to_owned(), CLIENT.into())
        .await
        .unwrap();
    // Given up by beginning anew, and confirmed too late: that code's token is never asked for.
    begin(&bench).await;
    let waits = bench.engine.clone();
    let waits = tokio::spawn(async move { waits.device_wait().await });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    confirm(&bench, Confirmed::By("priya-n".into()));
    begin(&bench).await;
    ended(&waits.await.unwrap().unwrap(), "You gave it up");
    assert!(bench.engine.device_page().await.is_ok(), "the other one waits on");
    assert!(bench.engine.status().await.unwrap().account.is_none());
    assert_eq!(bench.forge.with(|world| world.tokens.len()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_breaks_meanwhile_does_not_end_it() {
    let bench = bench(|_| {}).await;
    begin(&bench).await;
    confirm(&bench, Confirmed::By("priya-n".into()));
    bench.forge.faults([Fault::once(
        "POST",
        "/login/oauth/access_token",
        Effect::ResetBefore,
    )]);
    let result = bench.engine.device_wait().await.unwrap();
    assert!(result.ok, "{result:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_asks_for_too_little_is_refused_as_a_token_is() {
    let bench = bench(|_| {}).await;
    begin(&bench).await;
    bench.forge.with(|world| {
        let flow = world.devices.flows.last_mut().unwrap();
        flow.scopes = vec!["read:org".into()];
        flow.confirmed = Confirmed::By("priya-n".into());
    });
    let result = bench.engine.device_wait().await.unwrap();
    let last = result.steps.last().unwrap();
    assert!(
        !result.ok && last.name == "repo" && last.detail.contains("It needs repo"),
        "{result:?}"
    );
    assert!(bench.engine.status().await.unwrap().account.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_client_id_with_a_wrong_one_and_with_a_page_elsewhere_nothing_is_begun() {
    let bench = bench(|devices| devices.page = Some("https://evil.example/login/device".into())).await;
    let url = bench.forge.url().to_owned();
    let refused = bench.engine.device_start(url.clone()).await.unwrap_err();
    assert!(
        refused.message.contains("a page that is not its own"),
        "{refused:?}"
    );
    assert!(bench.engine.device_page().await.is_err());
    bench
        .engine
        .set_client_id(url.clone(), "Iv1.unknown".into())
        .await
        .unwrap();
    let refused = bench.engine.device_start(url.clone()).await.unwrap_err();
    assert!(
        refused.message.contains("gives no code") && refused.hint.contains("Check the client id"),
        "{refused:?}"
    );
    assert!(
        bench
            .engine
            .set_client_id(url.clone(), "not an id".into())
            .await
            .is_err()
    );
    bench
        .engine
        .set_client_id(url.clone(), String::new())
        .await
        .unwrap();
    assert_eq!(
        bench
            .engine
            .network_settings(url.clone())
            .await
            .unwrap()
            .client_id,
        ""
    );
    let refused = bench.engine.device_start(url).await.unwrap_err();
    assert!(refused.message.contains("No client id is set"), "{refused:?}");
    assert_eq!(bench.forge.count("POST", "/login/device/code"), 2);
}
