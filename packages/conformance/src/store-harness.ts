import type { Awaitable, SessionStore, StoreCapabilities } from "@wsession/core";

/** How the suite meets a store. */
export interface StoreHarness {
  /** What the store says of itself; the suite checks that it does, and leaves out what can't apply. */
  readonly capabilities: StoreCapabilities;
  /**
   * The shortest time that the cases tell apart, milliseconds: deadlines are a few of it. 1,000 with a fake clock; by a
   * real one long enough that a call and its answer surely fit, and short enough that the suite stays fast (100).
   */
  readonly tickMs: number;
  /** Makes an empty place for sessions; one for each case. */
  open(): Awaitable<StoreBacking>;
}

export interface StoreBacking {
  /** A new store on this place, not attached yet. A second call, only where `shared`, is made as another process would. */
  store(): Awaitable<SessionStore>;
  /** Lets time pass: for the store, its server, and this process's `Date.now()`. */
  pass(ms: number): Awaitable<void>;
  /** Called last, once; the stores are closed by then. */
  close(): Awaitable<void>;
}
