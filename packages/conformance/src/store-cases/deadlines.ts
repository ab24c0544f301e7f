import { expect } from "vitest";
import type { StoreProcess } from "../store-process.ts";
import type { StoreCase } from "../store-trial.ts";

/** Expects that every call finds the session gone, and that no call revives it. */
async function expectGone(store: StoreProcess, id: string, digest: string, subject?: string): Promise<void> {
  expect(await store.load(id)).toBeUndefined();
  expect(await store.fields(id, { late: true })).toEqual({ type: "missing" });
  expect(await store.replace(id, { late: true }, { expect: 1 })).toEqual({ type: "missing" });
  expect(await store.touch(id, 1_000_000, 1_000_000)).toBe(false);
  expect(await store.rotate(id)).toEqual({ type: "missing" });
  expect(await store.resume(id, digest)).toEqual({ type: "missing" });
  expect(await store.resume(id, undefined)).toEqual({ type: "missing" });
  expect((await store.destroy(id)).destroyed).toEqual([]);
  expect((await store.ids()).has(id)).toBe(false);
  if (subject !== undefined) expect(await store.store.bySubject(subject)).toEqual([]);
  expect(await store.load(id)).toBeUndefined();
}

export const deadlineCases: readonly StoreCase[] = [
  {
    name: "I9 a session past its idle deadline is gone in every answer, swept or not, and does not come back",
    async run(trial) {
      const store = await trial.process();
      const { id, digest } = await store.born({ idleMs: trial.ticks(4), subject: "ada" });
      await trial.pass(1);
      expect(await store.load(id)).toMatchObject({ version: 1 });
      await trial.pass(4);
      await expectGone(store, id, digest, "ada");
    },
  },
  {
    name: "I9 a session past its absolute deadline is gone, however often it was touched, and does not come back",
    async run(trial) {
      const store = await trial.process();
      const { id, digest } = await store.born({
        idleMs: trial.ticks(4),
        absoluteMs: trial.ticks(7),
        subject: "ada",
      });
      for (let times = 0; times < 2; times += 1) {
        await trial.pass(2);
        expect(await store.touch(id, trial.ticks(4))).toBe(true);
      }
      await trial.pass(4);
      await expectGone(store, id, digest, "ada");
    },
  },
  {
    name: "a lifetime that is longer than any clock can count means never",
    async run(trial) {
      const store = await trial.process();
      for (const ms of [1e13, 1e14, Number.MAX_SAFE_INTEGER, Number.MAX_VALUE]) {
        const { id, session } = await store.born({ idleMs: ms, absoluteMs: ms, subject: "ada" });
        expect(session.idleInMs).toBeGreaterThan(1e12);
        expect(await store.touch(id, ms, ms)).toBe(true);
        const loaded = await store.load(id);
        expect(loaded?.idleInMs).toBeGreaterThan(1e12);
        expect(loaded?.absoluteInMs).toBeGreaterThan(1e12);
        expect(await store.rotate(id, { subject: "bob" })).toMatchObject({ type: "rotated" });
      }
    },
  },
  {
    name: "touch moves the idle deadline, and not the absolute deadline",
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ idleMs: trial.ticks(4), absoluteMs: trial.ticks(50) });
      for (let times = 0; times < 3; times += 1) {
        await trial.pass(2);
        expect(await store.touch(id, trial.ticks(4))).toBe(true);
      }
      const session = await store.load(id);
      expect(session?.idleInMs).toBeGreaterThan(trial.ticks(2));
      expect(session?.absoluteInMs).toBeLessThanOrEqual(trial.ticks(44));
      expect(session?.version).toBe(1);
    },
  },
  {
    name: "touch with an absolute time also moves the absolute deadline",
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ idleMs: trial.ticks(50), absoluteMs: trial.ticks(4) });
      await trial.pass(1);
      expect(await store.touch(id, trial.ticks(50), trial.ticks(20))).toBe(true);
      await trial.pass(5);
      const session = await store.load(id);
      expect(session?.absoluteInMs).toBeLessThanOrEqual(trial.ticks(15));
      expect(session?.absoluteInMs).toBeGreaterThan(trial.ticks(8));
    },
  },
  {
    name: "touch can shorten a deadline as well as lengthen it",
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ idleMs: trial.ticks(50), absoluteMs: trial.ticks(50) });
      expect(await store.touch(id, trial.ticks(50), trial.ticks(2))).toBe(true);
      await trial.pass(3);
      expect(await store.load(id)).toBeUndefined();
    },
  },
  {
    name: "load does not move the idle deadline",
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ idleMs: trial.ticks(4) });
      await trial.pass(2);
      expect((await store.load(id))?.idleInMs).toBeLessThanOrEqual(trial.ticks(2));
      await trial.pass(3);
      expect(await store.load(id)).toBeUndefined();
    },
  },
  {
    name: "a resume moves the idle deadline",
    applies: ({ resumable }) => resumable,
    async run(trial) {
      const store = await trial.process();
      const { id, digest } = await store.born({
        idleMs: trial.ticks(4),
        absoluteMs: trial.ticks(50),
        hold: false,
      });
      for (let times = 0; times < 3; times += 1) {
        await trial.pass(2);
        const result = await store.resume(id, digest, { idleMs: trial.ticks(4) });
        expect(result.type === "resumed" && result.session.idleInMs > trial.ticks(2)).toBe(true);
      }
      expect((await store.load(id))?.absoluteInMs).toBeLessThanOrEqual(trial.ticks(44));
    },
  },
  {
    name: "a write does not lengthen the absolute deadline",
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ absoluteMs: trial.ticks(4) });
      await trial.pass(2);
      expect((await store.fields(id, { a: 1 })).type).toBe("written");
      await trial.pass(3);
      expect(await store.load(id)).toBeUndefined();
    },
  },
  {
    name: "a new session with the id of an expired session has none of its data",
    applies: ({ resumable }) => resumable,
    async run(trial) {
      const store = await trial.process();
      const { id, digest } = await store.born({
        idleMs: trial.ticks(2),
        data: { secret: "old" },
        subject: "ada",
      });
      await trial.pass(3);
      const again = await store.create({ id, data: { fresh: true } });
      if (again.type === "created") expect(again.session).toMatchObject({ version: 1, subject: undefined });
      else expect(again).toEqual({ type: "exists" });
      expect((await store.resume(id, digest)).type).not.toBe("resumed");
      const loaded = await store.load(id);
      expect(loaded?.data ?? { fresh: true }).toEqual({ fresh: true });
    },
  },
];
