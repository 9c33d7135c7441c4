import { readFileSync } from "node:fs";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

// The window's policy has one source: what the preview and its tests run under is what the app ships.
const shell = JSON.parse(readFileSync(new URL("../src-tauri/tauri.conf.json", import.meta.url), "utf8")) as {
  app: { security: { csp: string } };
};

export default defineConfig({
  plugins: [svelte()],
  // Vitest would otherwise resolve Svelte's server build.
  resolve: process.env["VITEST"] ? { conditions: ["browser"] } : {},
  clearScreen: false,
  build: {
    target: "es2023",
    // Neither inlined assets nor an injected loader: the policy allows scripts and styles from 'self' only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
  },
  server: { host: "127.0.0.1", port: 4187, strictPort: true },
  preview: {
    host: "127.0.0.1",
    port: 4188,
    strictPort: true,
    headers: { "Content-Security-Policy": shell.app.security.csp },
  },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.ts"],
    setupFiles: ["src/test-setup.ts"],
  },
});
