import { asFailure, type Backend } from "./backend";
import type { ChangeView, Failure, FileView, FindingView, Message } from "./types";
import { plain, short } from "./words";

/** A finding's place in the order in which one reads: by file, then by line, the ones without a place last. */
export function readingOrder(findings: FindingView[]): number[] {
  const far = Number.MAX_SAFE_INTEGER;
  return findings
    .map((finding, index) => ({ index, file: finding.file ?? far, row: finding.row ?? -1 }))
    .sort((a, b) => a.file - b.file || a.row - b.row || a.index - b.index)
    .map(({ index }) => index);
}

/** Where one starts to read: at the worst finding that is in the diff, else at the first file. */
export function firstFile(change: ChangeView): number {
  return change.findings.find((finding) => finding.file !== null)?.file ?? 0;
}

/** The change on screen: what was read of it, and where the reader is. */
export class Reading {
  change = $state.raw<ChangeView | null>(null);
  /** Why there is no change on screen, or why the last command had no effect. */
  problem = $state.raw<Failure | null>(null);
  /** Something the reader must know about what is on screen: the head moved, a command failed. */
  notice = $state.raw<Message | null>(null);
  loading = $state(false);
  fileIndex = $state(0);
  file = $state.raw<FileView | null>(null);
  fileProblem = $state.raw<Failure | null>(null);
  /** Index into the findings of the one that was jumped to last. */
  finding = $state<number | null>(null);
  /** The finding that is still to be scrolled to; who does it takes it. */
  target = $state<number | null>(null);
  /** The file that was gone to is still to be scrolled to its top; who does it takes it. */
  begin = $state(false);
  /** The line that a search led to: marked until another change is opened. */
  sought = $state.raw<{ file: number; row: number } | null>(null);
  /** The line that is still to be scrolled to; who does it takes it. */
  line = $state<number | null>(null);
  /** The reader went from the list of findings, or by key, to a line: the way back leads to the list. */
  away = $state(false);
  /** The finding in the list that is still to get the focus; who gives it takes it. */
  listed = $state<number | null>(null);

  #ticket = 0;
  #files = new Map<string, Promise<FileView>>();

  constructor(
    private readonly backend: () => Backend,
    private readonly say: (words: string) => void,
  ) {}

  /** Opens another change. */
  async open(id: string): Promise<void> {
    const same = this.change?.id === id;
    if (!same) this.close();
    await this.#read(id, same);
  }

  /** Puts the change away. */
  close(): void {
    this.#ticket += 1;
    this.change = null;
    this.problem = null;
    this.notice = null;
    this.loading = false;
    this.file = null;
    this.fileProblem = null;
    this.finding = null;
    this.target = null;
    this.begin = false;
    this.sought = null;
    this.line = null;
    this.away = false;
    this.listed = null;
    this.#files.clear();
  }

  /** Reads the open change again, and keeps the reader's place. One that failed to open is tried again. */
  async reload(id = this.change?.id): Promise<void> {
    if (id !== undefined) await this.#read(id, this.change?.id === id);
  }

  /** The file on screen, where its lines are those of the head on screen; null while there is nothing to see. */
  get shown(): FileView | null {
    const file = this.file;
    return file !== null && file.index === this.fileIndex && file.head === this.change?.head ? file : null;
  }

  async #read(id: string, keep: boolean): Promise<void> {
    const ticket = ++this.#ticket;
    const before = keep ? this.change : null;
    this.loading = before === null && this.problem === null;
    try {
      const change = await this.backend().change({ id });
      if (ticket !== this.#ticket) return;
      this.change = change;
      this.problem = null;
      if (before === null || before.head !== change.head || before.seen !== change.seen) {
        this.#files.clear();
        this.file = null;
        this.finding = null;
        this.sought = null;
        const path = before?.files[this.fileIndex]?.path;
        const again = path === undefined ? -1 : change.files.findIndex((file) => file.path === path);
        this.fileIndex = again >= 0 ? again : firstFile(change);
        if (before !== null) this.notice = moved(before, change);
        await this.#readFile();
      }
    } catch (thrown) {
      if (ticket !== this.#ticket) return;
      const failure = asFailure(thrown);
      // What was read stays on screen: a failed second reading takes nothing away.
      if (before === null) this.problem = failure;
      else this.notice = { what: failure.message, kept: "What you see was read before.", todo: failure.hint };
    } finally {
      if (ticket === this.#ticket) this.loading = false;
    }
  }

  /** Goes to a file, at its top. */
  async showFile(index: number): Promise<void> {
    const count = this.change?.files.length ?? 0;
    if (index < 0 || index >= count) return;
    this.target = null;
    this.away = false;
    this.begin = true;
    await this.#goTo(index);
  }

  /** Goes to a line of a file. */
  async showLine(file: number, row: number): Promise<void> {
    if (this.change?.files[file] === undefined) return;
    this.target = null;
    this.away = false;
    this.begin = false;
    if (file !== this.fileIndex) await this.#goTo(file);
    this.sought = { file, row };
    this.line = row;
  }

  async #goTo(index: number): Promise<void> {
    this.fileIndex = index;
    await this.#readFile();
  }

  async #readFile(): Promise<void> {
    const change = this.change;
    const index = this.fileIndex;
    if (change === null || change.files[index] === undefined) {
      this.file = null;
      return;
    }
    if (this.file !== null && (this.file.index !== index || this.file.head !== change.head)) this.file = null;
    this.fileProblem = null;
    const current = (): boolean =>
      this.change?.head === change.head && this.change.id === change.id && this.fileIndex === index;
    try {
      const file = await this.#fetch(change, index);
      if (current()) this.file = file;
      // The next file is ready before it is asked for.
      if (index + 1 < change.files.length) this.#fetch(change, index + 1).catch(() => undefined);
    } catch (thrown) {
      if (current()) this.fileProblem = asFailure(thrown);
    }
  }

  #fetch(change: ChangeView, index: number): Promise<FileView> {
    const key = `${change.id} ${change.head} ${index}`;
    const known = this.#files.get(key);
    if (known !== undefined) return known;
    const asked = this.backend().file({ id: change.id, head: change.head, index });
    asked.catch(() => this.#files.delete(key));
    this.#files.set(key, asked);
    // Few are kept: one file of twenty thousand lines takes megabytes.
    const oldest = this.#files.keys().next();
    if (this.#files.size > 6 && !oldest.done) this.#files.delete(oldest.value);
    return asked;
  }

  /** Goes to the finding `step` places further on in reading order. */
  async stepFinding(step: 1 | -1): Promise<void> {
    const findings = this.change?.findings ?? [];
    if (findings.length === 0) {
      this.say("There are no findings.");
      return;
    }
    const order = readingOrder(findings);
    const place = this.finding === null ? (step === 1 ? -1 : 0) : order.indexOf(this.finding);
    const next = order[(place + step + order.length) % order.length];
    if (next !== undefined) await this.jump(next);
  }

  /** Goes to one finding: opens its file and puts the focus on it. */
  async jump(index: number): Promise<void> {
    const finding = this.change?.findings[index];
    if (finding === undefined) return;
    this.finding = index;
    this.begin = false;
    if (finding.file !== null && finding.file !== this.fileIndex) await this.#goTo(finding.file);
    this.target = index;
    this.away = finding.file !== null;
  }

  /** Goes from a line back to its finding in the list. False where there is no way back. */
  back(): boolean {
    if (!this.away || this.finding === null) return false;
    this.away = false;
    this.listed = this.finding;
    return true;
  }

  /** Marks the file on screen as viewed, or takes that back. What was never shown cannot have been viewed. */
  async toggleViewed(): Promise<void> {
    const change = this.change;
    const index = this.fileIndex;
    const file = change?.files[index];
    if (change === null || file === undefined) return;
    const viewed = !file.viewed;
    if (viewed && this.shown === null) {
      this.say(`Not marked: ${file.path} is not on screen yet.`);
      return;
    }
    const failed = await this.#tell(() =>
      this.backend().mark_viewed({ id: change.id, head: change.head, index, viewed }),
    );
    if (failed === null) this.say(viewed ? `Viewed: ${file.path}` : `Not viewed: ${file.path}`);
  }

  /** Acknowledges a finding, or takes that back. What it failed with is told, and returned. */
  async acknowledge(id: string, acknowledged: boolean, note: string | null = null): Promise<Message | null> {
    const change = this.change;
    const finding = change?.findings.find((one) => one.id === id);
    if (change === null || finding === undefined) return null;
    const failed = await this.#tell(() =>
      this.backend().acknowledge({ id: change.id, head: change.head, finding: id, acknowledged, note }),
    );
    const done = note !== null ? "Note kept" : acknowledged ? "Acknowledged" : "Not acknowledged";
    if (failed === null) this.say(`${done}: ${plain(finding.title)}`);
    return failed;
  }

  async #tell(command: () => Promise<null>): Promise<Message | null> {
    try {
      await command();
      await this.reload();
      return null;
    } catch (thrown) {
      const failure = asFailure(thrown);
      const message: Message = { what: failure.message, kept: "", todo: failure.hint };
      if (failure.code === "moved") await this.reload();
      else this.notice = message;
      return message;
    }
  }
}

function moved(before: ChangeView, after: ChangeView): Message {
  if (before.head !== after.head) {
    return {
      what: `The head moved from ${short(before.head)} to ${short(after.head)} while this was open.`,
      kept: "What you see is the new head; acknowledgements and viewed marks belong to the old one.",
      todo: after.since_last === null ? "" : `Since you last looked: ${after.since_last}.`,
    };
  }
  return {
    what: "The target or the assessment changed while this was open.",
    kept: "What you see is new; the head is the same.",
    todo: "Look at the findings again before you decide.",
  };
}
