//! What somebody says about AI in a change: `AI disclosure: none`, `Assisted-by: Claude`, "contains no
//! AI-generated code". The value decides, not that a tool is named.
//!
//! A value is read in parts, which end at punctuation and before *but*, *except* and the like:
//!
//! 1. A part that asks something (`Please describe which LLMs were used`) is a template's, and so is the list
//!    behind it.
//! 2. A part that names a tool under a negation (`I did not use any AI`, `Claude was not used`) denies, and so
//!    does one that begins with *no*, *none* and the like and names none.
//! 3. A part that names a tool otherwise says that it helped, if it is only the name or says what was done
//!    with it. After a denial it must say so plainly: by an exception or by what was done.
//!
//! One part that says help outweighs all that deny: `none, except Copilot completions` is help.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use super::names::Names;

/// What a mark's pattern leaves to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reads {
    /// The value of a key that asks about AI: `AI usage: …`. *Yes* is an answer too.
    Answer,
    /// The value of a key that asks about anything: `Disclosure: …`.
    Remark,
    /// Who is thanked: `Assisted-by: …`, where people stand too.
    Credit,
    /// The name of a tool or a model: `AI-model: …`.
    Name,
    /// A value that only tools write: `Entire-Session: …`.
    Value,
    /// The sentence around the match.
    Sentence,
}

/// What a value says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says<'t> {
    /// No AI was used: a claim.
    None,
    /// AI helped; the part that says so.
    Help(&'t str),
    /// It is a question or an example, as templates have them.
    Instruction,
    /// Nothing that can be told.
    Unclear,
}

/// Reads a value.
pub(super) fn read<'t>(names: &Names, reads: Reads, value: &'t str) -> Says<'t> {
    let value = value.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '_' | '~' | '`' | '"'));
    if PLACEHOLDER.is_match(value) {
        return Says::Instruction;
    }
    let (mut denied, mut asked, mut answered) = (false, false, false);
    let mut yes = None;
    let mut before = Before::default();
    for part in parts(value).take(MOST_PARTS) {
        if part.starts_anew {
            before = Before::default();
        }
        if before.asks || INSTRUCTION.is_match(part.text) {
            (asked, before.asks) = (true, true);
            continue;
        }
        let any = names.all(part.text).next().is_some();
        let named = any && names.mention(part.text).is_some();
        let credited = any && reads == Reads::Credit && names.credited(part.text).is_some();
        let maker = any && !named && names.tool(part.text).is_some() && names.is_only_a_name(part.text);
        if named || credited || maker {
            if denies(names, part.text) || (before.denies && part.goes_on && !ACTIVE.is_match(part.text)) {
                (denied, before.denies) = (true, true);
                continue;
            }
            let plainly = part.is_exception || DONE.is_match(part.text);
            let helped = match reads {
                Reads::Credit => credited,
                Reads::Name => names.is_only_a_name(part.text),
                Reads::Remark => named && DONE.is_match(part.text),
                Reads::Answer => plainly || names.is_only_a_name(without_frame(part.text)),
                Reads::Value | Reads::Sentence => true,
            };
            if helped && (plainly || !denied) {
                return Says::Help(part.text);
            }
        } else if DENIAL.is_match(part.text) {
            (denied, before.denies) = (true, true);
        } else if !answered && !denied && !part.text.is_empty() {
            // A part behind it may say with what.
            let says_yes = match reads {
                Reads::Answer => YES.is_match(part.text),
                Reads::Name => MODEL.is_match(part.text),
                Reads::Value => true,
                Reads::Remark | Reads::Credit | Reads::Sentence => false,
            };
            yes = says_yes.then_some(part.text);
        }
        answered |= !part.text.is_empty();
    }
    match (yes, denied, asked) {
        (Some(yes), _, _) => Says::Help(yes),
        (None, true, _) => Says::None,
        (None, false, true) => Says::Instruction,
        (None, false, false) => Says::Unclear,
    }
}

/// Whether the sentence around a match says the opposite, asks, supposes, or is somebody else's.
pub(super) fn is_taken_back(names: &Names, line: &str, at: usize) -> bool {
    let ends = |c: char| matches!(c, '.' | ';' | '!' | '\n');
    let before = line.get(..at).unwrap_or_default();
    if before.ends_with(['"', '\'', '`', '“', '„', '«']) {
        return true;
    }
    let start = before.rfind(ends).map_or(0, |end| end + 1);
    let start = line.ceil_char_boundary(start.max(at.saturating_sub(SENTENCE)));
    let end = line.floor_char_boundary(line.len().min(at + SENTENCE));
    let sentence = line.get(start..end).unwrap_or_default();
    let sentence = match sentence.get(at - start..).and_then(|rest| rest.find(ends)) {
        Some(stop) => &sentence[..at - start + stop],
        None => sentence,
    };
    let answer = sentence.rsplit_once(':').map_or(sentence, |(_, answer)| answer);
    let denied = denies(names, sentence)
        || denies(names, answer)
        || DENIAL.is_match(answer.trim())
        || FORMER.is_match(sentence);
    let excepted = EXCEPTION.find(sentence).map(|word| &sentence[word.end()..]);
    let helped = excepted.is_some_and(|rest| names.mention(rest).is_some());
    let supposed = SUPPOSED.is_match(sentence.get(..at - start).unwrap_or_default());
    (denied && !helped) || supposed || INSTRUCTION.is_match(answer.trim())
}

/// How far a sentence without an end is read, to either side.
const SENTENCE: usize = 200;

/// Nobody answers in more, and each costs time.
const MOST_PARTS: usize = 100;

/// What the parts before say about the next one.
#[derive(Default)]
struct Before {
    asks: bool,
    denies: bool,
}

struct Part<'t> {
    text: &'t str,
    /// Behind the end of a sentence, a bracket or a dash.
    starts_anew: bool,
    /// Behind a comma.
    goes_on: bool,
    /// Behind *but*, *except* and the like.
    is_exception: bool,
}

fn parts(value: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = Some((value, ""));
    let mut opens = false;
    std::iter::from_fn(move || {
        let (text, behind) = rest.take()?;
        let end = PART_END.find(text);
        let here = end.map_or(text, |end| &text[..end.start()]);
        let opened = std::mem::replace(&mut opens, OPENS.is_match(here));
        rest = end.map(|end| (&text[end.end()..], end.as_str()));
        let is_exception = behind.contains(char::is_alphabetic);
        let goes_on = behind.trim() == ",";
        Some(Part {
            text: here.trim(),
            starts_anew: !goes_on && !is_exception && !opened && !behind.contains(['(', '[']),
            goes_on,
            is_exception,
        })
    })
}

/// "mostly Claude for the tests" without how much and what for.
fn without_frame(part: &str) -> &str {
    let part = QUANTITY.find(part).map_or(part, |much| &part[much.end()..]);
    PURPOSE
        .find(part)
        .map_or(part, |purpose| &part[..purpose.start()])
}

/// Whether a part names a tool or AI under a negation. Two of them cancel: "not without Claude".
fn denies(names: &Names, part: &str) -> bool {
    let Some(found) = names.mention(part) else {
        return false;
    };
    let before = SOFTENED.replace_all(&part[..found.at.start], " ");
    let before = before.rsplit(',').next().unwrap_or_default();
    NEGATION.find_iter(before).count() % 2 == 1 || NOT_DONE.is_match(&part[found.at.end..])
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern that its tests compile")
}

static PART_END: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(?:[.!?;:]+(?:\s|$)|[()\[\]\n—–,]|\s-+\s|\s+(?:(?:but|except|excepting|although|though|however|besides)\b(?:\s+(?:for|that))?|(?:other|apart|aside|save|different)\s+(?:than|from|for)\b))+",
    )
});

/// What examples follow, though it ends as a sentence does.
static OPENS: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\b(?:e\.?g|i\.?e|for example|such as|like)$"));

static EXCEPTION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:but|except|excepting|although|though|however|other than|apart from|aside from|save for)\b",
    )
});

static INSTRUCTION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^\W*(?:please\s+(?:describe|list|state|specify|disclose|indicate|mention|tell|say|declare|explain|add|fill|choose|select|check|tick|remove|delete|replace|provide|include|note\s+(?:which|whether|if))\b|describe\b|specify\b|list\s+(?:all|any|the|which|every|your)\b|(?:state|disclose|mention|indicate|explain|say|tell us|declare|note)\s+(?:which|whether|if|any|all|how|what)\b|if\s+(?:you|this|any|ai|an?|so|yes|no|none)\b|(?:did|do|have|were|was|is|are|does)\s+(?:you|any|there|this|ai|llms?)\b|which\b|what\b|how\b|e\.?g\b|for example\b|choose\s+one\b|select\s+(?:one|all)\b|fill\s+in\b|(?:delete|remove|replace)\s+this\b|such as\b|yes\s*(?:/|\||or)\s*no\b|(?:none|no)\s*(?:/|\|)\s*\w|describe how\b|tool\(?s?\)?\s+(?:name|used)\b\W*$|we\s+(?:ask|require|expect)\b|all\s+contributors\b|contributors\b|you\s+(?:must|should|may|can)\b)",
    )
});

static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(?:<[^<>]*>|\{[^{}]*\}|\[[^\[\]]*\b(?:tool|name|model|describe|list|yes|none|your|here)\b[^\[\]]*\]|…|\.\.\.|todo\b.*|tbd\b.*)$",
    )
});

static NEGATION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)\b(?:no|not|never|none|nothing|nobody|neither|nor|without|zero|cannot|free of)\b|n't\b")
});

/// Negations that do not say that AI had no part.
static SOFTENED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:not|n't)\s+(?:only|just|solely|exclusively|entirely|fully|completely|wholly|all|much)\b|\bno\s+(?:doubt|problem|longer)\b|\bnothing\s+but\b|\bno\s+more\s+than\b",
    )
});

static NOT_DONE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^[\w .'/&-]{0,40}?(?:\b(?:was|were|is|are|has|have|had|did|does|do|been)\s+(?:not|never)\b(?:\s+been)?|\b(?:was|were|is|has|have|had|did|does|do)n't\b(?:\s+been)?|\bnot\s+used\b|\bnever\s+used\b)(?:\s+\w+ly)?\s+(?:used?|involved|employed|needed|applied|consulted|writ\w+|wrote|generat\w+|help\w*|assist\w*|contribut\w*|touch\w*|play\w*|part)|^[\w .'/&-]{0,40}?\b(?:(?:not|never)\s+used|(?:was|were|is|are)\s+(?:turned\s+off|off|disabled))\b|^[\w /&-]{0,20}\bfree\b",
    )
});

/// A part that denies though it names nothing.
static DENIAL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^\W*(?:none|no|nope|n\s*/\s*a|nil|false|0|never|nothing|nobody|not\s+(?:at\s+all|used|applicable|any)|without|(?:100\s*%\s*)?human(?:[- ]only)?|(?:fully|entirely|all|purely|100\s*%)?\s*(?:human[- ]written|hand[- ]?written|written\s+by\s+(?:hand|(?:a\s+)?humans?)))\b",
    )
});

static YES: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^\W*(?:(?:yes|y|true|yep)\b|(?:fully|entirely|partly|partially|mostly|primarily|mainly|heavily|lightly|some|used|drafted|generated|assisted)(?:\W*$|\s+(?:of|for|in|to|on|yes|by\s+it)\b))",
    )
});

/// How much, before a tool's name.
static QUANTITY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)^\W*(?:yes|fully|entirely|partly|partially|mostly|primarily|mainly|heavily|lightly|some)\b")
});

static MODEL: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)^[a-z][\w./:-]*\d[\w./:-]*$"));

/// What is done with a tool, or by it.
static DONE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:us(?:ed|ing|age)|help(?:ed|s)?|assist\w*|ask(?:ed|ing)|wrote|written|writes|draft\w*|generat\w+|author\w*|creat(?:ed|ing)|implement\w*|produc(?:ed|ing)|cod(?:ed|ing)|develop(?:ed|ing)|complet\w+|suggest\w*|review\w*|debug\w*|refactor\w*|translat\w+|prototyp\w+|done|did|made|pair\w*|prompt\w*|brainstorm\w*|auto-?complet\w*|vib\w+|(?:with|by|via)\s+(?:the\s+(?:help|assistance)\s+of\s+)?(?:an?\s+)?\S+)\b",
    )
});

static PURPOSE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\s(?:for|to|in|on|as)\s"));

/// A verb that a tool does itself: it cannot belong to the list before.
static ACTIVE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)\b(?:wrote|helped|generated|drafted|did|made|assisted|suggested|implemented|completed)\b")
});

/// What stands before a sentence that is a case or a subject, and no statement: "tests that", "if", "about code".
static SUPPOSED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:whether|if|when(?:ever)?|unless|in\s+case|(?:tests?|checks?|asserts?|ensures?|verif(?:y|ies)|detects?|assumes?|pretends?|supposes?)\s+that|about|regarding|concerning)(?:\s+(?:the|this|a|an|any|some|such|that))?(?:\s+[\w-]+)?(?:\s+(?:is|are|was|were|has\s+been|have\s+been))?\s*$",
    )
});

static FORMER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)\b(?:previously|formerly|no longer|used to be)\b"));

#[cfg(test)]
mod tests {
    use super::super::Markers;
    use super::*;

    fn said(reads: Reads, value: &str) -> Says<'_> {
        read(Markers::builtin().names(), reads, value)
    }

    #[test]
    fn denials_are_claims() {
        for value in [
            "none",
            "None.",
            "**none**",
            "no, written by hand",
            "none (no AI used)",
            "I did not use any AI",
            "This contains no AI-generated code",
            "Claude was not used",
            "Claude wasn't used for this",
            "No Claude, Copilot, or Cursor was used",
            "n/a",
            "not used",
            "Written without any AI",
            "human-written",
            "never used Claude",
            "no. The page about Claude is new",
            "none; Claude is mentioned in the docs",
        ] {
            for reads in [Reads::Answer, Reads::Credit, Reads::Name] {
                assert_eq!(said(reads, value), Says::None, "{reads:?} {value}");
            }
        }
    }

    #[test]
    fn help_outweighs_a_denial() {
        for (value, part) in [
            ("none, except Copilot completions", "Copilot completions"),
            (
                "no AI for the code, Claude wrote the tests",
                "Claude wrote the tests",
            ),
            ("none. Used Codex for the docs", "Used Codex for the docs"),
            ("not written by me but by Claude", "by Claude"),
            (
                "I could not have written this without Claude",
                "I could not have written this without Claude",
            ),
            ("Claude wrote this, no tests were changed", "Claude wrote this"),
            ("not only Claude was used", "not only Claude was used"),
            ("Claude wrote it, please review", "Claude wrote it"),
        ] {
            assert_eq!(said(Reads::Answer, value), Says::Help(part), "{value}");
        }
    }

    #[test]
    fn the_part_that_says_help_is_the_answer() {
        for (value, part) in [
            ("Cursor; the Anthropic SDK is unchanged", "Cursor"),
            ("yes", "yes"),
            ("partly", "partly"),
            ("used for the tests", "used for the tests"),
            ("yes, Claude Code", "Claude Code"),
            ("yes, but not Claude", "yes"),
            ("mostly Cursor, reviewed by me", "mostly Cursor"),
            ("Tool: Codex; model: openai/gpt-5; version: unavailable", "Codex"),
            (
                "GPT-5.5 used to minimise a repro",
                "GPT-5.5 used to minimise a repro",
            ),
            ("Some Claude Opus usage.", "Some Claude Opus usage"),
            ("OpenAI", "OpenAI"),
            ("Claude Code for the tests", "Claude Code for the tests"),
            ("(describe the tools) Claude Code", "Claude Code"),
        ] {
            assert_eq!(said(Reads::Answer, value), Says::Help(part), "{value}");
        }
    }

    #[test]
    fn prompts_of_templates_answer_nothing() {
        for value in [
            "Please describe which LLMs were used",
            "Please list all tools, e.g. Claude, Copilot or Cursor",
            "If you used Claude or another tool, say so",
            "Did you use AI?",
            "Which tools (Claude, Copilot) did you use?",
            "yes / no",
            "<tool>",
            "[tool name]",
            "TODO",
        ] {
            assert_eq!(said(Reads::Answer, value), Says::Instruction, "{value}");
        }
    }

    #[test]
    fn texts_about_tools_say_nothing() {
        for (reads, value) in [
            (Reads::Name, "gpt-4 default changed"),
            (Reads::Name, "use gpt-4"),
            (Reads::Name, "fix crash"),
            (Reads::Answer, "Claude token counts are now shown"),
            (Reads::Answer, "add a toggle"),
            (Reads::Answer, "some dashboards changed"),
            (Reads::Answer, "written by me"),
            (Reads::Remark, "used in production"),
            (Reads::Remark, "I work for Anthropic"),
            (Reads::Credit, "Jules Verne"),
            (Reads::Credit, "protoc-gen-go"),
        ] {
            assert_eq!(said(reads, value), Says::Unclear, "{value}");
        }
    }

    #[test]
    fn names_are_read_where_names_stand() {
        for value in ["Claude Code 2.1", "my-model-7b", "openai/gpt-5"] {
            assert_eq!(said(Reads::Name, value), Says::Help(value), "{value}");
        }
        assert_eq!(said(Reads::Value, "0191-ab"), Says::Help("0191-ab"));
        assert_eq!(
            said(Reads::Remark, "written with Claude"),
            Says::Help("written with Claude")
        );
    }

    #[test]
    fn a_sentence_can_take_itself_back() {
        let back =
            |line: &str, at: &str| is_taken_back(Markers::builtin().names(), line, line.find(at).unwrap());
        assert!(back("This contains no AI-generated code.", "AI-generated"));
        assert!(back("It said \"This PR was written by Claude\"", "This PR"));
        assert!(back("AI-assisted: none", "AI-assisted"));
        assert!(back("AI-assisted: Claude was not used", "AI-assisted"));
        assert!(back("The code was previously generated by Claude", "generated"));
        assert!(!back("No change here. This PR was written by Claude.", "This PR"));
        assert!(back("Not AI-generated, but written by hand", "AI-generated"));
        assert!(back(
            "Please say whether this PR was written by Claude",
            "this PR"
        ));
        assert!(!back("What: This PR was written by Claude", "This PR"));
        assert!(!back(
            "No AI-generated code but for the tests by Claude",
            "AI-generated"
        ));
        let padded = format!("no {} This PR was written by Claude", "x".repeat(4000));
        assert!(!back(&padded, "This PR"));
    }
}
