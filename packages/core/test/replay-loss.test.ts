import { expect, test } from "vitest";
import { BEGINNING, type KeptRun } from "../src/session/kept-run.ts";
import type { ReadRequest, ReadResult } from "../src/store/outbox-contract.ts";
import { replayOver } from "./replay-setting.ts";

const message = (chain: number) => ({ chain, data: `of ${chain}`, isReplaced: false });

/** A live connection at offset 3. After a failover the store has only `kept` of that history. */
function live(kept: readonly ReturnType<typeof message>[], position = { offset: 3, chain: 3 }) {
  const end = kept.length === 0 ? BEGINNING : { offset: kept.length, chain: kept.at(-1)?.chain ?? 0 };
  const again: KeptRun = { before: BEGINNING, entries: kept };
  let reads = 0;
  const read = ({ from }: ReadRequest): ReadResult => {
    reads += 1;
    const missed = { from: 1, to: 0, certain: false };
    if (from.offset <= kept.length && (from.offset === 0 || kept[from.offset - 1]?.chain === from.chain))
      return { type: "read", missed: undefined, start: from, entries: kept.slice(from.offset), end };
    return { type: "read", missed, start: BEGINNING, entries: kept, end };
  };
  const stream = { end, onReplyEnd: () => undefined, onReportedEnd: () => undefined };
  const { replay, sent } = replayOver(stream, read, position, undefined);
  replay.startLive();
  return { replay, again, sent, reads: () => reads };
}

test("I19 a live connection gets a report that the store lost messages, also if the store's end is before the connection's position", async () => {
  const { replay, again, sent } = live([message(1), message(9)]);
  replay.onKept(again, true);
  await expect.poll(() => sent.at(-1)).toBe("=000009of 9");
  expect(sent[0]).toMatch(/^\.x\{"from":1,"to":0/);
  expect(replay.position).toEqual({ offset: 2, chain: 9 });
});

test("I19 a live connection gets a report that the store lost all messages", async () => {
  const { replay, again, sent } = live([]);
  replay.onKept(again, true);
  await expect.poll(() => sent).toHaveLength(1);
  expect(replay.position).toEqual(BEGINNING);
});

test("I15 a live connection whose messages the store still has gets none of them again, and reads nothing", async () => {
  const { replay, again, sent, reads } = live([message(1), message(2), message(3)]);
  replay.onKept(again, true);
  await new Promise((resolve) => setImmediate(resolve));
  expect([sent, reads()]).toEqual([[], 0]);
});

test("I15 a late announcement is ignored, and causes no read of the store", async () => {
  const { replay, sent, reads } = live([message(1), message(2), message(3)]);
  replay.onKept({ before: BEGINNING, entries: [message(1)] }, false);
  await new Promise((resolve) => setImmediate(resolve));
  expect([sent, reads()]).toEqual([[], 0]);
});
