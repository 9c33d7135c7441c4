//! A file's changed lines with what stands around them: hunks, comments, enclosing blocks, down sections.

use std::cell::OnceCell;
use std::collections::HashMap;

use countersign_core::finding::Side;
use countersign_core::patch::{FilePatch, FileType, Line, LineKind};
use regex::bytes::Regex;

use crate::comments::{Syntax, blanked, syntax};
use crate::down;
use crate::table::{Mask, Rules};

/// Lines longer than this are generated; no rule reads them.
pub(crate) const LONGEST_LINE: usize = 16 << 10;
/// How far around a line its surroundings are searched: bounds the work on a hostile file.
const REACH: usize = 200;

/// One line and the hunk it stands in.
#[derive(Clone, Copy)]
pub(crate) struct Row<'p> {
    pub(crate) line: &'p Line<'p>,
    pub(crate) hunk: usize,
}

/// A file of the diff.
pub(crate) struct View<'p> {
    pub(crate) file: &'p FilePatch<'p>,
    pub(crate) path: String,
    old_path: String,
    pub(crate) rows: Vec<Row<'p>>,
    /// The rules that mean this file, for its lines before and after.
    pub(crate) masks: [Mask; 2],
    /// The script that undoes a migration: another file of the change is the one that makes it.
    pub(crate) undoes: bool,
    code: [OnceCell<HashMap<usize, Vec<u8>>>; 2],
    down: [OnceCell<Vec<bool>>; 2],
}

/// What a line belongs to: see [`View::home`].
pub(crate) type Home = Vec<Vec<u8>>;

/// What opens a block around a line.
#[derive(Clone, Copy)]
pub(crate) struct Opening<'p> {
    pub(crate) text: &'p [u8],
    /// Its row; `None` where only the hunk's header shows it.
    pub(crate) row: Option<usize>,
}

impl<'p> View<'p> {
    pub(crate) fn new(file: &'p FilePatch<'p>) -> Self {
        let rows = file.hunks.iter().enumerate();
        let rows = rows
            .flat_map(|(hunk, lines)| lines.lines.iter().map(move |line| Row { line, hunk }))
            .collect();
        let old_path = if file.old_path.is_some() {
            file.display_old_path()
        } else {
            file.display_path()
        };
        let mut view = Self {
            file,
            path: file.display_path(),
            old_path,
            rows,
            masks: [0; 2],
            undoes: false,
            code: Default::default(),
            down: Default::default(),
        };
        let script = view.is_script();
        view.masks = [&view.old_path, &view.path].map(|path| {
            let rules = Rules::builtin();
            let as_shell = if script {
                rules.for_path(&format!("{path}.sh"))
            } else {
                0
            };
            rules.for_path(path) | as_shell
        });
        view
    }

    /// The text of a line; empty where it is too long to be read.
    pub(crate) fn text(&self, row: usize) -> &'p [u8] {
        let text = self.rows[row].line.text;
        if text.len() <= LONGEST_LINE { text } else { b"" }
    }

    /// Whether one of the lines from the first to the last, by their numbers after the change, is new.
    pub(crate) fn adds(&self, (first, last): (u32, u32)) -> bool {
        let within = |line: &Line<'_>| line.new.is_some_and(|at| (first..=last).contains(&at));
        let mut rows = self.rows.iter().map(|row| row.line);
        rows.any(|line| line.kind == LineKind::Added && within(line))
    }

    /// The path on one side; the other one where the file does not exist there.
    pub(crate) fn path_on(&self, side: Side) -> &str {
        if side == Side::Old {
            &self.old_path
        } else {
            &self.path
        }
    }

    /// The folder of the file on one side; empty at the root.
    pub(crate) fn dir(&self, side: Side) -> &str {
        self.path_on(side).rsplit_once('/').map_or("", |(dir, _)| dir)
    }

    pub(crate) fn name(&self) -> &str {
        self.path
            .rsplit_once('/')
            .map_or(self.path.as_str(), |(_, name)| name)
    }

    /// The line without its comments, which are blanked; the text as it is where the line has none.
    pub(crate) fn code(&self, row: usize, side: Side) -> &[u8] {
        let at = usize::from(side == Side::New);
        let without = self.code[at].get_or_init(|| self.without_comments(side));
        without.get(&row).map_or(self.text(row), Vec::as_slice)
    }

    fn without_comments(&self, side: Side) -> HashMap<usize, Vec<u8>> {
        let syntax = self.syntax();
        let mut found = HashMap::new();
        let mut first = 0;
        for (at, hunk) in self.file.hunks.iter().enumerate() {
            let rows = first..self.rows.len().min(first + hunk.lines.len());
            first = rows.end;
            let (mut text, mut starts) = (Vec::new(), Vec::new());
            for row in rows.filter(|row| on_side(self.rows[*row].line, side)) {
                debug_assert_eq!(self.rows[row].hunk, at);
                starts.push((text.len(), row));
                text.extend_from_slice(self.text(row));
                text.push(b'\n');
            }
            let start = if side == Side::Old {
                hunk.old_start
            } else {
                hunk.new_start
            };
            let comments = syntax.comments(&text, start > 1);
            if comments.is_empty() {
                continue;
            }
            let blank = blanked(&text, &comments);
            for (at, (from, row)) in starts.iter().enumerate() {
                let to = starts.get(at + 1).map_or(text.len(), |(next, _)| *next) - 1;
                if blank[*from..to] != text[*from..to] {
                    found.insert(*row, blank[*from..to].to_vec());
                }
            }
        }
        found
    }

    /// The language's way of writing comments.
    pub(crate) fn syntax(&self) -> Syntax {
        match self.is_script() {
            true => Syntax::shell(),
            false => syntax(self.name()),
        }
    }

    /// Whether it is a script whose name does not say so: it names its interpreter, or can be executed.
    pub(crate) fn is_script(&self) -> bool {
        is_script(self.file)
    }

    /// Whether the line belongs to what undoes a migration.
    pub(crate) fn is_down(&self, row: usize, side: Side) -> bool {
        let at = usize::from(side == Side::New);
        self.down[at].get_or_init(|| down::rows(self, side))[row]
    }

    /// What a line belongs to on one side: what it decorates and the blocks or less indented lines around it.
    /// Two lines with the same text and the same home are the same line.
    pub(crate) fn home(&self, row: usize, side: Side) -> Home {
        let decorates = |text: &[u8]| {
            let text = text.trim_ascii_start();
            text.starts_with(b"@") || text.starts_with(b"[")
        };
        let mut home = Vec::new();
        if decorates(self.text(row)) {
            let hunk = self.rows[row].hunk;
            let below = (row + 1..self.rows.len().min(row + 20))
                .filter(|at| self.rows[*at].hunk == hunk && on_side(self.rows[*at].line, side));
            let decorated = below.map(|at| self.text(at)).find(|text| !decorates(text));
            let until = |text: &[u8]| {
                text.split(|byte| *byte == b'(')
                    .next()
                    .unwrap_or_default()
                    .trim_ascii()
                    .to_vec()
            };
            home.extend(decorated.map(until));
        }
        if ["tf", "tofu", "hcl", "json"]
            .iter()
            .any(|end| self.name().ends_with(end))
        {
            let blocks = self.blocks(row, side);
            home.extend(blocks.iter().map(|block| block.text.trim_ascii().to_vec()));
        } else {
            let parents = self.parents(row, side);
            home.extend(parents.iter().map(|parent| parent.trim_ascii().to_vec()));
        }
        home
    }

    /// The braced blocks around a line on one side, innermost first.
    pub(crate) fn blocks(&self, row: usize, side: Side) -> Vec<Opening<'p>> {
        let hunk = self.rows[row].hunk;
        let mut found = Vec::new();
        let mut closed = 0usize;
        for at in (row.saturating_sub(REACH)..row).rev() {
            let other = self.rows[at];
            if other.hunk != hunk {
                break;
            }
            if !on_side(other.line, side) {
                continue;
            }
            let text = other.line.text;
            let (opens, closes) = braces(self.code(at, side));
            if opens > closes {
                if closed >= opens - closes {
                    closed -= opens - closes;
                } else {
                    closed = 0;
                    found.push(Opening { text, row: Some(at) });
                }
            } else {
                closed += closes - opens;
            }
        }
        let section = self.file.hunks[hunk].section;
        // git shows the last line at the margin above the hunk: the outermost block, unless it was closed since.
        let at_margin = found
            .last()
            .is_some_and(|last| !last.text.starts_with(b" ") && !last.text.starts_with(b"\t"));
        if closed == 0 && !at_margin && !section.is_empty() {
            found.push(Opening {
                text: section,
                row: None,
            });
        }
        found
    }

    /// The lines with less and less indentation above a line on one side, nearest first.
    pub(crate) fn parents(&self, row: usize, side: Side) -> Vec<&'p [u8]> {
        let hunk = self.rows[row].hunk;
        let mut least = indentation(self.text(row));
        let mut found = Vec::new();
        for at in (row.saturating_sub(REACH)..row).rev() {
            let other = self.rows[at];
            if other.hunk != hunk || least == 0 {
                break;
            }
            let text = other.line.text;
            if on_side(other.line, side) && !text.trim_ascii().is_empty() && indentation(text) < least {
                least = indentation(text);
                found.push(text);
            }
        }
        found
    }

    /// Rows of the same hunk at most `reach` away, the line itself left out, nearest first.
    pub(crate) fn near(&self, row: usize, reach: usize) -> impl Iterator<Item = usize> + '_ {
        let hunk = self.rows[row].hunk;
        (1..=reach)
            .flat_map(move |step| [row.checked_sub(step), Some(row + step)])
            .flatten()
            .filter(move |at| self.rows.get(*at).is_some_and(|other| other.hunk == hunk))
    }

    /// The rows of one side from a block's opening to its end, at most a screen or four.
    pub(crate) fn inside(&self, opening: usize, side: Side) -> Vec<usize> {
        let hunk = self.rows[opening].hunk;
        let mut depth = 0i64;
        let mut found = Vec::new();
        for at in opening..self.rows.len().min(opening + REACH) {
            let row = self.rows[at];
            if row.hunk != hunk {
                break;
            }
            if !on_side(row.line, side) {
                continue;
            }
            let (opens, closes) = braces(self.code(at, side));
            depth += opens as i64 - closes as i64;
            found.push(at);
            if depth <= 0 {
                break;
            }
        }
        found
    }
}

/// Whether a file is a script by its first line or mode, where its name does not say so.
pub(crate) fn is_script(file: &FilePatch<'_>) -> bool {
    let path = file.path();
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let begins = || {
        file.lines().take(4).any(|line| {
            let first = line.old == Some(1) || line.new == Some(1);
            first && line.text.starts_with(b"#!")
        })
    };
    !name.contains(&b'.') && (begins() || file.file_type() == Some(FileType::Executable))
}

/// Whether a line exists on that side.
pub(crate) fn on_side(line: &Line<'_>, side: Side) -> bool {
    match side {
        Side::Old => line.kind != LineKind::Added,
        Side::New => line.kind != LineKind::Removed,
    }
}

pub(crate) fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// A line without its blanks: what is only aligned anew is the same.
pub(crate) fn squeezed(text: &[u8]) -> Vec<u8> {
    text.iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect()
}

pub(crate) fn indentation(text: &[u8]) -> usize {
    text.iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count()
}

/// Opening and closing braces of a line without comments.
fn braces(text: &[u8]) -> (usize, usize) {
    let count = |brace| text.iter().filter(|byte| **byte == brace).count();
    (count(b'{'), count(b'}'))
}

/// Compiles a pattern of this crate's own code, over bytes with ASCII classes as the rules' are.
pub(crate) fn pattern(text: &str) -> Regex {
    regex::bytes::RegexBuilder::new(text)
        .unicode(false)
        .build()
        .expect("a pattern that the tests compile")
}
