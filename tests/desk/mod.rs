//! A desktop of its own for one test: display, window manager, session bus, keychain daemon, notification daemon,
//! ssh-agent and home folder, all real. Nothing of the person's own session is seen or changed, and everything ends
//! with the value, a failed test included.
//!
//! | module | subject |
//! |---|---|
//! | [`keychain`] | the keychain daemon: unlocked, locked, gone, back again |
//! | [`agent`] | ssh-agent with a key, locked and unlocked |
//! | [`probe`] | the engine's keychain, agent and notices in a process that lives on the desk |

pub mod agent;
pub mod keychain;
pub mod probe;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

pub use self::keychain::Keychain;

/// How long a daemon or a window may take to come.
pub const PATIENCE: Duration = Duration::from_secs(20);
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

/// A program that runs on the desk, alone in its process group.
struct Running {
    name: String,
    child: Child,
}

/// The desk.
pub struct Desk {
    environment: Vec<(String, String)>,
    /// In the order in which they were started.
    running: Vec<Running>,
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
            folder,
        };
        desk.make_home()?;
        if options.on_own_display {
            for name in ["DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY"] {
                if let Ok(value) = std::env::var(name) {
                    desk.set(name, value);
                }
            }
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

    /// Address of the session bus.
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

    /// Starts a program that ends with the desk, with whatever it starts itself. Its output is in [`Self::said`].
    ///
    /// # Errors
    /// It is not installed.
    pub fn spawn(&mut self, program: &str, words: &[&str]) -> Result<()> {
        let out = self.log(program)?;
        let mut command = self.command(program);
        command.args(words).stdout(out.try_clone()?).stderr(out);
        self.adopt(program, command).map(|_| ())
    }

    /// What a program that was started here has written.
    pub fn said(&self, program: &str) -> String {
        let text = fs::read(self.log_path(program)).unwrap_or_default();
        String::from_utf8_lossy(&text).trim().to_owned()
    }

    /// Runs a program to its end: what it wrote to its output.
    ///
    /// # Errors
    /// It is not installed, or it failed; then with what it said.
    pub fn run(&self, program: &str, words: &[&str]) -> Result<String> {
        let output = self.command(program).args(words).output();
        let output = output.with_context(|| format!("{program} could not be started"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            bail!("{program} {} failed: {said}", words.join(" "));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Runs xdotool.
    ///
    /// # Errors
    /// It failed; searching without finding is failing too.
    pub fn xdotool(&self, words: &[&str]) -> Result<String> {
        self.run("xdotool", words)
    }

    /// Id of a visible window with `name` in its title or class, once there is one.
    ///
    /// # Errors
    /// None came in time.
    pub fn find_window(&self, name: &str, patience: Duration) -> Result<String> {
        let start = Instant::now();
        loop {
            if let Ok(found) = self.xdotool(&["search", "--onlyvisible", "--name", "--class", name])
                && let Some(id) = found.lines().last()
            {
                return Ok(id.to_owned());
            }
            if start.elapsed() > patience {
                bail!("no window {name:?} came within {patience:?}");
            }
            std::thread::sleep(GLANCE);
        }
    }

    /// Writes a picture of the whole screen.
    ///
    /// # Errors
    /// ImageMagick's `import` failed.
    pub fn screenshot(&self, file: &Path) -> Result<()> {
        let name = file.to_str().context("a picture needs a plain file name")?;
        self.run("import", &["-window", "root", name]).map(|_| ())
    }

    /// Waits until somebody owns `name` on the bus, or with `false` until nobody does.
    ///
    /// # Errors
    /// It did not come to that in time; with what `program` said.
    pub fn wait_for_name(&self, name: &str, owned: bool, program: &str) -> Result<()> {
        let start = Instant::now();
        let name = format!("string:{name}");
        let call = [
            "--session",
            "--print-reply=literal",
            "--dest=org.freedesktop.DBus",
            "/",
            HAS_OWNER,
            &name,
        ];
        while self.run("dbus-send", &call)?.contains("true") != owned {
            if start.elapsed() > PATIENCE {
                bail!(
                    "{name} is not as expected: {program} said {:?}",
                    self.said(program)
                );
            }
            std::thread::sleep(GLANCE);
        }
        Ok(())
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

    fn log_path(&self, program: &str) -> PathBuf {
        let name = Path::new(program).file_name().unwrap_or_default();
        self.folder.path().join("logs").join(name)
    }

    fn log(&self, program: &str) -> Result<File> {
        Ok(File::options()
            .create(true)
            .append(true)
            .open(self.log_path(program))?)
    }

    /// Starts a command and ends it with the desk; the child, whose pipes are the caller's.
    fn adopt(&mut self, program: &str, mut command: Command) -> Result<&mut Child> {
        let child = command.process_group(0).spawn();
        let child =
            child.with_context(|| format!("{program} could not be started: is its package installed?"))?;
        self.running.push(Running {
            name: program.to_owned(),
            child,
        });
        Ok(&mut self.running.last_mut().context("just pushed")?.child)
    }

    /// Ends what was started as `program`.
    fn stop(&mut self, program: &str) {
        for mut running in self.running.extract_if(.., |running| running.name == program) {
            running.end();
        }
    }

    /// Starts a program that writes where it can be reached on its first line.
    fn spawn_for_line(&mut self, program: &str, words: &[&str]) -> Result<String> {
        let errors = self.log(program)?;
        let mut command = self.command(program);
        command.args(words).stdout(Stdio::piped()).stderr(errors);
        let out = self
            .adopt(program, command)?
            .stdout
            .take()
            .context("the output was piped")?;
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let (mut out, mut line) = (BufReader::new(out), String::new());
            if out.read_line(&mut line).is_ok() {
                // Nobody listens any more where the wait below was given up.
                let _ = tell.send(line.trim().to_owned());
            }
            // Read on, so that the program never writes into a closed pipe.
            let _ = out.read_to_end(&mut Vec::new());
        });
        match told.recv_timeout(PATIENCE) {
            Ok(line) if !line.is_empty() => Ok(line),
            Ok(_) | Err(_) => bail!("{program} did not come up: {}", self.said(program)),
        }
    }

    fn start_display(&mut self) -> Result<()> {
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
        self.spawn("openbox", &["--sm-disable"])
    }

    fn start_bus(&mut self) -> Result<()> {
        let config = self.folder.path().join("bus.conf");
        let socket = self.folder.path().join("run/bus");
        fs::write(&config, BUS.replace("SOCKET", &socket.to_string_lossy()))?;
        let config = format!("--config-file={}", config.display());
        self.spawn_for_line(
            "dbus-daemon",
            &[&config, "--nofork", "--nopidfile", "--print-address=1"],
        )?;
        let address = self.bus();
        self.set("DBUS_SESSION_BUS_ADDRESS", address);
        Ok(())
    }

    fn start_notices(&mut self) -> Result<()> {
        // Its settings come from here, and this bus would not start it.
        let settings = library("xfce4/xfconf/xfconfd")?;
        self.spawn(&settings, &[])?;
        self.wait_for_name("org.xfce.Xfconf", true, &settings)?;
        let daemon = library("xfce4/notifyd/xfce4-notifyd")?;
        self.spawn(&daemon, &[])?;
        self.wait_for_name("org.freedesktop.Notifications", true, &daemon)
    }
}

const HAS_OWNER: &str = "org.freedesktop.DBus.NameHasOwner";

impl Running {
    fn end(&mut self) {
        // The whole group; the child alone where there is no `kill`. What is gone already is what was wanted.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill")
            .args(["-KILL", "--", &group])
            .stderr(Stdio::null())
            .status();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // The last first: whoever draws goes before the display.
        for mut running in self.running.drain(..).rev() {
            running.end();
        }
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
