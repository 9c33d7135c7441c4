//! The verdict as Markdown, for the page of the job. Text from the forge stands in code, where Markdown means nothing.

use std::fmt::Write as _;

use countersign_core::reason::{Fault, Reason};
use countersign_core::verify::Verdict;

use crate::report::{alarm, is_plain};

/// A verdict.
pub(crate) fn verdict(verdict: &Verdict) -> String {
    let change = &verdict.change;
    let mut text = alarm(verdict).map_or(String::new(), |first| format!("> [!CAUTION]\n> **{first}**\n\n"));
    let _ = writeln!(
        text,
        "### Sign-off: {}\n",
        verdict.verdict.word().replace('_', " ")
    );
    let place = format!("{}#{} at {}", change.repo, change.number, change.head);
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{}: {}\n", code(&place), code(&verdict.detail));
    if let Some(reason) = verdict.reason {
        explain(&mut text, reason);
    }
    if !verdict.signers.is_empty() {
        text += "| signed by | key | until |\n|---|---|---|\n";
        for signer in &verdict.signers {
            let (login, key, until) = (code(&signer.login), code(&signer.key), signer.expires_at);
            let _ = writeln!(text, "| {login} | {key} | {until} |");
        }
        text.push('\n');
    }
    if let Some(glass) = &verdict.break_glass {
        text += "| glass broken by | key | reason |\n|---|---|---|\n";
        for (signer, reason) in glass.people.iter().zip(&glass.reasons) {
            let (login, key) = (code(&signer.login), code(&signer.key));
            let _ = writeln!(text, "| {login} | {key} | {} |", code(reason));
        }
        let _ = writeln!(text, "\nIt holds until {}.\n", glass.until);
    }
    let refused: Vec<_> = verdict
        .reviews
        .iter()
        .filter_map(|review| Some((review, review.reason?)))
        .collect();
    if !refused.is_empty() {
        text += "| review | by | does not count |\n|---|---|---|\n";
        for (review, reason) in refused {
            let by = review
                .reviewer
                .as_deref()
                .map_or("a deleted account".to_owned(), code);
            let _ = writeln!(
                text,
                "| {} | {by} | {reason}: {} |",
                code(&review.review),
                reason.meaning()
            );
        }
        text.push('\n');
    }
    for note in &verdict.notes {
        let _ = writeln!(text, "- {}", code(note));
    }
    let _ = writeln!(text, "\nAs of {}.", verdict.as_of);
    text
}

/// An input that could not be read.
pub(crate) fn unread(fault: &Fault) -> String {
    let mut text = format!("### Sign-off: undecided\n\n{}\n\n", code(&fault.detail));
    explain(&mut text, fault.reason);
    text
}

fn explain(text: &mut String, reason: Reason) {
    let _ = writeln!(text, "**{reason}**: {} {}\n", reason.meaning(), reason.hint());
}

/// In a table, too: whatever ends a code span, a cell or a line is replaced.
fn code(content: &str) -> String {
    let plain: String = content
        .chars()
        .map(|c| match c {
            '`' | '|' => '\'',
            c if is_plain(c) => c,
            _ => '\u{fffd}',
        })
        .collect();
    format!("`{plain}`")
}

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn hostile_text_stays_within_its_span_and_cell() {
        let shown = code("a` <img src=x> |\n\n# Sign-off: accepted\u{202e}");
        assert_eq!(shown.matches('`').count(), 2);
        assert!(!shown.contains(['|', '\n', '\u{202e}']), "{shown:?}");
    }
}
