//! The end of step 2: whether a change needs a sign-off at all. Decided from what the forge reports and by the same
//! evidence as in the app; labels play no part, because the author can take them away.

use jiff::Timestamp;

use super::Changes;
use super::input::{self, Input};
use super::objects::{AI_NOTES, Objects};
use super::people::People;
use super::trust::Trust;
use crate::change::{self, ChangeId, Head, Oid, Target};
use crate::changeset::Changed;
use crate::evidence::{self, Custom, Extra, Involvement, Markers, Note};
use crate::patch::Patch;
use crate::policy::{Require, Requirement, Undeclared};
use crate::reason::{Fault, Reason};

/// A change that alters more files in which marks can stand is none of which nobody said.
const MOST_TRACES: usize = 500;

/// Why no sign-off is needed, if so.
pub(super) fn exemption(
    input: &Input,
    people: &People,
    trust: &Trust,
    requirement: &Requirement,
    changes: &Changes,
    objects: Option<&dyn Objects>,
) -> Result<Option<String>, Fault> {
    if requirement.guarded {
        return Ok(None);
    }
    match people.exempt(&trust.rules.policy, requirement) {
        Some(why) => Ok(Some(why)),
        None => nobody_said(input, &trust.markers, requirement, changes, objects),
    }
}

/// Where an undeclared change may pass: that this is one. Marks that are too weak to be sure of count as AI; the author's
/// word that there was none is no clearance, so such a change is an undeclared one. So it must be by the marks of every
/// policy that adds some. Git notes can only add a mark: that there are none means nothing. Where a mark could stand in a
/// file's lines and nobody can read them, or the paths themselves are not known, it counts as standing there.
fn nobody_said(
    input: &Input,
    marks: &[Custom],
    requirement: &Requirement,
    changes: &Changes,
    objects: Option<&dyn Objects>,
) -> Result<Option<String>, Fault> {
    match (requirement.require, requirement.undeclared) {
        (Require::AiAssisted, Undeclared::Allow) => {}
        (Require::All, _) | (_, Undeclared::Require) => return Ok(None),
    }
    let (Some(change), Ok((changed, _))) = (as_the_app_reads_it(input), changes) else {
        return Ok(None);
    };
    let commits: Vec<&Oid> = change.commits.iter().map(|commit| &commit.oid).collect();
    let noted = objects.map_or(Ok(Vec::new()), |objects| objects.ai_notes(&commits))?;
    let notes: Vec<Note<'_>> = noted
        .iter()
        .map(|(commit, text)| Note {
            from: AI_NOTES,
            commit,
            text,
        })
        .collect();
    for marks in marks {
        // A table that cannot be built lets nothing pass.
        let Ok(markers) = Markers::for_gate(marks) else {
            return Ok(None);
        };
        let Some(lines) = lines(input, &markers, changed, objects)? else {
            return Ok(None);
        };
        let patch = Patch::parse(&lines)
            .map_err(|error| Reason::InputMissing.because(format!("git's diff cannot be read: {error}")))?;
        let extra = Extra {
            patch: Some(&patch),
            notes: &notes,
        };
        let found = evidence::classify_with(&markers, &change, extra);
        match found.involvement {
            Involvement::Undeclared | Involvement::DeclaredNone if found.commits_unread == 0 => {}
            Involvement::Undeclared
            | Involvement::DeclaredNone
            | Involvement::Authored
            | Involvement::Assisted
            | Involvement::SuggestionApplied
            | Involvement::Suspected => return Ok(None),
        }
    }
    let why = "nothing says that AI helped, and the policy lets such changes pass";
    Ok(Some(why.to_owned()))
}

/// The diff of those files in whose added lines a mark can stand. `None` where there are such files and nobody can read
/// them.
fn lines(
    input: &Input,
    markers: &Markers,
    changed: &[Changed],
    objects: Option<&dyn Objects>,
) -> Result<Option<Vec<u8>>, Fault> {
    let paths: Vec<&[u8]> = changed
        .iter()
        .filter(|one| one.new.is_some() && markers.can_stand_in_lines(&String::from_utf8_lossy(&one.path)))
        .map(|one| one.path.as_slice())
        .collect();
    if paths.is_empty() {
        return Ok(Some(Vec::new()));
    }
    match (objects, input.content.merge_bases.as_slice()) {
        (Some(objects), [base]) if paths.len() <= MOST_TRACES => {
            objects.diff(base, &input.change.head, &paths).map(Some)
        }
        _ => Ok(None),
    }
}

/// The change with what the evidence reads, and nothing in place of the rest. `None` where the number is no number that
/// a change can have.
fn as_the_app_reads_it(input: &Input) -> Option<change::Change> {
    let (forge, change) = (&input.forge, &input.change);
    let branch = change.target_ref.strip_prefix("refs/heads/");
    Some(change::Change {
        id: ChangeId {
            host: forge.host.clone(),
            repo: forge.repo.clone(),
            number: change.number.parse().ok()?,
        },
        node_id: String::new(),
        change_id: change.change_id.clone(),
        repo_id: forge.repo_id.clone(),
        url: String::new(),
        title: String::new(),
        body: change.body.clone(),
        author: change.author.as_ref().map(person),
        state: change.state,
        draft: change.draft,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        head: Head {
            branch: change.head_branch.clone(),
            oid: change.head.clone(),
            repo: None,
        },
        target: Target {
            branch: branch.unwrap_or(&change.target_ref).to_owned(),
            oid: input.trust.target_tip.clone(),
        },
        asked: Vec::new(),
        requested: Vec::new(),
        labels: Vec::new(),
        assignees: Vec::new(),
        commits: input.commits.items.iter().map(commit).collect(),
        commit_count: input.commits.total,
        additions: 0,
        deletions: 0,
        changed_files: 0,
        checks: Vec::new(),
        reviews: Vec::new(),
        own_review: None,
        operators: Vec::new(),
        conflicting: false,
    })
}

fn person(person: &input::Person) -> change::Person {
    change::Person {
        login: person.login.clone(),
        id: person.id.clone(),
        kind: person.kind,
    }
}

fn commit(commit: &input::Commit) -> change::Commit {
    let identity = |identity: &input::Identity| change::Identity {
        name: identity.name.clone(),
        email: identity.email.clone(),
        account: identity.account.as_ref().map(person),
    };
    change::Commit {
        oid: commit.oid.clone(),
        tree: commit.tree.clone(),
        message: commit.message.replace("\r\n", "\n"),
        author: identity(&commit.author),
        committer: identity(&commit.committer),
        committed_at: commit.committed_at,
    }
}
