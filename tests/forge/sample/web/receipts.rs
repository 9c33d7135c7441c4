//! A change of which nobody said anything.

use anyhow::Result;

use super::REPO;
use crate::forge::git::Edit;
use crate::forge::sample::{change, commit, swap, team};
use crate::forge::world::{NewChange, World};

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

/// What is there before.
pub(super) fn files() -> Vec<Edit> {
    vec![Edit::write("apps/receipts/src/Receipt.tsx", RECEIPT)]
}

/// Opens the change.
pub(super) fn open(world: &mut World) -> Result<()> {
    world.open(receipts()?)?;
    world.check(REPO, 1888, "test", Some("success"))
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
