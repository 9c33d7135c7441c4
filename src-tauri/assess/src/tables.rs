//! The tables that a change creates itself: they are empty, so that nothing can be locked or lost in them.

use std::collections::HashSet;
use std::sync::LazyLock;

use countersign_core::finding::Side;
use countersign_core::patch::LineKind;
use regex::bytes::Regex;

use crate::table::Rules;
use crate::view::{View, contains, pattern};

/// Names of created tables, in lower case without quotes, with their schema where one was written.
#[derive(Default)]
pub(crate) struct Tables {
    made: HashSet<String>,
    /// By `IF NOT EXISTS`: the table may stand there, full, since long ago.
    made_if_missing: HashSet<String>,
}

/// What a change does to the table that a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    Yes,
    /// Unless it is there already.
    IfMissing,
    No,
}

impl Tables {
    /// Reads the scripts and migrations of the diff; prose and tests create nothing.
    pub(crate) fn of(views: &[View<'_>]) -> Self {
        let rules = Rules::builtin();
        let mut tables = Self::default();
        for view in views {
            if view.masks[1] & rules.sql() == 0 || rules.is_test_path(&view.path) {
                continue;
            }
            for (at, row) in view.rows.iter().enumerate() {
                if row.line.kind == LineKind::Added
                    && CREATED.is_match(view.text(at))
                    && !view.is_down(at, Side::New)
                    && let Some(found) = CREATED.captures(view.code(at, Side::New))
                    && let Some(name) = (2..=3).find_map(|part| found.get(part))
                {
                    let made = match found.get(1) {
                        Some(_) => &mut tables.made_if_missing,
                        None => &mut tables.made,
                    };
                    made.insert(plain(name.as_bytes()));
                }
            }
        }
        tables
    }

    fn made(&self, name: &str) -> Made {
        match () {
            () if holds(&self.made, name) => Made::Yes,
            () if holds(&self.made_if_missing, name) => Made::IfMissing,
            () => Made::No,
        }
    }

    /// Whether a line is about a table that the change creates.
    pub(crate) fn meant(&self, view: &View<'_>, row: usize) -> Made {
        let text = view.code(row, Side::New);
        let none = self.made.is_empty() && self.made_if_missing.is_empty();
        // Dropping and making anew is the hazard itself.
        if none || DESTROYS.is_match(text) {
            return Made::No;
        }
        let above = || {
            let rows = (row.saturating_sub(30)..row)
                .rev()
                .map(|at| view.code(at, Side::New));
            rows.take_while(|text| !contains(text, b";")).find_map(named)
        };
        let below = || (row + 1..view.rows.len().min(row + 4)).find_map(|at| named(view.code(at, Side::New)));
        let stated = |text: &[u8]| contains(text, b";");
        named(text)
            .or_else(above)
            .or_else(|| (!stated(text)).then(below).flatten())
            .map_or(Made::No, |table| self.made(&table))
    }
}

/// Whether a table is among others; one that is written without its schema may be in any.
fn holds(tables: &HashSet<String>, name: &str) -> bool {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    tables.contains(name)
        || (!name.contains('.') && tables.iter().any(|made| last(made) == name))
        || (name.contains('.') && tables.contains(&last(name)))
}

fn named(text: &[u8]) -> Option<String> {
    let found = TABLE.captures(text)?;
    let name = (1..=3).find_map(|part| found.get(part))?;
    Some(plain(name.as_bytes()))
}

/// A template's schema before a name says nothing of it: `{{ .Schema }}.invoices`.
static CREATED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?i)\bCREATE\s+(?:UNLOGGED\s+|TEMP(?:ORARY)?\s+)?TABLE\s+(IF\s+NOT\s+EXISTS\s+)?(?:\{\{[^{}]*\}\}\.?)?([\w".`\[\]]+)\s*(?:\(|$|AS\b)|\b(?:create_table|createTable)!?[\s(]+[:"'`]([\w.]+)"#,
    )
});
static TABLE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?i)\bALTER\s+TABLE\s+(?:ONLY\s+|IF\s+EXISTS\s+)*(?:\{\{[^{}]*\}\}\.?)?([\w".`\[\]]+)|\bON\s+(?:ONLY\s+)?(?:\{\{[^{}]*\}\}\.?)?([\w".`\[\]]+)\s*(?:USING\b|\()|\b(?:remove|rename|change|alter)_?\w*[\s(]+[:"'`]([\w.]+)"#,
    )
});
static DESTROYS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)drop_?(?:table|column)|delete|truncate|remove_?(?:column|field|reference)")
});

/// A table's name without quotes, in lower case.
fn plain(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name).to_lowercase();
    name.chars()
        .filter(|c| !matches!(c, '"' | '`' | '[' | ']'))
        .collect()
}
