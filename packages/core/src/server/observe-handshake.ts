import { telemetry } from "../base/telemetry.ts";
import type { HandshakeAnswer } from "../api/runtime.ts";
import { RefusedHandshake } from "../framed/refused-handshake.ts";
import type { Handshake } from "../handshake/handshake.ts";
import { refusalOf } from "./refusals.ts";

/** The forms of W3C Trace Context. A client may send anything in these headers, so nothing else is published. */
const TRACEPARENT = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/;
const TRACESTATE = /^[\x20-\x7e]{1,512}$/;

/** Publishes a handshake on `wsession:handshake`. */
export function observeHandshake(
  runtime: string,
  { headers }: Handshake,
  admit: () => Promise<HandshakeAnswer>,
): Promise<HandshakeAnswer> {
  const traceparent = matching(TRACEPARENT, headers["traceparent"]);
  const tracestate = traceparent === undefined ? undefined : matching(TRACESTATE, headers["tracestate"]);
  const begun = { runtime, traceparent, tracestate };
  return telemetry.handshake.tracePromise(begun, async ({ event }) => {
    const answer = await admit();
    event.status = statusOf(answer);
    event.refusal = refusalOf(answer);
    event.outcome = event.status === 101 ? "accepted" : "refused";
    return answer;
  });
}

/** A refusal by a close code has the answer 101, and the status of the refusal in its ticket. */
function statusOf(answer: HandshakeAnswer): number {
  if (answer.type === "reject") return answer.status;
  return answer.ticket instanceof RefusedHandshake ? answer.ticket.status : 101;
}

function matching(form: RegExp, header: string | undefined): string | undefined {
  return header !== undefined && form.test(header) ? header : undefined;
}
