//! The notification daemon of a desk: xfce4-notifyd, which draws buttons.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{Desk, GLANCE, library};

/// Class of its windows.
const CLASS: &str = "^xfce4-notifyd$";
/// Middle of a notice's button, in pixels from the lower right corner of its window.
const BUTTON: (u32, u32) = (56, 31);
/// How long a notice fades in; a click on one that is not quite there yet goes through it.
const FADE: Duration = Duration::from_millis(800);

impl Desk {
    pub(super) fn start_notices(&mut self) -> Result<()> {
        // Its settings come from here, and this bus would not start it.
        let settings = library("xfce4/xfconf/xfconfd")?;
        self.spawn(&settings, &[])?;
        self.wait_for_name("org.xfce.Xfconf", true, &settings)?;
        let daemon = library("xfce4/notifyd/xfce4-notifyd")?;
        self.spawn(&daemon, &[])?;
        self.wait_for_name("org.freedesktop.Notifications", true, &daemon)
    }

    /// Waits for a notice on the screen, and gives its window's id.
    ///
    /// # Errors
    /// None came in time.
    pub async fn find_notice(&self, patience: Duration) -> Result<String> {
        let start = Instant::now();
        let id = loop {
            match self.look_for_class(CLASS) {
                Some(id) => break id,
                None if start.elapsed() > patience => bail!("no notice came within {patience:?}"),
                None => tokio::time::sleep(GLANCE).await,
            }
        };
        tokio::time::sleep(FADE).await;
        Ok(id)
    }

    /// Clicks the button of a notice. On its text a click only closes it: that is this daemon's way.
    ///
    /// # Errors
    /// The notice is gone.
    pub fn click_notice(&self, id: &str) -> Result<()> {
        let geometry = self.xdotool(&["getwindowgeometry", "--shell", id])?;
        let number = |name: &str| -> Result<u32> {
            let line = geometry.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| value.parse().ok())
                .with_context(|| format!("xdotool says nothing of {name:?}: {geometry}"))
        };
        let x = number("WIDTH=")?.saturating_sub(BUTTON.0).to_string();
        let y = number("HEIGHT=")?.saturating_sub(BUTTON.1).to_string();
        self.xdotool(&["mousemove", "--window", id, &x, &y, "click", "1"])
            .map(drop)
    }
}
