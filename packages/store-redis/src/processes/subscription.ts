import { setTimeout as delay } from "node:timers/promises";
import type { Redis } from "ioredis";
import { PatientTimer } from "../base/arrivals.ts";
import type { Connection } from "../connection/connection.ts";
import { reasonOf, unavailable } from "../base/failures.ts";
import { retryPause } from "../connection/own-options.ts";

/** What is published to find out whether this process hears; other versions of the library pass it over. */
const PROBE = "p";
/** How long connecting may take, in handshakes: where Sentinels hang, each is asked. */
const MOST_HANDSHAKES = 4;

export interface SubscriptionEvents {
  /** Publishes to this process's own channel. */
  readonly publish: (text: string) => Promise<unknown>;
  /** A message came. */
  readonly message: (text: string) => void;
  /** The subscription is confirmed again, after a time without: messages may be lost. */
  readonly resubscribed: () => void;
  /** Why there is none: what says so is often the reason for all that does not work. */
  readonly failed: (reason: Error) => void;
}

/**
 * This process's one subscription, on a connection of its own. It is confirmed once a message to the own channel was heard,
 * and is proved again by each beat of the lease: a node that left its Cluster, or a server that nothing is replicated to any
 * more, answers PING and hears nothing. It comes back by itself, from another node in a Cluster.
 */
export class Subscription {
  readonly #connection: Connection;
  readonly #channels: readonly string[];
  readonly #timeoutMs: number;
  readonly #events: SubscriptionEvents;
  readonly #waiters = new Set<() => void>();
  #listener: Redis | undefined;
  /** The message that is to be heard. */
  #expected: { readonly text: string; readonly arrived: () => void } | undefined;
  #probes = 0;
  #isChecking = false;
  #confirmed = false;
  #confirmedAt = 0;
  #reason: Error | undefined;
  #everConfirmed = false;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(
    connection: Connection,
    channels: readonly string[],
    timeoutMs: number,
    events: SubscriptionEvents,
  ) {
    this.#connection = connection;
    this.#channels = channels;
    this.#timeoutMs = timeoutMs;
    this.#events = events;
    connection.follow({
      ended: () => this.#suspend(),
      resumed: () => this.#connectLater(),
    });
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
        timer.stop();
        this.#waiters.delete(done);
        resolve();
      };
      const timer = new PatientTimer(deadline - performance.now(), () => {
        this.#waiters.delete(done);
        reject(unavailable("the subscription to announcements is not there", "not-applied", this.#reason));
      });
      this.#waiters.add(done);
    });
  }

  /** Finds out whether messages are heard still; a connection that hears none is made anew. */
  check(): void {
    const listener = this.#listener;
    if (listener === undefined || !this.#confirmed || this.#isChecking) return;
    this.#isChecking = true;
    this.#checkAnswers(listener);
    this.#prove().then(
      () => (this.#isChecking = false),
      (error: unknown) => {
        this.#isChecking = false;
        // Where nothing can be published, that says nothing of this connection: it is ended only if it does not answer.
        if (error === NOT_DELIVERED) this.#giveUp(listener, NOT_DELIVERED);
      },
    );
  }

  close(): void {
    this.#closed = true;
    this.#suspend();
  }

  #suspend(): void {
    this.#confirmed = false;
    clearTimeout(this.#timer);
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.disconnect();
  }

  #connect(): void {
    if (this.#closed || this.#connection.isEnded) return;
    const listener = this.#connection.makeListener();
    if (listener === undefined) return this.#connectLater();
    this.#listener = listener;
    // This connection's end is seen below, and mended.
    listener.on("error", (error) => this.#failed(error));
    listener.on("message", (_channel, text) => this.#onMessage(text));
    listener.once("end", () => {
      if (this.#listener !== listener) return;
      this.#listener = undefined;
      this.#confirmed = false;
      this.#connectLater();
    });
    this.#subscribe(listener).then(
      () => this.#confirm(listener),
      (error: unknown) => {
        // After an error of the connection's, only what followed from it.
        if (this.#reason === undefined) this.#failed(error);
        cut(listener);
      },
    );
  }

  #onMessage(text: string): void {
    if (text === this.#expected?.text) this.#expected.arrived();
    else if (!text.startsWith(`["${PROBE}"`)) this.#events.message(text);
  }

  #failed(error: unknown): void {
    this.#reason = reasonOf(error);
    this.#events.failed(this.#reason);
  }

  #giveUp(listener: Redis, reason: Error): void {
    if (this.#listener !== listener) return;
    this.#failed(reason);
    // The node may have left its Cluster, which the others know.
    this.#connection.refresh();
    cut(listener);
  }

  /** In bounded time: what a connection is not told while it is being made, it would wait for for ever. */
  async #subscribe(listener: Redis): Promise<void> {
    await within(this.#connection.handshakeMs * MOST_HANDSHAKES, listener, listener.connect());
    await within(this.#timeoutMs, listener, listener.subscribe(...this.#channels));
    for (;;) {
      try {
        return await this.#prove();
      } catch (error) {
        if (error === NOT_DELIVERED) this.#connection.refresh();
        if (error === NOT_DELIVERED || this.#listener !== listener || listener.status !== "ready")
          throw error;
        // Nothing can be published at present. The subscription itself may be fine.
        this.#failed(error instanceof Error && error.cause !== undefined ? error.cause : error);
      }
      await delay(retryPause((this.#failures += 1)), undefined, { ref: false });
    }
  }

  /** Resolves once a message to the own channel has come; rejects with `NOT_DELIVERED`, or where it can't be published. */
  async #prove(): Promise<void> {
    this.#probes += 1;
    const text = JSON.stringify([PROBE, String(this.#probes)]);
    const arrived = new Promise<void>((resolve) => (this.#expected = { text, arrived: resolve }));
    await this.#events.publish(text);
    let timer: PatientTimer | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = new PatientTimer(this.#timeoutMs, () => reject(NOT_DELIVERED)).unref();
    });
    await Promise.race([arrived, late]).finally(() => timer?.stop());
  }

  #checkAnswers(listener: Redis): void {
    const timer = new PatientTimer(this.#timeoutMs, () => cut(listener)).unref();
    const stop = (): void => timer.stop();
    listener.ping().then(stop, stop);
  }

  #confirm(listener: Redis): void {
    if (this.#closed || this.#listener !== listener) return;
    this.#confirmed = true;
    this.#confirmedAt = performance.now();
    this.#reason = undefined;
    this.#failures = 0;
    for (const done of [...this.#waiters]) done();
    if (this.#everConfirmed) this.#events.resubscribed();
    this.#everConfirmed = true;
  }

  #connectLater(): void {
    if (this.#closed || this.#connection.isEnded) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), retryPause((this.#failures += 1)));
    this.#timer.unref();
  }
}

const NOT_DELIVERED = new Error("what is published does not arrive on the subscription's connection");

/** At once, whatever is on its way: a peer that hangs would keep the connection open. */
function cut(listener: Redis): void {
  if (listener.status === "ready" || listener.status === "connect") listener.stream.destroy();
  else listener.disconnect();
}

async function within(ms: number, listener: Redis, step: Promise<unknown>): Promise<void> {
  const timer = new PatientTimer(ms, () => cut(listener)).unref();
  try {
    await step;
  } finally {
    timer.stop();
  }
}
