import { isSessionError } from "@wsession/core";
import { setTimeout as wait } from "node:timers/promises";
import type { Caller } from "../commands/caller.ts";
import { load } from "../commands/load.ts";
import { findOutcome } from "../commands/outcome.ts";
import { awaitBeforeChange } from "../base/failures.ts";

/** Whether a change that was rejected with `outcome: "unknown"` was applied. `"unknown"`: it can't be found out. */
export type WriteOutcome = "applied" | "not-applied" | "unknown";

interface UnknownChange {
  readonly kind: "write" | "create" | "destroy";
  readonly id: string;
  readonly sequence: number;
  /** By this process's monotonic clock; the change cannot be applied later. */
  readonly deadline: number;
  outcome: Exclude<WriteOutcome, "unknown"> | undefined;
}

/** Milliseconds after a deadline. A little less than the minute for which the scripts keep the record of a write. */
const REMEMBERED_MS = 50_000;

/** How many errors are read along `cause`: an error of the application may be its own cause. */
const MAX_CAUSES = 8;

/**
 * Records changes whose reply was lost. A question about a write decides its outcome: if the write was not applied, outcome.lua
 * makes sure that it never will be, so the answer is certain at once. Before the next write of the same session the outcome of the
 * previous write is decided, because the next write overwrites the record of the previous one.
 */
export class UnknownOutcomes {
  readonly #caller: Caller;
  readonly #changes = new WeakMap<Error, UnknownChange>();
  /** The last undecided write of each session, until the next write, or until its record has expired. */
  readonly #lastOf = new Map<string, UnknownChange>();

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /**
   * Returns the error for the caller to throw. If the outcome of the change is unknown, records the change, so that `outcome` can
   * determine the outcome.
   */
  remember(
    error: unknown,
    kind: UnknownChange["kind"],
    id: string,
    sequence: number,
    deadline: number,
  ): unknown {
    if (isSessionError(error) && error.outcome === "unknown") {
      const change: UnknownChange = { kind, id, sequence, deadline, outcome: undefined };
      this.#changes.set(error, change);
      if (kind === "write") {
        this.#forgetOld();
        this.#lastOf.set(id, change);
      }
    }
    return error;
  }

  /**
   * Must run before another write of the session is sent, because that write overwrites the record of the
   * last one.
   */
  decideLast(id: string, deadline: number): Promise<void> | undefined {
    if (this.#lastOf.size === 0) return undefined;
    const change = this.#lastOf.get(id);
    return change === undefined
      ? undefined
      : awaitBeforeChange(this.#decide(change, deadline)).then(() => undefined);
  }

  async outcome(error: unknown): Promise<WriteOutcome> {
    const change = this.#changeOf(error);
    if (change === undefined)
      return isSessionError(error) && error.outcome === "not-applied" ? "not-applied" : "unknown";
    if (change.outcome !== undefined) return change.outcome;
    return change.kind === "write"
      ? this.#decide(change, this.#caller.calls.deadline())
      : this.#readLater(change);
  }

  #changeOf(error: unknown): UnknownChange | undefined {
    let cause = error;
    for (let depth = 0; depth < MAX_CAUSES && cause instanceof Error; depth += 1) {
      const change = this.#changes.get(cause);
      if (change !== undefined) return change;
      cause = cause.cause;
    }
    return undefined;
  }

  async #decide(change: UnknownChange, deadline: number): Promise<WriteOutcome> {
    const { id, sequence } = change;
    const isTooOld = performance.now() > change.deadline + REMEMBERED_MS;
    const outcome = await findOutcome(this.#caller, { id, sequence, isTooOld, deadline });
    change.outcome ??= outcome;
    if (this.#lastOf.get(change.id) === change) this.#lastOf.delete(change.id);
    return outcome ?? "unknown";
  }

  /** Infers the outcome from whether the session exists, once the change is too late to be applied. */
  async #readLater(change: UnknownChange): Promise<WriteOutcome> {
    const left = change.deadline - performance.now();
    if (left >= 0) await wait(left + 1);
    const found = await load(this.#caller, change.id);
    if (change.kind === "destroy") change.outcome = found.type === "session" ? "not-applied" : "applied";
    else if (found.type === "session") change.outcome = "applied";
    else if (found.destroyed === undefined) change.outcome = "not-applied";
    return change.outcome ?? "unknown";
  }

  #forgetOld(): void {
    const now = performance.now();
    for (const [id, change] of this.#lastOf) {
      if (now <= change.deadline + REMEMBERED_MS) break;
      this.#lastOf.delete(id);
    }
  }
}
