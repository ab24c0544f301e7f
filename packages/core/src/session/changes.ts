import type { SessionConnection } from "./session-connection.ts";

/**
 * Connections whose `change` handler is due. The handlers run in a microtask of their own, because a store that answers in
 * the same tick would otherwise run them inside the application's own `update()`: between two lines of code that another
 * handler believes to be atomic. So the order is the same on every store: the writer's synchronous code, then the handlers,
 * then whoever awaits the write. Changes of one tick are told as one, with the data as it is then.
 */
export class ChangeQueue<Data extends object> {
  #due = new Map<SessionConnection<Data>, { readonly data: Readonly<Data> }>();

  add(connection: SessionConnection<Data>, state: { readonly data: Readonly<Data> }): void {
    if (this.#due.size === 0) queueMicrotask(this.flush);
    this.#due.set(connection, state);
  }

  /** Calls the handlers now: for changes that come from a store's own I/O, when no application code is on the stack. */
  readonly flush = (): void => {
    if (this.#due.size === 0) return;
    const due = this.#due;
    this.#due = new Map();
    // Each gets the data as it is now: after a handler that writes, none is told of older data after newer (I8).
    for (const [connection, state] of due) connection.changed(state.data);
  };
}
