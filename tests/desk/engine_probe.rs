//! Does with the engine, its keychain, agent and notices what its input says, a line an order, and writes a line an
//! answer. See `Probe`.
#![allow(clippy::print_stdout, reason = "its output is its answer")]

use std::io::BufRead;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use countersign_core::finding::Severity;
use countersign_core::signature::{assemble, to_be_signed};
use countersign_engine::ports::Notice;
use countersign_engine::prompt::{self, Purpose};
use countersign_engine::signer::{self, PublicKey};
use countersign_engine::vault::{Kept, Vault};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

mod driven;

/// Under which name secrets stand in the keychain.
const SERVICE: &str = "Countersign test";

#[tokio::main]
async fn main() -> Result<()> {
    if let Some(log) = std::env::var_os("PROBE_LOG") {
        let log = std::fs::File::options().create(true).append(true).open(log)?;
        // All that any part of it says, which is more than the app keeps.
        tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
            .with_ansi(false)
            .with_writer(std::sync::Mutex::new(log))
            .init();
    }
    let vault = Vault::new(SERVICE);
    let mut driven = driven::Driven::default();
    let agent = std::env::var_os("SSH_AUTH_SOCK").map(PathBuf::from);
    for line in std::io::stdin().lock().lines() {
        let words: Vec<String> = serde_json::from_str(&line?)?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let began = std::time::Instant::now();
        let done = match words.as_slice() {
            ["engine", words @ ..] => driven.obey(agent.as_deref(), words).await,
            words => obey(&vault, agent.as_deref(), words).await,
        };
        let mut answer = match done {
            Ok(value) => json!({ "ok": value }),
            Err(error) => json!({ "error": error.to_string() }),
        };
        answer["ms"] = json!(u64::try_from(began.elapsed().as_millis())?);
        println!("{answer}");
    }
    Ok(())
}

async fn obey(vault: &Vault, agent: Option<&std::path::Path>, words: &[&str]) -> Result<Value> {
    Ok(match words {
        ["set", name, value] => match vault.set(name, SecretString::from(*value)).await? {
            Kept::Keychain => json!("keychain"),
            Kept::SessionOnly { why } => json!({ "session": why }),
        },
        ["get", name] => json!(
            vault
                .get(name)
                .await?
                .map(|secret| secret.expose_secret().to_owned())
        ),
        ["delete", name] => json!(vault.delete(name).await?),
        ["probe"] => json!(vault.probe().await),
        ["session-only", name] => json!(vault.is_session_only(name)),
        ["keys"] => {
            let (keys, problems) = signer::keys(vault, agent).await;
            json!({ "keys": keys.iter().map(key).collect::<Vec<_>>(), "problems": problems })
        }
        ["make"] => key(&signer::make_key(vault, "made on the desk").await?),
        ["sign", fingerprint, payload, signature] => {
            let payload = std::fs::read(payload)?;
            let raw = signer::sign(vault, agent, fingerprint, &to_be_signed(&payload)).await?;
            let envelope = assemble(&raw.key, &raw.signature, &payload)
                .map_err(|fault| anyhow::anyhow!(fault.detail))?;
            std::fs::write(signature, envelope_armor(&envelope.to_json())?)?;
            json!("signed")
        }
        ["prompt", milliseconds] => {
            let limit = std::time::Duration::from_millis(milliseconds.parse()?);
            match prompt::ask(Purpose::Sign, limit).await {
                Ok(()) => json!("prompted"),
                Err(why) => json!({ "unprompted": format!("{why:?}") }),
            }
        }
        ["notify", severity, title, body] => {
            let severity = if *severity == "critical" {
                Severity::Critical
            } else {
                Severity::Low
            };
            let notice = Notice {
                title: (*title).into(),
                body: (*body).into(),
                change: None,
                severity: Some(severity),
            };
            let shown =
                countersign_engine::notify::show(notice, || println!("{}", json!({ "clicked": true }))).await;
            shown.map_err(anyhow::Error::msg)?;
            json!("shown")
        }
        other => bail!("{other:?} is not an order"),
    })
}

fn key(key: &PublicKey) -> Value {
    json!({ "fingerprint": key.fingerprint, "comment": key.comment, "place": format!("{:?}", key.place),
            "line": key.public_line, "hardware": key.hardware })
}

/// The armored signature, taken out of the envelope as a person with `jq` and `base64` does.
fn envelope_armor(envelope: &str) -> Result<Vec<u8>> {
    let envelope: Value = serde_json::from_str(envelope)?;
    let signature = envelope["signatures"][0]["sig"]
        .as_str()
        .context("the envelope has a signature")?;
    base64::Engine::decode(&base64::prelude::BASE64_STANDARD, signature).context("the signature is base64")
}
