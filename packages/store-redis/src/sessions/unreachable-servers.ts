import { isSessionError } from "@wsession/core";
import { primaryOf, SLOTS } from "../base/slots.ts";
import type { OwnClient } from "../drivers/driver.ts";

/**
 * The servers that did not answer during one operation on many sessions. The operation skips them from then
 * on, because otherwise a lost shard would cost a timeout per batch. Sessions of other shards are still
 * processed.
 */
export class UnreachableServers {
  readonly #serverOf: (id: string) => string;
  readonly #servers = new Set<string>();
  #failure: unknown;

  constructor({ serverOf }: { readonly serverOf: (id: string) => string }) {
    this.#serverOf = serverOf;
  }

  /** The first failure; `undefined` if all servers answered. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Records a failure. `id`: the session whose server was asked. */
  add(error: unknown, id?: string): void {
    this.#failure ??= error;
    if (id !== undefined && isSessionError(error, "STORE_UNAVAILABLE")) this.#servers.add(this.#serverOf(id));
  }

  /** Whether the session's server did not answer before. */
  has(id: string): boolean {
    return this.#servers.size > 0 && this.#servers.has(this.#serverOf(id));
  }
}

/**
 * Whether these servers own all slots, according to the client's slot table. A primary to which the client is
 * not connected is missing from its list of nodes.
 */
export function coverAllSlots({ servers, slots }: Pick<OwnClient, "servers" | "slots">): boolean {
  const names = new Set(servers.map(({ name }) => name));
  for (let slot = 0; slot < SLOTS; slot += 1) if (!names.has(primaryOf(slots, slot))) return false;
  return true;
}
