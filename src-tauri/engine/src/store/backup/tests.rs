use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use crate::store::{Store, StoreError, schema};
use crate::view::Failure;

/// The rows of every table.
type Rows = BTreeMap<String, Vec<Vec<Value>>>;

/// A profile as layout 1 left it, with one decision on its way.
fn first_layout(dir: &TempDir) -> PathBuf {
    let path = dir.path().join("countersign.db");
    let db = Connection::open(&path).unwrap();
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
        .unwrap();
    db.execute_batch(schema::FIRST).unwrap();
    db.execute_batch(
        r#"INSERT INTO outbox (entry, change, head, target, reviewer, title, decision, words, body, state, signed_at,
           not_after) VALUES ('n1', 'github.com/acme/web#1', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'main',
           '1234567', 'A title', '"approve"', 'Looks right.', 'the body', '"queued"', '1970-01-01T00:00:00Z',
           '9999-12-30T22:00:00Z');
           INSERT INTO ledger (line, hash) VALUES ('line 1', 'hash 1');
           INSERT INTO diff VALUES ('t', 'h', x'00ff');
           PRAGMA user_version = 1"#,
    )
    .unwrap();
    path
}

fn read_only(path: &Path) -> Connection {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

fn layout(path: &Path) -> i64 {
    read_only(path)
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap()
}

fn rows(path: &Path) -> Rows {
    let db = read_only(path);
    let all = |sql: &str| -> Vec<Vec<Value>> {
        let mut query = db.prepare(sql).unwrap();
        let width = query.column_count();
        let rows = query
            .query_map([], |row| (0..width).map(|column| row.get(column)).collect())
            .unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    let tables = all("SELECT name FROM sqlite_schema WHERE type = 'table'");
    let names = tables.into_iter().flatten().map(|name| {
        let Value::Text(name) = name else {
            panic!("a table's name is {name:?}");
        };
        name
    });
    names
        .map(|name| (name.clone(), all(&format!("SELECT * FROM {name} ORDER BY 1"))))
        .collect()
}

/// What is in the folder, by name, but for what says that a database is there.
fn files(dir: &TempDir) -> Vec<String> {
    let mut names: Vec<String> = dir
        .path()
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "countersign.was-here")
        .collect();
    names.sort();
    names
}

#[test]
fn an_older_layout_is_kept_before_it_is_brought_on() {
    let dir = TempDir::new().unwrap();
    let path = first_layout(&dir);
    let before = rows(&path);
    assert_eq!(before["outbox"].len(), 1);
    #[cfg(unix)]
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();

    let store = Store::open(&path).unwrap();
    let decision = store.decision("n1").unwrap().unwrap();
    assert_eq!((decision.body.as_str(), decision.withdrawn), ("the body", None));
    assert_eq!(store.ledger().unwrap(), ["line 1"]);
    drop(store);

    assert_eq!(files(&dir), ["countersign.db", "countersign.db.layout-1"]);
    assert_eq!(layout(&path), schema::KNOWN);
    let copy = dir.path().join("countersign.db.layout-1");
    assert_eq!(layout(&copy), 1);
    assert_eq!(rows(&copy), before);
    let mode = |path: &Path| path.metadata().unwrap().permissions();
    assert_eq!(mode(&copy), mode(&path));

    // A start that changes no layout leaves it alone.
    let kept = std::fs::read(&copy).unwrap();
    drop(Store::open(&path).unwrap());
    assert_eq!(std::fs::read(&copy).unwrap(), kept);
}

#[test]
fn a_new_profile_has_nothing_to_keep() {
    let dir = TempDir::new().unwrap();
    drop(Store::open(&dir.path().join("countersign.db")).unwrap());
    assert_eq!(files(&dir), ["countersign.db"]);
}

#[test]
fn without_the_copy_nothing_is_changed() {
    for in_the_way in ["countersign.db.layout-1", "countersign.db.layout-1.part"] {
        let dir = TempDir::new().unwrap();
        let path = first_layout(&dir);
        let before = std::fs::read(&path).unwrap();
        std::fs::create_dir(dir.path().join(in_the_way)).unwrap();

        let error = Store::open(&path).err().unwrap();
        assert!(matches!(error, StoreError::Unwritable(_)), "{error}");
        let failure = Failure::from(error);
        assert!(
            failure.message.contains(in_the_way) && failure.message.ends_with("left as it was."),
            "{}",
            failure.message
        );
        assert_eq!(std::fs::read(&path).unwrap(), before);
        assert_eq!(files(&dir), ["countersign.db", in_the_way], "no half copy");

        // With the way free it goes on.
        std::fs::remove_dir(dir.path().join(in_the_way)).unwrap();
        drop(Store::open(&path).unwrap());
        assert_eq!(files(&dir), ["countersign.db", "countersign.db.layout-1"]);
    }
}

#[test]
fn what_was_left_of_a_copy_is_replaced() {
    let dir = TempDir::new().unwrap();
    let path = first_layout(&dir);
    let before = rows(&path);
    let half = "half a copy, and longer than nothing".repeat(1000);
    for left in ["layout-1", "layout-1.part", "layout-1.part-journal"] {
        std::fs::write(dir.path().join(format!("countersign.db.{left}")), &half).unwrap();
    }
    drop(Store::open(&path).unwrap());
    assert_eq!(files(&dir), ["countersign.db", "countersign.db.layout-1"]);
    assert_eq!(rows(&dir.path().join("countersign.db.layout-1")), before);
}

#[test]
fn an_older_copy_goes_once_the_newer_is_whole() {
    let dir = TempDir::new().unwrap();
    let path = first_layout(&dir);
    drop(Store::open(&path).unwrap());
    let older = dir.path().join("countersign.db.layout-1");
    let kept = std::fs::read(&older).unwrap();
    let db = Connection::open(&path).unwrap();
    let newer = dir.path().join("countersign.db.layout-2");

    std::fs::create_dir(&newer).unwrap();
    assert!(super::keep(&db, &path, 2).is_err());
    assert_eq!(std::fs::read(&older).unwrap(), kept, "it is all there is");

    std::fs::remove_dir(&newer).unwrap();
    super::keep(&db, &path, 2).unwrap();
    drop(db);
    assert_eq!(files(&dir), ["countersign.db", "countersign.db.layout-2"]);
    assert_eq!(rows(&newer), rows(&path));
}

#[test]
fn what_is_forgotten_of_an_account_is_not_left_in_a_copy() {
    let dir = TempDir::new().unwrap();
    let path = first_layout(&dir);
    let mut store = Store::open(&path).unwrap();
    store.forget_account().unwrap();
    assert_eq!(store.unfinished().unwrap().len(), 1, "the record stays");
    drop(store);
    assert_eq!(files(&dir), ["countersign.db"]);
}

#[test]
fn a_profile_in_use_is_not_copied() {
    let dir = TempDir::new().unwrap();
    let path = first_layout(&dir);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(Store::open(&path), Err(StoreError::InUse)));
    drop(other);
    assert_eq!(files(&dir), ["countersign.db"]);
    assert_eq!(layout(&path), 1);
}
