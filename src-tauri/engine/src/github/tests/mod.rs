//! The client against answers made by hand: what a faithful forge does not do on demand.

mod asking;
mod device;
mod objects;
mod reading;
mod refusals;
mod writing;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use countersign_core::change::{ChangeId, Oid};
use http::Method;
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

const TOKEN: &str = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";

/// Short enough for a test to wait for, long enough for a busy machine to answer in.
const LIMITS: Limits = Limits {
    connect: Duration::from_secs(2),
    call: Duration::from_secs(2),
    slow: Duration::from_secs(4),
};

fn at(host: &str) -> GitHub {
    let address = Address::parse(&format!("http://{host}")).unwrap();
    GitHub::with_limits(&address, TOKEN.to_owned().into(), &Network::usual(), LIMITS).unwrap()
}

fn of(server: &MockServer) -> GitHub {
    at(&server.address().to_string())
}

fn id(server: &MockServer) -> ChangeId {
    ChangeId {
        host: server.address().to_string(),
        repo: "acme/infra".into(),
        number: 7,
    }
}

fn oid(digit: char) -> Oid {
    digit.to_string().repeat(40).parse().unwrap()
}

/// Answers every request of this method and path (below `/api`) so.
async fn answers(server: &MockServer, verb: &str, at: &str, with: ResponseTemplate) {
    let verb: Method = verb.parse().unwrap();
    Mock::given(method(verb.as_str()))
        .and(path(format!("/api{at}")))
        .respond_with(with)
        .mount(server)
        .await;
}

fn good(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

/// A server that reads one request and then does what it is told, for what HTTP libraries refuse to do.
fn raw(answer: &'static [u8]) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut buffer = [0; 4096];
        while !request.windows(4).any(|four| four == b"\r\n\r\n") {
            let read = stream.read(&mut buffer).unwrap();
            assert!(read > 0, "the client left in the middle of its request");
            request.extend_from_slice(&buffer[..read]);
        }
        stream.write_all(answer).unwrap();
        String::from_utf8_lossy(&request).into_owned()
    });
    (host, thread)
}
