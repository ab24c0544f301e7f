import type { Handshake } from "@wsession/core";
import { parseProtocols, plainAddress } from "@wsession/core/runtime";
import type { HttpRequest, HttpResponse } from "uWebSockets.js";

/** What `res.upgrade` needs of the request, beside the handshake. */
export interface UpgradeRequest {
  readonly handshake: Handshake;
  readonly key: string;
  readonly extensions: string;
}

/** As Node's `http` has it. The runtime's own limit is for requests that come in pieces; one in a piece may be far longer. */
const MAX_HEAD_LENGTH = 16 * 1024;

/**
 * Copies all of the request at once: it is gone when the runtime's callback returns, and throws from then on. `undefined`
 * for one whose head is too long to be kept while it waits for its answer (I14).
 */
export function copyRequest(
  response: HttpResponse,
  request: HttpRequest,
  encrypted: boolean,
): UpgradeRequest | undefined {
  // Undefined where the URL has no query, whatever the types say.
  const query: string | undefined = request.getQuery();
  const url = query === undefined || query === "" ? request.getUrl() : `${request.getUrl()}?${query}`;
  let length = url.length;
  const headers: Record<string, string> = Object.create(null);
  request.forEach((name, value) => {
    length += name.length + value.length;
    if (length > MAX_HEAD_LENGTH) return;
    const before = headers[name];
    // As Node joins them (`IncomingMessage.headers`).
    headers[name] = before === undefined ? value : `${before}${name === "cookie" ? "; " : ", "}${value}`;
  });
  if (length > MAX_HEAD_LENGTH) return undefined;
  const handshake: Handshake = {
    method: request.getMethod().toUpperCase(),
    url,
    headers,
    remoteAddress: plainAddress(textOf(response.getRemoteAddressAsText())),
    encrypted,
    protocols: parseProtocols(headers["sec-websocket-protocol"]),
  };
  return {
    handshake,
    key: request.getHeader("sec-websocket-key"),
    extensions: request.getHeader("sec-websocket-extensions"),
  };
}

export function textOf(bytes: ArrayBuffer): string {
  return Buffer.from(bytes).toString();
}
