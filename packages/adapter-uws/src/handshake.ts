import type { Handshake } from "@wsession/core";
import { parseProtocols, plainAddress } from "@wsession/core/runtime";
import type { HttpRequest, HttpResponse } from "uWebSockets.js";

/** What `res.upgrade` needs of the request, beside the handshake. */
export interface UpgradeRequest {
  readonly handshake: Handshake;
  readonly key: string;
  readonly extensions: string;
}

/** Copies all of the request at once: it is gone when the runtime's callback returns, and throws from then on. */
export function copyRequest(
  response: HttpResponse,
  request: HttpRequest,
  encrypted: boolean,
): UpgradeRequest {
  const headers: Record<string, string> = Object.create(null);
  request.forEach((name, value) => {
    const before = headers[name];
    // As Node joins them (`IncomingMessage.headers`).
    headers[name] = before === undefined ? value : `${before}${name === "cookie" ? "; " : ", "}${value}`;
  });
  // Undefined where the URL has no query, whatever the types say.
  const query: string | undefined = request.getQuery();
  const handshake: Handshake = {
    method: request.getMethod().toUpperCase(),
    url: query === undefined || query === "" ? request.getUrl() : `${request.getUrl()}?${query}`,
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
