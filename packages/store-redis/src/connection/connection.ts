import type { Cluster, Redis } from "ioredis";
import { PatientTimer } from "../base/arrivals.ts";
import { type RedisClient, isCluster } from "../base/client.ts";
import { reasonOf } from "../base/failures.ts";
import { ownClusterOptions, ownOptions, retryPause, retryPauseOf } from "./own-options.ts";

/** A connection is given this long to be made, or `timeoutMs` where that is longer. */
const HANDSHAKE_MS = 1_000;

export interface ConnectionEvents {
  /** Connected and authenticated. What kind of server answers is not known yet. */
  readonly ready: () => void;
  /** What was under way is lost, and another server may answer from here on. */
  readonly lost: () => void;
  /** Why there is no connection. */
  readonly failed: (reason: Error) => void;
  /** The application's client, or the store, was closed. */
  readonly ended: () => void;
  /** A server answered or can be written to; `node`: which one of a Cluster. */
  readonly arrived: (node: string | undefined) => void;
  /** A Cluster's slots or nodes have changed. */
  readonly moved: () => void;
}

/** What else depends on the connection. */
export interface ConnectionFollower {
  /** The application's client, or the store, was closed. */
  readonly ended?: () => void;
  /** The application's client is used again. */
  readonly resumed?: () => void;
  /** There is another connection than before, perhaps to a server that has lost what the one before it had. */
  readonly renewed?: () => void;
}

/**
 * The store's own client for commands, with the application's options. The store may end a connection that hangs, which it
 * may not do to the application's client; and MULTI, SELECT, BLPOP or SUBSCRIBE of the application have no effect here. This
 * client lives as long as the application's: `disconnect()` or `quit()` there closes it, `connect()` there brings it back.
 */
export class Connection {
  readonly handshakeMs: number;
  readonly #given: RedisClient;
  /** The nodes of a Cluster that are known, by `host:port`. */
  readonly #nodes = new Map<string, Redis>();
  #own: RedisClient;
  #events: ConnectionEvents | undefined;
  readonly #followers = new Set<ConnectionFollower>();
  /** Connections that were of no use, since the last one that was. */
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  #isGivenEnded: boolean;
  #isClosed = false;

  constructor(given: RedisClient, timeoutMs: number) {
    this.#given = given;
    this.handshakeMs = Math.max(timeoutMs, HANDSHAKE_MS);
    this.#isGivenEnded = given.status === "end";
    this.#own = this.#make();
    given.on("end", this.#onGivenEnd);
    given.on("connecting", this.#onGivenConnecting);
  }

  listen(events: ConnectionEvents): void {
    this.#events = events;
  }

  follow(follower: ConnectionFollower): void {
    this.#followers.add(follower);
  }

  /** The store's own client; another one after it has ended. */
  get client(): RedisClient {
    return this.#own;
  }

  get isEnded(): boolean {
    return this.#isClosed || this.#isGivenEnded;
  }

  get isReady(): boolean {
    return this.#own.status === "ready" && !this.isEnded;
  }

  node(key: string): Redis | undefined {
    return this.#nodes.get(key);
  }

  /** Whether a Cluster's master is known. Without one ioredis would ask a replica, which may be behind (I7). */
  get hasMaster(): boolean {
    for (const { options } of this.#nodes.values()) if (options.readOnly !== true) return true;
    return false;
  }

  /** Starts to connect, where that has not begun. */
  connect(): void {
    if (!this.isEnded && this.#own.status === "wait") this.#own.connect().catch(() => undefined);
  }

  /** What answers is of use, so that the next failure is the first one again. */
  succeeded(): void {
    this.#failures = 0;
  }

  /** Finds the master again: by DNS or Sentinel over a new connection, or by a Cluster's slots. */
  restart(): void {
    this.refresh();
    if (!isCluster(this.#own) && this.#own.status === "ready") this.#own.stream.destroy();
  }

  /** Asks a Cluster where its slots are. */
  refresh(): void {
    if (isCluster(this.#own) && this.#own.status === "ready") this.#own.refreshSlotsCache();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#given.off("end", this.#onGivenEnd);
    this.#given.off("connecting", this.#onGivenConnecting);
    this.#end();
  }

  readonly #onGivenEnd = (): void => {
    this.#isGivenEnded = true;
    this.#end();
  };

  readonly #onGivenConnecting = (): void => {
    if (!this.#isGivenEnded) return;
    this.#isGivenEnded = false;
    this.#own = this.#make();
    for (const { resumed } of this.#followers) resumed?.();
  };

  #end(): void {
    clearTimeout(this.#retry);
    this.#own.disconnect();
    this.#events?.ended();
    for (const { ended } of this.#followers) ended?.();
  }

  /**
   * A connection that only listens, not connected yet; on a Cluster to the node `at` (`host:port`), or to any that is known, since each hears
   * every message that is not for one shard. `undefined`: it is not known, or none is yet.
   */
  makeListener(at?: string): Redis | undefined {
    const options = {
      ...ownOptions(this.#given, this.handshakeMs),
      enableOfflineQueue: true,
      readOnly: false,
      retryStrategy: null,
    };
    let listener: Redis;
    if (isCluster(this.#given)) {
      const nodes = [...this.#nodes.values()];
      const node = at === undefined ? nodes[Math.floor(Math.random() * nodes.length)] : this.#nodes.get(at);
      if (node === undefined) {
        this.connect();
        return undefined;
      }
      listener = node.duplicate(options);
    } else listener = this.#given.duplicate(options);
    boundHandshake(listener, this.handshakeMs);
    return listener;
  }

  #make(): RedisClient {
    const own = isCluster(this.#given) ? this.#makeCluster(this.#given) : this.#makeSingle(this.#given);
    const isCurrent = (): boolean => this.#own === own;
    // Without a listener ioredis would write the error to the console.
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
      if (isCurrent() && !this.isEnded) this.#makeLater();
    });
    return own;
  }

  #makeSingle(given: Redis): Redis {
    const own: Redis = given.duplicate({
      ...ownOptions(given, this.handshakeMs),
      enableOfflineQueue: false,
      readOnly: false,
      retryStrategy: () => {
        // An application changes its password on its client at run time.
        own.options.username = given.options.username;
        own.options.password = given.options.password;
        return retryPauseOf((this.#failures += 1), given.options.retryStrategy);
      },
    });
    this.#watch(own, undefined);
    return own;
  }

  #makeCluster(given: Cluster): Cluster {
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
      this.#events?.moved();
      // Its slots may have a new master by now.
      this.refresh();
    });
    own.on("refresh", () => this.#events?.moved());
    own.on("node error", (error: unknown) => this.#events?.failed(reasonOf(error)));
    return own;
  }

  #renewed(): void {
    for (const { renewed } of this.#followers) renewed?.();
  }

  /** ioredis gave up, as it does where Sentinel has no answer. */
  #makeLater(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(
      () => {
        this.#own = this.#make();
        this.connect();
      },
      retryPause((this.#failures += 1)),
    );
    this.#retry.unref();
  }

  #watch(redis: Redis, node: string | undefined): void {
    boundHandshake(redis, this.handshakeMs);
    const arrived = (): void => this.#events?.arrived(node);
    // After ioredis' own listener, which takes answers in.
    redis.on("connect", () => redis.stream.on("data", arrived));
    redis.on("ready", arrived);
  }
}

function keyOf({ options: { host, port } }: Redis): string {
  return `${host}:${port}`;
}

/** Ends a connection whose handshake is not answered. A server that hangs accepts connections still, and ioredis would wait. */
export function boundHandshake(redis: Redis, ms: number): void {
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
