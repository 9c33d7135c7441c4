//! The way to a forge inside a company: an authority of its own, a proxy that asks who one is, and what is said where
//! one of them is in the way.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use countersign_engine::vault::Vault;
use countersign_engine::view::{DecisionView, OutboxStateView, ProxyMode, SignInResult, SignInStep};
use countersign_tests::forge::Forge;
use countersign_tests::forge::git::Edit;
use countersign_tests::forge::tls::{Authority, Shown};
use countersign_tests::forge::world::World;
use countersign_tests::proxy::Proxy;
use rustls::SupportedProtocolVersion;
use secrecy::ExposeSecret as _;

use super::account::files_below;
use super::bench::{Agent, Bench, change, world};

const HOST: &str = "ghe.example.com";
const TOKEN: &str = "ghp_journey";

fn with_one_change(agent: &Agent) -> World {
    let signers = format!(
        "priya@acme.example namespaces=\"approval@countersign.dev\" {}\n",
        agent.public_key()
    );
    let mut world = world(&signers);
    world
        .open(change(
            "feature",
            vec![Edit::write("src/app.txt", "one\n2\nthree\n")],
        ))
        .unwrap();
    world
}

/// A forge behind the company's proxy, with the company's certificate.
async fn company(authority: &Authority) -> (Bench, Proxy) {
    let agent = Agent::start();
    let world = with_one_change(&agent);
    let forge = Forge::start_named(world, authority, HOST).await.unwrap();
    let proxy = Proxy::to(&format!("{HOST}:443"), forge.port()).await.unwrap();
    (Bench::before_sign_in(agent, forge).await, proxy)
}

async fn try_to_sign_in(bench: &Bench) -> SignInResult {
    bench
        .engine
        .sign_in(bench.forge.url().to_owned(), bench.forge.token())
        .await
        .unwrap()
}

fn failed(result: &SignInResult) -> &SignInStep {
    assert!(!result.ok, "{:?}", result.steps);
    result.steps.last().unwrap()
}

async fn trust(bench: &Bench, folder: &Path, pem: &str) -> bool {
    let file = folder.join("company.pem");
    std::fs::write(&file, pem).unwrap();
    bench.desktop.with(|seen| seen.opens = Some(file));
    bench.engine.add_authority().await.unwrap()
}

async fn go_through(bench: &Bench, proxy: &Proxy, user: &str, password: &str) -> bool {
    let url = bench.forge.url().to_owned();
    bench
        .engine
        .set_proxy(url, ProxyMode::At, proxy.url(), user.into(), password.into())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_companys_authority_is_named_refused_and_trusted_once_it_was_added() {
    let authority = Authority::named("Example Inspection CA").unwrap();
    let agent = Agent::start();
    let world = with_one_change(&agent);
    let forge = Forge::start_secure(world, &authority).await.unwrap();
    let bench = Bench::before_sign_in(agent, forge).await;
    let result = try_to_sign_in(&bench).await;
    let step = failed(&result);
    assert!(
        step.detail
            .contains("issued by Example Inspection CA, which this machine does not trust")
            && step.detail.contains("add it under Network"),
        "{step:?}"
    );
    assert_eq!(bench.forge.count("GET", "*"), 0, "nothing was asked");

    let folder = tempfile::TempDir::new().unwrap();
    bench.desktop.answers(false);
    assert!(!trust(&bench, folder.path(), &authority.pem()).await);
    assert!(!try_to_sign_in(&bench).await.ok, "the user said no");
    bench.desktop.answers(true);
    assert!(trust(&bench, folder.path(), &authority.pem()).await);
    let question = bench.desktop.with(|seen| seen.questions.last().unwrap().clone());
    let view = bench.engine.network_settings(String::new()).await.unwrap();
    assert_eq!(view.authorities[0].name, "Example Inspection CA");
    assert!(
        question.text.contains("Example Inspection CA")
            && question.text.contains(&view.authorities[0].fingerprint),
        "{question:?}"
    );
    bench.sign_in().await;
    bench.read(1).await;

    // The file is gone and the app starts anew: what was trusted still is.
    drop(folder);
    let bench = bench.restarted().await;
    let view = bench.engine.network_settings(String::new()).await.unwrap();
    bench
        .engine
        .remove_authority(view.authorities[0].fingerprint.clone())
        .await
        .unwrap();
    bench
        .until("the forge to be out of reach", async |bench| {
            let banners = bench.queue().await.banners;
            banners
                .iter()
                .any(|banner| banner.message.what.contains("Example Inspection CA"))
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_added_authority_vouches_for_no_other_host_for_nothing_that_has_ended_and_for_no_copy() {
    static TLS13: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];
    static TLS12: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS12];
    let authority = Authority::named("Example Inspection CA").unwrap();
    let ended = Shown {
        ended: true,
        ..Shown::of(&["localhost"])
    };
    let copy = |versions| Shown {
        copied: true,
        versions,
        ..Shown::of(&["localhost"])
    };
    for (shown, words) in [
        (
            Shown::of(&["ghe.example.com"]),
            "its certificate is for another host",
        ),
        (ended, "its certificate has expired"),
        (copy(&TLS13), "its certificate does not hold: BadSignature"),
        (copy(&TLS12), "its certificate does not hold: BadSignature"),
    ] {
        let agent = Agent::start();
        let world = with_one_change(&agent);
        let forge = Forge::start_showing(world, &authority, &shown).await.unwrap();
        let bench = Bench::before_sign_in(agent, forge).await;
        let folder = tempfile::TempDir::new().unwrap();
        assert!(trust(&bench, folder.path(), &authority.pem()).await);
        let result = try_to_sign_in(&bench).await;
        assert!(failed(&result).detail.contains(words), "{:?}", result.steps);
        assert_eq!(bench.forge.count("GET", "*"), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_none_is_said_to_be_so_and_what_was_trusted_stays() {
    let authority = Authority::new().unwrap();
    let bench = Bench::with_one_change().await;
    let folder = tempfile::TempDir::new().unwrap();
    assert!(trust(&bench, folder.path(), &authority.pem()).await);
    let questions = bench.desktop.with(|seen| seen.questions.len());
    let file = folder.path().join("company.pem");
    for (text, words) in [
        ("Dear colleague,".to_owned(), "holds no certificate"),
        (
            format!("{}-----BEGIN CERTIFICATE-----\n", authority.pem()),
            "has no end",
        ),
        (authority.pem(), "trusted already"),
        ("x".repeat(2 << 20), "larger than 1 MiB"),
    ] {
        std::fs::write(&file, text).unwrap();
        let refused = bench.engine.add_authority().await.unwrap_err();
        assert!(refused.message.contains(words), "{refused:?}");
    }
    std::fs::remove_file(&file).unwrap();
    let refused = bench.engine.add_authority().await.unwrap_err();
    assert!(refused.message.contains("cannot be opened"), "{refused:?}");
    bench.desktop.with(|seen| seen.opens = None);
    assert!(!bench.engine.add_authority().await.unwrap(), "none was chosen");
    let view = bench.engine.network_settings(String::new()).await.unwrap();
    assert_eq!(view.authorities.len(), 1);
    assert_eq!(bench.desktop.with(|seen| seen.questions.len()), questions);
    let other = Authority::named("Example Inspection CA").unwrap();
    assert!(trust(&bench, folder.path(), &other.pem()).await);
    let view = bench.engine.network_settings(String::new()).await.unwrap();
    assert_eq!(view.authorities.len(), 2, "one beside the other");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_job_through_a_proxy_that_asks_who_one_is_and_sees_nothing() {
    const PASSWORD: &str = "canary:of the proxy";
    let authority = Authority::new().unwrap();
    let (bench, proxy) = company(&authority).await;
    proxy.asks("mika", PASSWORD);
    let folder = tempfile::TempDir::new().unwrap();
    assert!(trust(&bench, folder.path(), &authority.pem()).await);

    let result = try_to_sign_in(&bench).await;
    assert!(
        failed(&result).detail.contains("cannot be reached"),
        "without the proxy there is no such host: {:?}",
        result.steps
    );
    assert!(go_through(&bench, &proxy, "", "").await);
    let result = try_to_sign_in(&bench).await;
    let words = format!("The proxy {} asks for a user and a password.", proxy.address());
    assert!(failed(&result).detail.contains(&words), "{:?}", result.steps);
    assert!(go_through(&bench, &proxy, "mika", "wrong").await);
    let result = try_to_sign_in(&bench).await;
    assert!(
        failed(&result)
            .detail
            .contains("does not accept the user and the password"),
        "{:?}",
        result.steps
    );
    assert!(go_through(&bench, &proxy, "mika", PASSWORD).await);
    let question = bench.desktop.with(|seen| seen.questions.last().unwrap().clone());
    assert!(
        question.text.contains(&proxy.url())
            && question.text.contains("mika")
            && !question.text.contains("canary"),
        "{question:?}"
    );

    bench.sign_in().await;
    let view = bench.read(1).await;
    bench
        .decide(&view, DecisionView::Approve, "Through the proxy.")
        .await
        .unwrap();
    bench.comes_to(OutboxStateView::Confirmed).await;
    let seen = proxy.seen();
    assert!(
        seen.heads
            .iter()
            .all(|head| head.starts_with("CONNECT ghe.example.com:443 "))
    );
    let all = [seen.heads.concat().as_bytes(), &seen.passed].concat();
    let holds = |needle: &str| all.windows(needle.len()).any(|part| part == needle.as_bytes());
    assert!(holds("ghe.example.com"), "the search finds what is there");
    for secret in [TOKEN, "Bearer", "acme", "Through the proxy.", "/api/v3"] {
        assert!(!holds(secret), "the proxy saw {secret}");
    }

    let held = bench
        .engine
        .network_settings(bench.forge.url().into())
        .await
        .unwrap();
    assert_eq!((held.user.as_str(), held.password_held), ("mika", true));
    assert!(!serde_json::to_string(&held).unwrap().contains("canary"));
    for file in files_below(bench.profile.path()) {
        let bytes = std::fs::read(&file).unwrap();
        for needle in [PASSWORD, "bWlrYTpjYW5hcnk"] {
            assert!(
                !bytes.windows(needle.len()).any(|part| part == needle.as_bytes()),
                "{} holds the password",
                file.display()
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_not_there_or_does_not_let_through_is_said_to_be_the_proxy() {
    let authority = Authority::new().unwrap();
    let (bench, proxy) = company(&authority).await;
    let folder = tempfile::TempDir::new().unwrap();
    assert!(trust(&bench, folder.path(), &authority.pem()).await);
    assert!(go_through(&bench, &proxy, "", "").await);
    bench.sign_in().await;
    proxy.forbids();
    let said = async |bench: &Bench, words: &str| {
        bench
            .until(words, async |bench| {
                // It was asked to wait after the failure before.
                let _ = bench.engine.refresh().await;
                let banners = bench.queue().await.banners;
                banners.iter().any(|banner| banner.message.what.contains(words))
            })
            .await;
    };
    // What is connected already goes on; a change of the settings makes all of it anew.
    let url = bench.forge.url().to_owned();
    let other = Proxy::to("elsewhere:443", 1).await.unwrap();
    assert!(go_through(&bench, &other, "", "").await);
    said(
        &bench,
        &format!("The proxy {} does not let through", other.address()),
    )
    .await;
    assert!(go_through(&bench, &proxy, "", "").await);
    said(
        &bench,
        &format!("The proxy {} does not let through", proxy.address()),
    )
    .await;
    let gone = proxy.address().to_owned();
    drop(proxy);
    said(&bench, &format!("The proxy {gone} cannot be reached")).await;
    let heads = other.seen().heads.len();
    bench
        .engine
        .set_proxy(
            url,
            ProxyMode::Direct,
            String::new(),
            String::new(),
            String::new(),
        )
        .await
        .unwrap();
    said(&bench, "he.example.com cannot be reached").await;
    assert_eq!(other.seen().heads.len(), heads);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_proxy_is_refused_and_a_no_changes_nothing() {
    let bench = Bench::with_one_change().await;
    let url = bench.forge.url().to_owned();
    for (address, user, words) in [
        ("socks5://proxy.example:1080", "", "has to begin with http://"),
        (
            "http://mika:geheim@proxy.example:1",
            "",
            "have fields of their own",
        ),
        ("proxy.example:3128", "a:b", "cannot have a colon"),
    ] {
        let refused = bench
            .engine
            .set_proxy(
                url.clone(),
                ProxyMode::At,
                address.into(),
                user.into(),
                "pw".into(),
            )
            .await
            .unwrap_err();
        assert!(
            refused.message.contains(words) && refused.message.contains("stay as they were"),
            "{refused:?}"
        );
    }
    bench.desktop.answers(false);
    let proxy = Proxy::to("x:1", 1).await.unwrap();
    assert!(!go_through(&bench, &proxy, "mika", "pw").await);
    let view = bench.engine.network_settings(url).await.unwrap();
    assert_eq!((view.proxy, view.user.as_str()), (ProxyMode::System, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxys_password_stays_as_long_as_its_user_and_no_longer() {
    let vault = Vault::with_store("Countersign", keyring_core::mock::Store::new().unwrap());
    let (bench, _) = Bench::with_one_change().await.over_vault(vault.clone()).await;
    let proxy = Proxy::to("x:1", 1).await.unwrap();
    let kept = async |user: &str| {
        let kept = vault.get(&format!("proxy {user}@{}", proxy.address())).await;
        kept.unwrap().map(|kept| kept.expose_secret().to_owned())
    };
    assert!(go_through(&bench, &proxy, "mika", "pw").await);
    assert_eq!(kept("mika").await.as_deref(), Some("pw"));
    let question = bench.desktop.with(|seen| seen.questions.last().unwrap().clone());
    assert!(question.text.contains("in the clear"), "{question:?}");
    let view = bench.engine.network_settings("github.com".into()).await.unwrap();
    assert_ne!(
        view.of_system.as_deref(),
        Some(proxy.address()),
        "what was typed is not the system's"
    );
    assert!(go_through(&bench, &proxy, "mika", "").await);
    assert_eq!(
        kept("mika").await.as_deref(),
        Some("pw"),
        "none was typed: it stays"
    );
    let view = bench.engine.network_settings(String::new()).await.unwrap();
    assert!(view.password_held);
    assert!(go_through(&bench, &proxy, "so\u{202e}l", "other").await);
    let question = bench.desktop.with(|seen| seen.questions.last().unwrap().clone());
    assert!(question.text.contains("so[U+202E]l"), "{question:?}");
    assert_eq!(kept("mika").await, None, "of nobody any more");
    let none = (String::new(), String::new(), String::new(), String::new());
    let set = bench
        .engine
        .set_proxy(none.0, ProxyMode::System, none.1, none.2, none.3);
    assert!(set.await.unwrap());
    assert_eq!(kept("so\u{202e}l").await, None);
}

/// Signs in from a process of its own, whose environment names the proxy and the trust store as a system does.
fn in_a_process(bench: &Bench, folder: &Path, environment: &[(&str, &str)]) -> Vec<SignInStep> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_engine-probe"));
    child
        .env_clear()
        .env("HOME", folder)
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = child.spawn().unwrap();
    let profile = folder.join("profile");
    let (url, token) = (bench.forge.url(), bench.forge.token());
    let orders = [
        serde_json::json!(["engine", "start", profile]),
        serde_json::json!(["engine", "sign-in", url, token]),
    ];
    let mut input = child.stdin.take().unwrap();
    for order in orders {
        writeln!(input, "{order}").unwrap();
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    let last = String::from_utf8(output.stdout).unwrap();
    let last: serde_json::Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
    serde_json::from_value(last["ok"]["steps"].clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_systems_proxy_and_trust_store_are_used_without_being_told() {
    let authority = Authority::new().unwrap();
    let (bench, proxy) = company(&authority).await;
    proxy.asks("mika", "of the system");
    let folder = tempfile::TempDir::new().unwrap();
    let store = folder.path().join("store.pem");
    std::fs::write(&store, authority.pem()).unwrap();
    let store = store.to_str().unwrap();
    let url = format!("http://mika:of%20the%20system@{}", proxy.address());
    let steps = in_a_process(
        &bench,
        folder.path(),
        &[("HTTPS_PROXY", &url), ("SSL_CERT_FILE", store)],
    );
    assert!(steps.iter().all(|step| step.ok), "{steps:?}");
    let tunnels = proxy.seen().tunnels("ghe.example.com:443");
    assert!(tunnels > 0);

    let other = tempfile::TempDir::new().unwrap();
    let steps = in_a_process(
        &bench,
        other.path(),
        &[
            ("HTTPS_PROXY", &url),
            ("NO_PROXY", "example.com"),
            ("SSL_CERT_FILE", store),
        ],
    );
    assert!(!steps.iter().all(|step| step.ok), "{steps:?}");
    assert_eq!(proxy.seen().tunnels("ghe.example.com:443"), tunnels);

    // Who chose to use none uses none.
    let none = tempfile::TempDir::new().unwrap();
    let profile = none.path().join("profile");
    std::fs::create_dir(&profile).unwrap();
    std::fs::write(profile.join("network.json"), r#"{"proxy":"direct"}"#).unwrap();
    let steps = in_a_process(
        &bench,
        none.path(),
        &[("HTTPS_PROXY", &url), ("SSL_CERT_FILE", store)],
    );
    assert!(!steps.iter().all(|step| step.ok), "{steps:?}");
    assert_eq!(proxy.seen().tunnels("ghe.example.com:443"), tunnels);
}
