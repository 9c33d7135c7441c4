//! The Debian packages that a build, the tests and the demo stand on.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::run::Job;
use crate::say;

/// A set of packages, by what needs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Set {
    /// To compile and start the app.
    Build,
    /// To run it on a display, bus and keychain of its own, and to see and move what happens there.
    Desk,
    /// A browser for the UI's own tests.
    Browser,
    /// To draw the icons.
    Icons,
}

impl Set {
    fn packages(self) -> &'static [&'static str] {
        match self {
            // libayatana-appindicator3-1 is opened by name at run time, so nothing else brings it.
            Self::Build => &[
                "build-essential",
                "ca-certificates",
                "libayatana-appindicator3-1",
                "libayatana-appindicator3-dev",
                "librsvg2-dev",
                "libssl-dev",
                "libwebkit2gtk-4.1-dev",
                "pkg-config",
            ],
            Self::Desk => &[
                "dbus",
                "dbus-x11",
                "file",
                "fonts-dejavu-core",
                "gh",
                "gnome-keyring",
                "imagemagick",
                "jq",
                "libnotify-bin",
                "libsecret-tools",
                "openbox",
                "openssh-client",
                "psmisc",
                "webkit2gtk-driver",
                "x11-utils",
                "xauth",
                "xdotool",
                "xfce4-notifyd",
                "xfce4-panel",
                "xvfb",
            ],
            Self::Browser => &["chromium"],
            Self::Icons => &["librsvg2-bin"],
        }
    }
}

/// Whether work can go on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ready {
    /// All is there.
    Yes,
    /// Packages are missing and nothing was to be installed; their names were printed.
    Missing,
}

/// Sees to it that the packages of `sets` are installed.
pub(crate) fn install(sets: &[Set], no_install: bool) -> Result<Ready> {
    let wanted: Vec<&str> = sets.iter().flat_map(|set| set.packages()).copied().collect();
    let Ok(listed) = Job::new("dpkg-query", &["-W", "-f", "${db:Status-Status} ${Package}\n"])
        .silent()
        .run()
    else {
        say::line(&format!(
            "This is no Debian system; what is needed there is called: {}",
            wanted.join(" ")
        ));
        return Ok(Ready::Yes);
    };
    let missing = missing(&wanted, &listed.out);
    if missing.is_empty() {
        return Ok(Ready::Yes);
    }
    let root = Job::new("id", &["-u"]).silent().run()?.out.trim() == "0";
    let sudo = if root { "" } else { "sudo " };
    let line = format!(
        "{sudo}apt-get install --no-install-recommends --yes {}",
        missing.join(" ")
    );
    say::heading(&format!("System packages: {} missing", missing.len()));
    say::line(&line);
    if no_install {
        say::line("Nothing was installed (--no-install). Run the line above, then this command again.");
        return Ok(Ready::Missing);
    }
    apt(root, &["update", "-q"]).context("the package lists could not be read; is there a network?")?;
    let mut words = vec!["install", "-q", "--no-install-recommends", "--yes"];
    words.extend(&missing);
    apt(root, &words).with_context(|| format!("install these by hand, then run this again: {line}"))?;
    Ok(Ready::Yes)
}

fn apt(root: bool, words: &[&str]) -> Result<()> {
    // Through `env`, because sudo drops the environment; without it a package may stop to ask a question.
    let line: Vec<&str> = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
        .iter()
        .chain(words)
        .copied()
        .collect();
    let ok = if root {
        Job::new(line[0], &line[1..])
            .limit(Duration::from_secs(30 * 60))
            .run()?
            .ok
    } else {
        Job::new("sudo", &line).in_front()?
    };
    if !ok {
        bail!("apt-get {} failed", words[0]);
    }
    Ok(())
}

/// Those of `wanted` that `dpkg-query` does not list as installed.
fn missing<'a>(wanted: &[&'a str], listed: &str) -> Vec<&'a str> {
    let installed: HashSet<&str> = listed
        .lines()
        .filter_map(|line| line.strip_prefix("installed "))
        .collect();
    wanted
        .iter()
        .filter(|name| !installed.contains(**name))
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_installed_counts() {
        let listed = "installed xvfb\nconfig-files jq\nnot-installed gh\ninstalled dbus\n";
        assert_eq!(
            missing(&["xvfb", "jq", "gh", "openbox", "dbus"], listed),
            ["jq", "gh", "openbox"]
        );
    }
}
