//! Whether an approval by this user, with this key, now, will count at the gate: the verifier's rules of authority,
//! asked before signing. It never says yes where it could not look.

use std::collections::BTreeSet;

use countersign_core::change::{Change, Identity, Person, ReviewState};
use countersign_core::patch::Patch;
use countersign_core::policy::{AllowedSigners, Policy, Presence, RevokedKeys, Rulebook, Senior, Unreadable};
use countersign_core::trailers::{ByLine, by_lines};
use countersign_core::verify::may_be_address_of;
use jiff::{SignedDuration, Timestamp};

use crate::asked::requirement;
use crate::rows::visible;
use crate::store::{Facts, Held};
use crate::view::{KeyView, Message, WillCount};

/// A key that expires sooner is said to expire.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

fn reason(what: impl Into<String>, todo: &str) -> Message {
    Message {
        what: what.into(),
        kept: String::new(),
        todo: todo.to_owned(),
    }
}

fn answer(answer: &str, short: impl Into<String>, reasons: Vec<Message>) -> WillCount {
    WillCount {
        answer: answer.into(),
        short: short.into(),
        reasons,
        enrol: false,
    }
}

/// For the decisions that are no approvals.
pub(crate) fn not_an_approval() -> WillCount {
    let said = "The gate counts approvals only; this is signed all the same.";
    answer("unknown", "only approvals count", vec![reason(said, "")])
}

/// Answers for an approval of what is held, whose diff is `patch`.
pub(crate) fn will_count(
    viewer: &Person,
    held: &Held,
    patch: Option<&Patch<'_>>,
    key: Option<&KeyView>,
    now: Timestamp,
) -> WillCount {
    let change = &held.change;
    let Some(text) = &held.facts.policy else {
        let mut no = conflicts(viewer, held, None);
        let none = reason(
            "The target branch has no policy, so no gate can ask for this approval.",
            "Add .github/countersign.toml to the target branch.",
        );
        let sure = if no.is_empty() { "unknown" } else { "no" };
        no.insert(0, none);
        return answer(sure, "no policy", no);
    };
    let rules = match rulebook(text, &held.facts) {
        Ok(rules) => rules,
        Err(Unread { unknown, why }) => {
            let mut no = conflicts(viewer, held, None);
            let sure = if unknown && no.is_empty() { "unknown" } else { "no" };
            no.insert(0, why);
            let short = if unknown {
                "not all known"
            } else {
                "policy unreadable"
            };
            return answer(sure, short, no);
        }
    };
    let asked = requirement(&rules.policy, patch);
    let (mut also, mut unknown_key) = (Vec::new(), false);
    let senior = viewer.id.as_deref().and_then(|id| rules.policy.senior(id));
    let mut no = conflicts(viewer, held, senior);
    match (senior, key) {
        (None, _) => no.push(reason(
            "The policy does not name you as a senior.",
            "Ask one of the seniors it names.",
        )),
        (Some(_), None) => no.push(reason("No key is chosen.", "Choose a key, or make one.")),
        (Some(senior), Some(key)) => {
            match enrolled(&rules, senior, key, now) {
                Ok(soon) => {
                    also.push(proves(senior, key));
                    also.extend(soon);
                }
                Err(NotEnrolled::Unknown(why)) => {
                    unknown_key = true;
                    no.push(why);
                }
                Err(NotEnrolled::Ended(why)) => no.push(why),
            }
            if asked.presence > Presence::None && !senior.hardware_keys.contains(&key.fingerprint) {
                no.push(reason(
                    "The policy asks for a touch here, and this key is not enrolled as a security key.",
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
            enrol: unknown_key,
            ..answer("no", "will not count", no)
        };
    }
    if change.commit_count > change.commits.len() as u64 {
        let said = format!(
            "Only {} of {} commits were read: who wrote the others is not known here.",
            change.commits.len(),
            change.commit_count
        );
        let unread = reason(said, "The gate reads them from git and decides.");
        return answer("unknown", "not all commits read", vec![unread]);
    }
    let mut reasons = vec![reason(
        "You are senior by the policy, and neither its author, a co-author, who pushed it nor the one who set an agent to work.",
        "",
    )];
    let unsure = unsure(held);
    let needed = asked.approvals.max(if unsure.is_empty() { 1 } else { 2 });
    let before = approved_by_others(viewer, change, &rules.policy);
    reasons.extend(unsure);
    if needed > 1 {
        reasons.push(quorum(needed, &before));
    }
    reasons.append(&mut also);
    if change.conflicting {
        reasons.push(reason(
            "It conflicts with its target and cannot be merged as it stands.",
            "Whoever resolves the conflict moves the head, and this approval ends with it: better wait.",
        ));
    }
    if held.facts.keeps_stale == Some(true) {
        reasons.push(reason(
            "The target's rules keep approvals when somebody pushes: the forge's tick would stay, the gate's would not.",
            "Ask an administrator to turn on \"Dismiss stale approvals\".",
        ));
    }
    let short = format!("as the {} of {needed}", ordinal(before.len() + 1));
    answer("yes", short, reasons)
}

/// What the policy and its files say, tightened by the organisation's; or why that is not known.
pub(crate) fn rulebook(text: &str, facts: &Facts) -> Result<Rulebook, Unread> {
    let own = read(
        text,
        facts.allowed_signers.as_deref(),
        facts.revoked_keys.as_deref(),
    )?;
    let Some(extended) = own.policy.extended() else {
        return Ok(own);
    };
    let Some(organisation) = &facts.organisation else {
        return Err(Unread {
            unknown: true,
            why: reason(
                format!("The policy extends {extended}, which could not be read here."),
                "The gate reads it and decides. Ask for read access to see it before you sign.",
            ),
        });
    };
    let theirs = read(
        &organisation.policy,
        organisation.allowed_signers.as_deref(),
        organisation.revoked_keys.as_deref(),
    )?;
    if theirs.policy.extends.is_some() {
        return Err(unreadable(
            "The organisation's policy",
            "it extends another policy itself",
        ));
    }
    Ok(own.tightened_by(&theirs))
}

fn unreadable(what: &str, why: impl std::fmt::Display) -> Unread {
    Unread {
        unknown: false,
        why: reason(
            format!("{what} cannot be read: {why}."),
            "Ask whoever keeps it; the gate refuses everything until then.",
        ),
    }
}

fn read(policy: &str, signers: Option<&str>, revoked: Option<&str>) -> Result<Rulebook, Unread> {
    let as_one = |what: &'static str| move |error: Unreadable| unreadable(what, error);
    let policy = Policy::parse(policy).map_err(as_one("The policy"))?;
    let signers = signers.ok_or_else(|| Unread {
        unknown: false,
        why: reason(
            "The list of allowed signers that the policy names is not there.",
            "Have it added; the gate refuses everything until then.",
        ),
    })?;
    if policy.revoked_keys.is_some() && revoked.is_none() {
        return Err(Unread {
            unknown: false,
            why: reason(
                "The list of revoked keys that the policy names is not there.",
                "Have it added; the gate refuses everything until then.",
            ),
        });
    }
    let signers = AllowedSigners::parse(signers).map_err(as_one("The list of allowed signers"))?;
    let twice = |why: String| unreadable("The list of allowed signers", visible(&why));
    signers.check_against(&policy).map_err(twice)?;
    Ok(Rulebook {
        signers,
        revoked: RevokedKeys::parse(revoked.unwrap_or_default())
            .map_err(as_one("The list of revoked keys"))?,
        policy,
    })
}

/// Why the rules are not known.
pub(crate) struct Unread {
    /// They may be well; they could not be looked at from here.
    unknown: bool,
    pub(crate) why: Message,
}

/// Why this user may not approve: what they had to do with the change. `senior`: who they are in the policy, if anybody.
pub(crate) fn conflicts(viewer: &Person, held: &Held, senior: Option<&Senior>) -> Vec<Message> {
    let change = &held.change;
    let anybody = Senior {
        login: viewer.login.clone(),
        id: viewer.id.clone().unwrap_or_default(),
        principal: viewer.login.clone(),
        hardware_keys: Vec::new(),
    };
    let senior = senior.unwrap_or(&anybody);
    let address_is = |address: &str| may_be_address_of(address, senior, &viewer.login);
    let mut no = Vec::new();
    let me = |person: &Person| person.id.is_some() && person.id == viewer.id;
    let another = "Another senior must sign.";
    if change.author.as_ref().is_some_and(me) {
        no.push(reason("You opened this change.", another));
    } else if held.facts.pushers.iter().flatten().any(me) {
        no.push(reason("You pushed to its branch.", another));
    }
    let mine = |identity: &Identity| identity.account.as_ref().is_some_and(me) || address_is(&identity.email);
    if change
        .commits
        .iter()
        .any(|commit| mine(&commit.author) || mine(&commit.committer))
    {
        no.push(reason("A commit in it is yours.", another));
    }
    let named = |line: &ByLine| addresses(&line.value).any(address_is);
    if co_authors(change).any(|line| named(&line)) {
        no.push(reason("A commit in it names you as a co-author.", another));
    }
    if change.operators.iter().any(me) {
        no.push(reason(
            "By its assignments, you set an agent to work on it.",
            "The forge takes your approval but the gate does not count it. Another senior must sign.",
        ));
    }
    no
}

fn co_authors(change: &Change) -> impl Iterator<Item = ByLine> {
    (change.commits.iter())
        .flat_map(|commit| by_lines(&commit.message))
        .filter(|line| matches!(line.key.as_str(), "co-authored-by" | "co-developed-by"))
}

/// What is not known of who had a part: the gate asks for two seniors then.
fn unsure(held: &Held) -> Vec<Message> {
    let unnamed = co_authors(&held.change).any(|line| addresses(&line.value).next().is_none());
    let two = "Two seniors must sign, so that it counts whoever it was.";
    let mut unsure = Vec::new();
    if held.facts.pushers.is_none() {
        unsure.push(reason("The forge does not tell who pushed to its branch.", two));
    }
    if unnamed {
        unsure.push(reason("A commit names a co-author without an address.", two));
    }
    unsure
}

/// Logins of the other seniors who have approved this head, as far as the forge tells.
fn approved_by_others<'c>(viewer: &Person, change: &'c Change, policy: &Policy) -> BTreeSet<&'c str> {
    let at_head = |commit: &Option<_>| commit.as_ref() == Some(&change.head.oid);
    let reviews = change.reviews.iter();
    let approvals = reviews.filter(|review| review.state == ReviewState::Approved && at_head(&review.commit));
    approvals
        .filter_map(|review| review.author.as_ref())
        .filter(|author| {
            author.id != viewer.id && author.id != change.author.as_ref().and_then(|one| one.id.clone())
        })
        .filter(|author| author.id.as_deref().is_some_and(|id| policy.senior(id).is_some()))
        .map(|author| author.login.as_str())
        .collect()
}

fn quorum(needed: u32, before: &BTreeSet<&str>) -> Message {
    let names: Vec<String> = before.iter().map(|login| visible(login)).collect();
    let so_far = match names.as_slice() {
        [] => "nobody else has approved this head yet".to_owned(),
        [one] => format!("{one} has approved this head already"),
        many => format!("{} have approved this head already", many.join(" and ")),
    };
    reason(
        format!("{needed} seniors must approve; {so_far}."),
        "The gate looks whether each of these approvals is signed.",
    )
}

fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// Everything in angle brackets.
fn addresses(value: &str) -> impl Iterator<Item = &str> {
    value
        .split('<')
        .skip(1)
        .filter_map(|rest| rest.split_once('>'))
        .map(|(address, _)| address.trim())
}

/// Whose the key is by the policy, and what the gate takes from its signatures of who was there.
fn proves(senior: &Senior, key: &KeyView) -> Message {
    let listed = senior.hardware_keys.contains(&key.fingerprint);
    let (proof, todo) = match (listed, key.hardware) {
        (true, _) => ("what it signs proves a touch", ""),
        (false, true) => (
            "its touch proves nothing to the gate",
            "For the touch to count, the policy's hardware_keys must name it.",
        ),
        (false, false) => ("it proves no touch", ""),
    };
    reason(
        format!(
            "The policy knows this key for {}; {proof}.",
            visible(&senior.principal)
        ),
        todo,
    )
}

/// Why a key does not sign for somebody.
enum NotEnrolled {
    /// The policy does not know it.
    Unknown(Message),
    /// It knows it, and not for now.
    Ended(Message),
}

/// Whether the key may sign for that senior now: what is to be known besides, or why it may not.
fn enrolled(
    rules: &Rulebook,
    senior: &Senior,
    key: &KeyView,
    now: Timestamp,
) -> Result<Option<Message>, NotEnrolled> {
    let mut signers = rules.signers.of(&senior.principal);
    let Some(signer) = signers.find(|signer| signer.key.fingerprint() == key.fingerprint) else {
        return Err(NotEnrolled::Unknown(reason(
            format!(
                "The policy does not know this key for {}.",
                visible(&senior.principal)
            ),
            "Have its line added to the allowed signers on the target branch, or choose another key.",
        )));
    };
    let ended = |what: String, todo: &str| Err(NotEnrolled::Ended(reason(what, todo)));
    if rules.revoked.contains(&signer.key) {
        return ended(
            "This key is revoked.".into(),
            "Choose another key. What it signed before counts no more either: sign that again.",
        );
    }
    let day = |at: Timestamp| at.strftime("%-d %b %Y").to_string();
    match (signer.valid_after, signer.valid_before) {
        (Some(from), _) if from > now => ended(
            format!("This key is allowed from {} on only.", day(from)),
            "Choose another key until then.",
        ),
        (_, Some(until)) if until <= now => ended(
            format!("This key is allowed until {} only.", day(until)),
            "Have a new line added to the allowed signers, or choose another key.",
        ),
        (_, Some(until)) if until.duration_since(now) < SOON => Ok(Some(reason(
            format!(
                "This key is allowed until {} only: what it signed counts no longer than that.",
                day(until)
            ),
            "Enrol its successor before.",
        ))),
        _ => Ok(None),
    }
}
