//! What changed since the user last looked at a change: which files of its diff, and which lines in them.
//!
//! Files are compared by what they add and remove. Where the lines stand and what stands around them changes with every
//! commit on the target, and is nothing that anybody did to the change.

use std::collections::{BTreeMap, HashMap};

use countersign_core::change::Change;
use countersign_core::patch::{FilePatch, Line, LineKind, Patch};

use crate::hidden::visible;
use crate::store::Looked;
use crate::words;

/// Files that are named where they are no longer part of a change; the others are counted.
const NAMED: usize = 3;

/// The diff that the user last looked at, beside the one that there is.
pub(crate) struct Since<'p> {
    then: Option<BTreeMap<String, &'p FilePatch<'p>>>,
}

impl<'p> Since<'p> {
    /// `then`: the earlier diff; `None` where there was none, or it is not held any more.
    pub(crate) fn of(then: Option<&'p Patch<'p>>) -> Self {
        let named = |file: &'p FilePatch<'p>| (file.display_path(), file);
        Self {
            then: then.map(|patch| patch.files.iter().map(named).collect()),
        }
    }

    /// Whether a file is another than it was. Never where nothing is known of before.
    pub(crate) fn is_fresh(&self, file: &FilePatch<'_>) -> bool {
        self.then.as_ref().is_some_and(|then| {
            let before = then.get(&file.display_path());
            before.is_none_or(|before| facts(before) != facts(file))
        })
    }

    /// The lines of a file that were not part of the diff.
    pub(crate) fn fresh(&self, file: &FilePatch<'_>) -> Fresh<'p> {
        let Some(then) = &self.then else {
            return Fresh::default();
        };
        let mut known: HashMap<Side<'p>, usize> = HashMap::new();
        for line in then
            .get(&file.display_path())
            .into_iter()
            .flat_map(|file| changed(file))
        {
            *known.entry(line).or_default() += 1;
        }
        Fresh { known: Some(known) }
    }

    /// "1 commit, 2 files; no longer in it: `src/old.rs`"
    pub(crate) fn words(&self, change: &Change, looked: &Looked, now: Option<&Patch<'_>>) -> String {
        let new = change
            .commits
            .iter()
            .filter(|commit| !looked.commits.contains(&commit.oid));
        let mut text = words::count(new.count(), "commit", "commits");
        let (Some(then), Some(now)) = (&self.then, now) else {
            return format!("{text}; the diff that you saw is not held any more");
        };
        let fresh = now.files.iter().filter(|file| self.is_fresh(file)).count();
        let here: Vec<String> = now.files.iter().map(FilePatch::display_path).collect();
        let gone: Vec<String> = then
            .keys()
            .filter(|path| !here.contains(path))
            .map(|path| visible(path))
            .collect();
        text = format!("{text}, {}", words::count(fresh + gone.len(), "file", "files"));
        if !gone.is_empty() {
            let named = gone.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            text = format!("{text}; no longer in it: {named}");
            if let Some(more @ 1..) = gone.len().checked_sub(NAMED) {
                text = format!("{text} and {more} more");
            }
        }
        text
    }
}

/// A line that is added or removed.
type Side<'p> = (bool, &'p [u8]);

/// Tells lines that are new in a file's diff from those that were in it before. Of equal ones the first are the old.
#[derive(Default)]
pub(crate) struct Fresh<'p> {
    /// How many of each there were; `None`: nothing is known of before.
    known: Option<HashMap<Side<'p>, usize>>,
}

impl<'p> Fresh<'p> {
    /// Asked once of each line, in their order.
    pub(crate) fn takes(&mut self, line: &Line<'p>) -> bool {
        let (Some(known), Some(side)) = (&mut self.known, side(line)) else {
            return false;
        };
        match known.get_mut(&side) {
            Some(left @ 1..) => {
                *left -= 1;
                false
            }
            Some(_) | None => true,
        }
    }
}

fn side<'l>(line: &Line<'l>) -> Option<Side<'l>> {
    match line.kind {
        LineKind::Added => Some((true, line.text)),
        LineKind::Removed => Some((false, line.text)),
        LineKind::Context => None,
    }
}

fn changed<'f>(file: &'f FilePatch<'_>) -> impl Iterator<Item = Side<'f>> {
    file.lines().filter_map(side)
}

/// All that tells two states of one file apart, but for places.
fn facts<'f>(file: &'f FilePatch<'_>) -> impl PartialEq + use<'f> {
    // What has no lines is told by its name in git.
    let content = file.hunks.is_empty().then_some(file.new_oid);
    let lines: Vec<Side<'f>> = changed(file).collect();
    (
        file.kind == countersign_core::patch::FileKind::Deleted,
        file.display_old_path(),
        (file.old_mode, file.new_mode),
        content,
        lines,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, at: u32, lines: &str) -> String {
        let (removed, added) = (lines.matches("\n-").count(), lines.matches("\n+").count());
        let (old, new) = (removed + 1, added + 1);
        format!(
            "diff --git a/{path} b/{path}\nindex 1111111..2222222 100644\n--- a/{path}\n+++ b/{path}\n\
             @@ -{at},{old} +{at},{new} @@\n around {at}{lines}\n"
        )
    }

    fn fresh(then: &str, now: &str) -> Vec<(bool, Vec<String>)> {
        let (then, now) = (
            Patch::parse(then.as_bytes()).unwrap(),
            Patch::parse(now.as_bytes()).unwrap(),
        );
        let since = Since::of(Some(&then));
        now.files
            .iter()
            .map(|file| {
                let mut fresh = since.fresh(file);
                let lines = file.lines().filter(|line| fresh.takes(line));
                let lines = lines
                    .map(|line| String::from_utf8_lossy(line.text).into_owned())
                    .collect();
                (since.is_fresh(file), lines)
            })
            .collect()
    }

    #[test]
    fn what_moved_with_the_target_is_as_it_was() {
        let then = file("a.rs", 10, "\n-one\n+two");
        assert_eq!(fresh(&then, &file("a.rs", 90, "\n-one\n+two")), [(false, vec![])]);
    }

    #[test]
    fn lines_that_came_are_told_apart_from_those_that_were_there() {
        let then = file("a.rs", 10, "\n-one\n+two\n+same");
        let now = file("a.rs", 10, "\n-one\n-zero\n+two\n+same\n+same\n+three");
        let lines = ["zero", "same", "three"].map(str::to_owned).to_vec();
        assert_eq!(fresh(&then, &now), [(true, lines)]);
    }

    #[test]
    fn a_line_that_is_no_longer_changed_makes_its_file_another() {
        let then = file("a.rs", 10, "\n-one\n+two\n+three");
        assert_eq!(fresh(&then, &file("a.rs", 10, "\n-one\n+two")), [(true, vec![])]);
    }

    #[test]
    fn a_file_that_came_is_fresh_as_a_whole() {
        let then = file("a.rs", 10, "\n+two");
        let now = file("a.rs", 10, "\n+two") + &file("b.rs", 1, "\n+two");
        assert_eq!(
            fresh(&then, &now),
            [(false, vec![]), (true, vec!["two".to_owned()])]
        );
    }

    #[test]
    fn other_bytes_and_another_mode_are_seen_without_lines() {
        let binary = |oid: &str| {
            format!("diff --git a/x b/x\nindex 1111111..{oid} 100644\nBinary files a/x and b/x differ\n")
        };
        assert_eq!(fresh(&binary("2222222"), &binary("3333333"))[0].0, true);
        assert_eq!(fresh(&binary("2222222"), &binary("2222222"))[0].0, false);
        let mode = |new: u32| format!("diff --git a/x b/x\nold mode 100644\nnew mode {new}\n");
        assert_eq!(fresh(&mode(100_755), &mode(120_000))[0].0, true);
    }

    #[test]
    fn without_the_earlier_diff_nothing_is_called_fresh() {
        let now = file("a.rs", 10, "\n+two");
        let now = Patch::parse(now.as_bytes()).unwrap();
        let since = Since::of(None);
        let mut fresh = since.fresh(&now.files[0]);
        assert!(!since.is_fresh(&now.files[0]) && !now.files[0].lines().any(|line| fresh.takes(line)));
    }
}
