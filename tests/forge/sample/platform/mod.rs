//! `acme/platform`: what runs in the cluster.
//!
//! | change | what a reviewer must not miss |
//! |---|---|
//! | `logs` | a collector that holds every machine it runs on |
//! | `checkout` | a checkout that is left with too little to bear the morning |

mod checkout;
mod logs;

use anyhow::Result;

use super::common;
use crate::forge::git::Edit;
use crate::forge::world::World;

const REPO: &str = "acme/platform";

const COMPONENTS: &str = r#"
[[component]]
name = "checkout"
paths = ["deploy/checkout/**"]
tier = 1

[[component]]
name = "log-collector"
paths = ["deploy/log-collector/**"]
tier = 2

[[component]]
name = "incident-search"
paths = ["deploy/incident-search/**"]
tier = 3
depends_on = ["log-collector"]
"#;

/// The repository and its changes.
pub(super) fn add(world: &mut World) -> Result<()> {
    let mut files = common(COMPONENTS, "* @acme/platform\n");
    files.push(Edit::write(
        "README.md",
        "# Platform\n\nOne folder a workload under `deploy/`, applied by the cluster itself once it is on `main`.\n",
    ));
    files.extend(logs::files());
    files.extend(checkout::files());
    let people = ["priya-n", "mika", "sol-v", "jun-p", "copilot-swe-agent[bot]"];
    world.repo(REPO, 880_100_204, true, &people, &files)?;
    logs::open(world)?;
    checkout::open(world)
}
