import type { SignInResult, Status } from "../types";
import { ME } from "./sheet";

/** What a check of a token finds. One of fewer than eight characters is refused. */
export function checked(host: string, token: string): SignInResult {
  const answers = { name: `${host} answers`, ok: true, detail: "" };
  if (token.trim().length < 8) {
    const detail = `${host} does not know this token. Make a new one and sign in again.`;
    return { ok: false, steps: [answers, { name: "The token is accepted", ok: false, detail }] };
  }
  return {
    ok: true,
    steps: [
      answers,
      { name: "The token is accepted", ok: true, detail: `It belongs to ${ME}.` },
      { name: "repo", ok: true, detail: "read changes and post your reviews" },
      { name: "Kept in the keychain", ok: true, detail: "The token is nowhere else on this machine." },
    ],
  };
}

/** The status while nobody is signed in. */
export function signedOut(revision: number, restoring: boolean): Status {
  return {
    revision,
    restoring,
    account: null,
    connection: "connecting",
    offline_since: null,
    data_at: null,
    next_poll_at: null,
    quota_left: null,
    quota_limit: null,
    outbox: 0,
    keychain: "unlocked",
    key: null,
    pending: 0,
    open: null,
    version: "0.1.0",
  };
}
