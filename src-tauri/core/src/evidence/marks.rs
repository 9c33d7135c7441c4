//! Marks of one surface, compiled, and where they match.

use std::ops::Range;
use std::sync::LazyLock;

use regex::{Regex, RegexSet};

use super::Role;
use super::disclosure::{self, Reads, Says};
#[cfg(test)]
use super::table::Surface;
use super::table::{Marker, Markers, TableError, compile, set};

/// One automaton says which marks match at all, the single patterns where.
#[derive(Debug)]
pub(super) struct Compiled {
    set: RegexSet,
    marks: Vec<Mark>,
}

#[derive(Debug)]
pub(super) struct Mark {
    pub(super) marker: Marker,
    regex: Regex,
}

impl Mark {
    /// For a mark in a file's path: it counts with an added line only that attributes code to an agent.
    pub(super) fn stands_in_lines(&self) -> bool {
        self.marker.role != Role::Context
    }
}

/// A mark in a value, as it was searched.
pub(super) struct ValueHit<'m> {
    pub(super) mark: &'m Mark,
    pub(super) at: Range<usize>,
}

/// A mark in a line.
pub(super) struct LineHit<'m> {
    pub(super) mark: &'m Mark,
    /// 0-based.
    pub(super) line: usize,
    /// What matched, as it was searched.
    pub(super) matched: String,
    /// The part that names the tool, if any does.
    pub(super) subject: String,
}

/// More hits of one mark in one text prove nothing more, and a hostile text must not fill the memory.
const MOST_HITS: usize = 20;

/// In one line a mark that was taken back is tried again so often: one line may hold several sentences.
const MOST_TRIES: usize = 8;

/// How much of a match and of what follows is looked at for the tool's name.
const SUBJECT: usize = 300;

impl Compiled {
    pub(super) fn new(markers: Vec<Marker>) -> Result<Self, TableError> {
        let patterns: Vec<String> = markers.iter().map(|marker| marker.pattern.clone()).collect();
        let mut marks = Vec::with_capacity(markers.len());
        for marker in markers {
            let named = |error: TableError| TableError(format!("{}: {}", marker.id, error.0));
            let regex = compile(&marker.pattern).map_err(named)?;
            marks.push(Mark { marker, regex });
        }
        // After the single patterns: their errors say whose they are.
        Ok(Self {
            set: set(patterns.iter().map(String::as_str))?,
            marks,
        })
    }

    pub(super) fn marks(&self) -> &[Mark] {
        &self.marks
    }

    pub(super) fn in_value(&self, text: &str) -> Vec<ValueHit<'_>> {
        let found = self.set.matches(text);
        let hit = |at: usize| {
            let mark = &self.marks[at];
            let found = mark.regex.find(text)?;
            Some(ValueHit {
                mark,
                at: found.range(),
            })
        };
        found.iter().filter_map(hit).collect()
    }

    /// One mark counts once a line. The line is that of the match's end: patterns may begin with blank lines.
    pub(super) fn in_lines(&self, text: &str, markers: &Markers) -> Vec<LineHit<'_>> {
        let found = self.set.matches(text);
        let marks = found.iter().map(|at| &self.marks[at]);
        marks.flat_map(|mark| mark.in_lines(text, markers)).collect()
    }
}

impl Mark {
    fn in_lines<'m>(&'m self, text: &str, markers: &Markers) -> Vec<LineHit<'m>> {
        let mut hits = Vec::new();
        let (mut from, mut counted, mut number) = (0, 0, 0);
        let (mut current, mut tries) = (None, 0);
        while hits.len() < MOST_HITS
            && from <= text.len()
            && let Some(found) = self.regex.find_at(text, from)
        {
            let last = text.floor_char_boundary(found.end().saturating_sub(1).max(found.start()));
            number += newlines(&text[counted..last]);
            counted = last;
            let start = text[..last].rfind('\n').map_or(0, |newline| newline + 1);
            let stop = text[last..].find('\n').map_or(text.len(), |end| last + end);
            tries = if current == Some(start) { tries + 1 } else { 1 };
            current = Some(start);
            let line = &text[start..stop];
            let at = found.start().max(start) - start..found.end().clamp(start, stop) - start;
            let subject = self.judge(markers, line, at.clone());
            if let Some(subject) = subject {
                hits.push(LineHit {
                    mark: self,
                    line: number,
                    matched: cut(&line[at], SUBJECT).to_owned(),
                    subject: cut(subject, SUBJECT).to_owned(),
                });
            }
            from = if subject.is_some() || tries >= MOST_TRIES {
                stop + 1
            } else {
                text.ceil_char_boundary(found.end().max(found.start() + 1))
            };
        }
        hits
    }

    #[cfg(test)]
    pub(super) fn matches(&self, text: &str, markers: &Markers) -> bool {
        if matches!(self.marker.surface, Surface::Trailer | Surface::Text) {
            !self.in_lines(text, markers).is_empty()
        } else {
            self.regex.is_match(text)
        }
    }

    /// Which part of a line speaks for the mark; `None` if the line takes it back.
    fn judge<'t>(&self, markers: &Markers, line: &'t str, at: Range<usize>) -> Option<&'t str> {
        let whole = &line[at.start..];
        let names = markers.names();
        let reads = match self.marker.reads {
            None => return Some(whole),
            Some(Reads::Sentence) => {
                return (!disclosure::is_taken_back(names, line, at.start)).then_some(whole);
            }
            Some(reads) => reads,
        };
        let value = &line[at.end..];
        let denies = self.marker.role == Role::Claim;
        // An address decides, not the name before it.
        if reads == Reads::Credit && ADDRESS.is_match(value) {
            return (!denies && !markers.identity(value).is_empty()).then_some(value);
        }
        match disclosure::read(names, reads, value) {
            Says::None => denies.then_some(whole),
            Says::Help(part) => (!denies).then_some(part),
            Says::Instruction | Says::Unclear => None,
        }
    }
}

static ADDRESS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[^\s<>@]+@[^\s<>@]+").expect("a pattern that its tests compile"));

fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(text.len().min(most))]
}
