//! The tables' own tests: each example goes through globs, sides and filters as a small diff.

use std::path::{Path, PathBuf};

use countersign_core::finding::Assessment;
use countersign_core::patch::Patch;

use super::*;

/// A path that the first glob of a rule takes in.
fn place(rules: &Globs, rule: &Rule) -> String {
    let globs = expand(&rule.entry.globs, &rules.globs).unwrap();
    let glob = globs[0]
        .replace("**/", "")
        .replace("/**", "/x")
        .replace("**", "x")
        .replace('*', "x");
    glob.replace(".yxml", ".yaml")
}

/// The diff of one file that stands on both sides.
fn diff(path: &str, lines: &str) -> String {
    let lines: Vec<&str> = lines.lines().chain([" "]).collect();
    let count = |sign: char| lines.iter().filter(|line| !line.starts_with(sign)).count();
    format!(
        "diff --git a/{path} b/{path}\nindex 1111111..2222222 100644\n--- a/{path}\n+++ b/{path}\n@@ -9,{} +9,{} @@\n{}\n",
        count('+'),
        count('-'),
        lines.join("\n")
    )
}

/// Whether the rule speaks about a diff.
fn speaks(rule: &Rule, diff: &str) -> bool {
    let patch =
        Patch::parse(diff.as_bytes()).unwrap_or_else(|error| panic!("{}: {error}\n{diff}", rule.id()));
    let mut out = Assessment::default();
    crate::scan::patch(&patch, &[], &mut out);
    out.findings.iter().any(|finding| finding.rule == rule.id())
}

fn signed(text: &str, side: Lines) -> String {
    let sign = if side == Lines::Removed { '-' } else { '+' };
    text.lines().map(|line| format!("{sign}{line}\n")).collect()
}

fn other(side: Lines) -> Option<Lines> {
    match side {
        Lines::Added => Some(Lines::Removed),
        Lines::Removed => Some(Lines::Added),
        Lines::Either | Lines::File => None,
    }
}

#[test]
fn every_rule_matches_its_examples_and_not_its_counter_examples() {
    let rules = Rules::builtin();
    let globs: Globs = toml::from_str(GLOBS).unwrap();
    let mut wrong = Vec::new();
    for (at, rule) in rules.rules.iter().enumerate() {
        let id = rule.id();
        let Entry {
            examples,
            counter_examples,
            ..
        } = &rule.entry;
        if examples.len() < 2 || counter_examples.len() < 2 {
            wrong.push(format!("{id}: needs two examples and two counter-examples"));
        }
        let place = place(&globs, rule);
        let as_diff = |example: &Example, side: Lines| match example {
            Example::Line(text) => diff(&place, &signed(text, side)),
            Example::Diff { path, lines } => diff(path, lines),
        };
        let matches = |example: &Example| match example {
            Example::Line(path) if rule.lines() == Lines::File => rules.for_path(path) & (1 << at) != 0,
            Example::Line(_) | Example::Diff { .. } => speaks(rule, &as_diff(example, rule.lines())),
        };
        let missed = examples.iter().filter(|example| !matches(example));
        wrong.extend(missed.map(|example| format!("{id} misses {example:?} in {place}")));
        let caught = counter_examples.iter().filter(|example| matches(example));
        wrong.extend(caught.map(|example| format!("{id} wrongly matches {example:?} in {place}")));
        if let Some(side) = other(rule.lines()) {
            let lines = examples
                .iter()
                .filter(|example| matches!(example, Example::Line(_)));
            let caught = lines.filter(|example| speaks(rule, &as_diff(example, side)));
            wrong.extend(caught.map(|example| format!("{id} speaks on the wrong side of {example:?}")));
        }
        if rule.lines() == Lines::File && rule.pattern.is_some() {
            wrong.push(format!("{id}: a rule about files has no pattern"));
        }
        if rule.title().ends_with('.') || !rule.why().ends_with('.') || !rule.check().ends_with(['.', '`']) {
            wrong.push(format!(
                "{id}: titles have no full stop, the other texts have one"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The catalogue that the tables grew from, where it is at hand.
#[test]
#[allow(clippy::print_stderr, reason = "a test that does nothing says so")]
fn every_rule_of_the_catalogue_is_there() {
    let named = std::env::var_os("COUNTERSIGN_SHARED").map(PathBuf::from);
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let path = named.unwrap_or_else(beside).join("data/danger-rules.json");
    let Ok(text) = std::fs::read(&path) else {
        eprintln!("SKIPPED: no catalogue of rules at {}", path.display());
        return;
    };
    let catalogue: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let rules = Rules::builtin();
    let wrong: Vec<_> = (catalogue["rules"].as_array().unwrap().iter())
        .filter(|entry| {
            let severity: Severity = serde_json::from_value(entry["severity"].clone()).unwrap();
            let rule = rules.by_id(entry["id"].as_str().unwrap());
            rule.is_none_or(|rule| rule.severity() < severity)
        })
        .map(|entry| &entry["id"])
        .collect();
    assert!(wrong.is_empty(), "missing, or taken less seriously: {wrong:?}");
}

#[test]
fn ids_are_unique_and_weaker_rules_name_a_rule() {
    let rules = Rules::builtin();
    let mut ids: Vec<_> = rules.rules.iter().map(Rule::id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), rules.rules.len());
    for rule in &rules.rules {
        assert!(
            rule.weaker_than().is_none_or(|id| ids.contains(&id)),
            "{}",
            rule.id()
        );
    }
}

#[test]
fn a_table_with_a_mistake_is_refused() {
    let entry = "family = \"x\"\n[[rule]]\nid = \"x.y\"\nseverity = \"high\"\nside = \"added\"\nglobs = [\"@any\"]\npattern = 'x'\ntitle = \"X\"\nwhy = \"Y.\"\ncheck = \"Z.\"\nexamples = []\ncounter_examples = []\nsource = \"practice\"\n";
    assert!(Rules::parse(GLOBS, &[entry]).is_ok());
    assert!(
        Rules::parse(GLOBS, &[&entry.replace("@any", "@none")])
            .unwrap_err()
            .contains("none")
    );
    assert!(
        Rules::parse(GLOBS, &[&entry.replace("'x'", "'('")])
            .unwrap_err()
            .contains("x.y")
    );
    assert!(Rules::parse(GLOBS, &[&entry.replace("severity", "heft")]).is_err());
}

#[test]
fn every_table_beside_this_file_is_compiled_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let known = FAMILIES.contains(&text.as_str()) || text == GLOBS;
        assert!(known, "{} is not among FAMILIES", path.display());
    }
}
