import { STATUS_CODES } from "node:http";
import { refused } from "../admission/resolved.ts";
import type { Refused } from "../admission/resolved.ts";
import type { HandshakeAnswer } from "../api/runtime.ts";
import type { Diagnostics } from "../base/diagnostics.ts";
import { telemetry } from "../base/telemetry.ts";
import type { HandshakeRefusal } from "../base/telemetry-events.ts";
import { RefusedHandshake } from "../framed/refused-handshake.ts";
import type { Handshake } from "../handshake/handshake.ts";
import type { HeaderLine } from "../handshake/headers.ts";

/** Why a handshake got its answer. A WeakMap, because the answer is a public type, and without a listener nothing is kept. */
const refusals = new WeakMap<HandshakeAnswer, HandshakeRefusal>();

/** Why the handshake was refused, if the refusal was observed; `undefined` for an accepted one. */
export function refusalOf(answer: HandshakeAnswer): HandshakeRefusal | undefined {
  return refusals.get(answer);
}

/**
 * The answer of an adapter to each handshake after its binding has closed, if its server still listens. A proxy then passes the
 * handshake to another process.
 */
export const REFUSED_AFTER_CLOSE: Extract<HandshakeAnswer, { type: "reject" }> = {
  type: "reject",
  status: 503,
  reason: "server restarting",
  headers: [["Retry-After", "1"]],
};

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
    return this.byStatus({ ...refused("closing", 503, "server restarting"), headers });
  }

  byStatus(refusing: Refused): HandshakeAnswer {
    const { status, reason, headers } = refusing;
    const body = reason === "" ? (STATUS_CODES[status] ?? "Refused") : reason;
    return this.#count(refusing, { type: "reject", status, reason: body, headers });
  }

  /**
   * Without `subprotocol` the application chooses one of the offered subprotocols, because a browser fails a 101 that has none of
   * them.
   */
  byCode(handshake: Handshake, refusing: Refused, subprotocol?: string): HandshakeAnswer {
    const { status, reason, code, headers = [] } = refusing;
    const ticket = new RefusedHandshake(handshake, { status, reason, code }, this.#diagnostics);
    const protocols = subprotocol === undefined ? handshake.protocols : [];
    return this.#count(refusing, { type: "accept", ticket, headers, protocols, subprotocol });
  }

  #count({ refusal }: Refused, answer: HandshakeAnswer): HandshakeAnswer {
    this.#diagnostics.handshakesRefused += 1;
    if (refusal === "origin") this.#diagnostics.originsRefused += 1;
    if (telemetry.handshake.isObserved) refusals.set(answer, refusal);
    return answer;
  }
}
