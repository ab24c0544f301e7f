/** Other `upgrade` listeners of the same HTTP server. Node calls each of them, and nothing keeps two from answering one handshake. */
import type { Duplex } from "node:stream";
import { invalidArgument } from "@wsession/core/runtime";

/** The description of the symbol under which every copy of ws 8 keeps its WebSocket on the stream. */
const WEB_SOCKET = "websocket";

/** How many bytes the stream has sent, those of earlier requests on it too; `undefined` for a stream that does not count them. */
export function sentBytes(stream: Duplex): number | undefined {
  return "bytesWritten" in stream && typeof stream.bytesWritten === "number"
    ? stream.bytesWritten
    : undefined;
}

/**
 * Whether another listener has answered since `sentBefore` was read. The listener may be one that Node called earlier, in the same turn:
 * then its WebSocket tells. An answer into the stream of another WebSocket would end that one with a protocol error.
 */
export function isAnsweredByOther(stream: Duplex, sentBefore: number | undefined): boolean {
  return (
    sentBytes(stream) !== sentBefore ||
    Object.getOwnPropertySymbols(stream).some(({ description }) => description === WEB_SOCKET)
  );
}

export function answeredByOtherError(): Error {
  return invalidArgument(
    "another upgrade listener of the HTTP server answered this handshake too: let one listener look at the path, and call handleUpgrade of one server",
  );
}
