//! Text as a reader sees it: without what is not the author's own statement. Line breaks stay where they are,
//! so that a match leads back to the original line.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::disclosure::{self, Reads, Says};
use super::letters::fold;
use super::names::Names;

/// A text with the lines blanked that are not the author's own statement.
pub(super) struct Clean {
    /// Folded, without fences, quotes, unticked boxes and HTML comments.
    pub(super) text: String,
    /// The same with comments, where there are any.
    pub(super) with_comments: Option<String>,
    /// The same with each value that goes on in further lines in one, where there are any.
    pub(super) joined: Option<Joined>,
}

/// A text whose values stand in one line each.
pub(super) struct Joined {
    pub(super) text: String,
    /// First and last line of each, in order.
    lines: Vec<(usize, usize)>,
}

impl Joined {
    /// The last line of what was joined into this one.
    pub(super) fn last(&self, line: usize) -> usize {
        match self.lines.binary_search_by_key(&line, |(first, _)| *first) {
            Ok(at) => self.lines[at].1,
            Err(_) => line,
        }
    }
}

/// Cleans a description or a commit message. Line n of the results comes from line n of `original`.
pub(super) fn clean(names: &Names, original: &str) -> Clean {
    let folded = fold(original);
    let lines: Vec<&str> = folded.split('\n').collect();
    let mut keep: Vec<Cow<'_, str>> = Vec::with_capacity(lines.len());
    let fenced = fenced(&lines);
    let mut headline = false;
    for (at, (line, fenced)) in lines.iter().zip(fenced).enumerate() {
        let text = line.trim_start();
        let dropped = fenced || text.starts_with('>') || UNTICKED.is_match(line);
        if dropped || text.is_empty() {
            keep.push(Cow::Borrowed(""));
        } else if HEADLINE.is_match(line) {
            // With its value folded below it, it is no headline.
            headline = !lines.get(at + 1).is_some_and(|next| goes_on(next));
            keep.push(Cow::Borrowed(if headline { "" } else { line }));
        } else if headline && !text.starts_with('#') && !text.starts_with("<!--") {
            // "### AI disclosure", and the answer below it, behind what the template says.
            let answer = text
                .trim_start_matches(['-', '*', '+', ' '])
                .trim_start_matches("[x]")
                .trim_start_matches("[X]")
                .trim_start();
            match disclosure::read(names, Reads::Answer, answer) {
                Says::Instruction => keep.push(Cow::Borrowed("")),
                Says::None | Says::Help(_) => {
                    headline = false;
                    keep.push(Cow::Owned(format!("AI disclosure: {answer}")));
                }
                Says::Unclear => {
                    headline = false;
                    keep.push(Cow::Borrowed(line));
                }
            }
        } else {
            headline &= text.starts_with("<!--");
            keep.push(Cow::Borrowed(line));
        }
    }
    let whole = keep.join("\n");
    let (text, with_comments) = match without_comments(&whole) {
        Some(text) => (text, Some(whole)),
        None => (whole, None),
    };
    Clean {
        joined: joined(&text),
        text,
        with_comments,
    }
}

static UNTICKED: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*(?:[-*+]|\d+[.)])\s*\[\s?\]"));
static HEADLINE: LazyLock<Regex> = LazyLock::new(|| {
    let subject = r"(?:use of )?(?:AI|LLM)s?[ -](?:usage|use|assistance|tools?|disclosure|attribution)(?: disclosure| statement)?";
    let marked = r"(?:#{1,6}\s*|\*\*|__)";
    let end = r"(?:\*\*|__)?\s*[?:]?\s*#*\s*$";
    pattern(&format!(
        r"(?i)^\s*(?:{marked}{subject}\s*[?:]?\s*{end}|{subject}\s*:\s*$)"
    ))
});
/// A key, and lines that go on below it.
static KEY: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^[ \t*_-]*[A-Za-z0-9][A-Za-z0-9 -]{0,60}[*_]*[ \t]*:"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern that its tests compile")
}

fn goes_on(line: &str) -> bool {
    line.starts_with([' ', '\t']) && !line.trim().is_empty()
}

fn joined(text: &str) -> Option<Joined> {
    let mut out = String::with_capacity(text.len());
    let mut folds = Vec::new();
    let mut first = None;
    for (number, line) in text.split('\n').enumerate() {
        match first {
            Some(first) if goes_on(line) => {
                out.push(' ');
                out.push_str(line.trim());
                match folds.last_mut() {
                    Some((same, last)) if *same == first => *last = number,
                    _ => folds.push((first, number)),
                }
            }
            _ => {
                close(&mut out, number, &folds, first);
                out.push_str(line);
                first = KEY.is_match(line).then_some(number);
            }
        }
    }
    (!folds.is_empty()).then_some(Joined {
        text: out,
        lines: folds,
    })
}

/// Ends the line before line `number`, and leaves as many empty ones as were joined into it.
fn close(out: &mut String, number: usize, folds: &[(usize, usize)], first: Option<usize>) {
    let joined = match (folds.last(), first) {
        (Some((same, last)), Some(first)) if *same == first => last - first,
        _ => 0,
    };
    let breaks = if number == 0 { 0 } else { joined + 1 };
    out.extend(std::iter::repeat_n('\n', breaks));
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
    use super::super::Markers;
    use super::*;

    fn cleaned(text: &str) -> Clean {
        clean(Markers::builtin().names(), text)
    }

    #[test]
    fn fences_quotes_comments_and_open_boxes_are_blanked_line_by_line() {
        let text = "a\n```\nb\n```\n> c\n<!-- d\ne -->f\n- [ ] g\n- [x] h\n";
        let clean = cleaned(text);
        assert_eq!(clean.text, "a\n\n\n\n\n\nf\n\n- [x] h\n");
        assert_eq!(
            clean.with_comments.as_deref(),
            Some("a\n\n\n\n\n<!-- d\ne -->f\n\n- [x] h\n")
        );
    }

    #[test]
    fn an_open_fence_or_comment_hides_nothing() {
        assert_eq!(cleaned("```\na\nb").text, "```\na\nb");
        assert_eq!(cleaned("<!-- a\nb").text, "<!-- a\nb");
        assert_eq!(cleaned("````\n```\nx\n````\ny").text, "\n\n\n\ny");
    }

    #[test]
    fn an_answer_below_a_headline_is_read_with_it() {
        assert_eq!(
            cleaned("### AI Disclosure\n\nNone\n").text,
            "\n\nAI disclosure: None\n"
        );
        assert_eq!(
            cleaned("**AI usage:**\n- [x] Claude\nmore").text,
            "\nAI disclosure: Claude\nmore"
        );
        assert_eq!(cleaned("AI usage:\nNone").text, "\nAI disclosure: None");
        assert_eq!(cleaned("## AI tools\n## Next\nNone").text, "\n## Next\nNone");
    }

    #[test]
    fn what_a_template_asks_is_no_answer() {
        assert_eq!(
            cleaned("### AI disclosure\nPlease describe which tools you used, such as Claude.\n\nNone").text,
            "\n\n\nAI disclosure: None"
        );
        assert_eq!(
            cleaned("### AI usage\nThe counts of Claude are shown below.").text,
            "\nThe counts of Claude are shown below."
        );
    }

    #[test]
    fn values_that_go_on_are_joined_and_lines_stay_in_step() {
        let clean = cleaned("a\nAssisted-by:\n\tClaude\n  Code\nb\n c\nX: y\n z");
        let joined = clean.joined.unwrap();
        assert_eq!(joined.text, "a\nAssisted-by: Claude Code\n\n\nb\n c\nX: y z");
        assert_eq!((joined.last(1), joined.last(6), joined.last(0)), (3, 7, 0));
        assert!(cleaned("a\n b").joined.is_none());
    }
}
