//! The engine's notices against a notification service that the test plays itself, none, and a real one.
#![allow(missing_docs, reason = "the macro for signals makes methods without")]

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use countersign_tests::desk::probe::Probe;
use countersign_tests::desk::{Desk, Options, PATIENCE};
use serde_json::json;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::OwnedValue;

const PROBE: &str = env!("CARGO_BIN_EXE_engine-probe");
const PATH: &str = "/org/freedesktop/Notifications";

/// One call of `Notify`.
#[derive(Debug, Clone)]
struct Shown {
    title: String,
    body: String,
    actions: Vec<String>,
    urgency: u8,
    timeout: i32,
}

/// A notification service that remembers.
#[derive(Clone)]
struct Service {
    capabilities: Vec<String>,
    shown: Arc<Mutex<Vec<Shown>>>,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Service {
    fn get_capabilities(&self) -> Vec<String> {
        self.capabilities.clone()
    }

    #[allow(clippy::too_many_arguments, reason = "the specification's own")]
    fn notify(
        &self,
        _app: String,
        _replaces: u32,
        _icon: String,
        title: String,
        body: String,
        actions: Vec<String>,
        hints: std::collections::HashMap<String, OwnedValue>,
        timeout: i32,
    ) -> u32 {
        let urgency = hints
            .get("urgency")
            .and_then(|value| u8::try_from(value).ok())
            .unwrap_or(255);
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.push(Shown {
            title,
            body,
            actions,
            urgency,
            timeout,
        });
        u32::try_from(shown.len()).unwrap_or(u32::MAX)
    }

    /// Somebody clicked.
    #[zbus(signal)]
    async fn action_invoked(emitter: &SignalEmitter<'_>, id: u32, action: &str) -> zbus::Result<()>;

    /// It is gone.
    #[zbus(signal)]
    async fn notification_closed(emitter: &SignalEmitter<'_>, id: u32, reason: u32) -> zbus::Result<()>;
}

impl Service {
    async fn start(desk: &Desk, capabilities: &[&str]) -> Result<(Self, zbus::Connection)> {
        let capabilities = capabilities.iter().map(|name| (*name).to_owned()).collect();
        let service = Self {
            capabilities,
            shown: Arc::default(),
        };
        let connection = zbus::connection::Builder::address(desk.bus().as_str())?
            .name("org.freedesktop.Notifications")?
            .serve_at(PATH, service.clone())?
            .build()
            .await?;
        Ok((service, connection))
    }

    fn last(&self) -> Option<Shown> {
        self.shown
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .last()
            .cloned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_is_escaped_and_only_the_default_click_opens() -> Result<()> {
    let desk = Desk::start(Options::default())?;
    let (service, connection) = Service::start(&desk, &["body", "body-markup", "actions"]).await?;
    let emitter = SignalEmitter::new(&connection, PATH)?;
    let mut probe = Probe::start(&desk, Path::new(PROBE))?;
    for severity in ["critical", "low"] {
        let answer = probe.ask(&[
            "notify",
            severity,
            "acme/infra #482",
            "<b>Approve</b> & run\u{202e}",
        ])?;
        assert_eq!(answer["ok"], "shown", "{answer}");
    }
    let shown = service.last().expect("it was shown");
    assert_eq!(shown.title, "acme/infra #482");
    assert_eq!(shown.body, "&lt;b&gt;Approve&lt;/b&gt; &amp; run[U+202E]");
    assert_eq!(shown.actions, ["default", "Open"]);
    assert_eq!((shown.urgency, shown.timeout), (1, -1));

    // Its listening begins after the answer, so the first signals may come too early: they are sent again. The second
    // notice hears nothing but the last signal, because whatever is said of a notice ends the listening for it.
    for _ in 0..5 {
        Service::action_invoked(&emitter, 1, "approve").await?;
        Service::action_invoked(&emitter, 99, "default").await?;
        Service::notification_closed(&emitter, 1, 1).await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let quiet = tokio::task::block_in_place(|| probe.ask(&["session-only", "x"]))?;
    assert_eq!(quiet["ok"], false, "nothing but the default click opens: {quiet}");
    Service::action_invoked(&emitter, 2, "default").await?;
    let clicked = tokio::task::block_in_place(|| probe.hear())?;
    assert_eq!(clicked, json!({ "clicked": true }));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_markup_or_clicks_gets_plain_text() -> Result<()> {
    let desk = Desk::start(Options::default())?;
    let (service, _connection) = Service::start(&desk, &["body"]).await?;
    let mut probe = Probe::start(&desk, Path::new(PROBE))?;
    let answer = tokio::task::block_in_place(|| probe.ask(&["notify", "critical", "t", "a < b & c"]))?;
    assert_eq!(answer["ok"], "shown", "{answer}");
    let shown = service.last().expect("it was shown");
    assert_eq!((shown.body.as_str(), shown.actions.len()), ("a < b & c", 0));
    assert_eq!((shown.urgency, shown.timeout), (2, 0));
    Ok(())
}

#[test]
fn without_a_service_the_error_says_so() -> Result<()> {
    let desk = Desk::start(Options::default())?;
    let mut probe = Probe::start(&desk, Path::new(PROBE))?;
    let answer = probe.ask(&["notify", "low", "t", "b"])?;
    let error = answer["error"].as_str().expect("an error");
    assert!(
        error.contains("no notification service answers") && error.contains("Start"),
        "{error}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_service_shows_it_and_a_real_click_opens() -> Result<()> {
    let desk = Desk::start(Options {
        display: true,
        notices: true,
        ..Options::default()
    })?;
    let mut probe = Probe::start(&desk, Path::new(PROBE))?;
    let answer = probe.ask(&["notify", "critical", "acme/infra #482", "drops a table"])?;
    assert_eq!(answer["ok"], "shown", "{answer}");
    let notice = desk.find_notice(PATIENCE).await?;
    desk.click_notice(&notice)?;
    assert_eq!(probe.hear()?, json!({ "clicked": true }));
    Ok(())
}
