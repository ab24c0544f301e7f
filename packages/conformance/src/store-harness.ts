import type { Awaitable, SessionStore, StoreCapabilities } from "@wsession/core";

/** The description of a store under test. */
export interface StoreHarness {
  /**
   * The capabilities of the store. The suite checks that the store reports them, and skips cases that do not
   * apply.
   */
  readonly capabilities: StoreCapabilities;
  /**
   * Whether the store has `commit`. The suite checks that, and skips the cases of transactions otherwise.
   *
   * @default false
   */
  readonly commits?: boolean | undefined;
  /**
   * Whether the store has `track`, `presenceOfSubject` and `watch`. The suite skips the cases of presence otherwise. They need a
   * clock that the timers of the store follow.
   *
   * @default false
   */
  readonly presence?: boolean | undefined;
  /**
   * Whether the store has `extend`. The suite skips the cases of lifetimes otherwise.
   *
   * @default false
   */
  readonly lifetimes?: boolean | undefined;
  /**
   * Whether the store has `health`. The suite skips the case of health otherwise.
   *
   * @default false
   */
  readonly health?: boolean | undefined;
  /**
   * The time unit of the cases, in milliseconds; deadlines are a few units long. Use 1,000 with a fake clock.
   * With a real clock, choose one that is long enough for a call and its reply, and short enough for a fast
   * suite (100).
   */
  readonly tickMs: number;
  /** Creates an empty backing for sessions, once per case. */
  open(): Awaitable<StoreBacking>;
}

/** What the stores of one case share: a server, or the memory of this process. */
export interface StoreBacking {
  /**
   * Creates a store on this backing without attaching it. With `shared`, further calls act as other
   * processes.
   */
  store(): Awaitable<SessionStore>;
  /** Advances the time for the store, its server, and `Date.now()` of this process. */
  pass(ms: number): Awaitable<void>;
  /** Called once, after all stores were closed. */
  close(): Awaitable<void>;
}
