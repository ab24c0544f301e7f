import { extended } from "./extended.ts";
import type { ExtendRequest } from "./lifetimes-contract.ts";
import { monotonicNow } from "./map-entry.ts";
import type { Entry } from "./map-entry.ts";
import type { OwnLifetimes } from "./stored-session.ts";

/** The lifetimes of the few sessions that have their own. They are not in the entries, so that the others stay small. */
export class MapLifetimes {
  readonly #own = new Map<string, OwnLifetimes>();

  of(id: string): OwnLifetimes | undefined {
    return this.#own.get(id);
  }

  set(id: string, own: OwnLifetimes | undefined): void {
    if (own !== undefined) this.#own.set(id, own);
  }

  delete(id: string): void {
    this.#own.delete(id);
  }

  extend(id: string, entry: Entry, request: ExtendRequest): void {
    const now = monotonicNow();
    const session = { own: this.of(id), absoluteInMs: entry.absoluteAt - now };
    const { own, absoluteInMs } = extended(session, request);
    this.set(id, own);
    entry.absoluteAt = now + absoluteInMs;
  }
}
