import { expect, test } from "vitest";
import type { ReadRequest, ReadResult } from "../src/store/outbox-contract.ts";
import { replayOver } from "./replay-setting.ts";

test("I19 an ack that arrives after the store lost the acknowledged messages is not a protocol error of the client", async () => {
  const BEGINNING = { offset: 0, chain: 0 };
  const message = (chain: number) => ({ chain, data: `of ${chain}`, isReplaced: false });
  const answers: ReadResult[] = [
    {
      type: "read",
      missed: undefined,
      start: BEGINNING,
      entries: [message(1), message(2)],
      end: { offset: 2, chain: 2 },
    },
    // The state after a failover: the outbox has one message, which is not the earlier message.
    {
      type: "read",
      missed: { from: 1, to: 0, certain: false },
      start: BEGINNING,
      entries: [message(9)],
      end: { offset: 1, chain: 9 },
    },
  ];
  const read = (request: ReadRequest): ReadResult =>
    (request.maxBytes === 0 ? undefined : answers.shift()) ?? {
      type: "read",
      missed: undefined,
      start: request.from,
      entries: [],
      end: request.from,
    };
  const stream = {
    end: BEGINNING,
    onReplyEnd: () => undefined,
    onReportedEnd: (end: typeof BEGINNING) => (stream.end = end),
  };
  const { replay, sent } = replayOver(stream, read, BEGINNING, "reader-of-16-chr");
  await replay.begin(undefined);
  replay.start([]);
  await expect.poll(() => sent.at(-1)).toBe("=000009of 9");
  expect(replay.position).toEqual({ offset: 1, chain: 9 });
  expect(replay.ack(2)).toBe(true);
  expect(replay.ack(3)).toBe(false);
  expect(replay.ack(1)).toBe(true);
});
