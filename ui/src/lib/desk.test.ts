import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Backend } from "./backend";
import { Desk } from "./desk.svelte";
import { fakeBackend } from "./fake/fake";
import { readingOrder } from "./reading.svelte";
import type { FindingView } from "./types";

beforeEach(() => vi.useFakeTimers({ shouldAdvanceTime: true }));
afterEach(() => vi.useRealTimers());

const INFRA = "github.com/acme/infra#482";

async function opened(variant = ""): Promise<{ desk: Desk; backend: Backend }> {
  const backend = fakeBackend(variant);
  const desk = new Desk(backend);
  await desk.start();
  return { desk, backend };
}

test("j and k walk the rows that are shown and stop at the ends", async () => {
  const { desk } = await opened();
  await desk.step(1);
  expect(desk.change.change?.id).toBe(INFRA);
  await desk.step(-1);
  expect(desk.change.change?.id).toBe(INFRA);
  for (let step = 0; step < 20; step += 1) await desk.step(1);
  expect(desk.change.change?.number).toBe(4198);
});

test("a search leaves out what does not match, and looks into closed sections", async () => {
  const { desk } = await opened();
  desk.search = "payments";
  expect(desk.rows.map(({ row }) => row.number)).toEqual([4217, 4220, 4198]);
  desk.search = "base image";
  expect(desk.rows.map(({ kind }) => kind)).toEqual(["done_today"]);
});

test("the filter shows what needs no sign-off, and the queue says how many it hides", async () => {
  const { desk } = await opened();
  expect(desk.queue?.hidden).toBe(1);
  await desk.setFilter("all");
  expect(desk.queue?.hidden).toBe(0);
  expect(desk.rows.some(({ row }) => row.number === 1899)).toBe(true);
});

test("a notice opens its change once", async () => {
  const { desk, backend } = await opened();
  const status = await backend.status();
  const asked = vi.spyOn(backend, "status").mockResolvedValueOnce({ ...status, open: INFRA });
  await desk.refresh();
  expect(desk.view).toEqual({ kind: "change", id: INFRA });
  desk.showOutbox();
  await desk.refresh();
  expect(desk.view.kind).toBe("outbox");
  asked.mockRestore();
});

test("a finding is acknowledged at the head that was shown", async () => {
  const { desk, backend } = await opened();
  await desk.open(INFRA);
  const told = vi.spyOn(backend, "acknowledge");
  const left = desk.change.change?.findings.find((finding) => finding.acknowledged_at === null);
  await desk.change.acknowledge(left?.id ?? "", true);
  expect(told).toHaveBeenCalledWith({
    id: INFRA,
    head: desk.change.change?.head,
    finding: left?.id,
    acknowledged: true,
    note: null,
  });
  expect(desk.change.change?.findings.every((finding) => finding.acknowledged_at !== null)).toBe(true);
});

test("a note is kept with the acknowledgement, and goes with it", async () => {
  const { desk } = await opened();
  await desk.open(INFRA);
  const id = "tf-recovery-off/1";
  const noted = (): string | undefined => desk.change.change?.findings.find((one) => one.id === id)?.noted;
  await desk.change.acknowledge(id, true, "A snapshot from today is restored.");
  await desk.change.acknowledge(id, true);
  expect(noted()).toBe("A snapshot from today is restored.");
  await desk.change.acknowledge(id, false);
  expect(noted()).toBe("");
});

test("nothing is signed while a blocker stands", async () => {
  const { desk, backend } = await opened();
  await desk.open(INFRA);
  const decide = vi.spyOn(backend, "decide");
  desk.openSheet("approve");
  await desk.sign();
  expect(decide).not.toHaveBeenCalled();
  expect(desk.signing?.blocker?.what).toContain("1 finding is left");
});

test("what is signed is what was shown, and its way is told by the outbox", async () => {
  const { desk, backend } = await opened();
  await desk.open(INFRA);
  await desk.change.acknowledge("tf-recovery-off/1", true);
  const decide = vi.spyOn(backend, "decide");
  desk.openSheet("approve");
  const { head, seen } = desk.change.change ?? {};
  await desk.sign();
  expect(decide).toHaveBeenCalledExactlyOnceWith({ id: INFRA, head, seen, decision: "approve", words: "" });
  expect(desk.signing).toBeNull();
  expect(desk.change.change?.decided?.state).toBe("queued");
  expect(
    desk.queue?.sections.find(({ kind }) => kind === "needs_you")?.rows.some(({ id }) => id === INFRA),
  ).toBe(false);
  await vi.advanceTimersByTimeAsync(2_500);
  expect(desk.change.change?.decided?.state).toBe("confirmed");
  // The row is gone: the next one has its place.
  await desk.step(1);
  expect(desk.change.change?.number).toBe(4217);
});

test("a no in the system's question signs nothing and keeps the words", async () => {
  const { desk } = await opened("declined");
  await desk.open(INFRA);
  desk.openSheet("comment");
  desk.signing?.typed("Where is the plan?");
  await desk.sign();
  expect(desk.signing?.message?.what).toContain("Not signed");
  expect(desk.signing?.words).toBe("Where is the plan?");
  desk.closeSheet();
  desk.openSheet("comment");
  expect(desk.signing?.words).toBe("Where is the plan?");
});

test("when the head moves the sheet closes, the words wait, and the reader is told", async () => {
  const { desk } = await opened("moving");
  await desk.open(INFRA);
  const before = desk.change.change?.head;
  desk.openSheet("request_changes");
  desk.signing?.typed("Keep the database.");
  await vi.advanceTimersByTimeAsync(2_000);
  expect(desk.signing).toBeNull();
  expect(desk.change.change?.head).not.toBe(before);
  expect(desk.change.notice?.what).toContain("The head moved from 9f1c6c1a to c03a77e4");
  desk.openSheet("request_changes");
  expect(desk.signing?.words).toBe("Keep the database.");
});

test("an answer that comes too late is not shown over a newer one", async () => {
  const { desk, backend } = await opened();
  const real = backend.change.bind(backend);
  vi.spyOn(backend, "change").mockImplementationOnce(async (args) => {
    await new Promise((done) => setTimeout(done, 500));
    return real(args);
  });
  const slow = desk.open(INFRA);
  await desk.open("github.com/acme/web#1890");
  await vi.advanceTimersByTimeAsync(1_000);
  await slow;
  expect(desk.change.change?.number).toBe(1890);
});

test("a second reading that fails takes nothing off the screen", async () => {
  const { desk, backend } = await opened();
  await desk.open(INFRA);
  vi.spyOn(backend, "change").mockRejectedValueOnce({
    code: "other",
    message: "Disk full.",
    hint: "Free some.",
  });
  await desk.change.reload();
  expect(desk.change.change?.id).toBe(INFRA);
  expect(desk.change.notice).toEqual({
    what: "Disk full.",
    kept: "What you see was read before.",
    todo: "Free some.",
  });
});

test("signed out, the window holds nothing of the account", async () => {
  const { desk, backend } = await opened();
  await desk.open(INFRA);
  await backend.sign_out({ forget: false });
  await desk.refresh();
  expect(desk.status?.account).toBeNull();
  expect(desk.queue).toBeNull();
  expect(desk.change.change).toBeNull();
});

test("an error is shown and goes away with the next good answer", async () => {
  const { desk } = await opened("error");
  expect(desk.problem?.hint).toContain("Free some space");
  await desk.poll();
  expect(desk.problem).toBeNull();
  expect(desk.rows.length).toBeGreaterThan(0);
});

test("findings are read by file and line, those without a place last", () => {
  const at = (file: number | null, row: number | null): FindingView => ({ file, row }) as FindingView;
  expect(readingOrder([at(2, 5), at(null, null), at(0, 9), at(2, null), at(0, 1)])).toEqual([4, 2, 3, 0, 1]);
});

test("what a notice asked for is opened, even if the queue could not be read at that moment", async () => {
  const { desk, backend } = await opened();
  const status = await backend.status();
  vi.spyOn(backend, "status").mockResolvedValueOnce({ ...status, open: INFRA });
  vi.spyOn(backend, "queue").mockRejectedValueOnce({ code: "other", message: "Busy.", hint: "" });
  await desk.refresh();
  expect(desk.problem?.message).toBe("Busy.");
  await desk.refresh();
  expect(desk.view).toEqual({ kind: "change", id: INFRA });
});

test("a change that failed to open is there after the next good answer", async () => {
  const { desk, backend } = await opened();
  vi.spyOn(backend, "change").mockRejectedValueOnce({ code: "other", message: "Disk full.", hint: "" });
  await desk.open(INFRA);
  expect(desk.change.problem?.message).toBe("Disk full.");
  await desk.refresh();
  expect(desk.change.change?.id).toBe(INFRA);
  expect(desk.change.problem).toBeNull();
});

test("a file is not marked as viewed before it was shown", async () => {
  const { desk, backend } = await opened();
  await desk.open(INFRA);
  const told = vi.spyOn(backend, "mark_viewed");
  const index = desk.change.change?.files.findIndex((file) => !file.viewed) ?? -1;
  vi.spyOn(backend, "file").mockRejectedValueOnce({ code: "other", message: "Unreadable.", hint: "" });
  const reading = desk.change.showFile(index);
  await desk.change.toggleViewed();
  await reading;
  expect(desk.change.fileProblem?.message).toBe("Unreadable.");
  await desk.change.toggleViewed();
  expect(told).not.toHaveBeenCalled();
  await desk.change.showFile(index);
  await desk.change.toggleViewed();
  expect(told).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ index, viewed: true }));
});

test("asked again while an answer is under way, one waits for the newest", async () => {
  const { desk, backend } = await opened();
  await desk.open(INFRA);
  desk.openSheet("comment");
  await vi.advanceTimersByTimeAsync(0);
  const real = backend.preflight.bind(backend);
  vi.spyOn(backend, "preflight").mockImplementation(async (args) => {
    await new Promise((done) => setTimeout(done, args.words === "" ? 10 : 100));
    return real(args);
  });
  const first = desk.signing?.refresh();
  desk.signing?.typed("Noted.");
  void desk.signing?.refresh();
  await first;
  expect(desk.signing?.blocker).toBeNull();
});

test("where one pane shows at a time, moving chooses and opening opens", async () => {
  const { desk } = await opened();
  desk.narrow = true;
  await desk.step(1);
  await desk.step(1);
  expect(desk.cursor).toBe("needs_you/github.com/acme/payments#4217");
  expect(desk.view.kind).toBe("nothing");
  await desk.select(desk.cursor ?? "");
  expect(desk.change.change?.number).toBe(4217);
  desk.pane = "queue";
  desk.openSheet("comment");
  expect(desk.signing).toBeNull();
});

test("filters leave out other tools and what is less bad, never what was signed", async () => {
  const { desk } = await opened("offline");
  expect(desk.tools).toEqual(["Claude Code", "Copilot", "Cursor", "Kiro"]);
  desk.tool = "Kiro";
  expect(desk.rows.filter(({ row }) => row.decision === null).map(({ row }) => row.number)).toEqual([482]);
  expect(desk.rows.filter(({ kind }) => kind === "outbox").length).toBe(5);
  desk.tool = null;
  desk.severity = "high";
  const left = desk.rows.filter(({ row }) => row.decision === null).map(({ row }) => row.severity);
  expect(left.length).toBe(3);
  expect(left.every((severity) => severity === "high" || severity === "critical")).toBe(true);
  desk.severity = null;
  expect(desk.components).toContain("network");
  desk.component = "network";
  expect(desk.rows.filter(({ row }) => row.decision === null).map(({ row }) => row.number)).toEqual([482]);
  expect(desk.rows.filter(({ kind }) => kind === "outbox").length).toBe(5);
  desk.showAll();
  expect(desk.narrowed).toBe(false);
});

test("from a line there is one way back, to its finding", async () => {
  const { desk } = await opened();
  await desk.open(INFRA);
  expect(desk.change.back()).toBe(false);
  await desk.change.jump(2);
  expect(desk.change.back()).toBe(true);
  expect(desk.change.listed).toBe(2);
  expect(desk.change.back()).toBe(false);
  await desk.change.jump(1);
  await desk.change.showFile(0);
  expect(desk.change.back()).toBe(false);
});

const CAME_BACK = "github.com/acme/payments#4198";

test("an approval is withdrawn with the words that were written, once, and then it is gone", async () => {
  const { desk, backend } = await opened();
  await desk.open(INFRA);
  desk.openWithdrawal();
  expect(desk.withdrawing).toBeNull();
  expect(desk.said).toBe("No approval of yours stands on this change.");
  await desk.open(CAME_BACK);
  const withdraw = vi.spyOn(backend, "withdraw");
  desk.openWithdrawal();
  await desk.withdraw();
  expect(withdraw).not.toHaveBeenCalled();
  desk.withdrawing!.words = "I trusted a test that never ran.";
  const { review } = desk.change.change!.approval!;
  const both = [desk.withdraw(), desk.withdraw()];
  await vi.advanceTimersByTimeAsync(300);
  await Promise.all(both);
  expect(withdraw).toHaveBeenCalledExactlyOnceWith({
    id: CAME_BACK,
    review,
    words: "I trusted a test that never ran.",
  });
  expect(desk.withdrawing).toBeNull();
  expect(desk.change.change?.approval).toBeNull();
});

test("a no in the system's question withdraws nothing and keeps the words", async () => {
  const { desk } = await opened("declined");
  await desk.open(CAME_BACK);
  desk.openWithdrawal();
  desk.withdrawing!.words = "Wrong.";
  const asked = desk.withdraw();
  await vi.advanceTimersByTimeAsync(300);
  await asked;
  expect(desk.withdrawing?.message?.what).toContain("did not confirm");
  desk.closeWithdrawal();
  desk.openWithdrawal();
  expect(desk.withdrawing?.words).toBe("Wrong.");
});

test("where the forge does not let one withdraw, the words go on as a request for changes", async () => {
  const { desk } = await opened("no-right");
  await desk.open(CAME_BACK);
  desk.openWithdrawal();
  desk.withdrawing!.words = "Wrong.";
  const asked = desk.withdraw();
  await vi.advanceTimersByTimeAsync(300);
  await asked;
  expect(desk.withdrawing?.problem?.code).toBe("refused");
  desk.requestInstead();
  expect(desk.withdrawing).toBeNull();
  expect([desk.signing?.decision, desk.signing?.words]).toEqual(["request_changes", "Wrong."]);
});

test("a withdrawal whose approval went meanwhile is put away and said", async () => {
  const { desk, backend } = await opened();
  await desk.open(CAME_BACK);
  desk.openWithdrawal();
  const change = await backend.change({ id: CAME_BACK });
  const asked = vi.spyOn(backend, "change").mockResolvedValueOnce({ ...change, approval: null });
  await desk.refresh();
  expect(desk.withdrawing).toBeNull();
  expect(desk.change.notice?.what).toContain("no longer stands");
  asked.mockRestore();
});
