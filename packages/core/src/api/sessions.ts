/** The sessions of one application in one process: the interface for the application. */
import type { SendOptions, Sent } from "@wsession/protocol";
import type { Diagnostics } from "../base/diagnostics.ts";
import type { Lifetimes } from "../base/lifetimes.ts";
import type { OriginRule } from "../handshake/handshake.ts";
import type { NodePresence } from "../store/contract.ts";
import type { PresenceEvent, SubjectPresence } from "../store/presence-contract.ts";
import type { Connection, Session } from "./contract.ts";
import type { Handlers } from "./handlers.ts";
import type { Health } from "./health.ts";
import type { CloseOptions, Runtime, RuntimeBinding } from "./runtime.ts";
import type { Transaction } from "./transaction.ts";

/** The result of a destruction. */
export interface DestroyReport {
  /** How many sessions were destroyed. */
  readonly destroyed: number;
  /** How many connections were closed, here and on the processes that answered. */
  readonly closed: number;
  /** Processes that hold connections and did not answer in time. Their sockets close once they run again. */
  readonly unreachable: readonly string[];
}

/** The connections of a session, by process. */
export interface PresenceReport {
  /** How many connections the session has on all live processes together. */
  readonly connections: number;
  /** The live processes that hold connections, this process included. */
  readonly nodes: readonly NodePresence[];
  /** Processes that hold connections but do not answer. */
  readonly missing: readonly string[];
}

/** The options of `create`. */
export interface CreateOptions extends Lifetimes {
  /** The owner of the session, as `accept({ subject })`. Well-formed Unicode, and not the empty string. */
  readonly subject?: string | undefined;
}

/** The options of `open`. */
export interface OpenOptions {
  /** The required subject: the token of another subject's session, or of a session without one, opens nothing. */
  readonly subject?: string | undefined;
  /**
   * Whether the call counts as activity, and so moves the idle deadline.
   *
   * @default true
   */
  readonly touch?: boolean | undefined;
}

/**
 * The sessions of one application in one process. An id, a subject, a reason or options of a wrong type throw INVALID_ARGUMENT at
 * once. A call of the store rejects with an error of the store (STORE_UNAVAILABLE, …), and with SHUTTING_DOWN once `close()` has
 * settled.
 */
export interface Sessions<
  Data extends object = object,
  Transport = unknown,
  Unset extends undefined = undefined,
  Context = unknown,
> {
  /** The live connections of all runtimes. */
  readonly connections: Iterable<Connection<Data, Transport, Unset, Context>> & { readonly size: number };
  /** The connection of a runtime's own socket object; `undefined` if the socket belongs to other sessions. */
  of<Socket extends object>(socket: Socket): Connection<Data, Transport, Unset, Context, Socket> | undefined;
  /**
   * Reads a session, whether connected or not. Resolves with `undefined` if there is no such session. The handle is administrative: it
   * carries no fence (I13).
   */
  get(id: string): Promise<Session<Data, Transport, Context> | undefined>;
  /**
   * Opens a session by its whole token, without a connection: for an HTTP request. Resolves with `undefined` for a token that is
   * malformed, unknown, expired, wrong, replaced, or of another subject than `subject`. Such tokens are counted, reported, and with
   * `destroyOnTheft` answered, as those of a handshake. Of several tokens, such as cookies of one name, the first that opens a
   * session counts; four are tried.
   *
   * The handle is administrative: it carries no fence, because a request is not a connection (I13). Its `identify` and `rotate`
   * reject with CONFLICT if another call has replaced the token since.
   *
   * @throws INVALID_ARGUMENT for a token that is not a string. Rejects with NOT_SUPPORTED if the store keeps sessions on
   * connections, and with CORRUPT_RECORD or INVALID_DATA unless `onCorruptRecord` is `"fresh"`.
   * @example
   * const session = await sessions.open(cookies["__Host-wsession"] ?? "");
   * if (session?.subject === undefined) return response.writeHead(401).end();
   */
  open(
    token: string | readonly string[],
    options?: OpenOptions,
  ): Promise<Session<Data, Transport, Context> | undefined>;
  /** The option `origins`, so that HTTP code can check the same list. */
  readonly origins: OriginRule | undefined;
  /**
   * All live sessions: of this process, or with a shared store of all processes. The iteration scans the whole store, so use it in
   * tools of operators, not in requests. A session that can't be read is reported to `onError` and left out.
   */
  entries(): AsyncIterable<Session<Data, Transport, Context>>;
  /**
   * Creates a session without a connection, for example in an HTTP login. The token is a secret.
   *
   * @throws INVALID_ARGUMENT for a wrong option, and for an `expiresAt` that is past. Rejects with NOT_SUPPORTED if the store keeps
   * sessions on connections, or if lifetimes are given and the store keeps none. Rejects with REVOKED if the subject's sessions were
   * destroyed meanwhile.
   * @example
   * const { token } = await sessions.create({ cart: [] }, { subject: user.id, idleMs: 30 * DAY, absoluteMs: 90 * DAY });
   */
  create(
    data: Data,
    options?: CreateOptions,
  ): Promise<{ session: Session<Data, Transport, Context>; token: string }>;
  /** Destroys a session everywhere, and closes its connections with 4410 and `reason`. */
  destroy(id: string, reason?: string): Promise<DestroyReport>;
  /** All live sessions of a subject. A session that can't be read is reported to `onError` and left out. */
  bySubject(subject: string): Promise<Session<Data, Transport, Context>[]>;
  /**
   * Destroys all sessions of a subject, also sessions that are being created: a logout everywhere.
   *
   * @throws STORE_UNAVAILABLE, as a rejection, if not all sessions could be destroyed. The call may be repeated.
   * @example
   * await sessions.destroySubject(user.id, "password changed");
   */
  destroySubject(subject: string, reason?: string): Promise<DestroyReport>;
  /**
   * As `session.send`, for the id of a session, without reading the session first. Resolves with `undefined` if there is no
   * such session. The call is administrative: it carries no fence (I13).
   */
  send(id: string, message: string | Uint8Array, options?: SendOptions): Promise<Sent | undefined>;
  /**
   * Sends a message to each live session of a subject. A session that gets another subject meanwhile does not get the message.
   * `sessions` counts the sessions that keep the message. `failed` counts the sessions whose message the store refused, or whose
   * outcome is unknown. A failure of a single session never rejects the call, because a caller that sends again would send the
   * message twice to the other sessions. Rejects if the sessions can't be listed.
   *
   * @example
   * const { sessions: kept, failed } = await sessions.sendToSubject(user.id, JSON.stringify({ type: "mail" }));
   */
  sendToSubject(
    subject: string,
    message: string | Uint8Array,
    options?: SendOptions,
  ): Promise<{ readonly sessions: number; readonly failed: number }>;
  /** Returns on which processes a session has connections. A process that does not answer is not an error: `missing` names it. */
  presence(id: string): Promise<PresenceReport>;
  /**
   * Returns whether a subject is online, away or offline, with its sessions. All sessions of the subject together decide the state.
   * Reads the subject's sessions from the store.
   *
   * @throws NOT_SUPPORTED, as a rejection, if the store has no presence of subjects.
   */
  presenceOfSubject(subject: string): Promise<SubjectPresence>;
  /**
   * Calls `listener` with the state of each subject, and then with each change in any process. Resolves once `listener` has got all
   * present states. Ends when `signal` aborts. `listener` gets a change at once. If the message of a change was lost, the sweep of the
   * store finds the change (`sweepMs`). An error of the listener reaches `onError`. After a rejection there are no further calls.
   *
   * @throws NOT_SUPPORTED, as a rejection, if the store can't watch subjects.
   * @example
   * const ended = new AbortController();
   * await sessions.watch(["ada", "bob"], ({ subject, type }) => show(subject, type), { signal: ended.signal });
   */
  watch(
    subjects: Iterable<string>,
    listener: (event: PresenceEvent) => unknown,
    options: { readonly signal: AbortSignal },
  ): Promise<void>;
  /**
   * Returns the state of these sessions and of the store, for probes of readiness and liveness. Calls the store. Settles within 500
   * ms, plus the time for which the event loop is blocked, and never rejects: a store that does not answer is not `ok`. Once
   * `close()` has closed the store, `store.ok` is false and its other members are `undefined`.
   *
   * @example
   * const { ok } = await sessions.health();
   * response.writeHead(ok ? 200 : 503).end();
   */
  health(): Promise<Health>;
  /** Counters since `createSessions`. */
  readonly diagnostics: Readonly<Diagnostics>;
  /**
   * Shuts down. Answers handshakes with 503 and `Retry-After`, also handshakes that are being decided. Handles the messages that
   * have arrived, and closes every connection with 1012. Then waits for the calls of the store in progress, and closes the store.
   * With `handover`, clients of `v1.wsession` first have time to connect elsewhere. Resolves when the close handlers have settled
   * and the store is closed. Does not wait for a handler that calls `close()` before its first `await`, because the two would wait
   * for each other (deadlock). Idempotent.
   */
  close(options?: CloseOptions): Promise<void>;
  /**
   * For adapters: connects a runtime to these sessions. Applications call `bindSessions` of an adapter instead.
   *
   * @throws SHUTTING_DOWN once `close()` was called.
   */
  bind<Socket extends object>(
    runtime: Runtime<Socket>,
    handlers: Handlers<Data, Transport, Unset, Context, Socket>,
  ): RuntimeBinding<Socket>;
}

/**
 * The type of the handlers that fit `sessions`: `const handlers: HandlersOf<typeof sessions> = { … }`. With the class of a
 * runtime's socket the handlers fit that runtime alone, and `connection.socket` is typed; without it they fit every runtime.
 */
export type HandlersOf<S, Socket = unknown> =
  S extends Sessions<infer Data, infer Transport, infer Unset, infer Context>
    ? Handlers<Data, Transport, Unset, Context, Socket>
    : never;

/** The type of a connection of `sessions`, for a function of your own: `function greet(conn: ConnectionOf<typeof sessions>)`. */
export type ConnectionOf<S, Socket = unknown> =
  S extends Sessions<infer Data, infer Transport, infer Unset, infer Context>
    ? Connection<Data, Transport, Unset, Context, Socket>
    : never;

/** The type of a session of `sessions`, for a function of your own: `function show(session: SessionOf<typeof sessions>)`. */
export type SessionOf<S> =
  S extends Sessions<infer Data, infer Transport, undefined, infer Context>
    ? Session<Data, Transport, Context>
    : never;

/** The type of the transaction of `sessions`, for a function of your own: `function pay(tx: TransactionOf<typeof sessions>)`. */
export type TransactionOf<S, Socket = unknown> =
  S extends Sessions<infer Data, infer Transport, undefined, infer Context>
    ? Transaction<Data, Transport, Context, Socket>
    : never;
