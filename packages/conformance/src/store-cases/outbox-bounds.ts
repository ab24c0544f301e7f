import { expect } from "vitest";
import { append, appended, BEGINNING, endOf, message, positionOf, read, textsOf } from "../outbox-reader.ts";
import type { StoreCase } from "../store-trial.ts";

const outbox: StoreCase["applies"] = (capabilities) => capabilities.outbox === true;

/** Entries that are dropped or refused at a limit, and the report to the reader. */
export const outboxBoundCases: readonly StoreCase[] = [
  {
    name: "I16, I20 over maxMessages the oldest messages are dropped, and a reader that lacks them gets the missed offsets",
    applies: outbox,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born();
      const bounds = { maxMessages: 3 };
      const one = await appended(store, id, ["1", "2"], { bounds });
      const two = await appended(store, id, ["3", "4", "5"], { bounds });
      const behind = await read(store, id, positionOf(one, 0));
      expect(behind).toMatchObject({ missed: { from: 2, to: 2, certain: false }, start: positionOf(one, 1) });
      expect(textsOf(behind.entries)).toEqual(["3", "4", "5"]);
      expect(await read(store, id, positionOf(one, 1))).toMatchObject({ missed: undefined });
      const many = await appended(store, id, ["6", "7", "8", "9"], { bounds });
      expect(many.chains).toHaveLength(4);
      const last = await read(store, id, endOf(two));
      expect(last).toMatchObject({ missed: { from: 6, to: 6 }, end: endOf(many) });
      expect(textsOf(last.entries)).toEqual(["7", "8", "9"]);
    },
  },
  {
    name: "I20 over maxBytes the oldest messages are dropped; bytes are counted as UTF-8",
    applies: outbox,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born();
      const bounds = { maxBytes: 3_000 };
      await appended(store, id, ["é".repeat(1_000), "x".repeat(900)], { bounds });
      await appended(store, id, [new Uint8Array(1_000)], { bounds });
      const { missed, entries } = await read(store, id, BEGINNING);
      expect(missed).toMatchObject({ from: 1, to: 1 });
      expect(entries.map(({ data }) => data?.length)).toEqual([900, 1_000]);
    },
  },
  {
    name: "I20 messages older than maxAgeMs are dropped, swept or not, and reported as missed",
    applies: outbox,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born();
      const bounds = { maxAgeMs: trial.ticks(4) };
      const old = await appended(store, id, ["old"], { bounds });
      await trial.pass(3);
      const young = await appended(store, id, ["young"], { bounds });
      await trial.pass(2);
      const first = await read(store, id, BEGINNING);
      expect(first).toMatchObject({ missed: { from: 1, to: 1, certain: false }, start: endOf(old) });
      expect(textsOf(first.entries)).toEqual(["young"]);
      expect(await read(store, id, BEGINNING, { maxBytes: 0 })).toMatchObject({
        missed: { from: 1, to: 1, certain: false },
        start: endOf(old),
      });
      await trial.pass(3);
      expect(await read(store, id, endOf(old))).toMatchObject({
        missed: { from: 2, to: 2, certain: false },
        start: endOf(young),
        entries: [],
        end: endOf(young),
      });
      expect(await appended(store, id, ["next"], { bounds })).toMatchObject({
        offset: 3,
        before: endOf(young).chain,
      });
    },
  },
  {
    name: "a message whose ttlMs is over is neither delivered nor missed: its offset has no data",
    applies: outbox,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born();
      const answer = await appended(store, id, ["a", message("brief", { ttlMs: trial.ticks(2) }), "b"]);
      expect(textsOf((await read(store, id, BEGINNING)).entries)).toEqual(["a", "brief", "b"]);
      await trial.pass(3);
      const { missed, entries } = await read(store, id, BEGINNING);
      expect(missed).toBeUndefined();
      expect(textsOf(entries)).toEqual(["a", undefined, "b"]);
      expect(entries.map(({ isReplaced }) => isReplaced)).toEqual([false, false, false]);
      expect(await read(store, id, positionOf(answer, 1))).toMatchObject({ missed: undefined });
    },
  },
  {
    name: "a message replaces the kept message of the same key, whose offset then has no data, and no other message",
    applies: outbox,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id } = await first.born();
      const keyed = (text: string, key: string) => message(text, { key });
      await appended(first, id, [keyed("unread: 1", "unread"), "x", keyed("typing", "é".repeat(31))]);
      await appended(second, id, [keyed("unread: 2", "unread")]);
      await appended(first, id, [keyed("unread: 3", "unread"), "y"]);
      const { missed, entries } = await read(first, id, BEGINNING);
      expect(missed).toBeUndefined();
      expect(textsOf(entries)).toEqual([undefined, "x", "typing", undefined, "unread: 3", "y"]);
      expect(entries.map(({ isReplaced }) => isReplaced)).toEqual([true, false, false, true, false, false]);
    },
  },
  {
    name: "a message with a ttlMs is not delivered after maxAgeMs either, and is not missed, even as the first kept message",
    applies: outbox,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born();
      const bounds = { maxAgeMs: trial.ticks(4) };
      const brief = message("brief", { ttlMs: trial.ticks(2) });
      const long = message("long", { ttlMs: trial.ticks(100) });
      await appended(store, id, [brief, long], { bounds });
      await trial.pass(3);
      const first = await read(store, id, BEGINNING);
      expect(first.missed).toBeUndefined();
      expect(textsOf(first.entries)).toEqual([undefined, "long"]);
      await trial.pass(2);
      const second = await read(store, id, BEGINNING);
      expect(second.missed).toBeUndefined();
      expect(textsOf(second.entries)).toEqual([undefined, undefined]);
    },
  },
  {
    name: "I20 a replaced message takes no bytes: no message is dropped because of it",
    applies: outbox,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born();
      const bounds = { maxBytes: 5_000 };
      await appended(store, id, ["kept"], { bounds });
      for (let n = 1; n <= 4; n += 1)
        await appended(store, id, [message(String(n).repeat(2_000), { key: "large" })], { bounds });
      const { missed, entries } = await read(store, id, BEGINNING);
      expect(missed).toBeUndefined();
      expect(textsOf(entries)).toEqual(["kept", undefined, undefined, undefined, "4".repeat(2_000)]);
    },
  },
  {
    name: "I20 with whenFull refuse a message that does not fit is refused as a whole, and no unread message is dropped",
    applies: outbox,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born();
      const bounds = { maxMessages: 3, maxBytes: 1_000, whenFull: "refuse" } as const;
      await appended(store, id, ["1", "2"], { bounds });
      expect(await append(store, id, ["3", "4"], { bounds })).toEqual({ type: "full" });
      expect(await append(store, id, ["x".repeat(999)], { bounds })).toEqual({ type: "full" });
      await appended(store, id, ["3"], { bounds });
      expect(await append(store, id, ["4"], { bounds })).toEqual({ type: "full" });
      expect(textsOf((await read(store, id, BEGINNING)).entries)).toEqual(["1", "2", "3"]);
    },
  },
  {
    name: "I20 with whenFull refuse messages that every reader has are dropped for new ones, and messages that one reader lacks are not",
    applies: outbox,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born();
      const bounds = { maxMessages: 2, whenFull: "refuse" } as const;
      const reader = (name: string) => ({ name: name.padEnd(16, "A"), maxAgeMs: trial.ticks(4) });
      const has = (name: string, from: { readonly offset: number; readonly chain: number }) =>
        read(store, id, from, { reader: reader(name), maxBytes: 0 });
      const answer = await appended(store, id, ["1", "2"], { bounds });
      expect((await has("one", endOf(answer))).entries).toEqual([]);
      await has("two", positionOf(answer, 0));
      await appended(store, id, ["3"], { bounds });
      expect(await append(store, id, ["4"], { bounds })).toEqual({ type: "full" });
      await has("two", endOf(answer));
      await appended(store, id, ["4"], { bounds });
      // The outbox no longer waits for a reader without a call for that long.
      expect(await append(store, id, ["5"], { bounds })).toEqual({ type: "full" });
      await trial.pass(3);
      const { end } = await read(store, id, endOf(answer), { maxBytes: 0 });
      await has("one", end);
      await trial.pass(2);
      await appended(store, id, ["5"], { bounds });
    },
  },
  {
    name: "I20 with whenFull refuse a reader whose position is a reset counts as having no message: a client may claim any position",
    applies: outbox,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born();
      const bounds = { maxMessages: 2, whenFull: "refuse" } as const;
      const answer = await appended(store, id, ["1", "2"], { bounds });
      const reader = { name: "A".repeat(16), maxAgeMs: trial.ticks(100) };
      const ahead = { offset: 1e12, chain: 1 };
      const another = { ...endOf(answer), chain: (endOf(answer).chain + 1) % 2 ** 31 };
      for (const from of [ahead, another]) {
        await read(store, id, from, { reader, maxBytes: 0 });
        expect(await append(store, id, ["3"], { bounds })).toEqual({ type: "full" });
      }
      expect(textsOf((await read(store, id, BEGINNING)).entries)).toEqual(["1", "2"]);
    },
  },
];
