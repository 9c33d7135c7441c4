//! A client of a few lines: it shows what is on the wire, reset connections and cut bodies among it.

use std::io;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::forge::Forge;

pub(super) struct Client {
    host: String,
    token: String,
}

pub(super) struct Got {
    pub(super) status: u16,
    head: String,
    pub(super) bytes: Vec<u8>,
    /// The connection ended before as many bytes as the head announced.
    pub(super) cut: bool,
}

impl Got {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        let pairs = self.head.lines().filter_map(|line| line.split_once(": "));
        pairs
            .into_iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value)
    }
}

impl Client {
    pub(super) fn of(forge: &Forge) -> Self {
        Self::with(forge, &forge.token())
    }

    pub(super) fn with(forge: &Forge, token: &str) -> Self {
        Self {
            host: forge.url().trim_start_matches("http://").to_owned(),
            token: token.to_owned(),
        }
    }

    /// One request on a connection of its own.
    pub(super) async fn raw(&self, head: &str, body: &[u8]) -> io::Result<Got> {
        let mut stream = TcpStream::connect(&self.host).await?;
        let length = body.len();
        let request = format!(
            "{head}host: {}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n",
            self.host
        );
        stream.write_all(request.as_bytes()).await?;
        stream.write_all(body).await?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await?;
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut got = Got {
            status,
            head,
            bytes: bytes.split_off(end + 4),
            cut: false,
        };
        got.cut = got
            .header("content-length")
            .parse()
            .is_ok_and(|announced: usize| announced > got.bytes.len());
        Ok(got)
    }

    pub(super) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> io::Result<Got> {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nuser-agent: countersign-tests\r\nauthorization: Bearer {}\r\n",
            self.token
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if body.is_some() {
            head.push_str("content-type: application/json\r\n");
        }
        self.raw(
            &head,
            body.map_or_else(String::new, |body| body.to_string()).as_bytes(),
        )
        .await
    }

    pub(super) async fn get(&self, path: &str) -> Got {
        self.send("GET", &format!("/api/v3{path}"), &[], None)
            .await
            .unwrap()
    }

    pub(super) async fn call(&self, method: &str, path: &str, body: Value) -> Got {
        self.send(method, &format!("/api/v3{path}"), &[], Some(body))
            .await
            .unwrap()
    }

    pub(super) async fn query(&self, query: &str, variables: Value) -> Value {
        let body = serde_json::json!({ "query": query, "variables": variables });
        let got = self.send("POST", "/api/graphql", &[], Some(body)).await.unwrap();
        assert_eq!(got.status, 200, "{}", String::from_utf8_lossy(&got.bytes));
        got.json()
    }
}
