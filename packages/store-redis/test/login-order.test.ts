import type { Cluster, Redis } from "ioredis";
import { expect, test } from "vitest";
import { aCreation, aResume, newId } from "./fake-host.ts";
import { startProcess } from "./processes.ts";
import { useRedisServer } from "./shared-servers.ts";

const server = useRedisServer();
const DAY = 24 * 3_600_000;
const limit = { max: 2, over: "oldest" } as const;

/** Until when Redis keeps the subject's index and the order of its logins, by the clock of Redis in milliseconds; -1 for ever. */
async function kept(client: Cluster | Redis, prefix: string): Promise<{ index: number; logins: number }> {
  const keys = await client.keys(`${prefix}:[uq]:*`);
  const of = async (letter: string): Promise<number> =>
    client.pexpiretime(keys.find((key) => key.startsWith(`${prefix}:${letter}:`)) ?? "none");
  return { index: await of("u"), logins: await of("q") };
}

test("the order of a subject's logins is kept as long as the subject's sessions, also when their deadlines move", async () => {
  const prefix = newId();
  const { store, client } = startProcess(server, { prefix });
  const start = Date.now();
  const first = aCreation({ subject: "ada", limit, idleMs: 60_000, absoluteMs: 30 * DAY });
  await store.create(first);
  await store.touch(first.id, DAY);
  const touched = await kept(client, prefix);
  expect(touched.index).toBeGreaterThan(start + DAY);
  expect(touched.logins).toBeGreaterThanOrEqual(touched.index);
  await store.resume(aResume(first.id, { idleMs: 5 * DAY }));
  await store.touch(first.id, 10 * DAY);
  const resumed = await kept(client, prefix);
  expect(resumed.index).toBeGreaterThan(start + 10 * DAY);
  expect(resumed.logins).toBeGreaterThanOrEqual(resumed.index);
});

test("the order of a subject's logins does not stay for ever, once its sessions without deadlines are destroyed", async () => {
  const prefix = newId();
  const { store, client } = startProcess(server, { prefix });
  const endless = { idleMs: Number.POSITIVE_INFINITY, absoluteMs: Number.POSITIVE_INFINITY };
  const { id } = aCreation();
  await store.create(aCreation({ id, subject: "ada", limit, ...endless }));
  expect(await kept(client, prefix)).toEqual({ index: -1, logins: -1 });
  await store.destroy(id, undefined, false);
  await expect.poll(() => kept(client, prefix).then(({ index }) => index)).toBeGreaterThan(0);
  expect((await kept(client, prefix)).logins).toBeGreaterThan(0);
});
