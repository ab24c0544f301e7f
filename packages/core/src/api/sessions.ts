/** The sessions of one application in one process, as the application sees them. */
import type { Diagnostics } from "../base/diagnostics.ts";
import type { NodePresence } from "../store/contract.ts";
import type { Connection, Handlers, Session } from "./contract.ts";
import type { CloseOptions, Runtime, RuntimeBinding } from "./runtime.ts";

export interface DestroyReport {
  /** Sessions that were there and are not any more. */
  readonly destroyed: number;
  /** Connections that were closed, here and on the processes that answered. */
  readonly closed: number;
  /** Processes that are listed as holders and did not answer in time; their sockets close when they come to. */
  readonly unreachable: readonly string[];
}

export interface PresenceReport {
  /** Connections, over all processes that are known to live. */
  readonly connections: number;
  readonly nodes: readonly NodePresence[];
  /** Processes that are listed as holders but do not answer. */
  readonly missing: readonly string[];
}

/** Sessions of one application in one process. */
export interface Sessions<
  Data extends object = object,
  Transport = unknown,
  Unset extends undefined = undefined,
> {
  /** Live connections of all runtimes. */
  readonly connections: Iterable<Connection<Data, Transport, Unset>> & { readonly size: number };
  /** The connection of a runtime's own socket object. */
  of(socket: object): Connection<Data, Transport, Unset> | undefined;
  /** Reads a session, connected or not. A wrong type of an id or a subject rejects with INVALID_ARGUMENT, here and below. Its handle is administrative: it carries no fence (I13). */
  get(id: string): Promise<Session<Data> | undefined>;
  /**
   * All live sessions: of this process, or with a shared store of all (SCAN: for operators, not for requests). One that can't
   * be read goes to `onError` and is left out, here and of `bySubject`.
   */
  entries(): AsyncIterable<Session<Data>>;
  /** Creates a session without a connection. NOT_SUPPORTED where the store keeps sessions on connections. */
  create(data: Data): Promise<{ session: Session<Data>; token: string }>;
  destroy(id: string, reason?: string): Promise<DestroyReport>;
  bySubject(subject: string): Promise<Session<Data>[]>;
  /** Destroys all of a subject's sessions, those that are being created included. */
  destroySubject(subject: string, reason?: string): Promise<DestroyReport>;
  /** Where a session is connected. Never throws because a process is dead: such are named in `missing`. */
  presence(id: string): Promise<PresenceReport>;
  /** Counters since the start. */
  readonly diagnostics: Readonly<Diagnostics>;
  /**
   * Stops admission (503, for handshakes that are being decided too), handles what has arrived, closes every connection with 1012, settles the writes under way and lets go of the store.
   * Resolves when the close handlers have settled. A handler that awaits it, called before the handler's first `await`, is not
   * waited for. Idempotent.
   */
  close(options?: CloseOptions): Promise<void>;
  /** For adapters: ties a runtime to these sessions. Applications call an adapter's `bindSessions`. */
  bind<Socket extends object>(
    runtime: Runtime<Socket>,
    handlers: Handlers<Data, Transport, Unset>,
  ): RuntimeBinding<Socket>;
}

/** The handlers that fit `sessions`, for both runtimes: `const handlers: HandlersOf<typeof sessions> = { … }`. */
export type HandlersOf<S> =
  S extends Sessions<infer Data, infer Transport, infer Unset> ? Handlers<Data, Transport, Unset> : never;
