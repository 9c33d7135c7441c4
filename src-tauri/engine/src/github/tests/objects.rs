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

async fn raw(server: &MockServer, digit: char, bytes: &[u8]) {
    Mock::given(method("GET"))
        .and(path(format!("/api{REPO}/git/blobs/{}", oid(digit))))
        .and(header("accept", "application/vnd.github.raw+json"))
        .respond_with(ResponseTemplate::new(200).set_body_bytes(bytes))
        .mount(server)
        .await;
}

#[tokio::test]
async fn a_file_is_read_byte_for_byte_and_a_large_one_is_not_read() {
    let server = MockServer::start().await;
    raw(&server, 'a', b"caf\xe9\n\0").await;
    raw(&server, 'b', &vec![b'x'; (1 << 20) + 1]).await;
    let github = of(&server);
    let found = github.blob(&id(&server), &oid('a')).await.unwrap();
    assert_eq!(found, b"caf\xe9\n\0");
    let error = github.blob(&id(&server), &oid('b')).await.unwrap_err();
    assert!(error.to_string().contains("larger than 1 MiB"), "{error}");
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
    let entry = |path: &str, digit: char| json!({ "path": path, "mode": "100644", "type": "blob", "sha": oid(digit) });
    let spread = format!("{}/{}/{}", &spread[..2], &spread[2..4], &spread[4..]);
    let list = json!([
        entry(&flat, 'a'),
        entry(&spread, 'b'),
        entry(&oid('3').to_string(), 'c'),
        entry("README", 'd')
    ]);
    answers(
        &server,
        "GET",
        &format!("{REPO}/git/trees/{}", oid('9')),
        good(&json!({ "sha": oid('9'), "truncated": false, "tree": list })),
    )
    .await;
    raw(&server, 'a', b"agent: one\n").await;
    raw(&server, 'b', b"agent: two\n").await;
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
