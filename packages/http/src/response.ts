import { invalidArgument } from "@wsession/core/runtime";
import { HttpSessionError } from "./http-error.ts";
import type { RequestView } from "./request.ts";
import type { FastifyReplyLike, FetchHeaders, NodeResponse } from "./shapes.ts";

/** The response of any framework: headers can be added, as long as they were not sent. */
export interface ResponseHeaders {
  /** Adds a line, and keeps the lines that are there. Throws HEADERS_SENT. */
  add(name: string, value: string): void;
  /** Whether the client has gone, so that it gets no response. */
  hasNoReceiver(): boolean;
}

/** Browsers ignore a cookie whose name and value are longer together (RFC 6265bis section 5.6). */
const MAX_COOKIE_BYTES = 4_096;

/** @throws COOKIE_TOO_LARGE, because otherwise the client would get no cookie, and the application no error. */
export function assertCookieFits(line: string): void {
  const semicolon = line.indexOf(";");
  const pair = semicolon < 0 ? line : line.slice(0, semicolon);
  const { length } = Buffer.from(pair.replace("=", ""));
  if (length <= MAX_COOKIE_BYTES) return;
  const message = `the cookie's name and value are longer than the ${MAX_COOKIE_BYTES} bytes that browsers keep`;
  throw new HttpSessionError("COOKIE_TOO_LARGE", message);
}

/**
 * The headers of a response.
 *
 * @throws INVALID_ARGUMENT for a value that is not a response.
 */
// Express' responses have `append` and `header` too, so `setHeader` is checked first, and `append` last.
export function headersOf(where: string, response: unknown, request: RequestView): ResponseHeaders {
  if (isNode(response))
    return {
      add: (name, value) => addToNode(response, name, value),
      hasNoReceiver: () => isAbandoned(response),
    };
  if (isFastify(response))
    return {
      add: (name, value) => addToFastify(response, name, value),
      hasNoReceiver: () => response.raw !== undefined && isAbandoned(response.raw),
    };
  if (isFetch(response))
    return {
      add: (name, value) => addToFetch(response, name, value),
      hasNoReceiver: () => request.isAborted,
    };
  throw invalidArgument(`${where} takes a response of Node, a reply of Fastify, or the Headers of Fetch`);
}

/** Node also destroys a response that was sent whole. Such a response has no room for a cookie, and `add` throws HEADERS_SENT. */
function isAbandoned(response: Pick<NodeResponse, "destroyed" | "headersSent" | "stream">): boolean {
  const { destroyed, headersSent, stream } = response;
  return (destroyed === true || stream?.destroyed === true) && !headersSent;
}

/**
 * Forbids caches to store the response, because a shared cache would give one person's cookie to another (RFC 9111 section 7.3). Call
 * this before the store is changed: the call is also the check that a cookie can be added.
 *
 * @throws HEADERS_SENT if no header can be added any more.
 */
export function forbidCaching(headers: ResponseHeaders): void {
  headers.add("cache-control", "no-store");
}

function addToNode(response: NodeResponse, name: string, value: string): void {
  if (response.headersSent) throw sentError();
  response.setHeader(name, [...linesOf(response, name), value]);
}

function addToFastify(reply: FastifyReplyLike, name: string, value: string): void {
  // `sent` is false while a stream is sent, and after `reply.raw.writeHead()`.
  if (reply.sent || reply.raw?.headersSent === true) throw sentError();
  // Fastify itself keeps the other cookies, and replaces every other header.
  const others = name === "set-cookie" ? [] : linesOf(reply, name);
  reply.header(name, [...others, value]);
}

function addToFetch(headers: FetchHeaders, name: string, value: string): void {
  try {
    headers.append(name, value);
  } catch (cause) {
    // The headers of a response that fetch() returned, and of Response.redirect(), can't be changed.
    throw sentError(cause);
  }
}

function linesOf(response: Pick<NodeResponse, "getHeader">, name: string): string[] {
  const value = response.getHeader(name);
  if (value === undefined) return [];
  return typeof value === "object" ? [...value] : [String(value)];
}

function sentError(cause?: unknown): HttpSessionError {
  const message =
    "the headers of the response can't be changed any more, so no cookie can be set: await login, logout or renew before the response is sent";
  return new HttpSessionError("HEADERS_SENT", message, { cause });
}

function isNode(value: unknown): value is NodeResponse {
  return hasMethods(value, ["getHeader", "setHeader"]);
}

function isFastify(value: unknown): value is FastifyReplyLike {
  return hasMethods(value, ["getHeader", "header"]);
}

function isFetch(value: unknown): value is FetchHeaders {
  // These have `append` too, and would accept the cookie without sending it.
  if (value instanceof FormData || value instanceof URLSearchParams) return false;
  return hasMethods(value, ["append"]);
}

function hasMethods(value: unknown, names: readonly string[]): boolean {
  if (typeof value !== "object" || value === null) return false;
  return names.every((name) => typeof Reflect.get(value, name) === "function");
}
