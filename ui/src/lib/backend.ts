import type {
  ChangeView,
  Decided,
  DecisionView,
  DeviceView,
  Diagnostics,
  ExportForm,
  Exported,
  Failure,
  FileView,
  Found,
  KeyProposal,
  Keys,
  KeyView,
  NetworkView,
  ProxyMode,
  Message,
  Queue,
  QueueFilter,
  Rotation,
  Sheet,
  SignInResult,
  Status,
  Withdrawn,
} from "./types";

/** A head as it was shown, which a decision must still find. */
export interface Shown {
  id: string;
  head: string;
  seen: string;
}

/**
 * What the window may ask for. Each method rejects with a {@link Failure}. The names are the shell's command names,
 * so that one table holds for the app and for the sample.
 */
export interface Backend {
  /** The sample holds nothing real and says so. */
  readonly sample: boolean;
  status(): Promise<Status>;
  queue(args: { filter: QueueFilter }): Promise<Queue>;
  change(args: { id: string }): Promise<ChangeView>;
  file(args: { id: string; head: string; index: number }): Promise<FileView>;
  mark_viewed(args: { id: string; head: string; index: number; viewed: boolean }): Promise<null>;
  /** Without a note the one that is there stays. */
  acknowledge(args: {
    id: string;
    head: string;
    finding: string;
    acknowledged: boolean;
    note: string | null;
  }): Promise<null>;
  preflight(args: Shown & { decision: DecisionView; words: string }): Promise<Sheet>;
  decide(args: Shown & { decision: DecisionView; words: string }): Promise<Decided>;
  discard(args: { id: string; entry: string }): Promise<null>;
  withdraw(args: { id: string; review: string; words: string }): Promise<Withdrawn>;
  /** One step: `after` is the `next` of the step before. */
  search(args: { text: string; after: string | null }): Promise<Found>;
  /** Of one account. The system asks for the file; the page never names one. */
  export_ledger(args: { account: string; form: ExportForm }): Promise<Exported>;
  refresh(): Promise<null>;
  /** Adds an account, or gives one that is here another token. */
  sign_in(args: { forge: string; token: string }): Promise<SignInResult>;
  /** As they bear on one forge. No secret is in them. */
  network_settings(args: { forge: string }): Promise<NetworkView>;
  /** False where the user said no. Without a password the one that is kept for this user stays. */
  set_proxy(args: {
    forge: string;
    proxy: ProxyMode;
    address: string;
    user: string;
    password: string;
  }): Promise<boolean>;
  /** The system asks for the file; false where none was chosen, or the user said no. */
  add_authority(): Promise<boolean>;
  remove_authority(args: { fingerprint: string }): Promise<null>;
  /** Without a token: with the account's, where it is that forge. */
  test_connection(args: { forge: string; token: string }): Promise<SignInResult>;
  /** An empty one takes it back. */
  set_client_id(args: { forge: string; id: string }): Promise<null>;
  /** Gives up a sign-in by a code that waits, and begins another. */
  device_start(args: { forge: string }): Promise<DeviceView>;
  /** Resolves when the code was confirmed at the forge, or no longer can be. */
  device_wait(): Promise<SignInResult>;
  device_cancel(): Promise<null>;
  /** Opens the forge's own page where the code is confirmed. */
  device_page(): Promise<null>;
  /** With `forget`, what was read goes too. */
  sign_out(args: { account: string; forget: boolean }): Promise<Message | null>;
  /** What became of it; null where the user answered no. */
  erase(): Promise<Message | null>;
  diagnostics(): Promise<Diagnostics>;
  /** Saves what `diagnostics` gave last, named by its digest. */
  export_diagnostics(args: { sha256: string }): Promise<Exported>;
  keys(args: { account: string }): Promise<Keys>;
  choose_key(args: { account: string; fingerprint: string }): Promise<null>;
  make_key(args: { account: string }): Promise<KeyView>;
  /** What became of it, in words; null where the user answered no. */
  register_key(args: { account: string }): Promise<string | null>;
  propose_key(args: { id: string }): Promise<KeyProposal | null>;
  /** Of the chosen key without a fingerprint. */
  rotation(args: { account: string; fingerprint: string | null }): Promise<Rotation>;
  /** The system asks its own check first, either way; rejects where that was not passed. */
  set_prompted(args: { account: string; on: boolean }): Promise<null>;
  open_link(args: { url: string }): Promise<null>;
  /** Calls back whenever anything that the window shows has changed. Resolves to what ends it. */
  onChanged(told: (revision: number) => void): Promise<() => void>;
}

/** What a rejected call says. A value of another shape is a fault of ours and is shown as it is. */
export function asFailure(thrown: unknown): Failure {
  if (typeof thrown === "object" && thrown !== null && "message" in thrown && "code" in thrown) {
    return thrown as Failure;
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return {
    code: "other",
    message: `The window could not go on: ${message}.`,
    hint: "Nothing was signed or sent.",
  };
}

/** True inside the app, false in a browser. */
export function inApp(): boolean {
  return "__TAURI_INTERNALS__" in globalThis;
}

/** The app's own backend. */
export async function appBackend(): Promise<Backend> {
  const [{ invoke }, { listen }] = await Promise.all([
    import("@tauri-apps/api/core"),
    import("@tauri-apps/api/event"),
  ]);
  const ask =
    <A extends object | void, R>(name: string) =>
    (args: A): Promise<R> =>
      invoke<R>(name, args === undefined ? undefined : { ...args });
  return {
    sample: false,
    status: ask("status"),
    queue: ask("queue"),
    change: ask("change"),
    file: ask("file"),
    mark_viewed: ask("mark_viewed"),
    acknowledge: ask("acknowledge"),
    preflight: ask("preflight"),
    decide: ask("decide"),
    discard: ask("discard"),
    withdraw: ask("withdraw"),
    search: ask("search"),
    export_ledger: ask("export_ledger"),
    refresh: ask("refresh"),
    sign_in: ask("sign_in"),
    network_settings: ask("network_settings"),
    set_proxy: ask("set_proxy"),
    add_authority: ask("add_authority"),
    remove_authority: ask("remove_authority"),
    test_connection: ask("test_connection"),
    set_client_id: ask("set_client_id"),
    device_start: ask("device_start"),
    device_wait: ask("device_wait"),
    device_cancel: ask("device_cancel"),
    device_page: ask("device_page"),
    sign_out: ask("sign_out"),
    erase: ask("erase"),
    diagnostics: ask("diagnostics"),
    export_diagnostics: ask("export_diagnostics"),
    keys: ask("keys"),
    choose_key: ask("choose_key"),
    make_key: ask("make_key"),
    register_key: ask("register_key"),
    propose_key: ask("propose_key"),
    rotation: ask("rotation"),
    set_prompted: ask("set_prompted"),
    open_link: ask("open_link"),
    onChanged: (told) =>
      listen<{ revision: number }>("queue-changed", (event) => told(event.payload.revision)),
  };
}
