import type { Handshake } from "@wsession/core";
import { parseProtocols, plainAddress } from "@wsession/core/runtime";
import type { BunServer } from "./bun.ts";

/** The random key of a handshake: 16 bytes in base64 (RFC 6455 section 4.1). */
const KEY = /^[+/0-9A-Za-z]{22}==$/;

/** Why a request is not a valid handshake of a WebSocket (RFC 6455 section 4.2.1); `undefined` if the request is valid. */
export function flawOf({ method, headers }: Request): Flaw | undefined {
  if (!listed(headers, "connection", "upgrade") || !listed(headers, "upgrade", "websocket"))
    return { status: 426, reason: "not an upgrade", headers: [["Upgrade", "websocket"]] };
  if (method !== "GET") return { status: 405, reason: "not a GET request", headers: [["Allow", "GET"]] };
  if (headers.get("sec-websocket-version") !== "13")
    return { status: 426, reason: "unknown version", headers: [["Sec-WebSocket-Version", "13"]] };
  if (!KEY.test(headers.get("sec-websocket-key") ?? ""))
    return { status: 400, reason: "invalid key", headers: [] };
  return undefined;
}

/** The answer to a request that is not a valid handshake. */
export interface Flaw {
  readonly status: number;
  readonly reason: string;
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
}

/** Whether a header that is a list of names has a name. */
function listed(headers: Headers, header: string, wanted: string): boolean {
  const names = (headers.get(header) ?? "").toLowerCase().split(",");
  return names.some((name) => name.trim() === wanted);
}

/** Copies the request. Reads the address at once, because the runtime no longer has the address once the client has gone. */
export function copyRequest(request: Request, server: BunServer, encrypted: boolean | undefined): Handshake {
  const headers: Record<string, string> = Object.create(null);
  // The runtime has lower-cased the names, and joined repeated headers.
  for (const [name, value] of request.headers) headers[name] = value;
  const { method, url } = request;
  return {
    method,
    url: pathOf(url),
    headers,
    remoteAddress: plainAddress(server.requestIP(request)?.address),
    encrypted: encrypted ?? url.startsWith("https:"),
    protocols: parseProtocols(headers["sec-websocket-protocol"]),
  };
}

/** The path and query of a URL. The runtime passes the path alone if the header `Host` is missing or invalid. */
function pathOf(url: string): string {
  if (url.startsWith("/")) return url;
  const path = url.indexOf("/", url.indexOf("://") + 3);
  return path === -1 ? "/" : url.slice(path);
}
