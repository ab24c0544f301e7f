import type { Connection } from "../api/contract.ts";
import type { ErrorContext } from "../api/error-context.ts";
import type { Settings } from "../api/settings.ts";
import type { Runtime } from "../api/runtime.ts";
import type { Deadlines } from "../base/deadlines.ts";
import type { Diagnostics } from "../base/diagnostics.ts";

/** The part of `ConnectionBinding` that the lifecycle needs. */
export interface LifecycleBinding<Socket extends object> {
  readonly runtime: Runtime<Socket>;
  readonly settings: Pick<
    Settings<object>,
    "gate" | "early" | "inbox" | "handlerTimeoutMs" | "maxConcurrentMessages"
  >;
  readonly deadlines: Deadlines;
  readonly diagnostics: Diagnostics;
  /** The connection whose handler is on the stack now, that is, up to the handler's first `await`. */
  connectionOnStack: object | undefined;
  /** A message arrived that no handler takes. `isFramed`: over a connection that uses `v1.wsession`. */
  onUnhandledMessage(connection: Connection, isFramed: boolean): void;
  report(error: unknown, context: ErrorContext): void;
}
