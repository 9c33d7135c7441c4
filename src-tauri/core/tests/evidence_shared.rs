//! Recall and precision over the shared corpora, where there are any (`COUNTERSIGN_SHARED`, or `shared` beside
//! the workspace). The corpora in the crate's own tests run always.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test may use files and the environment; the crate may not"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use countersign_core::change::{
    AccountKind, Change, ChangeState, Commit, Head, Identity, Oid, Person, Target,
};
use countersign_core::evidence::{Classification, Extra, Involvement, Strength, classify};
use serde_json::Value;

fn rows(name: &str) -> Option<Vec<Value>> {
    let named = std::env::var_os("COUNTERSIGN_SHARED").map(PathBuf::from);
    let dir = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    let path = dir.join("data").join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("SKIPPED: no shared corpus at {}", path.display());
        return None;
    };
    Some(
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    )
}

fn text(row: &Value, key: &str) -> String {
    row[key].as_str().unwrap_or_default().to_owned()
}

fn person(login: &str, id: Option<String>) -> Person {
    let kind = if login.ends_with("[bot]") {
        AccountKind::Bot
    } else {
        AccountKind::User
    };
    Person {
        login: login.to_owned(),
        id,
        kind,
    }
}

fn identity(name: String, email: String) -> Identity {
    Identity {
        name,
        email,
        account: None,
    }
}

fn commit(message: String, author: Identity, committer: Identity) -> Commit {
    let oid: Oid = "1".repeat(40).parse().unwrap();
    Commit {
        oid,
        tree: None,
        message,
        author,
        committer,
        committed_at: None,
    }
}

fn change(author: Option<Person>, title: String, body: String, commits: Vec<Commit>) -> Change {
    let oid: Oid = "2".repeat(40).parse().unwrap();
    Change {
        id: "github.com/a/b#1".parse().unwrap(),
        node_id: String::new(),
        change_id: String::new(),
        repo_id: String::new(),
        url: String::new(),
        title,
        body,
        author,
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
        labels: Vec::new(),
        assignees: Vec::new(),
        commit_count: commits.len() as u64,
        commits,
        additions: 0,
        deletions: 0,
        changed_files: 0,
        checks: Vec::new(),
        reviews: Vec::new(),
        own_review: None,
    }
}

fn is_sure(found: &Classification) -> bool {
    found.involvement.is_ai() && found.evidence.iter().any(|one| one.strength > Strength::Weak)
}

#[test]
fn commits_are_recognised() {
    let Some(rows) = rows("commits-dev.jsonl") else {
        return;
    };
    let mut table: BTreeMap<String, BTreeMap<String, u32>> = BTreeMap::new();
    let mut per_tool: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    let (mut ai, mut recognised, mut called, mut rightly) = (0u32, 0u32, 0u32, 0u32);
    let mut wrong = Vec::new();
    for row in &rows {
        let author = identity(text(row, "author_name"), text(row, "author_email"));
        let committer = identity(text(row, "committer_name"), text(row, "committer_email"));
        let commits = vec![commit(text(row, "message"), author, committer)];
        let found = classify(
            &change(None, String::new(), String::new(), commits),
            Extra::default(),
        );
        let label = text(row, "label");
        let is_ai = label == "ai";
        let sure = is_sure(&found);
        *table
            .entry(label.clone())
            .or_default()
            .entry(format!("{:?}", found.involvement))
            .or_default() += 1;
        ai += u32::from(is_ai);
        recognised += u32::from(is_ai && sure);
        called += u32::from(sure);
        rightly += u32::from(sure && (is_ai || label == "ai_suggestion"));
        if is_ai {
            for tool in row["tools"].as_array().into_iter().flatten() {
                let (n, hit) = per_tool.entry(tool.as_str().unwrap().to_owned()).or_default();
                *n += 1;
                *hit += u32::from(sure);
            }
        }
        let clean = [
            "bot_not_ai",
            "hard_negative",
            "human_pre_ai",
            "no_marker_unknown",
            "weak_only",
        ];
        if sure == clean.contains(&label.as_str()) {
            let marks: Vec<_> = found
                .evidence
                .iter()
                .map(|one| format!("{}: {}", one.marker, one.text))
                .collect();
            wrong.push(format!(
                "{label} {} {:?} {marks:?}",
                row["markers"], found.involvement
            ));
        }
    }
    for (label, counts) in &table {
        eprintln!("{label:20} {counts:?}");
    }
    for (tool, (n, hit)) in &per_tool {
        eprintln!("{tool:50} {hit:4} of {n:4}");
    }
    for line in &wrong {
        eprintln!("WRONG {line}");
    }
    let recall = f64::from(recognised) / f64::from(ai);
    let precision = f64::from(rightly) / f64::from(called);
    eprintln!("recall {recall:.4} ({recognised}/{ai}) precision {precision:.4} ({rightly}/{called})");
    assert!(recall >= 0.985 && precision >= 0.995);
    for label in ["bot_not_ai", "hard_negative", "human_pre_ai"] {
        for called in ["Authored", "Assisted", "SuggestionApplied"] {
            assert_eq!(table[label].get(called), None, "{label}");
        }
    }
}

#[test]
fn changes_of_agents_are_recognised() {
    let Some(rows) = rows("changes-dev.jsonl") else {
        return;
    };
    let mut table: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for row in &rows {
        let id = row["author_id"].as_str().map(str::to_owned);
        let commits = row["commits"].as_array().into_iter().flatten().map(|one| {
            let named = |key| {
                let login = text(one, key);
                Identity {
                    name: login.clone(),
                    email: String::new(),
                    account: Some(person(&login, None)),
                }
            };
            commit(text(one, "message"), named("author"), named("committer"))
        });
        let change = change(
            Some(person(&text(row, "author"), id)),
            text(row, "title"),
            text(row, "body"),
            commits.collect(),
        );
        let found = classify(&change, Extra::default());
        let (n, hit) = table.entry(text(row, "agent")).or_default();
        *n += 1;
        *hit += u32::from(is_sure(&found));
        if !is_sure(&found) && !text(row, "agent").contains("Codex") {
            let names: Vec<_> = change.commits.iter().map(|one| one.author.name.clone()).collect();
            eprintln!(
                "MISSED {} {:?} {names:?} {:?}",
                row["agent"], found.involvement, change.author
            );
        }
    }
    eprintln!("{table:?}");
    let expected = [
        ("Devin", 150),
        ("Copilot", 150),
        ("Claude_Code", 29),
        ("Cursor", 39),
        ("OpenAI_Codex", 96),
    ];
    for (agent, least) in expected {
        assert!(table[agent].1 >= least, "{agent}: {:?}", table[agent]);
    }
    assert!(!Involvement::Undeclared.is_ai());
}
