import { isTransactionRefused, WINDOW_BYTES, WINDOW_MESSAGES, writeServerControl } from "@wsession/protocol";
import { isAboutTheEnd, isSessionError } from "../base/errors.ts";
import { FAILED, refusalIn, refusedFrame } from "./refusals.ts";
import type { Refusal } from "./refusals.ts";

/** The most numbers whose ack is postponed, because a client with a full window waits for acks. */
const MAX_POSTPONED_ACKS = 32;

export interface NumbersConnection {
  readonly isEnding: boolean;
  sendFrame(frame: string): void;
  /** Reports the part of a refusal that does not reach the client. */
  transactionFailed(error: unknown): void;
}

/**
 * The numbers of one client's messages on one connection. Frames do not contain the numbers, because both sides count. A number
 * is acknowledged, together with all earlier numbers, after its handler has settled. The ack is sent with the answer to a commit, or
 * in the next turn, so that one frame acknowledges all numbers of a turn.
 */
export class Numbers {
  readonly #connection: NumbersConnection;
  /**
   * The number of the next message. `undefined`: the messages belong to another session, and are discarded until the next
   * attach.
   */
  #next: number | undefined;
  #lastSettled = 0;
  /** The bytes of each received message without an ack, in order, and of all of them together. */
  readonly #pending: number[] = [];
  #pendingBytes = 0;
  /** The number of the oldest pending message, and the highest number that hello has settled. */
  #oldest = 0;
  #settledByHello = 0;
  /** The number of messages that arrived before the latest attach and are to be discarded. */
  #discardsBeforeAttach = 0;
  #postponedAcks = 0;
  /** The next number to be settled, and the outcomes of later numbers, which wait for it (`maxConcurrentMessages`). */
  #due = 0;
  #early: Map<number, () => void> | undefined;
  #timer: NodeJS.Immediate | undefined;

  constructor(connection: NumbersConnection) {
    this.#connection = connection;
  }

  /**
   * Starts counting at an attach. `from` is `undefined` if the client names another session. `settled` is the highest number that
   * hello settles.
   */
  begin(from: number | undefined, settled: number): void {
    this.sendAck();
    this.#next = from;
    this.#oldest = from ?? 0;
    this.#settledByHello = from === undefined ? 0 : settled;
    this.#due = from ?? 0;
    this.#early = undefined;
  }

  /** A further attach has arrived. Messages before it that are to be discarded no longer count against the limits. */
  reattach(): void {
    if (this.#next !== undefined) return;
    this.#discardsBeforeAttach += this.#pending.length;
    this.#stopCounting(this.#pending.length);
  }

  /**
   * Counts a received message. Returns false if the client exceeds the limits of unsettled messages. A single message may have
   * any size.
   */
  receive(bytes: number): boolean {
    this.#pending.push(bytes);
    this.#pendingBytes += bytes;
    // A client that has read hello counts these as settled, though their messages may still wait here.
    const uncounted = this.#settledByHello - this.#oldest + 1;
    let count = this.#pending.length;
    let total = this.#pendingBytes;
    if (uncounted > 0) {
      count = Math.max(1, count - uncounted);
      total = this.#pending.slice(uncounted).reduce((sum, each) => sum + each, 0);
    }
    return count <= WINDOW_MESSAGES && (count === 1 || total <= WINDOW_BYTES);
  }

  /** Returns the number of the next message to be handled; `undefined` if that message is discarded. */
  nextToHandle(): number | undefined {
    if (this.#next === undefined) {
      if (this.#discardsBeforeAttach > 0) this.#discardsBeforeAttach -= 1;
      else this.#stopCounting(1);
      return undefined;
    }
    this.#next += 1;
    return this.#next - 1;
  }

  /** Calls `conclude` once all earlier numbers are settled, because an ack of a number acknowledges all earlier numbers too. */
  inOrder(number: number, conclude: () => void): void {
    if (number !== this.#due) {
      (this.#early ??= new Map()).set(number, conclude);
      return;
    }
    let next: (() => void) | undefined = conclude;
    while (next !== undefined) {
      this.#due += 1;
      next();
      next = this.#early?.get(this.#due);
      this.#early?.delete(this.#due);
    }
  }

  /** Settles a number. The caller then calls `sendAck` or `ackLater`. */
  settle(number: number): void {
    this.#lastSettled = number;
    this.#postponedAcks += 1;
    if (this.#postponedAcks >= MAX_POSTPONED_ACKS) this.sendAck();
  }

  /** Sends the ack in the next turn, with the numbers that are settled until then. */
  ackLater(): void {
    if (this.#postponedAcks > 0) this.#timer ??= setImmediate(() => this.sendAck());
  }

  /**
   * Settles a number whose handler failed or refused the message. Called before the connection ends, because otherwise the
   * client would send the message again for ever. If the store's answer is missing, the number stays unsettled, and the client
   * sends the message again.
   */
  fail(number: number, error: unknown): void {
    if (isAboutTheEnd(error) || isSessionError(error, "STORE_UNAVAILABLE")) return;
    const isInvalid = isTransactionRefused(error, "INVALID_MESSAGE");
    this.refuse(number, (isInvalid ? refusalIn(error) : undefined) ?? FAILED);
  }

  /** Settles `number` as refused. */
  refuse(number: number, refusal: Refusal): void {
    this.sendAck();
    this.#stopCounting(1);
    if (this.#connection.isEnding) return;
    const { frame, loss } = refusedFrame(number, refusal);
    this.#connection.sendFrame(frame);
    if (loss !== undefined) this.#connection.transactionFailed(loss);
  }

  /** Discards messages until the next attach. The `inProgress` messages stay unsettled, and no longer count. */
  discardUntilAttach(inProgress: number): void {
    this.sendAck();
    this.#stopCounting(inProgress);
    this.#next = undefined;
  }

  /** Called when the connection ends. */
  stop(): void {
    clearImmediate(this.#timer);
    // The handlers of these numbers have settled, so the close handler must not wait for the earlier numbers.
    const early = [...(this.#early?.values() ?? [])];
    this.#early = undefined;
    for (const conclude of early) conclude();
  }

  /** Stops counting the oldest messages against the limits: they are settled, or will not be settled on this connection. */
  #stopCounting(count: number): void {
    for (let left = count; left > 0; left -= 1) this.#pendingBytes -= this.#pending.shift() ?? 0;
    this.#oldest += count;
  }

  /** Sends the postponed ack now. */
  sendAck(): void {
    clearImmediate(this.#timer);
    this.#timer = undefined;
    if (this.#postponedAcks === 0) return;
    this.#stopCounting(this.#postponedAcks);
    this.#postponedAcks = 0;
    if (!this.#connection.isEnding)
      this.#connection.sendFrame(writeServerControl({ type: "applied", number: this.#lastSettled }));
  }
}
