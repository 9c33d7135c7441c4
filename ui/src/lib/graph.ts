import type { ComponentView, SeverityView } from "./types";
import { SEVERITY, worse } from "./words";

/** Nodes a column shows before it says "+ n more". */
export const CAP = 6;
const NODE_HEIGHT = 26;
const PITCH = 38;
const HEAD = 20;

export interface GraphNode {
  name: string;
  tier: number | null;
  severity: SeverityView;
  touched: boolean;
  x: number;
  y: number;
}

export interface Graph {
  width: number;
  height: number;
  nodeWidth: number;
  nodeHeight: number;
  columns: { title: string; x: number; more: number; moreY: number }[];
  nodes: GraphNode[];
  edges: { path: string; direct: boolean }[];
  /** How many components found no place in the picture. */
  left: number;
  /** One sentence, the name of the picture. */
  label: string;
  /** Everything the picture says, and what it had to leave out, one component a line. */
  lines: string[];
}

const TITLES = ["Touched", "Depends on it", "Through those"];

function columnOf(component: ComponentView): number {
  return Math.min(component.distance, 2);
}

/** Worst first, then by tier: what is cut off matters least. Equals keep their order. */
function order(a: ComponentView, b: ComponentView): number {
  return worse(b.severity, a.severity) || (a.tier ?? 99) - (b.tier ?? 99);
}

/** Mean height of what a component needs in the columns before it, so that fewer lines cross. */
function pull(component: ComponentView, nodes: Map<string, GraphNode>): number {
  const heights = component.depends_on.flatMap((name) => nodes.get(name)?.y ?? []);
  return heights.length === 0 ? Infinity : heights.reduce((sum, y) => sum + y, 0) / heights.length;
}

function line(component: ComponentView): string {
  const facts = [
    component.distance === 0 ? "touched" : component.distance === 1 ? "depends on it" : "through those",
  ];
  if (component.tier !== null) facts.push(`tier ${component.tier}`);
  if (component.severity !== "none")
    facts.push(`worst finding ${SEVERITY[component.severity].toLowerCase()}`);
  if (component.depends_on.length > 0) facts.push(`needs ${component.depends_on.join(", ")}`);
  return `${component.name}: ${facts.join("; ")}`;
}

/** Where everything stands, in the units of the picture's view box. Null without components. */
export function graph(components: ComponentView[]): Graph | null {
  if (components.length === 0) return null;
  const byColumn = [0, 1, 2].map((column) =>
    components.filter((one) => columnOf(one) === column).sort(order),
  );
  const used = byColumn.map((list, column) => ({ list, column })).filter(({ list }) => list.length > 0);
  const nodeWidth = 108;
  const gap = 30;
  const tallest = Math.max(...used.map(({ list }) => Math.min(list.length, CAP)));
  const extra = used.some(({ list }) => list.length > CAP) ? 18 : 0;
  const inner = (tallest - 1) * PITCH + NODE_HEIGHT;
  const nodes = new Map<string, GraphNode & { column: number }>();
  const columns = used.map(({ list, column }, place) => {
    const kept = list.slice(0, CAP);
    const pulls = new Map(kept.map((one) => [one.name, pull(one, nodes)]));
    const by = (one: ComponentView): number => pulls.get(one.name) ?? Infinity;
    // Not by subtraction: two that need nothing here are both at infinity.
    const shown = place === 0 ? kept : kept.sort((a, b) => (by(a) < by(b) ? -1 : by(a) > by(b) ? 1 : 0));
    const x = place * (nodeWidth + gap);
    const tall = (shown.length - 1) * PITCH + NODE_HEIGHT;
    const top = HEAD + Math.round((inner - tall) / 2);
    shown.forEach((one, index) => {
      nodes.set(one.name, {
        name: one.name,
        tier: one.tier,
        severity: one.severity,
        touched: one.distance === 0,
        x,
        y: top + index * PITCH,
        column,
      });
    });
    return { title: TITLES[column] ?? "", x, more: list.length - shown.length, moreY: top + tall + 15 };
  });
  const edges: Graph["edges"] = [];
  for (const component of components) {
    const to = nodes.get(component.name);
    if (to === undefined) continue;
    for (const name of component.depends_on) {
      const from = nodes.get(name);
      // Only from left to right: a line within a column would cross its nodes, and the text says it anyway.
      if (from === undefined || from.column >= to.column) continue;
      const [x1, y1] = [from.x + nodeWidth, from.y + NODE_HEIGHT / 2];
      const [x2, y2] = [to.x, to.y + NODE_HEIGHT / 2];
      const middle = x1 + (x2 - x1) / 2;
      const path =
        y1 === y2 ? `M${x1} ${y1}H${x2}` : `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
      edges.push({ path, direct: from.touched });
    }
  }
  const [touched, direct, further] = byColumn.map((list) => list.length);
  const parts = [`${touched} touched`];
  if (direct) parts.push(`${direct} depend on ${touched === 1 ? "it" : "them"} directly`);
  if (further) parts.push(`${further} more through those`);
  return {
    width: 3 * nodeWidth + 2 * gap,
    height: HEAD + inner + extra + 1,
    nodeWidth,
    nodeHeight: NODE_HEIGHT,
    columns,
    nodes: [...nodes.values()],
    edges,
    left: components.length - nodes.size,
    label: `Blast radius: ${parts.join(", ")}`,
    lines: [...components].sort((a, b) => a.distance - b.distance || order(a, b)).map(line),
  };
}
