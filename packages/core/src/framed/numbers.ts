import { isTransactionRefused, WINDOW_MESSAGES, writeServerControl } from "@wsession/protocol";
import { isAboutTheEnd, isSessionError } from "../base/errors.ts";

/** Acks that are put off at most: a client sends on only once it has some. */
const MAX_UNTOLD = 32;
/** Characters of what a refusal says. */
const MAX_TEXT = 512;

export interface NumbersOutlet {
  readonly isEnding: boolean;
  sendFrame(frame: string): void;
}

/**
 * The numbers of one client's messages on one connection. Neither side writes them down: both count. A number is told as settled
 * once its handler has settled, with all before it, and in the turn after: many settle in one turn as a rule, and one frame tells them.
 */
export class Numbers {
  readonly #outlet: NumbersOutlet;
  /** Of the next message to be handled; `undefined`: messages are of another session, and are discarded until the next attach. */
  #next: number | undefined;
  #last = 0;
  /** How many came and were not told as settled. */
  #open = 0;
  /** How many came before the latest attach, to be discarded. */
  #void = 0;
  #untold = 0;
  #timer: NodeJS.Immediate | undefined;

  constructor(outlet: NumbersOutlet) {
    this.#outlet = outlet;
  }

  /** From an attach on; `from` is `undefined` where the client means another session. */
  begin(from: number | undefined): void {
    this.#tell();
    this.#next = from;
  }

  /** A further attach came, behind messages that are to be discarded: they take no room from those that follow it. */
  reattach(): void {
    if (this.#next !== undefined) return;
    this.#void += this.#open;
    this.#open = 0;
  }

  /** A message came. False: the client has sent more than may be unsettled. */
  receive(): boolean {
    this.#open += 1;
    return this.#open <= WINDOW_MESSAGES;
  }

  /** The number of the message that is handled next; `undefined`: it is discarded. */
  take(): number | undefined {
    if (this.#next === undefined) {
      if (this.#void > 0) this.#void -= 1;
      else this.#open -= 1;
      return undefined;
    }
    this.#next += 1;
    return this.#next - 1;
  }

  settle(number: number): void {
    this.#last = number;
    this.#untold += 1;
    if (this.#untold >= MAX_UNTOLD) this.#tell();
    else this.#timer ??= setImmediate(() => this.#tell());
  }

  /**
   * The handler of `number` failed, or refused the message: said before the connection ends, because otherwise the client would
   * send the message for ever. Where the store has not said what happened, the number stays open, and the client sends again.
   */
  fail(number: number, error: unknown): void {
    if (isAboutTheEnd(error) || isSessionError(error, "STORE_UNAVAILABLE")) return;
    this.#tell();
    this.#open -= 1;
    if (this.#outlet.isEnding) return;
    const isInvalid = isTransactionRefused(error, "INVALID_MESSAGE");
    const code = isInvalid ? error.code : "HANDLER_FAILED";
    const message = isInvalid ? error.message.slice(0, MAX_TEXT) : undefined;
    this.#outlet.sendFrame(writeServerControl({ type: "refused", number, code, message, detail: undefined }));
  }

  /** The connection ends. */
  stop(): void {
    clearImmediate(this.#timer);
  }

  #tell(): void {
    clearImmediate(this.#timer);
    this.#timer = undefined;
    if (this.#untold === 0) return;
    this.#open -= this.#untold;
    this.#untold = 0;
    if (!this.#outlet.isEnding)
      this.#outlet.sendFrame(writeServerControl({ type: "applied", number: this.#last }));
  }
}
