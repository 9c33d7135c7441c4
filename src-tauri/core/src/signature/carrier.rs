//! The body of the forge's review: a line for people, then the envelope for machines.

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::envelope::{Envelope, MAX_BYTES};
use super::sshsig::wrap;
use crate::reason::{Fault, Reason};

/// The info string of the fence.
pub const FENCE_TAG: &str = "countersign-dsse-v1";
/// Largest body, in characters. Source: GitHub answers 422 above it.
pub const MAX_BODY_CHARACTERS: usize = 65_536;

const OPEN: &str = "```countersign-dsse-v1";
const CLOSE: &str = "```";
const COLUMNS: usize = 76;

/// Renders a review's body. `line` is for people (`Statement::readable_line`), `message` what the reviewer wrote
/// besides, Markdown, empty for nothing. Neither is signed.
///
/// # Errors
/// Where a verifier would not find exactly this envelope in the body: [`Reason::EnvelopeAmbiguous`] if `message`
/// holds a fence of ours (a quoted approval), [`Reason::EnvelopeTooLarge`] if the forge would refuse the body.
pub fn envelope_body(line: &str, message: &str, envelope: &Envelope) -> Result<String, Fault> {
    let message = message.replace("\r\n", "\n");
    let message = message.trim();
    let gap = if message.is_empty() { "" } else { "\n\n" };
    let fenced = wrap(&BASE64_STANDARD.encode(envelope.to_json().as_bytes()), COLUMNS);
    let body = format!(
        "{line}{gap}{message}\n\n<details><summary>Signed approval envelope</summary>\n\n{OPEN}\n{fenced}{CLOSE}\n</details>\n"
    );
    if extract(&body)? != *envelope {
        return Err(Reason::Encoding.because("the body does not hold the envelope that was put into it"));
    }
    Ok(body)
}

/// Whether [`envelope_body`] will take this message, asked before anything is signed.
///
/// # Errors
/// [`Reason::EnvelopeAmbiguous`] if it holds a fence of ours, [`Reason::EnvelopeTooLarge`] if no room is left for the
/// largest envelope.
pub fn words_fit(message: &str) -> Result<(), Fault> {
    // The readable line and the tags around the envelope stay far below this.
    const AROUND: usize = 2_048;
    let envelope = MAX_BYTES.div_ceil(3) * 4;
    let room = MAX_BODY_CHARACTERS - AROUND - envelope - envelope / COLUMNS;
    let characters = message.chars().count();
    if characters > room {
        return Err(Reason::EnvelopeTooLarge.because(format!(
            "What you wrote has {characters} characters, and {room} fit beside the signature."
        )));
    }
    if message.split(['\n', '\r']).any(opens_our_fence) {
        return Err(Reason::EnvelopeAmbiguous
            .because("What you wrote quotes a signed approval; only one may stand in a review."));
    }
    Ok(())
}

/// Takes the envelope out of a review's body.
///
/// # Errors
/// [`Reason::EnvelopeTooLarge`], [`Reason::NoEnvelope`], [`Reason::EnvelopeAmbiguous`], [`Reason::Encoding`],
/// [`Reason::Base64`], and those of [`Envelope::from_json`].
pub fn extract(body: &str) -> Result<Envelope, Fault> {
    let characters = body.chars().count();
    if characters > MAX_BODY_CHARACTERS {
        return Err(Reason::EnvelopeTooLarge.because(format!(
            "a body of {characters} characters, at most {MAX_BODY_CHARACTERS}"
        )));
    }
    let body = body.replace("\r\n", "\n");
    let lines: Vec<&str> = body.split('\n').collect();
    // A lone carriage return ends a line for Markdown too (CommonMark 2.1), so it counts when fences are counted.
    match body
        .split(['\n', '\r'])
        .filter(|line| opens_our_fence(line))
        .count()
    {
        0 => return Err(Reason::NoEnvelope.into()),
        1 => {}
        many => return Err(Reason::EnvelopeAmbiguous.because(format!("{many} fences of {FENCE_TAG}"))),
    }
    let at = lines.iter().position(|line| *line == OPEN);
    let at =
        at.ok_or_else(|| Reason::Encoding.because(format!("the fence does not begin with a line {OPEN:?}")))?;
    let inside = &lines[at + 1..];
    let end = inside.iter().position(|line| *line == CLOSE);
    let inside = &inside[..end.ok_or_else(|| Reason::Encoding.because("the fence is not closed"))?];
    let text = inside.concat();
    if text.len() > MAX_BYTES.div_ceil(3) * 4 {
        return Err(Reason::EnvelopeTooLarge.because(format!("{} characters in the fence", text.len())));
    }
    let json = BASE64_STANDARD
        .decode(&text)
        .map_err(|_| Reason::Base64.because("the text in the fence is not base64"))?;
    let envelope = Envelope::from_json(&json);
    let written: String = inside.iter().flat_map(|line| [*line, "\n"]).collect();
    let earlier = matches!(&envelope, Err(fault) if fault.reason != Reason::PayloadType);
    if !earlier && wrap(&text, COLUMNS) != written {
        return Err(Reason::Encoding.because(format!("the base64 is not wrapped at {COLUMNS} columns")));
    }
    envelope
}

/// Whether a body carries exactly this envelope: the same decision, whatever stands around it.
pub fn is_carried_by(envelope: &Envelope, body: &str) -> bool {
    extract(body).is_ok_and(|found| found == *envelope)
}

/// Whether some Markdown reader could take the line as the start of our fence: indented, quoted, in a list, with
/// tildes, more ticks, or other case. Such a line counts, so that nobody can hide a second envelope in it.
fn opens_our_fence(line: &str) -> bool {
    let inner =
        line.trim_start_matches(|c: char| c.is_whitespace() || c.is_ascii_digit() || ">-*+.)".contains(c));
    let Some(mark) = inner.chars().next().filter(|c| matches!(c, '`' | '~')) else {
        return false;
    };
    let info = inner.trim_start_matches(mark);
    if inner.len() - info.len() < 3 {
        return false;
    }
    let word = info.split_whitespace().next().unwrap_or_default();
    word.eq_ignore_ascii_case(FENCE_TAG)
}
