import type { SessionState } from "./local-session.ts";

/**
 * The one state of each session in this process: strongly while connections use it, weakly for handles beyond them, and for
 * a client that comes back soon.
 */
export class SessionTable<Data extends object> {
  readonly #held = new Map<string, { readonly state: SessionState<Data>; uses: number }>();
  readonly #loose = new Map<string, WeakRef<SessionState<Data>>>();
  readonly #collected = new FinalizationRegistry<string>((id) => {
    if (this.#loose.get(id)?.deref() === undefined) this.#loose.delete(id);
  });

  find(id: string): SessionState<Data> | undefined {
    return this.#held.get(id)?.state ?? this.#loose.get(id)?.deref();
  }

  held(id: string): SessionState<Data> | undefined {
    return this.#held.get(id)?.state;
  }

  heldIds(): Iterable<string> {
    return this.#held.keys();
  }

  /** One more connection uses the state. */
  hold(state: SessionState<Data>): void {
    const { id } = state;
    const held = this.#held.get(id);
    if (held?.state === state) held.uses += 1;
    else this.#held.set(id, { state, uses: 1 });
  }

  /** Handles keep the state alive; nothing else does. Once for each state, however often its connections come and go. */
  keepLoose(state: SessionState<Data>): void {
    const { id } = state;
    if (this.#held.has(id) || this.#loose.get(id)?.deref() === state) return;
    this.#loose.set(id, new WeakRef(state));
    this.#collected.register(state, id);
  }

  /** One connection less; true if it was the last. */
  drop(state: SessionState<Data>): boolean {
    const held = this.#held.get(state.id);
    if (held === undefined || held.state !== state) return true;
    held.uses -= 1;
    if (held.uses > 0) return false;
    this.#held.delete(state.id);
    if (!state.gone) this.keepLoose(state);
    return true;
  }
}
