import { deferred, StoreProcess } from "@wsession/conformance";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createSessions, inConnectionStore, mapStore, queryToken } from "@wsession/core";
import type { HeldSession } from "@wsession/core";
import { serveInMemory } from "./memory-runtime.ts";

const HOUR = 3_600_000;

const aRequest = {
  data: { n: 0 },
  subject: undefined,
  schemaVersion: 0,
  idleMs: Infinity,
  absoluteMs: Infinity,
  exclusive: false,
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a full mapStore", () => {
  test("evicts the session that has been idle longest", async () => {
    const store = mapStore({ maxSessions: 3 });
    const home = new StoreProcess(store);
    const born = [];
    for (let index = 0; index < 3; index += 1) born.push(await home.born({ hold: false }));
    await home.touch(born[0]!.id, Infinity);
    await home.born({ hold: false });
    expect(store.size).toBe(3);
    expect(await Promise.all(born.map(async ({ id }) => (await home.load(id)) !== undefined))).toEqual([
      true,
      false,
      true,
    ]);
  });

  test("evicts no session with a live connection: if all have one, the store is full until one is released", async () => {
    const store = mapStore({ maxSessions: 2 });
    const home = new StoreProcess(store);
    const [first, second] = [await home.born(), await home.born()];
    expect(await home.create()).toEqual({ type: "full" });
    expect(store.size).toBe(2);
    await home.release(first.id);
    expect(await home.create()).toMatchObject({ type: "created" });
    expect(await home.load(first.id)).toBeUndefined();
    expect(await home.load(second.id)).toBeDefined();
  });

  test("evicts no session that is created or resumed for a connection that is not open yet, until each holder is released", async () => {
    const store = mapStore({ maxSessions: 2 });
    // The host has a session only after the store has answered.
    store.attach({ held: () => undefined, heldIds: () => [], notify: () => 0, onError: () => undefined });
    const request = { ...aRequest, digest: "d", hold: true };
    const secret = { digest: "d", nextDigest: undefined, subject: undefined };
    const resumption = { ...secret, idleMs: Infinity, hold: true, exclusive: false };
    expect(await store.create({ ...request, id: "held" })).toMatchObject({ type: "created" });
    expect(await store.create({ ...request, id: "free", hold: false })).toMatchObject({ type: "created" });
    for (const id of ["held", "free"])
      expect(await store.resume({ ...resumption, id })).toMatchObject({ type: "resumed" });
    expect(await store.create({ ...request, id: "new" })).toEqual({ type: "full" });
    await store.release("held");
    expect(await store.create({ ...request, id: "new" })).toEqual({ type: "full" });
    await store.release("held");
    expect(await store.create({ ...request, id: "new" })).toMatchObject({ type: "created" });
    expect([...store].map(([id]) => id)).toEqual(["free", "new"]);
  });

  test("refuses the second of two simultaneous newcomers with 503, and does not evict the first one's session", async () => {
    const store = mapStore({ maxSessions: 1 });
    const { promise, resolve } = deferred<{ n: number }>();
    const sessions = createSessions({ store, initial: () => promise, onError: () => undefined });
    const server = serveInMemory(sessions);
    const [first, second] = [server.connect(), server.connect().catch(String)];
    resolve({ n: 0 });
    expect(await second).toBe("Error: refused with 503");
    const { session } = (await first).connection;
    expect(await session.update(({ n }) => ({ n: n + 1 }))).toEqual({ n: 1 });
  });

  test("evicts no session that a client is resuming", async () => {
    const store = mapStore({ maxSessions: 1 });
    const sessions = createSessions({ store, token: queryToken(), initial: () => ({ n: 0 }) });
    const { token } = await sessions.create({ n: 7 });
    const coming = serveInMemory(sessions).connect({ url: `/?token=${token}` });
    await expect(sessions.create({ n: 8 })).rejects.toMatchObject({ code: "STORE_FULL" });
    const { session } = (await coming).connection;
    expect(await session.refresh()).toEqual({ n: 7 });
  });

  test("evicts expired sessions first, and notifies the host", async () => {
    const home = new StoreProcess(mapStore({ maxSessions: 2 }));
    const expired = await home.born({ idleMs: 10 });
    const idle = await home.born({ hold: false });
    vi.advanceTimersByTime(20);
    await home.born();
    expect(await home.load(idle.id)).toBeDefined();
    expect(home.events.entries).toEqual([{ type: "expired", id: expired.id }]);
  });

  test("skips a bounded number of held sessions at each creation, however many there are", async () => {
    const home = new StoreProcess(mapStore({ maxSessions: 20_000 }));
    // Their connections have ended, and the host holds them until the close handlers have settled: of each it is asked.
    const held = new Map<string, HeldSession>();
    for (let index = 0; index < 20_000; index += 1) {
      const { id, session } = await home.born({ digest: "d", hold: false });
      held.set(id, { ...session, connections: 0 });
    }
    const asked = vi.spyOn(home, "held").mockImplementation((id) => held.get(id));
    expect(await home.create()).toEqual({ type: "full" });
    expect(asked.mock.calls.length).toBeGreaterThan(0);
    expect(asked.mock.calls.length).toBeLessThanOrEqual(1_000);
  });

  test("throws INVALID_ARGUMENT for a maxSessions of 0, below 0 or NaN", () => {
    for (const maxSessions of [0, -1, NaN]) {
      expect(() => mapStore({ maxSessions })).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    }
  });
});

describe("mapStore's sweep", () => {
  test("removes expired sessions within a second, notifies the host, and stops its timer when there is nothing to do", async () => {
    const store = mapStore();
    const home = new StoreProcess(store);
    const { id } = await home.born({ idleMs: 100 });
    const absolute = await home.born({ absoluteMs: 2_500 });
    vi.advanceTimersByTime(1_100);
    expect(store.size).toBe(1);
    expect(home.events.entries).toEqual([{ type: "expired", id }]);
    vi.advanceTimersByTime(2_600);
    expect(store.size).toBe(0);
    expect(home.events.entries.at(-1)).toEqual({ type: "expired", id: absolute.id });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("removes a session that is past its absolute deadline only, at the latest a second after its idle deadline", async () => {
    const store = mapStore();
    const home = new StoreProcess(store);
    await home.born({ idleMs: 10_000 });
    const { id } = await home.born({ idleMs: 10_000, absoluteMs: 3_000, hold: false });
    vi.advanceTimersByTime(2_500);
    await home.touch(id, 10_000);
    vi.advanceTimersByTime(1_000);
    expect([...store]).toHaveLength(1);
    vi.advanceTimersByTime(10_000);
    expect(store.size).toBe(0);
  });

  test("leaves no timer after close", async () => {
    const store = mapStore();
    await new StoreProcess(store).born();
    store.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("a step of the wall clock", () => {
  test.each([-HOUR, HOUR])("by %d ms moves no deadline (fault C7)", async (step) => {
    const store = mapStore();
    const home = new StoreProcess(store);
    const { id } = await home.born({ idleMs: 1_000, absoluteMs: 3_000 });
    vi.setSystemTime(Date.now() + step);
    expect(await home.load(id)).toMatchObject({ idleInMs: 1_000, absoluteInMs: 3_000 });
    expect(await home.touch(id, 2_000)).toBe(true);
    vi.advanceTimersByTime(1_999);
    expect(await home.load(id)).toBeDefined();
    vi.advanceTimersByTime(2);
    expect(await home.load(id)).toBeUndefined();
    expect(store.size).toBe(0);
  });
});

describe("mapStore as an iterable", () => {
  test("counts, iterates and finds live sessions, and no expired session, swept or not", async () => {
    const store = mapStore();
    const home = new StoreProcess(store);
    const [first] = [
      await home.born({ data: { who: "first" } }),
      await home.born({ data: { who: "second" }, idleMs: 100 }),
    ];
    expect(store.size).toBe(2);
    expect([...store].find(([, data]) => "who" in data && data.who === "first")?.[0]).toBe(first.id);
    vi.advanceTimersByTime(200);
    expect([...store].map(([, data]) => data)).toEqual([{ who: "first" }]);
  });

  test("fault E1: iteration yields each session once, although each step touches one session and creates another", async () => {
    const store = mapStore();
    const home = new StoreProcess(store);
    for (let n = 0; n < 5; n += 1) await home.born({ data: { n } });
    const observed: unknown[] = [];
    for (const [id, data] of store) {
      observed.push("n" in data && data.n);
      expect(store.touch(id, Infinity)).toBe(true);
      store.create({
        ...aRequest,
        digest: undefined,
        id: `new-${observed.length}`,
        data: { n: -1 },
        hold: false,
      });
      if (observed.length > 100) break;
    }
    expect(observed).toEqual([0, 1, 2, 3, 4]);
  });

  test("fault E1: sessions.entries() yields each session once, although it is touched, extended or resumed meanwhile", async () => {
    const store = mapStore();
    const sessions = createSessions<{ n: number }>({
      store,
      token: queryToken(),
      idleMs: 60_000,
      absoluteMs: 60_000,
    });
    const server = serveInMemory(sessions);
    const tokens = new Map<string, string>();
    for (let n = 0; n < 9; n += 1) {
      const { session, token } = await sessions.create({ n });
      tokens.set(session.id, token);
    }
    const observed: number[] = [];
    for await (const session of sessions.entries()) {
      observed.push(session.data.n);
      if (session.data.n % 3 === 0) await session.touch();
      else if (session.data.n % 3 === 1) await session.extend();
      else await server.connect({ url: `/?token=${tokens.get(session.id)}` });
      if (observed.length > 100) break;
    }
    expect(observed).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test("fault E1: sessions.entries() and sessions.connections end, although connections are opened meanwhile", async () => {
    for (const store of [mapStore(), inConnectionStore()]) {
      const sessions = createSessions({ store, initial: () => ({ n: 0 }) });
      const server = serveInMemory(sessions);
      for (let n = 0; n < 3; n += 1) await server.connect();
      let observed = 0;
      for await (const _ of sessions.entries()) {
        await server.connect();
        observed += 1;
        if (observed > 100) break;
      }
      expect(observed).toBe(3);
      for (const _ of sessions.connections) {
        await server.connect();
        observed += 1;
        if (observed > 100) break;
      }
      expect(observed).toBe(9);
    }
  });

  test("the order of touches stays correct when sessions at its ends and in its middle are destroyed, and after an eviction", async () => {
    const store = mapStore({ maxSessions: 6 });
    const home = new StoreProcess(store);
    const ids: string[] = [];
    for (let n = 0; n < 6; n += 1) ids.push((await home.born({ hold: n === 2 })).id);
    for (const index of [0, 3, 5]) await home.destroy(ids[index]!);
    await home.touch(ids[1]!, Infinity);
    for (let n = 0; n < 3; n += 1) await home.born();
    const there = async () => {
      const found = await Promise.all(ids.map(async (id) => (await home.load(id)) !== undefined));
      return ids.map((_, index) => index).filter((index) => found[index]);
    };
    expect(await there()).toEqual([1, 2, 4]);
    // Session 2 is held, so it is skipped. Of the others, 4 was touched the longest time ago.
    await home.born();
    expect(await there()).toEqual([1, 2]);
    await home.born();
    expect(await there()).toEqual([2]);
    expect(await home.create()).toEqual({ type: "full" });
    expect(store.size).toBe(6);
  });
});
