//! Whether an approval by this user, with this key, now, will count at the gate: the verifier's rules of authority,
//! asked before signing. It never says yes where it could not look.

use countersign_core::change::{AccountKind, Change, Identity, Person};
use countersign_core::decision::Decision;
use countersign_core::policy::{AllowedSigners, Policy, Presence};
use countersign_core::trailers::{ByLine, by_lines};

use crate::rows::visible;
use crate::store::Held;
use crate::view::{KeyView, Message, WillCount};

fn reason(what: impl Into<String>, todo: &str) -> Message {
    Message {
        what: what.into(),
        kept: String::new(),
        todo: todo.to_owned(),
    }
}

/// Answers for an approval; the other decisions do not count for the gate, and that is said.
pub(crate) fn will_count(
    viewer: &Person,
    held: &Held,
    key: Option<&KeyView>,
    decision: Decision,
) -> WillCount {
    if decision != Decision::Approve {
        return WillCount {
            answer: "unknown".into(),
            short: "only approvals count".into(),
            reasons: vec![reason(
                "The gate counts approvals only; this is signed all the same.",
                "",
            )],
        };
    }
    let change = &held.change;
    let mut no = conflicts(viewer, change);
    let Some(text) = &held.facts.policy else {
        no.insert(
            0,
            reason(
                "The target branch has no policy, so no gate can ask for this approval.",
                "Add .github/countersign.toml to the target branch.",
            ),
        );
        let answer = if no.len() > 1 { "no" } else { "unknown" };
        return WillCount {
            answer: answer.into(),
            short: "no policy".into(),
            reasons: no,
        };
    };
    let policy = match Policy::parse(text) {
        Ok(policy) => policy,
        Err(error) => {
            no.insert(
                0,
                reason(
                    format!("The policy cannot be read: {error}."),
                    "Ask whoever keeps it; the gate refuses everything until then.",
                ),
            );
            return WillCount {
                answer: "no".into(),
                short: "policy unreadable".into(),
                reasons: no,
            };
        }
    };
    let senior = viewer.id.as_deref().and_then(|id| policy.senior(id));
    match (senior, key) {
        (None, _) => no.push(reason(
            "The policy does not name you as a senior.",
            "Ask one of the seniors it names.",
        )),
        (Some(_), None) => no.push(reason("No key is chosen.", "Choose a key, or make one.")),
        (Some(senior), Some(key)) => {
            no.extend(enrolled(held, &senior.principal, key));
            let asked = crate::assessing::requirement(&policy, None).presence;
            if asked > Presence::None && !senior.hardware_keys.contains(&key.fingerprint) {
                no.push(reason(
                    "The policy may ask for a touch here, and this key is not enrolled as a security key.",
                    "Choose a security key that the policy lists.",
                ));
            }
        }
    }
    if change.draft {
        no.push(reason("It is a draft.", "Wait until its author marks it ready."));
    }
    if !no.is_empty() {
        return WillCount {
            answer: "no".into(),
            short: "will not count".into(),
            reasons: no,
        };
    }
    if change.commit_count > change.commits.len() as u64 {
        return WillCount {
            answer: "unknown".into(),
            short: "not all commits read".into(),
            reasons: vec![reason(
                format!(
                    "Only {} of {} commits were read: who wrote the others is not known here.",
                    change.commits.len(),
                    change.commit_count
                ),
                "The gate reads them from git and decides.",
            )],
        };
    }
    let needed = crate::assessing::requirement(&policy, None).approvals;
    let short = if needed > 1 {
        format!("as one of {needed}")
    } else {
        "as the 1st of 1".to_owned()
    };
    WillCount {
        answer: "yes".into(),
        short,
        reasons: vec![reason(
            "You are senior by the policy, and neither its author, a co-author nor the one who set an agent to work.",
            "",
        )],
    }
}

/// Who may not approve, whoever they are in the policy.
fn conflicts(viewer: &Person, change: &Change) -> Vec<Message> {
    let mut no = Vec::new();
    let me = |person: &Person| person.id.is_some() && person.id == viewer.id;
    if change.author.as_ref().is_some_and(me) {
        no.push(reason("You opened this change.", "Another senior must sign."));
    }
    let mine = |identity: &Identity| {
        identity.account.as_ref().is_some_and(me) || address_is(viewer, &identity.email)
    };
    if change
        .commits
        .iter()
        .any(|commit| mine(&commit.author) || mine(&commit.committer))
    {
        no.push(reason("A commit in it is yours.", "Another senior must sign."));
    }
    let named: Vec<ByLine> = change
        .commits
        .iter()
        .flat_map(|commit| by_lines(&commit.message))
        .filter(|line| matches!(line.key.as_str(), "co-authored-by" | "co-developed-by"))
        .collect();
    if named
        .iter()
        .any(|line| addresses(&line.value).any(|address| address_is(viewer, address)))
    {
        no.push(reason(
            "A commit in it names you as a co-author.",
            "Another senior must sign.",
        ));
    }
    let agent = change
        .author
        .as_ref()
        .filter(|author| author.kind == AccountKind::Bot);
    if let Some(agent) = agent
        && change.assignees.iter().any(me)
    {
        no.push(reason(
            format!(
                "{} works on this for you: it is assigned to you.",
                visible(&agent.login)
            ),
            "The forge takes your approval but does not count it. Another senior must sign.",
        ));
    }
    no
}

/// Everything in angle brackets.
fn addresses(value: &str) -> impl Iterator<Item = &str> {
    value
        .split('<')
        .skip(1)
        .filter_map(|rest| rest.split_once('>'))
        .map(|(address, _)| address.trim())
}

/// GitHub's private addresses carry the account's id. Source: GitHub's documentation on commit e-mail addresses.
fn address_is(viewer: &Person, address: &str) -> bool {
    let Some(id) = &viewer.id else { return false };
    address
        .strip_suffix("@users.noreply.github.com")
        .and_then(|local| local.split_once('+'))
        .is_some_and(|(found, _)| found == id)
}

fn enrolled(held: &Held, principal: &str, key: &KeyView) -> Option<Message> {
    let Some(text) = &held.facts.allowed_signers else {
        return Some(reason(
            "The target branch has no list of allowed signers.",
            "Add your key to it.",
        ));
    };
    let signers = match AllowedSigners::parse(text) {
        Ok(signers) => signers,
        Err(error) => {
            return Some(reason(
                format!("The list of allowed signers cannot be read: {error}."),
                "Ask whoever keeps it.",
            ));
        }
    };
    let known = signers
        .of(principal)
        .any(|signer| signer.key.fingerprint() == key.fingerprint);
    (!known).then(|| {
        reason(
            format!("The policy does not know this key for {}.", visible(principal)),
            "Have its line added to the allowed signers on the target branch, or choose another key.",
        )
    })
}
