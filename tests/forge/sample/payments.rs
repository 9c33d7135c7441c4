//! `acme/payments`: a table that is dropped although a view reads it, webhooks that are retried, and a payout job that
//! moved on after it was approved.

use anyhow::Result;
use jiff::SignedDuration;

use super::{VIEWER, change, commit, common, swap, viewer};
use crate::forge::git::Edit;
use crate::forge::world::{NewChange, World};

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

[[component]]
name = "payouts"
paths = ["services/payouts/**"]
tier = 1

[[component]]
name = "checkout"
paths = ["services/checkout/**"]
tier = 1

[[component]]
name = "reporting"
paths = ["services/reporting/**"]
tier = 2
"#;

const FIRST: &str = r"CREATE TABLE legacy_invoices (
    id          bigint PRIMARY KEY,
    customer_id bigint NOT NULL,
    issued_on   date NOT NULL,
    total_cents bigint NOT NULL,
    currency    char(3) NOT NULL,
    pdf         bytea
);

CREATE TABLE invoices (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id  bigint NOT NULL,
    issued_on    date NOT NULL,
    amount_cents bigint NOT NULL,
    currency     char(3) NOT NULL,
    region       text NOT NULL DEFAULT 'eu'
);

CREATE INDEX legacy_invoices_customer ON legacy_invoices (customer_id);
CREATE INDEX invoices_customer ON invoices (customer_id);
";

const VIEWS: &str = r"CREATE VIEW monthly_revenue AS
SELECT date_trunc('month', issued_on) AS month, currency, sum(amount_cents) AS cents
FROM invoices
GROUP BY 1, 2
UNION ALL
SELECT date_trunc('month', issued_on) AS month, currency, sum(total_cents) AS cents
FROM legacy_invoices
GROUP BY 1, 2;

CREATE VIEW customer_history AS
SELECT customer_id, id, issued_on, amount_cents AS cents FROM invoices
UNION ALL
SELECT customer_id, id, issued_on, total_cents AS cents FROM legacy_invoices;
";

const DROP: &str = r"-- The old invoices were copied in 2024; nothing reads them any more.
DROP VIEW IF EXISTS monthly_revenue CASCADE;
DROP VIEW IF EXISTS customer_history CASCADE;
DROP TABLE legacy_invoices CASCADE;

CREATE VIEW monthly_revenue AS
SELECT date_trunc('month', issued_on) AS month, currency, sum(amount_cents) AS cents
FROM invoices
GROUP BY 1, 2;

ALTER TABLE invoices ALTER COLUMN region DROP DEFAULT;
CREATE INDEX invoices_issued_on ON invoices (issued_on);
";

const QUERIES: &str = r#"import { sql } from "./database.js";

export interface Invoice {
  id: bigint;
  customerId: bigint;
  issuedOn: string;
  cents: bigint;
}

/** All invoices of a customer, the newest first. */
export async function history(customerId: bigint): Promise<Invoice[]> {
  return sql<Invoice[]>`
    SELECT id, customer_id AS "customerId", issued_on AS "issuedOn", cents
    FROM customer_history
    WHERE customer_id = ${customerId}
    ORDER BY issued_on DESC
  `;
}

/** One invoice of the old system, with its document. */
export async function legacyInvoice(id: bigint): Promise<Invoice & { pdf: Uint8Array }> {
  const [row] = await sql<(Invoice & { pdf: Uint8Array })[]>`
    SELECT id, customer_id AS "customerId", issued_on AS "issuedOn", total_cents AS cents, pdf
    FROM legacy_invoices
    WHERE id = ${id}
  `;
  if (!row) throw new Error(`no legacy invoice ${id}`);
  return row;
}
"#;

const DELIVER: &str = r#"import { signature } from "./signature.js";
import type { Endpoint, Event } from "./types.js";

const TIMEOUT_MS = 5_000;

/** Sends one event to one endpoint. */
export async function deliver(endpoint: Endpoint, event: Event): Promise<boolean> {
  const body = JSON.stringify(event);
  const response = await fetch(endpoint.url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "acme-signature": signature(endpoint.secret, body),
    },
    body,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  return response.ok;
}

/** Sends one event to all endpoints that asked for its kind. */
export async function broadcast(endpoints: Endpoint[], event: Event): Promise<void> {
  for (const endpoint of endpoints.filter((one) => one.kinds.includes(event.kind))) {
    if (!(await deliver(endpoint, event))) {
      console.warn("webhook failed", { endpoint: endpoint.id, event: event.id });
    }
  }
}
"#;

const RETRY: &str = r#"/** How often and how long apart a delivery is tried. */
export interface Schedule {
  attempts: number;
  firstDelayMs: number;
  factor: number;
  longestDelayMs: number;
}

export const CARD_EVENTS: Schedule = {
  attempts: 8,
  firstDelayMs: 1_000,
  factor: 2,
  longestDelayMs: 120_000,
};

/** The delay before an attempt, counted from 0; jitter keeps endpoints from being hit all at once. */
export function delay(schedule: Schedule, attempt: number, random: () => number): number {
  const full = Math.min(schedule.firstDelayMs * schedule.factor ** attempt, schedule.longestDelayMs);
  return Math.round(full / 2 + (full / 2) * random());
}

/** Runs `work` until it succeeds or the schedule ends. */
export async function retry(
  schedule: Schedule,
  work: (attempt: number) => Promise<boolean>,
  sleep: (ms: number) => Promise<void>,
  random: () => number = Math.random,
): Promise<boolean> {
  for (let attempt = 0; attempt < schedule.attempts; attempt += 1) {
    try {
      if (await work(attempt)) return true;
    } catch {
      // The next attempt may go through.
    }
    await sleep(delay(schedule, attempt, random));
  }
  return false;
}
"#;

const RETRY_TEST: &str = r#"import { describe, expect, it } from "vitest";
import { CARD_EVENTS, delay, retry } from "./retry.js";

describe("delay", () => {
  it("doubles up to the longest", () => {
    const none = () => 1;
    expect([0, 1, 2, 20].map((attempt) => delay(CARD_EVENTS, attempt, none))).toEqual([1_000, 2_000, 4_000, 120_000]);
  });
});

describe("retry", () => {
  it("stops at the first success", async () => {
    let calls = 0;
    const done = await retry(CARD_EVENTS, async () => ++calls === 3, async () => {});
    expect([done, calls]).toEqual([true, 3]);
  });

  it.skip("gives up after the last attempt", async () => {
    expect(await retry(CARD_EVENTS, async () => false, async () => {})).toBe(false);
  });
});
"#;

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
        Edit::write("migrations/0001_invoices.sql", FIRST),
        Edit::write("migrations/0002_views.sql", VIEWS),
        Edit::write("services/ledger/package.json", &package("ledger", &[])),
        Edit::write("services/ledger/src/invoices.ts", QUERIES),
        Edit::write(
            "services/checkout/package.json",
            &package("checkout", &["ledger", "webhooks"]),
        ),
        Edit::write("services/payouts/package.json", &package("payouts", &["ledger"])),
        Edit::write("services/payouts/src/run.ts", PAYOUT),
        Edit::write(
            "services/reporting/package.json",
            &package("reporting", &["ledger"]),
        ),
        Edit::write("services/webhooks/package.json", &package("webhooks", &[])),
        Edit::write("services/webhooks/src/deliver.ts", DELIVER),
    ]);
    world.repo(
        REPO,
        880_100_202,
        true,
        &["priya-n", "tomas-r", "noor-k", "sol-v"],
        &files,
    )?;
    world.open(dropped()?)?;
    for name in ["build", "test", "migrate (scratch)"] {
        world.check(REPO, 4217, name, Some("success"))?;
    }
    world.open(retried()?)?;
    world.check(REPO, 4220, "build", Some("success"))?;
    world.check(REPO, 4220, "test", None)?;
    came_back(world)
}

fn dropped() -> Result<NewChange> {
    let claude = "🤖 Generated with [Claude Code](https://claude.com/claude-code)\n\nCo-Authored-By: Claude <noreply@anthropic.com>";
    let mut new = change(
        REPO,
        4217,
        "Drop legacy_invoices and its views",
        "tomas-r",
        "drop-legacy-invoices",
        64,
    );
    new.body = "## Summary\n- drops `legacy_invoices`, which nothing reads any more\n- makes `monthly_revenue` anew without it\n\n\
                ## Test plan\n- [x] migrations run on a scratch database\n\n🤖 Generated with [Claude Code](https://claude.com/claude-code)\n"
        .to_owned();
    new.labels = vec!["database".into()];
    new.asked = viewer();
    let start = QUERIES
        .find("/** One invoice of the old system")
        .unwrap_or(QUERIES.len());
    let queries = swap(
        QUERIES[..start].trim_end(),
        &[(
            "issued_on AS \"issuedOn\", cents\n    FROM customer_history",
            "issued_on AS \"issuedOn\", amount_cents AS cents\n    FROM invoices",
        )],
    )? + "\n";
    new.commits = vec![
        commit(
            &format!("Drop the legacy invoices\n\nThey were copied to invoices in 2024.\n\n{claude}"),
            "tomas-r",
            92,
            vec![Edit::write("migrations/0003_drop_legacy_invoices.sql", DROP)],
        ),
        commit(
            &format!("Read the history from invoices alone\n\n{claude}"),
            "tomas-r",
            71,
            vec![Edit::write("services/ledger/src/invoices.ts", &queries)],
        ),
    ];
    Ok(new)
}

fn retried() -> Result<NewChange> {
    let copilot = "Co-authored-by: Copilot <223556219+Copilot@users.noreply.github.com>";
    let mut new = change(
        REPO,
        4220,
        "Retry card webhooks with backoff",
        "noor-k",
        "webhook-retries",
        128,
    );
    new.body = "Merchants miss card events when their endpoint restarts. Deliveries are now tried eight times over four \
                minutes.\n\nFixes #4102\n"
        .to_owned();
    new.asked = viewer();
    let deliver = swap(
        DELIVER,
        &[
            (
                "import type { Endpoint",
                "import { CARD_EVENTS, retry } from \"./retry.js\";\nimport type { Endpoint",
            ),
            (
                "const TIMEOUT_MS = 5_000;",
                "const TIMEOUT_MS = 15_000;\n\nconst sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));",
            ),
            (
                "    if (!(await deliver(endpoint, event))) {",
                "    const done = event.kind.startsWith(\"card.\")\n      ? await retry(CARD_EVENTS, () => deliver(endpoint, event), sleep)\n      : await deliver(endpoint, event);\n    if (!done) {",
            ),
        ],
    )?;
    new.commits = vec![
        commit(
            &format!("Add a retry schedule\n\n{copilot}"),
            "noor-k",
            190,
            vec![Edit::write("services/webhooks/src/retry.ts", RETRY)],
        ),
        commit(
            &format!("Retry card events\n\n{copilot}"),
            "noor-k",
            160,
            vec![Edit::write("services/webhooks/src/deliver.ts", &deliver)],
        ),
        commit(
            "Test the schedule",
            "noor-k",
            131,
            vec![Edit::write("services/webhooks/src/retry.test.ts", RETRY_TEST)],
        ),
    ];
    Ok(new)
}

/// Approved at one head, and pushed to afterwards.
fn came_back(world: &mut World) -> Result<()> {
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
