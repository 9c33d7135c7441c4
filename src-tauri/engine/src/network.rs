//! How this machine reaches forges: by which proxy, trusting whom besides the system, as which OAuth app.
//!
//! All of it stands in `network.json` in the profile but for the proxy's password, which is a secret and therefore in
//! the keychain. Certificates are kept themselves, not where they were found: a file that is moved cuts nobody off.

pub mod certificate;
pub(crate) mod route;
pub(crate) mod trust;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use self::certificate::Certificate;

const FILE: &str = "network.json";

/// Which proxy is used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProxyChoice {
    /// The system's: `HTTPS_PROXY` and `NO_PROXY`, or what is set on macOS and Windows.
    #[default]
    System,
    /// None, whatever the system says.
    Direct,
    /// This one: `http://HOST:PORT` or `https://HOST:PORT`.
    At(String),
}

/// Who signs in at a proxy. The password is in the keychain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyUser {
    /// Host and port of the one proxy that is told: no other ever hears of user and password.
    pub proxy: String,
    /// The name.
    pub user: String,
}

impl ProxyUser {
    /// Name of the password's entry in the keychain.
    pub fn password_name(&self) -> String {
        format!("proxy {}@{}", self.user, self.proxy)
    }
}

/// What is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Which proxy.
    pub proxy: ProxyChoice,
    /// Who signs in at it.
    pub user: Option<ProxyUser>,
    /// Authorities that are trusted besides the system's.
    pub authorities: Vec<Certificate>,
    /// OAuth client ids by the forge's host. No secrets.
    pub clients: BTreeMap<String, String>,
}

struct State {
    settings: Settings,
    password: Option<SecretString>,
    /// Counts up with each change: a connection that was made before is made anew.
    generation: u64,
    /// Why what is in the file is not what holds.
    trouble: Option<String>,
}

/// The network's settings; clones are the same. One is shared by all accounts of a profile.
#[derive(Clone)]
pub struct Network(Arc<Inner>);

struct Inner {
    /// `None`: kept in memory only.
    path: Option<PathBuf>,
    state: Mutex<State>,
    /// Told whenever all connections are left.
    left: watch::Sender<()>,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network")
            .field("path", &self.0.path)
            .finish_non_exhaustive()
    }
}

/// What holds at one moment.
#[derive(Clone)]
pub(crate) struct Now {
    pub(crate) settings: Settings,
    pub(crate) password: Option<SecretString>,
    pub(crate) generation: u64,
    pub(crate) trouble: Option<String>,
}

impl Network {
    /// Reads the settings of a profile. A file that cannot be read is left as it is, and the usual settings hold until
    /// new ones are kept: [`Network::now`] says so.
    pub fn open(folder: &Path) -> Self {
        let path = folder.join(FILE);
        let (settings, trouble) = match read(&path) {
            Ok(settings) => (settings, None),
            Err(why) => {
                tracing::error!(why, "the network's settings cannot be read");
                let words = format!(
                    "{} cannot be read ({why}). It was left as it is; the system's proxy and certificates are used",
                    path.display()
                );
                (Settings::default(), Some(words))
            }
        };
        Self::with(Some(path), settings, trouble)
    }

    /// The usual settings, kept nowhere.
    pub fn usual() -> Self {
        Self::with(None, Settings::default(), None)
    }

    fn with(path: Option<PathBuf>, settings: Settings, trouble: Option<String>) -> Self {
        let state = State {
            settings,
            password: None,
            generation: 0,
            trouble,
        };
        Self(Arc::new(Inner {
            path,
            state: Mutex::new(state),
            left: watch::Sender::new(()),
        }))
    }

    /// Every change under this lock is one step, so a holder that panicked left nothing half done.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Now {
        let state = self.state();
        Now {
            settings: state.settings.clone(),
            password: state.password.clone(),
            generation: state.generation,
            trouble: state.trouble.clone(),
        }
    }

    /// The proxy's user is known, and the password is not at hand.
    pub(crate) fn wants_password(&self) -> bool {
        let state = self.state();
        state.settings.user.is_some() && state.password.is_none()
    }

    /// Keeps what `edit` makes of the settings, in the file first.
    ///
    /// # Errors
    /// The file cannot be written: nothing was changed.
    pub(crate) fn change(&self, edit: impl FnOnce(&mut Settings)) -> io::Result<()> {
        let mut state = self.state();
        let mut settings = state.settings.clone();
        edit(&mut settings);
        if let Some(path) = &self.0.path {
            write(path, &serde_json::to_vec_pretty(&settings)?)?;
        }
        if settings.user != state.settings.user {
            state.password = None;
        }
        state.settings = settings;
        state.trouble = None;
        state.generation += 1;
        Ok(())
    }

    /// Forgets all of it, the file too.
    ///
    /// # Errors
    /// The file cannot be removed: nothing was changed.
    pub(crate) fn erase(&self) -> io::Result<()> {
        let mut state = self.state();
        if let Some(path) = &self.0.path
            && let Err(error) = fs::remove_file(path)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        state.settings = Settings::default();
        state.password = None;
        state.trouble = None;
        state.generation += 1;
        Ok(())
    }

    /// Connections that were made before may lead nowhere now, and say so only when their time is up: none is used again,
    /// and what is under way on one ends soon.
    pub(crate) fn leave_connections(&self) {
        self.state().generation += 1;
        self.0.left.send_replace(());
    }

    /// Told of each time that all connections are left, from now on.
    pub(crate) fn leaving(&self) -> watch::Receiver<()> {
        self.0.left.subscribe()
    }

    /// Holds the proxy's password in memory, for the user that is kept now.
    pub(crate) fn hold_password(&self, password: Option<SecretString>) {
        let mut state = self.state();
        state.password = password;
        state.generation += 1;
    }
}

fn read(path: &Path) -> Result<Settings, String> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| error.to_string()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Settings::default()),
        Err(error) => Err(error.to_string()),
    }
}

/// All of it or nothing: beside the file first, then in its place.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("json.part");
    let kept = || {
        let mut options = fs::File::options();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    kept().inspect_err(|_| {
        // What could not be made cannot be removed either; the first error is the one that is told.
        let _ = fs::remove_file(&beside);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_wake_no_connection_of_before_is_used() {
        let network = Network::usual();
        let before = network.now().generation;
        network.clone().leave_connections();
        assert_ne!(network.now().generation, before);
    }

    #[test]
    fn what_is_kept_is_there_after_a_restart_and_a_password_is_not() {
        let profile = tempfile::TempDir::new().unwrap();
        let network = Network::open(profile.path());
        let user = ProxyUser {
            proxy: "proxy.example:3128".into(),
            user: "mika".into(),
        };
        network
            .change(|settings| {
                settings.proxy = ProxyChoice::At("http://proxy.example:3128".into());
                settings.user = Some(user.clone());
            })
            .unwrap();
        network.hold_password(Some("geheim-wie-nie".to_owned().into()));
        network
            .change(|settings| {
                settings.clients.insert("github.com".into(), "Iv1.x".into());
            })
            .unwrap();
        assert!(
            network.now().password.is_some(),
            "the same user, the same password"
        );
        let text = fs::read_to_string(profile.path().join(FILE)).unwrap();
        assert!(text.contains("mika") && !text.contains("geheim"), "{text}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(profile.path().join(FILE))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(
                mode & 0o777,
                0o600,
                "who else has an account here reads no user's name"
            );
        }
        let again = Network::open(profile.path()).now();
        assert_eq!(again.settings, network.now().settings);
        assert!(again.password.is_none());
        network.change(|settings| settings.user = None).unwrap();
        assert!(network.now().password.is_none(), "of nobody any more");
    }

    #[test]
    fn a_password_that_is_at_hand_later_makes_new_connections_and_an_erasure_takes_it_out_of_memory() {
        let profile = tempfile::TempDir::new().unwrap();
        let network = Network::open(profile.path());
        network
            .change(|settings| {
                settings.user = Some(ProxyUser {
                    proxy: "proxy.example:3128".into(),
                    user: "mika".into(),
                });
            })
            .unwrap();
        let without = network.now().generation;
        network.hold_password(Some("geheim-wie-nie".to_owned().into()));
        let with = network.now().generation;
        assert_ne!(with, without, "the proxy refused those");
        network.erase().unwrap();
        let now = network.now();
        assert!(now.password.is_none() && now.settings == Settings::default());
        assert_ne!(now.generation, with);
        assert!(!profile.path().join(FILE).exists());
    }

    #[test]
    fn a_damaged_file_stays_until_something_new_is_kept_and_that_is_said() {
        let profile = tempfile::TempDir::new().unwrap();
        let file = profile.path().join(FILE);
        fs::write(&file, "{\"proxy\": ").unwrap();
        let network = Network::open(profile.path());
        let now = network.now();
        assert_eq!(now.settings, Settings::default());
        assert!(now.trouble.unwrap().contains("left as it is"));
        assert_eq!(fs::read_to_string(&file).unwrap(), "{\"proxy\": ");
        network
            .change(|settings| settings.proxy = ProxyChoice::Direct)
            .unwrap();
        assert!(network.now().trouble.is_none());
    }

    #[test]
    fn what_the_disk_does_not_take_does_not_hold_either() {
        let profile = tempfile::TempDir::new().unwrap();
        let network = Network::open(&profile.path().join("not").join("there"));
        assert!(
            network
                .change(|settings| settings.proxy = ProxyChoice::Direct)
                .is_err()
        );
        assert_eq!(network.now().settings.proxy, ProxyChoice::System);
    }
}
