import * as fc from "fast-check";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inConnectionStore, mapStore, type SessionStore } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { type RedisServer, startRedis } from "../../packages/store-redis/test/redis-server.ts";
import { PATIENCE_MS } from "../stores.ts";
import type { Operation, Step } from "./model.ts";
import { SlotHost, Trial } from "./trial.ts";

const field = fc.constantFrom("a", "b", "m", "s", "with space", "ä");
const value = fc.oneof(
  fc.integer(),
  fc.string(),
  fc.boolean(),
  fc.constant(null),
  fc.constant([]),
  fc.constant({}),
  fc.array(fc.integer(), { maxLength: 3 }),
  fc.string().map((x) => ({ x })),
);
const data = fc.dictionary(field, value, { maxKeys: 4 }).map((fields) => ({ ...fields }));
const subject = fc.constantFrom("ann", "bob");
const maybe = <Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 2 });

const change = fc.oneof(
  fc.record({ type: fc.constant("replace" as const), data }),
  fc.tuple(data, fc.array(field, { maxLength: 2 })).map(([set, unset]) => ({
    type: "fields" as const,
    set,
    unset: [...new Set(unset)].filter((name) => !(name in set)),
  })),
);

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("create" as const),
      data,
      withDigest: fc.boolean(),
      subject: maybe(subject),
      exclusive: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("write" as const),
      change,
      expectBehind: maybe(fc.nat(1)),
      knownBehind: fc.nat(2),
      fenceBelow: maybe(fc.nat(1)),
      schemaVersion: fc.nat(2),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("resume" as const),
      secret: fc.constantFrom("none", "current", "previous", "renewal", "wrong"),
      subject: maybe(subject),
      exclusive: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("rotate" as const),
      subject: maybe(subject),
      grace: fc.boolean(),
      fenceBelow: maybe(fc.nat(1)),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Operation>(
      { type: "load" },
      { type: "touch" },
      { type: "destroy" },
      { type: "ids" },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constantFrom("destroySubject" as const, "bySubject" as const), subject }),
  },
);

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({ writer: fc.nat(2), session: fc.nat(2), operation }),
  { minLength: 1, maxLength: 40, size: "max" },
);

interface Place {
  readonly trial: () => Trial;
}

function property({ trial }: Place): fc.IAsyncProperty<[Step[]]> {
  return fc.asyncProperty(steps, async (list) => {
    const run = trial();
    for (const step of list) await run.step(step);
    await run.end();
  });
}

function attached(store: SessionStore): SessionStore {
  store.attach(new SlotHost());
  return store;
}

const onMap = (wrap = (store: SessionStore): SessionStore => store): Place => ({
  trial: () => new Trial([wrap(attached(mapStore()))]),
});

describe("a store returns the same results as the model, whatever several writers do (I7, I8, I9, I13)", () => {
  test("in-connection", async () => {
    const trial = (): Trial => {
      const host = new SlotHost();
      const store = inConnectionStore();
      store.attach(host);
      return new Trial([store], host.slots);
    };
    await fc.assert(property({ trial }), { numRuns: 300 });
  });

  test("map", async () => {
    await fc.assert(property(onMap()), { numRuns: 500 });
  });

  describe("Redis, three processes", () => {
    let server: RedisServer;
    let clients: Redis[] = [];
    let stores: SessionStore[] = [];

    beforeAll(async () => {
      server = await startRedis();
      clients = Array.from({ length: 3 }, () => new Redis(server.port));
      stores = clients.map((client) => attached(redisStore({ client, timeoutMs: PATIENCE_MS })));
    });

    afterAll(async () => {
      await Promise.all(stores.map((store) => store.close()));
      for (const client of clients) client.disconnect();
      await server.stop();
    });

    test("standalone", async () => {
      await fc.assert(property({ trial: () => new Trial(stores) }), { numRuns: 150 });
    });
  });
});

describe("a planted bug is found:", () => {
  /** `store` with some methods replaced. */
  const broken = (methodsOf: (store: SessionStore) => Partial<SessionStore>): Place =>
    onMap((store) => {
      const methods = methodsOf(store);
      return new Proxy(store, {
        get(target, name) {
          const own: unknown = Reflect.get(methods, name) ?? Reflect.get(target, name);
          return typeof own === "function" ? own.bind(target) : own;
        },
      });
    });

  const bugs: Record<string, (store: SessionStore) => Partial<SessionStore>> = {
    "a write that ignores the expected version (a lost update)": (store) => ({
      write: (request) => store.write({ ...request, expect: undefined }),
    }),
    "a write that ignores the fence": (store) => ({
      write: (request) => store.write({ ...request, fence: undefined }),
    }),
    "a write of fields that removes the other fields": (store) => ({
      write: (request) =>
        request.change.type === "fields"
          ? store.write({
              ...request,
              change: { type: "replace", data: request.change.set, base: undefined },
            })
          : store.write(request),
    }),
    "a write that is applied twice": (store) => ({
      write: (request) => {
        void store.write(request);
        return store.write({ ...request, expect: undefined });
      },
    }),
    "a destroy that does nothing": () => ({
      destroy: (id) => ({ destroyed: [id], closed: 0, unreachable: [] }),
    }),
    "a destroySubject that leaves one session": (store) => ({
      destroySubject: async (whose) => {
        const [, ...others] = await store.bySubject(whose);
        for (const id of others) await store.destroy(id, undefined, false);
        return { destroyed: others, closed: 0, unreachable: [] };
      },
    }),
    "a resume that accepts any secret": (store) => ({
      resume: (request) => store.resume({ ...request, digest: undefined }),
    }),
    "a resume that ignores the subject": (store) => ({
      resume: (request) => store.resume({ ...request, subject: undefined }),
    }),
    "a login without an index entry": (store) => ({
      bySubject: async (whose) => (await store.bySubject(whose)).slice(1),
    }),
  };

  test.each(Object.entries(bugs))("%s", async (_, bug) => {
    // The rarest fault takes about 100 runs to find. With 500 runs one attempt in a hundred would miss it.
    const { failed } = await fc.check(property(broken(bug)), { numRuns: 5_000, endOnFailure: true });
    expect(failed).toBe(true);
  });

  test("no bug is found in the same wrapper without one", async () => {
    await fc.assert(property(broken(() => ({}))), { numRuns: 100 });
  });
});
