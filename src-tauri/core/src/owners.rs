//! CODEOWNERS: whose ground a path is.
//!
//! The last line that matches decides; a line without owners takes them away. Patterns are gitignore's without
//! `!`, `[ ]` and `\#`. Source: GitHub docs, "About code owners". A line that cannot be read is skipped by the
//! forge; here it is kept as a [`Fault`], because ground that nobody owns by mistake must not look unowned by
//! choice.

use std::collections::HashMap;

use crate::globs::Globs;

/// Largest file that the forge reads. Source: GitHub docs, "About code owners": "CODEOWNERS files must be under 3 MB".
const MAX_BYTES: usize = 3_000_000;
/// How many bytes of patterns with wildcards are read: each byte takes some two hundred when it is compiled.
const MAX_WILD_BYTES: usize = 256 << 10;

/// A CODEOWNERS file, read.
#[derive(Debug, Clone, Default)]
pub struct Owners {
    lines: Vec<Entry>,
    /// Patterns without wildcards, by the path that they name from the root.
    paths: HashMap<String, Last>,
    /// Patterns without wildcards or slash, by the name that they mean anywhere.
    names: HashMap<String, Last>,
    wild: Globs<(Meaning, usize)>,
    /// Lines that were skipped, in order.
    pub faults: Vec<Fault>,
}

#[derive(Debug, Clone)]
struct Entry {
    line: usize,
    owners: Vec<String>,
}

/// What a pattern means by the path that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// That path alone.
    Itself,
    /// All below it.
    Below,
    /// Both.
    Any,
}

/// The last entry that names a path for itself, and the last that names it for all below it.
#[derive(Debug, Clone, Copy, Default)]
struct Last {
    itself: Option<usize>,
    below: Option<usize>,
}

/// A line that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("CODEOWNERS line {line} is skipped: {why}")]
pub struct Fault {
    /// 1-based line.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

/// Whose ground a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ground<'a> {
    /// `@login`, `@org/team` or a mail address; empty where the deciding line names nobody.
    pub owners: &'a [String],
    /// The deciding line, 1-based.
    pub line: usize,
}

impl Owners {
    /// Reads the file. Never fails as a whole.
    pub fn parse(text: &str) -> Self {
        let mut owners = Self::default();
        if text.len() > MAX_BYTES {
            let why = format!("the file is larger than {MAX_BYTES} bytes");
            owners.faults.push(Fault { line: 1, why });
            return owners;
        }
        let (mut wild, mut wild_bytes) = (Vec::new(), 0);
        for (at, line) in text.lines().enumerate() {
            let mut words = words(line).into_iter();
            let Some(written) = words.next() else { continue };
            let line = at + 1;
            let named: Vec<String> = words.collect();
            match pattern(&written, &named) {
                Err(why) => owners.faults.push(Fault { line, why }),
                Ok(None) => {}
                Ok(Some(pattern)) => {
                    let entry = owners.lines.len();
                    if pattern.wild {
                        wild_bytes += pattern.text.len();
                        if wild_bytes > MAX_WILD_BYTES {
                            let why =
                                format!("{MAX_WILD_BYTES} bytes of patterns with wildcards stand before it");
                            owners.faults.push(Fault { line, why });
                            continue;
                        }
                        wild.push((pattern.text, (pattern.meaning, entry)));
                    } else {
                        let known = if pattern.anchored {
                            &mut owners.paths
                        } else {
                            &mut owners.names
                        };
                        known.entry(pattern.text).or_default().set(pattern.meaning, entry);
                    }
                    owners.lines.push(Entry { line, owners: named });
                }
            }
        }
        let Self { lines, faults, .. } = &mut owners;
        let globs = wild.iter().map(|(text, value)| (text.as_str(), *value));
        owners.wild = Globs::new(globs, |(_, entry), why| {
            let line = lines[entry].line;
            faults.push(Fault { line, why });
        });
        owners.faults.sort_by_key(|fault| fault.line);
        owners
    }

    /// Whose ground a path is; `None` where no line speaks of it.
    pub fn of(&self, path: &str) -> Option<Ground<'_>> {
        let folders = path.match_indices('/').map(|(at, _)| (&path[..at], true));
        let last = folders
            .chain([(path, false)])
            .filter_map(|(named, folder)| self.naming(named, folder))
            .max()?;
        let entry = &self.lines[last];
        Some(Ground {
            owners: &entry.owners,
            line: entry.line,
        })
    }

    /// The last entry whose pattern names `path`: one that means all below it, where it is a `folder`.
    fn naming(&self, path: &str, folder: bool) -> Option<usize> {
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        let known = [self.paths.get(path), self.names.get(name)];
        let known = known.into_iter().flatten();
        let literal = known.filter_map(|last| if folder { last.below } else { last.itself });
        let other = if folder { Meaning::Itself } else { Meaning::Below };
        let wild = self.wild.matches(path).into_iter();
        let wild = wild.filter_map(|(meaning, entry)| (meaning != other).then_some(entry));
        literal.chain(wild).max()
    }
}

impl Last {
    fn set(&mut self, meaning: Meaning, entry: usize) {
        if meaning != Meaning::Below {
            self.itself = Some(entry);
        }
        if meaning != Meaning::Itself {
            self.below = Some(entry);
        }
    }
}

/// The words of a line up to a comment; `\ ` is a blank inside a word.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => word.extend(chars.next()),
            '#' if word.is_empty() => break,
            c if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// A line's pattern, read.
struct Pattern {
    /// A glob where it is `wild`, else the path or name that it means.
    text: String,
    wild: bool,
    /// Tied to the root.
    anchored: bool,
    meaning: Meaning,
}

/// Reads a pattern; `None` where it names nothing.
fn pattern(written: &str, owners: &[String]) -> Result<Option<Pattern>, String> {
    let known = |owner: &&String| owner.starts_with('@') && owner.len() > 1 || owner.contains('@');
    if let Some(owner) = owners.iter().find(|owner| !known(owner)) {
        return Err(format!(
            "{owner:?} is neither @login, @org/team nor a mail address"
        ));
    }
    if written.starts_with('!') || written.contains(['[', ']']) {
        return Err(format!(
            "{written:?} uses `!` or `[ ]`, which CODEOWNERS does not know"
        ));
    }
    let bare = written.trim_end_matches('/');
    // A slash anywhere but at the end ties the pattern to the root.
    let anchored = bare.contains('/');
    let body = bare.trim_start_matches('/');
    if body.is_empty() {
        return Ok(None);
    }
    let wild = body.contains(['*', '?']);
    let text = if wild {
        let parts: Vec<String> = body.split('/').map(part).collect();
        format!("{}{}", if anchored { "" } else { "**/" }, parts.join("/"))
    } else {
        body.to_owned()
    };
    // `docs/*` means the files in docs alone; anything else that names a folder means all below it.
    let meaning = match () {
        () if bare != written => Meaning::Below,
        () if anchored && text.ends_with("/*") || text.ends_with("**") => Meaning::Itself,
        () => Meaning::Any,
    };
    Ok(Some(Pattern {
        text,
        wild,
        anchored,
        meaning,
    }))
}

/// One part of a path: braces mean themselves, and `**` within a name means `*`. Source: gitignore(5).
fn part(text: &str) -> String {
    if text == "**" {
        return text.to_owned();
    }
    let mut part = text.replace('{', "\\{").replace('}', "\\}");
    while part.contains("**") {
        part = part.replace("**", "*");
    }
    part
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::globs::Glob;

    fn of<'a>(owners: &'a Owners, path: &str) -> &'a [String] {
        owners.of(path).map(|ground| ground.owners).unwrap_or_default()
    }

    #[test]
    fn the_last_line_that_matches_decides() {
        let text = "# all\n*  @acme/all # everyone\n*.js @js a@x.example\n/build/ @build\ndocs/* @docs\napps/ @apps\n\
                    /apps/free\n**/logs @logs\nmy\\ dir/ @blank\n";
        let owners = Owners::parse(text);
        assert_eq!(owners.faults, []);
        for (path, owner) in [
            ("README", "@acme/all"),
            ("web/a.js", "@js"),
            ("build/logs/x", "@logs"),
            ("build/x", "@build"),
            ("x/build/x", "@acme/all"),
            ("docs/a.md", "@docs"),
            ("docs/a/b.md", "@acme/all"),
            ("x/apps/y/z", "@apps"),
            ("a/logs/b/c", "@logs"),
            ("my dir/x", "@blank"),
        ] {
            assert_eq!(
                of(&owners, path).first().map(String::as_str),
                Some(owner),
                "{path}"
            );
        }
        assert_eq!(of(&owners, "web/a.js").len(), 2);
        assert_eq!(owners.of("apps/free/x"), Some(Ground { owners: &[], line: 7 }));
        assert_eq!(Owners::parse("*.js @a").of("x.rs"), None);
    }

    #[test]
    fn two_asterisks_within_a_name_are_one() {
        let owners = Owners::parse("/a**b/*.x @a\n");
        assert_eq!(of(&owners, "axxb/y.x"), ["@a"]);
        assert_eq!(owners.of("a/b/y.x"), None);
    }

    #[test]
    fn hostile_patterns_are_faults() {
        let text = format!("{}* @a\n* @b\n", "x".repeat(2000));
        let owners = Owners::parse(&text);
        assert_eq!(
            (owners.faults.len(), of(&owners, "x")),
            (1, ["@b".to_owned()].as_slice())
        );
        let large = Owners::parse(&"* @a\n".repeat(MAX_BYTES / 5 + 1));
        assert_eq!((large.faults.len(), large.of("x")), (1, None));
    }

    #[test]
    fn patterns_with_wildcards_have_a_limit_and_others_have_not() {
        let lines = MAX_WILD_BYTES / 1000 + 1;
        let wild = format!("x{}*", "y".repeat(1000 - 5));
        let owners = Owners::parse(&format!("{}/a/b @b\n", format!("{wild} @a\n").repeat(lines)));
        assert_eq!((owners.faults.len(), owners.faults[0].line), (1, lines));
        assert_eq!(of(&owners, "a/b/c"), ["@b"]);
        let many: String = (0..50_000)
            .map(|at| format!("/services/{at}/ @team{at}\n"))
            .collect();
        let owners = Owners::parse(&many);
        assert_eq!(owners.faults, []);
        assert_eq!(of(&owners, "services/49999/x"), ["@team49999"]);
    }

    #[test]
    fn a_line_that_cannot_be_read_is_said() {
        let owners = Owners::parse("!x @a\n[ab] @a\nx nobody\n* @a\n");
        assert_eq!(
            owners.faults.iter().map(|fault| fault.line).collect::<Vec<_>>(),
            [1, 2, 3]
        );
        assert_eq!(of(&owners, "x"), ["@a"]);
    }

    proptest! {
        #[test]
        fn a_pattern_means_what_its_globs_mean(
            written in "/?([ab]|\\*|\\?|\\*\\*|a\\*)(/([ab]|\\*|\\*\\*|b\\?)){0,3}/?",
            path in "[ab]{1,2}(/[ab]{1,2}){0,4}",
        ) {
            let bare = written.trim_matches('/');
            let tied = written.trim_end_matches('/').contains('/');
            let glob = if tied { bare.to_owned() } else { format!("**/{bare}") };
            let (file, all) = (!written.ends_with('/'), !(tied && glob.ends_with("/*") || glob.ends_with("**")));
            let means = |glob: &str| Glob::new(glob).unwrap().matches(&path);
            let expected = file && means(&glob) || all && means(&format!("{glob}/**"));
            // A folder that ends with a wildcard for files is still a folder.
            let expected = expected || !file && path.match_indices('/').any(|(at, _)| Glob::new(&glob).unwrap().matches(&path[..at]));
            let owners = Owners::parse(&format!("{written} @a\n"));
            prop_assert_eq!(owners.of(&path).is_some(), expected, "{} {}", written, path);
        }

        #[test]
        fn any_text_is_read(text in "([a-z*/!\\[\\]{}\\\\#@ é]{0,20}\n){0,6}", path in "[a-z/ ]{0,12}") {
            Owners::parse(&text).of(&path);
        }
    }
}
