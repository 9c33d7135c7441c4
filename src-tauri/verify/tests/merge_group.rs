//! Merge groups: the queue's commits hold what was judged, and nothing else.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy excuses only the test functions themselves"
)]

mod repo;
mod support;

use repo::{Repo, judge};
use serde_json::{Value, json};

/// Two changes, both approved, in a queue that merges them.
struct Queue {
    repo: Repo,
    heads: [String; 2],
    first: Value,
    second: Value,
}

impl Queue {
    fn new() -> Self {
        let repo = Repo::new();
        let heads = [
            repo.branch("first", "ledger.rs", "ONE\ntwo\nthree\nfour\nfive\nsix\nseven\n"),
            repo.branch("second", "ledger.rs", "one\ntwo\nthree\nfour\nfive\nsix\nSEVEN\n"),
        ];
        let [first, second] = [("7", 0), ("8", 1)].map(|(number, at)| repo.approved(number, &heads[at]));
        repo.git(&["checkout", "--quiet", "-b", "queue"]);
        Self {
            repo,
            heads,
            first,
            second,
        }
    }

    /// What a queue does with merge commits.
    fn merged(&self) -> [String; 2] {
        self.heads.each_ref().map(|head| {
            self.repo
                .git(&["merge", "--quiet", "--no-ff", "-m", "Queue", head]);
            self.tip()
        })
    }

    fn tip(&self) -> String {
        self.repo.git(&["rev-parse", "queue"])
    }

    fn group(&self, commits: &[String; 2]) -> Value {
        let mut input = self.second.clone();
        input["merge_group"] = json!({
            "base": self.repo.git(&["rev-parse", "main"]),
            "members": {"source": "queue", "total": 2, "items": [
                {"commit": commits[0], "change": self.first},
                {"commit": commits[1], "change": null},
            ]},
        });
        input
    }

    fn refuses(&self, group: &Value, status: i32, reason: &str, words: &str) {
        let (code, found, said) = judge(group, Some(self.repo.path()));
        assert_eq!((code, &found), (status, &json!(reason)), "{said}");
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn the_merge_of_what_was_judged_passes() {
    let queue = Queue::new();
    let group = queue.group(&queue.merged());
    let (code, reason, said) = judge(&group, Some(queue.repo.path()));
    assert_eq!((code, &reason), (0, &Value::Null), "{said}");
    let (code, reason, said) = judge(&group, None);
    assert_eq!((code, &reason), (2, &json!("E_NOT_JUDGED")), "{said}");
}

#[test]
fn squashed_changes_pass_too() {
    let queue = Queue::new();
    let commits = queue.heads.each_ref().map(|head| {
        queue.repo.git(&["merge", "--quiet", "--squash", head]);
        queue.repo.commit("Squashed")
    });
    let (code, _, said) = judge(&queue.group(&commits), Some(queue.repo.path()));
    assert_eq!(code, 0, "{said}");
}

#[test]
fn another_tree_in_a_merge_is_refused() {
    let queue = Queue::new();
    queue
        .repo
        .git(&["merge", "--quiet", "--no-ff", "--no-commit", &queue.heads[0]]);
    queue
        .repo
        .write("ledger.rs", "ONE\ntwo\nevil\nfour\nfive\nsix\nseven\n");
    let evil = queue.repo.commit("Queue");
    queue
        .repo
        .git(&["merge", "--quiet", "--no-ff", "-m", "Queue", &queue.heads[1]]);
    queue.refuses(
        &queue.group(&[evil.clone(), queue.tip()]),
        1,
        "E_MERGE_REPLAY",
        &evil,
    );
}

#[test]
fn the_order_is_the_queues() {
    let queue = Queue::new();
    let [first, second] = queue.merged();
    queue.refuses(
        &queue.group(&[second, first]),
        1,
        "E_MERGE_REPLAY",
        "has the tree",
    );
}

#[test]
fn a_commit_that_was_not_judged_is_refused() {
    let queue = Queue::new();
    // It takes back what it does: the trees do not show it.
    queue
        .repo
        .git(&["checkout", "--quiet", "-b", "stranger", &queue.heads[0]]);
    queue.repo.write("secret", "secret\n");
    queue.repo.commit("Secret");
    queue.repo.git(&["rm", "--quiet", "secret"]);
    let stranger = queue.repo.commit("No secret");
    queue.repo.git(&["checkout", "--quiet", "queue"]);
    queue
        .repo
        .git(&["merge", "--quiet", "--no-ff", "-m", "Queue", &stranger]);
    let first = queue.tip();
    queue
        .repo
        .git(&["merge", "--quiet", "--no-ff", "-m", "Queue", &queue.heads[1]]);
    let group = queue.group(&[first, queue.tip()]);
    queue.refuses(&group, 1, "E_MERGE_REPLAY", "belongs to no change");
}

#[test]
fn a_member_that_is_not_signed_off_is_refused() {
    let queue = Queue::new();
    let mut group = queue.group(&queue.merged());
    group["merge_group"]["members"]["items"][0]["change"] = queue.repo.collected("7", &queue.heads[0]);
    queue.refuses(
        &group,
        1,
        "E_MERGE_REPLAY",
        "#7 is in the merge group and is rejected: E_QUORUM",
    );
}

#[test]
fn changes_that_do_not_merge_by_themselves_are_refused() {
    let mut queue = Queue::new();
    let clash = queue
        .repo
        .branch("clash", "ledger.rs", "ein\ntwo\nthree\nfour\nfive\nsix\nseven\n");
    queue.second = queue.repo.approved("8", &clash);
    queue.repo.git(&["checkout", "--quiet", "queue"]);
    queue
        .repo
        .git(&["merge", "--quiet", "--no-ff", "-m", "Queue", &queue.heads[0]]);
    let first = queue.tip();
    let by_hand = queue
        .repo
        .try_git(&["merge", "--quiet", "--no-ff", "-m", "Queue", &clash]);
    assert!(!by_hand.status.success(), "they conflict");
    queue.repo.write("ledger.rs", "uno\n");
    let group = queue.group(&[first, queue.repo.commit("Queue")]);
    queue.refuses(&group, 1, "E_MERGE_REPLAY", "without a person's help");
}

#[test]
fn a_group_that_is_cut_or_stands_elsewhere_is_undecided() {
    let queue = Queue::new();
    let whole = queue.group(&queue.merged());
    let edits: [fn(&mut Value); 5] = [
        |group| group["members"]["total"] = json!(3),
        |group| group["base"] = json!("5".repeat(40)),
        |group| group["members"]["items"][0]["change"] = Value::Null,
        |group| group["members"]["items"][0]["change"]["trust"]["target_tip"] = json!("5".repeat(40)),
        |group| {
            let own = group["members"]["items"].as_array_mut().unwrap().remove(0);
            group["members"]["items"].as_array_mut().unwrap().push(own);
        },
    ];
    for edit in edits {
        let mut group = whole.clone();
        edit(&mut group["merge_group"]);
        queue.refuses(&group, 2, "E_INPUT_MISSING", "");
    }
}
