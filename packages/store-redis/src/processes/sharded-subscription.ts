import type { Cluster, Redis } from "ioredis";
import type { Calls } from "../connection/calls.ts";
import type { Shards } from "../connection/shards.ts";

const PROBE = '["p"';
const RETRY_MS = 250;
const MOST_RETRY_MS = 10_000;

export interface ShardedEvents {
  /** A message arrived. */
  readonly message: (text: string) => void;
  /** A subscribed connection was lost, and messages may be lost with it. */
  readonly lost: () => void;
}

interface Listener {
  readonly redis: Redis;
  /** The subscribed channels, each with the last probe that arrived on it. */
  readonly lastProbes: Map<string, number>;
}

/**
 * This process's sharded channels on a Cluster (Redis 7): one connection to each master, so that
 * announcements do not pass the Cluster's bus. This is an optimisation only: a message that no sharded
 * subscriber receives is published to the plain subscription.
 */
export class ShardedSubscription {
  readonly #calls: Calls;
  readonly #shards: Shards;
  readonly #channelOf: (tag: string) => string;
  readonly #cluster: () => Cluster | undefined;
  readonly #listen: (master: string) => Redis | undefined;
  readonly #events: ShardedEvents;
  readonly #listeners = new Map<string, Listener>();
  #probes = 0;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = RETRY_MS;
  #isUnsupported = false;
  #isClosed = false;

  /**
   * `cluster` returns the client with the slot table, or `undefined` for a single server. `listen` creates a
   * connection to a node without connecting it.
   */
  constructor(
    calls: Calls,
    shards: Shards,
    channelOf: (tag: string) => string,
    cluster: () => Cluster | undefined,
    listen: (master: string) => Redis | undefined,
    events: ShardedEvents,
  ) {
    this.#calls = calls;
    this.#shards = shards;
    this.#channelOf = channelOf;
    this.#cluster = cluster;
    this.#listen = listen;
    this.#events = events;
  }

  /** Follows changes of the Cluster's slots, and probes whether published messages arrive. */
  check(): void {
    const cluster = this.#cluster();
    if (cluster === undefined || this.#isUnsupported || this.#isClosed) return;
    const runs = this.#shards.update(cluster);
    for (const [master, { redis }] of this.#listeners) if (!runs.has(master)) redis.disconnect();
    for (const [master, tags] of runs) {
      const channels = tags.map(this.#channelOf);
      const listener = this.#listeners.get(master) ?? this.#connect(master);
      if (listener === undefined) this.#checkLater();
      else this.#follow(listener, channels);
    }
    if (runs.size === 0) this.#checkLater();
  }

  /** Checks again before the next renewal of the lease, with exponential backoff. */
  #checkLater(): void {
    if (this.#retry !== undefined || this.#isClosed || this.#isUnsupported) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.check();
    }, this.#retryMs);
    this.#retry.unref();
    this.#retryMs = Math.min(2 * this.#retryMs, MOST_RETRY_MS);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    for (const { redis } of this.#listeners.values()) redis.disconnect();
    this.#listeners.clear();
  }

  #connect(master: string): Listener | undefined {
    const redis = this.#listen(master);
    if (redis === undefined) return undefined;
    const listener: Listener = { redis, lastProbes: new Map() };
    this.#listeners.set(master, listener);
    redis.on("error", () => undefined);
    redis.on("smessage", (channel, text) => {
      if (!text.startsWith(PROBE)) this.#events.message(text);
      else if (listener.lastProbes.has(channel)) listener.lastProbes.set(channel, numberOf(text));
    });
    redis.once("end", () => {
      if (this.#listeners.get(master) === listener) this.#listeners.delete(master);
      if (listener.lastProbes.size > 0 && !this.#isClosed) this.#events.lost();
      this.#checkLater();
    });
    return listener;
  }

  #follow(listener: Listener, channels: readonly string[]): void {
    const { lastProbes, redis } = listener;
    for (const channel of lastProbes.keys()) {
      if (channels.includes(channel)) continue;
      lastProbes.delete(channel);
      redis.sunsubscribe(channel).catch(() => undefined);
    }
    for (const channel of channels) {
      if (lastProbes.has(channel)) this.#probe(listener, channel).catch(() => undefined);
      else this.#subscribe(listener, channel);
    }
  }

  #subscribe({ lastProbes, redis }: Listener, channel: string): void {
    const late = setTimeout(() => redis.disconnect(), this.#calls.timeoutMs);
    late.unref();
    redis
      .ssubscribe(channel)
      .then(() => {
        lastProbes.set(channel, 0);
        this.#retryMs = RETRY_MS;
        this.#shards.activate();
      })
      .catch((error: unknown) => {
        // Redis before 7 does not have the command, or the ACL refuses it. Any other error means that the
        // slot has moved.
        if (isRefusal(error)) this.#giveUp();
        else this.#checkLater();
      })
      .finally(() => clearTimeout(late));
  }

  /**
   * Publishes a probe. If Redis reports a receiver and the probe does not arrive, the connection is broken
   * and is replaced.
   */
  async #probe(listener: Listener, channel: string): Promise<void> {
    this.#probes += 1;
    const probe = this.#probes;
    const receivers = Number(await this.#calls.command("spublish", [channel, `${PROBE},"${probe}"]`]));
    if (receivers === 0) {
      // No receiver: the slot has moved to another master, and the subscription ended with it.
      listener.lastProbes.delete(channel);
      return;
    }
    const timer = setTimeout(() => {
      setImmediate(() => {
        const last = listener.lastProbes.get(channel);
        if (last !== undefined && last < probe) listener.redis.disconnect();
      });
    }, this.#calls.timeoutMs);
    timer.unref();
  }

  #giveUp(): void {
    this.#isUnsupported = true;
    for (const { redis } of this.#listeners.values()) redis.disconnect();
  }
}

function numberOf(probe: string): number {
  return Number(/\d+/.exec(probe)?.[0] ?? 0);
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && /^(?:ERR unknown command|NOPERM)/.test(error.message);
}
