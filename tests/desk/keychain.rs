//! The keychain daemon of a desk: GNOME Keyring.

use std::io::Write;
use std::process::Stdio;

use anyhow::{Context, Result};

use super::Desk;

/// Its name on the bus.
const NAME: &str = "org.freedesktop.secrets";
const PROGRAM: &str = "gnome-keyring-daemon";
/// Password of a keychain that is thrown away.
const PASSWORD: &str = "desk";

/// How the keychain of a desk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keychain {
    /// No keychain service.
    #[default]
    None,
    /// Unlocked.
    Unlocked,
    /// Locked. Who uses it is asked for the password in a window, if the desk has a display.
    Locked,
}

impl Desk {
    /// Starts the daemon. What it held before is there again.
    ///
    /// # Errors
    /// It does not come up.
    pub fn start_keychain(&mut self, how: Keychain) -> Result<()> {
        if how == Keychain::None {
            return Ok(());
        }
        let errors = self.log(PROGRAM)?;
        let mut command = self.command(PROGRAM);
        command.args(["--foreground", "--unlock", "--components=secrets"]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(errors);
        let child = self.adopt(PROGRAM, command)?;
        // Read up to the end of the input, which comes when the pipe is dropped.
        child
            .stdin
            .take()
            .context("the input was piped")?
            .write_all(PASSWORD.as_bytes())?;
        self.wait_for_name(NAME, true, PROGRAM)?;
        if how == Keychain::Locked {
            self.lock_keychain()
        } else {
            Ok(())
        }
    }

    /// Ends the daemon.
    ///
    /// # Errors
    /// Its name stays taken.
    pub fn stop_keychain(&mut self) -> Result<()> {
        self.stop(PROGRAM);
        self.wait_for_name(NAME, false, PROGRAM)
    }

    /// Locks it. With a display, the program that asks for the password is started too.
    ///
    /// # Errors
    /// The daemon refuses, or the asking program does not come up.
    pub fn lock_keychain(&mut self) -> Result<()> {
        let destination = format!("--dest={NAME}");
        let lock = "org.freedesktop.Secret.Service.Lock";
        let what = "array:objpath:/org/freedesktop/secrets/collection/login";
        self.run(
            "dbus-send",
            &[
                "--session",
                "--print-reply",
                &destination,
                "/org/freedesktop/secrets",
                lock,
                what,
            ],
        )?;
        if self.env().iter().any(|(name, _)| name == "DISPLAY") {
            let prompter = super::library("gcr-prompter")?;
            self.spawn(&prompter, &[])?;
            self.wait_for_name("org.gnome.keyring.SystemPrompter", true, &prompter)?;
        }
        Ok(())
    }

    /// Types the password into the keychain's own window.
    ///
    /// # Errors
    /// No such window comes.
    pub fn answer_keychain(&self) -> Result<()> {
        let prompt = || Ok(self.look_for_class("gcr-prompter"));
        let id = super::wait_for("the keychain's question", super::PATIENCE, prompt)?;
        self.xdotool(&["windowfocus", "--sync", &id])?;
        self.xdotool(&["type", PASSWORD])?;
        self.xdotool(&["key", "Return"])?;
        Ok(())
    }

    /// Closes the keychain's own window without a password.
    ///
    /// # Errors
    /// No such window comes.
    pub fn dismiss_keychain(&self) -> Result<()> {
        let prompt = || Ok(self.look_for_class("gcr-prompter"));
        let id = super::wait_for("the keychain's question", super::PATIENCE, prompt)?;
        self.xdotool(&["windowfocus", "--sync", &id])?;
        self.xdotool(&["key", "Escape"])?;
        Ok(())
    }
}
