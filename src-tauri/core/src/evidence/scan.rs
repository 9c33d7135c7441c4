//! Reads every channel of a change and collects what matches.

use std::collections::{BTreeMap, BTreeSet};

use super::letters::{self, fold};
use super::marks::{LineHit, Mark, ValueHit};
use super::table::{Markers, Surface};
use super::{Evidence, Extra, Matched, Note, Place, Role, Strength, normal, shown};
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

/// Looks for the marks of one surface.
type Find<'m> = fn(&'m Markers, &str) -> Vec<ValueHit<'m>>;

/// More trailers in one message prove nothing more.
const MOST_TRAILERS: usize = 500;

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
        scan.account(author, &Place::Account, None);
        let excluded = markers
            .excluded(&address(author))
            .filter(|_| author.kind == AccountKind::Bot);
        quotes = excluded.is_some_and(|exclusion| exclusion.quotes);
        scan.automation = excluded.map(|exclusion| exclusion.id.clone());
    }
    scan.values(&change.head.branch, &Place::Branch, Markers::branch);
    for label in &change.labels {
        scan.values(label, &Place::Label, Markers::label);
    }
    if !quotes {
        scan.text(&change.body, &Place::Body, None);
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
    fn hit(&mut self, mark: &'m Mark, place: Place, text: String, subject: &str, commit: Option<usize>) {
        let tool = mark.marker.tool.clone();
        let tool = tool.or_else(|| self.markers.names().tool(subject));
        self.hits.push(Hit {
            mark,
            place,
            text,
            tool,
            commit,
        });
    }

    /// `searched` is the folded text that the marks were found in, `text` what is shown of it.
    fn value(&mut self, hit: &ValueHit<'m>, place: Place, searched: &str, text: &str, commit: Option<usize>) {
        let text = shown::around(text, &searched[hit.at.clone()]);
        let names = self.markers.names();
        let near = &searched[hit.at.start..];
        let subject = if names.tool(near).is_some() {
            near
        } else {
            searched
        };
        self.hit(hit.mark, place, text, subject, commit);
    }

    fn values(&mut self, text: &str, place: &Place, find: Find<'m>) {
        let searched = fold(text);
        for hit in find(self.markers, &searched) {
            self.value(&hit, place.clone(), &searched, text, None);
        }
    }

    fn account(&mut self, person: &Person, place: &Place, commit: Option<usize>) {
        let kind = match person.kind {
            AccountKind::User => "user",
            AccountKind::Bot => "bot",
            AccountKind::Other => "other",
        };
        let text = format!("{} {kind} {}", person.login, person.id.as_deref().unwrap_or("-"));
        let searched = fold(&text);
        for hit in self.markers.account(&searched) {
            self.value(&hit, place.clone(), &searched, &person.login, commit);
        }
    }

    fn identity(&mut self, text: &str, place: &Place, commit: Option<usize>) {
        let searched = fold(text);
        let address = searched.rfind('<').map_or("", |at| &searched[at..]);
        let excluded = self.markers.excluded(address).is_some();
        for hit in self.markers.identity(&searched) {
            // An excluded name in front of an agent's own address is still the agent's address.
            if !excluded || hit.mark.marker.strength == Strength::Definitive {
                self.value(&hit, place.clone(), &searched, text, commit);
            }
        }
    }

    /// A description or a commit message: its `…-by:` lines, its lines, and what git reads as its trailers.
    fn text(&mut self, text: &str, place: &Place, commit: Option<usize>) {
        let clean = normal::clean(self.markers.names(), text);
        let lines = letters::lines(text);
        for by in trailers::by_lines(&clean.text) {
            if AUTHORSHIP.contains(&by.key.as_str()) {
                self.identity(&by.value, &by_line(place, by.key), commit);
            }
        }
        for hit in self.markers.lines(&clean.text) {
            let line = lines.get(hit.line).copied().unwrap_or_default();
            self.line(&hit, place, line, commit);
        }
        if let Some(joined) = &clean.joined {
            for hit in self.markers.lines(&joined.text) {
                let all = lines.get(hit.line..=joined.last(hit.line)).unwrap_or_default();
                self.line(&hit, place, &all.join(" "), commit);
            }
        }
        if let Some(whole) = &clean.with_comments {
            let hits = self.markers.lines(whole);
            for hit in hits.iter().filter(|hit| hit.mark.marker.comments) {
                let line = lines.get(hit.line).copied().unwrap_or_default();
                self.line(hit, place, line, commit);
            }
        }
        self.trailers(text, &lines, place, commit);
    }

    /// A fence or a comment cannot hide what git itself takes for a trailer.
    fn trailers(&mut self, text: &str, lines: &[&str], place: &Place, commit: Option<usize>) {
        let folded = fold(text);
        let mut found = trailers::parse(&folded);
        let as_git = letters::fold_as_git(text);
        if as_git != folded {
            found.extend(trailers::parse(&as_git));
        }
        for trailer in found.iter().take(MOST_TRAILERS) {
            let key = trailer.key.to_ascii_lowercase();
            if AUTHORSHIP.contains(&key.as_str()) {
                self.identity(&trailer.value, &by_line(place, key), commit);
            }
            let line = format!("{}: {}", trailer.key, trailer.value);
            let line = fold(&line);
            for hit in self.markers.lines(&line) {
                if hit.mark.marker.surface == Surface::Trailer && !self.has(hit.mark, place, commit) {
                    let original = lines.iter().find(|line| {
                        let line = fold(line);
                        line.starts_with(&trailer.key) && line.contains(&trailer.value)
                    });
                    self.line(&hit, place, original.copied().unwrap_or(&line), commit);
                }
            }
        }
    }

    fn has(&self, mark: &Mark, place: &Place, commit: Option<usize>) -> bool {
        let same = |hit: &Hit<'_>| {
            hit.mark.marker.id == mark.marker.id && hit.place == *place && hit.commit == commit
        };
        self.hits.iter().any(same)
    }

    fn line(&mut self, hit: &LineHit<'m>, place: &Place, line: &str, commit: Option<usize>) {
        let text = shown::around(line, &hit.matched);
        self.hit(hit.mark, place.clone(), text, &hit.subject, commit);
    }

    fn commit(&mut self, commit: &Commit, at: usize) {
        for (who, place) in [
            (&commit.author, Place::CommitAuthor),
            (&commit.committer, Place::Committer),
        ] {
            self.identity(&format!("{} <{}>", who.name, who.email), &place, Some(at));
            if let Some(account) = &who.account {
                self.account(account, &place, Some(at));
            }
        }
        if self.quotes(&commit.author) {
            return;
        }
        self.text(&commit.message, &Place::CommitMessage, Some(at));
        let subject = letters::lines(&commit.message)[0];
        let searched = fold(subject);
        for hit in self.markers.subject(&searched) {
            self.value(&hit, Place::CommitMessage, &searched, subject, Some(at));
        }
    }

    /// Whether a commit is by automation whose texts are other people's. Its name is free text: the address
    /// decides, and where the forge knows the account, the account.
    fn quotes(&self, author: &Identity) -> bool {
        let who = match &author.account {
            Some(account) if account.kind != AccountKind::Bot => return false,
            Some(account) => address(account),
            None => format!("<{}>", author.email),
        };
        self.markers
            .excluded(&fold(&who))
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
        for hit in marks {
            let text = shown::around(&format!("{}: {tool}", note.from), tool);
            self.hit(hit.mark, Place::Note, text, tool, at);
            if let (Some(hit), Some(named)) = (self.hits.last_mut(), self.markers.names().tool(tool)) {
                hit.tool = Some(named);
            }
        }
    }

    fn files(&mut self, patch: &Patch<'_>) {
        for file in &patch.files {
            let path = file.display_path();
            for hit in self.markers.file(&path) {
                if !hit.mark.stands_in_lines() || traces_an_agent(file) {
                    self.value(&hit, Place::File(path.clone()), &path, &path, None);
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

/// Where a `…-by:` line stands: in a description it is one line of it.
fn by_line(place: &Place, key: String) -> Place {
    if *place == Place::CommitMessage {
        Place::CommitTrailer(key)
    } else {
        place.clone()
    }
}

/// The address that the forge writes for an account, so that one pattern serves commits and accounts.
fn address(person: &Person) -> String {
    let login = &person.login;
    // One of the forge's interfaces leaves it out.
    let bot = if person.kind == AccountKind::Bot && !login.ends_with("[bot]") {
        "[bot]"
    } else {
        ""
    };
    match &person.id {
        Some(id) => format!("{login} <{id}+{login}{bot}@users.noreply.github.com>"),
        None => format!("{login} <{login}{bot}@users.noreply.github.com>"),
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
