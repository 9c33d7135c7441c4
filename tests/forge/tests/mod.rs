//! The forge held against what GitHub documents, over the wire.

mod access;
mod client;
mod collect;
mod faults;
mod gate;
mod graphql;
mod local;
mod rest;
mod reviews;
mod writing;

use client::{Client, Got};
use jiff::SignedDuration;

use super::Forge;
use super::git::Edit;
use super::world::{Asked, NewChange, NewCommit, Scopes, World};

const REPO: &str = "acme/web";

fn commit(message: &str, author: &str, edits: Vec<Edit>) -> NewCommit {
    NewCommit {
        message: message.into(),
        author: author.into(),
        committer: String::new(),
        age: SignedDuration::ZERO,
        edits,
    }
}

fn change(branch: &str, author: &str, commits: Vec<NewCommit>) -> NewChange {
    NewChange {
        repo: REPO.into(),
        number: None,
        title: format!("Change {branch}"),
        body: "Why.".into(),
        author: author.into(),
        branch: branch.into(),
        base: "main".into(),
        commits,
        labels: vec!["copy".into()],
        assignees: Vec::new(),
        asked: vec![Asked::User("priya-n".into())],
        draft: false,
        age: SignedDuration::from_mins(5),
    }
}

/// One repository with one open change, #1, of two commits.
fn small() -> World {
    let mut world = World::new().unwrap();
    super::sample::people(&mut world);
    world.token("mika", "mika", Scopes::Classic(vec!["repo".into()]));
    let files = [
        Edit::write("a.txt", "one\ntwo\nthree\n"),
        Edit::write("src/b.txt", "b\n"),
    ];
    world.repo(REPO, 77, true, &["priya-n", "mika"], &files).unwrap();
    let commits = vec![
        commit(
            "First\n\nBody.",
            "mika",
            vec![Edit::write("a.txt", "one\n2\nthree\n")],
        ),
        commit(
            "Second",
            "mika",
            vec![Edit::write("src/c.txt", "c\n"), Edit::delete("src/b.txt")],
        ),
    ];
    world.open(change("feature", "mika", commits)).unwrap();
    world
}

async fn started() -> (Forge, Client) {
    let forge = Forge::start(small()).await.unwrap();
    let client = Client::of(&forge);
    (forge, client)
}
