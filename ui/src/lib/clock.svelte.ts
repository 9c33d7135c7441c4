/** The time that ages are counted from, in milliseconds since the epoch. One timer for the whole window. */
export const time = $state({ now: Date.now() });

/** Starts the timer; returns what ends it. */
export function tick(): () => void {
  const timer = setInterval(() => {
    time.now = Date.now();
  }, 1000);
  return () => clearInterval(timer);
}
