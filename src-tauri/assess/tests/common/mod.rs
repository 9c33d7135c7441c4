//! Changes and diffs for the tests of this crate.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "shared by test crates that each use a part of it"
)]

use countersign_assess::{ComponentSpec, assess};
use countersign_core::change::{AccountKind, Change, ChangeState, Head, Oid, Person, Target};
use countersign_core::finding::{Assessment, Finding};
use countersign_core::patch::Patch;

/// A change that nobody said anything about, opened by mika.
pub fn change(title: &str) -> Change {
    let oid: Oid = "1".repeat(40).parse().unwrap();
    Change {
        id: "github.com/acme/infra#482".parse().unwrap(),
        node_id: "PR_1".to_owned(),
        change_id: "1".to_owned(),
        repo_id: "2".to_owned(),
        url: String::new(),
        title: title.to_owned(),
        body: String::new(),
        author: Some(Person {
            login: "mika".to_owned(),
            id: Some("77".to_owned()),
            kind: AccountKind::User,
        }),
        state: ChangeState::Open,
        draft: false,
        created_at: jiff::Timestamp::UNIX_EPOCH,
        updated_at: jiff::Timestamp::UNIX_EPOCH,
        head: Head {
            branch: "topic".to_owned(),
            oid: oid.clone(),
            repo: None,
        },
        target: Target {
            branch: "main".to_owned(),
            oid,
        },
        asked: Vec::new(),
        requested: Vec::new(),
        labels: Vec::new(),
        assignees: Vec::new(),
        commits: Vec::new(),
        commit_count: 0,
        additions: 0,
        deletions: 0,
        changed_files: 0,
        checks: Vec::new(),
        reviews: Vec::new(),
        own_review: None,
        operators: Vec::new(),
        conflicting: false,
    }
}

/// The diff of one file in one hunk; `lines` as in a diff, with their sign.
pub fn file(path: &str, lines: &str) -> String {
    in_section(path, "", lines)
}

/// As [`file`], with the text that git shows behind the hunk's range.
pub fn in_section(path: &str, section: &str, lines: &str) -> String {
    let lines: Vec<&str> = lines.lines().collect();
    let count = |sign: char| lines.iter().filter(|line| !line.starts_with(sign)).count();
    let (old, new) = (count('+'), count('-'));
    let (mode, from, to) = match (old, new) {
        (0, _) => (
            "new file mode 100644\n",
            "/dev/null".to_owned(),
            format!("b/{path}"),
        ),
        (_, 0) => (
            "deleted file mode 100644\n",
            format!("a/{path}"),
            "/dev/null".to_owned(),
        ),
        _ => ("", format!("a/{path}"), format!("b/{path}")),
    };
    let (old_start, new_start) = (usize::from(old > 0), usize::from(new > 0));
    let section = if section.is_empty() {
        String::new()
    } else {
        format!(" {section}")
    };
    format!(
        "diff --git a/{path} b/{path}\n{mode}index 1111111..2222222{}\n--- {from}\n+++ {to}\n@@ -{old_start},{old} +{new_start},{new} @@{section}\n{}\n",
        if mode.is_empty() { " 100644" } else { "" },
        lines.join("\n")
    )
}

/// Assesses a diff.
pub fn of(diff: &str, components: &[ComponentSpec]) -> Assessment {
    let patch = Patch::parse(diff.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{diff}"));
    assess(&change("Change"), Ok(&patch), components)
}

/// The findings of a diff.
pub fn findings(diff: &str) -> Vec<Finding> {
    of(diff, &[]).findings
}

/// Rules and lines of the findings.
pub fn rules(diff: &str) -> Vec<(String, Option<u32>)> {
    findings(diff)
        .into_iter()
        .map(|finding| (finding.rule, finding.line))
        .collect()
}

/// Whether a rule speaks.
pub fn says(diff: &str, rule: &str) -> bool {
    findings(diff).iter().any(|finding| finding.rule == rule)
}
