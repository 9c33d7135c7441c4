//! The gate as CI runs it: the steps of `action.yml`, on the real `gh`, `git` and `jq`, against the test forge over TLS.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod action {
    mod cases;
    mod expressions;
    mod runner;
    mod scene;
    mod standing;
}
