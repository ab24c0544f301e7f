import { clientError } from "./client-error.ts";
import type { ClientEvents } from "./contract.ts";
import { after } from "./environment.ts";

type Sets = { readonly [Type in keyof ClientEvents]: Set<(event: ClientEvents[Type]) => unknown> };

/** Who listens to which event. */
export class Listeners {
  readonly #sets: Sets = {
    message: new Set(),
    status: new Set(),
    session: new Set(),
    missed: new Set(),
    rolledBack: new Set(),
    leftover: new Set(),
    closed: new Set(),
  };

  /** Returns what takes the listener off. */
  add<Type extends keyof ClientEvents>(
    type: Type,
    listener: (event: ClientEvents[Type]) => unknown,
  ): () => void {
    if (!Object.hasOwn(this.#sets, type) || typeof listener !== "function")
      throw clientError("INVALID_ARGUMENT", "on() takes the name of an event and a function");
    // A wrapper, so that one function that is added twice is called twice, and taken off once.
    const entry = (event: ClientEvents[Type]) => listener(event);
    this.#sets[type].add(entry);
    return () => {
      this.#sets[type].delete(entry);
    };
  }

  /** Whether somebody hears messages. */
  get hasMessageListener(): boolean {
    return this.#sets.message.size > 0;
  }

  /** Never throws: what a listener throws must not reach the socket's event, or keep others from theirs. */
  emit<Type extends keyof ClientEvents>(type: Type, event: ClientEvents[Type]): void {
    for (const listener of [...this.#sets[type]]) {
      try {
        listener(event);
      } catch (error) {
        after(0, () => {
          throw error;
        });
      }
    }
  }
}
