import type { WriteResult } from "@wsession/core";
import { expect } from "vitest";
import { newId } from "../random-ids.ts";
import type { StoreProcess } from "../store-process.ts";
import type { StoreCase } from "../store-trial.ts";

async function increments(store: StoreProcess, id: string, count: number): Promise<number> {
  let conflicts = 0;
  let current = await store.load(id);
  for (let done = 0; done < count && current !== undefined;) {
    const { version, data }: { readonly version: number; readonly data: { readonly n?: number } } = current;
    const next = { ...data, n: (data.n ?? 0) + 1 };
    const result: WriteResult = await store.replace(id, next, {
      expect: version,
      known: version,
      base: data,
    });
    if (result.type === "conflict") {
      conflicts += 1;
      current = result.session;
    } else if (result.type === "written") {
      done += 1;
      current = { ...current, version: result.version, data: next };
    } else throw new Error(`a write was answered "${result.type}"`);
  }
  return conflicts;
}

export const writeCases: readonly StoreCase[] = [
  {
    name: "I8 a change of fields sets and removes the named fields, and changes no other",
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ data: { a: 1, b: { deep: [1] }, c: "x" } });
      expect(await store.fields(id, { a: 2, d: null }, ["c", "never there"])).toMatchObject({
        type: "written",
        version: 2,
      });
      expect(await store.load(id)).toMatchObject({ version: 2, data: { a: 2, b: { deep: [1] }, d: null } });
      expect(Object.keys((await store.load(id))?.data ?? {}).toSorted()).toEqual(["a", "b", "d"]);
    },
  },
  {
    name: "a change without fields is a write too, and raises the version",
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ data: { a: 1 } });
      expect(await store.fields(id, {})).toMatchObject({ type: "written", version: 2 });
      expect(await store.load(id)).toMatchObject({ version: 2, data: { a: 1 } });
    },
  },
  {
    name: "a replacement removes the fields that it does not contain, with a base and without",
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ data: { a: 1, b: 2, c: 3 } });
      await store.replace(id, { b: 2, d: 4 });
      expect((await store.load(id))?.data).toEqual({ b: 2, d: 4 });
      await store.replace(id, { d: 5, e: 6 }, { expect: 2, base: { b: 2, d: 4 } });
      expect(await store.load(id)).toMatchObject({ version: 3 });
      expect((await store.load(id))?.data).toEqual({ d: 5, e: 6 });
      await store.replace(id, {});
      expect((await store.load(id))?.data).toEqual({});
    },
  },
  {
    name: "data that was loaded before a write does not change, nor does data that was passed to a call",
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ data: { a: 1, list: [1] } });
      const before = await store.load(id);
      const change = { a: 2 };
      await store.fields(id, change, ["list"]);
      expect(before?.data).toEqual({ a: 1, list: [1] });
      expect(before?.version).toBe(1);
      expect(change).toEqual({ a: 2 });
    },
  },
  {
    name: "I8 a version conflict changes nothing and returns the current session in the same call",
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id } = await first.born({ data: { n: 0, other: "x" }, subject: "ada" });
      await first.fields(id, { n: 5 });
      for (const expected of [1, 3, 0]) {
        const result = await second.replace(
          id,
          { n: 1 },
          { expect: expected, known: 1, base: { n: 0, other: "x" } },
        );
        expect(result).toMatchObject({ type: "conflict", session: { version: 2, subject: "ada" } });
        expect(result.type === "conflict" ? result.session.data : result).toEqual({ n: 5, other: "x" });
      }
      expect((await second.fields(id, { n: 1 }, [], { expect: 1 })).type).toBe("conflict");
      expect(await first.load(id)).toMatchObject({ version: 2, data: { n: 5, other: "x" } });
      expect(await second.fields(id, { n: 6 }, [], { expect: 2 })).toMatchObject({
        type: "written",
        version: 3,
      });
    },
  },
  {
    name: "I8 of two writes that expect one version, one is applied; compare-and-set loses no increment",
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id } = await first.born({ data: { n: 0 } });
      await Promise.all([increments(first, id, 50), increments(second, id, 50)]);
      expect(await first.load(id)).toMatchObject({ version: 101, data: { n: 100 } });
    },
  },
  {
    name: "I8 simultaneous writers of different fields lose no change of one another, without expecting a version",
    applies: ({ shared }) => shared,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id } = await first.born({ data: {} });
      const all = async (store: StoreProcess, name: string) => {
        for (let n = 1; n <= 25; n += 1) await store.fields(id, { [name]: n, [`${name}${n}`]: n });
      };
      await Promise.all([all(first, "a"), all(second, "b")]);
      const loaded = await first.load(id);
      expect(loaded).toMatchObject({ version: 51, data: { a: 25, b: 25 } });
      expect(Object.keys(loaded?.data ?? {})).toHaveLength(52);
    },
  },
  {
    name: "I8 a write answers with the whole session unless the new version is the caller's version + 1",
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ data: { a: 0 } });
      expect(await store.fields(id, { a: 1 }, [], { known: 1 })).toMatchObject({
        type: "written",
        version: 2,
        session: undefined,
      });
      const behind = await store.fields(id, { b: 1 }, [], { known: 1 });
      expect(behind).toMatchObject({
        type: "written",
        version: 3,
        session: { version: 3, data: { a: 1, b: 1 } },
      });
      const replaced = await store.replace(id, { c: 1 }, { known: 1 });
      expect(replaced).toMatchObject({ type: "written", version: 4, session: { version: 4 } });
      expect(replaced.type === "written" ? replaced.session?.data : replaced).toEqual({ c: 1 });
    },
  },
  {
    name: "I8 the lineage in the answer to a change is the lineage that load returns, and a change with another lineage is a conflict",
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ data: { n: 0 } });
      const lineage = async (): Promise<number | undefined> => (await store.load(id))?.lineage;
      const first = await lineage();
      const written = await store.fields(id, { n: 1 }, [], { known: 1, lineage: first });
      const second = await lineage();
      expect(written).toEqual({ type: "written", version: 2, lineage: second, session: undefined });
      if (first === undefined || second === undefined) return;
      const other = { known: 2, lineage: first };
      expect(await store.fields(id, { n: 2 }, [], { ...other, expect: 2 })).toMatchObject({
        type: "conflict",
        session: { version: 2, lineage: second, data: { n: 1 } },
      });
      expect(await store.rotate(id, other)).toMatchObject({
        type: "rotated",
        version: 2,
        session: { lineage: second, data: { n: 1 } },
      });
      const login = await store.rotate(id, { subject: "ada", known: 2, lineage: second });
      const third = await lineage();
      expect(login).toEqual({ type: "rotated", version: 3, lineage: third, session: undefined });
      expect(await store.fields(id, { m: 3 }, [], { known: 3, lineage: first })).toMatchObject({
        type: "written",
        version: 4,
        session: { version: 4, subject: "ada", data: { n: 1, m: 3 } },
      });
      expect(new Set([first, second, third, await lineage()]).size).toBe(4);
    },
  },
  {
    name: "I9 write, touch, rotate and destroy never create a session",
    async run(trial) {
      const store = await trial.process();
      const id = newId();
      expect(await store.fields(id, { a: 1 })).toEqual({ type: "missing" });
      expect(await store.fields(id, { a: 1 }, [], { expect: 0 })).toEqual({ type: "missing" });
      expect(await store.replace(id, { a: 1 })).toEqual({ type: "missing" });
      expect(await store.touch(id, trial.ticks(10))).toBe(false);
      expect(await store.touch(id, trial.ticks(10), trial.ticks(10))).toBe(false);
      expect(await store.rotate(id)).toEqual({ type: "missing" });
      expect(await store.rotate(id, { subject: "ada" })).toEqual({ type: "missing" });
      expect((await store.destroy(id)).destroyed).toEqual([]);
      await store.release(id);
      expect(await store.load(id)).toBeUndefined();
      expect((await store.ids()).has(id)).toBe(false);
      expect(await store.store.bySubject("ada")).toEqual([]);
    },
  },
  {
    name: "the application's schema version is stored with every write",
    applies: ({ resumable }) => resumable,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ schemaVersion: 1 });
      await store.fields(id, { a: 1 }, [], { schemaVersion: 2 });
      expect((await store.load(id))?.schemaVersion).toBe(2);
      await store.replace(id, { a: 1 }, { schemaVersion: 0 });
      expect((await store.load(id))?.schemaVersion).toBe(0);
    },
  },
  {
    name: "I7 an acknowledged write is seen by every load after it, from any process",
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id } = await first.born({ data: { n: 0 } });
      for (let n = 1; n <= 20; n += 1) {
        await (n % 2 === 0 ? first : second).fields(id, { n });
        expect((await (n % 2 === 0 ? second : first).load(id))?.data).toEqual({ n });
      }
    },
  },
];
