import type { SessionConnection } from "./session-connection.ts";

/**
 * Connections whose `change` handler is due. The handlers run in a microtask of their own. Otherwise a store that answers in
 * the same tick would run them inside the application's call of `update()`, between two lines of code that the application
 * assumes to be atomic (reentrancy). The order is the same on every store: the writer's synchronous code, the handlers, then
 * the code that awaits the write. Several changes in one tick make one call of a handler, with the latest data.
 */
export class ChangeQueue<Data extends object> {
  #due = new Map<SessionConnection<Data>, { readonly data: Readonly<Data> }>();

  add(connection: SessionConnection<Data>, state: { readonly data: Readonly<Data> }): void {
    if (this.#due.size === 0) queueMicrotask(this.flush);
    this.#due.set(connection, state);
  }

  /** Calls the handlers at once. For changes from a store's own I/O, where no application code is on the stack. */
  readonly flush = (): void => {
    if (this.#due.size === 0) return;
    const due = this.#due;
    this.#due = new Map();
    // Pass the current data to each handler, because an earlier handler may have written, and no later handler may get older data
    // (I8).
    for (const [connection, state] of due) connection.changed(state.data);
  };
}
