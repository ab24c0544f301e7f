import { expect, test } from "vitest";
import { Deadlines } from "../src/base/deadlines.ts";
import { Replay } from "../src/framed/replay.ts";
import type { ReadRequest, ReadResult } from "../src/store/outbox-contract.ts";

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
    // The state after a failover: the outbox has one message, and not the one from before.
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
  const state = {
    id: "s",
    context: {
      outboxes: { of: () => stream },
      store: { read },
      settings: { outbox: { maxAgeMs: 1_000, maxBytes: 1_000 }, handshakeTimeoutMs: 10_000 },
      calls: { begin: () => undefined, end: () => undefined },
    },
  };
  const sent: string[] = [];
  const outlet = {
    isEnding: false,
    bufferedAmount: 0,
    maxBufferedBytes: 1_000,
    deadlines: new Deadlines(),
    sendFrame: (frame: string | Uint8Array) => void sent.push(`${frame}`),
    sendFrames: (frames: ReadonlyArray<string | Uint8Array>) => void sent.push(...frames.map(String)),
    replayFailed: (error: unknown) => expect.fail(String(error)),
  };
  // The part of a session's state that a replay reads.
  const replay = new Replay(outlet, state as never, BEGINNING, "reader-of-16-chr");
  await replay.begin(undefined);
  replay.start([]);
  await expect.poll(() => sent.at(-1)).toBe("=000009of 9");
  expect(replay.position).toEqual({ offset: 1, chain: 9 });
  expect(replay.ack(2)).toBe(true);
  expect(replay.ack(3)).toBe(false);
  expect(replay.ack(1)).toBe(true);
});
