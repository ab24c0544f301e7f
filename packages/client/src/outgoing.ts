import { TransactionRefused } from "@wsession/protocol";
import { clientError } from "./client-error.ts";
import type { ClientErrorCode } from "./client-error.ts";
import { randomId } from "./environment.ts";
import type { Settings } from "./options.ts";
import type { Conversation } from "./conversation-contract.ts";

/** A numbered message that is not settled. */
export interface QueuedMessage {
  number: number;
  readonly message: string | Uint8Array;
  readonly bytes: number;
  /** The session's forget mark when the message was queued; `undefined` if there was no session yet. */
  mark: number | undefined;
  /**
   * The conversation that first sent the message. `true`: an earlier page, or a copy of the page, may have sent it. `undefined`: never
   * sent.
   */
  sentIn: Conversation | true | undefined;
  /** The connections that ended without progress while this message was the first unsettled one. */
  failures: number;
  /** Settles the application's promise. `error` is `undefined` if the message was applied. */
  readonly settle: (error?: unknown) => void;
}

/**
 * The numbered messages of one client id. A client id and a number always identify the same message. If a copy of this page
 * sent that message, its outcome is valid for every copy.
 */
export interface Stream {
  readonly client: string;
  /** The session of the numbers. `undefined` before the first session, and if sessions end with their connection. */
  session: string | undefined;
  /** The highest number that is certainly in the server's record. */
  known: number;
  /** The number of the next message. */
  next: number;
  waiting: QueuedMessage[];
}

/** The queue of `send`: the streams that earlier pages left, then this page's own stream. */
export interface Outgoing {
  own: Stream;
  leftovers: Stream[];
  streams(): readonly Stream[];
  /** The stream to send from. The oldest message is sent first. */
  current(): Stream;
  /** Queues a message, or rejects with the error `refused` if one is given. */
  add(message: string | Uint8Array, mark: number | undefined, refused: Error | undefined): Promise<void>;
  /**
   * Settles messages of `stream` in order. If `outcomeOf` returns an error, the message rejects; `null`: the message stays
   * queued.
   */
  settle(stream: Stream, outcomeOf: (entry: QueuedMessage) => unknown): void;
  /**
   * Handles the loss of the session of `stream`: messages reject with SESSION_LOST. With `carryOver` unsent messages go to the next
   * session.
   */
  endSession(stream: Stream): void;
  rejectAll(code: "CLOSED" | "NOT_SUPPORTED"): void;
}

/** @param saved calls its argument after the storage has the current queue */
export function createOutgoing(
  { maxMessages, maxBytes, carryOver }: Settings,
  saved: (then?: () => void) => void,
): Outgoing {
  const outgoing: Outgoing = {
    own: newStream(),
    leftovers: [],
    streams: () => [...outgoing.leftovers, outgoing.own],
    current: () => outgoing.streams().find(({ waiting }) => waiting.length > 0) ?? outgoing.own,
    add(message, mark, refused) {
      const { own } = outgoing;
      const promise = new Promise<void>((resolve, reject) => {
        if (refused !== undefined) return reject(refused);
        const bytes = bytesOf(message);
        const total = own.waiting.reduce((sum, entry) => sum + entry.bytes, bytes);
        if (own.waiting.length >= maxMessages || total > maxBytes) return reject(failure("QUEUE_FULL"));
        own.waiting.push({
          number: own.next++,
          // Copy the bytes, because the application may reuse its array. `slice` of a Buffer would share the memory.
          message: typeof message === "string" ? message : new Uint8Array(message),
          bytes,
          mark,
          sentIn: undefined,
          failures: 0,
          settle: (error) => (error === undefined ? resolve() : reject(error)),
        });
        saved();
      });
      // Prevents an unhandledRejection. A caller that awaits the promise still gets the rejection.
      promise.catch(() => {});
      return promise;
    },
    settle(stream, outcomeOf) {
      const settled: (() => void)[] = [];
      stream.waiting = stream.waiting.filter((entry) => {
        const outcome = outcomeOf(entry);
        return outcome === null || !settled.push(() => entry.settle(outcome));
      });
      if (settled.length > 0) saved(() => settled.forEach((run) => run()));
    },
    endSession(stream) {
      const isOwn = stream === outgoing.own;
      outgoing.settle(stream, (entry) =>
        isOwn && carryOver === true && entry.sentIn === undefined ? null : failure("SESSION_LOST", entry),
      );
      if (!isOwn) return;
      // Use a new client id: if this page returns to the old session, the old id's numbers would clash there.
      outgoing.own = { ...newStream(), waiting: stream.waiting };
      stream.waiting = [];
      for (const entry of outgoing.own.waiting) {
        entry.number = outgoing.own.next++;
        entry.mark = undefined;
      }
    },
    rejectAll(code) {
      for (const stream of outgoing.streams()) outgoing.settle(stream, (entry) => failure(code, entry));
    },
  };
  return outgoing;
}

function newStream(): Stream {
  return { client: randomId(), session: undefined, known: 0, next: 1, waiting: [] };
}

/** The length of a message in bytes; a text counts as UTF-8. */
export function bytesOf(message: string | Uint8Array): number {
  if (typeof message !== "string") return message.length;
  let bytes = 0;
  // A character has a length of 2 if UTF-16 needs two units. UTF-8 needs four bytes then.
  for (const character of message)
    bytes += character < "\u0080" ? 1 : character < "\u0800" ? 2 : character.length + 2;
  return bytes;
}

const MESSAGES = {
  CLOSED: "the client is closed",
  NOT_SUPPORTED: "the server does not speak v1.wsession",
  QUEUE_FULL: "the queue is full",
  SESSION_LOST: "the session is gone",
  TOO_LARGE: "the message is too long",
  UNKNOWN: "the message may have been handled",
};

/** The error of a message that the server did not settle. */
export function failure(code: keyof typeof MESSAGES, entry?: QueuedMessage): Error {
  return clientError(code, MESSAGES[code], entry?.sentIn === undefined ? "not-applied" : "unknown");
}

const CODES = [
  "HANDLER_FAILED",
  "INVALID_MESSAGE",
  "INVALID_DATA",
  "TOO_LARGE",
  "NOT_SERIALISABLE",
  "OUTBOX_FULL",
] satisfies ClientErrorCode[];

/** The error of a message that the server refused. */
export function refusal(code: string, message?: string, detail?: unknown): Error {
  const known = CODES.find((one) => one === code);
  return known
    ? clientError(known, message ?? code)
    : // The class refuses an empty code. If a faulty server sends one, the message must still settle.
      new TransactionRefused(code || "REFUSED", { message, detail });
}
