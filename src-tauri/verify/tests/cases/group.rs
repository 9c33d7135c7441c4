//! Step 16, and what is held against a repository's objects: these cases carry the objects, as a stream for
//! `git fast-import`.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::{Value, json};
use ssh_key::sha2::{Digest, Sha256};

use super::*;

const LEDGER: &str = "ledger.rs";
const BEFORE: &str = "one\ntwo\nthree\nfour\nfive\nsix\nseven\n";
const FIRST: &str = "ONE\ntwo\nthree\nfour\nfive\nsix\nseven\n";
const SECOND: &str = "one\ntwo\nthree\nfour\nfive\nsix\nSEVEN\n";
const BOTH: &str = "ONE\ntwo\nthree\nfour\nfive\nsix\nSEVEN\n";
const EVIL: &str = "ONE\ntwo\nevil\nfour\nfive\nsix\nseven\n";

/// A commit: its branch, its parents' marks, and the files that it has otherwise than the first of them.
type Made = (
    &'static str,
    &'static [usize],
    &'static [(&'static str, Option<&'static str>)],
);

/// Marks are places in this list, from 1 on. The first has the policy's files too.
const COMMITS: [Made; 11] = [
    ("main", &[], &[(LEDGER, Some(BEFORE))]),
    ("first", &[1], &[(LEDGER, Some(FIRST))]),
    ("second", &[1], &[(LEDGER, Some(SECOND))]),
    // What the queue makes.
    ("queue", &[1, 2], &[(LEDGER, Some(FIRST))]),
    ("queue", &[4, 3], &[(LEDGER, Some(BOTH))]),
    // A line more than what was approved.
    ("evil", &[1, 2], &[(LEDGER, Some(EVIL))]),
    // A commit that nobody judged, and one that takes it back: the trees do not show it.
    ("stranger", &[2], &[("secret", Some("secret\n"))]),
    ("stranger", &[7], &[("secret", None)]),
    ("strange", &[1, 8], &[(LEDGER, Some(FIRST))]),
    // Squashed: no parent but the tip.
    ("squashed", &[1], &[(LEDGER, Some(FIRST))]),
    ("squashed", &[10], &[(LEDGER, Some(BOTH))]),
];

struct Objects {
    stream: String,
    commits: Vec<String>,
    trees: Vec<String>,
}

static OBJECTS: LazyLock<Objects> = LazyLock::new(|| {
    let stream = stream();
    let folder = tempfile::tempdir().unwrap();
    import(&stream, folder.path());
    let names = |suffix: &str| {
        let refs = fs::read_to_string(folder.path().join("marks")).unwrap();
        let mut marks: Vec<(usize, String)> = refs
            .lines()
            .map(|line| {
                let (mark, commit) = line.split_once(' ').unwrap();
                let name = git(folder.path(), &["rev-parse", &format!("{commit}{suffix}")]);
                (mark[1..].parse().unwrap(), name)
            })
            .collect();
        marks.sort();
        marks.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
    };
    let (commits, trees) = (names(""), names("^{tree}"));
    assert_eq!(commits.len(), COMMITS.len());
    Objects {
        stream,
        commits,
        trees,
    }
});

fn stream() -> String {
    let mut text = String::new();
    for (at, (branch, parents, files)) in COMMITS.iter().enumerate() {
        text += &format!("commit refs/heads/{branch}\nmark :{}\n", at + 1);
        // Fixed, so that the names are.
        text += &format!("committer Sam <sam@acme.example> {} +0000\n", 1_795_462_800 + at);
        text += "data 5\nMade\n\n";
        for (place, parent) in parents.iter().enumerate() {
            let word = if place == 0 { "from" } else { "merge" };
            text += &format!("{word} :{parent}\n");
        }
        let write = |path: &str, content: &str| {
            format!("M 100644 inline {path}\ndata {}\n{content}\n", content.len())
        };
        if at == 0 {
            text += &write(".github/countersign.toml", &policy_text());
            text += &write(".github/allowed_signers", &allowed_signers());
            text += &write(".github/revoked_keys", "# none\n");
        }
        for (path, content) in *files {
            match content {
                Some(content) => text += &write(path, content),
                None => text += &format!("D {path}\n"),
            }
        }
        text += "\n";
    }
    text + "done\n"
}

/// Makes a bare repository of a stream, and a file `marks` in it.
pub(crate) fn import(stream: &str, folder: &Path) {
    git(folder, &["init", "--quiet", "--bare", "--template=", "."]);
    let mut child = command(folder)
        .args(["fast-import", "--quiet", "--done", "--export-marks=marks"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null");
    command
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = command(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn commit(mark: usize) -> &'static str {
    &OBJECTS.commits[mark - 1]
}

/// The change with that head, with Priya's approval or without.
fn change(number: &str, mark: usize, content: &str, approved: bool) -> Value {
    let (head, tree, base) = (commit(mark), &OBJECTS.trees[mark - 1], commit(1));
    let mut input = scene(LEDGER);
    let id = format!("900{number}");
    for (field, value) in [("number", number), ("change_id", &id), ("head", head)] {
        input["change"][field] = json!(value);
    }
    input["trust"]["target_tip"] = json!(base);
    input["commits"]["items"][0]["oid"] = json!(head);
    input["commits"]["items"][0]["tree"] = json!(tree);
    let path = json!({
        "path": LEDGER, "old_mode": "100644", "new_mode": "100644", "old_oid": blob_name(BEFORE),
        "new_oid": blob_name(content),
    });
    set_changed(&mut input, &[path]);
    for (field, value) in [("head", head), ("head_tree", tree), ("target_tip", base)] {
        input["content"][field] = json!(value);
    }
    input["content"]["merge_bases"] = json!([base]);
    input["pushes"][0]["after"] = json!(head);
    if approved {
        let mut statement = statement(PRIYA, LEDGER);
        statement["subject"][0]["digest"] = json!({"gitCommit": head, "gitTree": tree});
        let predicate = &mut statement["predicate"];
        predicate["forge"]["change"] = json!(number);
        predicate["forge"]["changeId"] = json!(id);
        let (old, new) = (blob_name(BEFORE), blob_name(content));
        let digested = format!("countersign git-raw-v1\nsha1\n100644 100644 {old} {new}\0{LEDGER}\0");
        predicate["change"]["changeset"]["sha256"] = json!(hex(&Sha256::digest(digested)));
        let body = signed_body(&statement, &key_of(PRIYA), &USUAL);
        let mut review = review("9001", PRIYA, "approved", &body);
        review["commit"] = json!(head);
        add_review(&mut input, review);
    }
    input
}

/// The second change in a group with the first.
fn group(commits: [usize; 2], first_approved: bool) -> Value {
    let mut input = change("8", 3, SECOND, true);
    let first = change("7", 2, FIRST, first_approved);
    input["merge_group"] = json!({"base": commit(1), "members": {"source": "queue", "total": 2, "items": [
        {"commit": commit(commits[0]), "change": first}, {"commit": commit(commits[1]), "change": null},
    ]}});
    input
}

/// The first change in a group by itself.
fn alone(mark: usize) -> Value {
    let mut input = change("7", 2, FIRST, true);
    input["merge_group"] = json!({"base": commit(1), "members": {"source": "queue", "total": 1, "items": [
        {"commit": commit(mark), "change": null},
    ]}});
    input
}

pub(super) fn group_cases(cases: &mut Cases) {
    let from = cases.0.len();
    cases.accepted(
        "ok-objects",
        "What was collected is what the repository's objects say.",
        change("7", 2, FIRST, true),
    );
    cases.accepted(
        "ok-merge-group",
        "A merge queue has merged two changes that are both signed off.",
        group([4, 5], true),
    );
    cases.accepted(
        "ok-merge-group-squashed",
        "A merge queue has squashed them.",
        group([10, 11], true),
    );
    for (name, what, input) in [
        (
            "merge-replay",
            "The queue's commit has a line more than what was approved.",
            alone(6),
        ),
        (
            "merge-replay-order",
            "The commits are not those of the queue's order.",
            group([5, 4], true),
        ),
        (
            "merge-replay-stranger",
            "A commit came with the group that nobody judged; the trees do not show it.",
            alone(9),
        ),
        (
            "merge-replay-unsigned-member",
            "The change before in the queue is not signed off.",
            group([4, 5], false),
        ),
    ] {
        cases.rejected(name, "E_MERGE_REPLAY", what, input);
    }
    cases.rejected(
        "objects-other-tree",
        "E_TREE_MISMATCH",
        "The collected head has another tree than the repository's objects say.",
        {
            let mut input = change("7", 2, FIRST, true);
            input["content"]["head_tree"] = json!(oid("5"));
            input["commits"]["items"][0]["tree"] = Value::Null;
            input
        },
    );
    cases.rejected(
        "objects-other-content",
        "E_CHANGESET_MISMATCH",
        "A collected path has another content than the repository's objects say.",
        {
            let mut input = change("7", 2, FIRST, true);
            input["content"]["changed"][0]["new_oid"] = json!(oid("5"));
            input
        },
    );
    cases.undecided(
        "objects-other-policy",
        "E_INPUT_MISSING",
        "The collected policy is not the one of the target's tip.",
        {
            let mut input = change("7", 2, FIRST, true);
            replace_text(&mut input, "policy", "max_age = \"7d\"", "max_age = \"9d\"");
            input
        },
    );
    for case in &mut cases.0[from..] {
        case.objects = Some(&OBJECTS.stream);
    }
}
