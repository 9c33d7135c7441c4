import type { Shown } from "../backend";
import type { DecisionView, KeyView, Message, Sheet } from "../types";
import { count } from "../words";
import { runs, said, type SampleChange } from "./build";

const HOST = "github.com";

/** Who is signed in. */
export const ME = "priya-n";

/** What would be signed now. */
export function sheetOf(
  change: SampleChange,
  args: Shown & { decision: DecisionView; words: string },
  key: KeyView | null,
  prompted: boolean,
): Sheet {
  const findings = structuredClone(change.findings.filter((finding) => finding.must_acknowledge));
  const acknowledged = findings.filter((finding) => finding.acknowledged_at !== null).length;
  const open = findings.length - acknowledged;
  const viewed = change.files.filter((file) => file.viewed).length;
  const blockers: Message[] = [];
  if (args.decision === "approve" && open > 0) {
    blockers.push(
      said(
        `${count(open, "finding")} ${open === 1 ? "is" : "are"} left to acknowledge.`,
        "",
        "Read each, then acknowledge it.",
      ),
    );
  }
  if (args.decision !== "approve" && args.words.trim() === "") {
    blockers.push(said("Nothing is written yet.", "", "Say what is to be changed, or what you noticed."));
  }
  if (key === null) blockers.push(said("No key is chosen.", "", "Choose a key from ssh-agent, or make one."));
  const verb = {
    approve: "approve it into",
    request_changes: "request changes before it goes into",
    comment: "comment on it on its way into",
  };
  const danger =
    args.decision === "approve" && findings.length > 0 ? `, knowing that it ${knowing(change)}` : "";
  const now = new Date();
  const expires = new Date(now.getTime() + 7 * 24 * 3_600_000);
  return {
    decision: args.decision,
    sentence: runs(
      `I, *${ME}*, have read *${viewed} of ${count(change.files.length, "file")}* at head \`${change.head.slice(0, 12)}\` and ${verb[args.decision]} \`${change.target}\` of *${change.repo}*${danger}.`,
    ),
    findings: args.decision === "approve" ? findings : [],
    acknowledged,
    not_looked_at: [
      ...change.files.filter((file) => !file.viewed).map((file) => `${file.path}: not viewed`),
      ...change.notAssessed.map((missing) => `${missing.path}: ${missing.reason}`),
    ],
    will_count:
      args.decision === "approve"
        ? change.willCount
        : {
            answer: "unknown",
            short: "only approvals count",
            reasons: [said("The gate counts approvals only; this is signed all the same.")],
            enrol: false,
          },
    key,
    prompted,
    valid: `For this head only, until ${expires.toLocaleString("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" })}.`,
    statement: JSON.stringify(
      {
        _type: "https://in-toto.io/Statement/v1",
        subject: [{ name: `git+https://${HOST}/${change.repo}`, digest: { gitCommit: change.head } }],
        predicate: {
          decision: args.decision,
          reviewer: ME,
          seen: args.seen,
          filesRead: viewed,
          files: change.files.length,
          acknowledged: findings
            .filter((finding) => finding.acknowledged_at !== null)
            .map((finding) => finding.id),
          signedAt: now.toISOString(),
          expiresAt: expires.toISOString(),
        },
      },
      null,
      2,
    ),
    blockers,
  };
}

function knowing(change: SampleChange): string {
  const titles = change.findings
    .filter((finding) => finding.must_acknowledge)
    .slice(0, 2)
    .map((finding) => {
      const text = finding.title.map((run) => (run.strong ? `*${run.text}*` : run.text)).join("");
      return text.charAt(0).toLowerCase() + text.slice(1);
    });
  return titles.join(" and ");
}
