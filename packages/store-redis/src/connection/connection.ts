import type { Cluster, Redis } from "ioredis";
import { PatientTimer } from "../base/arrivals.ts";
import { type RedisClient, isCluster } from "../base/client.ts";
import { reasonOf } from "../base/failures.ts";
import { ownClusterOptions, ownOptions, retryPause, retryPauseOf } from "./own-options.ts";

/** The time limit for establishing a connection, unless `timeoutMs` is longer. */
const HANDSHAKE_MS = 1_000;

export interface ConnectionEvents {
  /** Connected and authenticated. The role of the server is not checked yet. */
  readonly ready: () => void;
  /** Calls in flight are lost, and another server may answer from now on. */
  readonly lost: () => void;
  /** The connection failed for this reason. */
  readonly failed: (reason: Error) => void;
  /** The application's client or the store was closed. */
  readonly ended: () => void;
  /** A server sent data or became writable; `node`: which node of a Cluster. */
  readonly arrived: (node: string | undefined) => void;
  /** The slots or nodes of a Cluster have changed. */
  readonly slotsChanged: () => void;
}

/** Callbacks for other parts that depend on the connection. */
export interface ConnectionFollower {
  /** The application's client or the store was closed. */
  readonly ended?: () => void;
  /** The application's client was connected again. */
  readonly resumed?: () => void;
  /** The connection was replaced, perhaps by one to a server that has lost data. */
  readonly renewed?: () => void;
}

/**
 * The store's own client for commands, with the application's options. The store may close a connection that
 * hangs, which it must not do to the application's client. MULTI, SELECT, BLPOP and SUBSCRIBE of the
 * application do not affect it. It follows the application's client: `disconnect()` or `quit()` there closes
 * it, and `connect()` there reconnects it.
 */
export class Connection {
  readonly handshakeMs: number;
  readonly #applicationClient: RedisClient;
  /** The known nodes of a Cluster, by `host:port`. */
  readonly #nodes = new Map<string, Redis>();
  #client: RedisClient;
  #events: ConnectionEvents | undefined;
  readonly #followers = new Set<ConnectionFollower>();
  /** Failed connections since the last successful one. */
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  #isApplicationClientEnded: boolean;
  #isClosed = false;

  constructor(given: RedisClient, timeoutMs: number) {
    this.#applicationClient = given;
    this.handshakeMs = Math.max(timeoutMs, HANDSHAKE_MS);
    this.#isApplicationClientEnded = given.status === "end";
    this.#client = this.#createClient();
    given.on("end", this.#onApplicationClientEnd);
    given.on("connecting", this.#onApplicationClientConnecting);
  }

  listen(events: ConnectionEvents): void {
    this.#events = events;
  }

  follow(follower: ConnectionFollower): void {
    this.#followers.add(follower);
  }

  /** The store's own client. It is replaced after it has ended. */
  get client(): RedisClient {
    return this.#client;
  }

  get isEnded(): boolean {
    return this.#isClosed || this.#isApplicationClientEnded;
  }

  get isReady(): boolean {
    return this.#client.status === "ready" && !this.isEnded;
  }

  node(key: string): Redis | undefined {
    return this.#nodes.get(key);
  }

  /**
   * Whether any master of the Cluster is known. Without one ioredis would ask a replica, which may lag behind
   * (I7).
   */
  get hasMaster(): boolean {
    for (const { options } of this.#nodes.values()) if (options.readOnly !== true) return true;
    return false;
  }

  /** Starts connecting, unless that has begun. */
  connect(): void {
    if (!this.isEnded && this.#client.status === "wait") this.#client.connect().catch(() => undefined);
  }

  /** Resets the backoff, because the server is usable. */
  succeeded(): void {
    this.#failures = 0;
  }

  /** Looks for the master again: by reconnecting (DNS or Sentinel), or from the slot table of a Cluster. */
  restart(): void {
    this.refresh();
    if (!isCluster(this.#client) && this.#client.status === "ready") this.#client.stream.destroy();
  }

  /** Reads the slot table of a Cluster again. */
  refresh(): void {
    if (isCluster(this.#client) && this.#client.status === "ready") this.#client.refreshSlotsCache();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#applicationClient.off("end", this.#onApplicationClientEnd);
    this.#applicationClient.off("connecting", this.#onApplicationClientConnecting);
    this.#end();
  }

  readonly #onApplicationClientEnd = (): void => {
    this.#isApplicationClientEnded = true;
    this.#end();
  };

  readonly #onApplicationClientConnecting = (): void => {
    if (!this.#isApplicationClientEnded) return;
    this.#isApplicationClientEnded = false;
    this.#client = this.#createClient();
    for (const { resumed } of this.#followers) resumed?.();
  };

  #end(): void {
    clearTimeout(this.#retry);
    this.#client.disconnect();
    this.#events?.ended();
    for (const { ended } of this.#followers) ended?.();
  }

  /**
   * Creates a connection for subscriptions without connecting it. On a Cluster it goes to the node `at`
   * (`host:port`), or else to any known node, because every node delivers unsharded messages. `undefined` if
   * that node, or every node, is unknown.
   */
  makeListener(at?: string): Redis | undefined {
    const options = {
      ...ownOptions(this.#applicationClient, this.handshakeMs),
      enableOfflineQueue: true,
      readOnly: false,
      retryStrategy: null,
    };
    let listener: Redis;
    if (isCluster(this.#applicationClient)) {
      const nodes = [...this.#nodes.values()];
      const node = at === undefined ? nodes[Math.floor(Math.random() * nodes.length)] : this.#nodes.get(at);
      if (node === undefined) {
        this.connect();
        return undefined;
      }
      listener = node.duplicate(options);
    } else listener = this.#applicationClient.duplicate(options);
    limitHandshake(listener, this.handshakeMs);
    return listener;
  }

  #createClient(): RedisClient {
    const own = isCluster(this.#applicationClient)
      ? this.#createCluster(this.#applicationClient)
      : this.#createRedis(this.#applicationClient);
    const isCurrent = (): boolean => this.#client === own;
    // Without an error listener ioredis would write the error to the console.
    own.on("error", (error: unknown) => {
      if (isCurrent()) this.#events?.failed(reasonOf(error));
    });
    own.on("ready", () => {
      if (!isCurrent()) return;
      this.#events?.ready();
      this.#renewed();
    });
    own.on("close", () => {
      if (isCurrent()) this.#events?.lost();
    });
    own.on("end", () => {
      if (isCurrent() && !this.isEnded) this.#createClientLater();
    });
    return own;
  }

  #createRedis(given: Redis): Redis {
    const own: Redis = given.duplicate({
      ...ownOptions(given, this.handshakeMs),
      enableOfflineQueue: false,
      readOnly: false,
      retryStrategy: () => {
        // The application may change its password at run time, on its own client.
        own.options.username = given.options.username;
        own.options.password = given.options.password;
        return retryPauseOf((this.#failures += 1), given.options.retryStrategy);
      },
    });
    this.#watch(own, undefined);
    return own;
  }

  #createCluster(given: Cluster): Cluster {
    this.#nodes.clear();
    const own = given.duplicate([], {
      ...ownClusterOptions(given.options),
      redisOptions: {
        ...given.options.redisOptions,
        ...ownOptions(given, this.handshakeMs),
        replyMapping: "legacy",
      },
      clusterRetryStrategy: () => retryPause((this.#failures += 1)),
    });
    own.on("+node", (node: Redis) => {
      const key = keyOf(node);
      this.#nodes.set(key, node);
      const known = given.nodes().find((other) => keyOf(other) === key)?.options;
      const { username, password } = known ?? given.options.redisOptions ?? {};
      if (username !== undefined) node.options.username = username;
      if (password !== undefined) node.options.password = password;
      this.#watch(node, key);
      this.#renewed();
    });
    own.on("-node", (node: Redis) => {
      if (this.#nodes.get(keyOf(node)) !== node) return;
      this.#nodes.delete(keyOf(node));
      this.#events?.slotsChanged();
      // The slots of the removed node may have a new master.
      this.refresh();
    });
    own.on("refresh", () => this.#events?.slotsChanged());
    own.on("node error", (error: unknown) => this.#events?.failed(reasonOf(error)));
    return own;
  }

  #renewed(): void {
    for (const { renewed } of this.#followers) renewed?.();
  }

  /** Creates the client again after ioredis gave up, as it does when no Sentinel answers. */
  #createClientLater(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(
      () => {
        this.#client = this.#createClient();
        this.connect();
      },
      retryPause((this.#failures += 1)),
    );
    this.#retry.unref();
  }

  #watch(redis: Redis, node: string | undefined): void {
    limitHandshake(redis, this.handshakeMs);
    const arrived = (): void => this.#events?.arrived(node);
    // This listener runs after the one of ioredis, which processes the replies.
    redis.on("connect", () => redis.stream.on("data", arrived));
    redis.on("ready", arrived);
  }
}

function keyOf({ options: { host, port } }: Redis): string {
  return `${host}:${port}`;
}

/**
 * Closes a connection whose handshake gets no reply. A server that hangs still accepts connections, and
 * ioredis would wait for ever.
 */
export function limitHandshake(redis: Redis, ms: number): void {
  let timer: PatientTimer | undefined;
  const stop = (): void => timer?.stop();
  redis.on("connect", () => {
    const { stream } = redis;
    stop();
    timer = new PatientTimer(ms, () => {
      if (redis.stream === stream && redis.status === "connect") stream.destroy();
    }).unref();
  });
  redis.on("ready", stop);
  redis.on("close", stop);
}
