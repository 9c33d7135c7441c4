//! From the script that `collect` prints, by way of the forge's answers, to a verdict.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy excuses only the test functions themselves"
)]

mod repo;
mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use repo::answers::{FakeGh, actor, answers, joined, organisation};
use repo::{Repo, approval};
use serde_json::{Value, json};
use support::{PRIYA, RAVI, add_review};

/// A change of two commits, approved by Priya.
fn world() -> (Repo, Value) {
    let repo = Repo::new();
    repo.git(&["checkout", "--quiet", "-b", "change"]);
    repo.write("ledger.rs", "one\n");
    repo.commit("First");
    repo.write("new.rs", "new\n");
    let head = repo.commit("Second");
    repo.git(&["checkout", "--quiet", "main"]);
    let input = repo.approved("7", &head);
    (repo, input)
}

fn gate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_countersign-verify"))
        .args(arguments)
        .output()
        .unwrap()
}

fn judge(answers: &str, git: &Path) -> (i32, Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let (input, summary) = (folder.path().join("answers"), folder.path().join("summary.md"));
    fs::write(&input, answers).unwrap();
    let [input, git] = [&input, git].map(|path| path.to_str().unwrap());
    let summary_path = summary.to_str().unwrap();
    let output = gate(&[
        "judge",
        "--input",
        input,
        "--git",
        git,
        "--change",
        "7",
        "--summary",
        summary_path,
    ]);
    let verdict: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let summary = fs::read_to_string(summary).unwrap();
    let word = verdict["verdict"].as_str().unwrap().replace('_', " ");
    assert!(
        summary.starts_with(&format!("### Sign-off: {word}\n")),
        "{summary}"
    );
    (
        output.status.code().unwrap(),
        verdict["reason"].clone(),
        format!("{}: {summary}", verdict["detail"]),
    )
}

#[test]
fn the_forges_answers_and_the_repository_give_a_verdict() {
    let (repo, input) = world();
    let (code, reason, said) = judge(&joined(&answers(&input)), repo.path());
    assert_eq!((code, &reason), (0, &Value::Null), "{said}");
    assert!(said.contains("| `priya-n` |"), "{said}");
}

#[test]
fn an_answer_that_is_missing_or_cut_passes_nothing() {
    let (repo, input) = world();
    let all = answers(&input);
    for left_out in 0..all.len() {
        let mut some = all.clone();
        let gone = some.remove(left_out);
        let (code, reason, said) = judge(&joined(&some), repo.path());
        // Without the movements of its branch nobody knows who pushed, and one approval is not enough.
        let expected = if gone["activity"].is_object() {
            (1, json!("E_PUSHER_UNKNOWN"))
        } else {
            (2, json!("E_INPUT_MISSING"))
        };
        assert_eq!((code, reason), expected, "without {gone}: {said}");
    }
    let whole = joined(&all);
    let (code, reason, _) = judge(&whole[..whole.len() - 2], repo.path());
    assert_eq!((code, &reason), (2, &json!("E_INPUT_MISSING")));
    let refused = format!("{whole}{}", json!({"data": null, "errors": [{"message": "no"}]}));
    let (code, reason, _) = judge(&refused, repo.path());
    assert_eq!(
        (code, &reason),
        (2, &json!("E_INPUT_MISSING")),
        "an answer with errors"
    );
}

#[test]
fn a_twin_must_be_collected_and_pass() {
    let (repo, input) = world();
    let mut all = answers(&input);
    let list = all[0].pointer_mut("/data/repository/pullRequest/tip/nodes/0/commit/associatedPullRequests");
    let list = list.unwrap();
    let mut other = list["nodes"][0].clone();
    other["number"] = json!(8);
    list["nodes"].as_array_mut().unwrap().push(other);
    list["totalCount"] = json!(2);
    let (code, reason, said) = judge(&joined(&all), repo.path());
    assert_eq!((code, &reason), (2, &json!("E_INPUT_MISSING")), "{said}");
    assert!(said.contains("#8"), "{said}");
    let head = input["change"]["head"].as_str().unwrap();
    let unsigned = [all.clone(), answers(&repo.collected("8", head))].concat();
    let (code, reason, said) = judge(&joined(&unsigned), repo.path());
    assert_eq!((code, &reason), (1, &json!("E_HEAD_SHARED")), "{said}");
    let both = [all, answers(&repo.approved("8", head))].concat();
    let (code, _, said) = judge(&joined(&both), repo.path());
    assert_eq!(code, 0, "{said}");
}

#[test]
fn the_organisations_policy_comes_from_the_branch_that_the_forge_names() {
    let (repo, _) = world();
    let asks = |answers: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("answers");
        fs::write(&file, answers).unwrap();
        let [file, git] = [file.as_path(), repo.path()].map(|path| path.to_str().unwrap());
        let output = gate(&["collect", "--extends", file, "--git", git]);
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let collected = || joined(&answers(&repo.approved("7", &repo.git(&["rev-parse", "change"]))));
    let (code, script) = asks(&collected());
    assert_eq!(
        (code, script.contains("gh api")),
        (0, false),
        "it extends none: {script}"
    );
    assert_eq!(asks("no JSON").0, 2);

    repo.extends("acme/policies:.github/countersign.toml");
    let (code, script) = asks(&collected());
    assert!(
        code == 0 && script.contains("-f owner='acme' -f name='policies'"),
        "{script}"
    );
    let (code, reason, said) = judge(&collected(), repo.path());
    assert_eq!((code, &reason), (2, &json!("E_INPUT_MISSING")), "{said}");

    let policies = Repo::organisation(2);
    let lax = policies.git(&["rev-parse", "main^"]);
    let tip = policies.git(&["rev-parse", "main"]);
    let with = |tip: &str| format!("{}{}", collected(), organisation(tip));
    let (code, reason, said) = judge(&with(&tip), repo.path());
    assert_eq!(
        (code, &reason),
        (2, &json!("E_INPUT_MISSING")),
        "not fetched: {said}"
    );
    repo.git(&["fetch", "--quiet", policies.path().to_str().unwrap(), "main"]);
    let (code, reason, said) = judge(&with(&tip), repo.path());
    assert_eq!((code, &reason), (1, &json!("E_QUORUM")), "{said}");
    let (code, _, said) = judge(&with(&lax), repo.path());
    assert_eq!(code, 0, "{said}");
    let (code, reason, said) = judge(&(with(&tip) + &organisation(&lax).to_string()), repo.path());
    assert_eq!(
        (code, &reason),
        (2, &json!("E_INPUT_MISSING")),
        "it moved meanwhile: {said}"
    );
}

#[test]
fn assigned_people_and_dismissals_are_read_from_the_timeline() {
    let (repo, input) = world();
    let timeline = |event: Value| {
        let mut all = answers(&input);
        for answer in &mut all {
            if let Some(list) = answer.pointer_mut("/data/repository/pullRequest/timelineItems") {
                *list = json!({"filteredCount": 1, "nodes": [event]});
            }
        }
        judge(&joined(&all), repo.path())
    };
    let (priya, app) = (actor(PRIYA.0, PRIYA.1, "User"), actor("Copilot", "99", "Bot"));
    for (by, to) in [(&priya, &app), (&app, &priya)] {
        let (code, reason, said) =
            timeline(json!({"__typename": "AssignedEvent", "actor": by, "assignee": to}));
        assert_eq!((code, &reason), (1, &json!("E_OPERATOR")), "{said}");
    }
    let dismissed = json!({
        "__typename": "ReviewDismissedEvent", "createdAt": "2099-01-01T00:00:00Z",
        "previousReviewState": "APPROVED", "actor": actor(RAVI.0, RAVI.1, "User"), "review": {"fullDatabaseId": "1"},
    });
    // A later dismissal of another of her reviews is not there to be found: the lists contradict each other.
    let mut twice = input.clone();
    let mut old = approval(&input);
    old["id"] = json!("1");
    old["submitted_at"] = json!((jiff::Timestamp::now() - jiff::SignedDuration::from_secs(30)).to_string());
    add_review(&mut twice, old);
    let mut all = answers(&twice);
    for answer in &mut all {
        if let Some(state) = answer.pointer_mut("/data/repository/pullRequest/reviews/nodes/1/state") {
            *state = json!("DISMISSED");
        }
        if let Some(list) = answer.pointer_mut("/data/repository/pullRequest/timelineItems") {
            *list = json!({"filteredCount": 1, "nodes": [dismissed]});
        }
    }
    let (code, reason, said) = judge(&joined(&all), repo.path());
    assert_eq!((code, &reason), (1, &json!("E_WITHDRAWN_REPLAY")), "{said}");
}

#[test]
fn the_script_collects_and_runs_nothing_that_the_forge_says() {
    let (repo, input) = world();
    let gh = FakeGh::new();
    gh.answers(&answers(&input));
    let printed = gate(&["collect", "--repo", "acme/payments", "--change", "7"]);
    assert!(printed.status.success(), "{printed:?}");
    gh.write("script", &String::from_utf8(printed.stdout).unwrap());
    let run = || {
        Command::new("sh")
            .arg("script")
            .current_dir(gh.path())
            .env("PATH", gh.first_on_path())
            .output()
            .unwrap()
    };
    let output = run();
    assert!(output.status.success(), "{output:?}");
    assert!(!gh.path().join("was-run").exists(), "the branch's name was run");
    let (code, _, said) = judge(&String::from_utf8(output.stdout).unwrap(), repo.path());
    assert_eq!(code, 0, "{said}");
    // A call that fails ends it.
    fs::remove_file(gh.path().join("reviews.7")).unwrap();
    assert!(!run().status.success());
    for name in ["acme", "acme/pay'ments", "acme/$(x)", "-x/y", "a/b/c"] {
        assert_eq!(
            gate(&["collect", "--repo", name, "--change", "7"]).status.code(),
            Some(2),
            "{name}"
        );
    }
}
