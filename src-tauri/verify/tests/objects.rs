//! The gate beside a real repository: what was collected is held against its objects.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy excuses only the test functions themselves"
)]

mod repo;
mod support;

use std::fs;
use std::process::Command;

use repo::{Repo, judge};
use serde_json::{Value, json};

/// A change of two paths, while the target went on.
fn world() -> (Repo, Value) {
    let repo = Repo::new();
    repo.git(&["checkout", "--quiet", "-b", "change"]);
    repo.write("ledger.rs", "one\nTWO\nthree\nfour\nfive\nsix\nseven\n");
    repo.commit("First");
    repo.write("new.rs", "new\n");
    let head = repo.commit("Second");
    repo.git(&["checkout", "--quiet", "main"]);
    repo.write("web.rs", "web site\n");
    repo.commit("The target went on");
    let input = repo.approved("7", &head);
    (repo, input)
}

#[test]
fn what_the_repository_confirms_is_accepted() {
    let (repo, input) = world();
    assert_eq!(input["content"]["total"], json!(2));
    for git in [None, Some(repo.path().to_owned()), Some(repo.path().join(".git"))] {
        let (code, reason, said) = judge(&input, git.as_deref());
        assert_eq!((code, &reason), (0, &Value::Null), "{said}");
        assert_eq!(said.contains("those of the repository"), git.is_some(), "{said}");
    }
}

#[test]
fn what_it_contradicts_is_refused_by_name() {
    let (repo, input) = world();
    type Edit = (&'static str, i32, fn(&mut Value));
    let edits: [Edit; 6] = [
        ("E_TREE_MISMATCH", 1, |input| {
            input["content"]["head_tree"] = json!("5".repeat(40));
            input["commits"]["items"][0]["tree"] = Value::Null;
        }),
        ("E_CHANGESET_MISMATCH", 1, |input| {
            input["content"]["changed"][0]["new_oid"] = json!("5".repeat(40));
        }),
        // A path was hidden, and the count with it.
        ("E_CHANGESET_MISMATCH", 1, |input| {
            input["content"]["changed"].as_array_mut().unwrap().pop();
            input["content"]["total"] = json!(1);
        }),
        ("E_CHANGESET_MISMATCH", 1, |input| {
            input["content"]["merge_bases"] = json!([input["content"]["target_tip"]]);
        }),
        // A commit was hidden, and with it who wrote it.
        ("E_INPUT_MISSING", 2, |input| {
            input["commits"]["items"].as_array_mut().unwrap().pop();
            input["commits"]["total"] = json!(1);
        }),
        ("E_INPUT_MISSING", 2, |input| {
            let text = support::policy_text() + "# looser\n";
            input["trust"]["policy"]["blob"] = json!(support::blob_name(&text));
            input["trust"]["policy"]["text"] = json!(text);
        }),
    ];
    for (at, (expected, status, edit)) in edits.into_iter().enumerate() {
        let mut input = input.clone();
        edit(&mut input);
        let (code, reason, said) = judge(&input, Some(repo.path()));
        assert_eq!((code, &reason), (status, &json!(expected)), "edit {at}: {said}");
    }
}

/// Lets changes pass of which nobody said that AI helped; the change as it is collected then.
fn allowed(repo: &Repo) -> Value {
    let text = support::policy_text().replacen("[signoff]", "[signoff]\nundeclared = \"allow\"", 1);
    repo.write(".github/countersign.toml", &text);
    repo.commit("Allow");
    let mut input = repo.collected("7", &repo.git(&["rev-parse", "change"]));
    input["trust"]["policy"]["blob"] = json!(support::blob_name(&text));
    input["trust"]["policy"]["text"] = json!(text);
    input
}

#[test]
fn what_agents_wrote_down_in_a_files_lines_is_a_mark() {
    let by = |who: &str| format!("{{\"version\": \"0.1.0\", \"contributor\": {{\"type\": \"{who}\"}}}}\n");
    let (people, agent) = (by("human"), by("ai"));
    let traces = ".agent-trace/traces.jsonl";
    type Write<'a> = (&'a str, Option<String>, String, bool);
    let cases: [Write<'_>; 6] = [
        (traces, None, people.clone(), true),
        (traces, None, format!("{people}{agent}"), false),
        (traces, None, format!("\0\n{agent}"), false),
        // It stood there before, and is taken away or left.
        (traces, Some(agent.clone()), people.clone(), true),
        (traces, Some(agent.clone()), format!("{agent}{people}"), true),
        ("docs/notes.md", None, agent, true),
    ];
    for (path, before, after, passes) in cases {
        let repo = Repo::new();
        repo.git(&["checkout", "--quiet", "main"]);
        if let Some(before) = before {
            repo.write(path, &before);
            repo.commit("Before");
        }
        repo.git(&["checkout", "--quiet", "-b", "change"]);
        // What stands in the tree has no say in how lines are read.
        repo.write(".gitattributes", "* -diff binary\n");
        repo.write(path, &after);
        repo.commit("The change");
        repo.git(&["checkout", "--quiet", "main"]);
        let input = allowed(&repo);
        let (code, reason, said) = judge(&input, Some(repo.path()));
        let expected = if passes {
            (0, Value::Null)
        } else {
            (1, json!("E_QUORUM"))
        };
        assert_eq!((code, reason), expected, "{path} {after:?}: {said}");
        // Without the objects the lines are not known.
        let (code, _, said) = judge(&input, None);
        assert_eq!(code, i32::from(path == traces), "{said}");
    }
}

#[test]
fn what_agents_noted_is_a_mark() {
    let (repo, _) = world();
    let input = allowed(&repo);
    let head = repo.git(&["rev-parse", "change"]);
    let judged = || judge(&input, Some(repo.path()));
    let passes = || {
        let (code, reason, said) = judged();
        assert_eq!((code, &reason), (0, &Value::Null), "{said}");
    };
    let note = |reference: &str, commit: &str, text: &str| {
        repo.git(&["notes", "--ref", reference, "add", "-f", "-m", text, commit]);
    };
    let prompts = "new.rs\n  abc 1-3\n---\n{\"schema_version\": \"authorship/3.0.0\", \"prompts\": {\"abc\": \
        {\"agent_id\": {\"tool\": \"claude\", \"id\": \"x\", \"model\": \"y\"}}}}";
    let people = "new.rs\n---\n{\"schema_version\": \"authorship/3.0.0\", \"prompts\": {}}";
    passes();
    note("refs/notes/ai", "main", prompts);
    passes();
    note("refs/notes/commits", &head, prompts);
    passes();
    note("refs/notes/ai", &head, people);
    passes();
    note("refs/notes/ai", &head, prompts);
    let (code, reason, said) = judged();
    assert_eq!((code, &reason), (1, &json!("E_QUORUM")), "{said}");
    note("refs/notes/ai", &head, people);
    note("refs/notes/ai", &format!("{head}^"), prompts);
    let (code, reason, said) = judged();
    assert_eq!(
        (code, &reason),
        (1, &json!("E_QUORUM")),
        "an earlier commit: {said}"
    );

    // With many notes git puts them into folders by their names.
    let tree = repo.git(&["rev-parse", "refs/notes/ai^{tree}"]);
    let blob = repo.git(&[
        "rev-parse",
        &format!("{tree}:{}", repo.git(&["rev-parse", "change^"])),
    ]);
    for pairs in [1, 2, 3] {
        let name = repo.git(&["rev-parse", "change^"]);
        let mut path = name.clone();
        for pair in (1..=pairs).rev() {
            path.insert(2 * pair, '/');
        }
        repo.git(&["read-tree", "--empty"]);
        repo.git(&[
            "update-index",
            "--add",
            "--cacheinfo",
            &format!("100644,{blob},{path}"),
        ]);
        let commit = repo.git(&["commit-tree", "-m", "Notes", &repo.git(&["write-tree"])]);
        repo.git(&["update-ref", "refs/notes/ai", &commit]);
        assert_eq!(judged().1, json!("E_QUORUM"), "{path}");
    }
    repo.git(&["update-ref", "-d", "refs/notes/ai"]);
    passes();
}

#[test]
fn the_organisations_files_are_held_against_its_tip() {
    let (repo, _) = world();
    repo.extends("acme/policies:.github/countersign.toml");
    let policies = Repo::organisation(1);
    repo.git(&["fetch", "--quiet", policies.path().to_str().unwrap(), "main"]);
    let mut input = repo.approved("7", &repo.git(&["rev-parse", "change"]));
    let text = repo.git(&["show", "main:.github/countersign.toml"]) + "\n";
    input["trust"]["policy"]["blob"] = json!(support::blob_name(&text));
    input["trust"]["policy"]["text"] = json!(text);
    let mut theirs = support::scene("x")["trust"].clone();
    let theirs = theirs.as_object_mut().unwrap();
    theirs.retain(|name, _| !matches!(name.as_str(), "target_tip" | "gate_files"));
    theirs.extend([
        ("repo".to_owned(), json!("acme/policies")),
        ("repo_id".to_owned(), json!("5550001")),
        ("tip".to_owned(), json!(policies.git(&["rev-parse", "main"]))),
    ]);
    input["trust"]["organisation"] = json!(theirs);
    let (code, _, said) = judge(&input, Some(repo.path()));
    assert_eq!(code, 0, "{said}");
    let text = support::policy_text() + "# looser\n";
    input["trust"]["organisation"]["policy"]["blob"] = json!(support::blob_name(&text));
    input["trust"]["organisation"]["policy"]["text"] = json!(text);
    assert_eq!(judge(&input, None).0, 0, "nothing contradicts it");
    let (code, reason, said) = judge(&input, Some(repo.path()));
    assert_eq!((code, &reason), (2, &json!("E_INPUT_MISSING")), "{said}");
}

#[test]
fn objects_that_a_clone_lacks_are_missing_and_not_fetched() {
    let (repo, input) = world();
    repo.git(&["config", "uploadpack.allowFilter", "true"]);
    repo.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
    let folder = tempfile::tempdir().unwrap();
    let from = format!("file://{}", repo.path().display());
    let clone = |name: &str, how: &str| {
        let to = folder.path().join(name);
        let done = Command::new("git")
            .args(["clone", "--quiet", "--mirror", how, &from])
            .arg(&to)
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
        to
    };
    let whole = clone("whole", "--no-tags");
    let (code, _, said) = judge(&input, Some(&whole));
    assert_eq!(code, 0, "{said}");
    for lacking in [clone("shallow", "--depth=1"), clone("partial", "--filter=tree:0")] {
        let (code, reason, said) = judge(&input, Some(&lacking));
        assert_eq!((code, &reason), (2, &json!("E_INPUT_MISSING")), "{said}");
    }
    // Trees are enough: the files themselves are not looked at.
    let (code, _, said) = judge(&input, Some(&clone("without-files", "--filter=blob:none")));
    assert_eq!(code, 0, "{said}");
    let (code, reason, _) = judge(&input, Some(folder.path()));
    assert_eq!(
        (code, &reason),
        (2, &json!("E_INPUT_MISSING")),
        "there is no repository"
    );
}

#[test]
fn nothing_of_the_change_or_the_clone_is_run_or_obeyed() {
    let repo = Repo::new();
    let mark = repo.path().join("was-run");
    let run = format!("touch {}; false", mark.display());
    repo.git(&["checkout", "--quiet", "-b", "change"]);
    repo.write(".gitattributes", "*.rs diff=evil merge=evil filter=evil\n");
    repo.write("ledger.rs", "one\nTWO\nthree\nfour\nfive\nsix\nseven\n");
    let head = repo.commit("Hostile");
    repo.git(&["checkout", "--quiet", "main"]);
    let input = repo.approved("7", &head);
    repo.git(&["checkout", "--quiet", "change"]);
    for name in [
        "diff.evil.textconv",
        "diff.evil.command",
        "diff.external",
        "merge.evil.driver",
        "filter.evil.smudge",
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
    ] {
        repo.git(&["config", name, &run]);
    }
    repo.git(&["config", "diff.renames", "copies"]);
    repo.git(&["config", "core.quotePath", "true"]);
    let hook = repo.path().join(".git/hooks/post-index-change");
    fs::write(&hook, format!("#!/bin/sh\n{run}\n")).unwrap();
    // The head is replaced by a commit that changes nothing.
    repo.git(&["replace", &head, "main"]);
    let (code, reason, said) = judge(&input, Some(repo.path()));
    assert_eq!((code, &reason), (0, &Value::Null), "{said}");
    assert!(!mark.exists(), "something was run");
}
