/** The handshake, and the answers that `admit` gives to it. */
import { SocketAddress } from "node:net";
import { assertNoMore, assertOptions, assertString, shown } from "../base/arguments.ts";
import { invalidArgument } from "../base/errors.ts";
import { assertLifetimes, LIFETIME_OPTIONS } from "../base/lifetimes.ts";
import type { Lifetimes } from "../base/lifetimes.ts";
import { assertId, assertOptionalSubject } from "../base/names.ts";
import { isRefusedPromise } from "../base/promises.ts";
import { headerLines } from "./headers.ts";
import type { HeaderValues } from "./headers.ts";

/**
 * A copy of the HTTP request that opens the WebSocket. The copy may be used after an `await` on every runtime. The library does not
 * keep the copy after `open` has settled.
 */
export interface Handshake {
  /** The method in upper case: `GET` for HTTP/1.1 (RFC 6455 section 4.1). */
  readonly method: string;
  /** The path and query as sent, e.g. `/chat?room=1`. */
  readonly url: string;
  /** The headers: names in lower case, no prototype. A repeated header is joined, `cookie` by `"; "` and others by `", "`. */
  readonly headers: Readonly<Record<string, string>>;
  /** The peer's address as text, without a port; `undefined` if the socket has no address. */
  readonly remoteAddress: string | undefined;
  /** Whether TLS ends in this process; false behind a proxy that ends TLS. */
  readonly encrypted: boolean;
  /** The offered subprotocols (`Sec-WebSocket-Protocol`), in order, without a token that a carrier put there. */
  readonly protocols: readonly string[];
}

/** The options of `accept`. */
export interface AcceptOptions extends Lifetimes {
  /**
   * The owner of the session. A session that is created for the handshake gets the subject. A token resumes its session only if the
   * session has this subject already. Otherwise the token counts as a bad token. This prevents session fixation, and separates two
   * people who share a browser. Well-formed Unicode, and not the empty string.
   */
  readonly subject?: string | undefined;
  /**
   * The id of a session to attach, for applications with a login of their own. No token is checked. A session that does not
   * exist, or that is another subject's, is treated as a bad token (`onBadToken`).
   */
  readonly sessionId?: string | undefined;
  /**
   * Headers for the 101, in addition to the header of the token carrier. A name with several values is sent once for each. Names
   * and values with control characters throw INVALID_ARGUMENT (response splitting), and so do headers of the connection and of
   * the WebSocket handshake, such as `Upgrade` and `Sec-WebSocket-Protocol`, which the runtime sends.
   */
  readonly headers?: HeaderValues | undefined;
}

/** The option `context` of `accept`. */
interface ContextOption<Context> {
  /**
   * The application's own record of the connection, such as the verified claims of a JWT. `initial` gets it as the second argument,
   * and every handler as `connection.context`. Its type is inferred.
   */
  readonly context: Context;
}

/** The option `context` of `accept` where there is none. An interface, because editors show no documentation for `Partial`. */
interface NoContext {
  /** The application's own record of the connection. Absent here: the type of the context is `undefined`. */
  readonly context?: undefined;
}

/** The answer of `accept`. `context` reaches `initial`, and the connection as `connection.context`. */
export interface Acceptance<Context = unknown> extends AcceptOptions {
  /** The discriminant of `Admission`. */
  readonly type: "accept";
  /** The application's own record of the connection. Not stored, not copied. */
  readonly context?: Context;
}

/** The answer of `reject`. */
export interface Rejection {
  /** The discriminant of `Admission`. */
  readonly type: "reject";
  /** The HTTP status, 400 to 599. */
  readonly status: number;
  /** The body of the answer, plain text. */
  readonly reason: string;
  /** The headers of the answer, beside `Content-Type`. Absent: none. */
  readonly headers?: HeaderValues | undefined;
}

/** The options of `reject`. */
export interface RejectOptions {
  /**
   * Headers for the refusal, for example `Retry-After`, or a `Set-Cookie` that clears a cookie. Checked as the headers of `accept`;
   * `Content-Type` is refused too, because the body is plain text. A client of `v1.wsession` gets them with the 101 that precedes its
   * close code.
   */
  readonly headers?: HeaderValues | undefined;
}

/** The answer of `admit`: made by `accept` or `reject`. */
export type Admission<Context = unknown> = Acceptance<Context> | Rejection;

const ACCEPT_OPTIONS = ["subject", "sessionId", "context", "headers", ...LIFETIME_OPTIONS];

/**
 * Admits a handshake. The application may name the owner of the session (`subject`), or the session itself (`sessionId`).
 *
 * `context` is the application's own record of the connection, for example the verified claims of a JWT, so that nothing is
 * verified twice: `initial` gets it as the second argument, and every handler as `connection.context`. Its type is inferred.
 *
 * @throws INVALID_ARGUMENT for an unknown option, for a value of a wrong type, and for a header that can't be sent,
 * because a mistake here could let a stranger in.
 * @example
 * admit: async ({ headers }) => {
 *   const user = await userOf(headers["authorization"]);
 *   return user === undefined ? reject(401) : accept({ subject: user.id, context: user });
 * }
 */
// Two signatures, because a single `context?: Context` would infer a type without `undefined` from a value that may be undefined.
export function accept(options?: AcceptOptions & NoContext): Acceptance<undefined>;
/**
 * Admits a handshake with a `context`, whose type is inferred. The application may also name the owner of the session (`subject`),
 * or the session itself (`sessionId`).
 *
 * @throws INVALID_ARGUMENT as without a `context`.
 */
export function accept<Context>(options: AcceptOptions & ContextOption<Context>): Acceptance<Context>;
export function accept(
  options: AcceptOptions & { readonly context?: unknown } = {},
  surplus?: undefined,
): Acceptance {
  assertOptions("accept()", options, ACCEPT_OPTIONS);
  assertNoMore("accept()", surplus);
  const { subject, sessionId, context, headers, idleMs, absoluteMs, expiresAt } = options;
  assertOptionalSubject("accept()", subject);
  if (sessionId !== undefined) assertId("accept()", sessionId);
  headerLines("accept()", headers, false);
  assertLifetimes("accept()", { idleMs, absoluteMs, expiresAt });
  return { type: "accept", subject, sessionId, context, headers, idleMs, absoluteMs, expiresAt };
}

/**
 * Refuses a handshake with an HTTP status (400 to 599) and a short plain-text body. Without a reason the body is the standard
 * text of the status.
 *
 * @throws INVALID_ARGUMENT for any other status, for a reason that is not a string, and for a header that can't be sent.
 * @example
 * admit: () => (isBusy() ? reject(503, "busy", { headers: { "retry-after": "5" } }) : accept())
 */
export function reject(status: number, reason?: string, options?: RejectOptions): Rejection;
export function reject(
  status: number,
  reason = "",
  options: RejectOptions = {},
  surplus?: undefined,
): Rejection {
  if (!Number.isInteger(status) || status < 400 || status > 599)
    throw invalidArgument(`reject() takes an HTTP status from 400 to 599, not ${shown(status)}`);
  assertString("reject()'s reason", reason);
  assertOptions("reject()", options, ["headers"]);
  assertNoMore("reject()", surplus);
  const { headers } = options;
  headerLines("reject()", headers, true);
  return { type: "reject", status, reason, headers };
}

/** Which origins may connect: a list that is compared exactly, or a synchronous function. */
export type OriginRule = readonly string[] | ((origin: string | undefined) => boolean);

/**
 * Whether the option `origins` allows the handshake's Origin (RFC 6455 section 10.2). A list is compared with the whole
 * serialized origin (`https://example.com`), and refuses a request without an Origin. Without a rule every origin is allowed.
 *
 * @throws INVALID_ARGUMENT for a function that returns a promise, and the error of the function.
 */
export function originAllowed(rule: OriginRule | undefined, handshake: Handshake): boolean {
  if (rule === undefined) return true;
  const origin = handshake.headers["origin"];
  if (typeof rule === "function") {
    const allowed: unknown = rule(origin);
    if (isRefusedPromise(allowed)) throw invalidArgument("origins must be synchronous");
    // A program without types may return anything: only `true` lets a client in.
    return allowed === true;
  }
  return origin !== undefined && rule.includes(origin);
}

/** Splits the header `Sec-WebSocket-Protocol` into the subprotocols that it offers, in order. */
export function parseProtocols(header: string | undefined): readonly string[] {
  if (header === undefined || header === "") return [];
  assertString("Sec-WebSocket-Protocol", header);
  return header
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

/** An address as text, in one form for all runtimes: IPv6 compressed (RFC 5952), and an IPv4-mapped address as IPv4. */
export function plainAddress(text: string | undefined): string | undefined {
  if (text !== undefined) assertString("an address", text);
  if (text === undefined || !text.includes(":")) return text === "" ? undefined : text;
  const { address } = new SocketAddress({ address: text, family: "ipv6" });
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice("::ffff:".length) : address;
}
