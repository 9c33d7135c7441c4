import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { expect, openCritical, start, test } from "./window";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

const SCREENS: [string, string, (page: Page) => Promise<void>][] = [
  ["queue", "default", async () => undefined],
  ["change", "default", openCritical],
  [
    "findings unfolded",
    "default",
    async (page) => {
      await openCritical(page);
      await page.getByRole("button", { name: /^Why: Skips/u }).click();
      await page.getByText("Written by its author").click();
      await page.getByRole("button", { name: "all 5" }).click();
      await page.keyboard.press("]");
    },
  ],
  [
    "sheet",
    "default",
    async (page) => {
      await openCritical(page);
      await page.keyboard.press("a");
      await expect(page.getByRole("checkbox").first()).toBeVisible();
      await page.getByText("What is signed, as data").click();
    },
  ],
  [
    "sheet without a key",
    "no-key",
    async (page) => {
      await openCritical(page);
      await page.keyboard.press("r");
      await expect(page.getByRole("radio").first()).toBeVisible();
    },
  ],
  [
    "outbox",
    "offline",
    async (page) => {
      await page.getByRole("option", { name: /Raise the node pool/u }).click();
    },
  ],
  [
    "withdrawal refused",
    "no-right",
    async (page) => {
      await page.getByRole("option", { name: /Split the payout job/u }).click();
      await page.getByRole("button", { name: /^Withdraw approval/u }).click();
      await page.keyboard.type("I trusted a test that never ran.");
      await page.keyboard.press("Control+Enter");
      await expect(page.getByRole("dialog").getByRole("alert")).toBeVisible();
    },
  ],
  ["sign-in", "signed-out", async () => undefined],
  [
    "sign-in refused",
    "signed-out",
    async (page) => {
      await page.getByLabel("Token").fill("short");
      await page.keyboard.press("Enter");
      await expect(page.getByText("How it went")).toBeVisible();
    },
  ],
  ["help", "default", async (page) => page.keyboard.press("?")],
  [
    "diagnostics",
    "default",
    async (page) => {
      await page.keyboard.press("?");
      await page.getByRole("button", { name: "Export diagnostics…" }).click();
      await expect(page.getByRole("region", { name: "What would be saved" })).toBeVisible();
    },
  ],
  [
    "erasing all data",
    "default",
    async (page) => {
      await page.keyboard.press("?");
      await page.getByRole("button", { name: "Erase all data…" }).click();
    },
  ],
  [
    "what a search found",
    "default",
    async (page) => {
      await page.keyboard.press("/");
      await page.keyboard.type("prevent_destroy");
      await page.getByRole("button", { name: /main\.tf:26/u }).click();
      await expect(page.locator('[aria-current="true"]')).toBeVisible();
    },
  ],
  ["filter", "default", async (page) => page.getByRole("button", { name: "Needs a sign-off" }).click()],
  ["empty", "empty", async () => undefined],
  ["opening", "restoring", async () => undefined],
  [
    "sign-in over what is read",
    "locked",
    async (page) => {
      await openCritical(page);
      await page.getByRole("button", { name: "Sign in again." }).click();
      await expect(page.getByRole("dialog").getByLabel("Token")).toBeFocused();
    },
  ],
  [
    "choosing a key",
    "first-run",
    async (page) => {
      await page.getByLabel("Token").fill("ghp_0123456789abcdefghij");
      await page.keyboard.press("Enter");
      await page.getByRole("button", { name: "Continue" }).click();
      await expect(page.getByRole("radio").first()).toBeVisible();
    },
  ],
  [
    "done today",
    "default",
    async (page) => {
      await page.getByRole("button", { name: /^Done today/u }).click();
      await page.getByRole("option", { name: /Pin the base image/u }).click();
      await expect(page.getByRole("list", { name: "Done today" })).toBeVisible();
    },
  ],
  [
    "sixty components, filtered queue",
    "big",
    async (page) => {
      await openCritical(page);
      await page.getByText("All 60 components, in words").click();
      await page.getByRole("button", { name: "Needs a sign-off" }).click();
      await page.getByRole("menuitemradio", { name: "High and worse" }).click();
    },
  ],
  [
    "what hides",
    "hostile",
    async (page) => {
      await openCritical(page);
      await page.getByText("Written by its author").click();
    },
  ],
  ["error", "error", async () => undefined],
];

for (const theme of ["light", "dark"]) {
  for (const [name, variant, act] of SCREENS) {
    test(`${name}, ${theme}: no violation of WCAG 2.2 AA that a machine can find`, async ({ page }) => {
      await start(page, variant, theme);
      await act(page);
      const result = await new AxeBuilder({ page }).withTags(RULES).analyze();
      expect(
        result.violations.map(
          ({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`,
        ),
      ).toEqual([]);
    });
  }
}

test("at 200 % zoom one pane shows at a time, and each leads to the other", async ({ page }) => {
  await page.setViewportSize({ width: 640, height: 410 });
  await start(page);
  await expect(page.getByRole("main")).toBeHidden();
  await page.getByRole("option", { name: /Move prod-eu/u }).click();
  await expect(page.getByRole("navigation", { name: "Queue" })).toBeHidden();
  await expect(page.getByRole("region", { name: "Verdict" })).toBeVisible();
  // Code may be wider than the pane; nothing else may be.
  const wide = await page.evaluate(() => {
    const pane = document.getElementById("reading");
    const edge = pane?.getBoundingClientRect().right ?? 0;
    return [...(pane?.querySelectorAll<HTMLElement>(".change *, .files > .head *") ?? [])]
      .filter((one) => one.closest(".visually-hidden, svg") === null && one.getClientRects().length > 0)
      .filter((one) => one.getBoundingClientRect().right > edge + 1)
      .map((one) => one.textContent?.trim());
  });
  expect(wide).toEqual([]);
  await page.keyboard.press("Escape");
  await expect(page.getByRole("option", { name: /Move prod-eu/u })).toBeFocused();
});

test("what can be pressed is at least 24 pixels high and wide", async ({ page }) => {
  await start(page);
  await openCritical(page);
  const small = await page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>('button:not(.link), [role="option"], input, summary')]
      .filter((element) => element.offsetParent !== null && !element.classList.contains("visually-hidden"))
      .map((element) => ({ name: element.textContent?.trim() ?? "", box: element.getBoundingClientRect() }))
      .filter(({ box }) => box.height < 24 || box.width < 24)
      .map(({ name, box }) => `${name} ${box.width}×${box.height}`),
  );
  expect(small).toEqual([]);
});

test("what a screen reader is told of the queue and of the verdict", async ({ page }) => {
  await start(page);
  await openCritical(page);
  await expect(page.getByRole("navigation", { name: "Queue" })).toMatchAriaSnapshot({
    name: "queue.aria.yml",
  });
  await expect(page.getByRole("article")).toMatchAriaSnapshot({ name: "change.aria.yml" });
});

test("shapes stay apart where colours are the system's", async ({ page }) => {
  await page.emulateMedia({ forcedColors: "active" });
  await start(page);
  await expect(page.getByRole("option").first()).toBeVisible();
  const paint = await page
    .getByRole("listbox")
    .first()
    .getByRole("img")
    .evaluateAll((icons) =>
      icons.map((icon) => ({
        name: icon.getAttribute("aria-label"),
        colour: getComputedStyle(icon).color,
        shape: [...icon.querySelectorAll("path")].map((path) => path.getAttribute("d")).join(" "),
      })),
    );
  expect(new Set(paint.map(({ colour }) => colour)).size).toBe(1);
  const shapes = new Map(paint.map(({ name, shape }) => [name, shape]));
  expect(shapes.size).toBeGreaterThanOrEqual(3);
  expect(new Set(shapes.values()).size).toBe(shapes.size);
});

test("nothing moves", async ({ page }) => {
  await start(page);
  await openCritical(page);
  const moving = await page.evaluate(
    () =>
      [...document.querySelectorAll("*")].filter((element) => {
        const style = getComputedStyle(element);
        return style.animationName !== "none" || parseFloat(style.transitionDuration) > 0;
      }).length,
  );
  expect(moving).toBe(0);
});
