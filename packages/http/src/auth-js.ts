/** The sessions of Auth.js with the strategy "database", for `admit`. */
import { assertMethods, assertNoMore, assertOptions, assertText } from "@wsession/core/runtime";
import { readCookie } from "./cookie-header.ts";
import { timeOf } from "./time-of.ts";
import { RequestView } from "./request.ts";
import type { AnyRequest } from "./shapes.ts";

/** A session that an adapter of Auth.js found, with its user. */
export interface AuthJsSession<User extends object> {
  /** The session. This package reads only when the session ends. */
  readonly session: { readonly expires: Date };
  /** The user, as the adapter returns it. */
  readonly user: User;
}

/** The options of `fromAuthJs`. */
export interface AuthJsOptions<User extends object> {
  /** The adapter that Auth.js has as its option `adapter`. */
  readonly adapter: {
    getSessionAndUser?(
      sessionToken: string,
    ): PromiseLike<AuthJsSession<User> | null> | AuthJsSession<User> | null;
  };
  /**
   * The name of the cookie: `cookies.sessionToken.name` of Auth.js. Without TLS it is "authjs.session-token".
   *
   * @default "__Secure-authjs.session-token"
   */
  readonly name?: string | undefined;
}

/**
 * Reads the sessions of Auth.js with the strategy "database", from its adapter. The reader resolves with `undefined` for a
 * request without a session, and for an expired session. It rejects with the adapter's error. Auth.js' own route, in contrast,
 * answers an error of the database as if nobody was logged in.
 *
 * @throws INVALID_ARGUMENT for a wrong option.
 * @example
 * const readSession = fromAuthJs({ adapter });
 * const sessions = createSessions({
 *   async admit(handshake) {
 *     const found = await readSession(handshake);
 *     return found === undefined ? reject(401) : accept({ subject: found.user.id });
 *   },
 * });
 */
export function fromAuthJs<User extends object>(
  options: AuthJsOptions<User>,
): (request: AnyRequest) => Promise<AuthJsSession<User> | undefined>;
export function fromAuthJs<User extends object>(
  options: AuthJsOptions<User>,
  surplus?: undefined,
): (request: AnyRequest) => Promise<AuthJsSession<User> | undefined> {
  assertNoMore("fromAuthJs()", surplus);
  assertOptions("fromAuthJs", options, ["adapter", "name"]);
  const { adapter, name = "__Secure-authjs.session-token" } = options;
  assertMethods("fromAuthJs: adapter", adapter, "the adapter of Auth.js", ["getSessionAndUser"]);
  assertText("fromAuthJs: name", name);
  return async (request) => {
    const header = new RequestView("the reader of fromAuthJs", request).header("cookie");
    const token = readCookie(header, name);
    if (token === undefined || token === "") return undefined;
    const found = (await adapter.getSessionAndUser?.(token)) ?? undefined;
    // The adapter also returns expired sessions, and Auth.js itself refuses them. An invalid date counts as past.
    return found !== undefined && timeOf(found.session.expires) > Date.now() ? found : undefined;
  };
}
