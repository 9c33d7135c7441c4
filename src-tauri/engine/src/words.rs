//! Words for what went wrong: what happened, what was kept, what to do.

use crate::ports::ForgeError;
use crate::view::Message;

/// With a capital at its start and a full stop at its end.
pub(crate) fn sentence(text: &str) -> String {
    let text = text.trim();
    let mut chars = text.chars();
    let Some(first) = chars.next() else {
        return String::new();
    };
    let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{}{stop}", first.to_uppercase(), chars.as_str())
}

/// The text with its first letter small, for the middle of a sentence.
pub(crate) fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// The forge's error and what to do about it, in one line.
pub(crate) fn forge_error(error: &ForgeError) -> String {
    let message = forge_trouble(error);
    [message.what, message.todo]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The forge's error as a message.
pub(crate) fn forge_trouble(error: &ForgeError) -> Message {
    let todo = match error {
        ForgeError::Unreachable { .. } | ForgeError::Interrupted { .. } => {
            "Countersign tries again by itself. Everything read before is on this machine; you can read and decide."
        }
        ForgeError::Unauthorised { .. } => "Sign in with a new token.",
        ForgeError::Forbidden { sso: Some(_), .. } => "Renew single sign-on for the token.",
        ForgeError::Forbidden { .. } => "Check what the token may do: pull requests write, contents read.",
        ForgeError::NotFound { .. } => "Check that the token may see the repository.",
        ForgeError::RateLimited { .. } | ForgeError::Server { .. } => {
            "Countersign waits and tries again by itself."
        }
        ForgeError::Garbled { .. } => {
            "Countersign tries again by itself. If this network asks for a sign-in on a web page, open a browser first."
        }
        ForgeError::Refused { .. } => "",
    };
    Message {
        what: sentence(&error.to_string()),
        kept: "The queue is as it was last read.".into(),
        todo: todo.into(),
    }
}

/// `1 file`, `2 files`.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_begins_and_ends_as_one() {
        for (text, expected) in [
            ("", ""),
            ("github.com refuses: no", "Github.com refuses: no."),
            ("Done.", "Done."),
        ] {
            assert_eq!(sentence(text), expected);
        }
    }
}
