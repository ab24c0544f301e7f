import type { Confirmation } from "./announcements.ts";

/** What the holders of destroyed sessions said. */
export interface Confirmed {
  readonly closed: number;
  readonly unreachable: readonly string[];
}

/** Who has to say it: sessions by the processes that held them. */
export type Expected = ReadonlyMap<string, readonly string[]>;

interface Collection {
  readonly heard: Map<string, Map<string, number>>;
  changed: () => void;
}

/** Collects what other processes closed, for destructions that are waited for. */
export class Confirmations {
  readonly #collections = new Map<string, Collection>();

  /** Before the destruction is sent: an answer may be here before its reply. */
  open(token: string): void {
    this.#collections.set(token, { heard: new Map(), changed: () => undefined });
  }

  hear({ token, node, id, closed }: Confirmation): void {
    const collection = this.#collections.get(token);
    if (collection === undefined) return;
    const sessions = collection.heard.get(node) ?? new Map<string, number>();
    collection.heard.set(node, sessions.set(id, closed));
    collection.changed();
  }

  /** Waits until all have answered, those without a lease not counted, or `timeoutMs`. Never rejects. */
  async collect(
    token: string,
    expected: Expected,
    isDead: (node: string) => Promise<boolean>,
    timeoutMs: number,
  ): Promise<Confirmed> {
    const collection = this.#collections.get(token);
    if (collection === undefined) return { closed: 0, unreachable: [...expected.keys()] };
    const waiting = new Set(expected.keys());
    const hasAnswered = (node: string): boolean =>
      (expected.get(node) ?? []).every((id) => collection.heard.get(node)?.has(id) === true);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      collection.changed = (): void => {
        for (const node of waiting) if (hasAnswered(node)) waiting.delete(node);
        if (waiting.size > 0) return;
        clearTimeout(timer);
        resolve();
      };
      for (const node of waiting) {
        const giveUp = (dead: boolean): void => {
          if (dead) waiting.delete(node);
          collection.changed();
        };
        isDead(node).then(giveUp, () => undefined);
      }
      collection.changed();
    });
    this.#collections.delete(token);
    let closed = 0;
    for (const sessions of collection.heard.values()) for (const count of sessions.values()) closed += count;
    return { closed, unreachable: [...expected.keys()].filter((node) => !hasAnswered(node)) };
  }

  abandon(token: string): void {
    this.#collections.delete(token);
  }
}
