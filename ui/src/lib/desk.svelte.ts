import { asFailure, type Backend } from "./backend";
import { Reading } from "./reading.svelte";
import { Signing } from "./signing.svelte";
import type {
  AccountView,
  DecisionView,
  Failure,
  FoundLine,
  Queue,
  QueueFilter,
  Row,
  SectionKind,
  SeverityView,
  Status,
} from "./types";
import { Withdrawing } from "./withdrawing.svelte";
import { fellThrough, matches, worse } from "./words";

/** What the middle shows. */
export type View =
  { kind: "nothing" } | { kind: "change"; id: string } | { kind: "outbox"; entry: string | null };

/** What lies over the window. */
export type Overlay =
  "help" | "keys" | "account" | "sign_in" | "add_account" | "diagnostics" | "erase" | null;

/** Names a row: a change may stand in a section and, with a decision, in another. */
export function keyOf(kind: SectionKind, row: Row): string {
  return `${kind}/${row.decision?.entry ?? row.id}`;
}

/** The window's state: what was read, what is open, what is searched for. */
export class Desk {
  #backend = $state.raw<Backend>() as Backend;
  #real: Backend;
  status = $state.raw<Status | null>(null);
  queue = $state.raw<Queue | null>(null);
  /** Why status or queue could not be read. */
  problem = $state.raw<Failure | null>(null);
  filter = $state<QueueFilter>("needs_sign_off");
  search = $state("");
  /** Only what this tool had a hand in. */
  tool = $state<string | null>(null);
  /** Only what is at least this bad. */
  severity = $state<SeverityView | null>(null);
  /** Only what touches this component. */
  component = $state<string | null>(null);
  view = $state.raw<View>({ kind: "nothing" });
  /** Where the window is narrow: which of the two is shown. */
  pane = $state<"queue" | "main">("queue");
  /** One pane shows at a time. */
  narrow = $state(false);
  /** The first sign-in goes on until it is left, though the account is there already. */
  arriving = $state(false);
  /** The forge is being asked because somebody wanted it. */
  polling = $state(false);
  /** Where the verdict ends, from the top of the window: the sheet stays below. */
  verdictEnd = $state(0);
  overlay = $state<Overlay>(null);
  /** The account that the overlay is about; null: the one that leads the status line. */
  #about = $state<string | null>(null);
  signing = $state.raw<Signing | null>(null);
  withdrawing = $state.raw<Withdrawing | null>(null);
  /** Said once to a screen reader. */
  said = $state("");
  /** The selected row. */
  cursor = $state<string | null>(null);
  #folded = $state<Partial<Record<SectionKind, boolean>>>({});
  /** Words that were written and not signed, by change and decision. */
  #drafts = new Map<string, string>();
  #place = 0;
  #reading: Promise<void> | null = null;
  #again = false;
  /** The change that a notice asked for, until it is open. */
  #wanted: string | null = null;
  #stop: (() => void) | null = null;

  readonly change: Reading;

  constructor(backend: Backend) {
    this.#backend = backend;
    this.#real = backend;
    this.change = new Reading(
      () => this.#backend,
      (words) => this.say(words),
    );
  }

  get backend(): Backend {
    return this.#backend;
  }

  /** The open change is what one sees: keys may act on it. */
  get changeSeen(): boolean {
    return (
      this.view.kind === "change" && this.change.change !== null && !(this.narrow && this.pane === "queue")
    );
  }

  get accounts(): AccountView[] {
    return this.status?.accounts ?? [];
  }

  /** More than one account: whose something is has to be said. */
  get several(): boolean {
    return this.accounts.length > 1;
  }

  /** An account by its name. */
  account(name: string): AccountView | null {
    return this.accounts.find((one) => one.name === name) ?? null;
  }

  /** What tells the account from the others; null where there are no others. */
  label(name: string): string | null {
    return this.several ? (this.account(name)?.label ?? null) : null;
  }

  /** The account that the overlay is about. */
  get about(): AccountView | null {
    return (this.#about === null ? null : this.account(this.#about)) ?? this.status?.account ?? null;
  }

  /** Puts an overlay over the window; `account`: whose it is. */
  show(overlay: Overlay, account: string | null = null): void {
    this.#about = account;
    this.overlay = overlay;
  }

  /** No forge is reached. Where only one of several is not, its own banner says so. */
  get offline(): boolean {
    return this.accounts.length > 0 && this.accounts.every((one) => one.connection === "offline");
  }

  /** What is signed now for the account can go out at once. */
  sending(account: string): boolean {
    const found = this.account(account);
    return found !== null && found.connection !== "offline" && found.token === "held";
  }

  /** Reads everything and listens from then on. */
  async start(): Promise<void> {
    this.#stop = await this.#backend.onChanged(() => void this.refresh());
    await this.refresh();
  }

  /** Stops listening. */
  stop(): void {
    this.#stop?.();
    this.#stop = null;
  }

  /** Shows the sample, or what is real again. */
  async swap(backend: Backend | null): Promise<void> {
    this.stop();
    this.close();
    this.#backend = backend ?? this.#real;
    this.status = null;
    this.queue = null;
    await this.start();
  }

  say(words: string): void {
    // The same words twice are heard twice only when the text changes in between.
    this.said = this.said === words ? `${words}\u00a0` : words;
  }

  /** Reads status, queue and the open change again. Calls that come while one runs are answered by one more. */
  async refresh(): Promise<void> {
    if (this.#reading !== null) {
      this.#again = true;
      return this.#reading;
    }
    this.#reading = (async () => {
      do {
        this.#again = false;
        await this.#read();
      } while (this.#again);
    })();
    try {
      await this.#reading;
    } finally {
      this.#reading = null;
    }
  }

  async #read(): Promise<void> {
    const backend = this.#backend;
    try {
      const status = await backend.status();
      if (backend !== this.#backend) return;
      this.status = status;
      // The shell tells it once: a queue that cannot be read now must not lose it.
      this.#wanted = status.open ?? this.#wanted;
      if (status.account === null) {
        this.queue = null;
        this.close();
      } else {
        const queue = await backend.queue({ filter: this.filter });
        if (backend !== this.#backend) return;
        this.queue = queue;
        this.#follow();
      }
      this.problem = null;
      if (this.#wanted !== null && status.account !== null) {
        const wanted = this.#wanted;
        this.#wanted = null;
        await this.open(wanted);
      } else if (this.view.kind === "change") await this.change.reload(this.view.id);
    } catch (thrown) {
      if (backend !== this.#backend) return;
      const failure = asFailure(thrown);
      if (failure.code === "signed_out" && this.status !== null)
        this.status = { ...this.status, account: null, accounts: [] };
      else this.problem = failure;
      return;
    }
    const withdrawing = this.withdrawing;
    if (withdrawing !== null && !withdrawing.busy) {
      const stands = this.change.change?.approval?.review === withdrawing.approval.review;
      if (!stands) {
        this.closeWithdrawal();
        this.change.notice = {
          what: "The approval no longer stands as it was shown.",
          kept: "Nothing was changed by you.",
          todo: "",
        };
      }
    }
    const signing = this.signing;
    if (signing === null) return;
    // The sheet stands for what was shown: when that moved, it closes, and its words wait.
    if (signing.stale) this.closeSheet();
    else await signing.refresh();
  }

  /** A moved row keeps the selection; one that left gives its place to the next. */
  #follow(): void {
    const rows = this.rows;
    if (this.cursor === null || rows.some(({ key }) => key === this.cursor)) return;
    const view = this.view;
    const found =
      view.kind === "change"
        ? rows.find(({ row }) => row.id === view.id && row.decision === null)
        : undefined;
    this.cursor = found?.key ?? null;
  }

  /** Rows that are shown, in order. */
  get rows(): { key: string; kind: SectionKind; row: Row; place: number; of: number }[] {
    return (this.queue?.sections ?? []).flatMap((section) => {
      const shown = this.found(section.rows);
      if (this.folded(section.kind)) return [];
      return shown.map((row, index) => ({
        key: keyOf(section.kind, row),
        kind: section.kind,
        row,
        place: index + 1,
        of: shown.length,
      }));
    });
  }

  /** Rows of a section that match the search and the filters. What was signed is never filtered away. */
  found(rows: Row[]): Row[] {
    return rows.filter(
      (row) =>
        matches(row, this.search) &&
        (row.decision !== null ||
          ((this.tool === null || row.badge.tool === this.tool) &&
            (this.component === null || row.components.includes(this.component)) &&
            (this.severity === null || worse(row.severity, this.severity) >= 0))),
    );
  }

  /** Tools that are named in the queue, for the filter. */
  get tools(): string[] {
    const rows = (this.queue?.sections ?? []).flatMap((section) => section.rows);
    const named = rows.flatMap((row) =>
      row.decision === null && row.badge.tool !== null ? [row.badge.tool] : [],
    );
    return [...new Set(this.tool === null ? named : [...named, this.tool])].sort();
  }

  /** Components that a change in the queue touches, for the filter. */
  get components(): string[] {
    const rows = (this.queue?.sections ?? []).flatMap((section) => section.rows);
    const named = rows.flatMap((row) => (row.decision === null ? row.components : []));
    return [...new Set(this.component === null ? named : [...named, this.component])].sort();
  }

  /** A filter leaves something out. */
  get filtered(): boolean {
    return this.tool !== null || this.severity !== null || this.component !== null;
  }

  /** The search or a filter leaves something out. */
  get narrowed(): boolean {
    return this.search.trim() !== "" || this.filtered;
  }

  showAll(): void {
    this.search = "";
    this.tool = null;
    this.severity = null;
    this.component = null;
  }

  /** Is a section closed? Until the user says so, the quiet ones are; what fell through opens the outbox. */
  folded(kind: SectionKind): boolean {
    if (this.search.trim() !== "") return false;
    const chosen = this.#folded[kind];
    if (chosen !== undefined) return chosen;
    if (kind === "outbox") {
      const rows = this.queue?.sections.find((section) => section.kind === "outbox")?.rows ?? [];
      return !rows.some((row) => row.decision !== null && fellThrough(row.decision.state));
    }
    return kind === "done_today" || kind === "approvals";
  }

  fold(kind: SectionKind, folded: boolean): void {
    this.#folded = { ...this.#folded, [kind]: folded };
  }

  async setFilter(filter: QueueFilter): Promise<void> {
    this.filter = filter;
    await this.refresh();
  }

  /** Selects a row and shows what it stands for. */
  async select(key: string): Promise<void> {
    const rows = this.rows;
    const place = rows.findIndex((one) => one.key === key);
    const found = rows[place];
    if (found === undefined) return;
    this.#place = place;
    this.cursor = key;
    if (found.row.decision !== null) this.showOutbox(found.row.decision.entry);
    else await this.#show(found.row.id);
  }

  /** Moves the selection; where one pane shows at a time nothing is opened by that. */
  async moveTo(key: string): Promise<void> {
    if (!this.narrow || this.pane === "main") return this.select(key);
    this.#place = Math.max(
      0,
      this.rows.findIndex((one) => one.key === key),
    );
    this.cursor = key;
  }

  /** Goes to the row `step` places further on. */
  async step(step: 1 | -1): Promise<void> {
    const rows = this.rows;
    if (rows.length === 0) return;
    const at = rows.findIndex((one) => one.key === this.cursor);
    let next = at + step;
    // The selected row is gone: the next one has its place.
    if (at < 0) next = this.view.kind === "nothing" ? 0 : step === 1 ? this.#place : this.#place - 1;
    const row = rows[Math.min(Math.max(next, 0), rows.length - 1)];
    if (row !== undefined) await this.moveTo(row.key);
  }

  /** Opens a change by its id: from a notice, from the outbox. */
  async open(id: string): Promise<void> {
    const waiting = (this.queue?.sections ?? []).flatMap((section) =>
      section.kind === "outbox" ? [] : section.rows.map((row) => ({ kind: section.kind, row })),
    );
    const found = waiting.find(({ row }) => row.id === id);
    if (found !== undefined) {
      if (this.folded(found.kind)) this.fold(found.kind, false);
      this.cursor = keyOf(found.kind, found.row);
      this.#place = this.rows.findIndex(({ key }) => key === this.cursor);
    } else {
      this.cursor = null;
    }
    await this.#show(id);
  }

  /** Opens a change at a place that a search found; without one, at its beginning. */
  async openAt(id: string, place: FoundLine | null): Promise<void> {
    await this.open(id);
    if (place === null || place.file === null || this.change.change?.id !== id) return;
    if (place.row === null) await this.change.showFile(place.file);
    else await this.change.showLine(place.file, place.row);
  }

  async #show(id: string): Promise<void> {
    if (this.signing !== null) this.closeSheet();
    this.closeWithdrawal();
    this.view = { kind: "change", id };
    this.pane = "main";
    await this.change.open(id);
    // Opening it made it read: the row says so at once.
    if (this.queue !== null && this.status?.account != null) {
      const sections = this.queue.sections.map((section) => ({
        ...section,
        rows: section.rows.map((row) =>
          row.id === id && row.unread && this.change.change?.id === id ? { ...row, unread: false } : row,
        ),
      }));
      this.queue = { ...this.queue, sections };
    }
  }

  showOutbox(entry: string | null = null): void {
    this.closeSheet();
    this.closeWithdrawal();
    this.change.close();
    this.view = { kind: "outbox", entry };
    const section = this.queue?.sections.find(({ rows }) =>
      rows.some((row) => row.decision !== null && row.decision.entry === entry),
    );
    const row = section?.rows.find((one) => one.decision?.entry === entry);
    this.fold(section?.kind ?? "outbox", false);
    this.cursor = section === undefined || row === undefined ? null : keyOf(section.kind, row);
    this.pane = "main";
  }

  close(): void {
    this.closeSheet();
    this.closeWithdrawal();
    this.change.close();
    this.view = { kind: "nothing" };
    this.cursor = null;
    this.pane = "queue";
  }

  /** Opens the sign-off sheet. */
  openSheet(decision: DecisionView): void {
    if (!this.changeSeen || this.change.change === null || this.signing !== null) return;
    if (this.withdrawing !== null) return;
    const { id } = this.change.change;
    this.signing = new Signing(
      () => this.#backend,
      () => this.change.change,
      decision,
      this.#drafts.get(`${id} ${decision}`) ?? "",
    );
    void this.signing.refresh();
  }

  /** Puts the sheet away and keeps what was written in it. */
  closeSheet(): void {
    const signing = this.signing;
    if (signing === null) return;
    signing.end();
    this.#drafts.set(`${signing.id} ${signing.decision}`, signing.words);
    this.signing = null;
  }

  /** Signs what the sheet shows. */
  async sign(): Promise<void> {
    const signing = this.signing;
    if (signing === null) return;
    const signed = await signing.sign();
    if (signing.problem?.code === "moved") {
      const { message, hint } = signing.problem;
      this.closeSheet();
      await this.refresh();
      this.change.notice = { what: message, kept: "", todo: hint };
      return;
    }
    if (signed) {
      if (this.signing === signing) this.closeSheet();
      this.#drafts.delete(`${signing.id} ${signing.decision}`);
      const account = this.change.change?.account ?? this.status?.account?.name ?? "";
      this.say(this.sending(account) ? "Signed. Sending…" : "Signed. It waits in the outbox.");
      await this.refresh();
    }
  }

  /** Opens the dialog in which the approval that stands is withdrawn. */
  openWithdrawal(): void {
    const change = this.changeSeen ? this.change.change : null;
    if (change === null || this.signing !== null || this.withdrawing !== null) return;
    if (change.approval === null) {
      this.say("No approval of yours stands on this change.");
      return;
    }
    this.withdrawing = new Withdrawing(
      () => this.#backend,
      change,
      change.approval,
      this.#drafts.get(`${change.id} withdraw`) ?? "",
    );
  }

  /** Puts the dialog away and keeps what was written in it. */
  closeWithdrawal(): void {
    const withdrawing = this.withdrawing;
    if (withdrawing === null) return;
    this.#drafts.set(`${withdrawing.id} withdraw`, withdrawing.words);
    this.withdrawing = null;
  }

  /** Withdraws the approval that the dialog shows. */
  async withdraw(): Promise<void> {
    const withdrawing = this.withdrawing;
    if (withdrawing === null) return;
    const withdrawn = await withdrawing.withdraw();
    if (withdrawing.problem?.code === "moved") {
      const { message, hint } = withdrawing.problem;
      if (this.withdrawing === withdrawing) this.closeWithdrawal();
      await this.refresh();
      this.change.notice = { what: message, kept: "", todo: hint };
      return;
    }
    if (withdrawn) {
      if (this.withdrawing === withdrawing) this.closeWithdrawal();
      this.#drafts.delete(`${withdrawing.id} withdraw`);
      this.say("Withdrawn. The review is dismissed at the forge.");
      await this.refresh();
    }
  }

  /** What helps where the forge does not let one withdraw: the same words as a request for changes. */
  requestInstead(): void {
    const withdrawing = this.withdrawing;
    if (withdrawing === null || withdrawing.busy) return;
    this.closeWithdrawal();
    const draft = `${withdrawing.id} request_changes`;
    if ((this.#drafts.get(draft) ?? "").trim() === "") this.#drafts.set(draft, withdrawing.words);
    this.openSheet("request_changes");
  }

  /** Tells the forge's state now instead of at the next poll. */
  async poll(): Promise<void> {
    if (this.polling) return;
    this.polling = true;
    await this.attempt(() => this.#backend.refresh());
    await this.refresh();
    this.polling = false;
  }

  async openLink(url: string): Promise<void> {
    await this.attempt(() => this.#backend.open_link({ url }));
  }

  /** Runs a command whose failure is shown over the window. True when it succeeded. */
  async attempt(command: () => Promise<unknown>): Promise<boolean> {
    try {
      await command();
      this.failure = null;
      return true;
    } catch (thrown) {
      this.failure = asFailure(thrown);
      return false;
    }
  }

  /** The last command that failed, until it is dismissed. */
  failure = $state.raw<Failure | null>(null);
}
