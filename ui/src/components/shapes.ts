/** One path of a shape on a 14 × 14 field: filled, or drawn with a line of the given width. */
export interface Stroke {
  d: string;
  line?: number;
}

/** Every shape of the window. The severity shapes differ in outline, so that they are told apart in greyscale. */
export const SHAPES = {
  critical: [{ d: "M4.3 1h5.4L13 4.3v5.4L9.7 13H4.3L1 9.7V4.3zM6.1 3.3v4.5h1.8V3.3zM6.1 9v1.8h1.8V9z" }],
  high: [{ d: "M7 1.1l6.5 11.6H.5zM6.3 5.2v3.7h1.4V5.2zM6.3 9.9v1.4h1.4V9.9z" }],
  medium: [{ d: "M7 1.5L12.5 7 7 12.5 1.5 7z" }],
  low: [{ d: "M2.8 7a4.2 4.2 0 108.4 0 4.2 4.2 0 10-8.4 0z", line: 1.6 }],
  none: [{ d: "M4.5 7h5", line: 1.6 }],
  check: [{ d: "M2.5 7.6l3 2.9 6-7", line: 1.8 }],
  cross: [{ d: "M3 3l8 8M11 3l-8 8", line: 1.8 }],
  skip: [
    { d: "M1.8 7a5.2 5.2 0 1010.4 0 5.2 5.2 0 10-10.4 0z", line: 1.5 },
    { d: "M3.5 10.5l7-7", line: 1.5 },
  ],
  clock: [
    { d: "M1.8 7a5.2 5.2 0 1010.4 0 5.2 5.2 0 10-10.4 0z", line: 1.5 },
    { d: "M7 4v3.2l2 1.3", line: 1.5 },
  ],
  down: [{ d: "M3 5l4 4 4-4", line: 1.6 }],
  right: [{ d: "M5 3l4 4-4 4", line: 1.6 }],
  up: [{ d: "M7 12V3M3.2 6.6L7 2.8l3.8 3.8", line: 1.6 }],
  find: [
    { d: "M2.2 6a3.8 3.8 0 107.6 0 3.8 3.8 0 10-7.6 0z", line: 1.5 },
    { d: "M9 9l3.5 3.5", line: 1.5 },
  ],
  lock: [
    { d: "M3.5 6h7q1 0 1 1v4.5q0 1-1 1h-7q-1 0-1-1V7q0-1 1-1z", line: 1.5 },
    { d: "M4.5 6V4.2a2.5 2.5 0 015 0V6", line: 1.5 },
  ],
  key: [
    { d: "M1.8 9a2.7 2.7 0 105.4 0 2.7 2.7 0 10-5.4 0z", line: 1.5 },
    { d: "M6.5 7L12 1.8M9.5 4.2l1.8 1.8", line: 1.5 },
  ],
  online: [{ d: "M3 7a4 4 0 108 0 4 4 0 10-8 0z" }],
  offline: [
    { d: "M2.4 7a4.6 4.6 0 109.2 0 4.6 4.6 0 10-9.2 0z", line: 1.6 },
    { d: "M1.5 12.5l11-11", line: 1.6 },
  ],
} as const satisfies Record<string, readonly Stroke[]>;

export type Shape = keyof typeof SHAPES;
