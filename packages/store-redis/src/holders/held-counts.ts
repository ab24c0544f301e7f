/** How many connections this process has to each session, here and in Redis. */
import { type SetHolderReply, setHolder } from "../commands/holders.ts";
import type { StateChange } from "../commands/state-change.ts";
import type { HolderEntry } from "../base/record.ts";
import type { Services } from "./services.ts";

/** The connections of this process to one session, and the count that Redis has acknowledged. */
interface CountState {
  count: number;
  /** Calls in flight that carry a count. */
  pending: number;
  /** The highest acknowledged sequence, and its count below. */
  sequence: number;
  acknowledged: number;
  /** The reply to a call that carried a count was lost. */
  isUncertain: boolean;
  syncing: Promise<void> | undefined;
  /** The last connection ended by a clean close of the peer. */
  leaves: boolean;
}

/** The part of the counts that is about presence. */
export interface PresenceHooks {
  /** The text of a count for the script. */
  readonly hold: (count: number, leaves: boolean) => string;
  /** Redis has stored the count. `change`: the state of the session that has changed by the count. */
  readonly counted: (id: string, count: number, leaves: boolean, change: StateChange | undefined) => void;
}

const RETRY_MS = 500;
const MAX_RETRY_MS = 10_000;

/** A call in flight that registers one more connection. */
export interface CountedCall {
  readonly id: string;
  readonly sequence: number;
  readonly count: number;
}

/**
 * Counts the connections of this process by session, and keeps the counts in Redis up to date. Counts are
 * absolute and sequenced, so a late or repeated one is harmless (idempotent), and sending the count again
 * repairs what a failed call left uncertain.
 */
export class HeldCounts {
  readonly #services: Services;
  readonly #hooks: PresenceHooks;
  readonly #onError: (error: unknown) => void;
  readonly #states = new Map<string, CountState>();
  #retry: NodeJS.Timeout | undefined;
  #retryMs = RETRY_MS;
  #isClosed = false;

  constructor(services: Services, hooks: PresenceHooks, onError: (error: unknown) => void) {
    this.#services = services;
    this.#hooks = hooks;
    this.#onError = onError;
  }

  /** Counts one more connection; the call that is about to be sent carries the new count. */
  begin(id: string): CountedCall {
    const state = this.#states.get(id) ?? {
      count: 0,
      pending: 0,
      sequence: 0,
      acknowledged: 0,
      isUncertain: false,
      syncing: undefined,
      leaves: false,
    };
    this.#states.set(id, state);
    state.count += 1;
    state.pending += 1;
    state.leaves = false;
    return { id, sequence: this.#services.nextSequence(), count: state.count };
  }

  onCounted(call: CountedCall): void {
    this.#endCall(call.id, (state) => acknowledge(state, call.sequence, call.count));
  }

  /** The call was refused: the connection does not count, and Redis has not stored the count. */
  onRefused(call: CountedCall): void {
    this.#endCall(call.id, (state) => (state.count -= 1));
  }

  /** As `onRefused`, but Redis may have stored the count. */
  onFailed(call: CountedCall): void {
    this.#endCall(call.id, (state) => {
      state.count -= 1;
      state.isUncertain = true;
    });
  }

  /**
   * Counts one established connection fewer. Rejects if Redis could not be updated. The update is repeated later. A connection
   * whose call is in flight can't be released. If that call then failed, the count would be too low for ever. No change of the
   * session would then be announced to this process.
   */
  async release(id: string, leaves: boolean = false): Promise<void> {
    const state = this.#states.get(id);
    if (state === undefined || state.count === state.pending) return;
    state.count -= 1;
    state.leaves = leaves;
    if (state.pending === 0) await this.#reconcile(id, state);
  }

  /** Whether this process has connections to the session, or a call in flight may register one. */
  has(id: string): boolean {
    return this.#states.has(id);
  }

  /** The number of established connections, without those whose call is in flight. */
  connections(id: string): number {
    const state = this.#states.get(id);
    return state === undefined ? 0 : state.count - state.pending;
  }

  /** Sends the counts again that Redis may not have. Reports one error for all that fail. */
  repair(): void {
    const updates = [...this.#states].flatMap(([id, state]) =>
      state.pending > 0 || this.#isAcknowledged(id, state) ? [] : [this.#reconcile(id, state)],
    );
    if (updates.length > 0) Promise.all(updates).catch(this.#onError);
  }

  /** Whether this process is among the holders. It may not be, if Redis was restored from an older state. */
  isListed(holders: readonly HolderEntry[]): boolean {
    return holders.some(({ node }) => node === this.#services.node);
  }

  /** Sends the count whether or not Redis has acknowledged it; `undefined` if no connection is held. */
  async register(id: string): Promise<SetHolderReply | undefined> {
    const state = this.#states.get(id);
    return state === undefined || state.count === 0 ? undefined : this.#send(id, state);
  }

  /** Releases all connections. */
  async releaseAll(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    const updates = [...this.#states].map(([id, state]) => {
      state.count = 0;
      return this.#reconcile(id, state);
    });
    await Promise.allSettled(updates);
  }

  #endCall(id: string, change: (state: CountState) => void): void {
    const state = this.#states.get(id);
    if (state === undefined) return;
    state.pending -= 1;
    change(state);
    this.#reconcileIfNeeded(id, state);
  }

  /** Sends the count if Redis may not have it, unless a call in flight carries the count. */
  #reconcileIfNeeded(id: string, state: CountState): void {
    if (state.pending > 0 || this.#isAcknowledged(id, state)) return;
    this.#reconcile(id, state).catch(this.#onError);
  }

  /** Whether Redis certainly has the current count. Drops the session here if that count is 0. */
  #isAcknowledged(id: string, state: CountState): boolean {
    if (state.syncing !== undefined || state.isUncertain || state.acknowledged !== state.count) return false;
    if (state.count === 0 && state.pending === 0 && this.#states.get(id) === state) this.#states.delete(id);
    return true;
  }

  /** Sends the count until Redis has it. Changes within one turn of the event loop share one call. */
  async #reconcile(id: string, state: CountState): Promise<void> {
    while (!this.#isAcknowledged(id, state)) {
      state.syncing ??= this.#sync(id, state);
      await state.syncing;
      if (state.pending > 0) return;
    }
  }

  async #sync(id: string, state: CountState): Promise<void> {
    try {
      // Waits for the end of this turn, so that further changes in the turn are included.
      await undefined;
      await this.#send(id, state);
    } finally {
      state.syncing = undefined;
    }
  }

  /** Schedules a retry with exponential backoff. Until it succeeds, other processes may read a wrong count. */
  #repairLater(): void {
    if (this.#retry !== undefined || this.#isClosed) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.repair();
    }, this.#retryMs);
    this.#retry.unref();
    this.#retryMs = Math.min(2 * this.#retryMs, MAX_RETRY_MS);
  }

  async #send(id: string, state: CountState): Promise<SetHolderReply> {
    const sequence = this.#services.nextSequence();
    const { count, leaves } = state;
    let reply: SetHolderReply;
    try {
      reply = await setHolder(this.#services, { id, sequence, hold: this.#hooks.hold(count, leaves) });
    } catch (error) {
      state.isUncertain = true;
      this.#repairLater();
      throw error;
    }
    this.#retryMs = RETRY_MS;
    this.#hooks.counted(id, count, leaves, reply.type === "held" ? reply.change : undefined);
    if (reply.type === "held") acknowledge(state, sequence, count);
    // The session is gone together with its holders, so there is nothing left to update.
    else acknowledge(state, sequence, state.count);
    return reply;
  }
}

function acknowledge(state: CountState, sequence: number, count: number): void {
  if (sequence <= state.sequence) return;
  state.sequence = sequence;
  state.acknowledged = count;
  state.isUncertain = false;
}
