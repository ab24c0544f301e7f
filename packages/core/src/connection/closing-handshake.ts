import type { Runtime } from "../api/runtime.ts";
import type { Deadline, Deadlines } from "../base/deadlines.ts";

/** Milliseconds that a peer has to answer a close frame. The peer gets more time while it still reads earlier data. */
const CLOSING_HANDSHAKE_MS = 2_000;
/** How many of these periods a peer that still reads gets at most. */
const MAX_PERIODS = 15;

/**
 * Terminates a socket whose peer does not answer the close frame. A peer that is still reading earlier data has not read the close
 * frame yet, so the time starts again, a limited number of times. The connection cancels the deadline when the socket ends.
 */
export class ClosingHandshake<Socket extends object> implements Deadline {
  readonly #runtime: Runtime<Socket>;
  readonly #deadlines: Deadlines;
  readonly #socket: Socket;
  #buffered: number;
  #periodsLeft = MAX_PERIODS;
  #deadline: Deadline;

  constructor(runtime: Runtime<Socket>, deadlines: Deadlines, socket: Socket) {
    this.#runtime = runtime;
    this.#deadlines = deadlines;
    this.#socket = socket;
    this.#buffered = runtime.bufferedAmount(socket);
    this.#deadline = this.#startPeriod();
  }

  cancel(): void {
    this.#deadline.cancel();
  }

  #startPeriod(): Deadline {
    return this.#deadlines.allow(CLOSING_HANDSHAKE_MS, () => this.#terminateUnlessReading());
  }

  #terminateUnlessReading(): void {
    const left = this.#runtime.bufferedAmount(this.#socket);
    const isReading = this.#runtime.isTaking?.(this.#socket) ?? (left > 0 && left < this.#buffered);
    if (isReading && this.#periodsLeft > 1) {
      this.#periodsLeft -= 1;
      this.#buffered = left;
      this.#deadline = this.#startPeriod();
    } else this.#runtime.terminate(this.#socket);
  }
}
