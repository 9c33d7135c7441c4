import { expect, test } from "vitest";
import { actionOf, isTyping, type Press } from "./keys";

function press(key: string, rest: Partial<Press> & { graph?: boolean } = {}): Press {
  const { graph = false, ...flags } = rest;
  return {
    key,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    isComposing: false,
    repeat: false,
    getModifierState: (name) => name === "AltGraph" && graph,
    ...flags,
  };
}

test.each([
  ["j", "next"],
  ["k", "previous"],
  ["n", "next_file"],
  ["p", "previous_file"],
  ["]", "next_finding"],
  ["[", "previous_finding"],
  ["v", "viewed"],
  ["a", "approve"],
  ["r", "request_changes"],
  ["c", "comment"],
  ["w", "withdraw"],
  ["/", "search"],
  ["?", "help"],
])("%s means %s", (key, action) => {
  expect(actionOf(press(key), false)).toBe(action);
  expect(actionOf(press(key), true)).toBeNull();
});

test("a character typed with AltGr is that character; a shortcut of the system is not ours", () => {
  expect(actionOf(press("]", { ctrlKey: true, altKey: true, graph: true }), false)).toBe("next_finding");
  expect(actionOf(press("a", { ctrlKey: true }), false)).toBeNull();
  expect(actionOf(press("r", { metaKey: true }), false)).toBeNull();
  expect(actionOf(press("v", { altKey: true }), false)).toBeNull();
});

test("keys of one character can be off; chords and Escape stay", () => {
  expect(actionOf(press("j"), false, false)).toBeNull();
  expect(actionOf(press("?"), false, false)).toBeNull();
  expect(actionOf(press("Escape"), false, false)).toBe("back");
  expect(actionOf(press("Enter", { ctrlKey: true }), false, false)).toBe("confirm");
});

test("no single key confirms, and holding the keys down confirms once", () => {
  expect(actionOf(press("Enter"), false)).toBeNull();
  expect(actionOf(press("Enter", { ctrlKey: true }), true)).toBe("confirm");
  expect(actionOf(press("Enter", { ctrlKey: true, repeat: true }), true)).toBeNull();
});

test("Escape works while typing; nothing works while composing", () => {
  expect(actionOf(press("Escape"), true)).toBe("back");
  expect(actionOf(press("Escape", { isComposing: true }), true)).toBeNull();
});

test("a field takes letters, a checkbox does not", () => {
  const element = (html: string): Element | null => {
    document.body.innerHTML = html;
    return document.body.firstElementChild;
  };
  expect(isTyping(element("<input type=search>"))).toBe(true);
  expect(isTyping(element("<textarea></textarea>"))).toBe(true);
  expect(isTyping(element("<input type=checkbox>"))).toBe(false);
  expect(isTyping(element("<button></button>"))).toBe(false);
  expect(isTyping(null)).toBe(false);
});
