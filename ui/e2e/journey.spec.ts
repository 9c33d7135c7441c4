import { expect, openCritical, start, test } from "./window";

test("from the queue to a signed approval with keys alone", async ({ page }) => {
  await start(page);
  await expect(page.getByRole("option", { name: /Move prod-eu/u })).toBeVisible();
  await page.keyboard.press("j");
  await expect(page.getByRole("option", { name: /Move prod-eu/u })).toBeFocused();
  await expect(page.getByRole("option", { name: /Move prod-eu/u })).toHaveAttribute("aria-selected", "true");
  await expect(page.getByRole("region", { name: "Verdict" })).toContainText("Critical");

  // Findings, in reading order, each with the focus on its button.
  await page.keyboard.press("]");
  await expect(
    page.getByRole("button", { name: "Acknowledged: Destroys the database prod-eu-ledger" }),
  ).toBeFocused();
  await page.keyboard.press("[");
  const snapshot = page.getByRole("button", { name: /Skips the final snapshot/u }).last();
  await expect(page.getByRole("button", { name: "Acknowledge: Skips the final snapshot" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("button", { name: "Acknowledged: Skips the final snapshot" })).toBeVisible();
  await page.keyboard.press("Space");
  await expect(page.getByRole("button", { name: "Acknowledge: Skips the final snapshot" })).toBeVisible();
  await expect(snapshot).toBeVisible();

  // Files.
  await expect(page.getByText("File 2 of 6")).toBeVisible();
  for (let file = 3; file <= 6; file += 1) {
    await page.keyboard.press("n");
    await expect(page.getByText(`File ${file} of 6`)).toBeVisible();
  }
  await expect(page.getByRole("table", { name: "envs/prod-eu/README.md" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Viewed" })).toHaveAttribute("aria-pressed", "false");
  await page.keyboard.press("v");
  await expect(page.getByText("6 of 6 viewed")).toBeVisible();

  // The sheet: the last finding is acknowledged in it.
  await page.keyboard.press("a");
  const sheet = page.getByRole("dialog", { name: "Approve acme/infra #482" });
  const sign = sheet.getByRole("button", { name: "Sign and approve…" });
  await expect(sheet.getByRole("checkbox", { name: /Skips the final snapshot/u })).toBeFocused();
  await expect(sign).toHaveAttribute("aria-disabled", "true");
  await expect(sheet.getByText("1 finding is left to acknowledge.")).toBeVisible();
  await page.keyboard.press("Control+Enter");
  await expect(sheet).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(sheet.getByText("3 of 3 so far")).toBeVisible();
  await expect(sign).toHaveAttribute("aria-disabled", "false");
  await page.keyboard.press("Control+Enter");
  await expect(sheet).toBeHidden();

  const bar = page.getByRole("region", { name: "Sign-off" });
  await expect(bar.getByText(/Signed/u)).toBeVisible();
  await expect(bar.getByText("Approved. Read back from github.com, as signed.")).toBeVisible();
  await expect(page.getByRole("listbox", { name: "Needs you" }).getByRole("option")).toHaveCount(3);
  await expect(bar.getByRole("button", { name: /Approve/u })).toBeHidden();

  await page.keyboard.press("j");
  await expect(page.getByRole("option", { name: /Drop legacy_invoices/u })).toBeFocused();
});

test("a press that came before the last finding was acknowledged signs nothing", async ({ page }) => {
  await start(page);
  await openCritical(page);
  await page.keyboard.press("a");
  const sheet = page.getByRole("dialog", { name: "Approve acme/infra #482" });
  await expect(sheet.getByRole("checkbox", { name: /Skips the final snapshot/u })).toBeFocused();
  await page.keyboard.press("Control+Enter");
  await page.keyboard.press("Enter");
  await expect(sheet.getByText("3 of 3 so far")).toBeVisible();
  await expect(sheet.getByRole("button", { name: "Sign and approve…" })).toHaveAttribute(
    "aria-disabled",
    "false",
  );
  await page.waitForTimeout(500);
  await expect(sheet).toBeVisible();
});

test("no single key decides, and letters in a field are letters", async ({ page }) => {
  await start(page);
  await openCritical(page);
  for (const key of ["Enter", "y", "Space", "s", "Control+Enter"]) await page.keyboard.press(key);
  await expect(page.getByRole("dialog")).toHaveCount(0);

  await page.keyboard.press("/");
  const search = page.getByRole("searchbox", { name: "Search the queue" });
  await expect(search).toBeFocused();
  await page.keyboard.type("var j k a ? c");
  await expect(search).toHaveValue("var j k a ? c");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(page.getByText(/Nothing in the queue matches/u)).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(search).toHaveValue("");

  await page.keyboard.press("Escape");
  await page.keyboard.press("r");
  const sheet = page.getByRole("dialog", { name: "Request changes on acme/infra #482" });
  const words = sheet.getByRole("textbox", { name: "What is to be changed" });
  await expect(words).toBeFocused();
  await expect(sheet.getByRole("button", { name: /Sign and request changes/u })).toHaveAttribute(
    "aria-disabled",
    "true",
  );
  await page.keyboard.type("a ] ? Keep the database.");
  await expect(sheet.getByRole("button", { name: /Sign and request changes/u })).toHaveAttribute(
    "aria-disabled",
    "false",
  );
  await page.keyboard.press("Escape");
  await expect(sheet).toBeHidden();
  // Back and forth, the words are still there.
  await page.keyboard.press("r");
  await expect(words).toHaveValue("a ] ? Keep the database.");
});

test("the focus stays within the sheet, and the verdict in sight above it", async ({ page }) => {
  await start(page);
  await openCritical(page);
  await page.keyboard.press("]");
  await page.getByRole("button", { name: "Approve…" }).click();
  const sheet = page.getByRole("dialog", { name: "Approve acme/infra #482" });
  await expect(sheet.getByRole("checkbox").first()).toBeVisible();
  for (let press = 0; press < 24; press += 1) {
    await page.keyboard.press("Tab");
    const outside = await page.evaluate(() => {
      const active = document.activeElement;
      return active !== null && active !== document.body && active.closest("dialog") === null;
    });
    expect(outside).toBe(false);
  }
  const verdict = await page.getByRole("region", { name: "Verdict", includeHidden: true }).boundingBox();
  const box = await sheet.boundingBox();
  expect(verdict?.y).toBeGreaterThan(0);
  expect((verdict?.y ?? 0) + (verdict?.height ?? 0)).toBeLessThanOrEqual(box?.y ?? 0);
  await page.keyboard.press("Escape");
  await expect(sheet).toBeHidden();
  await expect(page.getByRole("button", { name: "Approve…" })).toBeFocused();
});

test("from the sheet back to the line of a finding", async ({ page }) => {
  await start(page);
  await openCritical(page);
  await page.keyboard.press("a");
  await expect(page.getByRole("checkbox", { name: /Skips the final snapshot/u })).toBeFocused();
  await page.keyboard.press("]");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Acknowledge: Skips the final snapshot" })).toBeFocused();
});

test("a no in the system's question leaves the sheet open and says that nothing was signed", async ({
  page,
}) => {
  await start(page, "declined");
  await openCritical(page);
  await page.keyboard.press("c");
  await page.keyboard.type("Where is the plan?");
  const sign = page.getByRole("button", { name: /Sign and comment/u });
  await expect(sign).toHaveAttribute("aria-disabled", "false");
  await sign.click();
  await expect(page.getByRole("alert")).toContainText("Not signed");
  await expect(page.getByRole("textbox", { name: "What you noticed" })).toHaveValue("Where is the plan?");
});

test("without a key one is chosen in the sheet", async ({ page }) => {
  await start(page, "no-key");
  await openCritical(page);
  await page.keyboard.press("c");
  await page.keyboard.type("Noted.");
  await expect(page.getByText("No key is chosen.")).toBeVisible();
  await page.getByRole("button", { name: "Make a key in the keychain" }).click();
  await page.getByRole("radio", { name: /Key in the keychain, ed25519/u }).click();
  await expect(page.getByRole("button", { name: /Sign and comment/u })).toHaveAttribute(
    "aria-disabled",
    "false",
  );
  await page.getByRole("button", { name: "Back", exact: true }).click();
  await page
    .getByRole("contentinfo")
    .getByRole("button", { name: /Key in the keychain/u })
    .click();
  await expect(page.getByRole("textbox", { name: /allowed_signers/u })).toHaveValue(
    /^priya@acme\.example namespaces=/u,
  );
});

test("a key that the policy does not know is allowed by a change", async ({ page }) => {
  await start(page);
  await page.getByRole("option", { name: /labels/iu }).click();
  await expect(page.getByRole("region", { name: "Sign-off" })).toContainText("will not count");
  await page.keyboard.press("a");
  const sheet = page.getByRole("dialog");
  await expect(sheet).toContainText("The policy does not know this key");
  await sheet.getByRole("button", { name: /Open a change that allows this key/u }).click();
  await expect(sheet.getByRole("status").filter({ hasText: "was opened" })).toContainText(
    "needs two other seniors",
  );
  await expect(sheet.getByRole("button", { name: "Show it at the forge" })).toBeVisible();
});

test("the password before each signature: chosen with the key, said in the sheet, never called proof", async ({
  page,
}) => {
  await start(page);
  await openCritical(page);
  const key = page.getByRole("contentinfo").getByRole("button", { name: /Key in|Security key/u });
  await key.click();
  const box = page.getByRole("checkbox", { name: /Ask for your password before each signature/u });
  await expect(box).not.toBeChecked();
  await expect(box).toHaveAccessibleDescription(/proves nothing to the gate/u);
  await box.click();
  await expect(page.getByText("Answer what the system asks.")).toBeVisible();
  await expect(box).toBeChecked();
  await page.keyboard.press("Escape");
  await page.keyboard.press("c");
  const sheet = page.getByRole("dialog");
  await page.keyboard.type("Noted.");
  await expect(sheet.getByRole("group", { name: "Prompted" })).toContainText("proves nothing to the gate");
  await expect(sheet).toContainText("one last question from the system, then your password");
  await expect(sheet).not.toContainText(/proved/iu);
});

test("a check that is dismissed leaves the box as it was", async ({ page }) => {
  await start(page, "declined");
  await page
    .getByRole("contentinfo")
    .getByRole("button", { name: /Key in|Security key/u })
    .click();
  const box = page.getByRole("checkbox", { name: /Ask for your password/u });
  await box.click();
  await expect(page.getByRole("alert")).toContainText("It stays off: the check was dismissed.");
  await expect(box).not.toBeChecked();
});

test("the head moves while one reads: said, and nothing of the old head counts", async ({ page }) => {
  await start(page, "moving");
  await openCritical(page);
  await page.keyboard.press("r");
  await page.keyboard.type("Keep it.");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(page.getByRole("alert")).toContainText("The head moved from 9f1c6c1a to c03a77e4");
  await expect(page.getByRole("region", { name: "Sign-off" })).toContainText("0 of 3");
});

test("offline: what waits in the outbox can be read, taken back and dismissed", async ({ page }) => {
  await start(page, "offline");
  await expect(page.getByText(/No connection since/u)).toBeVisible();
  await page.getByRole("option", { name: /Raise the node pool/u }).click();
  const outbox = page.getByRole("region", { name: "Outbox" }).first();
  await expect(outbox).toContainText("Not sent, and it will not be");
  await page.getByRole("button", { name: "Dismiss: Approve acme/infra #479" }).click();
  await page.getByRole("button", { name: "Take back: Approve acme/payments #4220" }).click();
  await expect(outbox.getByRole("list", { name: "Decisions" }).getByRole("heading")).toHaveCount(3);
  await expect(page.getByRole("listbox", { name: "Needs you" }).getByRole("option")).toHaveCount(3);
  await page.getByRole("button", { name: "Try now" }).click();
  await expect(page.getByRole("alert")).toContainText("still cannot be reached");
  await openCritical(page);
});

test("a token is gone from the page once it was sent", async ({ page }) => {
  await start(page, "signed-out");
  const token = "ghp_0123456789abcdefghij";
  await page.getByLabel("Token").fill("short");
  await page.keyboard.press("Enter");
  await expect(page.getByText(/does not know this token/u)).toBeVisible();
  await expect(page.getByLabel("Token")).toHaveAttribute("type", "password");
  await expect(page.getByLabel("Token")).toHaveValue("");
  await page.getByLabel("Token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
  // What was checked stays until it was read.
  await expect(page.getByText("read changes and post your reviews")).toBeVisible();
  await expect(page.getByRole("button", { name: "Continue" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("navigation", { name: "Queue" })).toBeVisible();
  expect(await page.content()).not.toContain(token);
  await page.getByRole("button", { name: "priya-n" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { name: "Sign in to github.com" })).toBeVisible();
});

test("every list says why it is empty", async ({ page }) => {
  await start(page, "empty");
  await expect(page.getByText("Nothing waits for your sign-off.")).toBeVisible();
  await page.getByRole("button", { name: /^Outbox 0$/u }).click();
  await expect(page.getByText("The outbox is empty.")).toBeVisible();
  await start(page, "loading");
  await expect(page.getByText("First sync.")).toBeVisible();
  await start(page, "error");
  await expect(page.getByRole("alert")).toContainText("Nothing was lost");
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("option").first()).toBeVisible();

  await start(page);
  await page.getByRole("button", { name: "Needs a sign-off" }).click();
  await page.getByRole("menuitemradio", { name: "All that waits" }).click();
  await page.getByRole("option", { name: /Update the imprint/u }).click();
  const change = page.getByRole("article");
  await expect(change).toContainText("the policy does not ask for a sign-off");
  await expect(change).toContainText("No rule found a danger. That is not a clearance");
  await expect(change).toContainText("No check ran on this head.");
  await expect(change).toContainText("Nobody has reviewed it.");
  await expect(page.getByRole("figure")).toHaveCount(0);
});

test("a file without lines says so, and the list of files leads anywhere", async ({ page }) => {
  await start(page);
  await openCritical(page);
  await page.getByRole("button", { name: "File 2 of 6" }).click();
  await page
    .getByRole("button", { name: /network\.png/u })
    .last()
    .click();
  await expect(page.getByText("binary: there are no lines to show.")).toBeVisible();
});
