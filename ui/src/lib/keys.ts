/** What a key does. The names are those of the window's actions. */
export type Action =
  | "next"
  | "previous"
  | "next_file"
  | "previous_file"
  | "next_finding"
  | "previous_finding"
  | "viewed"
  | "approve"
  | "request_changes"
  | "comment"
  | "withdraw"
  | "search"
  | "back"
  | "confirm"
  | "help";

interface Shortcut {
  /** As shown. */
  keys: string[];
  words: string;
}

/** Actions on the change that is open: they do nothing where it is not seen. */
const ON_CHANGE: ReadonlySet<Action> = new Set<Action>([
  "next_file",
  "previous_file",
  "next_finding",
  "previous_finding",
  "viewed",
  "approve",
  "request_changes",
  "comment",
  "withdraw",
]);

export function needsChange(action: Action): boolean {
  return ON_CHANGE.has(action);
}

/** For the help overlay. The handling is in {@link actionOf}. */
export const SHORTCUTS: { group: string; rows: Shortcut[] }[] = [
  {
    group: "Queue",
    rows: [
      { keys: ["j", "k"], words: "next, previous change" },
      { keys: ["/"], words: "search" },
      { keys: ["Esc"], words: "back: from a line to its finding, then to the queue" },
    ],
  },
  {
    group: "Change",
    rows: [
      { keys: ["]", "["], words: "next, previous finding" },
      { keys: ["Enter", "Space"], words: "acknowledge the finding in focus" },
      { keys: ["n", "p"], words: "next, previous file" },
      { keys: ["v"], words: "file viewed, or not" },
    ],
  },
  {
    group: "Window",
    rows: [
      { keys: ["Ctrl", "+"], words: "larger" },
      { keys: ["Ctrl", "−"], words: "smaller" },
      { keys: ["Ctrl", "0"], words: "as it was" },
    ],
  },
  {
    group: "Sign-off",
    rows: [
      { keys: ["a"], words: "open the sheet to approve" },
      { keys: ["r"], words: "open the sheet to request changes" },
      { keys: ["c"], words: "open the sheet to comment" },
      { keys: ["w"], words: "withdraw an approval that stands" },
      { keys: ["Ctrl", "⏎"], words: "sign, in the sheet" },
    ],
  },
];

const PLAIN: Record<string, Action> = {
  j: "next",
  k: "previous",
  n: "next_file",
  p: "previous_file",
  "]": "next_finding",
  "[": "previous_finding",
  v: "viewed",
  a: "approve",
  r: "request_changes",
  c: "comment",
  w: "withdraw",
  "/": "search",
  "?": "help",
};

/** The part of a key event that decides. */
export interface Press {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  isComposing: boolean;
  repeat: boolean;
  getModifierState(name: string): boolean;
}

/**
 * What a key press asks for, or null. `typing`: focus is in a field, where letters are letters. The character counts,
 * not the key's place: on a German keyboard "]" is AltGr+9 and "/" is Shift+7. `single`: keys of one character are on.
 */
export function actionOf(press: Press, typing: boolean, single = true): Action | null {
  if (press.isComposing) return null;
  if (press.key === "Escape") return "back";
  if (press.key === "Enter" && (press.ctrlKey || press.metaKey)) return press.repeat ? null : "confirm";
  if (typing || !single) return null;
  const graph = press.getModifierState("AltGraph");
  if (!graph && (press.ctrlKey || press.metaKey || press.altKey)) return null;
  return PLAIN[press.key] ?? null;
}

/** True where letters go into a field. A checkbox or a button takes none. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (
    target.isContentEditable ||
    target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement
  )
    return true;
  return (
    target instanceof HTMLInputElement && !["checkbox", "radio", "button", "submit"].includes(target.type)
  );
}
