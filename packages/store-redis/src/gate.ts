import type { ServerClock } from "./clock.ts";
import { unavailable } from "./failures.ts";
import type { RedisClient, Sender } from "./sender.ts";

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

const RETRY_MS = 50;
/** A question that was not answered by then is asked again: its answer may be lost. */
const ASK_AGAIN_MS = 1_000;

/**
 * Holds calls back until the client is ready and the server's clock is known, each no longer than its own deadline. What
 * waits here was never handed to the client, so it can't run later from the client's offline queue.
 */
export class Gate {
  readonly #client: RedisClient;
  readonly #sender: Sender;
  readonly #clock: ServerClock;
  readonly #waiters = new Set<Waiter>();
  /** When the question that is under way was asked. */
  #askedAt: number | undefined;
  #retry: NodeJS.Timeout | undefined;
  #reason: Error | undefined;
  #closed = false;

  constructor(client: RedisClient, sender: Sender, clock: ServerClock) {
    this.#client = client;
    this.#sender = sender;
    this.#clock = clock;
    client.on("ready", this.#onReady);
    client.on("close", this.#onClose);
    client.on("end", this.#onEnd);
    if (client.status === "ready") this.askTime();
  }

  get open(): boolean {
    return this.#clock.known && this.#client.status === "ready" && !this.#closed;
  }

  /** Resolves once commands can be handed over; rejects with `not-applied` at `deadline`. */
  wait(deadline: number): Promise<void> {
    if (this.open) return Promise.resolve();
    const { status } = this.#client;
    if (status === "end" || this.#closed) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => {
          this.#waiters.delete(waiter);
          reject(unavailable("Redis can't be reached", "not-applied", this.#reason));
        },
        Math.max(0, deadline - performance.now()),
      );
      const waiter: Waiter = { resolve, reject, timer };
      this.#waiters.add(waiter);
      if (status === "wait") this.#client.connect().catch(() => undefined);
      else if (status === "ready") this.askTime();
    });
  }

  /** Why Redis can't be reached, for what waits meanwhile: the application's own client does not tell. */
  explain(reason: Error): void {
    this.#reason = reason;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#client.off("ready", this.#onReady);
    this.#client.off("close", this.#onClose);
    this.#client.off("end", this.#onEnd);
    this.#onEnd();
  }

  /** Asks the server's clock; it opens the gate where it was not known. */
  askTime(): void {
    if (this.#closed || this.#client.status !== "ready") return;
    const sentAt = performance.now();
    if (this.#askedAt !== undefined && sentAt < this.#askedAt + ASK_AGAIN_MS) return;
    this.#askedAt = sentAt;
    this.#sender.send("time", []).promise.then(
      (reply) => {
        this.#askedAt = undefined;
        const [seconds, micros] = Array.isArray(reply) ? reply.map(Number) : [];
        if (seconds === undefined || micros === undefined) return;
        this.#clock.observe(seconds * 1_000 + Math.floor(micros / 1_000), sentAt, performance.now());
        if (this.open) this.#release();
      },
      () => {
        this.#askedAt = undefined;
        clearTimeout(this.#retry);
        this.#retry = setTimeout(() => this.askTime(), RETRY_MS);
        this.#retry.unref();
      },
    );
  }

  readonly #onReady = (): void => this.askTime();

  readonly #onClose = (): void => this.#clock.forget();

  readonly #onEnd = (): void => {
    for (const waiter of this.#waiters) {
      clearTimeout(waiter.timer);
      waiter.reject(closed());
    }
    this.#waiters.clear();
  };

  #release(): void {
    this.#reason = undefined;
    for (const waiter of this.#waiters) {
      clearTimeout(waiter.timer);
      waiter.resolve();
    }
    this.#waiters.clear();
  }
}

function closed(): Error {
  return unavailable("the store or its Redis client was closed", "not-applied");
}
