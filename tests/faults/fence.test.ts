import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { until } from "../../packages/store-redis/test/redis-server.ts";
import { type ApplicationOptions, openApplication } from "./application.mjs";
import { ApplicationProcess } from "./processes.ts";
import { useRedisServer } from "../../packages/store-redis/test/shared-servers.ts";

const redis = useRedisServer();

test("a connection that was replaced while its process was suspended can't write, and is closed with 4409 (I13)", async () => {
  const options: ApplicationOptions = {
    redis: { kind: "standalone", port: redis.port },
    exclusive: true,
    // Without sweeps, so that the test depends on the pending announcement, or on the store's refusal.
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
    // The call waits in the pipe of the stopped process, which runs the call first when it continues, before it reads its sockets.
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

describe("after the server lost a takeover", () => {
  /** Two processes, with a client connected to the first. The test restores an older record to simulate a loss. */
  async function heldHere(sweepMs: number) {
    const where = { kind: "standalone", port: redis.port } as const;
    const here = await openApplication({ redis: where, exclusive: true, sweepMs });
    const there = await openApplication({ redis: where, exclusive: true, sweepMs });
    const client = new Redis(redis.port);
    onTestFinished(async () => {
      await Promise.all([here.close(), there.close()]);
      client.disconnect();
    });
    const created = await here.create();
    const { id } = created;
    await here.connect(created);
    const key = `ws:s:{${id}}`;
    const before = await client.dumpBuffer(key);
    const lose = () => client.restore(key, 60_000, before, "REPLACE");
    return { here, there, client, created, id, lose };
  }

  test("the next takeover still fences the replaced connection (I13)", async () => {
    const { here, there, created, id, lose } = await heldHere(600_000);
    await there.connect(created);
    await until(() => here.codes(id)[0] === 4409);
    await lose();
    await here.connect(created);
    await expect(there.append({ id, value: "late", held: true })).rejects.toMatchObject({ code: "FENCED" });
    await until(() => there.codes(id)[0] === 4409);
    expect(await here.append({ id, value: "after", held: true })).toBe(0);
    expect(here.codes(id)).toEqual([4409, null]);
  });

  test("the next takeover gets the session also in a process that had processed the lost takeover (I13)", async () => {
    const { here, created, id, lose } = await heldHere(600_000);
    await here.connect(created);
    await here.connect(created);
    await lose();
    await here.connect(created);
    await until(() => here.codes(id)[2] === 4409);
    expect(await here.append({ id, value: "after", held: true })).toBe(0);
    expect(here.codes(id)).toEqual([4409, 4409, 4409, null]);
  });

  test("a process that had processed the lost takeover does not read the session at each sweep", async () => {
    const { here, client, created, lose } = await heldHere(20);
    await here.connect(created);
    await lose();
    const calls = async (command: string): Promise<number> => {
      const [, count] = new RegExp(`_${command}:calls=(\\d+)`).exec(await client.info("commandstats")) ?? [];
      return Number(count);
    };
    // Each sweep in the session's turn reads the session's metadata; EXISTS concerns other processes only (faults B6, B11).
    const [sweeps, reads] = [await calls("hmget"), await calls("hgetall")];
    await until(async () => (await calls("hmget")) > sweeps + 10);
    expect(await calls("hgetall")).toBeLessThan(reads + 3);
  });
});
