import { asFailure, type Backend } from "./backend";
import type { ChangeView, DecisionView, Failure, Message, Sheet } from "./types";

/** How long typing must rest before the sheet is asked again, in milliseconds. */
const REST = 250;

/** The sign-off sheet while it is open. */
export class Signing {
  decision = $state<DecisionView>("approve");
  words = $state("");
  sheet = $state.raw<Sheet | null>(null);
  problem = $state.raw<Failure | null>(null);
  /** The system's question is open, or the key is being touched. */
  busy = $state(false);
  /** What came of it, where nothing was signed. */
  message = $state.raw<Message | null>(null);

  /** The change that the sheet was opened for. */
  readonly id: string;
  #shown: string;
  #ticket = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(
    private readonly backend: () => Backend,
    private readonly change: () => ChangeView | null,
    decision: DecisionView,
    words: string,
  ) {
    this.decision = decision;
    this.words = words;
    const shown = change();
    this.id = shown?.id ?? "";
    this.#shown = `${shown?.head} ${shown?.seen}`;
  }

  /** What is on screen is no longer what the sheet was opened for. */
  get stale(): boolean {
    const change = this.change();
    return change?.id !== this.id || `${change.head} ${change.seen}` !== this.#shown;
  }

  /** Asks what would be signed now. Ends when the newest answer is there, be it to a later question. */
  refresh(): Promise<void> {
    clearTimeout(this.#timer);
    this.#last = this.#ask(++this.#ticket);
    return this.#last;
  }

  async #ask(ticket: number): Promise<void> {
    const change = this.change();
    if (change === null || this.#ended) return;
    const newest = (): boolean => ticket === this.#ticket && !this.#ended;
    try {
      const sheet = await this.backend().preflight({
        id: change.id,
        head: change.head,
        seen: change.seen,
        decision: this.decision,
        words: this.words,
      });
      if (newest()) {
        this.sheet = sheet;
        this.problem = null;
      }
    } catch (thrown) {
      if (newest()) this.problem = asFailure(thrown);
    }
    if (ticket !== this.#ticket) await this.#last;
  }

  /** The words changed. */
  typed(words: string): void {
    this.words = words;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.refresh(), REST);
  }

  /** Why the button is off; null when it is on. */
  get blocker(): Message | null {
    if (this.sheet === null) return { what: "Reading what would be signed…", kept: "", todo: "" };
    return this.sheet.blockers[0] ?? null;
  }

  /** Asks outside the window and signs. True when it was signed. */
  async sign(): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.message = null;
    try {
      await this.refresh();
      const change = this.change();
      if (change === null || this.problem !== null || this.blocker !== null) return false;
      const decided = await this.backend().decide({
        id: change.id,
        head: change.head,
        seen: change.seen,
        decision: this.decision,
        words: this.words,
      });
      if (!decided.signed) {
        this.message = {
          what: "Not signed: you did not confirm it in the system's question.",
          kept: "Nothing was sent; your words are still here.",
          todo: "",
        };
      }
      return decided.signed;
    } catch (thrown) {
      this.problem = asFailure(thrown);
      return false;
    } finally {
      this.busy = false;
    }
  }

  /** Ends what is still under way. */
  end(): void {
    clearTimeout(this.#timer);
    this.#ended = true;
  }
}
