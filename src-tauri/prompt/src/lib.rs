//! The system's own check that the user is there, asked before a signature: polkit on Linux, Touch ID or the password
//! on macOS, Windows Hello on Windows.
//!
//! What passes it was *prompted*, never *proved*: this machine alone knows of it. It keeps somebody who finds the desk
//! unlocked from signing; it shows nothing to the gate, and stands in no statement. A key that needs a touch does.
//!
//! | module | subject |
//! |---|---|
//! | `polkit` | Linux; tested against an authority on a private bus |
//! | `macos`, `windows` | compiled (`cargo check -p countersign-prompt --target …`), never tried |

use std::time::Duration;

#[cfg(target_os = "macos")]
#[path = "macos.rs"]
mod platform;
#[cfg(target_os = "linux")]
#[path = "polkit.rs"]
mod platform;
#[cfg(windows)]
#[path = "windows.rs"]
mod platform;

/// How long the user has to answer.
pub const LIMIT: Duration = Duration::from_secs(120);

/// What the user is asked for. Each has a question of its own, so that a yes to one is never taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Signing what was just confirmed.
    Sign,
    /// Being asked before each signature from now on.
    TurnOn,
    /// Not being asked any more.
    TurnOff,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sign, Self::TurnOn, Self::TurnOff];

    /// polkit's name of the action: `dev.countersign.desktop.policy` describes it, with the question's words.
    pub fn action(self) -> &'static str {
        match self {
            Self::Sign => "dev.countersign.desktop.sign",
            Self::TurnOn => "dev.countersign.desktop.prompt-on",
            Self::TurnOff => "dev.countersign.desktop.prompt-off",
        }
    }

    /// What the app wants, where the system asks in its words: "Countersign wants to …".
    #[cfg(any(target_os = "macos", windows))]
    fn words(self) -> &'static str {
        match self {
            Self::Sign => "sign the decision that you just confirmed",
            Self::TurnOn => "ask you before each signature",
            Self::TurnOff => "stop asking you before each signature",
        }
    }
}

/// Why the check was not passed; [`Unprompted::todo`] says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unprompted {
    /// The user closed the question.
    #[error("the check was dismissed")]
    Dismissed,
    /// The user answered, and the system did not take the answer.
    #[error("the system did not accept the answer to its check")]
    Refused,
    /// Nobody answered.
    #[error("nobody answered the system's check within {seconds} s")]
    Late {
        /// How long it was open.
        seconds: u64,
    },
    /// The system says no without asking.
    #[error("this system's rules do not let Countersign ask you")]
    Forbidden,
    /// The system says yes without asking: that is no check.
    #[error("this system would say yes without asking you, which is no check")]
    Unasked,
    /// Nothing on this desktop can show the question.
    #[error("nothing on this desktop can ask you for the password")]
    NoAgent,
    /// No polkit.
    #[error("no polkit service answers on this system")]
    NoService,
    /// polkit is there and was not told of the app's actions.
    #[error("this system's polkit does not know Countersign's questions")]
    NotRegistered,
    /// Nothing is set up that could be asked.
    #[error("this machine has nothing set up to check that it is you: {why}")]
    NotSetUp {
        /// The system's words, or ours for its code.
        why: String,
    },
    /// It began and did not come to its end.
    #[error("the system's check broke off: {why}")]
    BrokeOff {
        /// The system's words.
        why: String,
    },
    /// There is no way to ask here.
    #[error("Countersign cannot ask this system to check that it is you")]
    Unsupported,
}

impl Unprompted {
    /// What to do.
    pub fn todo(&self) -> &'static str {
        match self {
            Self::Dismissed | Self::Late { .. } | Self::BrokeOff { .. } => {
                "Do it again, and answer what the system asks."
            }
            Self::Refused => "Do it again, and answer with your own password on this machine.",
            Self::Forbidden => {
                "Ask who administers this machine why its rules refuse dev.countersign.desktop."
            }
            Self::Unasked => {
                "polkit does so for root, and where a rule says so: start Countersign as yourself, or have the rule for \
                 dev.countersign.desktop taken out."
            }
            Self::NoAgent => {
                "Start your desktop's polkit authentication agent (GNOME and Plasma have one; elsewhere lxpolkit)."
            }
            Self::NoService => "Install polkit, or start it (systemctl start polkit).",
            Self::NotRegistered => {
                "Install Countersign's package, or copy dev.countersign.desktop.policy into \
                 /usr/share/polkit-1/actions."
            }
            Self::NotSetUp { .. } => "Set a password, Touch ID or Windows Hello up in the system's settings.",
            Self::Unsupported => "Use a key that needs a touch instead.",
        }
    }

    /// Answering differently changes nothing: the system itself cannot ask.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Dismissed | Self::Refused | Self::Late { .. } | Self::BrokeOff { .. } => false,
            Self::Forbidden
            | Self::Unasked
            | Self::NoAgent
            | Self::NoService
            | Self::NotRegistered
            | Self::NotSetUp { .. }
            | Self::Unsupported => true,
        }
    }
}

/// Has the system ask the user, and waits for the answer for `limit` at most. Must be called on a Tokio runtime.
///
/// # Errors
/// Whatever is not the user's own yes, given now.
#[cfg(any(target_os = "linux", target_os = "macos", windows))]
pub async fn ask(purpose: Purpose, limit: Duration) -> Result<(), Unprompted> {
    platform::ask(purpose, limit).await
}

/// There is no way to ask here.
///
/// # Errors
/// Always [`Unprompted::Unsupported`].
#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
pub async fn ask(_purpose: Purpose, _limit: Duration) -> Result<(), Unprompted> {
    Err(Unprompted::Unsupported)
}
