import type { LocalSession } from "./local-session.ts";

/** Finds sessions that live on their connections. The store and the table have no entries for them. */
export interface SessionsOnConnections<Data extends object> {
  find(id: string): LocalSession<Data> | undefined;
  ids(): Iterable<string>;
}

/**
 * The one state of each session in this process. The table has a strong reference to a state while connections use the state, and a
 * weak reference after that. Then only handles keep the state alive. A client that comes back before the garbage collector has
 * run finds the same state.
 */
export class SessionTable<Data extends object> {
  readonly #onConnections: SessionsOnConnections<Data>;
  readonly #connected = new Map<string, { readonly state: LocalSession<Data>; uses: number }>();
  readonly #weak = new Map<string, WeakRef<LocalSession<Data>>>();
  readonly #collected = new FinalizationRegistry<string>((id) => {
    if (this.#weak.get(id)?.deref() === undefined) this.#weak.delete(id);
  });

  constructor(onConnections: SessionsOnConnections<Data>) {
    this.#onConnections = onConnections;
  }

  find(id: string): LocalSession<Data> | undefined {
    return this.findHeld(id) ?? this.#weak.get(id)?.deref();
  }

  /** A session with a live connection, in the table or on its connection. */
  findHeld(id: string): LocalSession<Data> | undefined {
    return this.#onConnections.find(id) ?? this.findConnected(id);
  }

  /** A session with a live connection in the table. */
  findConnected(id: string): LocalSession<Data> | undefined {
    return this.#connected.get(id)?.state;
  }

  *heldIds(): Iterable<string> {
    yield* this.#onConnections.ids();
    yield* this.#connected.keys();
  }

  /** One more connection uses the state. */
  retain(state: LocalSession<Data>): void {
    const { id } = state;
    const entry = this.#connected.get(id);
    if (entry?.state === state) entry.uses += 1;
    else this.#connected.set(id, { state, uses: 1 });
  }

  /** Keeps a weak reference, so that only handles keep the state alive. Registers a state once, also after many connections. */
  keepWeakly(state: LocalSession<Data>): void {
    const { id } = state;
    if (this.#connected.has(id) || this.#weak.get(id)?.deref() === state) return;
    this.#weak.set(id, new WeakRef(state));
    this.#collected.register(state, id);
  }

  /** A connection no longer uses the state. Returns whether that was the last connection. */
  release(state: LocalSession<Data>): boolean {
    const entry = this.#connected.get(state.id);
    if (entry === undefined || entry.state !== state) return true;
    entry.uses -= 1;
    if (entry.uses > 0) return false;
    this.#connected.delete(state.id);
    if (!state.isGone) this.keepWeakly(state);
    return true;
  }
}
