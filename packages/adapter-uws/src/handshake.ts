import type { Handshake } from "@wsession/core";
import { parseProtocols, plainAddress } from "@wsession/core/runtime";
import type { HttpRequest, HttpResponse } from "uWebSockets.js";

/** The parts of the request that `res.upgrade` needs, and the handshake. */
export interface UpgradeRequest {
  readonly handshake: Handshake;
  readonly key: string;
  readonly extensions: string;
}

/**
 * The same limit as Node's `http`. The runtime's own limit applies only to requests that arrive in several
 * pieces.
 */
const MAX_HEAD_LENGTH = 16 * 1024;

/**
 * Copies the whole request at once, because it is invalid (and throws) after the runtime's callback returns.
 * `undefined` if the head is too long to be kept in memory until the answer (I14).
 */
export function copyRequest(
  response: HttpResponse,
  request: HttpRequest,
  encrypted: boolean,
): UpgradeRequest | undefined {
  // `undefined` if the URL has no query, despite the types.
  const query: string | undefined = request.getQuery();
  const url = query === undefined || query === "" ? request.getUrl() : `${request.getUrl()}?${query}`;
  let length = url.length;
  const headers: Record<string, string> = Object.create(null);
  request.forEach((name, value) => {
    length += name.length + value.length;
    if (length > MAX_HEAD_LENGTH) return;
    const before = headers[name];
    // Repeated headers are joined as Node does (`IncomingMessage.headers`).
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

/** `ignoreBOM`, because the decoder would otherwise remove a U+FEFF at the start of a message. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Decodes UTF-8. A `Buffer` of the same bytes would take twice as long for a short message: the object costs more than the text. */
export function textOf(bytes: ArrayBuffer): string {
  return decoder.decode(bytes);
}
