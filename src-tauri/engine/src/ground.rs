//! Whose ground a change stands on, by the CODEOWNERS of its target, and whether an owner was asked.
//!
//! Any one of a line's owners speaks for all of them, as at the forge. Who belongs to a team is not known here, so
//! a team that is not asked now may have answered already: that is said as not known, never as neglected.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::change::{Change, ReviewState};
use countersign_core::owners::Owners;
use countersign_core::patch::Patch;

use crate::rows::visible;
use crate::store::Facts;
use crate::view::{GroundView, Run};
use crate::words::count;

/// Lines shown at most: those with the most files.
const MOST: usize = 4;

/// The owners of what the change touches, those with the most files first; empty without CODEOWNERS.
pub(crate) fn ground(change: &Change, facts: &Facts, patch: Option<&Patch<'_>>) -> Vec<GroundView> {
    let (Some((path, text)), Some(patch)) = (&facts.owners, patch) else {
        return Vec::new();
    };
    let owners = Owners::parse(text);
    let mut files: BTreeMap<Option<&[String]>, usize> = BTreeMap::new();
    for file in &patch.files {
        // A file that moves leaves the ground of one and comes to that of another.
        let paths = BTreeSet::from([file.display_old_path(), file.display_path()]);
        let of = |path: &String| {
            let ground = owners.of(path).map(|ground| ground.owners);
            ground.filter(|owners| !owners.is_empty())
        };
        for owned in paths.iter().map(of).collect::<BTreeSet<_>>() {
            *files.entry(owned).or_default() += 1;
        }
    }
    let all = patch.files.len();
    let mut groups: Vec<_> = files.into_iter().collect();
    groups.sort_by_key(|(owners, files)| (owners.is_none(), std::cmp::Reverse(*files)));
    let more = groups.len().saturating_sub(MOST);
    groups.truncate(MOST);
    let mut lines: Vec<GroundView> = groups
        .into_iter()
        .map(|(owners, files)| {
            let which = if files == all {
                String::new()
            } else {
                format!("{}: ", count(files, "file", "files"))
            };
            match owners {
                Some(owners) => owned(change, which, owners),
                None => said(unowned(&which, path)),
            }
        })
        .collect();
    if more > 0 {
        lines.push(said(format!("And {} more.", count(more, "owner", "owners"))));
    }
    if let Some(fault) = owners.faults.first() {
        let others = match owners.faults.len() - 1 {
            0 => String::new(),
            more => format!(" {more} more lines are skipped."),
        };
        lines.push(said(format!(
            "Line {} of {path} is skipped: {}.{others}",
            fault.line, fault.why
        )));
    }
    lines
}

fn said(text: String) -> GroundView {
    GroundView {
        words: vec![Run::plain(visible(&text))],
        asked: None,
    }
}

fn unowned(which: &str, path: &str) -> String {
    let no = if which.is_empty() { "No" } else { "no" };
    format!("{which}{no} line of {path} names an owner.")
}

/// One group of files with the same owners.
fn owned(change: &Change, which: String, owners: &[String]) -> GroundView {
    let (words, asked) = standing(change, owners);
    let by = if which.is_empty() {
        "Owned by "
    } else {
        "owned by "
    };
    GroundView {
        words: vec![
            Run::plain(format!("{which}{by}")),
            Run::strong(visible(&owners.join(" or "))),
            Run::plain(format!(", {words}.")),
        ],
        asked,
    }
}

/// Whether one of the owners was asked or has reviewed, in words and as far as it is known.
fn standing(change: &Change, owners: &[String]) -> (String, Option<bool>) {
    let one = owners.len() == 1;
    let named = |owner: &str, who: &str| {
        owner
            .strip_prefix('@')
            .is_some_and(|owner| owner.eq_ignore_ascii_case(who))
    };
    let find = |who: &str| owners.iter().find(|owner| named(owner, who));
    let who = |owner: &String| {
        if one {
            "who".to_owned()
        } else {
            format!("of whom {}", visible(owner))
        }
    };
    let reviews = change.reviews.iter().chain(&change.own_review);
    let reviewed = reviews
        .filter(|review| !matches!(review.state, ReviewState::Pending | ReviewState::Dismissed))
        .find_map(|review| find(&review.author.as_ref()?.login));
    if let Some(owner) = reviewed {
        return (format!("{} has reviewed it", who(owner)), Some(true));
    }
    if let Some(owner) = change
        .requested
        .iter()
        .find_map(|asked| find(asked.who.as_deref()?))
    {
        return (format!("{} was asked", who(owner)), Some(true));
    }
    // The forge never asks the author.
    if let Some(owner) = change.author.as_ref().and_then(|author| find(&author.login)) {
        return (format!("{} wrote it", who(owner)), None);
    }
    if change.requested.iter().any(|asked| asked.who.is_none()) {
        return ("and a team that this token may not name was asked".into(), None);
    }
    if owners
        .iter()
        .all(|owner| owner.starts_with('@') && !owner.contains('/'))
    {
        return (
            if one {
                "who was not asked"
            } else {
                "none of whom was asked"
            }
            .into(),
            Some(false),
        );
    }
    let who = if one { "who is not" } else { "none of whom is" };
    (
        format!("{who} asked now; whether an owner has answered is not known here"),
        None,
    )
}

#[cfg(test)]
mod tests {
    use countersign_core::change::{Requested, Review};

    use super::*;
    use crate::example::{change, person};

    const DIFF: &[u8] =
        b"diff --git a/net/a.tf b/net/a.tf\nindex 1111111..2222222 100644\n--- a/net/a.tf\n+++ b/net/a.tf\n@@ -1 +1 @@\n-a\n+b\n\
        diff --git a/web/b.js b/web/b.js\nindex 1111111..2222222 100644\n--- a/web/b.js\n+++ b/web/b.js\n@@ -1 +1 @@\n-a\n+b\n\
        diff --git a/x b/x\nindex 1111111..2222222 100644\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n";

    fn asked(who: Option<&str>) -> Requested {
        Requested {
            who: who.map(str::to_owned),
            code_owner: true,
        }
    }

    fn review(login: &str, state: ReviewState) -> Review {
        Review {
            id: "1".into(),
            author: Some(person(login)),
            state,
            submitted_at: None,
            edited_at: None,
            commit: None,
            body: String::new(),
        }
    }

    fn lines(change: &Change, owners: &str) -> Vec<(String, Option<bool>)> {
        let facts = Facts {
            owners: Some((".github/CODEOWNERS".into(), owners.into())),
            ..Facts::default()
        };
        let patch = Patch::parse(DIFF).unwrap();
        let text = |line: GroundView| {
            let text = line.words.iter().map(|run| run.text.as_str()).collect();
            (text, line.asked)
        };
        ground(change, &facts, Some(&patch))
            .into_iter()
            .map(text)
            .collect()
    }

    #[test]
    fn whose_ground_it_is_and_who_of_them_was_asked() {
        let mut change = change();
        change.requested = vec![asked(Some("acme/Platform"))];
        assert_eq!(
            lines(&change, "* @acme/platform\n"),
            [("Owned by @acme/platform, who was asked.".into(), Some(true))]
        );
        assert_eq!(
            lines(&change, "/net/ @sol @acme/platform\n*.js @sol @ina\n[x] @a\n"),
            [
                ("1 file: owned by @sol or @acme/platform, of whom @acme/platform was asked.".into(), Some(true)),
                ("1 file: owned by @sol or @ina, none of whom was asked.".into(), Some(false)),
                ("1 file: no line of .github/CODEOWNERS names an owner.".into(), None),
                (
                    "Line 3 of .github/CODEOWNERS is skipped: \"[x]\" uses `!` or `[ ]`, which CODEOWNERS does not know."
                        .into(),
                    None
                ),
            ]
        );
        assert_eq!(ground(&change, &Facts::default(), None), []);
    }

    #[test]
    fn a_review_counts_as_an_answer_unless_it_was_dismissed() {
        let mut change = change();
        change.reviews = vec![review("Sol", ReviewState::Approved)];
        assert_eq!(
            lines(&change, "* @sol\n"),
            [("Owned by @sol, who has reviewed it.".into(), Some(true))]
        );
        change.reviews = vec![review("sol", ReviewState::Dismissed)];
        assert_eq!(
            lines(&change, "* @sol\n"),
            [("Owned by @sol, who was not asked.".into(), Some(false))]
        );
        assert_eq!(
            lines(&change, "* @mika\n"),
            [("Owned by @mika, who wrote it.".into(), None)]
        );
    }

    #[test]
    fn what_a_team_has_done_is_not_guessed() {
        let mut change = change();
        let (text, known) = lines(&change, "* @acme/platform\n").remove(0);
        assert!(text.contains("not known here") && known.is_none(), "{text}");
        change.requested = vec![asked(None)];
        let (text, known) = lines(&change, "* @acme/platform\n").remove(0);
        assert!(text.contains("may not name") && known.is_none(), "{text}");
    }
}
