import { setTimeout as wait } from "node:timers/promises";
import { Journal, RawClient } from "@wsession/conformance";
import { createSessions, isSessionError } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { describe, expect, onTestFinished, test } from "vitest";
import { connected } from "../packages/store-redis/test/processes.ts";
import { startRedis, until } from "../packages/store-redis/test/redis-server.ts";
import { connect, runtimeNames, serve } from "./runtimes.ts";
import { newPrefix, redisClient } from "./stores.ts";

const TIMEOUT_MS = 1_000;
const HANDSHAKES = 1_200;
const PER_SECOND = 400;
const AT_ONCE = 4;

async function statusOf(port: number): Promise<number> {
  const client = new RawClient(port);
  client.upgrade({});
  const { status } = await client.response;
  client.destroy();
  return status;
}

describe.each(runtimeNames)("%s", (runtime) => {
  test("fault B3: while Redis hangs, each of 400 handshakes a second gets 503, and one report for each cause counts them", async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const reports: { readonly error: unknown; readonly failures: number | undefined }[] = [];
    const background = new Journal<unknown>();
    const store = redisStore({
      client: redisClient(redis.port),
      prefix: newPrefix(),
      timeoutMs: TIMEOUT_MS,
      leaseMs: 1_000,
      sweepMs: 500,
    });
    const attach = store.attach.bind(store);
    store.attach = (host) =>
      attach({
        held: (id) => host.held(id),
        heldIds: () => host.heldIds(),
        notify: (event) => host.notify(event),
        onError(error) {
          background.note(error);
          host.onError(error);
        },
      });
    const sessions = createSessions({
      store,
      initial: () => ({ n: 0 }),
      onError: (error, { failures }) => reports.push({ error, failures }),
    });
    const { port } = await serve(runtime, sessions);
    await connected({ store });
    await connect({ port });
    redis.pause();
    const statuses: Promise<number>[] = [];
    const startedAt = performance.now();
    while (statuses.length < HANDSHAKES) {
      for (let count = 0; count < AT_ONCE; count += 1) statuses.push(statusOf(port));
      await wait(Math.max(0, startedAt + (statuses.length / PER_SECOND) * 1_000 - performance.now()));
    }
    expect(new Set(await Promise.all(statuses))).toEqual(new Set([503]));
    redis.continue();
    let refusedAfter = 0;
    while ((await statusOf(port)) !== 101) refusedAfter += 1;
    await until(() => reports.at(-1)?.failures !== undefined, 20_000);
    await sessions.close();
    expect(reports.every(({ error }) => isSessionError(error, "STORE_UNAVAILABLE"))).toBe(true);
    // Each way in which the outage showed itself, such as "did not answer in time", and its end.
    expect(reports.length).toBeLessThanOrEqual(10);
    expect(reports.filter(({ failures }) => failures !== undefined).length).toBe(1);
    expect(String(reports.at(-1)?.error)).toContain("the store answers again");
    const reported = reports.reduce((sum, { failures = 1 }) => sum + failures, 0);
    expect(reported).toBe(HANDSHAKES + refusedAfter + background.entries.length);
  }, 60_000);
});
