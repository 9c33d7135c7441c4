// Generated from src-tauri/engine/src/view.rs and its parts by `cargo test -p countersign-engine` with COUNTERSIGN_UPDATE=1. Do not edit.

export type SeverityView = "none" | "low" | "medium" | "high" | "critical";

export type InvolvementView = "authored" | "assisted" | "suggestion_applied" | "suspected" | "declared_none" | "undeclared";

export type Badge = { 
/**
 * The involvement.
 */
involvement: InvolvementView, 
/**
 * Tool name, e.g. `Claude Code`.
 */
tool: string | null, };

export type CheckCounts = { 
/**
 * Succeeded.
 */
passed: number, 
/**
 * Failed.
 */
failed: number, 
/**
 * Queued or running.
 */
running: number, 
/**
 * Skipped or neutral.
 */
skipped: number, };

export type SectionKind = "needs_you" | "your_teams" | "came_back" | "outbox" | "approvals" | "done_today";

export type Queue = { 
/**
 * Grows with every change to anything that the UI shows.
 */
revision: number, 
/**
 * Non-empty sections only, in order.
 */
sections: Array<Section>, 
/**
 * What the user should know about completeness: hidden organisations, cut lists, a failing forge.
 */
banners: Array<Banner>, 
/**
 * Nothing was ever fetched for this account.
 */
first_sync: boolean, 
/**
 * How many of all that wait are left out because they need no sign-off.
 */
hidden: number, };

export type QueueFilter = "needs_sign_off" | "all";

export type Section = { 
/**
 * Which.
 */
kind: SectionKind, 
/**
 * Quiet words at the right of its heading: "asked by name".
 */
why: string, 
/**
 * Its rows.
 */
rows: Array<Row>, };

export type Row = { 
/**
 * `account:host/owner/name#number`: names the change, as the account sees it, in every command.
 */
id: string, 
/**
 * Whose row it is: names the account in commands.
 */
account: string, 
/**
 * `owner/name`.
 */
repo: string, 
/**
 * Number within the repository.
 */
number: number, 
/**
 * Title. Hostile text.
 */
title: string, 
/**
 * Login of the person for whom or by whom it was opened.
 */
author: string, 
/**
 * When it was opened, or in the outbox decided; RFC 3339.
 */
since: string, 
/**
 * Involvement and tool.
 */
badge: Badge, 
/**
 * Worst severity.
 */
severity: SeverityView, 
/**
 * Components that it touches.
 */
components: Array<string>, 
/**
 * Checks on the head.
 */
checks: CheckCounts, 
/**
 * Lines added.
 */
additions: number, 
/**
 * Lines deleted.
 */
deletions: number, 
/**
 * Not looked at since it last moved.
 */
unread: boolean, 
/**
 * Draft at the forge.
 */
draft: boolean, 
/**
 * Words in place of the size: "2 new commits".
 */
note: string | null, 
/**
 * In the outbox and in *Done today*: the decision, and how far it got.
 */
decision: DecisionRow | null, };

export type DecisionRow = { 
/**
 * Names the entry in `discard`.
 */
entry: string, 
/**
 * Which decision.
 */
decision: DecisionView, 
/**
 * How far it got.
 */
state: OutboxStateView, 
/**
 * The head that was signed, whole.
 */
head: string, 
/**
 * When it was signed; RFC 3339.
 */
signed_at: string, 
/**
 * The words that were written with it.
 */
words: string, 
/**
 * What happened, what was kept and what to do, where it did not simply go through.
 */
message: Message | null, 
/**
 * The forge's address of the review, once it has one.
 */
url: string | null, 
/**
 * For a confirmed approval on a change that is open still, the latest there: whether it holds.
 */
holding: HoldingView | null, };

export type DecisionView = "approve" | "request_changes" | "comment";

export type HoldingState = "holds" | "ended" | "unknown";

export type HoldingView = { 
/**
 * Whether it does.
 */
state: HoldingState, 
/**
 * "Holds until 5 Dec 2026, 14:24.", "No longer holds: the head moved to 9f1c6c1a; you approved 2ab84f0e."
 */
words: string, 
/**
 * What to do; may be empty.
 */
todo: string, 
/**
 * When the forge was last asked about the change; RFC 3339.
 */
as_of: string, };

export type OutboxStateView = "queued" | "pending" | "submitted" | "confirmed" | "superseded" | "expired" | "handed_back" | "refused" | "withdrawn";

export type Message = { 
/**
 * What happened.
 */
what: string, 
/**
 * What was kept; may be empty.
 */
kept: string, 
/**
 * What to do; may be empty.
 */
todo: string, };

export type BannerKind = "hidden" | "offline" | "attention" | "sign_in";

export type Banner = { 
/**
 * What it is about.
 */
kind: BannerKind, 
/**
 * The message.
 */
message: Message, 
/**
 * An address at a configured forge, opened by `open_link`.
 */
link: string | null, 
/**
 * The account that it is about, where it is about one.
 */
account: string | null, };

export type Run = { 
/**
 * The text.
 */
text: string, 
/**
 * Shown in strong type.
 */
strong: boolean, 
/**
 * Shown as code: a head, a branch.
 */
code: boolean, };

export type VerdictView = { 
/**
 * Worst severity.
 */
severity: SeverityView, 
/**
 * Who wrote it, for whom, what it does, who is hit.
 */
lead: Array<Run>, 
/**
 * What follows from it, or what the title leaves out; may be empty.
 */
second: string, };

export type EvidenceView = { 
/**
 * `certain`, `strong` or `weak`.
 */
strength: string, 
/**
 * What it says of the tool's part: "wrote it", "helped", "suggested a line", "claims no AI", "context only".
 */
role: string, 
/**
 * The exact text that matched. Hostile text.
 */
text: string, 
/**
 * Where it stands: "author of 3 of 3 commits", "branch name".
 */
place: string, 
/**
 * Tool that it points to; empty where it names none.
 */
tool: string, };

export type FindingView = { 
/**
 * Names the finding in `acknowledge`.
 */
id: string, 
/**
 * The rule's id.
 */
rule: string, 
/**
 * How bad.
 */
severity: SeverityView, 
/**
 * "Destroys the database **prod-eu-ledger**".
 */
title: Array<Run>, 
/**
 * Quiet words after the place: the family, "guard removed".
 */
family: string, 
/**
 * Why it matters.
 */
why: string, 
/**
 * What to check.
 */
check: string, 
/**
 * Where context changed the severity.
 */
note: string | null, 
/**
 * Path as shown.
 */
path: string, 
/**
 * Index into `ChangeView::files`; `None` where the file is not in the diff.
 */
file: number | null, 
/**
 * Index into that file's `FileView::rows`; `None` for a finding about the file as a whole.
 */
row: number | null, 
/**
 * Line number on its side.
 */
line: number | null, 
/**
 * Must be acknowledged before an approval (critical and high).
 */
must_acknowledge: boolean, 
/**
 * When the user acknowledged it at this head; RFC 3339.
 */
acknowledged_at: string | null, 
/**
 * What the user noted on acknowledging it; posted with the review. Empty for nothing.
 */
noted: string, };

export type ComponentView = { 
/**
 * Name.
 */
name: string, 
/**
 * 1 is the most critical.
 */
tier: number | null, 
/**
 * 0 = touched, 1 = depends on it, 2 and more = through those.
 */
distance: number, 
/**
 * Names it depends on, among the nodes.
 */
depends_on: Array<string>, 
/**
 * Worst finding inside it.
 */
severity: SeverityView, };

export type NotAssessedView = { 
/**
 * Path; empty for the change as a whole.
 */
path: string, 
/**
 * Why.
 */
reason: string, };

export type CheckView = { 
/**
 * Its name. Hostile text.
 */
name: string, 
/**
 * `passed`, `failed`, `running` or `skipped`.
 */
state: string, };

export type ReviewView = { 
/**
 * Login.
 */
author: string, 
/**
 * Words: "approved this head", "approved an older head, so it does not count", "asks for changes".
 */
words: string, };

export type GroundView = { 
/**
 * "Owned by **@acme/platform**, who was asked."
 */
words: Array<Run>, 
/**
 * An owner was asked or has reviewed; `None` where nobody owns it or it cannot be told.
 */
asked: boolean | null, };

export type FileKind = "added" | "deleted" | "modified" | "renamed" | "copied";

export type FileEntry = { 
/**
 * Path after the change (before it, for a deleted file), invisible characters made visible.
 */
path: string, 
/**
 * Path before, where it was renamed or copied.
 */
old_path: string | null, 
/**
 * How it was changed.
 */
kind: FileKind, 
/**
 * Lines added.
 */
additions: number, 
/**
 * Lines removed.
 */
deletions: number, 
/**
 * Said in place of rows: "binary", "submodule".
 */
note: string | null, 
/**
 * Worst finding in it.
 */
severity: SeverityView, 
/**
 * Viewed by the user at this head.
 */
viewed: boolean, 
/**
 * Another than when the user last looked at the change; `false` the first time.
 */
fresh: boolean, };

export type ChangeView = { 
/**
 * `account:host/owner/name#number`.
 */
id: string, 
/**
 * Whose it is: names the account in commands.
 */
account: string, 
/**
 * `owner/name`.
 */
repo: string, 
/**
 * Number within the repository.
 */
number: number, 
/**
 * Address, opened by `open_link`.
 */
url: string, 
/**
 * Host of the forge.
 */
host: string, 
/**
 * Title. Hostile text.
 */
title: string, 
/**
 * "kiro-agent[bot] for mika", or a login.
 */
author: string, 
/**
 * Target branch.
 */
target: string, 
/**
 * When it was opened; RFC 3339.
 */
created_at: string, 
/**
 * Head commit, whole.
 */
head: string, 
/**
 * Digest of the patch and assessment shown: goes back with `preflight` and `decide`.
 */
seen: string, 
/**
 * Description as safe HTML.
 */
html: string, 
/**
 * The verdict.
 */
verdict: VerdictView, 
/**
 * Involvement and tool.
 */
badge: Badge, 
/**
 * Why the policy wants a sign-off or does not: "nobody said whether AI helped; the policy asks for a sign-off".
 */
involvement_words: string, 
/**
 * The evidence, surest first.
 */
evidence: Array<EvidenceView>, 
/**
 * Findings, worst first.
 */
findings: Array<FindingView>, 
/**
 * The blast radius; may be empty.
 */
components: Array<ComponentView>, 
/**
 * "6 services, 4 of them tier 1 (T1). Source: countersign.toml."; empty without components.
 */
components_words: string, 
/**
 * What no rule could look at.
 */
not_assessed: Array<NotAssessedView>, 
/**
 * Size, spread and where the author is new, as context: "12 files in 5 folders; 340 lines added, 25 removed."; empty
 * where nothing is known.
 */
measures: string, 
/**
 * Checks on the head.
 */
checks: Array<CheckView>, 
/**
 * Reviews of others.
 */
reviews: Array<ReviewView>, 
/**
 * Whose ground it is by CODEOWNERS; empty without such a file.
 */
ground: Array<GroundView>, 
/**
 * Files in the order of the diff. Empty only together with an entry in `not_assessed`.
 */
files: Array<FileEntry>, 
/**
 * What changed since the user last decided or looked: "1 commit, 2 files"; `None` the first time. Which files is
 * in each of these, which lines in each row.
 */
since_last: string | null, 
/**
 * A line on whether an approval will count: see `Sheet::will_count`.
 */
will_count: WillCount, 
/**
 * Which key would sign; `None` = none chosen yet.
 */
key: KeyView | null, 
/**
 * A decision on this head is in the outbox or confirmed already.
 */
decided: DecisionRow | null, 
/**
 * An approval of the user's own stands at the forge, on this head or on an older one, and can be withdrawn.
 */
approval: ApprovalView | null, 
/**
 * Draft at the forge.
 */
draft: boolean, 
/**
 * "28 Nov, 14:02": it could not be read again since, and others could; `None` where it is as old as the rest.
 */
as_of: string | null, };

export type ApprovalView = { 
/**
 * Names the review in `withdraw`.
 */
review: string, 
/**
 * The head that it is about, whole; empty where the forge does not say.
 */
head: string, 
/**
 * When it was given; RFC 3339.
 */
at: string | null, 
/**
 * Whether it holds; `None` where that was not signed on this machine.
 */
holding: HoldingView | null, };

export type RowKind = "hunk" | "context" | "added" | "removed" | "note";

export type Piece = { 
/**
 * The text.
 */
text: string, 
/**
 * Class name.
 */
class: string, };

export type DiffRow = { 
/**
 * What it is.
 */
kind: RowKind, 
/**
 * Line number before.
 */
old: number | null, 
/**
 * Line number after.
 */
new: number | null, 
/**
 * The line's pieces.
 */
pieces: Array<Piece>, 
/**
 * The line was longer than what is shown (2,000 characters); how many are left out.
 */
cut: number | null, 
/**
 * The line was not added or removed yet when the user last looked at the change.
 */
fresh: boolean, };

export type FileView = { 
/**
 * Index into `ChangeView::files`.
 */
index: number, 
/**
 * The head it belongs to.
 */
head: string, 
/**
 * All its rows; the window shows a part at a time.
 */
rows: Array<DiffRow>, };

export type WillCount = { 
/**
 * `yes`, `no` or `unknown`.
 */
answer: string, 
/**
 * "as the 1st of 2".
 */
short: string, 
/**
 * Each reason, with what to do.
 */
reasons: Array<Message>, 
/**
 * Among them that the policy does not know the key: `propose_key` may help.
 */
enrol: boolean, };

export type KeyPlace = "agent" | "keychain";

export type KeyView = { 
/**
 * `SHA256:…`: names the key in `choose_key`.
 */
fingerprint: string, 
/**
 * `ssh-ed25519`, `sk-ssh-ed25519@openssh.com`, …
 */
algorithm: string, 
/**
 * Comment of the key. Hostile text.
 */
comment: string, 
/**
 * Where it is kept.
 */
place: KeyPlace, 
/**
 * A security key: the agent asks for a touch.
 */
hardware: boolean, 
/**
 * This is the one that signs.
 */
chosen: boolean, 
/**
 * The public key as one OpenSSH line.
 */
public_line: string, };

export type Keys = { 
/**
 * The keys.
 */
keys: Array<KeyView>, 
/**
 * What is wrong with agent or keychain, if anything.
 */
messages: Array<Message>, 
/**
 * The line for `allowed_signers` for the chosen key.
 */
enrol_line: string | null, 
/**
 * The system's own check is asked before each signature.
 */
prompted: boolean, };

export type KeyProposal = { 
/**
 * In whole sentences.
 */
said: string, 
/**
 * The change's page at the forge; `None` where none is needed.
 */
url: string | null, };

export type Rotation = { 
/**
 * The keys that this can be asked about, as `SHA256:…`: the chosen one, then those that signed here, the latest first.
 */
keys: Array<string>, 
/**
 * The one that this is about; `None` where there is none.
 */
old: string | null, 
/**
 * What it signed, by this machine's ledger, latest first.
 */
signed: Array<SignedRow>, 
/**
 * On how many open changes an approval must be given anew once the key is revoked.
 */
again: number, 
/**
 * When the last approval ends that still holds, or may; now, where none does. RFC 3339.
 */
until: string, 
/**
 * Where the key may sign, by the policies that were last read.
 */
places: Array<KeyPlaceView>, 
/**
 * The key as a line for the revoked keys; `None` where only its fingerprint is known here.
 */
revoked_line: string | null, 
/**
 * The line for `allowed_signers` of the key that signs from now on; `None` while that is the old one, or none.
 */
new_line: string | null, 
/**
 * What could not be looked at.
 */
messages: Array<Message>, };

export type KeyPlaceView = { 
/**
 * `owner/name`.
 */
repo: string, 
/**
 * The branch on which the policy stands. Hostile text, made visible.
 */
branch: string, 
/**
 * The list of allowed signers. Hostile text, made visible.
 */
path: string, 
/**
 * The key's line there, with an end.
 */
line: string, 
/**
 * That end; RFC 3339.
 */
until: string, 
/**
 * The line stands there so already.
 */
ended: boolean, 
/**
 * Where revoked keys stand; `None` where the policy names no such file.
 */
revoked_path: string | null, 
/**
 * The key is among them already.
 */
revoked: boolean, };

export type SignedRow = { 
/**
 * `host/owner/name#number`.
 */
change: string, 
/**
 * The head that was signed, whole.
 */
head: string, 
/**
 * Which decision.
 */
decision: DecisionView, 
/**
 * How far it got.
 */
state: OutboxStateView, 
/**
 * When it was signed; RFC 3339.
 */
signed_at: string, 
/**
 * For the user's latest approval on a change that is open still: whether it holds.
 */
holding: HoldingView | null, 
/**
 * Its change is open, and without this key there is no approval by the user there that holds.
 */
again: boolean, };

export type Found = { 
/**
 * In the order of looking: what waits first, then what the forge touched last.
 */
changes: Array<FoundChange>, 
/**
 * How many changes this step looked at.
 */
searched: number, 
/**
 * Of these, whose diff is not on this machine (any more): only what is known of them without it was searched.
 */
without_diff: number, 
/**
 * How many changes there are in all.
 */
of: number, 
/**
 * For the next step; `None` where all was looked at.
 */
next: string | null, };

export type FoundChange = { 
/**
 * Names the change in `change`.
 */
id: string, 
/**
 * Whose it is: names the account in commands.
 */
account: string, 
/**
 * `owner/name`.
 */
repo: string, 
/**
 * Its number.
 */
number: number, 
/**
 * Title. Hostile text.
 */
title: string, 
/**
 * "waits for you", "open", "merged", "closed", and what the user decided last.
 */
state: string, 
/**
 * Where else than in the diff it stands.
 */
texts: Array<FoundText>, 
/**
 * Lines and paths of the diff, the first few; where that has none, of the diff at the head that was looked at or
 * decided on last and has some.
 */
lines: Array<FoundLine>, 
/**
 * Lines and paths that have it and are not listed.
 */
more: number, };

export type FoundText = { 
/**
 * "change", "title", "author", "branch", "description", "commit message", "your words".
 */
place: string, 
/**
 * The place in it.
 */
excerpt: Excerpt, };

export type FoundLine = { 
/**
 * Index into `ChangeView::files`; `None` where it stands in the diff at an earlier head.
 */
file: number | null, 
/**
 * The file's path. Hostile text.
 */
path: string, 
/**
 * Index into `FileView::rows`; `None` where the path itself matches, and at an earlier head.
 */
row: number | null, 
/**
 * Line number after the change, before it for a removed line.
 */
number: number | null, 
/**
 * Added, removed or around; `None` for a path.
 */
kind: RowKind | null, 
/**
 * The place in it.
 */
excerpt: Excerpt, };

export type Excerpt = { 
/**
 * What stands before it.
 */
before: string, 
/**
 * What matches.
 */
hit: string, 
/**
 * What stands after it.
 */
after: string, };

export type Sheet = { 
/**
 * The decision.
 */
decision: DecisionView, 
/**
 * "I, priya-n, have read 5 of 6 files at head … and approve it into main of acme/infra, knowing that it …".
 */
sentence: Array<Run>, 
/**
 * The findings that must be acknowledged.
 */
findings: Array<FindingView>, 
/**
 * How many of those are.
 */
acknowledged: number, 
/**
 * Files not viewed and things not assessed, in words.
 */
not_looked_at: Array<string>, 
/**
 * Whether it will count.
 */
will_count: WillCount, 
/**
 * The key; `None` = none chosen.
 */
key: KeyView | null, 
/**
 * The system's own check is asked before it is signed. No proof: the gate learns nothing of it.
 */
prompted: boolean, 
/**
 * "For this head only, until 1 Dec 2026, 14:24."
 */
valid: string, 
/**
 * The statement as it would be signed now (its time and nonce are set again when it is).
 */
statement: string, 
/**
 * Why it cannot be signed yet, each with what to do; empty = it can.
 */
blockers: Array<Message>, };

export type Connection = "online" | "offline" | "connecting";

export type KeychainState = "unlocked" | "locked" | "absent";

export type TokenState = "held" | "locked" | "missing";

export type AccountView = { 
/**
 * Names it in commands.
 */
name: string, 
/**
 * What tells it from the other accounts, for people: its host, or `login@host` where two are at one.
 */
label: string, 
/**
 * Host of the forge.
 */
host: string, 
/**
 * Login.
 */
login: string, 
/**
 * When the token ends, if the forge said; RFC 3339.
 */
token_expires_at: string | null, 
/**
 * The token is held for this session only.
 */
session_only: boolean, 
/**
 * Is its token at hand?
 */
token: TokenState, 
/**
 * Is the forge reached?
 */
connection: Connection, 
/**
 * Since when it is not; RFC 3339.
 */
offline_since: string | null, 
/**
 * What keeps the forge from being read as it should be, if anything does.
 */
trouble: Message | null, 
/**
 * When its data was last confirmed by the forge; RFC 3339.
 */
data_at: string | null, 
/**
 * When its next poll is due; RFC 3339.
 */
next_poll_at: string | null, 
/**
 * Points left.
 */
quota_left: number | null, 
/**
 * Points an hour.
 */
quota_limit: number | null, 
/**
 * Its decisions signed and not yet confirmed.
 */
outbox: number, 
/**
 * Its changes that need the user.
 */
pending: number, 
/**
 * The key that signs for it.
 */
key: KeyView | null, };

export type OtherLedger = { 
/**
 * Names the account in `export_ledger`.
 */
account: string, 
/**
 * "priya-n at github.com, signed out".
 */
label: string, };

export type Status = { 
/**
 * Same as `Queue::revision`.
 */
revision: number, 
/**
 * The account of the last session is still being taken up; `account` is not yet known.
 */
restoring: boolean, 
/**
 * The account that stands worst; `None` = signed out: the window shows the sign-in.
 */
account: AccountView | null, 
/**
 * All that are signed in, the first of the profile first.
 */
accounts: Array<AccountView>, 
/**
 * Accounts of the profile that could not be opened. What they hold was not touched.
 */
unopened: Array<Message>, 
/**
 * The ledgers of those that are not among `accounts`: they are signed out, or cannot be read.
 */
other_ledgers: Array<OtherLedger>, 
/**
 * Is the forge reached?
 */
connection: Connection, 
/**
 * Since when it is not; RFC 3339.
 */
offline_since: string | null, 
/**
 * When the data on screen was last confirmed by the forge; RFC 3339.
 */
data_at: string | null, 
/**
 * When the next poll is due; RFC 3339.
 */
next_poll_at: string | null, 
/**
 * Points left.
 */
quota_left: number | null, 
/**
 * Points an hour.
 */
quota_limit: number | null, 
/**
 * Decisions signed and not yet confirmed.
 */
outbox: number, 
/**
 * The keychain.
 */
keychain: KeychainState, 
/**
 * The key that signs.
 */
key: KeyView | null, 
/**
 * Changes that need the user: what the tray counts.
 */
pending: number, 
/**
 * A change that a notice or a second start asked to be opened; the UI opens it once.
 */
open: string | null, 
/**
 * Version of the app.
 */
version: string, };

export type SignInStep = { 
/**
 * What was checked: "github.com answers", "The token is accepted", "repo".
 */
name: string, 
/**
 * Whether it holds.
 */
ok: boolean, 
/**
 * What was seen, or what to do.
 */
detail: string, };

export type SignInResult = { 
/**
 * Signed in.
 */
ok: boolean, 
/**
 * Names the account then.
 */
account: string | null, 
/**
 * The steps, in order; the first that is not ok says why not.
 */
steps: Array<SignInStep>, };

export type ProxyMode = "system" | "direct" | "at";

export type AuthorityView = { 
/**
 * Its name, as its certificate says.
 */
name: string, 
/**
 * SHA-256 of the certificate, in pairs of digits.
 */
fingerprint: string, };

export type NetworkView = { 
/**
 * Which proxy.
 */
proxy: ProxyMode, 
/**
 * The address that was typed; empty where none was.
 */
address: string, 
/**
 * Host and port of the proxy that the system names for this forge; `None`: it names none.
 */
of_system: string | null, 
/**
 * Who signs in at the proxy; empty for nobody.
 */
user: string, 
/**
 * The user's password is at hand.
 */
password_held: boolean, 
/**
 * It is held for this session only: no keychain took it.
 */
session_only: boolean, 
/**
 * The client id by which one signs in at the forge's own page; empty where there is none.
 */
client_id: string, 
/**
 * Trusted besides the system's.
 */
authorities: Array<AuthorityView>, 
/**
 * What was kept could not be read.
 */
message: Message | null, };

export type DeviceView = { 
/**
 * What the user types there.
 */
user_code: string, 
/**
 * The page's address, to be shown; `device_page` opens it.
 */
page: string, };

export type Diagnostics = { 
/**
 * All that would be saved.
 */
text: string, 
/**
 * Names it for `export_diagnostics`.
 */
sha256: string, };

export type Decided = { 
/**
 * The user confirmed in the native dialog, and it was signed. `false`: they did not; nothing was signed.
 */
signed: boolean, 
/**
 * The outbox entry.
 */
entry: DecisionRow | null, };

export type Withdrawn = { 
/**
 * The user confirmed in the native dialog, and the review is dismissed. `false`: they did not; nothing was changed.
 */
withdrawn: boolean, };

export type ExportForm = "lines" | "bundle";

export type Exported = { 
/**
 * A file was written. `false`: the user chose none.
 */
saved: boolean, 
/**
 * What was written where, and whether the chain is whole.
 */
message: Message, };

export type Failure = { 
/**
 * For the UI to act on.
 */
code: Code, 
/**
 * What happened and what was kept.
 */
message: string, 
/**
 * What to do; may be empty.
 */
hint: string, };

export type Code = "signed_out" | "unknown_change" | "moved" | "cannot_sign" | "keys" | "refused" | "other";
