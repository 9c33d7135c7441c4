//! Example changes with what they should need: a policy's own tests, kept beside it.
//!
//! ```toml
//! [[change]]
//! name = "a firewall rule takes two, and a touch"
//! paths = ["infra/firewall.tf"]
//! approvals = 2
//! presence = "touch"
//! rules = ["infrastructure"]
//! ```

use serde::{Deserialize, Serialize};

use super::{Authors, Bind, Policy, Presence, Require, Requirement, Touched, Undeclared, Unreadable};

/// One change, and what is expected of it. What is left out may be anything.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// What it shows.
    pub name: String,
    /// What the change touches; left out, the list could not be read.
    paths: Option<Vec<String>>,
    require: Option<Require>,
    undeclared: Option<Undeclared>,
    authors: Option<Authors>,
    approvals: Option<u32>,
    presence: Option<Presence>,
    bind: Option<Bind>,
    rules: Option<Vec<String>>,
    guarded: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    change: Vec<Example>,
}

/// Reads the examples.
///
/// # Errors
/// [`Unreadable`] with the place and what was expected. A file without an example is one: it would test nothing.
pub fn parse(text: &str) -> Result<Vec<Example>, Unreadable> {
    let document: Document = toml::from_str(text).map_err(|error| {
        let place = error.span().map_or(0, |span| span.start);
        Unreadable::at(text, place, error.message().replace('\n', ", "))
    })?;
    for example in &document.change {
        if !example.expects_something() {
            let message = format!("expected that {:?} expects something", example.name);
            return Err(Unreadable::at(text, 0, message));
        }
    }
    if document.change.is_empty() {
        return Err(Unreadable::at(text, 0, "expected at least one [[change]]"));
    }
    Ok(document.change)
}

impl Example {
    /// Each thing that the policy asks otherwise: "approvals: expected 2, found 1".
    pub fn differences(&self, policy: &Policy) -> Vec<String> {
        let touched: Option<Vec<Touched<'_>>> = self.paths.as_ref().map(|paths| {
            paths
                .iter()
                .map(|path| Touched::new(path.as_bytes(), []))
                .collect()
        });
        let Requirement {
            require,
            undeclared,
            authors,
            approvals,
            presence,
            bind,
            max_age: _,
            max_delay: _,
            rules,
            guarded,
        } = policy.requirement_for(touched.as_deref(), &[]);
        [
            differs("require", self.require.as_ref(), &require),
            differs("undeclared", self.undeclared.as_ref(), &undeclared),
            differs("authors", self.authors.as_ref(), &authors),
            differs("approvals", self.approvals.as_ref(), &approvals),
            differs("presence", self.presence.as_ref(), &presence),
            differs("bind", self.bind.as_ref(), &bind),
            differs("rules", self.rules.as_ref(), &rules),
            differs("guarded", self.guarded.as_ref(), &guarded),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn expects_something(&self) -> bool {
        self.require.is_some()
            || self.undeclared.is_some()
            || self.authors.is_some()
            || self.approvals.is_some()
            || self.presence.is_some()
            || self.bind.is_some()
            || self.rules.is_some()
            || self.guarded.is_some()
    }
}

fn differs<T: PartialEq + Serialize>(what: &str, expected: Option<&T>, found: &T) -> Option<String> {
    let expected = expected.filter(|expected| *expected != found)?;
    // Words as the policy has them; none of these values can fail to be written.
    let word = |value: &T| serde_json::to_string(value).unwrap_or_default();
    Some(format!(
        "{what}: expected {}, found {}",
        word(expected),
        word(found)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "version = 1\nallowed_signers = \"a\"\n\
        [[rule]]\nname = \"infra\"\npaths = [\"infra/**\"]\napprovals = 3\npresence = \"touch\"\n";

    fn differences(example: &str) -> Vec<String> {
        let policy = Policy::parse(POLICY).unwrap();
        let examples = parse(example).unwrap();
        examples
            .iter()
            .flat_map(|example| example.differences(&policy))
            .collect()
    }

    #[test]
    fn what_the_policy_asks_is_compared_with_what_was_expected() {
        let infra = "[[change]]\nname = \"x\"\npaths = [\"infra/a.tf\"]\n";
        assert!(
            differences(&format!(
                "{infra}approvals = 3\nrules = [\"infra\"]\nguarded = false\n"
            ))
            .is_empty()
        );
        assert_eq!(
            differences(&format!(
                "{infra}approvals = 2\npresence = \"verified\"\nrules = []\n"
            )),
            [
                "approvals: expected 2, found 3",
                "presence: expected \"verified\", found \"touch\"",
                "rules: expected [], found [\"infra\"]",
            ]
        );
        assert!(differences("[[change]]\nname = \"cut\"\nguarded = true\napprovals = 3\n").is_empty());
    }

    #[test]
    fn an_example_that_expects_nothing_is_refused() {
        for text in [
            "",
            "change = []",
            "[[change]]\nname = \"x\"\npaths = []\n",
            "[[change]]\nname = \"x\"\naprovals = 2\n",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
