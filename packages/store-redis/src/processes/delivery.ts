import type { StoreEvent, StoreHost } from "@wsession/core";

/**
 * Hands events to the host. What comes for a session that is about to be held is kept until the host has it: the holder is
 * registered before its load is answered, and none falls between.
 */
export class Delivery {
  readonly #host: StoreHost;
  readonly #expected = new Map<string, { pending: number; readonly kept: (() => void)[] }>();

  constructor(host: StoreHost) {
    this.#host = host;
  }

  expect(id: string): void {
    const entry = this.#expected.get(id);
    if (entry === undefined) this.#expected.set(id, { pending: 1, kept: [] });
    else entry.pending += 1;
  }

  /** The hold has been answered. What was kept is delivered in a later turn, after the host took the answer in. */
  settled(id: string): void {
    const entry = this.#expected.get(id);
    if (entry === undefined) return;
    entry.pending -= 1;
    if (entry.pending > 0) return;
    if (entry.kept.length === 0) this.#expected.delete(id);
    else {
      setImmediate(() => {
        if (entry.pending > 0) return;
        this.#expected.delete(id);
        for (const deliver of entry.kept) deliver();
      });
    }
  }

  /** `told` learns how many connections the event ended here. */
  deliver(of: StoreEvent, onDelivered?: (closed: number) => void): void {
    const kept = this.#expected.get(of.id)?.kept;
    if (kept === undefined) {
      const closed = this.#notify(of);
      onDelivered?.(closed);
      return;
    }
    // One that is held already hears at once, and again with the newcomer: a version it has is no news to it.
    const early = this.#notify(of);
    kept.push(() => {
      const late = this.#notify(of);
      onDelivered?.(early + late);
    });
  }

  /** A destruction is told to a host that does not hold the session, too: it may be about to, with an answer that it has. */
  #notify(of: StoreEvent): number {
    if (of.type !== "destroyed" && this.#host.held(of.id) === undefined) return 0;
    return this.#host.notify(of);
  }
}
