/** Kept messages of one session that wait for their append. */
import { isUint8Array } from "node:util/types";
import { assertDuration, assertOptions, assertString, messageError, shown } from "../base/arguments.ts";
import { asStoreError, fencedError, invalidArgument, SessionError } from "../base/errors.ts";
import { NEXT_MICROTASK } from "../base/promises.ts";
import type { Awaitable, Sent } from "@wsession/protocol";
import type { AppendRequest, AppendResult, OutboxBounds } from "../store/outbox-contract.ts";
import { appendOf, lastOfEachKey, runOf } from "./appending.ts";
import type { OutgoingMessage } from "./appending.ts";
import type { KeptRun } from "./kept-run.ts";
import { fenceOf } from "./session-connection.ts";

/** The connection that sends, whose fence is read when the append is sent; `undefined` for an administrative send. */
export type Sender = { readonly fence: number } | undefined;

/** The caller that waits until a message is kept. One of these methods is called, once. */
export interface SendResult {
  resolve(sent: Sent): void;
  reject(error: unknown): void;
  /** Called if there is no such session, or if the session does not belong to the subject that the message is for. */
  missing(): void;
}

/** A queued message. A class, because an object literal with a spread took a tenth of the CPU of a kept message. */
class Queued implements OutgoingMessage {
  readonly data: string | Uint8Array;
  readonly key: string | undefined;
  readonly ttlMs: number | undefined;
  readonly bytes: number;
  readonly sender: Sender;
  /** The message is for this subject alone. */
  readonly subject: string | undefined;
  readonly result: SendResult;
  /** True if the message has to be sent alone, because its batch did not fit. */
  isSingle = false;

  constructor(message: OutgoingMessage, sender: Sender, subject: string | undefined, result: SendResult) {
    const { data, key, ttlMs, bytes } = message;
    this.data = data;
    this.key = key;
    this.ttlMs = ttlMs;
    this.bytes = bytes;
    this.sender = sender;
    this.subject = subject;
    this.result = result;
  }
}

export interface SendContext {
  readonly bounds: OutboxBounds;
  /** Runs an append while no other write of this process to the session is in progress. */
  run(append: () => Awaitable<AppendResult>): Promise<AppendResult>;
  append(request: Omit<AppendRequest, "id">): Awaitable<AppendResult>;
  appended(run: KeptRun): void;
  /** Called when the outcome of an append is unknown. */
  unknown(): void;
  missing(): void;
  /** Called if the store has a higher fence than the sender. */
  fenced(sender: Sender): void;
  /** Called when every message is settled. */
  idle(): void;
}

const MAX_KEY_BYTES = 63;

/** Throws INVALID_ARGUMENT unless `message` is a string or bytes and the options are valid. */
export function checkMessage(where: string, data: unknown, options: unknown = {}): OutgoingMessage {
  // `instanceof` would refuse a Uint8Array of another realm.
  if (typeof data !== "string" && !isUint8Array(data)) throw messageError(where, data);
  assertOptions(where, options, ["key", "ttlMs"]);
  const { key, ttlMs }: { readonly key?: unknown; readonly ttlMs?: unknown } = options;
  if (key !== undefined) assertKey(where, key);
  if (ttlMs !== undefined) assertDuration(`${where}: ttlMs`, ttlMs);
  const bytes = typeof data === "string" ? Buffer.byteLength(data) : data.byteLength;
  // Copy the bytes: the message is sent later, and the application may reuse its array before that.
  const own = typeof data === "string" ? data : Buffer.from(data);
  return { data: own, key, ttlMs: ttlMs === Infinity ? undefined : ttlMs, bytes };
}

function assertKey(where: string, key: unknown): asserts key is string {
  assertString(`${where}: key`, key);
  if (key === "" || Buffer.byteLength(key) > MAX_KEY_BYTES)
    throw invalidArgument(
      `${where}: key must have 1 to ${MAX_KEY_BYTES} bytes of UTF-8, not ${shown(Buffer.byteLength(key))}`,
    );
  if (!key.isWellFormed()) throw invalidArgument(`${where}: key must be well-formed Unicode`);
}

/**
 * The messages that this process is about to append to one session's outbox. The queue sends one append at a time. Messages of one
 * tick, and messages that were sent during an append, form one batch. The outbox's limits apply to the queue too, because otherwise
 * the queue would grow without limit while the store is slow.
 */
export class SendQueue {
  readonly #context: SendContext;
  readonly #waiting: Queued[] = [];
  #count = 0;
  #bytes = 0;
  #isBusy = false;

  constructor(context: SendContext) {
    this.#context = context;
  }

  send(message: OutgoingMessage, sender: Sender, subject: string | undefined, result: SendResult): void {
    const { maxMessages, maxBytes } = this.#context.bounds;
    if (message.bytes > maxBytes)
      return result.reject(refused("TOO_LARGE", `the message is longer than outbox.maxBytes, ${maxBytes}`));
    if (this.#count + 1 > maxMessages || this.#bytes + message.bytes > maxBytes)
      return result.reject(refused("OUTBOX_FULL", "too many messages wait for the store"));
    this.#count += 1;
    this.#bytes += message.bytes;
    this.#waiting.push(new Queued(message, sender, subject, result));
    if (this.#isBusy) return;
    this.#isBusy = true;
    void NEXT_MICROTASK.then(() => this.#sendBatches());
  }

  /** Resolves when no message waits. Never rejects. */
  async #sendBatches(): Promise<void> {
    while (this.#waiting.length > 0) {
      let batch: readonly Queued[] = [];
      try {
        const result = await this.#context.run(() => {
          batch = this.#takeBatch();
          return this.#context.append(this.#requestOf(batch));
        });
        this.#applyResult(batch, result);
      } catch (error) {
        const typed = asStoreError(error);
        if (typed.outcome !== "not-applied") this.#context.unknown();
        if (batch.length === 0) batch = this.#takeBatch();
        this.#rejectAll(batch, () => typed);
      }
    }
    this.#isBusy = false;
    this.#context.idle();
  }

  /** Takes the messages at the head that may form one batch. The queue keeps its array, as that of the writes does. */
  #takeBatch(): readonly Queued[] {
    const [first] = this.#waiting;
    const end =
      first?.isSingle === true ? 1 : this.#waiting.findIndex((one) => one.isSingle || !isAlike(one, first));
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
  }

  #requestOf(batch: readonly Queued[]): Omit<AppendRequest, "id"> {
    const [first] = batch;
    const { messages, bounds } = appendOf(lastOfEachKey(batch), this.#context.bounds);
    return { messages, bounds, fence: fenceOf(first?.sender), subject: first?.subject };
  }

  #applyResult(batch: readonly Queued[], result: AppendResult): void {
    switch (result.type) {
      case "appended":
        return this.#appended(batch, result);
      case "full":
        if (batch.length === 1) this.#rejectAll(batch, fullError);
        else {
          for (const one of batch) one.isSingle = true;
          this.#waiting.unshift(...batch);
        }
        return;
      case "missing":
        this.#context.missing();
        for (const one of batch) this.#dequeue(one).missing();
        return;
      case "foreign":
        for (const one of batch) this.#dequeue(one).missing();
        return;
      case "fenced":
        this.#context.fenced(batch[0]?.sender);
        this.#rejectAll(batch, fencedError);
    }
  }

  #appended(batch: readonly Queued[], result: Extract<AppendResult, { type: "appended" }>): void {
    const { offset } = result;
    const sent = lastOfEachKey(batch);
    // Deliver before `send` resolves, so that its caller finds the message delivered.
    this.#context.appended(runOf(sent, result));
    if (sent === batch) {
      sent.forEach((one, index) => this.#dequeue(one).resolve({ offset: offset + index }));
      return;
    }
    const offsets = new Map(sent.map((one, index) => [one, offset + index]));
    const byKey = new Map(sent.map((one) => [one.key, offsets.get(one)]));
    // A message that was replaced in the queue resolves with the offset of its replacement.
    for (const one of batch)
      this.#dequeue(one).resolve({ offset: offsets.get(one) ?? byKey.get(one.key) ?? offset });
  }

  #rejectAll(batch: readonly Queued[], errorOf: () => unknown): void {
    for (const one of batch) this.#dequeue(one).reject(errorOf());
  }

  #dequeue({ bytes, result }: Queued): SendResult {
    this.#count -= 1;
    this.#bytes -= bytes;
    return result;
  }
}

function isAlike(one: Queued, other: Queued | undefined): boolean {
  return fenceOf(one.sender) === fenceOf(other?.sender) && one.subject === other?.subject;
}

function refused(code: "TOO_LARGE" | "OUTBOX_FULL", message: string): SessionError {
  return new SessionError(code, message, { outcome: "not-applied" });
}

function fullError(): SessionError {
  return new SessionError("OUTBOX_FULL", "the outbox is full of messages that a client has not read", {
    outcome: "not-applied",
  });
}
