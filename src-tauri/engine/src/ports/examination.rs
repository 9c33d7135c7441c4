//! The way to a forge, station by station: what was passed, and where it ended.

use jiff::Timestamp;

use super::{ForgeError, Viewer};

/// A station that was passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passed {
    /// A proxy answers.
    Proxy {
        /// Its host and port.
        name: String,
        /// The system names it; the user did not type it.
        of_system: bool,
    },
    /// No proxy is in between.
    Direct,
    /// The host's name was looked up.
    Name {
        /// The host.
        host: String,
        /// What it stands for.
        address: String,
    },
    /// There is a connection.
    Connection {
        /// To which host and port; by whom it goes was said before.
        to: String,
    },
    /// The certificate is trusted.
    Certificate {
        /// Its issuer's name. Hostile text.
        issuer: String,
    },
    /// What answers is the forge's API.
    Interface {
        /// The version that an Enterprise Server says of itself. Hostile text.
        version: Option<String>,
    },
    /// The token is accepted.
    Token(Box<Viewer>),
}

/// The station at which the way ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Station {
    /// Reaching the proxy, or passing it.
    Proxy,
    /// Looking the host's name up.
    Name,
    /// Connecting to it.
    Connection,
    /// Trusting its certificate.
    Certificate,
    /// Being answered by a forge.
    Interface,
    /// Having the token accepted.
    Token,
}

/// How the way went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examination {
    /// What was passed, in order.
    pub passed: Vec<Passed>,
    /// Where it ended and why; `None`: it was gone to its end.
    pub ended: Option<(Station, ForgeError)>,
    /// The forge's `Date`.
    pub forge_time: Option<Timestamp>,
}
