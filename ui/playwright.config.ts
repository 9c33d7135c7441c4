import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

// The system's browser, where there is one: nothing is downloaded for a test.
const system = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);

export default defineConfig({
  testDir: "e2e",
  outputDir: "test-results",
  snapshotPathTemplate: "{testDir}/snapshots/{arg}{ext}",
  fullyParallel: true,
  workers: 2,
  timeout: 30_000,
  reporter: "line",
  use: {
    baseURL: "http://127.0.0.1:4188",
    viewport: { width: 1280, height: 820 },
    launchOptions: {
      args: ["--no-sandbox"],
      ...(system === undefined ? {} : { executablePath: system }),
    },
  },
  webServer: {
    command: "npm run --silent build && npm run --silent preview",
    url: "http://127.0.0.1:4188",
    reuseExistingServer: false,
    timeout: 120_000,
  },
});
