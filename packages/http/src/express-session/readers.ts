/** The sessions of express-session and @fastify/session, for `admit`. */
import {
  assertMethods,
  assertNoMore,
  assertOptions,
  assertString,
  assertText,
  invalidArgument,
} from "@wsession/core/runtime";
import { readCookie } from "../cookie-header.ts";
import { RequestView } from "../request.ts";
import type { AnyRequest } from "../shapes.ts";
import { unsign } from "./signed-cookie.ts";
import { readStored } from "./store-shape.ts";
import { timeOf } from "../time-of.ts";
import type { SessionReaderStore } from "./store-shape.ts";

/** The options of `fromExpressSession` and `fromFastifySession`: those that the session middleware has too. */
export interface SessionReaderOptions {
  /** The store of the middleware. */
  readonly store: SessionReaderStore;
  /** The secret that signs the cookie, or several: each is tried. */
  readonly secret: string | readonly string[];
  /**
   * The name of the cookie.
   *
   * @default "connect.sid" for express-session, "sessionId" for @fastify/session
   */
  readonly name?: string | undefined;
  /**
   * The text before the signed id.
   *
   * @default "s:" for express-session, "" for @fastify/session (its option `cookiePrefix`)
   */
  readonly prefix?: string | undefined;
}

/** A session of the middleware. */
export interface FoundSession<Data extends object> {
  /** The middleware's id of the session. A secret: together with the signing secret it gives access to the session. */
  readonly sid: string;
  /** The stored session, with its `cookie`, and with `passport` if passport is used. */
  readonly session: Data;
}

/** Reads the session of a request: a handshake, or a request of Node or Fetch. */
export type SessionReader<Data extends object> = (
  request: AnyRequest,
) => Promise<FoundSession<Data> | undefined>;

/** The data of a session without a type from the application. */
export type AnySession = Readonly<Record<string, unknown>>;

/**
 * Reads the sessions of express-session, from any store. The reader resolves with `undefined` for a request without a session: no
 * cookie, a signature that no secret made, a session that does not exist or has expired. It rejects with the store's error.
 *
 * @throws INVALID_ARGUMENT for a wrong option.
 * @example
 * const readSession = fromExpressSession({ store, secret });
 * const sessions = createSessions({
 *   async admit(handshake) {
 *     const found = await readSession(handshake);
 *     return found?.session.user === undefined ? reject(401) : accept({ context: found.session });
 *   },
 *   initial: (_, { user }) => ({ user }),
 * });
 */
export function fromExpressSession<Data extends object = AnySession>(
  options: SessionReaderOptions,
): SessionReader<Data>;
export function fromExpressSession<Data extends object = AnySession>(
  options: SessionReaderOptions,
  surplus?: undefined,
): SessionReader<Data> {
  assertNoMore("fromExpressSession()", surplus);
  return readerOf("fromExpressSession", options, { name: "connect.sid", prefix: "s:" });
}

/** As `fromExpressSession`, for @fastify/session. `name` is its option `cookieName`, and `prefix` its option `cookiePrefix`.
 *
 * @throws INVALID_ARGUMENT for a wrong option.
 */
export function fromFastifySession<Data extends object = AnySession>(
  options: SessionReaderOptions,
): SessionReader<Data>;
export function fromFastifySession<Data extends object = AnySession>(
  options: SessionReaderOptions,
  surplus?: undefined,
): SessionReader<Data> {
  assertNoMore("fromFastifySession()", surplus);
  return readerOf("fromFastifySession", options, {
    name: "sessionId",
    prefix: "",
    isExpired: hasExpiredCookie,
  });
}

/** What distinguishes the two middlewares. */
interface Middleware {
  readonly name: string;
  readonly prefix: string;
  /** Absent: the store alone decides. */
  readonly isExpired?: (session: object) => boolean;
}

function readerOf<Data extends object>(
  where: string,
  options: SessionReaderOptions,
  defaults: Middleware,
): SessionReader<Data> {
  assertOptions(where, options, ["store", "secret", "name", "prefix"]);
  const { store, secret, name = defaults.name, prefix = defaults.prefix } = options;
  assertMethods(`${where}: store`, store, "the store of the session middleware", ["get"]);
  assertText(`${where}: name`, name);
  assertString(`${where}: prefix`, prefix);
  const secrets = secretsOf(where, secret);
  return async (request) => {
    const header = new RequestView(`the reader of ${where}`, request).header("cookie");
    const value = readCookie(header, name);
    const sid = value === undefined ? undefined : unsign(value, prefix, secrets);
    if (sid === undefined) return undefined;
    const session = await readStored(store, sid);
    if (session === undefined || defaults.isExpired?.(session)) return undefined;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the application declares its type
    return { sid, session: session as Data };
  };
}

/**
 * As @fastify/session, which refuses a session by the time in its cookie: its own store in memory keeps expired sessions. express-session
 * has no such check, and most of its stores do not write the time again when a session is touched.
 */
function hasExpiredCookie(session: object): boolean {
  return timeOf(Reflect.get(Object(Reflect.get(session, "cookie")), "expires")) <= Date.now();
}

function secretsOf(where: string, secret: unknown): readonly string[] {
  const secrets: readonly unknown[] = Array.isArray(secret) ? secret : [secret];
  if (secrets.length === 0) throw invalidArgument(`${where}: secret must not be an empty list`);
  return secrets.map((one) => {
    assertText(`${where}: secret`, one);
    return one;
  });
}
