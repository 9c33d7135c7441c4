const SINGLE = "single-keys";

/** What the person chose for this window. Single-character keys can be switched off: speech input types letters. */
export const settings = $state({ single: read(SINGLE) !== "off" });

function read(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    // A webview without storage forgets the choice; the window works all the same.
    return null;
  }
}

export function setSingle(on: boolean): void {
  settings.single = on;
  try {
    localStorage.setItem(SINGLE, on ? "on" : "off");
  } catch {
    // As above.
  }
}
