//! Why the forge could not be read or written.

/// What a proxy does instead of letting through.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProxyTrouble {
    /// It is not there.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// 407, and it was given no name and password.
    #[error("asks for a user and a password")]
    AsksWho,
    /// 407 to the name and the password that it was given.
    #[error("does not accept the user and the password")]
    RefusesWho,
    /// Any other answer but the tunnel.
    #[error("does not let through to the forge: {0}")]
    Refuses(String),
    /// Of a kind that is not spoken here.
    #[error("is of a kind that Countersign does not speak: it needs one at http:// or https://")]
    Foreign,
}

/// Why a certificate does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// Nobody whom this machine trusts vouches for it; the issuer's name, hostile text.
    #[error("its certificate is issued by {0}, which this machine does not trust")]
    Issuer(String),
    /// It has ended.
    #[error("its certificate has expired")]
    Expired,
    /// It holds from a later time on.
    #[error("its certificate is not valid yet")]
    NotYet,
    /// It is for somebody else.
    #[error("its certificate is for another host")]
    OtherHost,
    /// Something else, in words.
    #[error("its certificate does not hold: {0}")]
    Other(String),
}

/// Why the forge could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForgeError {
    /// No connection was made: nothing can have happened there.
    #[error("{host} cannot be reached: {why}")]
    Unreachable {
        /// The host.
        host: String,
        /// What failed, in words, without secrets.
        why: String,
    },
    /// A proxy is in the way and does not let through: nothing can have happened at the forge.
    #[error("the proxy {proxy} {why}")]
    Proxied {
        /// The proxy's host and port.
        proxy: String,
        /// What it does instead.
        why: ProxyTrouble,
    },
    /// Whoever answered in the forge's place shows a certificate that does not hold: nothing was sent.
    #[error("{host} was not asked: {why}")]
    Untrusted {
        /// The host.
        host: String,
        /// Why it does not hold.
        why: Distrust,
    },
    /// The connection broke, or no answer came in time: the forge may have done what was asked.
    #[error("the connection to {host} broke before the answer came: {why}")]
    Interrupted {
        /// The host.
        host: String,
        /// What failed, in words, without secrets.
        why: String,
    },
    /// 401.
    #[error("{host} does not accept the token: it is wrong, revoked or expired")]
    Unauthorised {
        /// The host.
        host: String,
    },
    /// 403 that is not about rates.
    #[error("{host} refuses: {message}")]
    Forbidden {
        /// The host.
        host: String,
        /// The forge's words.
        message: String,
        /// Where single sign-on is renewed, if that is why.
        sso: Option<String>,
        /// Scopes that would have been accepted (`X-Accepted-OAuth-Scopes`), if the forge named any.
        accepted_scopes: Vec<String>,
    },
    /// 404: not there, or not visible to this token.
    #[error("{what} is not there, or this token cannot see it")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// 429, or 403 about rates.
    #[error("{host} asks to wait: too many requests")]
    RateLimited {
        /// The host.
        host: String,
        /// Seconds to wait, where the forge said.
        retry_after: Option<u64>,
    },
    /// 5xx: the forge may have done what was asked.
    #[error("{host} answered {status}: it is in trouble")]
    Server {
        /// The host.
        host: String,
        /// The status.
        status: u16,
    },
    /// The answer is not what it should be: cut off, not JSON, a sign-in page. It may have done what was asked.
    #[error("the answer of {host} cannot be understood: {why}")]
    Garbled {
        /// The host.
        host: String,
        /// What is wrong with it.
        why: String,
    },
    /// 422: the forge understood and says no.
    #[error("{message}")]
    Refused {
        /// The forge's words.
        message: String,
    },
}

impl ForgeError {
    /// Whether the forge was never asked: there was no way to it.
    pub fn unasked(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Proxied { .. } | Self::Untrusted { .. } => true,
            Self::Interrupted { .. }
            | Self::Unauthorised { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::RateLimited { .. }
            | Self::Server { .. }
            | Self::Garbled { .. }
            | Self::Refused { .. } => false,
        }
    }

    /// For a call that writes: whether the forge may have done it although no answer says so.
    pub fn may_have_happened(&self) -> bool {
        match self {
            Self::Interrupted { .. } | Self::Server { .. } | Self::Garbled { .. } => true,
            Self::Unreachable { .. }
            | Self::Proxied { .. }
            | Self::Untrusted { .. }
            | Self::Unauthorised { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::RateLimited { .. }
            | Self::Refused { .. } => false,
        }
    }

    /// Whether it may go through later without anybody doing anything.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Proxied { .. }
            | Self::Untrusted { .. }
            | Self::Interrupted { .. }
            | Self::Server { .. }
            | Self::Garbled { .. }
            | Self::RateLimited { .. } => true,
            Self::Unauthorised { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Refused { .. } => false,
        }
    }
}
