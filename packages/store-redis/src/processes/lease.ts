import type { Calls } from "../connection/calls.ts";
import type { Gate } from "../connection/gate.ts";

export interface LeaseEvents {
  /** The lease was not there, or may not have been: others may have swept this process, which has to register again. */
  readonly lapsed: () => void;
  /** One of several keys was lost, though not the lease: its server may have lost more. */
  readonly doubted: () => void;
  /** Called a few times in the life of a lease. */
  readonly beat: () => void;
}

/** What is known of one of the keys. */
interface LeaseKey {
  readonly key: string;
  /** What it is known to be set with; `undefined`: no answer came yet. */
  mark: string | undefined;
}

/**
 * Says that this process is alive, by keys that expire. While any of them is there the process counts as alive, so that a
 * Cluster that lost a shard goes on: the keys are in slots of several shards.
 */
export class Lease {
  readonly #calls: Pick<Calls, "command" | "script">;
  readonly #gate: Pick<Gate, "askTime">;
  readonly #keys: readonly LeaseKey[];
  readonly #leaseMs: number;
  readonly #events: LeaseEvents;
  #goodUntil = Number.NEGATIVE_INFINITY;
  #marks = 0;
  #renewing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(
    calls: Pick<Calls, "command" | "script">,
    gate: Pick<Gate, "askTime">,
    keys: readonly string[],
    leaseMs: number,
    events: LeaseEvents,
  ) {
    this.#calls = calls;
    this.#gate = gate;
    this.#keys = keys.map((key) => ({ key, mark: undefined }));
    this.#leaseMs = leaseMs;
    this.#events = events;
  }

  /** Resolves while the lease is good, after renewing it where it is not. */
  ensure(): Promise<void> | undefined {
    return performance.now() < this.#goodUntil ? undefined : this.#renew();
  }

  open(): void {
    this.#timer = setInterval(() => {
      this.#events.beat();
      this.#gate.askTime();
      this.#renew().catch(() => undefined);
    }, this.#leaseMs / 3);
    this.#timer.unref();
    // A failure shows where the lease is needed, and the next beat tries again.
    this.#renew().catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#renewing?.catch(() => undefined);
    await Promise.allSettled(this.#keys.map(({ key }) => this.#calls.command("del", [key])));
  }

  #renew(): Promise<void> {
    this.#renewing ??= this.#set().finally(() => (this.#renewing = undefined));
    return this.#renewing;
  }

  /** Resolves with the first key that is set; the answers of the others are looked at when they come. */
  async #set(): Promise<void> {
    if (this.#closed) return;
    const renewal: Renewal = { startedAt: performance.now(), kept: 0, lost: 0, left: this.#keys.length };
    try {
      await Promise.any(this.#keys.map((key) => this.#setOne(key, renewal)));
    } catch (error) {
      throw error instanceof AggregateError ? error.errors[0] : error;
    }
  }

  async #setOne(key: LeaseKey, renewal: Renewal): Promise<void> {
    const { mark } = key;
    try {
      const found = await this.#ask(key.key);
      key.mark = found;
      if (mark === found) renewal.kept += 1;
      // Also where the answer to what set it was lost: it is there by a mark that was never known.
      else if (mark !== undefined) renewal.lost += 1;
      this.#goodUntil = Math.max(this.#goodUntil, renewal.startedAt + this.#leaseMs);
    } finally {
      renewal.left -= 1;
      if (renewal.left === 0 && !this.#closed) this.#conclude(renewal);
    }
  }

  /** The mark that the key has, which is set where it is not there. */
  async #ask(key: string): Promise<string> {
    const reply = await this.#calls.script(
      "lease",
      [key],
      [String(this.#leaseMs), String((this.#marks += 1))],
    );
    const [found]: readonly unknown[] = Array.isArray(reply) ? reply : [];
    return String(found);
  }

  /** While one key was kept, nobody can have found this process without a lease. */
  #conclude({ kept, lost }: Renewal): void {
    if (lost > 0 && kept === 0) this.#events.lapsed();
    else if (lost > 0) this.#events.doubted();
  }
}

/** What became of the keys. */
interface Renewal {
  readonly startedAt: number;
  /** There still, with the mark that they were set with. */
  kept: number;
  /** Set anew. */
  lost: number;
  /** Answers that are outstanding. */
  left: number;
}
