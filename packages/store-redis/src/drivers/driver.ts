// The interface between the store and a client library of Redis. A driver makes the store's own clients from the
// application's client. Deadlines, repeats, backpressure, the checks of the server and the probes of the
// subscription are above the port, once for all libraries.

/**
 * A command with its reply. The promise rejects with an error named `ReplyError` if Redis replied with an
 * error, and with another error if no reply came.
 */
export interface SentCommand {
  readonly promise: Promise<unknown>;
  readonly isSettled: boolean;
  /**
   * How often the command was written to a socket. Above 1, an earlier attempt may have run without a reply. A driver that cannot
   * detect whether the command was written MUST count it.
   */
  attempts: number;
  /** The queue in which the command waits, unsent. */
  backlog: { delete(command: SentCommand): unknown } | undefined;
  reject(reason: Error): unknown;
  /** The caller no longer waits. From now on the driver MUST NOT write the command, or follow a redirection. */
  cancel(reason: Error): void;
  /** Closes the connection to which the command was written, if no data arrived there for at least `ms`. */
  closeIfSilent(ms: number): void;
}

/** One server, and the store's connection for commands to it. */
export interface Server {
  /** `host:port` on a Cluster; "" for a single server. */
  readonly name: string;
  /** Whether a command may be sent now. A command to a server that does not accept one waits unsent. */
  readonly accepts: boolean;
  /** Commands without a reply, also those that no caller waits for any more. */
  readonly unanswered: number;
  /**
   * Sends a command. Commands of one turn of the event loop share a write where possible. On a Cluster the driver follows
   * redirections to other servers.
   */
  send(command: SentCommand): void;
  /** Sends a command at once, ahead of those that wait. */
  probe(command: SentCommand): void;
  /** Returns a function that closes the connection if it is still the same and no data has arrived since. */
  watchSilence(): () => void;
}

/** The slot table of a Cluster. By slot: `host:port` of the primary, then of its replicas. */
export type Slots = readonly (readonly string[])[];

/**
 * A client of the store's own for commands. It MUST NOT queue commands while it is not connected, and MUST NOT
 * send a command again after its connection was lost.
 */
export interface OwnClient {
  readonly isCluster: boolean;
  readonly isReady: boolean;
  /** The primaries that the client has found. */
  readonly servers: readonly Server[];
  /** The slot table; empty for a single server. */
  readonly slots: Slots;
  /** The primary or replica with this name. */
  serverOf(name: string): Server | undefined;
  /** Starts connecting, unless that has begun. */
  connect(): void;
  /** Closes every connection for good. */
  disconnect(): void;
  /** Searches for the primary again: by reconnecting (DNS or Sentinel), or from the slot table of a Cluster. */
  restart(): void;
  /** Connects again if Sentinel has replaced the server. Finds that out in the background. Does nothing without Sentinel. */
  checkPrimary(): void;
  /** Reads the slot table of a Cluster again. */
  refresh(): void;
  /** Creates a command without sending it. The array `args` must not be used afterwards. */
  createCommand(name: string, args: string[]): SentCommand;
  /** The server that a command goes to; an error if there is none. On a Cluster any primary serves a command without a key. */
  targetOf(command: SentCommand): Server | Error;
  /**
   * Creates a connection for subscriptions without connecting it. On a Cluster it goes to the node `at`, or
   * else to any known node, because every node delivers unsharded messages. `undefined` if that node, or every
   * node, is unknown.
   */
  createListener(events: ListenerEvents, at?: string): Listener | undefined;
}

export interface OwnClientEvents {
  /** Connected and authenticated. The role of the server is not checked yet. */
  readonly ready: () => void;
  /** Commands in flight are lost, and another server may answer from now on. */
  readonly lost: () => void;
  /** The client has given up and will not connect again. */
  readonly ended: () => void;
  /** A connection failed for this reason. */
  readonly failed: (reason: Error) => void;
  /** A server sent data or became writable; `name` as in `Server`. */
  readonly arrived: (name: string) => void;
  /** The slots or nodes of a Cluster have changed. */
  readonly slotsChanged: () => void;
  /** The client has found another node of the Cluster. That node may have lost data. */
  readonly nodeAdded: () => void;
}

export interface OwnClientSettings {
  /** The time limit for establishing one connection, in milliseconds. */
  readonly handshakeMs: number;
  /** Counts a failed connection, and returns how many failed since the last usable one. */
  readonly countFailure: () => number;
}

/** A connection for subscriptions. It does not reconnect. */
export interface Listener {
  readonly isReady: boolean;
  /** Rejects if the server does not answer PING as Redis does. */
  connect(): Promise<unknown>;
  subscribe(channels: readonly string[]): Promise<unknown>;
  /** Connects first, if that has not begun. */
  subscribeSharded(channel: string): Promise<unknown>;
  unsubscribeSharded(channel: string): Promise<unknown>;
  ping(): Promise<unknown>;
  /** Closes the socket at once, because a graceful close would wait for a peer that hangs. */
  cut(): void;
}

export interface ListenerEvents {
  readonly message: (text: string, channel: string) => void;
  readonly failed: (error: unknown) => void;
  /** The connection is gone for good. Called once. */
  readonly ended: () => void;
}

/** One client library, with the client that the application created with it. */
export interface Driver {
  readonly isCluster: boolean;
  /** The `keyPrefix` option of the application's client, or "". */
  readonly keyPrefix: string;
  /** The number of the database of the application's client. With Sentinel and node-redis known once the store is connected. */
  database(): number;
  /** Whether the application's client is closed for good. */
  readonly isEnded: boolean;
  createClient(settings: OwnClientSettings, events: OwnClientEvents): OwnClient;
  /** Follows the application's client. Returns a function that stops it. */
  follow(events: { readonly ended: () => void; readonly connecting: () => void }): () => void;
}

/**
 * Checks the reply to PING before anything is subscribed. A server that is not Redis may answer SUBSCRIBE with null. ioredis then throws
 * an error that nothing can catch, and the process would end.
 */
export function assertPong(reply: unknown): void {
  if (reply !== "PONG") throw new Error("the server is not Redis: it did not answer PING with PONG");
}
