import { type HoldReply, setHeld } from "../commands/holders.ts";
import type { Holder } from "../base/record.ts";
import type { Services } from "./services.ts";

/** What this process holds of one session, and what Redis was told. */
interface Holding {
  count: number;
  /** Calls under way that carry a count. */
  pending: number;
  /** Highest sequence that was acknowledged, and the count that it carried. */
  sequence: number;
  told: number;
  /** A count may or may not have arrived. */
  uncertain: boolean;
  syncing: Promise<void> | undefined;
}

const RETRY_MS = 500;
const MOST_RETRY_MS = 10_000;

/** A call that registers one more connection. */
export interface Hold {
  readonly id: string;
  readonly sequence: number;
  readonly count: number;
}

/**
 * Counts the connections of this process by session. Redis is told absolute counts in sequence, so that one which comes
 * twice or late does no harm, and what a failed call left uncertain is put right by telling it again.
 */
export class Holdings {
  readonly #services: Services;
  readonly #onError: (error: unknown) => void;
  readonly #holdings = new Map<string, Holding>();
  #retry: NodeJS.Timeout | undefined;
  #retryMs = RETRY_MS;
  #isClosed = false;

  constructor(services: Services, onError: (error: unknown) => void) {
    this.#services = services;
    this.#onError = onError;
  }

  /** One more connection: the call that is about to be sent carries this count. */
  begin(id: string): Hold {
    const holding = this.#holdings.get(id) ?? {
      count: 0,
      pending: 0,
      sequence: 0,
      told: 0,
      uncertain: false,
      syncing: undefined,
    };
    this.#holdings.set(id, holding);
    holding.count += 1;
    holding.pending += 1;
    return { id, sequence: this.#services.nextSequence(), count: holding.count };
  }

  held(hold: Hold): void {
    this.#settle(hold.id, (holding) => acknowledge(holding, hold.sequence, hold.count));
  }

  /** The session was not taken: the connection doesn't count, and Redis was told nothing. */
  refused(hold: Hold): void {
    this.#settle(hold.id, (holding) => (holding.count -= 1));
  }

  /** As `refused`, but Redis may have been told. */
  failed(hold: Hold): void {
    this.#settle(hold.id, (holding) => {
      holding.count -= 1;
      holding.uncertain = true;
    });
  }

  /** One connection fewer. Rejects where Redis could not be told; it is told again later. */
  async release(id: string): Promise<void> {
    const holding = this.#holdings.get(id);
    if (holding === undefined || holding.count === 0) return;
    holding.count -= 1;
    if (holding.pending === 0) await this.#reconcile(id, holding);
  }

  /** Connections that count: those that hold the session, without those on their way. */
  connections(id: string): number {
    const holding = this.#holdings.get(id);
    return holding === undefined ? 0 : holding.count - holding.pending;
  }

  /** Tells Redis again what it may not know. One report is enough for all that fails. */
  repair(): void {
    const told = [...this.#holdings].flatMap(([id, holding]) =>
      holding.pending > 0 || this.#isTold(id, holding) ? [] : [this.#reconcile(id, holding)],
    );
    if (told.length > 0) Promise.all(told).catch(this.#onError);
  }

  /** Whether this process is among a session's holders: Redis may have come back without its last moments. */
  isListed(holders: readonly Holder[]): boolean {
    return holders.some(({ node }) => node === this.#services.node);
  }

  /** Tells Redis the count whatever it knows. `undefined`: nothing is held. */
  async register(id: string): Promise<HoldReply | undefined> {
    const holding = this.#holdings.get(id);
    return holding === undefined || holding.count === 0 ? undefined : this.#tell(id, holding);
  }

  /** Gives everything back. */
  async releaseAll(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    const told = [...this.#holdings].map(([id, holding]) => {
      holding.count = 0;
      return this.#reconcile(id, holding);
    });
    await Promise.allSettled(told);
  }

  #settle(id: string, change: (holding: Holding) => void): void {
    const holding = this.#holdings.get(id);
    if (holding === undefined) return;
    holding.pending -= 1;
    change(holding);
    this.#settled(id, holding);
  }

  /** Puts right what Redis may not know, unless a call under way carries the count anyway. */
  #settled(id: string, holding: Holding): void {
    if (holding.pending > 0 || this.#isTold(id, holding)) return;
    this.#reconcile(id, holding).catch(this.#onError);
  }

  /** Whether Redis knows the count, for certain; one of 0 is forgotten here then. */
  #isTold(id: string, holding: Holding): boolean {
    if (holding.syncing !== undefined || holding.uncertain || holding.told !== holding.count) return false;
    if (holding.count === 0 && holding.pending === 0 && this.#holdings.get(id) === holding)
      this.#holdings.delete(id);
    return true;
  }

  /** Connections that come and go in one turn cost one call. */
  async #reconcile(id: string, holding: Holding): Promise<void> {
    while (!this.#isTold(id, holding)) {
      holding.syncing ??= this.#sync(id, holding);
      await holding.syncing;
      if (holding.pending > 0) return;
    }
  }

  async #sync(id: string, holding: Holding): Promise<void> {
    try {
      // At the end of this turn, with what the turn still brings.
      await undefined;
      await this.#tell(id, holding);
    } finally {
      holding.syncing = undefined;
    }
  }

  /** Soon, and less often with each failure: until then others see a count that may be wrong. */
  #repairLater(): void {
    if (this.#retry !== undefined || this.#isClosed) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.repair();
    }, this.#retryMs);
    this.#retry.unref();
    this.#retryMs = Math.min(2 * this.#retryMs, MOST_RETRY_MS);
  }

  async #tell(id: string, holding: Holding): Promise<HoldReply> {
    const sequence = this.#services.nextSequence();
    const { count } = holding;
    let reply: HoldReply;
    try {
      reply = await setHeld(this.#services, { id, sequence, count });
    } catch (error) {
      holding.uncertain = true;
      this.#repairLater();
      throw error;
    }
    this.#retryMs = RETRY_MS;
    if (reply.type === "held") acknowledge(holding, sequence, count);
    // Gone, and its holders with it: there is nothing to be told.
    else acknowledge(holding, sequence, holding.count);
    return reply;
  }
}

function acknowledge(holding: Holding, sequence: number, count: number): void {
  if (sequence <= holding.sequence) return;
  holding.sequence = sequence;
  holding.told = count;
  holding.uncertain = false;
}
