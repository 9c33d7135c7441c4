use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::policy::{Bind, Presence, Touched, Undeclared};
use crate::signature::NAMESPACE;
use crate::signature::test_keys::TestKey;

fn book(policy: &str, signers: &str, revoked: &str) -> Rulebook {
    let policy = format!("version = 1\nallowed_signers = \"a\"\n{policy}");
    Rulebook {
        policy: Policy::parse(&policy).unwrap(),
        signers: AllowedSigners::parse(signers).unwrap(),
        revoked: RevokedKeys::parse(revoked).unwrap(),
    }
}

fn senior(name: &str, id: u8, hardware: &[&str]) -> String {
    format!(
        "[[senior]]\nlogin = \"{name}\"\nid = \"{id}\"\nprincipal = \"{name}@x\"\nhardware_keys = {hardware:?}\n"
    )
}

fn line(principal: &str, options: &str, key: &TestKey) -> String {
    format!("{principal} namespaces=\"{NAMESPACE}\"{options} {}\n", key.line())
}

#[test]
fn only_one_form_names_a_policy() {
    let extended: Extended = "acme/policies:.github/countersign.toml".parse().unwrap();
    assert_eq!(
        (extended.repo.as_str(), extended.path.as_str()),
        ("acme/policies", ".github/countersign.toml")
    );
    assert!("acme/.github:countersign.toml".parse::<Extended>().is_ok());
    assert_eq!(extended.to_string(), "acme/policies:.github/countersign.toml");
    assert!(extended.is_in("Acme/Policies") && !extended.is_in("acme/policies2"));
    for text in [
        "",
        "acme",
        "acme/policies",
        "acme/policies:",
        ":p",
        "acme:p",
        "/policies:p",
        "acme/:p",
        "acme/policies:/p",
        "acme/policies:../p",
        "acme/policies:p/",
        "acme/a/b:p",
        "-acme/policies:p",
        "acme/..:p",
        "ac me/policies:p",
        "acme/polic'ies:p",
        "https://github.com/acme/policies:p",
    ] {
        assert_eq!(text.parse::<Extended>(), Err(NotExtended(text.to_owned())));
        let policy = format!("version = 1\nallowed_signers = \"a\"\nextends = {text:?}\n");
        let error = Policy::parse(&policy).unwrap_err();
        assert!(
            error.line == 3 && error.message.contains("expected a repository"),
            "{error}"
        );
    }
}

#[test]
fn every_field_is_the_stricter_one() {
    let strict = "[signoff]\nrequire = \"all\"\nundeclared = \"require\"\nauthors = \"everyone\"\napprovals = 3\n\
        presence = \"verified\"\nbind = \"head\"\nmax_age = \"1d\"\nmax_delay = \"1h\"\n";
    let lax = "[signoff]\nrequire = \"ai-assisted\"\nundeclared = \"allow\"\nauthors = \"non-senior\"\napprovals = 1\n\
        presence = \"none\"\nbind = \"changeset\"\nmax_age = \"30d\"\nmax_delay = \"9d\"\n";
    let (strict, lax) = (book(strict, "", ""), book(lax, "", ""));
    for (own, theirs) in [(&strict, &lax), (&lax, &strict)] {
        let both = own.tightened_by(theirs).policy.requirement_for(Some(&[]), &[]);
        assert_eq!(both, strict.policy.requirement_for(Some(&[]), &[]));
    }
    // What is left out has its usual value there too: an organisation that says nothing loosens nothing.
    let silent = book("", "", "");
    let both = lax.tightened_by(&silent).policy.requirement_for(Some(&[]), &[]);
    assert_eq!(
        (both.undeclared, both.bind, both.max_age),
        (
            Undeclared::Require,
            Bind::Head,
            SignedDuration::from_hours(7 * 24)
        )
    );
}

#[test]
fn the_rules_of_both_apply() {
    let rule =
        |name: &str, asks: &str| format!("[[rule]]\nname = \"{name}\"\npaths = [\"infra/**\"]\n{asks}\n");
    let own = book(&rule("own", "approvals = 2"), "", "");
    let theirs = book(&rule("theirs", "presence = \"touch\""), "", "");
    let both = own.tightened_by(&theirs).policy;
    let touched = [Touched::new(b"infra/a.tf", [])];
    let asked = both.requirement_for(Some(&touched), &[]);
    assert_eq!((asked.approvals, asked.presence), (2, Presence::Touch));
    assert_eq!(asked.rules, ["theirs", "own"]);
}

#[test]
fn people_and_keys_must_be_known_to_both() {
    let [hers, his, other] = [TestKey::ed25519(1), TestKey::p256(2), TestKey::ed25519(5)];
    let print = |key: &TestKey| key.public.fingerprint(ssh_key::HashAlg::Sha256).to_string();
    let (one, two) = (print(&hers), print(&his));
    let own = book(
        &(senior("a", 1, &[&one, &two])
            + &senior("b", 2, &[&one])
            + &senior("c", 3, &[])
            + &senior("d", 4, &[])),
        &(line("a@x", ",valid-before=\"20270101Z\"", &hers)
            + &line("b@x,z@x", "", &his)
            + &line("a@x", "", &other)),
        "",
    );
    let moved = senior("d", 4, &[]).replace("d@x", "e@x");
    let theirs = book(
        &(senior("a", 1, &[&two]) + &senior("b", 2, &[]) + &moved),
        &(line(
            "a@x",
            ",valid-after=\"20260101Z\",valid-before=\"20280101Z\"",
            &hers,
        ) + &line("b@x", "", &his)),
        &other.line(),
    );
    let both = own.tightened_by(&theirs);
    let people: Vec<_> = both
        .policy
        .seniors
        .iter()
        .map(|senior| (senior.login.as_str(), senior.hardware_keys.clone()))
        .collect();
    assert_eq!(
        people,
        [("a", vec![two]), ("b", vec![])],
        "c is unknown, d has another name"
    );
    let keys: Vec<_> = both.signers.of("a@x").collect();
    assert_eq!(keys.len(), 1, "the other key is only the repository's");
    let date = |text: &str| Some(text.parse().unwrap());
    assert_eq!(
        (keys[0].valid_after, keys[0].valid_before),
        (date("2026-01-01T00:00:00Z"), date("2027-01-01T00:00:00Z"))
    );
    assert_eq!(
        (both.signers.of("b@x").count(), both.signers.of("z@x").count()),
        (1, 0)
    );
    let lost = crate::signature::Key::from_blob(&other.blob()).unwrap();
    assert!(both.revoked.contains(&lost) && theirs.tightened_by(&own).revoked.contains(&lost));
}

#[test]
fn an_organisation_that_names_nobody_leaves_people_to_the_repository() {
    let key = TestKey::ed25519(1);
    let own = book(&senior("a", 1, &[]), &line("a@x", "", &key), "");
    let both = own.tightened_by(&book("", "# nobody\n", ""));
    assert_eq!(
        (both.policy.seniors.len(), both.signers.of("a@x").count()),
        (1, 1)
    );
    // One that has keys means them, and one that has people means these.
    let both = own.tightened_by(&book("", &line("b@x", "", &key), ""));
    assert_eq!(
        (both.policy.seniors.len(), both.signers.of("a@x").count()),
        (0, 0)
    );
    let both = own.tightened_by(&book(&senior("a", 1, &[]), "", ""));
    assert_eq!(
        (both.policy.seniors.len(), both.signers.of("a@x").count()),
        (1, 0)
    );
}

#[test]
fn the_glass_is_broken_only_where_both_let_it() {
    let glass = |people: &[(&str, u8)], window: &str| {
        let who: String = people
            .iter()
            .map(|(name, id)| senior(name, *id, &[]).replace("[[senior]]", "[[break_glass.who]]"))
            .collect();
        book(&format!("[break_glass]\nwindow = \"{window}\"\n{who}"), "", "")
    };
    let own = glass(&[("a", 1), ("b", 2), ("c", 3)], "1h");
    let theirs = glass(&[("d", 4), ("b", 2), ("a", 1)], "30m");
    let both = own.tightened_by(&theirs).policy.break_glass.unwrap();
    let names: Vec<&str> = both.who.iter().map(|one| one.login.as_str()).collect();
    assert_eq!(
        (names, both.window),
        (vec!["a", "b"], SignedDuration::from_mins(30))
    );
    let none = book("", "", "");
    for (own, theirs) in [(&own, &none), (&none, &own)] {
        assert_eq!(own.tightened_by(theirs).policy.break_glass, None);
    }
}

fn word(words: &'static [&'static str], field: &'static str) -> impl Strategy<Value = String> {
    proptest::option::of(proptest::sample::select(words))
        .prop_map(move |word| word.map_or(String::new(), |word| format!("{field} = {word}\n")))
}

/// Fields of `[signoff]` or of a rule, each there or not.
fn asks() -> impl Strategy<Value = String> {
    (
        word(&["\"ai-assisted\"", "\"all\""], "require"),
        word(&["\"allow\"", "\"require\""], "undeclared"),
        word(&["\"non-senior\"", "\"everyone\""], "authors"),
        word(&["1", "2", "3"], "approvals"),
        word(&["\"none\"", "\"touch\"", "\"verified\""], "presence"),
        word(&["\"changeset\"", "\"head\""], "bind"),
        word(&["\"1d\"", "\"7d\"", "\"30d\""], "max_age"),
        word(&["\"1h\"", "\"72h\"", "\"9d\""], "max_delay"),
    )
        .prop_map(|(a, b, c, d, e, f, g, h)| [a, b, c, d, e, f, g, h].concat())
}

fn policies() -> impl Strategy<Value = String> {
    (asks(), asks()).prop_map(|(signoff, rule)| {
        format!("[signoff]\n{signoff}[[rule]]\nname = \"r\"\npaths = [\"infra/**\"]\n{rule}")
    })
}

proptest! {
    #[test]
    fn both_together_ask_no_less_than_each(own in policies(), theirs in policies()) {
        let (own, theirs) = (book(&own, "", ""), book(&theirs, "", ""));
        let both = own.tightened_by(&theirs).policy;
        for paths in [&[][..], &[Touched::new(b"infra/a.tf", [])], &[Touched::new(crate::policy::PATH.as_bytes(), [])]] {
            let found = both.requirement_for(Some(paths), &[]);
            let alone = [&own, &theirs].map(|one| one.policy.requirement_for(Some(paths), &[]));
            for one in &alone {
                prop_assert!(found.require >= one.require && found.undeclared >= one.undeclared);
                prop_assert!(found.authors >= one.authors && found.approvals >= one.approvals);
                prop_assert!(found.presence >= one.presence && found.bind >= one.bind);
                prop_assert!(found.max_age <= one.max_age && found.max_delay <= one.max_delay);
                prop_assert!(found.guarded == one.guarded);
            }
            // Nor more: a limit that neither has would be nobody's.
            let has = |holds: fn(&Requirement, &Requirement) -> bool| alone.iter().any(|one| holds(one, &found));
            prop_assert!(has(|one, found| one.require == found.require) && has(|one, found| one.bind == found.bind));
            prop_assert!(has(|one, found| one.approvals == found.approvals));
            prop_assert!(has(|one, found| one.presence == found.presence));
            prop_assert!(has(|one, found| one.max_age == found.max_age));
        }
    }
}
