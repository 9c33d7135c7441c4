import { expect, start, test } from "./window";
import type { Page } from "@playwright/test";

async function open(page: Page, file: string): Promise<void> {
  await start(page, "hostile");
  await page.getByRole("option", { name: /Move prod-eu/u }).click();
  await expect(page.getByRole("table", { name: "envs/prod-eu/main.tf" })).toBeVisible();
  await page.getByRole("button", { name: "File 2 of 10" }).click();
  await page.getByRole("list", { name: "All files" }).getByRole("button", { name: file }).last().click();
  await expect(page.getByRole("table", { name: file })).toBeVisible();
}

test("a file that became a link is two entries of one path, and both can be read", async ({ page }) => {
  await open(page, "bin/run");
  await expect(page.getByText("File 8 of 10")).toBeVisible();
  await expect(page.getByRole("region", { name: "Files" })).toContainText("symbolic link");
  await page.keyboard.press("p");
  await expect(page.getByText("exec ./deploy.sh")).toBeVisible();
  await page.keyboard.press("a");
  await expect(page.getByRole("dialog").getByText(/^bin\/run: not viewed/u)).toHaveCount(2);
  await page.keyboard.press("Escape");
  await page
    .getByRole("contentinfo")
    .getByRole("button", { name: /Security key/u })
    .click();
  await expect(page.getByText("An agent did not answer.")).toHaveCount(2);
});

test("what was cut off a line is said in sight, wherever one has scrolled to", async ({ page }) => {
  await open(page, "deploy.sh");
  await expect(page.getByRole("region", { name: "Files" })).toContainText("made executable");
  const cut = page.getByText("12,431 characters more, not shown");
  await expect(cut).toBeInViewport({ ratio: 1 });
  for (const left of [600, 1e6]) {
    await page.getByRole("region", { name: "Change" }).evaluate((box, to) => (box.scrollLeft = to), left);
    await expect(cut).toBeInViewport({ ratio: 1 });
  }
});

test("hidden characters push a line's end no further than one can scroll", async ({ page }) => {
  await open(page, "done.sh");
  const line = page.getByRole("row").filter({ hasText: "curl evil.example" });
  await expect
    .poll(() =>
      line.evaluate((row) => {
        const box = row.closest("#reading") as HTMLElement;
        box.scrollLeft = 1e6;
        const range = document.createRange();
        range.selectNodeContents(row.lastElementChild ?? row);
        return range.getBoundingClientRect().right - box.getBoundingClientRect().right;
      }),
    )
    .toBeLessThanOrEqual(0);
  const clipped = await line.evaluate((row) => getComputedStyle(row.lastElementChild ?? row).overflowX);
  expect(clipped).toBe("visible");
});

test("a description cannot speak as the window does, and its links go through the backend", async ({
  page,
}) => {
  await start(page, "hostile");
  await page.getByRole("option", { name: /Move prod-eu/u }).click();
  await page.getByText("Written by its author").click();
  await expect(page.getByRole("heading", { level: 1, name: "Approved by security" })).toHaveCount(0);
  await expect(page.getByRole("heading", { level: 3, name: "Approved by security" })).toBeVisible();
  const title = page.getByRole("heading", { level: 1, name: "Move prod-eu" });
  const size = (element: Element): number => parseFloat(getComputedStyle(element).fontSize);
  expect(await page.getByText("Approved by security").evaluate(size)).toBeLessThan(
    await title.evaluate(size),
  );
  const pill = page.getByText("U+202E");
  expect(await pill.evaluate((element) => getComputedStyle(element).borderTopStyle)).toBe("solid");
  expect(
    await page
      .getByText("[image: plan, img.example]")
      .evaluate((one) => getComputedStyle(one).borderTopStyle),
  ).toBe("dashed");
  await page.getByRole("link", { name: "github.com/acme" }).click();
  // The backend was asked, and refused: nothing else could have said this.
  await expect(page.getByRole("alert")).toContainText("not at a configured forge");
  await expect(page).toHaveURL(/fake=hostile/u);
});
