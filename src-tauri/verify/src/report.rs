//! The verdict for people. Hostile text is shown quoted and without control characters.

use std::fmt::Write as _;

use countersign_core::bundle::{Found, Judged, Standing};
use countersign_core::reason::{Fault, Reason};
use countersign_core::verify::Verdict;
use countersign_core::verify::verdict::FORMAT;
use jiff::Timestamp;
use serde_json::json;

/// A verdict in words.
pub(crate) fn verdict(verdict: &Verdict) -> String {
    let mut text = String::new();
    let change = &verdict.change;
    if let Some(first) = alarm(verdict) {
        line(&mut text, first);
    }
    line(
        &mut text,
        &format!("{}: {}", verdict.verdict.word().replace('_', " "), verdict.detail),
    );
    if let Some(reason) = verdict.reason {
        line(
            &mut text,
            &format!("  {reason}: {} {}", reason.meaning(), reason.hint()),
        );
    }
    line(
        &mut text,
        &format!(
            "  change   {}/{}#{} at {} into {}",
            change.host, change.repo, change.number, change.head, change.target_ref
        ),
    );
    match &verdict.policy {
        Some(policy) => {
            line(
                &mut text,
                &format!(
                    "  policy   {} ({}) at {}",
                    policy.path, policy.blob, policy.target_tip
                ),
            );
            if let Some(theirs) = &policy.extends {
                line(
                    &mut text,
                    &format!(
                        "  extends  {}:{} ({}) at {}",
                        theirs.repo, theirs.path, theirs.blob, theirs.tip
                    ),
                );
            }
        }
        None => line(&mut text, "  policy   none"),
    }
    for signer in &verdict.signers {
        line(
            &mut text,
            &format!(
                "  signed   {} ({}) with {}, review {}",
                signer.login, signer.principal, signer.key, signer.review
            ),
        );
    }
    for (signer, reason) in verdict
        .break_glass
        .iter()
        .flat_map(|glass| glass.people.iter().zip(&glass.reasons))
    {
        line(
            &mut text,
            &format!(
                "  broken   by {} ({}) with {}, review {}: {reason:?}",
                signer.login, signer.principal, signer.key, signer.review
            ),
        );
    }
    for review in &verdict.reviews {
        let who = review.reviewer.as_deref().unwrap_or("a deleted account");
        let what = match (&review.reason, &review.detail) {
            (Some(reason), Some(detail)) => format!("{reason}: {detail}"),
            (Some(reason), None) => reason.to_string(),
            (None, _) if review.breaks_glass => "breaks the glass".to_owned(),
            (None, _) => "counts".to_owned(),
        };
        line(
            &mut text,
            &format!("  review   {} by {who}: {what}", review.review),
        );
    }
    for note in &verdict.notes {
        line(&mut text, &format!("  note     {note}"));
    }
    line(&mut text, &format!("  as of    {}", verdict.as_of));
    text
}

/// What was found of a bundle, in words.
pub(crate) fn bundle(found: &Found) -> String {
    let mut text = String::new();
    let counts = &found.counts;
    line(
        &mut text,
        &format!(
            "{}: {} accepted, {} not counted, {} not provable here, {} contradicted",
            if found.consistent {
                "consistent"
            } else {
                "NOT consistent"
            },
            counts.accepted,
            counts.not_counted,
            counts.not_provable,
            counts.contradicted
        ),
    );
    if let (Some(reason), Some(detail)) = (found.reason, &found.detail) {
        line(
            &mut text,
            &format!("  {}: {detail}", json!(reason).as_str().unwrap_or_default()),
        );
    }
    for one in &found.decisions {
        line(&mut text, &format!("  {}", decision(one)));
    }
    for note in &found.notes {
        line(&mut text, &format!("  note     {note}"));
    }
    text
}

fn decision(one: &Judged) -> String {
    let what = match one.standing {
        Standing::Accepted => "accepted",
        Standing::NotCounted => "not counted",
        Standing::NotProvable => "not provable here",
        Standing::Contradicted => "CONTRADICTED",
    };
    let word = json!(one.decision);
    let word = word.as_str().unwrap_or_default().replace('_', " ");
    let mut text = format!("{} at {}, {word}: {what}", one.change, one.head.short());
    if let Some(signer) = &one.signer {
        text += &format!(
            ", signed by {} ({}) with {}",
            signer.login, signer.principal, signer.key
        );
    }
    if let Some(as_of) = one.as_of {
        text += &format!(", as of {as_of}");
    }
    if one.withdrawn {
        text += ", withdrawn since";
    }
    let why = [one.reason.as_deref(), one.detail.as_deref()];
    let why: Vec<&str> = why.into_iter().flatten().collect();
    if !why.is_empty() {
        text += &format!(" ({})", why.join(": "));
    }
    text
}

/// What stands before everything else where the glass was broken, for this change or for one that passes with it.
pub(crate) fn alarm(verdict: &Verdict) -> Option<&'static str> {
    if verdict.verdict.exit_code() != 0 {
        None
    } else if verdict.break_glass.is_some() {
        Some("BREAK GLASS: this change passes WITHOUT the sign-off that the policy asks for")
    } else if verdict.notes.iter().any(|note| note.starts_with("BREAK GLASS")) {
        Some("BREAK GLASS: a change that passes with this one was NOT signed off")
    } else {
        None
    }
}

/// An input that could not be read, in words.
pub(crate) fn unread(fault: &Fault) -> String {
    let mut text = String::new();
    line(&mut text, &format!("undecided: {}", fault.detail));
    line(
        &mut text,
        &format!(
            "  {}: {} {}",
            fault.reason,
            fault.reason.meaning(),
            fault.reason.hint()
        ),
    );
    text
}

/// An input that could not be read, with the fields of a verdict that are known.
pub(crate) fn unread_json(fault: &Fault, now: Timestamp) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&json!({
        "format": FORMAT, "verdict": "undecided", "reason": fault.reason, "detail": fault.detail,
        "hint": fault.reason.hint(), "as_of": now, "change": null, "policy": null, "requirement": null,
        "signers": [], "break_glass": null, "reviews": [], "notes": [],
    }))
}

/// Lines of their own, each behind a word.
pub(crate) fn lines(word: &str, contents: &[String]) -> String {
    let mut text = String::new();
    for content in contents {
        line(&mut text, &format!("{word}: {content}"));
    }
    text
}

/// A reason in words.
pub(crate) fn reason(reason: Reason) -> String {
    let step = match reason.step() {
        0 => "any step".to_owned(),
        step => format!("step {step}"),
    };
    format!(
        "{} ({step})\n  {}\n  {}\n",
        reason.code(),
        reason.meaning(),
        reason.hint()
    )
}

/// One line, whatever stands in it: a terminal obeys control characters, and a log is read by line.
fn line(text: &mut String, content: &str) {
    let plain: String = content
        .chars()
        .map(|c| if is_plain(c) { c } else { '\u{fffd}' })
        .collect();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{plain}");
}

/// Neither a control character nor one that ends a line, reorders or hides what stands around it. Source: Unicode,
/// `Bidi_Control`, `Default_Ignorable_Code_Point` (the tags, U+E0000 to U+E007F) and UAX 14 (U+2028, U+2029).
pub(crate) fn is_plain(c: char) -> bool {
    !(c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}'
                | '\u{feff}'
                | '\u{e0000}'..='\u{e007f}'
        ))
}
