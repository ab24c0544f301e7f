import { invalid } from "./client-error.ts";
import type { ClientEvents } from "./contract.ts";
import { startTimer } from "./environment.ts";

type ListenersByEvent = { readonly [Type in keyof ClientEvents]: ((event: ClientEvents[Type]) => unknown)[] };

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
  const byEvent: ListenersByEvent = {
    message: [],
    status: [],
    session: [],
    missed: [],
    rolledBack: [],
    leftover: [],
    closed: [],
  };
  return {
    add(type, listener) {
      if (!Object.hasOwn(byEvent, type) || typeof listener !== "function")
        throw invalid("on() takes an event and a function");
      // A wrapper, so that a function that is added twice is called twice, and each removal removes one of the two.
      const entry: typeof listener = (event) => listener(event);
      byEvent[type].push(entry);
      return () => {
        // At the second call `indexOf` is -1. As an unsigned number, -1 is an index after the end, where `splice` removes nothing.
        byEvent[type].splice(byEvent[type].indexOf(entry) >>> 0, 1);
      };
    },
    emit(type, event) {
      for (const listener of [...byEvent[type]]) {
        try {
          listener(event);
        } catch (error) {
          startTimer(0, () => {
            throw error;
          });
        }
      }
    },
    hasListener: () => byEvent.message.length > 0,
  };
}
