import { expect } from "vitest";
import { CLIENT, commit, commits, committed, markOf, recordOf } from "../committing.ts";
import { newClientId } from "../random-ids.ts";
import type { StoreCase } from "../store-trial.ts";

const MAX_CLIENTS = 8;
const WINDOW = 48;

/** The client records of a session: their content and their lifetime. */
export const commitRecordCases: readonly StoreCase[] = [
  {
    name: "answers of a session without client records name no clients; with a record, every answer has the settled number",
    applies: commits,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id, digest, session } = await first.born({ data: { n: 0 } });
      expect(session.clients).toBeUndefined();
      expect((await second.load(id))?.clients).toBeUndefined();
      const record = { settled: 3, refused: [2], floor: 1 };
      const clients = { byClient: new Map([[CLIENT, record]]), mark: 0 };
      const answer = await committed(first, id, { number: 3, first: 1, refused: [2] }, { set: { n: 1 } });
      expect(answer.record).toEqual(record);
      expect((await second.load(id))?.clients).toEqual(clients);
      expect(await second.resume(id, digest)).toMatchObject({ type: "resumed", session: { clients } });
      expect(await second.fields(id, { n: 2 }, [], { expect: 1 })).toMatchObject({
        type: "conflict",
        session: { clients },
      });
      expect(await second.fields(id, { n: 2 }, [], { known: 7 })).toMatchObject({
        type: "written",
        session: { clients },
      });
    },
  },
  {
    name: "I21 refusals among the last 48 numbers are kept over many commits, of any process, and older refusals are not",
    applies: commits,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id } = await first.born();
      const refused: number[] = [];
      let settled = 0;
      const sizes = [1, 3, 1, 2, 5, 1, 30, 1, 17, 1, 47, 1, 48, 2, 49, 1];
      for (const [index, size] of sizes.entries()) {
        const number = settled + size;
        const added = Array.from({ length: size }, (_, back) => settled + 1 + back).filter(
          (one) => (one * 7 + index) % 3 === 0 || one === number - 47,
        );
        refused.push(...added);
        const wanted = { settled: number, refused: refused.filter((one) => one > number - WINDOW), floor: 1 };
        const store = index % 2 === 0 ? first : second;
        const answer = await committed(store, id, { number, first: settled + 1, refused: added });
        expect(answer.record).toEqual(wanted);
        expect(await recordOf(first, id)).toEqual(wanted);
        settled = number;
      }
    },
  },
  {
    name: "I21 outcomes in the record do not change: a commit can't refuse a number that another commit has settled, nor take a refusal back",
    applies: commits,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id } = await first.born();
      await committed(first, id, { number: 3, first: 1, refused: [2] });
      // Another connection of the client has no answer to that commit, and refuses the number.
      const answer = await committed(second, id, { number: 5, first: 1, settled: 0, refused: [1, 3, 4] });
      expect(answer.record).toEqual({ settled: 5, refused: [2, 4], floor: 1 });
      expect(await recordOf(first, id)).toEqual(answer.record);
    },
  },
  {
    name: "I21 a new record covers numbers from the first number of its first commit, also numbers that changed nothing",
    applies: commits,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born();
      const unknown = { settled: 0 };
      const answer = await committed(store, id, { number: 9, first: 6, refused: [8], ...unknown });
      expect(answer.record).toEqual({ settled: 9, refused: [8], floor: 6 });
      expect((await committed(store, id, { number: 10, refused: [10] })).record).toEqual({
        settled: 10,
        refused: [8, 10],
        floor: 6,
      });
      expect(await recordOf(store, id)).toMatchObject({ floor: 6 });
    },
  },
  {
    name: "clients of one session have numbers of their own, and sessions have records of their own",
    applies: commits,
    async run(trial) {
      const store = await trial.process();
      const [one, other] = [await store.born(), await store.born()];
      const client = newClientId();
      await committed(store, one.id, { number: 1 });
      await committed(store, one.id, { number: 3, first: 1, client, refused: [1] });
      await committed(store, one.id, { number: 2 });
      expect(await recordOf(store, one.id)).toEqual({ settled: 2, refused: [], floor: 1 });
      expect(await recordOf(store, one.id, client)).toEqual({ settled: 3, refused: [1], floor: 1 });
      expect(await recordOf(store, other.id)).toBeUndefined();
      await committed(store, other.id, { number: 1 });
    },
  },
  {
    name: "I21 of 9 clients the client whose last settled number is oldest is forgotten, and the forget mark changes",
    applies: commits,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ data: { n: 0 } });
      const clients = Array.from({ length: MAX_CLIENTS }, newClientId);
      for (const client of clients) await committed(store, id, { client, number: 1 });
      const [first = "", second = ""] = clients;
      await committed(store, id, { client: first, number: 2 });
      expect(await markOf(store, id)).toBe(0);
      const ninth = newClientId();
      await committed(store, id, { client: ninth, number: 1 });
      const mark = await markOf(store, id);
      expect(mark).toBeGreaterThan(0);
      expect(mark).toBeLessThan(2 ** 31);
      expect(Number.isInteger(mark)).toBe(true);
      const names = [...((await store.load(id))?.clients?.byClient.keys() ?? [])].toSorted();
      expect(names).toEqual([...clients.filter((client) => client !== second), ninth].toSorted());
      // The client sends its first message again. Without the mark it would look like the message of a new client.
      const again = await commit(store, id, { client: second, number: 1 }, { set: { n: 9 } });
      expect(again).toEqual({ type: "forgotten", mark });
      expect(await commit(store, id, { client: second, number: 2, mark })).toEqual({
        type: "behind",
        settled: 0,
      });
      // The client continues with the new mark. The store drops the record of another client, and the mark changes again.
      const anew = await committed(store, id, { client: second, number: 2, settled: 0, mark });
      expect(anew.record).toEqual({ settled: 2, refused: [], floor: 2 });
      expect(await commit(store, id, { client: second, number: 1, settled: 0, mark })).toMatchObject({
        type: "forgotten",
      });
      const next = await markOf(store, id);
      expect(next).not.toBe(mark);
      expect(next).toBeGreaterThan(0);
      expect((await store.load(id))?.clients?.byClient.size).toBe(MAX_CLIENTS);
    },
  },
  {
    name: "I21 a change from one subject to another one drops all records and changes the mark; a first subject keeps them",
    applies: commits,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ data: { n: 0 } });
      const clients = [newClientId(), newClientId()];
      for (const client of clients) await committed(store, id, { client, number: 1 });
      expect(await store.rotate(id)).toMatchObject({ type: "rotated" });
      expect(await store.rotate(id, { subject: "ada" })).toMatchObject({ type: "rotated" });
      expect((await store.load(id))?.clients).toMatchObject({ mark: 0, byClient: { size: 2 } });
      expect(await store.rotate(id, { subject: "ada" })).toMatchObject({ type: "rotated" });
      expect((await store.load(id))?.clients).toMatchObject({ mark: 0, byClient: { size: 2 } });
      expect(await store.rotate(id, { subject: "bob" })).toMatchObject({ type: "rotated" });
      expect((await store.load(id))?.clients?.byClient.size ?? 0).toBe(0);
      const mark = await markOf(store, id);
      expect(mark).toBeGreaterThan(0);
      for (const client of clients) {
        const answer = await commit(store, id, { client, number: 2 }, { set: { n: 2 } });
        expect(answer).toEqual({ type: "forgotten", mark });
      }
      await committed(store, id, { client: newClientId(), number: 1, mark });
      expect(await store.rotate(id, { subject: "eve" })).toMatchObject({ type: "rotated" });
      expect(await markOf(store, id)).not.toBe(mark);
    },
  },
  {
    name: "I21 after a change of the subject the first number of a client from before is forgotten, with its change and messages",
    applies: commits,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ data: { n: 0 } });
      expect(await store.rotate(id, { subject: "ada" })).toMatchObject({ type: "rotated" });
      // No client of ada has settled a number, so there is no record to drop.
      expect(await store.rotate(id, { subject: "bob" })).toMatchObject({ type: "rotated" });
      const mark = await markOf(store, id);
      expect(mark).toBeGreaterThan(0);
      const ofAda = { set: { n: 1 }, messages: ["for ada"] };
      expect(await commit(store, id, { number: 1 }, ofAda)).toEqual({ type: "forgotten", mark });
      expect(await store.load(id)).toMatchObject({ data: { n: 0 } });
      await committed(store, id, { number: 1, mark }, { set: { n: 2 } });
    },
  },
];
