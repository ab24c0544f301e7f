import type { StoreEvent, StoreHost } from "@wsession/core";

/**
 * Delivers events to the host. Events of a session whose load is in progress are kept until the host has the session. Otherwise an
 * event between the registration of the holder and the reply to its load would be lost.
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

  /**
   * The load was answered. Kept events are delivered in a later turn, after the host has processed the reply.
   */
  onAnswered(id: string): void {
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

  /** Delivers an event. `onDelivered` is called with the number of connections that the event closed here. */
  deliver(of: StoreEvent, onDelivered?: (closed: number) => void): void {
    const kept = this.#expected.get(of.id)?.kept;
    if (kept === undefined) {
      const closed = this.#notify(of);
      onDelivered?.(closed);
      return;
    }
    // Connections that already have the session get the event at once, and once more with the new connection:
    // a repeated version is ignored.
    const early = this.#notify(of);
    kept.push(() => {
      const late = this.#notify(of);
      onDelivered?.(early + late);
    });
  }

  /**
   * Destructions are passed on even if the host does not have the session, because the host may be about to
   * get it from a reply that has already arrived.
   */
  #notify(of: StoreEvent): number {
    if (of.type !== "destroyed" && this.#host.held(of.id) === undefined) return 0;
    return this.#host.notify(of);
  }
}
