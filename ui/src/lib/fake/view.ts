import type { ChangeView, Row } from "../types";
import type { SampleChange } from "./build";
import { ownerOf } from "./account";
import { counts } from "./diff";

/** Turns a change of the sample into what the window reads. */
export function viewOf(
  change: SampleChange,
  id: string,
  now: number,
): Omit<ChangeView, "key" | "decided" | "approval"> {
  const { account, host } = ownerOf(id);
  return {
    id,
    account,
    repo: change.repo,
    number: change.number,
    url: `https://${host}/${change.repo}/pull/${change.number}`,
    host,
    title: change.title,
    author: change.author,
    target: change.target,
    created_at: new Date(now - change.minutes * 60_000).toISOString(),
    head: change.head,
    seen: `sha256:${change.head.slice(0, 12)}`,
    html: change.html,
    verdict: { severity: change.severity, lead: change.lead, second: change.second },
    badge: change.badge,
    involvement_words: change.involvement,
    evidence: change.evidence,
    findings: change.findings,
    components: change.components,
    components_words: change.componentsWords,
    not_assessed: change.notAssessed,
    measures: change.measures ?? "",
    checks: change.checks,
    reviews: change.reviews,
    ground: change.ground ?? [],
    files: [],
    since_last: change.sinceLast,
    will_count: change.willCount,
    draft: false,
    as_of: change.asOf ?? null,
  };
}

/** Its row in the queue. */
export function rowOf(change: SampleChange, id: string, since: string): Row {
  const files = change.files.map((file) => counts(file.rows));
  const state = (name: string): number => change.checks.filter((check) => check.state === name).length;
  return {
    id,
    account: ownerOf(id).account,
    repo: change.repo,
    number: change.number,
    title: change.title,
    author: change.person,
    since,
    badge: change.badge,
    severity: change.severity,
    components: change.components.filter((one) => one.distance === 0).map((one) => one.name),
    checks: {
      passed: state("passed"),
      failed: state("failed"),
      running: state("running"),
      skipped: state("skipped"),
    },
    additions: files.reduce((sum, file) => sum + file.additions, 0),
    deletions: files.reduce((sum, file) => sum + file.deletions, 0),
    unread: change.unread ?? false,
    draft: false,
    note: change.note ?? null,
    decision: null,
  };
}
