//! Trailers of a commit message, as `git interpret-trailers --parse` reads them, and `…-by:` lines anywhere.
//!
//! Both are needed: git only looks at the last paragraph, but a squash merge leaves the trailers of the
//! squashed commits in the middle. Source: git's `trailer.c` and `wt-status.c`, with no `trailer.*`
//! configuration and `#` as the comment character.

use std::ops::Range;

/// One trailer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trailer {
    /// What stands before the colon, as written: `Co-authored-by`.
    pub key: String,
    /// What stands behind it, trimmed; folded lines are joined by one blank.
    pub value: String,
}

/// A line `Something-by: value` anywhere in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByLine {
    /// What stands before the colon, in lower case: `co-authored-by`.
    pub key: String,
    /// What stands behind it, trimmed; where it goes on in further lines, up to the end of an address.
    pub value: String,
    /// 0-based line of the message.
    pub line: usize,
}

/// The trailers of the last paragraph, in order.
pub fn parse(message: &str) -> Vec<Trailer> {
    let block = &message[block_of(message)];
    let mut found: Vec<String> = Vec::new();
    let mut open = false;
    for line in lines(block) {
        if open && line.starts_with(is_space) {
            if let Some(last) = found.last_mut() {
                last.push_str(line);
            }
        } else {
            open = separator(line).is_some_and(|at| at >= 1);
            found.push(line.to_owned());
        }
    }
    found
        .iter()
        .filter(|text| !text.starts_with('#'))
        .filter_map(|text| {
            let at = separator(text).filter(|at| *at >= 1)?;
            let value = text[at + 1..].trim_matches(is_space);
            Some(Trailer {
                key: text[..at].trim_matches(is_space).to_owned(),
                value: unfold(value),
            })
        })
        .collect()
}

/// Longest value that is gathered from further lines: git knows no limit, but a name and an address need no more.
const MOST_LINES: usize = 16;

/// Every `…-by:` line of a message, wherever it stands.
pub fn by_lines(message: &str) -> Vec<ByLine> {
    let lines: Vec<&str> = message.split('\n').collect();
    let mut found = Vec::new();
    for (number, text) in lines.iter().enumerate() {
        let Some((key, value)) = by_line(text) else {
            continue;
        };
        let further = lines[number + 1..].iter().take(MOST_LINES);
        let further = further
            .take_while(|line| line.starts_with([' ', '\t']) && !is_blank(line) && by_line(line).is_none());
        found.push(ByLine {
            key,
            value: gathered(value, further.copied()),
            line: number,
        });
    }
    found
}

/// A value with the lines below it as far as it needs them: to the end of an address, or all if it has nothing yet.
/// Anything else below is prose.
fn gathered<'t>(value: &str, further: impl Iterator<Item = &'t str>) -> String {
    let mut whole = value.to_owned();
    if value.contains('>') {
        return whole;
    }
    for line in further {
        whole.push(' ');
        whole.push_str(line.trim());
        if line.contains('>') {
            return whole.trim().to_owned();
        }
    }
    if value.is_empty() {
        whole.trim().to_owned()
    } else {
        value.to_owned()
    }
}

fn by_line(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start_matches([' ', '\t', '*', '-', '_']);
    let (key, value) = text.split_once(':')?;
    let key = key.trim_end_matches([' ', '\t', '*', '_']);
    let stem = key.len().checked_sub(3)?;
    let is_key = key.is_char_boundary(stem)
        && key[stem..].eq_ignore_ascii_case("-by")
        && stem > 0
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_key.then(|| {
        (
            key.to_ascii_lowercase(),
            value.trim_start_matches(['*', '_']).trim(),
        )
    })
}

/// Where the trailers stand; empty at the end of the log message if there are none.
fn block_of(message: &str) -> Range<usize> {
    let patch = offsets(message)
        .find(|(_, line)| {
            line.strip_prefix("---")
                .is_some_and(|rest| rest.starts_with(is_space))
        })
        .map_or(message.len(), |(at, _)| at);
    let text = &message[..patch];
    let end = text.len() - ignored(text);
    start_of_trailers(&text[..end])..end
}

/// Number of bytes at the end that git ignores: comments, blank lines among them, a list of conflicts.
fn ignored(text: &str) -> usize {
    const SCISSORS: &str = "# ------------------------ >8 ------------------------\n";
    let cutoff = if text.starts_with(SCISSORS) {
        0
    } else {
        text.find(&format!("\n{SCISSORS}"))
            .map_or(text.len(), |at| at + 1)
    };
    let mut first = None;
    let mut conflicts = false;
    for (at, line) in offsets(&text[..cutoff]) {
        if line.starts_with('#') || line.starts_with('\n') {
            first = first.or(Some(at));
        } else if line == "Conflicts:\n" {
            conflicts = true;
            first = first.or(Some(at));
        } else if !(conflicts && line.starts_with('\t')) && first.is_some() {
            first = None;
            conflicts = false;
        }
    }
    // git takes a run that begins at the very start for none.
    first
        .filter(|at| *at > 0)
        .map_or(text.len() - cutoff, |at| text.len() - at)
}

fn start_of_trailers(text: &str) -> usize {
    let title = offsets(text)
        .find(|(_, line)| !line.starts_with('#') && is_blank(line))
        .map_or(text.len(), |(at, _)| at);
    let (mut only_blank, mut recognised) = (true, false);
    let (mut trailers, mut others, mut folded) = (0usize, 0usize, 0usize);
    let all: Vec<(usize, &str)> = offsets(text).collect();
    for (at, line) in all.into_iter().rev().take_while(|(at, _)| *at >= title) {
        if line.starts_with('#') {
            others += folded;
            folded = 0;
        } else if is_blank(line) {
            if only_blank {
                continue;
            }
            others += folded;
            let trusted = (recognised && trailers * 3 >= others) || (trailers > 0 && others == 0);
            return if trusted { at + line.len() } else { text.len() };
        } else {
            only_blank = false;
            if line.starts_with("Signed-off-by: ") || line.starts_with("(cherry picked from commit ") {
                trailers += 1;
                folded = 0;
                recognised = true;
            } else if line.starts_with(is_space) {
                folded += 1;
            } else if separator(line).is_some_and(|at| at >= 1) {
                trailers += 1;
                folded = 0;
            } else {
                others += 1 + folded;
                folded = 0;
            }
        }
    }
    text.len()
}

/// Where the colon stands behind a key of letters, digits and hyphens (blanks may follow the key).
fn separator(line: &str) -> Option<usize> {
    let mut blank = false;
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            b':' => return Some(at),
            b'-' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' if !blank => {}
            b' ' | b'\t' if at > 0 => blank = true,
            _ => return None,
        }
    }
    None
}

fn unfold(value: &str) -> String {
    let mut parts = value.split('\n');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push(' ');
        out.push_str(part.trim_start_matches(is_space));
    }
    out.trim_matches(is_space).to_owned()
}

/// git's `isspace`, which knows neither vertical tab nor form feed.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

fn is_blank(line: &str) -> bool {
    line.chars().all(is_space)
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n')
}

fn offsets(text: &str) -> impl Iterator<Item = (usize, &str)> {
    lines(text).scan(0, |at, line| {
        let here = *at;
        *at += line.len();
        Some((here, line))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(message: &str) -> Vec<(String, String)> {
        parse(message)
            .into_iter()
            .map(|trailer| (trailer.key, trailer.value))
            .collect()
    }

    #[test]
    fn the_last_paragraph_of_trailers_counts() {
        let message = "Fix\n\nNote: not a trailer, a paragraph follows\n\nCo-authored-by: A <a@x.example>\nFolded: one\n  two\n";
        let expected = [("Co-authored-by", "A <a@x.example>"), ("Folded", "one two")];
        assert_eq!(
            pairs(message),
            expected.map(|(key, value)| (key.to_owned(), value.to_owned()))
        );
        assert!(pairs("Title: only\n").is_empty());
        assert!(pairs("Title\n\nprose\nCo-authored-by: A <a@x.example>\n").is_empty());
        // With a line that git itself writes, a quarter is enough.
        assert_eq!(
            pairs("Title\n\nprose\nmore\nSigned-off-by: A <a@x.example>\n").len(),
            1
        );
    }

    #[test]
    fn by_lines_are_found_anywhere() {
        let message = "T\n\n* one\n\nCo-Authored-By: A\n <a@x.example>\n\nprose\n  - Assisted-by: Tool:v1\nstand-by: no\nGoodbye: x\n-by: y";
        let found: Vec<_> = by_lines(message)
            .into_iter()
            .map(|by| (by.key, by.value, by.line))
            .collect();
        let expected = [
            ("co-authored-by", "A <a@x.example>", 4),
            ("assisted-by", "Tool:v1", 8),
            ("stand-by", "no", 9),
        ];
        assert_eq!(
            found,
            expected.map(|(key, value, line)| (key.to_owned(), value.to_owned(), line))
        );
    }

    #[test]
    fn a_value_goes_on_to_the_end_of_its_address() {
        let values = |message| -> Vec<_> { by_lines(message).into_iter().map(|by| by.value).collect() };
        assert_eq!(
            values("T\n\nCo-Authored-By:\n  Claude\n\t<noreply@anthropic.com>\n  prose\n\nlast"),
            ["Claude <noreply@anthropic.com>"]
        );
        assert_eq!(values("Assisted-by:\n Claude\n Code"), ["Claude Code"]);
        assert_eq!(values("Assisted-by: Claude\n and prose"), ["Claude"]);
        assert_eq!(values("A-by:\n  B-by: <x>\n"), ["", "<x>"]);
        let far = format!("A-by:{}\n <x>", "\n x".repeat(MOST_LINES));
        assert!(!values(&far)[0].contains('<'));
    }

    proptest! {
        #[test]
        fn any_message_is_read(message in "(?s).{0,300}") {
            parse(&message);
            by_lines(&message);
        }

        #[test]
        fn what_looks_like_a_message_is_read(message in "[a-zé#:<>@ \n\t-]{0,200}(\n\nSigned-off-by: x)?\n?") {
            for trailer in parse(&message) {
                prop_assert!(!trailer.key.is_empty());
            }
            by_lines(&message);
        }
    }
}
