//! *Test connection*: each thing that can be in the way is named by its own step, and the steps before it hold.

use std::time::Duration;

use countersign_engine::view::{ProxyMode, SignInResult};
use countersign_tests::forge::Forge;
use countersign_tests::forge::faults::{Effect, Fault};
use countersign_tests::forge::tls::Authority;
use countersign_tests::forge::world::Scopes;
use countersign_tests::proxy::Proxy;
use jiff::SignedDuration;

use super::bench::{Agent, Bench, world};

async fn tested(bench: &Bench, forge: &str, token: &str) -> SignInResult {
    bench
        .engine
        .test_connection(forge.into(), token.into())
        .await
        .unwrap()
}

/// The steps' names, a failed one with `!` before it.
fn names(result: &SignInResult) -> Vec<String> {
    let name = |step: &countersign_engine::view::SignInStep| {
        format!("{}{}", if step.ok { "" } else { "!" }, step.name)
    };
    result.steps.iter().map(name).collect()
}

/// It ends at this step, all before hold, and the step says this.
fn ends_at(result: &SignInResult, step: &str, words: &[&str]) {
    let last = result.steps.last().unwrap();
    assert!(
        !result.ok && result.steps.iter().filter(|step| !step.ok).count() == 1 && !last.ok,
        "{result:?}"
    );
    assert_eq!(last.name, step, "{result:?}");
    for words in words {
        assert!(last.detail.contains(words), "{words:?}: {last:?}");
    }
}

async fn plain() -> Bench {
    Bench::before_sign_in(Agent::start(), Forge::start(world("")).await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_way_with_a_token_without_one_and_with_the_accounts() {
    let bench = plain().await;
    let url = bench.forge.url().to_owned();
    let answers = format!("{} answers", url.trim_start_matches("http://"));
    let way = ["Proxy", "Name", "Connection", &answers, "Clock"].map(str::to_owned);
    let result = tested(&bench, &url, "").await;
    assert!(result.ok && names(&result) == way, "{result:?}");
    assert_eq!(
        bench.forge.count("GET", "/api/v3/user"),
        0,
        "there is no token to ask with"
    );
    let with_token = [
        &way[..],
        &["The token is accepted", "repo", "read:org"].map(str::to_owned),
    ]
    .concat();
    let result = tested(&bench, &url, &bench.forge.token()).await;
    assert!(result.ok && names(&result) == with_token, "{result:?}");
    assert!(
        bench.engine.status().await.unwrap().account.is_none(),
        "nobody is signed in by it"
    );
    bench.sign_in().await;
    let result = tested(&bench, &url, "").await;
    assert_eq!(names(&result), with_token);
    let other = Forge::start(world("")).await.unwrap();
    let result = tested(&bench, other.url(), "").await;
    assert!(result.ok && !names(&result).contains(&"The token is accepted".to_owned()));
    assert_eq!(
        other.count("GET", "/api/v3/user"),
        0,
        "another forge never gets it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_way_before_any_forge_is_named() {
    let bench = plain().await;
    ends_at(
        &tested(&bench, "nonsense with blanks", "").await,
        "Forge",
        &["does not name a forge"],
    );
    ends_at(
        &tested(&bench, "no-such-host.invalid", "").await,
        "Name",
        &["its name", "Check the address", "VPN"],
    );
    // Bound and dropped: nobody listens there.
    let dead = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let result = tested(&bench, &format!("https://{dead}"), "").await;
    ends_at(
        &result,
        "Connection",
        &["cannot be reached", "Check the address and its port"],
    );
    assert_eq!(names(&result), ["Proxy", "Name", "!Connection"]);
    let clear = bench.forge.url().replace("http://", "https://");
    ends_at(
        &tested(&bench, &clear, "").await,
        "Certificate",
        &["TLS could not be agreed on"],
    );
    let authority = Authority::named("Example Inspection CA").unwrap();
    let forge = Forge::start_secure(world(""), &authority).await.unwrap();
    let result = tested(&bench, forge.url(), &forge.token()).await;
    ends_at(
        &result,
        "Certificate",
        &[
            "issued by Example Inspection CA, which this machine does not trust",
            "ask IT",
        ],
    );
    assert_eq!(forge.count("GET", "*"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_proxy_does_is_named_with_the_proxy() {
    let bench = plain().await;
    let proxy = Proxy::to("elsewhere:443", 1).await.unwrap();
    let at = |user: &str, password: &str| {
        let (url, user, password) = (proxy.url(), user.to_owned(), password.to_owned());
        bench
            .engine
            .set_proxy(String::new(), ProxyMode::At, url, user, password)
    };
    assert!(at("", "").await.unwrap());
    let forge = "ghe.example.com";
    let name = proxy.address().to_owned();
    let named = format!("The proxy {name}");
    ends_at(
        &tested(&bench, forge, "").await,
        "Proxy",
        &[&named, "502 Bad Gateway"],
    );
    proxy.asks("mika", "right");
    ends_at(
        &tested(&bench, forge, "").await,
        "Proxy",
        &[&named, "asks for a user", "Type them under Network"],
    );
    assert!(at("mika", "wrong").await.unwrap());
    ends_at(
        &tested(&bench, forge, "").await,
        "Proxy",
        &[&named, "does not accept the user and the password"],
    );
    assert!(at("mika", "right").await.unwrap());
    proxy.forbids();
    ends_at(
        &tested(&bench, forge, "").await,
        "Proxy",
        &[&named, "403 Forbidden"],
    );
    let all = proxy.seen();
    assert!(
        all.heads
            .iter()
            .all(|head| head.starts_with("CONNECT ghe.example.com:443 "))
    );
    drop(proxy);
    // Until its port is closed, somebody answers there still.
    while tokio::net::TcpStream::connect(&name).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    ends_at(
        &tested(&bench, forge, "").await,
        "Proxy",
        &[&named, "cannot be reached", "Check the proxy"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_answers_in_a_forges_place_and_what_a_forge_refuses_is_named() {
    let bench = plain().await;
    let url = bench.forge.url().to_owned();
    let answers = format!("{} answers", url.trim_start_matches("http://"));
    let token = bench.forge.token();
    let meets = async |effect: Effect, step: &str, words: &[&str]| {
        bench.forge.faults([Fault::once("GET", "/api/v3/meta", effect)]);
        ends_at(&tested(&bench, &url, &token).await, step, words);
    };
    meets(
        Effect::Html,
        &answers,
        &["it is a web page", "open a browser first"],
    )
    .await;
    meets(Effect::WrongJson, &answers, &["it is not GitHub's interface"]).await;
    let not_found = Effect::Status {
        status: 404,
        headers: Vec::new(),
        body: "<html>nginx</html>".into(),
    };
    meets(not_found, &answers, &["a web server is there, but no GitHub"]).await;
    meets(Effect::ResetBefore, &answers, &["broke before the answer came"]).await;
    ends_at(
        &tested(&bench, &url, "ghp_wrong").await,
        "The token is accepted",
        &["does not accept the token", "Sign in with a new token"],
    );
    bench.forge.with(|world| {
        world.token("ghp_poor", "priya-n", Scopes::Classic(vec!["read:user".into()]));
    });
    ends_at(
        &tested(&bench, &url, "ghp_poor").await,
        "repo",
        &["The token has read:user. It needs repo"],
    );
    for (skew, words) in [
        (-7, "is 7 minutes ahead of the forge's"),
        (8, "minutes behind the forge's"),
    ] {
        bench
            .forge
            .with(|world| world.skew = SignedDuration::from_mins(skew));
        let result = tested(&bench, &url, &token).await;
        let clock = result.steps.iter().find(|step| !step.ok).expect(words);
        assert_eq!(clock.name, "Clock");
        assert!(clock.detail.contains(words), "{clock:?}");
        assert_eq!(result.steps.last().unwrap().name, "read:org", "the way goes on");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enterprise_server_says_its_version_and_an_older_one_is_said_to_be_older() {
    let bench = plain().await;
    let url = bench.forge.url().to_owned();
    for (version, older) in [("3.17.4", false), ("3.9.2", true)] {
        bench.forge.with(|world| world.server = Some(version));
        let result = tested(&bench, &url, "").await;
        let told = &result.steps[3].detail;
        assert!(
            result.ok && told.contains(&format!("GitHub Enterprise Server {version}.")),
            "{result:?}"
        );
        assert_eq!(told.contains("tested with 3.17 and newer"), older, "{told}");
        // In private mode it says so on a refusal.
        let private = Effect::Status {
            status: 401,
            headers: Vec::new(),
            body: r#"{"message":"Must authenticate to access this API."}"#.into(),
        };
        bench.forge.faults([Fault::once("GET", "/api/v3/meta", private)]);
        let result = tested(&bench, &url, "").await;
        assert!(
            result.ok && result.steps[3].detail.contains(version),
            "{result:?}"
        );
    }
}
