import { expect } from "vitest";
import { newId } from "../random-ids.ts";
import type { StoreCase } from "../store-trial.ts";

export const destructionCases: readonly StoreCase[] = [
  {
    name: "destroy returns the destroyed session and counts each connection once, and a second destroy returns nothing",
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born();
      expect(await store.destroy(id, "because")).toEqual({ destroyed: [id], closed: 1, unreachable: [] });
      expect(await store.destroy(id)).toEqual({ destroyed: [], closed: 0, unreachable: [] });
      expect((await store.destroy(newId(), undefined, true)).destroyed).toEqual([]);
    },
  },
  {
    name: "I9 a destroyed session stays destroyed: late writes, touches, resumes and rotations are refused",
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id, digest } = await first.born({
        idleMs: trial.ticks(20),
        absoluteMs: trial.ticks(20),
        subject: "ada",
      });
      await first.fields(id, { n: 1 });
      await first.destroy(id);
      for (const store of [first, second]) {
        for (const passed of [0, 1]) {
          await trial.pass(passed);
          expect(await store.load(id)).toBeUndefined();
          expect(await store.fields(id, { n: 2 }, [], { known: 2 })).toEqual({ type: "missing" });
          expect(await store.fields(id, { n: 2 }, [], { expect: 2 })).toEqual({ type: "missing" });
          expect(await store.replace(id, { n: 2 }, { fence: 0 })).toEqual({ type: "missing" });
          expect(await store.touch(id, trial.ticks(20), trial.ticks(20))).toBe(false);
          expect(await store.resume(id, digest)).toEqual({ type: "missing" });
          expect(await store.resume(id, undefined)).toEqual({ type: "missing" });
          expect(await store.rotate(id)).toEqual({ type: "missing" });
          expect(await store.rotate(id, { subject: "eve" })).toEqual({ type: "missing" });
        }
        expect((await store.ids()).has(id)).toBe(false);
        expect(await store.store.bySubject("ada")).toEqual([]);
        expect(await store.store.bySubject("eve")).toEqual([]);
      }
    },
  },
  {
    name: "I9 a destroyed id can't be created again while a late write could still arrive",
    applies: ({ shared }) => shared,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id } = await first.born();
      await first.destroy(id);
      expect(await second.create({ id })).toEqual({ type: "exists" });
      expect(await first.load(id)).toBeUndefined();
    },
  },
  {
    name: "I9 writes that race with a destruction are applied before it or not at all",
    applies: ({ shared }) => shared,
    async run(trial) {
      const [first, second] = await trial.processes();
      for (let round = 0; round < 10; round += 1) {
        const { id } = await first.born({ data: { n: 0 } });
        const writes = Array.from({ length: 5 }, (_, n) => second.fields(id, { n: n + 1 }));
        const destroyed = first.destroy(id);
        expect((await destroyed).destroyed).toEqual([id]);
        for (const { type } of await Promise.all(writes)) expect(["written", "missing"]).toContain(type);
        expect(await second.fields(id, { n: 9 })).toEqual({ type: "missing" });
        expect(await second.load(id)).toBeUndefined();
      }
    },
  },
];
