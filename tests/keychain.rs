//! The engine's secrets and signatures against a real keychain daemon, a real ssh-agent and OpenSSH's own verifier.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};
use countersign_core::signature::{NAMESPACE, pae};
use countersign_tests::desk::probe::Probe;
use countersign_tests::desk::{Desk, Keychain, Options};
use serde_json::{Value, json};

const PROBE: &str = env!("CARGO_BIN_EXE_engine-probe");

fn desk(options: Options) -> Result<(Desk, Probe)> {
    let desk = Desk::start(options)?;
    let probe = Probe::start(&desk, Path::new(PROBE))?;
    Ok((desk, probe))
}

fn with(keychain: Keychain) -> Options {
    Options {
        keychain,
        ..Options::default()
    }
}

fn error(answer: &Value) -> &str {
    answer["error"]
        .as_str()
        .unwrap_or_else(|| panic!("an error was expected, not {answer}"))
}

/// Has the probe sign something, and OpenSSH say whether it is signed.
fn signs(desk: &Desk, probe: &mut Probe, key: &Value) -> Result<()> {
    let fingerprint = key["fingerprint"].as_str().context("a key has a fingerprint")?;
    let line = key["line"].as_str().context("a key has a line")?;
    let folder = desk.scratch();
    let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let payload = br#"{"_type":"https://in-toto.io/Statement/v1"}"#;
    std::fs::write(path("payload"), payload)?;
    std::fs::write(
        path("signers"),
        format!("priya@desk namespaces=\"{NAMESPACE}\" {line}\n"),
    )?;
    let answer = probe.ask(&["sign", fingerprint, &path("payload"), &path("signature")])?;
    assert_eq!(answer["ok"], "signed", "{answer}");
    let mut command = desk.command("ssh-keygen");
    command.args([
        "-Y",
        "verify",
        "-n",
        NAMESPACE,
        "-I",
        "priya@desk",
        "-f",
        &path("signers"),
    ]);
    command
        .args(["-s", &path("signature")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut verify = command.spawn()?;
    verify
        .stdin
        .take()
        .context("the input was piped")?
        .write_all(&pae(payload))?;
    let output = verify.wait_with_output()?;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    Ok(())
}

#[test]
fn unlocked_it_keeps_gives_and_removes() -> Result<()> {
    let (desk, mut probe) = desk(with(Keychain::Unlocked))?;
    assert_eq!(probe.ask(&["get", "token"])?["ok"], Value::Null);
    assert_eq!(probe.ask(&["set", "token", "one"])?["ok"], "keychain");
    assert_eq!(probe.ask(&["set", "token", "zwei ü"])?["ok"], "keychain");
    assert_eq!(probe.ask(&["probe"])?["ok"], "unlocked");
    let mut second = Probe::start(&desk, Path::new(PROBE))?;
    assert_eq!(
        second.ask(&["get", "token"])?["ok"],
        "zwei ü",
        "another process reads it"
    );
    assert_eq!(second.ask(&["delete", "token"])?.get("error"), None);
    assert_eq!(probe.ask(&["get", "token"])?["ok"], Value::Null);
    Ok(())
}

#[test]
fn absent_it_is_this_session_only_until_it_appears() -> Result<()> {
    let (mut desk, mut probe) = desk(with(Keychain::None))?;
    assert_eq!(probe.ask(&["probe"])?["ok"], "absent");
    let answer = probe.ask(&["set", "token", "one"])?;
    assert!(
        answer["ok"]["session"]
            .as_str()
            .is_some_and(|why| why.ends_with('.')),
        "{answer}"
    );
    assert_eq!(probe.ask(&["get", "token"])?["ok"], "one");
    assert!(error(&probe.ask(&["get", "other"])?).contains("Start a keychain"));
    assert!(error(&probe.ask(&["make"])?).contains("would be lost"));
    assert_eq!(probe.ask(&["keys"])?["ok"]["keys"], json!([]));

    desk.start_keychain(Keychain::Unlocked)?;
    assert_eq!(probe.ask(&["probe"])?["ok"], "unlocked");
    assert_eq!(probe.ask(&["session-only", "token"])?["ok"], false);
    let mut second = Probe::start(&desk, Path::new(PROBE))?;
    assert_eq!(second.ask(&["get", "token"])?["ok"], "one");
    Ok(())
}

#[test]
fn restarted_it_is_found_again() -> Result<()> {
    let (mut desk, mut probe) = desk(with(Keychain::Unlocked))?;
    assert_eq!(probe.ask(&["set", "token", "one"])?["ok"], "keychain");
    desk.stop_keychain()?;
    assert_eq!(probe.ask(&["probe"])?["ok"], "absent");
    desk.start_keychain(Keychain::Unlocked)?;
    assert_eq!(probe.ask(&["get", "token"])?["ok"], "one");
    desk.stop_keychain()?;
    desk.start_keychain(Keychain::Unlocked)?;
    assert_eq!(
        probe.ask(&["get", "token"])?["ok"],
        "one",
        "without having noticed that it was gone"
    );
    Ok(())
}

#[test]
fn locked_it_does_not_hold_anything_up_and_loses_nothing() -> Result<()> {
    let options = Options {
        display: true,
        ..with(Keychain::Unlocked)
    };
    let (mut desk, mut probe) = desk(options)?;
    assert_eq!(probe.ask(&["set", "token", "old"])?["ok"], "keychain");
    desk.lock_keychain()?;
    let answer = probe.ask(&["probe"])?;
    assert_eq!(answer["ok"], "locked");
    // It gave the person time to answer, and did not wait for ever: how long a loaded machine takes is not said here.
    assert!(
        answer["ms"]
            .as_u64()
            .is_some_and(|ms| (4_000..25_000).contains(&ms)),
        "{answer}"
    );
    assert!(error(&probe.ask(&["get", "token"])?).contains("Unlock it"));
    let answer = probe.ask(&["set", "token", "new"])?;
    assert!(answer["ok"]["session"].is_string(), "{answer}");
    assert_eq!(probe.ask(&["get", "token"])?["ok"], "new");

    desk.answer_keychain()?;
    for _ in 0..3 {
        if probe.ask(&["probe"])?["ok"] == "unlocked" {
            break;
        }
    }
    assert_eq!(probe.ask(&["session-only", "token"])?["ok"], false);
    let mut second = Probe::start(&desk, Path::new(PROBE))?;
    assert_eq!(second.ask(&["get", "token"])?["ok"], "new");
    Ok(())
}

#[test]
fn a_locked_keychain_without_anybody_to_ask_is_said_to_be_locked() -> Result<()> {
    let (_desk, mut probe) = desk(with(Keychain::Locked))?;
    assert_eq!(probe.ask(&["probe"])?["ok"], "locked");
    let answer = probe.ask(&["set", "token", "new"])?;
    assert!(answer["ok"]["session"].is_string(), "{answer}");
    Ok(())
}

#[test]
fn a_question_that_is_dismissed_is_a_no_at_once_and_loses_nothing() -> Result<()> {
    let options = Options {
        display: true,
        ..with(Keychain::Unlocked)
    };
    let (mut desk, mut probe) = desk(options)?;
    assert_eq!(probe.ask(&["set", "token", "old"])?["ok"], "keychain");
    desk.lock_keychain()?;
    probe.tell(&["set", "token", "new"])?;
    desk.dismiss_keychain()?;
    let answer = probe.hear()?;
    let why = answer["ok"]["session"]
        .as_str()
        .context("held for this session")?;
    assert!(
        why.starts_with("The keychain is locked, and was not unlocked"),
        "{why}"
    );
    assert!(answer["ms"].as_u64().is_some_and(|ms| ms < 5_000), "{answer}");
    assert_eq!(probe.ask(&["get", "token"])?["ok"], "new");
    assert_eq!(probe.ask(&["session-only", "token"])?["ok"], true);
    Ok(())
}

/// A Secret Service that takes every call and answers none.
#[tokio::test(flavor = "multi_thread")]
async fn a_keychain_that_never_answers_holds_nothing_up_and_gets_the_secret_when_another_comes() -> Result<()>
{
    let (mut desk, mut probe) = desk(with(Keychain::None))?;
    let silent = zbus::connection::Builder::address(desk.bus().as_str())?
        .name("org.freedesktop.secrets")?
        .build()
        .await?;
    let mut ask = |words: &[&str]| tokio::task::block_in_place(|| probe.ask(words));
    let answer = ask(&["set", "token", "one"])?;
    let why = answer["ok"]["session"]
        .as_str()
        .context("held for this session")?;
    assert!(why.contains("did not answer within 5 seconds"), "{why}");
    let took = answer["ms"].as_u64().context("a time")?;
    assert!((4_000..25_000).contains(&took), "{took} ms");
    assert_eq!(ask(&["get", "token"])?["ok"], "one");
    assert_eq!(ask(&["probe"])?["ok"], "locked");
    let none = countersign_tests::tally::holding(&desk.home(), "\"one\"");
    assert_eq!(none, 0, "nothing is written anywhere else");
    silent.close().await?;
    desk.start_keychain(Keychain::Unlocked)?;
    for _ in 0..3 {
        if ask(&["probe"])?["ok"] == "unlocked" {
            break;
        }
    }
    assert_eq!(ask(&["session-only", "token"])?["ok"], false);
    let mut second = Probe::start(&desk, Path::new(PROBE))?;
    assert_eq!(second.ask(&["get", "token"])?["ok"], "one");
    Ok(())
}

#[test]
fn a_key_made_here_outlives_the_process_and_convinces_openssh() -> Result<()> {
    let (desk, mut probe) = desk(with(Keychain::Unlocked))?;
    let key = probe.ask(&["make"])?["ok"].clone();
    drop(probe);
    let mut probe = Probe::start(&desk, Path::new(PROBE))?;
    let found = probe.ask(&["keys"])?;
    assert_eq!(found["ok"]["keys"], json!([key]));
    assert_eq!(key["place"], "Keychain");
    signs(&desk, &mut probe, &key)
}

#[test]
fn a_key_in_the_agent_convinces_openssh_and_a_locked_agent_says_so() -> Result<()> {
    let (mut desk, mut probe) = desk(Options {
        agent: true,
        ..with(Keychain::None)
    })?;
    let rsa = desk.scratch().join("rsa").to_string_lossy().into_owned();
    desk.run(
        "ssh-keygen",
        &["-q", "-t", "rsa", "-N", "", "-C", "old", "-f", &rsa],
    )?;
    desk.run("ssh-add", &["-q", &rsa])?;
    let found = probe.ask(&["keys"])?["ok"].clone();
    let key = found["keys"][0].clone();
    assert_eq!(found["keys"].as_array().map(Vec::len), Some(1), "{found}");
    assert_eq!(
        (&key["comment"], &key["place"]),
        (&json!("priya@desk"), &json!("Agent"))
    );
    let said = desk.run("ssh-keygen", &["-lf", &desk.agent_key().to_string_lossy()])?;
    assert!(
        said.contains(key["fingerprint"].as_str().unwrap_or("none")),
        "{said}"
    );
    assert!(
        found["problems"]
            .to_string()
            .contains("(ssh-rsa) in ssh-agent cannot sign"),
        "{found}"
    );
    signs(&desk, &mut probe, &key)?;

    let sign = |probe: &mut Probe| {
        let file = desk.agent_key().to_string_lossy().into_owned();
        probe.ask(&[
            "sign",
            key["fingerprint"].as_str().unwrap_or_default(),
            &file,
            "/dev/null",
        ])
    };
    desk.lock_agent(true)?;
    assert!(
        probe.ask(&["keys"])?["ok"]["problems"]
            .to_string()
            .contains("locked, or empty")
    );
    // Without a keychain either, so that is what is said last; the key is nowhere else.
    let refused = error(&sign(&mut probe)?).to_owned();
    assert!(refused.contains("keychain"), "{refused}");
    desk.lock_agent(false)?;
    signs(&desk, &mut probe, &key)?;

    desk.run("ssh-add", &["-q", "-d", &desk.agent_key().to_string_lossy()])?;
    let refused = error(&sign(&mut probe)?).to_owned();
    assert!(refused.contains("keychain"), "{refused}");
    desk.stop_agent();
    assert!(
        probe.ask(&["keys"])?["ok"]["problems"]
            .to_string()
            .contains("cannot be reached")
    );
    Ok(())
}
