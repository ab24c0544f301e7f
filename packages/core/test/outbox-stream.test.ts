import { mixChain } from "@wsession/core";
import type { OutboxEntry, Position, ReadRequest, ReadResult } from "@wsession/core";
import { describe, expect, test, vi } from "vitest";
import { BEGINNING, endOf } from "../src/session/kept-run.ts";
import type { KeptRun } from "../src/session/kept-run.ts";
import { OutboxStream } from "../src/session/outbox-stream.ts";

/** Entries of a log, as `mark` makes them. */
function log(count: number, mark = 7): OutboxEntry[] {
  const entries: OutboxEntry[] = [];
  let chain = 0;
  for (let n = 1; n <= count; n += 1) {
    chain = mixChain(chain, mark + n);
    entries.push({ chain, data: `${n}`, isReplaced: false });
  }
  return entries;
}

function positionIn(entries: readonly OutboxEntry[], offset: number): Position {
  return offset === 0 ? BEGINNING : { offset, chain: entries[offset - 1]!.chain };
}

function runOf(entries: readonly OutboxEntry[], from: number, to: number): KeptRun {
  return { before: positionIn(entries, from - 1), entries: entries.slice(from - 1, to) };
}

/** One session with a connection, on a store that has `kept`. */
function setting(kept: readonly OutboxEntry[]) {
  const received: string[] = [];
  const reads: Position[] = [];
  const reports: unknown[] = [];
  let connections = 1;
  const store = {
    kept,
    read({ from }: ReadRequest): ReadResult {
      reads.push(from);
      const isKnown =
        from.offset <= store.kept.length && positionIn(store.kept, from.offset).chain === from.chain;
      const start = isKnown ? from : BEGINNING;
      const missed = isKnown ? undefined : { from: 1, to: 0, certain: false };
      const entries = store.kept.slice(start.offset);
      return { type: "read", missed, start, entries, end: positionIn(store.kept, store.kept.length) };
    },
  };
  const session = {
    id: "s",
    isGone: false,
    get connectionCount() {
      return connections;
    },
    connections: () => [
      {
        onKept(run: KeptRun, isAgain: boolean) {
          for (const { data } of run.entries) received.push(isAgain ? `again ${data}` : `${data}`);
        },
      },
    ],
    endSession: () => 0,
  };
  const calls = { begin: () => undefined, end: () => undefined };
  const report = (error: unknown) => void reports.push(error);
  const stream = new OutboxStream({ store, calls, report }, session);
  const leave = () => void (connections = 0);
  return { stream, store, received, reads, reports, leave };
}

async function gapPasses(): Promise<void> {
  await vi.advanceTimersByTimeAsync(25);
}

describe("the stream of a session's kept messages", () => {
  test("I15 delivers entries in the order of their offsets, each once, in whatever order they arrive", () => {
    const entries = log(5);
    const { stream, received, reads } = setting(entries);
    for (const run of [
      runOf(entries, 2, 3),
      runOf(entries, 5, 5),
      runOf(entries, 1, 1),
      runOf(entries, 3, 4),
      runOf(entries, 1, 2),
    ])
      stream.add(run);
    expect(received).toEqual(["1", "2", "3", "4", "5"]);
    expect([stream.end, reads]).toEqual([positionIn(entries, 5), []]);
  });

  test("I15 reads a gap from the store after a short time", async () => {
    vi.useFakeTimers();
    try {
      const entries = log(4);
      const { stream, received, reads } = setting(entries);
      stream.add(runOf(entries, 1, 1));
      stream.add(runOf(entries, 3, 3));
      expect(received).toEqual(["1"]);
      await gapPasses();
      expect(received).toEqual(["1", "2", "3", "4"]);
      expect(reads).toEqual([positionIn(entries, 1)]);
    } finally {
      vi.useRealTimers();
    }
  });

  test("I15 reads from the store after it dropped messages, because too many of them waited for an earlier one", async () => {
    vi.useFakeTimers();
    try {
      const entries = log(66);
      const { stream, received } = setting(entries);
      for (let n = 2; n <= 66; n += 1) stream.add(runOf(entries, n, n));
      await gapPasses();
      expect(received).toEqual(entries.map(({ data }) => data));
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  test("I19 detects by the chain that entries belong to another history, and delivers all that the store has", async () => {
    vi.useFakeTimers();
    try {
      const [lost, entries] = [log(3), log(4, 1_000)];
      const { stream, store, received } = setting(lost);
      stream.add(runOf(lost, 1, 2));
      store.kept = entries;
      stream.add(runOf(entries, 3, 3));
      expect(received).toEqual(["1", "2"]);
      await gapPasses();
      expect(received.slice(2)).toEqual(["again 1", "again 2", "again 3", "again 4"]);
      expect(stream.end).toEqual(endOf(runOf(entries, 1, 4)));
    } finally {
      vi.useRealTimers();
    }
  });

  test("I19 compares the chain, not only the offset, with the end that a sweep of the store reports", async () => {
    vi.useFakeTimers();
    try {
      const [lost, entries] = [log(2), log(2, 1_000)];
      const { stream, store, reads, received } = setting(lost);
      stream.add(runOf(lost, 1, 2));
      stream.onReportedEnd(positionIn(lost, 2));
      await gapPasses();
      expect(reads).toEqual([]);
      store.kept = entries;
      stream.onReportedEnd(positionIn(entries, 2));
      await gapPasses();
      expect(received.slice(2)).toEqual(["again 1", "again 2"]);
    } finally {
      vi.useRealTimers();
    }
  });

  test("without a connection reads nothing from the store, and continues at the end that the next answer reports", async () => {
    const entries = log(3);
    const { stream, reads, received, leave } = setting(entries);
    leave();
    stream.add(runOf(entries, 2, 3));
    expect(stream.end).toEqual(positionIn(entries, 3));
    stream.onReplyEnd(positionIn(entries, 1));
    expect(stream.end).toEqual(positionIn(entries, 1));
    stream.onUnknownAppend();
    expect([reads, received]).toEqual([[], []]);
  });

  test("reports a failed read, and reads again at the next message", async () => {
    vi.useFakeTimers();
    try {
      const entries = log(3);
      const { stream, store, reports, received } = setting(entries);
      const { read } = store;
      store.read = () => {
        throw new Error("away");
      };
      stream.add(runOf(entries, 2, 2));
      await gapPasses();
      expect(reports).toMatchObject([{ code: "STORE_UNAVAILABLE" }]);
      store.read = read;
      stream.add(runOf(entries, 3, 3));
      await gapPasses();
      expect(received).toEqual(["1", "2", "3"]);
    } finally {
      vi.useRealTimers();
    }
  });

  test("fault B: reads again after a failed read, without a further message", async () => {
    vi.useFakeTimers();
    try {
      const entries = log(3);
      const { stream, store, received, reports } = setting(entries);
      const { read } = store;
      let failures = 0;
      store.read = () => {
        failures += 1;
        throw new Error("away");
      };
      stream.add(runOf(entries, 2, 3));
      await vi.advanceTimersByTimeAsync(60_000);
      // The pauses grow, because a store that comes back would be flooded otherwise.
      expect(failures).toBeGreaterThan(3);
      expect(failures).toBeLessThan(15);
      expect(reports.length).toBe(failures);
      store.read = read;
      await vi.advanceTimersByTimeAsync(10_000);
      expect(received).toEqual(["1", "2", "3"]);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  test("fault B: retries a failed read although messages arrive faster than the gap's time limit, and reads nothing without a connection", async () => {
    vi.useFakeTimers();
    try {
      const entries = log(40);
      const { stream, store, received, reads, leave } = setting(entries);
      const { read } = store;
      store.read = () => {
        throw new Error("away");
      };
      stream.add(runOf(entries, 2, 2));
      await gapPasses();
      store.read = read;
      for (let n = 3; n <= 12; n += 1) {
        stream.add(runOf(entries, n, n));
        await vi.advanceTimersByTimeAsync(5);
      }
      expect(received.length).toBeGreaterThan(0);
      await gapPasses();
      store.read = () => {
        throw new Error("away");
      };
      stream.onUnknownAppend();
      await gapPasses();
      leave();
      store.read = read;
      const before = reads.length;
      await vi.advanceTimersByTimeAsync(60_000);
      expect(reads.length).toBe(before);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});
