import type { SendOptions } from "@wsession/protocol";
import type { Connection, Patch } from "./contract.ts";

/**
 * One numbered message of a client, while the handler `transaction` handles it. The staged changes and the message's number are
 * committed in one step once the handler has settled: either the store has all of them, or none (I21, I22, I23). If another writer
 * changed the session meanwhile, the handler runs again with a new transaction on the new data.
 *
 * During the handler the writes of `connection.session` (`set`, `patch`, `update`, `send`, `identify`, `rotate`) reject with
 * IN_TRANSACTION. Once the handler has settled, `data` and every method throw TRANSACTION_OVER, also in `after`.
 */
export interface Transaction<
  Data extends object = object,
  Transport = unknown,
  Context = unknown,
  Socket = unknown,
> {
  /** The connection over which the message came. */
  readonly connection: Connection<Data, Transport, never, Context, Socket>;
  /**
   * `session:client:number`, the same when the handler runs again, in this process or in another one. Pass the id to services that
   * accept an idempotency key, because effects outside of the session may happen more than once.
   */
  readonly id: string;
  /**
   * The session's data with the staged changes. A read makes the commit depend on the version (compare-and-set). A read of
   * `connection.session.data` does not have this effect.
   */
  readonly data: Readonly<Data>;
  /**
   * Stages new data in place of the session's data.
   *
   * @throws INVALID_DATA for data that does not satisfy `schema`.
   */
  set(data: Data): void;
  /**
   * Stages a change of these fields only. Unless `data` was read, the commit does not conflict with other writers.
   *
   * @throws INVALID_DATA as `session.patch` does.
   */
  patch(fields: Patch<Data>): void;
  /**
   * Stages a change that depends on the data.
   *
   * @throws the error of `change`, INVALID_DATA, and INVALID_ARGUMENT for a `change` that returns a promise, or that stages
   * changes itself.
   * @example
   * tx.update((data) => ({ ...data, balance: data.balance - 10 }));
   */
  update(change: (data: Readonly<Data>) => Data): void;
  /**
   * Stages a message for the session's outbox, as `session.send` keeps one. If two messages have the same key, only the later
   * one is kept.
   *
   * @throws INVALID_ARGUMENT as `session.send` does, TOO_LARGE for a message over `outbox.maxBytes`, and OUTBOX_FULL for more
   * messages, or more bytes, than the option `outbox` lets one session keep.
   */
  send(message: string | Uint8Array, options?: SendOptions): void;
  /**
   * Calls `effect` once the commit is acknowledged: at most once, because this process may end before that call. `effect` runs
   * after the kept messages and the acknowledgement were sent, and the next message does not wait for it. An error of `effect` is
   * reported to `onError`.
   *
   * @example
   * tx.after(() => tx.connection.session.destroy("logged out"));
   */
  after(effect: () => unknown): void;
  /**
   * Ends the transaction without a change, and returns the result of `work`. Use it for messages that need no transaction.
   * `work` may write through `connection.session`, and handles the message at least once, as the handler `message` does. The
   * number is settled once the handler has settled.
   *
   * @throws INVALID_ARGUMENT if a change or a message was staged.
   */
  atLeastOnce<Result>(work: () => Result): Result;
}
