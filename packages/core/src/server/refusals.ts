import { STATUS_CODES } from "node:http";
import { refused } from "../admission/resolved.ts";
import type { Refused } from "../admission/resolved.ts";
import type { HandshakeAnswer } from "../api/runtime.ts";
import type { Diagnostics } from "../base/diagnostics.ts";
import { RefusedHandshake } from "../framed/refused-handshake.ts";
import type { Handshake } from "../handshake/handshake.ts";
import type { HeaderLine } from "../handshake/headers.ts";

/** The answers to refused handshakes. Each answer is counted. */
export class Refusals {
  readonly #diagnostics: Diagnostics;

  constructor(diagnostics: Diagnostics) {
    this.#diagnostics = diagnostics;
  }

  /**
   * The server is closing. `retryAfter`: seconds. The answer has a status, not a close code, also for `v1.wsession`, so that a proxy
   * passes the handshake to another process.
   */
  closing(retryAfter: number): HandshakeAnswer {
    const headers: readonly HeaderLine[] = [["Retry-After", String(retryAfter)]];
    return this.byStatus({ ...refused(503, "server restarting"), headers });
  }

  byStatus({ status, reason, headers }: Refused): HandshakeAnswer {
    this.#diagnostics.handshakesRefused += 1;
    const body = reason === "" ? (STATUS_CODES[status] ?? "Refused") : reason;
    return { type: "reject", status, reason: body, headers };
  }

  /**
   * Without `subprotocol` the application chooses one of the offered subprotocols, because a browser fails a 101 that has none of
   * them.
   */
  byCode(
    handshake: Handshake,
    { status, reason, code, headers = [] }: Refused,
    subprotocol?: string,
  ): HandshakeAnswer {
    this.#diagnostics.handshakesRefused += 1;
    const ticket = new RefusedHandshake(handshake, { status, reason, code }, this.#diagnostics);
    const protocols = subprotocol === undefined ? handshake.protocols : [];
    return { type: "accept", ticket, headers, protocols, subprotocol };
  }
}
