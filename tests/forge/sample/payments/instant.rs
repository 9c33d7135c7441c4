//! A tidy-up of switches that gives the new payouts to everybody at once.

use anyhow::Result;

use super::REPO;
use crate::forge::git::Edit;
use crate::forge::sample::{change, commit, swap, viewer};
use crate::forge::world::{NewChange, World};

const FLAGS: &str = r"# Which merchants get what. Read by every service at start and once a minute.
flags:
  instant_payouts:
    description: Pays out within a minute instead of once a day.
    owner: payouts
    enabled_by_default: false
    rollout_percentage: 5
    regions: [eu]
    stop_when: bank_errors > 0.5%

  retry_webhooks:
    description: Tries a webhook again that a merchant's endpoint did not take.
    owner: webhooks
    enabled_by_default: true

  new_statement_pdf:
    description: Statements with the new layout.
    owner: reporting
    enabled_by_default: true

  checkout_saved_cards:
    description: Offers the cards that a customer has saved.
    owner: checkout
    enabled_by_default: true
";

const READER: &str = r#"import { readFile } from "node:fs/promises";
import { parse } from "yaml";

export interface Flag {
  owner: string;
  enabled_by_default: boolean;
  rollout_percentage?: number;
  regions?: string[];
}

/** All flags, as they stand in the file now. */
export async function flags(path = "config/flags.yaml"): Promise<Map<string, Flag>> {
  const { flags } = parse(await readFile(path, "utf8")) as { flags: Record<string, Flag> };
  return new Map(Object.entries(flags));
}

/** Whether a merchant has a flag; the same merchant always gets the same answer. */
export function has(flag: Flag, merchant: { bucket: number; region: string }): boolean {
  if (flag.regions && !flag.regions.includes(merchant.region)) return false;
  if (flag.rollout_percentage !== undefined) return merchant.bucket < flag.rollout_percentage;
  return flag.enabled_by_default;
}
"#;

/// What is there before.
pub(super) fn files() -> Vec<Edit> {
    vec![
        Edit::write("config/flags.yaml", FLAGS),
        Edit::write("services/checkout/src/flags.ts", READER),
    ]
}

/// Opens the change.
pub(super) fn open(world: &mut World) -> Result<()> {
    world.open(tidied()?)?;
    world.check(REPO, 4206, "build", Some("success"))?;
    world.check(REPO, 4206, "test", Some("success"))
}

fn tidied() -> Result<NewChange> {
    let cursor = "Co-authored-by: Cursor <cursoragent@cursor.com>";
    let mut new = change(REPO, 4206, "Tidy the feature flags", "ade-o", "tidy-flags", 702);
    new.body = "Removes the flags that are on for everyone, and writes the rest in one way: every flag says its default, and \
                nothing else where that is enough.\n"
        .to_owned();
    new.asked = viewer();
    let start = FLAGS.find("  new_statement_pdf:").unwrap_or(FLAGS.len());
    let end = FLAGS.find("  checkout_saved_cards:").unwrap_or(FLAGS.len());
    let without = format!("{}{}", &FLAGS[..start], &FLAGS[end..]);
    let written = swap(
        &without,
        &[(
            "    enabled_by_default: false\n    rollout_percentage: 5\n    regions: [eu]\n    stop_when: bank_errors > 0.5%\n",
            "    enabled_by_default: true\n",
        )],
    )?;
    new.commits = vec![
        commit(
            &format!("Remove the flag of the new statements\n\n{cursor}"),
            "ade-o",
            760,
            vec![Edit::write("config/flags.yaml", &without)],
        ),
        commit(
            &format!("Write all flags in one way\n\n{cursor}"),
            "ade-o",
            715,
            vec![Edit::write("config/flags.yaml", &written)],
        ),
    ];
    Ok(new)
}
