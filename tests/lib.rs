//! What the tests and the demo stand on: a forge over real git repositories.

#[cfg(unix)]
pub mod desk;
pub mod forge;
pub mod tally;
