//! The rules: read, checked and compiled once. Their tables are beside this file, one a family.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use countersign_core::finding::{Severity, Side};
use countersign_core::patch::FileKind;
use globset::{GlobSet, GlobSetBuilder};
use regex::bytes::{Captures, Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde::Deserialize;

use crate::globs::{expand, glob_of, named_set, test_paths};

const GLOBS: &str = include_str!("rules/globs.toml");
const FAMILIES: [&str; 14] = [
    include_str!("rules/infrastructure.toml"),
    include_str!("rules/data.toml"),
    include_str!("rules/locks.toml"),
    include_str!("rules/shell.toml"),
    include_str!("rules/ci.toml"),
    include_str!("rules/network.toml"),
    include_str!("rules/access.toml"),
    include_str!("rules/secrets.toml"),
    include_str!("rules/containers.toml"),
    include_str!("rules/tests.toml"),
    include_str!("rules/dependencies.toml"),
    include_str!("rules/guards.toml"),
    include_str!("rules/limits.toml"),
    include_str!("rules/production.toml"),
];

/// Which lines a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Lines {
    Added,
    Removed,
    Either,
    /// None: the rule is about the file as a whole.
    File,
}

/// What the surroundings of a line can take back. See `filter.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Filter {
    AuthWords,
    BackendBlock,
    ChangedInStatefulBlock,
    Grants,
    Loosens,
    ModuleSourceChanged,
    NetCount,
    NewName,
    NewTable,
    NoCounterpart,
    NotEgress,
    NotInRemovedBlock,
    NotOnlyUses,
    OncePerFile,
    ProductionWords,
    SqlDown,
    TerraformBlock,
    TerraformLeaves,
    WeakensRetention,
    WithoutManifest,
    YamlRunOnly,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum When {
    Modified,
    Deleted,
    Renamed,
}

/// What part of a line can take a match back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Scope {
    /// All of it: what stands beside the match says what the match is.
    #[default]
    Line,
    /// What the pattern matched.
    Match,
    /// What its first group captured.
    Group,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    severity: Severity,
    side: Lines,
    globs: Vec<String>,
    #[serde(default)]
    not_globs: Vec<String>,
    #[serde(default)]
    when: Vec<When>,
    pattern: Option<String>,
    exclude: Option<String>,
    #[serde(default)]
    exclude_in: Scope,
    #[serde(default)]
    filters: Vec<Filter>,
    weaker_than: Option<String>,
    #[serde(default)]
    in_comments: bool,
    #[serde(default)]
    same_in_tests: bool,
    title: String,
    why: String,
    check: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "the table's own tests"))]
    examples: Vec<Example>,
    #[cfg_attr(not(test), expect(dead_code, reason = "the table's own tests"))]
    counter_examples: Vec<Example>,
    #[expect(dead_code, reason = "for people who read the table")]
    source: String,
}

/// A case of a rule's own test.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[cfg_attr(not(test), expect(dead_code, reason = "the table's own tests"))]
pub(crate) enum Example {
    /// A line at the first place that the rule looks at, on its side; for rules about files a path.
    Line(String),
    /// Lines of a diff with their signs.
    Diff { path: String, lines: String },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Family {
    family: String,
    rule: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Globs {
    globs: BTreeMap<String, Vec<String>>,
}

/// One rule, compiled.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) family: String,
    pattern: Option<Regex>,
    exclude: Option<Regex>,
    entry: Entry,
}

/// A set of rules by their place in the table.
pub(crate) type Mask = u128;

/// All rules. For each side one automaton says which patterns a line matches at all.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) rules: Vec<Rule>,
    globs: GlobSet,
    /// The rule of each glob, and whether it takes the path in or out.
    owners: Vec<(usize, bool)>,
    old: Patterns,
    new: Patterns,
    test_paths: GlobSet,
    /// The paths of Terraform, code and tests, by name.
    terraform: GlobSet,
    code: GlobSet,
    tests: GlobSet,
    inert: GlobSet,
    /// The rules that read every file.
    everywhere: Mask,
}

#[derive(Debug)]
struct Patterns {
    set: RegexSet,
    owners: Vec<usize>,
    mask: Mask,
}

impl Rules {
    pub(crate) fn builtin() -> &'static Self {
        static RULES: LazyLock<Rules> = LazyLock::new(|| {
            Rules::parse(GLOBS, &FAMILIES).expect("the tables that the tests of this module read")
        });
        &RULES
    }

    pub(crate) fn parse(globs: &str, families: &[&str]) -> Result<Self, String> {
        let named: Globs = toml::from_str(globs).map_err(|error| error.to_string())?;
        let mut rules = Vec::new();
        for text in families {
            let family: Family = toml::from_str(text).map_err(|error| error.to_string())?;
            for entry in family.rule {
                let named = |error: regex::Error| format!("{}: {error}", entry.id);
                let pattern = entry.pattern.as_deref().map(compile).transpose().map_err(named)?;
                let exclude = entry.exclude.as_deref().map(compile).transpose().map_err(named)?;
                rules.push(Rule {
                    family: family.family.clone(),
                    pattern,
                    exclude,
                    entry,
                });
            }
        }
        if rules.len() > Mask::BITS as usize {
            return Err(format!("{} rules, at most {} fit", rules.len(), Mask::BITS));
        }
        let mut set = GlobSetBuilder::new();
        let mut owners = Vec::new();
        for (at, rule) in rules.iter().enumerate() {
            for (list, takes_in) in [(&rule.entry.globs, true), (&rule.entry.not_globs, false)] {
                for glob in expand(list, &named.globs)? {
                    set.add(glob_of(glob)?);
                    owners.push((at, takes_in));
                }
            }
        }
        let patterns = |sides: &[Lines]| Patterns::new(&rules, sides);
        let mut read = Self {
            globs: set.build().map_err(|error| error.to_string())?,
            owners,
            old: patterns(&[Lines::Removed, Lines::Either])?,
            new: patterns(&[Lines::Added, Lines::Either])?,
            test_paths: test_paths()?,
            terraform: named_set("terraform", &named.globs)?,
            code: named_set("code", &named.globs)?,
            tests: named_set("test", &named.globs)?,
            inert: named_set("inert", &named.globs)?,
            everywhere: 0,
            rules,
        };
        read.everywhere = read.for_path("a file of no kind");
        Ok(read)
    }

    /// The rules that read every file.
    pub(crate) fn everywhere(&self) -> Mask {
        self.everywhere
    }

    /// Whether a rule reads files of this kind, or nothing in them runs.
    pub(crate) fn knows(&self, path: &str) -> bool {
        self.for_path(path) & !self.everywhere != 0 || self.inert.is_match(path)
    }

    /// The rules whose globs take the path in.
    pub(crate) fn for_path(&self, path: &str) -> Mask {
        let (mut taken, mut left_out): (Mask, Mask) = (0, 0);
        for at in self.globs.matches(path) {
            let (rule, takes_in) = self.owners[at];
            *(if takes_in { &mut taken } else { &mut left_out }) |= 1 << rule;
        }
        taken & !left_out
    }

    /// Calls `found` with each rule of `mask` whose pattern matches the line; exclusions are not looked at.
    pub(crate) fn candidates(&self, side: Side, mask: Mask, line: &[u8], mut found: impl FnMut(usize)) {
        let patterns = match side {
            Side::Old => &self.old,
            Side::New => &self.new,
        };
        if mask & patterns.mask == 0 {
            return;
        }
        for at in &patterns.set.matches(line) {
            let rule = patterns.owners[at];
            if mask & (1 << rule) != 0 {
                found(rule);
            }
        }
    }

    /// The rules that read SQL.
    pub(crate) fn sql(&self) -> Mask {
        static SQL: LazyLock<Mask> = LazyLock::new(|| {
            let rules = Rules::builtin().rules.iter().enumerate();
            rules
                .filter(|(_, rule)| rule.id().starts_with("sql."))
                .fold(0, |mask, (at, _)| mask | 1 << at)
        });
        *SQL
    }

    /// Whether what happens at a path happens to tests, examples or machines of developers only.
    pub(crate) fn is_test_path(&self, path: &str) -> bool {
        self.test_paths.is_match(path)
    }

    /// Whether a path is read as Terraform.
    pub(crate) fn is_terraform(&self, path: &str) -> bool {
        self.terraform.is_match(path)
    }

    /// Whether a path holds code, of tests too.
    pub(crate) fn is_code(&self, path: &str) -> bool {
        self.code.is_match(path)
    }

    /// Whether a path holds tests.
    pub(crate) fn is_test(&self, path: &str) -> bool {
        self.tests.is_match(path)
    }

    /// The rule with this id.
    pub(crate) fn by_id(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id() == id)
    }
}

impl Rule {
    pub(crate) fn id(&self) -> &str {
        &self.entry.id
    }

    pub(crate) fn severity(&self) -> Severity {
        self.entry.severity
    }

    pub(crate) fn lines(&self) -> Lines {
        self.entry.side
    }

    pub(crate) fn has(&self, filter: Filter) -> bool {
        self.entry.filters.contains(&filter)
    }

    pub(crate) fn filters(&self) -> &[Filter] {
        &self.entry.filters
    }

    pub(crate) fn weaker_than(&self) -> Option<&str> {
        self.entry.weaker_than.as_deref()
    }

    pub(crate) fn in_comments(&self) -> bool {
        self.entry.in_comments
    }

    pub(crate) fn same_in_tests(&self) -> bool {
        self.entry.same_in_tests
    }

    pub(crate) fn title(&self) -> &str {
        &self.entry.title
    }

    pub(crate) fn why(&self) -> &str {
        &self.entry.why
    }

    pub(crate) fn check(&self) -> &str {
        &self.entry.check
    }

    /// Whether a rule about whole files means a file to which this happens.
    pub(crate) fn applies_to(&self, kind: FileKind) -> bool {
        match kind {
            FileKind::Modified => self.entry.when.is_empty() || self.entry.when.contains(&When::Modified),
            FileKind::Deleted => self.entry.when.is_empty() || self.entry.when.contains(&When::Deleted),
            FileKind::Renamed => self.entry.when.is_empty() || self.entry.when.contains(&When::Renamed),
            FileKind::Added | FileKind::Copied => self.entry.when.is_empty(),
        }
    }

    /// Whether the rule speaks of files that go: one that is renamed to where the rule does not look has gone.
    pub(crate) fn is_about_deletion(&self) -> bool {
        self.entry.when.contains(&When::Deleted)
    }

    /// Whether what follows a match can take it back, on a later line of the statement too.
    pub(crate) fn reads_on(&self) -> bool {
        self.exclude.is_some() && self.entry.exclude_in == Scope::Match
    }

    pub(crate) fn captures<'t>(&self, line: &'t [u8]) -> Option<Captures<'t>> {
        self.finds(line).next()
    }

    pub(crate) fn matches(&self, line: &[u8]) -> bool {
        let pattern = self.pattern.as_ref();
        pattern.is_some_and(|pattern| pattern.is_match(line)) && self.stands(line)
    }

    /// Whether a match of the pattern is left when exclusions are applied.
    pub(crate) fn stands(&self, line: &[u8]) -> bool {
        match (&self.exclude, &self.pattern) {
            (None, _) | (_, None) => true,
            (Some(exclude), Some(_)) if self.entry.exclude_in == Scope::Line => !exclude.is_match(line),
            (Some(_), Some(_)) => self.finds(line).next().is_some(),
        }
    }

    /// The places at which the rule stands, one after the other.
    pub(crate) fn finds<'t>(&self, line: &'t [u8]) -> impl Iterator<Item = Captures<'t>> {
        let pattern = self.pattern.iter();
        pattern
            .flat_map(|pattern| pattern.captures_iter(line))
            .filter(move |found| {
                let group = || (1..found.len()).find_map(|part| found.get(part));
                let part = match self.entry.exclude_in {
                    Scope::Line => return true,
                    Scope::Match => found.get(0),
                    Scope::Group => group().or_else(|| found.get(0)),
                };
                let excluded = |text: &[u8]| {
                    self.exclude
                        .as_ref()
                        .is_some_and(|exclude| exclude.is_match(text))
                };
                !part.is_some_and(|part| excluded(part.as_bytes()))
            })
    }
}

impl Patterns {
    fn new(rules: &[Rule], sides: &[Lines]) -> Result<Self, String> {
        let mut owners = Vec::new();
        let mut texts = Vec::new();
        let mut mask: Mask = 0;
        for (at, rule) in rules.iter().enumerate() {
            if let Some(pattern) = rule
                .entry
                .pattern
                .as_deref()
                .filter(|_| sides.contains(&rule.entry.side))
            {
                owners.push(at);
                texts.push(pattern);
                mask |= 1 << at;
            }
        }
        // ASCII classes keep the automaton small; the cache has room for all rules at once.
        let set = RegexSetBuilder::new(texts)
            .unicode(false)
            .dfa_size_limit(32 << 20)
            .build();
        Ok(Self {
            set: set.map_err(|error| error.to_string())?,
            owners,
            mask,
        })
    }
}

fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).unicode(false).build()
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
