import { Redis } from "ioredis";
import { until } from "../../packages/store-redis/test/redis-server.ts";

async function withClient<Result>(port: number, use: (client: Redis) => Promise<Result>): Promise<Result> {
  const client = new Redis(port, "127.0.0.1");
  client.on("error", () => undefined);
  try {
    return await use(client);
  } finally {
    client.disconnect();
  }
}

/** Runs `during` while the server refuses every command that may need memory. */
export function withFullMemory(port: number, during: () => Promise<unknown>): Promise<void> {
  return withClient(port, async (client) => {
    await client.config("SET", "maxmemory-policy", "noeviction");
    await client.config("SET", "maxmemory", "1mb");
    try {
      await during();
    } finally {
      await client.config("SET", "maxmemory", "0");
    }
  });
}

export function keysOf(port: number, pattern: string): Promise<string[]> {
  return withClient(port, (client) => client.keys(pattern));
}

/** Fills a server with an LRU policy until `enough` resolves to true. Then frees the memory. */
export function evictSome(port: number, enough: () => Promise<boolean>): Promise<void> {
  return withClient(port, async (client) => {
    await client.config("SET", "maxmemory-policy", "volatile-lru");
    const used = Number(/used_memory:(\d+)/.exec(await client.info("memory"))?.[1]);
    await client.config("SET", "maxmemory", String(used + 100_000));
    let fill = 0;
    await until(async () => {
      // Keys without an expiry are never evicted, so the server evicts sessions.
      await client.append("filler", "x".repeat(2_000)).catch(() => undefined);
      fill += 1;
      return fill % 5 === 0 && (await enough());
    }, 60_000);
    await client.config("SET", "maxmemory", "0");
    await client.del("filler");
  });
}
