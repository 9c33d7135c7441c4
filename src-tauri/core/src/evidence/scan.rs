//! Reads every channel of a change and collects what matches.

use std::collections::{BTreeMap, BTreeSet};

use super::table::{Mark, Markers};
use super::{Evidence, Extra, Matched, Note, Place, Role, Strength, normal};
use crate::change::{AccountKind, Change, Commit, Identity, Person};
use crate::patch::{FilePatch, LineKind, Patch};
use crate::trailers;

/// `…-by:` lines that say who wrote. Those who reviewed, tested or signed off did not.
const AUTHORSHIP: &[&str] = &[
    "assisted-by",
    "authored-by",
    "co-authored-by",
    "co-created-by",
    "co-developed-by",
    "co-written-by",
    "coauthored-by",
    "created-by",
    "developed-by",
    "generated-by",
    "implemented-by",
    "pair-programmed-by",
    "written-by",
];

/// What makes hits one piece of evidence: mark, tool, place in words.
type Key<'a> = (&'a str, Option<&'a str>, String);

/// How much of a matched text is shown.
const SHOWN: usize = 300;

pub(super) struct Scan<'m> {
    markers: &'m Markers,
    hits: Vec<Hit<'m>>,
    pub(super) automation: Option<String>,
}

struct Hit<'m> {
    mark: &'m Mark,
    place: Place,
    text: String,
    tool: Option<String>,
    commit: Option<usize>,
}

pub(super) fn scan<'m>(markers: &'m Markers, change: &Change, extra: Extra<'_>) -> Scan<'m> {
    let mut scan = Scan {
        markers,
        hits: Vec::new(),
        automation: None,
    };
    let mut quotes = false;
    if let Some(author) = &change.author {
        scan.account(author, Place::Account, None);
        let excluded = markers
            .excluded(&address(author))
            .filter(|_| author.kind == AccountKind::Bot);
        quotes = excluded.is_some_and(|exclusion| exclusion.quotes);
        scan.automation = excluded.map(|exclusion| exclusion.id.clone());
    }
    scan.values(&change.head.branch, Place::Branch, Markers::branch);
    for label in &change.labels {
        scan.values(label, Place::Label, Markers::label);
    }
    if !quotes {
        scan.body(&change.body);
    }
    for (at, commit) in change.commits.iter().enumerate() {
        scan.commit(commit, at);
    }
    for note in extra.notes {
        scan.note(note, change);
    }
    if let Some(patch) = extra.patch {
        scan.files(patch);
    }
    scan
}

impl<'m> Scan<'m> {
    fn hit(&mut self, mark: &'m Mark, place: Place, text: &str, commit: Option<usize>) {
        let text: String = text.trim().chars().take(SHOWN).collect();
        let tool = mark
            .marker
            .tool
            .clone()
            .or_else(|| self.markers.named(&normal::fold(&text)));
        self.hits.push(Hit {
            mark,
            place,
            text,
            tool,
            commit,
        });
    }

    fn values(&mut self, text: &str, place: Place, find: fn(&'m Markers, &str) -> Vec<&'m Mark>) {
        for mark in find(self.markers, &normal::fold(text)) {
            self.hit(mark, place.clone(), text, None);
        }
    }

    fn account(&mut self, person: &Person, place: Place, commit: Option<usize>) {
        let kind = match person.kind {
            AccountKind::User => "user",
            AccountKind::Bot => "bot",
            AccountKind::Other => "other",
        };
        let text = format!("{} {kind} {}", person.login, person.id.as_deref().unwrap_or("-"));
        for mark in self.markers.account(&normal::fold(&text)) {
            self.hit(mark, place.clone(), &person.login, commit);
        }
    }

    fn identity(&mut self, text: &str, place: &Place, commit: Option<usize>) {
        let folded = normal::fold(text);
        let excluded = self.markers.excluded(&folded).is_some();
        for mark in self.markers.identity(&folded) {
            // An excluded name in front of an agent's own address is still the agent's address.
            if !excluded || mark.marker.strength == Strength::Definitive {
                self.hit(mark, place.clone(), text, commit);
            }
        }
    }

    fn body(&mut self, body: &str) {
        let clean = normal::clean(body);
        let lines: Vec<&str> = body.split('\n').collect();
        for by in trailers::by_lines(&clean.text) {
            if AUTHORSHIP.contains(&by.key.as_str()) {
                self.identity(&by.value, &Place::Body, None);
            }
        }
        for (mark, line) in self.markers.lines(&clean.text) {
            self.hit(
                mark,
                Place::Body,
                lines.get(line).copied().unwrap_or_default(),
                None,
            );
        }
        if let Some(whole) = &clean.with_comments {
            for (mark, line) in self.markers.lines(whole) {
                if mark.marker.comments {
                    self.hit(
                        mark,
                        Place::Body,
                        lines.get(line).copied().unwrap_or_default(),
                        None,
                    );
                }
            }
        }
    }

    fn commit(&mut self, commit: &Commit, at: usize) {
        for (who, place) in [
            (&commit.author, Place::CommitAuthor),
            (&commit.committer, Place::Committer),
        ] {
            self.identity(&format!("{} <{}>", who.name, who.email), &place, Some(at));
            if let Some(account) = &who.account {
                self.account(account, place, Some(at));
            }
        }
        if self.quotes(&commit.author) {
            return;
        }
        let message = commit.message.as_str();
        let clean = normal::clean(message);
        let lines: Vec<&str> = message.split('\n').collect();
        for by in trailers::by_lines(&clean.text) {
            if AUTHORSHIP.contains(&by.key.as_str()) {
                self.identity(&by.value, &Place::CommitTrailer(by.key), Some(at));
            }
        }
        // A fence cannot hide what git itself takes for a trailer.
        for trailer in trailers::parse(&normal::fold(message)) {
            let key = trailer.key.to_ascii_lowercase();
            if AUTHORSHIP.contains(&key.as_str()) {
                self.identity(&trailer.value, &Place::CommitTrailer(key), Some(at));
            }
        }
        for (mark, line) in self.markers.lines(&clean.text) {
            self.hit(
                mark,
                Place::CommitMessage,
                lines.get(line).copied().unwrap_or_default(),
                Some(at),
            );
        }
        let subject = lines.first().copied().unwrap_or_default();
        for mark in self.markers.subject(&normal::fold(subject)) {
            self.hit(mark, Place::CommitMessage, subject, Some(at));
        }
    }

    fn quotes(&self, author: &Identity) -> bool {
        let text = format!("{} <{}>", author.name, author.email);
        self.markers
            .excluded(&normal::fold(&text))
            .is_some_and(|exclusion| exclusion.quotes)
    }

    /// A note of git-ai: paths and line ranges, a line `---`, then JSON that lists the agents' prompts or
    /// sessions. Without any, the note attests that a person wrote the commit. Source: git-ai's authorship/3.0.0.
    fn note(&mut self, note: &Note<'_>, change: &Change) {
        let marks = self.markers.note(note.from);
        let Some(json) = note.text.split_once("\n---\n").map(|(_, json)| json) else {
            return;
        };
        let Ok(json) = serde_json::from_str::<serde_json::Value>(json) else {
            return;
        };
        let agents = ["prompts", "sessions"]
            .into_iter()
            .filter_map(|key| json.get(key)?.as_object());
        let mut agents = agents.flat_map(|entries| entries.values());
        let Some(first) = agents.next() else { return };
        let tool = first
            .pointer("/agent_id/tool")
            .and_then(|tool| tool.as_str())
            .unwrap_or_default();
        let at = change
            .commits
            .iter()
            .position(|commit| commit.oid == *note.commit);
        for mark in marks {
            self.hit(mark, Place::Note, &format!("{}: {tool}", note.from), at);
            if let (Some(hit), Some(named)) = (self.hits.last_mut(), self.markers.named(tool)) {
                hit.tool = Some(named);
            }
        }
    }

    fn files(&mut self, patch: &Patch<'_>) {
        for file in &patch.files {
            let path = file.display_path();
            for mark in self.markers.file(&path) {
                if mark.marker.role == Role::Context || traces_an_agent(file) {
                    self.hit(mark, Place::File(path.clone()), &path, None);
                }
            }
        }
    }

    /// Number of commits that carry a sure mark of an agent as author.
    pub(super) fn commits_by_agents(&self) -> usize {
        let sure = |hit: &&Hit<'_>| {
            hit.mark.marker.role == Role::Author && hit.mark.marker.strength > Strength::Weak
        };
        self.hits
            .iter()
            .filter(sure)
            .filter_map(|hit| hit.commit)
            .collect::<BTreeSet<_>>()
            .len()
    }

    /// One piece of evidence for each mark, tool and place, surest first.
    pub(super) fn evidence(&self, of: u32) -> Vec<Evidence> {
        let mut groups: BTreeMap<Key<'_>, (&Hit<'_>, BTreeSet<usize>)> = BTreeMap::new();
        for hit in &self.hits {
            let key = (
                hit.mark.marker.id.as_str(),
                hit.tool.as_deref(),
                hit.place.to_string(),
            );
            let (_, commits) = groups.entry(key).or_insert_with(|| (hit, BTreeSet::new()));
            commits.extend(hit.commit);
        }
        let mut evidence: Vec<Evidence> = groups
            .into_values()
            .map(|(hit, commits)| Evidence {
                marker: hit.mark.marker.id.clone(),
                tool: hit.tool.clone(),
                role: hit.mark.marker.role,
                strength: hit.mark.marker.strength,
                place: hit.place.clone(),
                text: hit.text.clone(),
                commits: u32::try_from(commits.len())
                    .ok()
                    .filter(|matched| *matched > 0)
                    .map(|matched| Matched { matched, of }),
            })
            .collect();
        let rank = |role: Role| match role {
            Role::Author => 0,
            Role::Assisted => 1,
            Role::Suggestion => 2,
            Role::Claim => 3,
            Role::Context => 4,
        };
        let commits = |one: &Evidence| one.commits.map_or(u32::MAX, |matched| matched.matched);
        evidence.sort_by_key(|one| {
            (
                std::cmp::Reverse(one.strength),
                rank(one.role),
                std::cmp::Reverse(commits(one)),
            )
        });
        evidence
    }
}

/// The address that the forge writes for an account, so that one pattern serves commits and accounts.
fn address(person: &Person) -> String {
    let login = &person.login;
    match &person.id {
        Some(id) => format!("{login} <{id}+{login}@users.noreply.github.com>"),
        None => format!("{login} <{login}@users.noreply.github.com>"),
    }
}

/// An added line that attributes code to an agent. Source: cursor/agent-trace 0.1.0.
fn traces_an_agent(file: &FilePatch<'_>) -> bool {
    file.lines()
        .filter(|line| line.kind == LineKind::Added)
        .any(|line| {
            let text: String = String::from_utf8_lossy(line.text).split_whitespace().collect();
            text.contains(r#""type":"ai""#) || text.contains(r#""type":"mixed""#)
        })
}
