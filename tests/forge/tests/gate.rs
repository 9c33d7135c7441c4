//! What a job of CI asks for: statuses, objects by git, HTTPS.

use std::process::{Command, Output};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::json;
use tokio::net::TcpStream;

use super::{Client, REPO, small, started};
use crate::forge::Forge;
use crate::forge::tls::Authority;
use crate::forge::world::Scopes;

#[tokio::test(flavor = "multi_thread")]
async fn a_status_is_set_by_who_may_push_on_a_commit_that_is_there() {
    let mut world = small();
    world.token("reader", "sol-v", Scopes::Classic(vec!["repo".into()]));
    let access = &mut world.find_mut(REPO).unwrap().access;
    access.insert("sol-v".into(), "READ");
    let head = world.change(REPO, 1).unwrap().head().to_owned();
    let forge = Forge::start(world).await.unwrap();
    let client = Client::of(&forge);
    let path = format!("/repos/{REPO}/statuses/{head}");
    let full = json!({ "state": "pending", "context": "gate", "description": "judging", "target_url": "https://x.example/1" });
    let got = client.call("POST", &path, full).await;
    assert_eq!(
        (got.status, &got.json()["creator"]["login"]),
        (201, &json!("priya-n"))
    );
    for state in ["success", "failure"] {
        let body = json!({ "state": state, "context": "gate" });
        assert_eq!(client.call("POST", &path, body).await.status, 201);
    }
    let list = client
        .get(&format!("/repos/{REPO}/commits/{head}/statuses"))
        .await
        .json();
    let states: Vec<_> = list.as_array().unwrap().iter().map(|one| &one["state"]).collect();
    assert_eq!(states, ["failure", "success", "pending"]);
    let query = "{ repository(owner: \"acme\", name: \"web\") { pullRequest(number: 1) {
        commits(last: 1) { nodes { commit { statusCheckRollup { state contexts(first: 9) { totalCount statusContextCount } } } } } } } }";
    let got = client.query(query, json!({})).await;
    let rollup =
        &got["data"]["repository"]["pullRequest"]["commits"]["nodes"][0]["commit"]["statusCheckRollup"];
    let expected = json!({ "state": "FAILURE", "contexts": { "totalCount": 1, "statusContextCount": 1 } });
    assert_eq!(*rollup, expected, "the latest of a context counts");

    let body = json!({ "state": "success" });
    let reader = Client::with(&forge, "reader");
    assert_eq!(reader.call("POST", &path, body.clone()).await.status, 404);
    for other in [&"1".repeat(40), &head[..12], "main"] {
        let path = format!("/repos/{REPO}/statuses/{other}");
        assert_eq!(
            client.call("POST", &path, body.clone()).await.status,
            422,
            "{other}"
        );
    }
    let long = json!({ "state": "success", "description": "x".repeat(141) });
    assert_eq!(client.call("POST", &path, long).await.status, 422);
    assert!(forge.take_violations().is_empty());
    for wrong in [
        json!({ "state": "passed" }),
        json!({ "context": "gate" }),
        json!({ "state": "success", "sha": "1" }),
    ] {
        assert_eq!(client.call("POST", &path, wrong).await.status, 400);
    }
    assert_eq!(forge.take_violations().len(), 3);
}

/// Git with that token, or none.
fn git(forge: &Forge, token: Option<&str>, authority: Option<&Authority>, words: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let trusts = folder.path().join("authority.pem");
    std::fs::write(&trusts, authority.map(Authority::pem).unwrap_or_default()).unwrap();
    let mut command = Command::new("git");
    if let Some(token) = token {
        let pair = BASE64_STANDARD.encode(format!("x-access-token:{token}").as_bytes());
        command.args(["-c", &format!("http.extraheader=AUTHORIZATION: basic {pair}")]);
    }
    let url = format!("{}/{REPO}", forge.url());
    let words = words.iter().map(|word| word.replace("URL", &url));
    command
        .args(words)
        .current_dir(folder.path())
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_SSL_CAINFO", trusts)
        .output()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn git_fetches_what_its_token_may_see() {
    let (forge, client) = started().await;
    let list = ["ls-remote", "URL", "refs/pull/1/head"];
    let seen = git(&forge, Some("mika"), None, &list);
    let head = forge.with(|world| world.change(REPO, 1).unwrap().head().to_owned());
    assert_eq!(
        String::from_utf8_lossy(&seen.stdout),
        format!("{head}\trefs/pull/1/head\n")
    );
    let cloned = git(
        &forge,
        Some("mika"),
        None,
        &["clone", "--quiet", "--bare", "URL.git", "copy"],
    );
    assert!(cloned.status.success(), "{cloned:?}");
    for token in [None, Some("unknown")] {
        let refused = git(&forge, token, None, &list);
        assert!(
            !refused.status.success() && refused.stdout.is_empty(),
            "{refused:?}"
        );
    }

    let path = format!("/{REPO}/info/refs?service=git-upload-pack");
    let asks = format!("GET {path} HTTP/1.1\r\nuser-agent: git/2\r\n");
    let got = client.raw(&asks, b"").await.unwrap();
    assert_eq!(
        (got.status, got.header("www-authenticate")),
        (401, "Basic realm=\"GitHub\"")
    );
    // An access token is no password elsewhere, and a password no access token here.
    let got = client.send("GET", &path, &[], None).await.unwrap();
    assert_eq!(got.status, 401);
    let anonymous = Client::with(&forge, "");
    forge.with(|world| world.find_mut(REPO).unwrap().private = false);
    assert!(git(&forge, None, None, &list).status.success(), "anybody may");
    assert_eq!(anonymous.get(&format!("/repos/{REPO}")).await.status, 401);
    let push = path.replace("upload", "receive");
    let asks = format!("GET {push} HTTP/1.1\r\nuser-agent: git/2\r\n");
    assert_eq!(client.raw(&asks, b"").await.unwrap().status, 403);
    assert!(forge.take_violations().is_empty());

    let dumb = format!("GET /{REPO}/info/refs HTTP/1.1\r\nuser-agent: git/2\r\n");
    assert_eq!(client.raw(&dumb, b"").await.unwrap().status, 400);
    assert_eq!(forge.take_violations().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_https_only_who_trusts_the_authority_is_served() {
    let authority = Authority::new().unwrap();
    let forge = Forge::start_secure(small(), &authority).await.unwrap();
    let address = forge.url().strip_prefix("https://").unwrap().to_owned();
    // It says nothing and holds nobody up.
    let silent = TcpStream::connect(&address).await.unwrap();
    let list = ["ls-remote", "URL"];
    let seen = git(&forge, Some("mika"), Some(&authority), &list);
    assert!(seen.status.success(), "{seen:?}");
    let calls = forge.with(|world| world.calls.len());
    let other = Authority::new().unwrap();
    let refused = git(&forge, Some("mika"), Some(&other), &list);
    assert!(!refused.status.success());
    let clear = ["ls-remote", &format!("http://{address}/{REPO}")];
    assert!(
        !git(&forge, Some("mika"), Some(&authority), &clear)
            .status
            .success()
    );
    assert_eq!(
        forge.with(|world| world.calls.len()),
        calls,
        "nothing came through"
    );
    drop(silent);
}
