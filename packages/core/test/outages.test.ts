import { createSessions, mapStore, onTelemetry, SessionError } from "@wsession/core";
import type { ErrorContext, SessionStore, TelemetryEvents } from "@wsession/core";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { aHandshake } from "./handshakes.ts";
import { serveInMemory } from "./memory-runtime.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const SECOND = 1_000;

interface Report {
  readonly message: string;
  readonly stage: string;
  readonly failures: number | undefined;
}

const away = (message = "away", cause?: Error) =>
  new SessionError("STORE_UNAVAILABLE", message, { outcome: "not-applied", ...(cause && { cause }) });

/** A map store that a test can make unavailable, and the reports of `onError`. */
function trial() {
  const reports: Report[] = [];
  const store: SessionStore = mapStore();
  const { create, write } = store;
  let fail: (() => Error) | undefined;
  const unlessAway =
    <Args extends unknown[], Answer>(call: (...args: Args) => Answer) =>
    (...args: Args) =>
      fail === undefined ? call.apply(store, args) : Promise.reject(fail());
  Object.assign(store, { create: unlessAway(create), write: unlessAway(write) });
  const sessions = createSessions({
    store,
    initial: () => ({ n: 0 }),
    onError(error: unknown, { stage, failures }: ErrorContext) {
      reports.push({ message: error instanceof Error ? error.message : "", stage, failures });
    },
  });
  const server = serveInMemory(sessions, {
    message: ({ session }, data) => (data === "write" ? session.patch({ n: 1 }) : undefined),
  });
  return {
    reports,
    store,
    sessions,
    server,
    failWith: (error: (() => Error) | undefined) => void (fail = error),
    async refuse(times: number) {
      for (let count = 0; count < times; count += 1) {
        const answer = await server.binding.admit(aHandshake(), undefined);
        expect(answer).toMatchObject({ type: "reject", status: 503 });
      }
    },
    /** The number of failures that the reports stand for. */
    reported: () => reports.reduce((sum, { failures }) => sum + (failures ?? 1), 0),
  };
}

describe("fault B3: failures of the store with one cause and without a caller who waits", () => {
  test("are reported at once, then once a minute, and once when the store answers again, with their number", async () => {
    const { reports, server, failWith, refuse, reported } = trial();
    failWith(away);
    await refuse(1);
    expect(reports).toEqual([{ message: "away", stage: "store", failures: undefined }]);
    for (let second = 0; second < 70; second += 1) {
      await refuse(10);
      await vi.advanceTimersByTimeAsync(SECOND);
    }
    expect(reports.length).toBe(2);
    expect(reports[1]).toMatchObject({
      stage: "store",
      message: expect.stringMatching(
        /^the store still fails; calls that failed within \d+ s without a report: \d+: away \(\d+\)$/,
      ),
    });
    failWith(undefined);
    await server.connect();
    await vi.advanceTimersByTimeAsync(10 * SECOND);
    expect(reports.length).toBe(3);
    expect(reports[2]?.message).toMatch(/^the store answers again; calls .* \d+: away \(\d+\)$/);
    expect(reported()).toBe(701);
  });

  test("count as one cause, whichever handlers of whichever connections threw them", async () => {
    const { reports, server, failWith, refuse, reported } = trial();
    const opened = [];
    for (let count = 0; count < 100; count += 1) opened.push(await server.connect());
    failWith(away);
    await refuse(1);
    for (const { receive } of opened) receive("write");
    await vi.advanceTimersByTimeAsync(SECOND);
    expect(new Set(opened.map(({ socket }) => socket.closedWith?.code))).toEqual(new Set([4503]));
    await vi.advanceTimersByTimeAsync(70 * SECOND);
    expect(reports.map(({ failures }) => failures)).toEqual([undefined, 100]);
    expect(reports[1]?.message).toMatch(/^no call of the store has failed for 60 s; /);
    expect(reported()).toBe(101);
  });

  test("publish the health of the store twice: at the first failure, and when the outage is over", async () => {
    const { server, failWith, refuse } = trial();
    const health: TelemetryEvents["wsession:store:health"][] = [];
    onTestFinished(onTelemetry("wsession:store:health", (event) => health.push(event)));
    failWith(away);
    await refuse(3);
    failWith(undefined);
    await vi.advanceTimersByTimeAsync(SECOND);
    await server.connect();
    await vi.advanceTimersByTimeAsync(10 * SECOND);
    expect(health).toEqual([
      { ok: false, code: "STORE_UNAVAILABLE", outageMs: 0 },
      { ok: true, code: undefined, outageMs: 5 * SECOND },
    ]);
  });

  test("cause one report if there is only one failure, and the next outage is reported at once", async () => {
    const { reports, server, failWith, refuse } = trial();
    failWith(away);
    await refuse(1);
    failWith(undefined);
    await vi.advanceTimersByTimeAsync(SECOND);
    await server.connect();
    await vi.advanceTimersByTimeAsync(10 * SECOND);
    expect(reports.length).toBe(1);
    failWith(away);
    await refuse(1);
    expect(reports.length).toBe(2);
  });

  test("stay one outage while other calls are answered, because only one shard may be unavailable", async () => {
    const { reports, server, failWith, refuse, reported } = trial();
    for (let second = 0; second < 50; second += 1) {
      failWith(away);
      await refuse(10);
      failWith(undefined);
      await server.connect();
      await vi.advanceTimersByTimeAsync(SECOND);
    }
    expect(reports.length).toBe(1);
    await vi.advanceTimersByTimeAsync(70 * SECOND);
    expect(reports.length).toBe(2);
    expect(reported()).toBe(500);
  });

  test("are reported when the sessions are closed, if there were failures since the last report", async () => {
    const { reports, sessions, failWith, refuse } = trial();
    failWith(away);
    await refuse(5);
    await sessions.close();
    expect(reports.map(({ failures }) => failures)).toEqual([undefined, 4]);
    expect(reports[1]?.message).toBe(
      "the sessions are closed; calls that failed within 0 s without a report: 4: away (4)",
    );
    await vi.advanceTimersByTimeAsync(120 * SECOND);
    expect(reports.length).toBe(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("are not reported if a caller gets them as a rejection", async () => {
    const { reports, sessions, failWith } = trial();
    failWith(away);
    for (let count = 0; count < 3; count += 1)
      await expect(sessions.create({ n: 1 })).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    await vi.advanceTimersByTimeAsync(120 * SECOND);
    expect(reports).toEqual([]);
  });
});

test("fault B3: each cause has reports of its own, and any number of causes leads to a bounded number of reports", async () => {
  const { reports, failWith, refuse, reported } = trial();
  failWith(() => away("away", new Error("refused")));
  await refuse(3);
  failWith(() => away("away", new Error("timed out")));
  await refuse(3);
  failWith(() => new SessionError("STORE_FULL", "full"));
  await refuse(3);
  expect(reports.map(({ message }) => message)).toEqual(["away", "away", "full"]);
  let number = 0;
  failWith(() => away(`away: ${(number += 1)}`));
  await refuse(1_000);
  expect(reports.length).toBeLessThan(20);
  await vi.advanceTimersByTimeAsync(120 * SECOND);
  expect(reports.length).toBeLessThan(21);
  expect(reported()).toBe(1_009);
});

test("fault B3: an error that does not come from the store is reported each time", async () => {
  const reports: unknown[] = [];
  const sessions = createSessions({
    initial: (): { n: number } => {
      throw new Error("no data");
    },
    onError: (_, { failures }) => reports.push(failures),
  });
  const { binding } = serveInMemory(sessions);
  for (let count = 0; count < 5; count += 1) await binding.admit(aHandshake(), undefined);
  expect(reports).toEqual([undefined, undefined, undefined, undefined, undefined]);
});
