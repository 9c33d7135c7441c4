import { expect, openCritical, start, test } from "./window";

test("a file begins at its top, wherever one was in the last one", async ({ page }) => {
  await start(page, "big");
  await page.getByRole("option", { name: /Move prod-eu/u }).click();
  await expect(page.getByRole("table", { name: "envs/prod-eu/main.tf" })).toBeVisible();
  await page.keyboard.press("p");
  const pane = page.getByRole("region", { name: "Change" });
  const first = pane.getByRole("row", { name: /@@ -1,20000/u });
  await expect(first).toBeInViewport({ ratio: 0.9 });
  const head = page.locator(".files > .head");
  /** How far the file's head is from the top of the pane, or its first line from the head: a hairline at most. */
  const gap = async (): Promise<number> => {
    const [box, bar, line] = [await pane.boundingBox(), await head.boundingBox(), await first.boundingBox()];
    if (box === null || bar === null || line === null) return Infinity;
    return Math.max(Math.abs(bar.y - box.y), Math.abs(line.y - bar.y - bar.height));
  };
  await expect.poll(gap).toBeLessThan(2);
  await pane.evaluate((box) => (box.scrollTop = 60_000));
  await page.keyboard.press("n");
  await expect(page.getByRole("table", { name: "envs/prod-eu/main.tf" })).toBeVisible();
  await page.keyboard.press("p");
  await expect.poll(gap).toBeLessThan(2);
});

test("keys for the change do nothing where it is not seen", async ({ page }) => {
  await page.setViewportSize({ width: 640, height: 700 });
  await start(page);
  await page.getByRole("option", { name: /Move prod-eu/u }).click();
  await expect(page.getByText("5 of 6 viewed")).toBeVisible();
  await page.getByRole("button", { name: "Queue", exact: true }).click();
  await expect(page.getByRole("main")).toBeHidden();
  for (const key of ["v", "n", "v", "a", "c"]) await page.keyboard.press(key);
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.keyboard.press("Enter");
  await expect(page.getByText("5 of 6 viewed")).toBeVisible();
  await expect(page.getByText("File 2 of 6")).toBeVisible();
});

test("over the outbox a finding's key says nothing of findings", async ({ page }) => {
  await start(page, "offline");
  await page.getByRole("option", { name: /Raise the node pool/u }).click();
  await expect(page.getByRole("heading", { name: "Outbox", exact: true })).toBeVisible();
  await page.keyboard.press("]");
  await page.waitForTimeout(100);
  await expect(page.getByText("There are no findings.")).toHaveCount(0);
});

test("the focus is never lost: a finding scrolled away, a notice dismissed", async ({ page }) => {
  await start(page, "big");
  await page.getByRole("option", { name: /Move prod-eu/u }).click();
  await page
    .getByRole("button", { name: /Writes line 9800/u })
    .first()
    .click();
  const button = page.getByRole("button", { name: "Acknowledge: Writes line 9800 of the rates by hand" });
  await expect(button).toBeFocused();
  const pane = page.getByRole("region", { name: "Change" });
  await pane.evaluate((box) => (box.scrollTop = 0));
  await expect(button).toHaveCount(0);
  await expect(pane).toBeFocused();
  await page.keyboard.press("]");
  await expect(page.getByRole("button", { name: /Acknowledge: Writes line 19990/u })).toBeFocused();

  await start(page, "full-disk");
  await openCritical(page);
  await page.keyboard.press("v");
  const notice = page.getByRole("alert");
  await expect(notice).toContainText("The disk is full");
  await notice.getByRole("button", { name: "Dismiss" }).click();
  await expect(notice).toHaveCount(0);
  await expect(page.getByRole("region", { name: "Change" })).toBeFocused();
});

test("keys of one character can be switched off, and stay off", async ({ page }) => {
  await start(page);
  await page.keyboard.press("?");
  await page.getByRole("checkbox", { name: /Keys of one character/u }).uncheck();
  await page.keyboard.press("Escape");
  await page.keyboard.press("j");
  await page.waitForTimeout(100);
  await expect(page.getByText("waits for you.").or(page.getByText("wait for you."))).toBeVisible();
  await start(page);
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.getByRole("button", { name: "Help" }).click();
  await page.getByRole("checkbox", { name: /Keys of one character/u }).check();
  await page.keyboard.press("Escape");
  await page.keyboard.press("j");
  await expect(page.getByRole("region", { name: "Verdict" })).toBeVisible();
});

test("from a finding to its line and back, then to the queue", async ({ page }) => {
  await start(page);
  await openCritical(page);
  const entry = page.getByRole("button", { name: /^Skips the final snapshot envs/u });
  await entry.click();
  await expect(page.getByRole("button", { name: "Acknowledge: Skips the final snapshot" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(entry).toBeFocused();
  await expect(entry).toBeInViewport({ ratio: 1 });
  await page.keyboard.press("Escape");
  await expect(page.getByRole("option", { selected: true })).toBeFocused();
});

test("the queue by tool, severity and component, with a way back in sight", async ({ page }) => {
  await start(page);
  const waiting = page.getByRole("option");
  await expect(waiting).toHaveCount(7);
  await page.getByRole("button", { name: "Needs a sign-off" }).click();
  await page.getByRole("menuitemradio", { name: "Copilot" }).click();
  await expect(waiting).toHaveCount(2);
  await page.getByRole("button", { name: "Needs a sign-off" }).click();
  await page.getByRole("menuitemradio", { name: "Critical" }).click();
  await expect(page.getByText("Nothing matches with these filters.")).toBeVisible();
  await page.getByRole("button", { name: "No longer only Copilot" }).click();
  await expect(waiting).toHaveCount(2);
  await page.getByRole("button", { name: "No longer only Critical" }).click();
  await expect(waiting).toHaveCount(7);
  await page.getByRole("button", { name: "Needs a sign-off" }).click();
  await page
    .getByRole("group", { name: "Component" })
    .getByRole("menuitemradio", { name: "network" })
    .click();
  await expect(waiting).toHaveCount(1);
  await page.getByRole("button", { name: "No longer only network" }).click();
  await expect(waiting).toHaveCount(7);
});

test("what no rule looked at stands with the findings, and leads to its file", async ({ page }) => {
  await start(page);
  await openCritical(page);
  const list = page.getByRole("list", { name: "Findings" });
  await list.getByRole("button", { name: /No rule looked at docs\/network\.png binary/u }).click();
  await expect(page.getByText("binary: there are no lines to show.")).toBeVisible();
});

test("many findings are folded behind the worst", async ({ page }) => {
  await start(page, "big");
  await page.getByRole("option", { name: /Move prod-eu/u }).click();
  const list = page.getByRole("list", { name: "Findings" });
  await expect(list.getByRole("listitem")).toHaveCount(6);
  await expect(list).not.toContainText("Writes line 50");
  await page.getByRole("button", { name: "3 more findings" }).click();
  await expect(list.getByRole("listitem")).toHaveCount(9);
  await expect(list).toContainText("Writes line 50");
  await expect(page.getByRole("button", { name: /more finding/u })).toHaveCount(0);
});

test("a blast radius of sixty is a small picture and a list of all", async ({ page }) => {
  await start(page, "big");
  await page.getByRole("option", { name: /Critical Move/u }).click();
  const figure = page.getByRole("figure");
  await expect(figure.getByRole("img", { name: /10 touched, 20 depend/u })).toBeVisible();
  expect((await figure.locator("> svg").boundingBox())?.height).toBeLessThan(320);
  await figure.getByText("All 60 components, in words").click();
  await expect(figure.getByRole("listitem")).toHaveCount(60);
  // No name runs into its tier.
  const clash = await figure
    .locator("g")
    .evaluateAll(
      (nodes) =>
        nodes
          .map((node) => [...node.querySelectorAll("text")].map((text) => text.getBoundingClientRect()))
          .filter(([name, tier]) => name !== undefined && tier !== undefined && name.right > tier.left)
          .length,
    );
  expect(clash).toBe(0);
});

test("a search goes through the diffs too and leads to the line", async ({ page }) => {
  await start(page);
  await page.keyboard.press("/");
  await page.keyboard.type("prevent_destroy");
  const hits = page.getByRole("region", { name: "In diffs and history" });
  const hit = hits.getByRole("button", { name: /main\.tf:26/u });
  await expect(hit).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(hits.getByRole("button").first()).toBeFocused();
  await hit.click();
  const line = page.locator('[role="row"][aria-current="true"]');
  await expect(line).toBeInViewport();
  await expect(line).toContainText("prevent_destroy = true");
});

test("a line that only an earlier head has is found and leads to the change", async ({ page }) => {
  await start(page);
  await page.keyboard.press("/");
  await page.keyboard.type("SetLimit");
  const hits = page.getByRole("region", { name: "In diffs and history" });
  const hit = hits.getByRole("button", { name: /schedule\.go:22 · at an earlier head/u });
  await expect(hit.getByText("group.SetLimit(len(regions))")).toBeVisible();
  await hit.click();
  await expect(page.getByRole("heading", { name: "Split the payout job by region" })).toBeVisible();
  await expect(page.locator('[role="row"][aria-current="true"]')).toHaveCount(0);
});

test("what is new since one last looked is said of its file and of its lines", async ({ page }) => {
  await start(page);
  await openCritical(page);
  const pick = page.getByRole("button", { name: /^File \d of 6/u });
  await pick.click();
  const list = page.getByRole("list", { name: "All files" });
  await expect(list.getByText("changed since")).toHaveCount(2);
  await list.getByRole("button", { name: /README\.md/u }).click();
  await expect(page.getByText("changed since you looked")).toBeVisible();
  const table = page.getByRole("table", { name: "envs/prod-eu/README.md" });
  const fresh = table.getByRole("row").filter({ hasText: "since you looked" });
  await expect(fresh).toHaveCount(1);
  await expect(fresh).toContainText("added since you looked");
});
