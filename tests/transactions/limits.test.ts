/** The largest and the longest transactions, and those that the store refuses, with the real client on both runtimes. */
import { until } from "@wsession/conformance";
import { createSessions } from "@wsession/core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { startRedis } from "../../packages/store-redis/test/redis-server.ts";
import type { RedisServer } from "../../packages/store-redis/test/redis-server.ts";
import { runtimeNames } from "../runtimes.ts";
import { openStore, redisClient } from "../stores.ts";
import { codeOf, start } from "./setting.ts";
import type { Data } from "./setting.ts";

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis?.stop());

describe.each(runtimeNames)("transactions, with a server on %s,", (runtime) => {
  test.each(["map", "redis"] as const)(
    "I21 I22 keep 1,000 messages whole and in order if the outbox has room for them, with a %s store",
    async (store) => {
      const outbox = { maxMessages: 1_000 };
      const { client, id, prefix, received, stored } = await start(
        { runtime, store, redis: redis.port, outbox },
        (tx) => {
          for (let n = 1; n <= 1_000; n += 1) tx.send(`${n}`);
          tx.update(({ n }) => ({ n: n + 1 }));
        },
      );
      await client.send("go");
      await until(() => received.length >= 1_000);
      expect(received).toEqual(Array.from({ length: 1_000 }, (_, index) => `${index + 1}`));
      expect(await stored()).toEqual({ n: 1 });
      // The messages of a live connection do not come from Redis, so look at the list too.
      if (store === "redis") expect(await redisClient(redis.port).llen(`${prefix}:o:{${id}}`)).toBe(1_000);
    },
  );

  test("I21 reject with NOT_SERIALISABLE and TOO_LARGE if Redis can't keep the data, and nothing of them is committed", async () => {
    const extras: Readonly<Record<string, unknown>> = { bigint: 1n, long: "x".repeat(70_000), short: "x" };
    const effects: string[] = [];
    const { client, received, reported, stored } = await start(
      { runtime, store: "redis", redis: redis.port },
      (tx, message) => {
        tx.update(({ n }) => ({ n: n + 1, extra: extras[`${message}`] }));
        tx.send(`${message} counted`);
        tx.after(() => void effects.push(`${message}`));
      },
    );
    const results = ["bigint", "long", "short"].map((message) =>
      client.send(message).then(() => "ok", codeOf),
    );
    expect(await Promise.all(results)).toEqual([
      "NOT_SERIALISABLE not-applied",
      "TOO_LARGE not-applied",
      "ok",
    ]);
    await until(() => received.length > 0 && effects.length > 0);
    expect([received, effects]).toEqual([["short counted"], ["short"]]);
    expect(await stored()).toEqual({ n: 1, extra: "x" });
    expect(reported).toEqual(["NOT_SERIALISABLE"]);
  });
});

test("I21 a transaction that loses against another process in 1,000 tries is refused with HANDLER_FAILED, and CONFLICT is reported", async () => {
  // The pauses between the tries are random, up to 32 ms.
  const random = vi.spyOn(Math, "random").mockReturnValue(0);
  onTestFinished(() => random.mockRestore());
  const others = { now: (): Promise<unknown> => Promise.resolve() };
  let runs = 0;
  let effects = 0;
  const { client, id, prefix, received, reported, stored } = await start(
    { runtime: "ws", store: "redis", redis: redis.port },
    async (tx, message) => {
      const { n } = tx.data;
      runs += 1;
      if (`${message}` === "slow") await others.now();
      tx.patch({ n: n + 1_000_000 });
      tx.send(`${message} counted`);
      tx.after(() => void (effects += 1));
    },
  );
  const elsewhere = createSessions<Data>({ store: openStore("redis", redis.port, { prefix }) });
  onTestFinished(() => elsewhere.close());
  const same = (await elsewhere.get(id)) ?? expect.fail("no session");
  others.now = () => same.update(({ n }) => ({ n: n + 1 }));
  expect(await client.send("slow").catch(codeOf)).toBe("HANDLER_FAILED not-applied");
  expect([runs, effects, received, reported]).toEqual([1_000, 0, [], ["CONFLICT"]]);
  expect(await stored()).toEqual({ n: 1_000 });
  await client.send("fast");
  expect(await stored()).toEqual({ n: 1_001_000 });
  await until(() => effects > 0);
  expect(effects).toBe(1);
});
