import { CloseCode } from "../base/close-codes.ts";
import type { Deadlines } from "../base/deadlines.ts";
import type { Diagnostics } from "../base/diagnostics.ts";
import type { Runtime, RuntimeConnection, Ticket } from "../api/runtime.ts";
import type { Handshake } from "../handshake/handshake.ts";

/** How long the peer may take to answer the close frame, milliseconds. */
const CLOSING_MS = 2_000;

/**
 * A handshake of a client that speaks `v1.wsession`, which is refused by a close code after the 101: a page is shown no status of
 * a refused handshake. It makes no connection and no session, and counts as a pending handshake until its socket has ended.
 */
export class RefusedHandshake implements Ticket {
  readonly handshake: Handshake;
  readonly code: number;
  readonly reason: string;
  readonly #diagnostics: Diagnostics;
  #isOver = false;

  constructor(handshake: Handshake, status: number, reason: string, diagnostics: Diagnostics) {
    this.handshake = handshake;
    this.code = codeOf(status);
    this.reason = reason;
    this.#diagnostics = diagnostics;
    diagnostics.handshakesPending += 1;
  }

  /** The socket is there: it is closed. */
  open<Socket extends object>(
    runtime: Runtime<Socket>,
    deadlines: Deadlines,
    socket: Socket,
  ): RuntimeConnection {
    let hasEnded = false;
    const connection: RuntimeConnection = {
      receive: () => undefined,
      drained: () => undefined,
      ended: () => {
        hasEnded = true;
        this.release();
      },
    };
    runtime.close(socket, this.code, this.reason);
    deadlines.allow(CLOSING_MS, () => {
      if (!hasEnded) runtime.terminate(socket);
    });
    return connection;
  }

  /** Idempotent. */
  release(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#diagnostics.handshakesPending -= 1;
  }
}

/** Three codes, by what a client does next: log in, give up, try again. */
function codeOf(status: number): number {
  if (status === 401) return CloseCode.SessionNeeded;
  return status >= 500 || status === 408 || status === 425 || status === 429
    ? CloseCode.StoreUnavailable
    : CloseCode.Refused;
}
