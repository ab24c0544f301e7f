import type { AppendResult, Change, HeldSession, Position, StoredSession } from "@wsession/core";
import { applied } from "./store-answers.ts";

interface Held {
  stored: StoredSession;
  idleAt: number;
  absoluteAt: number;
  connections: number;
}

/** The sessions with a connection in one process, as core has them. */
export class HeldSessions {
  readonly #held = new Map<string, Held>();

  /** The state that the process has of the session, also past its deadlines. */
  stored(id: string): StoredSession | undefined {
    return this.#held.get(id)?.stored;
  }

  /** The session as a store reads it: absent past its deadlines. */
  live(id: string): HeldSession | undefined {
    const held = this.#held.get(id);
    if (held === undefined) return undefined;
    const idleInMs = held.idleAt - Date.now();
    const absoluteInMs = held.absoluteAt - Date.now();
    if (idleInMs <= 0 || absoluteInMs <= 0) return undefined;
    return { ...held.stored, idleInMs, absoluteInMs, connections: held.connections };
  }

  liveIds(): Iterable<string> {
    return [...this.#held.keys()].filter((id) => this.live(id) !== undefined);
  }

  connections(id: string): number {
    return this.#held.get(id)?.connections ?? 0;
  }

  /** Adds a connection of the session. */
  hold(id: string, stored: StoredSession): void {
    const connections = this.connections(id) + 1;
    const now = Date.now();
    this.#held.set(id, {
      stored,
      connections,
      idleAt: now + stored.idleInMs,
      absoluteAt: now + stored.absoluteInMs,
    });
  }

  /** Removes a connection of the session, and the session with its last connection. */
  release(id: string): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    held.connections -= 1;
    if (held.connections === 0) this.#held.delete(id);
  }

  delete(id: string): void {
    this.#held.delete(id);
  }

  touched(id: string, idleMs: number, absoluteMs?: number): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    held.idleAt = Date.now() + idleMs;
    if (absoluteMs !== undefined) held.absoluteAt = Date.now() + absoluteMs;
  }

  replaceStored(id: string, stored: StoredSession): void {
    const held = this.#held.get(id);
    if (held !== undefined) held.stored = stored;
  }

  appended(id: string, { offset, chains }: Extract<AppendResult, { type: "appended" }>): void {
    const chain = chains.at(-1);
    if (chain !== undefined) this.setOutboxEnd(id, { offset: offset + chains.length - 1, chain });
  }

  setOutboxEnd(id: string, outbox: Position): void {
    const held = this.#held.get(id);
    if (held !== undefined) held.stored = { ...held.stored, outbox };
  }

  /** Applies a write: takes the session of the answer, or applies the change if the answer has no session. */
  applyWrite(
    id: string,
    { version, lineage }: Pick<StoredSession, "version" | "lineage">,
    session: StoredSession | undefined,
    change: Change | undefined,
  ): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    if (session !== undefined) held.stored = { ...session };
    else if (change !== undefined)
      held.stored = { ...held.stored, version, lineage, data: applied(held.stored.data, change) };
  }
}
