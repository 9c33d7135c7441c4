import type { DecisionRow, DecisionView, Message, OutboxStateView } from "../types";
import { said } from "./build";

/** A decision of the sample, with what its row shows once the change is gone. */
export interface Entry {
  id: string;
  repo: string;
  number: number;
  title: string;
  row: DecisionRow;
}

/** What was signed before: on its way or done, and without a connection in every state. */
export function sampleEntries(offline: boolean, ago: (minutes: number) => string): Entry[] {
  const entry = (
    id: string,
    repo: string,
    number: number,
    title: string,
    decision: DecisionView,
    state: OutboxStateView,
    minutes: number,
    head: string,
    words: string,
    message: Message | null,
  ): Entry => ({
    id: `first:github.com/${repo}#${number}`,
    repo,
    number,
    title,
    row: {
      entry: id,
      decision,
      state,
      head,
      signed_at: ago(minutes),
      words,
      message,
      url: state === "confirmed" ? `https://github.com/${repo}/pull/${number}` : null,
      holding: null,
    },
  });
  const reading = entry(
    "e2",
    "acme/web",
    1885,
    "Cache the exchange rates",
    "approve",
    "submitted",
    36,
    "8ba1f22c90e4d5713bca86f104ab86e99f1c6c1a",
    "",
    offline
      ? said(
          "The connection went before the answer came. Before anything is sent again, the forge is asked whether it has it.",
        )
      : null,
  );
  const done = ["Pin the base image", "Log slow queries", "Remove the old banner"].map((title, index) =>
    entry(
      `d${index}`,
      "acme/web",
      1870 + index,
      title,
      "approve",
      "confirmed",
      120 + index * 40,
      "aa".repeat(20),
      "",
      null,
    ),
  );
  if (!offline) return [reading, ...done];
  return [
    entry(
      "e1",
      "acme/infra",
      479,
      "Raise the node pool to 12",
      "approve",
      "superseded",
      52,
      "2ab84f0e55e3d21f04ab86e99f1c6c1a9e2b40d7",
      "",
      said(
        "Not sent, and it will not be: the head moved to c03a77e4 after you had read 2ab84f0e.",
        "your signed statement, as entry 1,204 of the ledger",
        "read the 2 commits and decide again; nothing is re-signed for you",
      ),
    ),
    reading,
    entry(
      "e3",
      "acme/payments",
      4217,
      "Drop legacy_invoices and its views",
      "request_changes",
      "queued",
      27,
      "41d0be77c0aa5f1e9d3c8844e21b6a9077f1350c",
      "Two views in reporting still read this table.",
      null,
    ),
    entry(
      "e4",
      "acme/payments",
      4220,
      "Retry card webhooks with backoff",
      "approve",
      "queued",
      14,
      "5d20be914471c2aa0e1f3c5b7d992c60815e4fa3",
      "",
      said("Signed offline. The head is read again before it goes out."),
    ),
    entry(
      "e5",
      "acme/web",
      1879,
      "Rotate the session secret",
      "approve",
      "refused",
      95,
      "6b1ff0c95cc80de0243b7e1a9946d3f277aa01be",
      "",
      said(
        "Not sent, and it will not be: github.com says that reviews on this change are locked.",
        "your signed statement, as entry 1,201 of the ledger",
        "ask whoever locked the conversation, then decide again",
      ),
    ),
    ...done,
  ];
}
