//! SQL statements that reach over several lines, each as one line: a rule need not care where they break.

use countersign_core::finding::Side;
use countersign_core::patch::LineKind;

use crate::view::{View, on_side};

/// A statement over more lines than this is no longer joined; its lines are still read one by one.
const MOST_LINES: usize = 60;

/// A statement after the change, of which at least one line is new.
pub(crate) struct Statement {
    pub(crate) text: Vec<u8>,
    /// Where each of its lines begins in the text, and its row.
    lines: Vec<(usize, usize)>,
}

impl Statement {
    /// The rows on which nothing else stands.
    pub(crate) fn rows<'v>(&'v self, view: &'v View<'_>) -> impl Iterator<Item = usize> + 'v {
        let rows = self.lines.iter().map(|(_, row)| *row);
        rows.filter(|row| {
            let code = view.code(*row, Side::New).trim_ascii();
            !code[..code.len().saturating_sub(1)].contains(&b';')
        })
    }

    /// The new line at this place of the text; the next new one where the line there is not new.
    pub(crate) fn row(&self, view: &View<'_>, at: usize, end: usize) -> Option<usize> {
        let first = self
            .lines
            .partition_point(|(start, _)| *start <= at)
            .saturating_sub(1);
        let inside = self.lines[first..]
            .iter()
            .take_while(|(start, _)| *start < end.max(at + 1));
        inside
            .map(|(_, row)| *row)
            .find(|row| view.rows[*row].line.kind == LineKind::Added)
    }
}

/// The statements of a script that stand on more than one line.
pub(crate) fn of(view: &View<'_>) -> Vec<Statement> {
    let mut found = Vec::new();
    let (mut open, mut hunk) = (Statement::empty(), usize::MAX);
    for (row, line) in view.rows.iter().enumerate() {
        if line.hunk != hunk {
            hunk = line.hunk;
            open.close(view, &mut found);
        }
        if !on_side(line.line, Side::New) {
            continue;
        }
        let mut code = view.code(row, Side::New);
        while let Some(end) = code.iter().position(|byte| *byte == b';') {
            open.push(&code[..=end], row);
            open.close(view, &mut found);
            code = &code[end + 1..];
        }
        open.push(code, row);
        if open.lines.len() > MOST_LINES {
            open = Statement::empty();
        }
    }
    open.close(view, &mut found);
    found
}

impl Statement {
    fn empty() -> Self {
        Self {
            text: Vec::new(),
            lines: Vec::new(),
        }
    }

    fn push(&mut self, code: &[u8], row: usize) {
        let code = code.trim_ascii();
        if !code.is_empty() {
            self.lines.push((self.text.len(), row));
            self.text.extend_from_slice(code);
            self.text.push(b' ');
        }
    }

    fn close(&mut self, view: &View<'_>, found: &mut Vec<Self>) {
        let closed = std::mem::replace(self, Self::empty());
        let is_new = |(_, row): &(usize, usize)| view.rows[*row].line.kind == LineKind::Added;
        if closed.lines.len() > 1 && closed.lines.iter().any(is_new) {
            found.push(closed);
        }
    }
}
