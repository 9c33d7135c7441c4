//! The system's own check, against a polkit that the test plays itself on a private bus, and against none.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use countersign_tests::desk::probe::Probe;
use countersign_tests::desk::{Desk, Options, PATIENCE};
use serde_json::{Value, json};
use tokio::sync::Notify;
use zbus::message::Header;
use zbus::zvariant::OwnedValue;

const PROBE: &str = env!("CARGO_BIN_EXE_engine-probe");
const NAME: &str = "org.freedesktop.PolicyKit1";
const PATH: &str = "/org/freedesktop/PolicyKit1/Authority";
const SIGN: &str = "dev.countersign.desktop.sign";

/// What polkit answers to one call.
#[derive(Debug, Clone, Copy)]
enum Says {
    /// Authorised, would be after a challenge, closed by the user.
    Result(bool, bool, bool),
    /// It knows no such action.
    Unknown,
    /// Nothing, until the check is cancelled.
    Nothing,
}

const YES: Says = Says::Result(true, false, false);
const NO: Says = Says::Result(false, false, false);
const CHALLENGE: Says = Says::Result(false, true, false);
const CLOSED: Says = Says::Result(false, false, true);

#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.freedesktop.PolicyKit1.Error")]
enum Fault {
    #[zbus(error)]
    ZBus(zbus::Error),
    Failed(String),
    Cancelled(String),
}

#[derive(Debug, Default)]
struct Heard {
    /// Action, flags, cancellation id and caller of each check.
    checks: Vec<(String, u32, String, String)>,
    /// Cancellation id and caller.
    cancelled: Vec<(String, String)>,
}

/// A polkit that says what it is told to, and remembers.
#[derive(Clone)]
struct Authority {
    /// Without the question, and with it.
    says: (Says, Says),
    heard: Arc<Mutex<Heard>>,
    ended: Arc<Notify>,
}

#[zbus::interface(name = "org.freedesktop.PolicyKit1.Authority")]
impl Authority {
    #[allow(clippy::too_many_arguments, reason = "polkit's own")]
    async fn check_authorization(
        &self,
        #[zbus(header)] header: Header<'_>,
        subject: (String, HashMap<String, OwnedValue>),
        action: String,
        details: HashMap<String, String>,
        flags: u32,
        cancellation: String,
    ) -> Result<((bool, bool, HashMap<String, String>),), Fault> {
        let caller = caller(&header);
        let named = subject.1.get("name").and_then(|name| <&str>::try_from(name).ok());
        // polkit takes no details from users, and lets nobody ask about somebody else.
        if subject.0 != "system-bus-name" || named != Some(&caller) || !details.is_empty() {
            return Err(Fault::Failed(format!(
                "{subject:?} {details:?} is not for {caller}"
            )));
        }
        self.with(|heard| heard.checks.push((action.clone(), flags, cancellation, caller)));
        let says = if flags == 0 { self.says.0 } else { self.says.1 };
        match says {
            Says::Result(authorised, challenge, closed) => {
                let details = closed.then(|| ("polkit.dismissed".to_owned(), "true".to_owned()));
                Ok(((authorised, challenge, details.into_iter().collect()),))
            }
            Says::Unknown => Err(Fault::Failed(format!("Action {action} is not registered"))),
            Says::Nothing => {
                self.ended.notified().await;
                Err(Fault::Cancelled("Check was cancelled".to_owned()))
            }
        }
    }

    async fn cancel_check_authorization(&self, #[zbus(header)] header: Header<'_>, cancellation: String) {
        self.with(|heard| heard.cancelled.push((cancellation, caller(&header))));
        self.ended.notify_one();
    }
}

fn caller(header: &Header<'_>) -> String {
    header.sender().map(ToString::to_string).unwrap_or_default()
}

impl Authority {
    async fn start(desk: &Desk, silent: Says, asked: Says) -> Result<(Self, zbus::Connection)> {
        let authority = Self {
            says: (silent, asked),
            heard: Arc::default(),
            ended: Arc::default(),
        };
        let connection = zbus::connection::Builder::address(desk.bus().as_str())?
            .serve_at(PATH, authority.clone())?
            .name(NAME)?
            .build()
            .await?;
        Ok((authority, connection))
    }

    fn with<T>(&self, look: impl FnOnce(&mut Heard) -> T) -> T {
        look(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Flags of the checks so far, each for the signature.
    fn flags(&self) -> Vec<u32> {
        self.with(|heard| {
            assert!(heard.checks.iter().all(|check| check.0 == SIGN), "{heard:?}");
            heard.checks.iter().map(|check| check.1).collect()
        })
    }
}

/// Asks with time enough, and gives the reason in place of a yes.
fn ask(probe: &mut Probe, milliseconds: u64) -> Result<Value> {
    let answer = tokio::task::block_in_place(|| probe.ask(&["prompt", &milliseconds.to_string()]))?;
    Ok(answer["ok"].clone())
}

fn why(reason: &str) -> Value {
    json!({ "unprompted": reason })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_user_answers_is_what_comes_of_it() -> Result<()> {
    let desk = Desk::start(Options::default())?;
    let mut probe = Probe::start(&desk, Path::new(PROBE))?;
    for (asked, expected) in [
        (YES, json!("prompted")),
        (CLOSED, why("Dismissed")),
        (NO, why("Refused")),
        (CHALLENGE, why("NoAgent")),
    ] {
        let (authority, connection) = Authority::start(&desk, CHALLENGE, asked).await?;
        assert_eq!(ask(&mut probe, 20_000)?, expected, "{asked:?}");
        assert_eq!(
            authority.flags(),
            [0, 1],
            "first in silence, then with the question"
        );
        connection.close().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_that_would_not_ask_is_not_let_answer() -> Result<()> {
    let desk = Desk::start(Options::default())?;
    let mut probe = Probe::start(&desk, Path::new(PROBE))?;
    for (silent, expected) in [
        (YES, "Unasked"),
        (NO, "Forbidden"),
        (Says::Unknown, "NotRegistered"),
    ] {
        let (authority, connection) = Authority::start(&desk, silent, YES).await?;
        assert_eq!(ask(&mut probe, 20_000)?, why(expected), "{silent:?}");
        assert_eq!(authority.flags(), [0], "nobody was asked");
        connection.close().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_nobody_answers_is_closed_when_its_time_is_over() -> Result<()> {
    let desk = Desk::start(Options::default())?;
    let mut probe = Probe::start(&desk, Path::new(PROBE))?;
    let (authority, _connection) = Authority::start(&desk, CHALLENGE, Says::Nothing).await?;
    assert_eq!(ask(&mut probe, 2_000)?, why("Late { seconds: 2 }"));
    let (check, cancelled) = authority.with(|heard| (heard.checks.last().cloned(), heard.cancelled.clone()));
    let (_, flags, id, caller) = check.context("it was asked")?;
    assert_eq!(flags, 1);
    assert!(!id.is_empty());
    assert_eq!(cancelled, [(id, caller)], "that very check");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_polkit_it_says_so() -> Result<()> {
    let desk = Desk::start(Options::default())?;
    let mut probe = Probe::start(&desk, Path::new(PROBE))?;
    assert_eq!(ask(&mut probe, 20_000)?, why("NoService"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_polkit_that_goes_while_it_asks_is_a_no_at_once() -> Result<()> {
    let desk = Desk::start(Options::default())?;
    let mut probe = Probe::start(&desk, Path::new(PROBE))?;
    let (authority, connection) = Authority::start(&desk, CHALLENGE, Says::Nothing).await?;
    probe.tell(&["prompt", "60000"])?;
    let began = Instant::now();
    while authority.flags() != [0, 1] {
        assert!(began.elapsed() < PATIENCE, "it was not asked");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    connection.close().await?;
    // Sooner than the time that the question has: else the probe would be silent here.
    let answer = tokio::task::block_in_place(|| probe.hear())?;
    let reason = answer["ok"]["unprompted"].as_str().context("a reason")?;
    assert!(
        reason.starts_with("BrokeOff") && reason.contains("disconnected"),
        "{reason}"
    );
    Ok(())
}
