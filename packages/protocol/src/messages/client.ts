/** The client's side: sends and receives the defined messages over a client. */
import { invalidArgument } from "../errors.ts";
import { withoutUnhandledRejection } from "../ownership.ts";
import type { Verdict } from "./check.ts";
import { assertNoMore, byName, isObject } from "./definition.ts";
import type { Definition } from "./definition.ts";
import { readIncoming } from "./incoming.ts";
import { Outgoing } from "./outgoing.ts";
import type { NamedRefusals } from "./refusals.ts";
import { Sequence } from "./sequence.ts";
import type { ClientLike, Listeners, MessageClient, Payloads, Senders } from "./types.ts";

type Listener = (payload: unknown, event: { readonly replayed: boolean }) => unknown;
type InvalidListener = Parameters<MessageClient<Payloads, Payloads>["onInvalid"]>[0];
type Direction = "in" | "out";

export class TypedClient implements MessageClient<Payloads, Payloads> {
  readonly send: Senders<Payloads, [], Promise<void>>;
  readonly sendNow: Senders<Payloads, [], boolean>;
  readonly on: Listeners<Payloads>;
  readonly #client: ClientLike;
  readonly #toClient: Definition;
  readonly #refusals: NamedRefusals;
  readonly #order = new Sequence<Direction>();
  readonly #listeners = new Map<string, Set<{ readonly listener: Listener }>>();
  readonly #invalid = new Set<{ readonly listener: InvalidListener }>();
  /** Removes this object's listener from the client; `undefined` while there is none. */
  #unsubscribe: (() => void) | undefined = undefined;

  constructor(client: ClientLike, toServer: Definition, toClient: Definition, refusals: NamedRefusals) {
    for (const method of ["send", "sendNow", "on"])
      if (!isObject(client) || typeof client[method] !== "function")
        throw invalidArgument(`client() takes a client with the method ${method}`);
    this.#client = client;
    this.#toClient = toClient;
    this.#refusals = refusals;
    this.send = byName(toServer, (name, schema) => (payload, surplus?: unknown) => {
      assertNoMore(name, surplus);
      try {
        return withoutUnhandledRejection(this.#send(new Outgoing(name, schema, payload)));
      } catch (error) {
        return withoutUnhandledRejection(Promise.reject(error));
      }
    });
    this.sendNow = byName(toServer, (name, schema) => (payload, surplus?: unknown) => {
      assertNoMore(name, surplus);
      const message = new Outgoing(name, schema, payload);
      message.assertAcceptedNow();
      return client.sendNow(message.text);
    });
    this.on = byName(toClient, (name) => (listener, surplus?: unknown) => {
      assertListener(`on.${name}`, listener, surplus);
      const listeners = this.#listeners.get(name) ?? new Set();
      this.#listeners.set(name, listeners);
      return this.#add(listeners, { listener });
    });
  }

  onInvalid(listener: InvalidListener, surplus?: undefined): () => void {
    assertListener("onInvalid", listener, surplus);
    return this.#add(this.#invalid, { listener });
  }

  async #send(message: Outgoing): Promise<void> {
    try {
      await this.#order.nowOrInOrder("out", message.verdict, (verdict) => {
        message.assertAccepted(verdict);
        return this.#client.send(message.text);
      });
    } catch (error) {
      throw this.#refusals.received(error);
    }
  }

  /**
   * Subscribes to the client with the first listener. With an earlier subscription, messages without a listener would count as
   * read.
   */
  #add<Entry>(entries: Set<Entry>, entry: Entry): () => void {
    entries.add(entry);
    this.#unsubscribe ??= this.#client.on("message", (event) => this.#receive(event));
    return () => {
      entries.delete(entry);
      const hasListener =
        this.#invalid.size > 0 || [...this.#listeners.values()].some(({ size }) => size > 0);
      if (hasListener) return;
      this.#unsubscribe?.();
      this.#unsubscribe = undefined;
    };
  }

  #receive({ data, replayed }: { readonly data: string | Uint8Array; readonly replayed: boolean }): unknown {
    const { name, verdict } = readIncoming(this.#toClient, data);
    return this.#order.nowOrInOrder("in", verdict, (known: Verdict) => {
      if (!known.accepted) return callAll(this.#invalid, (listener) => listener({ name, data }));
      const listeners = name === undefined ? undefined : this.#listeners.get(name);
      return callAll(listeners ?? [], (listener) => listener(known.value, { replayed }));
    });
  }
}

/** Calls every listener, even if one throws, and then throws their errors. */
function callAll<Called>(
  entries: Iterable<{ readonly listener: Called }>,
  call: (listener: Called) => unknown,
): void {
  const errors: unknown[] = [];
  // Iterate over a copy, because a listener may remove itself or add a listener. A new listener gets the next message.
  for (const { listener } of [...entries]) {
    try {
      call(listener);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors, "several listeners threw");
}

function assertListener(where: string, listener: unknown, surplus: unknown): void {
  if (typeof listener !== "function") throw invalidArgument(`${where}() takes a function`);
  assertNoMore(`${where}()`, surplus);
}
