import { expect, openCritical, start, test } from "./window";

test("at 200 % arrows choose, Enter opens, and the focus goes with it", async ({ page }) => {
  await page.setViewportSize({ width: 640, height: 410 });
  await start(page);
  await page.getByRole("option", { name: /Move prod-eu/u }).focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("option", { name: /Drop legacy|Retry card/u, selected: true })).toBeFocused();
  await expect(page.getByRole("main")).toBeHidden();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("region", { name: "Verdict" })).toBeVisible();
  await expect(page.getByRole("region", { name: "Change" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("option", { selected: true })).toBeFocused();
  await page.getByRole("option", { name: /Tidy the checkout/u }).click();
  await expect(page.getByRole("region", { name: "Change" })).toBeFocused();
});

test("what holds for the whole window is seen in the queue's pane too", async ({ page }) => {
  await page.setViewportSize({ width: 640, height: 410 });
  await start(page, "offline");
  await expect(page.getByRole("main")).toBeHidden();
  await expect(page.getByText(/No connection since/u)).toBeVisible();
  // It says so for less than a tenth of a second, so the page itself looks out for it.
  const polling = page.evaluate(
    () =>
      new Promise<boolean>((seen) => {
        const observer = new MutationObserver(() => {
          const buttons = [...document.querySelectorAll("button")];
          if (!buttons.some((button) => button.textContent?.includes("Polling…"))) return;
          observer.disconnect();
          seen(true);
        });
        observer.observe(document.body, { subtree: true, childList: true, characterData: true });
      }),
  );
  await page.getByRole("button", { name: "Try now" }).click();
  expect(await polling).toBe(true);
  await expect(page.getByRole("alert")).toContainText("still cannot be reached");
  await page.getByRole("alert").getByRole("button", { name: "Dismiss" }).click();
  await expect(page.getByRole("alert")).toHaveCount(0);
  expect(await page.evaluate(() => document.activeElement !== document.body)).toBe(true);
});

for (const width of [910, 1000, 1100]) {
  test(`at ${width} pixels nothing is cut off`, async ({ page }) => {
    await page.setViewportSize({ width, height: 820 });
    await start(page);
    await openCritical(page);
    const inside = await page.evaluate(() => {
      const cut = [
        ...document.querySelectorAll<HTMLElement>(".signoff .facing p, .signoff, .status, .files .path"),
      ];
      return cut
        .filter((one) => one.scrollWidth > one.clientWidth + 1)
        .map((one) => `${one.className}: ${one.textContent}`);
    });
    expect(inside).toEqual([]);
    expect((await page.locator(".files .path").boundingBox())?.width).toBeGreaterThan(100);
    const help = await page.getByRole("button", { name: "Help" }).boundingBox();
    expect((help?.x ?? 0) + (help?.width ?? 0)).toBeLessThanOrEqual(width);
    expect((help?.y ?? 0) + (help?.height ?? 0)).toBeLessThanOrEqual(820);
  });
}
