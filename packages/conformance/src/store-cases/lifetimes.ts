import { expect } from "vitest";
import type { ExtendRequest, ExtendResult } from "@wsession/core";
import type { StoreProcess } from "../store-process.ts";
import type { StoreCase } from "../store-trial.ts";

const keepsLifetimes: StoreCase["applies"] = ({ resumable }, harness) =>
  resumable && harness?.lifetimes === true;

async function extend(
  { store }: StoreProcess,
  request: Partial<ExtendRequest> & { id: string },
): Promise<ExtendResult> {
  const result = store.extend?.({ idleMs: Infinity, own: {}, absoluteInMs: undefined, ...request });
  if (result === undefined) throw new Error("the store has no extend, though the harness says lifetimes");
  return result;
}

export const lifetimeCases: readonly StoreCase[] = [
  {
    name: "an idle time of the session's own applies to each touch and resume on each process",
    applies: keepsLifetimes,
    async run(trial) {
      const [one, other] = await trial.processes();
      const idleMs = trial.ticks(4);
      const own = { idleMs };
      const { id, digest, session } = await one.born({ idleMs, own, hold: false });
      expect(session).toMatchObject({ own: { idleMs } });
      // By these the session would be gone before the end, or never.
      for (const common of [trial.ticks(0.5), Infinity]) {
        expect(await other.touch(id, common)).toBe(true);
        await trial.pass(1);
        const resumed = await other.resume(id, digest, { idleMs: common, hold: false });
        expect(resumed).toMatchObject({ type: "resumed", session: { own: { idleMs } } });
        const left = (await one.load(id))?.idleInMs;
        expect(left).toBeGreaterThan(trial.ticks(2.5));
        expect(left).toBeLessThanOrEqual(idleMs);
      }
      await trial.pass(5);
      expect(await one.load(id)).toBeUndefined();
    },
  },
  {
    name: "extend gives a session lifetimes and moves its deadlines from then on; a lifetime that is not given stays",
    applies: keepsLifetimes,
    async run(trial) {
      const [one, other] = await trial.processes();
      const { id } = await one.born({ idleMs: trial.ticks(5), absoluteMs: trial.ticks(60), hold: false });
      expect((await one.load(id))?.own).toBeUndefined();
      const own = { idleMs: trial.ticks(20), absoluteMs: trial.ticks(40) };
      const extended = await extend(one, { id, own, absoluteInMs: trial.ticks(40) });
      if (extended.type !== "extended") throw new Error("extend finds the session");
      expect(extended.session.own).toEqual(own);
      expect(extended.session.absoluteInMs).toBeLessThanOrEqual(trial.ticks(40));
      expect(extended.session.absoluteInMs).toBeGreaterThan(trial.ticks(37));
      expect(extended.session.idleInMs).toBeLessThanOrEqual(trial.ticks(20));
      expect(extended.session.idleInMs).toBeGreaterThan(trial.ticks(17));
      await extend(other, { id, own: { idleMs: Infinity }, idleMs: trial.ticks(1) });
      const loaded = await one.load(id);
      expect(loaded?.own).toEqual({ idleMs: Infinity, absoluteMs: trial.ticks(40) });
      expect(loaded?.idleInMs).toBeGreaterThan(1e12);
      expect(loaded?.absoluteInMs).toBeLessThanOrEqual(trial.ticks(40));
      // A shorter time binds too.
      await extend(one, { id, own: { idleMs: trial.ticks(2) } });
      await trial.pass(3);
      expect(await one.load(id)).toBeUndefined();
    },
  },
  {
    name: "writes, touches and a new token keep the lifetimes, and extend does not change the version",
    applies: keepsLifetimes,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born();
      const own = { idleMs: trial.ticks(30), absoluteMs: Infinity };
      const extended = await extend(store, { id, own, absoluteInMs: Infinity });
      expect(extended).toMatchObject({ session: { version: 1, data: { n: 0 }, absoluteInMs: Infinity } });
      expect((await store.fields(id, { n: 1 })).type).toBe("written");
      expect(await store.touch(id, trial.ticks(1), Infinity)).toBe(true);
      expect((await store.rotate(id)).type).toBe("rotated");
      expect(await store.load(id)).toMatchObject({ own, data: { n: 1 }, version: 2 });
    },
  },
  {
    name: "I9 extend answers missing for a session that is unknown, expired or destroyed, and creates nothing",
    applies: keepsLifetimes,
    async run(trial) {
      const store = await trial.process();
      const expired = await store.born({ idleMs: trial.ticks(2) });
      const destroyed = await store.born();
      await store.destroy(destroyed.id);
      await trial.pass(3);
      for (const id of ["A".repeat(22), expired.id, destroyed.id]) {
        const own = { idleMs: trial.ticks(50) };
        expect(await extend(store, { id, own, absoluteInMs: Infinity })).toEqual({ type: "missing" });
        expect(await store.load(id)).toBeUndefined();
      }
    },
  },
  {
    name: "I7 the other holders of a session get its new deadlines",
    applies: (capabilities, harness) =>
      capabilities.shared && (keepsLifetimes?.(capabilities, harness) ?? false),
    async run(trial) {
      const [one, other] = await trial.processes();
      const { id, digest } = await one.born({ idleMs: trial.ticks(20), absoluteMs: trial.ticks(20) });
      await other.resume(id, digest, { idleMs: trial.ticks(20) });
      const own = { idleMs: trial.ticks(50), absoluteMs: trial.ticks(90) };
      await extend(one, { id, own, absoluteInMs: trial.ticks(90) });
      await other.events.until((event) => event.type === "extended" && event.own !== undefined);
      const told = other.events.entries.find((event) => event.type === "extended" && event.own !== undefined);
      if (told?.type !== "extended") throw new Error("another event");
      expect(told).toMatchObject({ id, own });
      expect(told.absoluteInMs).toBeGreaterThan(trial.ticks(80));
      expect(told.idleInMs).toBeGreaterThan(trial.ticks(40));
    },
  },
];
