//! Text as a reader sees it: without invisible characters and look-alikes, and without what is not the
//! author's own statement. Line breaks stay where they are, so that a match leads back to the original line.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// Drops zero-width and direction characters and turns look-alikes into the letters they imitate, so that
/// neither hides a mark.
pub(super) fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter_map(fold_char).collect())
}

fn fold_char(c: char) -> Option<char> {
    let code = u32::from(c);
    match code {
        0x00..=0x7f => Some(c),
        // Soft hyphen, joiners, direction marks, invisible operators, variation selectors, tags.
        0xad | 0x34f | 0x61c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f => None,
        0x202a..=0x202e | 0x2060..=0x206f | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 => None,
        0xe0000..=0xe0fff => None,
        0xa0 | 0x1680 | 0x2000..=0x200a | 0x202f | 0x205f | 0x3000 => Some(' '),
        0xff01..=0xff5e => char::from_u32(code - 0xfee0),
        // Mathematical letters: alphabets of 52, one after the other.
        0x1d400..=0x1d6a3 => {
            let at = u8::try_from((code - 0x1d400) % 52).ok()?;
            Some(char::from(if at < 26 { b'A' + at } else { b'a' + at - 26 }))
        }
        0x1d7ce..=0x1d7ff => char::from_digit((code - 0x1d7ce) % 10, 10),
        _ => Some(
            LOOK_ALIKES
                .iter()
                .find(|(from, _)| *from == c)
                .map_or(c, |(_, to)| *to),
        ),
    }
}

/// Letters of other scripts that cannot be told from Latin ones. Source: Unicode's confusables.txt, the rows
/// that lead to one ASCII letter or to a punctuation mark used in trailers and addresses.
const LOOK_ALIKES: &[(char, char)] = &[
    ('а', 'a'),
    ('с', 'c'),
    ('ԁ', 'd'),
    ('е', 'e'),
    ('һ', 'h'),
    ('і', 'i'),
    ('ј', 'j'),
    ('ӏ', 'l'),
    ('о', 'o'),
    ('р', 'p'),
    ('ԛ', 'q'),
    ('ѕ', 's'),
    ('ԝ', 'w'),
    ('х', 'x'),
    ('у', 'y'),
    ('А', 'A'),
    ('В', 'B'),
    ('С', 'C'),
    ('Е', 'E'),
    ('Ԍ', 'G'),
    ('Н', 'H'),
    ('І', 'I'),
    ('Ј', 'J'),
    ('К', 'K'),
    ('М', 'M'),
    ('О', 'O'),
    ('Р', 'P'),
    ('Ѕ', 'S'),
    ('Т', 'T'),
    ('Ԝ', 'W'),
    ('Х', 'X'),
    ('У', 'Y'),
    ('α', 'a'),
    ('ι', 'i'),
    ('ν', 'v'),
    ('ο', 'o'),
    ('ρ', 'p'),
    ('υ', 'u'),
    ('Α', 'A'),
    ('Β', 'B'),
    ('Ε', 'E'),
    ('Ζ', 'Z'),
    ('Η', 'H'),
    ('Ι', 'I'),
    ('Κ', 'K'),
    ('Μ', 'M'),
    ('Ν', 'N'),
    ('Ο', 'O'),
    ('Ρ', 'P'),
    ('Τ', 'T'),
    ('Υ', 'Y'),
    ('Χ', 'X'),
    ('ı', 'i'),
    ('ɡ', 'g'),
    ('ⅰ', 'i'),
    ('ⅼ', 'l'),
    ('ⅽ', 'c'),
    ('ⅾ', 'd'),
    ('‐', '-'),
    ('‑', '-'),
    ('‒', '-'),
    ('−', '-'),
    ('＠', '@'),
    ('﹕', ':'),
    ('∶', ':'),
    ('ː', ':'),
    ('‹', '<'),
    ('›', '>'),
];

/// A text with the lines blanked that are not the author's own statement.
pub(super) struct Clean {
    /// Folded, without fences, quotes, unticked boxes and HTML comments.
    pub(super) text: String,
    /// The same with comments, where there are any.
    pub(super) with_comments: Option<String>,
}

/// Cleans a description or a commit message. Line n of the result comes from line n of `original`.
pub(super) fn clean(original: &str) -> Clean {
    let folded = fold(original);
    let lines: Vec<&str> = folded.split('\n').collect();
    let mut keep: Vec<Cow<'_, str>> = Vec::with_capacity(lines.len());
    let fenced = fenced(&lines);
    let mut headline = false;
    for (line, fenced) in lines.iter().zip(fenced) {
        let text = line.trim_start();
        let dropped = fenced || text.starts_with('>') || UNTICKED.is_match(line);
        if dropped || text.is_empty() {
            keep.push(Cow::Borrowed(""));
        } else if HEADLINE.is_match(line) {
            headline = true;
            keep.push(Cow::Borrowed(""));
        } else if headline && !text.starts_with('#') && !text.starts_with("<!--") {
            // "### AI disclosure", and the answer below it.
            headline = false;
            let answer = text
                .trim_start_matches(['-', '*', ' '])
                .trim_start_matches("[x]")
                .trim_start_matches("[X]");
            keep.push(Cow::Owned(format!("AI disclosure: {}", answer.trim_start())));
        } else {
            headline &= text.starts_with("<!--");
            keep.push(Cow::Borrowed(line));
        }
    }
    let whole = keep.join("\n");
    match without_comments(&whole) {
        Some(text) => Clean {
            text,
            with_comments: Some(whole),
        },
        None => Clean {
            text: whole,
            with_comments: None,
        },
    }
}

static UNTICKED: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*(?:[-*+]|\d+[.)])\s*\[\s?\]"));
static HEADLINE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^\s*(?:#{1,6}\s*|\*\*|__)(?:use of )?(?:AI|LLM)s?[ -](?:usage|use|assistance|tools?|disclosure|attribution)(?: disclosure| statement)?\s*[?:]?\s*(?:\*\*|__)?\s*[?:]?\s*#*\s*$",
    )
});

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern that its tests compile")
}

/// Which lines stand in code fences. A fence that nobody closes is none: else one line would hide the rest.
fn fenced(lines: &[&str]) -> Vec<bool> {
    let mut inside = vec![false; lines.len()];
    let mut open: Option<(usize, char, usize)> = None;
    for (at, line) in lines.iter().enumerate() {
        let text = line.trim_start();
        let Some(mark) = text.chars().next().filter(|c| matches!(c, '`' | '~')) else {
            continue;
        };
        let length = text.chars().take_while(|c| *c == mark).count();
        let rest = &text[length..];
        match open {
            Some((from, opened, least)) if mark == opened && length >= least && rest.trim().is_empty() => {
                inside[from..=at].fill(true);
                open = None;
            }
            Some(_) => {}
            None if length >= 3 && !(mark == '`' && rest.contains('`')) => open = Some((at, mark, length)),
            None => {}
        }
    }
    inside
}

/// The text without `<!-- … -->`, its line breaks kept; `None` without a closed comment.
fn without_comments(text: &str) -> Option<String> {
    text.contains("<!--").then_some(())?;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<!--") {
        let Some((comment, behind)) = after.split_once("-->") else {
            break;
        };
        out.push_str(before);
        out.extend(comment.chars().filter(|c| *c == '\n'));
        rest = behind;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_or_told_apart_is_folded() {
        assert_eq!(
            fold("Cl\u{200b}aude \u{202e}<nо\u{ad}reply＠anthropic.com>"),
            "Claude <noreply@anthropic.com>"
        );
        assert_eq!(fold("𝐂laude 𝟒"), "Claude 4");
        assert_eq!(fold("größe 日本"), "größe 日本");
    }

    #[test]
    fn fences_quotes_comments_and_open_boxes_are_blanked_line_by_line() {
        let text = "a\n```\nb\n```\n> c\n<!-- d\ne -->f\n- [ ] g\n- [x] h\n";
        let clean = clean(text);
        assert_eq!(clean.text, "a\n\n\n\n\n\nf\n\n- [x] h\n");
        assert_eq!(
            clean.with_comments.as_deref(),
            Some("a\n\n\n\n\n<!-- d\ne -->f\n\n- [x] h\n")
        );
    }

    #[test]
    fn an_open_fence_or_comment_hides_nothing() {
        assert_eq!(clean("```\na\nb").text, "```\na\nb");
        assert_eq!(clean("<!-- a\nb").text, "<!-- a\nb");
        assert_eq!(clean("````\n```\nx\n````\ny").text, "\n\n\n\ny");
    }

    #[test]
    fn an_answer_below_a_headline_is_read_with_it() {
        assert_eq!(
            clean("### AI Disclosure\n\nNone\n").text,
            "\n\nAI disclosure: None\n"
        );
        assert_eq!(
            clean("**AI usage:**\n- [x] Claude\nmore").text,
            "\nAI disclosure: Claude\nmore"
        );
        assert_eq!(clean("## AI tools\n## Next\nNone").text, "\n## Next\nNone");
    }
}
