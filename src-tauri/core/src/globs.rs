//! Globs over repository paths, from text that somebody else wrote: nothing in it can make the reader panic, overflow or
//! eat the memory.

use globset::GlobBuilder;
use regex::bytes::{Regex, RegexBuilder};

/// Longest glob, in bytes.
const MAX_BYTES: usize = 1024;
/// Deepest nesting of `{…}`: globset reads them recursively.
const MAX_BRACES: usize = 8;
/// What stands for one character outside of ASCII where a glob counts characters.
const PLACEHOLDER: char = '\u{7f}';

/// A glob: `*` and `?` stop at `/`, `**` does not, dotfiles match, case counts.
#[derive(Debug, Clone)]
pub(crate) struct Glob {
    regex: Regex,
    /// globset matches bytes, so `?` and `[…]` would take a part of a character.
    by_character: bool,
}

impl Glob {
    /// Reads a glob; `{a,b}` are alternatives, a backslash takes a character as it stands.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
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
        // As `Glob::compile_matcher` does, which panics where the expression becomes too large.
        let regex = RegexBuilder::new(glob.regex())
            .dot_matches_new_line(true)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { regex, by_character })
    }

    pub(crate) fn matches(&self, path: &str) -> bool {
        if self.by_character && !path.is_ascii() {
            let path: String = path
                .chars()
                .map(|c| if c.is_ascii() { c } else { PLACEHOLDER })
                .collect();
            return self.regex.is_match(path.as_bytes());
        }
        self.regex.is_match(path.as_bytes())
    }
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
}
