import { StoreProcess } from "@wsession/conformance";
import { mapStore } from "@wsession/core";
import type { OutboxBounds, OutboxMessage, ReadResult } from "@wsession/core";
import { describe, expect, test } from "vitest";

const BEGINNING = { offset: 0, chain: 0 };
const MINUTE = 60_000;

/** The bytes that an entry counts in `maxTotalBytes` in addition to its message. */
const ENTRY_BYTES = 128;

function storeOf(maxTotalBytes?: number) {
  const store = mapStore({ outbox: { maxTotalBytes } });
  const process = new StoreProcess(store);
  const send = (
    id: string,
    data: string,
    { key, ...bounds }: Partial<OutboxBounds> & { readonly key?: string } = {},
  ) => {
    const message: OutboxMessage = { data, mark: 1, key, ttlMs: undefined };
    const common = { maxMessages: 1_000, maxBytes: 100_000, maxAgeMs: MINUTE } as const;
    const all = { ...common, whenFull: "drop-oldest", ...bounds } as const;
    return process.append({ id, messages: [message], bounds: all, fence: undefined });
  };
  const read = async (
    id: string,
    request: { readonly from?: typeof BEGINNING; readonly reader?: string } = {},
  ): Promise<Extract<ReadResult, { type: "read" }>> => {
    const reader =
      request.reader === undefined ? undefined : { name: request.reader.padEnd(16, "A"), maxAgeMs: MINUTE };
    const { from = BEGINNING } = request;
    const result = await store.read?.({ id, from, witness: undefined, maxBytes: 1_000_000, reader });
    return result?.type === "read" ? result : expect.fail(result?.type ?? "there is no outbox");
  };
  const kept = async (id: string): Promise<number> => (await read(id)).entries.length;
  return { store, process, send, read, kept };
}

describe("mapStore's outbox", () => {
  test.each(["drop-oldest", "refuse"] as const)(
    "I20 keeps maxBytes bytes, and not one byte more (%s)",
    async (whenFull) => {
      const { process, send, read } = storeOf();
      const { id } = await process.born();
      const bounds = { maxBytes: 10, whenFull };
      await send(id, "12345", bounds);
      await send(id, "äö+", bounds);
      expect((await read(id)).entries).toHaveLength(2);
      const { type } = await send(id, "x", bounds);
      expect(type).toBe(whenFull === "refuse" ? "full" : "appended");
      expect((await read(id)).missed).toEqual(
        whenFull === "refuse" ? undefined : { from: 1, to: 1, certain: false },
      );
    },
  );

  test("I20 waits for the eight most recent readers: a ninth replaces the reader whose last read is oldest", async () => {
    const { process, send, read } = storeOf();
    const { id } = await process.born();
    const bounds = { maxMessages: 1, whenFull: "refuse" } as const;
    await send(id, "1", bounds);
    const { end } = await read(id, { reader: "behind" });
    for (let n = 2; n <= 8; n += 1) await read(id, { reader: `reader${n}`, from: end });
    expect(await send(id, "2", bounds)).toEqual({ type: "full" });
    await read(id, { reader: "reader9", from: end });
    expect((await send(id, "2", bounds)).type).toBe("appended");
  });

  test("I18 a session that is created anew under the id of a destroyed session has an empty outbox", async () => {
    const { process, send, read } = storeOf();
    const { id } = await process.born();
    await send(id, "for the former one");
    await process.destroy(id);
    expect((await process.born({ id })).session.outbox).toBeUndefined();
    expect(await read(id)).toMatchObject({ missed: undefined, entries: [], end: BEGINNING });
  });
});

describe("mapStore's outbox.maxTotalBytes", () => {
  test("I20 bounds all sessions together: the session whose last message is oldest loses its oldest messages first", async () => {
    const { process, send, read, kept } = storeOf(6 * (100 + ENTRY_BYTES));
    const [a, b, c] = [(await process.born()).id, (await process.born()).id, (await process.born()).id];
    for (const id of [a, b, c, a, b, c]) await send(id, "x".repeat(100));
    expect([await kept(a), await kept(b), await kept(c)]).toEqual([2, 2, 2]);
    await send(b, "x".repeat(100));
    expect([await kept(a), await kept(b), await kept(c)]).toEqual([1, 3, 2]);
    expect((await read(a)).missed).toEqual({ from: 1, to: 1, certain: false });
    for (let n = 0; n < 2; n += 1) await send(b, "x".repeat(100));
    expect([await kept(a), await kept(b), await kept(c)]).toEqual([0, 5, 1]);
    expect((await read(a)).missed).toEqual({ from: 1, to: 2, certain: false });
  });

  test("I20 counts an empty message as bytes, too", async () => {
    const { process, send, kept } = storeOf(10 * ENTRY_BYTES);
    const { id } = await process.born();
    for (let n = 0; n < 100; n += 1) await send(id, "");
    expect(await kept(id)).toBe(10);
  });

  test("does not count replaced messages, and messages of destroyed sessions", async () => {
    const { process, send, read, kept } = storeOf(10 * (100 + ENTRY_BYTES));
    const { id } = await process.born();
    await send(id, "kept");
    const other = await process.born();
    for (let n = 0; n < 6; n += 1) await send(other.id, "x".repeat(200), { key: "k" });
    for (let n = 0; n < 20; n += 1) {
      const gone = await process.born();
      await send(gone.id, "x".repeat(100));
      await process.destroy(gone.id);
    }
    expect(await kept(id)).toBe(1);
    expect((await read(id)).missed).toBeUndefined();
    expect((await read(other.id)).missed).toBeUndefined();
  });
});
