import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { type RedisServer, startRedis, until } from "../../packages/store-redis/test/redis-server.ts";
import { type ApplicationOptions, openApplication } from "./application.mjs";
import { ApplicationProcess } from "./processes.ts";

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis.stop());

test("a connection that was replaced while its process stood still writes no more, and is closed with 4409 (I13)", async () => {
  const options: ApplicationOptions = {
    redis: { kind: "standalone", port: redis.port },
    exclusive: true,
    // The announcement that waits for it, or the store's refusal, has to do: no sweep does.
    sweepMs: 600_000,
  };
  const here = await openApplication(options);
  onTestFinished(() => here.close());
  const there = await ApplicationProcess.start(options);
  onTestFinished(() => there.kill());
  for (let round = 0; round < 5; round += 1) {
    const created = await here.create();
    const { id } = created;
    await there.call("connect", created);
    await there.call("append", { id, value: "before", held: true });
    there.pause();
    // Waits in the process's pipe: the first thing that it does when it continues, having heard nothing yet.
    const late = there.call("append", { id, value: "late", held: true }).catch((error: unknown) => error);
    await here.connect(created);
    await here.append({ id, value: "after", held: true });
    there.continue();
    expect(await late).toMatchObject({ code: "FENCED", outcome: "not-applied" });
    await until(async () => (await there.call("codes", id))[0] === 4409);
    expect((await here.read(id))?.data.list).toEqual(["before", "after"]);
    expect(here.codes(id)).toEqual([null]);
    // An administrative handle carries no fence.
    expect(await there.call("append", { id, value: "of an administrator" })).toBe(2);
  }
});
