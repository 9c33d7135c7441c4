//! A change opened for reading: the verdict, its proof, and the files, from what is held on this machine.

use std::collections::BTreeMap;

use countersign_assess::verdict;
use countersign_core::change::{AccountKind, Change, CheckState, Oid};
use countersign_core::finding::{Finding, Severity, Side};
use countersign_core::patch::{FileKind as PatchKind, FilePatch, FileType, LineKind, Patch};

use crate::account::Account;
use crate::counting;
use crate::engine::{Engine, beside};
use crate::ground;
use crate::holding;
use crate::late::late;
use crate::markdown::markdown;
use crate::noted;
use crate::ports::{Desktop, Forge};
use crate::proof;
use crate::queue_view::{badge, decision_row, person, severity};
use crate::ready::must_acknowledge;
use crate::rows::{rows, visible};
use crate::since::Since;
use crate::store::{Acknowledgement, Held, Looked};
use crate::view::{
    ChangeView, CheckView, Code, Failure, FileEntry, FileKind, FileView, FindingView, NotAssessedView, Run,
    VerdictView,
};
use crate::withdrawing;

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// Opens a change. From now on it counts as shown at this head.
    pub async fn change(&self, id: String) -> Result<ChangeView, Failure> {
        let account = self.signed_in()?;
        let engine = self.clone();
        beside(move || {
            let held = engine.held(&id)?;
            let view = engine.change_view(&account, &held)?;
            engine.store().look(&held, engine.now())?;
            Ok(view)
        })
        .await
    }

    /// One file's diff.
    pub async fn file(&self, id: String, head: String, index: u32) -> Result<FileView, Failure> {
        let held = self.shown(&id, &head)?;
        let (diff, then) = self.diffs(&held)?;
        let rows = beside(move || {
            let patch = Patch::parse(&diff).ok();
            let then = then.as_deref().and_then(|bytes| Patch::parse(bytes).ok());
            let since = Since::of(then.as_ref());
            let file = patch
                .as_ref()
                .and_then(|patch| patch.files.get(usize::try_from(index).ok()?));
            file.map(|file| rows(file, since.fresh(file)))
                .ok_or_else(|| Failure::other("There is no such file in the diff.", ""))
        })
        .await?;
        Ok(FileView { index, head, rows })
    }

    /// The diff that is held, and the one that the user last looked at before.
    fn diffs(&self, held: &Held) -> Result<(Vec<u8>, Option<Vec<u8>>), Failure> {
        let (target, head) = (&held.change.target.oid, &held.change.head.oid);
        let store = self.store();
        let then = match earlier(&store.looked(&held.change.id)?, head) {
            Some(looked) => store.diff_of(&looked.head, target)?,
            None => None,
        };
        Ok((store.diff(target, head)?.unwrap_or_default(), then))
    }

    /// Marks a file as viewed at this head, or takes the mark away.
    pub async fn mark_viewed(
        &self,
        id: String,
        head: String,
        index: u32,
        viewed: bool,
    ) -> Result<(), Failure> {
        let held = self.shown(&id, &head)?;
        let diff = self
            .store()
            .diff(&held.change.target.oid, &held.change.head.oid)?
            .unwrap_or_default();
        let path = Patch::parse(&diff)
            .ok()
            .and_then(|patch| {
                patch
                    .files
                    .get(usize::try_from(index).ok()?)
                    .map(FilePatch::display_path)
            })
            .ok_or_else(|| Failure::other("There is no such file in the diff.", ""))?;
        self.store()
            .set_viewed(&held.change.id, &held.change.head.oid, &visible(&path), viewed)?;
        self.changed();
        Ok(())
    }

    /// Acknowledges a finding at this head, or takes that back. Without a note the one that is there stays.
    pub async fn acknowledge(
        &self,
        id: String,
        head: String,
        finding: String,
        acknowledged: bool,
        note: Option<String>,
    ) -> Result<(), Failure> {
        let held = self.shown(&id, &head)?;
        if !held.assessment.findings.iter().any(|known| known.id == finding) {
            return Err(Failure::other(
                "There is no such finding at this head.",
                "Read the change again.",
            ));
        }
        let note = note.as_deref().map(noted::kept).transpose()?;
        let (id, head) = (&held.change.id, &held.change.head.oid);
        if acknowledged {
            self.store()
                .acknowledge(id, head, &finding, self.now(), note.as_deref())?;
        } else {
            self.store().take_back_acknowledgement(id, head, &finding)?;
        }
        self.changed();
        Ok(())
    }

    /// What is held, if it is still at this head.
    fn shown(&self, id: &str, head: &str) -> Result<Held, Failure> {
        let held = self.held(id)?;
        if held.change.head.oid.as_str() != head {
            return Err(Failure::coded(
                Code::Moved,
                format!("The head moved to {}.", held.change.head.oid.short()),
                "The change is read again.",
            ));
        }
        Ok(held)
    }

    pub(crate) fn change_view(&self, account: &Account, held: &Held) -> Result<ChangeView, Failure> {
        let change = &held.change;
        let key = self.live().key.clone();
        let (online, at, data_at) = (self.is_answered(), self.now(), self.live().refreshed_at);
        let store = self.store();
        let diff = store.diff(&change.target.oid, &change.head.oid)?;
        let viewed = store.viewed(&change.id, &change.head.oid)?;
        let acknowledged = store.acknowledged(&change.id, &change.head.oid)?;
        let looked = store.looked(&change.id)?;
        let late = late(store.read_at(&change.id)?, data_at);
        let given = holding::latest(&store, account, &change.id, at)?;
        let holding = |entry: &str| {
            let given = given.as_ref().filter(|given| given.entry.entry == entry)?;
            Some(given.view(online, at))
        };
        let decided = store
            .decisions_on(&change.id)?
            .into_iter()
            .find(|entry| entry.head == change.head.oid && !entry.hidden)
            .map(|entry| decision_row(&entry, account, holding(&entry.entry)));
        let mut approval = withdrawing::standing(&store, change, account)?;
        if let (Some(approval), Some(given)) = (&mut approval, &given)
            && given.entry.review.as_ref() == Some(&approval.review)
        {
            approval.holding = holding(&given.entry.entry);
        }
        let earlier = earlier(&looked, &change.head.oid);
        let then = match earlier {
            Some(looked) => store.diff_of(&looked.head, &change.target.oid)?,
            None => None,
        };
        drop(store);
        let patch = diff.as_deref().and_then(|bytes| Patch::parse(bytes).ok());
        let then = then.as_deref().and_then(|bytes| Patch::parse(bytes).ok());
        let since = Since::of(then.as_ref());
        let files = patch
            .as_ref()
            .map(|patch| files(patch, held, &viewed, &since))
            .unwrap_or_default();
        let findings = held
            .assessment
            .findings
            .iter()
            .map(|finding| {
                let done = acknowledged.iter().find(|done| done.finding == finding.id);
                finding_view(finding, patch.as_ref(), done)
            })
            .collect();
        let verdict = verdict::verdict(change, &held.classification, &held.assessment);
        let will_count =
            counting::will_count(&account.viewer, held, patch.as_ref(), key.as_ref(), self.now());
        Ok(ChangeView {
            id: self.handle(&change.id),
            account: self.inner.options.account.to_string(),
            repo: change.id.repo.clone(),
            number: change.id.number,
            url: change.url.clone(),
            host: change.id.host.clone(),
            title: visible(&change.title),
            author: author(change),
            target: visible(&change.target.branch),
            created_at: change.created_at.to_string(),
            head: change.head.oid.to_string(),
            seen: held.seen.clone(),
            html: markdown(&change.body),
            verdict: VerdictView {
                severity: severity(verdict.severity),
                lead: verdict
                    .lead
                    .iter()
                    .map(|run| Run {
                        strong: run.strong,
                        ..Run::plain(visible(&run.text))
                    })
                    .collect(),
                second: visible(&verdict.second),
            },
            badge: badge(&held.classification),
            involvement_words: held.involvement_words.clone(),
            evidence: proof::evidence(held),
            findings,
            components: held.assessment.components.iter().map(proof::component).collect(),
            components_words: proof::components_words(held),
            not_assessed: not_assessed(held, diff.is_some()),
            measures: proof::context(held),
            checks: change
                .checks
                .iter()
                .map(|check| CheckView {
                    name: visible(&check.name),
                    state: match check.state {
                        CheckState::Passed => "passed",
                        CheckState::Failed => "failed",
                        CheckState::Running => "running",
                        CheckState::Skipped => "skipped",
                    }
                    .into(),
                })
                .collect(),
            reviews: proof::reviews(held, account),
            ground: ground::ground(change, &held.facts, patch.as_ref()),
            since_last: earlier.map(|looked| since.words(change, looked, patch.as_ref())),
            files,
            will_count,
            key,
            decided,
            approval,
            draft: change.draft,
            as_of: late,
        })
    }
}

/// `diff`: it is held.
fn not_assessed(held: &Held, diff: bool) -> Vec<NotAssessedView> {
    let missing = (held.assessment.not_assessed.iter()).map(|missing| NotAssessedView {
        path: visible(&missing.path),
        reason: visible(&missing.reason),
    });
    let given_up = (held.read && !diff).then(|| NotAssessedView {
        path: String::new(),
        reason: "its diff was given up for others, to save space; it is read again when it waits for you"
            .into(),
    });
    missing.chain(given_up).collect()
}

fn author(change: &Change) -> String {
    let name = change
        .author
        .as_ref()
        .map_or_else(|| "ghost".to_owned(), |author| visible(&author.login));
    let agent = change
        .author
        .as_ref()
        .is_some_and(|author| author.kind == AccountKind::Bot);
    let whom = person(change);
    if agent && whom != name {
        format!("{name} for {whom}")
    } else {
        name
    }
}

/// When the user last looked at another head than this.
fn earlier<'l>(looked: &'l [Looked], head: &Oid) -> Option<&'l Looked> {
    looked.iter().find(|looked| looked.head != *head)
}

fn files(patch: &Patch<'_>, held: &Held, viewed: &[String], since: &Since<'_>) -> Vec<FileEntry> {
    let mut worst: BTreeMap<&str, Severity> = BTreeMap::new();
    for finding in &held.assessment.findings {
        let entry = worst.entry(&finding.path).or_insert(finding.severity);
        *entry = (*entry).max(finding.severity);
    }
    let number = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    patch
        .files
        .iter()
        .map(|file| {
            let path = visible(&file.display_path());
            let old = file.display_old_path();
            let moved = matches!(file.kind, PatchKind::Renamed | PatchKind::Copied);
            let found = worst
                .get(file.display_path().as_str())
                .max(worst.get(old.as_str()));
            FileEntry {
                old_path: moved.then(|| visible(&old)),
                kind: match file.kind {
                    PatchKind::Added => FileKind::Added,
                    PatchKind::Deleted => FileKind::Deleted,
                    PatchKind::Modified => FileKind::Modified,
                    PatchKind::Renamed => FileKind::Renamed,
                    PatchKind::Copied => FileKind::Copied,
                },
                additions: number(file.count(LineKind::Added)),
                deletions: number(file.count(LineKind::Removed)),
                note: note(file),
                severity: severity(found.copied()),
                viewed: viewed.contains(&path),
                fresh: since.is_fresh(file),
                path,
            }
        })
        .collect()
}

fn note(file: &FilePatch<'_>) -> Option<String> {
    let kind = match file.file_type() {
        Some(FileType::Submodule) => Some("submodule"),
        Some(FileType::Symlink) => Some("symbolic link"),
        _ if file.binary => Some("binary"),
        _ => None,
    };
    let mode = match (file.old_mode, file.new_mode) {
        (Some(old), Some(new)) if old != new => Some(format!("mode {old:06o} → {new:06o}")),
        _ => None,
    };
    match (kind, mode) {
        (Some(kind), Some(mode)) => Some(format!("{kind}, {mode}")),
        (Some(kind), None) => Some(kind.to_owned()),
        (None, Some(mode)) => Some(mode),
        (None, None) if file.hunks.is_empty() => Some(
            match file.kind {
                PatchKind::Added => "empty",
                PatchKind::Deleted => "it was empty",
                PatchKind::Modified | PatchKind::Renamed | PatchKind::Copied => "no lines changed",
            }
            .to_owned(),
        ),
        (None, None) => None,
    }
}

fn finding_view(finding: &Finding, patch: Option<&Patch<'_>>, done: Option<&Acknowledgement>) -> FindingView {
    let place = patch.and_then(|patch| place(finding, patch));
    FindingView {
        id: finding.id.clone(),
        rule: finding.rule.clone(),
        severity: severity(Some(finding.severity)),
        title: title(finding),
        family: finding.family.clone(),
        why: visible(&finding.why),
        check: visible(&finding.check),
        note: finding.note.clone(),
        path: visible(&finding.path),
        file: place.map(|(file, _)| file),
        row: place.and_then(|(_, row)| row),
        line: finding.line,
        must_acknowledge: must_acknowledge(finding),
        acknowledged_at: done.map(|done| done.at.to_string()),
        noted: done.map(|done| done.note.clone()).unwrap_or_default(),
    }
}

/// The title with its subject in strong type.
fn title(finding: &Finding) -> Vec<Run> {
    let text = visible(&finding.title);
    let subject = finding
        .subject
        .as_deref()
        .map(visible)
        .filter(|subject| !subject.is_empty());
    match subject
        .as_deref()
        .and_then(|subject| text.split_once(subject).map(|parts| (parts, subject)))
    {
        Some(((before, after), subject)) => {
            let mut runs = vec![Run::plain(before), Run::strong(subject), Run::plain(after)];
            runs.retain(|run| !run.text.is_empty());
            runs
        }
        None => vec![Run::plain(text)],
    }
}

/// File and row of a finding: its line's place among the rows that `rows` makes of the file.
fn place(finding: &Finding, patch: &Patch<'_>) -> Option<(u32, Option<u32>)> {
    let index = patch.files.iter().position(|file| {
        let path = match finding.side {
            Side::Old => file.display_old_path(),
            Side::New => file.display_path(),
        };
        path == finding.path || file.display_path() == finding.path
    })?;
    let file = u32::try_from(index).ok()?;
    let Some(line) = finding.line else {
        return Some((file, None));
    };
    let mut row = 0u32;
    for hunk in &patch.files[index].hunks {
        row += 1;
        for entry in &hunk.lines {
            let here = match (finding.side, entry.kind) {
                (Side::Old, LineKind::Removed) => entry.old == Some(line),
                (Side::New, LineKind::Added | LineKind::Context) => entry.new == Some(line),
                (Side::Old, LineKind::Added | LineKind::Context) | (Side::New, LineKind::Removed) => false,
            };
            if here {
                return Some((file, Some(row)));
            }
            row += 1 + u32::from(entry.no_newline);
        }
    }
    Some((file, None))
}
