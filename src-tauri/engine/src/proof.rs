//! The proof of a verdict, in the words of the window: why a change counts as AI-assisted, what depends on it, how
//! large it is, and who has reviewed it.

use countersign_core::change::ReviewState;
use countersign_core::evidence::{Evidence, Place, Role, Strength};
use countersign_core::finding::{Component, Measures};
use countersign_core::policy::Bind;

use crate::account::Account;
use crate::asked::Policies;
use crate::queue_view::severity;
use crate::rows::visible;
use crate::store::Held;
use crate::view::{ComponentView, EvidenceView, ReviewView, SeverityView};
use crate::words;

/// The evidence, surest first.
pub(crate) fn evidence(held: &Held) -> Vec<EvidenceView> {
    held.classification
        .evidence
        .iter()
        .map(|evidence| EvidenceView {
            strength: match evidence.strength {
                Strength::Definitive => "certain",
                Strength::Strong => "strong",
                Strength::Weak => "weak",
            }
            .into(),
            text: visible(&evidence.text),
            role: match evidence.role {
                Role::Author => "wrote it",
                Role::Assisted => "helped",
                Role::Suggestion => "suggested a line",
                Role::Claim => "claims no AI",
                Role::Context => "context only",
            }
            .into(),
            place: visible(&place_of(evidence)),
            tool: evidence.tool.clone().unwrap_or_default(),
        })
        .collect()
}

/// "author of 3 of 3 commits".
fn place_of(evidence: &Evidence) -> String {
    let Some(commits) = evidence.commits else {
        return evidence.place.to_string();
    };
    let place = match &evidence.place {
        Place::CommitAuthor => "author of".into(),
        Place::Committer => "committer of".into(),
        Place::CommitMessage => "message of".into(),
        Place::Note => "git note on".into(),
        Place::CommitTrailer(key) => format!("{key} line in"),
        Place::Account | Place::Branch | Place::Body | Place::Label | Place::File(_) => {
            format!("{}, in", evidence.place)
        }
    };
    let of = words::count(commits.of as usize, "commit", "commits");
    format!("{place} {} of {of}", commits.matched)
}

/// Size, spread and where the author is new, in a few words: context for the reader, never a finding.
pub(crate) fn context(held: &Held) -> String {
    let size = held.assessment.measures.as_ref().map(measures);
    let author = held.change.author.as_ref();
    let new = author.and_then(|author| newness(&author.login, &held.facts.new_to_author));
    [size, new].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// "mika has changed nothing in envs/prod-eu before."
fn newness(author: &str, folders: &[String]) -> Option<String> {
    let named = |folder: &String| {
        if folder.is_empty() {
            "this repository".to_owned()
        } else {
            visible(folder)
        }
    };
    let folders = match folders {
        [] => return None,
        // Who is new to the root is new to all of it.
        some if some.iter().any(String::is_empty) => named(&String::new()),
        [one] => named(one),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(named).collect();
            format!("{} or {}", first.join(", "), named(last))
        }
    };
    Some(format!(
        "{} has changed nothing in {folders} before.",
        visible(author)
    ))
}

fn measures(measures: &Measures) -> String {
    let number = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let mut text = format!(
        "{} in {}; {} added, {} removed",
        words::count(number(measures.files), "file", "files"),
        words::count(number(measures.folders), "folder", "folders"),
        words::count(number(measures.lines_added), "line", "lines"),
        measures.lines_removed,
    );
    if measures.files > 2 {
        let spread = match measures.entropy {
            0..=39 => "most of it in few files",
            40..=79 => "spread unevenly",
            _ => "spread evenly over the files",
        };
        text.push_str(&format!(", {spread} (entropy {} %)", measures.entropy));
    }
    text.push('.');
    if measures.code_without_tests {
        text.push_str(" Code comes, and no test changes with it.");
    }
    text
}

/// A node of the blast radius.
pub(crate) fn component(component: &Component) -> ComponentView {
    ComponentView {
        name: visible(&component.name),
        tier: component.tier,
        distance: component.distance,
        depends_on: component.depends_on.iter().map(|name| visible(name)).collect(),
        severity: component
            .severity
            .map_or(SeverityView::None, |found| severity(Some(found))),
    }
}

/// How much depends on what is touched, and who says so.
pub(crate) fn components_words(held: &Held) -> String {
    let components = &held.assessment.components;
    if components.is_empty() {
        return String::new();
    }
    let dependants = components
        .iter()
        .filter(|component| component.distance > 0)
        .count();
    let first = components
        .iter()
        .filter(|component| component.distance > 0 && component.tier == Some(1))
        .count();
    let source = held
        .assessment
        .components_from
        .as_deref()
        .unwrap_or("countersign.toml");
    let mut text = match dependants {
        0 => "Nothing else is known to depend on it.".to_owned(),
        1 => "1 component depends on it".to_owned(),
        many => format!("{many} components depend on it"),
    };
    if dependants > 0 {
        text.push_str(&match first {
            0 => ".".to_owned(),
            count => format!(", {count} of them tier 1 (T1)."),
        });
    }
    format!("{text} Source: {source}.")
}

/// What others said of it.
pub(crate) fn reviews(held: &Held, account: &Account) -> Vec<ReviewView> {
    let change = &held.change;
    // The strictest of what may apply: only where every rule lets it may an older approval count.
    let asked = Policies::of(&held.facts).requirement(None);
    let older = match asked.map(|asked| asked.bind) {
        Some(Bind::Changeset) => "approved an older head, which counts while the change does the same",
        Some(Bind::Head) | None => "approved an older head, so it does not count",
    };
    change
        .reviews
        .iter()
        .filter(|review| {
            review.author.as_ref().and_then(|author| author.id.as_ref()) != account.viewer.id.as_ref()
        })
        .filter_map(|review| {
            let here = review.commit.as_ref() == Some(&change.head.oid);
            let words = match (review.state, here) {
                (ReviewState::Approved, true) => "approved this head",
                (ReviewState::Approved, false) => older,
                (ReviewState::ChangesRequested, _) => "asks for changes",
                (ReviewState::Commented, _) => "commented",
                (ReviewState::Dismissed, _) => "had a review that was dismissed",
                (ReviewState::Pending, _) => return None,
            };
            let author = review
                .author
                .as_ref()
                .map_or_else(|| "ghost".to_owned(), |author| visible(&author.login));
            Some(ReviewView {
                author,
                words: words.into(),
            })
        })
        .collect()
}
#[cfg(test)]
mod tests {
    use countersign_core::evidence::Matched;

    use super::*;

    #[test]
    fn a_mark_in_commits_says_where_in_them() {
        let at = |place, commits: Option<u32>| {
            place_of(&Evidence {
                marker: "m".into(),
                tool: None,
                role: Role::Author,
                strength: Strength::Weak,
                place,
                text: String::new(),
                commits: commits.map(|of| Matched { matched: 1, of }),
            })
        };
        assert_eq!(at(Place::Branch, None), "branch name");
        assert_eq!(at(Place::CommitAuthor, Some(3)), "author of 1 of 3 commits");
        assert_eq!(
            at(Place::CommitTrailer("co-authored-by".into()), Some(1)),
            "co-authored-by line in 1 of 1 commit"
        );
    }

    #[test]
    fn where_the_author_is_new_is_said_in_one_sentence() {
        let said = |folders: &[&str]| {
            let folders: Vec<String> = folders.iter().map(|one| (*one).to_owned()).collect();
            newness("mika", &folders)
        };
        assert_eq!(said(&[]), None);
        for (folders, where_) in [
            (&["a/b"] as &[&str], "a/b"),
            (&["a", "b", "c"], "a, b or c"),
            (&["a", ""], "this repository"),
        ] {
            let expected = format!("mika has changed nothing in {where_} before.");
            assert_eq!(said(folders), Some(expected));
        }
    }

    #[test]
    fn size_and_spread_are_one_line() {
        let mut one = Measures {
            files: 1,
            folders: 1,
            lines_added: 1,
            lines_removed: 0,
            entropy: 0,
            code_without_tests: false,
        };
        assert_eq!(measures(&one), "1 file in 1 folder; 1 line added, 0 removed.");
        one = Measures {
            files: 12,
            folders: 5,
            lines_added: 340,
            lines_removed: 25,
            entropy: 91,
            code_without_tests: true,
        };
        assert_eq!(
            measures(&one),
            "12 files in 5 folders; 340 lines added, 25 removed, spread evenly over the files (entropy 91 %). Code \
             comes, and no test changes with it."
        );
    }
}
