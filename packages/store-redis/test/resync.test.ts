import { Redis } from "ioredis";
import { redisStore } from "@wsession/store-redis";
import { expect, onTestFinished, test } from "vitest";
import { aCreation, aWrite, FakeHost, hold } from "./fake-host.ts";
import { startRedis, until } from "./redis-server.ts";

test("what was missed is read once Redis can be asked again, though the subscription was back long before (design 9)", async () => {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  const open = (retryMs: number) => {
    const client = new Redis(server.port, "127.0.0.1", { retryStrategy: () => retryMs });
    const store = redisStore({ client, timeoutMs: 200, sweepMs: 600_000 });
    const host = new FakeHost();
    store.attach(host);
    onTestFinished(async () => {
      await store.close();
      client.disconnect();
    });
    return { client, store, host };
  };
  const slow = open(1_500);
  const other = open(20);
  const { id } = aCreation();
  await other.store.create(aCreation({ id }));
  await hold(slow.store, slow.host, id);

  slow.client.disconnect(true);
  await other.client.call("CLIENT", "KILL", "TYPE", "pubsub");
  await other.store.write(aWrite(id, { visits: 1 }));
  await until(() => slow.host.errors.length > 0);
  expect(slow.client.status).not.toBe("ready");
  expect(slow.host.held(id)?.version).toBe(1);
  await until(() => slow.host.held(id)?.version === 2);
});
