import { Redis } from "ioredis";
import type { RedisServer } from "../../packages/store-redis/test/redis-server.ts";

interface Primary {
  readonly id: string;
  readonly port: number;
  readonly client: Redis;
}

/** Moves slots between the primaries of a live Cluster, as an operator's resharding does. */
export class Resharding {
  readonly #primaries: readonly Primary[];

  private constructor(primaries: readonly Primary[]) {
    this.#primaries = primaries;
  }

  /** `nodes`: the primaries. */
  static async of(nodes: readonly RedisServer[]): Promise<Resharding> {
    const primaries = nodes.map(async ({ host, port }) => {
      const client = new Redis({ host, port });
      // The servers may stop before the client. Ignore its errors, because commands reject by themselves.
      client.on("error", () => undefined);
      return { id: await client.cluster("MYID"), port, client };
    });
    return new Resharding(await Promise.all(primaries));
  }

  close(): void {
    for (const { client } of this.#primaries) client.disconnect();
  }

  async slotOf(tag: string): Promise<number> {
    const [any] = this.#primaries;
    return (await any?.client.cluster("KEYSLOT", tag)) ?? 0;
  }

  /** Moves the slot to the next primary, or to `to`. Calls `half` when some of the keys, or none, have moved. */
  async move(slot: number, half: () => Promise<void>, to?: number): Promise<void> {
    const at = await this.#ownerOf(slot);
    if (at === to) return;
    const source = this.#primaries[at];
    const target = this.#primaries[to ?? (at + 1) % this.#primaries.length];
    if (source === undefined || target === undefined) throw new Error("a Cluster has primaries");
    await target.client.cluster("SETSLOT", slot, "IMPORTING", source.id);
    await source.client.cluster("SETSLOT", slot, "MIGRATING", target.id);
    await half();
    for (;;) {
      const keys = await source.client.cluster("GETKEYSINSLOT", slot, 1);
      if (keys.length === 0) break;
      await source.client.call("MIGRATE", "127.0.0.1", target.port, "", 0, 5_000, "KEYS", ...keys);
    }
    await half();
    for (const { client } of [target, source, ...this.#primaries])
      await client.cluster("SETSLOT", slot, "NODE", target.id);
  }

  async #ownerOf(slot: number): Promise<number> {
    for (const [at, { id, client }] of this.#primaries.entries()) {
      const lines = String(await client.call("CLUSTER", "NODES")).split("\n");
      const own =
        lines
          .find((line) => line.startsWith(id))
          ?.split(" ")
          .slice(8) ?? [];
      const has = own.some((range) => {
        const [first, last = first] = range.split("-").map(Number);
        return first !== undefined && last !== undefined && first <= slot && slot <= last;
      });
      if (has) return at;
    }
    throw new Error(`nobody has slot ${slot}`);
  }
}
