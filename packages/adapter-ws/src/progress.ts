import type { Socket } from "node:net";

/** This many consecutive intervals without progress mean that the peer has stopped reading. */
const MAX_STALLS = 2;

/**
 * Detects whether the peer reads what is written. During one large write neither `bufferedAmount` nor
 * `bytesWritten` changes, but Node's idle timer (`net.Socket#setTimeout`) fires only if the operating system
 * accepted nothing and nothing was read. The timer runs only while data is waiting, never on an idle socket.
 */
export class WriteProgress {
  readonly #tcp: Socket;
  readonly #ms: number;
  #isStalled = false;
  #stalls = 0;

  private constructor(tcp: Socket, ms: number) {
    this.#tcp = tcp;
    this.#ms = ms;
    tcp.on("timeout", this.#onTimeout);
    tcp.setTimeout(ms);
  }

  /**
   * Watches for intervals of `ms` without progress. `undefined` if no data is waiting, if the application
   * uses the socket's timer, or if the stream is not a socket (`handleUpgrade` accepts any Duplex).
   */
  static watch(tcp: Socket, ms: number): WriteProgress | undefined {
    const isUsed = tcp.timeout !== undefined && tcp.timeout > 0;
    if (tcp.destroyed || tcp.writableLength === 0 || isUsed || !("setTimeout" in tcp)) return undefined;
    return new WriteProgress(tcp, ms);
  }

  get isDone(): boolean {
    return this.#tcp.destroyed || this.#tcp.writableLength === 0;
  }

  /**
   * Whether there was progress since the last call or since the call before that. One interval may show none, because an operating
   * system accepts more only when a third of its buffer is free, which is up to 1.5 MB.
   */
  take(): boolean {
    this.#stalls = this.#isStalled ? this.#stalls + 1 : 0;
    // Once fired, the timer is only restarted by the next read or write, which may never come.
    if (this.#isStalled) this.#tcp.setTimeout(this.#ms);
    this.#isStalled = false;
    return this.#stalls < MAX_STALLS;
  }

  stop(): void {
    this.#tcp.off("timeout", this.#onTimeout);
    this.#tcp.setTimeout(0);
  }

  readonly #onTimeout = (): void => {
    this.#isStalled = true;
  };
}
