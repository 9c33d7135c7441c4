//! Contents by their names, and notes.

use super::*;
use countersign_core::change::{Commit, Identity};
use wiremock::matchers::header;

const REPO: &str = "/v3/repos/acme/infra";

fn commit(digit: char) -> Commit {
    let nobody = Identity {
        name: String::new(),
        email: String::new(),
        account: None,
    };
    Commit {
        oid: oid(digit),
        tree: None,
        message: String::new(),
        author: nobody.clone(),
        committer: nobody,
        committed_at: None,
    }
}

async fn raw(server: &MockServer, name: &str, bytes: &[u8]) {
    Mock::given(method("GET"))
        .and(path(format!("/api{REPO}/git/blobs/{name}")))
        .and(header("accept", "application/vnd.github.raw+json"))
        .respond_with(ResponseTemplate::new(200).set_body_bytes(bytes))
        .mount(server)
        .await;
}

/// As git names them.
const CAFE: &str = "78b2f84d7d65046529bc4aed579366cda2f48006";
const ONE: &str = "ba89554fdeb876cadac74adb001534ac636cdc03";
const TWO: &str = "2c1dbbc312e4cbefe13f2a5f387d4fe6c0259b02";

#[tokio::test]
async fn a_file_is_read_byte_for_byte_and_a_large_one_is_not_read() {
    let server = MockServer::start().await;
    raw(&server, CAFE, b"caf\xe9\n\0").await;
    raw(&server, oid('b').as_str(), &vec![b'x'; (1 << 20) + 1]).await;
    let github = of(&server);
    let found = github.blob(&id(&server), &CAFE.parse().unwrap()).await.unwrap();
    assert_eq!(found, b"caf\xe9\n\0");
    let error = github.blob(&id(&server), &oid('b')).await.unwrap_err();
    assert!(error.to_string().contains("larger than 1 MiB"), "{error}");
}

#[tokio::test]
async fn a_content_under_another_contents_name_is_not_believed() {
    let server = MockServer::start().await;
    raw(&server, ONE, b"agent: two\n").await;
    let asked = of(&server).blob(&id(&server), &ONE.parse().unwrap()).await;
    let error = asked.unwrap_err().to_string();
    assert!(error.contains("it is not the content that"), "{error}");
}

#[tokio::test]
async fn notes_are_found_wherever_git_puts_them() {
    let server = MockServer::start().await;
    let (flat, spread) = (oid('1').to_string(), oid('2').to_string());
    answers(
        &server,
        "GET",
        &format!("{REPO}/git/ref/notes/ai"),
        good(&json!({ "ref": "refs/notes/ai", "object": { "type": "commit", "sha": oid('9') } })),
    )
    .await;
    let entry =
        |path: &str, name: &str| json!({ "path": path, "mode": "100644", "type": "blob", "sha": name });
    let spread = format!("{}/{}/{}", &spread[..2], &spread[2..4], &spread[4..]);
    let list = json!([
        entry(&flat, ONE),
        entry(&spread, TWO),
        entry(&oid('3').to_string(), oid('c').as_str()),
        entry("README", oid('d').as_str())
    ]);
    answers(
        &server,
        "GET",
        &format!("{REPO}/git/trees/{}", oid('9')),
        good(&json!({ "sha": oid('9'), "truncated": false, "tree": list })),
    )
    .await;
    raw(&server, ONE, b"agent: one\n").await;
    raw(&server, TWO, b"agent: two\n").await;
    let notes = of(&server)
        .notes(&id(&server), &[commit('1'), commit('2')])
        .await
        .unwrap();
    let found: Vec<_> = notes
        .iter()
        .map(|note| (&note.commit, note.text.as_str()))
        .collect();
    assert_eq!(found, [(&oid('1'), "agent: one\n"), (&oid('2'), "agent: two\n")]);
}

#[tokio::test]
async fn most_repositories_have_no_notes() {
    let server = MockServer::start().await;
    assert_eq!(of(&server).notes(&id(&server), &[commit('1')]).await.unwrap(), []);
}
