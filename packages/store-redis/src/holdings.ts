import type { Calls, Reply } from "./calls.ts";
import type { Keys } from "./keys.ts";
import { readHold } from "./replies.ts";

/**
 * How long Redis is not told that a session's last connection here has gone: a client that drops and comes back at once
 * costs no call for it, and goes on counting as present.
 */
const LINGER_MS = 250;

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
  readonly #calls: Calls;
  readonly #keys: Keys;
  readonly #node: string;
  readonly #nextSequence: () => number;
  readonly #onError: (error: unknown) => void;
  readonly #holdings = new Map<string, Holding>();
  /** Ends the wait of those that linger. */
  readonly #lingering = new Set<() => void>();
  #closing = false;

  constructor(
    calls: Calls,
    keys: Keys,
    node: string,
    nextSequence: () => number,
    onError: (error: unknown) => void,
  ) {
    this.#calls = calls;
    this.#keys = keys;
    this.#node = node;
    this.#nextSequence = nextSequence;
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
    return { id, sequence: this.#nextSequence(), count: holding.count };
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

  /**
   * One connection fewer. Resolves when Redis knows, which after the last one takes a moment; rejects where it could not be
   * told, and is told again later.
   */
  async release(id: string): Promise<void> {
    const holding = this.#holdings.get(id);
    if (holding === undefined || holding.count === 0) return;
    holding.count -= 1;
    if (!this.#isCarried(holding)) await this.#reconcile(id, holding);
  }

  /** Tells Redis again what it may not know. */
  repair(): void {
    for (const [id, holding] of this.#holdings) this.#settled(id, holding);
  }

  /** Tells Redis the count whatever it knows. The reply is as in hold.lua; `undefined`: nothing is held. */
  async register(id: string): Promise<Reply> {
    const holding = this.#holdings.get(id);
    return holding === undefined || holding.count === 0 ? undefined : this.#tell(id, holding);
  }

  /** Gives everything back. */
  async releaseAll(): Promise<void> {
    this.#closing = true;
    for (const wake of this.#lingering) wake();
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

  #settled(id: string, holding: Holding): void {
    if (this.#isSettled(id, holding)) return;
    this.#reconcile(id, holding).catch(this.#onError);
  }

  /**
   * Whether nothing is left to tell: Redis knows the count for certain, or a call under way carries it. A count of 0 that
   * is known is forgotten here.
   */
  #isSettled(id: string, holding: Holding): boolean {
    if (holding.syncing !== undefined) return false;
    if (this.#isCarried(holding)) return true;
    if (holding.uncertain || holding.told !== holding.count) return false;
    if (holding.count === 0 && this.#holdings.get(id) === holding) this.#holdings.delete(id);
    return true;
  }

  #isCarried(holding: Holding): boolean {
    return holding.pending > 0 && !this.#closing;
  }

  /** Connections that come and go in one turn cost one call. */
  async #reconcile(id: string, holding: Holding): Promise<void> {
    while (!this.#isSettled(id, holding)) {
      holding.syncing ??= this.#sync(id, holding);
      await holding.syncing;
    }
  }

  async #sync(id: string, holding: Holding): Promise<void> {
    try {
      if (holding.count > 0 || this.#closing) await undefined;
      else await this.#linger();
      if (this.#isCarried(holding)) return;
      if (holding.uncertain || holding.told !== holding.count) await this.#tell(id, holding);
    } finally {
      holding.syncing = undefined;
    }
  }

  #linger(): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#lingering.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, LINGER_MS);
      this.#lingering.add(wake);
    });
  }

  async #tell(id: string, holding: Holding): Promise<Reply> {
    const sequence = this.#nextSequence();
    const { count } = holding;
    let reply: Reply;
    try {
      reply = await this.#calls.timedScript("hold", this.#keys.session(id), [
        this.#node,
        String(sequence),
        String(count),
      ]);
    } catch (error) {
      holding.uncertain = true;
      throw error;
    }
    if (readHold(reply).type === "held") acknowledge(holding, sequence, count);
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
