//! Notices on the desktop. The default click opens the change; there is never a button that decides anything.

use std::time::Duration;

use countersign_core::finding::Severity;
use notify_rust::Notification;
#[cfg(not(target_os = "macos"))]
use notify_rust::{Timeout, Urgency};

use crate::hidden::visible;
use crate::ports::Notice;

/// Longest wait for the notification service.
const LIMIT: Duration = Duration::from_secs(5);
/// How long a click is waited for: a service that ends takes its notices along and tells nobody.
const CLICK_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);
/// Longest body, in characters: services cut where they like, a title from the forge may be of any length.
const MAX_BODY: usize = 600;

/// Shows a notice, and calls `on_click` when somebody clicks on it. Must be called on a Tokio runtime; the click is
/// waited for in the background.
///
/// # Errors
/// The notice was not shown: what happened and what to do, in words.
pub async fn show<C>(notice: Notice, on_click: C) -> Result<(), String>
where
    C: FnOnce() + Send + 'static,
{
    match tokio::time::timeout(LIMIT, platform::show(&notice)).await {
        Ok(Ok(shown)) => {
            platform::wait(shown, on_click);
            Ok(())
        }
        Ok(Err(error)) => Err(format!(
            "The notice could not be shown: no notification service answers ({error}). The queue and the tray show \
             the same. Start the desktop's notification service to be told."
        )),
        Err(_) => Err(format!(
            "The notice may not have been shown: the notification service did not answer within {} seconds. The \
             queue and the tray show the same. Restart the notification service to be told.",
            LIMIT.as_secs()
        )),
    }
}

/// The notice for a service with or without markup, and with or without clicks.
fn compose(notice: &Notice, markup: bool, clicks: bool) -> Notification {
    let body = plain(&notice.body);
    let body = if markup { escape(&body) } else { body };
    let mut notification = Notification::new();
    notification
        .appname("Countersign")
        .summary(&plain(&notice.title))
        .body(&body)
        .icon("countersign");
    if clicks {
        notification.action("default", "Open");
    }
    #[cfg(not(target_os = "macos"))]
    match notice.severity {
        Some(Severity::Critical) => {
            notification.urgency(Urgency::Critical).timeout(Timeout::Never);
        }
        Some(_) | None => {
            notification.urgency(Urgency::Normal);
        }
    }
    notification
}

/// Without anything invisible but its line ends, and not endless.
fn plain(text: &str) -> String {
    let mut lines: String = text.lines().map(visible).collect::<Vec<_>>().join("\n");
    if let Some((at, _)) = lines.char_indices().nth(MAX_BODY) {
        lines.truncate(at);
        lines.push('…');
    }
    lines
}

/// As text for a service that reads markup. Source: Desktop Notifications Specification, "Markup".
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(all(unix, not(target_os = "macos")))]
mod platform {
    use notify_rust::{NotificationHandle, NotificationResponse};

    use super::{CLICK_LIMIT, Notice, compose};

    pub(super) async fn show(notice: &Notice) -> Result<NotificationHandle, String> {
        // Asked each time: another service may have taken over since.
        let capabilities = tokio::task::spawn_blocking(notify_rust::get_capabilities);
        let capabilities = capabilities
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())?;
        let has = |name: &str| capabilities.iter().any(|capability| capability == name);
        let notification = compose(notice, has("body-markup"), has("actions"));
        notification.show_async().await.map_err(|error| error.to_string())
    }

    pub(super) fn wait(shown: NotificationHandle, on_click: impl FnOnce() + Send + 'static) {
        tokio::spawn(async move {
            let click = shown.wait_for_action_async(|response: &NotificationResponse| {
                if matches!(response, NotificationResponse::Default) {
                    on_click();
                }
            });
            if tokio::time::timeout(CLICK_LIMIT, click).await.is_err() {
                tracing::debug!("a notice is no longer waited for");
            }
        });
    }
}

/// Best effort: compiled, not tried.
#[cfg(not(all(unix, not(target_os = "macos"))))]
mod platform {
    use notify_rust::Notification;

    use super::{Notice, compose};

    pub(super) async fn show(notice: &Notice) -> Result<Notification, String> {
        // Shown by `wait`: these systems give the click only to whoever shows the notice and blocks.
        Ok(compose(notice, false, true))
    }

    pub(super) fn wait(shown: Notification, on_click: impl FnOnce() + Send + 'static) {
        let spawned = std::thread::Builder::new()
            .name("notice".into())
            .spawn(move || match shown.show() {
                Ok(handle) => handle.wait_for_action(|action| {
                    if action != "__closed" {
                        on_click();
                    }
                }),
                Err(error) => tracing::warn!(%error, "a notice could not be shown"),
            });
        if let Err(error) = spawned {
            tracing::warn!(%error, "a notice could not be shown");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(body: &str, severity: Option<Severity>) -> Notice {
        Notice {
            title: "acme/infra #482".into(),
            body: body.into(),
            change: None,
            severity,
        }
    }

    #[test]
    fn hostile_text_is_text() {
        let hostile = notice("<b>Approve</b> & \u{202e}go\nsecond", None);
        assert_eq!(
            compose(&hostile, true, true).body,
            "&lt;b&gt;Approve&lt;/b&gt; &amp; [U+202E]go\nsecond"
        );
        assert_eq!(
            compose(&hostile, false, true).body,
            "<b>Approve</b> & [U+202E]go\nsecond"
        );
        let long = compose(&notice(&"ß&".repeat(MAX_BODY), None), true, true).body;
        assert!(
            long.ends_with('…') && !long.contains("&am…"),
            "cut before it is escaped"
        );
    }

    #[test]
    fn the_only_action_is_to_open() {
        for severity in [None, Some(Severity::Critical)] {
            assert_eq!(
                compose(&notice("x", severity), true, true).actions,
                ["default", "Open"]
            );
            assert!(compose(&notice("x", severity), true, false).actions.is_empty());
        }
    }

    #[cfg(not(target_os = "macos"))]
    #[test]
    fn only_what_is_critical_stays_until_it_is_seen() {
        let critical = compose(&notice("x", Some(Severity::Critical)), true, true);
        assert_eq!(critical.timeout, Timeout::Never);
        let high = compose(&notice("x", Some(Severity::High)), true, true);
        assert_eq!(high.timeout, Timeout::Default);
        assert_ne!(format!("{:?}", critical.hints), format!("{:?}", high.hints));
    }
}
