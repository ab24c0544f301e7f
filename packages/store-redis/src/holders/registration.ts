import { isSessionError } from "@wsession/core";
import type { Delivery } from "../announcements/delivery.ts";
import type { CountedCall, HeldCounts } from "./held-counts.ts";

/**
 * Registers one more connection of this process, which counts depending on the outcome of the call that
 * carries it.
 */
export class Registration {
  readonly #heldCounts: HeldCounts;
  readonly #delivery: Delivery;
  readonly #call: CountedCall;

  constructor(heldCounts: HeldCounts, delivery: Delivery, id: string) {
    this.#heldCounts = heldCounts;
    this.#delivery = delivery;
    delivery.expect(id);
    this.#call = heldCounts.begin(id);
  }

  get sequence(): number {
    return this.#call.sequence;
  }

  /** The number of connections including this one. */
  get count(): number {
    return this.#call.count;
  }

  /**
   * The call was answered. `isCounted`: Redis counts the connection. `isRepeat`: the call was sent more than once, so Redis may have
   * counted an earlier attempt although the last one was refused.
   */
  answered(isCounted: boolean, isRepeat: boolean): void {
    if (isCounted) this.#heldCounts.onCounted(this.#call);
    else if (isRepeat) this.#heldCounts.onFailed(this.#call);
    else this.#heldCounts.onRefused(this.#call);
    this.#delivery.onAnswered(this.#call.id);
  }

  failed(error: unknown): void {
    if (isSessionError(error) && error.outcome === "not-applied") this.#heldCounts.onRefused(this.#call);
    else this.#heldCounts.onFailed(this.#call);
    this.#delivery.onAnswered(this.#call.id);
  }
}
