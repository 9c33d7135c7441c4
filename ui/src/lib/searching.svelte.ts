import { asFailure, type Backend } from "./backend";
import type { Failure, FoundChange } from "./types";

/** Fewer characters stand in every diff. */
export const SHORTEST = 2;
/** So long nothing is asked for while somebody types, in milliseconds. */
const PAUSE = 250;
/** With so many changes found nobody reads on: the search waits until it is asked to go on. */
const ENOUGH = 50;

/** A search through all that is on this machine, step by step. */
export class Searching {
  /** What `found` is about. */
  text = $state("");
  found = $state.raw<FoundChange[]>([]);
  searched = $state(0);
  of = $state(0);
  withoutDiff = $state(0);
  busy = $state(false);
  problem = $state.raw<Failure | null>(null);
  /** Where it goes on; null where all was looked at. */
  next = $state<string | null>(null);

  #ticket = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly backend: () => Backend) {}

  /** What is in the field now. What was found for another text is put away at once. */
  want(text: string): void {
    const wanted = text.trim();
    if (wanted === this.text) return;
    this.#ticket += 1;
    clearTimeout(this.#timer);
    this.text = wanted;
    this.found = [];
    this.searched = 0;
    this.of = 0;
    this.withoutDiff = 0;
    this.problem = null;
    this.next = null;
    this.busy = [...wanted].length >= SHORTEST;
    if (this.busy) this.#timer = setTimeout(() => void this.#steps(ENOUGH), PAUSE);
  }

  /** Looks on after it stopped at enough. */
  async goOn(): Promise<void> {
    if (this.busy || this.next === null) return;
    this.busy = true;
    await this.#steps(this.found.length + ENOUGH);
  }

  async #steps(enough: number): Promise<void> {
    const ticket = this.#ticket;
    try {
      do {
        const step = await this.backend().search({ text: this.text, after: this.next });
        if (ticket !== this.#ticket) return;
        this.found = [...this.found, ...step.changes];
        this.searched += step.searched;
        this.withoutDiff += step.without_diff;
        this.of = step.of;
        this.next = step.next;
      } while (this.next !== null && this.found.length < enough);
    } catch (thrown) {
      if (ticket === this.#ticket) this.problem = asFailure(thrown);
    } finally {
      if (ticket === this.#ticket) this.busy = false;
    }
  }
}
