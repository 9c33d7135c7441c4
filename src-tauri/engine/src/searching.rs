//! Searching in all that is on this machine: what waits, what is over, and every diff that is held. Nothing is fetched,
//! so it is the same offline.
//!
//! A search goes in steps of bounded work: the window shows what one found while the next is under way, and asks for no
//! further step once the user looks for something else.

use countersign_core::change::{Change, ChangeState, Oid};
use countersign_core::decision::Decision;
use countersign_core::patch::{FilePatch, Patch};
use regex::{Regex, RegexBuilder, bytes};

use crate::engine::{Engine, beside};
use crate::ports::{Desktop, Forge};
use crate::rows::{rows, visible};
use crate::since::Fresh;
use crate::store::{Entry, Held, Place, Store, StoreError};
use crate::view::{DiffRow, Excerpt, Failure, Found, FoundChange, FoundLine, FoundText, RowKind};

/// Fewer characters are in every diff.
const SHORTEST: usize = 2;
/// More is no search term any more.
const LONGEST: usize = 200;
/// Changes that one step looks at, where not one of the bounds below comes first.
const CHANGES: usize = 500;
/// Changes that one step names.
const NAMED: usize = 10;
/// Bytes of diffs that one step reads.
const BYTES: usize = 64 << 20;
/// Lines that are listed of one change.
const LINES: usize = 5;
/// Characters that are shown before what matches: few, so that it stands inside a narrow pane itself.
const BEFORE: usize = 24;
/// Characters that are shown after it.
const AFTER: usize = 60;
/// What stands between the parts of a place's name.
const APART: char = '|';

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// Looks for `text`, letters large or small, from the place on where the step before it ended.
    ///
    /// # Errors
    /// The text is too short or too long, or the place names none.
    pub async fn search(&self, text: String, after: Option<String>) -> Result<Found, Failure> {
        self.signed_in()?;
        let sought = Sought::new(&text)?;
        let after = after.as_deref().map(place).transpose()?;
        let engine = self.clone();
        beside(move || engine.search_step(&sought, after)).await
    }

    /// How many changes a search would look at.
    pub(crate) fn searchable(&self) -> Result<u32, Failure> {
        Ok(u32::try_from(self.store().changes()?).unwrap_or(u32::MAX))
    }

    fn search_step(&self, sought: &Sought, after: Option<Place>) -> Result<Found, Failure> {
        let places = self.store().changes_after(after.as_ref(), CHANGES)?;
        let of = self.searchable()?;
        let (mut changes, mut searched, mut without_diff, mut read) = (Vec::new(), 0, 0, 0);
        let mut last = None;
        for place in &places {
            // One change at a time: a poll that comes between finds the store free.
            let store = self.store();
            let Some(held) = store.held(&place.id)? else {
                continue;
            };
            let diff = store.diff(&held.change.target.oid, &held.change.head.oid)?;
            let decisions = store.decisions_on(&place.id)?;
            let earlier = earlier(&store, &held.change, &decisions)?;
            drop(store);
            searched += 1;
            without_diff += u32::from(diff.is_none());
            read += diff.iter().chain(&earlier).map(Vec::len).sum::<usize>();
            let found = sought.in_change(&held, diff.as_deref(), &earlier, &decisions);
            changes.extend(found.map(|found| FoundChange {
                id: self.handle(&held.change.id),
                account: self.name().to_string(),
                ..found
            }));
            last = Some(place);
            if changes.len() >= NAMED || read >= BYTES {
                break;
            }
        }
        let all = places.len() < CHANGES && last == places.last();
        Ok(Found {
            changes,
            searched,
            without_diff,
            of,
            next: last.filter(|_| !all).map(name),
        })
    }
}

/// The diffs that are held of a change at the heads that were looked at or decided on and are not its head any more,
/// those that were looked at last first.
fn earlier(store: &Store, change: &Change, decisions: &[Entry]) -> Result<Vec<Vec<u8>>, StoreError> {
    let looked = store.looked(&change.id)?;
    let mut heads: Vec<&Oid> = Vec::new();
    for head in (looked.iter().map(|looked| &looked.head)).chain(decisions.iter().map(|entry| &entry.head)) {
        if *head != change.head.oid && !heads.contains(&head) {
            heads.push(head);
        }
    }
    let diffs = heads
        .into_iter()
        .map(|head| store.diff_of(head, &change.target.oid));
    diffs.filter_map(Result::transpose).collect()
}

/// A place as the page hands it back.
fn name(place: &Place) -> String {
    format!(
        "{}{APART}{}{APART}{}",
        u8::from(place.waits),
        place.updated_at,
        place.id
    )
}

fn place(text: &str) -> Result<Place, Failure> {
    let read = || {
        let mut parts = text.splitn(3, APART);
        Some(Place {
            waits: parts.next()? == "1",
            updated_at: parts.next()?.to_owned(),
            id: parts.next()?.parse().ok()?,
        })
    };
    read().ok_or_else(|| Failure::other("The search cannot go on from there.", "Search again."))
}

/// What is searched for.
struct Sought {
    text: Regex,
    /// The same in bytes that need not be text.
    bytes: bytes::Regex,
}

impl Sought {
    fn new(text: &str) -> Result<Self, Failure> {
        let text = text.trim();
        let length = text.chars().count();
        if !(SHORTEST..=LONGEST).contains(&length) {
            return Err(Failure::other(
                format!("A search takes {SHORTEST} to {LONGEST} characters; these are {length}."),
                "",
            ));
        }
        let pattern = regex::escape(text);
        let found = RegexBuilder::new(&pattern).case_insensitive(true).build();
        let bytes = bytes::RegexBuilder::new(&pattern).case_insensitive(true).build();
        match (found, bytes) {
            (Ok(text), Ok(bytes)) => Ok(Self { text, bytes }),
            (Err(error), _) | (_, Err(error)) => Err(Failure::other(
                format!("That cannot be searched for: {error}."),
                "Search for a part of it.",
            )),
        }
    }

    fn in_change(
        &self,
        held: &Held,
        diff: Option<&[u8]>,
        earlier: &[Vec<u8>],
        decisions: &[Entry],
    ) -> Option<FoundChange> {
        let change = &held.change;
        let texts = self.in_texts(change, decisions);
        let (mut lines, mut more) = diff.map(|diff| self.in_diff(diff)).unwrap_or_default();
        if lines.is_empty() {
            let mut before = earlier.iter().map(|diff| self.in_diff(diff));
            (lines, more) = before.find(|(lines, _)| !lines.is_empty()).unwrap_or_default();
            for line in &mut lines {
                // The window shows the change as it is.
                (line.file, line.row) = (None, None);
            }
        }
        if texts.is_empty() && lines.is_empty() {
            return None;
        }
        Some(FoundChange {
            id: change.id.to_string(),
            account: String::new(),
            repo: change.id.repo.clone(),
            number: change.id.number,
            title: visible(&change.title),
            state: state(held, decisions),
            texts,
            lines,
            more,
        })
    }

    /// The first text of each kind that has it.
    fn in_texts(&self, change: &Change, decisions: &[Entry]) -> Vec<FoundText> {
        let author = change.author.as_ref().map(|author| author.login.as_str());
        let name = format!("{}#{}", change.id.repo, change.id.number);
        let mut texts: Vec<(&str, &str)> = vec![
            ("change", &name),
            ("title", &change.title),
            ("author", author.unwrap_or_default()),
            ("branch", &change.head.branch),
            ("description", &change.body),
        ];
        texts.extend((change.commits.iter()).map(|commit| ("commit message", commit.message.as_str())));
        texts.extend(decisions.iter().map(|entry| ("your words", entry.words.as_str())));
        let mut found: Vec<FoundText> = Vec::new();
        for (place, text) in texts {
            if found.last().is_some_and(|last| last.place == place) {
                continue;
            }
            if let Some(excerpt) = self.excerpt(text) {
                found.push(FoundText {
                    place: place.to_owned(),
                    excerpt,
                });
            }
        }
        found
    }

    /// The first lines and paths that have it, and how many more do.
    fn in_diff(&self, diff: &[u8]) -> (Vec<FoundLine>, u32) {
        let (mut lines, mut more) = (Vec::new(), 0);
        // Nearly all that is looked at has it nowhere, and need not be taken apart for that.
        if !self.bytes.is_match(diff) {
            return (lines, more);
        }
        let patch = Patch::parse(diff).ok();
        for (file, patch) in (0u32..).zip(patch.iter().flat_map(|patch| &patch.files)) {
            for line in self.in_file(file, patch) {
                if lines.len() < LINES {
                    lines.push(line);
                } else {
                    more += 1;
                }
            }
        }
        (lines, more)
    }

    fn in_file(&self, file: u32, patch: &FilePatch<'_>) -> Vec<FoundLine> {
        let path = visible(&patch.display_path());
        let of_path = self.excerpt(&path).map(|excerpt| FoundLine {
            file: Some(file),
            path: path.clone(),
            row: None,
            number: None,
            kind: None,
            excerpt,
        });
        let mut lines: Vec<FoundLine> = of_path.into_iter().collect();
        if !patch.lines().any(|line| self.bytes.is_match(line.text)) {
            return lines;
        }
        for (at, row) in (0u32..).zip(rows(patch, Fresh::default())) {
            if matches!(row.kind, RowKind::Hunk | RowKind::Note) {
                continue;
            }
            if let Some(excerpt) = self.excerpt(&shown(&row)) {
                lines.push(FoundLine {
                    file: Some(file),
                    path: path.clone(),
                    row: Some(at),
                    number: row.new.or(row.old),
                    kind: Some(row.kind),
                    excerpt,
                });
            }
        }
        lines
    }

    /// The first place in a text that matches, with a little of what stands around it in its line.
    fn excerpt(&self, text: &str) -> Option<Excerpt> {
        let found = self.text.find(text)?;
        let (before, after) = (&text[..found.start()], &text[found.end()..]);
        let before = before.rsplit('\n').next().unwrap_or_default().trim_start();
        let after = after.split('\n').next().unwrap_or_default().trim_end();
        let length = before.chars().count();
        let cut: String = before.chars().skip(length.saturating_sub(BEFORE)).collect();
        let begins = if length > BEFORE { "…" } else { "" };
        let ends = if after.chars().count() > AFTER { "…" } else { "" };
        Some(Excerpt {
            before: visible(&format!("{begins}{cut}")),
            hit: visible(found.as_str()),
            after: visible(&format!(
                "{}{ends}",
                after.chars().take(AFTER).collect::<String>()
            )),
        })
    }
}

/// A row's text, as it is seen.
fn shown(row: &DiffRow) -> String {
    row.pieces.iter().map(|piece| piece.text.as_str()).collect()
}

fn state(held: &Held, decisions: &[Entry]) -> String {
    let stands = match held.change.state {
        ChangeState::Open if held.section.is_some() => "waits for you",
        ChangeState::Open => "open",
        ChangeState::Merged => "merged",
        ChangeState::Closed => "closed",
    };
    let decided = decisions.first().map(|entry| match entry.decision {
        Decision::Approve => "you approved",
        Decision::RequestChanges => "you asked for changes",
        Decision::Comment => "you commented",
    });
    match decided {
        Some(decided) => format!("{stands}, {decided}"),
        None => stands.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sought(text: &str) -> Sought {
        Sought::new(text).unwrap()
    }

    const DIFF: &str = "diff --git a/src/pay.rs b/src/pay.rs\nindex 1111111..2222222 100644\n--- a/src/pay.rs\n\
        +++ b/src/pay.rs\n@@ -1,3 +1,3 @@ fn settle()\n let a = 1;\n-let Retries = 2;\n+let retries = 3;\n let c = 4;\n\
        diff --git a/docs/retries.md b/docs/retries.md\nindex 1111111..2222222 100644\n--- a/docs/retries.md\n\
        +++ b/docs/retries.md\n@@ -1 +1 @@\n-a\n+b\n";

    #[test]
    fn lines_and_paths_are_found_whatever_the_case() {
        let (lines, more) = sought("RETRIES").in_diff(DIFF.as_bytes());
        let told: Vec<_> = lines
            .iter()
            .map(|line| (line.path.as_str(), line.row, line.number, line.kind))
            .collect();
        assert_eq!(
            told,
            [
                ("src/pay.rs", Some(2), Some(2), Some(RowKind::Removed)),
                ("src/pay.rs", Some(3), Some(2), Some(RowKind::Added)),
                ("docs/retries.md", None, None, None),
            ]
        );
        assert_eq!(more, 0);
        assert_eq!(
            (lines[0].excerpt.before.as_str(), lines[0].excerpt.hit.as_str()),
            ("let ", "Retries")
        );
        // The hunk's header repeats a line that is not changed: it is no place of its own.
        assert!(sought("settle").in_diff(DIFF.as_bytes()).0.is_empty());
        assert!(sought("absent").in_diff(DIFF.as_bytes()).0.is_empty());
        // Nothing in it is an expression.
        assert!(sought("r.tries").in_diff(DIFF.as_bytes()).0.is_empty());
    }

    #[test]
    fn only_the_first_lines_are_listed_and_the_rest_is_counted() {
        let body: String = (0..9).map(|at| format!("+needle {at}\n")).collect();
        let diff = format!(
            "diff --git a/n b/n\nnew file mode 100644\nindex 0000000..2222222\n--- /dev/null\n+++ b/n\n@@ -0,0 +1,9 @@\n{body}"
        );
        let (lines, more) = sought("needle").in_diff(diff.as_bytes());
        assert_eq!((lines.len(), more), (LINES, 4));
    }

    #[test]
    fn an_excerpt_stays_in_its_line_and_shows_what_is_hidden() {
        let long = "x".repeat(100);
        let text = format!("first\n{long} \u{202e}needle{long}\nlast needle");
        let found = sought("needle").excerpt(&text).unwrap();
        assert!(
            found.before.starts_with('…') && found.before.ends_with(" [U+202E]"),
            "{found:?}"
        );
        assert_eq!(found.hit, "needle");
        assert_eq!(found.after, format!("{}…", "x".repeat(AFTER)));
    }

    #[test]
    fn a_search_term_has_a_length() {
        for (text, ok) in [
            ("", false),
            ("a", false),
            (" a ", false),
            ("ab", true),
            ("数据", true),
            (&"a".repeat(LONGEST), true),
            (&"a".repeat(LONGEST + 1), false),
        ] {
            assert_eq!(Sought::new(text).is_ok(), ok, "{text:?}");
        }
    }

    #[test]
    fn a_place_is_read_as_it_was_named() {
        let one = Place {
            waits: true,
            updated_at: "2026-11-20T10:00:00Z".into(),
            id: "github.com/acme/web#7".parse().unwrap(),
        };
        assert_eq!(place(&name(&one)).unwrap(), one);
        for text in ["", "1", "1|2026-11-20T10:00:00Z", "1|x|no change"] {
            assert!(place(text).is_err(), "{text:?}");
        }
    }
}
