import { TransactionRefused } from "@wsession/protocol";
import { clientError } from "./client-error.ts";
import { randomId } from "./environment.ts";
import type { Settings } from "./options.ts";

/** A numbered message that is not settled. */
export interface Numbered {
  number: number;
  readonly message: string | Uint8Array;
  readonly bytes: number;
  /** The session's forget mark as it was queued; `undefined`: there was no session yet. */
  mark: number | undefined;
  /** The conversation in which it was sent first; `undefined`: it never was. A page that is gone, or its copy, may have. */
  sentIn: object | "an earlier page" | undefined;
  /** Connections that ended without progress while it was the first in line. */
  failures: number;
  /** What tells the application; `error` is `undefined` where it was applied. */
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

/** Bytes of UTF-8. */
export function bytesOf(message: string | Uint8Array): number {
  if (typeof message !== "string") return message.byteLength;
  let bytes = 0;
  for (const character of message) {
    const point = character.codePointAt(0) ?? 0;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return bytes;
}

export function newStream(): Stream {
  return { client: randomId(), session: undefined, known: 0, next: 1, waiting: [] };
}

/** What `send` has queued: this page's own stream, and before it what earlier pages left. */
export class Outgoing {
  own: Stream = newStream();
  leftovers: Stream[] = [];
  readonly #settings: Settings;
  /** Runs what it is given once the storage has what is queued now. */
  readonly #saved: (then: () => void) => void;

  constructor(settings: Settings, saved: (then: () => void) => void) {
    this.#settings = settings;
    this.#saved = saved;
  }

  get streams(): readonly Stream[] {
    return [...this.leftovers, this.own];
  }

  /** The stream whose turn it is: what was queued first goes first. */
  get current(): Stream {
    this.leftovers = this.leftovers.filter(({ waiting }) => waiting.length > 0);
    return this.leftovers[0] ?? this.own;
  }

  /** `refused`: why nothing is to be sent. */
  add(message: string | Uint8Array, mark: number | undefined, refused: Error | undefined): Promise<void> {
    const { maxMessages, maxBytes } = this.#settings;
    const { own } = this;
    const promise = new Promise<void>((resolve, reject) => {
      if (refused !== undefined) return reject(refused);
      const bytes = bytesOf(message);
      const total = own.waiting.reduce((sum, entry) => sum + entry.bytes, bytes);
      if (own.waiting.length >= maxMessages || total > maxBytes)
        return reject(clientError("QUEUE_FULL", "more is queued than `queue` allows"));
      own.waiting.push({
        number: own.next++,
        // The application may go on to write into its array.
        message: typeof message === "string" ? message : message.slice(),
        bytes,
        mark,
        sentIn: undefined,
        failures: 0,
        settle: (error) => (error === undefined ? resolve() : reject(error)),
      });
      this.#saved(() => {});
    });
    // Whoever awaits the promise gets the rejection all the same.
    promise.catch(() => {});
    return promise;
  }

  /** Settles messages of `stream` in order: those for which `outcomeOf` gives an error reject, `null` lets one stay. */
  settle(stream: Stream, outcomeOf: (entry: Numbered) => unknown): void {
    const settled: (() => void)[] = [];
    stream.waiting = stream.waiting.filter((entry) => {
      const outcome = outcomeOf(entry);
      if (outcome !== null) settled.push(() => entry.settle(outcome));
      return outcome === null;
    });
    if (settled.length > 0) this.#saved(() => settled.forEach((tell) => tell()));
  }

  /** The server settled all numbers up to `number`; what was refused is known otherwise. */
  applied(stream: Stream, number: number, errorOf: (entry: Numbered) => unknown = () => undefined): void {
    this.settle(stream, (entry) => (entry.number > number ? null : errorOf(entry)));
  }

  /** The session of `stream` is gone: what was sent is unknown, and the rest goes over where that is wished. */
  lose(stream: Stream): void {
    const isCarried = this.#settings.carryOver && stream === this.own;
    this.settle(stream, (entry) =>
      isCarried && entry.sentIn === undefined ? null : failure("SESSION_LOST", "the session is gone", entry),
    );
    if (stream !== this.own) return;
    // Under a new id: the numbers of the old one may come up in a session that this page comes back to.
    this.own = { ...newStream(), waiting: stream.waiting };
    stream.waiting = [];
    for (const entry of this.own.waiting) {
      entry.number = this.own.next++;
      entry.mark = undefined;
    }
  }

  rejectAll(code: "CLOSED" | "NOT_SUPPORTED", message: string): void {
    for (const stream of this.streams) this.settle(stream, (entry) => failure(code, message, entry));
  }
}

/** What a message rejects with that the server did not settle. */
export function failure(
  code: "CLOSED" | "NOT_SUPPORTED" | "SESSION_LOST" | "UNKNOWN" | "TOO_LARGE",
  message: string,
  { sentIn }: Numbered,
): Error {
  return clientError(code, message, sentIn === undefined ? "not-applied" : "unknown");
}

const CODES = [
  "HANDLER_FAILED",
  "INVALID_MESSAGE",
  "INVALID_DATA",
  "TOO_LARGE",
  "NOT_SERIALISABLE",
  "OUTBOX_FULL",
] as const;

/** What a message rejects with that the server refused. */
export function refusal(code: string, message: string | undefined, detail: unknown): Error {
  const known = CODES.find((one) => one === code);
  if (known !== undefined) return clientError(known, message ?? code);
  return new TransactionRefused(code, { message, detail });
}
