import { invalid } from "./client-error.ts";
import type { ClientEvents } from "./contract.ts";
import { startTimer } from "./environment.ts";

type ListenerSets = { readonly [Type in keyof ClientEvents]: Set<(event: ClientEvents[Type]) => unknown> };

export interface Listeners {
  /** Adds a listener. Returns a function that removes it. */
  add<Type extends keyof ClientEvents>(
    type: Type,
    listener: (event: ClientEvents[Type]) => unknown,
  ): () => void;
  /**
   * Calls the listeners. Never throws: an error of a listener must not reach the socket's event or keep other listeners from
   * being called.
   */
  emit<Type extends keyof ClientEvents>(type: Type, event: ClientEvents[Type]): void;
  /** Whether there is a listener for messages. */
  hasListener(): boolean;
}

/** Creates the listeners of a client, by event. */
export function createListeners(): Listeners {
  const newSet = <Listener>(): Set<Listener> => new Set();
  const sets: ListenerSets = {
    message: newSet(),
    status: newSet(),
    session: newSet(),
    missed: newSet(),
    rolledBack: newSet(),
    leftover: newSet(),
    closed: newSet(),
  };
  return {
    add(type, listener) {
      if (!Object.hasOwn(sets, type) || typeof listener !== "function")
        throw invalid("on() takes an event and a function");
      // A wrapper, so that a function that is added twice is called twice, and each removal removes one of the two.
      const entry: typeof listener = (event) => listener(event);
      sets[type].add(entry);
      return () => {
        sets[type].delete(entry);
      };
    },
    emit(type, event) {
      for (const listener of [...sets[type]]) {
        try {
          listener(event);
        } catch (error) {
          startTimer(0, () => {
            throw error;
          });
        }
      }
    },
    hasListener: () => sets.message.size > 0,
  };
}
