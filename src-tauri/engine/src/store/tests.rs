use std::collections::BTreeSet;
use std::path::Path;

use countersign_core::change::ChangeId;
use countersign_core::decision::{Decision, OutboxState};
use countersign_core::queue::Event;
use jiff::Timestamp;
use tempfile::TempDir;

use super::{Acknowledgement, NewEntry, Store, StoreError, Withdrawal, schema};

fn id() -> ChangeId {
    "github.com/acme/web#1".parse().unwrap()
}

fn head(digit: char) -> countersign_core::change::Oid {
    digit.to_string().repeat(40).parse().unwrap()
}

fn new_entry(name: &str) -> NewEntry {
    NewEntry {
        entry: name.into(),
        change: id(),
        head: head('a'),
        target: "main".into(),
        reviewer: "1234567".into(),
        title: "A title".into(),
        decision: Decision::Approve,
        words: "Looks right.".into(),
        body: "the body".into(),
        signed_at: Timestamp::UNIX_EPOCH,
        not_after: Timestamp::MAX,
    }
}

fn bytes_of(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

#[test]
fn a_profile_from_a_newer_version_is_refused_and_not_touched() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("x.db");
    drop(Store::open(&path).unwrap());
    let db = rusqlite::Connection::open(&path).unwrap();
    db.pragma_update(None, "user_version", schema::KNOWN + 1).unwrap();
    drop(db);
    let before = bytes_of(&path);
    assert!(matches!(Store::open(&path), Err(StoreError::Newer { found, known }) if found == known + 1));
    assert_eq!(bytes_of(&path), before);
}

#[test]
fn a_second_process_is_told_that_the_profile_is_in_use() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("x.db");
    let _first = Store::open(&path).unwrap();
    assert!(matches!(Store::open(&path), Err(StoreError::InUse)));
}

#[test]
fn a_damaged_file_is_said_to_be_and_not_reset() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("x.db");
    std::fs::write(
        &path,
        b"this is not a database, and it is long enough to be looked at as one".repeat(20),
    )
    .unwrap();
    let before = bytes_of(&path);
    assert!(matches!(Store::open(&path), Err(StoreError::Damaged(_))));
    assert_eq!(bytes_of(&path), before);
}

#[test]
fn a_full_disk_is_an_error_and_loses_nothing_written_before() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("x.db");
    let mut store = Store::open(&path).unwrap();
    store.queue_decision(&new_entry("first"), "line", "hash").unwrap();
    let pages: i64 = store
        .db
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .unwrap();
    store
        .db
        .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
        .unwrap();
    let mut large = new_entry("second");
    large.body = "x".repeat(1 << 20);
    assert!(matches!(
        store.queue_decision(&large, "line", "hash"),
        Err(StoreError::Unwritable(_))
    ));
    drop(store);
    let store = Store::open(&path).unwrap();
    assert_eq!(store.unfinished().unwrap().len(), 1);
    assert_eq!(store.ledger().unwrap(), ["line"]);
}

#[test]
fn a_decision_and_its_ledger_line_are_written_together_and_read_back() {
    let mut store = Store::in_memory().unwrap();
    store
        .queue_decision(&new_entry("n1"), "line 1", "hash 1")
        .unwrap();
    let mut entry = store.decision("n1").unwrap().unwrap();
    assert_eq!(
        (entry.state, entry.words.as_str()),
        (OutboxState::Queued, "Looks right.")
    );
    entry.state = OutboxState::Confirmed;
    entry.review = Some("7".into());
    entry.settled_at = Some(Timestamp::UNIX_EPOCH);
    store.settle_decision(&entry, "line 2", "hash 2", None).unwrap();
    let entry = store.decision("n1").unwrap().unwrap();
    assert_eq!(
        (entry.state, entry.review.as_deref()),
        (OutboxState::Confirmed, Some("7"))
    );
    assert_eq!(store.ledger().unwrap(), ["line 1", "line 2"]);
    assert_eq!(store.ledger_head().unwrap().as_deref(), Some("hash 2"));
    // The same nonce a second time is a fault of ours, not a second decision.
    assert!(
        store
            .queue_decision(&new_entry("n1"), "line 3", "hash 3")
            .is_err()
    );
    assert_eq!(store.ledger().unwrap().len(), 2);
}

#[test]
fn what_has_ended_stays_ended() {
    let mut store = Store::in_memory().unwrap();
    store
        .queue_decision(&new_entry("n1"), "line 1", "hash 1")
        .unwrap();
    let mut entry = store.decision("n1").unwrap().unwrap();
    entry.state = OutboxState::HandedBack;
    store.settle_decision(&entry, "line 2", "hash 2", None).unwrap();
    // A sender that took it up before would note its step now.
    entry.state = OutboxState::Pending;
    assert!(store.note_decision(&entry).is_err());
    entry.state = OutboxState::Confirmed;
    assert!(store.settle_decision(&entry, "line 3", "hash 3", None).is_err());
    let held = store.decision("n1").unwrap().unwrap();
    assert_eq!(held.state, OutboxState::HandedBack);
    assert_eq!(store.ledger().unwrap().len(), 2, "no line without its step");
}

#[test]
fn a_profile_that_is_only_read_is_locked_too() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("x.db");
    drop(Store::open(&path).unwrap());
    let first = Store::open(&path).unwrap();
    assert_eq!(first.unfinished().unwrap().len(), 0);
    assert!(matches!(Store::open(&path), Err(StoreError::InUse)));
}

#[test]
fn a_file_is_kept_by_its_name() {
    let store = Store::in_memory().unwrap();
    assert!(!store.has_blob(&head('a')).unwrap());
    store.put_blob(&head('a'), b"caf\xe9\n\0").unwrap();
    store.put_blob(&head('a'), b"caf\xe9\n\0").unwrap();
    assert!(store.has_blob(&head('a')).unwrap());
    assert_eq!(
        store.blob(&head('a')).unwrap().as_deref(),
        Some(b"caf\xe9\n\0".as_slice())
    );
    assert_eq!(store.blob(&head('b')).unwrap(), None);
}

#[test]
fn a_notice_is_claimed_once_and_what_was_told_is_remembered() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("x.db");
    let store = Store::open(&path).unwrap();
    waits(&store, 1);
    assert!(store.claim_notice(&id(), &head('a'), Event::Arrived).unwrap());
    assert!(!store.claim_notice(&id(), &head('a'), Event::Arrived).unwrap());
    drop(store);
    let store = Store::open(&path).unwrap();
    assert!(!store.claim_notice(&id(), &head('a'), Event::Arrived).unwrap());
    assert!(store.claim_notice(&id(), &head('b'), Event::Moved).unwrap());
    let told = store.told().unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].head, head('b'));
}

/// Puts a change's row there as it is while it waits, but for what is made of it.
fn waits(store: &Store, number: u64) {
    let (id, name, time) = (
        format!("github.com/acme/web#{number}"),
        number.to_string(),
        "2026-11-24T10:00:00Z",
    );
    let insert = "INSERT INTO change (id, node_id, head, updated_at, waits, held, read_at, whole, open)
                  VALUES (?1, ?2, 'a', ?3, 1, '{}', ?3, 1, 1)";
    store.db.execute(insert, [&id, &name, time]).unwrap();
}

/// Nothing of what is over can be read here: whoever looks at it fails.
#[test]
fn years_of_history_are_not_looked_at() {
    let mut store = Store::in_memory().unwrap();
    for number in 1..=3 {
        waits(&store, number);
    }
    let mut new = new_entry("now");
    new.signed_at = "2026-11-24T10:00:00Z".parse().unwrap();
    store.queue_decision(&new, "line", "hash").unwrap();
    store.claim_notice(&id(), &head('a'), Event::Arrived).unwrap();
    store
        .db
        .execute_batch(
            "WITH RECURSIVE number (n) AS (SELECT 100 UNION ALL SELECT n + 1 FROM number WHERE n < 10099)
             INSERT INTO change (id, node_id, head, updated_at, waits, held, read_at, whole, open)
             SELECT 'over ' || n, 'node ' || n, '-', '-', 0, '-', '-', 1, 0 FROM number;
             INSERT INTO told (change, head, event) SELECT id, '-', '-' FROM change WHERE waits = 0;
             INSERT INTO outbox (entry, change, head, target, reviewer, title, decision, words, body, state, signed_at,
                 not_after, settled_at)
             SELECT node_id, id, '-', '-', '-', '-', '-', '-', '-', '\"confirmed\"', '-', '-', '2020-01-01T00:00:00Z'
             FROM change WHERE waits = 0",
        )
        .unwrap();
    let since = "2026-11-22T00:00:00Z".parse().unwrap();
    assert_eq!(store.known(&["2", "unheard of"]).unwrap().len(), 3);
    assert_eq!(store.decisions(since).unwrap().len(), 1);
    assert_eq!(store.unfinished().unwrap().len(), 1);
    assert_eq!(store.confirmed_on_open().unwrap().len(), 0);
    assert_eq!(store.told().unwrap().len(), 1);
    assert!(
        store.known(&["node 100"]).is_err(),
        "the history is what it is meant to be"
    );
}

#[test]
fn an_acknowledgement_keeps_its_note_until_another_is_given() {
    let store = Store::in_memory().unwrap();
    let at = "2026-11-24T10:00:00Z".parse().unwrap();
    let later = "2026-11-24T11:00:00Z".parse().unwrap();
    let of = |store: &Store| store.acknowledged(&id(), &head('1')).unwrap();
    let note = |at, note| store.acknowledge(&id(), &head('1'), "f", at, note).unwrap();
    note(at, None);
    assert_eq!(of(&store)[0].note, "");
    note(later, Some("archived"));
    note(later, None);
    assert_eq!(
        of(&store),
        [Acknowledgement {
            finding: "f".into(),
            at,
            note: "archived".into()
        }]
    );
    assert_eq!(
        store.acknowledged(&id(), &head('2')).unwrap(),
        [],
        "another head starts with nothing"
    );
    store.take_back_acknowledgement(&id(), &head('1'), "f").unwrap();
    note(at, None);
    assert_eq!(of(&store)[0].note, "");
}

#[test]
fn a_full_disk_keeps_what_was_there_and_takes_the_rest_when_there_is_room() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("x.db");
    let mut store = Store::open(&path).unwrap();
    store
        .queue_decision(&new_entry("one"), "line 1", "hash 1")
        .unwrap();
    let pages: i64 = store
        .db
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .unwrap();
    let limit = |store: &Store, pages: i64| {
        let set = format!("PRAGMA max_page_count = {pages}");
        store.db.query_row(&set, [], |_| Ok(())).unwrap();
    };
    limit(&store, pages);
    let large = NewEntry {
        body: "x".repeat(100_000),
        ..new_entry("two")
    };
    let error = store.queue_decision(&large, "line 2", "hash 2").unwrap_err();
    assert!(matches!(error, StoreError::Unwritable(_)), "{error}");
    assert!(
        error.to_string().starts_with("the database cannot be written"),
        "{error}"
    );
    assert_eq!(store.unfinished().unwrap().len(), 1);
    assert_eq!(store.ledger().unwrap(), ["line 1"], "neither half was kept");
    limit(&store, pages + 1_000);
    store.queue_decision(&large, "line 2", "hash 2").unwrap();
    assert_eq!(store.ledger().unwrap().len(), 2);
}

#[test]
fn what_is_written_is_on_the_disk_before_it_is_said_to_be() {
    let dir = TempDir::new().unwrap();
    let store = Store::open(&dir.path().join("x.db")).unwrap();
    let mode: String = store
        .db
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap();
    let synchronous: i64 = store
        .db
        .query_row("PRAGMA synchronous", [], |row| row.get(0))
        .unwrap();
    // Source: https://www.sqlite.org/pragma.html#pragma_synchronous, 2 is FULL.
    assert_eq!((mode.as_str(), synchronous), ("wal", 2));
}

/// Where SQLite keeps the version by which a file is written; a newer one may be read only.
/// Source: https://www.sqlite.org/fileformat.html#file_format_version_numbers
const WRITTEN_BY: usize = 18;

#[test]
fn a_file_that_can_only_be_read_is_told_and_left_as_it_is() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("x.db");
    drop(Store::open(&path).unwrap());
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[WRITTEN_BY] = 3;
    std::fs::write(&path, &bytes).unwrap();
    let error = Store::open(&path).err().unwrap();
    assert!(matches!(error, StoreError::Unwritable(_)), "{error}");
    assert_eq!(bytes_of(&path), bytes);
}

#[test]
fn a_database_that_may_not_be_written_is_told_and_not_touched() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("x.db");
    drop(Store::open(&path).unwrap());
    let before = bytes_of(&path);
    // As its owner meets a file without the right to write; whoever runs tests as root has that right.
    let db =
        rusqlite::Connection::open_with_flags(&path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let error = Store::prepare(db, None).err().unwrap();
    assert!(matches!(error, StoreError::Unwritable(_)), "{error}");
    assert_eq!(bytes_of(&path), before);
}

#[cfg(unix)]
#[test]
fn nothing_more_is_signed_into_a_file_that_was_replaced() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("x.db");
    let mut store = Store::open(&path).unwrap();
    std::fs::rename(&path, dir.path().join("aside.db")).unwrap();
    std::fs::write(&path, "something else").unwrap();
    let refused = store.queue_decision(&new_entry("one"), "line 1", "hash 1");
    assert!(matches!(refused, Err(StoreError::Gone)), "{refused:?}");
    assert!(matches!(
        store.set_meta(super::SYNCED, None),
        Err(StoreError::Gone)
    ));
    std::fs::rename(dir.path().join("aside.db"), &path).unwrap();
    store
        .queue_decision(&new_entry("one"), "line 1", "hash 1")
        .unwrap();
}

#[test]
fn a_profile_of_the_first_layout_is_brought_on_and_a_withdrawal_goes_with_its_decision() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("x.db");
    let mut store = Store::open(&path).unwrap();
    store
        .queue_decision(&new_entry("n1"), "line 1", "hash 1")
        .unwrap();
    // As layout 1 left it.
    store
        .db
        .execute_batch(
            "DROP TABLE withdrawn; DROP TABLE input; DROP TABLE policy_file; DROP INDEX change_open; \
             DROP INDEX outbox_state; DROP INDEX outbox_settled; DROP INDEX outbox_change; \
             ALTER TABLE change DROP COLUMN open; PRAGMA user_version = 1",
        )
        .unwrap();
    drop(store);

    let mut store = Store::open(&path).unwrap();
    assert_eq!(store.decision("n1").unwrap().unwrap().withdrawn, None);
    let withdrawal = Withdrawal {
        entry: "n1".into(),
        change: id(),
        review: String::new(),
        at: Timestamp::UNIX_EPOCH,
        words: Some("Wrong table.".into()),
    };
    store.withdraw(&withdrawal, "line 2", "hash 2").unwrap();
    assert_eq!(
        store.decision("n1").unwrap().unwrap().withdrawn,
        Some(withdrawal.clone())
    );
    assert_eq!(store.withdrawn_on(&id()).unwrap(), [""]);
    assert_eq!(store.ledger().unwrap(), ["line 1", "line 2"]);
    // A second one is a fault of ours: no second line.
    assert!(store.withdraw(&withdrawal, "line 3", "hash 3").is_err());
    assert_eq!(store.ledger().unwrap().len(), 2);
}

/// The gate's input of the format's first vector that is accepted.
fn input() -> countersign_core::verify::Input {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/judge");
    let mut files: Vec<_> = std::fs::read_dir(path)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let inputs = files.iter().filter_map(|path| {
        let vector: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let accepted =
            vector["expect"]["verdict"] == "accepted" && !vector["input"]["trust"]["organisation"].is_null();
        accepted.then(|| vector["input"].to_string())
    });
    let json = inputs.into_iter().next().unwrap();
    countersign_core::verify::Input::from_json(json.as_bytes()).unwrap()
}

#[test]
fn what_a_decision_is_judged_by_comes_back_as_it_was_and_texts_are_kept_once() {
    let mut store = Store::in_memory().unwrap();
    let mut other = input();
    other.change.body = "Another one.".into();
    let mut same = other.trust.policy.clone().unwrap();
    same.text.push_str("# Newer.\n");
    let mut newer = other.clone();
    newer.trust.policy = Some(same);
    let kept = [
        ("n1", Ok(input())),
        ("n2", Ok(other)),
        ("n3", Ok(newer)),
        ("n4", Err("the forge gave no trees".to_owned())),
    ];
    for (name, kept) in &kept {
        store.queue_decision(&new_entry(name), "line", "hash").unwrap();
        let mut entry = store.decision(name).unwrap().unwrap();
        for state in [OutboxState::Pending, OutboxState::Submitted] {
            entry.state = state;
            store.note_decision(&entry).unwrap();
        }
        entry.state = OutboxState::Confirmed;
        store.settle_decision(&entry, "line", "hash", Some(kept)).unwrap();
    }
    store.forget_account().unwrap();
    for (name, kept) in &kept {
        assert_eq!(store.input(name).unwrap().as_ref(), Some(kept), "{name}");
    }
    assert_eq!(store.input("n5").unwrap(), None);
    let texts: i64 = store
        .db
        .query_row("SELECT count(*) FROM policy_file", [], |row| row.get(0))
        .unwrap();
    let files: BTreeSet<String> = [&kept[0].1, &kept[2].1]
        .into_iter()
        .flatten()
        .flat_map(|input| {
            let (own, theirs) = (&input.trust, input.trust.organisation.as_ref().unwrap());
            [&own.policy, &own.allowed_signers, &own.revoked_keys]
                .into_iter()
                .chain([&theirs.policy, &theirs.allowed_signers, &theirs.revoked_keys])
                .flatten()
                .map(|file| file.text.clone())
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(usize::try_from(texts), Ok(files.len()));
}
