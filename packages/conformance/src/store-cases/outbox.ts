import { mixChain } from "@wsession/core";
import { expect } from "vitest";
import { append, appended, BEGINNING, endOf, message, positionOf, read, textsOf } from "../outbox-reader.ts";
import { newId } from "../random-ids.ts";
import type { StoreCase } from "../store-trial.ts";

const outbox: StoreCase["applies"] = (capabilities) => capabilities.outbox === true;

/** The kept messages of a session: their order and their lifetime. */
export const outboxCases: readonly StoreCase[] = [
  {
    name: "I15 messages are read in the order in which they were appended, from any position on, text as text and bytes as bytes",
    applies: outbox,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id } = await first.born();
      const bytes = Uint8Array.from([0, 255, 254, 61]);
      const one = await appended(first, id, ["a", bytes]);
      const two = await appended(second, id, ["\u0000é🙂", ""]);
      expect([one.offset, two.offset]).toEqual([1, 3]);
      const all = await read(first, id, BEGINNING);
      expect(all).toMatchObject({ missed: undefined, start: BEGINNING, end: endOf(two) });
      const datas = all.entries.map(({ data }) => (typeof data === "string" ? data : [...(data ?? [])]));
      expect(datas).toEqual(["a", [...bytes], "\u0000é🙂", ""]);
      const rest = await read(second, id, positionOf(one, 0));
      expect(rest).toMatchObject({ missed: undefined, start: positionOf(one, 0), end: endOf(two) });
      expect(rest.entries).toEqual(all.entries.slice(1));
      expect(await read(second, id, endOf(two))).toMatchObject({ missed: undefined, entries: [] });
    },
  },
  {
    name: "I17 messages of an acknowledged append can be read on any process, and every answer of the session has the end of the outbox",
    applies: outbox,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id, digest, session } = await first.born();
      expect(session.outbox ?? BEGINNING).toEqual(BEGINNING);
      for (let n = 1; n <= 5; n += 1) {
        const end = endOf(await appended(first, id, [String(n)]));
        expect((await read(second, id, BEGINNING)).end).toEqual(end);
        expect((await second.load(id))?.outbox).toEqual(end);
        expect(await second.resume(id, digest)).toMatchObject({ type: "resumed", session: { outbox: end } });
        await second.release(id);
      }
    },
  },
  {
    name: "I19 the chain covers all entries: each chain follows from the chain before and the message's mark",
    applies: outbox,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born();
      const marks = [1, 0, 2 ** 31 - 1, 77];
      const messages = marks.map((mark) => message("m", { mark }));
      const one = await appended(store, id, messages.slice(0, 2));
      const two = await appended(store, id, messages.slice(2));
      expect([one.before, two.before]).toEqual([0, one.chains[1]]);
      let chain = 0;
      const mixed = marks.map((mark) => (chain = mixChain(chain, mark)));
      expect([...one.chains, ...two.chains]).toEqual(mixed);
      expect((await read(store, id, BEGINNING)).entries.map((entry) => entry.chain)).toEqual(mixed);
    },
  },
  {
    name: "I19 racing appends get different offsets, each once, and chains in the order of the offsets",
    applies: outbox,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id } = await first.born();
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, n) => appended(n % 2 === 0 ? first : second, id, [`${n}`, `${n}'`])),
      );
      const inOrder = answers.toSorted((a, b) => a.offset - b.offset);
      expect(inOrder.map(({ offset }) => offset)).toEqual(inOrder.map((_, index) => 1 + 2 * index));
      const chains = inOrder.flatMap((answer) => answer.chains);
      expect(inOrder.map(({ before }) => before)).toEqual(
        inOrder.map((_, index) => (index === 0 ? 0 : chains[2 * index - 1])),
      );
      const { entries } = await read(second, id, BEGINNING);
      expect(entries.map(({ chain }) => chain)).toEqual(chains);
      expect(new Set(textsOf(entries)).size).toBe(40);
    },
  },
  {
    name: "I13 an append with a lower fence, or to a session that does not exist, changes nothing; no append changes the session",
    applies: outbox,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ exclusive: true, data: { n: 1 } });
      const before = await store.load(id);
      expect(await append(store, id, ["no"], { fence: 0 })).toEqual({ type: "fenced" });
      expect(await append(store, newId(), ["no"])).toEqual({ type: "missing" });
      expect((await read(store, id, BEGINNING)).end).toEqual(BEGINNING);
      await appended(store, id, ["yes"], { fence: 1 });
      const {
        outbox: _,
        idleInMs: __,
        absoluteInMs: ___,
        ...after
      } = (await store.load(id)) ?? expect.fail();
      expect(before).toMatchObject(after);
      expect(await store.fields(id, { n: 2 }, [], { expect: 1 })).toMatchObject({
        type: "written",
        version: 2,
      });
      expect(textsOf((await read(store, id, BEGINNING)).entries)).toEqual(["yes"]);
    },
  },
  {
    name: "a message for a subject is not kept in a session of another subject, or of none",
    applies: outbox,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id } = await first.born();
      expect(await append(second, id, ["no"], { subject: "ada" })).toEqual({ type: "foreign" });
      await first.rotate(id, { subject: "ada" });
      await appended(second, id, ["for ada"], { subject: "ada" });
      expect(textsOf((await read(first, id, BEGINNING)).entries)).toEqual(["for ada"]);
      await first.rotate(id, { subject: "bob" });
      const { end } = await read(second, id, BEGINNING);
      expect(await append(second, id, ["no"], { subject: "ada" })).toEqual({ type: "foreign" });
      expect(await read(first, id, BEGINNING)).toMatchObject({ entries: [], end });
      await appended(first, id, ["for anybody"]);
    },
  },
  {
    name: "I18 a destroyed or expired session has no outbox: append and read answer missing, and a new session with the same id starts with an empty one",
    applies: outbox,
    async run(trial) {
      const [first, second] = await trial.processes();
      const gone = await first.born();
      const expired = await first.born({ idleMs: trial.ticks(2) });
      for (const { id } of [gone, expired]) await appended(first, id, ["kept"]);
      await second.destroy(gone.id);
      await trial.pass(3);
      for (const { id } of [gone, expired]) {
        expect(await append(first, id, ["late"])).toEqual({ type: "missing" });
        const request = { id, from: BEGINNING, witness: undefined, maxBytes: 100 };
        expect(await second.store.read?.(request)).toEqual({ type: "missing" });
      }
      const again = await second.create({ id: expired.id });
      expect(again.type).toBe("created");
      expect(await read(first, expired.id, BEGINNING)).toMatchObject({ entries: [], end: BEGINNING });
    },
  },
  {
    name: "an append does not move the idle deadline",
    applies: outbox,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ idleMs: trial.ticks(4) });
      await trial.pass(2);
      await appended(store, id, ["kept"]);
      await trial.pass(3);
      expect(await append(store, id, ["late"])).toEqual({ type: "missing" });
    },
  },
  {
    name: "a resume with touch false leaves the idle deadline; any other resume moves it",
    applies: (capabilities) => outbox(capabilities) && capabilities.resumable,
    async run(trial) {
      const store = await trial.process();
      const idleMs = trial.ticks(4);
      const [quiet, active] = [await store.born({ idleMs }), await store.born({ idleMs })];
      await trial.pass(2);
      expect(await store.resume(quiet.id, quiet.digest, { idleMs, touch: false })).toMatchObject({
        type: "resumed",
      });
      expect(await store.resume(active.id, active.digest, { idleMs })).toMatchObject({ type: "resumed" });
      await trial.pass(3);
      expect(await store.load(quiet.id)).toBeUndefined();
      expect(await store.load(active.id)).toBeDefined();
    },
  },
  {
    name: "a change from one subject to another drops the kept messages, and offsets and chain continue; a first subject keeps them",
    applies: outbox,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born();
      await appended(store, id, ["for a stranger"]);
      expect(await store.rotate(id, { subject: "ada" })).toMatchObject({ type: "rotated" });
      const { entries, end } = await read(store, id, BEGINNING);
      expect(textsOf(entries)).toEqual(["for a stranger"]);
      expect(await store.rotate(id, { subject: "bob" })).toMatchObject({ type: "rotated" });
      expect(await read(store, id, BEGINNING)).toMatchObject({
        missed: { from: 1, to: 1, certain: false },
        entries: [],
        end,
      });
      const next = await appended(store, id, ["for bob"]);
      expect(next).toMatchObject({ offset: 2, before: end.chain });
      expect(textsOf((await read(store, id, end)).entries)).toEqual(["for bob"]);
    },
  },
];
