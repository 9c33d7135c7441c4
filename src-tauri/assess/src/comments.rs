//! Where the comments of a text stand, by the syntax of its language.
//!
//! What is taken for a comment is not read by most rules, so every doubt is decided for code: a block comment
//! that nothing closes, an unknown language, a sign inside a string. Text in strings is code: rules read it.

use std::ops::Range;

/// How a language writes comments and strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Syntax {
    /// Signs that begin a comment up to the line's end.
    line: &'static [&'static str],
    /// Such a sign counts only where a word could begin, as `#` in a shell.
    after_blank: bool,
    /// `/* … */`.
    block: bool,
    quotes: &'static [&'static str],
    /// Those of `quotes` that may reach over several lines.
    over_lines: &'static [&'static str],
    /// Here-documents: `<<EOT` up to a line with that word.
    heredoc: bool,
    /// `/*! … */` is run, not skipped.
    runs_hints: bool,
}

const NONE: Syntax = Syntax {
    line: &[],
    after_blank: false,
    block: false,
    quotes: &[],
    over_lines: &[],
    heredoc: false,
    runs_hints: false,
};
const SQL: Syntax = Syntax {
    line: &["--"],
    block: true,
    quotes: &["'", "\""],
    over_lines: &["'"],
    runs_hints: true,
    ..NONE
};
const TERRAFORM: Syntax = Syntax {
    line: &["#", "//"],
    block: true,
    quotes: &["\""],
    heredoc: true,
    ..NONE
};
const HASH: Syntax = Syntax {
    line: &["#"],
    after_blank: true,
    quotes: &["\"", "'"],
    ..NONE
};
const SHELL: Syntax = Syntax {
    over_lines: &["\"", "'"],
    heredoc: true,
    ..HASH
};
const PYTHON: Syntax = Syntax {
    quotes: &["\"\"\"", "'''", "\"", "'"],
    over_lines: &["\"\"\"", "'''"],
    ..HASH
};
const C: Syntax = Syntax {
    line: &["//"],
    block: true,
    quotes: &["\"", "'", "`"],
    over_lines: &["`"],
    ..NONE
};
/// A single quote begins a lifetime as often as a character.
const RUST: Syntax = Syntax {
    quotes: &["\""],
    over_lines: &["\""],
    ..C
};
const PHP: Syntax = Syntax {
    line: &["//", "# "],
    quotes: &["\"", "'"],
    over_lines: &[],
    ..C
};

/// The syntax of a file by its name; nothing is a comment where the language is not known.
pub(crate) fn syntax(name: &str) -> Syntax {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension {
        "sql" => SQL,
        "tf" | "tofu" | "hcl" | "tfvars" => TERRAFORM,
        "sh" | "bash" | "zsh" | "rb" => SHELL,
        "py" => PYTHON,
        "yml" | "yaml" | "toml" | "mk" | "ps1" | "conf" | "properties" | "env" | "ini" | "txt" | "ex"
        | "exs" => HASH,
        "rs" => RUST,
        "php" => PHP,
        "js" | "jsx" | "ts" | "tsx" | "mjs" | "cjs" | "go" | "java" | "kt" | "kts" | "c" | "h" | "cpp"
        | "cs" | "scala" | "swift" | "groovy" | "gradle" | "json" | "mod" => C,
        _ if name == "Jenkinsfile" => C,
        _ if [
            "Makefile",
            "Gemfile",
            "Rakefile",
            "justfile",
            "Justfile",
            "CODEOWNERS",
        ]
        .contains(&name) =>
        {
            HASH
        }
        _ if name.starts_with("Dockerfile")
            || name.starts_with("Containerfile")
            || name.starts_with(".env") =>
        {
            HASH
        }
        _ => NONE,
    }
}

impl Syntax {
    /// The syntax of a script without a telling name.
    pub(crate) fn shell() -> Self {
        SHELL
    }

    /// Whether a line holds a sign with which a comment could begin or end; quick, and often wrong.
    pub(crate) fn may_comment(&self, line: &[u8]) -> bool {
        let begins = |sign: &&str| line.contains(&sign.as_bytes()[0]);
        self.line.iter().any(begins) || self.block && line.contains(&b'*')
    }

    /// The bytes with which a comment or string can begin.
    fn begins(&self) -> [bool; 256] {
        let mut begins = [false; 256];
        for sign in self.line.iter().chain(self.quotes) {
            begins[usize::from(sign.as_bytes()[0])] = true;
        }
        begins[usize::from(b'/')] |= self.block;
        begins[usize::from(b'<')] |= self.heredoc;
        begins
    }

    /// The comments of a text of whole lines, in order. `cut`: lines stand before it that are not shown.
    pub(crate) fn comments(&self, text: &[u8], cut: bool) -> Vec<Range<usize>> {
        if *self == NONE {
            return Vec::new();
        }
        let mut lexer = Lexer {
            syntax: self,
            text,
            at: 0,
            closer: None,
            found: Vec::new(),
        };
        if cut && self.block && !self.runs_hints && !self.heredoc {
            lexer.starred();
        }
        lexer.run();
        lexer.found
    }
}

struct Lexer<'s, 't> {
    syntax: &'s Syntax,
    text: &'t [u8],
    at: usize,
    /// Where the next block comment closes, once looked for: keeps the search linear.
    closer: Option<usize>,
    found: Vec<Range<usize>>,
}

impl Lexer<'_, '_> {
    fn run(&mut self) {
        let begins = self.syntax.begins();
        // Most bytes begin nothing, and this is where the time of a long text goes.
        while let Some(skipped) = self.text[self.at..]
            .iter()
            .position(|byte| begins[usize::from(*byte)])
        {
            self.at += skipped;
            let rest = &self.text[self.at..];
            if self.syntax.block && rest.starts_with(b"/*") {
                self.block();
            } else if self.begins_line_comment(rest) {
                let end = self.at + line_end(rest);
                self.found.push(self.at..end);
                self.at = end;
            } else if let Some(word) = self.heredoc(rest) {
                self.skip_heredoc(&word);
            } else if let Some(quote) = self.quote(rest) {
                self.string(quote);
            } else {
                self.at += 1;
            }
        }
    }

    fn begins_line_comment(&self, rest: &[u8]) -> bool {
        let Some(sign) = self
            .syntax
            .line
            .iter()
            .find(|sign| rest.starts_with(sign.as_bytes()))
        else {
            return false;
        };
        let before = self.at.checked_sub(1).map(|at| self.text[at]);
        match *sign {
            // `#[` is an attribute, `#!` names the interpreter, `$#` and `${#x}` are counts.
            "#" if self.syntax.after_blank => {
                before.is_none_or(|byte| byte.is_ascii_whitespace() || byte == b';')
                    && !rest.starts_with(b"#!")
            }
            // An address in running text.
            "//" => before != Some(b':'),
            _ => true,
        }
    }

    /// The lines of a block comment that began above: each with its star.
    fn starred(&mut self) {
        while self.text[self.at..].trim_ascii_start().starts_with(b"*") {
            let rest = &self.text[self.at..];
            let line = &rest[..line_end(rest)];
            let end = find(line, b"*/").map(|at| at + 2);
            self.found.push(self.at..self.at + end.unwrap_or(line.len()));
            self.at += end.unwrap_or((line.len() + 1).min(rest.len()));
            if end.is_some() {
                break;
            }
        }
    }

    fn block(&mut self) {
        let start = self.at;
        self.at += 2;
        let rest = &self.text[start..];
        if self.syntax.runs_hints && (rest.starts_with(b"/*!") || rest.starts_with(b"/*M!")) {
            return;
        }
        let line = self.text[..start].iter().rev().take_while(|byte| **byte != b'\n');
        let leads = line.clone().take(200).all(u8::is_ascii_whitespace);
        if self.closer.is_none_or(|closer| closer < self.at) {
            let found = find(&self.text[self.at..], b"*/");
            self.closer = Some(found.map_or(usize::MAX, |found| self.at + found));
        }
        let closer = self.closer.filter(|closer| *closer < self.text.len());
        // Opened within a line and never closed, or opened again before: more likely a pattern or a path.
        let again = || closer.is_some_and(|closer| find(&self.text[self.at..closer], b"/*").is_some());
        if !leads && (closer.is_none() || again()) {
            return;
        }
        self.at = closer.map_or(self.text.len(), |closer| closer + 2);
        self.found.push(start..self.at);
    }

    fn quote(&self, rest: &[u8]) -> Option<&'static str> {
        let escaped = self.at > 0 && self.text[self.at - 1] == b'\\';
        let quotes = self.syntax.quotes.iter();
        quotes
            .copied()
            .find(|quote| !escaped && rest.starts_with(quote.as_bytes()))
    }

    fn string(&mut self, quote: &'static str) {
        let start = self.at + quote.len();
        let over_lines = self.syntax.over_lines.contains(&quote);
        let closes = quote.as_bytes()[0];
        let mut at = start;
        while at < self.text.len() {
            let rest = &self.text[at..];
            if rest.starts_with(b"\\") && !self.syntax.runs_hints {
                at += 2;
            } else if rest[0] == closes && rest.starts_with(quote.as_bytes()) {
                self.at = at + quote.len();
                return;
            } else if rest[0] == b'\n' && !over_lines {
                break;
            } else {
                if rest[0] == b'\n' {
                    self.embedded(at + 1);
                }
                at += 1;
            }
        }
        // A quote that nothing closes on its line was an apostrophe; over several lines all is string.
        self.at = if over_lines { self.text.len() } else { start };
    }

    fn heredoc(&self, rest: &[u8]) -> Option<Vec<u8>> {
        if !self.syntax.heredoc || !rest.starts_with(b"<<") || rest.starts_with(b"<<<") {
            return None;
        }
        let word = rest[2..]
            .iter()
            .skip_while(|byte| matches!(byte, b'-' | b'~' | b'\'' | b'"'))
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_');
        let word: Vec<u8> = word.copied().collect();
        (word.first().is_some_and(u8::is_ascii_alphabetic)).then_some(word)
    }

    fn skip_heredoc(&mut self, word: &[u8]) {
        self.at += line_end(&self.text[self.at..]);
        while self.at < self.text.len() {
            let start = self.at + 1;
            let end = start + line_end(self.text.get(start..).unwrap_or_default());
            let line = self.text.get(start..end).unwrap_or_default();
            if line.trim_ascii() == word {
                self.at = end;
                return;
            }
            self.embedded(start);
            self.at = end.min(self.text.len());
        }
    }

    /// Inside a text over several lines that is most likely SQL, a line may be a comment of that language.
    fn embedded(&mut self, start: usize) {
        let rest = &self.text[start..];
        let line = &rest[..line_end(rest)];
        if !self.syntax.runs_hints && line.trim_ascii_start().starts_with(b"-- ") {
            self.found.push(start..start + line.len());
        }
    }
}

fn line_end(text: &[u8]) -> usize {
    text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len())
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// The same text with its comments blanked, each byte at its place.
pub(crate) fn blanked(text: &[u8], comments: &[Range<usize>]) -> Vec<u8> {
    let mut out = text.to_vec();
    for comment in comments {
        for byte in &mut out[comment.clone()] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(name: &str, text: &str) -> String {
        let comments = syntax(name).comments(text.as_bytes(), false);
        let blank = blanked(text.as_bytes(), &comments);
        let lines: Vec<String> = String::from_utf8(blank)
            .unwrap()
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        lines.join("\n")
    }

    #[test]
    fn a_comment_ends_where_it_ends() {
        assert_eq!(code("a.sql", "/* x */ DROP TABLE users;"), "DROP TABLE users;");
        assert_eq!(code("a.sql", "/* x\ny */ DROP TABLE a; -- z"), "\nDROP TABLE a;");
        assert_eq!(code("a.sql", "DROP/**/TABLE a;"), "DROP TABLE a;");
        assert_eq!(code("a.tf", "a = 1 # b\n// c\n/* d */ e = 2"), "a = 1\n\ne = 2");
    }

    #[test]
    fn what_runs_is_no_comment() {
        assert_eq!(
            code("a.sql", "/*!40000 DROP TABLE a */;"),
            "/*!40000 DROP TABLE a */;"
        );
        assert_eq!(code("a.sh", "git push \\\n  --force"), "git push \\\n--force");
        assert_eq!(code("a.sh", "echo $# #x"), "echo $#");
        assert_eq!(code("a.unknown", "# x\n-- y\n// z"), "# x\n-- y\n// z");
    }

    #[test]
    fn signs_in_strings_begin_nothing() {
        assert_eq!(code("a.sql", "SELECT '-- /*'; DROP"), "SELECT '-- /*'; DROP");
        assert_eq!(code("a.sql", "SELECT '\n/*'; DROP -- x"), "SELECT '\n/*'; DROP");
        assert_eq!(
            code("a.ts", "f('http://x', `\n// y`) // z"),
            "f('http://x', `\n// y`)"
        );
        assert_eq!(
            code("a.py", "x = '#' # y\n\"\"\"\n# z\n\"\"\"\n# w"),
            "x = '#'\n\"\"\"\n# z\n\"\"\"\n"
        );
        assert_eq!(
            code("a.tf", "a = <<EOT\n# rm\n/* x\nEOT\nb = 1 # c"),
            "a = <<EOT\n# rm\n/* x\nEOT\nb = 1"
        );
        assert_eq!(
            code("a.py", "s = \"\"\"\n-- DROP\nDROP\n\"\"\""),
            "s = \"\"\"\n\nDROP\n\"\"\""
        );
        assert_eq!(code("a.sh", "it's # x"), "it's # x");
    }

    #[test]
    fn a_block_that_nothing_closes_is_code_unless_it_leads_its_line() {
        assert_eq!(
            code("a.ts", "x.replace(/\\/*$/, y)\neval(z)"),
            "x.replace(/\\/*$/, y)\neval(z)"
        );
        assert_eq!(
            code("a.ts", "x(/\\/*/)\neval(z)\n/* a */ b"),
            "x(/\\/*/)\neval(z)\nb"
        );
        assert_eq!(code("a.sql", "/* a\nDROP"), "\n");
    }

    #[test]
    fn a_comment_that_began_above_is_known_by_its_stars() {
        let text = b" * eval(x)\n */ eval(y)\n";
        assert_eq!(syntax("a.ts").comments(text, true), [0..10, 11..14]);
        assert!(syntax("a.ts").comments(text, false).is_empty());
        assert!(syntax("a.sql").comments(text, true).is_empty());
    }

    #[test]
    fn many_open_signs_cost_no_square() {
        let text = "a /* b ".repeat(200_000);
        assert!(syntax("a.ts").comments(text.as_bytes(), false).is_empty());
    }
}
