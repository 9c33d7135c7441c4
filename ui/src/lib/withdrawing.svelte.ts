import { asFailure, type Backend } from "./backend";
import type { ApprovalView, ChangeView, Failure, Message } from "./types";

/** The dialog in which an approval is withdrawn, while it is open. */
export class Withdrawing {
  words = $state("");
  problem = $state.raw<Failure | null>(null);
  /** The system's question is open, or the forge is asked. */
  busy = $state(false);
  /** What came of it, where nothing was changed. */
  message = $state.raw<Message | null>(null);

  readonly id: string;
  /** What the dialog was opened for. */
  readonly approval: ApprovalView;

  constructor(
    private readonly backend: () => Backend,
    change: ChangeView,
    approval: ApprovalView,
    words: string,
  ) {
    this.id = change.id;
    this.approval = approval;
    this.words = words;
  }

  /** Asks outside the window and dismisses the review. True when it is dismissed. */
  async withdraw(): Promise<boolean> {
    if (this.busy || this.words.trim() === "") return false;
    this.busy = true;
    this.message = null;
    this.problem = null;
    try {
      const { withdrawn } = await this.backend().withdraw({
        id: this.id,
        review: this.approval.review,
        words: this.words,
      });
      if (!withdrawn) {
        this.message = {
          what: "Not withdrawn: you did not confirm it in the system's question.",
          kept: "Your approval stands; your words are still here.",
          todo: "",
        };
      }
      return withdrawn;
    } catch (thrown) {
      this.problem = asFailure(thrown);
      return false;
    } finally {
      this.busy = false;
    }
  }
}
