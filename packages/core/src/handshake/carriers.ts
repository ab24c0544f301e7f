import {
  assertBoolean,
  assertOneOf,
  assertOptions,
  assertString,
  assertText,
  shown,
} from "../base/arguments.ts";
import { invalidArgument } from "../base/errors.ts";
import type { Handshake } from "./handshake.ts";
import { MAX_TOKENS, SELECTOR_LENGTH } from "./token.ts";

/** How a client presents its token, and how it learns it. */
export interface TokenCarrier {
  /** The token that the handshake carries; `undefined` for none. Given bytes of a stranger: MUST NOT throw. */
  read(handshake: Handshake): string | undefined;
  /**
   * All tokens that the handshake carries, in order, that of `read` among them: a browser may send several cookies of one
   * name, and the first may be stale. Asked where what `read` answered opens no session; the first four are tried. A list
   * without that answer is passed over, because then `read` was replaced (`{ ...cookieToken(), read }`). Absent: what `read`
   * answers is all there is. MUST NOT throw.
   */
  readonly readAll?: ((handshake: Handshake) => readonly string[]) | undefined;
  /**
   * A renewal code, where it travels otherwise than the token; looked at first, and if it is no good the token counts.
   * MUST NOT throw.
   */
  readonly readRenewal?: ((handshake: Handshake) => string | undefined) | undefined;
  /**
   * A header for the 101 that tells the client its token. Absent: the application tells it `connection.token`. A throw, or a
   * header with characters that can't be sent, refuses the handshake with 500 and reaches `onError`.
   */
  readonly write?: ((token: string, maxAgeMs: number) => readonly [name: string, value: string]) | undefined;
  /** Whether an offered subprotocol is the token's own, never to be echoed as the choice. */
  readonly isTokenProtocol?: ((protocol: string) => boolean) | undefined;
}

/** What `cookieToken` makes. HTTP code may call it too, to set the cookie of a session that it made. */
export interface CookieCarrier extends TokenCarrier {
  readonly readRenewal: (handshake: Handshake) => string | undefined;
  /** The `set-cookie` header; `maxAgeMs` of `Infinity` makes it a cookie that ends with the browser. */
  readonly write: (token: string, maxAgeMs: number) => readonly [name: "set-cookie", value: string];
}

/** What `protocolToken` makes. */
export interface ProtocolCarrier extends TokenCarrier {
  readonly isTokenProtocol: (protocol: string) => boolean;
}

export interface CookieOptions {
  /** Default `__Host-wsession`. The prefix makes browsers insist on Secure, Path=/ and no Domain (RFC 6265bis 4.1.3). */
  readonly name?: string | undefined;
  /** Default `"Lax"`. */
  readonly sameSite?: "Strict" | "Lax" | "None" | undefined;
  /** Default true. Off only for plain HTTP in development, and with a name without a prefix. */
  readonly secure?: boolean | undefined;
  /**
   * The query parameter in which a page presents its renewal code, single-use; default `renewal`. It counts beside the
   * cookie of the same session alone, so that no page can bring another session into a browser (fixation).
   */
  readonly renewalParameter?: string | undefined;
}

/** A cookie of the longest length that browsers take, and some more; what is over is not looked at. */
const MAX_COOKIE_HEADER = 16_384;
/** What runtimes take is less (Node: 16 KiB for all headers). */
const MAX_URL = 16_384;
/** RFC 6265 section 4.1.1: no blanks, quotes, commas, semicolons or backslashes. */
const COOKIE_VALUE = /^[!#-+\--:<-[\]-~]*$/;
const COOKIE_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * Carries the token in a cookie that is set on the 101: HttpOnly, Secure, SameSite, with the lifetime of the session's
 * absolute deadline. Browsers send it by themselves, so give `origins` too (cross-site WebSocket hijacking).
 * A name that is no token of RFC 9110, or a prefix without Secure, throws INVALID_ARGUMENT.
 */
export function cookieToken(options: CookieOptions = {}): CookieCarrier {
  assertOptions("cookieToken", options, ["name", "sameSite", "secure", "renewalParameter"]);
  const { name = "__Host-wsession", sameSite = "Lax", secure = true, renewalParameter = "renewal" } = options;
  assertString("cookieToken: name", name);
  if (!COOKIE_NAME.test(name)) throw invalidArgument("cookieToken: the name is not a cookie name");
  assertOneOf("cookieToken: sameSite", sameSite, ["Strict", "Lax", "None"]);
  assertBoolean("cookieToken: secure", secure);
  assertText("cookieToken: renewalParameter", renewalParameter);
  if (!secure && (/^__(host|secure)-/i.test(name) || sameSite === "None")) {
    throw invalidArgument("cookieToken: this name or SameSite=None needs secure: true");
  }
  const attributes = `; Path=/; HttpOnly; SameSite=${sameSite}${secure ? "; Secure" : ""}`;
  return {
    read: (handshake) => readCookies(handshake, name, 1)[0],
    readAll: (handshake) => readCookies(handshake, name, MAX_TOKENS),
    readRenewal: (handshake) => {
      const codes = readQuery(handshake.url, renewalParameter, MAX_TOKENS);
      if (codes.length === 0) return undefined;
      const own = new Set(readCookies(handshake, name, MAX_TOKENS).map(selectorOf));
      return codes.find((code) => own.has(selectorOf(code)));
    },
    write: (token, maxAgeMs) => {
      assertString("write: token", token);
      if (!COOKIE_VALUE.test(token)) throw invalidArgument("write: the token is not a cookie's value");
      if (typeof maxAgeMs !== "number" || Number.isNaN(maxAgeMs))
        throw invalidArgument(`write: maxAgeMs is milliseconds, not ${shown(maxAgeMs)}`);
      const maxAge = Number.isFinite(maxAgeMs) ? `; Max-Age=${seconds(maxAgeMs)}` : "";
      return ["set-cookie", `${name}=${token}${attributes}${maxAge}`];
    },
  };
}

/** RFC 6265bis 5.5: 400 days at most; digits alone, which large numbers are not written in. */
function seconds(ms: number): number {
  return Math.min(400 * 86_400, Math.max(0, Math.floor(ms / 1000)));
}

function selectorOf(token: string): string {
  return token.slice(0, SELECTOR_LENGTH);
}

/** The first cookies called `name`, `most` of them (RFC 6265 section 5.4 sends the most specific path first). */
function readCookies({ headers }: Handshake, name: string, most: number): string[] {
  const header = headers["cookie"];
  if (header === undefined || header.length > MAX_COOKIE_HEADER) return [];
  const values: string[] = [];
  for (const pair of header.split(";")) {
    const equals = pair.indexOf("=");
    if (equals > 0 && pair.slice(0, equals).trim() === name) values.push(pair.slice(equals + 1).trim());
    if (values.length === most) break;
  }
  return values;
}

/**
 * Carries the token in the query, `?token=…`. Queries end up in logs of proxies: use it where cookies can't be, over
 * TLS, and rotate. `parameter` defaults to `token`.
 */
export function queryToken(options: { readonly parameter?: string | undefined } = {}): TokenCarrier {
  assertOptions("queryToken", options, ["parameter"]);
  const { parameter = "token" } = options;
  assertString("queryToken: parameter", parameter);
  return {
    read: (handshake) => readQuery(handshake.url, parameter, 1)[0],
    readAll: (handshake) => readQuery(handshake.url, parameter, MAX_TOKENS),
  };
}

/** The first values of a query parameter, `most` of them. */
function readQuery(url: string, parameter: string, most: number): string[] {
  const mark = url.indexOf("?");
  if (mark < 0 || url.length > MAX_URL) return [];
  const query = url.slice(mark + 1);
  // A token has nothing to decode: most queries that carry one need no parser.
  if (/[%+?]/.test(query)) return new URLSearchParams(query).getAll(parameter).slice(0, most);
  const values: string[] = [];
  for (const part of query.split("&")) {
    const equals = part.indexOf("=");
    const name = equals < 0 ? part : part.slice(0, equals);
    if (name === parameter && part !== "") values.push(equals < 0 ? "" : part.slice(equals + 1));
    if (values.length === most) break;
  }
  return values;
}

/**
 * Carries the token as an offered subprotocol, `wsession.<token>`: `new WebSocket(url, ["chat", "wsession." + token])`.
 * It is never echoed as the choice, so offer a real one beside it, which the server can choose: browsers, and ws, fail a
 * connection for which they offered protocols and none was chosen. `prefix` defaults to `wsession.`.
 */
export function protocolToken(options: { readonly prefix?: string | undefined } = {}): ProtocolCarrier {
  assertOptions("protocolToken", options, ["prefix"]);
  const { prefix = "wsession." } = options;
  assertString("protocolToken: prefix", prefix);
  if (!COOKIE_NAME.test(prefix)) throw invalidArgument("protocolToken: the prefix is not a token");
  return {
    read: (handshake) => handshake.protocols.find((name) => name.startsWith(prefix))?.slice(prefix.length),
    readAll: ({ protocols }) =>
      protocols
        .filter((name) => name.startsWith(prefix))
        .slice(0, MAX_TOKENS)
        .map((name) => name.slice(prefix.length)),
    isTokenProtocol: (protocol) => {
      assertString("isTokenProtocol: protocol", protocol);
      return protocol.startsWith(prefix);
    },
  };
}
