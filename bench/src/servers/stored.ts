// Fills a Redis with sessions, and writes the ids of `listed` of them, from first to last, to the list `stored`. A separate process,
// because its garbage would disturb the measurement.
import { createSessions } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { setTimeout as wait } from "node:timers/promises";
import { serve } from "../kit/child.ts";
import type { Answer } from "../kit/child.ts";
import { sampleData } from "../kit/sample-data.ts";
import { PATIENCE_MS } from "../kit/patience.ts";

const [port, wanted, listed] = process.argv.slice(2).map(Number);

/**
 * The listed sessions have different deadlines. With equal deadlines the records would cost Redis less, because Lua stores equal
 * strings once.
 */
async function store(count: number, every: number): Promise<Answer> {
  const client = new Redis(port ?? 0, "127.0.0.1");
  const sessions = createSessions({ store: redisStore({ client, timeoutMs: PATIENCE_MS }) });
  const atOnce = Math.min(every, 500);
  for (let first = 0; first < count; first += atOnce) {
    const batch = Array.from({ length: Math.min(atOnce, count - first) }, (_, index) =>
      sessions.create(sampleData(first + index, false)),
    );
    const [created] = await Promise.all(batch);
    if (first % every === 0 && created !== undefined) await client.rpush("stored", created.session.id);
    await wait(2);
  }
  await sessions.close();
  return { stored: count };
}

const count = wanted ?? 0;
serve(0, { store: () => store(count, Math.floor(count / (listed ?? 1))) });
