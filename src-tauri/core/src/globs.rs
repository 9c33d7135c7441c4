//! Globs over repository paths, from text that somebody else wrote: nothing in it can make the reader panic, overflow or
//! eat the memory.

use std::borrow::Cow;

use globset::GlobBuilder;
use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

/// Longest glob, in bytes.
const MAX_BYTES: usize = 1024;
/// Deepest nesting of `{…}`: globset reads them recursively.
const MAX_BRACES: usize = 8;
/// What stands for one character outside of ASCII where a glob counts characters.
const PLACEHOLDER: char = '\u{7f}';
/// How many globs share one automaton: few enough that the largest allowed fit into the size that regex allows.
const TOGETHER: usize = 64;

/// A glob: `*` and `?` stop at `/`, `**` does not, dotfiles match, case counts.
#[derive(Debug, Clone)]
pub(crate) struct Glob {
    regex: Regex,
    by_character: bool,
}

impl Glob {
    /// Reads a glob; `{a,b}` are alternatives, a backslash takes a character as it stands.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let (expression, by_character) = expression(text)?;
        // As `Glob::compile_matcher` does, which panics where the expression becomes too large.
        let regex = RegexBuilder::new(&expression)
            .dot_matches_new_line(true)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { regex, by_character })
    }

    pub(crate) fn matches(&self, path: &str) -> bool {
        self.regex.is_match(read_as(path, self.by_character).as_bytes())
    }
}

/// Many globs, each with what it stands for: a tenth of the memory that as many [`Glob`]s take.
#[derive(Debug, Clone)]
pub(crate) struct Globs<T> {
    sets: Vec<Together<T>>,
}

#[derive(Debug, Clone)]
struct Together<T> {
    set: RegexSet,
    by_character: bool,
    values: Vec<T>,
}

impl<T> Default for Globs<T> {
    fn default() -> Self {
        Self { sets: Vec::new() }
    }
}

impl<T: Copy> Globs<T> {
    /// Reads globs as [`Glob::new`] does; what cannot be read is left out and given to `fault` with what is wrong.
    pub(crate) fn new<'a>(
        globs: impl IntoIterator<Item = (&'a str, T)>,
        mut fault: impl FnMut(T, String),
    ) -> Self {
        let mut read: [Vec<(String, T)>; 2] = Default::default();
        for (text, value) in globs {
            match expression(text) {
                Ok((expression, by_character)) => read[usize::from(by_character)].push((expression, value)),
                Err(why) => fault(value, why),
            }
        }
        let mut all = Self::default();
        for (by_character, globs) in [(false, &read[0]), (true, &read[1])] {
            for some in globs.chunks(TOGETHER) {
                let compiled = RegexSetBuilder::new(some.iter().map(|(expression, _)| expression))
                    .dot_matches_new_line(true)
                    .build();
                match compiled {
                    Ok(set) => all.sets.push(Together {
                        set,
                        by_character,
                        values: some.iter().map(|(_, value)| *value).collect(),
                    }),
                    Err(error) => some
                        .iter()
                        .for_each(|(_, value)| fault(*value, error.to_string())),
                }
            }
        }
        all
    }

    /// What the globs that match stand for, in no order.
    pub(crate) fn matches(&self, path: &str) -> Vec<T> {
        let mut found = Vec::new();
        for one in &self.sets {
            let matched = one.set.matches(read_as(path, one.by_character).as_bytes());
            found.extend(matched.iter().map(|at| one.values[at]));
        }
        found
    }
}

/// The expression that a glob means, and whether it counts characters: globset matches bytes, so `?` and `[…]` would
/// take a part of one.
fn expression(text: &str) -> Result<(String, bool), String> {
    if text.len() > MAX_BYTES {
        return Err(format!("it is longer than {MAX_BYTES} bytes"));
    }
    if braces(text) > MAX_BRACES {
        return Err(format!("its braces are nested deeper than {MAX_BRACES}"));
    }
    // globset reads it as `*` there, and somebody who wrote it meant more.
    if text.split('/').any(|part| part != "**" && part.contains("**")) {
        return Err("`**` stands for whole folders only, as in \"a/**\" or \"**/b\"".to_owned());
    }
    let by_character = text.contains(['?', '[']);
    if by_character && !text.is_ascii() {
        return Err("`?` and `[ ]` do not go with letters outside of ASCII".to_owned());
    }
    let glob = GlobBuilder::new(text)
        .literal_separator(true)
        .backslash_escape(true)
        .build()
        .map_err(|error| error.kind().to_string())?;
    Ok((glob.regex().to_owned(), by_character))
}

/// A path as a glob reads it: where it counts characters, one byte for each.
fn read_as(path: &str, by_character: bool) -> Cow<'_, str> {
    if !by_character || path.is_ascii() {
        return Cow::Borrowed(path);
    }
    let letters = path.chars();
    letters
        .map(|c| if c.is_ascii() { c } else { PLACEHOLDER })
        .collect()
}

/// How deep braces are nested, counted without looking at escapes: never too few.
fn braces(text: &str) -> usize {
    let (mut deepest, mut depth) = (0, 0usize);
    for letter in text.bytes() {
        match letter {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_counts_characters_and_not_bytes() {
        for (glob, path, expected) in [
            ("a?b", "aéb", true),
            ("a??b", "aéb", false),
            ("[!x]", "語", true),
            ("[a-z]", "é", false),
            ("é*", "été", true),
            ("*.tf", "é.tf", true),
            ("a?b", "a/b", false),
        ] {
            assert_eq!(Glob::new(glob).unwrap().matches(path), expected, "{glob} {path}");
            let many = Globs::new([(glob, 7), ("never", 8)], |_, why| panic!("{glob}: {why}"));
            assert_eq!(
                many.matches(path),
                if expected { vec![7] } else { vec![] },
                "{glob} {path}"
            );
        }
    }

    #[test]
    fn what_would_be_read_otherwise_than_meant_is_refused() {
        for glob in ["infra/**.tf", "a**", "{a/**,b}", "***", "é?", "[é]", "[", "{a"] {
            assert!(Glob::new(glob).is_err(), "{glob}");
        }
        for glob in ["**", "a/**/b", "{a,b}/**", "é/**", "a?/[b-d]"] {
            assert!(Glob::new(glob).is_ok(), "{glob}");
        }
    }

    #[test]
    fn hostile_globs_are_errors_and_no_crash() {
        let deep = format!("{}a{}", "{a,".repeat(400), "}".repeat(100));
        for glob in ["{".repeat(1000), deep, "x".repeat(MAX_BYTES + 1)] {
            assert!(Glob::new(&glob).is_err());
        }
        // The largest that is allowed, of what makes the largest expression: read or refused, and in no time.
        let _ = Glob::new(&"[!a]".repeat(MAX_BYTES / 4));
        let _ = Glob::new(&"*?".repeat(MAX_BYTES / 2));
    }

    #[test]
    fn the_largest_globs_fit_together() {
        let large = "*?".repeat(MAX_BYTES / 2);
        let many = Globs::new((0..TOGETHER).map(|at| (large.as_str(), at)), |_, why| {
            panic!("{why}")
        });
        assert_eq!(many.sets.len(), 1);
    }
}
