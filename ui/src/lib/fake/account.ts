import type { AccountView, OtherLedger, SignInResult, Status } from "../types";
import { said } from "./build";
import { ME } from "./sheet";

/** What a check of a token finds. One of fewer than eight characters is refused. */
export function checked(host: string, token: string): SignInResult {
  const answers = { name: `${host} answers`, ok: true, detail: "" };
  if (token.trim().length < 8) {
    const detail = `${host} does not know this token. Make a new one and sign in again.`;
    return {
      ok: false,
      account: null,
      steps: [answers, { name: "The token is accepted", ok: false, detail }],
    };
  }
  return {
    ok: true,
    account: "first",
    steps: [
      answers,
      { name: "The token is accepted", ok: true, detail: `It belongs to ${ME}.` },
      { name: "repo", ok: true, detail: "read changes and post your reviews" },
      { name: "Kept in the keychain", ok: true, detail: "The token is nowhere else on this machine." },
    ],
  };
}

/** The status while nobody is signed in. */
export function signedOut(revision: number, restoring: boolean, other_ledgers: OtherLedger[] = []): Status {
  return {
    revision,
    restoring,
    account: null,
    accounts: [],
    unopened: [],
    other_ledgers,
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

/** Whose change this is, and where, by its handle. */
export function ownerOf(id: string): { account: string; host: string } {
  const [account = "", rest = ""] = id.split(/:(.*)/su);
  return { account, host: rest.split("/")[0] ?? "" };
}

/** The second account of the sample that has two: its server is behind a network that is not there now. */
export const SECOND = "priya-n@ghe.example.com";

/** What is said of one that is there and cannot be opened. */
export const UNOPENED = said(
  "The account priya-n@ghe.example.com could not be opened. The database is damaged.",
  "The other accounts go on without it; nothing of it was changed.",
  "Move the file away to start afresh; decisions already confirmed are at the forge.",
);

/** The status while somebody is signed in: the account that stands worst leads. */
export function statusOf(
  accounts: AccountView[],
  rest: Pick<Status, "revision" | "keychain" | "open" | "other_ledgers" | "unopened">,
): Status {
  const lead = accounts.find((one) => one.connection === "offline") ?? accounts[0];
  if (lead === undefined) return signedOut(rest.revision, false);
  const { connection, offline_since, data_at, next_poll_at, quota_left, quota_limit, key } = lead;
  return {
    ...rest,
    ...{ connection, offline_since, data_at, next_poll_at, quota_left, quota_limit, key },
    restoring: false,
    account: lead,
    accounts,
    outbox: accounts.reduce((sum, one) => sum + one.outbox, 0),
    pending: accounts.reduce((sum, one) => sum + one.pending, 0),
    version: "0.1.0",
  };
}
