//! How a decision ends without being confirmed, and in which words that is told.

use countersign_core::decision::OutboxState;
use jiff::SignedDuration;

use crate::ports::HeadNow;
use crate::rows::visible;
use crate::store::Entry;
use crate::view::Message;
use crate::words;

/// Why a decision goes no further.
pub(super) enum End {
    Superseded(String),
    HandedBack(&'static str),
    Expired,
    /// Signed so long ahead of the forge's clock.
    Ahead(SignedDuration),
    Refused(String),
}

pub(super) const KEPT: &str = "Your words and the signed statement are kept on this machine.";
pub(super) const UNREADABLE: &str = "the change can no longer be read";

/// The state in which a decision ends, and what the user is told.
pub(super) fn ending(entry: &Entry, end: End) -> (OutboxState, Message) {
    let sent = entry.state == OutboxState::Submitted;
    let told = |what: &str| {
        let what = words::sentence(what);
        if sent {
            what
        } else {
            format!("Not sent, and it will not be: {}", words::lower(&what))
        }
    };
    let again = "Read what changed and decide again; nothing is re-signed for you.";
    let (state, what, todo) = match end {
        End::Superseded(what) => (OutboxState::Superseded, told(&what), again),
        End::HandedBack(UNREADABLE) if entry.state == OutboxState::Pending => (
            OutboxState::HandedBack,
            told(UNREADABLE),
            "A draft of it stays at the forge, where only you see it: should you see the change again, discard that, and \
             decide again.",
        ),
        End::HandedBack(UNREADABLE) => (
            OutboxState::HandedBack,
            told(UNREADABLE),
            "Should you see the change again, decide again.",
        ),
        End::HandedBack(why) => (
            OutboxState::HandedBack,
            told(why),
            "Nothing, unless it is opened again.",
        ),
        End::Expired => {
            let until = entry.not_after;
            let what = told(&format!("it is older than the policy allows (until {until})."));
            (OutboxState::Expired, what, again)
        }
        End::Ahead(by) => {
            let minutes = usize::try_from(by.as_mins()).unwrap_or(usize::MAX);
            let minutes = words::count(minutes, "minute", "minutes");
            let what = told(&format!(
                "it was signed {minutes} ahead of the forge's clock, and the gate refuses what is from the future."
            ));
            let todo = "Set this machine's clock, then decide again; nothing is re-signed for you.";
            (OutboxState::HandedBack, what, todo)
        }
        End::Refused(message) => (
            OutboxState::Refused,
            format!("The forge refused it: {message}"),
            "Settle what the forge says, then decide again.",
        ),
    };
    let message = Message {
        what,
        kept: KEPT.into(),
        todo: todo.into(),
    };
    (state, message)
}

/// How the forge's refusal of a review is to be taken, by its words: it gives no codes.
///
/// Source: answers quoted in public issues: "The commitOID is not part of the pull request", "No commit found for
/// SHA", "User can only have one pending review per pull request", "Can not approve your own pull request".
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The commit is no longer one of the change's.
    Commit,
    /// Another pending review of the user's own.
    PendingInTheWay,
    /// Anything else is for the user to settle.
    Other,
}

impl Refusal {
    pub(super) fn of(message: &str) -> Self {
        let text = message.to_lowercase();
        if text.contains("one pending review") {
            Self::PendingInTheWay
        } else if [
            "commitoid",
            "commit_id",
            "commit id",
            "no commit found",
            "another commit",
        ]
        .iter()
        .any(|words| text.contains(words))
        {
            Self::Commit
        } else {
            Self::Other
        }
    }
}

pub(super) fn gone_commit(message: &str) -> End {
    End::Superseded(format!(
        "The forge no longer takes a review of that commit ({message})."
    ))
}

/// In which way the change is no longer what was signed, in words.
pub(super) fn moved(entry: &Entry, head: &HeadNow, when: &str) -> Option<String> {
    if head.head != entry.head {
        Some(format!("The head moved to {} {when}.", head.head.short()))
    } else if head.target_branch != entry.target {
        Some(format!(
            "It is bound for {} now, and was for {} when you signed.",
            visible(&head.target_branch),
            visible(&entry.target)
        ))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forges_refusals_are_told_apart() {
        for (words, expected) in [
            (
                "Unprocessable Entity: The commitOID is not part of the pull request",
                Refusal::Commit,
            ),
            ("No commit found for SHA: 9f1c", Refusal::Commit),
            (
                "User can only have one pending review per pull request",
                Refusal::PendingInTheWay,
            ),
            ("Can not approve your own pull request", Refusal::Other),
            ("Body is too long (commit to fewer words)", Refusal::Other),
        ] {
            assert_eq!(Refusal::of(words), expected, "{words}");
        }
    }
}
