//! `acme/payments`: the services that move money, and the history of their database.
//!
//! | change | what a reviewer must not miss |
//! |---|---|
//! | `invoices` | a table that is dropped although a view reads it |
//! | `webhooks` | retries, with the one test switched off that shows their end |
//! | `payouts` | a payout job that moved on after it was approved |
//! | `references` | an index and a bound that lock a large table |
//! | `bank` | a client that no longer checks that it talks to the bank |
//! | `instant` | a switch that gives everybody the new payouts at once |

mod bank;
mod instant;
mod invoices;
mod payouts;
mod references;
mod webhooks;

use anyhow::Result;

use super::common;
use crate::forge::git::Edit;
use crate::forge::world::World;

const REPO: &str = "acme/payments";

const COMPONENTS: &str = r#"
[[component]]
name = "ledger"
paths = ["services/ledger/**", "migrations/**"]
tier = 1

[[component]]
name = "webhooks"
paths = ["services/webhooks/**"]
tier = 1
depends_on = ["feature-flags"]

[[component]]
name = "payouts"
paths = ["services/payouts/**"]
tier = 1
depends_on = ["feature-flags"]

[[component]]
name = "checkout"
paths = ["services/checkout/**"]
tier = 1
depends_on = ["feature-flags"]

[[component]]
name = "reporting"
paths = ["services/reporting/**"]
tier = 2

[[component]]
name = "feature-flags"
paths = ["config/**"]
tier = 1
"#;

fn package(name: &str, depends_on: &[&str]) -> String {
    let list: Vec<String> = depends_on
        .iter()
        .map(|one| format!("    \"@acme/{one}\": \"workspace:*\""))
        .collect();
    let dependencies = if list.is_empty() {
        "{}".to_owned()
    } else {
        format!("{{\n{}\n  }}", list.join(",\n"))
    };
    format!(
        "{{\n  \"name\": \"@acme/{name}\",\n  \"version\": \"1.0.0\",\n  \"private\": true,\n  \"type\": \"module\",\n  \"dependencies\": {dependencies}\n}}\n"
    )
}

/// The repository and its changes.
pub(super) fn add(world: &mut World) -> Result<()> {
    let mut files = common(COMPONENTS, "* @acme/platform\n");
    let root =
        "{\n  \"name\": \"acme-payments\",\n  \"private\": true,\n  \"workspaces\": [\"services/*\"]\n}\n";
    files.extend([
        Edit::write(
            "README.md",
            "# Payments\n\nServices under `services/`, the database's history under `migrations/`.\n",
        ),
        Edit::write("package.json", root),
    ]);
    for (name, depends_on) in [
        ("ledger", &[][..]),
        ("checkout", &["ledger", "webhooks"]),
        ("payouts", &["ledger"]),
        ("reporting", &["ledger"]),
        ("webhooks", &[]),
    ] {
        let path = format!("services/{name}/package.json");
        files.push(Edit::write(&path, &package(name, depends_on)));
    }
    files.extend(invoices::files());
    files.extend(webhooks::files());
    files.extend(payouts::files());
    files.extend(bank::files());
    files.extend(instant::files());
    let people = ["priya-n", "mika", "tomas-r", "noor-k", "sol-v", "ade-o"];
    world.repo(REPO, 880_100_202, true, &people, &files)?;
    invoices::open(world)?;
    webhooks::open(world)?;
    payouts::open(world)?;
    references::open(world)?;
    bank::open(world)?;
    instant::open(world)
}
