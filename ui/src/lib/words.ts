import type {
  Badge,
  CheckCounts,
  DecisionRow,
  DecisionView,
  HoldingState,
  InvolvementView,
  KeyView,
  NetworkView,
  OutboxStateView,
  Row,
  Run,
  SectionKind,
  SeverityView,
} from "./types";

export const SEVERITY: Record<SeverityView, string> = {
  critical: "Critical",
  high: "High",
  medium: "Medium",
  low: "Low",
  none: "No findings",
};

/** "High and worse". */
export function atLeast(severity: SeverityView): string {
  return severity === "critical" ? SEVERITY.critical : `${SEVERITY[severity]} and worse`;
}

const RANK: Record<SeverityView, number> = { none: 0, low: 1, medium: 2, high: 3, critical: 4 };

/** Above 0 when `a` is worse than `b`. */
export function worse(a: SeverityView, b: SeverityView): number {
  return RANK[a] - RANK[b];
}

export const INVOLVEMENT: Record<InvolvementView, string> = {
  authored: "Authored",
  assisted: "Assisted",
  suggestion_applied: "Suggestion applied",
  suspected: "Suspected",
  declared_none: "Declared none",
  undeclared: "Undeclared",
};

/** "Authored · Kiro". */
export function badgeWords(badge: Badge): string {
  const words = INVOLVEMENT[badge.involvement];
  return badge.tool === null ? words : `${words} · ${badge.tool}`;
}

export const SECTION: Record<SectionKind, string> = {
  needs_you: "Needs you",
  your_teams: "Your teams",
  came_back: "Came back",
  outbox: "Outbox",
  approvals: "Your approvals",
  done_today: "Done today",
};

export const DECISION: Record<DecisionView, string> = {
  approve: "Approve",
  request_changes: "Request changes",
  comment: "Comment",
};

/** Repository and number of a change by its name, `host/owner/name#number`. */
export function parts(id: string): { repo: string; number: number } {
  const at = id.lastIndexOf("#");
  return { repo: id.slice(id.indexOf("/") + 1, at), number: Number(id.slice(at + 1)) };
}

/** "Request changes on acme/web #12". */
export function decisionOn(decision: DecisionView, repo: string, number: number): string {
  const place = `${repo} #${number}`;
  return decision === "approve" ? `Approve ${place}` : `${DECISION[decision]} on ${place}`;
}

export const STATE: Record<OutboxStateView, string> = {
  queued: "Queued",
  pending: "Pending",
  submitted: "Submitted",
  confirmed: "Confirmed",
  superseded: "Superseded",
  expired: "Expired",
  handed_back: "Handed back",
  refused: "Refused",
  withdrawn: "Withdrawn",
};

export const HOLDING: Record<HoldingState, string> = {
  holds: "Holds",
  ended: "No longer holds",
  unknown: "May not hold",
};

/** A section of what was signed, not of what waits. */
export function signed(kind: SectionKind): boolean {
  return kind === "outbox" || kind === "approvals" || kind === "done_today";
}

/** How a decision stands, in a word or two. A confirmed approval says whether it still holds. */
export function standing(row: Pick<DecisionRow, "state" | "holding">): string {
  return row.state === "confirmed" && row.holding !== null ? HOLDING[row.holding.state] : STATE[row.state];
}

type Mark = { icon: "high" | "check" | "up" | "clock" | "skip" | "none"; tone: "warn" | "good" | "soft" };

/** The shape and the tone that go with it. */
export function mark(row: DecisionRow): Mark {
  if (fellThrough(row.state)) return { icon: "high", tone: "warn" };
  if (row.state === "withdrawn") return { icon: "skip", tone: "soft" };
  if (row.state !== "confirmed") return { icon: row.state === "queued" ? "up" : "clock", tone: "soft" };
  if (row.holding?.state === "ended") return { icon: "high", tone: "warn" };
  if (row.holding?.state === "unknown") return { icon: "none", tone: "soft" };
  return { icon: "check", tone: "good" };
}

/** Came to its end without having gone through: it needs the user. */
export function fellThrough(state: OutboxStateView): boolean {
  return state === "superseded" || state === "expired" || state === "handed_back" || state === "refused";
}

/** At the forge or on its way there: deciding the same again would say nothing new. */
export function stands(state: OutboxStateView): boolean {
  return !fellThrough(state) && state !== "withdrawn";
}

/** The steps of a decision that is on its way. A pending review counts as sent for: only its author sees it. */
export function trail(state: OutboxStateView): { words: string; now: boolean }[] {
  if (!stands(state)) return [];
  const steps: OutboxStateView[] =
    state === "pending"
      ? ["queued", "pending", "submitted", "confirmed"]
      : ["queued", "submitted", "confirmed"];
  return steps.map((step) => ({ words: STATE[step], now: step === state }));
}

/** What became of a decision, in one line. `sending`: the forge can be reached with the token at hand. */
export function outcome(row: DecisionRow, host: string, sending: boolean): string {
  const done = { approve: "Approved", request_changes: "Changes requested", comment: "Commented" }[
    row.decision
  ];
  switch (row.state) {
    case "queued":
      return sending
        ? `Signed: ${DECISION[row.decision].toLowerCase()}. Sending…`
        : `Signed: ${DECISION[row.decision].toLowerCase()}. It waits in the outbox.`;
    case "pending":
      return `Signed. A pending review is at ${host}; it is submitted next.`;
    case "submitted":
      return `Signed and submitted. Reading it back from ${host}…`;
    case "confirmed":
      return row.holding === null
        ? `${done}. Read back from ${host}, as signed.`
        : `${done}. ${row.holding.words}`;
    case "superseded":
    case "expired":
    case "handed_back":
    case "refused":
    case "withdrawn":
      return row.message?.what ?? `${STATE[row.state]}: it does not count.`;
  }
}

/** Shape and text for the checks of a row; null where there are none. */
export function checkWords(
  checks: CheckCounts,
): { icon: "check" | "cross" | "clock" | "skip"; text: string } | null {
  const total = checks.passed + checks.failed + checks.running + checks.skipped;
  if (total === 0) return null;
  if (checks.failed > 0) return { icon: "cross", text: `${checks.failed}` };
  if (checks.running > 0) return { icon: "clock", text: `${checks.passed} of ${total}` };
  if (checks.skipped > 0) return { icon: "skip", text: `${checks.passed} of ${total}` };
  return { icon: "check", text: `${checks.passed}` };
}

/** The same, said in full. */
export function checksInFull(checks: CheckCounts): string {
  const parts: string[] = [];
  if (checks.failed > 0) parts.push(`${checks.failed} failed`);
  if (checks.running > 0) parts.push(`${checks.running} running`);
  if (checks.skipped > 0) parts.push(`${checks.skipped} skipped`);
  if (checks.passed > 0) parts.push(`${checks.passed} passed`);
  return parts.length === 0 ? "no checks" : `checks: ${parts.join(", ")}`;
}

/** "1 finding", "3 findings". */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

/** Runs as one plain text. */
export function plain(runs: Run[]): string {
  return runs.map((run) => run.text).join("");
}

/** The first eight digits of a commit. */
export function short(head: string): string {
  return head.slice(0, 8);
}

/** `SHA256:Qm4v…t9E`: enough to tell one's own keys apart, not to trust one. */
export function shortFingerprint(fingerprint: string): string {
  const [kind, digest] = fingerprint.split(":");
  if (digest === undefined || digest.length < 10) return fingerprint;
  return `${kind}:${digest.slice(0, 4)}…${digest.slice(-3)}`;
}

/** Where the key is, as it stands on its own. */
export function keyPlace(key: KeyView): string {
  if (key.hardware) return "Security key";
  return key.place === "agent" ? "Key in ssh-agent" : "Key in the keychain";
}

/** `ssh-ed25519` and `sk-ssh-ed25519@openssh.com` in the words of ssh-keygen: `ed25519`, `ed25519-sk`. */
export function keyAlgorithm(key: KeyView): string {
  const name = key.algorithm.replace(/@openssh\.com$/u, "");
  const hardware = name.startsWith("sk-");
  const bare = name.replace(/^sk-/u, "").replace(/^(?:ssh|ecdsa-sha2)-/u, "");
  return hardware ? `${bare}-sk` : bare;
}

/** True when the row holds the words that were searched for: each must occur somewhere in it. */
export function matches(row: Row, search: string): boolean {
  const wanted = search.toLowerCase().split(/\s+/u).filter(Boolean);
  const text =
    `${row.repo}#${row.number} #${row.number} ${row.title} ${row.author} ${badgeWords(row.badge)} ${SEVERITY[row.severity]}`.toLowerCase();
  return wanted.every((word) => text.includes(word));
}

/** How the forge is reached, for a line: "through proxy.example:3128, 1 authority added". */
export function proxyWords(network: NetworkView): string {
  const named = network.proxy === "at" ? network.address.replace(/^https?:\/\//u, "") : network.of_system;
  const way = network.proxy === "direct" || named === null ? "no proxy" : `through ${named}`;
  const added = network.authorities.length;
  return added === 0 ? way : `${way}, ${count(added, "authority", "authorities")} added`;
}
