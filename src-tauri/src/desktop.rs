//! The desktop, for the accounts: events to the window, notices, the tray, the questions before a signature, and where to
//! save a file.

use std::cell::RefCell;
use std::path::PathBuf;

use countersign_engine::ports::{Desktop, Notice, Question, TrayState};
use countersign_engine::prompt::{self, Purpose, Unprompted};
use countersign_engine::view::Failure;
use serde::Serialize;
use tauri::{AppHandle, Emitter, Manager, WebviewUrl, WebviewWindow, WebviewWindowBuilder, Wry};
use tauri_plugin_dialog::{DialogExt, MessageDialogKind};
use tokio::sync::{Mutex, oneshot};

use crate::tray::{Action, Tray};
use crate::{App, question};

/// Label of the one window.
pub(crate) const WINDOW: &str = "main";

/// Something that the window shows has changed: it reads again.
#[derive(Clone, Serialize)]
struct Changed {
    revision: u64,
}

thread_local! {
    /// The tray lives on the main thread, as the desktop's own library wants it; `None` where there is none.
    static TRAY: RefCell<Option<Tray>> = const { RefCell::new(None) };
}

/// The desktop of a running app.
pub(crate) struct Shell {
    app: AppHandle<Wry>,
    /// One question at a time: a second one over the first could catch a click that was meant for it.
    asking: Mutex<()>,
}

impl Shell {
    /// For this app.
    pub(crate) fn new(app: &AppHandle<Wry>) -> Self {
        Self {
            app: app.clone(),
            asking: Mutex::new(()),
        }
    }
}

impl Desktop for Shell {
    async fn notify(&self, notice: Notice) -> Result<(), String> {
        let (app, change) = (self.app.clone(), notice.change.clone());
        countersign_engine::notify::show(notice, move || match app.try_state::<App>() {
            Some(accounts) => accounts.open(change.as_deref()),
            None => show_window(&app),
        })
        .await
    }

    fn changed(&self, revision: u64) {
        if let Err(error) = self.app.emit("queue-changed", Changed { revision }) {
            tracing::warn!(%error, "the window could not be told of a change");
        }
    }

    fn show(&self) {
        show_window(&self.app);
    }

    fn tray(&self, state: TrayState) {
        let app = self.app.clone();
        on_main_thread(&self.app, move || {
            let shown = TRAY.with_borrow_mut(|tray| tray.as_mut().map(|tray| tray.show(&app, &state)));
            if let Some(Err(error)) = shown {
                tracing::warn!(%error, "the tray could not be changed");
            }
        });
    }

    async fn confirm(&self, question: Question) -> bool {
        let Ok(_one) = self.asking.try_lock() else {
            tracing::warn!("a question was refused: another one is open");
            return false;
        };
        let (tell, told) = oneshot::channel();
        let app = self.app.clone();
        on_main_thread(&self.app, move || question::ask(&app, &question, tell));
        // An answer that never came, because the app is ending or no dialog could be made, is a no.
        told.await.unwrap_or(false)
    }

    async fn prompt(&self, purpose: Purpose) -> Result<(), Unprompted> {
        let _one = self.asking.lock().await;
        prompt::ask(purpose, prompt::LIMIT).await
    }

    async fn save_as(&self, title: String, name: String) -> Option<PathBuf> {
        let Ok(_one) = self.asking.try_lock() else {
            tracing::warn!("a file was not asked for: another question is open");
            return None;
        };
        let (tell, told) = oneshot::channel();
        let ending = name.rsplit('.').next().unwrap_or_default().to_owned();
        let mut dialog = self
            .app
            .dialog()
            .file()
            .set_title(title)
            .add_filter(format!("*.{ending}"), &[&ending])
            .set_file_name(name);
        if let Some(window) = self.app.get_webview_window(WINDOW) {
            dialog = dialog.set_parent(&window);
        }
        dialog.save_file(move |path| {
            // Nobody listens any more only when the app is ending.
            let _ = tell.send(path);
        });
        told.await.ok()??.into_path().ok()
    }

    async fn open_file(&self, title: String) -> Option<PathBuf> {
        let Ok(_one) = self.asking.try_lock() else {
            tracing::warn!("a file was not asked for: another question is open");
            return None;
        };
        let (tell, told) = oneshot::channel();
        let mut dialog = self.app.dialog().file().set_title(title);
        if let Some(window) = self.app.get_webview_window(WINDOW) {
            dialog = dialog.set_parent(&window);
        }
        dialog.pick_file(move |path| {
            // Nobody listens any more only when the app is ending.
            let _ = tell.send(path);
        });
        told.await.ok()??.into_path().ok()
    }
}

/// Puts the tray there. Without one the app goes on: the log says why.
pub(crate) fn make_tray(app: &AppHandle<Wry>) {
    match Tray::new(app, act) {
        Ok(tray) => TRAY.set(Some(tray)),
        Err(why) => tracing::warn!(why, "there is no tray; a second start opens the window"),
    }
}

fn act(app: &AppHandle<Wry>, action: Action) {
    match (action, app.try_state::<App>()) {
        (Action::Quit, _) => app.exit(0),
        (Action::Open(change), Some(accounts)) => accounts.open(change.as_deref()),
        (Action::Open(_), None) => show_window(app),
        (Action::Poll, Some(accounts)) => accounts.nudge(),
        (Action::Poll, None) => {}
    }
}

/// Shows the window, making it anew if it was closed. From any thread.
pub(crate) fn show_window(app: &AppHandle<Wry>) {
    let handle = app.clone();
    on_main_thread(app, move || {
        let shown = match handle.get_webview_window(WINDOW) {
            Some(window) => raise(&window),
            None => make_window(&handle),
        };
        if let Err(error) = shown {
            tracing::error!(%error, "the window could not be shown");
        }
    });
}

fn raise(window: &WebviewWindow<Wry>) -> tauri::Result<()> {
    window.unminimize()?;
    window.show()?;
    window.set_focus()
}

fn make_window(app: &AppHandle<Wry>) -> tauri::Result<()> {
    let page = WebviewUrl::App("index.html".into());
    let mut builder = WebviewWindowBuilder::new(app, WINDOW, page)
        .title("Countersign")
        .inner_size(1280.0, 820.0)
        .min_inner_size(480.0, 400.0)
        // The app's own pages alone: a link that slipped into one must not replace it.
        .on_navigation(|url| url.scheme() == "tauri" || url.host_str() == Some("tauri.localhost"))
        .on_download(|_, _| false)
        // Ctrl and +, −, 0: WCAG asks for 200 %, and a webview has no menu that would offer it.
        .zoom_hotkeys_enabled(true)
        .disable_drag_drop_handler();
    if let Some(folder) = app.try_state::<WebFolder>() {
        builder = builder.data_directory(folder.0.clone());
    }
    builder.build().map(drop)
}

/// Where the webview keeps its files.
pub(crate) struct WebFolder(pub(crate) PathBuf);

fn on_main_thread(app: &AppHandle<Wry>, work: impl FnOnce() + Send + 'static) {
    if let Err(error) = app.run_on_main_thread(work) {
        tracing::warn!(%error, "the main thread does not answer any more");
    }
}

/// Opens an address that the engine has allowed in the person's browser.
pub(crate) fn browse(url: &str) -> Result<(), Failure> {
    tauri_plugin_opener::open_url(url, None::<&str>).map_err(|error| {
        Failure::other(
            format!("No browser could be opened: {error}."),
            format!("Copy the address: {url}"),
        )
    })
}

/// Tells why the app cannot start, and ends it when that was read.
pub(crate) fn cannot_start(app: &AppHandle<Wry>, failure: &Failure) {
    tracing::error!(message = failure.message, "the app cannot start");
    eprintln!("{} {}", failure.message, failure.hint);
    let text = question::plain(&format!("{}\n\n{}", failure.message, failure.hint));
    let dialog = app
        .dialog()
        .message(text)
        .title("Countersign cannot start")
        .kind(MessageDialogKind::Error);
    let app = app.clone();
    dialog.show(move |_| app.exit(1));
}
