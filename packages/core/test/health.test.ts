import { createSessions, inConnectionStore, mapStore, SessionError } from "@wsession/core";
import type { SessionStore, StoreHealth } from "@wsession/core";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { aHandshake } from "./handshakes.ts";
import { serveInMemory } from "./memory-runtime.ts";

const HEALTHY = {
  ok: true,
  role: undefined,
  latencyMs: undefined,
  subscription: undefined,
  lease: undefined,
};
const UNHEALTHY = { ...HEALTHY, ok: false };
const BLOCK_MS = 100;
/** Of `waitUntil`, whose default is a second. */
const PATIENT = { timeout: 10_000 };
const handlers = { message: () => undefined };

/** Sessions with a store whose health is `health`; `undefined`: the store does not have the member. */
function sessionsWith(
  health: SessionStore["health"],
  onError = (error: unknown): void => expect.fail(String(error)),
) {
  const store: SessionStore = mapStore();
  Object.assign(store, { health });
  const sessions = createSessions({ store, initial: () => ({}), onError });
  onTestFinished(() => sessions.close());
  return { store, sessions };
}

describe("health", () => {
  test.each([
    ["mapStore", mapStore],
    ["inConnectionStore", inConnectionStore],
  ])("of sessions in a %s is ok, with the number of connections", async (_name, make) => {
    const sessions = createSessions({ store: make(), initial: () => ({}) });
    onTestFinished(() => sessions.close());
    const server = serveInMemory(sessions, handlers);
    await server.connect();
    const health = await sessions.health();
    const eventLoopDelayMs = expect.any(Number);
    expect(health).toEqual({ ok: true, store: HEALTHY, connections: 1, eventLoopDelayMs, closing: false });
    expect(health.eventLoopDelayMs).toBeGreaterThanOrEqual(0);
  });

  test.each<[string, () => never | Promise<never> | StoreHealth]>([
    ["rejects", () => Promise.reject(new Error("broken"))],
    [
      "throws",
      () => {
        throw new Error("broken");
      },
    ],
    ["says so", () => UNHEALTHY],
  ])("is not ok, and does not reject, if the store %s", async (_how, answer) => {
    const { sessions } = sessionsWith(answer);
    expect(await sessions.health()).toMatchObject({ ok: false, store: UNHEALTHY, closing: false });
  });

  test.each([undefined, null, "ok", {}, { ok: "yes", latencyMs: "3 ms", role: "master" }])(
    "is not ok, and does not reject, if a store without types answers %j",
    async (answer) => {
      const store: SessionStore = mapStore();
      Object.assign(store, { health: () => answer });
      const sessions = createSessions({ store, initial: () => ({}) });
      onTestFinished(() => sessions.close());
      expect(await sessions.health()).toMatchObject({ ok: false, store: UNHEALTHY });
    },
  );

  test("settles within its limit if the store never answers, and close() does not wait for the store's answer", async () => {
    const limits: number[] = [];
    const { sessions } = sessionsWith((limitMs) => {
      limits.push(limitMs);
      return new Promise(() => undefined);
    });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const asked = sessions.health();
    await sessions.close();
    await vi.advanceTimersByTimeAsync(500);
    expect(await asked).toMatchObject({ ok: false, store: UNHEALTHY, closing: true });
    expect(limits).toEqual([400]);
  });

  test("is not ok from close() on, and the closed store is not asked", async () => {
    const health = vi.fn<() => StoreHealth>(() => ({ ...UNHEALTHY, ok: true }));
    const { sessions } = sessionsWith(health);
    const closing = sessions.close();
    expect(await sessions.health()).toMatchObject({ ok: false, closing: true, connections: 0 });
    await closing;
    health.mockClear();
    expect(await sessions.health()).toMatchObject({ ok: false, store: UNHEALTHY, closing: true });
    expect(health).not.toHaveBeenCalled();
  });

  test("of a store of 0.1, which has no health, follows the failures that no caller waits for", async () => {
    const reports: unknown[] = [];
    const { sessions, store } = sessionsWith(undefined, (error) => reports.push(error));
    const server = serveInMemory(sessions, handlers);
    expect(await sessions.health()).toMatchObject({ ok: true, store: HEALTHY });
    const { create } = store;
    const error = new SessionError("STORE_UNAVAILABLE", "away", { outcome: "not-applied" });
    Object.assign(store, { create: () => Promise.reject(error) });
    expect(await server.binding.admit(aHandshake(), undefined)).toMatchObject({ status: 503 });
    expect(reports).toEqual([error]);
    expect(await sessions.health()).toMatchObject({ ok: false, store: UNHEALTHY });
    Object.assign(store, { create });
    // Within the same millisecond the answer would not count as later than the failure.
    await vi.waitUntil(async () => {
      await server.connect();
      return (await sessions.health()).ok;
    }, PATIENT);
  });

  test("has the longest delay of the event loop since the call before, for later callers too", async () => {
    const { sessions } = sessionsWith(() => HEALTHY);
    // The process may have stood still by itself before.
    await vi.waitUntil(async () => (await sessions.health()).eventLoopDelayMs < BLOCK_MS, PATIENT);
    // The monitor of Node measures from one of its timers to the next, so the first block may come before the first timer.
    await vi.waitUntil(async () => {
      const end = performance.now() + BLOCK_MS;
      while (performance.now() < end);
      return (await sessions.health()).eventLoopDelayMs > BLOCK_MS / 2;
    }, PATIENT);
    expect((await sessions.health()).eventLoopDelayMs).toBeGreaterThan(BLOCK_MS / 2);
  });

  test("keeps no process alive", () => {
    const core = JSON.stringify(join(import.meta.dirname, "../dist/index.js"));
    const program = `import { createSessions, mapStore } from ${core};
      const store = Object.assign(mapStore(), { health: () => new Promise(() => {}) });
      createSessions({ store, initial: () => ({}) }).health().then(() => console.log("settled"));
      console.log("asked");`;
    const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
      encoding: "utf8",
      timeout: 10_000,
    });
    expect([status, stdout]).toEqual([0, "asked\n"]);
  });
});
