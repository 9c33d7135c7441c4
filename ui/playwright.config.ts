import { existsSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { defineConfig } from "@playwright/test";

// The system's browser, where there is one: nothing is downloaded for a test.
const system = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);

/** A port that nobody has: two runs on one machine must not meet. */
async function freePort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return String(port);
}

// Workers read this file again, and find the port in the environment that they inherit.
const port = (process.env["COUNTERSIGN_UI_PORT"] ??= await freePort());
const address = `http://127.0.0.1:${port}`;

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
    command: `npm run --silent build && npm run --silent preview -- --port ${port}`,
    url: address,
    reuseExistingServer: false,
    timeout: 120_000,
  },
});
