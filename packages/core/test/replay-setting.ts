import type { Position } from "@wsession/protocol";
import { expect } from "vitest";
import { Deadlines } from "../src/base/deadlines.ts";
import { Replay } from "../src/framed/replay.ts";
import type { ReadRequest, ReadResult } from "../src/store/outbox-contract.ts";

/** The parts of an outbox stream that a replay uses. */
interface Stream {
  readonly end: Position;
  onReplyEnd(): void;
  onReportedEnd(end: Position): void;
}

/** A replay to a connection from `position` on, and the frames that it has sent. */
export function replayOver(
  stream: Stream,
  read: (request: ReadRequest) => ReadResult,
  position: Position,
  reader: string | undefined,
) {
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
  const connection = {
    isEnding: false,
    bufferedAmount: 0,
    maxBufferedBytes: 1_000,
    deadlines: new Deadlines(),
    sendFrame: (frame: string | Uint8Array) => void sent.push(`${frame}`),
    sendFrames: (frames: ReadonlyArray<string | Uint8Array>) => void sent.push(...frames.map(String)),
    replayFailed: (error: unknown) => expect.fail(String(error)),
  };
  // The part of a session's state that a replay reads.
  return { replay: new Replay(connection, state as never, position, reader), sent };
}
