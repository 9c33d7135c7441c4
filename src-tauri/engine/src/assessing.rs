//! From what the forge sent to what is held: parse, classify, assess, and the digest of what will be shown.

use countersign_assess::{ComponentSpec, Known, assess_with, verdict};
use countersign_core::change::Change;
use countersign_core::evidence::{self, Classification, Extra, Involvement, Markers, Note};
use countersign_core::finding::{Assessment, NotAssessed};
use countersign_core::patch::{self, Patch};
use countersign_core::policy::Policy;
use countersign_core::queue;
use sha2::{Digest as _, Sha256};

use crate::asked::{Found, Policies, needs_sign_off};
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
    let policies = Policies::of(&facts);
    let specs = policies.read().first().map(components).unwrap_or_default();
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
    let (classification, involvement) = classify(&change, extra, policies.read());
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
    if let Policies::Unreadable(error) = &policies {
        assessment.not_assessed.push(NotAssessed {
            path: ".github/countersign.toml".into(),
            reason: format!("the policy on the target branch cannot be read: {error}"),
        });
    }
    let found = Found {
        involvement,
        unread: classification.commits_unread,
        patch: extra.patch,
    };
    let (needs_sign_off, involvement_words) = needs_sign_off(&found, &policies);
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

/// What is shown as evidence, by the marks of the repository's own policy, and the involvement that decides whether a
/// sign-off is needed, by those of every policy as at the gate: what one mutes is not shown, and counts all the same.
/// `None` where the marks of one cannot be used.
fn classify(change: &Change, extra: Extra<'_>, policies: &[Policy]) -> (Classification, Option<Involvement>) {
    let plain = evidence::classify(change, extra);
    let by = |policy: &Policy| {
        if policy.markers.is_empty() {
            return Some(plain.involvement);
        }
        let gate = Markers::for_gate(&policy.markers).ok()?;
        Some(evidence::classify_with(&gate, change, extra).involvement)
    };
    let all: Option<Vec<Involvement>> = policies.iter().map(by).collect();
    let involvement = all.map(|all| {
        let says = |one: &&Involvement| !matches!(one, Involvement::Undeclared | Involvement::DeclaredNone);
        *all.iter()
            .find(says)
            .or(all.first())
            .unwrap_or(&plain.involvement)
    });
    let window = policies
        .first()
        .filter(|policy| !policy.markers.is_empty())
        .and_then(|policy| Markers::for_window(&policy.markers).ok());
    let shown = match window {
        Some(window) => evidence::classify_with(&window, change, extra),
        None => plain,
    };
    (shown, involvement)
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

/// The verdict as one plain sentence, for a notice.
pub(crate) fn sentence(held: &Held) -> String {
    verdict::verdict(&held.change, &held.classification, &held.assessment)
        .lead
        .iter()
        .map(|run| run.text.as_str())
        .collect()
}

#[cfg(test)]
mod tests {
    use Involvement::{Assisted, Suspected, Undeclared};

    use super::*;
    use crate::example;

    fn policy(marks: &str) -> Policy {
        let text = format!("version = 1\nallowed_signers = \".github/allowed_signers\"\n{marks}");
        Policy::parse(&text).unwrap()
    }

    #[test]
    fn every_policys_marks_decide_and_the_repositorys_own_are_shown() {
        let own = "[[marker]]\nid = \"acme.bot\"\ntool = \"Acme\"\nsurface = \"text\"\nstrength = \"strong\"\n\
                   role = \"assisted\"\npattern = \"Made with Acme\"\n";
        let (plain, adding) = (policy(""), policy(own));
        let muting = policy("mute = [\"devin.branch.loose\"]\n");
        let of = |branch: &str, body: &str, policies: &[Policy]| {
            let mut change = example::change();
            branch.clone_into(&mut change.head.branch);
            body.clone_into(&mut change.body);
            let (shown, involvement) = classify(&change, Extra::default(), policies);
            (shown.involvement, involvement.unwrap())
        };
        let made = "Made with Acme";
        assert_eq!(of("topic", made, &[]), (Undeclared, Undeclared));
        assert_eq!(
            of("topic", made, std::slice::from_ref(&plain)),
            (Undeclared, Undeclared)
        );
        assert_eq!(
            of("topic", made, std::slice::from_ref(&adding)),
            (Assisted, Assisted)
        );
        // A weak mark that is built in takes nothing away from a sure one of the policy's.
        assert_eq!(
            of("devin/fix", made, std::slice::from_ref(&adding)),
            (Assisted, Assisted)
        );
        assert_eq!(
            of("devin/fix", "", std::slice::from_ref(&muting)),
            (Undeclared, Suspected)
        );
        // The organisation's.
        assert_eq!(
            of("topic", made, &[plain, adding.clone()]),
            (Undeclared, Assisted)
        );
        assert_eq!(of("topic", made, &[muting, adding]), (Undeclared, Assisted));
    }
}
