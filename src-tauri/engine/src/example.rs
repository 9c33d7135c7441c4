//! A change for tests to start from.

use countersign_core::change::{AccountKind, Change, ChangeState, Head, Person, Target};

/// Open, by one person, with one commit and nothing that says more.
pub(crate) fn change() -> Change {
    let time = "2026-11-24T10:00:00Z".parse().unwrap();
    let oid = |digit: &str| digit.repeat(40).parse().unwrap();
    Change {
        id: "github.com/acme/infra#1".parse().unwrap(),
        node_id: "A".into(),
        change_id: "1".into(),
        repo_id: "2".into(),
        url: String::new(),
        title: String::new(),
        body: String::new(),
        author: Some(person("mika")),
        state: ChangeState::Open,
        draft: false,
        created_at: time,
        updated_at: time,
        head: Head {
            branch: "topic".into(),
            oid: oid("1"),
            repo: None,
        },
        target: Target {
            branch: "main".into(),
            oid: oid("2"),
        },
        asked: Vec::new(),
        requested: Vec::new(),
        labels: Vec::new(),
        assignees: Vec::new(),
        commits: Vec::new(),
        commit_count: 1,
        additions: 0,
        deletions: 0,
        changed_files: 3,
        checks: Vec::new(),
        reviews: Vec::new(),
        own_review: None,
        operators: Vec::new(),
        conflicting: false,
    }
}

/// Somebody whose account is not known by its id.
pub(crate) fn person(login: &str) -> Person {
    Person {
        login: login.into(),
        id: None,
        kind: AccountKind::User,
    }
}
