import type {
  Badge,
  CheckView,
  ComponentView,
  EvidenceView,
  FindingView,
  GroundView,
  Message,
  NotAssessedView,
  ReviewView,
  Run,
  SectionKind,
  SeverityView,
  WillCount,
} from "../types";
import type { SampleFile } from "./diff";

/** One change of the sample, before it is turned into what the window reads. */
export interface SampleChange {
  repo: string;
  number: number;
  title: string;
  author: string;
  person: string;
  target: string;
  minutes: number;
  section: SectionKind | null;
  note?: string;
  unread?: boolean;
  badge: Badge;
  needsSignOff?: boolean;
  head: string;
  html: string;
  severity: SeverityView;
  lead: Run[];
  second: string;
  involvement: string;
  evidence: EvidenceView[];
  findings: FindingView[];
  components: ComponentView[];
  componentsWords: string;
  notAssessed: NotAssessedView[];
  measures?: string;
  checks: CheckView[];
  reviews: ReviewView[];
  ground?: GroundView[];
  files: SampleFile[];
  sinceLast: string | null;
  /** What the head that was looked at last had, and this one has no more. */
  earlier?: { path: string; number: number; kind: "added" | "removed"; text: string }[];
  asOf?: string;
  willCount: WillCount;
}

/** Strong where it stands between asterisks, code between ticks. */
export function runs(text: string): Run[] {
  return text
    .split(/(\*[^*]+\*|`[^`]+`)/u)
    .filter((part) => part !== "")
    .map((part) => {
      const strong = part.startsWith("*");
      const code = part.startsWith("`");
      return { text: strong || code ? part.slice(1, -1) : part, strong, code };
    });
}

type Spot = { file: number; row: number; line: number; path: string };

/** A finding of the sample, at a place in its diff or only in a path. */
export function finding(
  id: string,
  severity: SeverityView,
  title: string,
  family: string,
  why: string,
  check: string,
  spot: Spot | { path: string },
): FindingView {
  const placed = "file" in spot;
  return {
    id,
    rule: id.split("/")[0] ?? id,
    severity,
    title: runs(title),
    family,
    why,
    check,
    note: null,
    path: spot.path,
    file: placed ? spot.file : null,
    row: placed ? spot.row : null,
    line: placed ? spot.line : null,
    must_acknowledge: severity === "critical" || severity === "high",
    acknowledged_at: null,
    noted: "",
  };
}

/** Where in a file a text stands first, so that the sample's findings cannot drift from their lines. */
export function spot(files: SampleFile[], path: string, text: string): Spot {
  const file = files.findIndex((one) => one.path === path);
  const rows = files[file]?.rows ?? [];
  const row = rows.findIndex((one) => one.pieces.some((piece) => piece.text.includes(text)));
  const line = rows[row]?.new ?? rows[row]?.old ?? 0;
  return { file, row, line, path };
}

/** Checks, the passed ones last. */
export function checks(passed: string[], others: [string, string][] = []): CheckView[] {
  return [
    ...others.map(([name, state]) => ({ name, state })),
    ...passed.map((name) => ({ name, state: "passed" })),
  ];
}

/** An approval that counts. */
export const COUNTS: WillCount = {
  answer: "yes",
  short: "as the 1st of 2",
  reasons: [
    {
      what: "You are senior by the policy, and neither its author, a co-author nor the one who set an agent to work.",
      kept: "",
      todo: "",
    },
  ],
  enrol: false,
};

/** A component of the blast radius. */
export function node(
  name: string,
  distance: number,
  tier: number | null,
  depends: string[],
  severity: SeverityView = "none",
): ComponentView {
  return { name, tier, distance, depends_on: depends, severity };
}

/** What happened, what was kept, what to do. */
export function said(what: string, kept = "", todo = ""): Message {
  return { what, kept, todo };
}
