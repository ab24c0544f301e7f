import {
  isTransactionRefused,
  MAX_CONTROL_LENGTH,
  WINDOW_BYTES,
  WINDOW_MESSAGES,
  writeServerControl,
} from "@wsession/protocol";
import { isAboutTheEnd, isSessionError } from "../base/errors.ts";

/** Acks that are put off at most: a client sends on only once it has some. */
const MAX_UNTOLD = 32;
/** Characters of what a refusal says. */
const MAX_TEXT = 512;
/** Characters of its code. */
const MAX_CODE = 128;

/** Why a number was not applied, as the client is told. */
export interface Refusal {
  readonly code: string;
  readonly message?: string | undefined;
  /** What JSON can carry. */
  readonly detail?: unknown;
}

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
  /** Bytes of each message that came and was not told as settled, in order, and of all of them. */
  readonly #open: number[] = [];
  #bytes = 0;
  /** How many came before the latest attach, to be discarded. */
  #void = 0;
  #untold = 0;
  #timer: NodeJS.Immediate | undefined;

  constructor(outlet: NumbersOutlet) {
    this.#outlet = outlet;
  }

  /** From an attach on; `from` is `undefined` where the client means another session. */
  begin(from: number | undefined): void {
    this.tell();
    this.#next = from;
  }

  /** A further attach came, behind messages that are to be discarded: they take no room from those that follow it. */
  reattach(): void {
    if (this.#next !== undefined) return;
    this.#void += this.#open.length;
    this.#close(this.#open.length);
  }

  /** A message of so many bytes came. False: the client has sent more than may be unsettled. A message alone may be of any size. */
  receive(bytes: number): boolean {
    this.#open.push(bytes);
    this.#bytes += bytes;
    const count = this.#open.length;
    return count <= WINDOW_MESSAGES && (count === 1 || this.#bytes <= WINDOW_BYTES);
  }

  /** The number of the message that is handled next; `undefined`: it is discarded. */
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
   * The handler of `number` failed, or refused the message: said before the connection ends, because otherwise the client would
   * send the message for ever. Where the store has not said what happened, the number stays open, and the client sends again.
   */
  fail(number: number, error: unknown): void {
    if (isAboutTheEnd(error) || isSessionError(error, "STORE_UNAVAILABLE")) return;
    if (isTransactionRefused(error, "INVALID_MESSAGE")) this.refuse(number, error);
    else this.refuse(number, { code: "HANDLER_FAILED" });
  }

  /** `number` is settled, and was not applied. */
  refuse(number: number, refusal: Refusal): void {
    this.tell();
    this.#close(1);
    if (!this.#outlet.isEnding) this.#outlet.sendFrame(refusedFrame(number, refusal));
  }

  /** What comes is discarded until the next attach, and `taken` numbers that were taken are not settled here. */
  ignore(taken: number): void {
    this.tell();
    this.#close(taken);
    this.#next = undefined;
  }

  /** The connection ends. */
  stop(): void {
    clearImmediate(this.#timer);
  }

  /** The oldest messages are settled, or not to be settled here. */
  #close(count: number): void {
    for (const bytes of this.#open.splice(0, count)) this.#bytes -= bytes;
  }

  /** Tells what is settled now, and not in the next turn. */
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

/** Leaves out what JSON can't carry or what is too long for a control frame: first the detail, then the message too. */
function refusedFrame(number: number, { code, message, detail }: Refusal): string {
  const type = "refused";
  const told = { type, number, code: code.slice(0, MAX_CODE), message: message?.slice(0, MAX_TEXT) } as const;
  return (
    controlFrame({ ...told, detail }) ??
    controlFrame({ ...told, detail: undefined }) ??
    writeServerControl({ ...told, message: undefined, detail: undefined })
  );
}

function controlFrame(control: Parameters<typeof writeServerControl>[0]): string | undefined {
  try {
    const frame = writeServerControl(control);
    return frame.length <= MAX_CONTROL_LENGTH ? frame : undefined;
  } catch {
    // A circular structure, say, which the handler that gave it is told of by a report.
    return undefined;
  }
}
