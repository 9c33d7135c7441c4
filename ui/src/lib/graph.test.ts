import { expect, test } from "vitest";
import { CAP, graph } from "./graph";
import type { ComponentView } from "./types";

function one(
  name: string,
  distance: number,
  depends_on: string[] = [],
  rest: Partial<ComponentView> = {},
): ComponentView {
  return { name, tier: null, distance, depends_on, severity: "none", ...rest };
}

test("without components there is no picture", () => {
  expect(graph([])).toBeNull();
});

test("columns go from what is touched to what depends on it, and lines go from left to right", () => {
  const picture = graph([
    one("db", 0, [], { severity: "critical" }),
    one("api", 1, ["db"]),
    one("shop", 2, ["api"]),
    one("deep", 5, ["shop"]),
  ]);
  expect(picture?.columns.map(({ title }) => title)).toEqual(["Touched", "Depends on it", "Through those"]);
  const x = new Map(picture?.nodes.map((node) => [node.name, node.x]));
  expect(x.get("db")).toBeLessThan(x.get("api") ?? 0);
  expect(x.get("api")).toBeLessThan(x.get("shop") ?? 0);
  // "deep" shares a column with "shop": said in the text, not drawn through a node.
  expect(picture?.edges.length).toBe(2);
  expect(picture?.edges.map(({ direct }) => direct)).toEqual([true, false]);
  expect(picture?.lines).toContain("deep: through those; needs shop");
  expect(picture?.label).toBe("Blast radius: 1 touched, 1 depend on it directly, 2 more through those");
});

test("a column is cut at six, the least important are cut, and the text has them all", () => {
  const many = Array.from({ length: 9 }, (_, index) => one(`s${index}`, 1, ["db"], { tier: 9 - index }));
  const picture = graph([one("db", 0), ...many]);
  const shown = picture?.nodes.filter(({ x }) => x > 0).map(({ name }) => name) ?? [];
  expect(shown.length).toBe(CAP);
  expect(shown).toContain("s8");
  expect(shown).not.toContain("s0");
  expect(picture?.columns[1]?.more).toBe(3);
  expect(picture?.lines.length).toBe(10);
  for (const node of picture?.nodes ?? []) expect(node.y + 26).toBeLessThanOrEqual(picture?.height ?? 0);
  expect(picture?.columns[1]?.moreY).toBeLessThanOrEqual(picture?.height ?? 0);
});

test("nodes of a column do not overlap", () => {
  const picture = graph([one("a", 0), one("b", 0), one("c", 1, ["b"]), one("d", 1, ["a"]), one("e", 1)]);
  const second = (picture?.nodes ?? []).filter(({ x }) => x > 0).sort((a, b) => a.y - b.y);
  second.slice(1).forEach((node, index) => expect(node.y - (second[index]?.y ?? 0)).toBeGreaterThan(26));
  // "d" needs the upper one, "c" the lower: no crossing.
  expect(second.map(({ name }) => name)).toEqual(["d", "c", "e"]);
});

test("sixty components: the picture stays small, and says how many it left to the words", () => {
  const many = Array.from({ length: 60 }, (_, index) =>
    one(`s${index}`, index % 3, index % 3 === 0 ? [] : [`s${index - 1}`]),
  );
  const picture = graph(many);
  expect(picture?.nodes.length).toBe(3 * CAP);
  expect(picture?.left).toBe(60 - 3 * CAP);
  expect(picture?.lines.length).toBe(60);
  expect(picture?.height).toBeLessThan(300);
  expect(graph(many.slice(0, 3))?.left).toBe(0);
});
