//! A payout job that moved on after it was approved.

use anyhow::Result;
use jiff::SignedDuration;

use super::REPO;
use crate::forge::git::Edit;
use crate::forge::sample::{VIEWER, change, commit, swap, viewer};
use crate::forge::world::World;

const PAYOUT: &str = r#"import { ledger } from "@acme/ledger";
import { bank } from "./bank.js";

/** Pays out all merchants whose balance is due. */
export async function run(today: string): Promise<number> {
  const due = await ledger.due(today);
  let paid = 0;
  for (const account of due) {
    await ledger.transaction(async (entry) => {
      await entry.debit(account.id, account.cents, `payout ${today}`);
      await bank.transfer(account.iban, account.cents, entry.id);
    });
    paid += 1;
  }
  return paid;
}
"#;

const PAYOUT_SPLIT: &str = r#"import { ledger } from "@acme/ledger";
import { bank } from "./bank.js";
import { type Region, regions } from "./regions.js";

/** Pays out all merchants of all regions whose balance is due. */
export async function run(today: string): Promise<number> {
  const counts = await Promise.all(regions.map((region) => runRegion(region, today)));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Pays out the merchants of one region. */
export async function runRegion(region: Region, today: string): Promise<number> {
  const due = await ledger.due(today, region.code);
  let paid = 0;
  for (const account of due) {
    await ledger.transaction(async (entry) => {
      await entry.debit(account.id, account.cents, `payout ${today}`);
      await bank.transfer(account.iban, account.cents, entry.id);
    });
    paid += 1;
  }
  return paid;
}
"#;

const REGIONS: &str = r#"/** Where a merchant's bank is. */
export interface Region {
  code: string;
  cutOff: string;
}

export const regions: Region[] = [
  { code: "eu", cutOff: "15:00+01:00" },
  { code: "uk", cutOff: "15:30+00:00" },
  { code: "us", cutOff: "16:00-05:00" },
];
"#;

/// What is there before.
pub(super) fn files() -> Vec<Edit> {
    vec![Edit::write("services/payouts/src/run.ts", PAYOUT)]
}

/// Approved at one head, and pushed to afterwards.
pub(super) fn open(world: &mut World) -> Result<()> {
    let claude = "Co-Authored-By: Claude <noreply@anthropic.com>";
    let mut new = change(
        REPO,
        4198,
        "Split the payout job by region",
        "noor-k",
        "payouts-by-region",
        2_900,
    );
    new.body = "One job a region, so that a slow bank in one does not hold up the others.\n".to_owned();
    new.asked = viewer();
    new.commits = vec![commit(
        &format!("Split the payout job by region\n\n{claude}"),
        "noor-k",
        2_950,
        vec![
            Edit::write("services/payouts/src/regions.ts", REGIONS),
            Edit::write("services/payouts/src/run.ts", PAYOUT_SPLIT),
        ],
    )];
    world.open(new)?;
    world.review(
        REPO,
        4198,
        VIEWER,
        "APPROVED",
        "Reads well. Thanks for the test run.",
        SignedDuration::from_hours(26),
    )?;
    let parallel = swap(
        PAYOUT_SPLIT,
        &[
            (
                "  for (const account of due) {\n    await ledger",
                "  await Promise.all(due.map(async (account) => {\n    await ledger",
            ),
            ("    paid += 1;\n  }\n", "    paid += 1;\n  }));\n"),
        ],
    )?;
    let regions = swap(
        REGIONS,
        &[(
            "  { code: \"us\", cutOff: \"16:00-05:00\" },\n",
            "  { code: \"us\", cutOff: \"16:00-05:00\" },\n  { code: \"in\", cutOff: \"17:30+05:30\" },\n",
        )],
    )?;
    let later = [
        commit(
            &format!("Pay out the accounts of a region at once\n\n{claude}"),
            "noor-k",
            14,
            vec![Edit::write("services/payouts/src/run.ts", &parallel)],
        ),
        commit(
            "Add India",
            "noor-k",
            12,
            vec![Edit::write("services/payouts/src/regions.ts", &regions)],
        ),
    ];
    world.push(REPO, 4198, "noor-k", &later)?;
    world.check(REPO, 4198, "build", Some("success"))?;
    world.check(REPO, 4198, "test", Some("failure"))
}
