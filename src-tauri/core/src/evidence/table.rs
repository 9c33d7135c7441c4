//! The table of marks: read, checked and compiled once.

use std::sync::LazyLock;

use regex::{Regex, RegexSet, RegexSetBuilder};
use serde::Deserialize;

use super::custom::Custom;
use super::disclosure::Reads;
use super::letters::fold;
use super::marks::{Compiled, LineHit, Mark, ValueHit};
use super::names::{Name, Names};
use super::{Role, Strength};

const BUILTIN: [&str; 8] = [
    include_str!("markers/identity.toml"),
    include_str!("markers/accounts.toml"),
    include_str!("markers/branches.toml"),
    include_str!("markers/messages.toml"),
    include_str!("markers/texts.toml"),
    include_str!("markers/other.toml"),
    include_str!("markers/exclusions.toml"),
    include_str!("markers/names.toml"),
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

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Marker {
    pub(super) id: String,
    pub(super) tool: Option<String>,
    pub(super) surface: Surface,
    pub(super) strength: Strength,
    pub(super) role: Role,
    pub(super) pattern: String,
    /// What else of the line is read, and decides.
    pub(super) reads: Option<Reads>,
    /// Also looked for in HTML comments.
    #[serde(default)]
    pub(super) comments: bool,
    pub(super) examples: Vec<String>,
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

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    marker: Vec<Marker>,
    #[serde(default)]
    exclusion: Vec<Exclusion>,
    #[serde(default)]
    name: Vec<Name>,
}

impl Document {
    fn read(documents: &[&str]) -> Result<Self, TableError> {
        let mut all = Self::default();
        for text in documents {
            let one: Self = toml::from_str(text).map_err(|error| TableError(error.to_string()))?;
            all.marker.extend(one.marker);
            all.exclusion.extend(one.exclusion);
            all.name.extend(one.name);
        }
        Ok(all)
    }
}

/// Why a table of marks was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the table of marks cannot be used: {0}")]
pub struct TableError(pub(super) String);

/// A table of marks, compiled.
#[derive(Debug)]
pub struct Markers {
    pub(super) exclusions: Vec<Exclusion>,
    excluded: RegexSet,
    names: Names,
    identity: Compiled,
    account: Compiled,
    branch: Compiled,
    lines: Compiled,
    subject: Compiled,
    label: Compiled,
    note: Compiled,
    file: Compiled,
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
        Self::build(Document::read(documents)?)
    }

    /// The compiled-in marks and those that a policy adds: what decides whether a change needs a sign-off, in the
    /// gate and in the window alike. What the policy mutes still counts here, so that muting can only ever make
    /// a text shorter, never a demand smaller.
    pub fn for_gate(custom: &Custom) -> Result<Self, TableError> {
        let mut document = Document::read(&BUILTIN)?;
        document.marker.extend(custom.marks());
        Self::build(document)
    }

    /// The same without what the policy mutes: what is shown as evidence and told about. It decides nothing.
    pub fn for_window(custom: &Custom) -> Result<Self, TableError> {
        let mut document = Document::read(&BUILTIN)?;
        document.marker.extend(custom.marks());
        document.marker.retain(|marker| !custom.mutes(&marker.id));
        Self::build(document)
    }

    fn build(all: Document) -> Result<Self, TableError> {
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
        Ok(Self {
            excluded: set(all.exclusion.iter().map(|exclusion| exclusion.pattern.as_str()))?,
            names: Names::new(all.name)?,
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

    /// One mark and nothing else, to try it.
    pub(super) fn alone(marker: Marker) -> Result<Self, TableError> {
        Self::build(Document {
            marker: vec![marker],
            ..Document::default()
        })
    }

    /// Whether any mark matches a text, as a text of its surface.
    pub(super) fn match_somewhere(&self, text: &str) -> bool {
        let text = fold(text);
        let values = [
            &self.identity,
            &self.account,
            &self.branch,
            &self.subject,
            &self.label,
            &self.note,
            &self.file,
        ];
        !self.lines(&text).is_empty() || values.iter().any(|marks| !marks.in_value(&text).is_empty())
    }

    /// The ids of all marks and of the automation that is no AI.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        let marks = self.marks().map(|mark| mark.marker.id.as_str());
        marks.chain(self.exclusions.iter().map(|exclusion| exclusion.id.as_str()))
    }

    /// The tools that marks name.
    pub fn tools(&self) -> impl Iterator<Item = &str> {
        self.marks().filter_map(|mark| mark.marker.tool.as_deref())
    }

    #[cfg(test)]
    pub(super) fn matches(&self, mark: &Mark, text: &str) -> bool {
        mark.matches(&fold(text), self)
    }

    /// Whether a mark of this id is compiled in.
    pub(super) fn knows(&self, id: &str) -> bool {
        self.marks().any(|mark| mark.marker.id == id)
    }

    /// The automation without AI that an identity (`Name <address>`) belongs to.
    pub(super) fn excluded(&self, identity: &str) -> Option<&Exclusion> {
        self.excluded
            .matches(identity)
            .iter()
            .next()
            .map(|at| &self.exclusions[at])
    }

    /// What tools are called.
    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    pub(super) fn identity<'m>(&'m self, text: &str) -> Vec<ValueHit<'m>> {
        self.identity.in_value(text)
    }

    pub(super) fn account<'m>(&'m self, text: &str) -> Vec<ValueHit<'m>> {
        self.account.in_value(text)
    }

    pub(super) fn branch<'m>(&'m self, text: &str) -> Vec<ValueHit<'m>> {
        self.branch.in_value(text)
    }

    pub(super) fn subject<'m>(&'m self, text: &str) -> Vec<ValueHit<'m>> {
        self.subject.in_value(text)
    }

    pub(super) fn label<'m>(&'m self, text: &str) -> Vec<ValueHit<'m>> {
        self.label.in_value(text)
    }

    pub(super) fn note<'m>(&'m self, text: &str) -> Vec<ValueHit<'m>> {
        self.note.in_value(text)
    }

    pub(super) fn file<'m>(&'m self, text: &str) -> Vec<ValueHit<'m>> {
        self.file.in_value(text)
    }

    /// Whether what is added to the file at this path can be a mark: a trace of an agent's work, where the path alone says
    /// nothing.
    pub fn can_stand_in_lines(&self, path: &str) -> bool {
        self.file(path).iter().any(|hit| hit.mark.stands_in_lines())
    }

    /// Marks in the lines of a commit message or description.
    pub(super) fn lines<'m>(&'m self, text: &str) -> Vec<LineHit<'m>> {
        self.lines.in_lines(text, self)
    }

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
        .flat_map(Compiled::marks)
    }
}

pub(super) fn compile(pattern: &str) -> Result<Regex, TableError> {
    Regex::new(&quick(pattern)).map_err(|error| TableError(error.to_string()))
}

pub(super) fn set<'p>(patterns: impl Iterator<Item = &'p str>) -> Result<RegexSet, TableError> {
    let set = RegexSetBuilder::new(patterns.map(quick))
        .dfa_size_limit(16 << 20)
        .build();
    set.map_err(|error| TableError(error.to_string()))
}

/// Word boundaries of ASCII words: the fast automaton gives up on Unicode ones at the first emoji.
fn quick(pattern: &str) -> String {
    pattern.replace(r"\b", r"(?-u:\b)")
}
