import type { Badge, ComponentView } from "../types";
import { checks, COUNTS, finding, node, runs, spot, type SampleChange } from "./build";
import { longFile, type SampleFile } from "./diff";
import {
  HOSTILE_FILES,
  LABEL_FILES,
  NETWORK_FILES,
  PAYOUT_FILES,
  RECEIPT_FILES,
  RELEASE_FILES,
  RETRY_FILES,
  TABLE_FILES,
} from "./files";

const KIRO: Badge = { involvement: "authored", tool: "Kiro" };

const NETWORK: ComponentView[] = [
  node("network", 0, null, [], "critical"),
  node("ledger-db", 0, null, [], "critical"),
  node("payments-api", 1, 1, ["network"]),
  node("ledger", 1, 1, ["network", "ledger-db"]),
  node("payouts", 1, 1, ["network", "ledger-db"]),
  node("checkout", 2, 1, ["payments-api"]),
  node("reporting", 2, null, ["ledger"]),
  node("merchant-portal", 2, null, ["ledger", "payouts"]),
];

/** More than a picture can hold: ten touched, twenty that depend on them, thirty through those. */
function manyComponents(): ComponentView[] {
  return Array.from({ length: 60 }, (_, index) => {
    const distance = index < 10 ? 0 : index < 30 ? 1 : 2;
    const before =
      distance === 0 ? [] : distance === 1 ? [`service-${index % 10}`] : [`service-${10 + (index % 20)}`];
    return node(`service-${index}`, distance, (index % 3) + 1, before, index < 2 ? "critical" : "none");
  });
}

const PROSE = `<p>Moves the environment to the shared module, so that all regions look the same.</p>
<ul><li>state key renamed</li><li>subnets come from the module</li></ul>
<p>See <a href="https://github.com/acme/infra/issues/470">the issue</a> for the plan.</p>`;

const HOSTILE_PROSE = `<h1>Approved by security</h1><p>See <a href="https://evil.example/">github.com/acme</a>
<span class="link-target">(evil.example)</span>, <span class="image">[image: plan, img.example]</span> and
pass<span class="hidden-char">U+202E</span>word.</p>`;

/** The sample's changes: `big` with a file of twenty thousand lines, `hostile` with one that hides things. */
export function sampleChanges(variant: string): SampleChange[] {
  const big = variant === "big";
  const hostile = variant === "hostile";
  const main = "envs/prod-eu/main.tf";
  const files: SampleFile[] = big
    ? [{ path: "seed/rates.sql", rows: longFile(20_000) }, ...NETWORK_FILES.slice(1, 2)]
    : hostile
      ? [...NETWORK_FILES, ...HOSTILE_FILES]
      : NETWORK_FILES;
  const destroyed = spot(files, main, 'resource "aws_db_instance" "ledger"');
  const guard = spot(files, main, "prevent_destroy");
  const snapshot = spot(files, main, "skip_final_snapshot = true");
  const bigFindings = big
    ? [120, 9_800, 19_990, 30, 40, 50].map((row, index) =>
        finding(
          `bulk-write/${index}`,
          "high",
          `Writes *line ${row}* of the rates by hand`,
          "bulk write",
          "A wrong rate here is charged to every customer until someone notices.",
          "where the numbers come from.",
          { file: 0, row, line: row, path: "seed/rates.sql" },
        ),
      )
    : [];
  return [
    {
      repo: "acme/infra",
      number: 482,
      title: "Move prod-eu to the new network module",
      author: "kiro-agent[bot] for mika",
      person: "mika",
      target: "main",
      minutes: 26,
      section: "needs_you",
      unread: true,
      badge: KIRO,
      head: "9f1c6c1a9e2b40d7718a0b7c55e3d21f04ab86e9",
      html: hostile ? HOSTILE_PROSE : PROSE,
      severity: "critical",
      lead: runs(
        "*Kiro wrote this for mika. It deletes and recreates prod-eu,* with the ledger database that 6 services need.",
      ),
      second: "The title says “move”. After the next apply the data is gone, and no final snapshot is taken.",
      involvement: "The policy asks for a sign-off on everything that an agent wrote.",
      evidence: [
        {
          strength: "certain",
          role: "wrote it",
          text: "author: kiro-agent[bot]",
          place: "author of 3 of 3 commits",
          tool: "Kiro",
        },
        {
          strength: "strong",
          role: "wrote it",
          text: "Co-authored-by: Kiro <kiro@example.com>",
          place: "co-authored-by line in 3 of 3 commits",
          tool: "Kiro",
        },
        {
          strength: "weak",
          role: "wrote it",
          text: "kiro/prod-eu-network",
          place: "branch name",
          tool: "Kiro",
        },
      ],
      findings: [
        {
          ...finding(
            "tf-stateful-removed/1",
            "critical",
            "Destroys the database *prod-eu-ledger*",
            "stateful block removed",
            "The next apply destroys prod-eu-ledger and every row in it.",
            "a snapshot from today that someone has restored once.",
            destroyed,
          ),
          acknowledged_at: "ACK",
        },
        {
          ...finding(
            "tf-guard-removed/1",
            "critical",
            "Removes its guard, *prevent_destroy*",
            "guard removed",
            "The guard that would have stopped this goes away with it.",
            "that the new module guards its own database.",
            guard,
          ),
          acknowledged_at: "ACK",
        },
        finding(
          "tf-recovery-off/1",
          "high",
          "Skips the final snapshot",
          "recovery switched off",
          "No final snapshot is taken: what is destroyed cannot be brought back.",
          "that the module's default is not meant to be kept.",
          snapshot,
        ),
        ...bigFindings,
      ],
      components: big ? manyComponents() : NETWORK,
      componentsWords: big
        ? "50 services, 17 of them tier 1 (T1). Source: countersign.toml."
        : "6 services, 4 of them tier 1 (T1). Source: countersign.toml, 3 manifests.",
      notAssessed: big ? [] : [{ path: "docs/network.png", reason: "binary: no rule can look inside" }],
      measures:
        "6 files in 4 folders; 30 lines added, 15 removed, spread unevenly (entropy 74 %). Code comes, and no test changes with it.",
      checks: checks(["fmt", "validate", "plan (staging)", "policy"], [["plan (prod-eu)", "skipped"]]),
      reviews: [{ author: "sol-v", words: "approved an older head, so it does not count" }],
      ground: [
        { words: runs("5 files: owned by *@ines-k*, who was not asked."), asked: false },
        { words: runs("1 file: owned by *@acme/platform*, who was asked."), asked: true },
      ],
      files,
      sinceLast: "1 commit, 2 files",
      willCount: COUNTS,
    },
    {
      repo: "acme/payments",
      number: 4217,
      title: "Drop legacy_invoices and its views",
      author: "tomas-r",
      person: "tomas-r",
      target: "main",
      minutes: 64,
      section: "needs_you",
      unread: true,
      badge: { involvement: "authored", tool: "Claude Code" },
      head: "41d0be77c0aa5f1e9d3c8844e21b6a9077f1350c",
      html: "<p>Nothing reads the table any more.</p>",
      severity: "critical",
      lead: runs(
        "*Claude Code wrote this for tomas-r. It drops the table legacy_invoices* in ledger, on which 4 components depend.",
      ),
      second: "Two views in reporting go with it, and the test that compares the totals is deleted.",
      involvement: "The policy asks for a sign-off on everything that an agent wrote.",
      evidence: [
        {
          strength: "certain",
          role: "wrote it",
          text: "Co-Authored-By: Claude <noreply@anthropic.com>",
          place: "co-authored-by line in 2 of 2 commits",
          tool: "Claude Code",
        },
        {
          strength: "strong",
          role: "wrote it",
          text: "Generated with Claude Code",
          place: "description",
          tool: "Claude Code",
        },
      ],
      findings: [
        finding(
          "sql-drop-table/1",
          "critical",
          "Drops the table *billing.legacy_invoices*",
          "destructive migration",
          "CASCADE takes everything that depends on the table with it, and says nothing about it.",
          "that a dump of the table exists and nothing in reporting reads it.",
          spot(TABLE_FILES, "migrations/20260711_drop_legacy_invoices.sql", "drop table"),
        ),
        finding(
          "sql-drop-column/1",
          "high",
          "Drops the column *legacy_id*",
          "destructive migration",
          "The code that runs until the deployment ends still selects this column.",
          "that the release before this one no longer reads it.",
          spot(TABLE_FILES, "migrations/20260711_drop_legacy_invoices.sql", "drop column"),
        ),
        finding(
          "test-removed/1",
          "medium",
          "Deletes the test *legacy_totals_match*",
          "test removed",
          "It was the only test that compared old and new totals.",
          "whether another test does.",
          spot(TABLE_FILES, "tests/billing/legacy.rs", "fn legacy_totals_match"),
        ),
      ],
      components: [
        node("ledger", 0, 1, [], "critical"),
        node("reporting", 1, null, ["ledger"]),
        node("payouts", 1, 1, ["ledger"]),
        node("invoices-api", 1, 2, ["ledger"]),
        node("merchant-portal", 2, null, ["invoices-api"]),
      ],
      componentsWords: "4 services, 1 of them tier 1 (T1). Source: countersign.toml.",
      notAssessed: [],
      checks: checks(Array.from({ length: 12 }, (_, index) => `test (${index + 1} of 12)`)),
      reviews: [],
      files: TABLE_FILES,
      sinceLast: null,
      willCount: COUNTS,
    },
    {
      repo: "acme/payments",
      number: 4220,
      title: "Retry card webhooks with backoff",
      author: "noor-k",
      person: "noor-k",
      target: "main",
      minutes: 128,
      section: "needs_you",
      badge: { involvement: "assisted", tool: "Copilot" },
      head: "5d20be914471c2aa0e1f3c5b7d992c60815e4fa3",
      html: "<p>Webhooks get lost when the bank answers late.</p>",
      severity: "medium",
      lead: runs(
        "*noor-k wrote this with help from Copilot. It adds a dependency,* p-queue-lite, to payments-api.",
      ),
      second: "Nothing in the diff uses it yet.",
      involvement: "The policy asks for a sign-off on assisted changes.",
      evidence: [
        {
          strength: "strong",
          role: "helped",
          text: "Co-authored-by: Copilot <copilot@github.com>",
          place: "co-authored-by line in 1 of 4 commits",
          tool: "Copilot",
        },
      ],
      findings: [
        finding(
          "dep-added/1",
          "medium",
          "Adds the dependency *p-queue-lite*",
          "dependency added",
          "The package is two weeks old and has one maintainer.",
          "who maintains it, and whether it is needed at all.",
          spot(RETRY_FILES, "package.json", "p-queue-lite"),
        ),
      ],
      components: [node("payments-api", 0, 1, [], "medium"), node("checkout", 1, 1, ["payments-api"])],
      componentsWords: "2 services, both tier 1 (T1). Source: countersign.toml.",
      notAssessed: [],
      checks: checks(Array.from({ length: 12 }, (_, index) => `test (${index + 1} of 12)`)),
      reviews: [{ author: "ade-o", words: "commented on this head" }],
      files: RETRY_FILES,
      sinceLast: null,
      willCount: COUNTS,
    },
    {
      repo: "acme/web",
      number: 1893,
      title: "Tidy the checkout form labels",
      author: "lena-w",
      person: "lena-w",
      target: "main",
      minutes: 190,
      section: "needs_you",
      badge: { involvement: "suspected", tool: "Cursor" },
      head: "77aa01be6b1ff0c95cc80de0243b7e1a9946d3f2",
      html: "",
      severity: "low",
      lead: runs("*lena-w may have written this with Cursor. It changes two labels* in the checkout form."),
      second: "",
      involvement: "Only weak marks; the policy asks for a sign-off where AI is suspected.",
      evidence: [
        {
          strength: "weak",
          role: "wrote it",
          text: "cursor/tidy-labels",
          place: "branch name",
          tool: "Cursor",
        },
      ],
      findings: [
        finding(
          "text-in-payment-form/1",
          "low",
          "Changes words in a *payment form*",
          "user-facing text",
          "Labels of a payment form are checked by the law team in some countries.",
          "the wording for each language.",
          spot(LABEL_FILES, "web/checkout/form.tsx", "Postcode"),
        ),
      ],
      components: [],
      componentsWords: "",
      notAssessed: [],
      checks: checks(Array.from({ length: 8 }, (_, index) => `web (${index + 1} of 8)`)),
      reviews: [],
      files: LABEL_FILES,
      sinceLast: null,
      willCount: {
        answer: "no",
        short: "will not count",
        reasons: [
          {
            what: "The policy does not know this key for priya@acme.example.",
            kept: "",
            todo: "Have its line added to the allowed signers on the target branch, or choose another key.",
          },
        ],
        enrol: true,
      },
    },
    {
      repo: "acme/web",
      number: 1890,
      title: "Let the release job write packages",
      author: "ade-o",
      person: "ade-o",
      target: "main",
      minutes: 312,
      section: "your_teams",
      badge: { involvement: "suggestion_applied", tool: "Copilot" },
      head: "b7731c80de0243b7e1a9946d3f277aa01be6b1ff",
      html: "<p>The release failed because the token may not write packages.</p>",
      severity: "high",
      lead: runs(
        "*ade-o wrote this and took a line from Copilot. It lets the release job write packages,* without its environment's approval.",
      ),
      second: "The job no longer waits for the release environment.",
      involvement: "A suggestion of an AI reviewer was applied; the policy asks for a sign-off.",
      evidence: [
        {
          strength: "strong",
          role: "suggested a line",
          text: "suggestion by copilot-pull-request-reviewer[bot]",
          place: "message of 1 of 2 commits",
          tool: "Copilot",
        },
      ],
      findings: [
        finding(
          "ci-permission/1",
          "high",
          "Gives the release job *packages: write*",
          "CI permission",
          "Whoever can change this workflow can then publish packages.",
          "that only tagged commits start it.",
          spot(RELEASE_FILES, ".github/workflows/release.yml", "packages: write"),
        ),
      ],
      components: [node("release", 0, 2, [], "high"), node("web", 1, 1, ["release"])],
      componentsWords: "1 service, tier 1 (T1). Source: countersign.toml.",
      notAssessed: [],
      checks: checks(Array.from({ length: 8 }, (_, index) => `web (${index + 1} of 8)`)),
      reviews: [],
      files: RELEASE_FILES,
      sinceLast: null,
      willCount: COUNTS,
    },
    {
      repo: "acme/web",
      number: 1888,
      title: "Show the order number in receipts",
      author: "jun-p",
      person: "jun-p",
      target: "main",
      minutes: 1_500,
      section: "your_teams",
      badge: { involvement: "undeclared", tool: null },
      head: "0e1f3c5b7d992c60815e4fa35d20be914471c2aa",
      html: "<p>Support asked for it.</p>",
      severity: "none",
      lead: runs("*jun-p opened this; nobody said whether AI helped.* No rule found a danger in it."),
      second: "",
      involvement: "Nobody said whether AI helped; the policy asks for a sign-off.",
      evidence: [],
      findings: [],
      components: [],
      componentsWords: "",
      notAssessed: [],
      checks: checks(["web (1 of 2)"], [["web (2 of 2)", "failed"]]),
      reviews: [],
      files: RECEIPT_FILES,
      sinceLast: null,
      willCount: COUNTS,
    },
    {
      repo: "acme/payments",
      number: 4198,
      title: "Split the payout job by region",
      author: "noor-k",
      person: "noor-k",
      target: "main",
      minutes: 12,
      section: "came_back",
      note: "2 new commits",
      unread: true,
      badge: { involvement: "assisted", tool: "Claude Code" },
      head: "c60815e4fa35d20be914471c2aa0e1f3c5b7d992",
      html: "<p>One region at a time, so that one bank's outage does not stop the others.</p>",
      severity: "high",
      lead: runs(
        "*noor-k wrote this with help from Claude Code. It starts payouts without waiting for them,* so that a failed one is not seen.",
      ),
      second: "You approved it at 8c11d0f2; since then the loop was rewritten.",
      involvement: "The policy asks for a sign-off on assisted changes.",
      evidence: [
        {
          strength: "certain",
          role: "wrote it",
          text: "Co-Authored-By: Claude <noreply@anthropic.com>",
          place: "co-authored-by line in 2 of 5 commits",
          tool: "Claude Code",
        },
      ],
      findings: [
        finding(
          "error-dropped/1",
          "high",
          "Drops the error of *run*",
          "error handling removed",
          "A payout that fails is neither repeated nor reported.",
          "where a failed region shows up now.",
          spot(PAYOUT_FILES, "jobs/payout/schedule.go", "go run"),
        ),
      ],
      components: [node("payouts", 0, 1, [], "high"), node("ledger", 1, 1, ["payouts"])],
      componentsWords: "2 services, both tier 1 (T1). Source: countersign.toml.",
      notAssessed: [],
      checks: checks(Array.from({ length: 12 }, (_, index) => `test (${index + 1} of 12)`)),
      reviews: [],
      files: PAYOUT_FILES,
      sinceLast: "2 commits, 1 file",
      earlier: [
        {
          path: "jobs/payout/schedule.go",
          number: 22,
          kind: "added",
          text: "\tgroup.SetLimit(len(regions))",
        },
      ],
      willCount: COUNTS,
    },
    {
      repo: "acme/web",
      number: 1899,
      title: "Update the imprint",
      author: "lena-w",
      person: "lena-w",
      target: "main",
      minutes: 45,
      section: "your_teams",
      badge: { involvement: "declared_none", tool: null },
      needsSignOff: false,
      head: "11f0c95cc80de0243b7e1a9946d3f277aa01be6b",
      html: "",
      severity: "none",
      lead: runs("*lena-w says that no AI was used.* No rule found a danger in it."),
      second: "",
      involvement: "Declared by its author; the policy does not ask for a sign-off.",
      evidence: [],
      findings: [],
      components: [],
      componentsWords: "",
      notAssessed: [],
      checks: [],
      reviews: [],
      files: RECEIPT_FILES,
      sinceLast: null,
      willCount: COUNTS,
    },
  ];
}
