//! The real program in its window.

#[path = "app/watcher.rs"]
mod watcher;
