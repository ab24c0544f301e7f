import { type SetHolderReply, setHolder } from "../commands/holders.ts";
import type { HolderEntry } from "../base/record.ts";
import type { Services } from "./services.ts";

/** What this process holds of one session, and what Redis was told. */
interface CountState {
  count: number;
  /** Calls under way that carry a count. */
  pending: number;
  /** Highest sequence that was acknowledged, and the count that it carried. */
  sequence: number;
  acknowledged: number;
  /** A count may or may not have arrived. */
  uncertain: boolean;
  syncing: Promise<void> | undefined;
}

const RETRY_MS = 500;
const MOST_RETRY_MS = 10_000;

/** A call that registers one more connection. */
export interface CountedCall {
  readonly id: string;
  readonly sequence: number;
  readonly count: number;
}

/**
 * Counts the connections of this process by session. Redis is told absolute counts in sequence, so that one which comes
 * twice or late does no harm, and what a failed call left uncertain is put right by telling it again.
 */
export class HeldCounts {
  readonly #services: Services;
  readonly #onError: (error: unknown) => void;
  readonly #states = new Map<string, CountState>();
  #retry: NodeJS.Timeout | undefined;
  #retryMs = RETRY_MS;
  #isClosed = false;

  constructor(services: Services, onError: (error: unknown) => void) {
    this.#services = services;
    this.#onError = onError;
  }

  /** One more connection: the call that is about to be sent carries this count. */
  begin(id: string): CountedCall {
    const state = this.#states.get(id) ?? {
      count: 0,
      pending: 0,
      sequence: 0,
      acknowledged: 0,
      uncertain: false,
      syncing: undefined,
    };
    this.#states.set(id, state);
    state.count += 1;
    state.pending += 1;
    return { id, sequence: this.#services.nextSequence(), count: state.count };
  }

  onCounted(call: CountedCall): void {
    this.#settle(call.id, (state) => acknowledge(state, call.sequence, call.count));
  }

  /** The session was not taken: the connection doesn't count, and Redis was told nothing. */
  onRefused(call: CountedCall): void {
    this.#settle(call.id, (state) => (state.count -= 1));
  }

  /** As `refused`, but Redis may have been told. */
  onFailed(call: CountedCall): void {
    this.#settle(call.id, (state) => {
      state.count -= 1;
      state.uncertain = true;
    });
  }

  /** One connection fewer. Rejects where Redis could not be told; it is told again later. */
  async release(id: string): Promise<void> {
    const state = this.#states.get(id);
    if (state === undefined || state.count === 0) return;
    state.count -= 1;
    if (state.pending === 0) await this.#reconcile(id, state);
  }

  /** Connections that count: those that hold the session, without those on their way. */
  connections(id: string): number {
    const state = this.#states.get(id);
    return state === undefined ? 0 : state.count - state.pending;
  }

  /** Tells Redis again what it may not know. One report is enough for all that fails. */
  repair(): void {
    const updates = [...this.#states].flatMap(([id, state]) =>
      state.pending > 0 || this.#isAcknowledged(id, state) ? [] : [this.#reconcile(id, state)],
    );
    if (updates.length > 0) Promise.all(updates).catch(this.#onError);
  }

  /** Whether this process is among a session's holders: Redis may have come back without its last moments. */
  isListed(holders: readonly HolderEntry[]): boolean {
    return holders.some(({ node }) => node === this.#services.node);
  }

  /** Tells Redis the count whatever it knows. `undefined`: nothing is held. */
  async register(id: string): Promise<SetHolderReply | undefined> {
    const state = this.#states.get(id);
    return state === undefined || state.count === 0 ? undefined : this.#send(id, state);
  }

  /** Gives everything back. */
  async releaseAll(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    const updates = [...this.#states].map(([id, state]) => {
      state.count = 0;
      return this.#reconcile(id, state);
    });
    await Promise.allSettled(updates);
  }

  #settle(id: string, change: (state: CountState) => void): void {
    const state = this.#states.get(id);
    if (state === undefined) return;
    state.pending -= 1;
    change(state);
    this.#reconcileIfNeeded(id, state);
  }

  /** Puts right what Redis may not know, unless a call under way carries the count anyway. */
  #reconcileIfNeeded(id: string, state: CountState): void {
    if (state.pending > 0 || this.#isAcknowledged(id, state)) return;
    this.#reconcile(id, state).catch(this.#onError);
  }

  /** Whether Redis knows the count, for certain; one of 0 is forgotten here then. */
  #isAcknowledged(id: string, state: CountState): boolean {
    if (state.syncing !== undefined || state.uncertain || state.acknowledged !== state.count) return false;
    if (state.count === 0 && state.pending === 0 && this.#states.get(id) === state) this.#states.delete(id);
    return true;
  }

  /** Connections that come and go in one turn cost one call. */
  async #reconcile(id: string, state: CountState): Promise<void> {
    while (!this.#isAcknowledged(id, state)) {
      state.syncing ??= this.#sync(id, state);
      await state.syncing;
      if (state.pending > 0) return;
    }
  }

  async #sync(id: string, state: CountState): Promise<void> {
    try {
      // At the end of this turn, with what the turn still brings.
      await undefined;
      await this.#send(id, state);
    } finally {
      state.syncing = undefined;
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

  async #send(id: string, state: CountState): Promise<SetHolderReply> {
    const sequence = this.#services.nextSequence();
    const { count } = state;
    let reply: SetHolderReply;
    try {
      reply = await setHolder(this.#services, { id, sequence, count });
    } catch (error) {
      state.uncertain = true;
      this.#repairLater();
      throw error;
    }
    this.#retryMs = RETRY_MS;
    if (reply.type === "held") acknowledge(state, sequence, count);
    // Gone, and its holders with it: there is nothing to be told.
    else acknowledge(state, sequence, state.count);
    return reply;
  }
}

function acknowledge(state: CountState, sequence: number, count: number): void {
  if (sequence <= state.sequence) return;
  state.sequence = sequence;
  state.acknowledged = count;
  state.uncertain = false;
}
