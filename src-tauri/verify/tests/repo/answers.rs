//! GitHub's answers about a change, and a `gh` that gives them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::SAM;

pub(crate) const HOSTILE_BRANCH: &str = "x\"; touch was-run; $(touch was-run) `touch was-run` '";

pub(crate) fn actor(login: &str, id: &str, kind: &str) -> Value {
    json!({"__typename": kind, "login": login, "databaseId": id.parse::<u64>().unwrap()})
}

fn pull(number: &str, part: Value) -> Value {
    let mut pull = part;
    pull["number"] = json!(number.parse::<u64>().unwrap());
    json!({"data": {"repository": {"pullRequest": pull}}})
}

/// What GitHub answers about a change, each list on pages of one.
pub(crate) fn answers(input: &Value) -> Vec<Value> {
    let (change, content) = (&input["change"], &input["content"]);
    let number = change["number"].as_str().unwrap();
    let mut itself = pull(
        number,
        json!({
            "fullDatabaseId": change["change_id"], "state": "OPEN", "isDraft": false, "author": actor(SAM.0, SAM.1, "User"),
            "body": "", "baseRefName": "main", "baseRef": {"target": {"oid": content["target_tip"]}},
            "headRefName": HOSTILE_BRANCH, "headRefOid": change["head"],
            "tip": {"nodes": [{"commit": {"associatedPullRequests": {"totalCount": 1, "nodes": [
                {"number": number.parse::<u64>().unwrap(), "state": "OPEN", "headRefOid": change["head"],
                 "repository": {"databaseId": 123_456_789}},
            ]}}}]},
        }),
    );
    let repository = &mut itself["data"]["repository"];
    repository["databaseId"] = json!(123_456_789);
    repository["nameWithOwner"] = json!("acme/payments");
    repository["url"] = json!("https://github.com/acme/payments");
    let mut answers = vec![itself];
    let user = json!({"login": SAM.0, "databaseId": SAM.1.parse::<u64>().unwrap()});
    for commit in input["commits"]["items"].as_array().unwrap() {
        let who = json!({"name": "Sam", "email": "sam@acme.example", "user": user});
        let commit = json!({
            "oid": commit["oid"], "message": commit["message"], "committedDate": commit["committed_at"],
            "tree": {"oid": commit["tree"]}, "author": who, "committer": who, "authors": {"nodes": [who]},
        });
        let page = json!({"totalCount": input["commits"]["total"], "nodes": [{"commit": commit}]});
        answers.push(pull(number, json!({"commits": page})));
    }
    let reviews = input["reviews"]["items"].as_array().unwrap();
    let reviews: Vec<Value> = reviews
        .iter()
        .map(|review| {
            let word = |field: &str| review["author"][field].as_str().unwrap();
            json!({
                "fullDatabaseId": review["id"], "author": actor(word("login"), word("id"), "User"), "state": "APPROVED",
                "submittedAt": review["submitted_at"], "lastEditedAt": review["edited_at"],
                "commit": {"oid": review["commit"]}, "body": review["body"],
            })
        })
        .collect();
    answers.push(pull(
        number,
        json!({"reviews": {"totalCount": reviews.len(), "nodes": reviews}}),
    ));
    answers.push(pull(
        number,
        json!({"timelineItems": {"filteredCount": 0, "nodes": []}}),
    ));
    let pushes = input["pushes"].as_array().unwrap();
    let items: Vec<Value> = pushes
        .iter()
        .rev()
        .map(|push| {
            let actor = json!({"login": SAM.0, "id": SAM.1.parse::<u64>().unwrap(), "type": "User"});
            json!({"before": push["before"], "after": push["after"], "actor": actor})
        })
        .collect();
    answers.push(json!({"activity": {"number": number.parse::<u64>().unwrap(), "items": items}}));
    answers
}

/// What GitHub answers about the repository of the organisation's policy.
pub(crate) fn organisation(tip: &str) -> Value {
    let branch = json!({"target": {"oid": tip}});
    json!({"data": {"repository": {"databaseId": 5_550_001, "nameWithOwner": "Acme/policies", "defaultBranchRef": branch}}})
}

pub(crate) fn joined(answers: &[Value]) -> String {
    answers.iter().map(ToString::to_string).collect()
}

/// A stand-in for `gh` that answers from files, does with `--jq` what the scripts ask for, and writes down its calls.
const GH: &str = r#"#!/bin/sh
set -eu
here=$(dirname "$0")
for word in "$@"; do
    case $word in number=*) number=${word#number=} ;; esac
done
case "$*" in
    *mergeQueue*) cat "$here/queue" ;;
    *name=policies*defaultBranchRef*) cat "$here/organisation" ;;
    *--jq*headRefName*) cat "$here/branch" ;;
    *--jq*headRepository*) echo sam-w/payments ;;
    *repos/sam-w/payments/activity*)
        number=${*##*number: } number=${number%%,*}
        case "$*" in *"ref=refs/heads/$(cat "$here/branch")"*) cat "$here/activity.$number" ;; *) exit 1 ;; esac ;;
    *associatedPullRequests*) cat "$here/change.$number" ;;
    *committedDate*) cat "$here/commits.$number" ;;
    *lastEditedAt*) cat "$here/reviews.$number" ;;
    *filteredCount*) cat "$here/timeline.$number" ;;
    *repos/acme/payments/pulls*) cat "$here/open" ;;
    *repos/acme/payments/statuses/*) echo "$*" >> "$here/statuses" ;;
    *) exit 1 ;;
esac
"#;

/// A folder with [`GH`] in it.
pub(crate) struct FakeGh(tempfile::TempDir);

impl FakeGh {
    pub(crate) fn new() -> Self {
        let fake = Self(tempfile::tempdir().unwrap());
        fake.write("branch", HOSTILE_BRANCH);
        fake.write("gh", GH);
        fs::set_permissions(fake.path().join("gh"), fs::Permissions::from_mode(0o755)).unwrap();
        fake
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    /// What it says of a change.
    pub(crate) fn answers(&self, answers: &[Value]) {
        let number = &answers[0]["data"]["repository"]["pullRequest"]["number"];
        for (kind, part) in [
            ("commits", "/data/repository/pullRequest/commits"),
            ("reviews", "/data/repository/pullRequest/reviews"),
            ("timeline", "/data/repository/pullRequest/timelineItems"),
            ("change", "/data/repository/pullRequest/tip"),
            ("activity", "/activity"),
        ] {
            let some: Vec<Value> = answers
                .iter()
                .filter(|answer| answer.pointer(part).is_some())
                .cloned()
                .collect();
            self.write(&format!("{kind}.{number}"), &joined(&some));
        }
    }

    pub(crate) fn first_on_path(&self) -> String {
        format!("{}:{}", self.path().display(), std::env::var("PATH").unwrap())
    }
}
