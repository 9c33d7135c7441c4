//! The table of marks: read, checked and compiled once.

use std::sync::LazyLock;

use regex::{Regex, RegexSet, RegexSetBuilder};
use serde::Deserialize;

use super::{Role, Strength};

const BUILTIN: [&str; 7] = [
    include_str!("markers/identity.toml"),
    include_str!("markers/accounts.toml"),
    include_str!("markers/branches.toml"),
    include_str!("markers/messages.toml"),
    include_str!("markers/texts.toml"),
    include_str!("markers/other.toml"),
    include_str!("markers/exclusions.toml"),
];

/// Where a mark of the table is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Surface {
    Identity,
    Account,
    Branch,
    Trailer,
    Subject,
    Text,
    Label,
    Note,
    File,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Marker {
    pub(super) id: String,
    pub(super) tool: Option<String>,
    pub(super) surface: Surface,
    pub(super) strength: Strength,
    pub(super) role: Role,
    pub(super) pattern: String,
    /// A line that matches this too is no evidence.
    pub(super) unless: Option<String>,
    /// Also looked for in HTML comments.
    #[serde(default)]
    pub(super) comments: bool,
    #[cfg_attr(not(test), expect(dead_code, reason = "the table's own tests"))]
    pub(super) examples: Vec<String>,
    #[cfg_attr(not(test), expect(dead_code, reason = "the table's own tests"))]
    pub(super) counter_examples: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exclusion {
    pub(super) id: String,
    /// What it does, for people who read the table.
    #[serde(rename = "what")]
    pub(super) _what: String,
    pub(super) quotes: bool,
    pub(super) pattern: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "the table's own tests"))]
    pub(super) examples: Vec<String>,
    #[cfg_attr(not(test), expect(dead_code, reason = "the table's own tests"))]
    pub(super) counter_examples: Vec<String>,
}

/// How a tool is called in a text whose mark names no tool itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Name {
    tool: String,
    pattern: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    marker: Vec<Marker>,
    #[serde(default)]
    exclusion: Vec<Exclusion>,
    #[serde(default)]
    name: Vec<Name>,
}

/// Why a table of marks was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the table of marks cannot be used: {0}")]
pub struct TableError(String);

/// A table of marks, compiled.
#[derive(Debug)]
pub struct Markers {
    pub(super) exclusions: Vec<Exclusion>,
    excluded: RegexSet,
    names: Vec<(String, Regex)>,
    identity: Compiled,
    account: Compiled,
    branch: Compiled,
    lines: Compiled,
    subject: Compiled,
    label: Compiled,
    note: Compiled,
    file: Compiled,
}

/// The marks of one surface: one automaton says which match at all, the single patterns where.
#[derive(Debug)]
struct Compiled {
    set: RegexSet,
    marks: Vec<Mark>,
}

#[derive(Debug)]
pub(super) struct Mark {
    pub(super) marker: Marker,
    regex: Regex,
    unless: Option<Regex>,
}

impl Markers {
    /// The marks that are compiled in.
    pub fn builtin() -> &'static Self {
        static TABLE: LazyLock<Markers> = LazyLock::new(|| {
            Markers::parse(&BUILTIN).expect("the tables that the tests of this module read")
        });
        &TABLE
    }

    /// Reads tables of marks (TOML, as in `markers/`); an id may stand only once.
    pub fn parse(documents: &[&str]) -> Result<Self, TableError> {
        let mut all = Document::default();
        for text in documents {
            let one: Document = toml::from_str(text).map_err(|error| TableError(error.to_string()))?;
            all.marker.extend(one.marker);
            all.exclusion.extend(one.exclusion);
            all.name.extend(one.name);
        }
        let mut ids: Vec<&str> = all.marker.iter().map(|marker| marker.id.as_str()).collect();
        ids.sort_unstable();
        if let Some(twice) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(TableError(format!("the id {} stands twice", twice[0])));
        }
        let only = |surfaces: &[Surface]| {
            let chosen = all
                .marker
                .iter()
                .filter(|marker| surfaces.contains(&marker.surface))
                .cloned();
            Compiled::new(chosen.collect())
        };
        let names = all
            .name
            .iter()
            .map(|name| Ok((name.tool.clone(), compile(&name.pattern)?)));
        Ok(Self {
            excluded: set(all.exclusion.iter().map(|exclusion| exclusion.pattern.as_str()))?,
            names: names.collect::<Result<_, TableError>>()?,
            identity: only(&[Surface::Identity])?,
            account: only(&[Surface::Account])?,
            branch: only(&[Surface::Branch])?,
            lines: only(&[Surface::Trailer, Surface::Text])?,
            subject: only(&[Surface::Subject])?,
            label: only(&[Surface::Label])?,
            note: only(&[Surface::Note])?,
            file: only(&[Surface::File])?,
            exclusions: all.exclusion,
        })
    }

    /// The automation without AI that an identity (`Name <address>`) belongs to.
    pub(super) fn excluded(&self, identity: &str) -> Option<&Exclusion> {
        self.excluded
            .matches(identity)
            .iter()
            .next()
            .map(|at| &self.exclusions[at])
    }

    /// The tool that a text names, for marks that name none.
    pub(super) fn named(&self, text: &str) -> Option<String> {
        self.names
            .iter()
            .find(|(_, regex)| regex.is_match(text))
            .map(|(tool, _)| tool.clone())
    }

    pub(super) fn identity<'m>(&'m self, text: &str) -> Vec<&'m Mark> {
        self.identity.in_value(text)
    }

    pub(super) fn account<'m>(&'m self, text: &str) -> Vec<&'m Mark> {
        self.account.in_value(text)
    }

    pub(super) fn branch<'m>(&'m self, text: &str) -> Vec<&'m Mark> {
        self.branch.in_value(text)
    }

    pub(super) fn subject<'m>(&'m self, text: &str) -> Vec<&'m Mark> {
        self.subject.in_value(text)
    }

    pub(super) fn label<'m>(&'m self, text: &str) -> Vec<&'m Mark> {
        self.label.in_value(text)
    }

    pub(super) fn note<'m>(&'m self, text: &str) -> Vec<&'m Mark> {
        self.note.in_value(text)
    }

    pub(super) fn file<'m>(&'m self, text: &str) -> Vec<&'m Mark> {
        self.file.in_value(text)
    }

    /// Marks in the lines of a commit message or description, each with its 0-based line.
    pub(super) fn lines<'m>(&'m self, text: &str) -> Vec<(&'m Mark, usize)> {
        self.lines.in_lines(text)
    }

    #[cfg(test)]
    pub(super) fn marks(&self) -> impl Iterator<Item = &Mark> {
        [
            &self.identity,
            &self.account,
            &self.branch,
            &self.lines,
            &self.subject,
            &self.label,
            &self.note,
            &self.file,
        ]
        .into_iter()
        .flat_map(|compiled| &compiled.marks)
    }
}

impl Compiled {
    fn new(markers: Vec<Marker>) -> Result<Self, TableError> {
        let patterns: Vec<String> = markers.iter().map(|marker| marker.pattern.clone()).collect();
        let mut marks = Vec::with_capacity(markers.len());
        for marker in markers {
            let named = |error: TableError| TableError(format!("{}: {}", marker.id, error.0));
            let regex = compile(&marker.pattern).map_err(named)?;
            let unless = marker.unless.as_deref().map(compile).transpose().map_err(named)?;
            marks.push(Mark {
                marker,
                regex,
                unless,
            });
        }
        // After the single patterns: their errors say whose they are.
        Ok(Self {
            set: set(patterns.iter().map(String::as_str))?,
            marks,
        })
    }

    fn in_value(&self, text: &str) -> Vec<&Mark> {
        let found = self.set.matches(text);
        found
            .iter()
            .map(|at| &self.marks[at])
            .filter(|mark| !mark.is_cancelled(text))
            .collect()
    }

    /// One mark counts once a line. The line is that of the match's end: patterns may begin with blank lines.
    fn in_lines(&self, text: &str) -> Vec<(&Mark, usize)> {
        let mut hits = Vec::new();
        for at in &self.set.matches(text) {
            let mark = &self.marks[at];
            let (mut line, mut counted) = (0, 0);
            let mut last = None;
            for found in mark.regex.find_iter(text) {
                let end = found.end().saturating_sub(1).max(found.start());
                line += text.as_bytes()[counted..end]
                    .iter()
                    .filter(|byte| **byte == b'\n')
                    .count();
                counted = end;
                let start = text[..end].rfind('\n').map_or(0, |newline| newline + 1);
                let stop = text[end..].find('\n').map_or(text.len(), |newline| end + newline);
                if last != Some(line) && !mark.is_cancelled(text.get(start..stop).unwrap_or_default()) {
                    last = Some(line);
                    hits.push((mark, line));
                }
                if hits.len() >= MOST_HITS {
                    return hits;
                }
            }
        }
        hits
    }
}

/// More hits in one text prove nothing more, and a hostile text must not fill the memory.
const MOST_HITS: usize = 100;

impl Mark {
    fn is_cancelled(&self, line: &str) -> bool {
        self.unless.as_ref().is_some_and(|unless| unless.is_match(line))
    }

    #[cfg(test)]
    pub(super) fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text) && !self.is_cancelled(text)
    }
}

fn compile(pattern: &str) -> Result<Regex, TableError> {
    Regex::new(&quick(pattern)).map_err(|error| TableError(error.to_string()))
}

fn set<'p>(patterns: impl Iterator<Item = &'p str>) -> Result<RegexSet, TableError> {
    let set = RegexSetBuilder::new(patterns.map(quick))
        .dfa_size_limit(16 << 20)
        .build();
    set.map_err(|error| TableError(error.to_string()))
}

/// Word boundaries of ASCII words: the fast automaton gives up on Unicode ones at the first emoji.
fn quick(pattern: &str) -> String {
    pattern.replace(r"\b", r"(?-u:\b)")
}
