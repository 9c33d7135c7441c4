//! What the tests and the demo stand on: a forge over real git repositories.

#[cfg(unix)]
pub mod desk;
pub mod forge;
pub mod proxy;
pub mod tally;

use std::path::PathBuf;

/// The gate, which cargo has built beside the test that asks.
///
/// # Panics
/// It is not built.
pub fn gate() -> PathBuf {
    let built = std::env::current_exe()
        .ok()
        .and_then(|own| Some(own.ancestors().nth(2)?.join("countersign-verify")));
    built
        .filter(|path| path.is_file())
        .unwrap_or_else(|| panic!("countersign-verify is not built; run `cargo build --workspace --bins`"))
}
