/** The checks of arguments, for programs without types. Each throws INVALID_ARGUMENT. */
import type { Lifetimes, OriginRule, Sessions } from "@wsession/core";
import {
  assertBoolean,
  assertLifetimes,
  assertMethods,
  assertOptions,
  assertText,
  LIFETIME_OPTIONS,
  resolveOrigins,
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
  return resolveOrigins(origins) ?? sessions.origins;
}

export interface CheckedLogin {
  readonly subject: string;
  readonly checkOrigin: boolean;
  readonly lifetimes: Lifetimes;
}

export function checkLogin(options: LoginOptions): CheckedLogin {
  assertOptions("login()", options, ["subject", "checkOrigin", ...LIFETIME_OPTIONS]);
  const { subject, checkOrigin = true, idleMs, absoluteMs, expiresAt } = options;
  assertText("login(): subject", subject);
  assertBoolean("login(): checkOrigin", checkOrigin);
  assertLifetimes("login()", { idleMs, absoluteMs, expiresAt });
  return { subject, checkOrigin, lifetimes: { idleMs, absoluteMs, expiresAt } };
}
