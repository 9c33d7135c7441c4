import type { KeyView, Rotation } from "../types";
import type { Entry } from "./outbox";

/** Of a key of the sample. The security key signed all that the sample has. `inDays`: the time in so many days. */
export function rotationOf(
  keys: string[],
  old: KeyView | null,
  newLine: string | null,
  entries: Entry[],
  inDays: (days: number) => string,
): Rotation {
  const signed = (old?.hardware ? entries : []).map(({ id, row }) => ({
    change: id,
    head: row.head,
    decision: row.decision,
    state: row.state,
    signed_at: row.signed_at,
    holding: row.holding,
    again:
      row.holding !== null ||
      (row.decision === "approve" && ["queued", "pending", "submitted"].includes(row.state)),
  }));
  signed.sort((a, b) => b.signed_at.localeCompare(a.signed_at));
  const bare = old?.public_line.split(" ").slice(0, 2).join(" ") ?? "";
  const until = inDays(7);
  const end = until.replace(/[-:T]|\.\d+/gu, "");
  const line = `priya@acme.example namespaces="approval@countersign.dev",valid-before="${end}" ${bare}`;
  const place = {
    branch: "main",
    path: ".github/allowed_signers",
    line,
    until,
    ended: false,
    revoked: false,
  };
  return {
    keys,
    old: old?.fingerprint ?? null,
    signed,
    again: new Set(signed.filter((row) => row.again).map((row) => row.change)).size,
    until,
    places:
      old === null
        ? []
        : [
            { ...place, repo: "acme/payments", revoked_path: ".github/revoked_keys" },
            { ...place, repo: "acme/web", revoked_path: null },
          ],
    revoked_line: old === null ? null : bare,
    new_line: newLine,
    messages: [],
  };
}
