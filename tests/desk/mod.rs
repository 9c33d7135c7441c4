//! A desktop of its own for one test: display, window manager, bus, keychain daemon, notification daemon,
//! ssh-agent and home folder, all real. Nothing of the person's own session is seen or changed, and everything ends
//! with the value, a failed test included.
//!
//! | module | subject |
//! |---|---|
//! | `processes` | programs on the desk, and how they end with it |
//! | `screen` | the display: windows of any program, keys, clicks, pictures |
//! | [`keychain`] | the keychain daemon: unlocked, locked, gone, back again |
//! | [`notices`] | the notification daemon, and a click on what it shows |
//! | [`agent`] | ssh-agent with a key, locked and unlocked |
//! | [`probe`] | the engine, its keychain, agent and notices in a process that lives on the desk |
//! | [`window`] | the app's page, over WebDriver |
//! | `reading` | what a reader does in it |
//! | [`stage`] | the app's profile, signed in to a forge, with an enrolled key |

pub mod agent;
pub mod keychain;
pub mod notices;
pub mod probe;
mod processes;
#[cfg(feature = "desk")]
mod reading;
mod screen;
pub mod stage;
#[cfg(feature = "desk")]
pub mod window;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

pub use self::keychain::Keychain;
use self::processes::{Guard, Running};

/// How long a daemon or a window may take to come.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks.
const GLANCE: Duration = Duration::from_millis(50);

/// A bus that starts nothing by itself: else it would bring up the keychain or the notification daemon that a test
/// says is not there.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=SOCKET</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

const BUS_PROGRAM: &str = "dbus-daemon";

/// Stands in for the browser: it notes what it was asked to open.
const BROWSER: &str = "#!/bin/sh\nprintf '%s\\n' \"$1\" >> \"$HOME/opened-links\"\n";

/// What is on the desk. By default, nothing but a bus and a home.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// A private X server with a window manager.
    pub display: bool,
    /// The keychain daemon.
    pub keychain: Keychain,
    /// The notification daemon; it needs the display.
    pub notices: bool,
    /// ssh-agent with an Ed25519 key.
    pub agent: bool,
    /// The person's own display in place of a private one, for a demo that is watched.
    pub on_own_display: bool,
}

/// The desk.
pub struct Desk {
    environment: Vec<(String, String)>,
    /// In the order in which they were started.
    running: Vec<Running>,
    guard: Guard,
    /// Last, so that it is removed when everything that writes to it has ended.
    folder: tempfile::TempDir,
}

impl Desk {
    /// Sets it up.
    ///
    /// # Errors
    /// A program is not installed or does not come up; what has been started by then is ended.
    pub fn start(options: Options) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("desk-").tempdir()?;
        let mut desk = Self {
            environment: Vec::new(),
            running: Vec::new(),
            guard: Guard::start(folder.path())?,
            folder,
        };
        desk.make_home()?;
        if options.on_own_display {
            desk.borrow_display();
        } else if options.display {
            desk.start_display()?;
        }
        desk.start_bus()?;
        desk.start_keychain(options.keychain)?;
        if options.notices {
            desk.start_notices()?;
        }
        if options.agent {
            desk.start_agent()?;
        }
        Ok(desk)
    }

    /// What a program on this desk finds in its environment, and all of it.
    pub fn env(&self) -> &[(String, String)] {
        &self.environment
    }

    /// A command that runs on this desk and knows nothing of any other.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null());
        command
    }

    /// Address of the bus, which is the session's and the system's.
    pub fn bus(&self) -> String {
        format!("unix:path={}", self.folder.path().join("run/bus").display())
    }

    /// The home folder.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// A folder for whatever a test needs, gone with the desk.
    pub fn scratch(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    /// Addresses that programs on the desk gave to the browser, in order.
    pub fn opened_links(&self) -> Vec<String> {
        let text = fs::read_to_string(self.home().join("opened-links")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until somebody owns `name` on the bus, or with `false` until nobody does.
    ///
    /// # Errors
    /// It did not come to that in time; with what `program` said.
    pub fn wait_for_name(&self, name: &str, owned: bool, program: &str) -> Result<()> {
        let name = format!("string:{name}");
        let call = [
            "--session",
            "--print-reply=literal",
            "--dest=org.freedesktop.DBus",
            "/",
            HAS_OWNER,
            &name,
        ];
        let settled = || Ok((self.run("dbus-send", &call)?.contains("true") == owned).then_some(()));
        let what = if owned { "an owner" } else { "no owner" };
        wait_for(&format!("{what} of {name}"), PATIENCE, settled)
            .with_context(|| format!("{program} said {:?}", self.said(program)))
    }

    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.into()));
    }

    fn make_home(&mut self) -> Result<()> {
        let base = self.folder.path().to_owned();
        for (name, part) in [
            ("HOME", "home"),
            ("XDG_RUNTIME_DIR", "run"),
            ("XDG_CONFIG_HOME", "home/.config"),
            ("XDG_DATA_HOME", "home/.local/share"),
            ("XDG_CACHE_HOME", "home/.cache"),
            ("XDG_STATE_HOME", "home/.local/state"),
            ("TMPDIR", "tmp"),
        ] {
            let path = base.join(part);
            fs::create_dir_all(&path)?;
            self.set(name, path.to_string_lossy());
        }
        fs::create_dir_all(base.join("logs"))?;
        fs::create_dir_all(base.join("bin"))?;
        // GLib refuses a runtime folder that others can read.
        fs::set_permissions(base.join("run"), fs::Permissions::from_mode(0o700))?;
        let browser = base.join("bin/xdg-open");
        fs::write(&browser, BROWSER)?;
        fs::set_permissions(&browser, fs::Permissions::from_mode(0o755))?;
        let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".into());
        self.set("PATH", format!("{}:{path}", base.join("bin").display()));
        for (name, value) in [
            ("LANG", "C.UTF-8"),
            ("GDK_BACKEND", "x11"),
            ("XDG_SESSION_TYPE", "x11"),
            // No accessibility bus, and no graphics card: neither is there.
            ("NO_AT_BRIDGE", "1"),
            ("LIBGL_ALWAYS_SOFTWARE", "1"),
            ("WEBKIT_DISABLE_DMABUF_RENDERER", "1"),
        ] {
            self.set(name, value);
        }
        Ok(())
    }

    /// Ends the bus, and with it everybody's connection, and starts another in its place.
    ///
    /// # Errors
    /// It does not come up again.
    pub fn restart_bus(&mut self) -> Result<()> {
        self.stop(BUS_PROGRAM);
        // Its socket's file outlives it.
        let _ = fs::remove_file(self.folder.path().join("run/bus"));
        self.start_bus()
    }

    fn start_bus(&mut self) -> Result<()> {
        let config = self.folder.path().join("bus.conf");
        let socket = self.folder.path().join("run/bus");
        fs::write(&config, BUS.replace("SOCKET", &socket.to_string_lossy()))?;
        let config = format!("--config-file={}", config.display());
        self.spawn_for_line(
            BUS_PROGRAM,
            &[&config, "--nofork", "--nopidfile", "--print-address=1"],
        )?;
        let address = self.bus();
        // The system's too: what is asked of polkit on a desk must not come to the person's own screen.
        self.set("DBUS_SYSTEM_BUS_ADDRESS", address.as_str());
        self.set("DBUS_SESSION_BUS_ADDRESS", address);
        Ok(())
    }
}

const HAS_OWNER: &str = "org.freedesktop.DBus.NameHasOwner";

/// Looks again and again until there is something.
///
/// # Errors
/// Looking failed, or nothing came in time.
pub fn wait_for<T>(what: &str, patience: Duration, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if start.elapsed() > patience {
            bail!("waited for {what} for {} s in vain", patience.as_secs());
        }
        std::thread::sleep(GLANCE);
    }
}

/// A daemon that is not on PATH: distributions keep it under different library folders.
fn library(part: &str) -> Result<String> {
    let multiarch = fs::read_dir("/usr/lib")?
        .flatten()
        .map(|entry| entry.path().join(part));
    let others = ["/usr/lib", "/usr/libexec"].map(|folder| Path::new(folder).join(part));
    let found = multiarch.chain(others).find(|path| path.is_file());
    let found =
        found.with_context(|| format!("{part} is not installed (packages xfce4-notifyd, xfconf, gcr)"))?;
    Ok(found.to_string_lossy().into_owned())
}
