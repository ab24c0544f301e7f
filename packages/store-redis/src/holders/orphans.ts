import { removeHolders } from "../commands/holders.ts";
import type { HolderEntry } from "../base/record.ts";
import type { Services } from "./services.ts";

/** Whether processes have a lease, by node name; shared by the checks of one sweep. */
export type LeaseAnswers = Map<string, Promise<boolean>>;

/**
 * Holders whose process has no lease. They do not count as present. Entries of dead processes are removed,
 * because otherwise each change would be announced to them for as long as the session lives.
 */
export class Orphans {
  readonly #services: Pick<Services, "calls" | "keys" | "liveness" | "counters">;

  constructor(services: Pick<Services, "calls" | "keys" | "liveness" | "counters">) {
    this.#services = services;
  }

  /** Returns the holders without a lease. Removes the dead holders from the session in the background. */
  async sweep(
    id: string,
    holders: readonly HolderEntry[],
    lives: LeaseAnswers = new Map(),
  ): Promise<readonly HolderEntry[]> {
    const alive = await Promise.all(holders.map(({ node }) => this.#lives(node, lives)));
    const orphans = holders.filter((_, index) => alive[index] === false);
    const dead = orphans.filter(({ node }) => this.#services.liveness.isDead(node));
    this.#services.counters.orphans += dead.length;
    if (dead.length > 0) removeHolders(this.#services, id, dead).catch(() => undefined);
    return orphans;
  }

  #lives(node: string, lives: LeaseAnswers): Promise<boolean> {
    const known = lives.get(node);
    if (known !== undefined) return known;
    const asked = this.#services.liveness.look(node);
    lives.set(node, asked);
    return asked;
  }
}
