/** The part of a store's contract about its health. */
import type { Awaitable } from "@wsession/protocol";

/** The state of a store now, as measured by this process. */
export interface StoreHealth {
  /** Whether the store can serve every call now. */
  readonly ok: boolean;
  /** The role that the server reported; `undefined` if no server answered, or if the store has no server. */
  readonly role: "primary" | "replica" | undefined;
  /** Milliseconds that one round trip to the server took; `undefined` if no server answered, or if the store has no server. */
  readonly latencyMs: number | undefined;
  /** Whether announcements of other processes arrive; `undefined` for a store that has none. */
  readonly subscription: boolean | undefined;
  /** Whether other processes count this one as alive; `undefined` for a store without leases. */
  readonly lease: boolean | undefined;
}

/** The method of a store that can report its health. */
export interface HealthMethods {
  /**
   * Sends a request to the server now. SHOULD settle within `limitMs` milliseconds. If no server answers, the store SHOULD resolve
   * with a health that is not `ok`. Core waits 100 ms longer than `limitMs` and then reports the store as unhealthy, as it does
   * after a rejection.
   *
   * Absent: core reports a store as healthy unless the latest calls that no caller waits for have failed.
   */
  readonly health?: ((limitMs: number) => Awaitable<StoreHealth>) | undefined;
}

/** The health of a store in the memory of this process. */
export function healthInProcess(): StoreHealth {
  return { ok: true, role: undefined, latencyMs: undefined, subscription: undefined, lease: undefined };
}
