import { isTransactionRefused, WINDOW_BYTES, WINDOW_MESSAGES, writeServerControl } from "@wsession/protocol";
import { isAboutTheEnd, isSessionError } from "../base/errors.ts";
import { FAILED, refusalIn, refusedFrame } from "./refusals.ts";
import type { Refusal } from "./refusals.ts";

/** The most numbers whose ack is postponed, because a client with a full window waits for acks. */
const MAX_UNTOLD = 32;
export interface NumbersOutlet {
  readonly isEnding: boolean;
  sendFrame(frame: string): void;
  /** Reports what a refusal can't tell the client. */
  transactionFailed(error: unknown): void;
}

/**
 * The numbers of one client's messages on one connection. Frames do not contain the numbers, because both sides count. A number
 * is acknowledged, together with all earlier numbers, after its handler has settled. The ack is sent in the next turn, so that
 * one frame acknowledges all numbers of a turn.
 */
export class Numbers {
  readonly #outlet: NumbersOutlet;
  /**
   * The number of the next message. `undefined`: the messages belong to another session, and are discarded until the next
   * attach.
   */
  #next: number | undefined;
  #last = 0;
  /** The bytes of each received message without an ack, in order, and of all of them together. */
  readonly #open: number[] = [];
  #bytes = 0;
  /** The number of messages that arrived before the latest attach and are to be discarded. */
  #void = 0;
  #untold = 0;
  #timer: NodeJS.Immediate | undefined;

  constructor(outlet: NumbersOutlet) {
    this.#outlet = outlet;
  }

  /** Starts counting at an attach. `from` is `undefined` if the client names another session. */
  begin(from: number | undefined): void {
    this.tell();
    this.#next = from;
  }

  /** A further attach has arrived. Messages before it that are to be discarded no longer count against the limits. */
  reattach(): void {
    if (this.#next !== undefined) return;
    this.#void += this.#open.length;
    this.#close(this.#open.length);
  }

  /**
   * Counts a received message. Returns false if the client exceeds the limits of unsettled messages. A single message may have
   * any size.
   */
  receive(bytes: number): boolean {
    this.#open.push(bytes);
    this.#bytes += bytes;
    const count = this.#open.length;
    return count <= WINDOW_MESSAGES && (count === 1 || this.#bytes <= WINDOW_BYTES);
  }

  /** Returns the number of the next message to be handled; `undefined` if that message is discarded. */
  take(): number | undefined {
    if (this.#next === undefined) {
      if (this.#void > 0) this.#void -= 1;
      else this.#close(1);
      return undefined;
    }
    this.#next += 1;
    return this.#next - 1;
  }

  settle(number: number): void {
    this.#last = number;
    this.#untold += 1;
    if (this.#untold >= MAX_UNTOLD) this.tell();
    else this.#timer ??= setImmediate(() => this.tell());
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
    this.tell();
    this.#close(1);
    if (this.#outlet.isEnding) return;
    const { frame, loss } = refusedFrame(number, refusal);
    this.#outlet.sendFrame(frame);
    if (loss !== undefined) this.#outlet.transactionFailed(loss);
  }

  /** Discards messages until the next attach. The `taken` messages in progress stay unsettled, and no longer count. */
  ignore(taken: number): void {
    this.tell();
    this.#close(taken);
    this.#next = undefined;
  }

  /** Called when the connection ends. */
  stop(): void {
    clearImmediate(this.#timer);
  }

  /** Stops counting the oldest messages against the limits: they are settled, or will not be settled on this connection. */
  #close(count: number): void {
    for (const bytes of this.#open.splice(0, count)) this.#bytes -= bytes;
  }

  /** Sends the postponed ack now. */
  tell(): void {
    clearImmediate(this.#timer);
    this.#timer = undefined;
    if (this.#untold === 0) return;
    this.#close(this.#untold);
    this.#untold = 0;
    if (!this.#outlet.isEnding)
      this.#outlet.sendFrame(writeServerControl({ type: "applied", number: this.#last }));
  }
}
