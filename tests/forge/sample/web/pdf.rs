//! A package that nobody has heard of, and a script of it that runs at every install.

use anyhow::Result;

use super::REPO;
use crate::forge::git::Edit;
use crate::forge::sample::{change, commit, swap, team};
use crate::forge::world::{NewChange, World};

const JULES: &str = "google-labs-jules[bot]";

const PACKAGE: &str = r#"{
  "name": "@acme/receipts",
  "version": "1.0.0",
  "private": true,
  "type": "module",
  "scripts": {
    "build": "vite build",
    "test": "vitest run"
  },
  "dependencies": {
    "@acme/design-system": "workspace:*",
    "react": "^19.1.0",
    "react-dom": "^19.1.0"
  },
  "devDependencies": {
    "@testing-library/react": "^16.3.0",
    "typescript": "^5.9.2",
    "vite": "^7.1.0",
    "vitest": "^3.2.4"
  }
}
"#;

const PDF: &str = r#"import { renderReceipt } from "receipt-pdf-tools";
import { orderDate } from "./dates";
import type { Order } from "./types";

const PAGE = { size: "A4", margin: 42, font: "Inter" } as const;

/** The receipt as a document to keep. */
export async function receiptPdf(order: Order): Promise<Blob> {
  const bytes = await renderReceipt({
    ...PAGE,
    title: `Receipt of ${orderDate(order)}`,
    customer: order.customer.name,
    lines: order.lines.map((line) => ({
      title: line.title,
      count: line.count,
      amount: (line.cents / 100).toFixed(2),
    })),
    currency: order.currency,
  });
  return new Blob([bytes], { type: "application/pdf" });
}
"#;

const BUTTON: &str = r#"import { useState } from "react";
import { receiptPdf } from "./pdf";
import type { Order } from "./types";

/** Saves the receipt as a PDF. */
export function DownloadReceipt({ order }: { order: Order }) {
  const [busy, setBusy] = useState(false);
  async function save() {
    setBusy(true);
    try {
      const address = URL.createObjectURL(await receiptPdf(order));
      const link = Object.assign(document.createElement("a"), {
        href: address,
        download: `receipt-${order.id}.pdf`,
      });
      link.click();
      URL.revokeObjectURL(address);
    } finally {
      setBusy(false);
    }
  }
  return (
    <button type="button" disabled={busy} onClick={() => void save()}>
      Save as PDF
    </button>
  );
}
"#;

/// What is there before.
pub(super) fn files() -> Vec<Edit> {
    vec![Edit::write("apps/receipts/package.json", PACKAGE)]
}

/// Opens the change.
pub(super) fn open(world: &mut World) -> Result<()> {
    world.open(saved()?)?;
    world.check(REPO, 1884, "test", Some("success"))?;
    world.check(REPO, 1884, "bundle size", Some("success"))
}

fn saved() -> Result<NewChange> {
    let mut new = change(
        REPO,
        1884,
        "Save receipts as PDF",
        JULES,
        "receipts-as-pdf-6148536093871741536",
        548,
    );
    new.body = "Customers can save a receipt as a PDF. The layout follows the printed one; the fonts are fetched once, when \
                the package is installed.\n"
        .to_owned();
    new.labels = vec!["receipts".into()];
    new.assignees = vec!["lena-w".into()];
    new.asked = team("web-owners");
    let package = swap(
        PACKAGE,
        &[
            (
                "    \"react-dom\": \"^19.1.0\"\n",
                "    \"react-dom\": \"^19.1.0\",\n    \"receipt-pdf-tools\": \"^0.4.2\"\n",
            ),
            (
                "    \"build\": \"vite build\",\n",
                "    \"postinstall\": \"receipt-pdf-tools fetch-fonts --all\",\n    \"build\": \"vite build\",\n",
            ),
        ],
    )?;
    new.commits = vec![
        commit(
            "Add a renderer for PDF receipts",
            JULES,
            571,
            vec![
                Edit::write("apps/receipts/package.json", &package),
                Edit::write("apps/receipts/src/pdf.ts", PDF),
            ],
        ),
        commit(
            "Add the button",
            JULES,
            554,
            vec![Edit::write("apps/receipts/src/DownloadReceipt.tsx", BUTTON)],
        ),
    ];
    Ok(new)
}
