import type { Backend, Shown } from "../backend";
import type {
  AccountView,
  ApprovalView,
  ChangeView,
  Decided,
  DecisionView,
  DeviceView,
  Diagnostics,
  Exported,
  FileView,
  Found,
  Keys,
  KeyProposal,
  KeyView,
  NetworkView,
  Message,
  OtherLedger,
  OutboxStateView,
  ProxyMode,
  Queue,
  QueueFilter,
  Rotation,
  Row,
  Section,
  SectionKind,
  SeverityView,
  Sheet,
  SignInResult,
  Status,
  TokenState,
  Withdrawn,
} from "../types";
import { worse } from "../words";
import { checked, ownerOf, SECOND, signedOut, statusOf, UNOPENED } from "./account";
import { bannersOf } from "./banners";
import { said, type SampleChange } from "./build";
import { SAMPLE_DIAGNOSTICS } from "./diagnostics";
import { counts } from "./diff";
import { fail } from "./failing";
import { KEYS } from "./keys";
import { FakeNetwork } from "./network";
import { sampleEntries, type Entry } from "./outbox";
import { rotationOf } from "./rotation";
import { sampleChanges } from "./sample";
import { foundIn } from "./search";
import { ME, sheetOf } from "./sheet";
import { rowOf, viewOf } from "./view";

/** What the sample can be asked to be like, besides itself. */
const VARIANTS = [
  "",
  "offline",
  "empty",
  "loading",
  "restoring",
  "locked",
  "error",
  "signed-out",
  "first-run",
  "no-key",
  "declined",
  "moving",
  "big",
  "hostile",
  "full-disk",
  "damaged",
  "unopened",
  "no-right",
  "two-accounts",
] as const;
export type Variant = (typeof VARIANTS)[number];

interface Held {
  id: string;
  change: SampleChange;
}

const FIRST = "first";
const HOST = "github.com";
/** Of the second account. */
const SERVER = "ghe.example.com";

/** Was confirmed, whatever became of it since. */
function over(state: OutboxStateView): boolean {
  return state === "confirmed" || state === "withdrawn";
}

/** A backend that lives in memory: for a first look without an account, and for tests. Nothing leaves it. */
class Fake implements Backend {
  readonly sample = true;
  #variant: Variant;
  #otherLedgers: OtherLedger[] = [];
  #start = Date.now();
  #revision = 1;
  #told = new Set<(revision: number) => void>();
  #held: Held[];
  #entries: Entry[] = [];
  #keys: KeyView[];
  /** Who is signed in, by name. */
  #accounts = new Set<string>();
  /** Which key signs for an account, by its fingerprint. */
  #chosen = new Map<string, string>();
  #restoring: boolean;
  #token: TokenState;
  #polled = this.#start - 40_000;
  #open: string | null = null;
  #prompted = false;
  #network = new FakeNetwork();
  /** Approvals that came back were given before the sample begins. */
  #withdrawn = new Set<string>();

  constructor(variant: Variant) {
    this.#variant = variant;
    this.#restoring = variant === "restoring";
    if (variant !== "signed-out" && variant !== "first-run" && !this.#restoring) this.#accounts.add(FIRST);
    if (variant === "two-accounts") this.#accounts.add(SECOND);
    this.#token = variant === "locked" ? "locked" : "held";
    if (this.#restoring) {
      setTimeout(() => {
        this.#restoring = false;
        this.#accounts.add(FIRST);
        this.#changed();
      }, 2_000);
    }
    const empty = variant === "empty" || variant === "loading";
    this.#held = (empty ? [] : sampleChanges(variant)).map((change) => {
      const there = variant === "two-accounts" && change.repo === "acme/payments";
      const place = there ? `${SECOND}:${SERVER}` : `${FIRST}:${HOST}`;
      return { id: `${place}/${change.repo}#${change.number}`, change: structuredClone(change) };
    });
    for (const { change } of this.#held) {
      for (const finding of change.findings) {
        if (finding.acknowledged_at !== null) finding.acknowledged_at = this.#ago(3);
      }
    }
    this.#keys = structuredClone(KEYS);
    const signs = this.#keys.find((key) => key.chosen);
    if (signs !== undefined && variant !== "no-key" && variant !== "first-run") {
      for (const account of [FIRST, ...(variant === "two-accounts" ? [SECOND] : [])])
        this.#chosen.set(account, signs.fingerprint);
    }
    if (!empty) this.#entries = sampleEntries(variant === "offline", (minutes) => this.#ago(minutes));
  }

  #ago(minutes: number): string {
    return new Date(this.#start - minutes * 60_000).toISOString();
  }

  /** Nothing can be written any more. */
  #write(): void {
    if (this.#variant === "full-disk")
      fail("other", "The disk is full. Nothing was written.", "Free some space, then try again.");
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
    if (this.#accounts.size === 0) fail("signed_out", "Nobody is signed in.", "Sign in first.");
    const found = this.#visible().find((one) => one.id === id);
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

  /** What the accounts that are signed in see. */
  #visible(): Held[] {
    return this.#held.filter(({ id }) => this.#accounts.has(ownerOf(id).account));
  }

  /** The keys, as they are for an account. */
  #keysOf(account: string): KeyView[] {
    const chosen = this.#chosen.get(account);
    return this.#keys.map((key) => ({ ...structuredClone(key), chosen: key.fingerprint === chosen }));
  }

  #key(account: string): KeyView | null {
    return this.#keysOf(account).find((key) => key.chosen) ?? null;
  }

  #row({ id, change }: Held): Row {
    return rowOf(change, id, this.#ago(change.minutes));
  }

  #entryRow(entry: Entry): Row {
    const held = this.#held.find(({ id }) => id === entry.id);
    const base: Row =
      held === undefined
        ? {
            id: entry.id,
            account: ownerOf(entry.id).account,
            repo: entry.repo,
            number: entry.number,
            title: entry.title,
            author: "",
            since: entry.row.signed_at,
            badge: { involvement: "undeclared", tool: null },
            severity: "none",
            components: [],
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

  #accountView(name: string): AccountView {
    const second = name === SECOND;
    const offline = this.#offline() || second;
    const loading = this.#variant === "loading";
    const mine = (id: string): boolean => ownerOf(id).account === name;
    return {
      name,
      label: second ? SERVER : HOST,
      host: second ? SERVER : HOST,
      login: ME,
      token_expires_at: null,
      session_only: false,
      token: this.#token,
      connection: offline ? "offline" : loading || this.#token !== "held" ? "connecting" : "online",
      offline_since: offline ? this.#ago(34) : null,
      trouble: second
        ? said(
            `${SERVER} cannot be reached: no route to it.`,
            "What was read before is on this machine; you can read and decide.",
            "Countersign tries again by itself.",
          )
        : null,
      data_at: loading ? null : offline ? this.#ago(34) : new Date(this.#polled).toISOString(),
      next_poll_at: loading
        ? null
        : new Date(Math.max(this.#polled + 60_000, Date.now() + 1_000)).toISOString(),
      quota_left: offline || loading ? null : 4_812,
      quota_limit: offline || loading ? null : 5_000,
      outbox: this.#entries.filter(({ id, row }) => mine(id) && !over(row.state)).length,
      pending: this.#held.filter(({ id, change }) => mine(id) && change.section === "needs_you").length,
      key: this.#key(name),
    };
  }

  async status(): Promise<Status> {
    const open = this.#open;
    this.#open = null;
    if (this.#variant === "damaged") {
      fail(
        "other",
        "The database is damaged: database disk image is malformed.",
        "Nothing was reset. Move the file away to start afresh; decisions already confirmed are at the forge.",
      );
    }
    if (this.#accounts.size === 0) return signedOut(this.#revision, this.#restoring, this.#otherLedgers);
    return statusOf(
      [...this.#accounts].map((name) => this.#accountView(name)),
      {
        unopened: this.#variant === "unopened" ? [UNOPENED] : [],
        revision: this.#revision,
        keychain: this.#variant === "error" || this.#token === "locked" ? "locked" : "unlocked",
        open,
        other_ledgers: this.#otherLedgers,
      },
    );
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
    const waiting = this.#visible().filter(({ id }) => !live.has(id));
    const listed = waiting.filter(({ change }) => filter === "all" || change.needsSignOff !== false);
    const why: Record<SectionKind, string> = {
      needs_you: "asked by name",
      your_teams: "platform, web-owners",
      came_back: "moved after you approved",
      outbox:
        this.#entries.some(({ row }) => row.state === "submitted") && !this.#offline() ? "reading back" : "",
      approvals: "",
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
          this.#entries.filter(({ row }) => !over(row.state)).map((entry) => this.#entryRow(entry)),
        ),
        ...section(
          "done_today",
          this.#entries.filter(({ row }) => over(row.state)).map((entry) => this.#entryRow(entry)),
        ),
      ],
      banners: bannersOf(this.#token === "locked" ? "locked" : this.#variant, this.#held.length),
      first_sync: this.#variant === "loading",
      hidden: waiting.length - listed.length,
    };
  }

  async search({ text }: { text: string; after: string | null }): Promise<Found> {
    const wanted = text.trim().toLowerCase();
    const found = this.#visible().map(({ id, change }) => foundIn(id, change, wanted));
    return {
      changes: found.filter((one) => one !== null),
      searched: this.#visible().length,
      without_diff: 0,
      of: this.#visible().length,
      next: null,
    };
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
        fresh: file.rows.some((row) => row.fresh),
      })),
      key: this.#key(ownerOf(id).account),
      decided: decided === undefined ? null : { ...decided.row },
      approval: this.#approval(held),
    };
  }

  /** What stands at the forge: what was confirmed here, or what was approved before the head moved. */
  #approval(held: Held): ApprovalView | null {
    const sent = this.#entries.find(
      ({ id, row }) => id === held.id && row.state === "confirmed" && row.decision !== "comment",
    );
    if (sent !== undefined)
      return sent.row.decision === "approve"
        ? {
            review: sent.row.entry,
            head: sent.row.head,
            at: sent.row.signed_at,
            holding: sent.row.holding,
          }
        : null;
    return held.change.section === "came_back" && !this.#withdrawn.has(held.id)
      ? {
          review: held.id,
          head: "8c11d0f2b7d992c60815e4fa35d20be914471c2a",
          at: this.#ago(200),
          holding: {
            state: "ended",
            words: `No longer holds: the head moved to ${held.change.head.slice(0, 8)}; you approved 8c11d0f2.`,
            todo: "Read what was pushed since and approve again.",
            as_of: this.#ago(1),
          },
        }
      : null;
  }

  async file({ id, head, index }: { id: string; head: string; index: number }): Promise<FileView> {
    const file = this.#at(id, head).change.files[index];
    if (file === undefined) fail("other", "There is no such file in the diff.");
    return { index, head, rows: file.rows };
  }

  async mark_viewed(args: { id: string; head: string; index: number; viewed: boolean }): Promise<null> {
    this.#write();
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
    note: string | null;
  }): Promise<null> {
    this.#write();
    const finding = this.#at(args.id, args.head).change.findings.find((one) => one.id === args.finding);
    if (finding === undefined)
      fail("other", "There is no such finding at this head.", "Read the change again.");
    finding.noted = args.acknowledged ? (args.note ?? finding.noted) : "";
    finding.acknowledged_at = args.acknowledged
      ? (finding.acknowledged_at ?? new Date().toISOString())
      : null;
    this.#changed();
    return null;
  }

  async preflight(args: Shown & { decision: DecisionView; words: string }): Promise<Sheet> {
    return sheetOf(
      this.#at(args.id, args.head).change,
      args,
      this.#key(ownerOf(args.id).account),
      this.#prompted,
    );
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
        message: this.#token === "held" ? null : said("It is sent once you are signed in again."),
        url: null,
        holding: null,
      },
    };
    this.#entries.unshift(entry);
    this.#changed();
    if (!this.#offline() && this.#token === "held") {
      for (const [state, after] of [
        ["submitted", 900],
        ["confirmed", 1_900],
      ] as const) {
        setTimeout(() => {
          entry.row.state = state;
          if (state === "confirmed") entry.row.url = `https://${HOST}/${entry.repo}/pull/${entry.number}`;
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

  async withdraw(args: { id: string; review: string; words: string }): Promise<Withdrawn> {
    const held = this.#of(args.id);
    if (this.#approval(held)?.review !== args.review)
      fail("moved", "The forge does not show this approval of yours any more. Nothing was changed.");
    if (this.#offline())
      fail(
        "other",
        "Github.com cannot be reached: no route to it. Nothing was changed: your approval stands.",
        "Withdraw it when the forge answers: this does not wait in the outbox, because until then your approval counts.",
      );
    // The time that a person takes to answer the system's question.
    await new Promise((done) => setTimeout(done, 200));
    if (this.#variant === "declined") return { withdrawn: false };
    if (this.#variant === "no-right")
      fail(
        "refused",
        "Github.com refuses: Must have write access to the repository to dismiss a review. Nothing was changed: your approval stands.",
        "Dismissing takes the right to write. Request changes instead, which stops the gate too, or ask somebody who may write to dismiss your review.",
      );
    const entry = this.#entries.find(({ row }) => row.entry === args.review);
    if (entry === undefined) this.#withdrawn.add(held.id);
    else {
      entry.row.state = "withdrawn";
      entry.row.url = null;
      entry.row.message = said(
        `Withdrawn by you: ${args.words.trim()}`,
        "It does not count any more and is never sent again. The ledger keeps what was signed, and this.",
        "To approve after all, read it and sign again.",
      );
    }
    this.#changed();
    return { withdrawn: true };
  }

  async export_ledger(): Promise<Exported> {
    await new Promise((done) => setTimeout(done, 200));
    if (this.#variant === "declined")
      return { saved: false, message: said("Not exported: no file was chosen.") };
    this.#write();
    fail("other", "The sample has no ledger. No file was made.", "Sign in to keep one.");
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
    const result = checked(forge.trim() || HOST, token);
    if (!result.ok) return result;
    const account = forge.trim() === SERVER ? SECOND : FIRST;
    this.#accounts.add(account);
    this.#otherLedgers = this.#otherLedgers.filter((one) => one.account !== account);
    if (forge.trim() === SERVER) result.account = SECOND;
    this.#token = "held";
    if (this.#variant === "locked") this.#variant = "";
    this.#changed();
    return result;
  }

  async network_settings({ forge }: { forge: string }): Promise<NetworkView> {
    return this.#network.settings(forge);
  }

  async set_proxy(args: {
    proxy: ProxyMode;
    address: string;
    user: string;
    password: string;
  }): Promise<boolean> {
    this.#write();
    return this.#network.setProxy(args.proxy, args.address, args.user, args.password);
  }

  async add_authority(): Promise<boolean> {
    this.#write();
    return this.#network.addAuthority();
  }

  async remove_authority(): Promise<null> {
    this.#write();
    this.#network.removeAuthority();
    return null;
  }

  async test_connection({ forge, token }: { forge: string; token: string }): Promise<SignInResult> {
    return this.#network.test(forge, token, this.#accounts.size > 0);
  }

  async set_client_id({ forge, id }: { forge: string; id: string }): Promise<null> {
    this.#write();
    this.#network.setClientId(forge, id);
    return null;
  }

  async device_start({ forge }: { forge: string }): Promise<DeviceView> {
    return this.#network.begin(forge);
  }

  /** In the sample the user has confirmed it after two seconds. */
  async device_wait(): Promise<SignInResult> {
    const forge = await this.#network.confirmed();
    const steps = [{ name: "Confirmed at the forge", ok: forge !== null, detail: "" }];
    if (forge === null)
      return {
        ok: false,
        account: null,
        steps: [{ ...steps[0]!, detail: "You gave it up. Nobody was signed in." }],
      };
    const result = await this.sign_in({ forge, token: "one that nobody sees" });
    return { ...result, steps: [...steps, ...result.steps] };
  }

  async device_cancel(): Promise<null> {
    this.#network.giveUp();
    return null;
  }

  async device_page(): Promise<null> {
    return null;
  }

  async sign_out({ account, forget }: { account: string; forget: boolean }): Promise<Message | null> {
    this.#write();
    this.#accounts.delete(account);
    this.#otherLedgers = [
      ...this.#otherLedgers,
      { account, label: `${ME} at ${account === SECOND ? SERVER : HOST}, signed out` },
    ];
    if (forget) this.#held = this.#held.filter(({ id }) => ownerOf(id).account !== account);
    this.#changed();
    return null;
  }

  async erase(): Promise<Message | null> {
    this.#write();
    this.#accounts.clear();
    this.#otherLedgers = [];
    if (this.#variant === "damaged") this.#variant = "";
    this.#held = [];
    this.#entries = [];
    this.#changed();
    return said("The sample was put away.", "Nothing real was erased: these were sample changes.");
  }

  async diagnostics(): Promise<Diagnostics> {
    return { text: SAMPLE_DIAGNOSTICS, sha256: "sample" };
  }

  async export_diagnostics(): Promise<Exported> {
    return { saved: false, message: said("Not exported: these are sample diagnostics.") };
  }

  async keys({ account }: { account: string }): Promise<Keys> {
    const chosen = this.#key(account);
    return {
      keys: this.#keysOf(account),
      messages:
        this.#variant === "hostile"
          ? [
              said("An agent did not answer.", "", "Start it."),
              said("An agent did not answer.", "", "Unlock it."),
            ]
          : [],
      enrol_line:
        chosen === null
          ? null
          : `priya@acme.example namespaces="approval@countersign.dev" ${chosen.public_line.split(" ").slice(0, 2).join(" ")}`,
      prompted: this.#prompted,
    };
  }

  async choose_key({ account, fingerprint }: { account: string; fingerprint: string }): Promise<null> {
    if (!this.#keys.some((key) => key.fingerprint === fingerprint)) {
      fail("keys", "This key is no longer there. The key that signs is unchanged.", "List the keys again.");
    }
    this.#chosen.set(account, fingerprint);
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

  async register_key({ account }: { account: string }): Promise<string | null> {
    if (this.#key(account) === null) {
      fail("keys", "Not registered: no key is chosen.", "Choose a key first.");
    }
    return `${HOST} knows this key as a signing key of yours now.`;
  }

  async propose_key({ id }: { id: string }): Promise<KeyProposal | null> {
    if (this.#key(ownerOf(id).account) === null) {
      fail("keys", "Not opened: no key is chosen, or the chosen one is not at hand.", "Choose a key first.");
    }
    const repo = id.replace(/^[^/]*\//, "").replace(/#\d+$/, "");
    return {
      said: `The change ${repo} #512 was opened. The key counts once it is merged. Like every change of the policy, that needs two other seniors.`,
      url: `https://${HOST}/${repo}/pull/512`,
    };
  }

  async rotation({
    account,
    fingerprint,
  }: {
    account: string;
    fingerprint: string | null;
  }): Promise<Rotation> {
    const chosen = this.#key(account);
    const keys = this.#keysOf(account).sort((a, b) => Number(b.chosen) - Number(a.chosen));
    const old = keys.find((key) => key.fingerprint === fingerprint) ?? keys[0] ?? null;
    const { enrol_line } = await this.keys({ account });
    return rotationOf(
      keys.map((key) => key.fingerprint),
      old,
      old === null || chosen?.fingerprint === old.fingerprint ? null : enrol_line,
      this.#entries,
      (days) => this.#ago(-days * 1440),
    );
  }

  async set_prompted({ on }: { on: boolean }): Promise<null> {
    await new Promise((done) => setTimeout(done, 200));
    if (this.#variant === "declined") {
      fail(
        "other",
        `It stays ${this.#prompted ? "on" : "off"}: the check was dismissed.`,
        "Do it again, and answer what the system asks.",
      );
    }
    this.#prompted = on;
    this.#changed();
    return null;
  }

  async open_link({ url }: { url: string }): Promise<null> {
    if (!url.startsWith(`https://${HOST}/`) && !url.startsWith(`https://${SERVER}/`)) {
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
