/** The ways in which a client presents its token: a cookie, a query parameter, a subprotocol. */
import {
  assertBoolean,
  assertNoMore,
  assertOneOf,
  assertOptions,
  assertString,
  assertText,
  shown,
} from "../base/arguments.ts";
import { invalidArgument } from "../base/errors.ts";
import type { Handshake } from "./handshake.ts";
import { HTTP_TOKEN } from "./headers.ts";
import { MAX_TOKENS, SELECTOR_LENGTH, TOKEN_LENGTH } from "./token.ts";

/** How a client presents its token, and how the client gets it. */
export interface TokenCarrier {
  /** Reads the token of a handshake; `undefined` for none. MUST NOT throw, whatever the client sends. */
  read(handshake: Handshake): string | undefined;
  /**
   * Reads all tokens of a handshake, in order, that of `read` among them: a browser may send several cookies of one name, and
   * the first may be stale. Called if the token of `read` resumes no session; the first four tokens are tried. A list without the
   * token of `read` is ignored, because then only `read` was overridden (`{ ...cookieToken(), read }`). Absent: the token of `read`
   * is the only one. MUST NOT throw.
   */
  readonly readAll?: ((handshake: Handshake) => readonly string[]) | undefined;
  /**
   * Reads a renewal code, if the code is not in the same place as the token. The code is tried before the token. If the code is
   * bad, the token is tried. MUST NOT throw.
   */
  readonly readRenewal?: ((handshake: Handshake) => string | undefined) | undefined;
  /**
   * Makes the header of the 101 that gives the client its token. Absent: the application sends `connection.token` to the client.
   * A throw, or a header with characters that can't be sent, refuses the handshake with 500 and reaches `onError`.
   */
  readonly write?: ((token: string, maxAgeMs: number) => readonly [name: string, value: string]) | undefined;
  /** Whether an offered subprotocol carries a token. Such a subprotocol is never the chosen one. */
  readonly isTokenProtocol?: ((protocol: string) => boolean) | undefined;
}

/** The carrier that `cookieToken` makes. HTTP code may call `write` too, for a session of `sessions.create`. */
export interface CookieCarrier extends TokenCarrier {
  /** Reads the renewal code from the query. Only the code of a session whose cookie the handshake carries too is returned. */
  readonly readRenewal: (handshake: Handshake) => string | undefined;
  /**
   * Makes the `set-cookie` header. `maxAgeMs`: the lifetime of the cookie, milliseconds. With `Infinity` the cookie ends with the
   * browser session.
   *
   * @throws INVALID_ARGUMENT for a token with characters that a cookie can't have, and for a `maxAgeMs` that is not a number.
   */
  readonly write: (token: string, maxAgeMs: number) => readonly [name: "set-cookie", value: string];
}

/** The carrier that `protocolToken` makes. */
export interface ProtocolCarrier extends TokenCarrier {
  /** Whether the subprotocol begins with the prefix. */
  readonly isTokenProtocol: (protocol: string) => boolean;
}

/** The options of `cookieToken`. */
export interface CookieOptions {
  /**
   * The cookie's name. For a name with the prefix `__Host-` browsers require Secure, Path=/ and no Domain, and for the prefix
   * `__Secure-` they require Secure (RFC 6265bis 4.1.3).
   *
   * @default "__Host-wsession"; "__Secure-wsession" with a `domain`, or with another `path` than "/"
   */
  readonly name?: string | undefined;
  /**
   * The SameSite attribute.
   *
   * @default "Lax"
   */
  readonly sameSite?: "Strict" | "Lax" | "None" | undefined;
  /**
   * The Secure attribute. Turn it off only for plain HTTP in development, and then with a name without a prefix.
   *
   * @default true
   */
  readonly secure?: boolean | undefined;
  /**
   * The Domain attribute: the cookie also goes to the subdomains of this host, so that `app.example.com` and `api.example.com`
   * share a session. Each of them can then read the cookie, and a page of each can overwrite it. The host that sets the cookie must
   * be the domain or one of its subdomains; otherwise browsers drop the cookie.
   *
   * @default undefined: only the host that set the cookie gets it
   */
  readonly domain?: string | undefined;
  /**
   * The Path attribute, which starts with "/": browsers send the cookie only to URLs under the path. The path does not protect
   * the cookie from other pages of the host.
   *
   * @default "/"
   */
  readonly path?: string | undefined;
  /**
   * The Partitioned attribute (CHIPS): a page in a frame of another site has a cookie of its own for each site. Needs Secure, and
   * in a frame of another site SameSite=None.
   *
   * @default false
   */
  readonly partitioned?: boolean | undefined;
  /**
   * The query parameter in which a page presents its single-use renewal code. The code is accepted only together with the cookie
   * of the same session, so that no page can bring another session into a browser (session fixation).
   *
   * @default "renewal"
   */
  readonly renewalParameter?: string | undefined;
}

/** The longest cookie header that is read. It is longer than the longest cookie that browsers keep. */
const MAX_COOKIE_HEADER = 16_384;
/** The longest URL that is read. Runtimes accept less (Node: 16 KiB for all headers). */
const MAX_URL = 16_384;
/** RFC 6265 section 4.1.1: no blanks, quotes, commas, semicolons or backslashes. */
const COOKIE_VALUE = /^[!#-+\--:<-[\]-~]*$/;
const COOKIE_OPTIONS = [
  "name",
  "domain",
  "path",
  "sameSite",
  "secure",
  "partitioned",
  "renewalParameter",
] satisfies (keyof CookieOptions)[];
/** Browsers compare the prefixes without regard to case (RFC 6265bis section 5.4). */
const HOST_PREFIX = /^__host-/i;
const SECURE_PREFIX = /^__(?:host|secure|http)-/i;
/** Labels of letters, digits and hyphens (RFC 1123 section 2.1). */
const HOST = /^(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))*$/i;
const MAX_HOST = 253;
/** The characters of a URL's path (RFC 3986 section 3.3). A browser would never match a path with other characters. */
const COOKIE_PATH = /^\/[\w\-.~!$&'()*+,=:@%/]*$/;
const MAX_ATTRIBUTE = 1_024;
/** Browsers ignore a cookie whose name and value are longer together (RFC 6265bis section 5.6). */
const MAX_COOKIE = 4_096;

/**
 * Carries the token in a cookie that the 101 sets. The cookie is HttpOnly, Secure and SameSite, and lasts until the session's
 * absolute deadline. Browsers send cookies by themselves, so give `createSessions` the option `origins` too (cross-site WebSocket
 * hijacking).
 *
 * @throws INVALID_ARGUMENT for options that browsers would not accept. The name must be a token of RFC 9110, and not too long. A
 * prefix, SameSite=None and Partitioned need Secure. The prefix `__Host-` needs the path "/" and no domain. The domain must be a
 * host name, and the path a path of a URL.
 * @example
 * createSessions({ store: mapStore(), token: cookieToken(), origins: ["https://example.com"] });
 */
export function cookieToken(options?: CookieOptions): CookieCarrier;
export function cookieToken(options: CookieOptions = {}, surplus?: undefined): CookieCarrier {
  assertNoMore("cookieToken()", surplus);
  const { name, attributes, renewalParameter } = resolveCookie(options);
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
      if (!COOKIE_VALUE.test(token))
        throw invalidArgument(
          "write: the token must have only characters that RFC 6265 allows in the value of a cookie",
        );
      if (typeof maxAgeMs !== "number" || Number.isNaN(maxAgeMs))
        throw invalidArgument(`write: maxAgeMs must be a number of milliseconds, not ${shown(maxAgeMs)}`);
      const maxAge = Number.isFinite(maxAgeMs) ? `; Max-Age=${seconds(maxAgeMs)}` : "";
      return ["set-cookie", `${name}=${token}; ${attributes}${maxAge}`];
    },
  };
}

/** The cookie with its defaults. `attributes`: those of each `set-cookie`, without Max-Age. Throws INVALID_ARGUMENT. */
function resolveCookie(options: CookieOptions): Record<"name" | "attributes" | "renewalParameter", string> {
  assertOptions("cookieToken", options, COOKIE_OPTIONS);
  const { domain, path = "/", sameSite = "Lax", secure = true, partitioned = false } = options;
  const isOfHost = domain === undefined && path === "/";
  const defaultName = isOfHost ? "__Host-wsession" : "__Secure-wsession";
  const { name = defaultName, renewalParameter = "renewal" } = options;
  assertString("cookieToken: name", name);
  if (!HTTP_TOKEN.test(name))
    throw invalidArgument(
      "cookieToken: the name must have only characters that RFC 6265 allows in the name of a cookie",
    );
  if (name.length + TOKEN_LENGTH > MAX_COOKIE)
    throw invalidArgument(
      `cookieToken: browsers keep no cookie whose name and value are longer than ${MAX_COOKIE} bytes`,
    );
  assertOneOf("cookieToken: sameSite", sameSite, ["Strict", "Lax", "None"]);
  assertBoolean("cookieToken: secure", secure);
  assertText("cookieToken: renewalParameter", renewalParameter);
  if (domain !== undefined) assertDomain(domain);
  assertPath(path);
  assertBoolean("cookieToken: partitioned", partitioned);
  if (!secure && (SECURE_PREFIX.test(name) || sameSite === "None" || partitioned)) {
    throw invalidArgument(
      `cookieToken: secure must be true for SameSite=None, for partitioned, and for a name with the prefix __Host- or __Secure-, such as the default ${defaultName}. For plain HTTP in development give another name`,
    );
  }
  if (!isOfHost && HOST_PREFIX.test(name))
    throw invalidArgument(
      "cookieToken: a name with the prefix __Host- must have no domain, and the path /; use the prefix __Secure-",
    );
  const attributes = [
    `Path=${path}`,
    ...(domain === undefined ? [] : [`Domain=${domain}`]),
    "HttpOnly",
    `SameSite=${sameSite}`,
    ...(secure ? ["Secure"] : []),
    ...(partitioned ? ["Partitioned"] : []),
  ].join("; ");
  return { name, attributes, renewalParameter };
}

function assertDomain(domain: unknown): void {
  assertString("cookieToken: domain", domain);
  if (domain.length > MAX_HOST || !HOST.test(domain))
    throw invalidArgument(
      "cookieToken: the domain must be a host name such as example.com, in ASCII, without a dot at its start",
    );
}

function assertPath(path: unknown): void {
  assertString("cookieToken: path", path);
  // Browsers replace a path that does not start with a slash, and ignore a value of more than 1,024 bytes (RFC 6265bis 5.6).
  if (path.length > MAX_ATTRIBUTE || !COOKIE_PATH.test(path))
    throw invalidArgument("cookieToken: the path must start with / and have only characters of a URL's path");
}

/** Max-Age in seconds, at most 400 days (RFC 6265bis section 5.5). Without that limit `String` could write an exponent. */
function seconds(ms: number): number {
  return Math.min(400 * 86_400, Math.max(0, Math.floor(ms / 1000)));
}

function selectorOf(token: string): string {
  return token.slice(0, SELECTOR_LENGTH);
}

/** The values of the first `limit` cookies called `name` (RFC 6265 section 5.4: the cookie of the most specific path comes first). */
function readCookies({ headers }: Handshake, name: string, limit: number): string[] {
  const header = headers["cookie"];
  if (header === undefined || header.length > MAX_COOKIE_HEADER) return [];
  const values: string[] = [];
  for (const pair of header.split(";")) {
    const equals = pair.indexOf("=");
    if (equals > 0 && pair.slice(0, equals).trim() === name) values.push(pair.slice(equals + 1).trim());
    if (values.length === limit) break;
  }
  return values;
}

/** The first `limit` values of a query parameter. */
export function readQuery(url: string, parameter: string, limit: number): string[] {
  const mark = url.indexOf("?");
  if (mark < 0 || url.length > MAX_URL) return [];
  const query = url.slice(mark + 1);
  // A token needs no decoding, so most queries that carry one need no parser.
  if (/[%+?]/.test(query)) return new URLSearchParams(query).getAll(parameter).slice(0, limit);
  const values: string[] = [];
  for (const part of query.split("&")) {
    const equals = part.indexOf("=");
    const name = equals < 0 ? part : part.slice(0, equals);
    if (name === parameter && part !== "") values.push(equals < 0 ? "" : part.slice(equals + 1));
    if (values.length === limit) break;
  }
  return values;
}
