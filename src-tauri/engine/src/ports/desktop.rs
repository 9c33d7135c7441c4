//! The desktop: notices, tray, and what is asked outside the webview.

use std::future::Future;
use std::path::PathBuf;

use countersign_core::finding::Severity;
use countersign_prompt::{Purpose, Unprompted};

/// One desktop notification. Plain text: whoever shows it escapes what its server would read as markup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Title.
    pub title: String,
    /// Body.
    pub body: String,
    /// Handle of the change that the default click opens; `None` opens the queue.
    pub change: Option<String>,
    /// Worst severity, for the urgency.
    pub severity: Option<Severity>,
}

/// Who an account is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Who {
    /// Login.
    pub login: String,
    /// Host of the forge.
    pub host: String,
}

/// What the tray shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrayState {
    /// Whose it is; `None` where nobody is signed in, and where it stands for several accounts.
    pub who: Option<Who>,
    /// Changes that need the user.
    pub pending: u32,
    /// One of them is critical.
    pub critical: bool,
    /// The forge is not reached.
    pub offline: bool,
    /// Which is not, where there are several accounts and another forge is.
    pub offline_at: Vec<String>,
    /// Something needs the user: token, keychain, a decision handed back.
    pub attention: bool,
    /// The first few that wait: handle and line.
    pub first: Vec<(String, String)>,
    /// Decisions not yet confirmed.
    pub outbox: u32,
}

/// The last question before a signature, asked outside the webview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// "Approve acme/infra #482?"
    pub title: String,
    /// Repository, number, head, target, decision, and at critical severity the findings. Plain text.
    pub text: String,
    /// Word on the confirming button: "Sign and approve".
    pub confirm: String,
}

/// The desktop.
pub trait Desktop: Send + Sync + 'static {
    /// Shows a notice. Errors are the desktop's to report through `Status`; nothing waits for it.
    fn notify(&self, notice: Notice) -> impl Future<Output = Result<(), String>> + Send;

    /// Something that the UI shows has changed.
    fn changed(&self, revision: u64);

    /// Shows the window and brings it to the front.
    fn show(&self);

    /// The tray is to show this.
    fn tray(&self, state: TrayState);

    /// Asks outside the webview. `false` unless the user confirmed.
    fn confirm(&self, question: Question) -> impl Future<Output = bool> + Send;

    /// Has the system ask by its own means whether the user is there (a password, a fingerprint). Whoever passes was
    /// *prompted*, never *proved*.
    fn prompt(&self, purpose: Purpose) -> impl Future<Output = Result<(), Unprompted>> + Send;

    /// Asks outside the webview where a file is to be saved. `None` where the user chose none.
    fn save_as(&self, title: String, name: String) -> impl Future<Output = Option<PathBuf>> + Send;

    /// Asks outside the webview for a file to read; `title` says what for. `None` where the user chose none.
    fn open_file(&self, title: String) -> impl Future<Output = Option<PathBuf>> + Send;
}
