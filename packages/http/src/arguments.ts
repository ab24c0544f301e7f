/** The checks of arguments, for programs without types. Each throws INVALID_ARGUMENT. */
import type { OriginRule, Sessions } from "@wsession/core";
import {
  assertBoolean,
  assertMethods,
  assertOptions,
  assertText,
  resolveOrigins,
} from "@wsession/core/runtime";
import type { HttpSessionsOptions, LoginOptions } from "./contract.ts";

export function assertSessions(where: string, sessions: unknown): void {
  const methods = ["open", "create", "get", "destroy"];
  assertMethods(`${where}: sessions`, sessions, "what createSessions() returned", methods);
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

export function checkLogin(options: LoginOptions): LoginOptions {
  assertOptions("login()", options, ["subject", "checkOrigin"]);
  const { subject, checkOrigin = true } = options;
  assertText("login(): subject", subject);
  assertBoolean("login(): checkOrigin", checkOrigin);
  return { subject, checkOrigin };
}
