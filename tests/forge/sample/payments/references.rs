//! An index and a bound that lock the largest table while they are made.

use anyhow::Result;

use super::REPO;
use crate::forge::git::Edit;
use crate::forge::sample::{change, commit, viewer};
use crate::forge::world::{NewChange, World};

const MIGRATION: &str = r"-- A reference that people can read out: region, year, number.
ALTER TABLE invoices ADD COLUMN reference text;

UPDATE invoices
   SET reference = upper(region) || '-' || to_char(issued_on, 'YYYY') || '-' || lpad(id::text, 9, '0')
 WHERE reference IS NULL;

ALTER TABLE invoices ALTER COLUMN reference SET NOT NULL;

CREATE UNIQUE INDEX invoices_reference ON invoices (reference);
CREATE INDEX invoices_customer_issued_on ON invoices (customer_id, issued_on DESC);

COMMENT ON COLUMN invoices.reference IS 'Shown to customers, e.g. EU-2026-000004821';
";

const LOOKUP: &str = r#"import { sql } from "./database.js";
import type { Invoice } from "./invoices.js";

/** Region, year and number, as customers read it out. */
const REFERENCE = /^(?<region>[A-Z]{2})-(?<year>\d{4})-(?<number>\d{9})$/;

/** A reference as it is stored; `undefined` where the text is none. */
export function normalised(text: string): string | undefined {
  const squeezed = text.trim().toUpperCase().replaceAll(/[\s/]+/g, "-");
  return REFERENCE.test(squeezed) ? squeezed : undefined;
}

/** The invoice with this reference, if there is one. */
export async function byReference(text: string): Promise<Invoice | undefined> {
  const reference = normalised(text);
  if (reference === undefined) return undefined;
  const [row] = await sql<Invoice[]>`
    SELECT id, customer_id AS "customerId", issued_on AS "issuedOn", amount_cents AS cents
    FROM invoices
    WHERE reference = ${reference}
  `;
  return row;
}
"#;

const LOOKUP_TEST: &str = r#"import { describe, expect, it } from "vitest";
import { normalised } from "./references.js";

describe("normalised", () => {
  it("takes what people type", () => {
    for (const text of ["EU-2026-000004821", " eu 2026 000004821 ", "eu/2026/000004821"]) {
      expect(normalised(text)).toBe("EU-2026-000004821");
    }
  });

  it("refuses what is no reference", () => {
    for (const text of ["", "4821", "EU-26-4821"]) {
      expect(normalised(text)).toBeUndefined();
    }
  });
});
"#;

/// Opens the change.
pub(super) fn open(world: &mut World) -> Result<()> {
    world.open(references())?;
    for name in ["build", "test", "migrate (scratch)"] {
        world.check(REPO, 4209, name, Some("success"))?;
    }
    Ok(())
}

fn references() -> NewChange {
    let claude = "🤖 Generated with [Claude Code](https://claude.com/claude-code)\n\nCo-Authored-By: Claude <noreply@anthropic.com>";
    let mut new = change(
        REPO,
        4209,
        "Look up invoices by their reference",
        "tomas-r",
        "invoice-references",
        378,
    );
    new.body = "## Summary\n- every invoice gets a reference that people can read out\n- support finds an invoice by it\n\n\
                ## Test plan\n- [x] migrations run on a scratch database\n- [x] unit tests of the lookup\n"
        .to_owned();
    new.labels = vec!["database".into()];
    new.asked = viewer();
    new.commits = vec![
        commit(
            &format!("Give every invoice a reference\n\n{claude}"),
            "tomas-r",
            430,
            vec![Edit::write("migrations/0004_invoice_reference.sql", MIGRATION)],
        ),
        commit(
            &format!("Look up invoices by their reference\n\n{claude}"),
            "tomas-r",
            391,
            vec![
                Edit::write("services/ledger/src/references.ts", LOOKUP),
                Edit::write("services/ledger/src/references.test.ts", LOOKUP_TEST),
            ],
        ),
    ];
    new
}
