import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

// The system's browser, where there is one: nothing is downloaded for a test.
const system = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);

// Another port, for two checks on one machine at a time.
const address = `http://127.0.0.1:${process.env["PREVIEW_PORT"] ?? "4188"}`;

export default defineConfig({
  testDir: "e2e",
  outputDir: "test-results",
  snapshotPathTemplate: "{testDir}/snapshots/{arg}{ext}",
  fullyParallel: true,
  workers: 2,
  timeout: 30_000,
  reporter: "line",
  use: {
    baseURL: address,
    viewport: { width: 1280, height: 820 },
    launchOptions: {
      args: ["--no-sandbox"],
      ...(system === undefined ? {} : { executablePath: system }),
    },
  },
  webServer: {
    command: "npm run --silent build && npm run --silent preview",
    url: address,
    reuseExistingServer: false,
    timeout: 120_000,
  },
});
