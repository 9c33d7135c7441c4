//! The end of step 2: whether a change needs a sign-off at all. Decided from what the forge reports and by the same
//! evidence as in the app; labels play no part, because the author can take them away.

use jiff::Timestamp;

use super::input::{self, Input};
use super::people::People;
use super::trust::Trust;
use crate::change::{self, ChangeId, Head, Target};
use crate::evidence::{self, Custom, Extra, Involvement, Markers};
use crate::policy::{Require, Requirement, Undeclared};

/// Why no sign-off is needed, if so.
pub(super) fn exemption(
    input: &Input,
    people: &People,
    trust: &Trust,
    requirement: &Requirement,
) -> Option<String> {
    if requirement.guarded {
        return None;
    }
    people
        .exempt(&trust.policy, requirement)
        .or_else(|| nobody_said(input, &trust.markers, requirement))
}

/// Where an undeclared change may pass: that this is one. Marks that are too weak to be sure of count as AI; the author's
/// word that there was none is no clearance, so such a change is an undeclared one. So it must be by the marks of every
/// policy that adds some.
fn nobody_said(input: &Input, marks: &[Custom], requirement: &Requirement) -> Option<String> {
    match (requirement.require, requirement.undeclared) {
        (Require::AiAssisted, Undeclared::Allow) => {}
        (Require::All, _) | (_, Undeclared::Require) => return None,
    }
    let change = as_the_app_reads_it(input)?;
    for marks in marks {
        // A table that cannot be built lets nothing pass.
        let markers = Markers::for_gate(marks).ok()?;
        let found = evidence::classify_with(&markers, &change, Extra::default());
        match found.involvement {
            Involvement::Undeclared | Involvement::DeclaredNone if found.commits_unread == 0 => {}
            Involvement::Undeclared
            | Involvement::DeclaredNone
            | Involvement::Authored
            | Involvement::Assisted
            | Involvement::SuggestionApplied
            | Involvement::Suspected => return None,
        }
    }
    Some("nothing says that AI helped, and the policy lets such changes pass".to_owned())
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
