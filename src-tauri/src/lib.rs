//! The window: a Tauri shell around [`countersign_engine`]. It has no rules of its own.
//!
//! | module | subject |
//! |---|---|
//! | [`commands`] | what the window may ask for |
//! | [`desktop`] | what the accounts may ask of the desktop |
//! | [`question`] | the native dialog before a signature |
//! | [`tray`] | the tray's menu and picture |
//! | [`log`] | the log |
//! | [`remains`] | what a crash leaves behind |

mod commands;
mod desktop;
mod log;
mod question;
mod remains;
mod tray;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use countersign_engine::accounts::Accounts;
use countersign_engine::engine::Options;
use countersign_engine::github::GitHub;
use countersign_engine::view::{Code, Failure};
use tauri::{AppHandle, Manager, RunEvent, Wry};

/// The accounts as this app runs them.
pub(crate) type App = Accounts<GitHub, desktop::Shell>;

/// How to start.
#[derive(Debug, Clone)]
pub struct Start {
    /// Folder of the profile, absolute. Made where it does not exist.
    pub profile: PathBuf,
    /// This profile runs beside the usual one, and is opened by a second start with the same profile only.
    pub own_instance: bool,
    /// Log more of what the product itself does.
    pub verbose: bool,
    /// Where ssh-agent listens; `None`: no agent.
    pub agent: Option<PathBuf>,
    /// Take back that the system's own check is asked before each signature.
    pub stop_prompting: bool,
}

/// Runs the app to its end and gives its exit code.
///
/// # Errors
/// Nothing was started: there is no display.
pub fn run(start: Start) -> Result<u8> {
    remains::keep_secrets_out();
    let profile = private_folder(&start.profile);
    // Without a log everything else goes on; what keeps it from being written is told by what needs the disk.
    let _log = log::start(&start.profile, start.verbose).map_err(|error| eprintln!("{error:#}"));
    let mut single =
        tauri_plugin_single_instance::Builder::new().callback(|app, _, _| desktop::show_window(app));
    if start.own_instance {
        single = single.dbus_id(format!("dev.countersign.p{:016x}", fingerprint(&start.profile)));
    }
    // An absolute file name replaces the folder that the plugin would choose: all of a profile is in one place.
    let window_state = start.profile.join("window.json").to_string_lossy().into_owned();
    let app = tauri::Builder::default()
        // First, so that a second start ends before anything of the profile is opened twice.
        .plugin(single.build())
        .plugin(
            tauri_plugin_window_state::Builder::new()
                .with_filename(window_state)
                .build(),
        )
        .plugin(tauri_plugin_dialog::init())
        .invoke_handler(tauri::generate_handler![
            commands::status,
            commands::queue,
            commands::change,
            commands::file,
            commands::mark_viewed,
            commands::acknowledge,
            commands::preflight,
            commands::decide,
            commands::discard,
            commands::withdraw,
            commands::export_ledger,
            commands::search,
            commands::diagnostics,
            commands::export_diagnostics,
            commands::refresh,
            commands::sign_in,
            commands::network_settings,
            commands::set_proxy,
            commands::add_authority,
            commands::remove_authority,
            commands::test_connection,
            commands::set_client_id,
            commands::device_start,
            commands::device_wait,
            commands::device_cancel,
            commands::device_page,
            commands::sign_out,
            commands::erase,
            commands::keys,
            commands::choose_key,
            commands::make_key,
            commands::register_key,
            commands::propose_key,
            commands::rotation,
            commands::set_prompted,
            commands::open_link,
        ])
        .setup(move |app| {
            match profile {
                Ok(()) => set_up(app.handle(), start),
                Err(failure) => desktop::cannot_start(app.handle(), &failure),
            }
            Ok(())
        })
        .build(tauri::generate_context!())
        .context("is there a display?")?;
    let code = app.run_return(|app, event| {
        // The catch-all is right here: the events are Tauri's, and more of them come with its versions.
        #[allow(clippy::wildcard_enum_match_arm)]
        match event {
            // The last window was closed: polling and notices go on. Only an exit with a code is meant.
            RunEvent::ExitRequested { code: None, api, .. } => api.prevent_exit(),
            RunEvent::Exit => end(app),
            _ => {}
        }
    });
    Ok(u8::try_from(code).unwrap_or(1))
}

fn set_up(app: &AppHandle<Wry>, start: Start) {
    app.manage(desktop::WebFolder(start.profile.join("webview")));
    desktop::make_tray(app);
    tauri::async_runtime::spawn(end_on_signal(app.clone()));
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let mut options = Options::new(&start.profile);
        options.agent = start.agent;
        options.stop_prompting = start.stop_prompting;
        match App::start(options, desktop::Shell::new(&app)).await {
            Ok(accounts) => {
                app.manage(accounts);
                desktop::show_window(&app);
            }
            Err(failure) => desktop::cannot_start(&app, &failure),
        }
    });
}

/// Without this the signals would end the process where it stands, past [`RunEvent::Exit`].
async fn end_on_signal(app: AppHandle<Wry>) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (terminate, hang_up) = (signal(SignalKind::terminate()), signal(SignalKind::hangup()));
        let (Ok(mut terminate), Ok(mut hang_up)) = (terminate, hang_up) else {
            tracing::warn!("signals cannot be heard; a session that ends will not be waited for");
            return;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        app.exit(0);
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_ok() {
        app.exit(0);
    }
}

fn end(app: &AppHandle<Wry>) {
    let Some(accounts) = app.try_state::<App>() else {
        return;
    };
    accounts.shutdown();
}

/// Makes the profile's folder, for this user alone.
fn private_folder(folder: &Path) -> Result<(), Failure> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| Failure {
        code: Code::Other,
        message: format!(
            "The profile folder {} cannot be made: {error}. Nothing was started.",
            folder.display()
        ),
        hint: "Make room or way for it, or name another folder with --profile.".into(),
    })
}

/// A name for a profile that can be part of a D-Bus name. Two profiles that share one would only share an instance.
fn fingerprint(profile: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    profile.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use countersign_engine::prompt::Purpose;

    /// Words between quotation marks in the first `[…]` after `start`.
    fn listed(text: &str, start: &str) -> BTreeSet<String> {
        let list = text
            .split_once(start)
            .and_then(|(_, rest)| rest.split_once(']'))
            .unwrap()
            .0;
        list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
    }

    /// Names that follow `before` up to one of the characters that end a name.
    fn named(text: &str, before: &str) -> BTreeSet<String> {
        let ends = |c: char| !(c.is_ascii_lowercase() || c == '_');
        text.split(before)
            .skip(1)
            .map(|rest| rest.split(ends).next().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn a_command_is_listed_handled_and_allowed_or_is_none() {
        let commands = listed(include_str!("../build.rs"), "COMMANDS: &[&str] = &[");
        assert!(commands.len() > 10);
        assert_eq!(
            named(include_str!("commands.rs"), "pub(crate) async fn "),
            commands,
            "commands.rs"
        );
        let lib = include_str!("lib.rs").split("#[cfg(test)]").next().unwrap();
        assert_eq!(named(lib, "            commands::"), commands, "the handler");
        let allowed = listed(include_str!("../capabilities/main.json"), "\"permissions\": [");
        let own = allowed.iter().filter_map(|name| name.strip_prefix("allow-"));
        assert_eq!(
            own.map(|name| name.replace('-', "_")).collect::<BTreeSet<_>>(),
            commands,
            "the capability"
        );
    }

    #[test]
    fn the_window_calls_what_there_is() {
        let backend = concat!(env!("CARGO_MANIFEST_DIR"), "/../ui/src/lib/backend.ts");
        let backend = &std::fs::read_to_string(backend).unwrap();
        let called = named(backend, "ask(\"");
        let commands = listed(include_str!("../build.rs"), "COMMANDS: &[&str] = &[");
        assert_eq!(called, commands);
    }

    #[test]
    fn each_command_stands_once_in_the_table_of_what_the_page_may_ask_for() {
        let table = include_str!("../../.github/SECURITY.md")
            .split_once("| command, of the window `main` |")
            .unwrap()
            .1
            .split_once("\n\n")
            .unwrap()
            .0;
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
        let told: Vec<&str> = rows
            .flat_map(|row| row.split('|').next().unwrap().split('`').step_by(2))
            .filter(|name| !name.trim().is_empty())
            .collect();
        let names: BTreeSet<String> = told.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(names.len(), told.len(), "{told:?}");
        assert_eq!(
            names,
            listed(include_str!("../build.rs"), "COMMANDS: &[&str] = &[")
        );
    }

    #[test]
    fn both_packages_bring_polkit_the_questions_under_the_apps_own_name() {
        let config: serde_json::Value = serde_json::from_str(include_str!("../tauri.conf.json")).unwrap();
        let name = config["identifier"].as_str().unwrap();
        for action in Purpose::ALL.map(Purpose::action) {
            assert!(action.starts_with(&format!("{name}.")), "{action}");
        }
        for package in ["deb", "rpm"] {
            let files = &config["bundle"]["linux"][package]["files"];
            let policy = files[format!("/usr/share/polkit-1/actions/{name}.policy")].as_str();
            let policy = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(policy.unwrap());
            assert!(policy.is_file(), "{package}: {}", policy.display());
        }
    }

    #[test]
    fn the_window_can_reach_nothing_but_its_own_pages_and_commands() {
        let config: serde_json::Value = serde_json::from_str(include_str!("../tauri.conf.json")).unwrap();
        let security = &config["app"]["security"];
        let csp = security["csp"].as_str().unwrap();
        assert!(csp.starts_with("default-src 'none';") && !csp.contains("unsafe") && !csp.contains("https:"));
        assert_eq!(config["app"]["withGlobalTauri"], false);
        assert_eq!(security["freezePrototype"], true);
        assert_eq!(security["assetProtocol"]["enable"], false);
        let capability: serde_json::Value =
            serde_json::from_str(include_str!("../capabilities/main.json")).unwrap();
        assert_eq!(capability["windows"], serde_json::json!(["main"]));
        assert_eq!(
            (&capability["remote"], &capability["webviews"]),
            (&serde_json::Value::Null, &serde_json::Value::Null)
        );
    }
}
