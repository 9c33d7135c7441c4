//! What tools are called in a text, and when such a word is one: a tool, a person or a thing.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use super::table::{TableError, compile};

/// What else a name may stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// Nothing else.
    Product,
    /// A person: `Claude`, `Devin`, `Jules`.
    Person,
    /// A thing: `cursor`, `opus`.
    Word,
    /// The company that makes it.
    Maker,
    /// AI in general.
    Any,
}

/// A row of the table of names.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Name {
    tool: Option<String>,
    kind: Kind,
    pattern: String,
}

/// The names of tools, compiled: one expression finds the first, the single ones say which it is.
#[derive(Debug)]
pub(super) struct Names {
    all: Regex,
    each: Vec<(Name, Regex)>,
}

/// A name in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found<'n> {
    pub(super) tool: Option<&'n str>,
    pub(super) at: Range<usize>,
    kind: Kind,
}

impl Names {
    pub(super) fn new(names: Vec<Name>) -> Result<Self, TableError> {
        let one = |name: &Name| format!(r"\b(?:{})\b", name.pattern);
        let all = match names.iter().map(one).collect::<Vec<_>>().join("|") {
            none if none.is_empty() => r"[^\s\S]".to_owned(),
            some => some,
        };
        let each = names.into_iter().map(|name| {
            let regex = compile(&format!("(?i)^(?:{})$", name.pattern))?;
            Ok((name, regex))
        });
        Ok(Self {
            all: compile(&format!("(?i){all}"))?,
            each: each.collect::<Result<_, TableError>>()?,
        })
    }

    /// All names in a text, from left to right.
    pub(super) fn all<'n>(&'n self, text: &'n str) -> impl Iterator<Item = Found<'n>> {
        self.all.find_iter(text).filter_map(|found| {
            let (name, _) = self
                .each
                .iter()
                .find(|(_, regex)| regex.is_match(found.as_str()))?;
            Some(Found {
                tool: name.tool.as_deref(),
                at: found.range(),
                kind: name.kind,
            })
        })
    }

    /// The tool that a text names first.
    pub(super) fn tool(&self, text: &str) -> Option<String> {
        self.all(text)
            .filter(|found| !found.is_a_person(text))
            .find_map(|found| found.tool.map(str::to_owned))
    }

    /// The first name that is no person's and no company's.
    pub(super) fn mention<'n>(&'n self, text: &'n str) -> Option<Found<'n>> {
        self.all(text)
            .find(|found| found.kind != Kind::Maker && !found.is_a_person(text))
    }

    /// The first name that stands for a tool in a credit such as `Assisted-by: …`, where people stand too.
    pub(super) fn credited<'n>(&'n self, text: &'n str) -> Option<Found<'n>> {
        self.all(text).find(|found| match found.kind {
            Kind::Product | Kind::Any => true,
            Kind::Person => match next_word(text, found.at.end) {
                Some(next) => EXTENDS.is_match(next),
                None => true,
            },
            Kind::Word | Kind::Maker => self.is_only_a_name(text),
        })
    }

    /// Whether a text is a tool's name, its model and version, and nothing else.
    pub(super) fn is_only_a_name(&self, text: &str) -> bool {
        self.words_beside(text) == 0
    }

    /// How many words stand in a text that belong to no tool's name.
    pub(super) fn words_beside(&self, text: &str) -> usize {
        let without = self.all.replace_all(text, " ");
        let words = without
            .split(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | '_' | '-'))
            .filter(|word| word.chars().any(char::is_alphabetic));
        words.filter(|word| !EXTENDS.is_match(word)).count()
    }
}

impl Found<'_> {
    /// A first name before a surname.
    fn is_a_person(&self, text: &str) -> bool {
        self.kind == Kind::Person
            && next_word(text, self.at.end)
                .is_some_and(|next| next.starts_with(char::is_uppercase) && !EXTENDS.is_match(next))
    }
}

/// The word behind a place, if nothing but blanks stands between.
fn next_word(text: &str, at: usize) -> Option<&str> {
    let rest = text.get(at..)?;
    let word = rest.trim_start_matches([' ', '\t']);
    let end = word.find(|c: char| !c.is_alphanumeric()).unwrap_or(word.len());
    (word.len() < rest.len() && end > 0).then(|| &word[..end])
}

/// Words that belong to a tool's name, or that join two of them.
static EXTENDS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)^(?:code|cli|app|web|chat|ide|agents?|assistants?|tools?|models?|version|sol|pro|max|mini|fast|flash|high|low|medium|thinking|preview|latest|turbo|instruct|coder|composer|workspace|desktop|cloud|github|google|openai|anthropic|microsoft|amazon|jetbrains|autonomous|supervised|unavailable|context|v?\d[\w.-]*|[\w.]+-[\w.-]*\d[\w.-]*|and|or|with|via|in|by|on|the|an?|using|plus|for|through|from|to|helped|wrote|was|used|did)$",
    )
    .expect("a pattern that its tests compile")
});

#[cfg(test)]
mod tests {
    use super::super::Markers;

    #[test]
    fn the_first_name_counts_and_not_the_table_s_order() {
        let names = Markers::builtin().names();
        assert_eq!(names.tool("Cursor; the Anthropic SDK").as_deref(), Some("Cursor"));
        assert_eq!(
            names.tool("Anthropic, then Cursor").as_deref(),
            Some("Claude Code")
        );
        assert_eq!(names.tool("nobody"), None);
        assert_eq!(names.tool("Lama Warped, precursor"), None);
    }

    #[test]
    fn people_are_told_from_tools() {
        let names = Markers::builtin().names();
        for person in [
            "Jules Verne",
            "Devin Example",
            "Claude Dupont",
            "claude dupont",
            "Lama Warped",
        ] {
            assert_eq!(names.credited(person), None, "{person}");
        }
        for tool in [
            "Claude",
            "Devin AI",
            "Claude Opus 4.6",
            "Jules",
            "claude:claude-3-opus coccinelle",
            "an LLM",
        ] {
            assert!(names.credited(tool).is_some(), "{tool}");
        }
        assert_eq!(names.mention("Claude Dupont and I"), None);
        assert!(names.mention("I asked Claude to").is_some());
    }

    #[test]
    fn a_name_alone_is_told_from_a_sentence() {
        let names = Markers::builtin().names();
        for name in [
            "Claude Code 2.1",
            "Codex and GPT-5.5",
            "Claude Fable 5 in Zed",
            "gpt-4",
        ] {
            assert!(names.is_only_a_name(name), "{name}");
        }
        assert_eq!(names.words_beside("gpt-4 default changed"), 2);
    }
}
