import type { Connection } from "./contract.ts";

/**
 * The origin of an error that no caller waits for. `"event"`: a function of the option `events`. `"watch"`: a listener of
 * `sessions.watch`. `"unhandled"`: a promise of this library rejected, and the application neither awaited nor caught the promise.
 * `"adapter"`: an adapter detected a mistake of the application. `"client"`: a client or its network caused the error, such as a
 * protocol error, or the first message of a connection that was refused as invalid. Errors of the stage `"client"` are counted as
 * `clientErrors`, and reported to an explicit `onError` alone.
 */
export type Stage =
  | "admit"
  | "initial"
  | "transport"
  | "open"
  | "resumed"
  | "message"
  | "transaction"
  | "change"
  | "expiring"
  | "drain"
  | "close"
  | "store"
  | "event"
  | "watch"
  | "theft"
  | "unhandled"
  | "adapter"
  | "client";

/** The second argument of `onError`. */
export interface ErrorContext {
  /** Where the error came from. */
  readonly stage: Stage;
  /** The connection whose handler or call failed; `undefined` if there is none. */
  readonly connection?: Connection | undefined;
  /** The session's id, if the error concerns a session without a connection. */
  readonly sessionId?: string | undefined;
  /**
   * The number of failures of the store that this report summarises. The message of the error names the causes, and its `cause` is
   * the last failure of the most frequent cause. Absent for an error that is reported alone.
   */
  readonly failures?: number | undefined;
}
