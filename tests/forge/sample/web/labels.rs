//! Labels with only a weak mark of AI.

use anyhow::Result;

use super::REPO;
use crate::forge::git::Edit;
use crate::forge::sample::{change, commit, swap, viewer};
use crate::forge::world::{NewChange, World};

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

/// What is there before.
pub(super) fn files() -> Vec<Edit> {
    vec![
        Edit::write("apps/checkout/src/CheckoutForm.tsx", FORM),
        Edit::write("apps/checkout/src/CheckoutForm.test.tsx", FORM_TEST),
    ]
}

/// Opens the change.
pub(super) fn open(world: &mut World) -> Result<()> {
    world.open(labels()?)?;
    world.check(REPO, 1893, "test", Some("success"))
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
