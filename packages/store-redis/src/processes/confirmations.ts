import type { Confirmation } from "./announcements.ts";

/** What the holders of destroyed sessions said. */
export interface Confirmed {
  readonly closed: number;
  readonly unreachable: readonly string[];
}

interface Collection {
  /** Sessions that each process has answered for. */
  readonly answered: Map<string, Set<string>>;
  /** Answers that are waited for, by process; `undefined` while it is not known who held what. */
  waiting: Map<string, Set<string>> | undefined;
  closed: number;
  finish: () => void;
}

/** Collects what other processes closed, for destructions that are waited for. */
export class Confirmations {
  readonly #collections = new Map<string, Collection>();

  /** Before the destruction is sent: an answer may be here before its reply. */
  open(token: string): void {
    this.#collections.set(token, {
      answered: new Map(),
      waiting: undefined,
      closed: 0,
      finish: () => undefined,
    });
  }

  add({ token, node, id, closed }: Confirmation): void {
    const collection = this.#collections.get(token);
    if (collection === undefined) return;
    const sessions = collection.answered.get(node) ?? new Set<string>();
    collection.answered.set(node, sessions);
    if (sessions.has(id)) return;
    sessions.add(id);
    collection.closed += closed;
    const missing = collection.waiting?.get(node);
    missing?.delete(id);
    if (missing?.size === 0) stopWaitingFor(collection, node);
  }

  /**
   * Waits until all who held `sessions` have answered for them, those without a lease not counted, or `timeoutMs`. Never
   * rejects.
   */
  async collect(
    token: string,
    sessions: ReadonlyMap<string, readonly string[]>,
    isDead: (node: string) => Promise<boolean>,
    timeoutMs: number,
  ): Promise<Confirmed> {
    const collection = this.#collections.get(token);
    if (collection === undefined) return { closed: 0, unreachable: [...sessions.keys()] };
    const waiting = new Map<string, Set<string>>();
    for (const [node, ids] of sessions) {
      const missing = new Set(ids.filter((id) => collection.answered.get(node)?.has(id) !== true));
      if (missing.size > 0) waiting.set(node, missing);
    }
    collection.waiting = waiting;
    const dead: string[] = [];
    if (waiting.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        collection.finish = (): void => {
          clearTimeout(timer);
          resolve();
        };
        for (const node of waiting.keys()) {
          const giveUp = (isGone: boolean): void => {
            if (!isGone || !waiting.has(node)) return;
            dead.push(node);
            stopWaitingFor(collection, node);
          };
          isDead(node).then(giveUp, () => undefined);
        }
      });
    }
    return { closed: collection.closed, unreachable: [...dead, ...waiting.keys()] };
  }

  close(token: string): void {
    this.#collections.delete(token);
  }
}

function stopWaitingFor(collection: Collection, node: string): void {
  collection.waiting?.delete(node);
  if (collection.waiting?.size === 0) collection.finish();
}
