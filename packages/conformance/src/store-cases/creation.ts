import { isSessionError } from "@wsession/core";
import { expect } from "vitest";
import { newId } from "../random-ids.ts";
import { StoreProcess } from "../store-process.ts";
import type { StoreCase } from "../store-trial.ts";

export const creationCases: readonly StoreCase[] = [
  {
    name: "a store reports its capabilities",
    async run(trial) {
      const { store } = await trial.process();
      expect(store.capabilities).toEqual(trial.harness.capabilities);
      expect(store.commit !== undefined).toBe(trial.harness.commits === true);
    },
  },
  {
    name: "a second attach throws INVALID_ARGUMENT, because a store serves one createSessions",
    async run(trial) {
      const { store } = await trial.process();
      let thrown: unknown;
      try {
        void new StoreProcess(store);
      } catch (error) {
        thrown = error;
      }
      expect(isSessionError(thrown, "INVALID_ARGUMENT")).toBe(true);
    },
  },
  {
    name: "create returns version 1, the data and the given options, and load returns the same",
    async run(trial) {
      const store = await trial.process();
      const request = { data: { n: 1, text: "x", list: [1, [2]] }, subject: "ada", schemaVersion: 3 };
      const { id, session } = await store.born({
        ...request,
        idleMs: trial.ticks(50),
        absoluteMs: trial.ticks(100),
      });
      const wanted = { version: 1, data: request.data, subject: "ada", fence: 0, schemaVersion: 3 };
      expect(session).toMatchObject(wanted);
      for (const one of [session, await store.load(id)]) {
        expect(one).toMatchObject(wanted);
        expect(one?.idleInMs).toBeGreaterThan(trial.ticks(45));
        expect(one?.idleInMs).toBeLessThanOrEqual(trial.ticks(50));
        expect(one?.absoluteInMs).toBeGreaterThan(trial.ticks(95));
        expect(one?.absoluteInMs).toBeLessThanOrEqual(trial.ticks(100));
      }
    },
  },
  {
    name: "a session that is created without deadlines and subject has infinite deadlines and no subject",
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ data: {} });
      expect({ ...(await store.load(id)), lineage: undefined }).toEqual({
        version: 1,
        lineage: undefined,
        data: {},
        subject: undefined,
        fence: 0,
        schemaVersion: 0,
        idleInMs: Infinity,
        absoluteInMs: Infinity,
        ...(trial.harness.capabilities.resumable ? {} : { connections: 1 }),
      });
    },
  },
  {
    name: "create never overwrites: for a taken id it answers exists, and the session stays as it is",
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id, digest } = await first.born({ data: { owner: "first" }, subject: "ada" });
      await first.fields(id, { n: 1 });
      expect(await second.create({ id, data: { owner: "second" }, subject: "eve" })).toEqual({
        type: "exists",
      });
      expect(await first.load(id)).toMatchObject({
        version: 2,
        data: { owner: "first", n: 1 },
        subject: "ada",
      });
      if (!trial.harness.capabilities.resumable) return;
      expect(await second.resume(id, digest)).toMatchObject({ type: "resumed", by: "current" });
    },
  },
  {
    name: "of two simultaneous creations of one id, one answers exists",
    applies: ({ shared }) => shared,
    async run(trial) {
      const [first, second] = await trial.processes();
      const id = newId();
      const results = await Promise.all([
        first.create({ id, data: { by: 1 } }),
        second.create({ id, data: { by: 2 } }),
      ]);
      expect(results.map(({ type }) => type).toSorted()).toEqual(["created", "exists"]);
      const winner = results[0].type === "created" ? 1 : 2;
      expect((await first.load(id))?.data).toEqual({ by: winner });
    },
  },
  {
    name: "destroying sessions does not affect other sessions",
    async run(trial) {
      const store = await trial.process();
      const born = await Promise.all(Array.from({ length: 20 }, (_, n) => store.born({ data: { n } })));
      await Promise.all(born.filter((_, n) => n % 2 === 0).map(({ id }) => store.destroy(id)));
      const found = await Promise.all(born.map(async ({ id }) => (await store.load(id))?.data));
      expect(found).toEqual(born.map((_, n) => (n % 2 === 0 ? undefined : { n })));
    },
  },
];
