import { expect } from "vitest";
import { commit, commits, committed, recordOf, stateOf } from "../committing.ts";
import { BEGINNING, read, textsOf } from "../outbox-reader.ts";
import { newClientId, newId } from "../random-ids.ts";
import type { StoreCase } from "../store-trial.ts";

/** The answers to a commit, and the order of the checks. */
export const commitCases: readonly StoreCase[] = [
  {
    name: "I21 a number is settled once: a later commit changes nothing and gets the first outcome",
    applies: commits,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id } = await first.born({ data: { n: 0 } });
      await committed(first, id, { number: 1 }, { set: { n: 1 }, messages: ["one"] });
      await committed(second, id, { number: 2, refused: [2] });
      const before = await stateOf(first, id);
      for (const number of [1, 2]) {
        const late = await commit(second, id, { number, settled: 0 }, { set: { n: 9 }, messages: ["again"] });
        expect(late).toEqual({ type: "settled", record: { settled: 2, refused: [2], floor: 1 } });
      }
      expect(await stateOf(first, id)).toEqual(before);
      expect(textsOf((await read(first, id, BEGINNING)).entries)).toEqual(["one"]);
    },
  },
  {
    name: "I21 of racing commits of one number, one is applied, and the others get its outcome",
    applies: commits,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id } = await first.born({ data: { n: 0 } });
      for (let number = 1; number <= 5; number += 1) {
        const answers = await Promise.all(
          [first, second].flatMap((store, index) => [
            commit(store, id, { number }, { set: { n: number * 10 + index }, messages: [`${number}`] }),
            commit(store, id, { number, refused: [number] }),
          ]),
        );
        const kinds = answers.map(({ type }) => type).toSorted();
        expect(kinds).toEqual(["committed", "settled", "settled", "settled"]);
        const records = answers.map((answer) => ("record" in answer ? answer.record : undefined));
        expect(new Set(records.map((record) => JSON.stringify(record))).size).toBe(1);
      }
      const { entries } = await read(first, id, BEGINNING);
      const { refused = [] } = (await recordOf(first, id)) ?? {};
      expect(entries.length + refused.length).toBe(5);
      expect(new Set(textsOf(entries)).size).toBe(entries.length);
    },
  },
  {
    name: "I21 a store with a lower settled number than the caller's answers behind, and changes nothing",
    applies: commits,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born();
      const none = await commit(store, id, { number: 4 }, { set: { n: 4 }, messages: ["4"] });
      expect(none).toEqual({ type: "behind", settled: 0 });
      await committed(store, id, { number: 1 });
      const before = await stateOf(store, id);
      const less = await commit(store, id, { number: 4, settled: 3 }, { set: { n: 4 }, messages: ["4"] });
      expect(less).toEqual({ type: "behind", settled: 1 });
      expect(await stateOf(store, id)).toEqual(before);
      // If the caller's last settled number is lower than the store's, the store has lost nothing.
      await committed(store, id, { number: 2, settled: 0 });
    },
  },
  {
    name: "I21 numbers below a new record's floor, and those of a client without a record under another mark, are forgotten",
    applies: commits,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born();
      const again = { settled: 0, mark: 0 };
      expect((await committed(store, id, { number: 7, first: 5, ...again })).record).toEqual({
        settled: 7,
        refused: [],
        floor: 5,
      });
      const before = await stateOf(store, id);
      const below = await commit(store, id, { number: 4, ...again }, { set: { n: 4 }, messages: ["4"] });
      expect(below).toEqual({ type: "forgotten", mark: 0 });
      expect(await commit(store, id, { number: 5, ...again })).toMatchObject({ type: "settled" });
      // The session never had this mark, so the client's record belongs to another history.
      const client = newClientId();
      const other = await commit(
        store,
        id,
        { client, number: 1, mark: 77 },
        { set: { n: 1 }, messages: ["1"] },
      );
      expect(other).toEqual({ type: "forgotten", mark: 0 });
      expect(await stateOf(store, id)).toEqual(before);
      // If there is a record, the mark is not compared.
      await committed(store, id, { number: 8, mark: 77 });
    },
  },
  {
    name: "I21 a conflict changes nothing, settles nothing, and returns the current session",
    applies: commits,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ data: { n: 0 } });
      await store.fields(id, { n: 1 });
      const before = await stateOf(store, id);
      for (const set of [{ n: 9 }, undefined]) {
        const answer = await commit(store, id, { number: 1 }, { set, messages: ["no"], expect: 1 });
        expect(answer).toMatchObject({ type: "conflict", session: { version: 2, data: { n: 1 } } });
        expect(await stateOf(store, id)).toEqual(before);
      }
      await committed(store, id, { number: 1 }, { set: { n: 2 }, expect: 2 });
      expect(await stateOf(store, id)).toMatchObject({ version: 3, data: { n: 2 } });
    },
  },
  {
    name: "I21 the client record is checked before the version: a settled number is not a conflict, and a conflict hides no loss",
    applies: commits,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born();
      await committed(store, id, { number: 1 }, { set: { n: 1 } });
      const expect1 = { expect: 1, set: { n: 9 } };
      expect(await commit(store, id, { number: 1 }, expect1)).toMatchObject({ type: "settled" });
      expect(await commit(store, id, { number: 5 }, expect1)).toEqual({ type: "behind", settled: 1 });
      const unknown = { client: newClientId(), number: 1, mark: 5 };
      expect(await commit(store, id, unknown, expect1)).toEqual({ type: "forgotten", mark: 0 });
      const bounds = { maxMessages: 1, whenFull: "refuse" } as const;
      const both = { ...expect1, messages: ["1", "2"], bounds };
      expect(await commit(store, id, { number: 2 }, both)).toMatchObject({ type: "conflict" });
      expect(await commit(store, id, { number: 1 }, both)).toMatchObject({ type: "settled" });
    },
  },
  {
    name: "I13 a commit with a lower fence is refused before anything else, and changes nothing",
    applies: commits,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ exclusive: true });
      await committed(store, id, { number: 1 }, { fence: 1 });
      const before = await stateOf(store, id);
      for (const number of [1, 2, 9]) {
        const answer = await commit(store, id, { number }, { set: { n: 9 }, messages: ["no"], fence: 0 });
        expect(answer).toEqual({ type: "fenced" });
      }
      expect(await stateOf(store, id)).toEqual(before);
      await committed(store, id, { number: 2 }, { set: { n: 2 } });
    },
  },
  {
    name: "I18 a session that does not exist, is destroyed or past a deadline has no client records, and a commit answers missing",
    applies: commits,
    async run(trial) {
      const [first, second] = await trial.processes();
      const gone = await first.born();
      const expired = await first.born({ idleMs: trial.ticks(2) });
      const old = await first.born({ absoluteMs: trial.ticks(2) });
      for (const { id } of [gone, expired, old]) await committed(first, id, { number: 1 });
      await second.destroy(gone.id);
      await trial.pass(3);
      for (const id of [gone.id, expired.id, old.id, newId()]) {
        const answer = await commit(first, id, { number: 2 }, { set: { n: 2 }, messages: ["late"] });
        expect(answer).toEqual({ type: "missing" });
        expect(await second.load(id)).toBeUndefined();
      }
    },
  },
  {
    name: "a commit does not move the idle deadline",
    applies: commits,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ idleMs: trial.ticks(4) });
      await trial.pass(2);
      await committed(store, id, { number: 1 }, { set: { n: 1 }, messages: ["kept"] });
      await trial.pass(3);
      expect(await commit(store, id, { number: 2 })).toEqual({ type: "missing" });
    },
  },
];
