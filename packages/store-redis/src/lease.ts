import type { Calls } from "./calls.ts";
import type { Gate } from "./gate.ts";
import type { Keys } from "./keys.ts";

/**
 * Says that this process is alive. Before it lapses a holder's connections count; one that lapsed has to register them
 * again, since others may have swept them.
 */
export class Lease {
  readonly #calls: Pick<Calls, "command">;
  readonly #gate: Pick<Gate, "askTime">;
  readonly #key: string;
  readonly #leaseMs: number;
  readonly #onLapsed: () => void;
  readonly #onBeat: () => void;
  #goodUntil = 0;
  #ever = false;
  /** It lapsed, which was not told yet: the answer by which it was good again may be lost. */
  #lapsed = false;
  #renewing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(
    calls: Pick<Calls, "command">,
    gate: Pick<Gate, "askTime">,
    keys: Keys,
    node: string,
    leaseMs: number,
    events: { readonly lapsed: () => void; readonly beat: () => void },
  ) {
    this.#calls = calls;
    this.#gate = gate;
    this.#key = keys.lease(node);
    this.#leaseMs = leaseMs;
    this.#onLapsed = events.lapsed;
    this.#onBeat = events.beat;
  }

  /** Resolves while the lease is good, after renewing it where it is not. */
  ensure(): Promise<void> | undefined {
    return performance.now() < this.#goodUntil ? undefined : this.#renew();
  }

  open(): void {
    this.#timer = setInterval(() => {
      this.#onBeat();
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
    await this.#calls.command("del", [this.#key]).catch(() => undefined);
  }

  #renew(): Promise<void> {
    this.#renewing ??= this.#set().finally(() => (this.#renewing = undefined));
    return this.#renewing;
  }

  async #set(): Promise<void> {
    if (this.#closed) return;
    const startedAt = performance.now();
    const expiry = ["1", "PX", String(this.#leaseMs)];
    const renewed = this.#ever && (await this.#calls.command("set", [this.#key, ...expiry, "XX"])) !== null;
    if (!renewed) {
      this.#lapsed = this.#ever;
      await this.#calls.command("set", [this.#key, ...expiry]);
    }
    this.#goodUntil = startedAt + this.#leaseMs;
    this.#ever = true;
    if (!this.#lapsed) return;
    this.#lapsed = false;
    this.#onLapsed();
  }
}
