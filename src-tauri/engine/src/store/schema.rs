//! The layout of the database, as the steps that lead to it. A step that was ever released is never edited.

use rusqlite::Connection;

use super::StoreError;

/// Layout 1.
pub(super) const FIRST: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

-- What is held of each change; `held` is JSON, the other columns are what a poll compares and the queue lists by.
CREATE TABLE change (
    id TEXT PRIMARY KEY, node_id TEXT NOT NULL UNIQUE, head TEXT NOT NULL, updated_at TEXT NOT NULL,
    waits INTEGER NOT NULL, held TEXT NOT NULL, read_at TEXT NOT NULL, whole INTEGER NOT NULL
) STRICT;
CREATE INDEX change_waits ON change (waits);

-- Diffs as the forge sent them, zlib. Immutable: both ids name commits.
CREATE TABLE diff (target TEXT NOT NULL, head TEXT NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (target, head)) STRICT;

-- Files as a whole, zlib, by their names in git, which are their digests: cached for ever.
CREATE TABLE blob (oid TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;

-- What the user opened, viewed and acknowledged, each at a head.
CREATE TABLE looked (
    change TEXT NOT NULL, head TEXT NOT NULL, commits TEXT NOT NULL, seen TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (change, head)
) STRICT;
CREATE TABLE viewed (
    change TEXT NOT NULL, head TEXT NOT NULL, path TEXT NOT NULL, PRIMARY KEY (change, head, path)
) STRICT;
CREATE TABLE acknowledged (
    change TEXT NOT NULL, head TEXT NOT NULL, finding TEXT NOT NULL, at TEXT NOT NULL, note TEXT NOT NULL,
    PRIMARY KEY (change, head, finding)
) STRICT;

-- What was told: a row is the right to tell, taken once.
CREATE TABLE told (
    change TEXT NOT NULL, head TEXT NOT NULL, event TEXT NOT NULL, PRIMARY KEY (change, head, event)
) STRICT;

-- Decisions signed and on their way, or at their end.
CREATE TABLE outbox (
    entry TEXT PRIMARY KEY, change TEXT NOT NULL, head TEXT NOT NULL, target TEXT NOT NULL, reviewer TEXT NOT NULL,
    title TEXT NOT NULL, decision TEXT NOT NULL,
    words TEXT NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL, review TEXT, message TEXT,
    signed_at TEXT NOT NULL, not_after TEXT NOT NULL, settled_at TEXT, hidden INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The hash-chained record. Rows are only ever added.
CREATE TABLE ledger (seq INTEGER PRIMARY KEY, line TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
";

/// Layout 2.
const SECOND: &str = "
-- Approvals of the user's own that were dismissed at the forge, by the nonce of what was signed. One is not in the
-- outbox where it was signed on another machine. Rows are only ever added.
CREATE TABLE withdrawn (
    entry TEXT PRIMARY KEY, change TEXT NOT NULL, review TEXT NOT NULL, at TEXT NOT NULL, words TEXT
) STRICT;
";

/// Layout 3.
const THIRD: &str = "
-- Whether the change can still be merged, as far as the forge was heard.
ALTER TABLE change ADD COLUMN open INTEGER NOT NULL DEFAULT 1;
-- What a poll and the window ask for, without the years of what is over.
CREATE INDEX change_open ON change (id) WHERE open = 1;
CREATE INDEX outbox_state ON outbox (state);
CREATE INDEX outbox_settled ON outbox (settled_at);
CREATE INDEX outbox_change ON outbox (change);

-- What the gate would have been given when the forge confirmed a decision: zlib of its JSON, in which the SHA-256 of a
-- policy's file stands for its text; or why it could not be had. Rows are only ever added.
CREATE TABLE input (entry TEXT PRIMARY KEY, bytes BLOB, why TEXT) STRICT;
-- Those texts, zlib: the same few belong to many decisions.
CREATE TABLE policy_file (sha256 TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
";

const STEPS: [&str; 3] = [FIRST, SECOND, THIRD];

/// The newest layout that this version knows.
pub(super) const KNOWN: i64 = STEPS.len() as i64;

/// Brings a database of layout `found` to the newest, one transaction a step.
pub(super) fn migrate(db: &mut Connection, found: i64) -> Result<(), StoreError> {
    for (number, step) in (1i64..).zip(STEPS).filter(|(number, _)| *number > found) {
        let tx = db.transaction()?;
        tx.execute_batch(step)?;
        tx.pragma_update(None, "user_version", number)?;
        tx.commit()?;
    }
    Ok(())
}
