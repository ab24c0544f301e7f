import { TransactionRefused } from "@wsession/protocol";
import { clientError } from "./client-error.ts";
import type { ClientErrorCode } from "./client-error.ts";
import { randomId } from "./environment.ts";
import type { Settings } from "./options.ts";
import type { Conversation } from "./speaker.ts";

/** A numbered message that is not settled. */
export interface Numbered {
  number: number;
  readonly message: string | Uint8Array;
  readonly bytes: number;
  /** The session's forget mark as it was queued; `undefined`: there was no session yet. */
  mark: number | undefined;
  /** The conversation in which it was sent first; `undefined`: it never was. A page that is gone, or its copy, may have. */
  sentIn: Conversation | "an earlier page" | "a copy of the page" | undefined;
  /** Connections that ended without progress while it was the first in line. */
  failures: number;
  /** Tells the application; `error` is `undefined` where it was applied. */
  readonly settle: (error?: unknown) => void;
}

/**
 * The numbered messages of one client id. A client id and a number always mean the same message: what another page, or
 * a copy of this one, sent under them settles them for all.
 */
export interface Stream {
  readonly client: string;
  /** The session that the numbers are for; `undefined` until it is known, and where sessions end with their connection. */
  session: string | undefined;
  /** The highest number known to be in the server's record. */
  known: number;
  /** The next number to give. */
  next: number;
  waiting: Numbered[];
}

/** What `send` has queued: this page's own stream, and before it what earlier pages left. */
export interface Outgoing {
  own: Stream;
  leftovers: Stream[];
  streams(): readonly Stream[];
  /** The stream whose turn it is: what was queued first goes first. */
  current(): Stream;
  /** `refused`: why nothing is to be sent. */
  add(message: string | Uint8Array, mark: number | undefined, refused: Error | undefined): Promise<void>;
  /** Settles messages of `stream` in order: those for which `outcomeOf` gives an error reject, `null` lets one stay. */
  settle(stream: Stream, outcomeOf: (entry: Numbered) => unknown): void;
  /** The session of `stream` is gone: what was sent is unknown, and the rest goes over where that is wished. */
  lose(stream: Stream): void;
  rejectAll(code: "CLOSED" | "NOT_SUPPORTED"): void;
}

/** @param saved runs what it is given once the storage has what is queued now */
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
          // The application may go on to write into its array.
          message: message.slice(),
          bytes,
          mark,
          sentIn: undefined,
          failures: 0,
          settle: (error) => (error === undefined ? resolve() : reject(error)),
        });
        saved();
      });
      // Whoever awaits the promise gets the rejection all the same.
      promise.catch(() => {});
      return promise;
    },
    settle(stream, outcomeOf) {
      const settled: (() => void)[] = [];
      stream.waiting = stream.waiting.filter((entry) => {
        const outcome = outcomeOf(entry);
        return outcome === null || settled.push(() => entry.settle(outcome)) === 0;
      });
      if (settled.length > 0) saved(() => settled.forEach((tell) => tell()));
    },
    lose(stream) {
      const isOwn = stream === outgoing.own;
      outgoing.settle(stream, (entry) =>
        isOwn && carryOver === true && entry.sentIn === undefined ? null : failure("SESSION_LOST", entry),
      );
      if (!isOwn) return;
      // Under a new id: the numbers of the old one may come up in a session that this page comes back to.
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

/** Bytes of UTF-8. */
export function bytesOf(message: string | Uint8Array): number {
  if (typeof message !== "string") return message.length;
  let bytes = 0;
  // A character has a length of 2 if UTF-16 needs two units. UTF-8 needs four bytes then.
  for (const character of message)
    bytes += character < "\u0080" ? 1 : character < "\u0800" ? 2 : character.length + 2;
  return bytes;
}

const WHY = {
  CLOSED: "the client is closed",
  NOT_SUPPORTED: "the server does not speak v1.wsession",
  QUEUE_FULL: "the queue is full",
  SESSION_LOST: "the session is gone",
  TOO_LARGE: "the message is too long",
  UNKNOWN: "the message may be handled",
};

/** What a message rejects with that the server did not settle. */
export function failure(code: keyof typeof WHY, entry?: Numbered): Error {
  return clientError(code, WHY[code], entry?.sentIn === undefined ? "not-applied" : "unknown");
}

const CODES: readonly string[] = [
  "HANDLER_FAILED",
  "INVALID_MESSAGE",
  "INVALID_DATA",
  "TOO_LARGE",
  "NOT_SERIALISABLE",
  "OUTBOX_FULL",
] satisfies ClientErrorCode[];

function isServersCode(code: string): code is ClientErrorCode {
  return CODES.includes(code);
}

/** What a message rejects with that the server refused. */
export function refusal(code: string, message?: string, detail?: unknown): Error {
  return isServersCode(code)
    ? clientError(code, message ?? code)
    : new TransactionRefused(code, { message, detail });
}
