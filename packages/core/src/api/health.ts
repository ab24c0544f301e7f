import type { StoreHealth } from "../store/health-contract.ts";

/** The state of `sessions` in this process, for probes of readiness and liveness. */
export interface Health {
  /** Whether a new client can be served here: the store is healthy, and `close()` was not called. */
  readonly ok: boolean;
  /** The state of the store, as measured by this process. */
  readonly store: StoreHealth;
  /** How many connections this process has. */
  readonly connections: number;
  /**
   * The longest delay of the event loop, milliseconds: within the last 10 to 20 seconds, or since the previous call if that is longer
   * ago. The measurement begins with the first call, so the first call reports only the delay of its own turn of the loop.
   */
  readonly eventLoopDelayMs: number;
  /** Whether `close()` was called. */
  readonly closing: boolean;
}
