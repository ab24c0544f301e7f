import { setTimeout as delay } from "node:timers/promises";
import { SessionError } from "@wsession/core";
import { orTooLate, PatientTimer } from "../base/patient-timer.ts";
import type { Connection } from "../connection/connection.ts";
import { isForbidden, notReached, reasonOf } from "../base/failures.ts";
import { retryPause } from "../base/retry-pause.ts";
import type { Listener } from "../drivers/driver.ts";

/** The first element of a probe message. Other releases ignore such messages. */
const PROBE = "p";
/** The time limit for connecting, in handshakes: each Sentinel that hangs costs one. */
const MAX_HANDSHAKES = 4;

export interface SubscriptionEvents {
  /** Publishes to this process's own channel. */
  readonly publish: (text: string) => Promise<unknown>;
  /** A message arrived. */
  readonly message: (text: string) => void;
  /** The subscription was re-established after an interruption: messages may be lost. */
  readonly resubscribed: () => void;
  /**
   * The subscription failed. The reason usually explains other failures too, so it is attached to their
   * errors.
   */
  readonly failed: (reason: Error) => void;
  /** The Redis user has no right to the channels. Called once until the subscription is confirmed. */
  readonly forbidden: (error: Error) => void;
}

/**
 * The subscription of this process, on a connection of its own. It counts as confirmed once a probe that was
 * published to the own channel arrived. Each renewal of the lease probes again, because a node that left its
 * Cluster, or a server that no longer replicates, still answers PING but receives no messages. The
 * subscription is re-established automatically, on a Cluster through another node.
 */
export class Subscription {
  readonly #connection: Connection;
  readonly #channels: () => readonly string[];
  readonly #timeoutMs: number;
  readonly #events: SubscriptionEvents;
  readonly #waiters = new Set<() => void>();
  #listener: Listener | undefined;
  /** The probe that is expected. */
  #expected: { readonly text: string; readonly arrived: () => void } | undefined;
  #probes = 0;
  #isChecking = false;
  #isConfirmed = false;
  #confirmedAt = 0;
  #reason: Error | undefined;
  #wasConfirmed = false;
  /** Whether a missing right was reported. */
  #isForbidden = false;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** @param channels is called once a connection is ready, because the driver may not know the database before */
  constructor(
    connection: Connection,
    channels: () => readonly string[],
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
    return this.#isConfirmed;
  }

  /**
   * Since when every published message was received, as far as probes have shown; `undefined` while not
   * confirmed.
   */
  get unbrokenSince(): number | undefined {
    return this.#isConfirmed ? this.#confirmedAt : undefined;
  }

  open(): void {
    this.#connect();
  }

  /** Resolves once the subscription is confirmed; rejects with outcome `not-applied` at `deadline`. */
  wait(deadline: number): Promise<void> {
    if (this.#isConfirmed) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const done = (): void => {
        timer.stop();
        this.#waiters.delete(done);
        resolve();
      };
      const timer = new PatientTimer(deadline - performance.now(), () => {
        this.#waiters.delete(done);
        reject(notReached("the subscription to announcements is not established", this.#reason));
      });
      this.#waiters.add(done);
    });
  }

  /** Probes whether messages still arrive; if not, replaces the connection. */
  check(): void {
    const listener = this.#listener;
    if (listener === undefined || !this.#isConfirmed || this.#isChecking) return;
    this.#isChecking = true;
    this.#checkAnswers(listener);
    this.#probe().then(
      () => (this.#isChecking = false),
      (error: unknown) => {
        this.#isChecking = false;
        // Another failure to publish does not mean that this connection is broken. The connection is closed only if it does not
        // answer PING.
        if (error === NOT_DELIVERED || isForbidden(error)) this.#giveUp(listener, error);
      },
    );
  }

  close(): void {
    this.#isClosed = true;
    this.#suspend();
  }

  #suspend(): void {
    this.#isConfirmed = false;
    clearTimeout(this.#timer);
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.cut();
  }

  #connect(): void {
    if (this.#isClosed || this.#connection.isEnded) return;
    let isExplained = false;
    const listener = this.#connection.createListener({
      // `ended` handles the failure; this only records the reason.
      failed: (error) => {
        isExplained = true;
        this.#failed(error);
      },
      message: (text) => this.#onMessage(text),
      ended: () => {
        if (this.#listener !== listener) return;
        this.#listener = undefined;
        this.#isConfirmed = false;
        this.#connectLater();
      },
    });
    if (listener === undefined) return this.#connectLater();
    this.#listener = listener;
    this.#subscribe(listener).then(
      () => this.#confirm(listener),
      (error: unknown) => {
        // An earlier error of the same connection is the cause; this one is a consequence of it.
        if (!isExplained) this.#failed(error);
        listener.cut();
      },
    );
  }

  #onMessage(text: string): void {
    if (text === this.#expected?.text) this.#expected.arrived();
    else if (!text.startsWith(`["${PROBE}"`)) this.#events.message(text);
  }

  #failed(error: unknown): void {
    const cause = reasonOf(isForbidden(error) && error instanceof Error ? (error.cause ?? error) : error);
    this.#reason = cause;
    this.#events.failed(cause);
    if (this.#isForbidden || !isForbidden(cause)) return;
    this.#isForbidden = true;
    this.#events.forbidden(new SessionError("NOT_SUPPORTED", FORBIDDEN, { cause }));
  }

  #giveUp(listener: Listener, reason: unknown): void {
    if (this.#listener !== listener) return;
    this.#failed(reason);
    // The node may have left its Cluster. The other nodes have the current slot table, so read it again.
    this.#connection.refresh();
    listener.cut();
  }

  /**
   * Subscribes within a time limit, because the client would wait for ever for a reply that a new connection
   * never gets.
   */
  async #subscribe(listener: Listener): Promise<void> {
    await orListenerLost(this.#connection.handshakeMs * MAX_HANDSHAKES, listener, listener.connect());
    await orListenerLost(this.#timeoutMs, listener, listener.subscribe(this.#channels()));
    for (;;) {
      try {
        return await this.#probe();
      } catch (error) {
        if (error === NOT_DELIVERED) this.#connection.refresh();
        if (error === NOT_DELIVERED || this.#listener !== listener || !listener.isReady) throw error;
        // Publishing fails at present, but the subscription itself may be fine.
        this.#failed(error instanceof Error && error.cause !== undefined ? error.cause : error);
      }
      await delay(retryPause((this.#failures += 1)), undefined, { ref: false });
    }
  }

  /**
   * Publishes a probe and resolves when it arrives. Rejects with `NOT_DELIVERED` if it does not, or with the
   * error if it cannot be published.
   */
  async #probe(): Promise<void> {
    this.#probes += 1;
    const text = JSON.stringify([PROBE, String(this.#probes)]);
    const arrived = new Promise<void>((resolve) => (this.#expected = { text, arrived: resolve }));
    await this.#events.publish(text);
    await orTooLate(this.#timeoutMs, arrived, () => NOT_DELIVERED);
  }

  #checkAnswers(listener: Listener): void {
    const timer = new PatientTimer(this.#timeoutMs, () => listener.cut()).unref();
    const stop = (): void => timer.stop();
    listener.ping().then(stop, stop);
  }

  #confirm(listener: Listener): void {
    if (this.#isClosed || this.#listener !== listener) return;
    this.#isConfirmed = true;
    this.#confirmedAt = performance.now();
    this.#reason = undefined;
    this.#isForbidden = false;
    this.#failures = 0;
    for (const done of [...this.#waiters]) done();
    if (this.#wasConfirmed) this.#events.resubscribed();
    this.#wasConfirmed = true;
  }

  #connectLater(): void {
    if (this.#isClosed || this.#connection.isEnded) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), retryPause((this.#failures += 1)));
    this.#timer.unref();
  }
}

const FORBIDDEN =
  "the Redis user has no right to publish and subscribe on the store's channels, so announcements do not arrive: allow both";
const NOT_DELIVERED = new Error("published messages do not arrive on the connection of the subscription");

async function orListenerLost(ms: number, listener: Listener, step: Promise<unknown>): Promise<void> {
  const timer = new PatientTimer(ms, () => listener.cut()).unref();
  try {
    await step;
  } finally {
    timer.stop();
  }
}
