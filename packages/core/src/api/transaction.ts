import type { SendOptions } from "@wsession/protocol";
import type { Connection, Patch } from "./contract.ts";

/**
 * One numbered message of a client, while the handler `transaction` handles it. What the handler stages here is committed in one step
 * with the message's number, once the handler has settled: either all of it is in the store, or none (I21, I22, I23). Where another
 * writer changed the session meanwhile, the handler runs again with a new transaction on the new data.
 *
 * The writes of `connection.session` (`set`, `patch`, `update`, `send`, `identify`, `rotate`) reject with IN_TRANSACTION meanwhile.
 * Once the handler has settled, every method throws TRANSACTION_OVER.
 */
export interface Transaction<Data extends object = object, Transport = unknown> {
  readonly connection: Connection<Data, Transport, never>;
  /**
   * `session:client:number`, the same when the handler runs again, in this process or in another one. Give the id to services that
   * take an idempotency key, because what a handler does outside of the session may happen more than once.
   */
  readonly id: string;
  /** The session's data with all that is staged so far. Reading makes the commit depend on what was read (compare-and-set). */
  readonly data: Readonly<Data>;
  /**
   * Stages other data for the session.
   *
   * @throws INVALID_DATA for what does not satisfy `schema`.
   */
  set(data: Data): void;
  /**
   * Stages a change of these fields, and of no other. The commit depends on nothing that another writer may change, unless `data` was
   * read.
   *
   * @throws INVALID_DATA as `session.patch` does.
   */
  patch(fields: Patch<Data>): void;
  /**
   * Stages a change that depends on the data.
   *
   * @throws what `change` throws, INVALID_DATA, and INVALID_ARGUMENT for a `change` that returns a promise.
   * @example
   * tx.update((data) => ({ ...data, balance: data.balance - 10 }));
   */
  update(change: (data: Readonly<Data>) => Data): void;
  /**
   * Stages a message for the session's outbox, as `session.send` keeps one. Of two messages of one key the later one alone is kept.
   *
   * @throws INVALID_ARGUMENT as `session.send` does, TOO_LARGE for a message over `outbox.maxBytes`, and OUTBOX_FULL for more
   * messages, or more bytes, than the option `outbox` lets one session keep.
   */
  send(message: string | Uint8Array, options?: SendOptions): void;
  /**
   * Calls `effect` once the commit is acknowledged: at most once, because this process may end before. `effect` runs after the
   * kept messages and the acknowledgement were sent, and the next message does not wait for it. What `effect` throws is reported to
   * `onError`.
   *
   * @example
   * tx.after(() => tx.connection.session.destroy("logged out"));
   */
  after(effect: () => unknown): void;
  /**
   * Ends the transaction with nothing staged, and returns what `work` returns. `work` handles the message at least once, as the handler
   * `message` would, and may write through `connection.session`: for an application of which some messages need no transaction. The
   * number is settled once the handler has settled.
   *
   * @throws INVALID_ARGUMENT where something was staged.
   */
  atLeastOnce<Result>(work: () => Result): Result;
}
