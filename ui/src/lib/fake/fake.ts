import type { Backend, Shown } from "../backend";
import type {
  ChangeView,
  Code,
  Decided,
  DecisionRow,
  DecisionView,
  Failure,
  FileView,
  Keys,
  KeyView,
  Message,
  OutboxStateView,
  Queue,
  QueueFilter,
  Row,
  Section,
  SectionKind,
  SeverityView,
  Sheet,
  SignInResult,
  Status,
} from "../types";
import { count, worse } from "../words";
import { counts } from "./diff";
import { KEYS, runs, sampleChanges, viewOf, type SampleChange } from "./sample";

/** What the sample can be asked to be like, besides itself. */
const VARIANTS = [
  "",
  "offline",
  "empty",
  "loading",
  "error",
  "signed-out",
  "no-key",
  "declined",
  "moving",
  "big",
] as const;
type Variant = (typeof VARIANTS)[number];

interface Held {
  id: string;
  change: SampleChange;
}

interface Entry {
  id: string;
  repo: string;
  number: number;
  title: string;
  row: DecisionRow;
}

const HOST = "github.com";
const ME = "priya-n";

function fail(code: Code, message: string, hint = ""): never {
  throw { code, message, hint } satisfies Failure;
}

function said(what: string, kept = "", todo = ""): Message {
  return { what, kept, todo };
}

/** A backend that lives in memory: for a first look without an account, and for tests. Nothing leaves it. */
class Fake implements Backend {
  readonly sample = true;
  #variant: Variant;
  #start = Date.now();
  #revision = 1;
  #told = new Set<(revision: number) => void>();
  #held: Held[];
  #entries: Entry[] = [];
  #keys: KeyView[];
  #account: boolean;
  #polled = this.#start - 40_000;
  #open: string | null = null;

  constructor(variant: Variant) {
    this.#variant = variant;
    this.#account = variant !== "signed-out";
    const empty = variant === "empty" || variant === "loading";
    this.#held = (empty ? [] : sampleChanges(variant === "big")).map((change) => ({
      id: `${HOST}/${change.repo}#${change.number}`,
      change: structuredClone(change),
    }));
    for (const { change } of this.#held) {
      for (const finding of change.findings) {
        if (finding.acknowledged_at !== null) finding.acknowledged_at = this.#ago(3);
      }
    }
    this.#keys = structuredClone(KEYS);
    if (variant === "no-key") for (const key of this.#keys) key.chosen = false;
    if (!empty) this.#entries = this.#outbox(variant === "offline");
  }

  #ago(minutes: number): string {
    return new Date(this.#start - minutes * 60_000).toISOString();
  }

  #outbox(offline: boolean): Entry[] {
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
      id: `${HOST}/${repo}#${number}`,
      repo,
      number,
      title,
      row: { entry: id, decision, state, head, signed_at: this.#ago(minutes), words, message, url: null },
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

  #changed(): void {
    this.#revision += 1;
    for (const told of this.#told) told(this.#revision);
  }

  /** Somebody pushes while one reads. */
  #push(): void {
    const first = this.#held[0];
    if (first === undefined) return;
    first.change.head = `c03a77e4${first.change.head.slice(8)}`;
    first.change.sinceLast = "2 commits, 1 file";
    for (const finding of first.change.findings) finding.acknowledged_at = null;
    this.#changed();
  }

  #of(id: string): Held {
    if (!this.#account) fail("signed_out", "Nobody is signed in.", "Sign in first.");
    const found = this.#held.find((one) => one.id === id);
    if (found === undefined)
      fail("unknown_change", "This change is not on this machine.", "Poll again when the forge answers.");
    return found;
  }

  #at(id: string, head: string): Held {
    const held = this.#of(id);
    if (held.change.head !== head) {
      fail("moved", `The head moved to ${held.change.head.slice(0, 8)}.`, "The change is read again.");
    }
    return held;
  }

  #key(): KeyView | null {
    return this.#keys.find((key) => key.chosen) ?? null;
  }

  #row({ id, change }: Held): Row {
    const files = change.files.map((file) => counts(file.rows));
    const state = (name: string): number => change.checks.filter((check) => check.state === name).length;
    return {
      id,
      repo: change.repo,
      number: change.number,
      title: change.title,
      author: change.person,
      since: this.#ago(change.minutes),
      badge: change.badge,
      severity: change.severity,
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

  #entryRow(entry: Entry): Row {
    const held = this.#held.find(({ id }) => id === entry.id);
    const base: Row =
      held === undefined
        ? {
            id: entry.id,
            repo: entry.repo,
            number: entry.number,
            title: entry.title,
            author: "",
            since: entry.row.signed_at,
            badge: { involvement: "undeclared", tool: null },
            severity: "none",
            checks: { passed: 0, failed: 0, running: 0, skipped: 0 },
            additions: 0,
            deletions: 0,
            unread: false,
            draft: false,
            note: null,
            decision: null,
          }
        : this.#row(held);
    return { ...base, since: entry.row.signed_at, unread: false, decision: { ...entry.row } };
  }

  #offline(): boolean {
    return this.#variant === "offline";
  }

  async status(): Promise<Status> {
    const open = this.#open;
    this.#open = null;
    const waiting = this.#entries.filter(({ row }) => row.state !== "confirmed").length;
    if (!this.#account) {
      return {
        revision: this.#revision,
        account: null,
        connection: "connecting",
        offline_since: null,
        data_at: null,
        next_poll_at: null,
        quota_left: null,
        quota_limit: null,
        outbox: 0,
        keychain: "unlocked",
        key: null,
        pending: 0,
        open: null,
        version: "0.1.0",
      };
    }
    const loading = this.#variant === "loading";
    return {
      revision: this.#revision,
      account: { host: HOST, login: ME, token_expires_at: null, session_only: false },
      connection: this.#offline() ? "offline" : loading ? "connecting" : "online",
      offline_since: this.#offline() ? this.#ago(34) : null,
      data_at: loading ? null : this.#offline() ? this.#ago(34) : new Date(this.#polled).toISOString(),
      next_poll_at: loading
        ? null
        : new Date(Math.max(this.#polled + 60_000, Date.now() + 1_000)).toISOString(),
      quota_left: this.#offline() || loading ? null : 4_812,
      quota_limit: this.#offline() || loading ? null : 5_000,
      outbox: waiting,
      keychain: this.#variant === "error" ? "locked" : "unlocked",
      key: this.#key(),
      pending: this.#held.filter(({ change }) => change.section === "needs_you").length,
      open,
      version: "0.1.0",
    };
  }

  async queue({ filter }: { filter: QueueFilter }): Promise<Queue> {
    if (this.#variant === "error") {
      fail(
        "other",
        "The queue could not be read: the cache is on a full disk. Nothing was lost.",
        "Free some space, then try again.",
      );
    }
    const live = new Set(
      this.#entries
        .filter(
          ({ row }) =>
            ["queued", "pending", "submitted", "confirmed"].includes(row.state) && row.decision !== "comment",
        )
        .map(({ id }) => id),
    );
    const waiting = this.#held.filter(({ id }) => !live.has(id));
    const listed = waiting.filter(({ change }) => filter === "all" || change.needsSignOff !== false);
    const why: Record<SectionKind, string> = {
      needs_you: "asked by name",
      your_teams: "platform, web-owners",
      came_back: "moved after you approved",
      outbox:
        this.#entries.some(({ row }) => row.state === "submitted") && !this.#offline() ? "reading back" : "",
      done_today: "",
    };
    const section = (kind: SectionKind, rows: Row[]): Section[] =>
      rows.length === 0 ? [] : [{ kind, why: why[kind], rows }];
    const of = (kind: SectionKind): Row[] =>
      listed.filter(({ change }) => change.section === kind).map((held) => this.#row(held));
    return {
      revision: this.#revision,
      sections: [
        ...section("needs_you", of("needs_you")),
        ...section("your_teams", of("your_teams")),
        ...section("came_back", of("came_back")),
        ...section(
          "outbox",
          this.#entries.filter(({ row }) => row.state !== "confirmed").map((entry) => this.#entryRow(entry)),
        ),
        ...section(
          "done_today",
          this.#entries.filter(({ row }) => row.state === "confirmed").map((entry) => this.#entryRow(entry)),
        ),
      ],
      banners: this.#banners(),
      first_sync: this.#variant === "loading",
      hidden: waiting.length - listed.length,
    };
  }

  #banners(): Queue["banners"] {
    if (this.#offline()) {
      return [
        {
          kind: "offline",
          message: said(
            "github.com cannot be reached.",
            `${count(this.#held.length, "change")} with their whole diffs are on this machine; you can read and decide.`,
          ),
          link: null,
        },
      ];
    }
    if (this.#variant !== "") return [];
    return [
      {
        kind: "hidden",
        message: said(
          "Changes in acme-labs are hidden until you renew its single sign-on.",
          "",
          "Renew it at the forge.",
        ),
        link: "https://github.com/orgs/acme-labs/sso",
      },
    ];
  }

  async change({ id }: { id: string }): Promise<ChangeView> {
    const held = this.#of(id);
    held.change.unread = false;
    if (this.#variant === "moving" && held === this.#held[0]) {
      this.#variant = "";
      setTimeout(() => this.#push(), 1_500);
    }
    const decided = this.#entries.find((entry) => entry.id === id && entry.row.head === held.change.head);
    return {
      ...structuredClone(viewOf(held.change, id, this.#start)),
      files: held.change.files.map((file, index) => ({
        path: file.path,
        old_path: file.old_path ?? null,
        kind: file.kind ?? "modified",
        ...counts(file.rows),
        note: file.note ?? null,
        severity: held.change.findings
          .filter((finding) => finding.file === index)
          .map((finding) => finding.severity)
          .reduce<SeverityView>((worst, one) => (worse(one, worst) > 0 ? one : worst), "none"),
        viewed: file.viewed ?? false,
      })),
      key: this.#key(),
      decided: decided === undefined ? null : { ...decided.row },
    };
  }

  async file({ id, head, index }: { id: string; head: string; index: number }): Promise<FileView> {
    const file = this.#at(id, head).change.files[index];
    if (file === undefined) fail("other", "There is no such file in the diff.");
    return { index, head, rows: file.rows };
  }

  async mark_viewed(args: { id: string; head: string; index: number; viewed: boolean }): Promise<null> {
    const file = this.#at(args.id, args.head).change.files[args.index];
    if (file === undefined) fail("other", "There is no such file in the diff.");
    file.viewed = args.viewed;
    this.#changed();
    return null;
  }

  async acknowledge(args: {
    id: string;
    head: string;
    finding: string;
    acknowledged: boolean;
  }): Promise<null> {
    const finding = this.#at(args.id, args.head).change.findings.find((one) => one.id === args.finding);
    if (finding === undefined)
      fail("other", "There is no such finding at this head.", "Read the change again.");
    finding.acknowledged_at = args.acknowledged ? new Date().toISOString() : null;
    this.#changed();
    return null;
  }

  async preflight(args: Shown & { decision: DecisionView; words: string }): Promise<Sheet> {
    const { change } = this.#at(args.id, args.head);
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
    if (this.#key() === null)
      blockers.push(said("No key is chosen.", "", "Choose a key from ssh-agent, or make one."));
    const verb = {
      approve: "approve it into",
      request_changes: "request changes before it goes into",
      comment: "comment on it on its way into",
    };
    const danger =
      args.decision === "approve" && findings.length > 0 ? `, knowing that it ${this.#knowing(change)}` : "";
    const now = new Date();
    const expires = new Date(now.getTime() + 7 * 24 * 3_600_000);
    return {
      decision: args.decision,
      sentence: runs(
        `I, *${ME}*, have read *${viewed} of ${count(change.files.length, "file")}* at head ${change.head.slice(0, 12)} and ${verb[args.decision]} *${change.target}* of *${change.repo}*${danger}.`,
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
            },
      key: this.#key(),
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

  #knowing(change: SampleChange): string {
    const titles = change.findings
      .filter((finding) => finding.must_acknowledge)
      .slice(0, 2)
      .map((finding) => {
        const text = finding.title.map((run) => (run.strong ? `*${run.text}*` : run.text)).join("");
        return text.charAt(0).toLowerCase() + text.slice(1);
      });
    return titles.join(" and ");
  }

  async decide(args: Shown & { decision: DecisionView; words: string }): Promise<Decided> {
    const held = this.#at(args.id, args.head);
    const sheet = await this.preflight(args);
    const [blocker] = sheet.blockers;
    if (blocker !== undefined) fail("cannot_sign", `Not signed: ${blocker.what}`, blocker.todo);
    // The time that a person takes to answer the system's question.
    await new Promise((done) => setTimeout(done, 200));
    if (this.#variant === "declined") return { signed: false, entry: null };
    const entry: Entry = {
      id: held.id,
      repo: held.change.repo,
      number: held.change.number,
      title: held.change.title,
      row: {
        entry: `e${Date.now()}`,
        decision: args.decision,
        state: "queued",
        head: args.head,
        signed_at: new Date().toISOString(),
        words: args.words,
        message: null,
        url: null,
      },
    };
    this.#entries.unshift(entry);
    this.#changed();
    if (!this.#offline()) {
      for (const [state, after] of [
        ["submitted", 900],
        ["confirmed", 1_900],
      ] as const) {
        setTimeout(() => {
          entry.row.state = state;
          this.#changed();
        }, after);
      }
    }
    return { signed: true, entry: { ...entry.row } };
  }

  async discard({ entry }: { entry: string }): Promise<null> {
    const found = this.#entries.find(({ row }) => row.entry === entry);
    if (found?.row.state === "submitted" || found?.row.state === "pending") {
      fail(
        "other",
        "It is on its way: the forge may have it already. Nothing was taken back.",
        "Wait until it is confirmed; dismiss it at the forge if need be.",
      );
    }
    this.#entries = this.#entries.filter((one) => one !== found);
    this.#changed();
    return null;
  }

  async refresh(): Promise<null> {
    if (this.#offline())
      fail(
        "other",
        "github.com still cannot be reached. Nothing was lost.",
        "Countersign tries again by itself.",
      );
    if (this.#variant === "error") this.#variant = "";
    this.#polled = Date.now();
    this.#changed();
    return null;
  }

  async sign_in({ forge, token }: { forge: string; token: string }): Promise<SignInResult> {
    const host = forge.trim() || HOST;
    const steps = [{ name: `${host} answers`, ok: true, detail: "" }];
    if (token.trim().length < 8) {
      steps.push({
        name: "The token is accepted",
        ok: false,
        detail: `${host} does not know this token. Make a new one and sign in again.`,
      });
      return { ok: false, steps };
    }
    steps.push({ name: "The token is accepted", ok: true, detail: `It belongs to ${ME}.` });
    steps.push({ name: "repo", ok: true, detail: "read changes and post your reviews" });
    steps.push({
      name: "Kept in the keychain",
      ok: true,
      detail: "The token is nowhere else on this machine.",
    });
    this.#account = true;
    this.#changed();
    return { ok: true, steps };
  }

  async sign_out(): Promise<null> {
    this.#account = false;
    this.#changed();
    return null;
  }

  async keys(): Promise<Keys> {
    const chosen = this.#key();
    return {
      keys: structuredClone(this.#keys),
      messages: [],
      enrol_line:
        chosen === null
          ? null
          : `priya@acme.example namespaces="countersign" ${chosen.public_line.split(" ").slice(0, 2).join(" ")}`,
    };
  }

  async choose_key({ fingerprint }: { fingerprint: string }): Promise<null> {
    if (!this.#keys.some((key) => key.fingerprint === fingerprint)) {
      fail("keys", "This key is no longer there. The key that signs is unchanged.", "List the keys again.");
    }
    for (const key of this.#keys) key.chosen = key.fingerprint === fingerprint;
    this.#changed();
    return null;
  }

  async make_key(): Promise<KeyView> {
    const key: KeyView = {
      fingerprint: `SHA256:n3W${Date.now().toString(36).padEnd(20, "k")}Qz`,
      algorithm: "ssh-ed25519",
      comment: "countersign",
      place: "keychain",
      hardware: false,
      chosen: false,
      public_line: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE5ldw countersign",
    };
    this.#keys.push(key);
    this.#changed();
    return { ...key };
  }

  async open_link({ url }: { url: string }): Promise<null> {
    if (!url.startsWith(`https://${HOST}/`)) {
      fail(
        "other",
        "This address is not at a configured forge. It was not opened.",
        "Copy it into a browser if you trust it.",
      );
    }
    return null;
  }

  async onChanged(told: (revision: number) => void): Promise<() => void> {
    this.#told.add(told);
    return () => this.#told.delete(told);
  }
}

/** The sample, in the named variant; an unknown name is the sample as it is. */
export function fakeBackend(variant: string): Backend {
  return new Fake(VARIANTS.find((one) => one === variant) ?? "");
}
