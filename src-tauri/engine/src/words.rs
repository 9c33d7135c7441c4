//! Words for what went wrong: what happened, what was kept, what to do.

use crate::ports::{Distrust, ForgeError, ProxyTrouble};
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
        ForgeError::Proxied { why, .. } => through_proxy(why),
        ForgeError::Untrusted { why, .. } => trusting(why),
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

fn through_proxy(why: &ProxyTrouble) -> &'static str {
    match why {
        ProxyTrouble::Unreachable(_) => {
            "Check the proxy under Network, or choose none where this network has none. Countersign tries again by itself."
        }
        ProxyTrouble::AsksWho => "Type them under Network.",
        ProxyTrouble::RefusesWho => "Type them anew under Network.",
        ProxyTrouble::Refuses(_) => "Ask whoever runs the proxy to let this machine through to the forge.",
        ProxyTrouble::Foreign => "Type one under Network.",
    }
}

fn trusting(why: &Distrust) -> &'static str {
    match why {
        Distrust::Issuer(_) => {
            "If your company's own authority issues it, or its proxy inspects traffic, ask IT for that authority's \
             certificate and add it under Network. Otherwise somebody may be listening: do not go on."
        }
        Distrust::Expired => {
            "Check this machine's date and time. If they are right, whoever runs the server has to renew it."
        }
        Distrust::NotYet => "Check this machine's date and time.",
        Distrust::OtherHost => {
            "Check the forge's address. If it is right, somebody may be listening: do not go on."
        }
        Distrust::Other(_) => "Show this to whoever runs the server.",
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
