//! `acme/web`: labels with only a weak mark of AI, a workflow that gains every permission by an applied suggestion, and
//! a change of which nobody said anything.

use anyhow::Result;

use super::{change, commit, common, swap, team, viewer};
use crate::forge::git::Edit;
use crate::forge::world::{NewChange, World};

const REPO: &str = "acme/web";

const COMPONENTS: &str = r#"
[[component]]
name = "checkout-form"
paths = ["apps/checkout/**"]
tier = 1
depends_on = ["design-system"]

[[component]]
name = "receipts"
paths = ["apps/receipts/**"]
tier = 2
depends_on = ["design-system"]

[[component]]
name = "design-system"
paths = ["packages/design-system/**"]
tier = 2
"#;

const FORM: &str = r##"import { Field, Submit } from "@acme/design-system";

export interface Props {
  busy: boolean;
  onSubmit: (form: FormData) => void;
}

/** The card form of the checkout. */
export function CheckoutForm({ busy, onSubmit }: Props) {
  return (
    <form action={onSubmit} aria-labelledby="checkout-title">
      <h1 id="checkout-title">Pay</h1>
      <Field name="email" label="E-Mail" type="email" autoComplete="email" required />
      <Field name="name" label="Name on card" autoComplete="cc-name" required />
      <Field name="number" label="Card No." inputMode="numeric" autoComplete="cc-number" required />
      <Field name="expiry" label="Exp." placeholder="MM/YY" autoComplete="cc-exp" required />
      <Field name="cvc" label="CVC" inputMode="numeric" autoComplete="cc-csc" required />
      <Field name="postcode" label="Zip" autoComplete="postal-code" />
      <Submit busy={busy}>Pay now</Submit>
    </form>
  );
}
"##;

const FORM_TEST: &str = r#"import { render, screen } from "@testing-library/react";
import { expect, it } from "vitest";
import { CheckoutForm } from "./CheckoutForm";

it("names every field", () => {
  render(<CheckoutForm busy={false} onSubmit={() => {}} />);
  for (const label of ["E-Mail", "Name on card", "Card No.", "Exp.", "CVC", "Zip"]) {
    expect(screen.getByLabelText(label)).toBeTruthy();
  }
});
"#;

const RECEIPT: &str = r#"import { Money } from "@acme/design-system";
import type { Order } from "./types";

/** One receipt, as it is shown and printed. */
export function Receipt({ order }: { order: Order }) {
  return (
    <article>
      <h1>Receipt</h1>
      <p>{order.customer.name}</p>
      <table>
        <tbody>
          {order.lines.map((line) => (
            <tr key={line.sku}>
              <td>{line.title}</td>
              <td>{line.count}</td>
              <td>
                <Money cents={line.cents} currency={order.currency} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </article>
  );
}
"#;

const ORDER_NUMBER: &str = r#"/** An order's number in groups of four, easier to read out on the phone. */
export function orderNumber(id: string): string {
  const digits = id.replace(/\D/g, "").padStart(12, "0");
  return digits.replace(/(\d{4})(?=\d)/g, "$1 ");
}
"#;

const ORDER_NUMBER_TEST: &str = r#"import { expect, it } from "vitest";
import { orderNumber } from "./orderNumber";

it("groups by four", () => {
  expect(orderNumber("ord_4821")).toBe("0000 0000 4821");
});

it("keeps long numbers whole", () => {
  expect(orderNumber("1234567890123")).toBe("1234 5678 9012 3");
});
"#;

const WORKFLOW: &str = r"name: release

on:
  push:
    tags: ['v*']

permissions:
  contents: read

jobs:
  publish:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683
      - uses: actions/setup-node@49933ea5288caeca8642d1e84afbd3f7d6820020
        with:
          node-version: 22
          cache: npm
      - run: npm ci
      - run: npm test
      - run: npm publish --workspaces
        env:
          NODE_AUTH_TOKEN: ${{ secrets.GITHUB_TOKEN }}
";

/// The repository and its changes.
pub(super) fn add(world: &mut World) -> Result<()> {
    let mut files = common(COMPONENTS, "/apps/ @acme/web-owners\n/.github/ @acme/platform\n");
    let root = "{\n  \"name\": \"acme-web\",\n  \"private\": true,\n  \"workspaces\": [\"apps/*\", \"packages/*\"]\n}\n";
    files.extend([
        Edit::write(
            "README.md",
            "# Web\n\nApplications under `apps/`, what they share under `packages/`.\n",
        ),
        Edit::write("package.json", root),
        Edit::write(".github/workflows/release.yml", WORKFLOW),
        Edit::write("apps/checkout/src/CheckoutForm.tsx", FORM),
        Edit::write("apps/checkout/src/CheckoutForm.test.tsx", FORM_TEST),
        Edit::write("apps/receipts/src/Receipt.tsx", RECEIPT),
    ]);
    world.repo(
        REPO,
        880_100_203,
        false,
        &["priya-n", "lena-w", "ade-o", "jun-p", "sol-v"],
        &files,
    )?;
    world.open(labels()?)?;
    world.check(REPO, 1893, "test", Some("success"))?;
    world.open(workflow()?)?;
    world.check(REPO, 1890, "actionlint", Some("success"))?;
    world.open(receipts()?)?;
    world.check(REPO, 1888, "test", Some("success"))?;
    Ok(())
}

fn labels() -> Result<NewChange> {
    let mut new = change(
        REPO,
        1893,
        "Tidy the checkout form labels",
        "lena-w",
        "checkout-labels",
        186,
    );
    new.body = "Says every label in full. Wording drafted with Cursor, checked with support.\n".to_owned();
    new.labels = vec!["copy".into()];
    new.asked = viewer();
    let pairs = [
        ("E-Mail", "Email address"),
        ("Card No.", "Card number"),
        ("Exp.", "Expiry date"),
        ("Zip", "Postcode"),
    ];
    let form = swap(FORM, &pairs)?;
    let hint = "label=\"CVC\" hint=\"The three digits on the back\"";
    let form_with_hint = swap(&form, &[("label=\"CVC\"", hint)])?;
    let test = swap(FORM_TEST, &pairs)?;
    new.commits = vec![
        commit(
            "Say every label in full",
            "lena-w",
            240,
            vec![Edit::write("apps/checkout/src/CheckoutForm.tsx", &form)],
        ),
        commit(
            "Say where the CVC is",
            "lena-w",
            212,
            vec![Edit::write("apps/checkout/src/CheckoutForm.tsx", &form_with_hint)],
        ),
        commit(
            "Follow the labels in the test",
            "lena-w",
            190,
            vec![Edit::write("apps/checkout/src/CheckoutForm.test.tsx", &test)],
        ),
    ];
    Ok(new)
}

fn workflow() -> Result<NewChange> {
    let mut new = change(
        REPO,
        1890,
        "Let the release job write packages",
        "ade-o",
        "release-packages",
        305,
    );
    new.body = "Publishing fails with 403 since the token became read only.\n".to_owned();
    new.asked = team("platform");
    let first = swap(
        WORKFLOW,
        &[("  contents: read\n", "  contents: read\n  packages: write\n")],
    )?;
    let second = swap(
        &first,
        &[(
            "permissions:\n  contents: read\n  packages: write\n",
            "permissions: write-all\n",
        )],
    )?;
    new.commits = vec![
        commit(
            "Let the release job write packages",
            "ade-o",
            340,
            vec![Edit::write(".github/workflows/release.yml", &first)],
        ),
        commit(
            "Apply suggestion from review\n\nCo-authored-by: Copilot <175728472+Copilot@users.noreply.github.com>",
            "ade-o",
            308,
            vec![Edit::write(".github/workflows/release.yml", &second)],
        ),
    ];
    Ok(new)
}

fn receipts() -> Result<NewChange> {
    let mut new = change(
        REPO,
        1888,
        "Show the order number in receipts",
        "jun-p",
        "receipt-order-number",
        1_500,
    );
    new.body = "Support asks for it on every call.\n".to_owned();
    new.asked = team("web-owners");
    let receipt = swap(
        RECEIPT,
        &[
            (
                "import type { Order }",
                "import { orderNumber } from \"./orderNumber\";\nimport type { Order }",
            ),
            (
                "      <p>{order.customer.name}</p>\n",
                "      <p>{order.customer.name}</p>\n      <p>Order {orderNumber(order.id)}</p>\n",
            ),
        ],
    )?;
    new.commits = vec![
        commit(
            "Group the digits of order numbers",
            "jun-p",
            1_620,
            vec![
                Edit::write("apps/receipts/src/orderNumber.ts", ORDER_NUMBER),
                Edit::write("apps/receipts/src/orderNumber.test.ts", ORDER_NUMBER_TEST),
            ],
        ),
        commit(
            "Show the order number",
            "jun-p",
            1_510,
            vec![Edit::write("apps/receipts/src/Receipt.tsx", &receipt)],
        ),
    ];
    Ok(new)
}
