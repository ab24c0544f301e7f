import { CloseCode } from "../base/close-codes.ts";
import type { Deadlines } from "../base/deadlines.ts";
import type { Diagnostics } from "../base/diagnostics.ts";
import type { Runtime, RuntimeConnection, Ticket } from "../api/runtime.ts";
import type { Handshake } from "../handshake/handshake.ts";

/** Milliseconds that the peer has to answer the close frame. */
const CLOSING_MS = 2_000;

/**
 * Refuses the handshake of a client that uses `v1.wsession`, and with `onBadToken: "close"` that of any client: answers 101, and
 * then closes with a close code, because a browser hides the HTTP status of a refused handshake from the page. No connection and no
 * session is created. The handshake counts as pending until its socket has ended.
 */
export class RefusedHandshake implements Ticket {
  readonly handshake: Handshake;
  readonly status: number;
  readonly code: number;
  readonly reason: string;
  readonly #diagnostics: Diagnostics;
  #isReleased = false;

  /** `code`: the close code, if it does not follow from the status. */
  constructor(
    handshake: Handshake,
    {
      status,
      reason,
      code,
    }: { readonly status: number; readonly reason: string; readonly code?: number | undefined },
    diagnostics: Diagnostics,
  ) {
    this.handshake = handshake;
    this.status = status;
    this.code = code ?? codeOf(status);
    this.reason = reason;
    this.#diagnostics = diagnostics;
    diagnostics.handshakesPending += 1;
  }

  /** Closes the new socket. */
  open<Socket extends object>(
    runtime: Runtime<Socket>,
    deadlines: Deadlines,
    socket: Socket,
  ): RuntimeConnection {
    const unanswered = deadlines.allow(CLOSING_MS, () => runtime.terminate(socket));
    runtime.close(socket, this.code, this.reason);
    return {
      receive: () => undefined,
      drained: () => undefined,
      ended: () => {
        unanswered.cancel();
        this.release();
      },
    };
  }

  /** Idempotent. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#diagnostics.handshakesPending -= 1;
  }
}

/** One of three codes. Each code stands for the client's next step: log in, stop, or try again. */
function codeOf(status: number): number {
  if (status === 401) return CloseCode.SessionNeeded;
  return status >= 500 || status === 408 || status === 425 || status === 429
    ? CloseCode.StoreUnavailable
    : CloseCode.Refused;
}
