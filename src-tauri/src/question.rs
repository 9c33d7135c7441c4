//! The native dialog before a signature. The webview neither draws it nor can press its buttons.
//!
//! *Cancel* has the focus, so that what somebody was typing when it came up (a space, Return) does not sign. On Linux
//! it is made with GTK itself, because the dialog plugin puts the focus on the confirming button and ignores the
//! parent window there.

use countersign_engine::ports::Question;
use tauri::{AppHandle, Manager, Wry};
use tokio::sync::oneshot::Sender;

use crate::desktop::WINDOW;

/// Asks, on the main thread, and returns at once. `answer` gets `true` only if the confirming button was pressed; it
/// is dropped where the dialog goes away in another way.
#[cfg(target_os = "linux")]
pub(crate) fn ask(app: &AppHandle<Wry>, question: &Question, answer: Sender<bool>) {
    use gtk::prelude::*;

    let parent = app
        .get_webview_window(WINDOW)
        .and_then(|window| window.gtk_window().ok());
    let flags = gtk::DialogFlags::MODAL | gtk::DialogFlags::DESTROY_WITH_PARENT;
    let title = plain(&question.title);
    let dialog = gtk::MessageDialog::new(
        parent.as_ref(),
        flags,
        gtk::MessageType::Warning,
        gtk::ButtonsType::None,
        &title,
    );
    dialog.set_title(&title);
    dialog.set_secondary_text(Some(&plain(&question.text)));
    let cancel = dialog.add_button("Cancel", gtk::ResponseType::Cancel);
    dialog.add_button(&plain(&question.confirm), gtk::ResponseType::Accept);
    dialog.set_default_response(gtk::ResponseType::Cancel);
    let answer = std::cell::Cell::new(Some(answer));
    dialog.connect_response(move |dialog, response| {
        if let Some(answer) = answer.take() {
            // Nobody listens any more only when the app is ending; then nothing is signed.
            let _ = answer.send(response == gtk::ResponseType::Accept);
            dialog.close();
        }
    });
    dialog.show_all();
    // Drawn from the start, and not only once a key was pressed: one sees what Return would do.
    dialog.set_focus_visible(true);
    cancel.grab_focus();
    dialog.present();
}

/// Asks, on the main thread, and returns at once. `answer` gets `true` only if the confirming button was pressed.
#[cfg(not(target_os = "linux"))]
pub(crate) fn ask(app: &AppHandle<Wry>, question: &Question, answer: Sender<bool>) {
    use tauri_plugin_dialog::{DialogExt, MessageDialogButtons, MessageDialogKind};

    let buttons = MessageDialogButtons::OkCancelCustom(plain(&question.confirm), "Cancel".into());
    let dialog = app
        .dialog()
        .message(plain(&question.text))
        .title(plain(&question.title));
    let mut dialog = dialog.kind(MessageDialogKind::Warning).buttons(buttons);
    if let Some(window) = app.get_webview_window(WINDOW) {
        dialog = dialog.parent(&window);
    }
    dialog.show(move |confirmed| {
        // Nobody listens any more only when the app is ending; then nothing is signed.
        let _ = answer.send(confirmed);
    });
}

/// What a native dialog can show. GTK takes C strings, so a NUL in a hostile title would end the process; what turns
/// text around would let a title change what the question seems to be.
pub(crate) fn plain(text: &str) -> String {
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars()
        .filter(|c| *c == '\n' || !(c.is_control() || turns(*c)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn hostile_text_cannot_break_or_turn_the_question() {
        assert_eq!(
            plain("Approve\0 acme/infra\u{1b}[31m\nto \u{202e}main\r"),
            "Approve acme/infra[31m\nto main"
        );
    }
}
