import { expect } from "vitest";
import { newId } from "../random-ids.ts";
import type { StoreProcess } from "../store-process.ts";
import type { StoreCase } from "../store-trial.ts";

export const fenceCases: readonly StoreCase[] = [
  {
    name: "I13 a write or a rotation with a lower fence is refused and changes nothing",
    async run(trial) {
      const store = await trial.process();
      const { id, session } = await store.born({ data: { n: 0 }, exclusive: true });
      expect(session.fence).toBe(1);
      expect(await store.fields(id, { n: 1 }, [], { fence: 0 })).toEqual({ type: "fenced" });
      expect(await store.replace(id, { n: 1 }, { fence: 0, expect: 1 })).toEqual({ type: "fenced" });
      expect(await store.rotate(id, { fence: 0, subject: "eve" })).toEqual({ type: "fenced" });
      expect(await store.load(id)).toMatchObject({ version: 1, data: { n: 0 }, subject: undefined });
    },
  },
  {
    name: "I13 the fence of the latest connection, and an administrative write without one, pass",
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ data: { n: 0 }, exclusive: true });
      expect(await store.fields(id, { n: 1 }, [], { fence: 1 })).toMatchObject({
        type: "written",
        version: 2,
      });
      expect(await store.fields(id, { n: 2 })).toMatchObject({ type: "written", version: 3 });
      expect(await store.rotate(id, { fence: 1 })).toMatchObject({ type: "rotated" });
    },
  },
  {
    name: "I13 each takeover raises the fence, on any process; other calls leave the fence",
    applies: ({ resumable }) => resumable,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id, digest } = await first.born({ exclusive: true });
      const fenceOf = async (store: StoreProcess, exclusive: boolean): Promise<number> => {
        const result = await store.resume(id, digest, { exclusive });
        return result.type === "resumed" ? result.session.fence : expect.fail(result.type);
      };
      const before = await fenceOf(second, true);
      expect(before).toBeGreaterThan(1);
      expect(await fenceOf(first, false)).toBe(before);
      const after = await fenceOf(first, true);
      expect(after).toBeGreaterThan(before);
      expect(await second.fields(id, { n: 1 }, [], { fence: before })).toEqual({ type: "fenced" });
      expect(await first.fields(id, { n: 1 }, [], { fence: after })).toMatchObject({ type: "written" });
      expect(await first.load(id)).toMatchObject({ version: 2, fence: after });
    },
  },
  {
    name: "I13 a takeover for an existing connection raises the fence, as an exclusive resume does; a plain resume does not",
    applies: ({ resumable }) => resumable,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id, digest } = await first.born({ data: { n: 0 }, exclusive: true });
      // Stores written for 0.1 take over only in a resume.
      if (second.store.takeOver === undefined) return;
      const resumed = await second.resume(id, digest);
      expect(resumed).toMatchObject({ type: "resumed", session: { fence: 1 } });
      expect(await first.fields(id, { n: 1 }, [], { fence: 1 })).toMatchObject({ type: "written" });
      const taken = await second.store.takeOver(id);
      const fence = taken.type === "taken" ? taken.fence : expect.fail(taken.type);
      expect(fence).toBeGreaterThan(1);
      expect(await first.fields(id, { n: 2 }, [], { fence: 1 })).toEqual({ type: "fenced" });
      expect(await second.fields(id, { n: 3 }, [], { fence })).toMatchObject({ type: "written", version: 3 });
      expect(await second.store.takeOver(id)).toMatchObject({ type: "taken" });
      expect(await second.fields(id, { n: 4 }, [], { fence })).toEqual({ type: "fenced" });
      expect(await second.store.takeOver(newId())).toEqual({ type: "missing" });
      await first.destroy(id);
      expect(await second.store.takeOver(id)).toEqual({ type: "missing" });
    },
  },
];
