//! The queue: in which section a change stands, what moved between two polls, and which notices follow.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::change::{Asked, Change, ChangeId, ChangeState, Oid, ReviewState};
use crate::finding::Severity;

/// Where a waiting change stands. What is in the outbox or done is the app's own knowledge, not the forge's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// Asked by name, or assigned.
    NeedsYou,
    /// Asked through a team or CODEOWNERS.
    YourTeams,
    /// The user decided, then the head moved; the forge does not ask again.
    CameBack,
}

/// In which section the change waits for the account with this numeric id; `None` if it does not wait for it.
pub fn section(change: &Change, viewer_id: &str) -> Option<Section> {
    if change.state != ChangeState::Open {
        return None;
    }
    let own = change.author.as_ref().and_then(|author| author.id.as_deref()) == Some(viewer_id);
    if own {
        return None;
    }
    let decided = change.own_review.as_ref().filter(|review| match review.state {
        ReviewState::Approved | ReviewState::ChangesRequested => true,
        ReviewState::Pending | ReviewState::Commented | ReviewState::Dismissed => false,
    });
    let by_name = change.asked.contains(&Asked::ByName);
    let team = change
        .asked
        .iter()
        .any(|asked| matches!(asked, Asked::Team { .. }));
    if let Some(review) = decided {
        let moved = review.commit.as_ref() != Some(&change.head.oid);
        if moved {
            return Some(Section::CameBack);
        }
        // Asked again on the very head that was decided: somebody wants a second look.
        return if by_name { Some(Section::NeedsYou) } else { None };
    }
    if by_name || change.asked.contains(&Asked::Assigned) {
        Some(Section::NeedsYou)
    } else if team {
        Some(Section::YourTeams)
    } else {
        None
    }
}

/// What the queue knew of one change after a poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Which change.
    pub id: ChangeId,
    /// Its head.
    pub head: Oid,
    /// Its section; `None` if it does not wait.
    pub section: Option<Section>,
    /// Worst severity.
    pub severity: Option<Severity>,
    /// Listed by default: it needs a sign-off.
    pub needs_sign_off: bool,
    /// The verdict in plain words, for the notice.
    pub words: String,
}

/// What a person is told about at most once per change and head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It began to wait.
    Arrived,
    /// It moved after the user had decided.
    CameBack,
    /// It waits still, and its head moved.
    Moved,
}

/// One difference between two polls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// What happened.
    pub event: Event,
    /// How the change stands now.
    pub now: Standing,
}

/// What moved. A change that `next` leaves out has not moved: nothing is dropped because one answer left it out.
pub fn diff(previous: &[Standing], next: &[Standing]) -> Vec<Move> {
    let before: BTreeMap<&ChangeId, &Standing> =
        previous.iter().map(|standing| (&standing.id, standing)).collect();
    let mut moves = Vec::new();
    for now in next {
        let Some(section) = now.section else { continue };
        let event = match before.get(&now.id) {
            Some(old) if old.section.is_some() => {
                if section == Section::CameBack && (old.section != now.section || old.head != now.head) {
                    Event::CameBack
                } else if old.head != now.head {
                    Event::Moved
                } else {
                    continue;
                }
            }
            Some(_) | None => match section {
                Section::CameBack => Event::CameBack,
                Section::NeedsYou | Section::YourTeams => Event::Arrived,
            },
        };
        moves.push(Move {
            event,
            now: now.clone(),
        });
    }
    moves.sort_by(|a, b| {
        b.now
            .severity
            .cmp(&a.now.severity)
            .then_with(|| a.now.id.cmp(&b.now.id))
    });
    moves
}

/// A notice's words and what its default click opens (`None`: the queue).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telling {
    /// Title.
    pub title: String,
    /// Body.
    pub body: String,
    /// What the default click opens.
    pub change: Option<ChangeId>,
    /// Worst severity among what is told.
    pub severity: Option<Severity>,
}

/// More than this many at once become one notice.
const MOST_SINGLE: usize = 3;

/// The notices for these moves, worst first. Only what needs a sign-off is told.
pub fn tell(moves: &[Move]) -> Vec<Telling> {
    let told: Vec<&Move> = moves.iter().filter(|step| step.now.needs_sign_off).collect();
    if told.len() > MOST_SINGLE {
        let named: Vec<String> = told
            .iter()
            .take(MOST_SINGLE)
            .map(|step| format!("{} #{}", step.now.id.repo, step.now.id.number))
            .collect();
        let rest = told.len() - named.len();
        return vec![Telling {
            title: format!("{} changes need your sign-off", told.len()),
            body: format!("{}, and {rest} more", named.join(", ")),
            change: None,
            severity: told.iter().filter_map(|step| step.now.severity).max(),
        }];
    }
    told.into_iter()
        .map(|step| {
            let place = format!("{} #{}", step.now.id.repo, step.now.id.number);
            let title = match step.event {
                Event::Arrived => format!("{place} needs your sign-off"),
                Event::CameBack => format!("{place} came back: it moved after you decided"),
                Event::Moved => format!("{place} moved while it waits for you"),
            };
            Telling {
                title,
                body: step.now.words.clone(),
                change: Some(step.now.id.clone()),
                severity: step.now.severity,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(number: u64, head: char, section: Option<Section>) -> Standing {
        Standing {
            id: ChangeId {
                host: "github.com".into(),
                repo: "acme/web".into(),
                number,
            },
            head: head.to_string().repeat(40).parse().unwrap(),
            section,
            severity: (number == 1).then_some(Severity::Critical),
            needs_sign_off: true,
            words: format!("words {number}"),
        }
    }

    fn events(previous: &[Standing], next: &[Standing]) -> Vec<(Event, u64)> {
        diff(previous, next)
            .into_iter()
            .map(|step| (step.event, step.now.id.number))
            .collect()
    }

    #[test]
    fn what_moved() {
        use Section::{CameBack, NeedsYou};
        let a = |section| standing(1, 'a', section);
        let b = |section| standing(1, 'b', section);
        let table = [
            (vec![], vec![a(Some(NeedsYou))], vec![(Event::Arrived, 1)]),
            (vec![a(Some(NeedsYou))], vec![a(Some(NeedsYou))], vec![]),
            (
                vec![a(Some(NeedsYou))],
                vec![b(Some(NeedsYou))],
                vec![(Event::Moved, 1)],
            ),
            (vec![a(None)], vec![b(Some(CameBack))], vec![(Event::CameBack, 1)]),
            (
                vec![a(Some(CameBack))],
                vec![b(Some(CameBack))],
                vec![(Event::CameBack, 1)],
            ),
            (vec![a(Some(NeedsYou))], vec![a(None)], vec![]),
            (vec![a(Some(NeedsYou))], vec![], vec![]),
            (vec![a(None)], vec![a(Some(NeedsYou))], vec![(Event::Arrived, 1)]),
        ];
        for (previous, next, expected) in table {
            assert_eq!(events(&previous, &next), expected, "{previous:?} -> {next:?}");
        }
    }

    #[test]
    fn few_are_told_singly_and_many_as_one() {
        let few: Vec<Standing> = (1..=3)
            .map(|n| standing(n, 'a', Some(Section::NeedsYou)))
            .collect();
        let told = tell(&diff(&[], &few));
        assert_eq!(told.len(), 3);
        assert_eq!(told[0].severity, Some(Severity::Critical));
        let many: Vec<Standing> = (1..=9)
            .map(|n| standing(n, 'a', Some(Section::YourTeams)))
            .collect();
        let told = tell(&diff(&[], &many));
        assert_eq!(told.len(), 1);
        assert_eq!(
            (told[0].title.as_str(), told[0].change.clone()),
            ("9 changes need your sign-off", None)
        );
        assert!(told[0].body.ends_with("and 6 more"), "{}", told[0].body);
    }

    #[test]
    fn what_needs_no_sign_off_is_not_told() {
        let mut one = standing(1, 'a', Some(Section::NeedsYou));
        one.needs_sign_off = false;
        assert!(tell(&diff(&[], &[one])).is_empty());
    }
}
