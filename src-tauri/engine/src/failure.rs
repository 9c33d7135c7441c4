//! What a command answers when it cannot do what was asked.

use crate::store::StoreError;
use crate::view::{Code, Failure};

impl Failure {
    /// A failure that the UI only shows.
    pub fn other(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            code: Code::Other,
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// A failure with a code.
    pub(crate) fn coded(code: Code, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: hint.into(),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let hint = match &error {
            StoreError::Newer { .. } => "Start the newer version; this profile was not touched.",
            StoreError::InUse => "Close the other Countersign first.",
            StoreError::Damaged(_) => {
                "Nothing was reset. Move the file away to start afresh; decisions already confirmed are at the forge."
            }
            StoreError::Unwritable(_) => {
                "Make room or make the folder writable; nothing that was kept is lost."
            }
            StoreError::Lost => {
                "Nothing was made in its place yet. Put countersign.db back if you have a copy. To begin anew, start \
                 Countersign again and sign in: the token and the key in the keychain are as they were; the ledger, and \
                 what waited in the outbox, were in that file. What had been sent is at the forge."
            }
            StoreError::Gone => {
                "Put it back, then start Countersign again. What was signed before is still being sent."
            }
            StoreError::Other(_) => "Nothing that was kept is lost. Start Countersign again.",
        };
        let mut message = error.to_string();
        if let Some(first) = message.get(..1) {
            message = format!("{}{}.", first.to_uppercase(), &message[1..]);
        }
        Self::other(message, hint)
    }
}
