import type { Calls } from "./calls.ts";
import type { Keys } from "./keys.ts";
import type { Liveness } from "./liveness.ts";
import type { Holder } from "./record.ts";

/** Whether processes have a lease, by name, as far as it was asked. */
export type Lives = Map<string, Promise<boolean>>;

/**
 * Holdings of processes without a lease: they count for nothing. Those of dead processes are taken away, because otherwise
 * each change would be announced to them for as long as the session lives.
 */
export class Orphans {
  readonly #calls: Pick<Calls, "script">;
  readonly #keys: Keys;
  readonly #liveness: Liveness;

  constructor(calls: Pick<Calls, "script">, keys: Keys, liveness: Liveness) {
    this.#calls = calls;
    this.#keys = keys;
    this.#liveness = liveness;
  }

  /** Those of a session's holders that have no lease. The dead among them are taken off it, which nobody waits for. */
  async sweep(id: string, holders: readonly Holder[], lives: Lives = new Map()): Promise<readonly Holder[]> {
    const alive = await Promise.all(holders.map(({ node }) => this.#lives(node, lives)));
    const orphans = holders.filter((_, index) => alive[index] === false);
    const dead = orphans.filter(({ node }) => this.#liveness.isDead(node));
    if (dead.length > 0) {
      const entries = dead.map(({ entry }) => entry);
      this.#calls.script("drop", [this.#keys.session(id)], entries).catch(() => undefined);
    }
    return orphans;
  }

  #lives(node: string, lives: Lives): Promise<boolean> {
    const known = lives.get(node);
    if (known !== undefined) return known;
    const asked = this.#liveness.look(node);
    lives.set(node, asked);
    return asked;
  }
}
