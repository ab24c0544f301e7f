/** How many connections other processes closed for a destruction. */
import type { Confirmation } from "./announcements.ts";
import { PatientTimer } from "../base/patient-timer.ts";

/** The confirmations that were collected for one destruction. */
export interface Confirmed {
  readonly closed: number;
  readonly unreachable: readonly string[];
}

interface Collection {
  /** The sessions that each process has confirmed. */
  readonly answered: Map<string, Set<string>>;
  /**
   * The sessions that each process has yet to confirm; `undefined` until the destruction's replies list the
   * holders.
   */
  waiting: Map<string, Set<string>> | undefined;
  closed: number;
  finish: () => void;
}

/** Collects how many connections other processes closed, for destructions whose caller waits. */
export class Confirmations {
  readonly #collections = new Map<string, Collection>();

  /**
   * Must be called before the destruction is sent, because a confirmation may arrive before the destruction's
   * own reply.
   */
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
   * Waits until every holder of `sessions` has confirmed, or for `timeoutMs`. Does not wait for holders without a lease.
   * Never rejects.
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
        // After a stall a plain timer would fire before the sockets are read. Holders whose answers have arrived would then count
        // as unreachable.
        const timer = new PatientTimer(timeoutMs, resolve);
        collection.finish = (): void => {
          timer.stop();
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
