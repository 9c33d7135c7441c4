const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Whole seconds from an RFC 3339 time to `now` (milliseconds since the epoch); negative for a time to come. */
export function secondsSince(time: string, now: number): number {
  return Math.floor((now - Date.parse(time)) / 1000);
}

/** A length of time as one number and one unit: "40 s", "26 min", "3 h", "2 d", "5 w". */
export function span(seconds: number): string {
  const length = Math.max(0, Math.floor(seconds));
  if (length < MINUTE) return `${length} s`;
  if (length < HOUR) return `${Math.floor(length / MINUTE)} min`;
  if (length < DAY) return `${Math.floor(length / HOUR)} h`;
  if (length < 14 * DAY) return `${Math.floor(length / DAY)} d`;
  return `${Math.floor(length / (7 * DAY))} w`;
}

/** Age for a row: never counts seconds, which would make the queue flicker. */
export function age(time: string, now: number): string {
  const seconds = secondsSince(time, now);
  if (!Number.isFinite(seconds)) return "";
  return seconds < MINUTE ? "now" : span(seconds);
}

/** Age within a sentence: "just now", "26 min ago". */
export function ago(time: string, now: number): string {
  const words = age(time, now);
  return words === "" || words === "now" ? "just now" : `${words} ago`;
}

/** Clock time by the user's locale; with the date unless it is today's. */
export function clock(time: string, now: number): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return "";
  const hour = at.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });
  const today = new Date(now);
  if (at.toDateString() === today.toDateString()) return hour;
  return `${at.toLocaleDateString(undefined, { day: "numeric", month: "short" })}, ${hour}`;
}
