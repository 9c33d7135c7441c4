//! Manifests by the parsers of their formats: names that are new, ranges that let more through, what runs or where
//! packages come from at install.
//!
//! Unlike a line, both versions of the whole file say for sure whether a name is new, so that here the parser decides
//! and the line rules are not asked ([`SAYS`]). A manifest that cannot be read is left to them.

mod formats;

use std::collections::{BTreeMap, BTreeSet};

use super::{Hit, MOST};

/// The rules about lines that the parser stands in for.
pub(super) const SAYS: [&str; 2] = [ADDED, LOOSENED];

const ADDED: &str = "dep.manifest_added";
const LOOSENED: &str = "dep.loosened";
const INSTALL: &str = "dep.install_script";

/// How a manifest is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Cargo,
    Npm,
    Go,
    Maven,
    Pyproject,
    Requirements,
}

impl Format {
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "Cargo.toml" => Some(Self::Cargo),
            "package.json" => Some(Self::Npm),
            "go.mod" => Some(Self::Go),
            "pom.xml" => Some(Self::Maven),
            "pyproject.toml" => Some(Self::Pyproject),
            _ if name.starts_with("requirements") && name.ends_with(".txt") => Some(Self::Requirements),
            _ => None,
        }
    }
}

/// How much a range lets through, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Lets {
    /// One version.
    Exact,
    /// Up to a bound.
    Within,
    /// All that come.
    From,
    /// Anything, older ones too.
    Any,
}

/// What a manifest asks for.
#[derive(Debug, Default)]
struct Said {
    /// Names that only another dependency asks for.
    indirect: BTreeSet<String>,
    /// Names with the range as written and what it lets through; `None` where something else decides that.
    asks: BTreeMap<String, (String, Option<Lets>)>,
    /// What runs at install, or another place that packages come from, with the words of its line.
    installs: BTreeSet<(String, String)>,
}

impl Said {
    fn ask(&mut self, name: &str, range: &str, lets: Option<Lets>) {
        let entry = self.asks.entry(name.to_owned());
        let entry = entry.or_insert_with(|| (range.to_owned(), lets));
        // Asked for twice: the wider one is what can come.
        if lets > entry.1 {
            *entry = (range.to_owned(), lets);
        }
    }

    fn install(&mut self, word: &str, text: &str) {
        self.installs.insert((word.to_owned(), text.to_owned()));
    }
}

/// What is new in a manifest. Without an old side all of it is.
pub(super) fn hits(format: Format, old: Option<&str>, new: &str) -> Result<Vec<Hit>, String> {
    let now = formats::read(format, new)?;
    let before = old
        .map(|old| formats::read(format, old))
        .transpose()?
        .unwrap_or_default();
    let mut found = Vec::new();
    for (name, (range, lets)) in &now.asks {
        // Each is looked for in the whole text.
        if found.len() == MOST {
            break;
        }
        let hit = |rule: &str, note: Option<String>| Hit {
            rule: rule.to_owned(),
            lines: line_of(new, name, range),
            text: format!("{name} {range}"),
            about: Some(name.clone()),
            note,
        };
        match before.asks.get(name) {
            None => {
                let indirect = now.indirect.contains(name);
                found.push(hit(
                    ADDED,
                    indirect.then(|| "another dependency asks for it".to_owned()),
                ));
            }
            Some((was, let_through)) if lets.is_some() && let_through.is_some() && lets > let_through => {
                let shown = |range: &str| {
                    if range.is_empty() {
                        "any".to_owned()
                    } else {
                        range.to_owned()
                    }
                };
                found.push(hit(
                    LOOSENED,
                    Some(format!("from {} to {}", shown(was), shown(range))),
                ));
            }
            Some(_) => {}
        }
    }
    for (word, text) in now.installs.difference(&before.installs).take(MOST) {
        found.push(Hit {
            rule: INSTALL.to_owned(),
            lines: line_of(new, word, text),
            text: format!("{word} {text}"),
            about: None,
            note: None,
        });
    }
    Ok(found)
}

/// The line that holds a name as a word, best with its range too.
fn line_of(text: &str, name: &str, range: &str) -> (u32, u32) {
    let part_of_name = |c: char| c.is_alphanumeric() || "-_/@".contains(c);
    let named = |line: &str| {
        line.match_indices(name).any(|(at, _)| {
            let (before, after) = (&line[..at], &line[at + name.len()..]);
            !before.ends_with(part_of_name) && !after.starts_with(part_of_name)
        })
    };
    let mut lines = text.lines().zip(1..).filter(|(line, _)| named(line));
    let first = lines.clone().next();
    let best = lines.find(|(line, _)| line.contains(range)).or(first);
    let at = best.map_or(1, |(_, at)| at);
    (at, at)
}
