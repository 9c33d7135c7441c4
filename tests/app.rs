//! The real program in its window: real WebKit over WebDriver, real keychain and notification daemons, the native
//! dialog answered through the X server, the forge over real git repositories. One desk a test.
//!
//! | module | subject |
//! |---|---|
//! | `bench` | the desk with a profile, a small forge, the outer time limit |
//! | `job` | signing in, the main job, *Cancel* in the native dialog |
//! | `staying` | the closed window, the tray, a second start, a notice |
//! | `hostile` | changes and pages that want more than they may |
//! | `starting` | a profile that cannot be used; light and dark |
//! | `watcher` | the tray host, played by the test |
#![cfg(unix)]

#[path = "app/bench.rs"]
mod bench;
#[path = "app/hostile.rs"]
mod hostile;
#[path = "app/job.rs"]
mod job;
#[path = "app/starting.rs"]
mod starting;
#[path = "app/staying.rs"]
mod staying;
#[path = "app/watcher.rs"]
mod watcher;
