//! Colours for code, as class names: `com`, `str`, `num`, `kw`, `fn`, `type`, and none.
//!
//! A diff shows two texts at once, so two states run side by side: one over the lines before, one over those after.
//! Colour is never worth waiting for: files and lines beyond a size, and whatever is left when the time is up, stay
//! plain.

use std::str::FromStr;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use countersign_core::patch::LineKind;
use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};

/// Time for one file, after which the rest stays plain.
const BUDGET: Duration = Duration::from_millis(1500);

static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(SyntaxSet::load_defaults_newlines);

/// Scopes and their class; the first that matches the innermost scope wins. Source: Sublime Text's scope naming.
static CLASSES: LazyLock<Vec<(Scope, &'static str)>> = LazyLock::new(|| {
    let table = [
        ("comment", "com"),
        ("meta.interpolation", ""),
        ("meta.template.expression", ""),
        ("source.shell.embedded", ""),
        ("entity.name.function", "fn"),
        ("support.function", "fn"),
        ("variable.function", "fn"),
        ("entity.name.tag", "type"),
        ("entity.name", "type"),
        ("entity.other.inherited-class", "type"),
        ("support.type", "type"),
        ("support.class", "type"),
        ("constant.character", "str"),
        ("string", "str"),
        ("constant", "num"),
        ("keyword.operator", ""),
        ("keyword", "kw"),
        ("storage", "kw"),
    ];
    table
        .iter()
        .filter_map(|(name, class)| Some((Scope::from_str(name).ok()?, *class)))
        .collect()
});

/// Languages that the collection does not have, by the one that comes near enough in comments, strings and words.
const NEAR: [(&str, &str); 16] = [
    ("ts", "js"),
    ("tsx", "js"),
    ("mts", "js"),
    ("cts", "js"),
    ("jsx", "js"),
    ("mjs", "js"),
    ("cjs", "js"),
    ("vue", "html"),
    ("svelte", "html"),
    ("kt", "java"),
    ("kts", "java"),
    ("swift", "rs"),
    ("proto", "java"),
    ("psql", "sql"),
    ("dockerfile", "sh"),
    ("bzl", "py"),
];

/// One side of the diff.
#[derive(Clone, PartialEq)]
struct Side {
    parser: ParseState,
    stack: ScopeStack,
}

/// Colours the lines of one file.
pub(crate) struct Highlighter {
    syntax: &'static SyntaxReference,
    before: Side,
    after: Side,
    until: Instant,
}

impl Highlighter {
    /// For a file by its name; `None` where the language is not known.
    pub(crate) fn for_path(path: &str) -> Option<Self> {
        let syntax = syntax(path)?;
        let side = Side {
            parser: ParseState::new(syntax),
            stack: ScopeStack::new(),
        };
        Some(Self {
            syntax,
            before: side.clone(),
            after: side,
            until: Instant::now() + BUDGET,
        })
    }

    /// A new hunk begins: what stands between is not known.
    pub(crate) fn restart(&mut self) {
        let side = Side {
            parser: ParseState::new(self.syntax),
            stack: ScopeStack::new(),
        };
        self.before = side.clone();
        self.after = side;
    }

    /// The classes of one line (without its line feed): where each run ends, in bytes, and its class. Empty where
    /// the line stays plain.
    pub(crate) fn line(&mut self, kind: LineKind, text: &str) -> Vec<(usize, &'static str)> {
        if Instant::now() > self.until {
            return Vec::new();
        }
        let text = format!("{text}\n");
        let runs = match kind {
            LineKind::Removed => self.before.line(&text),
            LineKind::Added => self.after.line(&text),
            LineKind::Context if self.before == self.after => {
                let runs = self.after.line(&text);
                self.before = self.after.clone();
                runs
            }
            LineKind::Context => {
                self.before.line(&text);
                self.after.line(&text)
            }
        };
        runs.unwrap_or_default()
    }
}

impl Side {
    fn line(&mut self, text: &str) -> Option<Vec<(usize, &'static str)>> {
        let changes = self.parser.parse_line(text, &SYNTAXES).ok()?;
        let mut runs: Vec<(usize, &'static str)> = Vec::new();
        let mut run = |end: usize, class: &'static str| match runs.last_mut() {
            Some(last) if last.1 == class => last.0 = end,
            Some(last) if last.0 >= end => {}
            Some(_) | None if end > 0 => runs.push((end, class)),
            Some(_) | None => {}
        };
        for (at, change) in &changes {
            run(*at, class(&self.stack));
            self.stack.apply(change).ok()?;
        }
        run(text.len(), class(&self.stack));
        Some(runs)
    }
}

fn class(stack: &ScopeStack) -> &'static str {
    let of = |scope: &Scope| {
        CLASSES
            .iter()
            .find(|(prefix, _)| prefix.is_prefix_of(*scope))
            .map(|(_, class)| *class)
    };
    stack.as_slice().iter().rev().find_map(of).unwrap_or("")
}

fn syntax(path: &str) -> Option<&'static SyntaxReference> {
    let name = path.rsplit('/').next()?;
    let extension = name.rsplit('.').next()?.to_ascii_lowercase();
    let near = NEAR
        .iter()
        .find(|(own, _)| *own == extension)
        .map(|(_, other)| *other);
    SYNTAXES
        .find_syntax_by_extension(name)
        .or_else(|| SYNTAXES.find_syntax_by_extension(near.unwrap_or(&extension)))
        .filter(|syntax| syntax.name != "Plain Text")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(path: &str, kind: LineKind, lines: &[&str]) -> Vec<Vec<(String, &'static str)>> {
        let mut highlighter = Highlighter::for_path(path).unwrap();
        lines
            .iter()
            .map(|line| {
                let mut from = 0;
                let runs = highlighter.line(kind, line).into_iter().map(|(end, class)| {
                    let end = end.min(line.len());
                    let text = line[from..end].trim().to_owned();
                    from = end;
                    (text, class)
                });
                runs.filter(|(text, _)| !text.is_empty()).collect()
            })
            .collect()
    }

    #[test]
    fn words_of_several_languages() {
        for (path, line, text, class) in [
            ("a.rs", "fn main() { let x = \"s\"; } // note", "main", "fn"),
            ("a.rs", "fn main() { let x = \"s\"; } // note", "// note", "com"),
            ("a.rs", "let x = 41;", "41", "num"),
            ("dir/a.PY", "return 'text'", "'text'", "str"),
            ("a.ts", "return 1", "return", "kw"),
            ("x/Makefile", "# note", "# note", "com"),
            ("Dockerfile", "# note", "# note", "com"),
            ("a.yml", "key: value", "key", "type"),
            ("a.sql", "DROP TABLE x", "DROP", "kw"),
        ] {
            let found = classes(path, LineKind::Added, &[line]);
            assert!(found[0].contains(&(text.to_owned(), class)), "{path}: {found:?}");
        }
    }

    #[test]
    fn each_side_has_its_own_state_and_a_hunk_starts_afresh() {
        let mut highlighter = Highlighter::for_path("a.rs").unwrap();
        highlighter.line(LineKind::Context, "let a = 1;");
        highlighter.line(LineKind::Removed, "/* opened");
        assert_eq!(
            highlighter
                .line(LineKind::Removed, "still")
                .first()
                .map(|run| run.1),
            Some("com")
        );
        assert_ne!(
            highlighter
                .line(LineKind::Added, "still")
                .first()
                .map(|run| run.1),
            Some("com")
        );
        highlighter.restart();
        assert_ne!(
            highlighter
                .line(LineKind::Removed, "still")
                .first()
                .map(|run| run.1),
            Some("com")
        );
    }

    #[test]
    fn unknown_languages_stay_plain() {
        assert!(Highlighter::for_path("data.unknown").is_none());
        assert!(Highlighter::for_path("notes.txt").is_none());
    }
}
