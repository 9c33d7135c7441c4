use countersign_core::signature::sign;
use ssh_key::PrivateKey;
use ssh_key::private::{Ed25519Keypair, KeypairData};

use super::*;

fn line(previous: &str, entry: &str, state: OutboxState, key: &str) -> (String, String) {
    ledger::Line {
        previous: previous.into(),
        at: Timestamp::UNIX_EPOCH,
        entry: entry.into(),
        change: "github.com/acme/web#1".parse().unwrap(),
        head: "a".repeat(40).parse().unwrap(),
        decision: Decision::Approve,
        state,
        key: key.into(),
        envelope: None,
        review: None,
        why: None,
        input: None,
    }
    .seal()
}

fn chain(steps: &[(&str, OutboxState)]) -> Vec<String> {
    let mut previous = ledger::START.to_owned();
    let sealed = steps.iter().map(|(entry, state)| {
        let (text, hash) = line(&previous, entry, *state, "SHA256:x");
        previous = hash;
        text
    });
    sealed.collect()
}

#[test]
fn each_decision_is_listed_once_latest_first_with_how_it_ended() {
    use OutboxState::{Confirmed, Queued, Superseded};
    let lines = chain(&[
        ("withdrawn", Queued),
        ("moved", Queued),
        ("withdrawn", Confirmed),
        ("moved", Superseded),
        ("withdrawn", Superseded),
        ("waits", Queued),
    ]);
    let read = Signed::read(&lines);
    assert_eq!(read.trouble, None);
    let rows: Vec<(String, OutboxStateView, bool)> = (read.decisions.iter())
        .map(|one| (one, one.row(None)))
        .map(|(one, row)| (one.first.entry.clone(), row.state, row.again))
        .collect();
    assert_eq!(
        rows,
        [
            ("waits".to_owned(), OutboxStateView::Queued, true),
            ("moved".to_owned(), OutboxStateView::Superseded, false),
            ("withdrawn".to_owned(), OutboxStateView::Withdrawn, false),
        ]
    );
}

#[test]
fn of_a_ledger_that_is_broken_everything_readable_is_listed_and_that_is_said() {
    use OutboxState::Queued;
    let mut lines = chain(&[("one", Queued), ("two", Queued), ("three", Queued)]);
    lines[1] = "cut".into();
    let read = Signed::read(&lines);
    let entries: Vec<&str> = read
        .decisions
        .iter()
        .map(|one| one.first.entry.as_str())
        .collect();
    assert_eq!(entries, ["three", "one"]);
    assert!(read.trouble.unwrap().what.contains("line 2 of the ledger"));
}

#[test]
fn a_line_does_not_pass_another_key_off_as_the_one_that_signed() {
    let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(&[7; 32]));
    let private = PrivateKey::new(pair, "").unwrap();
    let envelope = sign(&private, b"{}").unwrap();
    let key = Key::from_blob(&private.public_key().to_bytes().unwrap()).unwrap();
    let fingerprint = key.fingerprint();
    for (named, expected) in [(fingerprint.as_str(), Some(key)), ("SHA256:another", None)] {
        let (text, _) = line(ledger::START, "one", OutboxState::Queued, named);
        let mut first: ledger::Line = serde_json::from_str(&text).unwrap();
        first.envelope = Some(envelope.to_json());
        let one = Signing {
            first,
            state: OutboxState::Queued,
            withdrawn: false,
        };
        assert_eq!(one.key(), expected);
    }
}

#[test]
fn of_what_is_on_its_way_only_an_approval_would_have_to_be_given_again() {
    let mut read = Signed::read(&chain(&[("waits", OutboxState::Queued)]));
    let one = &mut read.decisions[0];
    assert!(one.row(None).again);
    one.first.decision = Decision::Comment;
    assert!(!one.row(None).again);
}
