import type { Cluster, Redis } from "ioredis";
import { isSessionError } from "@wsession/core";
import { masterOf, SLOTS } from "../base/slots.ts";

/**
 * The servers that did not answer during one operation on many sessions. They are asked no more by it, because otherwise a
 * shard that is lost would cost a timeout for each batch; the other shards' sessions are seen to.
 */
export class UnreachableServers {
  readonly #serverOf: (id: string) => string;
  readonly #servers = new Set<string>();
  #failure: unknown;

  constructor({ serverOf }: { readonly serverOf: (id: string) => string }) {
    this.#serverOf = serverOf;
  }

  /** What failed first; `undefined`: all answered. */
  get failure(): unknown {
    return this.#failure;
  }

  /** `id`: the session that was asked for. */
  add(error: unknown, id?: string): void {
    this.#failure ??= error;
    if (id !== undefined && isSessionError(error, "STORE_UNAVAILABLE")) this.#servers.add(this.#serverOf(id));
  }

  /** Whether the session's server is unreachable. */
  has(id: string): boolean {
    return this.#servers.size > 0 && this.#servers.has(this.#serverOf(id));
  }
}

/** Whether these servers have all slots, as far as the client knows: a master that is not connected now is not among its nodes. */
export function coverAllSlots(cluster: Cluster, servers: readonly Redis[]): boolean {
  const names = new Set(servers.map(({ options }) => `${options.host}:${options.port}`));
  for (let slot = 0; slot < SLOTS; slot += 1) if (!names.has(masterOf(cluster, slot))) return false;
  return true;
}
