import { expect, openCritical, start, test } from "./window";

test("while the account is taken up nobody is asked to sign in", async ({ page }) => {
  await start(page, "restoring");
  await expect(page.getByText("Taking up your account…")).toBeVisible();
  await expect(page.getByLabel("Token")).toHaveCount(0);
  await expect(page.getByRole("option").first()).toBeVisible();
});

test("with the token locked away one reads and signs, and signs in without leaving what is read", async ({
  page,
}) => {
  await start(page, "locked");
  await openCritical(page);
  await page.keyboard.press("c");
  await page.keyboard.type("Read on the train.");
  await page.keyboard.press("Control+Enter");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.getByRole("button", { name: /^Outbox 2$/u }).click();
  await expect(page.getByRole("region", { name: "Outbox" })).toContainText(
    "It is sent once you are signed in",
  );
  await openCritical(page);
  await expect(page.getByRole("region", { name: "Sign-off" })).toContainText("It waits in the outbox.");
  await expect(page.getByRole("region", { name: "Sign-off" })).toContainText("once you are signed in again");
  await page.getByRole("button", { name: "Sign in again." }).click();
  const dialog = page.getByRole("dialog", { name: "Sign in to github.com" });
  await dialog.getByLabel("Token").fill("ghp_0123456789abcdefghij");
  await page.keyboard.press("Enter");
  await expect(dialog.getByText("Kept in the keychain")).toBeVisible();
  await dialog.getByRole("button", { name: "Continue" }).click();
  await expect(dialog).toHaveCount(0);
  await expect(page.getByRole("region", { name: "Verdict" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Sign in again." })).toHaveCount(0);
});

test("offline, what was signed is said to wait", async ({ page }) => {
  await start(page, "offline");
  await page.getByRole("option", { name: /Tidy the checkout/u }).click();
  await expect(page.getByRole("table")).toBeVisible();
  await page.keyboard.press("c");
  await page.keyboard.type("Read on the train.");
  await page.keyboard.press("Control+Enter");
  await expect(page.getByRole("region", { name: "Sign-off" })).toContainText("It waits in the outbox.");
  await expect(page.getByText("Sending…")).toHaveCount(0);
});

test("the offline bar says what happened, what was kept and what is done", async ({ page }) => {
  await start(page, "offline");
  const bar = page.getByRole("status").filter({ hasText: "No connection since" });
  await expect(bar).toContainText("no route to it");
  await expect(bar).toContainText("are on this machine");
  await expect(bar).toContainText("tries again by itself");
});

test("a first sign-in without a key leads to the keys, and promises only what follows", async ({ page }) => {
  await start(page, "first-run");
  const steps = page.getByRole("complementary", { name: "Steps" });
  await expect(steps.getByRole("listitem")).toHaveText([/Sign in/u, /Signing key/u, /First sync/u]);
  await page.getByLabel("Token").fill("ghp_0123456789abcdefghij");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("radio", { name: /ed25519 · laptop/u }).click();
  await expect(page.getByRole("textbox", { name: /allowed_signers/u })).toBeVisible();
  await page.getByRole("button", { name: "Open the queue" }).click();
  await expect(page.getByRole("navigation", { name: "Queue" })).toBeVisible();
});

test("a sign-out that fails is told where one looks", async ({ page }) => {
  await start(page, "full-disk");
  await page.getByRole("button", { name: "priya-n" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByRole("dialog").getByRole("alert")).toContainText("The disk is full");
});

test("what was done today leads to its review", async ({ page }) => {
  await start(page);
  await page.getByRole("button", { name: /^Done today/u }).click();
  await page.getByRole("option", { name: /Pin the base image/u }).click();
  const done = page.getByRole("list", { name: "Done today" });
  await expect(done.getByRole("button", { name: /^Open the review/u })).toHaveCount(3);
  await expect(done.getByText("Confirmed").first()).toBeVisible();
});

test("of two accounts each row and the status line say whose, and each is signed out by itself", async ({
  page,
}) => {
  await start(page, "two-accounts");
  const line = page.getByRole("contentinfo");
  await expect(line).toContainText("ghe.example.com: Offline since");
  await expect(page.getByRole("option", { name: /Drop legacy_invoices/u })).toContainText("ghe.example.com");
  await expect(page.getByRole("option", { name: /Move prod-eu/u })).toContainText("github.com");
  await line.getByRole("button", { name: "2 accounts" }).click();
  const dialog = page.getByRole("dialog", { name: "Accounts" });
  await expect(dialog.getByRole("listitem")).toHaveCount(2);
  await dialog.getByRole("button", { name: "Signing key…, priya-n at ghe.example.com" }).click();
  await expect(page.getByRole("dialog", { name: "Signing key for ghe.example.com" })).toBeVisible();
  await page.keyboard.press("Escape");
  await line.getByRole("button", { name: "2 accounts" }).click();
  const theirs = dialog.getByRole("listitem").filter({ hasText: "ghe.example.com" });
  await theirs.getByText("Sign out…").click();
  await theirs.getByRole("button", { name: /^Sign out/u }).click();
  await expect(page.getByRole("dialog", { name: "Account" })).toContainText(
    "Signed in as priya-n at github.com",
  );
  await page.keyboard.press("Escape");
  await expect(page.getByRole("option", { name: /Drop legacy_invoices/u })).toHaveCount(0);
  await expect(line).toContainText("Online");
});

test("another account is added beside the one that is here, and its key is chosen next", async ({ page }) => {
  await start(page);
  await page.getByRole("button", { name: "priya-n" }).click();
  await page.getByRole("button", { name: "Add an account…" }).click();
  const dialog = page.getByRole("dialog", { name: "Add an account" });
  await dialog.getByLabel("Forge").fill("ghe.example.com");
  await dialog.getByLabel("Token").fill("ghp_0123456789abcdefghij");
  await page.keyboard.press("Enter");
  await dialog.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByRole("dialog", { name: "Signing key for ghe.example.com" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("button", { name: "2 accounts" })).toBeVisible();
  await expect(page.getByRole("option", { name: /Move prod-eu/u })).toBeVisible();
});

test("behind a company's inspecting proxy the way ends at a name, and is free once that was added", async ({
  page,
}) => {
  await start(page, "signed-out");
  await page.getByRole("textbox", { name: "Forge" }).fill("ghe.corp.example");
  const network = page.getByRole("group").filter({ hasText: "Trusted besides" });
  await page.getByText(/^Network/u).click();
  await expect(page.getByRole("radio", { name: "The system's · proxy.corp.example:3128" })).toBeChecked();
  await page.getByRole("button", { name: "Test the connection" }).click();
  await expect(page.getByText(/issued by Example Inspection CA/u)).toContainText("add it under Network");
  await page.getByRole("button", { name: "Add a certificate…" }).click();
  await expect(network.getByText("69:0A:74:4A")).toBeVisible();
  await page.getByRole("button", { name: "Test the connection" }).click();
  await expect(page.getByText("GitHub Enterprise Server 3.20.4.")).toBeVisible();
  await page.getByRole("button", { name: "Remove Example Inspection CA (Example)" }).click();
  await expect(network.getByText("69:0A:74:4A")).toHaveCount(0);
});

test("the proxy's password is in no field once it was given, and what is no proxy is refused where it stands", async ({
  page,
}) => {
  await start(page, "signed-out");
  await page.getByText(/^Network/u).click();
  await page.getByRole("radio", { name: "This one" }).click();
  await page.getByLabel("Address").fill("socks5://proxy.example:1080");
  await page.getByLabel("User, if it asks for one").fill("mika");
  await page.getByLabel("Password").fill("geheim");
  await page.getByLabel("Password").press("Enter");
  await expect(page.getByText(/is no proxy's address/u)).toBeVisible();
  await expect(page.getByLabel("Password")).toHaveValue("");
  await page.getByLabel("Address").fill("http://proxy.example:3128");
  await page.getByLabel("Password").fill("geheim");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved.")).toBeVisible();
  await expect(page.getByLabel("Password")).toHaveValue("");
  await expect(page.getByText("through proxy.example:3128")).toBeVisible();
  expect(await page.content()).not.toContain("geheim");
});

test("without a client id the browser's way is said to need one, and with one a code is shown, given up and confirmed", async ({
  page,
}) => {
  await start(page, "signed-out");
  await expect(page.getByRole("button", { name: "Sign in with your browser" })).toHaveCount(0);
  await page.getByText("Sign in with your browser instead").click();
  await page.getByLabel("Client id").fill("Iv1.0123456789abcdef");
  await page.getByRole("button", { name: "Use this client id" }).click();
  const begin = page.getByRole("button", { name: "Sign in with your browser" });
  await begin.click();
  await expect(page.getByLabel("Code", { exact: true })).toHaveText("WDJB-4711");
  await expect(page.getByText("https://github.com/login/device")).toBeVisible();
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByText("You gave it up. Nobody was signed in.")).toBeVisible();
  await begin.click();
  await page.getByRole("button", { name: "Open the page" }).click();
  await expect(page.getByText("Confirmed at the forge")).toBeVisible();
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByRole("navigation", { name: "Queue" })).toBeVisible();
});

test("diagnostics are shown before they are saved, and all data goes after the ledger was offered", async ({
  page,
}) => {
  await start(page);
  await page.keyboard.press("?");
  await page.getByRole("button", { name: "Export diagnostics…" }).click();
  const shown = page.getByRole("dialog", { name: "Diagnostics" });
  await expect(shown.getByRole("region", { name: "What would be saved" })).toContainText(
    "person-1 at host-1",
  );
  await shown.getByRole("button", { name: "Save…" }).click();
  await expect(shown.getByText("Not exported")).toBeVisible();
  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  await page.getByRole("button", { name: "Erase all data…" }).click();
  const erase = page.getByRole("dialog", { name: "Erase all data" });
  await expect(erase.getByRole("button", { name: "Export the ledger…" })).toBeVisible();
  await erase.getByRole("button", { name: "Erase all data…" }).click();
  await expect(erase.getByText("The sample was put away.")).toBeVisible();
  await erase.getByRole("button", { name: "Close", exact: true }).click();
  await expect(page.getByRole("heading", { name: /Sign in/u }).first()).toBeVisible();
});

test("what cannot be read is said, and can be told of and erased", async ({ page }) => {
  await start(page, "damaged");
  await expect(page.getByText("The database is damaged")).toBeVisible();
  await page.getByRole("button", { name: "Help" }).click();
  await page.getByRole("button", { name: "Export diagnostics…" }).click();
  await expect(page.getByRole("region", { name: "What would be saved" })).toBeVisible();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Help" }).click();
  await page.getByRole("button", { name: "Erase all data…" }).click();
  const erase = page.getByRole("dialog", { name: "Erase all data" });
  await expect(erase.getByRole("button", { name: "Export the ledger…" })).toBeVisible();
  await erase.getByRole("button", { name: "Erase all data…" }).click();
  await erase.getByRole("button", { name: "Close", exact: true }).click();
  await expect(page.getByRole("heading", { name: /Sign in/u }).first()).toBeVisible();
});

test("the ledger of who signed out is offered before all is erased", async ({ page }) => {
  await start(page, "two-accounts");
  await page.getByRole("button", { name: "2 accounts" }).click();
  const first = page.getByRole("listitem").filter({ hasText: "priya-n at github.com" });
  await first.getByText("Sign out…").click();
  await first.getByRole("button", { name: /^Sign out/u }).click();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Help" }).click();
  await page.getByRole("button", { name: "Erase all data…" }).click();
  const erase = page.getByRole("dialog", { name: "Erase all data" });
  await expect(erase.getByRole("heading", { name: "priya-n at github.com, signed out" })).toBeVisible();
  await expect(erase.getByRole("button", { name: "Export the ledger…" })).toHaveCount(2);
});

test("what cannot be opened is said in the queue, and that its ledger goes unexported", async ({ page }) => {
  await start(page, "unopened");
  const queue = page.getByRole("navigation", { name: "Queue" });
  await expect(queue.getByText("priya-n@ghe.example.com could not be opened")).toBeVisible();
  await page.getByRole("button", { name: "Help" }).click();
  await page.getByRole("button", { name: "Erase all data…" }).click();
  const erase = page.getByRole("dialog", { name: "Erase all data" });
  await expect(erase.getByText("cannot be exported, and is erased too")).toBeVisible();
  await expect(erase.getByRole("button", { name: "Export the ledger…" })).toHaveCount(1);
});

test("signing out asks what becomes of what was read", async ({ page }) => {
  await start(page);
  await page.getByRole("button", { name: "priya-n" }).click();
  const account = page.getByRole("dialog", { name: "Account" });
  await expect(account.getByRole("radio", { name: /stays on this machine/u })).toBeChecked();
  await account.getByRole("radio", { name: /is erased/u }).check();
  await account.getByRole("button", { name: "Sign out" }).click();
  await expect(account).toHaveCount(0);
});
