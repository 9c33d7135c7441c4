//! From what the forge sent to what is held: parse, classify, assess, and the digest of what will be shown.

use countersign_assess::{ComponentSpec, Known, assess_with, verdict};
use countersign_core::change::Change;
use countersign_core::evidence::{self, Classification, Extra, Involvement, Markers, Note};
use countersign_core::finding::{Assessment, NotAssessed};
use countersign_core::patch::{self, Patch};
use countersign_core::policy::{Policy, Require, Requirement, Touched, Undeclared};
use countersign_core::queue;
use sha2::{Digest as _, Sha256};

use crate::store::{Facts, Held};
use crate::whole::Whole;

/// Makes what is held of a change. CPU-bound, so it runs beside the loop.
pub(crate) async fn make(
    change: Change,
    facts: Facts,
    diff: Option<Vec<u8>>,
    whole: Whole,
    viewer: &str,
) -> Held {
    let viewer = viewer.to_owned();
    let spare = (change.clone(), facts.clone(), viewer.clone());
    let work = tokio::task::spawn_blocking(move || make_now(change, facts, diff.as_deref(), &whole, &viewer));
    match work.await {
        Ok(held) => held,
        // A fault of ours, in a rule or a parser. It must neither look like a change without findings nor keep the
        // other changes from being read.
        Err(error) => {
            let (change, facts, viewer) = spare;
            tracing::error!(change = %change.id, %error, "a change could not be assessed");
            unassessed(change, facts, &viewer)
        }
    }
}

/// What is held of a change on which an assessment broke: nothing of it is judged, so it cannot be approved here.
fn unassessed(change: Change, mut facts: Facts, viewer: &str) -> Held {
    facts.missing = vec![(
        String::new(),
        "a fault in Countersign broke off its assessment: read it at the forge, and please report it".into(),
    )];
    let assessment = Assessment {
        not_assessed: facts
            .missing
            .iter()
            .map(|(path, reason)| NotAssessed {
                path: path.clone(),
                reason: reason.clone(),
            })
            .collect(),
        ..Assessment::default()
    };
    let patch_sha256 = patch::digest(&[]);
    let assessment_sha256 = assessment_digest(&assessment);
    Held {
        section: queue::section(&change, viewer),
        needs_sign_off: true,
        involvement_words: "It could not be looked for marks of AI tools, so it is treated as AI-assisted."
            .into(),
        classification: Classification {
            involvement: Involvement::Suspected,
            tool: None,
            evidence: Vec::new(),
            automation: None,
            commits_unread: change.commit_count,
        },
        assessment,
        read: false,
        facts,
        seen: seen(&change, &patch_sha256, &assessment_sha256),
        patch_sha256,
        assessment_sha256,
        change,
    }
}

/// Digest over what is shown: names it when a decision is made on it.
fn seen(change: &Change, patch_sha256: &str, assessment_sha256: &str) -> String {
    hex(Sha256::digest(format!(
        "{}\n{}\n{patch_sha256}\n{assessment_sha256}\n",
        change.head.oid, change.target.branch
    )))
}

fn make_now(change: Change, facts: Facts, diff: Option<&[u8]>, whole: &Whole, viewer: &str) -> Held {
    let policy = facts.policy.as_deref().map(Policy::parse);
    let specs = match &policy {
        Some(Ok(policy)) => components(policy),
        Some(Err(_)) | None => Vec::new(),
    };
    let parsed = diff.map(Patch::parse);
    let notes: Vec<Note<'_>> = facts
        .notes
        .iter()
        .map(|note| Note {
            from: "refs/notes/ai",
            commit: &note.commit,
            text: &note.text,
        })
        .collect();
    let extra = Extra {
        patch: parsed.as_ref().and_then(|parsed| parsed.as_ref().ok()),
        notes: &notes,
    };
    let (classification, involvement) = classify(
        &change,
        extra,
        policy.as_ref().and_then(|policy| policy.as_ref().ok()),
    );
    let mut assessment = match &parsed {
        Some(parsed) => {
            let known = Known {
                components: &specs,
                sides: &whole.sides,
                manifests: &whole.manifests,
            };
            assess_with(&change, parsed.as_ref(), known)
        }
        None => Assessment::default(),
    };
    for (path, reason) in &facts.missing {
        assessment.not_assessed.push(NotAssessed {
            path: path.clone(),
            reason: reason.clone(),
        });
    }
    if diff.is_none() && facts.missing.is_empty() {
        assessment.not_assessed.push(NotAssessed {
            path: String::new(),
            reason: "the forge sent no diff".into(),
        });
    }
    if change.commit_count > change.commits.len() as u64 {
        assessment.not_assessed.push(NotAssessed {
            path: String::new(),
            reason: format!(
                "only {} of {} commits were read",
                change.commits.len(),
                change.commit_count
            ),
        });
    }
    if let Some(Err(error)) = &policy {
        assessment.not_assessed.push(NotAssessed {
            path: ".github/countersign.toml".into(),
            reason: format!("the policy on the target branch cannot be read: {error}"),
        });
    }
    let requirement = policy
        .as_ref()
        .and_then(|policy| policy.as_ref().ok())
        .map(|policy| requirement(policy, parsed.as_ref().and_then(|parsed| parsed.as_ref().ok())));
    let (needs_sign_off, involvement_words) = needs_sign_off(involvement, requirement.as_ref());
    let patch_sha256 = patch::digest(diff.unwrap_or_default());
    let assessment_sha256 = assessment_digest(&assessment);
    Held {
        section: queue::section(&change, viewer),
        needs_sign_off,
        involvement_words,
        classification,
        assessment,
        read: diff.is_some(),
        facts,
        seen: seen(&change, &patch_sha256, &assessment_sha256),
        patch_sha256,
        assessment_sha256,
        change,
    }
}

/// What is shown as evidence, and the involvement that decides whether a sign-off is needed: what a policy mutes is
/// not shown, and counts all the same.
fn classify(change: &Change, extra: Extra<'_>, policy: Option<&Policy>) -> (Classification, Involvement) {
    let custom = policy
        .map(|policy| &policy.markers)
        .filter(|custom| !custom.is_empty());
    let tables = custom.and_then(|custom| {
        let tables = (Markers::for_window(custom), Markers::for_gate(custom));
        Some((tables.0.ok()?, tables.1.ok()?))
    });
    match tables {
        Some((window, gate)) => (
            evidence::classify_with(&window, change, extra),
            evidence::classify_with(&gate, change, extra).involvement,
        ),
        None => {
            let found = evidence::classify(change, extra);
            let involvement = found.involvement;
            (found, involvement)
        }
    }
}

/// SHA-256 of the assessment's stored bytes.
fn assessment_digest(assessment: &Assessment) -> String {
    let bytes = serde_json::to_vec(assessment).expect("an assessment holds only strings, numbers and lists");
    hex(Sha256::digest(bytes))
}

pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn components(policy: &Policy) -> Vec<ComponentSpec> {
    policy
        .components
        .iter()
        .map(|component| ComponentSpec {
            name: component.name.clone(),
            paths: component
                .paths
                .iter()
                .map(|path| path.as_str().to_owned())
                .collect(),
            tier: component.tier,
            depends_on: component.depends_on.clone(),
        })
        .collect()
}

/// What the policy asks of a change with this diff; without one, every rule counts.
pub(crate) fn requirement(policy: &Policy, patch: Option<&Patch<'_>>) -> Requirement {
    let touched: Option<Vec<Touched<'_>>> = patch.map(|patch| {
        patch
            .files
            .iter()
            .flat_map(|file| {
                let paths = [&file.old_path, &file.new_path].into_iter().flatten();
                let modes = [file.old_mode, file.new_mode];
                paths.map(move |path| Touched::new(path.as_ref(), modes.into_iter().flatten()))
            })
            .collect()
    });
    policy.requirement_for(touched.as_deref(), &[])
}

/// Whether the change needs a sign-off by what is known here, and why, in words. The gate decides again by itself;
/// here the stricter reading is shown: without a policy, or where nobody said, a sign-off is asked for.
fn needs_sign_off(involvement: Involvement, requirement: Option<&Requirement>) -> (bool, String) {
    let all = requirement.is_some_and(|requirement| requirement.require == Require::All);
    let undeclared = requirement.map(|requirement| requirement.undeclared);
    match involvement {
        Involvement::Authored | Involvement::Assisted | Involvement::SuggestionApplied => {
            (true, String::new())
        }
        Involvement::Suspected => (
            true,
            "Only weak marks: it may be AI-assisted, so it is treated as such.".into(),
        ),
        Involvement::DeclaredNone | Involvement::Undeclared => {
            let who = if involvement == Involvement::DeclaredNone {
                "The author says that no AI was used, which is a claim and not a clearance"
            } else {
                "Nobody said whether AI helped"
            };
            match undeclared {
                _ if all => (
                    true,
                    format!("{who}; the policy asks for a sign-off on every change."),
                ),
                Some(Undeclared::Allow) => (false, format!("{who}; the policy asks for no sign-off then.")),
                Some(Undeclared::Require) => (true, format!("{who}; the policy asks for a sign-off then.")),
                None => (
                    true,
                    format!("{who}, and the target branch has no readable policy: shown to be safe."),
                ),
            }
        }
    }
}

/// The verdict as one plain sentence, for a notice.
pub(crate) fn sentence(held: &Held) -> String {
    verdict::verdict(&held.change, &held.classification, &held.assessment)
        .lead
        .iter()
        .map(|run| run.text.as_str())
        .collect()
}
