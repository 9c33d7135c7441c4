import { expect, openCritical, start, test } from "./window";

test("words can be written before it is known what would be signed", async ({ page }) => {
  await start(page);
  await openCritical(page);
  await page.keyboard.press("r");
  const words = page.getByRole("textbox", { name: "What is to be changed" });
  // At once: the answer takes longer than the next key press.
  await page.keyboard.type("] a first word");
  await expect(words).toBeFocused();
  await expect(words).toHaveValue("] a first word");
  await expect(page.getByRole("dialog")).toContainText("request changes before it goes into");
  await expect(words).toBeFocused();
});

test("Ctrl+Enter right after the last letter signs", async ({ page }) => {
  await start(page);
  await openCritical(page);
  await page.keyboard.press("c");
  await page.keyboard.type("Noted.");
  await page.keyboard.press("Control+Enter");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(page.getByRole("region", { name: "Sign-off" })).toContainText("Signed");
});

test("a sheet that is put away before its answer comes leaves no trace", async ({ page }) => {
  await start(page);
  await openCritical(page);
  await page.keyboard.press("a");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.waitForTimeout(300);
  await page.keyboard.press("a");
  await expect(page.getByRole("checkbox", { name: /Skips the final snapshot/u })).toBeFocused();
});

test("an acknowledgement that fails is told in the sheet, and its box is empty again", async ({ page }) => {
  await start(page, "full-disk");
  await openCritical(page);
  await page.keyboard.press("a");
  const box = page.getByRole("checkbox", { name: /Skips the final snapshot/u });
  await expect(box).toBeFocused();
  await page.keyboard.press("Space");
  await expect(page.getByRole("dialog").getByRole("alert")).toContainText("The disk is full");
  await expect(box).not.toBeChecked();
});

test("what the sheet must not cover stays in sight while the window gets smaller", async ({ page }) => {
  await start(page);
  await openCritical(page);
  await page.keyboard.press("a");
  await expect(page.getByRole("checkbox").first()).toBeVisible();
  const verdict = page.getByRole("region", { name: "Verdict", includeHidden: true });
  const sheet = page.getByRole("dialog");
  for (const size of [
    { width: 1280, height: 820 },
    { width: 960, height: 700 },
    { width: 1280, height: 600 },
  ]) {
    await page.setViewportSize(size);
    await expect
      .poll(async () => {
        const [above, below] = [await verdict.boundingBox(), await sheet.boundingBox()];
        return (below?.y ?? 0) - ((above?.y ?? 0) + (above?.height ?? 0));
      })
      .toBeGreaterThanOrEqual(0);
    const box = await sheet.boundingBox();
    expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThanOrEqual(size.height);
  }
  // Where there is no room for both the sheet itself says what is accepted, and scrolling does not move it.
  await page.setViewportSize({ width: 640, height: 410 });
  const lead = sheet.getByText("It deletes and recreates prod-eu,");
  await expect(lead).toBeInViewport({ ratio: 1 });
  await sheet.getByRole("group", { name: "What is signed" }).evaluate((body) => (body.scrollTop = 9_999));
  await expect(lead).toBeInViewport({ ratio: 1 });
  await expect(sheet.getByRole("button", { name: /Sign and approve/u })).toBeInViewport({ ratio: 1 });
});

test("a note on a finding is written with keys alone, and never signs", async ({ page }) => {
  await start(page);
  await openCritical(page);
  await page.keyboard.press("a");
  const sheet = page.getByRole("dialog");
  const box = sheet.getByRole("checkbox", { name: /Skips the final snapshot/u });
  await expect(box).toBeFocused();
  await page.keyboard.press("Space");
  const add = sheet.getByRole("button", { name: "Add a note: Skips the final snapshot" });
  await expect(add).toBeVisible();
  await page.keyboard.press("Tab");
  await expect(add).toBeFocused();
  await page.keyboard.press("Enter");
  const field = sheet.getByRole("textbox", { name: "Note: Skips the final snapshot" });
  await expect(field).toBeFocused();
  await page.keyboard.type("] restored one today");
  await page.keyboard.press("Control+Enter");
  await expect(sheet.getByText("Your note: ] restored one today")).toBeVisible();
  await expect(
    sheet.getByRole("button", { name: "Change the note: Skips the final snapshot" }),
  ).toBeFocused();
  // Esc leaves the field as it was before, and the sheet open.
  await page.keyboard.press("Enter");
  await page.keyboard.type(" and more");
  await page.keyboard.press("Escape");
  await expect(field).toBeHidden();
  await expect(sheet.getByText("Your note: ] restored one today")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(sheet).toBeHidden();
  // It stands with the finding, in the list and on its line.
  await expect(page.getByRole("list", { name: "Findings" })).toContainText("Your note: ] restored one today");
  await expect(page.getByRole("table", { name: "envs/prod-eu/main.tf" })).toContainText(
    "Your note: ] restored one today",
  );
});
