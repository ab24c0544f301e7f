/** The lease of this process. */
import type { Calls } from "../connection/calls.ts";
import type { ServerAvailability } from "../connection/availability.ts";

export interface LeaseEvents {
  /**
   * The lease was missing, or may have been missing. Other processes may have removed this process from the holders, so it
   * has to register again.
   */
  readonly lapsed: () => void;
  /** One of several keys was lost, and another one still existed. The server of the lost key may have lost more data. */
  readonly partlyLost: () => void;
  /** Called every third of `leaseMs`. */
  readonly tick: () => void;
}

/** One key of the lease. */
interface LeaseKey {
  readonly key: string;
  /** The value that the key is known to have; `undefined` before the first reply. */
  value: string | undefined;
}

/**
 * Renews the lease of this process: keys in Redis that expire. The process counts as alive while any of them
 * exists. On a Cluster the keys are in slots of several shards, because otherwise the loss of one shard would
 * make the process look dead.
 */
export class Lease {
  readonly #calls: Pick<Calls, "command" | "script">;
  readonly #availability: Pick<ServerAvailability, "checkAgain">;
  readonly #keys: readonly LeaseKey[];
  readonly #leaseMs: number;
  readonly #events: LeaseEvents;
  #goodUntil = Number.NEGATIVE_INFINITY;
  #lastValue = 0;
  #renewing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(
    calls: Pick<Calls, "command" | "script">,
    availability: Pick<ServerAvailability, "checkAgain">,
    keys: readonly string[],
    leaseMs: number,
    events: LeaseEvents,
  ) {
    this.#calls = calls;
    this.#availability = availability;
    this.#keys = keys.map((key) => ({ key, value: undefined }));
    this.#leaseMs = leaseMs;
    this.#events = events;
  }

  get isValid(): boolean {
    return performance.now() < this.#goodUntil;
  }

  /** `undefined` if the lease is valid; otherwise renews it first. */
  ensure(): Promise<void> | undefined {
    return this.isValid ? undefined : this.#renew();
  }

  open(): void {
    this.#timer = setInterval(() => {
      this.#events.tick();
      this.#availability.checkAgain();
      this.#renew().catch(() => undefined);
    }, this.#leaseMs / 3);
    this.#timer.unref();
    // A failure is reported by the call that needs the lease, and the next renewal tries again.
    this.#renew().catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    await this.#renewing?.catch(() => undefined);
    await Promise.allSettled(this.#keys.map(({ key }) => this.#calls.command("del", [key])));
  }

  #renew(): Promise<void> {
    this.#renewing ??= this.#set().finally(() => (this.#renewing = undefined));
    return this.#renewing;
  }

  /** Resolves when the first key is set; the other replies are evaluated when they arrive. */
  async #set(): Promise<void> {
    if (this.#isClosed) return;
    const renewal: Renewal = { startedAt: performance.now(), kept: 0, lost: 0, left: this.#keys.length };
    try {
      await Promise.any(this.#keys.map((key) => this.#setOne(key, renewal)));
    } catch (error) {
      throw error instanceof AggregateError ? error.errors[0] : error;
    }
  }

  async #setOne(key: LeaseKey, renewal: Renewal): Promise<void> {
    const { value } = key;
    try {
      const found = await this.#ask(key.key);
      key.value = found;
      if (value === found) renewal.kept += 1;
      // While the value is unknown, as before the first reply, another value does not mean a loss.
      else if (value !== undefined) renewal.lost += 1;
      this.#goodUntil = Math.max(this.#goodUntil, renewal.startedAt + this.#leaseMs);
    } finally {
      renewal.left -= 1;
      if (renewal.left === 0 && !this.#isClosed) this.#evaluate(renewal);
    }
  }

  /** Sets the key if it is missing, and returns the value that it has. */
  async #ask(key: string): Promise<string> {
    const reply = await this.#calls.script(
      "lease",
      [key],
      [String(this.#leaseMs), String((this.#lastValue += 1))],
    );
    const [found]: readonly unknown[] = Array.isArray(reply) ? reply : [];
    return String(found);
  }

  /** If one key still existed, no other process can have found this process without a lease. */
  #evaluate({ kept, lost }: Renewal): void {
    if (lost > 0 && kept === 0) this.#events.lapsed();
    else if (lost > 0) this.#events.partlyLost();
  }
}

/** The results of one renewal. */
interface Renewal {
  readonly startedAt: number;
  /** Keys that still had the value they were set with. */
  kept: number;
  /** Keys that had to be set again. */
  lost: number;
  /** Replies that are outstanding. */
  left: number;
}
