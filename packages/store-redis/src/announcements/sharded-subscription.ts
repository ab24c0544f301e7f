import { PatientTimer } from "../base/patient-timer.ts";
import type { Calls } from "../connection/calls.ts";
import type { Connection } from "../connection/connection.ts";
import type { Listener } from "../drivers/driver.ts";
import type { Shards } from "../connection/shards.ts";

const PROBE = '["p"';
const RETRY_MS = 250;
const MAX_RETRY_MS = 10_000;
/**
 * The share of `timeoutMs` for which the first calls wait at most, because a primary that hangs must not make calls to other
 * primaries fail.
 */
const START_SHARE = 0.5;

export interface ShardedEvents {
  /** A message arrived. */
  readonly message: (text: string) => void;
  /** A subscribed connection was lost, and messages may be lost with it. */
  readonly lost: () => void;
}

interface ShardListener {
  readonly listener: Listener;
  /** The subscribed channels, each with the last probe that arrived on it. */
  readonly lastProbes: Map<string, number>;
}

/**
 * This process's sharded channels on a Cluster (Redis 7): one connection to each primary, so that
 * announcements do not pass the Cluster's bus. This is an optimisation only: a message that no sharded
 * subscriber receives is published to the plain subscription.
 */
export class ShardedSubscription {
  readonly #calls: Calls;
  readonly #shards: Shards;
  readonly #channelOf: (tag: string) => string;
  readonly #connection: Connection;
  readonly #events: ShardedEvents;
  readonly #listeners = new Map<string, ShardListener>();
  #probes = 0;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = RETRY_MS;
  #isUnsupported = false;
  #isClosed = false;
  #isStarted = false;
  #startTimer: NodeJS.Timeout | undefined;
  readonly #starting = new Set<() => void>();

  constructor(
    calls: Calls,
    shards: Shards,
    channelOf: (tag: string) => string,
    connection: Connection,
    events: ShardedEvents,
  ) {
    this.#calls = calls;
    this.#shards = shards;
    this.#channelOf = channelOf;
    this.#connection = connection;
    this.#events = events;
  }

  /**
   * Waits until this process has tried to subscribe to each channel, for half of `timeoutMs` at most; `undefined` if it has tried
   * already. A process that held sessions before that would get the first announcements by PUBLISH. Later announcements on sharded
   * channels take another way through the Cluster, and could overtake the first announcements.
   */
  started(): Promise<void> | undefined {
    if (this.#isStarted) return undefined;
    return new Promise((resolve) => this.#starting.add(resolve));
  }

  /** Follows changes of the Cluster's slots, and probes whether published messages arrive. */
  check(): void {
    if (!this.#connection.isCluster || this.#isUnsupported || this.#isClosed) return this.#start();
    this.#startTimer ??= setTimeout(() => this.#start(), START_SHARE * this.#calls.timeoutMs).unref();
    const attempts: Promise<void>[] = [];
    const runs = this.#shards.update(this.#connection.client.slots);
    for (const [primary, { listener }] of this.#listeners) if (!runs.has(primary)) listener.cut();
    for (const [primary, tags] of runs) {
      const channels = tags.map(this.#channelOf);
      const shard = this.#listeners.get(primary) ?? this.#connect(primary);
      if (shard === undefined) this.#checkLater();
      else attempts.push(...this.#follow(shard, channels));
    }
    if (runs.size === 0) this.#checkLater();
    else if (!this.#isStarted) void Promise.all(attempts).then(() => this.#start());
  }

  #start(): void {
    this.#isStarted = true;
    clearTimeout(this.#startTimer);
    for (const resolve of this.#starting) resolve();
    this.#starting.clear();
  }

  /** Checks again before the next renewal of the lease, with exponential backoff. */
  #checkLater(): void {
    if (this.#retry !== undefined || this.#isClosed || this.#isUnsupported) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.check();
    }, this.#retryMs);
    this.#retry.unref();
    this.#retryMs = Math.min(2 * this.#retryMs, MAX_RETRY_MS);
  }

  close(): void {
    this.#isClosed = true;
    this.#start();
    clearTimeout(this.#retry);
    for (const { listener } of this.#listeners.values()) listener.cut();
    this.#listeners.clear();
  }

  #connect(primary: string): ShardListener | undefined {
    const lastProbes = new Map<string, number>();
    const listener = this.#connection.createListener(
      {
        failed: () => undefined,
        message: (text, channel) => {
          if (!text.startsWith(PROBE)) this.#events.message(text);
          else if (lastProbes.has(channel)) lastProbes.set(channel, numberOfProbe(text));
        },
        ended: () => {
          if (this.#listeners.get(primary)?.listener === listener) this.#listeners.delete(primary);
          if (lastProbes.size > 0 && !this.#isClosed) this.#events.lost();
          this.#checkLater();
        },
      },
      primary,
    );
    if (listener === undefined) return undefined;
    const shard: ShardListener = { listener, lastProbes };
    this.#listeners.set(primary, shard);
    return shard;
  }

  /** Returns the attempts to subscribe. They never reject. */
  #follow(shard: ShardListener, channels: readonly string[]): Promise<void>[] {
    const { lastProbes, listener } = shard;
    for (const channel of lastProbes.keys()) {
      if (channels.includes(channel)) continue;
      lastProbes.delete(channel);
      listener.unsubscribeSharded(channel).catch(() => undefined);
    }
    const attempts: Promise<void>[] = [];
    for (const channel of channels) {
      if (lastProbes.has(channel)) this.#probe(shard, channel).catch(() => undefined);
      else attempts.push(this.#subscribe(shard, channel));
    }
    return attempts;
  }

  #subscribe({ lastProbes, listener }: ShardListener, channel: string): Promise<void> {
    const late = new PatientTimer(this.#calls.timeoutMs, () => listener.cut()).unref();
    return listener
      .subscribeSharded(channel)
      .then(() => {
        lastProbes.set(channel, 0);
        this.#retryMs = RETRY_MS;
        this.#shards.activate(this.#connection.client.slots);
      })
      .catch((error: unknown) => {
        // Redis before 7 does not have the command, or the ACL refuses it. Any other error means that the
        // slot has moved.
        if (isRefusal(error)) this.#giveUp();
        else this.#checkLater();
      })
      .finally(() => late.stop());
  }

  /**
   * Publishes a probe. If Redis reports a receiver and the probe does not arrive, the connection is broken
   * and is replaced.
   */
  async #probe({ listener, lastProbes }: ShardListener, channel: string): Promise<void> {
    this.#probes += 1;
    const probe = this.#probes;
    const receivers = Number(await this.#calls.command("spublish", [channel, `${PROBE},"${probe}"]`]));
    if (receivers === 0) {
      // No receiver: the slot has moved to another primary, and the subscription ended with it.
      lastProbes.delete(channel);
      return;
    }
    new PatientTimer(this.#calls.timeoutMs, () => {
      const last = lastProbes.get(channel);
      if (last !== undefined && last < probe) listener.cut();
    }).unref();
  }

  #giveUp(): void {
    this.#isUnsupported = true;
    this.#shards.refuse();
    for (const { listener } of this.#listeners.values()) listener.cut();
  }
}

function numberOfProbe(probe: string): number {
  return Number(/\d+/.exec(probe)?.[0] ?? 0);
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && /^(?:ERR unknown command|NOPERM)/.test(error.message);
}
