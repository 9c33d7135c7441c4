//! What is odd about a policy that can be read: it would be judged by, and not as its author may think.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::{AllowedSigners, Asks, Policy, Presence, RevokedKeys, Senior, Undeclared};

/// Fewest seniors with whom a change to the policy itself can still be approved when one of them is its author and
/// another is away.
const FEWEST_SENIORS: usize = 3;
/// How long before a key expires it is said.
const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);

/// One thing that is odd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Oddity {
    /// Fewer than three.
    FewSeniors(usize),
    /// More approvals are asked for (by `[signoff]` or the named rule) than there are seniors besides an author.
    Unreachable(String, u32),
    /// The senior has no key in the allowed signers, or none that is good now.
    NoKey(String),
    /// The key of a senior expires within thirty days.
    ExpiresSoon(String, Timestamp),
    /// Somewhere presence is asked for, and the senior has no security key that is enrolled as one.
    NoHardwareKey(String),
    /// The senior's hardware key is not among their allowed keys, or is no security key.
    StrayHardwareKey(String, String),
    /// The name in the allowed signers is no senior's: its key counts for nothing.
    StrayPrincipal(String),
    /// The rule asks for nothing that `[signoff]` does not.
    IdleRule(String),
    /// Changes pass of which nobody said whether AI helped.
    UndeclaredPasses,
    /// So many people may break the glass, two of them together.
    BreakGlass(usize),
    /// The organisation's policy, which tightens this one, was not looked at.
    Extends(String),
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FewSeniors(count) => write!(
                f,
                "{count} seniors: with fewer than {FEWEST_SENIORS}, a change to the policy itself may wait for ever"
            ),
            Self::Unreachable(place, count) => write!(
                f,
                "{place} asks for {count} approvals: not reachable when a senior is the author"
            ),
            Self::NoKey(who) => write!(f, "{who:?} has no key that is good now: nothing they sign counts"),
            Self::ExpiresSoon(who, at) => write!(f, "a key of {who:?} expires at {at}"),
            Self::NoHardwareKey(who) => write!(
                f,
                "{who:?} has no enrolled security key: where presence is asked for, they cannot approve"
            ),
            Self::StrayHardwareKey(who, key) => {
                write!(f, "{key} of {who:?} is not among their allowed security keys")
            }
            Self::StrayPrincipal(name) => {
                write!(f, "{name:?} may sign and is no senior: it counts for nothing")
            }
            Self::IdleRule(name) => write!(f, "the rule {name:?} asks for nothing that [signoff] does not"),
            Self::UndeclaredPasses => {
                f.write_str("undeclared = \"allow\": changes without any mark of AI pass without a sign-off")
            }
            Self::Extends(what) => write!(f, "{what} tightens this policy and was not looked at"),
            Self::BreakGlass(count) => write!(
                f,
                "[break_glass]: any two of {count} people can let a change pass without a sign-off"
            ),
        }
    }
}

/// Everything odd, as of `now`.
pub fn lint(policy: &Policy, signers: &AllowedSigners, revoked: &RevokedKeys, now: Timestamp) -> Vec<Oddity> {
    let mut odd = Vec::new();
    if let Some(what) = &policy.extends {
        odd.push(Oddity::Extends(what.clone()));
    }
    if let Some(glass) = &policy.break_glass {
        odd.push(Oddity::BreakGlass(glass.who.len()));
    }
    if policy.seniors.len() < FEWEST_SENIORS {
        odd.push(Oddity::FewSeniors(policy.seniors.len()));
    }
    let rules = policy
        .rules
        .iter()
        .map(|rule| (format!("the rule {:?}", rule.name), &rule.asks));
    let places: Vec<(String, &Asks)> = [("[signoff]".to_owned(), &policy.signoff)]
        .into_iter()
        .chain(rules)
        .collect();
    for (place, asks) in &places {
        let others = policy.seniors.len().saturating_sub(1);
        if let Some(count) = asks
            .approvals
            .filter(|count| usize::try_from(*count).is_ok_and(|count| count > others))
        {
            odd.push(Oddity::Unreachable(place.clone(), count));
        }
        if asks.undeclared == Some(Undeclared::Allow) {
            odd.push(Oddity::UndeclaredPasses);
        }
    }
    let plain = policy.requirement_for(Some(&[]), &[]);
    for rule in &policy.rules {
        let mut tightened = plain.clone();
        tightened.tighten(&rule.asks);
        if tightened == plain {
            odd.push(Oddity::IdleRule(rule.name.clone()));
        }
    }
    let presence = places
        .iter()
        .any(|(_, asks)| asks.presence.is_some_and(|presence| presence > Presence::None));
    for senior in policy.signatories() {
        keys_of(senior, signers, revoked, now, presence, &mut odd);
    }
    for name in signers.principals() {
        if !policy.signatories().any(|one| one.principal == name) {
            odd.push(Oddity::StrayPrincipal(name.to_owned()));
        }
    }
    odd
}

fn keys_of(
    senior: &Senior,
    signers: &AllowedSigners,
    revoked: &RevokedKeys,
    now: Timestamp,
    presence: bool,
    odd: &mut Vec<Oddity>,
) {
    let good: Vec<_> = signers
        .of(&senior.principal)
        .filter(|signer| {
            signer.valid_after.is_none_or(|from| now >= from)
                && signer.valid_before.is_none_or(|to| now <= to)
                && !revoked.contains(&signer.key)
        })
        .collect();
    if good.is_empty() {
        odd.push(Oddity::NoKey(senior.login.clone()));
    }
    for to in good.iter().filter_map(|signer| signer.valid_before) {
        if to.duration_since(now) < SOON {
            odd.push(Oddity::ExpiresSoon(senior.login.clone(), to));
        }
    }
    for fingerprint in &senior.hardware_keys {
        let enrolled = signers.of(&senior.principal).any(|signer| {
            signer.key.algorithm().is_security_key() && signer.key.fingerprint() == *fingerprint
        });
        if !enrolled {
            odd.push(Oddity::StrayHardwareKey(
                senior.login.clone(),
                fingerprint.clone(),
            ));
        }
    }
    if presence && senior.hardware_keys.is_empty() {
        odd.push(Oddity::NoHardwareKey(senior.login.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::NAMESPACE;
    use crate::signature::test_keys::TestKey;

    const NOW: &str = "2026-11-23T22:20:00Z";
    const GLASS: &str = "[[break_glass.who]]\nlogin = \"a\"\nid = \"1\"\nprincipal = \"a@x\"\n\
        [[break_glass.who]]\nlogin = \"b\"\nid = \"2\"\nprincipal = \"b@x\"\n";

    fn policy(signoff: &str, more: &str) -> String {
        let key = TestKey::sk_ed25519(3);
        let print = key.public.fingerprint(ssh_key::HashAlg::Sha256);
        let senior = |name: &str, id: u8, hardware: &str| {
            format!("[[senior]]\nlogin = \"{name}\"\nid = \"{id}\"\nprincipal = \"{name}@x\"\n{hardware}\n")
        };
        format!(
            "version = 1\nallowed_signers = \"a\"\n[signoff]\n{signoff}\n{}{}{}{more}",
            senior("a", 1, ""),
            senior("b", 2, ""),
            senior("c", 3, &format!("hardware_keys = [\"{print}\"]")),
        )
    }

    fn signers(options: &str) -> String {
        let line = |name: &str, options: &str, key: &TestKey| {
            format!("{name}@x namespaces=\"{NAMESPACE}\"{options} {}\n", key.line())
        };
        [
            line("a", options, &TestKey::ed25519(1)),
            line("b", "", &TestKey::p256(2)),
            line("c", "", &TestKey::sk_ed25519(3)),
        ]
        .concat()
    }

    fn of(policy: &str, signers: &str, revoked: &str) -> Vec<Oddity> {
        lint(
            &Policy::parse(policy).unwrap(),
            &AllowedSigners::parse(signers).unwrap(),
            &RevokedKeys::parse(revoked).unwrap(),
            NOW.parse().unwrap(),
        )
    }

    #[test]
    fn a_sound_policy_has_nothing_odd() {
        let rule = "[[rule]]\nname = \"r\"\npaths = [\"x\"]\napprovals = 2\n";
        assert_eq!(of(&policy("", rule), &signers(""), ""), []);
    }

    #[test]
    fn each_oddity_is_found() {
        let usual = signers("");
        let who = |name: &str| name.to_owned();
        let key = TestKey::ed25519(1);
        let expired = Oddity::NoKey(who("a"));
        let soon = "2026-12-01T00:00:00Z".parse().unwrap();
        let rule = "[[rule]]\nname = \"r\"\npaths = [\"x\"]\n";
        let extra = format!(
            "{usual}d@x namespaces=\"{NAMESPACE}\" {}\n",
            TestKey::ed25519(9).line()
        );
        let other = TestKey::ed25519(7)
            .public
            .fingerprint(ssh_key::HashAlg::Sha256)
            .to_string();
        let stray = policy("", "").replacen(
            "principal = \"a@x\"",
            &format!("principal = \"a@x\"\nhardware_keys = [\"{other}\"]"),
            1,
        );
        let cases = [
            (
                policy("approvals = 3", ""),
                usual.clone(),
                who(""),
                Oddity::Unreachable(who("[signoff]"), 3),
            ),
            (
                policy("undeclared = \"allow\"", ""),
                usual.clone(),
                who(""),
                Oddity::UndeclaredPasses,
            ),
            (
                policy("", rule),
                usual.clone(),
                who(""),
                Oddity::IdleRule(who("r")),
            ),
            (policy("", GLASS), usual.clone(), who(""), Oddity::BreakGlass(2)),
            (policy("", ""), extra, who(""), Oddity::StrayPrincipal(who("d@x"))),
            (policy("", ""), usual.clone(), key.line(), expired.clone()),
            (
                policy("", ""),
                signers(",valid-before=\"20261101Z\""),
                who(""),
                expired,
            ),
            (
                policy("", ""),
                signers(",valid-before=\"20261201Z\""),
                who(""),
                Oddity::ExpiresSoon(who("a"), soon),
            ),
            (
                stray,
                usual.clone(),
                who(""),
                Oddity::StrayHardwareKey(who("a"), other),
            ),
        ];
        for (policy, signers, revoked, expected) in cases {
            assert_eq!(of(&policy, &signers, &revoked), [expected]);
        }
        let touch = of(&policy("presence = \"touch\"", ""), &usual, "");
        assert_eq!(
            touch,
            [Oddity::NoHardwareKey(who("a")), Oddity::NoHardwareKey(who("b"))]
        );
        let none = Policy::parse("version = 1\nallowed_signers = \"a\"\nextends = \"a/b:c\"").unwrap();
        let found = lint(
            &none,
            &AllowedSigners::default(),
            &RevokedKeys::default(),
            NOW.parse().unwrap(),
        );
        assert_eq!(found, [Oddity::Extends(who("a/b:c")), Oddity::FewSeniors(0)]);
    }
}
