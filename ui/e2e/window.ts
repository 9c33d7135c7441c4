import { expect, test as base, type Page } from "@playwright/test";

/** What the page complained about. Any of it fails the test: a refused style or script is a fault of the window. */
export const test = base.extend<{ complaints: string[] }>({
  complaints: [
    async ({ page }, use) => {
      const complaints: string[] = [];
      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("console", (line) => {
        if (line.type() === "error" || line.type() === "warning") complaints.push(line.text());
      });
      await page.addInitScript(() => {
        // As the shell does it (freezePrototype).
        Object.freeze(Object.prototype);
        document.addEventListener("securitypolicyviolation", (event) =>
          console.error(
            `refused by the policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`,
          ),
        );
      });
      await use(complaints);
      expect(complaints).toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };

/** Opens the window on the sample. */
export async function start(page: Page, variant = "default", theme = ""): Promise<void> {
  const response = await page.goto(`/?slow&fake=${variant}${theme === "" ? "" : `&theme=${theme}`}`);
  expect(response?.headers()["content-security-policy"]).toContain("default-src 'none'");
  await expect(
    page
      .getByRole("contentinfo")
      .getByText(/Online|Offline|Connecting|Signed out|Token locked|Cannot be read/u),
  ).toBeVisible();
}

/** Opens the critical change. */
export async function openCritical(page: Page): Promise<void> {
  await page.getByRole("option", { name: /Critical Move prod-eu/u }).click();
  await expect(page.getByRole("region", { name: "Verdict" })).toContainText("deletes and recreates prod-eu");
  await expect(page.getByRole("table", { name: "envs/prod-eu/main.tf" })).toBeVisible();
}
