//! `policy check`: whether a working tree's policy can be read, and what is odd about it. `policy test`: whether it
//! asks of example changes what they expect.

use std::fs;
use std::io;
use std::path::Path;

use countersign_core::policy::examples;
use countersign_core::policy::lint::lint;
use countersign_core::policy::{AllowedSigners, PATH, Policy, RevokedKeys, Rulebook, Unreadable};
use jiff::Timestamp;

/// What was found.
pub(crate) enum Checked {
    /// It can be read; these lines say what is odd.
    Readable(Vec<String>),
    /// It cannot: this line says where and why.
    Unreadable(String),
}

/// Reads the policy and the files that it names below `root`, and those of the organisation's below `extends`.
///
/// # Errors
/// Where the policy itself is not there or cannot be opened.
pub(crate) fn check(root: &Path, extends: Option<&Path>, now: Timestamp) -> io::Result<Checked> {
    let text = read(root, PATH)?;
    let lines = || -> Result<Vec<String>, String> {
        let own = rulebook(root, PATH, &text)?;
        let all = match organisation(&own.policy, extends)? {
            None => own,
            Some(theirs) => {
                let mut both = own.tightened_by(&theirs);
                // It has been looked at.
                both.policy.extends = None;
                both
            }
        };
        let odd = lint(&all.policy, &all.signers, &all.revoked, now);
        Ok(odd.iter().map(ToString::to_string).collect())
    };
    Ok(match lines() {
        Ok(lines) => Checked::Readable(lines),
        Err(line) => Checked::Unreadable(line),
    })
}

/// JSON Schema of the policy. It helps to write one; whether the gate can read it, `policy check` says.
pub(crate) const SCHEMA: &str = include_str!("policy.schema.json");

/// Where the examples are.
pub(crate) const EXAMPLES: &str = ".github/countersign-examples.toml";

/// How many examples there are, and a line for each thing that the policy asks otherwise; or why they cannot be read.
///
/// # Errors
/// Where the policy or the examples are not there or cannot be opened.
pub(crate) fn test(
    root: &Path,
    path: &str,
    extends: Option<&Path>,
) -> io::Result<Result<(usize, Vec<String>), String>> {
    let (text, listed) = (read(root, PATH)?, read(root, path)?);
    let read = || -> Result<(usize, Vec<String>), String> {
        let own = Policy::parse(&text).map_err(|error| format!("{PATH}, {error}"))?;
        if let (Some(what), None) = (&own.extends, extends) {
            return Err(format!(
                "{PATH} extends {what}: name its working tree with --extends"
            ));
        }
        let policy = match organisation(&own, extends)? {
            None => own,
            Some(theirs) => rulebook(root, PATH, &text)?.tightened_by(&theirs).policy,
        };
        let examples = examples::parse(&listed).map_err(|error| format!("{path}, {error}"))?;
        let lines = examples.iter().flat_map(|example| {
            let differences = example.differences(&policy);
            differences
                .into_iter()
                .map(|difference| format!("{}: {difference}", example.name))
        });
        Ok((examples.len(), lines.collect()))
    };
    Ok(read())
}

/// The organisation's policy from its working tree, if that is given.
fn organisation(own: &Policy, root: Option<&Path>) -> Result<Option<Rulebook>, String> {
    let (extended, root) = match (own.extended(), root) {
        (_, None) => return Ok(None),
        (None, Some(_)) => return Err(format!("{PATH} extends no other policy")),
        (Some(extended), Some(root)) => (extended, root),
    };
    let text = read(root, &extended.path).map_err(|error| error.to_string())?;
    let there = |error: String| format!("{}: {error}", extended.repo);
    let theirs = rulebook(root, &extended.path, &text).map_err(there)?;
    if theirs.policy.extends.is_some() {
        return Err(there(format!(
            "{} extends another policy itself: one level only",
            extended.path
        )));
    }
    Ok(Some(theirs))
}

fn rulebook(root: &Path, path: &str, text: &str) -> Result<Rulebook, String> {
    let named = |path: &str| read(root, path).map_err(|error| error.to_string());
    let at = |path: &str| {
        let path = path.to_owned();
        move |error: Unreadable| format!("{path}, {error}")
    };
    let policy = Policy::parse(text).map_err(at(path))?;
    let path = &policy.allowed_signers;
    let signers = AllowedSigners::parse(&named(path)?).map_err(at(path))?;
    signers
        .check_against(&policy)
        .map_err(|error| format!("{path}: {error}"))?;
    let revoked = match &policy.revoked_keys {
        None => RevokedKeys::default(),
        Some(path) => RevokedKeys::parse(&named(path)?).map_err(at(path))?,
    };
    Ok(Rulebook {
        policy,
        signers,
        revoked,
    })
}

/// A file of the tree. The gate refuses links, so they are refused here.
fn read(root: &Path, path: &str) -> io::Result<String> {
    let whole = root.join(path);
    let said = |error: io::Error| io::Error::new(error.kind(), format!("cannot read {path}: {error}"));
    if fs::symlink_metadata(&whole).map_err(said)?.is_symlink() {
        return Err(io::Error::other(format!(
            "{path} is a link, which the gate refuses"
        )));
    }
    fs::read_to_string(&whole).map_err(said)
}
