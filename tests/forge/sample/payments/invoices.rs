//! A table that is dropped although a view reads it.

use anyhow::Result;

use super::REPO;
use crate::forge::git::Edit;
use crate::forge::sample::{change, commit, swap, viewer};
use crate::forge::world::{NewChange, World};

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

/// What is there before.
pub(super) fn files() -> Vec<Edit> {
    vec![
        Edit::write("migrations/0001_invoices.sql", FIRST),
        Edit::write("migrations/0002_views.sql", VIEWS),
        Edit::write("services/ledger/src/invoices.ts", QUERIES),
    ]
}

/// Opens the change.
pub(super) fn open(world: &mut World) -> Result<()> {
    world.open(dropped()?)?;
    for name in ["build", "test", "migrate (scratch)"] {
        world.check(REPO, 4217, name, Some("success"))?;
    }
    Ok(())
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
