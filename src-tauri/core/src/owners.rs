//! CODEOWNERS: whose ground a path is.
//!
//! The last line that matches decides; a line without owners takes them away. Patterns are gitignore's without
//! `!`, `[ ]` and `\#`. Source: GitHub docs, "About code owners". A line that cannot be read is skipped by the
//! forge; here it is kept as a [`Fault`], because ground that nobody owns by mistake must not look unowned by
//! choice.

use crate::globs::Glob;

/// Largest file that the forge reads. Source: GitHub docs, "About code owners": "CODEOWNERS files must be under 3 MB".
const MAX_BYTES: usize = 3_000_000;

/// A CODEOWNERS file, read.
#[derive(Debug, Clone, Default)]
pub struct Owners {
    lines: Vec<Entry>,
    /// Lines that were skipped, in order.
    pub faults: Vec<Fault>,
}

#[derive(Debug, Clone)]
struct Entry {
    line: usize,
    globs: Vec<Glob>,
    owners: Vec<String>,
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
        for (at, line) in text.lines().enumerate() {
            let mut words = words(line).into_iter();
            let Some(pattern) = words.next() else { continue };
            let line = at + 1;
            let named: Vec<String> = words.collect();
            let known = |owner: &String| owner.starts_with('@') && owner.len() > 1 || owner.contains('@');
            match named.iter().find(|owner| !known(owner)) {
                Some(owner) => {
                    let why = format!("{owner:?} is neither @login, @org/team nor a mail address");
                    owners.faults.push(Fault { line, why });
                }
                None => match globs(&pattern) {
                    Ok(globs) => owners.lines.push(Entry {
                        line,
                        globs,
                        owners: named,
                    }),
                    Err(why) => owners.faults.push(Fault { line, why }),
                },
            }
        }
        owners
    }

    /// Whose ground a path is; `None` where no line speaks of it.
    pub fn of(&self, path: &str) -> Option<Ground<'_>> {
        let decides = |entry: &&Entry| entry.globs.iter().any(|glob| glob.matches(path));
        let entry = self.lines.iter().rev().find(decides)?;
        Some(Ground {
            owners: &entry.owners,
            line: entry.line,
        })
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

/// The globs that together mean a pattern: itself and, where it can name a folder, all below it.
fn globs(pattern: &str) -> Result<Vec<Glob>, String> {
    if pattern.starts_with('!') || pattern.contains(['[', ']']) {
        return Err(format!(
            "{pattern:?} uses `!` or `[ ]`, which CODEOWNERS does not know"
        ));
    }
    let folder = pattern.ends_with('/');
    let body = pattern.trim_start_matches('/').trim_end_matches('/');
    // A slash anywhere but at the end ties the pattern to the root.
    let anchored = pattern.trim_end_matches('/').contains('/');
    let root = if anchored { "" } else { "**/" };
    let parts: Vec<String> = body.split('/').map(part).collect();
    let body = if body.is_empty() {
        "**".to_owned()
    } else {
        format!("{root}{}", parts.join("/"))
    };
    let mut all = Vec::new();
    if !folder {
        all.push(body.clone());
    }
    // `docs/*` means the files in docs alone; anything else that matches a folder means all below it.
    let files_only = anchored && body.ends_with("/*");
    if !files_only && !body.ends_with("**") {
        all.push(format!("{body}/**"));
    }
    all.iter()
        .map(|glob| Glob::new(glob).map_err(|error| format!("{pattern:?}: {error}")))
        .collect()
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
        let text = format!("{} @a\n* @b\n", "x".repeat(2000));
        let owners = Owners::parse(&text);
        assert_eq!(
            (owners.faults.len(), of(&owners, "x")),
            (1, ["@b".to_owned()].as_slice())
        );
        let large = Owners::parse(&"* @a\n".repeat(MAX_BYTES / 5 + 1));
        assert_eq!((large.faults.len(), large.of("x")), (1, None));
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
        fn any_text_is_read(text in "([a-z*/!\\[\\]{}\\\\#@ é]{0,20}\n){0,6}", path in "[a-z/ ]{0,12}") {
            Owners::parse(&text).of(&path);
        }
    }
}
