import { expect, start, test } from "./window";

test("twenty thousand lines: few are in the page, none is missing, a jump lands on its finding", async ({
  page,
}) => {
  await start(page, "big");
  await page.getByRole("option", { name: /Move prod-eu/u }).click();
  await expect(page.getByText("File 2 of 2")).toBeVisible();
  await page.keyboard.press("p");
  const table = page.getByRole("table", { name: "seed/rates.sql" });
  await expect(table).toBeVisible();
  expect(Number(await table.getAttribute("aria-rowcount"))).toBe(20_007);

  // Fast scrolling: at each stop the lines that should be seen are there.
  const pane = page.getByRole("region", { name: "Change" });
  const frames = await pane.evaluate(async (box) => {
    const seen: { empty: boolean; rows: number }[] = [];
    const next = (): Promise<number> => new Promise((done) => requestAnimationFrame(done));
    const end = box.scrollHeight;
    for (let step = 1; step <= 40; step += 1) {
      box.scrollTop = (end * step) / 41;
      await next();
      await next();
      const edge = box.getBoundingClientRect();
      const hit = document.elementFromPoint(edge.left + 300, edge.top + edge.height / 2);
      seen.push({
        empty: hit?.closest('[role="row"]') == null,
        rows: box.querySelectorAll('[role="row"]').length,
      });
    }
    return seen;
  });
  expect(frames.filter((frame) => frame.empty)).toEqual([]);
  // Whatever the length of the diff, a stop draws a screenful: that is what makes scrolling quick.
  expect(Math.max(...frames.map((frame) => frame.rows))).toBeLessThan(120);

  await page
    .getByRole("button", { name: /Writes line 19990/u })
    .first()
    .click();
  const button = page.getByRole("button", { name: "Acknowledge: Writes line 19990 of the rates by hand" });
  await expect(button).toBeFocused();
  await expect(button).toBeInViewport();
  // A finding is exactly two rows.
  const note = page.locator("[data-finding]", { has: button });
  expect((await note.boundingBox())?.height).toBe(40);
  const before = await note.evaluate((row) => row.previousElementSibling?.textContent);
  expect(before).toContain("values (19990,");
});

test("a long line is said to be cut, and code alone scrolls sideways", async ({ page }) => {
  await page.setViewportSize({ width: 700, height: 700 });
  await start(page, "big");
  await page.getByRole("option", { name: /Move prod-eu/u }).click();
  await expect(page.getByText("File 2 of 2")).toBeVisible();
  await page.keyboard.press("p");
  await expect(page.getByRole("table", { name: "seed/rates.sql" })).toBeVisible();
  const verdict = page.getByRole("region", { name: "Verdict" });
  const before = await verdict.boundingBox();
  const pane = page.getByRole("region", { name: "Change" });
  const cut = page.getByText("12,431 characters more, not shown");
  await pane.evaluate((box) => {
    const table = box.querySelector('[role="table"]');
    box.scrollTop += (table?.getBoundingClientRect().top ?? 0) + 490 * 20;
  });
  await expect(cut).toBeInViewport();
  const moved = await pane.evaluate((box) => {
    box.scrollLeft = 200;
    return box.scrollLeft;
  });
  expect(moved).toBeGreaterThan(0);
  await pane.evaluate((box) => box.scrollTo(box.scrollLeft, 0));
  expect((await verdict.boundingBox())?.x).toBe(before?.x);
});
