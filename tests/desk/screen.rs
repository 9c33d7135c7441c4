//! The screen of a desk: windows of any program, keys, clicks and pictures, through the X server alone.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Desk, GLANCE, PATIENCE, wait_for};

impl Desk {
    pub(super) fn start_display(&mut self) -> Result<()> {
        let words = [
            "-displayfd",
            "1",
            "-screen",
            "0",
            "1280x860x24",
            "-nolisten",
            "tcp",
            "-noreset",
        ];
        let number = self.spawn_for_line("Xvfb", &words)?;
        self.set("DISPLAY", format!(":{number}"));
        self.spawn("openbox", &["--sm-disable"])?;
        // Windows that come before it are left without a focus.
        wait_for("the window manager", PATIENCE, || {
            let said = self.run("xprop", &["-root", "_NET_SUPPORTING_WM_CHECK"])?;
            Ok(said.contains("window id").then_some(()))
        })
    }

    /// Takes the person's own display in place of a private one.
    pub(super) fn borrow_display(&mut self) {
        let given = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let Some(display) = given("DISPLAY") else {
            // Wayland alone: its socket is looked for in the runtime folder, which is another one on the desk.
            if let Some(socket) = given("WAYLAND_DISPLAY") {
                let folder = given("XDG_RUNTIME_DIR").unwrap_or_default();
                self.set(
                    "WAYLAND_DISPLAY",
                    Path::new(&folder).join(socket).to_string_lossy(),
                );
                self.set("GDK_BACKEND", "wayland");
                self.set("XDG_SESSION_TYPE", "wayland");
            }
            return;
        };
        self.set("DISPLAY", display);
        // Without it the key to the display is looked for in the home folder, which is another one on the desk.
        let usual = || given("HOME").map(|home| format!("{home}/.Xauthority"));
        if let Some(key) = given("XAUTHORITY").or_else(usual) {
            self.set("XAUTHORITY", key);
        }
    }

    /// Runs xdotool.
    ///
    /// # Errors
    /// It failed; searching without finding is failing too.
    pub fn xdotool(&self, words: &[&str]) -> Result<String> {
        self.run("xdotool", words)
    }

    /// Id of a visible window with `title` (a regular expression) in its title, if there is one now.
    pub fn look_for_window(&self, title: &str) -> Option<String> {
        self.search("--name", title)
    }

    /// Id of a visible window of a program's class, if there is one now.
    pub(super) fn look_for_class(&self, class: &str) -> Option<String> {
        self.search("--class", class)
    }

    fn search(&self, by: &str, pattern: &str) -> Option<String> {
        // xdotool fails where it finds none.
        let found = self.xdotool(&["search", "--onlyvisible", by, pattern]).ok()?;
        found.lines().last().map(str::to_owned)
    }

    /// A window with `title` in its title, once there is one.
    ///
    /// # Errors
    /// None came in time.
    pub fn find_window(&self, title: &str, patience: Duration) -> Result<String> {
        wait_for(&format!("a window {title:?}"), patience, || {
            Ok(self.look_for_window(title))
        })
    }

    /// Waits until there is no such window any more.
    ///
    /// # Errors
    /// It stayed.
    pub fn lose_window(&self, name: &str, patience: Duration) -> Result<()> {
        let gone = || Ok(self.look_for_window(name).is_none().then_some(()));
        wait_for(&format!("the end of the window {name:?}"), patience, gone)
    }

    /// Presses a key in the window with this id, as the keyboard does.
    ///
    /// # Errors
    /// The window is gone.
    pub fn press(&self, id: &str, key: &str) -> Result<()> {
        self.xdotool(&["windowactivate", "--sync", id])?;
        self.xdotool(&["key", key]).map(drop)
    }

    /// Answers a native question that has come up, with the keyboard alone: *Cancel* has the focus, so it takes a Tab
    /// to leave it.
    ///
    /// # Errors
    /// The question is gone.
    pub fn confirm(&self, id: &str) -> Result<()> {
        self.press(id, "Tab")?;
        std::thread::sleep(2 * GLANCE);
        self.press(id, "Return")
    }

    /// Writes a picture of the whole screen.
    ///
    /// # Errors
    /// ImageMagick's `import` failed.
    pub fn screenshot(&self, file: &Path) -> Result<()> {
        let name = file.to_str().context("a picture needs a plain file name")?;
        self.run("import", &["-window", "root", "-depth", "8", name])
            .map(|_| ())
    }
}
