/** The checks of arguments, for programs without types. Each throws INVALID_ARGUMENT. */
import type { CookieCarrier, Lifetimes, OriginRule, Sessions, TokenCarrier } from "@wsession/core";
import {
  assertBoolean,
  assertLifetimes,
  assertMethods,
  assertOptions,
  assertText,
  carrierOf,
  invalidArgument,
  LIFETIME_OPTIONS,
  resolveOrigins,
  tokenHeader,
} from "@wsession/core/runtime";
import type { RejectionOwner } from "@wsession/core/runtime";
import type { HttpSessionsOptions, LoginOptions } from "./contract.ts";

export function assertSessions(where: string, sessions: unknown): void {
  const methods = ["open", "create", "get", "destroy"];
  assertMethods(`${where}: sessions`, sessions, "what createSessions() returned", methods);
}

/** The receiver of unhandled rejections: the sessions report them to `onError`. */
export function ownerOf(sessions: object): RejectionOwner | undefined {
  return isOwner(sessions) ? sessions : undefined;
}

function isOwner(sessions: object): sessions is RejectionOwner {
  return "unhandled" in sessions && typeof sessions.unhandled === "function";
}

export function checkHttpOptions<Data extends object>(
  sessions: Pick<Sessions<Data>, "origins">,
  options: HttpSessionsOptions,
): OriginRule | undefined {
  assertOptions("httpSessions", options, ["cookie", "origins"]);
  const { cookie, origins } = options;
  assertMethods("httpSessions: cookie", cookie, "what cookieToken() returned", ["read", "write"]);
  assertSameCookie(cookie, carrierOf(sessions));
  return resolveOrigins(origins) ?? sessions.origins;
}

/** Well-formed as a token is, because a carrier may check the form. It opens no session. */
const PROBE = `${"A".repeat(22)}.${"A".repeat(43)}`;

/**
 * Throws if the sockets read another cookie than `login` sets, because each socket would get a fresh session, without an error. Two
 * carriers with the same options write the same cookie. The sockets may have a carrier that writes no cookie, for clients that are
 * not browsers.
 */
function assertSameCookie(cookie: CookieCarrier, ofSockets: TokenCarrier | undefined): void {
  if (ofSockets?.write === undefined || ofSockets === cookie) return;
  const [name, value] = cookieHeader(ofSockets, PROBE, 1_000);
  const own = cookieHeader(cookie, PROBE, 1_000);
  if (own[0].toLowerCase() !== name.toLowerCase() || own[1] !== value)
    throw invalidArgument(
      "httpSessions: cookie must be the carrier that createSessions has as its option token: it writes another cookie",
    );
}

/** The header that the carrier writes. A carrier without one can't log in a browser. */
export function cookieHeader(
  cookie: TokenCarrier,
  token: string,
  maxAgeMs: number,
): readonly [name: string, value: string] {
  const header = tokenHeader(cookie, token, maxAgeMs);
  if (header === undefined) throw invalidArgument("token.write must return [name, value], and not undefined");
  return header;
}

export interface CheckedLogin {
  readonly subject: string;
  readonly checkOrigin: boolean;
  readonly lifetimes: Lifetimes;
}

/** `options` may be `undefined` in a program without types. */
export function checkLogin(options: LoginOptions | undefined): CheckedLogin {
  if (options === undefined)
    throw invalidArgument("login() needs the user, as { subject: user.id }, after the data");
  assertOptions("login()", options, ["subject", "checkOrigin", ...LIFETIME_OPTIONS]);
  const { subject, checkOrigin = true, idleMs, absoluteMs, expiresAt } = options;
  assertText("login(): subject", subject);
  assertBoolean("login(): checkOrigin", checkOrigin);
  assertLifetimes("login()", { idleMs, absoluteMs, expiresAt });
  return { subject, checkOrigin, lifetimes: { idleMs, absoluteMs, expiresAt } };
}
