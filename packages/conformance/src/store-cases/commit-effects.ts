import { expect } from "vitest";
import { CLIENT, commit, commits, committed, recordOf, stateOf } from "../committing.ts";
import { appended, BEGINNING, endOf, message, read, textsOf } from "../outbox-reader.ts";
import type { StoreCase } from "../store-trial.ts";

const shared: StoreCase["applies"] = (capabilities, harness) =>
  commits(capabilities, harness) && capabilities.shared;
const json: StoreCase["applies"] = (capabilities, harness) =>
  commits(capabilities, harness) && capabilities.values === "json";

/** The store applies the number, the change and the messages of a commit, or none of them. */
export const commitEffectCases: readonly StoreCase[] = [
  {
    name: "I21, I22 a commit settles the number, changes the data and keeps the messages, in one step",
    applies: commits,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id } = await first.born({ data: { n: 0, other: "kept", gone: 1 } });
      const change = { type: "fields", set: { n: 1, added: [1] }, unset: ["gone"] } as const;
      const answer = await committed(
        first,
        id,
        { number: 1 },
        { change, messages: ["a", "b"], schemaVersion: 4 },
      );
      expect(answer).toMatchObject({
        written: { type: "written", version: 2, session: undefined },
        appended: { type: "appended", offset: 1, before: 0 },
        record: { settled: 1, refused: [], floor: 1 },
      });
      const end = endOf(answer.appended ?? expect.fail("nothing was appended"));
      const state = await stateOf(second, id);
      expect(state).toMatchObject({
        version: 2,
        schemaVersion: 4,
        data: { n: 1, other: "kept", added: [1] },
        outbox: end,
      });
      expect(state?.data).not.toHaveProperty("gone");
      const { entries } = await read(second, id, BEGINNING);
      expect(textsOf(entries)).toEqual(["a", "b"]);
      expect(entries.map(({ chain }) => chain)).toEqual(answer.appended?.chains);
    },
  },
  {
    name: "I21, I22, I23 every state between commits has the number, its change and its messages, or none of them",
    applies: commits,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id } = await first.born({ data: { n: 0 } });
      for (let number = 1, seen = 0; number <= 25; number += 1) {
        const set = { n: number };
        const writing = committed(first, id, { number }, { set, messages: [String(number)] });
        // The calls are in flight at the same time. Each answer must show the state before the commit or the state after it.
        const states = await Promise.all([stateOf(second, id), stateOf(second, id), stateOf(second, id)]);
        await writing;
        for (const state of [...states, await stateOf(second, id)]) {
          const settled = state?.clients?.byClient.get(CLIENT)?.settled ?? 0;
          expect(state).toMatchObject({ version: settled + 1, data: { n: settled } });
          expect(state?.outbox?.offset ?? 0).toBe(settled);
          expect(settled).toBeGreaterThanOrEqual(seen);
          seen = settled;
        }
        expect(seen).toBe(number);
      }
    },
  },
  {
    name: "a commit without a change leaves version and data as they are; a commit without messages does not change the outbox",
    applies: commits,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ data: { n: 0 } });
      const before = await stateOf(store, id);
      const empty = await committed(store, id, { number: 1 }, { expect: 1, schemaVersion: 9 });
      expect(empty).toMatchObject({ written: undefined, appended: undefined });
      const after = await stateOf(store, id);
      expect(after).toMatchObject({ version: 1, schemaVersion: 0, data: { n: 0 } });
      expect(after?.lineage).toBe(before?.lineage);
      expect((await stateOf(store, id))?.outbox ?? BEGINNING).toEqual(BEGINNING);
      const sent = await committed(store, id, { number: 2 }, { messages: ["kept"] });
      expect(sent).toMatchObject({ written: undefined, appended: { offset: 1 } });
      const { version, lineage, outbox } = (await stateOf(store, id)) ?? {};
      expect([version, lineage]).toEqual([1, before?.lineage]);
      const changed = await committed(store, id, { number: 3 }, { set: { n: 1 } });
      expect(changed).toMatchObject({ written: { version: 2 }, appended: undefined });
      expect((await stateOf(store, id))?.outbox).toEqual(outbox);
      // A commit without a change does not raise the version, so a write that expects the version is not a conflict.
      await committed(store, id, { number: 4 });
      expect(await store.fields(id, { n: 2 }, [], { expect: 2 })).toMatchObject({ version: 3 });
    },
  },
  {
    name: "I8 a commit answers with the whole session unless the new version is the caller's version + 1",
    applies: commits,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ data: { n: 0 } });
      await store.fields(id, { m: 1 });
      const answer = await committed(
        store,
        id,
        { number: 1 },
        { set: { n: 1 }, known: 1, lineage: undefined, messages: ["x"] },
      );
      expect(answer.written).toMatchObject({ version: 3, session: { version: 3, data: { n: 1, m: 1 } } });
      const data = { all: "new" };
      const replaced = await committed(
        store,
        id,
        { number: 2 },
        { change: { type: "replace", data, base: undefined }, expect: 3 },
      );
      expect(replaced.written).toMatchObject({ version: 4 });
      expect((await stateOf(store, id))?.data).toEqual(data);
    },
  },
  {
    name: "I22 messages of commits and of appends are in one order, with one chain; a key replaces, and bounds hold",
    applies: commits,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id } = await first.born();
      const keyed = (text: string) => message(text, { key: "k" });
      const one = await appended(first, id, [keyed("1"), "2"]);
      const two = await committed(second, id, { number: 1 }, { messages: ["3", keyed("4")] });
      expect(two.appended).toMatchObject({ offset: 3, before: endOf(one).chain });
      const three = await appended(first, id, ["5"]);
      expect(three).toMatchObject({ offset: 5, before: two.appended?.chains[1] });
      const { entries } = await read(first, id, BEGINNING);
      expect(textsOf(entries)).toEqual([undefined, "2", "3", "4", "5"]);
      await committed(second, id, { number: 2 }, { messages: ["6"], bounds: { maxMessages: 2 } });
      const { missed, entries: kept } = await read(first, id, BEGINNING);
      expect(missed).toEqual({ from: 1, to: 4, certain: false });
      expect(textsOf(kept)).toEqual(["5", "6"]);
    },
  },
  {
    name: "I21, I22 with whenFull refuse a commit whose messages do not fit changes nothing, and settles nothing",
    applies: commits,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ data: { n: 0 } });
      const bounds = { maxMessages: 3, whenFull: "refuse" } as const;
      await committed(store, id, { number: 1 }, { set: { n: 1 }, messages: ["1", "2"], bounds });
      const before = await stateOf(store, id);
      const full = await commit(store, id, { number: 2 }, { set: { n: 2 }, messages: ["3", "4"], bounds });
      expect(full).toEqual({ type: "full" });
      expect(await stateOf(store, id)).toEqual(before);
      expect(textsOf((await read(store, id, BEGINNING)).entries)).toEqual(["1", "2"]);
      // The number can still be settled: as refused, or with messages that fit.
      await committed(store, id, { number: 2, refused: [2] });
      await committed(store, id, { number: 3 }, { set: { n: 3 }, messages: ["3"], bounds });
      expect(await stateOf(store, id)).toMatchObject({ data: { n: 3 }, outbox: { offset: 3 } });
    },
  },
  {
    name: "I21, I22 if the data is refused, the number stays unsettled, and no message is kept",
    applies: json,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ data: { n: 0 } });
      const before = await stateOf(store, id);
      for (const n of [1n, () => 1, new Map()]) {
        const committing = commit(store, id, { number: 1 }, { set: { n }, messages: ["no"] });
        await expect(committing).rejects.toMatchObject({ code: "NOT_SERIALISABLE", outcome: "not-applied" });
      }
      expect(await stateOf(store, id)).toEqual(before);
      expect(await recordOf(store, id)).toBeUndefined();
      expect((await read(store, id, BEGINNING)).entries).toEqual([]);
    },
  },
  {
    name: "I15 other holders get the change and the messages of a commit, and no event for a record alone",
    applies: shared,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id, digest } = await first.born({ data: { n: 0 } });
      await second.resume(id, digest);
      await committed(first, id, { number: 1 });
      const { appended: sent } = await committed(
        first,
        id,
        { number: 2 },
        { set: { n: 1 }, messages: ["a"] },
      );
      const end = endOf(sent ?? expect.fail("nothing was appended"));
      await second.events.until((event) => event.type === "appended" && event.end.offset === end.offset);
      await second.events.until((event) => event.type === "written" && event.version === 2);
      expect(second.held(id)).toMatchObject({ version: 2, data: { n: 1 }, outbox: end });
      expect(second.events.entries).toHaveLength(2);
      expect(first.events.entries).toEqual([]);
    },
  },
];
