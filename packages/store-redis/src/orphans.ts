import type { Calls } from "./calls.ts";
import type { Keys } from "./keys.ts";
import type { Holder } from "./record.ts";

/** Whether processes live, by name, as far as it was asked. */
export type Lives = Map<string, Promise<boolean>>;

/**
 * Holdings of processes whose lease has run out: they count for nothing, and each change would be announced to them for as
 * long as the session lives.
 */
export class Orphans {
  readonly #calls: Pick<Calls, "command" | "script">;
  readonly #keys: Keys;

  constructor(calls: Pick<Calls, "command" | "script">, keys: Keys) {
    this.#calls = calls;
    this.#keys = keys;
  }

  /** Those of a session's holders that are orphans; they are taken off it, which nobody waits for. */
  async sweep(id: string, holders: readonly Holder[], lives: Lives = new Map()): Promise<readonly Holder[]> {
    const alive = await Promise.all(holders.map(({ node }) => this.#lives(node, lives)));
    const orphans = holders.filter((_, index) => alive[index] === false);
    if (orphans.length > 0) {
      const entries = orphans.map(({ entry }) => entry);
      this.#calls.script("drop", [this.#keys.session(id)], entries).catch(() => undefined);
    }
    return orphans;
  }

  #lives(node: string, lives: Lives): Promise<boolean> {
    const known = lives.get(node);
    if (known !== undefined) return known;
    const asked = this.#calls
      .command("exists", [this.#keys.lease(node)])
      .then((found) => Number(found) === 1);
    lives.set(node, asked);
    return asked;
  }
}
