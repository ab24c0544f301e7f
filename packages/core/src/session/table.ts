import type { LocalSession } from "./local-session.ts";

/**
 * The one state of each session in this process: strongly while connections use it, weakly for handles beyond them, and for
 * a client that comes back soon.
 */
export class SessionTable<Data extends object> {
  readonly #connected = new Map<string, { readonly state: LocalSession<Data>; uses: number }>();
  readonly #weak = new Map<string, WeakRef<LocalSession<Data>>>();
  readonly #collected = new FinalizationRegistry<string>((id) => {
    if (this.#weak.get(id)?.deref() === undefined) this.#weak.delete(id);
  });

  find(id: string): LocalSession<Data> | undefined {
    return this.#connected.get(id)?.state ?? this.#weak.get(id)?.deref();
  }

  findConnected(id: string): LocalSession<Data> | undefined {
    return this.#connected.get(id)?.state;
  }

  connectedIds(): Iterable<string> {
    return this.#connected.keys();
  }

  /** One more connection uses the state. */
  retain(state: LocalSession<Data>): void {
    const { id } = state;
    const entry = this.#connected.get(id);
    if (entry?.state === state) entry.uses += 1;
    else this.#connected.set(id, { state, uses: 1 });
  }

  /** Handles keep the state alive; nothing else does. Once for each state, however often its connections come and go. */
  keepWeakly(state: LocalSession<Data>): void {
    const { id } = state;
    if (this.#connected.has(id) || this.#weak.get(id)?.deref() === state) return;
    this.#weak.set(id, new WeakRef(state));
    this.#collected.register(state, id);
  }

  /** One connection less; true if it was the last. */
  release(state: LocalSession<Data>): boolean {
    const entry = this.#connected.get(state.id);
    if (entry === undefined || entry.state !== state) return true;
    entry.uses -= 1;
    if (entry.uses > 0) return false;
    this.#connected.delete(state.id);
    if (!state.gone) this.keepWeakly(state);
    return true;
  }
}
