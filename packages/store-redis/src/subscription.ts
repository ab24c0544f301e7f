import type { Redis, RedisOptions } from "ioredis";
import { reasonOf, unavailable } from "./failures.ts";
import { type RedisClient, isCluster } from "./sender.ts";

const MIN_PAUSE_MS = 50;
const MAX_PAUSE_MS = 2_000;

/** A connection that only listens: it never resends, and is made anew rather than by the client's own rules. */
const LISTENER: RedisOptions = {
  autoResubscribe: false,
  autoResendUnfulfilledCommands: false,
  // A question that it gives up on by itself would look like one that was answered: see `check`.
  commandTimeout: undefined,
  connectionName: "wsession",
  enableAutoPipelining: false,
  enableOfflineQueue: true,
  keyPrefix: "",
  lazyConnect: true,
  maxRetriesPerRequest: null,
  readOnly: false,
  retryStrategy: null,
};

export interface SubscriptionEvents {
  /** A message came. */
  readonly message: (text: string) => void;
  /** The subscription is confirmed again, after a time without: messages may be lost. */
  readonly resubscribed: () => void;
  /** Why there is none: what says so is often the reason for all that does not work. */
  readonly failed: (reason: Error) => void;
}

/**
 * This process's one subscription, on a connection of its own. It comes back by itself after a cut, from another node in a
 * Cluster: there every node hears every message.
 */
export class Subscription {
  readonly #client: RedisClient;
  readonly #channels: readonly string[];
  readonly #timeoutMs: number;
  readonly #events: SubscriptionEvents;
  readonly #waiters = new Set<() => void>();
  #listener: Redis | undefined;
  #confirmed = false;
  #confirmedAt = 0;
  #reason: Error | undefined;
  #everConfirmed = false;
  #pause = MIN_PAUSE_MS;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(
    client: RedisClient,
    channels: readonly string[],
    timeoutMs: number,
    events: SubscriptionEvents,
  ) {
    this.#client = client;
    this.#channels = channels;
    this.#timeoutMs = timeoutMs;
    this.#events = events;
  }

  get confirmed(): boolean {
    return this.#confirmed;
  }

  /** Since when everything that was published to this process was heard, as far as it was proved; `undefined`: not now. */
  get unbrokenSince(): number | undefined {
    return this.#confirmed ? this.#confirmedAt : undefined;
  }

  open(): void {
    this.#connect();
  }

  /** Resolves once the subscription is confirmed; rejects with `not-applied` at `deadline`. */
  wait(deadline: number): Promise<void> {
    if (this.#confirmed) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(done);
        resolve();
      };
      const timer = setTimeout(
        () => {
          this.#waiters.delete(done);
          reject(unavailable("the subscription to announcements is not there", "not-applied", this.#reason));
        },
        Math.max(0, deadline - performance.now()),
      );
      this.#waiters.add(done);
    });
  }

  /** Finds out whether the connection is still there: one that is silently dead is made anew. */
  check(): void {
    const listener = this.#listener;
    if (listener === undefined || !this.#confirmed) return;
    const timer = setTimeout(() => listener.disconnect(), this.#timeoutMs);
    timer.unref();
    const stop = (): void => clearTimeout(timer);
    listener.ping().then(stop, stop);
  }

  close(): void {
    this.#closed = true;
    this.#confirmed = false;
    clearTimeout(this.#timer);
    this.#listener?.disconnect();
    this.#listener = undefined;
  }

  #connect(): void {
    if (this.#closed) return;
    const listener = makeListener(this.#client);
    if (listener === undefined) return this.#connectLater();
    this.#listener = listener;
    // This connection's end is seen below, and mended.
    listener.on("error", (error) => this.#failed(error));
    listener.on("message", (_channel, text) => this.#events.message(text));
    listener.once("end", () => {
      if (this.#listener === listener) this.#listener = undefined;
      this.#confirmed = false;
      this.#connectLater();
    });
    this.#subscribe(listener).then(
      () => this.#confirm(listener),
      (error: unknown) => {
        // After an error of the connection's, only what followed from it.
        if (this.#reason === undefined) this.#failed(error);
        listener.disconnect();
      },
    );
  }

  #failed(error: unknown): void {
    this.#reason = reasonOf(error);
    this.#events.failed(this.#reason);
  }

  /** In bounded time: what a connection is not told while it is being made, it would wait for for ever. */
  async #subscribe(listener: Redis): Promise<void> {
    const timer = setTimeout(() => listener.disconnect(), this.#timeoutMs);
    timer.unref();
    try {
      await listener.connect();
      await listener.subscribe(...this.#channels);
    } finally {
      clearTimeout(timer);
    }
  }

  #confirm(listener: Redis): void {
    if (this.#closed || this.#listener !== listener) return;
    this.#confirmed = true;
    this.#confirmedAt = performance.now();
    this.#reason = undefined;
    this.#pause = MIN_PAUSE_MS;
    for (const done of [...this.#waiters]) done();
    if (this.#everConfirmed) this.#events.resubscribed();
    this.#everConfirmed = true;
  }

  #connectLater(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), this.#pause * (0.5 + Math.random()));
    this.#timer.unref();
    this.#pause = Math.min(this.#pause * 2, MAX_PAUSE_MS);
  }
}

function makeListener(client: RedisClient): Redis | undefined {
  if (!isCluster(client)) return client.duplicate(LISTENER);
  const nodes = client.nodes("all");
  return nodes[Math.floor(Math.random() * nodes.length)]?.duplicate(LISTENER);
}
