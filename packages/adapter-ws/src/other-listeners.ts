/** Other `upgrade` listeners of the same HTTP server. Node calls all of them, so two listeners may answer one handshake. */
import type { Duplex } from "node:stream";
import { invalidArgument } from "@wsession/core/runtime";

/** The description of the symbol under which every copy of ws 8 keeps its WebSocket on the stream. */
const WEB_SOCKET = "websocket";

/** How many bytes the stream has sent, also for earlier requests; `undefined` for a stream that does not count its bytes. */
export function sentBytes(stream: Duplex): number | undefined {
  return "bytesWritten" in stream && typeof stream.bytesWritten === "number"
    ? stream.bytesWritten
    : undefined;
}

/**
 * Whether another listener has answered since `sentBefore` was read. Node may have called that listener earlier in the same turn:
 * then only its WebSocket on the stream shows that. A second answer on the stream would end that WebSocket with a protocol error.
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
