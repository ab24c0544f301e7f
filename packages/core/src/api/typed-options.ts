/**
 * The options of `createSessions` whose types have a parameter, or determine the type of the result. They are small interfaces that
 * `createSessions` combines, because editors show no documentation for the members of `Omit` and `Pick` (TypeScript 7).
 */
import type { Awaitable, StandardSchemaV1 } from "@wsession/protocol";
import type { Admission, Handshake } from "../handshake/handshake.ts";
import type { CommonOptions } from "./options.ts";

/** The option `admit`. `Admitted` is the union of everything that `admit` returns. */
export interface AdmitOption<Admitted> {
  /**
   * Decides on a handshake before it is answered. Called for every handshake whose Origin is allowed, before the token is
   * checked. `found` is what HTTP code put on the TCP socket before (`transportOf` of adapter-ws), or what the option `found` of
   * adapter-uws returned; `undefined` for nothing. A throw or a rejection answers 500 and reaches `onError`.
   *
   * Write `admit` above `initial`, because TypeScript reads options from top to bottom: then the context that `accept` is given
   * is the type of `initial`'s `context`.
   *
   * @default () => accept()
   * @example
   * admit: async ({ headers }) => {
   *   const user = await userOf(headers["authorization"]);
   *   return user === undefined ? reject(401) : accept({ subject: user.id, context: user });
   * }
   */
  readonly admit?: ((handshake: Handshake, found: unknown) => Awaitable<Admitted>) | undefined;
}

/** The option `initial`, required. */
export interface InitialOption<Data, Context> {
  /**
   * Makes the data of a new client's session before the handshake is answered. `context` is what `accept` was given. With the
   * option every handler has `connection.session`. Not called for a client that resumes a session. A throw or a rejection answers
   * 500 and reaches `onError`.
   *
   * @example
   * initial: (handshake, context) => ({ name: context.name, visits: 0 })
   */
  readonly initial: (handshake: Handshake, context: Context) => Awaitable<Data>;
}

/** The option `transport`. */
export interface TransportOption<Transport> {
  /**
   * Makes the data of the transport record. `found` is what HTTP code put on the TCP socket before. The function must be
   * synchronous. A throw answers 500 and reaches `onError`.
   *
   * @default (handshake, found) => found
   */
  readonly transport?: ((handshake: Handshake, found: unknown) => Transport) | undefined;
}

/** The option `schema`. */
export interface SchemaOption<Data> {
  /**
   * Checks data on every write and on every load. The schema must be synchronous. Data that does not satisfy the schema rejects the
   * call with INVALID_DATA.
   */
  readonly schema?: StandardSchemaV1<unknown, Data> | undefined;
}

/** The option `onNoToken`. Its value decides whether a connection always has a session. */
export interface NoTokenOption {
  /**
   * The answer to a client without a token, for applications that log in over HTTP: no login, no socket. `"fresh"`: a new session, or a
   * connection without one if there is no `initial`. `"refuse"` and `"close"`: as for `onBadToken`. Then every connection has a session,
   * and this value is the default of `onBadToken`. A client needs a token also if `admit` names a subject; only
   * `accept({ sessionId })` takes the place of a token.
   *
   * @default "fresh"
   * @throws INVALID_ARGUMENT from `createSessions` for `"refuse"` and `"close"` without the option `token`, and together with `initial`,
   * `onBadToken: "fresh"` or `onCorruptRecord: "fresh"`, which give a session to a client that has none.
   */
  readonly onNoToken?: "fresh" | "refuse" | "close" | undefined;
}

/** All options of `createSessions`, for options in a variable. */
export interface SessionsOptions<Data extends object, Transport = unknown, Context = unknown>
  extends
    CommonOptions,
    AdmitOption<Admission<Context>>,
    TransportOption<Transport>,
    SchemaOption<Data>,
    NoTokenOption {
  /** As in `InitialOption`; absent: the application sets the session of each connection. */
  readonly initial?: InitialOption<Data, Context>["initial"] | undefined;
}
