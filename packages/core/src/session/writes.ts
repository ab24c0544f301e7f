import type { Awaitable } from "@wsession/protocol";
import type { Fields } from "../store/contract.ts";
import type { SessionConnection } from "./session-connection.ts";

/** One write that the application requested. */
export interface Write<Data extends object> {
  readonly kind:
    | { readonly type: "patch"; readonly fields: Fields }
    | { readonly type: "set"; readonly data: Data }
    | { readonly type: "update"; readonly change: (data: Readonly<Data>) => Data };
  /** The connection whose handle made the call; `undefined`: an administrative handle. */
  readonly writer: SessionConnection<Data> | undefined;
}

/**
 * The writes of one session, one at a time. `WriteQueue` implements the interface. `LocalSession` refers to its queue and the
 * queue refers to its session, so without the interface the two files would import each other.
 */
export interface SessionWrites<Data extends object> {
  /** Resolves with `resultOf` the data right after this write, once the store has acknowledged the write. */
  write<Result>(write: Write<Data>, resultOf: (data: Readonly<Data>) => Result): Promise<Result>;
  /** Runs a task that makes its own write, while no other write is in progress. */
  alone<Result>(task: () => Awaitable<Result>): Promise<Result>;
}
