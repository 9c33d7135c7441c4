//! ssh-agent on a desk.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::{Desk, GLANCE, PATIENCE};

const PROGRAM: &str = "ssh-agent";

impl Desk {
    /// Starts the agent with a new Ed25519 key in it.
    ///
    /// # Errors
    /// OpenSSH is not installed, or its agent does not come up.
    pub fn start_agent(&mut self) -> Result<()> {
        let socket = self.folder.path().join("run/agent");
        let name = socket.to_string_lossy().into_owned();
        self.spawn(PROGRAM, &["-D", "-a", &name])?;
        let start = std::time::Instant::now();
        while !socket.exists() {
            if start.elapsed() > PATIENCE {
                bail!("ssh-agent did not come up: {}", self.said(PROGRAM));
            }
            std::thread::sleep(GLANCE);
        }
        self.set("SSH_AUTH_SOCK", name);
        let key = self.agent_key();
        let key = key.to_str().context("a plain file name")?;
        self.run(
            "ssh-keygen",
            &["-q", "-t", "ed25519", "-N", "", "-C", "priya@desk", "-f", key],
        )?;
        self.run("ssh-add", &["-q", key]).map(|_| ())
    }

    /// Ends the agent.
    pub fn stop_agent(&mut self) {
        self.stop(PROGRAM);
    }

    /// File of the agent's key; its public half is beside it, with `.pub`.
    pub fn agent_key(&self) -> PathBuf {
        self.scratch().join("agent-key")
    }

    /// Locks the agent with a password, or unlocks it.
    ///
    /// # Errors
    /// ssh-add failed.
    pub fn lock_agent(&self, locked: bool) -> Result<()> {
        // ssh-add asks a program where it has no terminal.
        let ask = self.scratch().join("ask");
        fs::write(&ask, "#!/bin/sh\necho desk\n")?;
        fs::set_permissions(&ask, fs::Permissions::from_mode(0o755))?;
        let mut command = self.command("ssh-add");
        command.arg(if locked { "-x" } else { "-X" });
        let output = command
            .env("SSH_ASKPASS", &ask)
            .env("SSH_ASKPASS_REQUIRE", "force")
            .output()?;
        if !output.status.success() {
            bail!("ssh-add failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }
}
