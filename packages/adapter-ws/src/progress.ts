import type { Socket } from "node:net";

/** Stretches without progress, one behind the other, that tell of a peer which takes nothing. */
const MAX_STALLS = 2;

/**
 * Whether the peer takes what is written. Neither `bufferedAmount` nor `bytesWritten` moves while one large write is under
 * way; Node's own idle timer (`net.Socket#setTimeout`) sees into it: it fires only where the operating system has taken
 * nothing, and nothing was read. One is set while something waits, and none on an idle socket.
 */
export class WriteProgress {
  readonly #tcp: Socket;
  readonly #ms: number;
  #stalled = false;
  #stalls = 0;

  private constructor(tcp: Socket, ms: number) {
    this.#tcp = tcp;
    this.#ms = ms;
    tcp.on("timeout", this.#onTimeout);
    tcp.setTimeout(ms);
  }

  /**
   * Watches for stretches of `ms` without progress. `undefined`: nothing waits, the application uses the socket's timer, or
   * the stream is no socket (`handleUpgrade` takes any Duplex) and has none.
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
   * Whether there was progress since this was last asked, or the time before. Not each stretch shows some: an operating system
   * takes more only when a third of its buffer is free, which is up to 1.5 MB.
   */
  take(): boolean {
    this.#stalls = this.#stalled ? this.#stalls + 1 : 0;
    // After it has fired the timer waits for the next read or write, which may never come.
    if (this.#stalled) this.#tcp.setTimeout(this.#ms);
    this.#stalled = false;
    return this.#stalls < MAX_STALLS;
  }

  stop(): void {
    this.#tcp.off("timeout", this.#onTimeout);
    this.#tcp.setTimeout(0);
  }

  readonly #onTimeout = (): void => {
    this.#stalled = true;
  };
}
