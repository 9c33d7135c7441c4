use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use super::*;

/// An agent that answers the n-th request with the n-th answer and then ends.
fn agent(answers: Vec<Vec<u8>>) -> (tempfile::TempDir, PathBuf, std::thread::JoinHandle<Vec<Vec<u8>>>) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("agent");
    let listener = UnixListener::bind(&socket).unwrap();
    let thread = std::thread::spawn(move || {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut length = [0; 4];
            stream.read_exact(&mut length).unwrap();
            let mut request = vec![0; u32::from_be_bytes(length) as usize];
            stream.read_exact(&mut request).unwrap();
            requests.push(request);
            stream.write_all(&answer).unwrap();
        }
        requests
    });
    (folder, socket, thread)
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut inside = vec![kind];
    inside.extend(body);
    let mut framed = Vec::new();
    put(&mut framed, &inside);
    framed
}

/// Strings one after the other, each with its length.
fn strings(parts: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::new();
    for part in parts {
        put(&mut body, part);
    }
    body
}

fn blob(algorithm: &str, rest: &[&[u8]]) -> Vec<u8> {
    let mut parts = vec![algorithm.as_bytes()];
    parts.extend(rest);
    strings(&parts)
}

fn ed25519() -> Vec<u8> {
    let pair = ssh_key::private::Ed25519Keypair::from_seed(&[7; 32]);
    blob("ssh-ed25519", &[pair.public.as_ref()])
}

fn identities(keys: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut body = u32::try_from(keys.len()).unwrap().to_be_bytes().to_vec();
    for (key, comment) in keys {
        body.extend(strings(&[key, comment]));
    }
    message(IDENTITIES_ANSWER, &body)
}

#[tokio::test]
async fn one_strange_key_does_not_hide_the_others() {
    let rsa = blob("ssh-rsa", &[&[1, 0, 1], &[0, 0xc1]]);
    let strange = blob("quantum@example.com", &[b"??"]);
    let good = ed25519();
    let answer = identities(&[
        (&rsa, b"old"),
        (&strange, b"new"),
        (b"\0\0", b"junk"),
        (&good, b"mine \xff"),
    ]);
    let (_folder, socket, thread) = agent(vec![answer]);
    let listing = list(&socket).await.unwrap();
    assert_eq!(listing.keys.len(), 1);
    assert_eq!(listing.keys[0].key.blob(), good);
    assert_eq!(listing.keys[0].comment, "mine \u{fffd}");
    let algorithms: Vec<_> = listing
        .unusable
        .iter()
        .map(|(algorithm, _)| algorithm.as_str())
        .collect();
    assert_eq!(algorithms, ["ssh-rsa", "quantum@example.com", "unreadable"]);
    assert_eq!(thread.join().unwrap(), [[REQUEST_IDENTITIES]]);
}

#[tokio::test]
async fn the_signature_is_the_agents_bytes_whatever_its_shape() {
    let key = Key::from_blob(&ed25519()).unwrap();
    let raw = [
        strings(&[b"sk-ecdsa-sha2-nistp256@openssh.com", b"r and s"]),
        vec![1, 0, 0, 0, 9],
    ]
    .concat();
    let (_folder, socket, thread) = agent(vec![message(SIGN_RESPONSE, &strings(&[&raw]))]);
    assert_eq!(sign(&socket, &key, b"data").await.unwrap(), raw);
    let expected = [vec![SIGN_REQUEST], strings(&[key.blob(), b"data"]), vec![0; 4]].concat();
    assert_eq!(thread.join().unwrap(), [expected]);
}

#[tokio::test]
async fn a_refusal_a_lost_key_and_a_locked_agent_are_told_apart() {
    let key = Key::from_blob(&ed25519()).unwrap();
    let other = blob("ssh-rsa", &[&[1, 0, 1], &[0, 0xc1]]);
    for (list, expected) in [
        (identities(&[(key.blob(), b"")]), "refused to sign"),
        (identities(&[(&other, b"")]), "no longer holds the key"),
        (identities(&[]), "locked, or empty"),
    ] {
        let (_folder, socket, thread) = agent(vec![message(FAILURE, b""), list]);
        let error = sign(&socket, &key, b"data").await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        thread.join().unwrap();
    }
}

#[tokio::test]
async fn no_touch_is_no_signature() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("agent");
    let _listener = UnixListener::bind(&socket).unwrap();
    let key = Key::from_blob(&ed25519()).unwrap();
    let error = sign_within(&socket, &key, b"data", Duration::from_millis(30))
        .await
        .unwrap_err();
    assert!(matches!(error, AgentError::NotTouched { .. }), "{error}");
}

#[tokio::test]
async fn nobody_there_and_somebody_else_there() {
    let folder = tempfile::tempdir().unwrap();
    let error = list(&folder.path().join("none")).await.unwrap_err();
    assert!(matches!(error, AgentError::Unreachable { .. }), "{error}");
    for answer in [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        vec![0, 0, 0, 0],
        vec![0, 0, 0, 9, IDENTITIES_ANSWER],
        message(SIGN_RESPONSE, b""),
        message(IDENTITIES_ANSWER, &[0xff; 4]),
        [message(IDENTITIES_ANSWER, &[0, 0, 0, 0, 1])].concat(),
    ] {
        let (_folder, socket, thread) = agent(vec![answer.clone()]);
        let error = list(&socket).await.unwrap_err();
        assert!(matches!(error, AgentError::Garbled { .. }), "{answer:?}: {error}");
        thread.join().unwrap();
    }
}
