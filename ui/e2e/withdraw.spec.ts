import type { Page } from "@playwright/test";
import { expect, start, test } from "./window";

async function openApproved(page: Page, variant = "default"): Promise<void> {
  await start(page, variant);
  await page.getByRole("option", { name: /Split the payout job/u }).click();
  await expect(page.getByRole("button", { name: /^Withdraw approval/u })).toBeVisible();
}

test("an approval is withdrawn with keys alone", async ({ page }) => {
  await openApproved(page);
  await page.keyboard.press("w");
  const dialog = page.getByRole("dialog", { name: "Withdraw your approval of acme/payments #4198" });
  const field = dialog.getByRole("textbox", { name: "Why you withdraw it" });
  await expect(field).toBeFocused();
  // Without a reason nothing happens, and no single key withdraws.
  await page.keyboard.press("Control+Enter");
  await expect(field).toBeFocused();
  await page.keyboard.type("I trusted a test that never ran.");
  await page.keyboard.press("Control+Enter");
  await expect(dialog.getByRole("status")).toContainText("Answer the question that the system asks");
  await expect(dialog).toHaveCount(0);
  await expect(page.getByRole("button", { name: /^Withdraw approval/u })).toHaveCount(0);
});

test("what was approved and confirmed here can be withdrawn, and is said to be", async ({ page }) => {
  await start(page);
  await page.getByRole("option", { name: /Tidy the checkout/u }).click();
  await expect(page.getByRole("table")).toBeVisible();
  await page.keyboard.press("a");
  await expect(page.getByRole("dialog").getByRole("button", { name: /Sign and approve/u })).toBeVisible();
  await page.keyboard.press("Control+Enter");
  const bar = page.getByRole("region", { name: "Sign-off" });
  await bar.getByRole("button", { name: /^Withdraw approval/u }).click();
  await page.keyboard.type("Wrong button.");
  await page.keyboard.press("Control+Enter");
  await expect(bar).toContainText("Withdrawn by you: Wrong button.");
  await expect(bar.getByRole("button", { name: "Approve…" })).toBeVisible();
  await page.getByRole("button", { name: /^Outbox \d+$/u }).click();
  await expect(page.getByRole("list", { name: "Done today" })).toContainText(
    "Withdrawn by you: Wrong button.",
  );
});

test("offline it is refused, and says that nothing was changed", async ({ page }) => {
  await openApproved(page, "offline");
  await page.keyboard.press("w");
  await page.keyboard.type("Wrong.");
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("status")).toContainText("does not wait in the outbox");
  await page.keyboard.press("Control+Enter");
  await expect(dialog.getByRole("alert")).toContainText("Nothing was changed: your approval stands.");
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
  await page.keyboard.press("w");
  await expect(dialog.getByRole("textbox")).toHaveValue("Wrong.");
});

test("without the right to dismiss one goes on to request changes, with the same words", async ({ page }) => {
  await openApproved(page, "no-right");
  await page.keyboard.press("w");
  await page.keyboard.type("I trusted a test that never ran.");
  await page.keyboard.press("Control+Enter");
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("alert")).toContainText("Must have write access");
  await dialog.getByRole("button", { name: "Request changes instead" }).click();
  await expect(page.getByRole("textbox", { name: "What is to be changed" })).toHaveValue(
    "I trusted a test that never ran.",
  );
});

test("the ledger's export is in the outbox and the account, and says how it went", async ({ page }) => {
  await start(page, "declined");
  await page.getByRole("button", { name: /^Outbox \d+$/u }).click();
  const outbox = page.getByRole("region", { name: "Outbox" });
  const button = outbox.getByRole("button", { name: "Export the ledger…" });
  await button.focus();
  await page.keyboard.press("Enter");
  await expect(outbox.getByText("Not exported: no file was chosen.")).toBeVisible();
  await expect(button).toBeFocused();
  const forms = outbox.getByRole("group", { name: "What is exported" });
  await expect(forms.getByRole("radio", { name: /^Lines/u })).toBeChecked();
  await forms.getByRole("radio", { name: /^Lines/u }).focus();
  await page.keyboard.press("ArrowDown");
  await expect(forms.getByRole("radio", { name: /^Bundle/u })).toBeChecked();
  await page.getByRole("button", { name: /priya/u }).click();
  const account = page.getByRole("dialog", { name: "Account" });
  await account.getByRole("button", { name: "Export the ledger…" }).click();
  await expect(account.getByText("Not exported: no file was chosen.")).toBeVisible();
});
