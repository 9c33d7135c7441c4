//! A real repository with changes in it, and what a collector would say of them. The lists are made with the tests' own
//! git commands, not with the gate's.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod answers;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use ssh_key::sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::support::{
    PRIYA, SAM, USUAL, Who, add_review, allowed_signers, hex, key_of, person, policy_text, review, scene,
    signed_body, statement,
};

/// The target branch has the policy and two sources; what is made of it comes after.
pub(crate) struct Repo {
    pub(crate) folder: TempDir,
}

impl Repo {
    pub(crate) fn new() -> Self {
        let repo = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        repo.git(&["init", "--quiet", "--initial-branch=main"]);
        fs::create_dir(repo.path().join(".github")).unwrap();
        repo.write(".github/countersign.toml", &policy_text());
        repo.write(".github/allowed_signers", &allowed_signers());
        repo.write(".github/revoked_keys", "# none\n");
        repo.write("ledger.rs", "one\ntwo\nthree\nfour\nfive\nsix\nseven\n");
        repo.write("web.rs", "web\n");
        repo.commit("Begin");
        repo
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn try_git(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("git");
        command
            .current_dir(self.path())
            .args(arguments)
            .env("GIT_CONFIG_GLOBAL", "/dev/null");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "Sam");
            command.env(format!("GIT_{who}_EMAIL"), "sam@acme.example");
        }
        command.output().expect("git runs")
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let output = self.try_git(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// The policy extends the organisation's from now on.
    pub(crate) fn extends(&self, what: &str) {
        let text = policy_text().replacen("\n[signoff]", &format!("extends = \"{what}\"\n\n[signoff]"), 1);
        self.write(".github/countersign.toml", &text);
        self.commit("Extend");
    }

    /// The organisation's repository, whose policy asks for that many approvals.
    pub(crate) fn organisation(approvals: u32) -> Self {
        let repo = Self::new();
        let text = policy_text().replacen("approvals = 1", &format!("approvals = {approvals}"), 1);
        repo.write(".github/countersign.toml", &text);
        repo.commit("Ask");
        repo.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
        repo
    }

    /// A branch off `main` with one commit that writes a file.
    pub(crate) fn branch(&self, name: &str, path: &str, text: &str) -> String {
        self.git(&["checkout", "--quiet", "-b", name, "main"]);
        self.write(path, text);
        let head = self.commit(name);
        self.git(&["checkout", "--quiet", "main"]);
        head
    }

    /// What a collector says of the change whose head is that, with Priya's approval of a minute ago.
    pub(crate) fn approved(&self, number: &str, head: &str) -> Value {
        let mut input = self.collected(number, head);
        let approval = approval(&input);
        add_review(&mut input, approval);
        input
    }

    pub(crate) fn collected(&self, number: &str, head: &str) -> Value {
        let name = |what: &str| self.git(&["rev-parse", what]);
        let (tip, tree) = (name("main"), name(&format!("{head}^{{tree}}")));
        let base = self.git(&["merge-base", "main", head]);
        let mut input = scene("x");
        input["change"]["number"] = json!(number);
        input["change"]["change_id"] = json!(format!("900{number}"));
        input["change"]["head"] = json!(head);
        input["trust"]["target_tip"] = json!(tip);
        let template = input["commits"]["items"][0].clone();
        let commits: Vec<Value> = self
            .git(&["rev-list", head, "^main"])
            .lines()
            .map(|oid| {
                let mut commit = template.clone();
                commit["oid"] = json!(oid);
                commit["tree"] = json!(name(&format!("{oid}^{{tree}}")));
                commit
            })
            .collect();
        input["commits"] = json!({"source": "git", "total": commits.len(), "items": commits});
        let changed: Vec<Value> = self
            .git(&["diff", "--raw", "--no-abbrev", "--no-renames", &base, head])
            .lines()
            .map(|line| {
                let words: Vec<&str> = line.trim_start_matches(':').split([' ', '\t']).collect();
                json!({"path": words[5], "old_mode": words[0], "new_mode": words[1], "old_oid": words[2], "new_oid": words[3]})
            })
            .collect();
        input["content"] = json!({
            "source": "git", "head": head, "head_tree": tree, "target_tip": tip, "object_format": "sha1",
            "merge_bases": [base], "total": changed.len(), "changed": changed,
        });
        let sam = person(SAM.0, SAM.1);
        input["pushes"] = json!([{"source": "activity", "before": base, "after": head, "actor": sam}]);
        input
    }
}

/// Priya's approval of what was collected.
pub(crate) fn approval(input: &Value) -> Value {
    signed_by(PRIYA, input, |_| {})
}

/// That person's approval, its statement edited.
pub(crate) fn signed_by(who: Who, input: &Value, edit: impl FnOnce(&mut Value)) -> Value {
    let text = |at: Timestamp| json!(Timestamp::from_second(at.as_second()).unwrap().to_string());
    let signed = Timestamp::now() - SignedDuration::from_mins(1);
    let (change, content) = (&input["change"], &input["content"]);
    let mut statement = statement(who, "x");
    statement["subject"][0]["digest"] = json!({"gitCommit": change["head"], "gitTree": content["head_tree"]});
    let predicate = &mut statement["predicate"];
    predicate["forge"]["change"] = change["number"].clone();
    predicate["forge"]["changeId"] = change["change_id"].clone();
    predicate["change"]["changeset"]["sha256"] = json!(digest(&content["changed"]));
    predicate["issuedAt"] = text(signed);
    predicate["expiresAt"] = text(signed + SignedDuration::from_hours(24));
    let number = change["number"].as_str().unwrap();
    predicate["nonce"] = json!(format!("{number:A>21}A"));
    edit(predicate);
    let body = signed_body(&statement, &key_of(who), &USUAL);
    let mut review = review(&format!("77{number}"), who, "approved", &body);
    review["submitted_at"] = text(Timestamp::now());
    review["commit"] = change["head"].clone();
    review
}

fn digest(changed: &Value) -> String {
    let mut text = "countersign git-raw-v1\nsha1\n".to_owned();
    for path in changed.as_array().unwrap() {
        let word = |name: &str| path[name].as_str().unwrap().to_owned();
        text += &["old_mode", "new_mode", "old_oid", "new_oid"].map(word).join(" ");
        text += &format!("\0{}\0", word("path"));
    }
    hex(&Sha256::digest(text))
}

/// The gate's exit status, and its verdict's reason with the detail.
pub(crate) fn judge(input: &Value, git: Option<&Path>) -> (i32, Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input.json");
    fs::write(&path, input.to_string()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-verify"));
    command.args(["judge", "--input"]).arg(&path);
    if let Some(git) = git {
        command.arg("--git").arg(git);
    }
    let output = command.output().unwrap();
    let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
    let said = format!("{}: {}", verdict["detail"], verdict["notes"]);
    (output.status.code().unwrap(), verdict["reason"].clone(), said)
}
