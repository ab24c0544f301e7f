import { mapStore } from "@wsession/core";
import type { CreateRequest, SessionStore } from "@wsession/core";
import { afterEach, describe, expect, test, vi } from "vitest";
import { failedCases, harnessOf, TRANSACTION_SUBJECTS } from "./failed-cases.ts";

/** A map store with some methods replaced. */
function tampered(replace: (store: SessionStore) => Partial<SessionStore>): SessionStore {
  const store: SessionStore = mapStore();
  return Object.assign(store, replace(store));
}

/** Ignores the expected version: of two writes that expect the same version, the first is lost. */
const losesUpdates = () =>
  tampered((store) => {
    const write = store.write.bind(store);
    return { write: (request) => write({ ...request, expect: undefined }) };
  });

/** Never expires a session. */
const forgetsToExpire = () =>
  tampered((store) => {
    const create = store.create.bind(store);
    return {
      create: (request) => create({ ...request, idleMs: Infinity, absoluteMs: Infinity }),
      touch: (id) => store.load(id) !== undefined,
    };
  });

/** Writes as SET does: a write after a destruction creates the session again. */
const resurrects = () =>
  tampered((store) => {
    const [create, write] = [store.create.bind(store), store.write.bind(store)];
    const created = new Map<string, CreateRequest>();
    return {
      create(request) {
        created.set(request.id, request);
        return create(request);
      },
      write(request) {
        const before = created.get(request.id);
        const result = write(request);
        if (before === undefined || !("type" in result) || result.type !== "missing") return result;
        create(before);
        return write(request);
      },
    };
  });

/** Takes only the session over, so the subject's other connections can still write. */
const keepsOtherFences = () =>
  tampered(() => ({ takeOverSubject: () => ({ type: "taken", fence: 1, others: [] }) }));

/** Answers a probe as a program without types may do. */
const answersNoHealth = (health: unknown) => () =>
  Object.assign(mapStore(), { health: () => health }) satisfies SessionStore;

/** Ignores the limit of a subject. */
const ignoresLimits = () =>
  tampered((store) => {
    const [create, rotate] = [store.create.bind(store), store.rotate.bind(store)];
    return {
      create: (request) => create({ ...request, limit: undefined }),
      rotate: (request) => rotate({ ...request, limit: undefined }),
    };
  });

/** Returns lineages, and ignores them in writes. */
const ignoresLineage = () =>
  tampered((store) => {
    const load = store.load.bind(store);
    return {
      async load(id) {
        const stored = await load(id);
        return stored === undefined ? undefined : { ...stored, lineage: stored.version };
      },
    };
  });

/** Lists sessions in the order of touches, so a session that is touched meanwhile comes again. */
const listsAgain = () =>
  tampered((store) => {
    const [create, touch] = [store.create.bind(store), store.touch.bind(store)];
    const order = new Set<string>();
    return {
      create(request) {
        order.add(request.id);
        return create(request);
      },
      touch(id, idleMs, absoluteMs) {
        if (order.delete(id)) order.add(id);
        return touch(id, idleMs, absoluteMs);
      },
      async *ids() {
        for (const id of order) if ((await store.load(id)) !== undefined) yield id;
      },
    };
  });

/** Answers a takeover, and does not raise the fence. */
const takesNothingOver = () =>
  tampered((store) => ({
    async takeOver(id) {
      const stored = await store.load(id);
      return stored === undefined ? { type: "missing" } : { type: "taken", fence: stored.fence };
    },
  }));

/** Ignores `onlyUnowned`: the last subject gets the session, and the store still answers `foreign`. */
const givesAway = () =>
  tampered((store) => {
    const rotate = store.rotate.bind(store);
    return {
      async rotate(request) {
        const owner = (await store.load(request.id))?.subject;
        const result = await rotate({ ...request, onlyUnowned: false });
        const isOthers = request.onlyUnowned === true && owner !== undefined && owner !== request.subject;
        return isOthers ? { type: "foreign" } : result;
      },
    };
  });

/** Stores lifetimes, but uses the idle time of the caller. */
const countsByTheCaller = () =>
  tampered((store) => {
    const [touch, resume] = [store.touch.bind(store), store.resume.bind(store)];
    const extend = store.extend?.bind(store);
    const count = (id: string, idleMs: number) =>
      void extend?.({ id, idleMs, own: { idleMs }, absoluteInMs: undefined });
    return {
      touch(id, idleMs, absoluteMs) {
        count(id, idleMs);
        return touch(id, idleMs, absoluteMs);
      },
      resume(request) {
        count(request.id, request.idleMs);
        return resume(request);
      },
    };
  });

/** Moves the deadlines with extend, and stores no lifetimes. */
const storesNoLifetimes = () =>
  tampered((store) => {
    const extend = store.extend?.bind(store);
    return { extend: (request) => extend?.({ ...request, own: {} }) ?? { type: "missing" } };
  });

/** The names of the cases that the store fails, without those of transactions. */
function caught(make: () => SessionStore): Promise<string[]> {
  return failedCases(harnessOf(make, true), (subject) => !TRANSACTION_SUBJECTS.includes(subject));
}

describe("the store suite catches", () => {
  afterEach(() => void vi.useRealTimers());

  test("no error in a store that keeps the contract", async () => {
    expect(await caught(mapStore)).toEqual([]);
  });

  test("a store that loses updates", async () => {
    expect(await caught(losesUpdates)).toEqual([
      "I8 a version conflict changes nothing and returns the current session in the same call",
      "I8 of two writes that expect one version, one is applied; compare-and-set loses no increment",
    ]);
  });

  test("a store whose sessions do not expire", async () => {
    const names = await caught(forgetsToExpire);
    expect(names).toEqual(
      expect.arrayContaining([
        "I9 a session past its idle deadline is gone in every answer, swept or not, and does not come back",
        "I9 a session past its absolute deadline is gone, however often it was touched, and does not come back",
      ]),
    );
  });

  test("a store that declares lineages and does not compare them", async () => {
    expect(await caught(ignoresLineage)).toEqual([
      "I8 the lineage in the answer to a change is the lineage that load returns, and a change with another lineage is a conflict",
    ]);
  });

  test("a store whose takeover does not raise the fence", async () => {
    expect(await caught(takesNothingOver)).toEqual([
      "I13 a takeover for an existing connection raises the fence, as an exclusive resume does; a plain resume does not",
      "I13 a takeover of a subject raises the fences of the subject's other sessions, on any process, and of no others",
      "I13 of simultaneous takeovers of a subject by several sessions exactly one has the highest fence of its session",
    ]);
  });

  test("a store that ignores onlyUnowned and gives a session of another subject away", async () => {
    expect(await caught(givesAway)).toEqual([
      "with onlyUnowned a session of another subject answers foreign, and nothing is changed",
    ]);
  });

  test("a store whose ids() yields a session again after a touch", async () => {
    expect(await caught(listsAgain)).toEqual([
      "fault E1: ids() yields each session once, even if each is touched, and ends, even if a session is created in each step",
      "fault E1: ids() yields the sessions that exist from the beginning to the end, even if others are destroyed meanwhile",
    ]);
  });

  test("a store that counts by the idle time of the caller", async () => {
    expect(await caught(countsByTheCaller)).toContain(
      "an idle time of the session's own applies to each touch and resume on each process",
    );
  });

  test("a store that stores no lifetimes", async () => {
    expect(await caught(storesNoLifetimes)).toEqual([
      "extend gives a session lifetimes and moves its deadlines from then on; a lifetime that is not given stays",
      "writes, touches and a new token keep the lifetimes, and extend does not change the version",
    ]);
  });

  test("a store whose destroyed and expired sessions come back", async () => {
    expect(await caught(resurrects)).toEqual(
      expect.arrayContaining([
        "I9 a destroyed session stays destroyed: late writes, touches, resumes and rotations are refused",
        "I9 a session past its idle deadline is gone in every answer, swept or not, and does not come back",
      ]),
    );
  });

  test("a store whose health is not what the contract says", async () => {
    const name = "health: the store is ok in each process that can call it, and each member has its type";
    const whole = {
      ok: true,
      role: undefined,
      latencyMs: undefined,
      subscription: undefined,
      lease: undefined,
    };
    const wrong = [null, "ok", { ok: "yes" }, { ...whole, role: "master" }, { ...whole, latencyMs: "3 ms" }];
    for (const health of wrong) expect(await caught(answersNoHealth(health))).toEqual([name]);
    expect(await caught(answersNoHealth(whole))).toEqual([]);
  });

  test("a store that does not limit subjects", async () => {
    expect(await caught(keepsOtherFences)).toContain(
      "I13 a takeover of a subject raises the fences of the subject's other sessions, on any process, and of no others",
    );
    expect(await caught(ignoresLimits)).toEqual(
      expect.arrayContaining([
        "with over: oldest a login above the subject's limit ends the sessions with the earliest logins, as replaced",
        "with over: refuse a login above the subject's limit is answered with crowded, and changes nothing",
        "after simultaneous logins of a subject exactly as many sessions are left as the limit allows, with oldest and with refuse",
      ]),
    );
  });
});
