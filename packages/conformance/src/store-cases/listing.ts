import { expect } from "vitest";
import { newDigest, newId } from "../random-ids.ts";
import type { StoreCase } from "../store-trial.ts";

const MALFORMED = [
  "",
  " ",
  "x",
  "a b",
  "../../etc",
  "{}",
  "{x}y",
  "*",
  "?",
  "\0",
  "é",
  "🎈",
  "__proto__",
  "constructor",
  "a\r\nb",
  "x".repeat(5_000),
];

export const listingCases: readonly StoreCase[] = [
  {
    name: "ids() yields the live sessions, each once, and no other",
    async run(trial) {
      const store = await trial.process();
      const born = await Promise.all(Array.from({ length: 25 }, () => store.born()));
      const [destroyed, ...live] = born.map(({ id }) => id);
      await store.destroy(destroyed ?? "");
      const listed: string[] = [];
      for await (const id of store.store.ids()) listed.push(id);
      expect(listed.toSorted()).toEqual(live.toSorted());
    },
  },
  {
    name: "fault E1: ids() yields each session once, even if each is touched, and ends, even if a session is created in each step",
    async run(trial) {
      const store = await trial.process();
      const born = await Promise.all(Array.from({ length: 25 }, () => store.born()));
      const listed: string[] = [];
      for await (const id of store.store.ids()) {
        listed.push(id);
        await store.touch(id, Infinity);
        await store.born();
        if (listed.length > 1_000) break;
      }
      const old = new Set(born.map(({ id }) => id));
      expect(listed.filter((id) => old.has(id)).toSorted()).toEqual([...old].toSorted());
      expect(new Set(listed).size).toBe(listed.length);
      expect(listed.length).toBeLessThanOrEqual(1_000);
    },
  },
  {
    name: "fault E1: ids() yields the sessions that exist from the beginning to the end, even if others are destroyed meanwhile",
    async run(trial) {
      const store = await trial.process();
      const born = await Promise.all(Array.from({ length: 30 }, () => store.born()));
      const going = new Set(born.filter((_, index) => index % 3 === 0).map(({ id }) => id));
      const listed: string[] = [];
      for await (const id of store.store.ids()) {
        listed.push(id);
        for (const gone of going) await store.destroy(gone);
        going.clear();
        await store.touch(id, Infinity);
        if (listed.length > 1_000) break;
      }
      const staying = born.filter((_, index) => index % 3 !== 0).map(({ id }) => id);
      expect(listed).toEqual(expect.arrayContaining(staying));
      expect(new Set(listed).size).toBe(listed.length);
    },
  },
  {
    name: "a loop over ids() can be left in the middle",
    async run(trial) {
      const store = await trial.process();
      await Promise.all(Array.from({ length: 5 }, () => store.born()));
      for await (const id of store.store.ids()) {
        expect(typeof id).toBe("string");
        break;
      }
      expect((await store.ids()).size).toBe(5);
    },
  },
  {
    name: "presence never throws: for a live session, a destroyed session, an unknown id, and a malformed id",
    async run(trial) {
      const store = await trial.process();
      const live = await store.born();
      const destroyed = await store.born();
      await store.destroy(destroyed.id);
      for (const id of [live.id, destroyed.id, newId(), ...MALFORMED]) {
        const { nodes, missing } = await store.store.presence(id);
        expect(missing).toEqual([]);
        expect(nodes.length).toBeLessThanOrEqual(1);
      }
    },
  },
  {
    name: "a malformed id counts as absent: no call rejects, finds or creates a session",
    async run(trial) {
      const store = await trial.process();
      for (const id of MALFORMED) {
        expect(await store.load(id)).toBeUndefined();
        expect(await store.fields(id, { a: 1 })).toEqual({ type: "missing" });
        expect(await store.replace(id, { a: 1 })).toEqual({ type: "missing" });
        expect(await store.touch(id, 1_000)).toBe(false);
        expect(await store.rotate(id)).toEqual({ type: "missing" });
        expect(await store.resume(id, newDigest())).toEqual({ type: "missing" });
        expect(await store.resume(id, undefined)).toEqual({ type: "missing" });
        expect(await store.destroy(id)).toEqual({ destroyed: [], closed: 0, unreachable: [] });
        await store.release(id);
      }
      expect((await store.ids()).size).toBe(0);
    },
  },
  {
    name: "release by the last connection does not end a session that outlives its connections",
    applies: ({ resumable }) => resumable,
    async run(trial) {
      const store = await trial.process();
      const { id, digest } = await store.born({ data: { n: 1 } });
      await store.resume(id, digest);
      await store.release(id);
      await store.release(id);
      await store.release(id);
      expect(await store.load(id)).toMatchObject({ data: { n: 1 } });
      expect(await store.resume(id, digest)).toMatchObject({ type: "resumed" });
    },
  },
  {
    name: "close is idempotent, and does not end sessions of other processes",
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id } = await first.born();
      await first.store.close();
      await first.store.close();
      if (first !== second) expect(await second.load(id)).toMatchObject({ version: 1 });
    },
  },
];
