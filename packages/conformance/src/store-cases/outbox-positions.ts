import type { Position } from "@wsession/core";
import { expect } from "vitest";
import { appended, BEGINNING, endOf, message, positionOf, read, textsOf } from "../outbox-reader.ts";
import type { StoreCase } from "../store-trial.ts";

const outbox: StoreCase["applies"] = (capabilities) => capabilities.outbox === true;
const shared: StoreCase["applies"] = (capabilities) => capabilities.outbox === true && capabilities.shared;

const another = ({ offset, chain }: Position): Position => ({ offset, chain: (chain + 1) % 2 ** 31 });

/** The store's answers to valid and invalid positions. */
export const outboxPositionCases: readonly StoreCase[] = [
  {
    name: "I19 a position with another chain, or ahead of the end, is a reset: all kept messages come again",
    applies: outbox,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born();
      const bounds = { maxMessages: 3 };
      const answer = await appended(store, id, ["1", "2", "3", "4"], { bounds });
      const ahead = { offset: 5, chain: endOf(answer).chain };
      const farAhead = { offset: 1e12, chain: 1 };
      const wrong = [ahead, farAhead, another(endOf(answer)), another(positionOf(answer, 1))];
      // The store also has the chain of the offset before the first kept one.
      for (const from of [...wrong, another(positionOf(answer, 0))]) {
        const { missed, start, entries } = await read(store, id, from);
        expect(missed).toEqual({ from: 1, to: 1, certain: false });
        expect(start).toEqual(positionOf(answer, 0));
        expect(textsOf(entries)).toEqual(["2", "3", "4"]);
      }
    },
  },
  {
    name: "I19 a position in an outbox without any append is a reset, unless it is the beginning",
    applies: outbox,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born();
      const nothing = { start: BEGINNING, entries: [], end: BEGINNING };
      expect(await read(store, id, BEGINNING)).toMatchObject({ ...nothing, missed: undefined });
      expect(await read(store, id, { offset: 3, chain: 9 })).toMatchObject({
        ...nothing,
        missed: { from: 1, to: 0, certain: false },
      });
      expect(await read(store, id, { offset: 0, chain: 9 })).toMatchObject({
        ...nothing,
        missed: { from: 1, to: 0, certain: false },
      });
    },
  },
  {
    name: "I19 for a position before all kept messages the answer is missed, with certain false, whatever the chain",
    applies: outbox,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born();
      const answer = await appended(store, id, ["1", "2", "3", "4"], { bounds: { maxMessages: 1 } });
      for (const from of [positionOf(answer, 0), another(positionOf(answer, 0))]) {
        const { missed, start, entries } = await read(store, id, from);
        expect(missed).toEqual({ from: 2, to: 3, certain: false });
        expect(start).toEqual(positionOf(answer, 2));
        expect(textsOf(entries)).toEqual(["4"]);
      }
    },
  },
  {
    name: "I19 a witness ahead of the end, or with another chain, is a reset, even if the position is right",
    applies: outbox,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born();
      const one = await appended(store, id, [message("old", { key: "k" })]);
      const two = await appended(store, id, [message("new", { key: "k" }), "x"]);
      const from = endOf(one);
      const right = await read(store, id, from, { witness: endOf(two) });
      expect(right.missed).toBeUndefined();
      expect(textsOf(right.entries)).toEqual(["new", "x"]);
      const ahead = { offset: 4, chain: 7 };
      for (const witness of [ahead, another(endOf(two)), another(positionOf(two, 0))]) {
        const { missed, entries } = await read(store, id, from, { witness });
        expect(missed).toEqual({ from: 1, to: 0, certain: false });
        expect(textsOf(entries)).toEqual([undefined, "new", "x"]);
      }
      // The store does not compare a witness before the oldest known chain.
      await appended(store, id, ["y", "z"], { bounds: { maxMessages: 1 } });
      const { end } = await read(store, id, BEGINNING);
      expect((await read(store, id, end, { witness: another(from) })).missed).toBeUndefined();
    },
  },
  {
    name: "I20 an answer has at most maxBytes of messages, at least one message, and the end of the outbox",
    applies: outbox,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born();
      const long = "x".repeat(1_000);
      const end = endOf(await appended(store, id, [long, long, long, "short"]));
      const pages: (string | undefined)[][] = [];
      let from = BEGINNING;
      while (from.offset < end.offset) {
        const page = await read(store, id, from, { maxBytes: 1_500 });
        expect(page).toMatchObject({ missed: undefined, start: from, end });
        pages.push(textsOf(page.entries));
        const last = page.entries.at(-1) ?? expect.fail("an empty page before the end");
        from = { offset: from.offset + page.entries.length, chain: last.chain };
      }
      expect(pages.flat()).toEqual([long, long, long, "short"]);
      expect(pages.length).toBeGreaterThan(1);
      expect(textsOf((await read(store, id, BEGINNING, { maxBytes: 1 })).entries)).toEqual([long]);
    },
  },
  {
    name: "an append reaches the hosts of other holders, with the messages or with the end of the outbox, and no other host",
    applies: shared,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id, digest } = await first.born();
      await second.resume(id, digest);
      const bytes = Uint8Array.from([1, 2, 3]);
      const one = await appended(first, id, ["a", bytes]);
      const end = endOf(await appended(first, id, ["x".repeat(100_000)]));
      await second.events.until((event) => event.type === "appended" && event.end.offset === end.offset);
      const received = second.events.entries.filter((event) => event.type === "appended");
      expect(received.map((event) => event.id)).toEqual(received.map(() => id));
      expect(received.at(-1)?.end).toEqual(end);
      for (const { run, end: after } of received) {
        if (run === undefined) continue;
        expect(run.before.offset + run.entries.length).toBe(after.offset);
        expect(run.entries.at(-1)?.chain).toBe(after.chain);
      }
      const [small] = received;
      if (small?.run !== undefined) {
        expect(small.run.before).toEqual(BEGINNING);
        expect(textsOf(small.run.entries)).toEqual(["a", "\u0001\u0002\u0003"]);
        expect(small.end).toEqual(endOf(one));
      }
      expect(first.events.entries.filter((event) => event.type === "appended")).toEqual([]);
    },
  },
];
