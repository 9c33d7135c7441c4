//! Webhooks that are retried, with the one test switched off that shows what happens at the end.

use anyhow::Result;

use super::REPO;
use crate::forge::git::Edit;
use crate::forge::sample::{change, commit, swap, viewer};
use crate::forge::world::{NewChange, World};

const DELIVER: &str = r#"import { signature } from "./signature.js";
import type { Endpoint, Event } from "./types.js";

const TIMEOUT_MS = 5_000;

/** Sends one event to one endpoint. */
export async function deliver(endpoint: Endpoint, event: Event): Promise<boolean> {
  const body = JSON.stringify(event);
  const response = await fetch(endpoint.url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "acme-signature": signature(endpoint.secret, body),
    },
    body,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  return response.ok;
}

/** Sends one event to all endpoints that asked for its kind. */
export async function broadcast(endpoints: Endpoint[], event: Event): Promise<void> {
  for (const endpoint of endpoints.filter((one) => one.kinds.includes(event.kind))) {
    if (!(await deliver(endpoint, event))) {
      console.warn("webhook failed", { endpoint: endpoint.id, event: event.id });
    }
  }
}
"#;

const RETRY: &str = r#"/** How often and how long apart a delivery is tried. */
export interface Schedule {
  attempts: number;
  firstDelayMs: number;
  factor: number;
  longestDelayMs: number;
}

export const CARD_EVENTS: Schedule = {
  attempts: 8,
  firstDelayMs: 1_000,
  factor: 2,
  longestDelayMs: 120_000,
};

/** The delay before an attempt, counted from 0; jitter keeps endpoints from being hit all at once. */
export function delay(schedule: Schedule, attempt: number, random: () => number): number {
  const full = Math.min(schedule.firstDelayMs * schedule.factor ** attempt, schedule.longestDelayMs);
  return Math.round(full / 2 + (full / 2) * random());
}

/** Runs `work` until it succeeds or the schedule ends. */
export async function retry(
  schedule: Schedule,
  work: (attempt: number) => Promise<boolean>,
  sleep: (ms: number) => Promise<void>,
  random: () => number = Math.random,
): Promise<boolean> {
  for (let attempt = 0; attempt < schedule.attempts; attempt += 1) {
    try {
      if (await work(attempt)) return true;
    } catch {
      // The next attempt may go through.
    }
    await sleep(delay(schedule, attempt, random));
  }
  return false;
}
"#;

const RETRY_TEST: &str = r#"import { describe, expect, it } from "vitest";
import { CARD_EVENTS, delay, retry } from "./retry.js";

describe("delay", () => {
  it("doubles up to the longest", () => {
    const none = () => 1;
    expect([0, 1, 2, 20].map((attempt) => delay(CARD_EVENTS, attempt, none))).toEqual([1_000, 2_000, 4_000, 120_000]);
  });
});

describe("retry", () => {
  it("stops at the first success", async () => {
    let calls = 0;
    const done = await retry(CARD_EVENTS, async () => ++calls === 3, async () => {});
    expect([done, calls]).toEqual([true, 3]);
  });

  it.skip("gives up after the last attempt", async () => {
    expect(await retry(CARD_EVENTS, async () => false, async () => {})).toBe(false);
  });
});
"#;

/// What is there before.
pub(super) fn files() -> Vec<Edit> {
    vec![Edit::write("services/webhooks/src/deliver.ts", DELIVER)]
}

/// Opens the change.
pub(super) fn open(world: &mut World) -> Result<()> {
    world.open(retried()?)?;
    world.check(REPO, 4220, "build", Some("success"))?;
    world.check(REPO, 4220, "test", None)
}

fn retried() -> Result<NewChange> {
    let copilot = "Co-authored-by: Copilot <223556219+Copilot@users.noreply.github.com>";
    let mut new = change(
        REPO,
        4220,
        "Retry card webhooks with backoff",
        "noor-k",
        "webhook-retries",
        128,
    );
    new.body = "Merchants miss card events when their endpoint restarts. Deliveries are now tried eight times over four \
                minutes.\n\nFixes #4102\n"
        .to_owned();
    new.asked = viewer();
    let deliver = swap(
        DELIVER,
        &[
            (
                "import type { Endpoint",
                "import { CARD_EVENTS, retry } from \"./retry.js\";\nimport type { Endpoint",
            ),
            (
                "const TIMEOUT_MS = 5_000;",
                "const TIMEOUT_MS = 15_000;\n\nconst sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));",
            ),
            (
                "    if (!(await deliver(endpoint, event))) {",
                "    const done = event.kind.startsWith(\"card.\")\n      ? await retry(CARD_EVENTS, () => deliver(endpoint, event), sleep)\n      : await deliver(endpoint, event);\n    if (!done) {",
            ),
        ],
    )?;
    new.commits = vec![
        commit(
            &format!("Add a retry schedule\n\n{copilot}"),
            "noor-k",
            190,
            vec![Edit::write("services/webhooks/src/retry.ts", RETRY)],
        ),
        commit(
            &format!("Retry card events\n\n{copilot}"),
            "noor-k",
            160,
            vec![Edit::write("services/webhooks/src/deliver.ts", &deliver)],
        ),
        commit(
            "Test the schedule",
            "noor-k",
            131,
            vec![Edit::write("services/webhooks/src/retry.test.ts", RETRY_TEST)],
        ),
    ];
    Ok(new)
}
