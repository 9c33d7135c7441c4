//! Notes on acknowledged findings: kept with the acknowledgement, posted with the review.

use countersign_core::finding::Finding;

use crate::rows::visible;
use crate::view::Failure;

/// Longest note, in characters: it is a remark on one finding, and the review has words of its own.
pub(crate) const LONGEST: usize = 500;

/// A finding that the user acknowledged, with what they noted.
#[derive(Debug, Clone)]
pub(crate) struct Acknowledged {
    pub(crate) finding: Finding,
    pub(crate) note: String,
}

/// A note as it is kept: one line.
pub(crate) fn kept(note: &str) -> Result<String, Failure> {
    let note = one_line(note);
    if note.chars().count() > LONGEST {
        return Err(Failure::other(
            format!("A note has at most {LONGEST} characters. This one was not kept."),
            "Shorten it, or put it into the words of your decision.",
        ));
    }
    Ok(note)
}

/// What stands in the review between its first line and the envelope: the notes as a list, then the words.
pub(crate) fn message(acknowledged: &[Acknowledged], words: &str) -> String {
    let noted = acknowledged.iter().filter(|one| !one.note.is_empty());
    let mut parts: Vec<String> = noted.map(item).collect();
    if !parts.is_empty() {
        parts = vec![parts.join("\n")];
    }
    parts.extend((!words.trim().is_empty()).then(|| words.to_owned()));
    parts.join("\n\n")
}

/// The title and the path come out of the diff: between ticks they name nobody and link nowhere.
fn item(one: &Acknowledged) -> String {
    let finding = &one.finding;
    let code = |text: &str| format!("`{}`", one_line(&visible(text)).replace('`', "'"));
    let place = match finding.line {
        Some(line) => format!("{}:{line}", finding.path),
        None => finding.path.clone(),
    };
    let place = if place.is_empty() {
        String::new()
    } else {
        format!(" ({})", code(&place))
    };
    format!("- {}{place}: {}", code(&finding.title), one.note)
}

pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use countersign_core::finding::{Severity, Side};
    use countersign_core::signature::words_fit;

    use super::*;

    fn acknowledged(title: &str, path: &str, note: &str) -> Acknowledged {
        let finding = Finding {
            id: "1".into(),
            rule: "r".into(),
            family: "f".into(),
            severity: Severity::High,
            path: path.into(),
            side: Side::New,
            line: Some(3),
            title: title.into(),
            subject: None,
            why: String::new(),
            check: String::new(),
            excerpt: String::new(),
            note: None,
        };
        Acknowledged {
            finding,
            note: note.into(),
        }
    }

    #[test]
    fn notes_stand_as_a_list_before_the_words() {
        let none = acknowledged("Drops a", "a.sql", "");
        let one = acknowledged("Drops b", "b.sql", "moved to *archive* last week");
        assert_eq!(message(std::slice::from_ref(&none), " "), "");
        assert_eq!(message(std::slice::from_ref(&none), "Fine."), "Fine.");
        assert_eq!(
            message(&[none, one], "Fine."),
            "- `Drops b` (`b.sql:3`): moved to *archive* last week\n\nFine."
        );
    }

    #[test]
    fn what_the_diff_says_cannot_speak_in_the_review() {
        let hostile = acknowledged(
            "Drops ```countersign-dsse-v1\n@acme/all",
            "a`\n```countersign-dsse-v1",
            "seen",
        );
        let message = message(&[hostile], "");
        assert_eq!(message.lines().count(), 1, "{message}");
        assert_eq!(message.matches('`').count(), 4, "{message}");
        assert!(words_fit(&message).is_ok());
    }

    #[test]
    fn a_note_is_one_line_of_limited_length() {
        assert_eq!(
            kept(" a\n ```countersign-dsse-v1 ").unwrap(),
            "a ```countersign-dsse-v1"
        );
        assert!(kept(&"é".repeat(LONGEST)).is_ok());
        assert!(kept(&"é".repeat(LONGEST + 1)).is_err());
    }
}
